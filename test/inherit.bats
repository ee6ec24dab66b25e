#!/usr/bin/env bats
# Sockets that are open already: --fd, and what systemd passes.

# shellcheck disable=SC2153,SC2154 # run and load set them
load lib/helpers

# The words of glibc and of musl.
NO_SOCKET='@(Socket operation on non-socket|Not a socket)'

# Each test is passed its socket by the peer's exec, as descriptor 3.

# pass KIND COMMAND...: "server" is started with a socket that listens; sets
# AT, which is where for the peer.
pass() {
	local address=$1
	shift

	case $address in
	tcp) address=127.0.0.1:0 ;;
	tcp6) address='[::1]:0' ;;
	udp) address=udp:127.0.0.1:0 ;;
	unix) address=unix:path ;;
	unix-dgram) address=unix-dgram:path ;;
	esac
	rm -f path
	start_announced server "$PEER" timeout:"$BOUND" \
		announce:server.announce listen:"$address" exec "$@"
	case $address in
	unix*) AT=$address ;;
	udp:*) AT=udp:$ADDRESS:$PORT ;;
	*) AT=[$ADDRESS]:$PORT ;;
	esac
}

# talks: a client says hello, and is told what is on the server's stdin.
talks() {
	peer client connect:"$AT" send:hello half-close expect:'answer\n' \
		expect-eof
	succeed client server
	holds server.out hello
}

# end_server: with -k, it is there until it is told.
end_server() {
	is_running server
	signal server TERM
	finish server 143
}

# --- who listens --------------------------------------------------------------

@test "--fd listens on a TCP socket" {
	pass tcp "$SOCKCAT" -l --fd 3 <<<answer
	talks
}

@test "--fd listens on an IPv6 socket" {
	requires_ipv6
	pass tcp6 "$SOCKCAT" -l --fd 3 <<<answer
	talks
}

@test "--fd listens on a Unix socket, whose path is not ours to remove" {
	pass unix "$SOCKCAT" -l --fd 3 <<<answer
	talks
	[ -S path ]
	pass unix:"@inherit.$$" "$SOCKCAT" -l --fd 3 <<<answer
	AT=unix:@inherit.$$
	talks
}

@test "--fd hears datagrams" {
	pass udp "$SOCKCAT" -l --fd 3 -W 2 <<<answer
	peer client connect:"$AT" send:one expect:'answer\n' send:two
	succeed client server
	holds server.out onetwo
}

@test "--fd hears Unix datagrams, whose path is not ours to remove" {
	pass unix-dgram "$SOCKCAT" -l --fd 3 -W 2 <<<answer
	peer client from:unix-dgram:mine connect:"$AT" send:one \
		expect:'answer\n' send:two
	succeed client server
	holds server.out onetwo
	[ -S path ]
}

@test "--fd may be told what its socket is" {
	pass unix "$SOCKCAT" -l -U --fd 3 <<<answer
	talks
	pass udp "$SOCKCAT" -l -u --fd 3 -W 1
	peer client connect:"$AT" send:hello
	succeed client server
	holds server.out hello
	pass unix-dgram "$SOCKCAT" -l -u -U --fd 3 -W 1
	peer client connect:"$AT" send:hello
	succeed client
	finish server 0
	holds server.out hello
}

@test "--fd takes another number than 3" {
	# shellcheck disable=SC2016 # the inner shell expands it
	pass tcp sh -c 'exec "$0" -l --fd 8 8<&3 3<&-' "$SOCKCAT" <<<answer
	talks
}

@test "without an operand -l takes the socket that it is passed" {
	local kind

	for kind in tcp unix; do
		pass "$kind" "$SOCKCAT" -l <<<answer
		talks
	done
	pass udp "$SOCKCAT" -l -W 1
	peer client connect:"$AT" send:hello
	succeed client server
	holds server.out hello
}

@test "an operand means another socket than the one that is passed" {
	# shellcheck disable=SC2016 # the inner shell expands it
	pass tcp "$SOCKCAT" -l --announce file 127.0.0.1 0 <<<answer
	passed=$PORT
	announced file
	[ "$PORT" -ne "$passed" ]
	AT=$ADDRESS:$PORT
	talks
}

@test "what is passed to another process is not taken" {
	run_sockcat -l
	[ "$status" -eq 2 ]
	local usage=$stderr

	run --separate-stderr env LISTEN_FDS=1 LISTEN_PID=1 "$SOCKCAT" -l 3</dev/null
	[ "$status" -eq 2 ]
	[ "$stderr" = "$usage" ]
	run --separate-stderr env LISTEN_FDS=1 "$SOCKCAT" -l 3</dev/null
	[ "$status" -eq 2 ]
	[ "$stderr" = "$usage" ]
}

# with_pid COMMAND...: LISTEN_PID is its own.
with_pid() {
	LISTEN_PID=$BASHPID exec env "$@" 3</dev/null
}

@test "what is passed has to be one socket" {
	local count

	for count in 0 2 -1 x ''; do
		echo "LISTEN_FDS='$count'"
		start server with_pid LISTEN_FDS="$count" "$SOCKCAT" -l
		finish server 2
		holds server.out ''
		holds server.err "sockcat: LISTEN_FDS: '$count' sockets are not\
 one\nTry 'sockcat --help'.\n"
	done
}

@test "what is passed is looked at like --fd" {
	start server with_pid LISTEN_FDS=1 "$SOCKCAT" -l
	finish server 5
	holds server.out ''
	[[ $(<server.err) == 'sockcat: listen on descriptor 3 failed: '$NO_SOCKET ]]
}

@test "systemd-socket-activate starts a service" {
	local sockcat=$SOCKCAT

	requires systemd-socket-activate
	# It says nothing of the port that it has got: it is given one, which
	# nobody else can have.
	namespace
	start server "$(wrapper activate systemd-socket-activate)" \
		-l 127.0.0.1:7000 "$sockcat" -l -e cat
	within "$BOUND" "$PEER" connect:127.0.0.1:7000 send:hello \
		half-close expect:hello expect-eof 2>/dev/null
	finish server 0
}

# --- with other options -------------------------------------------------------

@test "with -k a socket that is passed serves many" {
	local kind

	for kind in tcp unix; do
		pass "$kind" "$SOCKCAT" -l -k --fd 3
		peer idle connect:"$AT" send:1 touch:there wait-file:go
		until_holds server.out 1
		peer client connect:"$AT" send:2 half-close expect-eof
		succeed client
		until_holds server.out 12
		touch go
		succeed idle
		rm go
		end_server
		holds server.err ''
		[ "$kind" = tcp ] || [ -S path ]
	done
	pass udp "$SOCKCAT" -l -k --fd 3
	peer client connect:"$AT" send:1
	succeed client
	until_holds server.out 1
	peer client connect:"$AT" send:2
	succeed client
	until_holds server.out 12
	end_server
}

@test "a program on a socket that is passed has the connection alone" {
	local kind way

	start plain ls /proc/self/fd
	succeed plain
	for kind in tcp unix; do
		for way in '' -k; do
			echo "$kind $way"
			pass "$kind" "$SOCKCAT" -l $way -e 'ls /proc/self/fd' \
				--fd 3
			peer client connect:"$AT" half-close read-all
			succeed client
			same_bytes plain.out client.out
			[[ -z $way ]] || signal server TERM
			finish server
		done
	done
	pass udp "$SOCKCAT" -l -c 'exec ls /proc/self/fd >&2' --fd 3
	peer client connect:"$AT" send:x
	succeed client
	finish server 0
	same_bytes plain.out server.err
}

@test "a program is not told of the socket that we were passed" {
	local way

	for way in '' -k; do
		pass tcp "$SOCKCAT" -l $way -e env
		peer client connect:"$AT" half-close read-all
		succeed client
		run ! grep ^LISTEN_ client.out
		grep '^SOCKCAT_PROTO=tcp$' client.out
		grep "^SOCKCAT_LOCAL_PORT=$PORT\$" client.out
		[[ -z $way ]] || signal server TERM
		finish server
	done
}

@test "a datagram socket that is passed leaves the first one to the program" {
	pass udp "$SOCKCAT" -l -e 'head -n 1'
	peer client connect:"$AT" send:'hello\n' expect:'hello\n'
	succeed client server
}

@test "a socket that is passed is announced" {
	local kind

	for kind in tcp udp; do
		pass "$kind" "$SOCKCAT" -l --announce file --fd 3
		within "$BOUND" test -s file
		holds file "$ADDRESS $PORT\n"
		end_server
		[ ! -e file ]
	done
	for kind in unix unix-dgram; do
		pass "$kind" "$SOCKCAT" -l --announce file
		within "$BOUND" test -s file
		holds file 'path\n'
		end_server
		[ ! -e file ]
		[ -S path ]
	done
	pass unix:"@inherit.$$" "$SOCKCAT" -l --announce file
	within "$BOUND" test -s file
	holds file "@inherit.$$\n"
	end_server
}

@test "with -v it is said what one listens on" {
	pass tcp "$SOCKCAT" -l -v -e true --fd 3
	peer client connect:"$AT" expect-eof
	succeed client
	finish server 0
	[ "$(head -n 1 server.err)" = "Listening on 127.0.0.1 $PORT" ]
	[[ $(<server.err) == *'Connection received on 127.0.0.1 '* ]]
	pass unix "$SOCKCAT" -l -v -e true --fd 3
	peer client connect:"$AT" expect-eof
	succeed client
	finish server 0
	[ "$(head -n 3 server.err)" = 'Bound on path
Listening on path
Connection received on path' ]
}

@test "--accept-timeout ends the wait on a socket that is passed" {
	pass tcp "$SOCKCAT" -l --accept-timeout 0.1 --fd 3
	finish server 4
	holds server.err "sockcat: no client on 127.0.0.1 port $PORT (tcp):\
 time limit passed\n"
}

@test "what is passed and shared stays open for the others" {
	# The shell has it, too, and nobody who comes is refused.
	# shellcheck disable=SC2016 # the inner shell expands it
	pass tcp sh -c '"$0" -l --fd 3 && "$0" -l --fd 3' "$SOCKCAT"
	peer first connect:"$AT" send:1 half-close expect-eof
	peer second connect:"$AT" send:2 half-close expect-eof
	succeed first second server
	[[ $(<server.out) == @(12|21) ]]
}

# --- the same socket for several ----------------------------------------------

@test "two may listen on the same socket, and each client has one of them" {
	local i

	# shellcheck disable=SC2016 # the inner shell expands it
	pass tcp sh -c '"$0" -lk --fd 3 >a & echo $! >pids
		"$0" -lk --fd 3 >b & echo $! >>pids; wait' "$SOCKCAT"
	for i in {1..20}; do
		peer "client$i" connect:"$AT" send:x half-close expect-eof
	done
	for i in {1..20}; do
		succeed "client$i"
	done
	within "$BOUND" all_there
	xargs kill <pids
	finish server 0
	holds server.err ''
}

all_there() {
	[ "$(cat a b)" = xxxxxxxxxxxxxxxxxxxx ] && [ "$(wc -l <pids)" -eq 2 ]
}

# sleeps_in WORD NAME: the kernel has it waiting in a function of such a name.
sleeps_in() {
	[[ $(<"/proc/${PIDS[$2]}/wchan") == *"$1"* ]]
}

# tracer_of NAME: prints the PID of who traces it.
tracer_of() {
	sed -n 's/^TracerPid:[^0-9]*//p' "/proc/${PIDS[$1]}/status"
}

# The other one takes the client while this one is on its way to accept it,
# which then waits there: the socket is blocking, for it came so.  It is no
# child of this one, or its end were a signal, too.
@test "a client that another has taken holds no signal up" {
	local accepts=accept,accept4 tracer way

	requires strace
	requires_plain_build
	strace -qq -o /dev/null -e trace="$accepts" true 2>/dev/null ||
		skip "needs to trace"
	start sleeper cat <.never
	within 1 sleeps_in pipe sleeper || way=none
	signal sleeper TERM
	finish sleeper
	[[ $way != none ]] || skip "needs /proc/PID/wchan"
	for way in '' -k; do
		rm -f go trace
		# shellcheck disable=SC2016 # the inner shell expands it
		pass tcp sh -c '("$2" timeout:"$3" wait-file:go &&
				exec "$1" -l --fd 3 >taken &)
			exec strace -D -qq -o trace -e trace="$4" \
			-e inject="$4":delay_enter=60000000:when=1 \
			"$1" -l $5 --fd 3' \
			_ "$SOCKCAT" "$PEER" "$BOUND" "$accepts" "$way"
		peer client connect:"$AT" send:x half-close expect-eof
		within "$BOUND" grep -qs accept trace
		touch go
		succeed client
		holds taken x
		# Who traces it lets it go when that is ended.
		tracer=$(tracer_of server)
		[ "$tracer" -gt 0 ]
		kill -s KILL "$tracer"
		within "$BOUND" sleeps_in accept server
		end_server
		holds server.out ''
		holds server.err ''
	done
}

@test "another --fd on the same socket is served when the first has gone" {
	# shellcheck disable=SC2016 # the inner shell expands it
	pass tcp sh -c '"$0" -l --fd 3 --accept-timeout 0.1; exec "$0" -l --fd 3' \
		"$SOCKCAT" <<<answer
	within "$BOUND" grep -q 'time limit passed' server.err
	peer client connect:"$AT" send:hello half-close expect:'answer\n' \
		expect-eof
	succeed client
	finish server 0
	holds server.out hello
}

# --- what is not to be listened on --------------------------------------------

# unlistenable REASON COMMAND...: it cannot be listened on, and is left alone.
unlistenable() {
	local reason=$1
	shift

	echo "$*"
	run --separate-stderr timeout "$BOUND" "$@"
	echo "status $status: $stderr"
	[ "$status" -eq 5 ]
	[ "$output" = '' ]
	# shellcheck disable=SC2053 # a pattern it is
	[[ $stderr == 'sockcat: listen on descriptor '+([0-9])" failed: "$reason ]]
}

@test "a descriptor that is closed is refused, and named" {
	unlistenable 'Bad file descriptor' "$SOCKCAT" -l --fd 57
	[[ $stderr == *'descriptor 57 '* ]]
	unlistenable 'Bad file descriptor' "$SOCKCAT" -l --fd 2147483647
	unlistenable 'Bad file descriptor' "$SOCKCAT" -lk -e true --fd 57
	unlistenable 'Bad file descriptor' "$SOCKCAT" -l --announce file --fd 57
	[ ! -e file ]
}

@test "a descriptor that is no socket is refused, and left alone" {
	echo precious >file
	unlistenable "$NO_SOCKET" "$SOCKCAT" -l --fd 5 5<>file
	holds file 'precious\n'
	unlistenable "$NO_SOCKET" "$SOCKCAT" -l --fd 5 5<.
	unlistenable "$NO_SOCKET" "$SOCKCAT" -l --fd 5 5<>.never
	unlistenable "$NO_SOCKET" "$SOCKCAT" -luU --fd 5 5</dev/null
}

@test "a socket that is connected is refused, and its peer hears nothing" {
	local kind

	for kind in 127.0.0.1:0 unix:path; do
		peer_listen other listen:"$kind" accept wait-file:over \
			expect-eof
		[[ $kind == unix:* ]] || kind=$ADDRESS:$PORT
		unlistenable 'it does not listen' "$PEER" connect:"$kind" \
			exec "$SOCKCAT" -l --fd 3
		touch over
		succeed other
		rm over
	done
}

@test "a socket that is bound and does not listen is refused" {
	unlistenable 'it does not listen' "$PEER" bind:127.0.0.1:0 \
		exec "$SOCKCAT" -l --fd 3
	unlistenable 'it does not listen' "$PEER" bind:unix:path \
		exec "$SOCKCAT" -lU --fd 3
	[ -S path ]
	unlistenable 'it does not listen' "$PEER" bind:127.0.0.1:0 \
		exec "$SOCKCAT" -l
}

@test "a socket that is not what it is said to be is refused" {
	local peer=("$PEER" announce:/dev/null)

	unlistenable 'it is not for datagrams' "${peer[@]}" listen:127.0.0.1:0 \
		exec "$SOCKCAT" -lu --fd 3
	unlistenable 'it is not for datagrams' "${peer[@]}" listen:unix:path \
		exec "$SOCKCAT" -lu
	unlistenable 'it is not a Unix socket' "${peer[@]}" listen:127.0.0.1:0 \
		exec "$SOCKCAT" -lU --fd 3
	unlistenable 'it is not a Unix socket' "${peer[@]}" listen:udp:127.0.0.1:0 \
		exec "$SOCKCAT" -luU --fd 3
}

# misused SENTENCE ARG...: a usage error that says so.
misused() {
	local sentence=$1
	shift

	echo "sockcat $*"
	run --separate-stderr "$PEER" announce:/dev/null listen:127.0.0.1:0 \
		exec timeout "$BOUND" "$SOCKCAT" "$@"
	[ "$status" -eq 2 ]
	[ "$output" = '' ]
	[ "${stderr_lines[0]}" = "sockcat: $sentence" ]
	[ "${stderr_lines[1]}" = "Try 'sockcat --help'." ]
	[ "${#stderr_lines[@]}" -eq 2 ]
}

@test "what cannot be asked of a socket that is open already" {
	local number

	for number in 0 1 2 -1 x 3x '' 2147483648; do
		misused "--fd: '$number' is not a number from 3 to 2147483647" \
			-l --fd "$number"
	done
	misused '--fd needs -l' --fd 3
	misused '--fd needs -l' --fd 99 # which is not open
	misused "--fd takes no operand: '80'" -l --fd 3 80
	misused "--fd takes no operand: '127.0.0.1'" -l --fd 3 127.0.0.1 80
	misused "--fd takes no operand: 'path'" -l --fd 3 unix:path
	misused '--fd is bound already: -p does not fit' -l --fd 3 -p 80
	misused '--fd is bound already: -s does not fit' -l --fd 3 -s 127.0.0.1
	misused '--fd listens already: --backlog does not fit' \
		-l --fd 3 --backlog 5
}

@test "no socket that is open already gets permissions" {
	run --separate-stderr "$PEER" announce:/dev/null listen:unix:path \
		exec timeout "$BOUND" "$SOCKCAT" -lU --fd 3 --mode 600
	[ "$status" -eq 2 ]
	[ "$output" = '' ]
	[ "${stderr_lines[0]}" = \
		'sockcat: --fd is bound already: --mode does not fit' ]
}
