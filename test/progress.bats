#!/usr/bin/env bats
# --progress and SIGUSR1: how much has gone, said while it goes.

# shellcheck disable=SC2153,SC2154 # run and load set them
load lib/helpers

PTY=${PTY:-$TOP/build/pty}

# What a line is made of, as extended regular expressions.
AMOUNT='([0-9]{1,3} B|10[01][0-9] B|102[0-3] B|[1-9]\.[0-9]{2} [KMGT]iB'\
'|[1-9][0-9]\.[0-9] [KMGT]iB|[1-9][0-9]{2} [KMGT]iB|10[01][0-9] [KMGT]iB'\
'|102[0-3] [KMGT]iB)'
RATE="$AMOUNT/s"
CLOCK='([0-9]|[1-5][0-9]|[1-9][0-9]*:[0-5][0-9]):[0-5][0-9]'
FINAL="$RATE mean, $CLOCK"
GOING="$RATE now, $FINAL"

# ends_like FILE PATTERN: its last line is, from its beginning to its end.
ends_like() {
	local last

	last=$(tail -n 1 "$1")
	if [[ ! $last =~ ^($2)$ ]]; then
		printf '%q is not like %s\n' "$last" "$2"
		return 1
	fi
}

# said NAME PATTERN: that is all that it said, a line.
said() {
	[ "$(wc -l <"$1.err")" -eq 1 ]
	ends_like "$1.err" "$2"
}

has_lines() {
	(($(wc -l <"$1") >= $2))
}

# --- terminals ----------------------------------------------------------------

# terminal [COLUMNS]: there is one at TTY.  terminal.out is what it shows, what
# is written to "typed" is typed.
terminal() {
	local ADDRESS PORT

	[[ -x $PTY ]] || skip "needs $PTY"
	[[ -w /dev/ptmx ]] || skip "needs a terminal to be made"
	rm -f typed
	mkfifo typed
	start_announced terminal "$PTY" terminal.announce "$@" <>typed
	TTY=$ADDRESS
}

# shows PATTERN: of what the terminal was sent, with \r, \n and ESC as letters.
shows() {
	[[ $(sent) =~ $1 ]]
}

sent() {
	tr '\r\n\33' 'RNE' <terminal.out
}

until_shows() {
	within "$BOUND" shows "$1" || {
		echo "it does not show $1 but:"
		cat -v terminal.out
		return 1
	}
}

# hold: for "<in" that does not end before 7 is closed.
hold() {
	rm -f in
	mkfifo in
	exec 7<>in
}

# As a shell in a terminal starts it.
with_signals() {
	exec env --default-signal=INT,HUP,PIPE,USR1 "$@"
}

# --- lines --------------------------------------------------------------------

@test "where there is no terminal, --progress tells at the end how it went" {
	peer_listen server listen:127.0.0.1:0 accept expect:'hello\n' \
		expect-eof close
	start client "$SOCKCAT" --progress "$ADDRESS" "$PORT" \
		< <(echo hello)
	finish client 0
	succeed server
	said client "6 B up, $FINAL"
}

@test "--progress tells the directions in which something went" {
	peer_listen server listen:127.0.0.1:0 accept send-bytes:3072 close
	start client "$SOCKCAT" --progress -d "$ADDRESS" "$PORT"
	finish client 0
	succeed server
	said client "3\.00 KiB down, $FINAL"

	peer_listen server listen:127.0.0.1:0 accept expect:'hello\n' \
		expect-eof send-bytes:5000000 close
	start client "$SOCKCAT" --progress "$ADDRESS" "$PORT" < <(echo hello)
	finish client 0
	succeed server
	said client "6 B up, 4\.7[67] MiB down, $FINAL"

	peer_listen server listen:127.0.0.1:0 accept close
	start client "$SOCKCAT" --progress -d "$ADDRESS" "$PORT"
	finish client 0
	succeed server
	said client "0 B up, 0 B/s mean, $CLOCK"
}

@test "a listener's progress is told as well" {
	listen_on server --progress 127.0.0.1 0 < <(echo reply)
	peer client connect:"$ADDRESS:$PORT" send:hello half-close \
		expect:'reply\n' expect-eof close
	succeed client
	finish server 0
	holds server.out hello
	said server "6 B up, 5 B down, $FINAL"
}

@test "datagrams make progress, too" {
	listen_on server -u -W 2 --progress 127.0.0.1 0
	start client "$SOCKCAT" -u -q 0 --line-datagrams --progress \
		"$ADDRESS" "$PORT" < <(printf 'one\ntwo\n')
	finish client 0
	finish server 0
	said client "6 B up, $FINAL"
	said server "6 B down, $FINAL"
}

@test "a listener for everyone's datagrams has progress" {
	listen_on server -u -k -W 2 --progress 127.0.0.1 0
	peer client connect:udp:"$ADDRESS:$PORT" send:one send:two
	succeed client
	finish server 0
	said server "6 B down, $FINAL"
}

@test "an amount has three digits" {
	local i sizes=(1 '1 B' 999 '999 B' 1023 '1023 B' 1024 '1\.00 KiB'
		1536 '1\.50 KiB' 10239 '(9\.99|10\.0) KiB' 10240 '10\.0 KiB'
		12600 '12\.3 KiB' 102399 '(99\.9|100) KiB' 102400 '100 KiB'
		125952 '123 KiB' 1047552 '1023 KiB'
		1048575 '(1023 KiB|1\.00 MiB)' 1048576 '1\.00 MiB'
		12582912 '12\.0 MiB')

	for ((i = 0; i < ${#sizes[@]}; i += 2)); do
		peer_listen server listen:127.0.0.1:0 accept discard-all
		start client "$SOCKCAT" --progress "$ADDRESS" "$PORT" \
			< <("$PEER" print-bytes:"${sizes[i]}")
		finish client 0
		succeed server
		said client "${sizes[i + 1]} up, $FINAL"
	done
}

@test "of a file on stdin the percentage is told" {
	bytes 1000000 data
	peer_listen server listen:127.0.0.1:0 accept expect-bytes:1000000 \
		expect-eof close
	start client "$SOCKCAT" --progress "$ADDRESS" "$PORT" <data
	finish client 0
	succeed server
	said client "97[67] KiB up, $FINAL, 100 %"

	peer_listen server listen:127.0.0.1:0 accept expect-eof close
	: >empty
	start client "$SOCKCAT" --progress "$ADDRESS" "$PORT" <empty
	finish client 0
	succeed server
	said client "0 B up, 0 B/s mean, $CLOCK(, 100 %)?"
}

@test "a file of which the shell has read is complete at its end" {
	bytes 4000 data
	exec 7<data
	head -c 1000 <&7 >/dev/null
	# Whatever has been read, it is from there on.
	dd bs=1 count=0 skip=0 status=none <&7
	peer_listen server listen:127.0.0.1:0 accept discard-all
	start client "$SOCKCAT" --progress "$ADDRESS" "$PORT" <&7
	finish client 0
	succeed server
	said client ".* up, $FINAL, 100 %"
}

@test "a file that -d leaves alone has no percentage" {
	bytes 1000000 data
	peer_listen server listen:127.0.0.1:0 accept send:hello close
	start client "$SOCKCAT" --progress -d "$ADDRESS" "$PORT" <data
	finish client 0
	succeed server
	holds client.out hello
	said client "5 B down, $FINAL"
}

@test "a file that is not sent to its end is not complete" {
	bytes 8000000 data
	peer_listen server rcvbuf:4096 listen:127.0.0.1:0 accept \
		expect-bytes:1000 touch:begun wait-file:over
	start client with_signals "$SOCKCAT" --progress \
		"$ADDRESS" "$PORT" <data
	within "$BOUND" test -e begun
	signal client TERM
	finish client 143
	touch over
	finish server 0
	said client "$AMOUNT up, $FINAL, [0-9]{1,2} %"
}

# That is how long it takes.
@test "where there is no terminal, a line comes every 10 seconds" {
	hold
	peer_listen server listen:127.0.0.1:0 accept expect:hello expect-eof \
		close
	start client "$SOCKCAT" --progress "$ADDRESS" "$PORT" <in
	printf hello >&7
	within "$BOUND" has_lines client.err 1
	ends_like client.err "5 B up, 0 B/s now, 0 B/s mean, 0:1[0-9]"
	exec 7>&-
	finish client 0
	succeed server
	has_lines client.err 2
	ends_like client.err "5 B up, 0 B/s mean, 0:1[0-9]"
	run ! grep -q $'[\r\33]' client.err
}

@test "the last line comes before that of --stats, and after an error's" {
	hold
	peer_listen server listen:127.0.0.1:0 accept expect:hello \
		wait-file:seen reset
	start client "$SOCKCAT" --progress --stats "$ADDRESS" "$PORT" <in
	printf hello >&7
	within "$BOUND" is_drained 7
	touch seen
	finish client 6
	succeed server
	has_lines client.err 3
	grep -q '^sockcat: connection to .* lost: ' client.err
	grep -qE "^5 B up, $FINAL\$" client.err
	[[ $(tail -n 1 client.err) == '{"local":'*'"status":6}' ]]
}

@test "--progress does not fit where there is no one transfer to tell of" {
	local options

	for options in '-e cat' '-c cat' '-F' '-z'; do
		# shellcheck disable=SC2086 # they are words
		fails 2 "sockcat: *--progress*
Try 'sockcat --help'." $options --progress 127.0.0.1 1
	done
	fails 2 "sockcat: --progress does not fit -k: clients would overwrite\
 each other's line
Try 'sockcat --help'." -l -k --progress 127.0.0.1 0
}

@test "with --progress the kernel copies all the same" {
	requires strace
	requires_plain_build
	requires_feature splice
	bytes 3000000 data
	peer_listen server listen:127.0.0.1:0 accept queue-bytes:3000000 \
		expect-bytes:3000000 expect-eof flush close
	strace -f -qq -o trace -e trace=splice,sendfile,write,writev,sendmsg \
		"$SOCKCAT" --progress "$ADDRESS" "$PORT" <data 2>said | cat >got
	succeed server
	same_bytes data got
	[ "$(moved_by splice)" -ge 2000000 ]
	[ "$(moved_by sendfile)" -ge 2900000 ]
	ends_like said "2\.86 MiB up, 2\.86 MiB down, $FINAL, 100 %"
}

# --- on a terminal ------------------------------------------------------------

@test "on a terminal the line is drawn again and again, and ends in one" {
	hold
	terminal
	peer_listen server listen:127.0.0.1:0 accept expect:hello send:'world\n' \
		expect-eof close
	start client redirected "2>$TTY" "$SOCKCAT" --progress \
		"$ADDRESS" "$PORT" <in
	until_shows "^(R0 B up, 0 B/s now, 0 B/s mean, 0:0[0-9]E\[K)+"
	printf hello >&7
	until_shows "R5 B up, 6 B down, $GOING""E\[KR5 B up, 6 B down, "
	exec 7>&-
	finish client 0
	succeed server terminal
	# What is shown is lines that each take the place of the one before.
	shows "^(R[0-9A-Za-z:., /]+E\[K)+R?(E\[K)?5 B up, 6 B down, $FINAL\
(E\[K)?RN\$"
	[ "$(sent | tr -cd N)" = N ]
	holds client.out 'world\n'
}

@test "what is quick is told on a terminal once" {
	terminal
	peer_listen server listen:127.0.0.1:0 accept expect:'hello\n' \
		expect-eof close
	start client redirected "2>$TTY" "$SOCKCAT" --progress \
		"$ADDRESS" "$PORT" < <(echo hello)
	finish client 0
	succeed server terminal
	shows "^(R[06] B up[^RN]*)*R?(E\[K)?6 B up, $FINAL(E\[K)?RN\$"
}

# part COLUMNS: on a terminal of that width, of a file of 8,000,000 bytes half
# has gone, and then no more; BAR is the line.
part() {
	local width=$1

	bytes 8000000 data
	rm -f over
	terminal "$width"
	peer_listen server rcvbuf:4096 listen:127.0.0.1:0 accept \
		expect-bytes:4000000 wait-file:over discard-all
	start client redirected "2>$TTY" "$SOCKCAT" -O 4096 --progress \
		"$ADDRESS" "$PORT" <data
	until_shows 'R[1-9][^RE]* [45][0-9] %[^RE]*E\[K'
	BAR=$(sent | grep -oE 'R[1-9][^RE]* %[^RE]*E' | tail -n 1)
	BAR=${BAR:1:-1}
	echo "$BAR"
	touch over
	finish client 0
	succeed server terminal
	sent | tail -c 200
	[[ $(sent) =~ 7\.6[23]\ MiB\ up,\ $FINAL,\ 100\ %(E\[K)?RN$ ]]
}

@test "a file's line has the percentage, a bar and the time that is left" {
	local bar='\[=*>? *\]'

	part 80
	[[ $BAR =~ ^$AMOUNT\ up,\ $GOING,\ [0-9]+\ %\ $bar(\ $CLOCK\ left)?$ ]]
	((${#BAR} == 79 || ${#BAR} == 80))
	part 120
	[[ $BAR =~ ^$AMOUNT\ up,\ $GOING,\ [0-9]+\ %\ $bar(\ $CLOCK\ left)?$ ]]
	((${#BAR} == 119 || ${#BAR} == 120))
}

@test "a terminal that is too narrow for the bar gets the line without it" {
	part 60
	[[ $BAR =~ ^$AMOUNT\ up,\ $GOING,\ [0-9]+\ %(.*\ left)?$ ]]
	[[ $BAR != *[\[\]]* ]]
	((${#BAR} <= 60))
}

@test "what is drawn again fits the terminal, however narrow it is" {
	local line

	hold
	terminal 20
	peer_listen server listen:127.0.0.1:0 accept expect:hello send:'world\n' \
		expect-eof close
	start client redirected "2>$TTY" "$SOCKCAT" --progress \
		"$ADDRESS" "$PORT" <in
	printf hello >&7
	until_shows 'R5 B up, [^R]*E\[KR[^R]*E\[K'
	exec 7>&-
	finish client 0
	succeed server terminal
	while read -r line; do
		echo "$line"
		((${#line} <= 20))
	done < <(sent | grep -oE 'R[^RNE]*E' | tr -d RNE | head -n -1)
	shows 'R5 B up, 6 B down, [^RNE]* mean, [^RNE]*E\[KRN'
}

@test "the bar shows how much of the file has gone" {
	local bar percent filled

	part 200
	percent=$(sed -E 's/.* ([0-9]+) % .*/\1/' <<<"$BAR")
	bar=$(sed -E 's/.*\[(.*)\].*/\1/' <<<"$BAR")
	filled=${bar%"${bar##*[=>]}"}
	echo "$percent %, ${#filled} of ${#bar}"
	((percent >= 40 && ${#bar} > 50))
	((${#filled} * 100 <= (percent + 3) * ${#bar}))
	((${#filled} * 100 >= (percent - 3) * ${#bar}))
}

@test "another message clears the line that is open" {
	hold
	terminal
	peer_listen server listen:127.0.0.1:0 accept expect:hello expect-eof \
		close
	start client redirected "2>$TTY" "$SOCKCAT" --progress -o /dev/full \
		"$ADDRESS" "$PORT" <in
	until_shows 'E\[K'
	printf hello >&7
	until_shows "meanE?.*RE\[Ksockcat: write to /dev/full: No space left on\
 deviceRN" || until_shows "RE\[Ksockcat: write to /dev/full: No space left on\
 deviceRN"
	exec 7>&-
	finish client 7
	succeed server terminal
	shows "sockcat: write to /dev/full: No space left on deviceRN\
(R.*E\[K)*R?(E\[K)?5 B up, $FINAL(E\[K)?RN\$"
}

@test "what -o - dumps on the terminal clears the line that is open" {
	hold
	terminal
	peer_listen server listen:127.0.0.1:0 accept expect:hello expect-eof \
		close
	start client redirected "2>$TTY" "$SOCKCAT" --progress -o - \
		"$ADDRESS" "$PORT" <in
	until_shows 'E\[K'
	printf hello >&7
	until_shows '> 00000000 68 65 6c 6c 6f  *# helloRN'
	exec 7>&-
	finish client 0
	succeed server terminal
	shows '(N|RE\[K)> 00000000 68 65 6c 6c 6f  *# helloRN'
}

@test "an error at the end has a line of its own on the terminal" {
	hold
	terminal
	peer_listen server listen:127.0.0.1:0 accept expect:hello \
		wait-file:seen reset
	start client redirected "2>$TTY" "$SOCKCAT" --progress -v --stats \
		"$ADDRESS" "$PORT" <in
	printf hello >&7
	until_shows 'R5 B up, '
	touch seen
	finish client 6
	succeed server terminal
	shows '(N|RE\[K)sockcat: connection to [^R]* lost: [^R]*RN'
	shows '(N|RE\[K)Sent 5 bytes, received 0 bytesRN'
	shows "(N|RE\[K|R|E\[K)5 B up, $FINAL(E\[K)?RN"
	shows '(N|RE\[K)\{"local":[^R]*\}RN$'
}

@test "a terminal's line stays in front of what comes down to it" {
	terminal
	hold
	peer_listen server listen:127.0.0.1:0 accept send:'one\n' \
		wait-file:seen send:'two\n' expect-eof close
	start client redirected "2>$TTY" "$SOCKCAT" --progress \
		"$ADDRESS" "$PORT" <in
	until_shows 'R4 B down, '
	touch seen
	until_shows 'R8 B down, '
	exec 7>&-
	finish client 0
	succeed server terminal
	holds client.out 'one\ntwo\n'
	shows "8 B down, $FINAL(E\[K)?RN\$"
}

# --- an error output that takes nothing ---------------------------------------

# stops: the terminal takes no more, as after Ctrl-S, for more than a redraw.
stops() {
	printf '\23' >typed
	within "$BOUND" takes_nothing
	start clock "$SOCKCAT" -l --accept-timeout 1500ms 127.0.0.1 0
	finish clock 4
}

takes_nothing() {
	! timeout 0.2 bash -c "printf . >$TTY"
}

@test "a terminal that is stopped does not stop the transfer" {
	bytes 30000000 data
	hold
	terminal
	peer_listen server listen:127.0.0.1:0 accept queue-bytes:30000000 \
		expect-bytes:30000000 touch:passed flush expect-eof close
	start client redirected "2>$TTY" "$SOCKCAT" --progress \
		"$ADDRESS" "$PORT" <in
	until_shows 'E\[K'
	stops
	start feeder to in cat data
	within "$BOUND" test -e passed
	succeed feeder
	within "$BOUND" cmp -s data client.out
	is_running client
	# The last line is waited for.
	exec 7>&-
	finish server 0
	within "$BOUND" is_asleep client
	is_running client
	printf '\21' >typed
	finish client 0
	succeed terminal
	shows "28\.6 MiB up, 28\.6 MiB down, $FINAL(E\[K)?RN\$"
}

@test "TERM ends a wait for a terminal that is stopped" {
	hold
	terminal
	peer_listen server listen:127.0.0.1:0 accept expect:hello expect-eof \
		touch:ended close
	start client redirected "2>$TTY" with_signals "$SOCKCAT" --progress \
		"$ADDRESS" "$PORT" <in
	until_shows 'E\[K'
	stops
	printf hello >&7
	exec 7>&-
	succeed server
	within "$BOUND" is_asleep client
	is_running client
	signal client TERM
	finish client 143
	succeed terminal
}

# Of a terminal whose user looks away it is asked whether a byte has room, and a
# line is more than that: sooner or later one does not fit.
@test "SIGUSR1 does not stop the transfer where the terminal is full" {
	local sent=0 i

	hold
	terminal
	listen_on server -d 127.0.0.1 0
	start client redirected "2>$TTY" with_signals "$SOCKCAT" \
		"$ADDRESS" "$PORT" <in
	signal terminal STOP
	dd if=/dev/zero bs=4096 count=2 oflag=nonblock status=none of="$TTY"
	goes_on
	while ((sent % 20 != 0)) || has_room; do
		goes_on
	done
	for i in 1 2 3; do
		goes_on
	done
	holds client.err ''
	exec 7>&-
	succeed client server
	signal terminal CONT
	succeed terminal
	shows "[0-9] B up, $GOING""RN"
}

# goes_on: what is sent after a signal arrives.
goes_on() {
	local -
	set +T

	((sent == 0)) || signal client USR1
	printf . >&7
	((++sent))
	within "$BOUND" has_size server.out "$sent" || {
		echo "nothing arrives after signal $sent"
		return 1
	}
}

has_room() {
	printf . | dd of="$TTY" oflag=nonblock status=none 2>/dev/null
}

@test "a pipe that is full does not stop the transfer either" {
	local i

	bytes 5000000 data
	full_pipe err
	peer_listen server listen:127.0.0.1:0 accept expect-bytes:5000000 \
		touch:passed expect:end expect-eof close
	start client redirected '2>err' with_signals "$SOCKCAT" --progress \
		"$ADDRESS" "$PORT" < <(cat data; after signalled printf end)
	within "$BOUND" test -e passed
	for i in 1 2 3; do
		signal client USR1
	done
	touch signalled
	succeed server
	is_running client
	start reader cat <err
	exec 7>&-
	finish client 0
	succeed reader
	tr -d '\0' <reader.out >lines
	ends_like lines "4\.7[67] MiB up, $FINAL"
}

@test "TERM ends a wait for a pipe that is full" {
	full_pipe err
	peer_listen server listen:127.0.0.1:0 accept expect:hello expect-eof \
		close
	start client redirected '2>err' with_signals "$SOCKCAT" --progress \
		"$ADDRESS" "$PORT" < <(printf hello)
	succeed server
	within "$BOUND" is_asleep client
	is_running client
	signal client TERM
	finish client 143
}

@test "an error output that is closed or full costs nothing but the line" {
	local where

	for where in '2>&-' '2>/dev/full'; do
		peer_listen server listen:127.0.0.1:0 accept expect:'hello\n' \
			send:'world\n' expect-eof close
		start client redirected "$where" "$SOCKCAT" --progress \
			"$ADDRESS" "$PORT" < <(echo hello)
		finish client 0
		succeed server
		holds client.out 'world\n'
	done
}

@test "no flag of the terminal is changed" {
	local before

	hold
	terminal
	exec 6<>"$TTY"
	before=$(grep flags "/proc/$BASHPID/fdinfo/6")
	peer_listen server listen:127.0.0.1:0 accept expect:hello expect-eof \
		close 6>&-
	start client redirected '2>&6 6>&-' "$SOCKCAT" --progress \
		"$ADDRESS" "$PORT" <in
	until_shows 'E\[K'
	[ "$(grep flags "/proc/$BASHPID/fdinfo/6")" = "$before" ]
	printf hello >&7
	exec 7>&-
	finish client 0
	succeed server
	[ "$(grep flags "/proc/$BASHPID/fdinfo/6")" = "$before" ]
	exec 6>&-
	succeed terminal
}

# --- SIGUSR1 ------------------------------------------------------------------

@test "SIGUSR1 has the line told once, and the transfer goes on" {
	hold
	peer_listen server listen:127.0.0.1:0 accept expect:hello \
		send:'world\n' expect:more expect-eof close
	start client with_signals "$SOCKCAT" "$ADDRESS" "$PORT" <in
	printf hello >&7
	until_holds client.out 'world\n'
	signal client USR1
	within "$BOUND" has_lines client.err 1
	said client "5 B up, 6 B down, $GOING"
	signal client USR1
	within "$BOUND" has_lines client.err 2
	printf more >&7
	exec 7>&-
	succeed server
	finish client 0
	[ "$(wc -l <client.err)" -eq 2 ]
	ends_like client.err "5 B up, 6 B down, $GOING"
}

@test "without --progress what goes now is counted from the last SIGUSR1" {
	hold
	peer_listen server listen:127.0.0.1:0 accept send-bytes:3000000 \
		expect-eof close
	start client with_signals "$SOCKCAT" "$ADDRESS" "$PORT" <in
	within "$BOUND" has_size client.out 3000000
	signal client USR1
	within "$BOUND" has_lines client.err 1
	said client "2\.86 MiB down, $GOING"
	signal client USR1
	within "$BOUND" has_lines client.err 2
	ends_like client.err "2\.86 MiB down, 0 B/s now, $FINAL"
	run ! grep -q ' 0 B/s mean' client.err
	exec 7>&-
	finish client 0
	succeed server
}

@test "SIGUSR1 of a file tells the percentage" {
	bytes 8000000 data
	peer_listen server rcvbuf:4096 listen:127.0.0.1:0 accept \
		expect-bytes:1000 touch:begun wait-file:over discard-all
	start client with_signals "$SOCKCAT" "$ADDRESS" "$PORT" <data
	within "$BOUND" test -e begun
	signal client USR1
	within "$BOUND" has_lines client.err 1
	touch over
	finish client 0
	succeed server
	said client "$AMOUNT up, $GOING, [0-9]{1,2} %(.*)"
}

@test "with --progress SIGUSR1 is one line more" {
	hold
	peer_listen server listen:127.0.0.1:0 accept expect:hello \
		send:'world\n' expect-eof close
	start client with_signals "$SOCKCAT" --progress "$ADDRESS" "$PORT" <in
	printf hello >&7
	until_holds client.out 'world\n'
	signal client USR1
	within "$BOUND" has_lines client.err 1
	ends_like client.err "5 B up, 6 B down, $GOING"
	exec 7>&-
	finish client 0
	succeed server
	[ "$(wc -l <client.err)" -eq 2 ]
	ends_like client.err "5 B up, 6 B down, $FINAL"
}

@test "on a terminal SIGUSR1 leaves the line where it was, and goes on" {
	hold
	terminal
	peer_listen server listen:127.0.0.1:0 accept expect:hello \
		expect-eof close
	start client redirected "2>$TTY" with_signals "$SOCKCAT" --progress \
		"$ADDRESS" "$PORT" <in
	printf hello >&7
	until_shows 'R5 B up, [^R]*E\[K'
	signal client USR1
	until_shows "[RK]5 B up, $GOING(E\[K)?RN(E\[K)?R5 B up, "
	exec 7>&-
	finish client 0
	succeed server terminal
	[ "$(sent | tr -cd N)" = NN ]
	shows "[RK]5 B up, $FINAL(E\[K)?RN\$"
}

@test "on a terminal SIGUSR1 tells without --progress, too" {
	hold
	terminal
	peer_listen server listen:127.0.0.1:0 accept expect:hello send:world \
		expect-eof close
	start client redirected "2>$TTY" with_signals "$SOCKCAT" \
		"$ADDRESS" "$PORT" <in
	printf hello >&7
	until_holds client.out world
	signal client USR1
	until_shows "^R?(E\[K)?5 B up, 5 B down, $GOING(E\[K)?RN\$"
	exec 7>&-
	finish client 0
	succeed server terminal
	[ "$(sent | tr -cd N)" = N ]
}

@test "before there is a connection SIGUSR1 does nothing" {
	start_announced server with_signals "$SOCKCAT" -l \
		--announce server.announce 127.0.0.1 0
	signal server USR1
	within "$BOUND" has_noticed server
	signal server USR1
	within "$BOUND" has_noticed server
	peer client connect:"$ADDRESS:$PORT" send:hello half-close expect-eof
	succeed client server
	holds server.out hello

	start client with_signals "$SOCKCAT" -v --wait "$BOUND" -U path <<<hello
	within "$BOUND" grep -qs 'No such file' client.err
	signal client USR1
	within "$BOUND" has_noticed client
	peer_listen server listen:unix:path accept expect:'hello\n' \
		expect-eof close
	finish client 0
	succeed server
	run ! grep -q ' up, ' client.err
}

# has_noticed NAME: no signal waits to be let in.
has_noticed() {
	grep -q '^ShdPnd:[^1-9a-f]*$' "/proc/${PIDS[$1]}/status"
}

@test "SIGUSR1 of a listener for everyone's datagrams tells of all" {
	start_announced server with_signals "$SOCKCAT" -u -l -k -W 3 \
		--announce server.announce 127.0.0.1 0
	peer client connect:udp:"$ADDRESS:$PORT" send:one send:two
	succeed client
	until_holds server.out onetwo
	signal server USR1
	within "$BOUND" has_lines server.err 1
	said server "6 B down, $GOING"
	peer client connect:udp:"$ADDRESS:$PORT" send:three
	succeed client
	finish server 0
	said server "6 B down, $GOING"
}

@test "with -k SIGUSR1 is handed on to those who serve the clients" {
	start_announced server with_signals "$SOCKCAT" -l -k -d \
		--announce server.announce 127.0.0.1 0
	peer first connect:"$ADDRESS:$PORT" send:one wait-file:over close
	until_holds server.out one
	peer second connect:"$ADDRESS:$PORT" send:three wait-file:over close
	until_holds server.out onethree
	signal server USR1
	within "$BOUND" has_lines server.err 2
	LC_ALL=C sort server.err >sorted
	[[ $(<sorted) =~ ^3\ B\ down,\ $GOING$'\n'5\ B\ down,\ $GOING$ ]]
	touch over
	succeed first second
	# It still listens.
	peer third connect:"$ADDRESS:$PORT" send:more half-close expect-eof close
	succeed third
	until_holds server.out onethreemore
	[ "$(wc -l <server.err)" -eq 2 ]
	signal server TERM
	finish server 143
}

@test "with -k and -e SIGUSR1 is not for the programs" {
	start_announced server with_signals "$SOCKCAT" -l -k -e cat \
		--announce server.announce 127.0.0.1 0
	peer client connect:"$ADDRESS:$PORT" send:one expect:one touch:there \
		wait-file:signalled send:two half-close expect:two expect-eof \
		close
	within "$BOUND" test -e there
	signal server USR1
	touch signalled
	succeed client
	signal server TERM
	finish server 143
	holds server.err ''
}

@test "a program of -e gets SIGUSR1 as sockcat got it" {
	peer_listen server listen:127.0.0.1:0 accept expect:ready expect-eof
	start client with_signals "$SOCKCAT" \
		-c 'printf ready; kill -s USR1 $$; printf alive' \
		"$ADDRESS" "$PORT"
	finish client $((128 + $(kill -l USR1)))
	succeed server

	peer_listen server listen:127.0.0.1:0 accept expect:alive expect-eof
	start client env --ignore-signal=USR1 "$SOCKCAT" \
		-c 'kill -s USR1 $$; printf alive' "$ADDRESS" "$PORT"
	finish client 0
	succeed server
}

@test "SIGUSR1 that came ignored stays ignored" {
	local i

	hold
	peer_listen server listen:127.0.0.1:0 accept expect:hello \
		send:'world\n' expect:more send:again expect-eof close
	start client env --ignore-signal=USR1 "$SOCKCAT" "$ADDRESS" "$PORT" <in
	printf hello >&7
	until_holds client.out 'world\n'
	for i in 1 2 3; do
		signal client USR1
	done
	printf more >&7
	until_holds client.out 'world\nagain'
	exec 7>&-
	succeed client server
}

@test "a storm of SIGUSR1 loses nothing and does not stop the transfer" {
	local i

	bytes 20000000 data
	peer_listen server listen:127.0.0.1:0 accept touch:there \
		queue-bytes:20000000 expect-bytes:20000000 expect-eof flush close
	start client with_signals "$SOCKCAT" "$ADDRESS" "$PORT" <data
	within "$BOUND" test -e there
	for i in {1..200}; do
		signal client USR1 2>/dev/null || break
	done
	finish client 0
	succeed server
	same_bytes data client.out
	run ! grep -qvE "^($AMOUNT up, )?($AMOUNT down, )?$GOING(, .*)?\$" \
		client.err
}

@test "SIGUSR1 does not end -z" {
	peer_listen server backlog:0 listen:127.0.0.1:0 wait-file:over
	peer first connect:"$ADDRESS:$PORT" touch:full wait-file:over
	within "$BOUND" test -e full
	start client with_signals "$SOCKCAT" -z -w 3 127.0.0.1 "$PORT"
	within "$BOUND" has_socket client
	signal client USR1
	finish client 4
	holds client.out ''
	holds client.err ''
	touch over
	succeed server first
}
