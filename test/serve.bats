#!/usr/bin/env bats
# Many clients of one listener, at once: -k.

# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # run and load set them
load lib/helpers

# --- before a COMMAND ---------------------------------------------------------

# As a shell in a terminal starts it.
with_signals() {
	exec env --default-signal=INT,HUP,PIPE "$@"
}

with_descriptors() {
	ulimit -n "$1"
	shift
	exec_command "$@"
}

# Its stdout is descriptor 6, which is nobody else's.
onto_6() {
	exec >&6 6>&-
	exec_command "$@"
}

# --- looking at a listener ----------------------------------------------------

# children_of PID: sets CHILDREN.
children_of() {
	read -ra CHILDREN <"/proc/$1/task/$1/children" || true
}

# serves NAME N: it has so many children, zombies among them.
serves() {
	children_of "${PIDS[$1]}"
	((${#CHILDREN[@]} == $2))
}

# ends NAME: a listener that has served all is ended, and has said nothing.
ends() {
	within "$BOUND" serves "$1" 0
	signal "$1" TERM
	finish "$1" 143
	holds "$1.err" ''
}

# sleeps PID
sleeps() {
	local state

	read -r _ _ state _ <"/proc/$1/stat"
	[[ $state == S ]]
}

# queue_is N: so many clients wait at 127.0.0.1 PORT to be let in.
queue_is() {
	local address state queues wanted

	printf -v wanted '0100007F:%04X' "$PORT"
	while read -r _ address _ state queues _; do
		if [[ $state == 0A && $address == "$wanted" ]]; then
			((16#${queues#*:} == $1))
			return
		fi
	done </proc/net/tcp
	return 1
}

# pauses NAME N: it sleeps while so many clients wait.
pauses() {
	queue_is "$2" && sleeps "${PIDS[$1]}" && queue_is "$2"
}

# ticks_of NAME: prints the processor time that it has used, in 1/100 s.
ticks_of() {
	local fields

	read -ra fields <"/proc/${PIDS[$1]}/stat"
	echo $((fields[13] + fields[14]))
}

# resident_of NAME: prints the KiB that it has in memory.
resident_of() {
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/${PIDS[$1]}/status"
}

descriptors_of() {
	find "/proc/${PIDS[$1]}/fd" -type l -printf '%f %l\n' | sort
}

# A listener that a failed test leaves is killed, and cannot end its children.
teardown() {
	if [[ -n ${PIDS[server]:-} ]] && is_running server; then
		children_of "${PIDS[server]}"
		((${#CHILDREN[@]} == 0)) || kill -s KILL "${CHILDREN[@]}"
	fi
	helpers_teardown
}

# --- clients ------------------------------------------------------------------

# target: prints where the peer connects to.
target() {
	[[ -n $PORT ]] && echo "$ADDRESS:$PORT" || echo "unix:$ADDRESS"
}

# idle NAME: a client that says NAME, and nothing more until there is a file
# "over".
idle() {
	peer "$1" connect:"$(target)" send:"$1\n" touch:"$1.there" \
		wait-file:over half-close discard-all
	within "$BOUND" test -e "$1.there"
}

# crowd N STEP...: so many clients at once, each of which says its number; then
# the peer takes the steps, and they all go.
crowd() {
	local i fd

	for ((i = 1; i <= $1; i++)); do
		exec {fd}<>"/dev/tcp/$ADDRESS/$PORT"
		echo "$i" >&"$fd"
	done
	shift
	"$PEER" timeout:"$BOUND" "$@"
}

# visits N: so many clients one after another, each of which prints a line that
# it gets.
visits() {
	local i fd line again=0

	for ((i = 1; i <= $1; i++)); do
		exec {fd}<>"/dev/tcp/$ADDRESS/$PORT"
		# Who had the pipe may have taken more than a second to leave.
		until read -rt 5 -u "$fd" line; do
			((++again <= 3))
			exec {fd}>&- {fd}<>"/dev/tcp/$ADDRESS/$PORT"
		done
		echo "$line"
		exec {fd}>&-
	done
}

# lines_are FILE LINE...: it holds just these, in whatever order.
lines_are() {
	local file=$1
	shift

	[[ $(LC_ALL=C sort "$file") == "$(printf '%s\n' "$@" | LC_ALL=C sort)" ]]
}

until_lines_are() {
	within "$BOUND" lines_are "$@" || holds "$1" "${*:2}"
}

# --- at once ------------------------------------------------------------------

@test "a client that is idle does not hold up the next" {
	mkfifo in
	exec 7<>in
	listen_on server -k 127.0.0.1 0 <in
	idle first
	until_holds server.out 'first\n'
	peer second connect:"$ADDRESS:$PORT" send:'second\n' half-close close
	succeed second
	until_holds server.out 'first\nsecond\n'
	is_running first
	touch over
	succeed first
	ends server
}

@test "a client that reads nothing does not hold up the next" {
	bytes 20000000 data
	listen_on server -k 127.0.0.1 0 <data
	peer first rcvbuf:4096 connect:"$ADDRESS:$PORT" touch:there \
		wait-file:over reset
	within "$BOUND" test -e there
	peer second connect:"$ADDRESS:$PORT" expect-bytes:20000000 expect-eof \
		close
	succeed second
	is_running first
	touch over
	succeed first
	within "$BOUND" serves server 0
	signal server TERM
	finish server 143
	[[ $(<server.err) == "sockcat: connection to 127.0.0.1 port "*" lost: "* ]]
}

@test "clients are served at once, whichever ends first" {
	local i expected=

	listen_on server -d -k 127.0.0.1 0
	for i in {1..8}; do
		peer "client$i" connect:"$ADDRESS:$PORT" touch:there"$i" \
			wait-file:go"$i" send:"$i" half-close close
		within "$BOUND" test -e there"$i"
	done
	within "$BOUND" serves server 8
	for i in 5 8 1 7 3 2 6 4; do
		expected+=$i
		touch go"$i"
		succeed "client$i"
		until_holds server.out "$expected"
	done
	ends server
}

@test "sockcat, ncat and socat are served together" {
	requires ncat socat
	bytes 300000 data
	listen_on server -k 127.0.0.1 0 <data
	idle peer
	start sockcat "$SOCKCAT" "$ADDRESS" "$PORT" < <(echo sockcat)
	start ncat ncat "$ADDRESS" "$PORT" < <(echo ncat)
	start socat socat -t "$BOUND" - "TCP:$ADDRESS:$PORT" < <(echo socat)
	succeed sockcat ncat socat
	is_running peer
	touch over
	succeed peer
	same_bytes data sockcat.out
	same_bytes data ncat.out
	same_bytes data socat.out
	until_lines_are server.out sockcat ncat socat peer
	ends server
}

@test "clients of a Unix socket are served at once" {
	local name

	for name in path "@serve.$$.$BATS_TEST_NUMBER"; do
		rm -f over ./*.there
		listen_on server -d -k -U "$name"
		idle first
		idle second
		until_lines_are server.out first second
		run_sockcat -U "$name" <<<third
		[ "$status" -eq 0 ]
		[ "$output" = '' ]
		[ "$stderr" = '' ]
		until_lines_are server.out first second third
		[[ $name == @* || -S $name ]]
		touch over
		succeed first second
		ends server
		[ ! -e "$name" ]
	done
}

@test "datagrams of all senders are one conversation, with the last" {
	mkfifo in
	exec 7<>in
	listen_on server -u -k 127.0.0.1 0 <in
	peer first connect:"udp:$ADDRESS:$PORT" send:'1\n' wait-file:over \
		expect-silence
	until_holds server.out '1\n'
	peer second connect:"udp:$ADDRESS:$PORT" send:'2\n' expect:'answer\n'
	until_holds server.out '1\n2\n'
	serves server 0
	echo answer >&7
	succeed second
	touch over
	succeed first
	ends server
}

# --- how many -----------------------------------------------------------------

@test "--max-conns clients are let in, and the next waits for one to end" {
	listen_on server -d -k --max-conns 2 127.0.0.1 0
	idle first
	peer second connect:"$ADDRESS:$PORT" send:'second\n' touch:there \
		wait-file:end send:'gone\n' close
	until_lines_are server.out first second
	peer third connect:"$ADDRESS:$PORT" send:'third\n' touch:queued \
		wait-file:over close
	within "$BOUND" test -e queued
	within "$BOUND" pauses server 1
	serves server 2
	lines_are server.out first second
	touch end
	succeed second
	until_lines_are server.out first second gone third
	[ "$(tail -n 1 server.out)" = third ]
	within "$BOUND" pauses server 0
	touch over
	succeed first third
	ends server
}

@test "with --max-conns 1 clients take turns" {
	local i

	listen_on server -d -k --max-conns 1 127.0.0.1 0
	peer first connect:"$ADDRESS:$PORT" send:1 touch:there wait-file:go \
		send:1 close
	until_holds server.out 1
	for i in 2 3 4; do
		peer "client$i" connect:"$ADDRESS:$PORT" send:"$i" \
			touch:came"$i" close
		within "$BOUND" test -e came"$i"
		within "$BOUND" queue_is $((i - 1))
	done
	within "$BOUND" pauses server 3
	touch go
	succeed first client2 client3 client4
	until_holds server.out 11234
	ends server
}

@test "a hundred clients are let in, and the next waits for one to end" {
	listen_on server -d -k 127.0.0.1 0
	start crowd crowd 100 touch:there wait-file:over
	within "$BOUND" test -e there
	within "$BOUND" serves server 100
	peer next connect:"$ADDRESS:$PORT" send:'next\n' touch:queued close
	within "$BOUND" test -e queued
	within "$BOUND" pauses server 1
	touch over
	succeed crowd next
	until_lines_are server.out {1..100} next
	ends server
}

@test "--max-conns is a number of clients" {
	local bad

	for bad in 0 65537 -1 1.5 x ''; do
		run_sockcat -l -k --max-conns "$bad" 127.0.0.1 0
		[ "$status" -eq 2 ]
		[ "$output" = '' ]
		[ "$stderr" = "sockcat: --max-conns: '$bad' is not a number\
 from 1 to 65536
Try 'sockcat --help'." ]
	done
	listen_on server -d -k --max-conns 65536 127.0.0.1 0
	run_sockcat "$ADDRESS" "$PORT" <<<hello
	[ "$status" -eq 0 ]
	until_holds server.out 'hello\n'
	ends server
}

# --- what runs short ----------------------------------------------------------

@test "with 16 descriptors 60 clients are served at once" {
	local before after

	bytes 300000 data
	start_announced server with_descriptors 16 "$SOCKCAT" -l -k \
		--announce server.announce 127.0.0.1 0 <data
	start crowd crowd 60 touch:there wait-file:over
	within "$BOUND" test -e there
	until_lines_are server.out {1..60}
	within "$BOUND" serves server 60
	before=$(ticks_of server)
	run_sockcat "$ADDRESS" "$PORT"
	[ "$status" -eq 0 ]
	[ "${#output}" -gt 0 ]
	after=$(ticks_of server)
	echo "$before ticks, then $after"
	((after - before <= 20))
	touch over
	succeed crowd
	within "$BOUND" serves server 0
	signal server TERM
	finish server 143
}

@test "without a descriptor for a client it waits and does not spin" {
	local before after

	requires prlimit
	listen_on server -d -k 127.0.0.1 0
	prlimit --pid "${PIDS[server]}" --nofile=4:1024
	peer client connect:"$ADDRESS:$PORT" send:'client\n' touch:there \
		wait-file:go close
	within "$BOUND" test -e there
	before=$(ticks_of server)
	# Meanwhile another gives up.
	run "$PEER" timeout:1 connect:"$ADDRESS:$PORT" expect:never
	[ "$status" -eq 1 ]
	after=$(ticks_of server)
	queue_is 2
	serves server 0
	echo "$before ticks, then $after"
	((after - before <= 8))
	holds server.out ''
	prlimit --pid "${PIDS[server]}" --nofile=1024:1024
	until_holds server.out 'client\n'
	touch go
	succeed client
	ends server
}

# accepts_after FAULT COUNT: a client is served although accept has failed so
# many times before.
accepts_after() {
	local fault=$1 count=$2

	start_announced server strace -qq -ttt -o trace -e trace=accept4 \
		-e inject=accept4:error="$fault":when=1.."$count" \
		"$SOCKCAT" -l -k --announce server.announce 127.0.0.1 0
	peer client connect:"$ADDRESS:$PORT" send:hello half-close expect-eof \
		close
	succeed client
	until_holds server.out hello
	serves server 1
	kill -s TERM "${CHILDREN[0]}"
	finish server 143
	holds server.err ''
	cat trace
	[ "$(grep -c INJECTED trace)" -eq "$count" ]
}

@test "a client that gave up before it was accepted is passed over" {
	local fault

	requires strace
	requires_plain_build
	requires_feature accept4
	for fault in ECONNABORTED EPROTO EPERM ENETDOWN EAGAIN EINTR; do
		echo "$fault"
		accepts_after "$fault" 3
	done
}

@test "what accept needs and does not get is waited for" {
	local fault

	requires strace
	requires_plain_build
	requires_feature accept4
	for fault in EMFILE ENFILE ENOBUFS ENOMEM; do
		echo "$fault"
		accepts_after "$fault" 3
		# Between two tries there is a pause.
		awk '/accept4/ { if (last && $1 - last < 0.09) bad = 1
			last = $1 } END { exit bad }' trace
	done
}

@test "a listener that can accept nobody ever says so and is exit 7" {
	requires strace
	requires_plain_build
	requires_feature accept4
	start_announced server strace -qq -o trace -e trace=accept4 \
		-e inject=accept4:error=EOPNOTSUPP \
		"$SOCKCAT" -l -k --announce server.announce 127.0.0.1 0
	peer client connect:"$ADDRESS:$PORT"
	finish server 7
	[[ $(<server.err) == "sockcat: accept on 127.0.0.1 port $PORT (tcp)\
 failed: "* ]]
	[ "$(wc -l <server.err)" -eq 1 ]
	# It was connected, or was reset before it looked.
	finish client
}

@test "a client for whom there is no process is told of, and the next served" {
	requires_native 'it makes a thread first'
	requires strace
	requires_plain_build
	start_announced server strace -qq -o trace -e trace=clone,fork,clone3 \
		-e inject=clone,fork,clone3:error=EAGAIN:when=1 \
		"$SOCKCAT" -l -k --announce server.announce 127.0.0.1 0
	peer first connect:"$ADDRESS:$PORT" expect-eof
	succeed first
	grep -q INJECTED trace
	peer second connect:"$ADDRESS:$PORT" send:hello half-close expect-eof
	succeed second
	until_holds server.out hello
	serves server 1
	kill -s TERM "${CHILDREN[0]}"
	finish server 143
	[[ $(<server.err) == 'sockcat: serve 127.0.0.1 '*': '* ]]
	[ "$(wc -l <server.err)" -eq 1 ]
}

@test "after 200 clients a listener is as after 10, and small" {
	requires_native 'the memory is its own'
	local descriptors resident

	requires_plain_build
	echo line >line
	listen_on server -k 127.0.0.1 0 <line
	start some visits 10
	succeed some
	within "$BOUND" serves server 0
	descriptors=$(descriptors_of server)
	resident=$(resident_of server)
	start many visits 190
	succeed many
	within "$BOUND" serves server 0
	[ "$(sort some.out many.out | uniq -c)" = '    200 line' ]
	echo "$resident KiB, then $(resident_of server)"
	[ "$(descriptors_of server)" = "$descriptors" ]
	[ "$(resident_of server)" -le $((resident + 64)) ]
	[ "$(memory_of server)" -le 2560 ]
	ends server
}

# --- how it ends --------------------------------------------------------------

@test "a signal ends the clients' processes too, and removes what was made" {
	local number

	for signal in TERM INT HUP; do
		echo "$signal"
		rm -f there.*
		start server with_signals "$SOCKCAT" -l -k --announce file \
			-U path </dev/zero
		announced file
		# One takes what it is sent, and one does not.
		peer reader connect:unix:path touch:there.1 discard-all
		peer sleeper connect:unix:path touch:there.2 stall
		within "$BOUND" test -e there.1
		within "$BOUND" test -e there.2
		within "$BOUND" serves server 2
		signal server "$signal"
		finish server $((128 + $(kill -l "$signal")))
		holds server.err ''
		[ ! -e path ]
		[ ! -e file ]
		for number in "${CHILDREN[@]}"; do
			within "$BOUND" has_gone "$number"
		done
		finish reader
		signal sleeper KILL
		finish sleeper 137
	done
}

has_gone() {
	! kill -s 0 "$1" 2>/dev/null
}

@test "a path that is served stays while clients come and go" {
	local i sent=

	listen_on server -d -k -U path
	for i in 1 2 3; do
		peer client connect:unix:path send:"$i" close
		succeed client
		sent+=$i
		until_holds server.out "$sent"
		[ -S path ]
	done
	within "$BOUND" serves server 0
	[ -S path ]
	ends server
	[ ! -e path ]
}

@test "--accept-timeout counts while nobody is served" {
	listen_after begin server -d -k --accept-timeout 0.5
	idle client
	touch begin
	until_holds server.out 'client\n'
	# One that nobody comes to has ended, and this one has not.
	run_sockcat -l -k --accept-timeout 0.6 127.0.0.1 0
	[ "$status" -eq 4 ]
	[ "$output" = '' ]
	[[ $stderr == 'sockcat: no client on 127.0.0.1 port '* ]]
	is_running server
	touch over
	succeed client
	finish server 4
	holds server.err "sockcat: no client on 127.0.0.1 port $PORT (tcp):\
 time limit passed\n"
}

@test "stdout that is full ends the service with 7" {
	start_announced server to /dev/full "$SOCKCAT" -l -k -d \
		--announce server.announce 127.0.0.1 0
	peer other connect:"$ADDRESS:$PORT" touch:there expect-eof
	within "$BOUND" test -e there
	within "$BOUND" serves server 1
	peer client connect:"$ADDRESS:$PORT" send:hello half-close expect-eof
	finish server 7
	holds server.err 'sockcat: write to stdout: No space left on device\n'
	succeed client other
}

@test "a stdin that cannot be read ends the service with 7" {
	listen_on server -k 127.0.0.1 0 <.
	peer client connect:"$ADDRESS:$PORT" half-close expect-eof
	finish server 7
	holds server.err 'sockcat: read from stdin: Is a directory\n'
	succeed client
}

@test "when stdout's reader has gone the service dies of SIGPIPE" {
	start_announced server pipeline 'head -n 1' with_signals "$SOCKCAT" \
		-l -k -d --announce server.announce 127.0.0.1 0
	peer other connect:"$ADDRESS:$PORT" touch:there expect-eof
	within "$BOUND" test -e there
	peer client connect:"$ADDRESS:$PORT" send:'one\n' expect-eof
	finish server 141
	holds server.out 'one\n'
	holds server.err ''
	succeed client other
}

@test "a service that writes nothing does not end with its reader" {
	echo page >page
	start_announced server pipeline true "$SOCKCAT" -l -k --send-only \
		--announce server.announce 127.0.0.1 0 <page
	peer client connect:"$ADDRESS:$PORT" send:'not wanted' expect:'page\n' \
		expect-eof
	succeed client
	children_of "${PIDS[server]}"
	kill "${CHILDREN[@]}"
	finish server 143
	holds server.err ''
}

@test "where SIGPIPE is ignored a reader that has gone is exit 7" {
	start_announced server pipeline true env --ignore-signal=PIPE \
		"$SOCKCAT" -l -k -d --announce server.announce 127.0.0.1 0
	finish server 7
	holds server.err 'sockcat: write to stdout: Broken pipe\n'
}

# --- limits are each client's -------------------------------------------------

# limited OPTION...: a client is dropped at its limit, and the next one served.
limited() {
	echo "$*"
	listen_on server -d -k --max-conns 1 "$@" 127.0.0.1 0
	# Both have said what they have to say before a limit begins.
	rm -f said.*
	suspend server
	peer client connect:"$ADDRESS:$PORT" send:1 touch:said.1 expect-eof
	within "$BOUND" test -e said.1
	peer next connect:"$ADDRESS:$PORT" send:'2\n' half-close touch:said.2 \
		expect-eof
	within "$BOUND" test -e said.2
	signal server CONT
	succeed client next
	until_holds server.out '12\n'
	within "$BOUND" serves server 0
	signal server TERM
	finish server 143
}

@test "--deadline and --idle-timeout count for each client" {
	local option

	for option in --deadline --idle-timeout; do
		limited "$option" 0.5
		cat server.err
		[[ $(<server.err) == "sockcat: connection to 127.0.0.1 port "*" (tcp): "* ]]
		[ "$(wc -l <server.err)" -eq 1 ]
	done
}

@test "-w counts for each client" {
	limited -w 0.5
	holds server.err ''
}

@test "-q counts for each client" {
	local i

	bytes 30000 data
	listen_on server -k -q 0.1 127.0.0.1 0 <data
	for i in 1 2; do
		peer "client$i" connect:"$ADDRESS:$PORT" expect-bytes:30000 \
			expect-eof touch:told"$i" wait-file:over
	done
	within "$BOUND" test -e told1
	within "$BOUND" test -e told2
	# The clients are still there.
	within "$BOUND" serves server 0
	touch over
	succeed client1 client2
	ends server
}

# --- clients that misbehave ---------------------------------------------------

@test "clients that reset, vanish or never read take nobody with them" {
	local i

	bytes 5000000 data
	listen_on server -k 127.0.0.1 0 <data
	for i in {1..5}; do
		rm -f there.*
		peer resets connect:"$ADDRESS:$PORT" expect-bytes:1000 reset
		peer vanishes connect:"$ADDRESS:$PORT" touch:there.1 \
			expect-bytes:1000 stall
		peer sleeps rcvbuf:4096 connect:"$ADDRESS:$PORT" \
			touch:there.2 stall
		peer client connect:"$ADDRESS:$PORT" expect-bytes:5000000 \
			expect-eof send:'whole\n' close
		within "$BOUND" test -e there.1
		within "$BOUND" test -e there.2
		signal vanishes KILL
		finish vanishes 137
		succeed resets client
		signal sleeps KILL
		finish sleeps 137
	done
	until_holds server.out 'whole\nwhole\nwhole\nwhole\nwhole\n'
	within "$BOUND" serves server 0
	is_running server
	signal server TERM
	finish server 143
	# Each loss is a line, and there is nothing else.
	run grep -v '^sockcat: connection to 127.0.0.1 port [0-9]* (tcp) lost: ' \
		server.err
	[ "$output" = '' ]
}

@test "no zombie stays" {
	listen_on server -d -k 127.0.0.1 0
	start crowd crowd 30 touch:there wait-file:over
	within "$BOUND" test -e there
	within "$BOUND" serves server 30
	touch over
	succeed crowd
	within "$BOUND" serves server 0
	until_lines_are server.out {1..30}
	ends server
}

@test "processes that somebody else has killed are clients that have gone" {
	local i

	listen_on server -d -k --max-conns 2 127.0.0.1 0
	for i in 1 2 3; do
		peer first connect:"$ADDRESS:$PORT" touch:there expect-eof
		within "$BOUND" test -e there
		within "$BOUND" serves server 1
		kill -s KILL "${CHILDREN[0]}"
		succeed first
		within "$BOUND" serves server 0
		rm there
	done
	run_sockcat "$ADDRESS" "$PORT" <<<hello
	[ "$status" -eq 0 ]
	until_holds server.out 'hello\n'
	ends server
}

# --- stdin --------------------------------------------------------------------

@test "a file on stdin goes whole to every client, at the same time" {
	local i names=()

	bytes 3000000 data
	listen_on server -k 127.0.0.1 0 <data
	for i in {1..6}; do
		names+=("client$i")
		peer "client$i" connect:"$ADDRESS:$PORT" expect-bytes:1000 \
			touch:there"$i" wait-file:go expect-bytes:2999000 \
			expect-eof close
	done
	for i in {1..6}; do
		within "$BOUND" test -e there"$i"
	done
	touch go
	succeed "${names[@]}"
	# And later, and to those who send their end first.
	run_sockcat "$ADDRESS" "$PORT" </dev/null
	[ "$status" -eq 0 ]
	[ "$stderr" = '' ]
	start client "$SOCKCAT" "$ADDRESS" "$PORT"
	succeed client
	same_bytes data client.out
	ends server
}

# serves_rest OPTION...: on descriptor 7 two lines are left, and each client
# gets both.
serves_rest() {
	local i steps=(expect:'two\nthree\n' expect-eof)

	echo "$*"
	listen_on server -k "$@" <&7
	peer first connect:"$(target)" touch:there wait-file:over "${steps[@]}"
	within "$BOUND" test -e there
	for i in 1 2; do
		peer client connect:"$(target)" "${steps[@]}"
		succeed client
	done
	touch over
	succeed first
	ends server
	rm over there
}

@test "a file on stdin goes to every client from where it stands" {
	printf '%s\n' one two three >file
	exec 7<file
	read -ru 7
	[ "$REPLY" = one ]
	serves_rest 127.0.0.1 0
	serves_rest -U path
	# Nor has it moved.
	read -ru 7
	[ "$REPLY" = two ]
}

@test "what is added to a file on stdin goes to the next client" {
	echo one >file
	listen_on server -k 127.0.0.1 0 <file
	peer client connect:"$ADDRESS:$PORT" expect:'one\n' expect-eof
	succeed client
	echo two >>file
	peer client connect:"$ADDRESS:$PORT" expect:'one\ntwo\n' expect-eof
	succeed client
	ends server
}

@test "a browser gets the page" {
	local i

	requires curl
	{
		printf 'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n'
		seq 100000
	} >page.http
	seq 100000 >page
	listen_on server -k 127.0.0.1 0 <page.http
	idle somebody
	for i in 1 2 3; do
		start curl"$i" curl --silent --show-error --fail --noproxy '*' \
			--max-time "$BOUND" "http://$ADDRESS:$PORT/$i"
	done
	for i in 1 2 3; do
		succeed curl"$i"
		same_bytes page curl"$i".out
		within "$BOUND" grep -q "^GET /$i HTTP" server.out
	done
	touch over
	succeed somebody
	ends server
}

@test "a pipe on stdin belongs to one client, and then to the next that comes" {
	mkfifo in
	exec 7<>in
	listen_on server -k 127.0.0.1 0 <in
	peer first connect:"$ADDRESS:$PORT" send:'1\n' expect:'one\n' \
		half-close expect-eof
	until_holds server.out '1\n'
	peer second connect:"$ADDRESS:$PORT" send:'2\n' wait-file:over \
		expect-silence close
	until_holds server.out '1\n2\n'
	echo one >&7
	succeed first
	within "$BOUND" serves server 1
	peer third connect:"$ADDRESS:$PORT" send:'3\n' expect:'three\n' \
		wait-file:over close
	until_holds server.out '1\n2\n3\n'
	echo three >&7
	touch over
	succeed second third
	ends server
}

@test "a client that comes as soon as another has gone has the pipe" {
	mkfifo in
	start feeder to in yes
	listen_on server -k 127.0.0.1 0 <in
	start clients visits 50
	finish clients 0
	[ "$(wc -l <clients.out)" -eq 50 ]
	within "$BOUND" serves server 0
	signal server TERM
	finish server 143
	finish feeder
}

# is_buried PID: it has ended, and its parent knows.
is_buried() {
	! kill -s 0 "$1" 2>/dev/null
}

@test "who comes has the pipe though the process that had it takes its time" {
	local reader began

	mkfifo in
	exec 7<>in
	listen_on server -k 127.0.0.1 0 <in
	echo one >&7
	peer first connect:"$ADDRESS:$PORT" expect:'one\n' touch:there \
		wait-file:go reset
	within "$BOUND" test -e there
	children_of "${PIDS[server]}"
	reader=${CHILDREN[0]}
	kill -s STOP "$reader"
	touch go
	succeed first
	began=$(uptime_ms)
	peer second connect:"$ADDRESS:$PORT" touch:came expect:'two\n' close
	within "$BOUND" test -e came
	# Longer than who has only ended its sending is given.
	run_sockcat -l --accept-timeout 0.4 127.0.0.1 0
	[ "$status" -eq 4 ]
	kill -s CONT "$reader"
	within "$BOUND" is_buried "$reader"
	if (($(uptime_ms) - began >= 1000)); then
		stop second server
		skip "needs a machine that does this in less than a second"
	fi
	echo two >&7
	succeed second
	signal server TERM
	finish server 143
	[[ $(<server.err) == 'sockcat: connection to '*' lost: '* ]]
	exec 7>&-
}

@test "the pipe is handed on though nobody has come for a while" {
	mkfifo in
	exec 7<>in
	listen_on server -k 127.0.0.1 0 <in
	echo one >&7
	peer first connect:"$ADDRESS:$PORT" expect:'one\n' touch:there \
		wait-file:go close
	within "$BOUND" test -e there
	# A while: a limit that passes elsewhere.
	run_sockcat -l --accept-timeout 0.6 127.0.0.1 0
	[ "$status" -eq 4 ]
	touch go
	succeed first
	# Who comes before it has left is kept waiting for a moment alone.
	within "$BOUND" serves server 0
	peer second connect:"$ADDRESS:$PORT" send:'here\n' expect:'two\n' close
	until_holds server.out 'here\n'
	echo two >&7
	succeed second
	ends server
	exec 7>&-
}

@test "a client with a pipe on stdin gets its end, as does each that follows" {
	listen_on server -k 127.0.0.1 0 < <("$PEER" print-bytes:300000)
	peer client connect:"$ADDRESS:$PORT" expect-bytes:300000 expect-eof \
		send:'first\n' close
	succeed client
	until_holds server.out 'first\n'
	within "$BOUND" serves server 0
	peer client connect:"$ADDRESS:$PORT" expect-eof send:'second\n' close
	succeed client
	until_holds server.out 'first\nsecond\n'
	ends server
}

@test "a client whose stdin somebody else has gets no end, but with -N" {
	mkfifo in
	exec 7<>in
	listen_on server -k 127.0.0.1 0 <in
	idle owner
	until_holds server.out 'owner\n'
	peer other connect:"$ADDRESS:$PORT" send:'other\n' touch:there \
		wait-file:over expect-silence close
	until_holds server.out 'owner\nother\n'
	touch over
	succeed owner other
	ends server

	rm over
	listen_on server -k -N 127.0.0.1 0 <in
	idle owner
	until_holds server.out 'owner\n'
	peer other connect:"$ADDRESS:$PORT" expect-eof send:'other\n' close
	succeed other
	until_holds server.out 'owner\nother\n'
	is_running owner
	touch over
	succeed owner
	ends server
}

@test "with -d nobody gets anything, nor an end" {
	bytes 1000 data
	listen_on server -k -d 127.0.0.1 0 <data
	peer client connect:"$ADDRESS:$PORT" send:hello touch:sent \
		wait-file:over expect-silence half-close expect-eof
	until_holds server.out hello
	touch over
	succeed client
	ends server
}

@test "with /dev/null on stdin every client gets the end at once" {
	local i

	listen_on server -k 127.0.0.1 0 </dev/null
	for i in 1 2 3; do
		peer "client$i" connect:"$ADDRESS:$PORT" expect-eof \
			touch:there"$i" wait-file:over send:"$i" close
		within "$BOUND" test -e there"$i"
	done
	serves server 3
	touch over
	succeed client1 client2 client3
	within "$BOUND" serves server 0
	[ "$(fold -w 1 server.out | sort | tr -d '\n')" = 123 ]
	ends server
}

@test "what is typed goes to the client that is there" {
	requires_terminal
	mkfifo typed
	exec 7<>typed
	start terminal env SHELL="$(command -v bash)" script -qec \
		"exec $SOCKCAT -l -k --announce file 127.0.0.1 0" /dev/null \
		<typed
	announced file
	peer client connect:"$ADDRESS:$PORT" send:'1\n' expect:'one\n' close
	within "$BOUND" grep -q 1 terminal.out
	echo one >&7
	succeed client
	peer client connect:"$ADDRESS:$PORT" send:'2\n' expect:'two\n' close
	within "$BOUND" grep -q 2 terminal.out
	echo two >&7
	succeed client
	# What a terminal sends for Ctrl-C.
	printf '\3' >&7
	finish terminal
	[ ! -e file ]
}

# --- stdout -------------------------------------------------------------------

# lines N MAX: makes N clients' lines, "lines.1" and so on, and of all of them
# the sorted "expected".  Their lengths vary up to MAX.
lines() {
	awk -v n="$1" -v max="$2" 'BEGIN {
		for (i = 0; i < max; i++)
			long = long "x"
		for (i = 1; i <= n; i++) {
			for (j = 1; j <= 60; j++)
				print i, j, substr(long, 1,
					(i * 389 + j * 1013) % (max - 10)) \
					>"lines." i
			close("lines." i)
		}
	}'
	LC_ALL=C sort lines.* >expected
}

# sends_lines N: a client that sends its lines one by one, once there is a file
# "go".
sends_lines() {
	local line steps=()

	while IFS= read -r line; do
		steps+=("send:$line\\n")
	done <"lines.$1"
	exec "$PEER" timeout:"$BOUND" connect:"$(target)" touch:there."$1" \
		wait-file:go "${steps[@]}" close
}

# write_lines N: so many clients begin to send theirs; sets WRITERS.
write_lines() {
	local i

	WRITERS=()
	for ((i = 1; i <= $1; i++)); do
		WRITERS+=("client$i")
		start "client$i" sends_lines "$i"
	done
	for ((i = 1; i <= $1; i++)); do
		within "$BOUND" test -e there."$i"
	done
	within "$BOUND" serves server "$1"
	touch go
}

# No line is lost, and none is torn.
all_whole() {
	LC_ALL=C sort "$1" >sorted
	cmp sorted expected || {
		echo "of $(wc -l <expected) lines are not as they were:"
		LC_ALL=C comm -23 sorted expected | cut -c 1-60 | head
		return 1
	}
}

@test "lines that come whole stay whole in a file that all write to" {
	local redirection

	lines 8 4000
	for redirection in '>' '>>'; do
		echo "$redirection"
		rm -f go there.*
		echo before >file
		eval "exec 6$redirection file"
		start_announced server onto_6 "$SOCKCAT" -l -k -d \
			--announce server.announce -U path
		exec 6>&-
		write_lines 8
		succeed "${WRITERS[@]}"
		ends server
		[[ $redirection == '>' ]] || sed -i 1d file
		all_whole file
	done
}

@test "lines that come whole stay whole in a file, over TCP" {
	lines 8 500
	start_announced server to file "$SOCKCAT" -l -k -d \
		--announce server.announce 127.0.0.1 0
	write_lines 8
	succeed "${WRITERS[@]}"
	ends server
	all_whole file
}

@test "lines that come whole stay whole in a pipe, though its reader is slow" {
	lines 8 4000
	mkfifo out
	# shellcheck disable=SC2094 # both ends are meant
	exec 6<>out
	start_announced server onto_6 "$SOCKCAT" -l -k -d \
		--announce server.announce -U path
	exec 7<out 6>&-
	write_lines 8
	# Now the pipe is full, and each of them has more to write.
	within "$BOUND" all_sleep
	start reader cat <&7
	exec 7>&-
	succeed "${WRITERS[@]}"
	within "$BOUND" serves server 0
	signal server TERM
	finish server 143
	holds server.err ''
	succeed reader
	all_whole reader.out
}

all_sleep() {
	local pid

	children_of "${PIDS[server]}"
	for pid in "${CHILDREN[@]}"; do
		sleeps "$pid" || return
	done
}

@test "nothing that clients send is lost, in whatever pieces it comes" {
	local i

	for i in {1..4}; do
		head -c 3000000 /dev/zero | tr '\0' "$i" >data"$i"
	done
	listen_on server -d -k 127.0.0.1 0
	for i in {1..4}; do
		start client"$i" "$SOCKCAT" "$ADDRESS" "$PORT" <data"$i"
	done
	succeed client1 client2 client3 client4
	within "$BOUND" serves server 0
	for i in {1..4}; do
		[ "$(tr -cd "$i" <server.out | wc -c)" -eq 3000000 ]
	done
	[ "$(wc -c <server.out)" -eq 12000000 ]
	ends server
}

@test "what clients send is written in at most PIPE_BUF" {
	local longest

	requires strace
	requires_plain_build
	bytes 1000000 data
	mkfifo out
	start reader cat out
	start_announced server to out strace -qq -f -o trace \
		-e trace=write,writev,splice,sendfile,sendmsg \
		"$SOCKCAT" -l -k -d --announce server.announce 127.0.0.1 0
	peer client connect:"$ADDRESS:$PORT" send-bytes:1000000 half-close \
		expect-eof
	succeed client
	within "$BOUND" same_bytes data reader.out
	serves server 1
	kill -s TERM "${CHILDREN[0]}"
	finish server 143
	succeed reader
	longest=$(sed -n 's/.*write.*= \([0-9]*\)$/\1/p' trace | sort -n |
		tail -n 1)
	echo "$longest bytes"
	[ "$longest" -le "$(getconf PIPE_BUF /)" ]
	[ "$longest" -gt 512 ]
	run grep -E 'splice|sendfile' trace
	[ "$output" = '' ]
}

@test "a line longer than PIPE_BUF arrives as well" {
	local i

	listen_on server -d -k 127.0.0.1 0
	head -c 100000 /dev/zero | tr '\0' x >long
	echo >>long
	start client "$SOCKCAT" "$ADDRESS" "$PORT" <long
	succeed client
	within "$BOUND" same_bytes long server.out
	ends server
}

@test "stdout stays open for the clients that follow" {
	mkfifo out
	start reader cat out
	start_announced server to out "$SOCKCAT" -l -k -d \
		--announce server.announce 127.0.0.1 0
	peer client connect:"$ADDRESS:$PORT" send:1 close
	succeed client
	until_holds reader.out 1
	within "$BOUND" serves server 0
	is_running reader
	peer client connect:"$ADDRESS:$PORT" send:2 close
	succeed client
	until_holds reader.out 12
	ends server
	succeed reader
}
