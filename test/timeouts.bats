#!/usr/bin/env bats
# Limits in time: none passes too early, and each that has passed ends it.

# shellcheck disable=SC2153,SC2154 # run and load set them
load lib/helpers

# What is compared with it is a pattern: glibc's words, or musl's.
TIMED_OUT='@(Connection|Operation) timed out'

# Those that are measured run side by side, so that a table takes no longer
# than its longest row.  That none is early is exact but for the clock; late
# is what would be the work of another limit than the one that is tested.
CLOCK=10
LATE=15000

# start NAME timed COMMAND...: NAME.start and NAME.ms are when and how
# long, in milliseconds.
timed() {
	local start status=0

	start=$(uptime_ms)
	timeout "$BOUND" "$@" || status=$?
	echo "$start" >"$name.start"
	echo $(($(uptime_ms) - start)) >"$name.ms"
	return "$status"
}

# ended NAME STATUS MS PATTERN: like this, after so long, and without output.
ended() {
	local ms

	finish "$1" "$2"
	ms=$(<"$1.ms")
	echo "$1 took $ms ms: $(<"$1.err")"
	((ms >= $3 - CLOCK && ms < LATE))
	# shellcheck disable=SC2053 # a pattern it is
	[[ $(<"$1.err") == $4 ]]
	holds "$1.out" ''
}

# --- connecting ---------------------------------------------------------------

@test "a connect that is not answered ends at its limit" {
	local i options=('-w 0.3' '-w.3' '--timeout=300ms' '-w 0.005m'
		'--connect-timeout 0.3' '--connect-timeout 0.3s -w 60'
		'--connect-timeout 60 --deadline .3' '-w 60 --deadline 300ms')

	silent_listener
	for i in "${!options[@]}"; do
		# shellcheck disable=SC2086 # they are words
		start client-"$i" timed "$SOCKCAT" ${options[i]} \
			"$ADDRESS" "$PORT"
	done
	for i in "${!options[@]}"; do
		echo "sockcat ${options[i]}"
		ended client-"$i" 4 300 "sockcat: connect to 127.0.0.1 port\
 $PORT (tcp) failed: $TIMED_OUT"
	done
	touch over
	succeed server first
}

# The first refuses, the second is silent, the third is not there.
@test "--wait is never over before its time" {
	silent_listener
	start refused timed "$SOCKCAT" --wait 0.3 127.0.0.1 1
	start silent timed "$SOCKCAT" --wait 0.3 -w 0.1 "$ADDRESS" "$PORT"
	start none timed "$SOCKCAT" --wait 300ms -U none
	start test timed "$SOCKCAT" -z --wait 0.3 127.0.0.1 1
	ended refused 4 300 'sockcat: gave up waiting: connect to 127.0.0.1'\
' port 1 (tcp) failed: Connection refused'
	ended silent 4 300 "sockcat: gave up waiting: connect to 127.0.0.1\
 port $PORT (tcp) failed: $TIMED_OUT"
	ended none 4 300 'sockcat: gave up waiting: connect to none (unix)'\
' failed: No such file or directory'
	ended test 4 300 ''
	touch over
	succeed server first
}

@test "a test of a port ends after 2 seconds, or after its limit" {
	silent_listener
	start long timed "$SOCKCAT" -z "$ADDRESS" "$PORT"
	start short timed "$SOCKCAT" -z -w 0.3 "$ADDRESS" "$PORT"
	ended short 4 300 ''
	ended long 4 2000 ''
	touch over
	succeed server first
}

# dark FILE...: DARK runs a command where nobody is at the other end of the
# only cable, and with these files instead of those in /etc.
dark() {
	local file script='ip link add here type veth peer name there &&
		ip link set here up && ip link set there up &&
		ip address add 192.0.2.1/24 dev here'

	requires unshare ip
	for file; do
		script+=" && mount --bind $file /etc/$file"
	done
	DARK=(unshare --net --mount)
	((EUID == 0)) || DARK+=(--map-root-user)
	# shellcheck disable=SC2016 # it expands there
	DARK+=(sh -c "$script"' && exec "$@"' dark)
	"${DARK[@]}" true 2>/dev/null || skip "needs namespaces of its own"
}

@test "one limit is for all addresses of a name" {
	local i

	for i in {11..60}; do
		echo "192.0.2.$i many"
	done >hosts
	dark hosts
	start client timed "${DARK[@]}" "$SOCKCAT" -w 0.3 many 80
	ended client 4 300 "sockcat: connect to many (192.0.2.*) port 80 (tcp)\
 failed: $TIMED_OUT"
}

# dark_names: a lookup asks a server that does not answer.
dark_names() {
	echo 'nameserver 192.0.2.53' >resolv.conf
	if [[ -e /etc/nsswitch.conf ]]; then
		echo 'hosts: files dns' >nsswitch.conf
		dark resolv.conf nsswitch.conf
	else
		dark resolv.conf
	fi
}

@test "a lookup that is not answered ends at the limit" {
	local i options=('-w 0.3' '--connect-timeout 0.3' '--deadline 300ms'
		'-w 60 --connect-timeout .3' '-l --deadline .3' '-uw 0.3')

	dark_names
	for i in "${!options[@]}"; do
		# shellcheck disable=SC2086 # they are words
		start client-"$i" timed "${DARK[@]}" "$SOCKCAT" \
			${options[i]} dark.example 80
	done
	start source timed "${DARK[@]}" "$SOCKCAT" \
		-w 0.3 -s dark.example 192.0.2.9 80
	for i in "${!options[@]}"; do
		echo "sockcat ${options[i]}"
		ended client-"$i" 4 300 'sockcat: getaddrinfo for host'\
' "dark.example" port 80: timed out'
	done
	ended source 4 300 \
		'sockcat: getaddrinfo for host "dark.example" port 0: timed out'
}

@test "a lookup ends at the limit even if the alarm came ignored or blocked" {
	local how

	dark_names
	for how in ignore block; do
		start "$how" timed "${DARK[@]}" env --"$how"-signal=ALRM \
			"$SOCKCAT" -w 0.3 dark.example 80
	done
	for how in ignore block; do
		ended "$how" 4 300 'sockcat: getaddrinfo for host'\
' "dark.example" port 80: timed out'
	done
}

# --- an established connection ------------------------------------------------

# holding N: a server that keeps N clients, and says and reads nothing.
holding() {
	local client steps=()

	for ((client = 0; client < $1; client++)); do
		steps+=(accept)
	done
	peer_listen server rcvbuf:4096 listen:127.0.0.1:0 "${steps[@]}" \
		touch:held wait-file:over
}

# limited INPUT STATUS MESSAGE OPTIONS: rows of the tables below.  INPUT is
# "open" for a stdin that brings nothing, "ended", or "much" to be sent.
limited() {
	INPUTS+=("$1")
	STATUSES+=("$2")
	MESSAGES+=("$3")
	OPTIONS+=("$4")
}

# all_limited: each of the rows, with a limit of 300 ms, ends as it says.
all_limited() {
	local i message

	mkfifo open
	exec 7<>open
	: >ended
	: >much
	[[ " ${INPUTS[*]} " != *' much '* ]] || bytes 9000000 much
	holding "${#OPTIONS[@]}"
	for i in "${!OPTIONS[@]}"; do
		# shellcheck disable=SC2086 # they are words
		start client-"$i" timed "$SOCKCAT" ${OPTIONS[i]} \
			"$ADDRESS" "$PORT" <"${INPUTS[i]}"
	done
	for i in "${!OPTIONS[@]}"; do
		echo "sockcat ${OPTIONS[i]}, stdin ${INPUTS[i]}"
		message=${MESSAGES[i]}
		ended client-"$i" "${STATUSES[i]}" 300 "${message:+sockcat:\
 connection to 127.0.0.1 port $PORT (tcp): $message}"
	done
	touch over
	succeed server
}

@test "an idle limit and a deadline end a connection with 4" {
	limited open 4 'idle for too long' '--idle-timeout 0.3'
	limited open 4 'idle for too long' '--idle-timeout 300ms -q 60'
	limited ended 4 'idle for too long' '--idle-timeout .3'
	limited ended 4 'idle for too long' '-d --idle-timeout=0.005m'
	limited much 4 'idle for too long' '--idle-timeout 0.3'
	limited open 4 'deadline passed' '--deadline 0.3'
	limited ended 4 'deadline passed' '--deadline 0.3 -w 60'
	limited much 4 'deadline passed' '--deadline 300ms'
	all_limited
}

@test "-w is an idle limit, and after the end of stdin no failure" {
	limited open 4 'idle for too long' '-w 0.3'
	limited open 4 'idle for too long' '-w 300ms --connect-timeout 60'
	limited much 4 'idle for too long' '-w 0.3'
	limited ended 0 '' '-w 0.3'
	limited ended 0 '' '-w .3 -q 60'
	limited open 0 '' '-d -w 0.3'
	all_limited
}

@test "-q ends so long after the end of stdin" {
	limited ended 0 '' '-q 0.3'
	limited ended 0 '' '-q 300ms'
	limited ended 0 '' '--quit-after=.3 --idle-timeout 60 -w 60'
	limited ended 0 '' '-q 0.3 --no-shutdown'
	all_limited
}

@test "-q counts from the network's end if that comes while stdin is silent" {
	peer_listen server listen:127.0.0.1:0 accept send:bye close
	mkfifo in
	exec 7<>in
	start client timed "$SOCKCAT" -q 0.3 "$ADDRESS" "$PORT" <in
	until_holds client.out bye
	finish client 0
	(($(<client.ms) >= 300 - CLOCK))
	succeed server
	holds client.err ''
}

# flooded NAME OPTIONS: its peer never stops sending.
flooded() {
	peer_listen "$1"-peer listen:127.0.0.1:0 accept send-bytes:99999999999
	# shellcheck disable=SC2086 # they are words
	start "$1" to /dev/null timed "$SOCKCAT" $2 "$ADDRESS" "$PORT"
}

@test "a deadline and -q end a connection that is never idle" {
	flooded deadline '--deadline 0.3'
	flooded quit '-q 0.3'
	ended quit 0 300 ''
	ended deadline 4 300 'sockcat: connection to 127.0.0.1 port'\
' +([0-9]) (tcp): deadline passed'
	finish deadline-peer 1
	finish quit-peer 1
}

# What has arrived and cannot be written is lost, and that is no success.
@test "-w that passes while stdout is stalled is exit 4" {
	local since options

	full_pipe out
	for options in '-w 0.3' '-d -w 0.3' '-q 60 -w 0.3'; do
		# shellcheck disable=SC2086 # they are words
		start_announced server to out "$SOCKCAT" -l $options \
			--announce server.announce 127.0.0.1 0
		since=$(uptime_ms)
		serve_sent client send:x touch:sent wait-file:over
		finish server 4
		(($(uptime_ms) - since >= 300 - CLOCK))
		[[ $(<server.err) == 'sockcat: connection to 127.0.0.1 port'\
' '*' (tcp): idle for too long' ]]
		touch over
		succeed client
		rm over
	done
}

# serve_sent NAME STEP...: a client of the listener "server", which stands still
# until these steps have made the file "sent".
serve_sent() {
	local name=$1
	shift

	suspend server
	peer "$name" connect:"$ADDRESS:$PORT" "$@"
	within "$BOUND" test -e sent
	rm sent
	signal server CONT
}

@test "-q 0 sends all that was read, and awaits no answer" {
	local try

	bytes 3000000 in
	# A server that stands still for a second at its end is given up.
	for try in 1 2 3 4 5; do
		peer_listen server rcvbuf:4096 listen:127.0.0.1:0 accept \
			expect-bytes:3000000 expect-eof touch:whole \
			wait-file:over
		start client "$SOCKCAT" -q 0 "$ADDRESS" "$PORT" <in
		finish client
		[[ $(<client.err) == *'took nothing more for '* ]] || break
		echo "try $try: $(<client.err)"
		stop server
	done
	succeed client
	touch over
	succeed server
	test -e whole
}

# --- datagrams that find no room ----------------------------------------------

# Not one of its fragments has gone when its buffer is full: that stays so.
@test "a datagram that the kernel never takes is given up at the limit" {
	local i options=('-w 0.3' '--idle-timeout 0.3' '-q 0.3')

	namespace
	inside ip link set lo mtu 1500
	head -c 60000 /dev/zero >in
	for i in "${!options[@]}"; do
		# shellcheck disable=SC2086 # they are words
		start client-"$i" timed "$SOCKCAT" -u -O 1 --line-datagrams \
			${options[i]} 127.0.0.1 9 <in
	done
	for i in 0 1; do
		ended client-"$i" 4 300 'sockcat: connection to 127.0.0.1'\
' port 9 (udp): idle for too long'
	done
	ended client-2 6 300 'sockcat: connection to 127.0.0.1 port 9 (udp)'\
' lost: it took nothing more for 1000 ms'
}

# More lines than a queue takes that is not its own peer's.
@test "a Unix client that does not read is given up at the limit" {
	local i options=('-w 0.3' '--idle-timeout 0.3' '-q 0.3')

	seq 5000 >lines
	for i in "${!options[@]}"; do
		# shellcheck disable=SC2086 # they are words
		start_announced server-"$i" timed "$SOCKCAT" -l -k -u -U \
			--announce server-"$i".announce --line-datagrams \
			${options[i]} path-"$i" <lines
		peer client-"$i" from:unix-dgram:client-"$i" \
			aim:unix-dgram:path-"$i" send:'' wait-file:over
	done
	for i in 0 1; do
		ended server-"$i" 4 300 "sockcat: connection to client-$i\
 (unix): idle for too long"
	done
	ended server-2 6 300 'sockcat: connection to client-2 (unix) lost:'\
' it took nothing more for 1000 ms'
	touch over
	succeed client-0 client-1 client-2
	[ ! -e path-0 ]
}

# --- waiting for a client -----------------------------------------------------

@test "a listener waits for a client no longer than its limit" {
	local i options=('-l --accept-timeout 0.3' '-lk --accept-timeout .3'
		'-lu --accept-timeout 300ms' '-l --deadline 0.3'
		'-l --accept-timeout 60 --deadline 0.3')

	for i in "${!options[@]}"; do
		# shellcheck disable=SC2086 # they are words
		start server-"$i" timed "$SOCKCAT" ${options[i]} 127.0.0.1 0
	done
	for i in "${!options[@]}"; do
		echo "sockcat ${options[i]}"
		ended server-"$i" 4 300 'sockcat: no client on 127.0.0.1'\
' port * (@(tcp|udp)): time limit passed'
	done
}

@test "a Unix listener that waited too long leaves nothing behind" {
	start stream timed "$SOCKCAT" -lU --accept-timeout 0.3 ./stream
	start datagram timed "$SOCKCAT" -luU --accept-timeout 0.3 ./datagram
	start abstract timed "$SOCKCAT" -lU --accept-timeout 0.3 "@$$.limits"
	ended stream 4 300 \
		'sockcat: no client on ./stream (unix): time limit passed'
	ended datagram 4 300 \
		'sockcat: no client on ./datagram (unix): time limit passed'
	ended abstract 4 300 \
		"sockcat: no client on @$$.limits (unix): time limit passed"
	[ ! -e stream ]
	[ ! -e datagram ]
}

@test "with -k a deadline is each client's own" {
	listen_on server -k -d --deadline 0.2 127.0.0.1 0
	serve_sent one send:one touch:sent expect-eof
	succeed one
	serve_sent two send:two touch:sent expect-eof
	succeed two
	signal server TERM
	finish server 143
	holds server.out onetwo
	[ "$(grep -c '^sockcat: connection to 127\.0\.0\.1 port [0-9]* (tcp): '\
'deadline passed$' server.err)" -eq 2 ]
	[ "$(wc -l <server.err)" -eq 2 ]
}

# --- the queue of a Unix socket -----------------------------------------------

# full_queue PATH STEP...: on Linux a backlog of 0 holds one client, which is
# there; before the steps the server waits until there is "room".
full_queue() {
	local path=$1
	shift

	peer_listen server backlog:0 listen:unix:"$path" wait-file:room "$@"
	peer first connect:unix:"$path" send:first close
	succeed first
}

@test "a Unix socket's full queue is waited for until the limit" {
	full_queue ./path
	start client timed "$SOCKCAT" -w 0.3 -U ./path
	start other timed "$SOCKCAT" --deadline 0.3 unix:./path
	ended client 4 300 "sockcat: connect to ./path (unix) failed: $TIMED_OUT"
	ended other 4 300 "sockcat: connect to ./path (unix) failed: $TIMED_OUT"
	touch room
	succeed server
}

@test "a Unix socket's full queue is waited for until there is room" {
	full_queue ./path accept expect:first expect-eof \
		accept 'expect:second\n' expect-eof 'send:bye\n' close
	start client "$SOCKCAT" -U ./path <<<second
	clock 150
	clock_passed
	is_running client
	touch room
	succeed client server
	holds client.out 'bye\n'
}

@test "a Unix socket whose listener goes is refused while its queue is full" {
	full_queue ./path
	start client "$SOCKCAT" -U ./path
	clock 150
	clock_passed
	is_running client
	touch room
	succeed server
	finish client 1
	holds client.err 'sockcat: connect to ./path (unix) failed:'\
' Connection refused\n'
}

# --- what a limit is not for --------------------------------------------------

# clock MS and clock_passed: what is not to have ended when this limit, which
# began no earlier than its own, has passed.
clock() {
	start clock "$SOCKCAT" -l --accept-timeout "$1"ms 127.0.0.1 0
}

clock_passed() {
	finish clock 4
}

@test "-w is no limit for a client to come" {
	listen_on server -w 100ms -d 127.0.0.1 0
	clock 150
	clock_passed
	is_running server
	serve_sent client send:hello touch:sent close
	succeed server client
	holds server.out hello
}

@test "no limit but that which was asked for cuts a late answer" {
	local i options=('' '-q -1' '-q -0.1' '-q 60' '-w 60' '--deadline 60'
		'--idle-timeout 60' '--connect-timeout 300ms')

	for i in "${!options[@]}"; do
		peer_listen server-"$i" listen:127.0.0.1:0 accept expect-eof \
			touch:asked-"$i" wait-file:go send:late close
		# shellcheck disable=SC2086 # they are words
		start client-"$i" "$SOCKCAT" ${options[i]} "$ADDRESS" "$PORT"
	done
	for i in "${!options[@]}"; do
		within "$BOUND" test -e asked-"$i"
	done
	clock 400
	clock_passed
	touch go
	for i in "${!options[@]}"; do
		echo "sockcat ${options[i]}"
		succeed client-"$i" server-"$i"
		holds client-"$i".out late
	done
}

# put_off NAME SINCE: it ended no sooner than its limit of 5 s after then.
put_off() {
	finish "$1" 4
	echo "$1 began at $(<"$1.start") and took $(<"$1.ms") ms, not since $2"
	(($(<"$1.start") + $(<"$1.ms") - $2 >= 5000 - CLOCK))
}

@test "a byte that moves either way puts an idle limit off" {
	local since

	mkfifo in
	exec 7<>in
	peer_listen server listen:127.0.0.1:0 accept touch:first \
		accept wait-file:go send:x wait-file:over
	# shellcheck disable=SC2094 # a FIFO
	start up timed "$SOCKCAT" -w 5 "$ADDRESS" "$PORT" <in
	within "$BOUND" test -e first
	start down timed "$SOCKCAT" --idle-timeout 5 "$ADDRESS" "$PORT"
	clock 150
	clock_passed
	since=$(uptime_ms)
	touch go
	echo >&7
	put_off up "$since"
	put_off down "$since"
	holds down.out x
	touch over
	succeed server
}

# --- stopped and continued ----------------------------------------------------

# The limit of those that are stopped, and a clock that is sure to be behind
# it: each is to be stopped before it has passed, on a slow machine as well.
LIMIT=5
LIMIT_PASSED=5100

# go_on NAME...
go_on() {
	local name

	for name; do
		signal "$name" CONT
	done
}

# to_port PORT CONDITION: it holds, in awk, for a socket of /proc/net/tcp that
# has this peer; 4 is its state, and 5 what is left to be sent and read.
to_port() {
	awk -v "to=0100007F:$(printf %04X "$1")" "
		\$3 == to && $2 { found = 1 }
		END { exit !found }" /proc/net/tcp
}

is_connecting() {
	to_port "$1" "\$4 == \"02\""
}

has_sent_all() {
	to_port "$1" "\$4 == \"01\" && \$5 ~ /^00000000:/"
}

# stopped_sender NAME: it sends 16,000,000 bytes to a peer that takes the rest
# when the file "go" is there, and is stopped when that takes no more.
stopped_sender() {
	peer_listen server-"$1" rcvbuf:4096 listen:127.0.0.1:0 accept \
		expect-bytes:65536 touch:begun-"$1" wait-file:go \
		expect-bytes:15934464 expect-eof close
	start "$1" "$SOCKCAT" -w "$LIMIT" --idle-timeout "$LIMIT" \
		"$ADDRESS" "$PORT"
	within "$BOUND" test -e begun-"$1"
	suspend "$1"
	PORTS+=("$PORT")
}

# stopped_receiver NAME COMMAND...: what is sent to it, 16,000,000 bytes, goes
# on when the file "go" is there.  It is not yet stopped.
stopped_receiver() {
	local name=$1
	shift

	peer_listen server-"$name" listen:127.0.0.1:0 accept \
		send-bytes:3000000 touch:begun-"$name" wait-file:go \
		send-bytes:100000 touch:more-"$name" send-bytes:12900000 close
	start "$name" "$@" -w "$LIMIT" --idle-timeout "$LIMIT" \
		"$ADDRESS" "$PORT"
}

# When it goes on there is something to move for each, and its limit is over.
@test "one that is stopped in mid-transfer loses nothing and does not end" {
	local port PORTS=()

	bytes 16000000 all
	stopped_sender file <all
	stopped_sender pipe < <("$PEER" print-bytes:16000000)
	stopped_receiver to-file "$SOCKCAT"
	within "$BOUND" test -e begun-to-file
	suspend to-file
	mkfifo out
	exec 7<>out
	start reader page_reader <out
	stopped_receiver to-pipe to out "$SOCKCAT"
	within "$BOUND" has_size reader.out 4096
	suspend to-pipe

	touch go
	for port in "${PORTS[@]}"; do
		within "$BOUND" has_sent_all "$port"
	done
	within "$BOUND" test -e more-to-file
	within "$BOUND" is_drained 7
	clock "$LIMIT_PASSED"
	clock_passed
	exec 7>&-
	go_on file pipe to-file to-pipe
	succeed file server-file pipe server-pipe
	succeed to-file server-to-file to-pipe server-to-pipe reader
	same_bytes all to-file.out
	same_bytes all reader.out
}

@test "datagrams that come while it is stopped are not lost" {
	local n steps=()

	for n in {1..20}; do
		steps+=("send-bytes:$((50 * n))")
	done
	bytes 11500 expected
	mkfifo in
	exec 7<>in
	listen_on server -u -W 21 --idle-timeout "$LIMIT" 127.0.0.1 0 <in
	peer client connect:udp:"$ADDRESS:$PORT" send-bytes:1000 \
		wait-file:go "${steps[@]}" touch:sent expect:'one\ntwo\n'
	within "$BOUND" has_size server.out 1000
	suspend server
	touch go
	within "$BOUND" test -e sent
	printf 'one\n' >&7
	printf 'two\n' >&7
	clock "$LIMIT_PASSED"
	clock_passed
	go_on server
	succeed client server
	same_bytes expected server.out
}

# The limits of the first two only say how long to wait for an answer.
@test "an answer that came while it was stopped is written" {
	local i options=("-q $LIMIT" "-w $LIMIT" "--idle-timeout $LIMIT"
		"-u -q $LIMIT -W 1" "-u -w $LIMIT -W 1")

	for i in "${!options[@]}"; do
		if [[ ${options[i]} == -u* ]]; then
			peer_listen server-"$i" listen:udp:127.0.0.1:0 accept \
				expect:hello touch:asked-"$i" wait-file:go \
				send:answer touch:answered-"$i"
		else
			peer_listen server-"$i" listen:127.0.0.1:0 accept \
				expect:hello expect-eof touch:asked-"$i" \
				wait-file:go send:answer touch:answered-"$i" \
				close
		fi
		# shellcheck disable=SC2086 # they are words
		start client-"$i" "$SOCKCAT" ${options[i]} "$ADDRESS" "$PORT" \
			< <(printf hello)
		within "$BOUND" test -e asked-"$i"
		suspend client-"$i"
	done
	touch go
	for i in "${!options[@]}"; do
		within "$BOUND" test -e answered-"$i"
	done
	clock "$LIMIT_PASSED"
	clock_passed
	for i in "${!options[@]}"; do
		go_on client-"$i"
	done
	for i in "${!options[@]}"; do
		echo "sockcat ${options[i]}"
		succeed client-"$i" server-"$i"
		holds client-"$i".out answer
	done
}

@test "who was reached, or came, while it was stopped is served" {
	peer_listen server backlog:0 listen:127.0.0.1:0 wait-file:go accept \
		accept touch:reached expect-eof send:late close
	peer first connect:"$ADDRESS:$PORT" touch:full expect-eof
	within "$BOUND" test -e full
	start client "$SOCKCAT" -w "$LIMIT" "$ADDRESS" "$PORT"
	within "$BOUND" is_connecting "$PORT"
	suspend client
	listen_on listener --accept-timeout "$LIMIT" 127.0.0.1 0
	suspend listener
	peer comer connect:"$ADDRESS:$PORT" send:early expect-eof close
	touch go
	within "$BOUND" test -e reached
	clock "$LIMIT_PASSED"
	clock_passed
	go_on client listener
	succeed client server first listener comer
	holds client.out late
	holds listener.out early
}

# stopped_briefly NAME...: and whether all have ended.
stopped_briefly() {
	local name ended=true

	for name; do
		has_ended "$name" || ended=false
		signal "$name" STOP
	done
	read -rt 0.003 -u 9 || true
	go_on "$@"
	read -rt 0.003 -u 9 || true
	"$ended"
}

@test "to be stopped again and again changes nothing" {
	bytes 40000000 all
	mkfifo out
	start reader cat out
	start_announced server to out "$SOCKCAT" -l \
		--announce server.announce 127.0.0.1 0 <all
	start client "$SOCKCAT" "$ADDRESS" "$PORT" \
		< <("$PEER" print-bytes:40000000)
	within "$BOUND" stopped_briefly client server
	succeed client server reader
	same_bytes all client.out
	same_bytes all reader.out
}
