#!/usr/bin/env bats
# sockcat and the other netcats, each as the other's client and server.

load lib/helpers

setup() {
	helpers_setup
	bytes 1048576 up
	tac -s '' up >down
	mkfifo held
}

# Other netcats leave, with their work undone, when they are told the end of
# data.  So sockcat's end comes last, and what it sends comes either at the
# same time as what it receives, or after the other's end of data.
moments=('at once' 'afterwards')

# serves COMMAND...: sockcat is the client of this listener.
serves() {
	local moment

	for moment in "${moments[@]}"; do
		echo "$moment"
		exec 7<>held
		start server "$@" <down
		within "$BOUND" listens server
		start client "$SOCKCAT" 127.0.0.1 "$PORT" <held
		if [ "$moment" = afterwards ]; then
			within "$BOUND" has_come client.out
		fi
		start feeder to held cat up
		end_with client server
	done
}

# connects COMMAND...: sockcat listens for this client on PORT.
connects() {
	local moment

	for moment in "${moments[@]}"; do
		echo "$moment"
		exec 7<>held
		listen_on server 127.0.0.1 0 <held
		start client "${@/PORT/$PORT}" <up
		if [ "$moment" = afterwards ]; then
			within "$BOUND" has_come server.out
		fi
		start feeder to held cat down
		end_with server client
	done
}

# end_with OURS THEIRS: once all has come, sockcat's stdin ends.
end_with() {
	within "$BOUND" has_come server.out
	within "$BOUND" has_come client.out
	finish feeder 0
	exec 7>&-
	succeed "$1"
	finish "$2" 0
	same_bytes up server.out
	same_bytes down client.out
}

has_come() {
	[ "$(wc -c <"$1")" -eq 1048576 ]
}

# Whether a process has a TCP socket to connect to; sets PORT.
listens() {
	local sockets address state inode

	sockets=$(readlink "/proc/${PIDS[$1]}/fd/"* 2>/dev/null) || true
	while read -r _ address _ state _ _ _ _ _ inode _; do
		if [[ $state == 0A && $sockets == *"socket:[$inode]"* ]]; then
			PORT=$((16#${address##*:}))
			return
		fi
	done < <(cat /proc/net/tcp /proc/net/tcp6)
	return 1
}

@test "a listener of OpenBSD's nc gets all and gives all" {
	requires nc.openbsd
	serves nc.openbsd -N -l 127.0.0.1 0
}

@test "a client of OpenBSD's nc gets all and gives all" {
	requires nc.openbsd
	connects nc.openbsd -N 127.0.0.1 PORT
}

@test "a listener of the traditional nc gets all and gives all" {
	requires nc.traditional
	serves nc.traditional -q 60 -l -s 127.0.0.1
}

@test "a client of the traditional nc gets all and gives all" {
	requires nc.traditional
	connects nc.traditional -q 60 127.0.0.1 PORT
}

@test "a listener of ncat gets all and gives all" {
	requires ncat
	serves ncat -l 127.0.0.1 0
}

@test "a client of ncat gets all and gives all" {
	requires ncat
	connects ncat 127.0.0.1 PORT
}

@test "a listener of socat gets all and gives all" {
	requires socat
	serves socat -t 60 TCP4-LISTEN:0,bind=127.0.0.1 -
}

@test "a client of socat gets all and gives all" {
	requires socat
	connects socat -t 60 - TCP4:127.0.0.1:PORT
}

@test "a listener of BusyBox's nc gets all and gives all" {
	requires busybox
	serves busybox nc -l -p 0
}

@test "a client of BusyBox's nc gets all and gives all" {
	requires busybox
	connects busybox nc 127.0.0.1 PORT
}
