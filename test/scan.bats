#!/usr/bin/env bats
# -z: whether a port is open, and which of many are.

# shellcheck disable=SC2153,SC2154 # run and load set them
load lib/helpers

# What is compared with these is a pattern: glibc's words, or musl's.
NOT_KNOWN='@(Name or service not known|Name does not resolve)'
NOT_OURS='@(Cannot assign requested address|Address not available)'
NO_DESCRIPTORS='@(Too many open files|No file descriptors available)'
NO_HOST='@(No route to host|Host is unreachable)'
TIMED_OUT='@(Connection|Operation) timed out'

# In milliseconds: what a clock may be off, and what would be far too late.
CLOCK=10
LATE=15000

# tells STATUS PATTERN ARG...: a test that says this on stderr, nothing else.
tells() {
	local expected=$1 pattern=$2
	shift 2

	run_sockcat -z "$@" <<<unread
	echo "sockcat -z $*: status $status, output '$output', stderr '$stderr'"
	[ "$status" -eq "$expected" ]
	[ "$output" = '' ]
	# shellcheck disable=SC2053 # a pattern it is
	[[ $stderr == $pattern ]]
}

# scans STATUS LINES ARG...: a scan that prints just these lines.
scans() {
	local expected=$1 printed=$2
	shift 2

	run_sockcat -z "$@" <<<unread
	echo "sockcat -z $*: status $status, output '$output', stderr '$stderr'"
	[ "$status" -eq "$expected" ]
	[ "$output" = "$printed" ]
	[ "$stderr" = '' ]
}

# unscanned TEXT ARG...: exit 2, one line with the text, one with the hint.
unscanned() {
	local text=$1
	shift

	tells 2 "sockcat: $text"$'\n'"Try 'sockcat --help'." "$@"
}

# own LINE...: a network of the test's own, with nft's rules for what comes in,
# in which these ports have names.
own() {
	namespace
	inside_file /etc/services "alpha 7001/tcp" "beta 7003/tcp" \
		"gamma 7001/udp" "delta 7003/udp"
	if [[ $# -gt 0 ]]; then
		requires nft
		inside nft add table inet test 2>/dev/null ||
			skip "needs nft to filter what comes in"
		printf '%s\n' 'table inet test {' 'chain input {' \
			'type filter hook input priority 0' "$@" '}' '}' >rules
		inside nft -f rules
	fi
}

# listeners ADDRESS...: one process for them all, which takes no client.
listeners() {
	peer server announce:/dev/null backlog:1000 "${@/#/listen:}" \
		touch:listening wait-file:over
	within "$BOUND" test -e listening
}

# start NAME timed COMMAND...: NAME.ms is how long it took.
timed() {
	local start status=0

	start=$(uptime_ms)
	timeout "$BOUND" "$@" || status=$?
	echo $(($(uptime_ms) - start)) >"$name.ms"
	return "$status"
}

# took NAME MS: so long, or longer, but not as long as what is not meant.
took() {
	local ms

	ms=$(<"$1.ms")
	echo "$1 took $ms ms"
	((ms >= $2 - CLOCK && ms < LATE))
}

# few N COMMAND...: it may have no more descriptors than that.
few() {
	ulimit -n "$1"
	exec_command "${@:2}"
}

# sockets_of NAME: sets SOCKETS to how many it has open.
sockets_of() {
	local fd

	SOCKETS=0
	for fd in "/proc/${PIDS[$1]}/fd/"*; do
		if [[ -S $fd ]]; then
			SOCKETS=$((SOCKETS + 1))
		fi
	done
}

# waits_with NAME N: it has as many, and waits.
waits_with() {
	sockets_of "$1"
	((SOCKETS == $2)) &&
		grep -qs '^State:.*sleeping' "/proc/${PIDS[$1]}/status"
}

# hanging N: so many attempts to connect wait for an answer in there.
hanging() {
	[ "$(inside grep -c '^ *[0-9]*: [^ ]* [^ ]* 02 ' /proc/net/tcp)" -eq "$1" ]
}

# each FILE STATE LOW HIGH: it says this of each of these ports, in order.
each() {
	awk -v state="$2" -v port="$3" -v high="$4" '
		$0 != "127.0.0.1 " port state {
			print "line " NR " is " $0
			bad = 1
			exit
		}
		{ port++ }
		END {
			if (!bad && port != high + 1)
				print "the end comes before " port
			exit bad || port != high + 1
		}' "$1"
}

# --- one port -----------------------------------------------------------------

@test "-z of one port is silent, and the status is the answer" {
	peer_listen server listen:127.0.0.1:0 wait-file:over
	tells 0 '' 127.0.0.1 "$PORT"
	tells 0 '' "127.0.0.1:$PORT"
	tells 0 '' localhost "$PORT"
	tells 0 '' -4n --scan 127.0.0.1 "$PORT"
	tells 0 '' 127.0.0.1 "$PORT" -w 5
	over

	tells 1 '' 127.0.0.1 "$PORT"
	tells 1 '' "127.0.0.1:$PORT"
	tells 1 '' localhost "$PORT"
	tells 1 '' 127.0.0.1 1
}

@test "-z of one IPv6 port, in every form" {
	requires_ipv6
	peer_listen server "listen:[::1]:0" wait-file:over
	tells 0 '' ::1 "$PORT"
	tells 0 '' "[::1]:$PORT"
	tells 0 '' "[::1]" "$PORT"
	over
	tells 1 '' ::1 "$PORT"
	tells 1 '' "[::1]:$PORT"
}

@test "-z of a list that is one port is a test of it" {
	peer_listen server listen:127.0.0.1:0 wait-file:over
	tells 0 '' 127.0.0.1 "$PORT-$PORT"
	tells 0 '' 127.0.0.1 "$PORT,$PORT"
	tells 0 '' 127.0.0.1 "$PORT" "0$PORT"
	tells 0 '' "127.0.0.1:$PORT,$PORT-$PORT"
	over
	tells 1 '' 127.0.0.1 "$PORT-$PORT"
	tells 1 '' 127.0.0.1 "$PORT" "$PORT"
}

@test "-z takes the name of a service" {
	own
	listeners 127.0.0.1:7001
	tells 0 '' 127.0.0.1 alpha
	tells 0 '' 127.0.0.1:alpha
	tells 1 '' 127.0.0.1 beta
	over
}

@test "-z sends nothing, and leaves stdin to others" {
	printf 'one\ntwo\n' >in
	exec 7<in
	peer_listen server listen:127.0.0.1:0 accept print-peer expect-eof
	start client "$SOCKCAT" -z 127.0.0.1 "$PORT" <&7
	succeed client
	holds client.out ''
	finish server
	# To be gone by a reset is as good.
	[[ $(<server.err) == ?(*'Connection reset by peer') ]]
	[ "$(cat <&7)" = $'one\ntwo' ]
}

@test "-z does not wait for what a silent stdin may bring" {
	mkfifo in
	exec 7<>in
	peer_listen server listen:127.0.0.1:0 wait-file:over
	start client "$SOCKCAT" -z 127.0.0.1 "$PORT" <in
	succeed client
	over
}

@test "a listener that is rude to its clients is open all the same" {
	local run

	for run in {1..10}; do
		echo "run $run"
		peer_listen server listen:127.0.0.1:0 accept send:banner reset
		tells 0 '' 127.0.0.1 "$PORT"
		finish server
	done
}

@test "-z without an answer is 4 when its limit has passed" {
	local i options=('-w 0.3' '--connect-timeout 300ms' '--deadline 0.3'
		'-w 60 --connect-timeout .3' '-w .3 --deadline 60')

	silent_listener
	start default timed "$SOCKCAT" -z 127.0.0.1 "$PORT"
	for i in "${!options[@]}"; do
		# shellcheck disable=SC2086 # they are words
		start client-"$i" timed "$SOCKCAT" -z ${options[i]} \
			127.0.0.1 "$PORT"
	done
	for i in "${!options[@]}"; do
		echo "sockcat -z ${options[i]}"
		finish client-"$i" 4
		took client-"$i" 300
		holds client-"$i".out ''
		holds client-"$i".err ''
	done
	finish default 4
	took default 2000
	holds default.out ''
	holds default.err ''
	over first
}

@test "-z of what cannot be reached is 1" {
	own
	inside ip route add unreachable 192.0.2.0/24
	tells 1 '' 192.0.2.1 7001
	tells 1 '' 198.51.100.1 7001
	tells 1 "sockcat: connect to 192.0.2.1 port 7001 (tcp) failed:\
 $NO_HOST" -v 192.0.2.1 7001
}

@test "what is no answer at all is told without -v" {
	tells 3 "sockcat: getaddrinfo for host \"no name\" port 1: $NOT_KNOWN" \
		-n 'no name' 1
	tells 3 "sockcat: getaddrinfo for host \"no name\" port *: $NOT_KNOWN" \
		-n 'no name' 1-5
	tells 5 "sockcat: bind to 203.0.113.7 port 0 (tcp) failed: $NOT_OURS" \
		-s 203.0.113.7 127.0.0.1 1
	tells 5 "sockcat: bind to 203.0.113.7 port 0 (tcp) failed: $NOT_OURS" \
		-s 203.0.113.7 127.0.0.1 1-5
	tells 5 "sockcat: bind to 203.0.113.7 port 0 (udp) failed: $NOT_OURS" \
		-u -s 203.0.113.7 127.0.0.1 1-5
}

@test "-z -v has the words that scripts know from nc" {
	own
	inside_file /etc/hosts "127.0.0.1 here" "127.0.0.2 far" "127.0.0.3 far"
	listeners 127.0.0.1:7001 127.0.0.1:7002 127.0.0.3:7001
	tells 0 'Connection to 127.0.0.1 7001 port \[tcp/alpha] succeeded!' \
		-v 127.0.0.1 7001
	tells 0 'Connection to here (127.0.0.1) 7001 port \[tcp/alpha]'\
' succeeded!' -v here alpha
	tells 0 'Connection to 127.0.0.1 7001 port \[tcp/\*] succeeded!' \
		-vn 127.0.0.1 7001
	tells 0 'Connection to 127.0.0.1 7002 port \[tcp/\*] succeeded!' \
		-v 127.0.0.1 7002
	tells 1 'sockcat: connect to 127.0.0.1 port 7003 (tcp) failed:'\
' Connection refused' -v 127.0.0.1 beta
	tells 0 'sockcat: connect to far (127.0.0.2) port 7001 (tcp) failed:'\
' Connection refused
Connection to far (127.0.0.3) 7001 port \[tcp/alpha] succeeded!' -v far 7001
	tells 1 'sockcat: connect to far (127.0.0.2) port 7002 (tcp) failed:'\
' Connection refused
sockcat: connect to far (127.0.0.3) port 7002 (tcp) failed:'\
' Connection refused' -v far 7002
	over
}

@test "-z -v tells that there was no answer" {
	silent_listener
	tells 4 "sockcat: connect to 127.0.0.1 port $PORT (tcp) failed:\
 $TIMED_OUT" -v -w 0.2 127.0.0.1 "$PORT"
	over first
}

@test "a family that hangs does not keep -z from the other" {
	requires_ipv6
	own 'ip6 daddr ::1 tcp dport 7001 drop'
	inside_file /etc/hosts "127.0.0.1 both" "::1 both"
	listeners 127.0.0.1:7001 "[::1]:7001"
	tells 0 '' -w 60 both 7001
	tells 0 'connect to both (::1) port 7001 (tcp) abandoned: another'\
' address answered first
Connection to both (127.0.0.1) 7001 port \[tcp/alpha] succeeded!' \
		-v -w 60 both 7001
	tells 4 '' -6 -w 0.2 both 7001
	over
}

@test "-z takes -s, and a test that meets itself has found nobody" {
	requires_ipv6
	own
	tells 1 '' -p 7000 127.0.0.1 7000
	tells 1 '' -s ::1 -p 7000 ::1 7000
	tells 1 '' -u -p 7000 127.0.0.1 7000
	inside sh -c 'echo 7000 7000 >/proc/sys/net/ipv4/ip_local_port_range'
	tells 1 '' 127.0.0.1 7000
	tells 1 '' ::1 7000
	tells 1 '' -u -w 0.2 127.0.0.1 7000
	peer server announce:/dev/null listen:127.0.0.1:7001 touch:listening \
		accept print-peer
	within "$BOUND" test -e listening
	tells 0 '' -s 127.0.0.2 127.0.0.1 7001
	succeed server
	holds server.out '127.0.0.2 7000\n'
}

@test "-z of a Unix socket" {
	"$PEER" announce:/dev/null listen:unix:dead
	: >file
	peer server announce:/dev/null backlog:1 listen:unix:live \
		listen:unix-dgram:datagrams touch:listening wait-file:over
	within "$BOUND" test -e listening
	tells 0 '' -U live
	tells 0 '' unix:live
	tells 0 '' -uU datagrams
	tells 1 '' -U dead
	tells 1 '' -U none
	tells 1 '' -U file
	tells 1 '' -uU none
	tells 1 'sockcat: connect to dead (unix) failed: Connection refused' \
		-v -U dead
	over
	unscanned "a Unix socket takes one path: '80'" -U live 80
}

@test "-z of a Unix socket whose queue stays full is 4" {
	peer_listen server backlog:0 listen:unix:socket wait-file:over
	peer first connect:unix:socket touch:full wait-file:over
	within "$BOUND" test -e full
	start client timed "$SOCKCAT" -z -w 0.3 -U socket
	finish client 4
	took client 300
	holds client.out ''
	holds client.err ''
	over first
}

@test "-z takes no descriptor of 0, 1 and 2 for its own" {
	peer_listen server listen:127.0.0.1:0 accept print-peer discard-all \
		close-listener
	start client redirected '<&- >&- 2>&-' "$SOCKCAT" -zv 127.0.0.1 "$PORT"
	finish client 0
	finish server
	start client redirected '<&- >&- 2>&-' "$SOCKCAT" -zv 127.0.0.1 "$PORT"
	finish client 1
}

# --- several ports ------------------------------------------------------------

@test "a scan lists the open ports, in order" {
	local at=127.12.13.14 ports=() open i # where others do not listen

	for i in 1 2 3; do
		peer_listen server-"$i" listen:"$at":0 wait-file:over
		ports+=("$PORT")
	done
	open=$(printf "$at"' %d/tcp open\n' "${ports[@]}" | sort -t' ' -nk2)
	scans 0 "$open" -n "$at" "${ports[@]}" 1
	scans 0 "$open" -n "$at:1,${ports[2]},${ports[1]},2,${ports[0]}"
	touch over
	succeed server-1 server-2 server-3
	scans 1 '' "$at" "${ports[@]}" 1
}

@test "a scan takes ports in every form, and each once" {
	local open='127.0.0.1 7001/tcp open alpha
127.0.0.1 7003/tcp open beta
127.0.0.1 7005/tcp open'

	own
	listeners 127.0.0.1:7001 127.0.0.1:7003 127.0.0.1:7005
	scans 0 "$open" 127.0.0.1 7000-7010
	scans 0 "$open" 127.0.0.1 7001,7003,7005
	scans 0 "$open" 127.0.0.1 7005 7003 7001
	scans 0 "$open" 127.0.0.1 7005,7001-7003
	scans 0 "$open" 127.0.0.1 7001-7004,7002-7009,7003-7003 7005 7001
	scans 0 "$open" 127.0.0.1:6990-7010,7005
	scans 0 "$open" 127.0.0.1 beta 7005 alpha
	scans 0 "$open" 127.0.0.1 beta,7004-7006,alpha
	scans 0 "$open" 127.0.0.1:alpha,beta,7005
	scans 0 "$open" -- 127.0.0.1 07001 007003-0000000007005
	scans 0 "${open//127.0.0.1/localhost}" localhost 7001-7005
	scans 0 "${open//127.0.0.1/localhost}" localhost:7001-7005
	scans 0 '127.0.0.1 7001/tcp open
127.0.0.1 7003/tcp open' -n 127.0.0.1 7001-7004
	scans 1 '' 127.0.0.1 7002,7004
	over
}

@test "a scan over IPv6" {
	local open='::1 7001/tcp open alpha
::1 7003/tcp open beta'

	requires_ipv6
	own
	listeners "[::1]:7001" "[::1]:7003" 127.0.0.1:7002
	scans 0 "$open" ::1 7000-7010
	scans 0 "$open" "[::1]" 7001 7003
	scans 0 "$open" "[::1]:7001,7003"
	over
}

@test "all ports that there are can be scanned" {
	own
	listeners 127.0.0.1:1 127.0.0.1:65535
	scans 0 '127.0.0.1 1/tcp open
127.0.0.1 65535/tcp open' 127.0.0.1 1-65535
	over
}

@test "with -v a scan tells each port's state" {
	own 'tcp dport 7004 drop' \
		'tcp dport 7006 reject with icmpx type admin-prohibited' \
		'tcp dport 7007 reject with tcp reset'
	inside ip route add unreachable 192.0.2.0/24
	listeners 127.0.0.1:7001 127.0.0.1:7003
	scans 0 '127.0.0.1 7001/tcp open alpha
127.0.0.1 7002/tcp closed
127.0.0.1 7003/tcp open beta' -v 127.0.0.1 7001-7003
	scans 1 '127.0.0.1 7004/tcp filtered
127.0.0.1 7005/tcp closed' -v -w 0.3 127.0.0.1 7004-7005
	# Linux asks again after a second, and only then takes no for an answer.
	scans 0 '127.0.0.1 7003/tcp open
127.0.0.1 7005/tcp closed
127.0.0.1 7006/tcp unreachable
127.0.0.1 7007/tcp closed' -vn -w 10 127.0.0.1 7003,7005-7007
	scans 1 '192.0.2.1 7001/tcp unreachable
192.0.2.1 7003/tcp unreachable' -v 192.0.2.1 beta alpha
	scans 1 '' 192.0.2.1 7001-7003
	over
}

@test "a port that does not answer is given up after 2 s, or -w" {
	silent_listener
	start default timed "$SOCKCAT" -zv 127.0.0.1 1 "$PORT"
	start limited timed "$SOCKCAT" -zv -w 0.3 127.0.0.1 1 "$PORT"
	finish limited 1
	took limited 300
	finish default 1
	took default 2000
	holds limited.out "127.0.0.1 1/tcp closed\n\
127.0.0.1 $PORT/tcp filtered\n"
	same_bytes limited.out default.out
	holds limited.err ''
	holds default.err ''
	over first
}

@test "a port is open if it is open at any address of the host" {
	requires_ipv6
	own
	inside_file /etc/hosts "127.0.0.1 both" "::1 both" \
		"127.0.0.2 many" "127.0.0.3 many" "127.0.0.4 many"
	listeners 127.0.0.1:7001 "[::1]:7002" 127.0.0.1:7003 "[::1]:7003" \
		127.0.0.2:7006 127.0.0.3:7007 127.0.0.4:7008
	scans 0 'both 7001/tcp open alpha
both 7002/tcp open
both 7003/tcp open beta
both 7004/tcp closed' -v both 7001-7004
	scans 0 'both 7001/tcp open alpha
both 7003/tcp open beta' -4 both 7001-7005
	scans 0 'both 7002/tcp open
both 7003/tcp open beta' -6 both 7001-7005
	scans 0 'many 7006/tcp open
many 7007/tcp open
many 7008/tcp open' many 7005-7010
	over
}

@test "a port that is open is told without waiting for its other addresses" {
	requires_ipv6
	own 'ip6 daddr ::1 drop'
	inside_file /etc/hosts "127.0.0.1 both" "::1 both"
	listeners 127.0.0.1:7001 127.0.0.1:7003
	scans 0 'both 7001/tcp open alpha
both 7003/tcp open beta' -w 60 both 7001,7003
	# Where one refuses and one is silent, the answer says more.
	scans 0 'both 7001/tcp open alpha
both 7002/tcp closed
both 7003/tcp open beta' -v -w 0.3 both 7001-7003
	over
}

@test "a family that is turned off does not keep a scan from the other" {
	requires_ipv6
	own
	inside sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
	inside_file /etc/hosts "::1 both" "127.0.0.1 both"
	listeners 127.0.0.1:7001
	scans 0 'both 7001/tcp open alpha
both 7002/tcp closed
both 7003/tcp closed' -v both 7001-7003
	scans 1 '::1 7001/tcp unreachable
::1 7002/tcp unreachable' -v ::1 7001-7002
	over
}

@test "open ports are told while others are waited for" {
	own 'tcp dport 7002 drop'
	listeners 127.0.0.1:7001 127.0.0.1:7003
	mkfifo out
	start reader cat out
	start scan to out "$SOCKCAT" -z -w 60 127.0.0.1 7000-7010
	until_holds reader.out '127.0.0.1 7001/tcp open alpha\n'
	# And none before those that come before it.
	within "$BOUND" hanging 1
	signal scan TERM
	finish scan 143
	holds scan.err ''
	succeed reader
	holds reader.out '127.0.0.1 7001/tcp open alpha\n'
	over
}

@test "the order is the same in 20 runs, however they were shuffled" {
	local run port state

	own 'tcp dport 7010-7019 drop'
	listeners 127.0.0.1:7001 127.0.0.1:7003 127.0.0.1:7020 127.0.0.1:7099
	for port in {7000..7100}; do
		case $port in
		7001 | 7003 | 7020 | 7099) state=open ;;
		701?) state=filtered ;;
		*) state=closed ;;
		esac
		echo "127.0.0.1 $port/tcp $state"
	done >expected
	for run in {1..20}; do
		echo "run $run"
		start scan "$SOCKCAT" -zrvn -w 0.15 127.0.0.1 7000-7100
		finish scan 0
		holds scan.err ''
		same_bytes expected scan.out
	done
	over
}

# --- how it is done -----------------------------------------------------------

# probed ARG...: the ports in the order in which such a scan asks them.
probed() {
	timeout "$BOUND" strace -qq -o trace -e trace=connect \
		"$SOCKCAT" -zv "$@" 127.0.0.1 7000-7063 \
		>traced.out 2>traced.err || [ $? -eq 1 ]
	holds traced.err ''
	each traced.out /tcp\ closed 7000 7063
	# Some are only asked what has come of them.
	grep EINPROGRESS trace | grep -o 'htons([0-9]*)' | tr -dc '0-9\n'
}

@test "-r shuffles the order in which ports are asked, and only that" {
	requires strace
	requires_plain_build
	own
	seq 7000 7063 >ports
	probed >plain
	same_bytes ports plain
	probed -r >random
	run ! cmp -s ports random
	sort random | cmp - ports
	probed --random >other
	run ! cmp -s random other
	sort other | cmp - ports
}

@test "--jobs is how many ports are asked at once" {
	own 'tcp dport 7000-7999 drop'
	start default "$SOCKCAT" -z -w 60 127.0.0.1 7000-7999
	start few "$SOCKCAT" -z --jobs 8 -w 60 127.0.0.1 7000-7999
	start one "$SOCKCAT" -zr --jobs=1 -w 60 127.0.0.1 7000-7999
	within "$BOUND" waits_with default 256
	within "$BOUND" waits_with few 8
	within "$BOUND" waits_with one 1
	waits_with default 256
	waits_with few 8
	signal default TERM
	signal few TERM
	signal one TERM
	finish default 143
	finish few 143
	finish one 143
	holds default.err ''
	holds few.err ''
	holds one.err ''
}

@test "1,000 ports that do not answer take no longer than a few" {
	own 'tcp dport 7000-7999 drop'
	start scan timed "$SOCKCAT" -zv -w 0.5 127.0.0.1 7000-7999
	finish scan 1
	took scan 2000
	each scan.out /tcp\ filtered 7000 7999
	holds scan.err ''
}

@test "a scan takes descriptors that select would not" {
	ulimit -n 2000 2>/dev/null || skip "needs a limit of 2,000 descriptors"
	own 'tcp dport 7000-8499 drop'
	start scan "$SOCKCAT" -zv --jobs 1500 -w 60 127.0.0.1 7000-8499
	within "$BOUND" waits_with scan 1500
	signal scan TERM
	finish scan 143
	start scan timed "$SOCKCAT" -zv --jobs 1500 -w 1 127.0.0.1 7000-8500
	finish scan 1
	took scan 1000
	[ "$(tail -n 1 scan.out)" = '127.0.0.1 8500/tcp closed' ]
	sed -i '$d' scan.out
	each scan.out /tcp\ filtered 7000 8499
	holds scan.err ''
}

@test "--jobs 1 scans one port after the other" {
	own
	listeners 127.0.0.1:7001 127.0.0.1:7003
	scans 0 '127.0.0.1 7001/tcp open alpha
127.0.0.1 7003/tcp open beta' --jobs 1 127.0.0.1 7000-7999
	over
}

@test "with a limit of 32 descriptors a scan misses nothing" {
	own 'tcp dport 7000-7099 drop'
	listeners 127.0.0.1:7100 127.0.0.1:7999
	start scan few 32 "$SOCKCAT" -zvn -w 0.2 127.0.0.1 7000-9999
	finish scan 0
	holds scan.err ''
	head -n 100 scan.out >filtered
	each filtered /tcp\ filtered 7000 7099
	[ "$(grep -c open scan.out)" -eq 2 ]
	sed -i -e 1,100d -e '/ 7999/s/open/closed/' -e '/ 7100/s/open/closed/' \
		scan.out
	each scan.out /tcp\ closed 7100 9999
	over
}

# To find its name takes a descriptor as well.
@test "with few descriptors services are named all the same" {
	own 'tcp dport 7004-7063 drop'
	listeners 127.0.0.1:7001 127.0.0.1:7003
	start scan few 32 "$SOCKCAT" -z -w 0.2 127.0.0.1 7000-7063
	succeed scan
	holds scan.out '127.0.0.1 7001/tcp open alpha
127.0.0.1 7003/tcp open beta\n'
	start scan few 32 "$SOCKCAT" -zr 127.0.0.1 7001-7003,8000-9999
	succeed scan
	holds scan.out '127.0.0.1 7001/tcp open alpha
127.0.0.1 7003/tcp open beta\n'
	over
}

# crowded N COMMAND...: it inherits so many descriptors.  A shell that reads a
# script keeps one for itself, so this one reads none.
crowded() {
	# shellcheck disable=SC2016 # it expands there
	exec bash -c '
		for ((descriptor = 3; descriptor < 3 + $1; descriptor++)); do
			eval "exec $descriptor</dev/null"
		done
		shift
		exec "$@"' crowded "$@"
}

@test "descriptors that others have opened count as well" {
	own
	listeners 127.0.0.1:7001
	start scan few 32 crowded 20 "$SOCKCAT" -zn 127.0.0.1 7000-7999
	succeed scan
	holds scan.out '127.0.0.1 7001/tcp open\n'
	over
}

@test "a scan gets by with what descriptors and memory it can have" {
	local shortage

	requires strace
	requires_plain_build
	own
	listeners 127.0.0.1:7001 127.0.0.1:7063
	printf '127.0.0.1 %d/tcp closed\n' {7000..7063} |
		sed '/ 7001\| 7063/s/closed/open/' >expected
	for shortage in socket:EMFILE socket:ENOBUFS socket:ENOMEM \
		connect:ENOBUFS connect:EADDRNOTAVAIL; do
		echo "$shortage"
		start scan timeout "$BOUND" strace -qq -o trace \
			-e trace="${shortage%:*}" \
			-e inject="${shortage/:/:error=}:when=5..8" \
			"$SOCKCAT" -zvn -w 10 127.0.0.1 7000-7063
		succeed scan
		same_bytes expected scan.out
		[ "$(grep -c INJECTED trace)" -eq 4 ]
	done
	over
}

@test "a scan that runs short in the end says so, and guesses at no port" {
	local first

	requires strace
	# Elsewhere no connect is asked what has come of another.
	requires_feature splice
	export ASAN_OPTIONS=detect_leaks=0
	peer_listen one listen:127.0.0.1:0 wait-file:over
	first=$PORT
	peer_listen other listen:127.0.0.1:0 wait-file:over
	start scan timeout "$BOUND" strace -qq -o trace -e trace=connect \
		-e inject=connect:error=ENOBUFS:when=4+ \
		"$SOCKCAT" -zvn -w 1 127.0.0.1 "$first" "$PORT"
	finish scan 7
	holds scan.out ''
	[[ $(<scan.err) == "sockcat: connect to 127.0.0.1 port "@($first|$PORT)\
" (tcp) failed: "* ]]
	[ "$(wc -l <scan.err)" -eq 1 ]
	touch over
	succeed one other
}

@test "a scan that can have no descriptor at all is 7, in the end" {
	requires strace
	export ASAN_OPTIONS=detect_leaks=0 # which strace does not allow
	start scan timed strace -qq -o trace -e trace=socket \
		-e inject=socket:error=EMFILE \
		"$SOCKCAT" -z -w 0.3 127.0.0.1 1-5
	finish scan 7
	took scan 300
	holds scan.out ''
	[[ $(<scan.err) == "sockcat: socket for 127.0.0.1 port 1 (tcp) failed:\
 "$NO_DESCRIPTORS ]]
	# It has not used the processor for all that time.
	(($(wc -l <trace) < 500))
}

# With -s a port is taken before it is known who is asked.
@test "a scan gets by with few ephemeral ports" {
	local i

	own 'tcp dport 7010-7059 drop'
	inside sh -c 'echo 40000 40009 >/proc/sys/net/ipv4/ip_local_port_range'
	listeners 127.0.0.1:7001 127.0.0.1:7063
	for i in '' '-s 127.0.0.2'; do
		# shellcheck disable=SC2086 # they are words
		start scan "$SOCKCAT" -zvn -w 0.2 $i 127.0.0.1 7010-7063
		finish scan 0
		holds scan.err ''
		tail -n 4 scan.out >rest
		holds rest '127.0.0.1 7060/tcp closed
127.0.0.1 7061/tcp closed
127.0.0.1 7062/tcp closed
127.0.0.1 7063/tcp open\n'
		head -n -4 scan.out >filtered
		each filtered /tcp\ filtered 7010 7059
	done
	over
}

# What was open is in TIME-WAIT, where Linux keeps loopback's for a second.
@test "a scan waits for ephemeral ports that an earlier one has used" {
	local run clients=()

	own
	inside sh -c 'echo 40000 40000 >/proc/sys/net/ipv4/ip_local_port_range'
	for run in 1 2 3; do
		clients+=(accept discard-all close)
	done
	peer server announce:/dev/null listen:127.0.0.1:7001 touch:listening \
		"${clients[@]}"
	within "$BOUND" test -e listening
	for run in 1 2 3; do
		echo "run $run"
		scans 0 '127.0.0.1 7001/tcp open alpha' -w 10 \
			127.0.0.1 7000-7010
	done
	succeed server
}

@test "a port that there is no port left to test from is not called closed" {
	own
	inside sh -c 'echo 40000 40000 >/proc/sys/net/ipv4/ip_local_port_range'
	peer server announce:/dev/null listen:127.0.0.1:7001 touch:listening \
		accept touch:taken expect-eof close
	within "$BOUND" test -e listening
	peer client connect:127.0.0.1:7001 wait-file:go close
	within "$BOUND" test -e taken
	run_sockcat -z 127.0.0.1 7001
	echo "$stderr"
	[ "$status" -eq 7 ]
	[ "$output" = '' ]
	[[ $stderr == 'sockcat: connect to 127.0.0.1 port 7001 (tcp) failed: '* ]]
	touch go
	succeed server client
}

@test "a scan ends when its reader has gone, though nothing more is open" {
	own 'tcp dport 7010-7999 drop'
	listeners 127.0.0.1:7001
	start scan first_line unignored "$SOCKCAT" -z -w 0.5 --jobs 16 \
		127.0.0.1 7001,7010-7999
	finish scan 141
	holds scan.out '127.0.0.1 7001/tcp open alpha\n'
	holds scan.err ''
	over
}

@test "20 scans of the ephemeral ports find none open where none is" {
	local low high round rounds=20

	# A sanitizer makes it slow.
	if grep -q __asan_init "$SOCKCAT"; then
		rounds=3
	fi
	own
	read -r low high < <(inside cat \
		/proc/sys/net/ipv4/ip_local_port_range)
	for ((round = 1; round <= rounds; round++)); do
		echo "round $round"
		start scan "$SOCKCAT" -zv 127.0.0.1 "$low-$high"
		finish scan 1
		holds scan.err ''
		each scan.out /tcp\ closed "$low" "$high"
	done
}

# With so few every fourth would meet itself.
@test "no port is open because a scan has met itself" {
	local run

	requires_ipv6
	own
	inside sh -c 'echo 7000 7003 >/proc/sys/net/ipv4/ip_local_port_range'
	for run in {1..20}; do
		echo "run $run"
		scans 1 '' 127.0.0.1 7000-7010
		scans 1 '' -r ::1 7000-7010
	done
	scans 1 '127.0.0.1 6999/tcp closed
127.0.0.1 7000/tcp closed
127.0.0.1 7001/tcp closed
127.0.0.1 7002/tcp closed' -v -p 7001 127.0.0.1 6999-7002
	scans 1 '127.0.0.1 7000/udp closed
127.0.0.1 7001/udp closed
127.0.0.1 7002/udp closed' -v -u -p 7001 127.0.0.1 7000-7002
}

# Where loopback takes its time, two of a scan's own sockets can meet: each
# asks the other's port, and TCP lets them (RFC 9293, 3.5: simultaneous open).
@test "no port is open because two probes have met each other" {
	local run host

	requires tc
	own
	inside tc qdisc add dev lo root tbf rate 40kbit burst 200 latency 60s \
		2>/dev/null || skip "needs tc to slow loopback down"
	for run in '-n 127.0.0.1' '-n 0.0.0.0' '-u 127.0.0.1' '-u 0.0.0.0'; do
		echo "run $run"
		host=${run#* }
		inside sh -c 'echo 40000 40009 \
			>/proc/sys/net/ipv4/ip_local_port_range'
		# What comes now uses the burst up.
		run_sockcat -zu -w 0.01 127.0.0.1 7100-7110
		inside sh -c 'echo 7000 7003 \
			>/proc/sys/net/ipv4/ip_local_port_range'
		scans 1 '' -r "${run% *}" -w 3 "$host" 7000-7003
	done
}

@test "-p and -s are where a scan comes from, one port after the other" {
	own 'tcp dport 7004 drop'
	peer server announce:/dev/null listen:127.0.0.1:7001 touch:listening \
		accept print-peer wait-file:over
	peer other announce:/dev/null listen:127.0.0.1:7003 touch:too \
		accept print-peer wait-file:over
	within "$BOUND" test -e listening -a -e too
	scans 0 '127.0.0.1 7000/tcp closed
127.0.0.1 7001/tcp open alpha
127.0.0.1 7002/tcp closed
127.0.0.1 7003/tcp open beta
127.0.0.1 7004/tcp filtered
127.0.0.1 7005/tcp closed' -v -w 0.2 -s 127.0.0.2 -p 5000 127.0.0.1 7000-7005
	over other
	holds server.out '127.0.0.2 5000\n'
	holds other.out '127.0.0.2 5000\n'
}

@test "-s narrows a scan to its family" {
	requires_ipv6
	own
	inside_file /etc/hosts "127.0.0.1 both" "::1 both"
	listeners 127.0.0.1:7001 "[::1]:7003"
	scans 0 'both 7001/tcp open alpha' -s 127.0.0.2 both 7000-7005
	scans 0 'both 7003/tcp open beta' -s ::1 both 7000-7005
	over
}

@test "memory stays below 4 MiB, whatever is scanned" {
	requires_native 'the memory is its own'
	local memory

	requires_plain_build
	own 'tcp dport 65535 drop'
	start scan "$SOCKCAT" -zvr -w 60 127.0.0.1 1-65535
	within "$BOUND" grep -q ' 65534/tcp closed' scan.out
	memory=$(memory_of scan)
	echo "$memory KiB"
	((memory < 4096))
	signal scan TERM
	finish scan 143
	holds scan.err ''
	each scan.out /tcp\ closed 1 65534
}

# --- how it ends --------------------------------------------------------------

@test "a deadline ends a scan, and what is known has been told" {
	own 'tcp dport 7002 drop'
	listeners 127.0.0.1:7001 127.0.0.1:7003
	start scan timed "$SOCKCAT" -z -w 60 --deadline 2 127.0.0.1 7000-7010
	finish scan 4
	took scan 2000
	holds scan.out '127.0.0.1 7001/tcp open alpha
127.0.0.1 7003/tcp open beta\n'
	holds scan.err 'sockcat: scan of 127.0.0.1: deadline passed\n'
	over
}

@test "a deadline ends a scan that a name goes before" {
	own 'tcp dport 7000-7002 drop'
	inside_file /etc/hosts "127.0.0.1 here"
	start scan timed "$SOCKCAT" -z -w 60 --deadline 2 here:7000-7002
	finish scan 4
	took scan 2000
	holds scan.out ''
	holds scan.err 'sockcat: scan of here: deadline passed\n'
}

@test "a scan's output that cannot be written is 7" {
	peer_listen server listen:127.0.0.1:0 wait-file:over
	start full to /dev/full "$SOCKCAT" -z 127.0.0.1 1 "$PORT"
	start closed redirected '>&-' "$SOCKCAT" -z 127.0.0.1 1 "$PORT"
	finish full 7
	finish closed 7
	holds full.err 'sockcat: write to stdout: No space left on device\n'
	holds closed.err 'sockcat: write to stdout: Bad file descriptor\n'
	# Nothing to write is no failure.
	run_sockcat -z 127.0.0.1 "$PORT" >/dev/full
	[ "$status" -eq 0 ]
	over
	start none to /dev/full "$SOCKCAT" -z 127.0.0.1 1 "$PORT"
	finish none 1
	holds none.err ''
}

@test "a scan's output that may not grow is 7" {
	own
	start scan file_limit 1 "$SOCKCAT" -zv 127.0.0.1 7000-7999
	finish scan 7
	holds scan.err 'sockcat: write to stdout: File too large\n'
}

@test "a scan whose reader has gone dies of SIGPIPE, as filters do" {
	own
	start scan first_line unignored "$SOCKCAT" -zv 127.0.0.1 1-20000
	finish scan 141
	holds scan.out '127.0.0.1 1/tcp closed\n'
	holds scan.err ''
	start scan first_line env --ignore-signal=PIPE "$SOCKCAT" \
		-zv 127.0.0.1 1-20000
	finish scan 7
	holds scan.out '127.0.0.1 1/tcp closed\n'
	holds scan.err 'sockcat: write to stdout: Broken pipe\n'
}

# late COMMAND...: it has FIFO "out" open for its stdin, and reads late.
late() {
	exec <out
	after go "$@"
}

@test "a scan whose reader takes its time loses nothing" {
	own
	mkfifo out
	start reader late cat
	start scan to out "$SOCKCAT" -zv 127.0.0.1 1-20000
	within "$BOUND" is_asleep scan
	touch go
	finish scan 1
	holds scan.err ''
	succeed reader
	each reader.out /tcp\ closed 1 20000
}

# is_stalled NAME: it has written something, which 6 could read, and waits.
is_stalled() {
	! is_drained 6 && is_asleep "$1"
}

@test "a signal ends a scan whose reader has stalled" {
	own
	mkfifo out
	exec 6<>out
	start reader late cat 6>&-
	start scan to out unignored "$SOCKCAT" -zv 127.0.0.1 1-65535 6>&-
	within "$BOUND" is_stalled scan
	exec 6>&-
	signal scan INT
	finish scan 130
	holds scan.err ''
	touch go
	succeed reader
	# What it has told until then begins as all would.
	[ "$(head -n 1 reader.out)" = '127.0.0.1 1/tcp closed' ]
}

@test "a signal ends a scan that waits for answers" {
	local signal

	own 'tcp dport 7000-7009 drop'
	for signal in HUP INT TERM; do
		start scan unignored "$SOCKCAT" -z -w 60 127.0.0.1 7000-7009
		within "$BOUND" waits_with scan 10
		signal scan "$signal"
		finish scan $((128 + $(kill -l "$signal")))
		holds scan.out ''
		holds scan.err ''
	done
	start scan unignored "$SOCKCAT" -z -w 60 127.0.0.1 7000
	within "$BOUND" waits_with scan 1
	signal scan TERM
	finish scan 143
	holds scan.err ''
}

# --- datagrams ----------------------------------------------------------------

@test "a UDP port is open when it answers, with whatever" {
	local answer

	own
	for answer in answer ''; do
		peer_listen server listen:udp:127.0.0.1:7001 accept expect: \
			send:"$answer"
		tells 0 '' -u -w "$BOUND" 127.0.0.1 7001
		succeed server
	done
	peer_listen server listen:udp:127.0.0.1:7001 accept expect: send:answer
	tells 0 'Connection to 127.0.0.1 7001 port \[udp/gamma] succeeded!
127.0.0.1 7001/udp open gamma' -uv -w "$BOUND" 127.0.0.1 7001
	succeed server
	peer_listen server listen:udp:127.0.0.1:7002 accept expect: send:answer
	tells 0 'Connection to 127.0.0.1 7002 port \[udp/\*] succeeded!
127.0.0.1 7002/udp open' -uv -w "$BOUND" 127.0.0.1:7002
	succeed server
}

@test "a UDP port is closed when the host says so" {
	closed_port
	tells 1 '' -u 127.0.0.1 "$PORT"
	tells 1 "127.0.0.1 $PORT/udp closed" -uv 127.0.0.1 "$PORT"
	tells 1 '' --udp "127.0.0.1:$PORT-$PORT"
}

@test "a UDP port over IPv6" {
	requires_ipv6
	peer_listen server listen:"udp:[::1]:0" accept expect: send:answer
	tells 0 '' -u -w "$BOUND" ::1 "$PORT"
	succeed server
	tells 1 '' -u '[::1]:1'
}

# It is let go on only after all of its time has passed.
@test "a UDP port is asked twice by a scan that was stopped" {
	peer_listen server listen:udp:127.0.0.1:0 accept expect: touch:first \
		expect: send:answer
	start client "$SOCKCAT" -zu -w 4 127.0.0.1 "$PORT"
	within "$BOUND" test -e first
	suspend client
	run_sockcat -l --accept-timeout 4.1 127.0.0.1 0
	[ "$status" -eq 4 ]
	signal client CONT
	succeed client server
}

# strace keeps what it has found from it until all of that time has passed.
@test "an answer that came in time is one, however late it is looked at" {
	requires_strace
	own
	peer_listen one listen:udp:127.0.0.1:7001 accept expect: send:answer
	peer_listen other listen:udp:127.0.0.1:7003 accept expect: touch:asked \
		wait-file:go send:answer
	start client strace -qq -o trace -e trace=ppoll,pselect6,poll \
		-e inject=ppoll,poll:delay_exit=1500000:when=1 \
		"$SOCKCAT" -zu -w 1 127.0.0.1 7001,7003
	within "$BOUND" test -e asked
	touch go
	succeed client one other
	holds client.out '127.0.0.1 7001/udp open gamma
127.0.0.1 7003/udp open delta\n'
}

@test "what the second datagram meets is told" {
	requires_strace
	own
	peer_listen server listen:udp:127.0.0.1:7001 wait-file:over
	start client strace -qq -o trace -e trace=sendto \
		-e inject=sendto:error=EHOSTUNREACH:when=2 \
		"$SOCKCAT" -zuvn -w 1 127.0.0.1 7001
	finish client 1
	[[ $(<client.err) == '127.0.0.1 7001/udp unreachable' ]]
	over
}

# It is asked a second time when half the limit has passed, and no more.
@test "a UDP port that is silent is asked twice, and open|filtered" {
	local first second

	peer_listen server listen:udp:127.0.0.1:0 accept expect: touch:first \
		expect: touch:second wait-file:ended expect-silence
	start client timed "$SOCKCAT" -zu -w 5 127.0.0.1 "$PORT"
	finish client 4
	took client 5000
	holds client.out ''
	holds client.err ''
	touch ended
	succeed server
	first=$(date -r first +%s%N)
	second=$(date -r second +%s%N)
	echo "$((second - first)) ns"
	((second - first >= 1000000000))

	peer_listen server listen:udp:127.0.0.1:0 wait-file:over
	tells 4 "127.0.0.1 $PORT/udp open|filtered" -uv -w 0.2 127.0.0.1 "$PORT"
	over
}

@test "an answer to the second datagram is an answer" {
	peer_listen server listen:udp:127.0.0.1:0 accept expect: expect: \
		send:answer
	tells 0 '' -u -w 6 127.0.0.1 "$PORT"
	succeed server
}

@test "an answer from elsewhere is none" {
	local port

	peer_listen server listen:udp:127.0.0.1:0 accept print-peer \
		wait-file:over
	start client "$SOCKCAT" -zu -w 0.5 127.0.0.1 "$PORT"
	within "$BOUND" grep -q . server.out
	read -r _ port <server.out
	"$PEER" connect:udp:127.0.0.1:"$port" send:answer
	finish client 4
	holds client.out ''
	holds client.err ''
	over
}

@test "a UDP scan tells what it can know" {
	own 'udp dport 7004 drop' \
		'udp dport 7005 reject with icmpx type admin-prohibited'
	inside ip route add unreachable 192.0.2.0/24
	peer_listen server listen:udp:127.0.0.1:7001 accept expect: send:answer
	peer_listen other listen:udp:127.0.0.1:7003 accept expect: expect: \
		send:answer
	scans 0 '127.0.0.1 7001/udp open gamma
127.0.0.1 7002/udp closed
127.0.0.1 7003/udp open delta
127.0.0.1 7004/udp open|filtered
127.0.0.1 7005/udp unreachable
127.0.0.1 7006/udp closed' -uv -w 6 127.0.0.1 7001-7006
	succeed server other

	peer_listen server listen:udp:127.0.0.1:7001 accept expect: send:answer
	scans 0 '127.0.0.1 7001/udp open gamma' -u -w "$BOUND" \
		127.0.0.1 7001-7003,7005-7006
	succeed server
	scans 1 '' -u -w 0.2 127.0.0.1 7001-7006
	scans 1 '192.0.2.1 7001/udp unreachable
192.0.2.1 7003/udp unreachable' -uv 192.0.2.1 delta gamma
	tells 1 '192.0.2.1 7001/udp unreachable' -uv 192.0.2.1 7001
	tells 1 '' -u 192.0.2.1 7001
	tells 1 '127.0.0.1 7005/udp unreachable' -uv 127.0.0.1 7005
	tells 4 '127.0.0.1 7004/udp open|filtered' -uv -w 0.2 127.0.0.1 7004
}

@test "a UDP port is open if it answers at any address of the host" {
	requires_ipv6
	own
	inside_file /etc/hosts "127.0.0.1 both" "::1 both"
	peer_listen server listen:udp:127.0.0.1:7001 accept expect: send:answer
	peer_listen other listen:"udp:[::1]:7003" accept expect: send:answer
	scans 0 'both 7001/udp open gamma
both 7002/udp closed
both 7003/udp open delta' -uv -w "$BOUND" both 7001-7003
	succeed server other
	peer_listen server listen:udp:127.0.0.1:7001 accept expect: send:answer
	tells 0 '' -u -w "$BOUND" both 7001
	succeed server
	peer_listen server listen:udp:127.0.0.1:7001 accept expect: send:answer
	tells 0 'Connection to both (127.0.0.1) 7001 port \[udp/gamma]'\
' succeeded!
both 7001/udp open gamma' -uv -w "$BOUND" both 7001
	succeed server
}

@test "a UDP scan gets by with few ephemeral ports and descriptors" {
	local i

	own 'udp dport 7000-7049 drop'
	inside sh -c 'echo 40000 40009 >/proc/sys/net/ipv4/ip_local_port_range'
	# With fewer no shell could start it.
	for i in 12 1024; do
		echo "$i descriptors"
		start scan few "$i" "$SOCKCAT" -zuv -w 0.2 127.0.0.1 7000-7099
		finish scan 1
		holds scan.err ''
		head -n 50 scan.out >filtered
		each filtered '/udp open|filtered' 7000 7049
		tail -n +51 scan.out >closed
		each closed /udp\ closed 7050 7099
	done
}

@test "no UDP port is open because a scan has met itself" {
	local run

	own
	inside sh -c 'echo 7000 7003 >/proc/sys/net/ipv4/ip_local_port_range'
	for run in {1..10}; do
		echo "run $run"
		start scan "$SOCKCAT" -zuv -w 1 127.0.0.1 7000-7010
		finish scan 1
		run ! grep -w open scan.out
		[ "$(wc -l <scan.out)" -eq 11 ]
		holds scan.err ''
	done
}

# --- the command line ---------------------------------------------------------

@test "bad ports and ranges are refused with their text" {
	local ports

	for ports in 5-1 1- 1,,2 0-70000 1-2-3 0 -5 '' '1,' ',1' ',' - 65536 \
		1-65536 0-5 00 ' 1' '1 ' +1 80x 0x50 1-x 1.5 1:2 '1 2' 1--2 \
		99999999999 1-99999999999999999999 5,-1 1,2-; do
		echo "'$ports'"
		unscanned "invalid port or range '$ports'" -- 127.0.0.1 "$ports"
		unscanned "invalid port or range '$ports'" -- \
			127.0.0.1 80 "$ports"
	done
	unscanned "invalid port or range '1,,2'" 127.0.0.1:1,,2
	unscanned "invalid port or range '5-1'" '[::1]:5-1'
	unscanned "invalid port or range ''" 127.0.0.1:
	unscanned "unknown service 'a-b'" 127.0.0.1 a-b
	unscanned "unknown service 'no-such'" 127.0.0.1 80,no-such
	unscanned "unknown service 'no-such'" 127.0.0.1:no-such
	unscanned "unknown service 'no-such'" -u 127.0.0.1 1-9 no-such
}

@test "a service is looked up for its protocol" {
	own
	inside_file /etc/services "streams 7001/tcp" "datagrams 7002/udp"
	tells 1 '' 127.0.0.1 streams
	tells 1 '' -u 127.0.0.1 datagrams
	unscanned "unknown service 'datagrams'" 127.0.0.1 datagrams
	unscanned "unknown service 'streams'" -u 127.0.0.1 streams
}

@test "operands and options that make no scan are refused" {
	unscanned "missing host and port"
	unscanned "missing port: '127.0.0.1'" 127.0.0.1
	unscanned "an IPv6 address with a port goes in brackets: '::1:80'" ::1:80
	unscanned "missing host: ''" '' 80-90
	unscanned "-z does not fit -l" -l 80
	unscanned "-z does not fit -l" -l 127.0.0.1 80
	unscanned "--wait takes one port with -z: '1-5'" --wait 1 127.0.0.1 1-5
	unscanned "--wait takes one port with -z: '*'" --wait 1 127.0.0.1 1 2
	unscanned "--jobs: '0' is not a number from 1 to 65535" --jobs 0 a 1
	unscanned "--jobs: '65536' is not a number from 1 to 65535" \
		--jobs 65536 a 1
	unscanned "--jobs: 'x' is not a number from 1 to 65535" --jobs=x a 1
}

@test "-r and --jobs need -z" {
	run_sockcat -r 127.0.0.1 1
	[ "$status" -eq 2 ]
	[ "$output" = '' ]
	[ "$stderr" = "sockcat: -r needs -z
Try 'sockcat --help'." ]
	run_sockcat --jobs 5 127.0.0.1 1
	[ "$status" -eq 2 ]
	[ "$output" = '' ]
	[ "$stderr" = "sockcat: --jobs needs -z
Try 'sockcat --help'." ]
}
