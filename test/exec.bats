#!/usr/bin/env bats
# Programs: what -e and -c run, what they are given, and what becomes of them.

# shellcheck disable=SC2153,SC2154 # run and load set them
load lib/helpers

SHORT='Resource temporarily unavailable'

# serve KIND ARG...: "server" listens; sets AT, which is where for the peer.
serve() {
	local kind=$1
	shift

	rm -f path
	case $kind in
	tcp) listen_on server "$@" 127.0.0.1 0 && AT=$ADDRESS:$PORT ;;
	tcp6) listen_on server "$@" ::1 0 && AT=[$ADDRESS]:$PORT ;;
	udp) listen_on server -u "$@" 127.0.0.1 0 && AT=udp:$ADDRESS:$PORT ;;
	unix) listen_on server "$@" -U path && AT=unix:path ;;
	esac
}

# ask STEP...: a client comes, says these, half-closes, and hears all that the
# program has to say, into client.out.
ask() {
	peer client connect:"$AT" "$@" half-close read-all
	succeed client
}

# call KIND ARG...: "client" connects to a peer that does no more than listen
# to it, into other.out.
call() {
	local kind=$1
	shift

	rm -f path
	case $kind in
	tcp)
		peer_listen other listen:127.0.0.1:0 accept half-close read-all
		start client "$SOCKCAT" "$@" "$ADDRESS" "$PORT"
		;;
	unix)
		peer_listen other listen:unix:path accept half-close read-all
		start client "$SOCKCAT" "$@" -U path
		;;
	esac
}

# inside_of ARG...: prints what a program says that is run with ARG... in each
# way that there is, and fails unless it is always the same.  What comes
# before "--" is a command that starts sockcat.
inside_of() {
	local before=() way first=

	while [[ $1 != -- ]]; do
		before+=("$1")
		shift
	done
	shift
	for way in '' -k; do
		start_announced server "${before[@]}" "$SOCKCAT" -l $way \
			--announce server.announce "$@" 127.0.0.1 0
		AT=$ADDRESS:$PORT
		ask
		[[ -z $way ]] || signal server TERM
		finish server
		same_as_first "-l $way" client.out
	done
	peer_listen other listen:127.0.0.1:0 accept half-close read-all
	start caller "${before[@]}" "$SOCKCAT" "$@" "$ADDRESS" "$PORT"
	succeed other caller
	same_as_first 'in connect mode' other.out
}

# same_as_first WAY FILE: the first one is kept in "first".
same_as_first() {
	if [[ -z $first ]]; then
		first=$2.first
		cp "$2" first
	elif ! cmp -s first "$2"; then
		echo "$1 it is otherwise:"
		diff first "$2"
		return 1
	fi
}

# plain COMMAND...: what it says when it is run without sockcat, in "plain".
plain() {
	start plain "$@"
	succeed plain
	cp plain.out plain
}

# is_gone PID: where nobody buries the dead, they are gone as well.
is_gone() {
	local state=

	read -r _ _ state _ 2>/dev/null <"/proc/$1/stat" || return 0
	[[ $state == Z ]]
}

# end_server: with -k, it is there until it is told.
end_server() {
	is_running server
	signal server TERM
	finish server 143
	holds server.out ''
}

# --- the program and its words ------------------------------------------------

@test "a program gets what a client sends, and the client what it says" {
	local kind way

	for kind in tcp unix; do
		for way in -e -c; do
			echo "$kind $way"
			serve "$kind" "$way" cat
			ask send:hello
			holds client.out hello
			succeed server
			holds server.out ''
		done
	done
}

@test "with -k each client has a program of its own" {
	local kind way

	for kind in tcp unix; do
		for way in -e -c; do
			echo "$kind $way"
			serve "$kind" -k "$way" cat
			peer idle connect:"$AT" send:idle wait-file:go half-close \
				expect:idle expect-eof
			ask send:first
			holds client.out first
			ask send:second
			holds client.out second
			touch go
			succeed idle
			rm go
			end_server
			holds server.err ''
		done
	done
}

@test "a program may be run at the connecting side" {
	local way

	for way in -e -c; do
		peer_listen other listen:127.0.0.1:0 accept send:hello \
			half-close expect:hello expect-eof
		run_sockcat "$way" cat "$ADDRESS" "$PORT"
		[ "$status" -eq 0 ]
		[ "$output" = '' ]
		[ "$stderr" = '' ]
		succeed other
		peer_listen other listen:unix:path accept send:hello \
			half-close expect:hello expect-eof
		run_sockcat "$way" cat -U path
		[ "$status" -eq 0 ]
		[ "$output" = '' ]
		[ "$stderr" = '' ]
		succeed other
		rm path
	done
}

@test "a program over IPv6" {
	requires_ipv6
	serve tcp6 -e cat
	ask send:hello
	holds client.out hello
	succeed server
}

@test "the words of -e are split at blanks and tabs" {
	serve tcp -e $' \tprintf\t %s|  a\t\tb c \t'
	ask
	holds client.out 'a|b|c|'
	succeed server
}

@test "-e knows no quotes, and no shell" {
	serve tcp -e "printf %s| 'a b' \"c\" \\ \$HOME * ; true"
	ask
	printf '%s|' "'a" "b'" '"c"' "\\" "\$HOME" '*' ';' true >expected
	same_bytes expected client.out
	succeed server
}

@test "-c is a shell's command, with its quotes" {
	serve tcp -c "printf '%s|' 'a b' \"c  d\" e\\ f; echo \$((6 * 7))"
	ask
	holds client.out 'a b|c  d|e f|42\n'
	succeed server
}

@test "-c may begin with a dash" {
	serve tcp -c '-no-such-command 2>/dev/null || echo else'
	ask
	holds client.out 'else\n'
	succeed server
}

@test "a program without a slash is looked for in PATH" {
	local way

	mkdir bin
	printf '#!/bin/sh\necho found\n' >bin/only-there
	chmod +x bin/only-there
	for way in '' -k; do
		PATH=$PWD/bin:$PATH serve tcp $way -e only-there
		ask
		holds client.out 'found\n'
		[[ -z $way ]] || end_server
		finish server
	done
}

@test "what a program says on stderr is not for the client" {
	serve tcp -c 'echo aside >&2; echo answer'
	ask
	holds client.out 'answer\n'
	finish server 0
	holds server.err 'aside\n'
	serve tcp -k -c 'echo aside >&2; echo answer'
	ask
	holds client.out 'answer\n'
	end_server
	holds server.err 'aside\n'
}

@test "sockcat's own stdin and stdout are not the program's" {
	echo mine >mine
	listen_on server -e cat 127.0.0.1 0 <mine
	AT=$ADDRESS:$PORT
	ask send:hello
	holds client.out hello
	succeed server
	holds server.out ''
}

@test "with -v it is said where one listens and who came, and no more" {
	local client

	serve tcp -v -e cat
	ask send:hello
	finish server 0
	client=$(sed -n 's/^Connection received on 127.0.0.1 //p' server.err)
	holds server.err "Listening on 127.0.0.1 $PORT
Connection received on 127.0.0.1 $client
"
}

# --- what it finds ------------------------------------------------------------

# A command that prints what it is told of its connection.
# shellcheck disable=SC2016 # the program's shell expands it
FACTS='printf "%s/" "$SOCKCAT_PROTO" "$SOCKCAT_LOCAL_ADDR" \
	"$SOCKCAT_LOCAL_PORT" "$SOCKCAT_REMOTE_ADDR" "$SOCKCAT_REMOTE_PORT"'

# told_as_received ADDRESS: of TCP from there to there, and the port that
# -v has seen.
told_as_received() {
	local client

	client=$(sed -n "s/^Connection received on $1 //p" server.err)
	[[ $client =~ ^[1-9][0-9]*$ ]]
	holds client.out "tcp/$1/$PORT/$1/$client/"
}

@test "a program is told who talks to whom" {
	local way

	for way in '' -k; do
		serve tcp -v $way -c "$FACTS"
		ask
		told_as_received 127.0.0.1
		[[ -z $way ]] || signal server TERM
		finish server
	done
	peer_listen other listen:127.0.0.1:0 accept print-peer half-close \
		read-all
	run_sockcat -c "$FACTS" "$ADDRESS" "$PORT"
	[ "$status" -eq 0 ]
	succeed other
	read -r _ client <other.out
	[ "$(tail -n 1 other.out)" = \
		"tcp/127.0.0.1/$client/127.0.0.1/$PORT/" ]
}

@test "a program is told IPv6 addresses without brackets" {
	requires_ipv6
	serve tcp6 -v -c "$FACTS"
	ask
	told_as_received ::1
	finish server 0
}

@test "an IPv4 client of a listener for both is told as one" {
	requires_ipv6
	listen_on server -v -c "$FACTS" 0
	[ "$ADDRESS" = :: ]
	AT=127.0.0.1:$PORT
	ask
	told_as_received 127.0.0.1
	finish server 0
}

@test "a program on a Unix socket is told paths, and no ports" {
	serve unix -c "$FACTS"
	ask
	holds client.out 'unix/path//path//'
	succeed server
	serve unix -k -c "$FACTS"
	peer client from:unix:mine connect:unix:path half-close read-all
	succeed client
	holds client.out 'unix/path//mine//'
	end_server
	call unix -c "$FACTS"
	succeed other client
	holds other.out 'unix///path//'
	listen_on server -c "$FACTS" -U "@exec.$$"
	AT=unix:@exec.$$
	ask
	holds client.out "unix/@exec.$$//@exec.$$//"
	succeed server
}

@test "a program on a datagram socket is told whom it talks to" {
	local client

	requires_ipv6
	listen_on server -u -v -c "$FACTS >&2" 0
	[ "$ADDRESS" = :: ]
	peer client connect:udp:127.0.0.1:"$PORT" send:x
	succeed client
	finish server 0
	client=$(sed -n 's/^Connection received on 127.0.0.1 //p' server.err)
	[ "$(tail -n 1 server.err)" = \
		"udp/127.0.0.1/$PORT/127.0.0.1/$client/" ]
}

@test "the environment is handed on, but for what is of another connection" {
	requires_native 'a script starts it, with what a shell sets'
	local way

	printf '%s\n' 'A B=c d' EMPTY= KEPT=yes SOCKCAT_PROTO=tcp | sort >expected
	for way in '' -k; do
		start_announced server env -i PATH="$PATH" KEPT=yes EMPTY= \
			'A B=c d' SOCKCAT_PROTO=old SOCKCAT_REMOTE_ADDR=old \
			SOCKCAT_REMOTE_PORT=old SOCKCAT_LOCAL_ADDR=old \
			SOCKCAT_LOCAL_PORT=old LISTEN_FDS=1 LISTEN_PID=1 \
			LISTEN_FDNAMES=old "$SOCKCAT" -l $way \
			--announce server.announce -e env 127.0.0.1 0
		AT=$ADDRESS:$PORT
		ask
		run -0 grep -c '^SOCKCAT_' client.out
		[ "$output" -eq 5 ]
		run ! grep old client.out
		grep -vE '^(SOCKCAT_(LOCAL|REMOTE)_|PATH=)' client.out | sort >got
		grep -v ^ASAN_ got | diff - expected
		[[ -z $way ]] || signal server TERM
		finish server
	done
}

@test "a program has no descriptor but the connection and what we were given" {
	plain ls /proc/self/fd
	inside_of -- -e 'ls /proc/self/fd'
	same_bytes plain first
}

# sees_no_more ARG...: nor has that of a listener with these, at a path.
sees_no_more() {
	local path=$PWD/path

	echo "sockcat -l $*"
	start server "$SOCKCAT" -l -e 'ls /proc/self/fd' "$@" -U "$path"
	# It is there before it is listened on.
	within "$BOUND" grep -q " 00010000 0001 .* $path\$" /proc/net/unix
	AT=unix:$path
	ask
	same_bytes plain client.out
	[[ " $* " != *' -k '* ]] || signal server TERM
	finish server
}

@test "what was announced to is not the program's, nor what is to be removed" {
	local way

	plain ls /proc/self/fd
	for way in '' -k; do
		sees_no_more $way
		sees_no_more $way --announce file
		sees_no_more $way --announce 5 5>said
		holds said "$PWD/path\n"
		[ ! -e file ]
	done
}

@test "with -k a program has no descriptor of another's" {
	plain ls /proc/self/fd
	# shellcheck disable=SC2016 # the program's shell expands it
	serve tcp -k -c 'read -r what && exec $what'
	peer idle connect:"$AT" send:'cat\nthere' expect:there touch:there \
		wait-file:go
	within "$BOUND" test -e there
	ask send:'ls /proc/self/fd\n'
	same_bytes plain client.out
	touch go
	succeed idle
	end_server
}

@test "what we were given open is the program's as well" {
	echo kept >kept
	listen_on server -e 'cat /proc/self/fd/5' 127.0.0.1 0 5<kept
	AT=$ADDRESS:$PORT
	ask
	holds client.out 'kept\n'
	succeed server
}

@test "a program has all three descriptors where we came without" {
	local way

	for way in '' -k; do
		start server bare "$SOCKCAT" -l $way --announce file \
			-e 'readlink /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2' \
			127.0.0.1 0
		announced file
		AT=$ADDRESS:$PORT
		ask
		mapfile -t lines <client.out
		[ "${#lines[@]}" -eq 3 ]
		[[ ${lines[0]} == socket:* ]]
		[ "${lines[1]}" = "${lines[0]}" ]
		[ "${lines[2]}" = /dev/null ]
		[[ -z $way ]] || signal server TERM
		finish server
	done
}

bare() {
	exec "$@" <&- >&- 2>&-
}

@test "the program's connection is blocking" {
	local flags kind way

	for way in '' -k; do
		for kind in tcp unix; do
			serve "$kind" $way -e 'cat /proc/self/fdinfo/0'
			ask
			flags=$(sed -n 's/^flags:[[:space:]]*//p' client.out)
			echo "$kind $way $flags"
			[ -n "$flags" ]
			[ "$((0$flags & 04000))" -eq 0 ]
			[[ -z $way ]] || signal server TERM
			finish server
		done
	done
	call tcp -e 'cat /proc/self/fdinfo/0'
	succeed other client
	flags=$(sed -n 's/^flags:[[:space:]]*//p' other.out)
	[ -n "$flags" ]
	[ "$((0$flags & 04000))" -eq 0 ]
}

# --- signals ------------------------------------------------------------------

# Those that are blocked, and those that are ignored.
SIGNALS='grep ^Sig[BI] /proc/self/status'

# has_the_signals_of ENV-OPTION...: a program has, whichever way it is run.
has_the_signals_of() {
	echo "env $*"
	# shellcheck disable=SC2086 # words they are
	plain env "$@" $SIGNALS
	inside_of env "$@" -- -e "$SIGNALS"
	diff plain first
}

@test "a program has the signals that we were started with" {
	requires_native 'it ignores some of its own'
	has_the_signals_of --default-signal=PIPE,INT,QUIT,HUP,TERM
	has_the_signals_of --ignore-signal=PIPE
	has_the_signals_of --ignore-signal=CHLD
	has_the_signals_of --ignore-signal=INT,QUIT,HUP,TTIN,XFSZ,ALRM,USR1
	has_the_signals_of --default-signal=PIPE --block-signal=USR1,INT,ALRM
	has_the_signals_of --ignore-signal=HUP --block-signal=HUP,USR2
}

@test "a shell's command has the signals that we were started with" {
	requires_native 'it ignores some of its own'
	plain env --ignore-signal=PIPE sh -c "$SIGNALS"
	inside_of env --ignore-signal=PIPE -- -c "$SIGNALS"
	diff plain first
	plain env --default-signal=PIPE sh -c "$SIGNALS"
	inside_of env --default-signal=PIPE -- -c "$SIGNALS"
	diff plain first
}

@test "with -k programs have their own SIGCHLD, where it came ignored, too" {
	start_announced server env --ignore-signal=CHLD "$SOCKCAT" -lk \
		--announce server.announce -e cat 127.0.0.1 0
	AT=$ADDRESS:$PORT
	ask send:hello
	holds client.out hello
	within "$BOUND" has_no_children server
	end_server
}

# --- what it is to others -----------------------------------------------------

@test "without -k the program is the process that sockcat was" {
	# shellcheck disable=SC2016 # the program's shell expands it
	serve tcp -c 'echo $$; exit 7'
	ask
	holds client.out "${PIDS[server]}\n"
	finish server 7
	holds server.err ''
	call tcp -c 'echo $$; exit 42'
	finish client 42
	succeed other
	[ "$(tail -n 1 other.out)" = "${PIDS[client]}" ]
}

@test "a signal that ends the program is how sockcat ends" {
	# shellcheck disable=SC2016 # the program's shell expands it
	serve tcp -c 'kill -KILL $$'
	ask
	finish server 137
	serve tcp -e cat
	peer client connect:"$AT" send:hello expect:hello touch:served expect-eof
	within "$BOUND" test -e served
	signal server TERM
	finish server 143
	succeed client
}

@test "the listener and its files are gone when the program begins" {
	start server "$SOCKCAT" -l --announce file -U path \
		-c 'ls -A | grep -xE "path|file"; echo done; cat'
	within "$BOUND" test -s file
	peer client connect:unix:path expect:'done\n' touch:begun wait-file:go \
		half-close expect-eof
	within "$BOUND" test -e begun
	run "$PEER" connect:unix:path
	[ "$status" -eq 1 ]
	touch go
	succeed client server

	serve tcp -e cat
	peer client connect:"$AT" send:x expect:x touch:served wait-file:over \
		half-close expect-eof
	within "$BOUND" test -e served
	run "$PEER" connect:"$AT"
	[ "$status" -eq 1 ]
	[[ $output == *'Connection refused' ]]
	touch over
	succeed client server
}

@test "with -k SIGTERM ends the programs too" {
	local pid pids i

	# shellcheck disable=SC2016 # the program's shell expands it
	serve tcp -k -c 'echo $$ >>pids; exec cat'
	for i in 1 2 3; do
		peer "client$i" connect:"$AT" send:x expect:x touch:"there$i" \
			expect-eof
		within "$BOUND" test -e "there$i"
	done
	mapfile -t pids <pids
	[ "${#pids[@]}" -eq 3 ]
	for pid in "${pids[@]}"; do
		kill -s 0 "$pid"
	done
	end_server
	succeed client1 client2 client3
	for pid in "${pids[@]}"; do
		within "$BOUND" is_gone "$pid"
	done
}

@test "with -k how a program ends is no matter to the service" {
	# shellcheck disable=SC2016 # the program's shell expands it
	serve tcp -k -c 'read -r how; echo "$how"; eval "$how"'
	ask send:'exit 7\n'
	ask send:'kill -KILL $$\n'
	ask send:'kill -PIPE $$\n'
	ask send:'exit 127\n'
	ask send:'true\n'
	holds client.out 'true\n'
	end_server
	holds server.err ''
}

@test "with -k no program that has ended stays a zombie" {
	local i names=()

	serve tcp -k -e true
	for i in {1..20}; do
		peer "client$i" connect:"$AT" discard-all
		names+=("client$i")
	done
	succeed "${names[@]}"
	within "$BOUND" has_no_children server
	end_server
	holds server.err ''
}

# descriptors_of NAME: how many it has while it waits.
descriptors_of() {
	local all

	within "$BOUND" is_asleep "$1"
	all=("/proc/${PIDS[$1]}/fd/"*)

	echo "${#all[@]}"
}

@test "two hundred clients get back all they sent, and nothing stays of them" {
	local before i names=()

	serve tcp -k -e cat --backlog 1000
	before=$(descriptors_of server)
	for i in {1..200}; do
		peer "client$i" connect:"$AT" send-bytes:20000 half-close \
			expect-bytes:20000 expect-eof
		names+=("client$i")
	done
	succeed "${names[@]}"
	within "$BOUND" has_no_children server
	[ "$(descriptors_of server)" -eq "$before" ]
	end_server
	holds server.err ''
}

@test "with -k what a program wrote arrives, whatever it has not read" {
	# shellcheck disable=SC2016 # the program's shell expands it
	serve tcp -k -c 'read -r size && head -c "$size" /dev/zero'
	peer client connect:"$AT" send:'3000000\n' send-bytes:20000 half-close \
		read-all
	# Who sends no end is given a second at most to take what is on its way:
	# so much has room there even while the peer stands still.
	peer other connect:"$AT" send:'30000\nGET / HTTP/1.0' read-all
	succeed client other
	[ "$(wc -c <client.out)" -eq 3000000 ]
	[ "$(wc -c <other.out)" -eq 30000 ]
	within "$BOUND" has_no_children server
	end_server
	holds server.err ''
}

@test "with -k a client that resets takes nobody with it" {
	serve tcp -k -e cat
	peer idle connect:"$AT" send:idle expect:idle touch:there wait-file:go \
		send:on half-close expect:on expect-eof
	within "$BOUND" test -e there
	peer rude connect:"$AT" send:x expect:x reset
	succeed rude
	peer rude connect:"$AT" reset
	succeed rude
	ask send:hello
	holds client.out hello
	touch go
	succeed idle
	within "$BOUND" has_no_children server
	end_server
}

@test "with -k clients that vanish before they are served are no matter" {
	local i

	serve tcp -k --max-conns 1 -e cat
	peer idle connect:"$AT" send:x expect:x touch:there wait-file:go
	within "$BOUND" test -e there
	for i in 1 2 3; do
		peer rude connect:"$AT" send:x reset
		succeed rude
	done
	touch go
	succeed idle
	ask send:hello
	holds client.out hello
	end_server
}

# --- nothing is lost ----------------------------------------------------------

# late ARG...: what is written long after the half-close arrives.
late() {
	rm -f ended slow
	mkfifo slow
	serve "$@" -c 'cat >slow.in; cat slow'
	peer client connect:"$AT" send:question half-close touch:ended \
		expect-bytes:300000 expect-eof
	within "$BOUND" test -e ended
	until_holds slow.in question
	cat late >slow
	succeed client
}

@test "what a program says after its client's half-close arrives whole" {
	bytes 300000 late
	late tcp
	succeed server
	late unix
	succeed server
	late tcp -k
	end_server
	late unix -k
	end_server
}

@test "at the connecting side it arrives whole as well" {
	bytes 300000 late
	mkfifo slow
	peer_listen other listen:127.0.0.1:0 accept send:question half-close \
		touch:ended expect-bytes:300000 expect-eof
	start client "$SOCKCAT" -c 'cat >slow.in; cat slow' "$ADDRESS" "$PORT"
	within "$BOUND" test -e ended
	until_holds slow.in question
	cat late >slow
	succeed client other
}

@test "what a program has written is read after it has ended" {
	bytes 300000 all
	serve tcp -e 'cat all'
	peer client connect:"$AT" wait-file:go expect-bytes:300000 expect-eof
	succeed server
	touch go
	succeed client
	rm go
	# shellcheck disable=SC2016 # the program's shell expands it
	serve tcp -k -c 'echo $$ >pid; exec cat all'
	peer client connect:"$AT" wait-file:go expect-bytes:300000 expect-eof
	within "$BOUND" test -s pid
	within "$BOUND" is_gone "$(<pid)"
	touch go
	succeed client
	end_server
}

@test "megabytes pass through a program to a client with a small window" {
	bytes 3000000 all
	serve tcp -k -e 'cat all'
	peer client rcvbuf:4096 connect:"$AT" expect-bytes:3000000 expect-eof
	succeed client
	end_server
	serve tcp -e cat
	peer client rcvbuf:4096 connect:"$AT" queue-bytes:3000000 \
		expect-bytes:3000000 half-close expect-eof
	succeed client server
}

# --- datagrams ----------------------------------------------------------------

@test "a datagram listener leaves the first datagram to the program" {
	serve udp -e 'head -n 1'
	peer client connect:"$AT" send:'hello\n' expect:'hello\n'
	succeed client server
	holds server.out ''
}

@test "a datagram listener's program hears its first client alone" {
	serve udp -c 'touch begun; head -n 1; cat again; head -n 1'
	mkfifo again
	peer client connect:"$AT" send:'one\n' expect:'one\n' touch:first \
		wait-file:go send:'two\n' expect:'two\n'
	within "$BOUND" test -e first
	peer stranger connect:"$AT" send:'stranger\n'
	finish stranger
	: >again
	touch go
	succeed client server
}

@test "the program's datagram socket is blocking, and files are gone" {
	local flags

	start server "$SOCKCAT" -l --announce file -u 127.0.0.1 0 \
		-c 'ls -A | grep -x file >&2; cat /proc/self/fdinfo/0 >&2'
	announced file
	peer client connect:udp:"$ADDRESS:$PORT" send:x
	succeed client
	finish server 0
	run ! grep -x file server.err
	flags=$(sed -n 's/^flags:[[:space:]]*//p' server.err)
	[ -n "$flags" ]
	[ "$((0$flags & 04000))" -eq 0 ]
}

@test "a datagram client's program speaks first" {
	peer_listen other listen:udp:127.0.0.1:0 accept expect:'question\n' \
		send:'answer\n'
	run_sockcat -u -c 'echo question; head -n 1 >&2' "$ADDRESS" "$PORT"
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
	[ "$stderr" = answer ]
	succeed other
}

@test "a Unix datagram listener runs a program" {
	listen_on server -u -U -e 'head -n 1' path
	peer client from:unix-dgram:mine connect:unix-dgram:path \
		send:'hello\n' expect:'hello\n'
	succeed client server
}

# --- what cannot be run -------------------------------------------------------

# cannot STATUS PROGRAM PATTERN: that is known before anyone listens.
cannot() {
	local mode

	for mode in '-l -U path' '-l -k -U path' '-l -u -U path' '-U nobody'; do
		echo "$mode -e $2"
		# shellcheck disable=SC2086 # words they are
		start sockcat "$SOCKCAT" -v -e "$2" $mode
		finish sockcat "$1"
		holds sockcat.out ''
		[[ $(<sockcat.err) == "sockcat: run ${2%% *}: "$3 ]]
		[ ! -e path ]
	done
}

@test "a program that is not there is exit 127, and named" {
	cannot 127 'no-such-program with words' 'No such file or directory'
	cannot 127 ./no-such-program 'No such file or directory'
}

@test "a program that may not be run is exit 126, and named" {
	echo text >file
	mkdir directory
	cannot 126 ./file 'Permission denied'
	cannot 126 ./directory '@(Permission denied|Is a directory)'
	cannot 126 ./file/program 'Not a directory'
}

@test "a command that is not there is the shell's to report" {
	serve tcp -c no-such-command
	ask
	finish server 127
	[[ $(<server.err) == *no-such-command*'not found'* ]]
	serve tcp -k -c no-such-command
	ask
	end_server
}

# vanishing: makes a program that is to go before it is run.
vanishing() {
	printf '#!/bin/sh\nexec cat\n' >program
	chmod +x program
}

@test "a program that has gone when the client comes is exit 127 as well" {
	local kind

	for kind in tcp unix udp; do
		vanishing
		serve "$kind" -e ./program
		rm program
		peer client connect:"$AT" send:x
		finish client
		finish server 127
		holds server.out ''
		holds server.err 'sockcat: run ./program: No such file or directory\n'
		[ ! -e path ]
	done
	vanishing
	serve tcp -e ./program
	chmod a-x program
	peer client connect:"$AT" expect-eof
	finish server 126
	holds server.err 'sockcat: run ./program: Permission denied\n'
	succeed client
}

@test "of what a program did with -k nothing is claimed with -v" {
	# Of what was sent a part is there, unread.
	serve tcp -v -k -c 'dd bs=1 count=1 of=dropped 2>errors; echo early'
	ask send:hello
	holds client.out 'early\n'
	within "$BOUND" has_no_children server
	end_server
	grep -q '^Connection received on ' server.err
	run ! grep -e ^Sent -e ^Conf -e '^Not conf' server.err
}

@test "with -k a program that has gone is reported, and may come back" {
	vanishing
	serve unix -k -e ./program
	peer idle connect:"$AT" send:x expect:x touch:served wait-file:go
	within "$BOUND" test -e served
	mv program elsewhere
	peer client connect:"$AT" expect-eof
	succeed client
	until_holds server.err \
		'sockcat: run ./program: No such file or directory\n'
	mv elsewhere program
	ask send:hello
	holds client.out hello
	touch go
	succeed idle
	within "$BOUND" has_no_children server
	end_server
	[ ! -e path ]
}

@test "that no process can be made is reported, and the service goes on" {
	requires_native 'it makes a thread first'
	local makes=clone,fork,vfork

	requires strace
	requires_plain_build
	[[ $(uname -m) != x86_64 ]] || makes+=,clone3
	strace -qq -o /dev/null -e trace="$makes" true 2>/dev/null ||
		skip "needs to trace"
	start_announced server strace -D -qq -o trace -e trace="$makes" \
		-e inject="$makes":error=EAGAIN:when=1 \
		"$SOCKCAT" -lk --announce server.announce -e cat 127.0.0.1 0
	AT=$ADDRESS:$PORT
	peer client connect:"$AT" expect-eof
	succeed client
	ask send:hello
	holds client.out hello
	[ "$(grep -c INJECTED trace)" -eq 1 ]
	within "$BOUND" has_no_children server
	end_server
	[[ $(<server.err) == "sockcat: serve 127.0.0.1 "*": $SHORT" ]]
}

# limited ULIMIT-ARG... -- COMMAND...
limited() {
	local limit=()

	while [[ $1 != -- ]]; do
		limit+=("$1")
		shift
	done
	shift
	ulimit "${limit[@]}"
	exec "$@"
}

@test "with few descriptors the service goes on" {
	local i names=()

	start_announced server limited -n 12 -- "$SOCKCAT" -lk \
		--announce server.announce -e cat 127.0.0.1 0
	AT=$ADDRESS:$PORT
	for i in {1..30}; do
		peer "client$i" connect:"$AT" send:"$i" half-close \
			expect:"$i" expect-eof
		names+=("client$i")
	done
	succeed "${names[@]}"
	end_server
	holds server.err ''
}

# --- what does not go together ------------------------------------------------

@test "options of the transfer are refused with -e and -c" {
	local -A options=([-N]=-N [--half-close]=-N
		[--no-shutdown]=--no-shutdown [-q1]=-q [-d]=-d [--recv-only]=-d
		[--send-only]=--send-only [-W1]=-W
		[--idle-timeout=1]=--idle-timeout [--deadline=1]=--deadline)
	local option mode

	for option in "${!options[@]}"; do
		for mode in -l -lk ''; do
			refused "${options[$option]} does not fit -e:\
 the program transfers" $mode "$option" -e true 127.0.0.1 1
			refused "${options[$option]} does not fit -c:\
 the command transfers" $mode "$option" -c true 127.0.0.1 1
		done
	done
}

@test "what has nothing to do with a program is refused" {
	refused '-e and -c exclude each other' -e true -c true 127.0.0.1 1
	refused '-z runs no program' -z -e true 127.0.0.1 1
	refused '-z runs no command' -z -c true 127.0.0.1 1
	refused '-u -k has no connections to run a program for' \
		-luk -e true 127.0.0.1 0
	refused '-u -k has no connections to run a program for' \
		-lukU -c true path
	refused "--exec: ' ' names no program" -e ' ' 127.0.0.1 1
	refused "--exec: '' names no program" -l -e '' 127.0.0.1 0
	refused $'--exec: \'\t \' names no program' -lk -e $'\t ' -U path
	[ ! -e path ]
}
