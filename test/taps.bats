#!/usr/bin/env bats
# What stands between read and write: -C, -t and -i.  They change what they
# are for, or delay it, and lose nothing and hold up nothing else.

# shellcheck disable=SC2153,SC2154 # run and load set them
load lib/helpers

# In milliseconds: what a clock may be off.
CLOCK=10

# hold_stdin: for "<in"; it is silent and does not end before 7 is closed.
hold_stdin() {
	mkfifo in
	exec 7<>in
}

# at_once TEXT: as one write, into the stdin that is held; bash would write each
# line for itself.
at_once() {
	printf %b "$1" >piece
	cat piece >&7
}

# in_pieces OPTIONS PIECE CAME...: of a stdin that brings PIECE the peer gets
# CAME, before the next pair.
in_pieces() {
	local options=$1 n pieces=() steps=()
	shift

	while [[ $# -gt 0 ]]; do
		pieces+=("$1")
		steps+=("expect:$2" touch:came-"${#pieces[@]}")
		shift 2
	done
	hold_stdin
	peer_listen server listen:127.0.0.1:0 accept "${steps[@]}" expect-eof \
		close
	# shellcheck disable=SC2086 # they are words
	start client "$SOCKCAT" $options "$ADDRESS" "$PORT" <in
	for n in "${!pieces[@]}"; do
		at_once "${pieces[n]}"
		within "$BOUND" test -e came-$((n + 1))
	done
	exec 7>&-
	succeed client server
	holds client.out ''
}

# scripted COMMAND...: a server that has this play its client, as descriptor 3.
scripted() {
	peer_listen server rcvbuf:4096 listen:127.0.0.1:0 accept exec "$@"
}

# called: the kernel was asked to copy
called() {
	grep -qE '^[0-9 ]*(splice|sendfile)\(' trace
}

# --- lines that end with CR LF ------------------------------------------------

# as_crlf FILE: its lines, with a CR before each newline that has none.
as_crlf() {
	LC_ALL=C sed 's/\r$//; s/$/\r/' "$1"
}

@test "-C puts a CR before each newline" {
	local option

	for option in -C --crlf; do
		peer_listen server listen:127.0.0.1:0 accept \
			expect:'one\r\n\r\ntwo\r\nthree' expect-eof close
		run_sockcat "$option" "$ADDRESS" "$PORT" \
			< <(printf 'one\n\ntwo\nthree')
		[ "$status" -eq 0 ]
		[ "$output" = '' ]
		[ "$stderr" = '' ]
		succeed server
	done
}

@test "-C doubles no CR" {
	peer_listen server listen:127.0.0.1:0 accept \
		expect:'a\r\nb\r\n\r\n\r\r\nc\rd\r' expect-eof close
	run_sockcat -C "$ADDRESS" "$PORT" \
		< <(printf 'a\r\nb\n\r\n\r\r\nc\rd\r')
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
	[ "$stderr" = '' ]
	succeed server
}

@test "-C knows what the last read ended with" {
	in_pieces -C '\n' '\r\n' '\r' '\r' '\n' '\n' '\n' '\r\n' \
		'a\n' 'a\r\n' 'b\r' 'b\r' '\n\n' '\n\r\n' '\rc' '\rc' \
		'\n' '\r\n' '\r\r' '\r\r' '\n' '\n' '\r\n' '\r\n' 'd' 'd'
}

@test "-C changes no other byte of megabytes" {
	local n

	for n in 1 2; do
		"$PEER" print-bytes:2999999
		printf '\r\n\r\r\n\n\n\r\n'
	done >binary
	as_crlf binary >expected
	run ! cmp -s binary expected

	peer_listen server listen:127.0.0.1:0 accept read-all
	start client "$SOCKCAT" -C "$ADDRESS" "$PORT" <binary
	succeed client server
	same_bytes expected server.out

	listen_on server -C 127.0.0.1 0 < <(cat binary)
	peer client connect:"$ADDRESS:$PORT" read-all
	succeed client server
	same_bytes expected client.out
}

@test "-C takes newlines alone, which become twice as many bytes" {
	head -c 3000000 <(yes '') >newlines
	head -c 6000000 <(yes $'\r') >expected
	peer_listen server rcvbuf:4096 listen:127.0.0.1:0 accept read-all
	start client "$SOCKCAT" -C "$ADDRESS" "$PORT" <newlines
	succeed client server
	same_bytes expected server.out
}

@test "-C leaves what arrives as it is" {
	bytes 1000000 expected
	printf 'a\nb\r\nc\r' >>expected
	peer_listen server listen:127.0.0.1:0 accept send-bytes:1000000 \
		send:'a\nb\r\nc\r' close
	start client "$SOCKCAT" -C "$ADDRESS" "$PORT"
	succeed client server
	same_bytes expected client.out
}

@test "with -C a datagram is still what was read at once" {
	local n pieces=('a\nb\n' '\r' '\nc' '\n')

	hold_stdin
	peer_listen server listen:udp:127.0.0.1:0 accept expect:'a\r\nb\r\n' \
		touch:0 expect:'\r' touch:1 expect:'\nc' touch:2 \
		expect:'\r\n' touch:3
	start client "$SOCKCAT" -u -C -q 0 "$ADDRESS" "$PORT" <in
	for n in "${!pieces[@]}"; do
		at_once "${pieces[n]}"
		within "$BOUND" test -e "$n"
	done
	exec 7>&-
	succeed client server
	holds client.out ''
}

@test "-C takes no datagram apart that was read at once" {
	head -c 40000 /dev/zero | tr '\0' x >in
	peer_listen server listen:udp:127.0.0.1:0 accept print-messages:1
	run_sockcat -u -C -q 0 "$ADDRESS" "$PORT" <in
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
	[ "$stderr" = '' ]
	succeed server
	echo >>in
	same_bytes in server.out
}

# --- telnet -------------------------------------------------------------------

# IAC is ff, DONT fe, DO fd, WONT fc, WILL fb, SB fa and SE f0 (RFC 854).

# as_telnet FILE: with each byte 255 doubled.
as_telnet() {
	LC_ALL=C sed 's/\xff/\xff\xff/g' "$1"
}

# is_refusals [DATA]: got holds refusals of DO, so many bytes 255, and letters a.
is_refusals() {
	od -An -v -tx1 -w1 got | awk -v data="${1:-0}" '
		state == 0 && $1 == "61" { next }
		state == 0 && $1 != "ff" { bad = NR; exit }
		state == 0 { state = 1; next }
		state == 1 && $1 == "ff" { data--; state = 0; next }
		state == 1 && $1 != "fc" { bad = NR; exit }
		state == 1 { state = 2; next }
		{ state = 0; options[$1] }
		END {
			for (option in options)
				count++
			print "bad at " bad + 0 ", state " state + 0 ", " \
				data " bytes 255 too few, " count + 0 " options"
			exit bad || state || data || count < 256
		}'
}

# flood DOUBLINGS FILE: it asks 256 times, and twice that with each of them.
flood() {
	local option doubling text=''

	for option in {0..255}; do
		printf -v text '%s\\xff\\xfd\\x%02x' "$text" "$option"
	done
	printf %b "$text" >"$2"
	for ((doubling = 0; doubling < $1; doubling++)); do
		cat "$2" "$2" >doubled
		mv doubled "$2"
	done
}

@test "-t answers DO by WONT and WILL by DONT while stdin is silent" {
	hold_stdin
	peer_listen server listen:127.0.0.1:0 accept \
		send:'\xff\xfd\x18' expect:'\xff\xfc\x18' \
		send:'\xff\xfb\x01' expect:'\xff\xfe\x01' \
		send:'login\xff\xfd\x00: \xff\xfb\xff' \
		expect:'\xff\xfc\x00\xff\xfe\xff' \
		expect:'root\n' expect-eof close
	start client "$SOCKCAT" -t "$ADDRESS" "$PORT" <in
	until_holds client.out 'login: '
	printf 'root\n' >&7
	exec 7>&-
	succeed client server
	holds client.out 'login: '
}

@test "-t refuses each option" {
	local ask='' answer='' option

	for option in {0..255}; do
		printf -v ask '%s\\xff\\xfd\\x%02x\\xff\\xfb\\x%02x' \
			"$ask" "$option" "$option"
		printf -v answer '%s\\xff\\xfc\\x%02x\\xff\\xfe\\x%02x' \
			"$answer" "$option" "$option"
	done
	peer_listen server listen:127.0.0.1:0 accept send:"$ask" \
		expect:"$answer" send:end close
	run_sockcat --telnet --no-shutdown "$ADDRESS" "$PORT"
	[ "$status" -eq 0 ]
	[ "$output" = end ]
	[ "$stderr" = '' ]
	succeed server
}

@test "-t answers neither WONT nor DONT" {
	peer_listen server listen:127.0.0.1:0 accept \
		send:'a\xff\xfc\x01b\xff\xfe\x03c' \
		send:'\xff\xfd\x05' expect:'\xff\xfc\x05' expect-silence close
	run_sockcat -t -d "$ADDRESS" "$PORT"
	[ "$status" -eq 0 ]
	[ "$output" = abc ]
	[ "$stderr" = '' ]
	succeed server
}

@test "-t answers what is asked again before it was answered once" {
	peer_listen server listen:127.0.0.1:0 accept \
		send:'\xff\xfd\x01\xff\xfd\x01\xff\xfb\x01\xff\xfd\x01' \
		expect:'\xff\xfc\x01\xff\xfe\x01' \
		send:'\xff\xfd\x01' expect:'\xff\xfc\x01' \
		send:'\xff\xfd\x02' expect:'\xff\xfc\x02' close
	run_sockcat -t -d "$ADDRESS" "$PORT"
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
	[ "$stderr" = '' ]
	succeed server
}

# SE, NOP, data mark, break, interrupt, abort, are you there, erase character,
# erase line and go ahead; what looks like a command without IAC is none.
@test "-t takes every command out of what arrives, and nothing else" {
	local byte text=''

	for byte in f0 f1 f2 f3 f4 f5 f6 f7 f8 f9; do
		text+="\\xff\\x$byte$byte "
	done
	text+='\xfd\x01\xfa\xf0\r\x00\r\n\x00\xfe'
	peer_listen server listen:127.0.0.1:0 accept send:"$text" close
	start client "$SOCKCAT" -t "$ADDRESS" "$PORT"
	succeed client server
	holds client.out 'f0 f1 f2 f3 f4 f5 f6 f7 f8 f9 '\
'\xfd\x01\xfa\xf0\r\x00\r\n\x00\xfe'
}

@test "-t takes out what is negotiated between SB and SE" {
	peer_listen server listen:127.0.0.1:0 accept \
		send:'a\xff\xfa\x18\x01\xff\xf0b' \
		send:'\xff\xfa\x1f\xf0\xff\xff\xf0\xfd\x01\n\xff\xf0c' \
		send:'\xff\xfd\x01' expect:'\xff\xfc\x01' \
		send:'\xff\xfa\x18 without an end' close
	run_sockcat -t -d "$ADDRESS" "$PORT"
	[ "$status" -eq 0 ]
	[ "$output" = abc ]
	[ "$stderr" = '' ]
	succeed server
}

# Its data mark is urgent, and so is read out of turn unless that is turned off.
@test "-t loses nothing to a Synch" {
	local way steps=(send:'a\xff' urgent:'\xf2' send:'b' urgent:'\xff\xf2'
		send:'\xff\xfd\x01c' expect:'\xff\xfc\x01'
		urgent:'d\xff\xf4\xff\xf2' send:'\xff\xff' urgent:e close)

	peer_listen server listen:127.0.0.1:0 accept "${steps[@]}"
	start client "$SOCKCAT" -t -d "$ADDRESS" "$PORT"
	succeed client server
	holds client.out 'abcd\xffe'

	for way in '' -k; do
		listen_on server -t -d $way 127.0.0.1 0
		peer client connect:"$ADDRESS:$PORT" "${steps[@]}"
		succeed client
		until_holds server.out 'abcd\xffe'
		[[ -z $way ]] || signal server TERM
		finish server
		holds server.err ''
	done
}

@test "-t takes IAC IAC for the byte 255, and sends that as IAC IAC" {
	in_pieces -t '\xff' '\xff\xff' 'a\xff\xff' 'a\xff\xff\xff\xff' \
		'\xff\xfd\x01' '\xff\xff\xfd\x01' 'b\xfeb' 'b\xfeb'
	peer_listen server listen:127.0.0.1:0 accept \
		send:'\xff\xffa\xff\xff\xff\xff\xff\xff\xf1\xff\xff\xfd\x01' \
		close
	start client "$SOCKCAT" -t "$ADDRESS" "$PORT"
	succeed client server
	holds client.out '\xffa\xff\xff\xff\xf1\xff\xfd\x01'
}

# Each command, the text that it stands for, and its answer.
SPLIT=('\xff\xf1' '' '' '\xff\xf9' '' '' '\xff\xff' '\xff' ''
	'\xff\xfc\x01' '' '' '\xff\xfe\xff' '' ''
	'\xff\xfd\x01' '' '\xff\xfc\x01' '\xff\xfd\xff' '' '\xff\xfc\xff'
	'\xff\xfb\x01' '' '\xff\xfe\x01' '\xff\xfb\xf0' '' '\xff\xfe\xf0'
	'\xff\xfa\x18\x01\xff\xf0' '' ''
	'\xff\xfa\xff\xff\xf0\xff\xff\xff\xf0' '' ''
	'\xff\xff\xff\xfd\xff' '\xff' '\xff\xfc\xff')

# Once there is the first half of what was sent at once, it was read.
@test "-t knows a command that is split across reads at any byte" {
	local i cut n=0 command text='' texts=() steps=()

	for ((i = 0; i < ${#SPLIT[@]}; i += 3)); do
		command=${SPLIT[i]}
		for ((cut = 4; cut < ${#command}; cut += 4)); do
			steps+=("send:[${command::cut}" wait-file:"$n"
				"send:${command:cut}]"
				"expect:${SPLIT[i + 2]}")
			texts+=("${text}[")
			text+="[${SPLIT[i + 1]}]"
			n=$((n + 1))
		done
	done
	peer_listen server listen:127.0.0.1:0 accept "${steps[@]}" \
		send:end close
	start client "$SOCKCAT" -t -d "$ADDRESS" "$PORT"
	for n in "${!texts[@]}"; do
		within "$BOUND" begins client.out "${texts[n]}"
		touch "$n"
	done
	succeed client server
	holds client.out "${text}end"
}

# begins FILE TEXT: it holds this text, and perhaps more
begins() {
	printf %b "$2" >beginning
	cmp -s -n "$(wc -c <beginning)" beginning "$1"
}

@test "-t that meets the end in the middle of a command is done" {
	local half

	for half in '\xff' '\xff\xfd' '\xff\xfa\x01' '\xff\xfa\x01\xff'; do
		peer_listen server listen:127.0.0.1:0 accept \
			send:"text$half" close
		run_sockcat -t "$ADDRESS" "$PORT"
		[ "$status" -eq 0 ]
		[ "$output" = text ]
		[ "$stderr" = '' ]
		succeed server
	done
}

@test "-t passes megabytes both ways and takes commands out of them" {
	local n

	bytes 6000000 up
	as_telnet up >expected
	for n in 1 2 3 4; do
		"$PEER" print-bytes:1500000
	done >down
	for n in 1 2 3 4; do
		as_telnet <("$PEER" print-bytes:1500000)
		printf '\xff\xf1\xff\xfa\xff\xff\n\xff\xf0\xff\xfc\x18'
	done >down.telnet
	# shellcheck disable=SC2016 # it expands there
	scripted bash -c 'printf "\xff\xfd\x01" >&3; head -c 3 <&3 >refusal
		cat <&3 >got & cat down.telnet >&3; wait'
	start client "$SOCKCAT" -t "$ADDRESS" "$PORT" < <(after refusal cat up)
	succeed client server
	same_bytes down client.out
	holds refusal '\xff\xfc\x01'
	same_bytes expected got
}

# Little is sent at a time, so that many a write ends between the two bytes.
@test "a refusal is put into no byte that was doubled" {
	head -c 400000 <(yes aaa) | LC_ALL=C tr '\n' '\377' >up
	flood 12 down
	# shellcheck disable=SC2016 # it expands there
	scripted bash -c 'head -c 768 down >&3
		cat down >&3 & cat <&3 >got; wait'
	start client "$SOCKCAT" -t -O 4k "$ADDRESS" "$PORT" < <(cat up)
	succeed client server
	holds client.out ''
	is_refusals 100000
}

# flooded: a client with -t that was asked 4,194,304 times by a peer that reads
# nothing until there is the file "go", and that has read all of it.
flooded() {
	flood 14 down
	printf end >>down
	hold_stdin
	# shellcheck disable=SC2016 # it expands there
	scripted bash -c 'cat down >&3; touch sent
		"$@" wait-file:go; cat <&3 >got' - "$PEER" timeout:"$BOUND"
	start client "$SOCKCAT" -t "$ADDRESS" "$PORT" <in
	within "$BOUND" test -e sent
	until_holds client.out end
}

# Its refusals are more than the kernel holds: some have to be left out.
@test "who asks without reading does not stall -t" {
	flooded
	exec 7>&-
	touch go
	succeed client server
	is_refusals
}

@test "who asks without reading does not have -t grow" {
	requires_native 'the memory is its own'
	requires_plain_build
	flooded
	[ "$(memory_of client)" -le 2500 ]
	exec 7>&-
	touch go
	succeed client server
}

# asked_without_end COMMAND: there is always a refusal for the client to be sent,
# and the server reads all of them, as stdin of the command.
asked_without_end() {
	local ask='' option

	for option in {1..96}; do
		printf -v ask '%s\\xff\\xfd\\x%02x' "$ask" "$option"
	done
	peer_listen server listen:127.0.0.1:0 accept exec bash -c "
		yes \"\$1\" >&3 2>/dev/null &
		cat <&3 | $1; kill \$!" - "$(printf %b "$ask")"
	start client to /dev/null "$SOCKCAT" -t "$ADDRESS" "$PORT" \
		< <(yes aaa)
}

# No refusal has the letter of which some are to come.
@test "who asks without end and reads all the answers does not hold up stdin" {
	asked_without_end 'tr -cd a | head -c 5000000 >got'
	finish server 0
	has_size got 5000000
	finish client 6
	[[ $(<client.err) == 'sockcat: connection to 127.0.0.1 port '*' lost: '* ]]
}

@test "who asks without end does not keep a signal from -t" {
	asked_without_end '{ head -c 3000000; touch begun; cat; } >/dev/null'
	within "$BOUND" test -e begun
	signal client TERM
	finish client 143
	holds client.err ''
	finish server
}

@test "a refusal that would follow our end of data is dropped" {
	local options

	for options in -t '-t -d -N'; do
		echo "$options"
		peer_listen server listen:127.0.0.1:0 accept expect-eof \
			send:'a\xff\xfd\x01b\xff\xfb\x01c' half-close \
			expect-eof close
		# shellcheck disable=SC2086 # they are words
		run_sockcat $options "$ADDRESS" "$PORT"
		[ "$status" -eq 0 ]
		[ "$output" = abc ]
		[ "$stderr" = '' ]
		succeed server
	done
}

@test "where no end of data is sent, -t refuses after the end of stdin" {
	peer_listen server listen:127.0.0.1:0 accept expect:up send:down \
		wait-file:seen send:'\xff\xfd\x01' expect:'\xff\xfc\x01' close
	start client "$SOCKCAT" -t --no-shutdown "$ADDRESS" "$PORT" \
		< <(printf up)
	# By the time an answer is through, the end of stdin has been seen.
	until_holds client.out down
	touch seen
	succeed client server

	peer_listen server listen:127.0.0.1:0 accept send:'\xff\xfd\x01' \
		expect:'\xff\xfc\x01' close
	run_sockcat -t -d "$ADDRESS" "$PORT" <<<unread
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
	[ "$stderr" = '' ]
	succeed server
}

# limited_after_stdin ARG...: with a peer that is silent it ends with 0.
limited_after_stdin() {
	peer_listen server listen:127.0.0.1:0 accept wait-file:over
	run_sockcat "$@" "$ADDRESS" "$PORT"
	touch over
	echo "sockcat $*: status $status, output '$output', stderr '$stderr'"
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
	[ "$stderr" = '' ]
	succeed server
	rm over
}

@test "what -t could still be asked keeps nothing from its end" {
	limited_after_stdin -t -d -w 0.2
	limited_after_stdin -t --no-shutdown -w 0.2
	limited_after_stdin -t --no-shutdown -q 0.2
	limited_after_stdin -t --no-shutdown --send-only
}

@test "-t refuses a peer that has sent its end" {
	hold_stdin
	peer_listen server listen:127.0.0.1:0 accept \
		send:'text\xff\xfd\x01' half-close expect:'\xff\xfc\x01' \
		expect:late expect-eof close
	start client "$SOCKCAT" -t "$ADDRESS" "$PORT" <in
	until_holds client.out text
	printf late >&7
	exec 7>&-
	succeed client server
}

@test "a listener with -t refuses each client what it asks for" {
	local name

	listen_on server -t -k -d 127.0.0.1 0
	for name in one two; do
		peer "$name" connect:"$ADDRESS:$PORT" \
			send:'\xff\xfb\x01\xff\xff' expect:'\xff\xfe\x01' \
			send:'\xff' close
		succeed "$name"
	done
	until_holds server.out '\xff\xff'
	signal server TERM
	finish server 143
	holds server.err ''
}

@test "-C and -t do their work on a Unix socket" {
	peer_listen server listen:unix:socket accept \
		send:'\xff\xfd\x01a\xff\xff' expect:'\xff\xfc\x01' \
		touch:refused expect:'b\xff\xff\r\n' expect-eof close
	start client "$SOCKCAT" -C -t -U "$ADDRESS" \
		< <(after refused printf 'b\xff\n')
	succeed client server
	holds client.out 'a\xff'
}

@test "-t and -C both change what is sent" {
	in_pieces '-t -C' 'a\xff\n' 'a\xff\xff\r\n' '\xff\r' '\xff\xff\r' \
		'\n\xff' '\n\xff\xff' '\n' '\r\n'
}

# --- lines at intervals -------------------------------------------------------

# no_sooner MS FILE: it is not there before so long after $SINCE
no_sooner() {
	within "$BOUND" test -e "$2"
	(($(uptime_ms) - SINCE >= $1 - CLOCK))
}

@test "-i sends the first line at once and the others T apart" {
	local SINCE n

	peer_listen server listen:127.0.0.1:0 accept expect:'one\n' touch:0 \
		expect:'two\n' touch:1 expect:'\n' touch:2 expect:four touch:3 \
		expect-eof close
	SINCE=$(uptime_ms)
	start client "$SOCKCAT" -i 0.2 "$ADDRESS" "$PORT" \
		< <(printf 'one\ntwo\n\nfour')
	for n in 0 1 2 3; do
		no_sooner $((n * 200)) "$n"
	done
	succeed client server
	holds client.out ''
}

# Nothing here takes as long as the interval does.
@test "-i holds up neither the first line nor the end after the last" {
	peer_listen server listen:127.0.0.1:0 accept expect:'only\n' \
		expect-eof send:answer close
	run_sockcat --interval 60 "$ADDRESS" "$PORT" <<<only
	[ "$status" -eq 0 ]
	[ "$output" = answer ]
	[ "$stderr" = '' ]
	succeed server
}

@test "what arrives is never held up by -i" {
	bytes 5000000 down
	peer_listen server listen:127.0.0.1:0 accept expect:'one\n' \
		send-bytes:5000000 wait-file:seen expect-silence \
		touch:silent wait-file:over
	start client "$SOCKCAT" -i 60 "$ADDRESS" "$PORT" \
		< <(printf 'one\ntwo\n')
	within "$BOUND" cmp -s down client.out
	touch seen
	within "$BOUND" test -e silent
	is_running client
	signal client TERM
	finish client 143
	holds client.err ''
	touch over
	succeed server
}

# clock MS: returns when so much has passed.
clock() {
	start clock "$SOCKCAT" -l --accept-timeout "$1"ms 127.0.0.1 0
	finish clock 4
}

@test "lines that came late are T apart as well" {
	local SINCE

	hold_stdin
	peer_listen server listen:127.0.0.1:0 accept expect:'one\n' touch:0 \
		expect:'two\n' touch:1 expect:'three\n' touch:2 expect-eof \
		close
	start client "$SOCKCAT" -i 0.3 "$ADDRESS" "$PORT" <in
	printf 'one\n' >&7
	within "$BOUND" test -e 0
	clock 700
	SINCE=$(uptime_ms)
	printf 'two\nthree\n' >&7
	no_sooner 300 2
	exec 7>&-
	succeed client server
}

@test "with -i each line is a datagram, however it was read" {
	local SINCE

	hold_stdin
	peer_listen server listen:udp:127.0.0.1:0 accept expect:'one\n' \
		touch:0 expect:'two\n' touch:1 expect:'\n' touch:2 expect:four \
		touch:3
	SINCE=$(uptime_ms)
	start client "$SOCKCAT" -u -i 0.2 "$ADDRESS" "$PORT" <in
	printf on >&7
	within "$BOUND" is_drained 7
	printf 'e\ntwo\n\nfo' >&7
	within "$BOUND" is_drained 7
	printf ur >&7
	exec 7>&-
	no_sooner 0 0
	no_sooner 200 1
	no_sooner 400 2
	no_sooner 600 3
	succeed client server
}

@test "with -i a line that is too long for a datagram is named and left out" {
	local size sizes=(65507 65508 70000 262144 300000)

	{
		echo one
		for size in "${sizes[@]}"; do
			printf "%0$((size - 1))d\n" 0
			echo "after $size"
		done
	} >in
	rm -f ended
	peer_listen server listen:udp:127.0.0.1:0 accept print-messages:7 \
		wait-file:ended expect-silence
	run_sockcat -u -q 0 -i 1ms "$ADDRESS" "$PORT" <in
	touch ended
	echo "$stderr"
	[ "$status" -eq 7 ]
	[ "$output" = '' ]
	[ "${#stderr_lines[@]}" -eq 4 ]
	for size in 1 2 3; do
		[[ ${stderr_lines[size - 1]} == "sockcat: send of ${sizes[size]}\
 bytes to 127.0.0.1 port $PORT (udp) failed: Message too "* ]]
	done
	[[ ${stderr_lines[3]} == 'sockcat: send of more than 262144 bytes to'* ]]
	succeed server
	{
		printf 'one\n\n%065506d\n\n' 0
		printf 'after %s\n\n' "${sizes[@]}"
	} | cmp - server.out
}

@test "a client that waits longer between datagrams than for an answer sends all" {
	peer_listen server listen:udp:127.0.0.1:0 accept expect:'one\n' \
		expect:'two\n'
	run_sockcat -u -i 1.2 "$ADDRESS" "$PORT" < <(printf 'one\ntwo\n')
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
	[ "$stderr" = '' ]
	succeed server
}

@test "-q 0 sends all lines at their intervals" {
	peer_listen server listen:127.0.0.1:0 accept expect:'one\n' \
		expect:'two\n' expect:three expect-eof close
	run_sockcat -q 0 -i 1.1 "$ADDRESS" "$PORT" \
		< <(printf 'one\ntwo\nthree')
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
	[ "$stderr" = '' ]
	succeed server
}

@test "to wait for the next line is not to be idle" {
	peer_listen server listen:127.0.0.1:0 accept expect:'one\n' \
		expect:'two\n' expect-eof close
	run_sockcat -w 1 --idle-timeout 1 -i 1.5 --send-only \
		"$ADDRESS" "$PORT" < <(printf 'one\ntwo\n')
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
	[ "$stderr" = '' ]
	succeed server
}

@test "--send-only with -i ends once all lines are sent" {
	peer_listen server listen:127.0.0.1:0 accept send:unread \
		expect:'one\n' expect:'two\n' expect-eof wait-file:over
	run_sockcat --send-only -i 0.1 "$ADDRESS" "$PORT" \
		< <(printf 'one\ntwo\n')
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
	[ "$stderr" = '' ]
	touch over
	succeed server
}

@test "-i sends megabytes of lines whole and in order" {
	local n

	for n in {1..40}; do
		printf '%0100000d\n' "$n"
	done >lines
	peer_listen server rcvbuf:4096 listen:127.0.0.1:0 accept read-all
	start client "$SOCKCAT" -i 5ms "$ADDRESS" "$PORT" <lines
	succeed client server
	same_bytes lines server.out
}

# The interval is between lines, and not within one.
@test "-i sends a line of any length as one" {
	local options

	printf '%01000000d\n' 1 >line
	as_crlf line >line.crlf
	for options in '-i 60' '-i 60 -t' '-i 60 -C'; do
		echo "$options"
		peer_listen server listen:127.0.0.1:0 accept read-all
		# shellcheck disable=SC2086 # they are words
		start client "$SOCKCAT" $options "$ADDRESS" "$PORT" <line
		succeed client server
		[[ $options != *-C ]] || mv line.crlf line
		same_bytes line server.out
	done
}

@test "a listener's lines are T apart for each client" {
	local SINCE name

	printf 'one\ntwo\nthree\n' >lines
	listen_on server -k -i 0.2 127.0.0.1 0 <lines
	for name in first second; do
		SINCE=$(uptime_ms)
		peer "$name" connect:"$ADDRESS:$PORT" expect:'one\n' \
			expect:'two\n' expect:'three\n' expect-eof \
			touch:"$name".end close
		no_sooner 400 "$name".end
		succeed "$name"
	done
	signal server TERM
	finish server 143
	holds server.err ''
}

@test "a reset is noticed while -i waits" {
	peer_listen server listen:127.0.0.1:0 accept expect:'one\n' reset
	start client "$SOCKCAT" -i 60 "$ADDRESS" "$PORT" \
		< <(printf 'one\ntwo\n')
	finish client 6
	holds client.err "sockcat: connection to 127.0.0.1 port $PORT (tcp)\
 lost: Connection reset by peer\n"
	holds client.out ''
	succeed server
}

@test "-t refuses at once, whatever -i has still to send" {
	peer_listen server listen:127.0.0.1:0 accept expect:'one\n' \
		send:'\xff\xfd\x01text' expect:'\xff\xfc\x01' touch:refused \
		wait-file:over
	start client "$SOCKCAT" -t -i 60 "$ADDRESS" "$PORT" \
		< <(printf 'one\ntwo\n')
	within "$BOUND" test -e refused
	until_holds client.out text
	signal client TERM
	finish client 143
	touch over
	succeed server
}

@test "-i sends lines that -C has ended and -t doubled" {
	local SINCE

	peer_listen server listen:127.0.0.1:0 accept expect:'a\xff\xff\r\n' \
		touch:0 expect:'\r\n' touch:1 expect:b expect-eof touch:2 close
	SINCE=$(uptime_ms)
	start client "$SOCKCAT" -i 0.1 -C -t "$ADDRESS" "$PORT" \
		< <(printf 'a\xff\n\nb')
	no_sooner 0 0
	no_sooner 100 1
	no_sooner 200 2
	succeed client server
}

@test "with -z the probes begin T apart" {
	local options SINCE

	for options in '' -u -r '--jobs 1'; do
		SINCE=$(uptime_ms)
		# shellcheck disable=SC2086 # they are words
		run_sockcat -z $options -i 0.1 127.0.0.1 1-4
		[ "$status" -eq 1 ]
		[ "$output" = '' ]
		[ "$stderr" = '' ]
		(($(uptime_ms) - SINCE >= 300 - CLOCK))
	done
}

@test "with -z one port is tested at once, and open ones are listed" {
	local ports

	peer server announce:one listen:127.0.0.1:0 announce:two \
		listen:127.0.0.1:0 touch:listening wait-file:over
	within "$BOUND" test -e listening
	mapfile -t ports < <(cut -d ' ' -f 2 one two | sort -n)
	run_sockcat -z -i 60 127.0.0.1 "${ports[0]}"
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
	[ "$stderr" = '' ]
	run_sockcat -z -i 0.1 127.0.0.1 "${ports[0]},${ports[1]}"
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[0]} == "127.0.0.1 ${ports[0]}/tcp open"* ]]
	[[ ${lines[1]} == "127.0.0.1 ${ports[1]}/tcp open"* ]]
	[ "$stderr" = '' ]
	touch over
	succeed server
}

# --- neither side stops the other ---------------------------------------------

# What they are for is changed in megabytes, so that each is in the midst of it.
@test "a network that takes no more does not stop stdout, whatever changes it" {
	local options

	bytes 8000000 up
	bytes 4000000 down
	as_telnet down >down.telnet
	for options in -C -t '-C -t' '-i 1ms'; do
		echo "$options"
		rm -f go
		[[ $options == *-t* ]] || cp down down.sent
		[[ $options != *-t* ]] || cp down.telnet down.sent
		# shellcheck disable=SC2016 # it expands there
		scripted bash -c 'cat down.sent >&3; "$@" wait-file:go
			cat <&3 >/dev/null' - "$PEER" timeout:"$BOUND"
		# shellcheck disable=SC2086 # they are words
		start client "$SOCKCAT" $options "$ADDRESS" "$PORT" <up
		within "$BOUND" cmp -s down client.out
		is_running client
		[[ $options != -i* ]] || signal client TERM
		touch go
		finish server 0
		finish client
		holds client.err ''
		same_bytes down client.out
	done
}

@test "a stdout that nobody reads does not stop stdin, whatever changes it" {
	local options

	bytes 4000000 up
	bytes 8000000 down
	as_telnet down >down.telnet
	mkfifo out
	for options in -C -t '-C -t'; do
		echo "$options"
		rm -f go
		cp up up.expected
		[[ $options != *-t* ]] || as_telnet up >up.expected
		cp down down.sent
		[[ $options != *-t* ]] || cp down.telnet down.sent
		exec 7<>out
		# shellcheck disable=SC2016 # it expands there
		scripted bash -c 'cat down.sent >&3 & cat <&3 >got; touch all
			wait' -
		start reader after go cat <out
		# shellcheck disable=SC2086 # they are words
		start client to out "$SOCKCAT" $options "$ADDRESS" "$PORT" <up
		within "$BOUND" test -e all
		exec 7>&-
		[ ! -s reader.out ]
		touch go
		succeed client server reader
		same_bytes down reader.out
		[[ $options == *-C* ]] || same_bytes up.expected got
		rm all
	done
}

# --- how it is copied ---------------------------------------------------------

# copy_traced COMMAND...
copy_traced() {
	strace -f -o trace -e trace=splice,sendfile "$@"
}

# Twenty lines of 50,000 bytes.
@test "what -C, -t or -i look at is read and written, and nothing else" {
	local options

	requires strace
	requires_plain_build
	requires_feature splice
	for _ in {1..20}; do
		printf '%050000d\n' 1
	done >sent
	as_crlf sent >sent.crlf
	for options in '' -C -t '-i 1ms'; do
		echo "up, '$options'"
		cp sent expected
		[[ $options != -C ]] || cp sent.crlf expected
		listen_on server 127.0.0.1 0
		# shellcheck disable=SC2086 # they are words
		copy_traced "$SOCKCAT" $options "$ADDRESS" "$PORT" <sent
		succeed server
		same_bytes expected server.out
		copied "$options"

		listen_on server 127.0.0.1 0
		# shellcheck disable=SC2086 # they are words
		copy_traced "$SOCKCAT" $options "$ADDRESS" "$PORT" < <(cat sent)
		succeed server
		same_bytes expected server.out
		copied "$options"

		echo "down, '$options'"
		listen_on server 127.0.0.1 0 <sent
		# shellcheck disable=SC2086 # they are words
		copy_traced "$SOCKCAT" $options "$ADDRESS" "$PORT" </dev/null |
			cat >got
		succeed server
		same_bytes sent got
		[[ $options == -t ]] || options=
		copied "$options"
	done
}

# copied OPTIONS: the kernel was asked to, just without them
copied() {
	if [[ -z $1 ]]; then
		called
	else
		run ! called
	fi
}

# --- the command line ---------------------------------------------------------

@test "--help names what changes or delays lines" {
	run_sockcat --help
	[ "$status" -eq 0 ]
	[[ $output == *'  -C, --crlf '* ]]
	[[ $output == *'  -t, --telnet '* ]]
	[[ $output == *'  -i, --interval T '* ]]
	[ "$stderr" = '' ]
}

@test "an interval is a time" {
	local time

	for time in '' -1 x 1h; do
		refused "--interval: '$time' is not a time (5, 0.5, 200ms, 2m)" \
			--interval="$time" a 1
	done
}

@test "what takes no part in a transfer, or has none, is refused" {
	local option

	refused "-i has nothing to send with -d" -i 1 -d a 1
	refused "-i has nothing to send with -d" -i 1 --recv-only a 1
	refused "-t is for streams, not for datagrams" -t -u a 1
	refused "-C ends the lines that --line-datagrams takes apart" \
		-C -u --line-datagrams a 1
	for option in -C -t '-i 1'; do
		# shellcheck disable=SC2086 # they are words
		refused "${option%% *} does not fit -e: the program transfers" \
			$option -e cat a 1
		# shellcheck disable=SC2086 # they are words
		refused "${option%% *} does not fit -c: the command transfers" \
			$option -c cat a 1
	done
}
