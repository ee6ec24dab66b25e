#!/usr/bin/env bats
# Connecting: every way to name a target, and what is tried to reach it.

# shellcheck disable=SC2153,SC2154 # run and load set them
load lib/helpers

# What is compared with these is a pattern: glibc's words, or musl's.
NOT_KNOWN='@(Name or service not known|Name does not resolve)'
NOT_OURS='@(Cannot assign requested address|Address not available)'
IN_USE='@(Address already in use|Address in use)'
WRONG_FAMILY='Address family not supported by protocol'

# serve N ADDRESS: a server that has the same short talk with N clients.
serve() {
	local client steps=()

	for ((client = 0; client < $1; client++)); do
		steps+=(accept 'expect:hello\n' expect-eof 'send:bye\n' close)
	done
	peer_listen server listen:"$2" "${steps[@]}"
}

# talks ARG...: called like this, sockcat has that talk.
talks() {
	run_sockcat "$@" <<<hello
	echo "sockcat $*: status $status, output '$output', stderr '$stderr'"
	[ "$status" -eq 0 ]
	[ "$output" = bye ]
	[ "$stderr" = '' ]
}

# --- targets ------------------------------------------------------------------

@test "an IPv4 target is taken in every form" {
	serve 5 127.0.0.1:0
	talks 127.0.0.1 "$PORT"
	talks "127.0.0.1:$PORT"
	talks 127.0.0.1 "$PORT" -n
	talks -4 -- 127.0.0.1 "$PORT"
	talks -n "127.0.0.1:$PORT" --ipv4
	succeed server
}

@test "an IPv6 target is taken in every form" {
	requires_ipv6
	serve 5 "[::1]:0"
	talks ::1 "$PORT"
	talks "[::1]:$PORT"
	talks "[::1]" "$PORT"
	talks 0:0:0:0:0:0:0:1 "$PORT"
	talks -6n "[::1]:$PORT"
	succeed server
}

@test "an IPv4-mapped target is the IPv4 address" {
	requires_ipv6
	serve 2 127.0.0.1:0
	talks ::ffff:127.0.0.1 "$PORT"
	talks "[::ffff:127.0.0.1]:$PORT"
	succeed server
}

@test "a name is taken in every form" {
	serve 3 127.0.0.1:0
	talks localhost "$PORT"
	talks "localhost:$PORT"
	talks -4 localhost "$PORT"
	succeed server
}

@test "a port may be the name of a service" {
	namespace
	serve 3 127.0.0.1:0
	inside_file /etc/services \
		"talk-server $PORT/tcp chat" "other 7/tcp" "listener 7777/tcp"
	talks 127.0.0.1 talk-server
	talks 127.0.0.1:talk-server
	talks 127.0.0.1 chat
	succeed server
	fails 2 "sockcat: unknown service 'talk'" 127.0.0.1 talk

	listen_on server 127.0.0.1 listener
	[ "$ADDRESS $PORT" = '127.0.0.1 7777' ]
	peer client connect:127.0.0.1:7777 expect-eof close
	succeed server client
}

@test "a link-local address keeps its interface in every form" {
	local index

	requires_ipv6
	namespace
	inside ip link add here type veth peer name there
	inside ip link set here up
	inside ip link set there up
	inside ip address add fe80::1/64 dev here nodad
	index=$(inside ip -oneline link show here)
	index=${index%%:*}

	serve 5 "[fe80::1%here]:0"
	[ "$ADDRESS" = fe80::1%here ]
	talks fe80::1%here "$PORT"
	talks "[fe80::1%here]:$PORT"
	talks "[fe80::1%here]" "$PORT"
	talks "fe80::1%$index" "$PORT"
	talks -s fe80::1%here fe80::1%here "$PORT"
	succeed server

	fails 1 "sockcat: connect to fe80::1%here port $PORT (tcp) failed:\
 Connection refused" fe80::1%here "$PORT"
	fails 3 "sockcat: getaddrinfo for host \"fe80::1%nowhere\" port $PORT:\
 $NOT_KNOWN" -n fe80::1%nowhere "$PORT"
}

# serves_here ARG...: with these a listener is found on the link-local address.
serves_here() {
	echo "sockcat -l $*"
	listen_on server -v "$@"
	[ "$ADDRESS" = fe80::1%here ]
	peer client connect:"[fe80::1%here]:$PORT" send:hello half-close \
		expect-eof
	finish client 0
	finish server 0
	holds server.out hello
	[[ $(<server.err) == "Listening on fe80::1%here $PORT"*"
Connection received on fe80::1%here "* ]]
}

@test "a listener on a link-local address says so with its interface" {
	requires_native 'it swaps the scope of an address'
	requires_ipv6
	namespace
	inside ip link add here type veth peer name there
	inside ip link set here up
	inside ip link set there up
	inside ip address add fe80::1/64 dev here nodad

	serves_here fe80::1%here 0
	serves_here "[fe80::1%here]:0"
	serves_here -p 0 -s fe80::1%here
}

# --- candidates ---------------------------------------------------------------

@test "of a name's addresses those that are dead are passed over" {
	local address

	requires_ipv6
	namespace
	inside_file /etc/hosts "127.0.0.1 both" "::1 both" \
		"127.0.0.2 many" "127.0.0.3 many" "127.0.0.4 many" "::1 many"
	for address in 127.0.0.1 "[::1]"; do
		serve 1 "$address:0"
		talks both "$PORT"
		succeed server
	done
	for address in 127.0.0.2 127.0.0.3 127.0.0.4 "[::1]"; do
		serve 1 "$address:0"
		talks many "$PORT"
		succeed server
	done
	fails 1 "sockcat: connect to both (@(127.0.0.1|::1)) port $PORT (tcp)\
 failed: Connection refused" both "$PORT"
}

@test "all of a name's addresses are tried, however many" {
	local i lines=()

	if grep -q 'Name does not resolve' "$SOCKCAT"; then
		skip "musl looks up no more than 48"
	fi
	for i in {2..101}; do
		lines+=("127.0.0.$i many")
	done
	namespace
	inside_file /etc/hosts "${lines[@]}"
	serve 1 127.0.0.2:0
	talks many "$PORT"
	succeed server
	serve 1 127.0.0.101:0
	talks many "$PORT"
	succeed server
}

@test "with -v each address that is dead is told" {
	requires_ipv6
	namespace
	inside_file /etc/hosts "127.0.0.1 both" "::1 both"
	inside_file /etc/services ''
	serve 1 127.0.0.1:0
	run_sockcat -v both "$PORT" <<<hello
	echo "$stderr"
	[ "$status" -eq 0 ]
	[ "$output" = bye ]
	[ "$stderr" = "sockcat: connect to both (::1) port $PORT (tcp) failed:\
 Connection refused
Connection to both (127.0.0.1) $PORT port [tcp/*] succeeded!
Sent 6 bytes, received 4 bytes" ]
	succeed server

	run_sockcat -v both "$PORT"
	[ "$status" -eq 1 ]
	[ "${#stderr_lines[@]}" -eq 2 ]
}

@test "-4 and -6 choose among a name's addresses" {
	requires_ipv6
	namespace
	inside_file /etc/hosts "127.0.0.1 both" "::1 both"
	serve 2 127.0.0.1:0
	fails 1 "sockcat: connect to both (::1) port $PORT (tcp) failed:\
 Connection refused" -6 both "$PORT"
	talks -4 both "$PORT"
	talks --ipv4 both "$PORT"
	succeed server

	serve 2 "[::1]:0"
	fails 1 "sockcat: connect to both (127.0.0.1) port $PORT (tcp) failed:\
 Connection refused" -4 both "$PORT"
	talks -6 both "$PORT"
	talks --ipv6 both "$PORT"
	succeed server
}

@test "an address of the other family is not found with -4 or -6" {
	fails 3 'sockcat: getaddrinfo for host "::1" port 1: *' -4 ::1 1
	fails 3 'sockcat: getaddrinfo for host "127.0.0.1" port 1: *' \
		-6 127.0.0.1 1
}

@test "with -n names are not looked up" {
	serve 1 127.0.0.1:0
	fails 3 "sockcat: getaddrinfo for host \"localhost\" port $PORT:\
 $NOT_KNOWN" -n localhost "$PORT"
	talks -n 127.0.0.1 "$PORT"
	succeed server
}

# without FAMILY ARG...: the kernel knows no stream socket of this family.  A
# first run shows which of the calls that is, for a lookup makes sockets too.
without() {
	local family=$1 nth
	shift

	traced socket "$@" || true
	nth=$(grep -n "socket($family, SOCK_STREAM" trace)
	status=0
	timeout "$BOUND" strace -qq -o trace -e trace=socket \
		-e inject=socket:error=EAFNOSUPPORT:when="${nth%%:*}" \
		"$SOCKCAT" "$@" <<<hello >without.out 2>without.err || status=$?
	grep -q "$family.*INJECTED" trace
}

@test "a family that the system lacks is passed over by a client" {
	requires strace
	requires_plain_build
	requires_ipv6
	namespace
	inside_file /etc/hosts "127.0.0.1 both" "::1 both"
	serve 2 127.0.0.1:0
	without AF_INET6 both "$PORT"
	[ "$status" -eq 0 ]
	holds without.out 'bye\n'
	holds without.err ''
	succeed server
}

@test "a family that the system lacks is passed over by a listener" {
	requires strace
	requires_plain_build
	without AF_INET6 -lv --accept-timeout 0 0
	[ "$status" -eq 4 ]
	grep -q '^Listening on 0\.0\.0\.0 ' without.err
}

@test "a family that is all that was asked for is exit 5, and named" {
	requires strace
	requires_plain_build
	without AF_INET 127.0.0.1 1
	[ "$status" -eq 5 ]
	holds without.err "sockcat: socket for 127.0.0.1 port 1 (tcp) failed:\
 $WRONG_FAMILY\n"
}

@test "where IPv6 is turned off everything goes over IPv4" {
	requires_ipv6
	namespace
	inside sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
	inside_file /etc/hosts "::1 both" "127.0.0.1 both"
	serve 1 127.0.0.1:0
	talks both "$PORT"
	succeed server

	listen_on server 0
	peer client connect:"127.0.0.1:$PORT" send:hello half-close expect-eof
	succeed client server
	holds server.out hello
}

# --- the source ---------------------------------------------------------------

# comes_from ADDRESS PORT ARG...: this is what the server sees; PORT '' is any.
comes_from() {
	local address=$1 port=$2
	shift 2

	peer_listen server listen:127.0.0.1:0 accept print-peer discard-all
	echo "sockcat $* 127.0.0.1 $PORT"
	run_sockcat "$@" 127.0.0.1 "$PORT"
	[ "$status" -eq 0 ]
	[ "$stderr" = '' ]
	succeed server
	[[ $(<server.out) == "$address "${port:-*} ]]
}

@test "-s is the address that a connection comes from" {
	comes_from 127.0.0.2 '' -s 127.0.0.2
	comes_from 127.0.0.3 '' --source=127.0.0.3 -n
	comes_from 127.0.0.1 '' -s localhost
}

@test "-p is the port that a connection comes from" {
	namespace
	inside_file /etc/services "talk-client 5001/tcp"
	comes_from 127.0.0.1 5000 -p 5000
	comes_from 127.0.0.1 5001 -p talk-client
	comes_from 127.0.0.2 5002 -s 127.0.0.2 -p 5002
	comes_from 127.0.0.2 '' -s 127.0.0.2 -p 0
}

@test "-s narrows a name's addresses to its family" {
	requires_ipv6
	namespace
	inside_file /etc/hosts "127.0.0.1 both" "::1 both"
	serve 1 127.0.0.1:0
	talks -s 127.0.0.2 both "$PORT"
	fails 1 "sockcat: connect to both (::1) port $PORT (tcp) failed:\
 Connection refused" -s ::1 both "$PORT"
	succeed server
}

@test "a source of another family is exit 5, and named" {
	requires_ipv6
	fails 5 "sockcat: bind to ::1 port 0 (tcp) failed: $WRONG_FAMILY" \
		-s ::1 127.0.0.1 1
}

@test "a source that is not ours is exit 5, and named" {
	fails 5 "sockcat: bind to 203.0.113.7 port 0 (tcp) failed: $NOT_OURS" \
		-s 203.0.113.7 127.0.0.1 1
	fails 5 "sockcat: bind to 203.0.113.7 port 0 (udp) failed: $NOT_OURS" \
		-u -s 203.0.113.7 127.0.0.1 1
	fails 3 "sockcat: getaddrinfo for host \"not ours\" port 0: $NOT_KNOWN" \
		-n -s 'not ours' 127.0.0.1 1
}

@test "a source port that is taken is exit 5, and named" {
	peer_listen server listen:127.0.0.1:0 wait-file:over
	fails 5 "sockcat: bind to 127.0.0.1 port $PORT (tcp) failed: $IN_USE" \
		-s 127.0.0.1 -p "$PORT" 127.0.0.1 1
	fails 5 "sockcat: bind to 0.0.0.0 port $PORT (tcp) failed: $IN_USE" \
		-p "$PORT" 127.0.0.1 1
	touch over
	succeed server
}

# meets_itself ADDRESS ARG...: what that would be is a refusal.
meets_itself() {
	fails 1 "sockcat: connect to $1 port 7000 (@(tcp|udp)) failed:\
 Connection refused" "${@:2}" "$1" 7000
}

# On loopback a socket can connect to itself, and would echo its own bytes.
@test "a connection that meets itself has found nobody" {
	requires_ipv6
	namespace
	meets_itself 127.0.0.1 -p 7000
	meets_itself ::1 -s ::1 -p 7000
	meets_itself 127.0.0.1 -u -p 7000
	meets_itself ::1 -u -p 7000
}

@test "nor has one that meets itself by way of the wildcard" {
	requires_ipv6
	namespace
	meets_itself 0.0.0.0 -p 7000
	meets_itself :: -s ::1 -p 7000
	meets_itself 0.0.0.0 -u -p 7000
	meets_itself :: -u -p 7000
}

@test "a connection that met itself leaves nothing in the way of the next" {
	namespace
	meets_itself 127.0.0.1 -p 7000
	meets_itself 127.0.0.1 -p 7000
}

@test "a connection that is given its target's port has found nobody" {
	requires_ipv6
	namespace
	inside sh -c 'echo 7000 7000 >/proc/sys/net/ipv4/ip_local_port_range'
	meets_itself 127.0.0.1
	meets_itself ::1
	meets_itself 127.0.0.1 -u
}

# --- what -v says -------------------------------------------------------------

# reaches LINE ARG...: with -v, connecting says this
reaches() {
	local line=$1
	shift

	run_sockcat -v "$@" <<<hello
	echo "sockcat -v $*: $stderr"
	[ "$status" -eq 0 ]
	[ "$output" = bye ]
	[ "${stderr_lines[0]}" = "$line" ]
	[ "${stderr_lines[1]}" = 'Sent 6 bytes, received 4 bytes' ]
	[ "${#stderr_lines[@]}" -eq 2 ]
}

@test "-v has the words that scripts know from nc" {
	namespace
	serve 6 127.0.0.1:0
	inside_file /etc/hosts "127.0.0.1 talkative"
	inside_file /etc/services ''
	reaches "Connection to 127.0.0.1 $PORT port [tcp/*] succeeded!" \
		127.0.0.1 "$PORT"
	inside_file /etc/services "other $PORT/udp" "talk-server $PORT/tcp"
	reaches "Connection to 127.0.0.1 $PORT port [tcp/talk-server] succeeded!" \
		127.0.0.1 "$PORT"
	reaches "Connection to 127.0.0.1 $PORT port [tcp/talk-server] succeeded!" \
		127.0.0.1 talk-server
	reaches "Connection to talkative (127.0.0.1) $PORT port\
 [tcp/talk-server] succeeded!" talkative talk-server
	reaches "Connection to talkative (127.0.0.1) $PORT port\
 [tcp/talk-server] succeeded!" "talkative:$PORT"
	reaches "Connection to 127.0.0.1 $PORT port [tcp/*] succeeded!" \
		-n 127.0.0.1 "$PORT"
	succeed server
}

@test "-v has them for IPv6 and for datagrams" {
	requires_ipv6
	namespace
	inside_file /etc/services "talk-server 7000/udp"
	serve 1 "[::1]:0"
	reaches "Connection to ::1 $PORT port [tcp/*] succeeded!" ::1 "$PORT"
	succeed server

	peer_listen server listen:udp:127.0.0.1:7000 accept \
		'expect:hello\n' 'send:bye\n'
	reaches "Connection to 127.0.0.1 7000 port [udp/talk-server] succeeded!" \
		-u -W 1 127.0.0.1 7000
	succeed server
}

# --- socket options -----------------------------------------------------------

@test "small segments are not delayed, but with --nagle" {
	requires strace
	requires_plain_build
	serve 2 127.0.0.1:0
	traced setsockopt 127.0.0.1 "$PORT"
	grep -q 'TCP_NODELAY, \[1\]' trace
	traced setsockopt --nagle 127.0.0.1 "$PORT"
	run ! grep TCP_NODELAY trace
	succeed server

	traced setsockopt -l --accept-timeout 0 127.0.0.1 0 || [ $? -eq 4 ]
	grep -q 'TCP_NODELAY, \[1\]' trace
	traced setsockopt -l --nagle --accept-timeout 0 127.0.0.1 0 ||
		[ $? -eq 4 ]
	run ! grep TCP_NODELAY trace
}

# reuses NAMES ARG...: of SO_REUSEADDR and SO_REUSEPORT it sets those.
reuses() {
	local names=$1 set
	shift

	echo "sockcat $*"
	traced setsockopt "$@" || [ $? -eq 4 ]
	set=$(grep -o 'SO_REUSE[A-Z]*, \[1\]' trace | cut -d, -f1 | xargs)
	[ "$set" = "$names" ]
}

@test "an address is reused by stream listeners, or as asked" {
	local wait=(--accept-timeout 0 127.0.0.1 0)

	requires strace
	requires_plain_build
	reuses SO_REUSEADDR -l "${wait[@]}"
	reuses SO_REUSEADDR -l --reuse-addr "${wait[@]}"
	reuses '' -l --no-reuse-addr "${wait[@]}"
	reuses '' -lu "${wait[@]}"
	reuses SO_REUSEADDR -lu --reuse-addr "${wait[@]}"

	serve 2 127.0.0.1:0
	reuses '' 127.0.0.1 "$PORT"
	reuses SO_REUSEADDR --reuse-addr 127.0.0.1 "$PORT"
	succeed server
}

@test "a port is shared only where --reuse-port asks for it" {
	requires strace
	requires_plain_build
	[[ $("$SOCKCAT" --version) == *reuse-port* ]] ||
		skip "needs a build with SO_REUSEPORT"
	reuses 'SO_REUSEADDR SO_REUSEPORT' \
		-l --reuse-port --accept-timeout 0 127.0.0.1 0
	reuses SO_REUSEPORT -lu --reuse-port --accept-timeout 0 127.0.0.1 0
}

# --- descriptors --------------------------------------------------------------

# crowded COMMAND...: it inherits 1,500 descriptors, more than select takes.
# A shell that reads a script keeps 255 for itself, so this one reads none.
crowded() {
	# shellcheck disable=SC2016 # it expands there
	exec bash -c '
		for ((descriptor = 3; descriptor < 1503; descriptor++)); do
			eval "exec $descriptor</dev/null"
		done
		exec "$@"' crowded "$@"
}

@test "with 1,500 descriptors open a connect is refused, and says why" {
	ulimit -n 2000 2>/dev/null || skip "needs a limit of 2,000 descriptors"
	peer_listen server listen:127.0.0.1:0 wait-file:over
	start client crowded "$SOCKCAT" 127.0.0.1 "$PORT"
	finish client 7
	holds client.out ''
	holds client.err "sockcat: connect to 127.0.0.1 port $PORT (tcp)\
 failed: too many open descriptors for select\n"
	touch over
	succeed server
}

@test "with 1,500 descriptors open a listener works" {
	ulimit -n 2000 2>/dev/null || skip "needs a limit of 2,000 descriptors"
	start_announced server crowded "$SOCKCAT" -l \
		--announce server.announce 127.0.0.1 0
	peer client connect:"127.0.0.1:$PORT" send-bytes:300000 half-close \
		expect-eof
	succeed client server
	bytes 300000 expected
	same_bytes expected server.out
}

# --- with other netcats -------------------------------------------------------

# exchanged SERVER CLIENT: each has sent its megabyte, and has the other's.
exchanged() {
	finish client 0
	finish server 0
	same_bytes server.in client.out
	same_bytes client.in server.out
}

# serves COMMAND...: sockcat listens for this client.
serves() {
	requires "$1"
	inputs
	listen_on server 127.0.0.1 0 <server.in
	start client "$@" "$ADDRESS" "$PORT" <client.in
	exchanged
}

socat_to() {
	exec socat -t 20 - "TCP:$1:$2"
}

@test "a megabyte each way with nc.openbsd" {
	serves nc.openbsd -N
}

@test "a megabyte each way with nc.traditional" {
	serves nc.traditional -q 20
}

@test "a megabyte each way with ncat" {
	serves ncat
}

@test "a megabyte each way with busybox" {
	serves busybox nc
}

@test "a megabyte each way with toybox" {
	serves toybox nc
}

@test "a megabyte each way with socat" {
	requires socat
	serves socat_to
}

# listens PATTERN COMMAND...: sockcat connects to this server, which says its
# port on stderr after the pattern.
listens() {
	local pattern=$1
	shift

	requires "$1"
	inputs
	start server "$@" <server.in
	within "$BOUND" grep -q "$pattern" server.err
	PORT=$(grep "$pattern" server.err | grep -o '[0-9]*$')
	start client "$SOCKCAT" 127.0.0.1 "$PORT" <client.in
	exchanged
	holds client.err ''
}

@test "a megabyte each way with nc.openbsd as the server" {
	listens '^Listening on ' nc.openbsd -lvN 127.0.0.1 0
}

@test "a megabyte each way with socat as the server" {
	listens ' listening on ' socat -dd -t 20 - TCP-LISTEN:0,bind=127.0.0.1
}

@test "a megabyte each way with ncat as the server" {
	requires ncat
	inputs
	start server ncat -lU ./path <server.in
	start client "$SOCKCAT" --wait "$BOUND" -U path <client.in
	exchanged
	holds client.err ''
}
