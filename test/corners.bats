#!/usr/bin/env bats
# What seldom happens: words that name nothing, shortages that pass, calls that
# fail once, ends that meet.

# shellcheck disable=SC2153,SC2154 # run and load set them
load lib/helpers

# How nobody can be told to wait: a poll with any of its names.
POLLS=poll,ppoll,ppoll_time64

# failing CALLS FAULT COMMAND...: runs it where these calls fail so.
failing() {
	local calls=$1 fault=$2
	shift 2

	exec strace -qq -ttt -o trace -e trace="$calls" -e inject="$calls:$fault" "$@"
}

# says NAME PATTERN: a line that is like this, and no more.
says() {
	cat "$1.err"
	[ "$(wc -l <"$1.err")" -eq 1 ]
	# shellcheck disable=SC2053 # a pattern it is
	[[ $(<"$1.err") == $2 ]]
}

# --- words --------------------------------------------------------------------

@test "a name that is empty is refused as that" {
	refused "the name of a Unix socket is empty: '@'" -U @
	refused "--source: the name of a Unix socket is empty: ''" \
		-uU -s '' path
	refused "--source: the name of a Unix socket is empty: '@'" \
		-uU -s @ path
	refused "--source: missing host: ''" -s '' 127.0.0.1 1
	refused "--announce: the name is empty: ''" -l --announce '' 127.0.0.1 0
	refused "missing host: ''" --type raw ''
	refused 'missing host' --type raw
	refused "unknown option '--=x'" --=x
}

@test "a message is one line, whatever is named in it" {
	local name=$'no\nsuch\r\vna\fme'

	refused "unknown option '--no?such??na?me'" "--$name"
	run_sockcat -l --announce "$name/path" 127.0.0.1 0
	[ "$status" -eq 7 ]
	[ "$output" = '' ]
	[[ $stderr == 'sockcat: announce on no?such??na?me/path: '* ]]
	[[ $stderr != *$'\n'* ]]
}

@test "-t is refused for messages that are no datagrams either" {
	refused '-t is for streams, not for messages' \
		-t -U --type seqpacket path
}

@test "-w is refused where a listener's program does the pump's work" {
	refused '-w limits the pump: with -l and a program use --accept-timeout' \
		-l -w 1 -e cat 127.0.0.1 0
}

@test "a proxy's type before its address is refused, with where it goes" {
	local address=socks5://127.0.0.1:1080

	refused "--proxy: '$address' is no address: its type goes with -X" \
		-x "$address" 127.0.0.1 1
}

@test "what begins with no digit is no time" {
	local time

	for time in abc '' . .s -1; do
		refused "--deadline: '$time' is not a time (5, 0.5, 200ms, 2m)" \
			--deadline "$time" 127.0.0.1 1
	done
}

# --- options ------------------------------------------------------------------

@test "-6 -l is refused where IPv6 cannot be had alone" {
	requires_ipv6
	requires_strace
	start server failing setsockopt error=EPERM:when=1 \
		"$SOCKCAT" -6 -l ::1 0
	finish server 5
	holds server.out ''
	says server 'sockcat: set IPV6_V6ONLY for ::1 port 0 (tcp) failed: *'
}

@test "a client of a handed socket that cannot be set up is told of" {
	# Nobody has such an option, of TCP or of IP.
	start_announced server "$PEER" timeout:"$BOUND" \
		announce:server.announce listen:127.0.0.1:0 \
		exec "$SOCKCAT" -l --fd 3 --sockopt 6:9999:1
	peer client connect:"$ADDRESS:$PORT"
	finish server 5
	finish client
	holds server.out ''
	says server "sockcat: set option 6:9999:1 for 127.0.0.1 port *\
 (tcp) failed: *"
}

@test "a handed socket for datagrams that cannot be set up is told of" {
	start_announced server "$PEER" timeout:"$BOUND" \
		announce:server.announce listen:udp:127.0.0.1:0 \
		exec "$SOCKCAT" -u -l --fd 3 --sockopt 0:9999:1
	finish server 5
	holds server.out ''
	says server "sockcat: set option 0:9999:1 for 127.0.0.1 port $PORT (udp)\
 failed: *"
}

# --- where it listens ---------------------------------------------------------

@test "--announce on a FIFO that nobody reads waits until the deadline" {
	mkfifo nobody
	start server "$SOCKCAT" -l --deadline 0.2 --announce nobody 127.0.0.1 0
	finish server 4
	holds server.out ''
	says server 'sockcat: announce on nobody: time limit passed'
}

@test "a path that is too long to announce on is exit 7" {
	local path

	path=$(printf '%04094d' 0 | tr 0 n)
	start server "$SOCKCAT" -l --announce "$path" 127.0.0.1 0
	finish server 7
	holds server.out ''
	says server "sockcat: announce on nnn*"
}

@test "an announcement that cannot be put in its place leaves nothing behind" {
	requires_strace
	mkdir place
	start server failing rename,renameat,renameat2 error=EACCES "$SOCKCAT" \
		-l --announce place/file 127.0.0.1 0
	finish server 7
	holds server.out ''
	says server 'sockcat: announce on place/file: Permission denied'
	[ "$(ls -A place)" = '' ]
}

@test "what cannot be removed at the end is named" {
	requires_strace
	start server failing unlink,unlinkat error=EACCES "$SOCKCAT" -lU \
		--announce announced path
	within "$BOUND" test -e announced
	peer client connect:unix:path send:hello half-close expect-eof
	succeed client
	finish server
	holds server.out hello
	[[ $(<server.err) == 'sockcat: remove path: Permission denied
sockcat: remove announced: Permission denied' ]]
}

# accepts_one FAULT TIMES: a listener for one client gets over it.
accepts_one() {
	start_announced server failing accept4 "error=$1:when=1..$2" \
		"$SOCKCAT" -l --announce server.announce 127.0.0.1 0
	peer client connect:"$ADDRESS:$PORT" send:hello half-close expect-eof
	succeed client server
	holds server.out hello
	[ "$(grep -c INJECTED trace)" -eq "$2" ]
	# Between two tries there is a pause.
	awk '/accept4/ { if (last && $1 - last < 0.09) bad = 1
		last = $1 } END { exit bad }' trace
}

@test "a listener that is short of descriptors for a moment serves its client" {
	requires_strace
	requires_feature accept4
	accepts_one EMFILE 2
	accepts_one ENFILE 1
	accepts_one ENOBUFS 1
}

@test "a signal that comes with a client who is refused ends the wait" {
	requires_strace
	requires_feature accept4
	start_announced server strace -qq -o trace -e trace=accept4 \
		-e inject=accept4:signal=TERM "$SOCKCAT" -l --deny 127.0.0.1 \
		--announce server.announce 127.0.0.1 0
	peer client connect:"$ADDRESS:$PORT" expect-eof
	finish server 143
	succeed client
	holds server.out ''
	holds server.err ''
}

@test "a listener for one that can accept nobody says so and is exit 7" {
	requires_strace
	requires_feature accept4
	start_announced server failing accept4 error=EOPNOTSUPP \
		"$SOCKCAT" -l --announce server.announce 127.0.0.1 0
	peer client connect:"$ADDRESS:$PORT"
	finish server 7
	finish client
	says server "sockcat: accept on 127.0.0.1 port $PORT (tcp) failed: *"
}

@test "without a pipe to its children -k serves all the same" {
	requires_strace
	start_announced server failing pipe,pipe2 error=EMFILE:when=1 \
		"$SOCKCAT" -l -k --announce server.announce 127.0.0.1 0 <<<input
	peer client connect:"$ADDRESS:$PORT" expect:'input\n' expect-eof \
		send:hello close
	succeed client
	until_holds server.out hello
	end_traced server
	holds server.err ''
}

@test "without a pipe to its children -k -e names what it cannot run" {
	requires_strace
	printf '#!/no/such/shell\n' >program
	chmod +x program
	start_announced server failing pipe,pipe2 error=EMFILE:when=1 \
		"$SOCKCAT" -l -k --announce server.announce -e ./program \
		127.0.0.1 0
	peer client connect:"$ADDRESS:$PORT" expect-eof
	succeed client
	end_traced server
	holds server.err \
		'sockcat: run ./program: No such file or directory\n'
}

# end_traced NAME: what strace runs there; it ends by TERM.
end_traced() {
	local child

	read -r child _ <"/proc/${PIDS[$1]}/task/${PIDS[$1]}/children" || true
	kill -s TERM "$child"
	finish "$1" 143
}

@test "after a failed send nothing more is waited for, and the peer is reset" {
	requires_strace
	peer_listen server listen:127.0.0.1:0 accept send:hello touch:said \
		wait-file:failed expect-reset
	start client failing sendmsg,sendto error=ENOMEM:when=1 "$SOCKCAT" \
		"$ADDRESS" "$PORT" < <(
			within "$BOUND" test -e said
			echo question
			within "$BOUND" test -e over
		)
	finish client 6
	touch failed over
	succeed server
	says client "sockcat: connection to 127.0.0.1 port $PORT (tcp) lost:\
 Cannot allocate memory"
}

@test "a Unix peer that reads no more is heard to its end" {
	peer_listen server listen:unix:path accept stop-reading touch:deaf \
		send:'one\n' wait-file:told send:'two\n' close
	start client "$SOCKCAT" -U path < <(
		within "$BOUND" test -e deaf
		echo question
	)
	until_holds client.err \
		'sockcat: connection to path (unix) lost: Broken pipe\n'
	is_running client
	touch told
	finish client 6
	succeed server
	holds client.out 'one\ntwo\n'
}

@test "a proxy that cannot be asked is not waited for" {
	requires_strace
	peer_listen proxy listen:127.0.0.1:0 accept expect-eof
	start client failing write,sendto error=ENOBUFS:when=1 "$SOCKCAT" \
		-x "$ADDRESS:$PORT" example.org 80
	finish client 8
	succeed proxy
	holds client.out ''
	says client "sockcat: proxy 127.0.0.1 port $PORT (tcp) failed: *"
}

# --- programs -----------------------------------------------------------------

@test "a program is found without PATH" {
	start_announced server env -u PATH "$SOCKCAT" -l --announce \
		server.announce -e 'cat' 127.0.0.1 0
	peer client connect:"$ADDRESS:$PORT" send:hello half-close expect:hello \
		expect-eof
	succeed client server
}

@test "a program that cannot be started on a connection is named" {
	printf '#!/no/such/shell\n' >program
	chmod +x program
	peer_listen server listen:127.0.0.1:0 accept expect-eof
	start client "$SOCKCAT" -e ./program "$ADDRESS" "$PORT"
	finish client 127
	succeed server
	holds client.out ''
	says client 'sockcat: run ./program: No such file or directory'
}

@test "a program in PATH that may not be run is 126, not 127" {
	requires_native 'which has to be in PATH itself'
	mkdir programs
	echo true >programs/a-program
	start server env PATH="$PWD/programs" "$SOCKCAT" -l -e a-program \
		127.0.0.1 0
	finish server 126
	holds server.out ''
	says server 'sockcat: run a-program: Permission denied'
}

# --- proxies ------------------------------------------------------------------

# asks_for_more TEXT: a proxy sends so much, and no more.
asks_for_more() {
	peer_listen proxy listen:127.0.0.1:0 accept \
		expect:'CONNECT far.test:22 HTTP/1.1\r\nHost: far.test:22\r\n\r\n' \
		send:"$1" close
	run_sockcat -X connect -x "$ADDRESS:$PORT" far.test 22
	[ "$status" -eq 8 ]
	[ "$output" = '' ]
	[[ $stderr != *$'\n'* ]]
	[[ $stderr == "sockcat: proxy "*" refused far.test port 22: 407 Who"* ]]
	succeed proxy
}

@test "a 407 of which no more comes than its line is told by that" {
	asks_for_more 'HTTP/1.1 407 Who\r\n'
	asks_for_more 'HTTP/1.1 407 Who\r\nProxy-Authenticate: Bas'
}

@test "a 407 that comes in pieces is told by all of them" {
	peer_listen proxy listen:127.0.0.1:0 accept \
		expect:'CONNECT far.test:22 HTTP/1.1\r\nHost: far.test:22\r\n\r\n' \
		dribble:'HTTP/1.1 407 Who\r\nProxy-Authenticate: Digest\r\n\r\n' \
		close
	fails 8 '*refused far.test port 22: 407 Who: it asks for Digest, *' \
		-X connect -x "$ADDRESS:$PORT" far.test 22
	succeed proxy
}

@test "a 407 that does not end is told by its line" {
	local padding

	padding=$(printf '%070000d' 0)
	asks_for_more 'HTTP/1.1 407 Who\r\nX: '"$padding"
}

@test "--wait limits how long -F waits for a stdout that takes nothing" {
	# shellcheck disable=SC2016 # it is for sh
	local i queue=() onto_3='exec "$0" -F "$@" >&3 3>&-'

	[[ -r /proc/sys/net/unix/max_dgram_qlen ]] ||
		skip "needs to know how many datagrams are queued"
	for ((i = 0; i <= $(</proc/sys/net/unix/max_dgram_qlen); i++)); do
		queue+=(send:x)
	done
	peer receiver bind:unix-dgram:"$PWD/full" touch:there wait-file:over
	within "$BOUND" test -e there
	peer_listen server listen:127.0.0.1:0 accept expect-eof
	peer passer connect:unix-dgram:"$PWD/full" "${queue[@]}" exec \
		sh -c "$onto_3" "$SOCKCAT" --wait 3 "$ADDRESS" "$PORT"
	finish passer 4
	holds passer.out ''
	says passer \
		'sockcat: pass the connection over stdout: time limit passed'
	succeed server
	touch over
	succeed receiver
}

@test "with -p a proxy that refuses is asked again from the same port" {
	local i asked=()

	namespace
	for i in 1 2; do
		asked+=(accept print-peer expect:'\x05\x01\0' send:'\x05\0'
			expect:'\x05\x01\0\x03\x08far.test\0\x16')
		((i == 2)) || asked+=(send:'\x05\x05\0\x01\0\0\0\0\0\0' close)
	done
	peer_listen proxy listen:127.0.0.1:7000 "${asked[@]}" \
		send:'\x05\0\0\x01\0\0\0\0\0\0' expect-eof close
	run_sockcat --wait "$BOUND" -p 7001 -x 127.0.0.1:7000 far.test 22
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
	[ "$stderr" = '' ]
	succeed proxy
	[ "$(grep -c 7001 proxy.out)" -eq 2 ]
}

# --- scans --------------------------------------------------------------------

@test "a scan through a proxy takes each connection from -p's port" {
	local port steps=()

	namespace
	for port in 1 2; do
		steps+=(accept print-peer expect:'\x05\x01\0' send:'\x05\0'
			expect:'\x05\x01\0\x01\x01\x02\x03\x04\0\x0'"$port"
			send:'\x05\0\0\x01\0\0\0\0\0\0' expect-reset)
	done
	peer_listen proxy listen:127.0.0.1:7000 "${steps[@]}"
	run_sockcat -zn -w "$BOUND" -p 7001 -x 127.0.0.1:7000 1.2.3.4 1-2
	[ "$status" -eq 0 ]
	[ "$stderr" = '' ]
	[ "${#lines[@]}" -eq 2 ]
	succeed proxy
	[ "$(grep -c 7001 proxy.out)" -eq 2 ]
}

@test "a scan through a proxy ends where its output cannot be written" {
	peer_listen proxy listen:127.0.0.1:0 accept expect:'\x05\x01\0' \
		send:'\x05\0' expect:'\x05\x01\0\x01\x01\x02\x03\x04\0\x01' \
		send:'\x05\0\0\x01\0\0\0\0\0\0' expect-eof close
	start scan to /dev/full "$SOCKCAT" -zn -w "$BOUND" -x "$ADDRESS:$PORT" \
		1.2.3.4 1-2
	finish scan 7
	succeed proxy
	says scan 'sockcat: write to stdout: *'
}

@test "a scan whose output nobody reads ends with its deadline" {
	full_pipe out
	peer_listen server listen:127.0.0.1:0 wait-file:over
	start scan to out "$SOCKCAT" -z --deadline 0.3 127.0.0.1 "$PORT" 1
	finish scan 4
	touch over
	succeed server
	[ "$(wc -l <scan.err)" -eq 1 ]
}

@test "a scan whose reader has gone is exit 7 where SIGPIPE is ignored" {
	mkfifo out
	start scan bash -c 'trap "" PIPE
		exec 3<>out >out 3>&-
		exec "$@"' _ "$SOCKCAT" -z 127.0.0.1 1,2
	finish scan 7
	says scan 'sockcat: write to stdout: Broken pipe'
}

@test "a scan goes on where its wait was interrupted" {
	requires_strace
	peer_listen server listen:127.0.0.1:0 wait-file:over
	start scan failing "$POLLS" error=EINTR:when=1..3 \
		"$SOCKCAT" -zn -w "$BOUND" 127.0.0.1 1 "$PORT"
	finish scan 0
	touch over
	succeed server
	holds scan.out "127.0.0.1 $PORT/tcp open\n"
	holds scan.err ''
	grep -q INJECTED trace
}

@test "a port that is open at a name's first address is not tried at the next" {
	requires_ipv6
	requires_strace
	namespace
	inside_file /etc/hosts '127.0.0.1 both' '::1 both'
	# IPv6 comes first (RFC 6724).
	peer_listen server listen:'[::1]:7000' wait-file:over
	traced connect -z --jobs 1 both 6999-7001
	[[ $(<traced.out) == 'both 7000/tcp open'* ]]
	[ "$(wc -l <traced.out)" -eq 1 ]
	holds traced.err ''
	touch over
	succeed server
	grep -q 'sin_port=htons(6999)' trace
	grep -q 'sin6_port=htons(7000)' trace
	run ! grep -q 'sin_port=htons(7000)' trace
}

# --- ends ---------------------------------------------------------------------

@test "a poll that fails is exit 7, and said" {
	requires_strace
	peer_listen server listen:127.0.0.1:0 accept expect-eof
	start client failing "$POLLS" error=ENOMEM \
		"$SOCKCAT" -d "$ADDRESS" "$PORT"
	finish client 7
	holds client.out ''
	says client 'sockcat: poll: *'
	finish server
}

@test "without a null device closed descriptors are exit 7, and said" {
	requires_strace
	start client strace -qq -o trace -P /dev/null -e trace=open,openat \
		-e inject=open,openat:error=ENOENT \
		bash -c 'exec "$@" <&-' _ "$SOCKCAT" --version
	finish client 7
	holds client.out ''
	says client 'sockcat: open /dev/null: No such file or directory'
}

@test "a line that -i holds back when a Unix peer goes is not sent, and said" {
	peer_listen server listen:unix:"$PWD/path" accept expect:'one\n' close
	start client "$SOCKCAT" -i 60 -U path < <(printf 'one\ntwo\n')
	finish client 6
	succeed server
	holds client.out ''
	says client 'sockcat: *path*: *'
}

# unread STEP ARG...: "client" has sent all, and the server that has sent its end
# takes the step only when there is a file "over".
unread() {
	requires_feature unsent
	bytes 200000 sent
	peer_listen server rcvbuf:4096 listen:127.0.0.1:0 accept half-close \
		wait-file:over "$1"
	shift
	start client "$SOCKCAT" -O 1000000 "$@" "$ADDRESS" "$PORT" <sent
}

@test "a deadline that passes before all was acknowledged is exit 4, and said" {
	local deadline

	# It passes earlier where a machine takes so long to get there.
	for deadline in 1 4 15; do
		rm -f over
		unread discard-all --deadline "$deadline"
		finish client 4
		touch over
		finish server
		holds client.out ''
		grep -q 'deadline passed' client.err || break
	done
	says client 'sockcat: *acknowledged*'
}

@test "a reset that comes before all was acknowledged is exit 6, and said" {
	unread reset
	within "$BOUND" has_closed_stdout client
	touch over
	finish client 6
	succeed server
	holds client.out ''
	says client "sockcat: *127.0.0.1 port $PORT (tcp)*: *"
}

@test "without TMPDIR a Unix client that needs a path has it in /tmp" {
	requires_strace
	requires_feature splice # elsewhere it is as in datagrams.bats
	peer_listen server listen:unix-dgram:path accept expect:hello print-peer
	export TMPDIR=
	start client failing bind error=EINVAL:when=1 \
		"$SOCKCAT" -uU -q 0 path < <(printf hello)
	succeed client server
	holds client.out ''
	[[ $(<server.out) == /tmp/sockcat.* ]]
	[ ! -e "$(<server.out)" ]
}

@test "the bar of --progress is on a terminal of any width, not as wide" {
	local terminal=${PTY:-$TOP/build/pty} tty line

	[[ -x $terminal ]] || skip "needs $terminal"
	[[ -w /dev/ptmx ]] || skip "needs a terminal to be made"
	mkfifo typed
	start_announced terminal "$terminal" terminal.announce 2000 <>typed
	tty=$ADDRESS
	bytes 4000000 sent
	peer_listen server rcvbuf:4096 listen:127.0.0.1:0 accept \
		wait-file:over discard-all
	# shellcheck disable=SC2016 # it is for bash
	start client bash -c 'exec "$@" 2>"$0"' "$tty" \
		"$SOCKCAT" -O 4096 --progress "$ADDRESS" "$PORT" <sent
	within "$BOUND" grep -q '%' terminal.out
	touch over
	finish client 0
	succeed server terminal
	holds client.out ''
	while read -r line; do
		echo "$line"
		((${#line} <= 300))
	done < <(tr '\r' '\n' <terminal.out)
}
