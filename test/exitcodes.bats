#!/usr/bin/env bats
# Every exit status with its message: one line, and nothing on stdout.

# shellcheck disable=SC2153,SC2154 # run and load set them
load lib/helpers

# What is compared with these is a pattern: glibc's words, or musl's.
NOT_KNOWN='@(Name or service not known|Name does not resolve)'
TRY_AGAIN='@(Temporary failure in name resolution|Try again)'
NO_NETWORK='@(Network is unreachable|Network unreachable)'
NO_HOST='@(No route to host|Host is unreachable)'
NOT_OURS='@(Cannot assign requested address|Address not available)'
IN_USE='@(Address already in use|Address in use)'
NO_DESCRIPTORS='@(Too many open files|No file descriptors available)'
NO_MEMORY='@(Cannot allocate memory|Out of memory)'
NO_PROTOCOL='Protocol not supported'
TIMED_OUT='@(Connection|Operation) timed out'

# ends STATUS PATTERN COMMAND...: like this, without a word on stdout.
ends() {
	local expected=$1 pattern=$2
	shift 2

	run --separate-stderr timeout --preserve-status "$BOUND" "$@" 7>&- 9>&-
	echo "$*: status $status, output '$output', stderr '$stderr'"
	[ "$status" -eq "$expected" ]
	[ "$output" = '' ]
	# shellcheck disable=SC2053 # a pattern it is
	[[ $stderr == $pattern ]]
}

# alone SCRIPT: ALONE runs a command in a network of its own, after the script.
alone() {
	requires unshare ip
	ALONE=(unshare --net)
	((EUID == 0)) || ALONE+=(--map-root-user)
	# shellcheck disable=SC2016 # it expands there
	ALONE+=(sh -c "ip link set lo up && $1"' && exec "$@"' alone)
	"${ALONE[@]}" true 2>/dev/null || skip "needs a network of its own"
}

# failing CALL ERROR: FAILING is sockcat where this call fails like this.
failing() {
	requires strace
	requires_plain_build
	FAILING=(strace -qq -o trace -e trace="$1" -e inject="$1:error=$2"
		"$SOCKCAT")
}

@test "0: both directions have ended in order" {
	peer_listen server listen:127.0.0.1:0 accept 'expect:hello\n' \
		expect-eof close
	ends 0 '' "$SOCKCAT" 127.0.0.1 "$PORT" <<<hello
	succeed server
	listen_on server 127.0.0.1 0
	ends 0 '' "$SOCKCAT" 127.0.0.1 "$PORT"
	succeed server
}

@test "0 and 1: whether a port is open" {
	peer_listen server listen:127.0.0.1:0 accept discard-all
	ends 0 '' "$SOCKCAT" -z 127.0.0.1 "$PORT"
	finish server
	ends 1 '' "$SOCKCAT" -z 127.0.0.1 1
	ends 1 '' "$SOCKCAT" -z 127.0.0.1 1,3
	ends 1 '' "$SOCKCAT" -z -U none
}

@test "1: nobody listens there" {
	ends 1 'sockcat: connect to 127.0.0.1 port 1 (tcp) failed:'\
' Connection refused' "$SOCKCAT" 127.0.0.1 1
	ends 1 'sockcat: connect to localhost (@(127.0.0.1|::1)) port 1 (tcp)'\
' failed: Connection refused' "$SOCKCAT" localhost:1
	ends 1 'sockcat: @(send to|receive from) 127.0.0.1 port 1 (udp)'\
' failed: Connection refused' "$SOCKCAT" -u 127.0.0.1 1 <<<hello
}

@test "1: nobody listens there over IPv6" {
	requires_ipv6
	ends 1 'sockcat: connect to ::1 port 1 (tcp) failed:'\
' Connection refused' "$SOCKCAT" "[::1]:1"
}

@test "1: nobody listens at the path" {
	"$PEER" announce:/dev/null listen:unix:dead
	: >file
	ends 1 'sockcat: connect to dead (unix) failed: Connection refused' \
		"$SOCKCAT" -U dead
	ends 1 'sockcat: connect to file (unix) failed: Connection refused' \
		"$SOCKCAT" -U file
	ends 1 'sockcat: connect to none (unix) failed: No such file or'\
' directory' "$SOCKCAT" -U none
}

@test "1: nothing leads there" {
	alone 'ip route add unreachable 192.0.2.0/24'
	ends 1 'sockcat: connect to 198.51.100.1 port 1 (tcp) failed: '\
"$NO_NETWORK" "${ALONE[@]}" "$SOCKCAT" 198.51.100.1 1
	ends 1 'sockcat: connect to 192.0.2.1 port 1 (tcp) failed: '\
"$NO_HOST" "${ALONE[@]}" "$SOCKCAT" 192.0.2.1 1
}

@test "2: the command line is wrong" {
	local hint=$'\n'"Try 'sockcat --help'."

	ends 2 "sockcat: missing host and port$hint" "$SOCKCAT"
	ends 2 "sockcat: invalid port '80x'$hint" "$SOCKCAT" 127.0.0.1 80x
	ends 2 "sockcat: unknown option '-j'$hint" "$SOCKCAT" -j
	ends 2 "sockcat: -4 and -6 exclude each other$hint" \
		"$SOCKCAT" -46 127.0.0.1 1
	ends 2 "sockcat: --timeout: 'x' is not a time (5, 0.5, 200ms, 2m)$hint" \
		"$SOCKCAT" -w x 127.0.0.1 1
	ends 2 "sockcat: unknown service 'no-such'" \
		"$SOCKCAT" 127.0.0.1 no-such
}

@test "3: the name is not found" {
	ends 3 "sockcat: getaddrinfo for host \"no name\" port 1: $NOT_KNOWN" \
		"$SOCKCAT" -n 'no name' 1
	ends 3 "sockcat: getaddrinfo for host \"no name\" port 0: $NOT_KNOWN" \
		"$SOCKCAT" -nl 'no name' 0
	ends 3 "sockcat: getaddrinfo for host \"no name\" port 0: $NOT_KNOWN" \
		"$SOCKCAT" -n -s 'no name' 127.0.0.1 1
}

@test "3: nobody can be asked for the name" {
	alone true
	ends 3 'sockcat: getaddrinfo for host "no.example" port 1: '\
"@($NOT_KNOWN|$TRY_AGAIN)" "${ALONE[@]}" "$SOCKCAT" no.example 1
}

@test "4: a limit has passed" {
	peer_listen server listen:127.0.0.1:0 accept accept wait-file:over
	ends 4 "sockcat: connection to 127.0.0.1 port $PORT (tcp):\
 idle for too long" "$SOCKCAT" --idle-timeout 0.05 127.0.0.1 "$PORT"
	ends 4 "sockcat: connection to 127.0.0.1 port $PORT (tcp):\
 deadline passed" "$SOCKCAT" --deadline 0.05 127.0.0.1 "$PORT"
	touch over
	succeed server
	ends 4 'sockcat: no client on 127.0.0.1 port +([0-9]) (tcp):'\
' time limit passed' "$SOCKCAT" -l --accept-timeout 0.05 127.0.0.1 0
}

@test "4: what was waited for has not come" {
	ends 4 'sockcat: gave up waiting: connect to 127.0.0.1 port 1 (tcp)'\
' failed: Connection refused' "$SOCKCAT" --wait 0.05 127.0.0.1 1
	ends 4 'sockcat: gave up waiting: connect to none (unix) failed: No'\
' such file or directory' "$SOCKCAT" --wait 0.05 -U none
	ends 4 '' "$SOCKCAT" -z --wait 0.05 127.0.0.1 1
}

@test "4: the kernel has waited long enough for an answer" {
	failing connect ETIMEDOUT
	ends 4 'sockcat: connect to 127.0.0.1 port 1 (tcp) failed: '\
"$TIMED_OUT" "${FAILING[@]}" 127.0.0.1 1
}

@test "5: the address to listen on is taken" {
	peer_listen server listen:127.0.0.1:0 wait-file:over
	ends 5 "sockcat: listen on 127.0.0.1 port $PORT (tcp) failed: $IN_USE" \
		"$SOCKCAT" -l 127.0.0.1 "$PORT"
	touch over
	succeed server
}

@test "5: the address is not ours" {
	ends 5 "sockcat: listen on 203.0.113.7 port 0 (tcp) failed: $NOT_OURS" \
		"$SOCKCAT" -l 203.0.113.7 0
	ends 5 "sockcat: bind to 203.0.113.7 port 0 (tcp) failed: $NOT_OURS" \
		"$SOCKCAT" -s 203.0.113.7 127.0.0.1 1
}

@test "5: there is something else at the path, or no room for it" {
	local path

	: >file
	ends 5 "sockcat: listen on file (unix) failed: $IN_USE" \
		"$SOCKCAT" -lU file
	printf -v path %0108d 0
	ends 5 "sockcat: path is too long, at most 107 bytes: $path" \
		"$SOCKCAT" -U "$path"
}

@test "5: the system has no such socket" {
	failing socket EPROTONOSUPPORT
	ends 5 'sockcat: socket for 127.0.0.1 port 1 (tcp) failed: '\
"$NO_PROTOCOL" "${FAILING[@]}" 127.0.0.1 1
}

@test "5: a socket option is refused, and named" {
	failing setsockopt EPERM
	ends 5 'sockcat: set TCP_NODELAY for 127.0.0.1 port 1 (tcp) failed:'\
' Operation not permitted' "${FAILING[@]}" 127.0.0.1 1
	ends 5 'sockcat: set SO_REUSEADDR for 127.0.0.1 port 0 (tcp) failed:'\
' Operation not permitted' "${FAILING[@]}" -l --nagle 127.0.0.1 0
}

@test "6: the peer resets the connection" {
	mkfifo in
	exec 7<>in
	echo hello >&7
	peer_listen server listen:127.0.0.1:0 accept 'expect:hello\n' reset
	ends 6 "sockcat: connection to 127.0.0.1 port $PORT (tcp) lost:\
 Connection reset by peer" "$SOCKCAT" 127.0.0.1 "$PORT" <in
	succeed server
	peer_listen server listen:127.0.0.1:0 accept expect-eof reset
	ends 6 "sockcat: connection to 127.0.0.1 port $PORT (tcp) lost:\
 Connection reset by peer" "$SOCKCAT" 127.0.0.1 "$PORT"
	succeed server
}

# It is there before the connect has been looked at, or after.
@test "6: the peer resets the connection at once" {
	local run

	for run in {1..10}; do
		echo "run $run"
		peer_listen server listen:127.0.0.1:0 accept reset
		ends 6 "sockcat: connection to 127.0.0.1 port $PORT (tcp) lost:\
 Connection reset by peer" "$SOCKCAT" 127.0.0.1 "$PORT"
		succeed server
	done
}

@test "6: the peer takes no more" {
	bytes 30000000 in
	peer_listen server listen:127.0.0.1:0 accept expect-bytes:1000 close
	ends 6 "sockcat: connection to 127.0.0.1 port $PORT (tcp) lost:\
 @(Broken pipe|Connection reset by peer)" "$SOCKCAT" 127.0.0.1 "$PORT" <in
	succeed server
}

@test "7: what arrives cannot be written" {
	peer_listen server listen:127.0.0.1:0 accept send:hello close
	start client to /dev/full "$SOCKCAT" 127.0.0.1 "$PORT"
	finish client 7
	holds client.err 'sockcat: write to stdout: No space left on device\n'
	succeed server
}

@test "7: stdin cannot be read" {
	peer_listen server listen:127.0.0.1:0 accept expect-eof
	ends 7 'sockcat: read from stdin: Is a directory' \
		"$SOCKCAT" 127.0.0.1 "$PORT" <.
	succeed server
}

@test "7: descriptors or memory are short" {
	failing socket EMFILE
	ends 7 'sockcat: socket for 127.0.0.1 port 1 (tcp) failed: '\
"$NO_DESCRIPTORS" "${FAILING[@]}" 127.0.0.1 1
	ends 7 'sockcat: socket for 127.0.0.1 port 0 (tcp) failed: '\
"$NO_DESCRIPTORS" "${FAILING[@]}" -l 127.0.0.1 0
	failing connect ENOMEM
	ends 7 'sockcat: connect to 127.0.0.1 port 1 (tcp) failed: '\
"$NO_MEMORY" "${FAILING[@]}" 127.0.0.1 1
}

@test "128+N: a signal ends it" {
	local signal

	for signal in HUP INT TERM; do
		start_announced server env --default-signal=INT "$SOCKCAT" \
			-ld --announce server.announce 127.0.0.1 0
		peer client connect:"127.0.0.1:$PORT" send:hello expect-eof
		until_holds server.out hello
		signal server "$signal"
		finish server $((128 + $(kill -l "$signal")))
		holds server.err ''
		finish client
	done
}

@test "128+N: who reads stdout has gone" {
	mkfifo out
	exec 7<>out
	peer_listen server listen:127.0.0.1:0 accept touch:there expect-eof
	start client to out env --default-signal=PIPE \
		"$SOCKCAT" -d 127.0.0.1 "$PORT"
	within "$BOUND" test -e there
	exec 7>&-
	finish client 141
	holds client.err ''
	succeed server
}

# There no signal kills unless it is caught.
@test "128+N: a signal ends it where it is process 1" {
	requires_native 'it sends itself the signal'
	local own pid

	requires unshare
	own=(unshare --fork --pid --kill-child)
	((EUID == 0)) || own+=(--map-root-user)
	"${own[@]}" true 2>/dev/null || skip "needs processes of its own"
	start_announced server "${own[@]}" \
		"$SOCKCAT" -l --announce server.announce 127.0.0.1 0
	pid=$(<"/proc/${PIDS[server]}/task/${PIDS[server]}/children")
	kill -s TERM "${pid% }"
	finish server 143
	holds server.err ''
}
