#!/usr/bin/env bats
# Datagrams: each one goes through as it is, and silence is not their end.

# shellcheck disable=SC2154 # stderr is set by run
load lib/helpers

# udp_listen NAME ARG...: a listener on 127.0.0.1.
udp_listen() {
	listen_on "$@" -u 127.0.0.1 0
}

milliseconds() {
	local now=${EPOCHREALTIME/[.,]/}

	echo "${now::-3}"
}

has_come() {
	(($(milliseconds) >= $1))
}

# --- datagrams are what they were ---------------------------------------------

@test "a listener writes datagrams of all sizes whole" {
	local host

	requires_ipv6
	bytes 66980 expected
	for host in 127.0.0.1 ::1; do
		listen_on server -u -W 4 "$host" 0
		peer client "connect:udp:[$host]:$PORT" send-bytes:1 send:'' \
			send-bytes:1472 send-bytes:65507
		succeed client server
		same_bytes expected server.out
	done
}

@test "a client writes datagrams of all sizes whole" {
	local host

	requires_ipv6
	bytes 66980 expected
	for host in 127.0.0.1 ::1; do
		peer_listen server "listen:udp:[$host]:0" accept expect:hello \
			send-bytes:1 send:'' send-bytes:1472 send-bytes:65507
		start client "$SOCKCAT" -u -W 4 -q "$BOUND" "$host" "$PORT" \
			< <(printf hello)
		succeed client server
		same_bytes expected client.out
	done
}

@test "what is read from stdin at once is one datagram, whatever its size" {
	local host size

	requires_ipv6
	for host in 127.0.0.1 ::1; do
		for size in 1 1472 65507; do
			bytes "$size" in
			peer_listen server "listen:udp:[$host]:0" accept \
				expect-bytes:"$size" touch:heard \
				wait-file:ended expect-silence
			start client "$SOCKCAT" -u -q 0 "$host" "$PORT" <in
			within "$BOUND" test -e heard
			succeed client
			touch ended
			succeed server
			rm heard ended
		done
	done
}

@test "a listener's datagrams are what is read from stdin at once" {
	local size

	for size in 1 1472 65507; do
		bytes "$size" in
		udp_listen server <in
		peer client connect:udp:"$ADDRESS:$PORT" send:hello \
			expect-bytes:"$size" expect-silence
		succeed client
		signal server TERM
		finish server 143
		holds server.err ''
		holds server.out hello
	done
}

@test "100,000 bytes go out as the largest datagram and the rest" {
	bytes 100000 in
	peer_listen server listen:udp:127.0.0.1:0 accept expect-bytes:65507 \
		expect-bytes:34493 touch:heard wait-file:ended expect-silence
	start client "$SOCKCAT" -u "$ADDRESS" "$PORT" <in
	within "$BOUND" test -e heard
	succeed client
	touch ended
	succeed server
}

@test "a conversation keeps its turns and its boundaries" {
	mkfifo in
	exec 7<>in
	peer_listen server listen:udp:127.0.0.1:0 accept expect:one send:1 \
		expect:two send:2 expect:three send:3
	start client "$SOCKCAT" -u -q 0 "$ADDRESS" "$PORT" <in
	printf one >&7
	until_holds client.out 1
	printf two >&7
	until_holds client.out 12
	printf three >&7
	until_holds client.out 123
	exec 7>&-
	succeed client server
}

@test "an empty datagram is neither the end nor anything to write" {
	udp_listen server -W 5
	peer client connect:udp:"$ADDRESS:$PORT" send:'' send:a send:'' \
		send:'' send:b
	succeed client server
	holds server.out ab
}

# It is there as a whole before the listener takes the first of it.
@test "of a burst just as many are taken as -W says" {
	local i sizes=0 steps=()

	for i in {1..100}; do
		steps+=(send-bytes:"$i")
		if [ "$i" -le 70 ]; then
			sizes=$((sizes + i))
		fi
	done
	bytes "$sizes" expected
	udp_listen server -W 70
	signal server STOP
	peer client connect:udp:"$ADDRESS:$PORT" "${steps[@]}"
	succeed client
	signal server CONT
	succeed server
	same_bytes expected server.out
}

@test "an empty stdin sends nothing" {
	peer_listen server listen:udp:127.0.0.1:0 accept expect:after
	run_sockcat -u -q 0 "$ADDRESS" "$PORT"
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
	[ "$stderr" = '' ]
	peer other connect:udp:"$ADDRESS:$PORT" send:after
	succeed other server
}

@test "neither -v nor -vv adds a byte to the conversation" {
	local option

	for option in -v -vv; do
		peer_listen server listen:udp:127.0.0.1:0 accept expect:hello \
			send:bye wait-file:ended expect-silence
		run_sockcat "$option" -u -W 1 -q "$BOUND" "$ADDRESS" "$PORT" \
			< <(printf hello)
		touch ended
		[ "$status" -eq 0 ]
		[ "$output" = bye ]
		[ "${stderr_lines[0]}" = "Connection to 127.0.0.1 $PORT port\
 [udp/*] succeeded!" ]
		succeed server
		rm ended
	done
}

@test "-v says where a listener is bound and who came" {
	udp_listen server -v -W 1
	peer client connect:udp:"$ADDRESS:$PORT" send:hello
	succeed client
	finish server 0
	holds server.out hello
	mapfile -t lines <server.err
	[ "${lines[0]}" = "Bound on 127.0.0.1 $PORT" ]
	[[ ${lines[1]} =~ ^"Connection received on 127.0.0.1 "[0-9]+$ ]]
}

# The pipe takes the first datagram and the beginning of the second.
@test "a datagram stays whole though its reader takes less" {
	bytes 131014 expected
	mkfifo out
	exec 7<>out
	start_announced server to out "$SOCKCAT" -l --announce server.announce \
		-u -W 2 127.0.0.1 0
	peer client connect:udp:"$ADDRESS:$PORT" send-bytes:65507 \
		send-bytes:65507
	succeed client
	timeout "$BOUND" head -c 131014 <&7 >got
	same_bytes expected got
	succeed server
}

# --- who is heard and who is answered -----------------------------------------

@test "a listener takes its first sender and hears no other" {
	udp_listen server -W 2
	peer client connect:udp:"$ADDRESS:$PORT" send:'mine ' \
		wait-file:others send:also
	until_holds server.out 'mine '
	echo other >"/dev/udp/127.0.0.1/$PORT"
	touch others
	succeed client server
	holds server.out 'mine also'
}

# They are queued while the listener is stopped, before it has taken anybody.
@test "datagrams of others that were queued first are dropped" {
	local host

	requires_ipv6
	for host in 127.0.0.1 ::1; do
		listen_on server -u -W 2 "$host" 0
		signal server STOP
		peer client "connect:udp:[$host]:$PORT" send:'mine ' \
			touch:first wait-file:others send:also
		within "$BOUND" test -e first
		echo other >"/dev/udp/$host/$PORT"
		touch others
		succeed client
		signal server CONT
		succeed server
		holds server.out 'mine also'
		rm first others
	done
}

@test "a listener reads no stdin before it has a peer" {
	mkfifo in
	exec 7<>in
	printf early >&7
	udp_listen server -W 1 <in
	within "$BOUND" is_asleep server
	read -rt 0 -u 7
	peer client connect:udp:"$ADDRESS:$PORT" send:hello expect:early
	succeed client server
	holds server.out hello
}

@test "with -k a listener hears everyone and answers the last sender" {
	mkfifo in
	exec 7<>in
	udp_listen server -k <in
	peer one connect:udp:"$ADDRESS:$PORT" send:1 expect:'to one' \
		wait-file:two send:3 expect:'to one again' expect-silence
	until_holds server.out 1
	printf 'to one' >&7
	peer two connect:udp:"$ADDRESS:$PORT" wait-file:answered send:2 \
		expect:'to two' wait-file:answered-again expect-silence
	within "$BOUND" is_drained 7
	touch answered
	until_holds server.out 12
	printf 'to two' >&7
	within "$BOUND" is_drained 7
	touch two
	until_holds server.out 123
	printf 'to one again' >&7
	succeed one
	touch answered-again
	succeed two
	signal server TERM
	finish server 143
	holds server.err ''
}

@test "with -k a sender that has gone takes nobody with it" {
	mkfifo in
	exec 7<>in
	udp_listen server -k -v <in
	peer gone connect:udp:"$ADDRESS:$PORT" send:1
	succeed gone
	until_holds server.out 1
	printf 'to nobody' >&7
	within "$BOUND" is_drained 7
	peer client connect:udp:"$ADDRESS:$PORT" send:2 expect:'to you'
	until_holds server.out 12
	printf 'to you' >&7
	succeed client
	signal server TERM
	finish server 143
}

@test "a listener without a host hears both families" {
	requires_ipv6
	listen_on server -u -k -W 2 -v 0
	[ "$ADDRESS" = :: ]
	peer four "connect:udp:127.0.0.1:$PORT" send:4
	until_holds server.out 4
	peer six "connect:udp:[::1]:$PORT" send:6
	succeed four six
	finish server 0
	holds server.out 46
	grep -q '^Connection received on 127\.0\.0\.1 ' server.err
}

@test "localhost is served by name" {
	peer_listen server listen:udp:127.0.0.1:0 accept expect:hello send:bye
	run_sockcat -4 -u -W 1 -q "$BOUND" localhost "$PORT" \
		< <(printf hello)
	[ "$status" -eq 0 ]
	[ "$output" = bye ]
	[ "$stderr" = '' ]
	succeed server
}

# --- how it ends --------------------------------------------------------------

# ends_after MS ARG...: a client without an answer ends with 0, so long after
# the end of stdin.
ends_after() {
	local least=$1 begin
	shift

	peer_listen server listen:udp:127.0.0.1:0 accept expect:hello
	printf hello >hello
	begin=$(milliseconds)
	run_sockcat -u "$@" "$ADDRESS" "$PORT" <hello
	[ "$(($(milliseconds) - begin))" -ge "$least" ]
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
	[ "$stderr" = '' ]
	succeed server
}

@test "a client ends a second after the end of stdin" {
	ends_after 1000
}

@test "-w says how long a client waits for answers" {
	ends_after 1300 -w 1.3
}

@test "-q says how long a client waits for answers, whatever -w says" {
	ends_after 100 -q 0.1 -w "$((100 * BOUND))"
}

@test "-q 0 ends a client once all is sent" {
	ends_after 0 -q 0 -w "$((100 * BOUND))"
}

@test "a client's wait begins anew with each answer" {
	local begin sent try

	mkfifo in
	for try in {1..20}; do
		echo "try $try"
		rm -f asked go
		exec 7<>in
		peer_listen server listen:udp:127.0.0.1:0 accept expect:hello \
			touch:asked wait-file:go send:answer
		start client "$SOCKCAT" -u -q 0.4 "$ADDRESS" "$PORT" <in
		printf hello >&7
		within "$BOUND" test -e asked
		begin=$(milliseconds)
		exec 7>&-
		# Late enough to be told from a wait since the end of stdin.
		sent=$((begin + 200))
		within "$BOUND" has_come "$sent"
		touch go
		succeed server
		# If that is too late for the first wait it says nothing.
		has_come $((begin + 400)) || break
		finish client
	done
	succeed client
	holds client.out answer
	has_come $((sent + 400))
}

@test "a client waits for no answer before stdin has ended" {
	mkfifo in
	exec 7<>in
	peer_listen server listen:udp:127.0.0.1:0 accept expect:hello
	start client "$SOCKCAT" -u -q 0.05 "$ADDRESS" "$PORT" <in
	printf hello >&7
	succeed server
	within "$BOUND" has_come $(($(milliseconds) + 150))
	is_running client
	exec 7>&-
	succeed client
}

@test "what arrived before a client ends is written, also to a slow reader" {
	local reads

	bytes 100000 expected
	mkfifo in out
	exec 7<>in 6<>out
	peer_listen server listen:udp:127.0.0.1:0 accept expect:go \
		send-bytes:10000 send-bytes:10000 send-bytes:10000 \
		send-bytes:10000 send-bytes:10000 send-bytes:10000 \
		send-bytes:10000 send-bytes:10000 send-bytes:10000 \
		send-bytes:10000 6>&-
	start client to out "$SOCKCAT" -u -q 0 "$ADDRESS" "$PORT" <in 6>&-
	printf go >&7
	succeed server
	# Nothing takes its output: once it has seen the end of stdin, only its
	# limit makes it go on.
	reads=$(reads_of client)
	exec 7>&-
	within "$BOUND" has_read_more client "$reads"
	within "$BOUND" is_asleep client
	timeout "$BOUND" head -c 100000 <&6 >got || true
	same_bytes expected got
	succeed client
}

reads_of() {
	sed -n 's/^syscr: //p' "/proc/${PIDS[$1]}/io"
}

has_read_more() {
	(($(reads_of "$1") > $2))
}

@test "-W ends a client that has got so many, whatever else is there" {
	mkfifo in
	exec 7<>in
	printf hello >&7
	peer_listen server listen:udp:127.0.0.1:0 accept expect:hello send:1 \
		send:2 send:3
	run_sockcat -u -W 2 "$ADDRESS" "$PORT" <in
	[ "$status" -eq 0 ]
	[ "$output" = 12 ]
	[ "$stderr" = '' ]
	succeed server
}

@test "-W that is not reached in time is exit 4" {
	local options

	mkfifo in
	for options in '-w 3' '-q 0.1'; do
		peer_listen server listen:udp:127.0.0.1:0 accept expect:hello \
			send:1
		exec 7<>in
		# shellcheck disable=SC2086 # two words
		start client "$SOCKCAT" -u -W 2 $options "$ADDRESS" "$PORT" <in
		printf hello >&7
		until_holds client.out 1
		exec 7>&-
		finish client 4
		holds client.out 1
		holds client.err 'sockcat: received 1 of 2 datagrams\n'
		succeed server
	done

	printf hello >hello
	peer_listen server listen:udp:127.0.0.1:0 accept expect:hello
	start client "$SOCKCAT" -u -W 2 -w 0.1 "$ADDRESS" "$PORT" <hello
	finish client 4
	holds client.out ''
	holds client.err 'sockcat: received 0 of 2 datagrams\n'
	succeed server
}

@test "a reader that goes ends it by SIGPIPE and without a message" {
	mkfifo out in
	exec 7<>in
	peer_listen server listen:udp:127.0.0.1:0 accept expect:hello send:1
	start reader head -c 1 out
	printf hello >&7
	start client to out env --default-signal=PIPE \
		"$SOCKCAT" -u -W 2 "$ADDRESS" "$PORT" <in
	finish client 141
	holds client.err ''
	succeed server reader
}

@test "an unreachable port is exit 1 with a message" {
	local host options

	requires_ipv6
	for host in 127.0.0.1 ::1; do
		for options in -v '-w 5' '-W 1'; do
			closed_port
			# shellcheck disable=SC2086 # words
			run_sockcat -u $options "$host" "$PORT" \
				< <(printf hello)
			[ "$status" -eq 1 ]
			[ "$output" = '' ]
			grep -qx "sockcat: .*$host port $PORT (udp) failed:\
 Connection refused" <<<"$stderr"
		done
	done
}

@test "--send-only learns as well that a port is unreachable" {
	closed_port
	run_sockcat -u --send-only 127.0.0.1 "$PORT" < <(printf hello)
	[ "$status" -eq 1 ]
	[ "$output" = '' ]
	[[ $stderr == "sockcat: "*" failed: Connection refused" ]]
}

@test "a listener's peer that has gone is exit 1" {
	mkfifo in
	exec 7<>in
	udp_listen server <in
	peer client connect:udp:"$ADDRESS:$PORT" send:hello
	succeed client
	until_holds server.out hello
	printf reply >&7
	finish server 1
	[[ $(<server.err) == "sockcat: "*" failed: Connection refused" ]]
}

@test "--send-only drops what arrives and waits for nothing" {
	mkfifo in
	exec 7<>in
	peer_listen server listen:udp:127.0.0.1:0 accept expect:one \
		send:answer touch:answered expect:two
	start client "$SOCKCAT" -u --send-only -w 10 "$ADDRESS" "$PORT" <in
	printf one >&7
	within "$BOUND" test -e answered
	printf two >&7
	exec 7>&-
	succeed client server
	holds client.out ''
}

@test "-d leaves stdin alone" {
	mkfifo in
	exec 7<>in
	printf untouched >&7
	udp_listen server -d -W 2 <in
	peer client connect:udp:"$ADDRESS:$PORT" send:1 send:2 \
		wait-file:ended expect-silence
	succeed server
	touch ended
	succeed client
	holds server.out 12
	read -rN 9 -u 7
	[ "$REPLY" = untouched ]
}

@test "a listener does not end with its stdin" {
	udp_listen server
	peer client connect:udp:"$ADDRESS:$PORT" send:hello \
		wait-file:later send:again
	until_holds server.out hello
	within "$BOUND" has_come $(($(milliseconds) + 1200))
	touch later
	succeed client
	until_holds server.out helloagain
	signal server TERM
	finish server 143
	holds server.err ''
}

@test "signals end listeners and clients" {
	local signal status=143

	mkfifo in
	exec 7<>in
	for signal in TERM INT HUP; do
		case $signal in
		TERM) status=143 ;;
		INT) status=130 ;;
		HUP) status=129 ;;
		esac
		# Without a peer, with one, and as a client.
		udp_listen lonely
		udp_listen server
		start client env --default-signal=INT \
			"$SOCKCAT" -u "$ADDRESS" "$PORT" <in
		printf hello >&7
		until_holds server.out hello
		signal client "$signal"
		finish client "$status"
		signal server TERM
		finish server 143
		signal lonely HUP
		finish lonely 129
		holds server.err ''
		holds client.err ''
	done
}

# --- Unix datagrams -----------------------------------------------------------

@test "Unix datagrams go both ways" {
	bytes 66980 expected
	listen_on server -u -U -W 3 "$PWD/socket" < <(printf reply)
	peer client from:unix-dgram:"$PWD/mine" \
		connect:unix-dgram:"$ADDRESS" send-bytes:1 expect:reply \
		send-bytes:1472 send-bytes:65507
	succeed client server
	same_bytes expected server.out

	peer_listen server listen:unix-dgram:"$PWD/other" accept expect:hello \
		send-bytes:65507 send-bytes:1473
	start client "$SOCKCAT" -u -U -W 2 -q "$BOUND" "$ADDRESS" \
		< <(printf hello)
	succeed client server
	same_bytes expected client.out
}

@test "Unix datagrams may be larger than those of UDP" {
	bytes 131072 expected
	listen_on server -u -U -W 1 "$PWD/socket"
	peer client from:unix-dgram:"$PWD/mine" \
		connect:unix-dgram:"$ADDRESS" send-bytes:131072
	succeed client server
	same_bytes expected server.out
}

# Nobody has to be ready for more than the kernel lets everyone send.
@test "a Unix datagram that is too long is cut, and that is exit 7" {
	requires socat
	bytes 300000 data
	listen_on server -u -U -W 1 "$PWD/socket"
	start client socat -u -b 300000 OPEN:data \
		"UNIX-SENDTO:$ADDRESS,bind=$PWD/mine,sndbuf=425984"
	succeed client
	finish server 7
	[[ $(<server.err) =~ ^"sockcat: a datagram of more than "([0-9]+)\
" bytes was cut"$ ]]
	[ "${BASH_REMATCH[1]}" -ge 65536 ]
	same_bytes server.out <(head -c "${BASH_REMATCH[1]}" data)
}

@test "a Unix sender that has gone already is heard all the same" {
	listen_on server -u -U -W 2 "$PWD/socket"
	signal server STOP
	peer client from:unix-dgram:"$PWD/mine" \
		connect:unix-dgram:"$ADDRESS" send:last send:words
	succeed client
	signal server CONT
	finish server 0
	holds server.out lastwords
}

@test "with -k a Unix sender that has gone takes nobody with it" {
	mkfifo in
	exec 7<>in
	listen_on server -u -U -k "$PWD/socket" <in
	peer gone from:unix-dgram:"$PWD/theirs" \
		connect:unix-dgram:"$ADDRESS" send:1
	succeed gone
	until_holds server.out 1
	printf 'to nobody' >&7
	within "$BOUND" is_drained 7
	peer client from:unix-dgram:"$PWD/mine" \
		connect:unix-dgram:"$ADDRESS" send:2 expect:'to you'
	until_holds server.out 12
	printf 'to you' >&7
	succeed client
	signal server TERM
	finish server 143
}

@test "a Unix listener drops what others had queued" {
	listen_on server -u -U -W 2 "$PWD/socket"
	signal server STOP
	peer client from:unix-dgram:"$PWD/mine" \
		connect:unix-dgram:"$ADDRESS" send:'mine ' touch:first \
		wait-file:others send:also touch:second wait-file:ended
	within "$BOUND" test -e first
	peer other from:unix-dgram:"$PWD/theirs" \
		connect:unix-dgram:"$ADDRESS" send:other
	succeed other
	touch others
	within "$BOUND" test -e second
	signal server CONT
	succeed server
	holds server.out 'mine also'
	touch ended
	succeed client
}

@test "-w 0 sends all and waits for nothing" {
	local run

	for run in {1..10}; do
		echo "run $run"
		peer_listen server "listen:udp:127.0.0.1:0" accept expect:'count:1\n'
		start client "$SOCKCAT" -u -w0 "$ADDRESS" "$PORT" <<<count:1
		succeed client server
	done
}
