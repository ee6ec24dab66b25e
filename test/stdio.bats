#!/usr/bin/env bats
# Standard input, output and error, whatever they are.

# shellcheck disable=SC2154 # stderr is set by run
load lib/helpers

# Its stdout is descriptor 6, which is nobody else's.
onto_6() {
	exec >&6 6>&-
	exec_command "$@"
}

flags_of() {
	sed -n 's/^flags:[[:blank:]]*//p' "/proc/$BASHPID/fdinfo/$1"
}

# --- closed descriptors -------------------------------------------------------

@test "a closed stdin is an empty one" {
	peer_listen server listen:127.0.0.1:0 accept send:reply expect-eof close
	start client redirected '<&-' "$SOCKCAT" "$ADDRESS" "$PORT"
	succeed client server
	holds client.out reply

	start_announced server redirected '<&-' "$SOCKCAT" -l \
		--announce server.announce 127.0.0.1 0
	peer client connect:"$ADDRESS:$PORT" send:request half-close expect-eof
	succeed client server
	holds server.out request
}

# What came for it must not go back to the peer, nor be lost in silence.
@test "a closed stdout is a failure once something comes for it" {
	local message='sockcat: write to stdout: Bad file descriptor\n'

	peer_listen server listen:127.0.0.1:0 accept send:reply expect:up \
		expect-eof close
	start client redirected '>&-' "$SOCKCAT" "$ADDRESS" "$PORT" \
		< <(printf up)
	finish client 7
	holds client.err "$message"
	succeed server

	start_announced server redirected '>&-' "$SOCKCAT" -l \
		--announce server.announce 127.0.0.1 0 < <(printf up)
	peer client connect:"$ADDRESS:$PORT" send:request half-close expect:up \
		expect-eof
	finish server 7
	holds server.err "$message"
	succeed client
}

@test "a closed stdout does not matter to one who gets nothing" {
	peer_listen server listen:127.0.0.1:0 accept expect:up expect-eof close
	start client redirected '>&-' "$SOCKCAT" "$ADDRESS" "$PORT" \
		< <(printf up)
	succeed client server
}

# messages ARG... -- TEXT...: sockcat ARG... has a socket for stdin that brings
# each of these as a message; what arrives is in server.out.
messages() {
	# shellcheck disable=SC2016 # sh is to expand it
	local onto_0='exec "$0" "$@" <&3 3<&-' arguments=()

	requires_feature splice # where the peer has such sockets, too
	while [[ $1 != -- ]]; do
		arguments+=("$1")
		shift
	done
	shift
	peer_listen server listen:127.0.0.1:0 accept read-all
	arguments+=("$ADDRESS" "$PORT")
	rm -f messages there
	peer source listen:unix-seqpacket:"$PWD/messages" touch:there accept \
		"${@/#/send:}" close
	within "$BOUND" test -e there
	peer client connect:unix-seqpacket:"$PWD/messages" exec \
		sh -c "$onto_0" "$SOCKCAT" "${arguments[@]}"
	succeed server client
	finish source
	printf %b "$@" >expected
	same_bytes expected server.out
}

@test "messages of a socket that is stdin are read whole" {
	local text line

	text=$(printf %0100000d 0)
	messages -- "$text" end
	line=$(printf %065000d 0)'\n'
	messages -i 0.02 -- "$line$line" "$line$line" "$line$line"
}

@test "what is behind urgent data is written though sending has failed" {
	mkfifo out
	exec 7<>out
	peer_listen server listen:127.0.0.1:0 accept send-bytes:300000 \
		urgent:! send:behind wait-read touch:sent wait-file:go reset
	start client to out "$SOCKCAT" -I 1000000 "$ADDRESS" "$PORT" < <(
		within "$BOUND" test -e over
		echo question
	)
	within "$BOUND" test -e sent
	touch go
	succeed server
	touch over
	within "$BOUND" grep -q 'lost: Connection reset by peer' client.err
	start reader cat out
	within "$BOUND" test -s reader.out
	exec 7>&-
	finish client 6
	succeed reader
	bytes 300000 expected
	printf behind >>expected
	same_bytes expected reader.out
}

@test "with a closed stderr no message gets into the stream" {
	peer_listen server listen:127.0.0.1:0 accept expect:up send:down \
		expect-eof close
	start client redirected '2>&-' "$SOCKCAT" -v "$ADDRESS" "$PORT" \
		< <(printf up)
	succeed client server
	holds client.out down

	start_announced server redirected '2>&-' "$SOCKCAT" -l -v \
		--announce server.announce 127.0.0.1 0 < <(printf up)
	peer client connect:"$ADDRESS:$PORT" expect:up expect-eof send:down \
		close
	succeed client server
	holds server.out down

	closed_port
	start refused redirected '2>&-' "$SOCKCAT" "$ADDRESS" "$PORT"
	finish refused 1
	holds refused.out ''
}

@test "without any descriptor nothing is echoed to the peer" {
	peer_listen server listen:127.0.0.1:0 accept send-bytes:100000 \
		expect-eof close
	start client redirected '<&- >&- 2>&-' "$SOCKCAT" -v "$ADDRESS" "$PORT"
	finish client 7
	succeed server

	start_announced server redirected '<&- >&- 2>&-' "$SOCKCAT" -l -v \
		--announce server.announce 127.0.0.1 0
	peer client connect:"$ADDRESS:$PORT" send-bytes:100000 half-close \
		expect-eof
	finish server 7
	succeed client
}

# --- what stdin may be --------------------------------------------------------

# What a client sends from its stdin is 300,000 bytes of the pattern.
sends_pattern() {
	peer_listen server listen:127.0.0.1:0 accept expect-bytes:300000 \
		expect-eof send:reply close
	start client "$SOCKCAT" "$ADDRESS" "$PORT"
	succeed client server
	holds client.out reply
}

@test "stdin may be a file, which is read from where it stands" {
	bytes 300000 data
	sends_pattern <data

	{ echo 'not sent' && cat data; } >longer
	{ read -r && sends_pattern; } <longer
}

@test "stdin may be a pipe or a FIFO" {
	sends_pattern < <("$PEER" print-bytes:300000)

	mkfifo in
	start feeder to in "$PEER" print-bytes:300000
	sends_pattern <in
	succeed feeder
}

@test "stdin may be a socket" {
	peer_listen source listen:127.0.0.1:0 accept send-bytes:300000 \
		half-close expect-eof
	exec 7<>"/dev/tcp/$ADDRESS/$PORT"
	sends_pattern <&7
	exec 7>&-
	succeed source
}

@test "stdin may be a file without a size" {
	run_sockcat_to_reader </proc/version
	same_bytes /proc/version reader.out
}

run_sockcat_to_reader() {
	peer_listen reader listen:127.0.0.1:0 accept read-all close
	run_sockcat "$ADDRESS" "$PORT"
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
	[ "$stderr" = '' ]
	succeed reader
}

@test "stdin may be /dev/null" {
	run_sockcat_to_reader </dev/null
	holds reader.out ''
}

# does_not_read MESSAGE COMMAND...: the client's stdin fails, and the reply is
# received all the same.
does_not_read() {
	local message=$1
	shift

	peer_listen server listen:127.0.0.1:0 accept expect-eof send:reply close
	start client "$@" "$SOCKCAT" "$ADDRESS" "$PORT"
	finish client 7
	succeed server
	holds client.out reply
	holds client.err "sockcat: read from stdin: $message\n"
}

@test "a stdin that is a directory is exit 7, after the reply" {
	does_not_read 'Is a directory' <.
}

@test "a stdin that is only for writing is exit 7, after the reply" {
	does_not_read 'Bad file descriptor' redirected '0>file'
}

@test "a stdin that has nothing right now is waited for" {
	mkfifo in
	exec 7<>in
	# dd sets the flag of what it was given, and leaves it.
	dd iflag=nonblock count=0 status=none <&7
	peer_listen server listen:127.0.0.1:0 accept expect:one send:1 \
		expect:two send:2 expect-eof close
	start client "$SOCKCAT" "$ADDRESS" "$PORT" <&7
	printf one >&7
	until_holds client.out 1
	printf two >&7
	until_holds client.out 12
	# That descriptor writes as well, so that stdin has no end.
	signal client TERM
	finish client 143
	succeed server
}

# --- what stdout may be -------------------------------------------------------

@test "stdout may be a file that others write to before and after" {
	local redirection once='before\nin the middle\nafter\n'

	for redirection in '>' '>>'; do
		peer_listen server listen:127.0.0.1:0 accept \
			send:'in the middle\n' close
		start group redirected "$redirection file" sequence
		finish group 0
		succeed server
		holds group.err ''
	done
	holds file "$once$once"
}

sequence() {
	echo before
	"$SOCKCAT" "$ADDRESS" "$PORT"
	echo after
}

@test "stdout may be /dev/null" {
	peer_listen server listen:127.0.0.1:0 accept queue-bytes:3000000 \
		expect:up expect-eof flush close
	start client to /dev/null "$SOCKCAT" -v "$ADDRESS" "$PORT" \
		< <(printf up)
	finish client 0
	succeed server
	grep -qx 'Sent 2 bytes, received 3000000 bytes' client.err
}

@test "stdout may be a socket" {
	local sink_port

	peer_listen sink listen:127.0.0.1:0 accept expect-bytes:300000 \
		expect-eof close
	sink_port=$PORT
	peer_listen server listen:127.0.0.1:0 accept send-bytes:300000 close
	exec 6<>"/dev/tcp/127.0.0.1/$sink_port"
	start client onto_6 "$SOCKCAT" "$ADDRESS" "$PORT"
	exec 6>&-
	succeed client server sink
}

@test "stdout may be the master of a terminal" {
	requires_terminal
	peer_listen server listen:127.0.0.1:0 accept send:hello close
	exec 6<>/dev/ptmx
	start client onto_6 "$SOCKCAT" "$ADDRESS" "$PORT"
	succeed client server
	# The terminal echoes what its user seems to have typed.
	read -rN 5 -t "$BOUND" -u 6
	[ "$REPLY" = hello ]
}

# As a server that inetd or socat started has it.
@test "stdin and stdout may be one socket, and its reader sees the end" {
	local left_port

	peer_listen left listen:127.0.0.1:0 accept send:request expect:reply \
		expect-eof close
	left_port=$PORT
	peer_listen right listen:127.0.0.1:0 accept expect:request send:reply \
		close
	exec 6<>"/dev/tcp/127.0.0.1/$left_port"
	start relay onto_6 "$SOCKCAT" "$ADDRESS" "$PORT" <&6
	exec 6>&-
	succeed left right relay
}

# Makes descriptor 6 a FIFO that takes no more, and 7 the other end of it.
open_full_6() {
	mkfifo out
	# shellcheck disable=SC2094 # both ends are meant
	exec 6<>out 7<out
	head -c 65536 /dev/zero >&6
}

# What has come through it, once so many bytes have.
read_7() {
	timeout "$BOUND" head -c $((65536 + $1)) <&7 | tail -c +65537
}

# stalled_then_whole COMMAND...: a client's stdout takes nothing for a while,
# and then all.
stalled_then_whole() {
	bytes 300000 data
	peer_listen server listen:127.0.0.1:0 accept queue-bytes:300000 \
		expect:up touch:up flush close 6>&-
	start client onto_6 "$@" "$SOCKCAT" "$ADDRESS" "$PORT" < <(printf up)
	# While it is stalled, what it sends gets through.
	within "$BOUND" test -e up
	within "$BOUND" is_asleep client
	read_7 300000 >got
	same_bytes data got
	succeed client server
}

@test "a stdout that came without blocking and stalls loses nothing" {
	open_full_6
	dd oflag=nonblock count=0 status=none >&6
	stalled_then_whole
	((0$(flags_of 6) & 04000))
}

@test "a stdout that cannot be opened anew stalls nothing else" {
	local unprivileged=()

	open_full_6
	chmod 0 out
	if [ "$(id -u)" -eq 0 ]; then
		unprivileged=(setpriv --reuid=65534 --clear-groups)
		requires setpriv
		if ! "${unprivileged[@]}" "$SOCKCAT" --version >/dev/null; then
			skip "needs a sockcat that others may run"
		fi
	fi
	stalled_then_whole "${unprivileged[@]}"
}

# --- what is shared is left as it was -----------------------------------------

@test "no flag of a pipe is changed, neither during nor after" {
	local in out err

	mkfifo in out err
	exec 7<>in 6<>out 5<>err
	in=$(flags_of 7) out=$(flags_of 6) err=$(flags_of 5)
	peer_listen server listen:127.0.0.1:0 accept expect:up send:down \
		touch:talked expect-eof close 5>&- 6>&-
	start client redirected '>&6 2>&5 5>&- 6>&-' \
		"$SOCKCAT" -v "$ADDRESS" "$PORT" <&7
	printf up >&7
	within "$BOUND" test -e talked
	[ "$(timeout "$BOUND" head -c 4 <&6)" = down ]
	[ "$(flags_of 7) $(flags_of 6) $(flags_of 5)" = "$in $out $err" ]
	signal client TERM
	finish client 143
	[ "$(flags_of 7) $(flags_of 6) $(flags_of 5)" = "$in $out $err" ]
	succeed server
}

@test "no flag of a socket or a file is changed" {
	local socket file

	peer_listen ends listen:127.0.0.1:0 accept send:up expect:down \
		touch:talked wait-file:over close
	exec 7<>"/dev/tcp/$ADDRESS/$PORT" 6>>file
	socket=$(flags_of 7) file=$(flags_of 6)
	peer_listen server listen:127.0.0.1:0 accept expect:up send:down \
		wait-file:over close
	start client redirected '>&0 2>&6 6>&-' \
		"$SOCKCAT" -v "$ADDRESS" "$PORT" <&7
	within "$BOUND" test -e talked
	[ "$(flags_of 7) $(flags_of 6)" = "$socket $file" ]
	touch over
	exec 7>&-
	finish client 0
	succeed ends server
	[ "$(flags_of 6)" = "$file" ]
}

# --- a stdout that is gone ----------------------------------------------------

# Before a COMMAND: as a shell in a terminal starts it, SIGPIPE not ignored.
with_sigpipe() {
	exec env --default-signal=PIPE "$@"
}

@test "after | head -1 it dies of SIGPIPE, though nothing more arrives" {
	local input

	mkfifo in
	exec 7<>in
	for input in /dev/null in; do
		peer_listen server listen:127.0.0.1:0 accept \
			send:'first\nsecond\n' wait-file:over expect-eof
		start client pipeline 'head -n 1' with_sigpipe \
			"$SOCKCAT" "$ADDRESS" "$PORT" <$input
		finish client 141
		touch over
		succeed server
		holds client.out 'first\n'
		holds client.err ''
		rm over
	done
}

@test "a reader that goes at once ends it, though the server is silent" {
	peer_listen server listen:127.0.0.1:0 accept expect-eof
	mkfifo in
	exec 7<>in
	start client pipeline true with_sigpipe "$SOCKCAT" "$ADDRESS" "$PORT" \
		<in
	finish client 141
	holds client.err ''
	succeed server

	start_announced server pipeline true with_sigpipe "$SOCKCAT" -l \
		--announce server.announce 127.0.0.1 0 <in
	peer client connect:"$ADDRESS:$PORT" expect-eof
	finish server 141
	holds server.err ''
	succeed client
}

@test "a reader that goes while it is flooded ends it" {
	peer_listen server listen:127.0.0.1:0 accept send-bytes:100000000
	start client pipeline 'head -c 100000' with_sigpipe \
		"$SOCKCAT" "$ADDRESS" "$PORT"
	finish client 141
	holds client.err ''
	bytes 100000 expected
	same_bytes expected client.out
	# The peer has sent all, or not.
	finish server
}

@test "a reader that goes ends it, though the server takes nothing" {
	peer_listen server rcvbuf:4096 listen:127.0.0.1:0 accept \
		send:'first\n' wait-file:over
	start client pipeline 'head -n 1' with_sigpipe \
		"$SOCKCAT" "$ADDRESS" "$PORT" </dev/zero
	finish client 141
	holds client.out 'first\n'
	holds client.err ''
	touch over
	succeed server
}

@test "where SIGPIPE is ignored, a reader that goes is exit 7" {
	mkfifo in
	exec 7<>in
	peer_listen server listen:127.0.0.1:0 accept expect-eof
	start client pipeline true env --ignore-signal=PIPE \
		"$SOCKCAT" "$ADDRESS" "$PORT" <in
	finish client 7
	holds client.err 'sockcat: write to stdout: Broken pipe\n'
	succeed server
}

# fills COMMAND...: a client whose stdout takes too little.  All that it has to
# send arrives, nobody is held up, and then it is exit 7.
fills() {
	bytes 300000 data
	peer_listen server listen:127.0.0.1:0 accept send-bytes:200000 \
		expect-bytes:300000 expect-eof
	start client "$@" "$SOCKCAT" "$ADDRESS" "$PORT" <data
	finish client 7
	succeed server
}

@test "a full device is exit 7, after everything else" {
	fills to /dev/full
	holds client.err 'sockcat: write to stdout: No space left on device\n'
}

@test "a file at its limit is exit 7, after everything else" {
	fills file_limit 64
	holds client.err 'sockcat: write to stdout: File too large\n'
	bytes 65536 expected
	same_bytes expected client.out
}

@test "a full disk is exit 7, after everything else" {
	requires unshare mount
	mkdir disk
	if ! unshare --mount mount -t tmpfs none disk; then
		skip "needs the right to mount"
	fi
	# shellcheck disable=SC2016 # for that shell
	fills unshare --mount bash -c 'mount -t tmpfs -o size=64k none disk
		"$@" >disk/file
		status=$?
		cat disk/file
		exit "$status"' -
	holds client.err 'sockcat: write to stdout: No space left on device\n'
	bytes 65536 expected
	same_bytes expected client.out
}

# --- terminals ----------------------------------------------------------------

# in_terminal COMMAND: a shell runs it in a terminal, into which descriptor 7
# types.  Its output has the terminal's line ends, and what was typed.
in_terminal() {
	mkfifo typed
	exec 7<>typed
	start terminal env SHELL="$(command -v bash)" \
		script -qec "$1" /dev/null <typed
}

has_shown() {
	grep -q "$1" terminal.out
}

@test "a line that is typed is sent, and the peer's end is the end" {
	requires_terminal
	peer_listen server listen:127.0.0.1:0 accept expect:'typed\n' \
		send:'shown\n' half-close expect-eof
	in_terminal "$SOCKCAT $ADDRESS $PORT"
	echo typed >&7
	finish terminal 0
	succeed server
	has_shown shown
}

@test "no flag of a terminal is changed, neither during nor after" {
	requires_terminal
	peer_listen server listen:127.0.0.1:0 accept send:'during\n' \
		wait-file:seen close
	# shellcheck disable=SC2016 # for the shell in the terminal
	in_terminal 'flags() { cat /proc/$$/fdinfo/[012] | grep flags; }
		before=$(flags)
		(until [ -e shown ]; do read -rt 0.01 <>.never; done
		[ "$(flags)" = "$before" ] && echo same during
		touch seen) &
		'"$SOCKCAT $ADDRESS $PORT"' && echo ended
		wait
		[ "$(flags)" = "$before" ] && echo same after'
	within "$BOUND" has_shown during
	touch shown
	finish terminal 0
	succeed server
	has_shown ended
	has_shown 'same during'
	has_shown 'same after'
}

# It sees that something was typed, which is not for it.
@test "in the background of a terminal it goes on without stdin" {
	requires_terminal
	peer_listen server listen:127.0.0.1:0 accept send:'first\n' \
		wait-file:read send:'second\n' expect-silence close
	in_terminal "set -m
		until read -rt 0; do read -rt 0.01 <>.never; done
		$SOCKCAT $ADDRESS $PORT &
		wait \$!"
	echo typed >&7
	within "$BOUND" has_shown first
	touch read
	finish terminal 0
	succeed server
	has_shown second
}

# --- a connection that breaks -------------------------------------------------

LOST='^sockcat: connection to .* lost: (Connection reset by peer|Broken pipe)$'

# Of 10 runs other netcats lose up to 4 replies.
@test "a reply before a reset is written, though more is being sent" {
	local run

	bytes 10000000 data
	for run in {1..10}; do
		echo "run $run"
		peer_listen server listen:127.0.0.1:0 accept \
			expect-bytes:1 send-bytes:20000 reset
		start client "$SOCKCAT" "$ADDRESS" "$PORT" <data
		finish client 6
		succeed server
		same_bytes client.out <(head -c 20000 data)
		[[ $(<client.err) =~ $LOST ]]
	done
}

@test "what came before a reset is written, to a slow reader too" {
	bytes 20000 data
	open_full_6
	peer_listen server listen:127.0.0.1:0 accept \
		send-bytes:20000 expect:up reset 6>&-
	start client onto_6 "$SOCKCAT" "$ADDRESS" "$PORT" < <(printf up)
	succeed server
	within "$BOUND" is_asleep client
	read_7 20000 >got
	same_bytes data got
	finish client 6
	[[ $(<client.err) =~ $LOST ]]
}

# The reset is there before sockcat looks whether it is connected.
@test "what came before a reset at once is written too" {
	requires strace
	requires_plain_build
	peer_listen server listen:127.0.0.1:0 accept send:reply reset
	start client strace -o trace -e trace=connect \
		-e inject=connect:delay_exit=200000 \
		"$SOCKCAT" -d "$ADDRESS" "$PORT"
	finish client 6
	succeed server
	holds client.out reply
	[[ $(<client.err) =~ $LOST ]]
}

@test "a reset of an idle connection is exit 6" {
	mkfifo in
	exec 7<>in
	peer_listen server listen:127.0.0.1:0 accept send:hello \
		wait-file:heard reset
	start client "$SOCKCAT" "$ADDRESS" "$PORT" <in
	until_holds client.out hello
	touch heard
	finish client 6
	succeed server
	[[ $(<client.err) =~ $LOST ]]
}

@test "a Unix peer that closes with something unread is exit 6" {
	mkfifo in
	exec 7<>in
	peer_listen server listen:unix:"$PWD/socket" accept send:hello \
		wait-file:sent close
	start client "$SOCKCAT" -U "$ADDRESS" <in
	until_holds client.out hello
	printf unread >&7
	within "$BOUND" is_drained 7
	touch sent
	finish client 6
	succeed server
	[[ $(<client.err) =~ $LOST ]]
}

@test "sending to a peer that has closed is exit 6" {
	mkfifo in
	exec 7<>in
	peer_listen server listen:127.0.0.1:0 accept send:bye close
	start client "$SOCKCAT" "$ADDRESS" "$PORT" <in
	until_holds client.out bye
	succeed server
	within "$BOUND" ended_by_writing client
	finish client 6
	[[ $(<client.err) =~ $LOST ]]
}

ended_by_writing() {
	printf more >&7
	has_ended "$1"
}

# --- nothing lost, nothing kept -----------------------------------------------

@test "files of all sizes pass both ways, over each kind of stream" {
	local endpoint size

	requires_ipv6
	for size in 0 1 4095 4096 4097 65535 65536 65537 10485760; do
		bytes "$size" up
		tac -s '' up >down
		for endpoint in '127.0.0.1 0' '::1 0' "unix:$PWD/socket"; do
			echo "$size bytes over $endpoint"
			# shellcheck disable=SC2086 # host and port
			listen_on server $endpoint <down
			start client "$SOCKCAT" ${PORT:+"$ADDRESS"} \
				"${PORT:-unix:$ADDRESS}" <up
			succeed client server
			same_bytes up server.out
			same_bytes down client.out
		done
	done
}

@test "memory does not grow with what passes through" {
	requires_native 'the memory is its own'
	local name

	requires_plain_build
	mkfifo held out
	exec 7<>held
	start count redirected '<out' wc -c
	start_announced server to out "$SOCKCAT" -l --announce server.announce \
		127.0.0.1 0 <held
	start client "$SOCKCAT" "$ADDRESS" "$PORT" \
		< <(head -c 500M /dev/zero 7>&-)
	# The server's stdin is still open when all has passed.
	succeed count
	holds count.out '524288000\n'
	for name in server client; do
		echo "$name: $(memory_of "$name") KiB"
		[ "$(memory_of "$name")" -le 2560 ]
	done
	exec 7>&-
	succeed client server
}

# --- system calls -------------------------------------------------------------

@test "a message costs a wait, a read and a write" {
	local i steps=() calls

	requires strace
	requires_feature ppoll
	requires_plain_build
	mkfifo in
	exec 7<>in
	for i in {1..5}; do
		steps+=(expect:ping send:pong)
	done
	peer_listen server listen:127.0.0.1:0 accept "${steps[@]}" \
		expect-eof close
	start client strace -o trace "$SOCKCAT" "$ADDRESS" "$PORT" <in
	# The first round also finds out how to copy.
	plays_round 1
	calls=$(wc -l <trace)
	for i in {2..5}; do
		plays_round "$i"
	done
	# The wait that is under way is in both counts.
	tail -n +"$calls" trace >rounds
	cat rounds
	[ "$(wc -l <rounds)" -le $((1 + 4 * 2 * 3)) ]
	run grep -vE '^(p?poll|(read|recv|write|send)[a-z]*|splice)\(' rounds
	[ "$output" = '' ]
	exec 7>&-
	succeed client server
}

# One message each way, after which it waits for the next.
plays_round() {
	printf ping >&7
	within "$BOUND" has_waited_after "$1"
}

has_waited_after() {
	local last

	last=$(tail -n 1 trace)
	[[ $(wc -c <client.out) -eq $((4 * $1)) && $last =~ ^p?poll &&
		$last != *') = '* ]]
}

# with_faults ERROR COMMAND...: every other of these calls fails with it.
with_faults() {
	local error=$1 calls=readv,writev,recvmsg,sendmsg,splice,sendfile
	shift

	if [ "$error" = EINTR ]; then
		calls+=,ppoll
	fi
	exec strace -o trace -e trace="$calls" \
		-e inject="$calls:error=$error:when=1+2" "$@"
}

# Faults do not count where the calls are others than these.
had_faults() {
	local count

	count=$(grep -c INJECTED trace)
	echo "$count faults"
	[ "$count" -ge 4 ]
}

# So do splices that find urgent data in their way: it is not the end, and not
# that the pipe is full.
@test "a splice that moves nothing loses nothing" {
	local fault

	requires strace
	requires_plain_build
	bytes 1000000 data
	mkfifo out
	for fault in retval=0:when=2 error=EAGAIN:when=2+; do
		echo "$fault"
		peer_listen server listen:127.0.0.1:0 accept \
			send-bytes:1000000 half-close expect-eof
		start reader cat out
		start client to out strace -o trace -e trace=splice \
			-e inject=splice:"$fault" \
			"$SOCKCAT" "$ADDRESS" "$PORT"
		succeed client server reader
		same_bytes data reader.out
	done
}

@test "calls that are interrupted or come too early are made again" {
	local error

	requires strace
	requires_plain_build
	bytes 1000000 data
	head -c 100000 data >datagrams
	mkfifo out
	for error in EINTR EAGAIN; do
		echo "$error from a file to a file"
		peer_listen server listen:127.0.0.1:0 accept \
			queue-bytes:1000000 expect-bytes:1000000 expect-eof \
			flush close
		start client with_faults "$error" \
			"$SOCKCAT" "$ADDRESS" "$PORT" <data
		succeed server client
		same_bytes data client.out
		had_faults

		echo "$error from a pipe to a pipe"
		peer_listen server listen:127.0.0.1:0 accept \
			queue-bytes:1000000 expect-bytes:1000000 expect-eof \
			flush close
		start reader cat out
		start client to out with_faults "$error" \
			"$SOCKCAT" "$ADDRESS" "$PORT" \
			< <("$PEER" print-bytes:1000000)
		succeed server client reader
		same_bytes data reader.out
		had_faults

		echo "$error with datagrams"
		peer_listen server listen:udp:127.0.0.1:0 accept \
			expect-bytes:65507 expect-bytes:34493 send-bytes:1 \
			send-bytes:65507 send-bytes:34492
		start client with_faults "$error" \
			"$SOCKCAT" -u -W 3 -q "$BOUND" "$ADDRESS" "$PORT" \
			<datagrams
		succeed server client
		same_bytes datagrams client.out
		had_faults
	done
}

@test "a stdout that is a socket and short of memory for once goes on" {
	local sink_port

	requires strace
	requires_plain_build
	peer_listen sink listen:127.0.0.1:0 accept expect:hello expect-eof
	sink_port=$PORT
	peer_listen server listen:127.0.0.1:0 accept send:hello close
	exec 6<>"/dev/tcp/127.0.0.1/$sink_port"
	start client onto_6 strace -qq -o trace -e trace=sendmsg \
		-e inject=sendmsg:error=ENOBUFS:when=1 \
		"$SOCKCAT" -d "$ADDRESS" "$PORT"
	exec 6>&-
	succeed client server sink
	grep -q INJECTED trace
}

@test "a stdout that is only for reading is exit 7, and nothing comes back" {
	peer_listen server listen:127.0.0.1:0 accept send:secret expect-eof
	mkfifo both
	exec 6<>both
	exec 5<both
	start client reading_end "$SOCKCAT" "$ADDRESS" "$PORT"
	until_holds client.err 'sockcat: write to stdout: Bad file descriptor\n'
	exec 5>&- 6>&-
	finish client 7
	succeed server
}

# Both stdin and stdout are the end of a pipe that is read from.
reading_end() {
	exec <&5 >&5 5>&- 6>&-
	exec "$@"
}
