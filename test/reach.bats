#!/usr/bin/env bats
# Reaching: the race of a name's addresses, the one limit for all of it, and
# --wait for what is not there yet.

# shellcheck disable=SC2153,SC2154 # run and load set them
load lib/helpers

# What is compared with these is a pattern: glibc's words, or musl's.
NOT_KNOWN='@(Name or service not known|Name does not resolve)'
NOT_FOUND="@($NOT_KNOWN|Temporary failure in name resolution|Try again)"
TIMED_OUT='@(Connection|Operation) timed out'
NO_HOST='@(No route to host|Host is unreachable)'
NO_NETWORK='@(Network is unreachable|Network unreachable)'
NOT_OURS='@(Cannot assign requested address|Address not available)'
REFUSED='Connection refused'

# The addresses of these tests.  A lookup sorts what it finds, IPv6 first; of
# one family those that are used here are equal to it, and stay in order.
#
#	127.0.0.8 to 15                      ours: refuse, or are listened on
#	2001:db8::8 to f, 192.0.2.8 to 15    never answer
#	2001:db8:1::/64, 198.51.100.0/24     cannot be reached, which is told
#
# network LINE...: from here on they are so, and the names of hosts are these.
network() {
	namespace
	requires_ipv6
	inside ip link add here type veth peer name there
	inside ip link set here arp off up
	inside ip link set there up
	inside ip address add 192.0.2.1/24 dev here
	inside ip address add 2001:db8::1/64 dev here nodad
	inside ip route add unreachable 198.51.100.0/24
	inside ip route add unreachable 2001:db8:1::/64
	inside_file /etc/services ''
	inside_file /etc/hosts "$@"
}

# unnamed LINE...: the network's names are these, and nobody else is asked.
unnamed() {
	network "$@"
	inside_file /etc/resolv.conf 'nameserver 127.0.0.1' \
		'options timeout:1 attempts:1'
	[[ ! -e /etc/nsswitch.conf ]] ||
		inside_file /etc/nsswitch.conf 'hosts: files'
}

# dark LINE...: the same, but who is asked for others does not answer.
dark() {
	network "$@"
	inside_file /etc/resolv.conf 'nameserver 192.0.2.53'
	[[ ! -e /etc/nsswitch.conf ]] ||
		inside_file /etc/nsswitch.conf 'hosts: files dns'
}

# serve ADDRESS: a server that has one short talk.
serve() {
	peer_listen server listen:"$1" \
		accept 'expect:hello\n' expect-eof 'send:bye\n' close
}

# ends STATUS OUTPUT LINE... -- ARG...: called like this it ends so, with these
# lines, which are patterns, on stderr.
ends() {
	local expected=$1 written=$2 said=()
	shift 2

	while [[ $1 != -- ]]; do
		said+=("$1")
		shift
	done
	shift
	run_sockcat "$@" <<<hello
	echo "sockcat $*: status $status, output '$output', stderr '$stderr'"
	[ "$status" -eq "$expected" ]
	[ "$output" = "$written" ]
	says "${said[@]}"
}

# talks LINE... -- ARG...: it has that talk.
talks() {
	ends 0 bye "$@"
}

# unreached STATUS LINE... -- ARG...: it has none.
unreached() {
	ends "$1" '' "${@:2}"
}

# says LINE...: these patterns, and no other, are what stderr has.
says() {
	local i=0 line

	for line; do
		# shellcheck disable=SC2053 # a pattern it is
		[[ ${stderr_lines[i]-} == $line ]] || return
		i=$((i + 1))
	done
	[ "${#stderr_lines[@]}" -eq $# ]
}

# full NAME ADDRESS:PORT: a listener there whose queue is full, so that it
# answers nobody, until there is a file "over".
full() {
	peer_listen "$1" backlog:0 listen:"$2" wait-file:over
	peer "$1"-first connect:"${2%:*}:$PORT" touch:"$1"-full wait-file:over
	within "$BOUND" test -e "$1"-full
}

# lines_of FILE PATTERN: prints how many lines match; has_lines N FILE PATTERN:
# whether so many do, or more.
lines_of() {
	grep -c -- "$2" "$1" || true
}

has_lines() {
	[[ -e $2 && $(lines_of "$2" "$3") -ge $1 ]]
}

# sockets_of NAME: prints how many the process has.
sockets_of() {
	local fd count=0

	for fd in "/proc/${PIDS[$1]}/fd/"*; do
		if [[ -S $fd ]]; then
			count=$((count + 1))
		fi
	done
	echo "$count"
}

# tracing NAME ARG...: sockcat runs, and its connects are in "trace" with the
# time of each.
tracing() {
	local name=$1
	shift

	start "$name" strace -qq -ttt -o trace -e trace=connect "$SOCKCAT" "$@"
}

# end_traced NAME: SIGTERM for that which strace has started.
end_traced() {
	local pid=${PIDS[$1]}

	kill -s TERM "$(cut -d' ' -f1 "/proc/$pid/task/$pid/children")"
	finish "$1" 143
}

# attempted: prints the time in microseconds and the address of each connect of
# the trace that did not succeed at once, as those of a lookup do.
attempted() {
	sed -En 's/^([0-9]+)\.([0-9]{6}) .*\("([0-9.]+)"\).* = -1 .*/\1\2 \3/p
s/^([0-9]+)\.([0-9]{6}) .*AF_INET6, "([0-9a-f:]+)".* = -1 .*/\1\2 \3/p' trace
}

# --- the race -----------------------------------------------------------------

@test "an address that does not answer is overtaken by one that does" {
	network '2001:db8::8 both' '127.0.0.8 both'
	serve 127.0.0.8:7000
	talks -- both 7000
	succeed server

	serve 127.0.0.8:7000
	talks "connect to both (2001:db8::8) port 7000 (tcp) abandoned:\
 another address answered first" \
		'Connection to both (127.0.0.8) 7000 port \[tcp/\*] succeeded!' \
		'Sent 6 bytes, received 4 bytes' -- -v both 7000
	succeed server
}

@test "so is one whose queue is full, of whatever family" {
	network '::1 six' '127.0.0.8 six' '127.0.0.8 four' '127.0.0.9 four'
	full six "[::1]:7000"
	full four 127.0.0.8:7001
	serve 127.0.0.8:7000
	talks "connect to six (::1) port 7000 (tcp) abandoned:\
 another address answered first" \
		'Connection to six (127.0.0.8) 7000 port \[tcp/\*] succeeded!' \
		'Sent 6 bytes, received 4 bytes' -- -v six 7000
	succeed server
	serve 127.0.0.9:7001
	talks "connect to four (127.0.0.8) port 7001 (tcp) abandoned:\
 another address answered first" \
		'Connection to four (127.0.0.9) 7001 port \[tcp/\*] succeeded!' \
		'Sent 6 bytes, received 4 bytes' -- -v four 7001
	succeed server
	touch over
	succeed six six-first four four-first
}

@test "the families take turns, 250 ms after each other" {
	local try

	requires_strace
	network '2001:db8::8 many' '2001:db8::9 many' \
		'192.0.2.8 many' '192.0.2.9 many'
	# When each is seen may be late, on a busy machine.
	for try in 1 2 3; do
		echo "try $try"
		tracing client -w 60 many 7000
		within "$BOUND" has_lines 4 trace EINPROGRESS
		end_traced client
		attempted >attempts
		cat attempts
		cut -d' ' -f2 attempts >order
		holds order \
			'2001:db8::8\n192.0.2.8\n2001:db8::9\n192.0.2.9\n'
		if awk 'NR > 1 && $1 - last < 100000 { exit 1 }
			{ last = $1 }' attempts; then
			return
		fi
		rm trace
	done
	echo 'each time two were begun too soon after each other'
	false
}

@test "where a family has more addresses than the other they follow" {
	requires_strace
	network '2001:db8::8 many' '2001:db8::9 many' '2001:db8::a many' \
		'192.0.2.8 many'
	tracing client -w 60 many 7000
	within "$BOUND" has_lines 4 trace EINPROGRESS
	end_traced client
	attempted | cut -d' ' -f2 >order
	holds order '2001:db8::8\n192.0.2.8\n2001:db8::9\n2001:db8::a\n'
}

# At 250 ms each they would take 10 s.
@test "the next attempt begins as soon as one has failed" {
	local began i lines=()

	for i in {8..26}; do
		lines+=("127.0.0.$i refuse" "198.51.100.$i refuse"
			"127.0.0.$i unreachable" "198.51.100.$i unreachable")
	done
	network "${lines[@]}" '127.0.0.27 refuse'
	serve 127.0.0.27:7000
	began=$SECONDS
	talks -- refuse 7000
	((SECONDS - began < 9))
	succeed server

	began=$SECONDS
	unreached 1 "sockcat: connect to unreachable (127.0.0.26) port 7000 (tcp)\
 failed: $REFUSED" -- unreachable 7000
	((SECONDS - began < 9))
}

@test "so does it while another one hangs" {
	local began i lines=()

	for i in {8..47}; do
		lines+=("127.0.0.$i many")
	done
	network '2001:db8::8 many' "${lines[@]}"
	serve 127.0.0.47:7000
	began=$SECONDS
	run_sockcat -v many 7000 <<<hello
	((SECONDS - began < 9))
	echo "$stderr"
	[ "$status" -eq 0 ]
	[ "$output" = bye ]
	[ "${stderr_lines[0]}" = "sockcat: connect to many (127.0.0.8) port\
 7000 (tcp) failed: $REFUSED" ]
	[ "${stderr_lines[38]}" = "sockcat: connect to many (127.0.0.46) port\
 7000 (tcp) failed: $REFUSED" ]
	[ "${stderr_lines[39]}" = "connect to many (2001:db8::8) port 7000 (tcp)\
 abandoned: another address answered first" ]
	[ "${stderr_lines[40]}" = 'Connection to many (127.0.0.47) 7000 port'\
' [tcp/*] succeeded!' ]
	[ "${#stderr_lines[@]}" -eq 42 ]
	succeed server
}

@test "an attempt that has hung may still be the first that is answered" {
	requires_strace
	network '127.0.0.8 many' '2001:db8::8 many' '2001:db8::9 many' \
		'192.0.2.8 many'
	peer_listen server backlog:0 listen:127.0.0.8:7000 wait-file:go \
		accept expect-eof accept 'expect:hello\n' expect-eof 'send:bye\n' \
		close
	peer first connect:127.0.0.8:7000 touch:full wait-file:go close
	within "$BOUND" test -e full
	tracing client many 7000 <<<hello
	within "$BOUND" has_lines 4 trace EINPROGRESS
	touch go
	succeed server first client
	holds client.out 'bye\n'
}

@test "of two addresses that answer the first is taken, the other left alone" {
	network '::1 both' '127.0.0.8 both'
	peer_listen other backlog:0 listen:127.0.0.8:7000 wait-file:over \
		accept expect:alone
	serve "[::1]:7000"
	talks 'Connection to both (::1) 7000 port \[tcp/\*] succeeded!' \
		'Sent 6 bytes, received 4 bytes' -- -v both 7000
	succeed server
	peer alone connect:127.0.0.8:7000 send:alone close
	touch over
	succeed other alone
}

# strace lets no connect return before the next address has its turn.
@test "an answer that is seen late is taken before another address is tried" {
	requires_strace
	network '::1 both' '127.0.0.8 both'
	serve "[::1]:7000"
	start client strace -qq -o trace -e trace=connect \
		-e inject=connect:delay_exit=400000 "$SOCKCAT" -v both 7000 \
		<<<hello
	succeed server
	finish client 0
	holds client.out 'bye\n'
	run said client.err
	[[ $output == 'Connection to both (::1) 7000 port '*$'succeeded!\n'\
'Sent 6 bytes, received 4 bytes' ]]
}

# By then the limit has passed.  A lookup connects as well, before that.
@test "an address that is late to refuse leaves the next one its turn" {
	local first

	requires_strace
	network '::1 both' '127.0.0.8 both'
	serve 127.0.0.8:7000
	tracing client both 7000 <<<hello
	succeed server client
	first=$(grep -n -m 1 'EINPROGRESS\|ECONNREFUSED' trace | cut -d: -f1)
	serve 127.0.0.8:7000
	start client strace -qq -o trace -e trace=connect \
		-e inject=connect:delay_exit=3100000:when="$first" \
		"$SOCKCAT" -w 3 both 7000 <<<hello
	succeed server client
	holds client.out 'bye\n'
}

@test "attempts that were overtaken are closed" {
	network '2001:db8::8 many' '2001:db8::9 many' '192.0.2.8 many' \
		'127.0.0.8 many' '192.0.2.9 many'
	peer_listen server listen:127.0.0.8:7000 accept 'expect:hello\n' \
		touch:there wait-file:over
	start client "$SOCKCAT" many 7000 <<<hello
	within "$BOUND" test -e there
	[ "$(sockets_of client)" -eq 1 ]
	run inside grep -c ' 02 ' /proc/net/tcp /proc/net/tcp6
	[ "$output" = '/proc/net/tcp:0
/proc/net/tcp6:0' ]
	touch over
	succeed server client
}

# --- what is said when all have failed ----------------------------------------

@test "an answer tells more than silence, and silence more than no route" {
	network '127.0.0.8 answer' '192.0.2.8 answer' '198.51.100.8 answer' \
		'2001:db8::8 silence' '198.51.100.8 silence' \
		'2001:db8:1::8 silence' \
		'2001:db8:1::8 nothing' '198.51.100.8 nothing' \
		'127.0.0.8 equal' '127.0.0.9 equal'
	unreached 1 "sockcat: connect to answer (127.0.0.8) port 7000 (tcp) failed:\
 $REFUSED" -- -w 0.4 answer 7000
	unreached 4 "sockcat: connect to silence (2001:db8::8) port 7000 (tcp)\
 failed: $TIMED_OUT" -- -w 0.4 silence 7000
	unreached 1 "sockcat: connect to nothing (198.51.100.8) port 7000 (tcp)\
 failed: $NO_HOST" -- nothing 7000
	unreached 1 "sockcat: connect to equal (127.0.0.9) port 7000 (tcp) failed:\
 $REFUSED" -- equal 7000
}

@test "with -v each failure is told when it comes" {
	network '2001:db8::8 many' '127.0.0.8 many' '2001:db8::9 many'
	unreached 1 "sockcat: connect to many (127.0.0.8) port 7000 (tcp) failed:\
 $REFUSED" \
		"sockcat: connect to many (2001:db8::8) port 7000 (tcp)\
 failed: $TIMED_OUT" \
		"sockcat: connect to many (2001:db8::9) port 7000 (tcp)\
 failed: $TIMED_OUT" -- -v -w 3 many 7000
}

@test "where there is no IPv6 the failure is that of IPv4" {
	namespace
	requires_ipv6
	inside sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
	inside_file /etc/hosts '2001:db8::8 both' '127.0.0.8 both'
	unreached 1 "sockcat: connect to both (127.0.0.8) port 7000 (tcp) failed:\
 $REFUSED" -- both 7000
	inside_file /etc/hosts '2001:db8::8 both' '198.51.100.8 both'
	unreached 1 "sockcat: connect to both (*) port 7000 (tcp) failed:\
 @($NO_NETWORK|$NOT_OURS)" -- both 7000
}

# --- the source ---------------------------------------------------------------

@test "-s leaves only the addresses of its family in the race" {
	network '2001:db8::8 both' '127.0.0.8 both'
	serve 127.0.0.8:7000
	talks 'Connection to both (127.0.0.8) 7000 port \[tcp/\*] succeeded!' \
		'Sent 6 bytes, received 4 bytes' -- -v -s 127.0.0.1 both 7000
	succeed server
	unreached 4 "sockcat: connect to both (2001:db8::8) port 7000 (tcp) failed:\
 $TIMED_OUT" -- -v -w 0.3 -s 2001:db8::1 both 7000
}

@test "with -p the addresses are tried in turn" {
	network '127.0.0.8 many' '127.0.0.9 many' '127.0.0.10 many'
	peer_listen server listen:127.0.0.10:7000 accept print-peer \
		'expect:hello\n' expect-eof 'send:bye\n' close
	talks -- -p 5000 many 7000
	succeed server
	holds server.out '127.0.0.1 5000\n'
}

@test "with -p an attempt that hangs keeps the others waiting" {
	requires_strace
	network '192.0.2.8 many' '192.0.2.9 many'
	tracing client -w 0.5 -p 5000 many 7000
	finish client 4
	attempted | cut -d' ' -f2 >order
	holds order '192.0.2.8\n'
	holds client.out ''
	# shellcheck disable=SC2053 # a pattern it is
	[[ $(<client.err) == "sockcat: connect to many (192.0.2.8) port 7000\
 (tcp) failed: "$TIMED_OUT ]]
}

# --- descriptors --------------------------------------------------------------

# crowded N COMMAND...: it inherits descriptors from 3 up to N.  A shell that
# reads a script keeps 255 for itself, so this one reads none.
crowded() {
	# shellcheck disable=SC2016 # it expands there
	exec bash -c '
		for ((descriptor = 3; descriptor <= $1; descriptor++)); do
			eval "exec $descriptor</dev/null"
		done
		shift
		exec "$@"' crowded "$@"
}

@test "in a race no descriptor is more than select takes" {
	local i lines=()

	ulimit -n 2000 2>/dev/null || skip "needs a limit of 2,000 descriptors"
	for i in {8..15}; do
		lines+=("192.0.2.$i many")
	done
	network "${lines[@]}" '127.0.0.8 one'
	# The first has room below 1024.
	for i in 1500 1022; do
		start client crowded "$i" "$SOCKCAT" -w 5 many 7000
		finish client 7
		holds client.out ''
		[[ $(<client.err) == 'sockcat: connect to many (192.0.2.'*')'\
' port 7000 (tcp) failed: too many open descriptors for select' ]]
	done
	serve 127.0.0.8:7000
	start client crowded 1010 "$SOCKCAT" one 7000 <<<hello
	succeed client server
	holds client.out 'bye\n'
}

# --- the one limit ------------------------------------------------------------

@test "one limit is for the whole race" {
	local began=$SECONDS i lines=()
	local options=('-w 0.6' '--connect-timeout 0.6' '--deadline 600ms'
		'--connect-timeout .6 -w 60')

	for i in {8..15}; do
		lines+=("192.0.2.$i many")
	done
	for i in {8,9,a,b,c,d,e,f}; do
		lines+=("2001:db8::$i many")
	done
	network "${lines[@]}"
	for i in "${!options[@]}"; do
		# shellcheck disable=SC2086 # they are words
		start client-"$i" "$SOCKCAT" ${options[i]} many 7000
	done
	for i in "${!options[@]}"; do
		echo "sockcat ${options[i]}"
		finish client-"$i" 4
		holds client-"$i".out ''
		# shellcheck disable=SC2053 # a pattern it is
		[[ $(<client-"$i".err) == "sockcat: connect to many ("*") port\
 7000 (tcp) failed: "$TIMED_OUT ]]
	done
	((SECONDS - began < 9))
}

# What is left of it is how long the first wait for the address may take.
@test "of the limit a slow lookup leaves the rest" {
	local seconds

	requires_strace
	[[ -e /etc/nsswitch.conf ]] || skip "needs /etc/nsswitch.conf"
	if grep -q 'Name does not resolve' "$SOCKCAT"; then
		skip "musl asks for no other source than the first"
	fi
	network '192.0.2.8 slow.example'
	inside_file /etc/resolv.conf 'nameserver 192.0.2.53' \
		'options timeout:1 attempts:1'
	inside_file /etc/nsswitch.conf 'hosts: dns files'
	start client strace -qq -o trace -e trace=pselect6 \
		"$SOCKCAT" -w 90 slow.example 7000
	within "$BOUND" test -s trace
	seconds=$(sed -En '1s/.*\{tv_sec=([0-9]+),.*/\1/p' trace)
	end_traced client
	cat trace
	((seconds < 89 && seconds > 60))
}

@test "a race ends by a signal" {
	local signal

	network '2001:db8::8 many' '192.0.2.8 many' '192.0.2.9 many'
	for signal in HUP INT TERM; do
		start client unignored "$SOCKCAT" many 7000
		within "$BOUND" has_socket client
		signal client "$signal"
		finish client $((128 + $(kill -l "$signal")))
		holds client.out ''
		holds client.err ''
	done
}

# --- waiting for a listener ---------------------------------------------------

# said FILE: each of its lines once, but for the sandbox's and the one that a
# try between bind and listen may add on a path.
said() {
	grep -v -e '^Confined by ' \
		-e "connect to path (unix) failed: $REFUSED" "$1" |
		LC_ALL=C sort -u
}

@test "--wait goes on until there is a listener, and then as usual" {
	closed_port
	start client "$SOCKCAT" -v --wait "$BOUND" 127.0.0.1 "$PORT" <<<hello
	has_complained client
	serve 127.0.0.1:"$PORT"
	succeed server
	finish client 0
	holds client.out 'bye\n'
	run said client.err
	[ "${#lines[@]}" -eq 3 ]
	[[ ${lines[0]} == "Connection to 127.0.0.1 $PORT port "*' succeeded!' ]]
	[ "${lines[1]}" = 'Sent 6 bytes, received 4 bytes' ]
	[ "${lines[2]}" = "sockcat: connect to 127.0.0.1 port $PORT (tcp)\
 failed: $REFUSED" ]
}

@test "without -v what was waited for is not told" {
	requires_strace
	network '127.0.0.8 both' '127.0.0.9 both'
	tracing client --wait "$BOUND" both 7000 <<<hello
	within "$BOUND" has_lines 6 trace 'htons(7000).* = -1 '
	serve 127.0.0.9:7000
	succeed client server
	holds client.out 'bye\n'
}

@test "--wait finds a listener that is there at once" {
	local began=$SECONDS

	serve 127.0.0.1:0
	talks -- --wait 60 127.0.0.1 "$PORT"
	((SECONDS - began < 9))
	succeed server
}

@test "--wait waits for a route" {
	network '198.51.100.8 later'
	start client "$SOCKCAT" -v --wait "$BOUND" later 7000 <<<hello
	has_complained client
	inside ip address add 198.51.100.8/32 dev here
	serve 198.51.100.8:7000
	succeed server
	finish client 0
	holds client.out 'bye\n'
	# shellcheck disable=SC2053 # a pattern it is
	[[ $(head -n 1 client.err) == "sockcat: connect to later (198.51.100.8)\
 port 7000 (tcp) failed: "$NO_HOST ]]
}

@test "--wait waits for a name" {
	unnamed '127.0.0.1 localhost'
	start client "$SOCKCAT" -v --wait "$BOUND" later 7000 <<<hello
	has_complained client
	serve 127.0.0.8:7000
	inside_file /etc/hosts '127.0.0.8 later'
	succeed server
	finish client 0
	holds client.out 'bye\n'
	# shellcheck disable=SC2053 # a pattern it is
	[[ $(head -n 1 client.err) == 'sockcat: getaddrinfo for host "later"'\
' port 7000: '$NOT_FOUND ]]
}

@test "--wait looks a name up again for each attempt" {
	network '127.0.0.8 moved'
	start client "$SOCKCAT" -v --wait "$BOUND" moved 7000 <<<hello
	has_complained client
	serve 127.0.0.9:7000
	inside_file /etc/hosts '127.0.0.9 moved'
	succeed server
	finish client 0
	holds client.out 'bye\n'
}

@test "--wait tries from the same port each time" {
	network '127.0.0.8 localhost'
	start client "$SOCKCAT" -v --wait "$BOUND" -s 127.0.0.9 -p 5000 \
		127.0.0.8 7000 <<<hello
	within "$BOUND" has_lines 3 client.err refused
	peer_listen server listen:127.0.0.8:7000 accept print-peer \
		'expect:hello\n' expect-eof 'send:bye\n' close
	succeed server
	holds server.out '127.0.0.9 5000\n'
	finish client 0
	holds client.out 'bye\n'
}

@test "--wait leaves nothing of a failed attempt behind" {
	network '2001:db8::8 both' '127.0.0.8 both'
	start client "$SOCKCAT" -v --wait "$BOUND" -w 0.3 both 7000 <<<hello
	within "$BOUND" has_lines 2 client.err refused
	peer_listen server listen:127.0.0.8:7000 accept 'expect:hello\n' \
		touch:there wait-file:over
	within "$BOUND" test -e there
	[ "$(sockets_of client)" -eq 1 ]
	touch over
	succeed server
	finish client 0
}

@test "--wait does not read what it cannot send yet" {
	closed_port
	echo hello >in
	start client sh -c '"$@" || cat' sh timeout "$BOUND" \
		"$SOCKCAT" --wait 0.3 127.0.0.1 "$PORT" <in
	finish client 0
	holds client.out 'hello\n'
}

# --- giving up ----------------------------------------------------------------

@test "--wait gives up with 4, and says what was the matter" {
	unnamed '198.51.100.8 nowhere' '127.0.0.8 both' '127.0.0.9 both'
	unreached 4 "sockcat: gave up waiting: connect to 127.0.0.8 port 7000 (tcp)\
 failed: $REFUSED" -- --wait 0.2 127.0.0.8 7000
	unreached 4 "sockcat: gave up waiting: connect to both (127.0.0.9) port\
 7000 (tcp) failed: $REFUSED" -- --wait=1000ms both 7000
	unreached 4 "sockcat: gave up waiting: connect to nowhere (198.51.100.8)\
 port 7000 (tcp) failed: $NO_HOST" -- --wait .9 nowhere 7000
	unreached 4 "sockcat: gave up waiting: getaddrinfo for host \"a..b\" port\
 7000: $NOT_KNOWN" -- --wait 1 a..b 7000
	unreached 4 "sockcat: gave up waiting: connect to none (unix) failed: No\
 such file or directory" -- --wait 0.2 -U none
}

@test "--wait gives up where nothing answers" {
	local began=$SECONDS

	network '192.0.2.8 many' '2001:db8::8 many'
	unreached 4 "sockcat: gave up waiting: connect to 192.0.2.8 port 7000 (tcp)\
 failed: $TIMED_OUT" -- --wait 0.2 192.0.2.8 7000
	unreached 4 "sockcat: gave up waiting: connect to many (*) port 7000 (tcp)\
 failed: $TIMED_OUT" -- --wait 1 -w 60 many 7000
	unreached 4 "sockcat: gave up waiting: connect to many (*) port 7000 (tcp)\
 failed: $TIMED_OUT" -- --wait 1 -w 0.1 many 7000
	((SECONDS - began < 10))
}

@test "a deadline that is shorter than --wait ends it" {
	local began=$SECONDS

	closed_port
	run_sockcat --wait 60 --deadline 0.3 127.0.0.1 "$PORT"
	echo "$stderr"
	[ "$status" -eq 4 ]
	[ "$output" = '' ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	((SECONDS - began < 10))
}

@test "with -w each attempt of --wait has that limit" {
	network '192.0.2.8 silent'
	start client "$SOCKCAT" -v -w 0.1 --wait "$BOUND" silent 7000 <<<hello
	within "$BOUND" has_lines 3 client.err 'timed out'
	inside ip address add 192.0.2.8/32 dev here
	serve 192.0.2.8:7000
	succeed server
	finish client 0
	holds client.out 'bye\n'
}

@test "a lookup that is not answered takes no longer than --wait" {
	local began=$SECONDS

	dark '127.0.0.1 localhost'
	unreached 4 'sockcat: *getaddrinfo for host "dark.example" port 7000:'\
' timed out' -- --wait 0.3 dark.example 7000
	unreached 4 'sockcat: *getaddrinfo for host "dark.example" port 7000:'\
' timed out' -- --wait 0.3 -w 0.1 dark.example 7000
	((SECONDS - began < 10))
}

@test "what time does not mend is not waited for" {
	local began=$SECONDS

	unreached 5 "sockcat: bind to 203.0.113.7 port 0 (tcp) failed: $NOT_OURS" \
		-- --wait 60 -s 203.0.113.7 127.0.0.1 1
	unreached 3 "sockcat: getaddrinfo for host \"no name\" port 1: $NOT_KNOWN" \
		-- -n --wait 60 'no name' 1
	unreached 2 "sockcat: unknown service 'no-such'" \
		-- --wait 60 127.0.0.1 no-such
	printf -v path %0108d 0
	unreached 5 "sockcat: path is too long, at most 107 bytes: $path" \
		-- --wait 60 -U "$path"
	((SECONDS - began < 10))
}

# On loopback a socket can connect to itself; here it has no other port.
@test "a connection that meets itself is none that was waited for" {
	network '127.0.0.8 localhost'
	inside sh -c 'echo 7000 7000 >/proc/sys/net/ipv4/ip_local_port_range'
	unreached 4 "sockcat: gave up waiting: connect to 127.0.0.1 port 7000 (tcp)\
 failed: $REFUSED" -- --wait 0.2 127.0.0.1 7000
	unreached 4 "sockcat: gave up waiting: connect to ::1 port 7000 (tcp)\
 failed: $REFUSED" -- --wait 0.2 ::1 7000
	unreached 4 -- -z --wait 0.2 127.0.0.1 7000
	unreached 4 -- -z --wait 0.2 ::1 7000
}

@test "nor does such a connection keep the port from its listener" {
	network '127.0.0.8 localhost'
	inside sh -c 'echo 7000 7001 >/proc/sys/net/ipv4/ip_local_port_range'
	start client "$SOCKCAT" -v --wait "$BOUND" 127.0.0.1 7000 <<<hello
	within "$BOUND" has_lines 4 client.err refused
	# For a moment at each attempt the port is the client's.
	within "$BOUND" serve 127.0.0.1:7000
	succeed server
	finish client 0
	holds client.out 'bye\n'
}

# --- the pauses ---------------------------------------------------------------

@test "the pauses of --wait begin with 50 ms and double" {
	requires_strace
	closed_port
	tracing client --wait 60 127.0.0.1 "$PORT"
	within "$BOUND" has_lines 5 trace "htons($PORT)"
	end_traced client
	attempted >attempts
	cat attempts
	awk 'NR > 1 && $1 - last < pause - 10000 { exit 1 }
		{ last = $1; pause = pause ? 2 * pause : 50000 }' attempts
}

# With pauses of 50 ms there would be 20 attempts.
@test "--wait does not hammer" {
	closed_port
	run_sockcat -v --wait 1 127.0.0.1 "$PORT"
	echo "$stderr"
	[ "$status" -eq 4 ]
	[ "$output" = '' ]
	[ "${#stderr_lines[@]}" -ge 2 ]
	[ "${#stderr_lines[@]}" -le 14 ]
	[ "${stderr_lines[0]}" = "sockcat: connect to 127.0.0.1 port $PORT\
 (tcp) failed: $REFUSED" ]
	[ "${stderr_lines[-1]}" = "sockcat: gave up waiting: connect to\
 127.0.0.1 port $PORT (tcp) failed: $REFUSED" ]
}

# --- Unix sockets -------------------------------------------------------------

@test "--wait waits for a path" {
	start client "$SOCKCAT" -v --wait "$BOUND" -U path <<<hello
	has_complained client
	serve unix:path
	succeed server
	finish client 0
	holds client.out 'bye\n'
	run said client.err
	[ "$output" = 'Connection to path succeeded!
Sent 6 bytes, received 4 bytes
sockcat: connect to path (unix) failed: No such file or directory' ]
}

@test "--wait waits for a path that is dead" {
	"$PEER" announce:/dev/null listen:unix:path
	start client "$SOCKCAT" -v --wait "$BOUND" unix:path <<<hello
	has_complained client
	rm path
	serve unix:path
	succeed server
	finish client 0
	holds client.out 'bye\n'
	[ "$(head -n 1 client.err)" = "sockcat: connect to path (unix) failed:\
 $REFUSED" ]
}

@test "--wait waits for a datagram socket's path" {
	start client "$SOCKCAT" -v -W 1 --wait "$BOUND" -uU path <<<hello
	has_complained client
	peer_listen server listen:unix-dgram:path accept 'expect:hello\n' \
		'send:bye\n'
	succeed server
	finish client 0
	holds client.out 'bye\n'
	[ "$(head -n 1 client.err)" = 'sockcat: connect to path (unix) failed:'\
' No such file or directory' ]
}

@test "--wait waits for room in a Unix socket's full queue" {
	local began=$SECONDS

	peer_listen server backlog:0 listen:unix:path wait-file:room \
		accept expect:first expect-eof \
		accept 'expect:hello\n' expect-eof 'send:bye\n' close
	peer first connect:unix:path send:first close
	succeed first
	unreached 4 "sockcat: gave up waiting: connect to path (unix) failed:\
 $TIMED_OUT" -- --wait 0.2 -U path
	unreached 4 "sockcat: gave up waiting: connect to path (unix) failed:\
 $TIMED_OUT" -- --wait 0.3 -w 0.1 -U path
	((SECONDS - began < 10))
	start client "$SOCKCAT" -v -w 0.1 --wait "$BOUND" -U path <<<hello
	has_complained client
	touch room
	succeed server
	finish client 0
	holds client.out 'bye\n'
}

# --- signals ------------------------------------------------------------------

# ends_by SIGNAL ARG...: it does, wherever it is, without a word but those of
# -v.
ends_by() {
	local signal=$1
	shift

	start client unignored "$SOCKCAT" "$@"
	"${READY[@]}"
	signal client "$signal"
	finish client $((128 + $(kill -l "$signal")))
	holds client.out ''
}

@test "--wait ends by a signal, in a pause" {
	local signal

	closed_port
	READY=(within "$BOUND" has_lines 3 client.err refused)
	for signal in HUP INT TERM; do
		ends_by "$signal" -v --wait 60 127.0.0.1 "$PORT"
		run grep -v refused client.err
		[ "$output" = '' ]
	done
}

@test "--wait ends by a signal, in an attempt" {
	local signal

	network '192.0.2.8 silent' '2001:db8::8 silent'
	READY=(within "$BOUND" has_socket client)
	for signal in HUP INT TERM; do
		ends_by "$signal" --wait 60 silent 7000
		holds client.err ''
	done
	ends_by TERM -z --wait 60 silent 7000
	holds client.err ''
}

@test "--wait ends by a signal, in a lookup" {
	local signal

	dark '127.0.0.1 localhost'
	READY=(within "$BOUND" has_socket client)
	for signal in HUP INT TERM; do
		ends_by "$signal" --wait 60 dark.example 7000
		holds client.err ''
	done
}

@test "--wait ends by a signal while a Unix socket's queue is full" {
	peer_listen server backlog:0 listen:unix:path wait-file:over
	peer first connect:unix:path close
	succeed first
	READY=(within "$BOUND" has_socket client)
	ends_by TERM --wait 60 -U path
	holds client.err ''
	touch over
	succeed server
}

# --- with -z ------------------------------------------------------------------

@test "-z --wait is silent, and 0 once there is a listener" {
	requires_strace
	closed_port
	mkfifo in
	exec 7<>in
	tracing client -z --wait "$BOUND" 127.0.0.1 "$PORT" <in
	within "$BOUND" has_lines 2 trace "htons($PORT)"
	peer_listen server listen:127.0.0.1:"$PORT" wait-file:over
	succeed client
	holds client.out ''
	touch over
	succeed server
}

@test "-z --wait waits for a path" {
	start client "$SOCKCAT" -zv --wait "$BOUND" -U path
	has_complained client
	peer_listen server listen:unix:path wait-file:over
	finish client 0
	holds client.out ''
	run said client.err
	[ "$output" = 'Connection to path succeeded!
sockcat: connect to path (unix) failed: No such file or directory' ]
	touch over
	succeed server
}

@test "-z --wait -v tells what it tried" {
	closed_port
	start client "$SOCKCAT" -zv --wait "$BOUND" 127.0.0.1 "$PORT"
	has_complained client
	peer_listen server listen:127.0.0.1:"$PORT" wait-file:over
	finish client 0
	holds client.out ''
	run sort -u client.err
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[0]} == "Connection to 127.0.0.1 $PORT port "*' succeeded!' ]]
	[ "${lines[1]}" = "sockcat: connect to 127.0.0.1 port $PORT (tcp)\
 failed: $REFUSED" ]
	touch over
	succeed server
}

@test "-z --wait gives up with 4, without a word but of a name" {
	unnamed '198.51.100.8 nowhere' '192.0.2.8 silent'
	unreached 4 -- -z --wait 0.2 127.0.0.8 7000
	unreached 4 -- -z --wait 1 nowhere 7000
	unreached 4 -- -z --wait 1 silent 7000
	unreached 4 -- -z --wait 0.2 -U none
	unreached 4 "sockcat: gave up waiting: getaddrinfo for host \"a..b\" port\
 7000: $NOT_KNOWN" -- -z --wait 1 a..b 7000
}

# --- the command line ---------------------------------------------------------

@test "what --wait does not go with is refused" {
	local hint="Try 'sockcat --help'."

	unreached 2 'sockcat: --wait does not fit -l' "$hint" -- -l --wait 1 0
	unreached 2 "sockcat: --wait takes one port with -z: '1-5'" "$hint" \
		-- -z --wait 1 127.0.0.1 1-5
	unreached 2 "sockcat: --wait takes one port with -z: '*'" "$hint" \
		-- -z --wait 1 127.0.0.1 1,5
	unreached 2 "sockcat: --wait takes one port with -z: '*'" "$hint" \
		-- -z --wait 1 127.0.0.1 1 5
	unreached 2 'sockcat: --wait requires an argument: T' "$hint" \
		-- 127.0.0.1 1 --wait
	unreached 2 "sockcat: --wait: 'x' is not a time (5, 0.5, 200ms, 2m)" \
		"$hint" -- --wait x 127.0.0.1 1
}
