#!/usr/bin/env bats
# sockcat and the other netcats over TCP, each as the other's client and server.

load common

setup() {
	conversation_setup
}

# serves MOMENTS HOST COMMAND...: sockcat is the client of this listener.
serves() {
	local moments=$1 host=$2 moment
	shift 2

	for moment in $moments; do
		speakers "$moment"
		start theirs "$@" <theirs.fifo
		until_bound theirs tcp
		start ours "$SOCKCAT" "$host" "$PORT" <ours.fifo
		conversation "$moment"
	done
}

# connects MOMENTS HOST COMMAND...: sockcat listens for this client, on PORT.
connects() {
	local moments=$1 host=$2 moment
	shift 2

	for moment in $moments; do
		speakers "$moment"
		listen_on ours "$host" 0 <ours.fifo
		start theirs "${@/PORT/$PORT}" <theirs.fifo
		conversation "$moment"
	done
}

# FIN_WAIT2: the other side's system has acknowledged the end.
has_told_the_end() {
	local -
	set +T
	local state inode sockets

	sockets=$(sockets_of "$1")
	while read -r _ _ _ state _ _ _ _ _ inode _; do
		if [[ $state == 05 && $sockets == *"[$inode]"* ]]; then
			return
		fi
	done < <(cat /proc/net/tcp /proc/net/tcp6)
	return 1
}

# --- OpenBSD's nc -------------------------------------------------------------

@test "a listener of OpenBSD's nc gets all and gives all" {
	requires nc.openbsd
	serves "$LEAVES" 127.0.0.1 nc.openbsd -N -l 127.0.0.1 0
}

@test "a listener of OpenBSD's nc gets all and gives all over IPv6" {
	requires nc.openbsd
	requires_ipv6
	serves "$LEAVES" ::1 nc.openbsd -N -l ::1 0
}

@test "a client of OpenBSD's nc gets all and gives all, whoever ends first" {
	requires nc.openbsd
	connects "$STAYS" 127.0.0.1 nc.openbsd -N 127.0.0.1 PORT
}

@test "a client of OpenBSD's nc gets all and gives all over IPv6" {
	requires nc.openbsd
	requires_ipv6
	connects "$STAYS" ::1 nc.openbsd -N ::1 PORT
}

# --- the traditional nc -------------------------------------------------------

@test "a listener of the traditional nc gets all and gives all" {
	requires nc.traditional
	serves "$LEAVES" 127.0.0.1 nc.traditional -q 60 -l -s 127.0.0.1
}

@test "a client of the traditional nc gets all and gives all" {
	requires nc.traditional
	connects "$LEAVES" 127.0.0.1 nc.traditional -q 60 127.0.0.1 PORT
}

# --- ncat ---------------------------------------------------------------------

@test "a listener of ncat gets all and gives all" {
	requires ncat
	serves "$LEAVES" 127.0.0.1 ncat -l 127.0.0.1 0
}

@test "a listener of ncat gets all and gives all over IPv6" {
	requires ncat
	requires_ipv6
	serves "$LEAVES" ::1 ncat -l ::1 0
}

@test "a client of ncat gets all and gives all, whoever ends first" {
	requires ncat
	connects "$STAYS" 127.0.0.1 ncat 127.0.0.1 PORT
}

@test "a client of ncat gets all and gives all over IPv6" {
	requires ncat
	requires_ipv6
	connects "$STAYS" ::1 ncat ::1 PORT
}

# --- socat --------------------------------------------------------------------

@test "a listener of socat gets all and gives all, whoever ends first" {
	requires socat
	serves "$STAYS" 127.0.0.1 socat -t 60 TCP4-LISTEN:0,bind=127.0.0.1 -
}

@test "a listener of socat gets all and gives all over IPv6" {
	requires socat
	requires_ipv6
	serves "$STAYS" ::1 socat -t 60 'TCP6-LISTEN:0,bind=[::1]' -
}

@test "a client of socat gets all and gives all, whoever ends first" {
	requires socat
	connects "$STAYS" 127.0.0.1 socat -t 60 - TCP4:127.0.0.1:PORT
}

@test "a client of socat gets all and gives all over IPv6" {
	requires socat
	requires_ipv6
	connects "$STAYS" ::1 socat -t 60 - 'TCP6:[::1]:PORT'
}

# --- BusyBox ------------------------------------------------------------------

@test "a listener of BusyBox's nc gets all and gives all" {
	requires busybox
	serves "$LEAVES" 127.0.0.1 busybox nc -l -p 0
}

@test "a listener of BusyBox's nc gets all and gives all over IPv6" {
	requires busybox
	requires_ipv6
	serves "$LEAVES" ::1 busybox nc -l -p 0
}

@test "a client of BusyBox's nc gets all and gives all" {
	requires busybox
	connects "$LEAVES" 127.0.0.1 busybox nc 127.0.0.1 PORT
}

@test "a client of BusyBox's nc gets all and gives all over IPv6" {
	requires busybox
	requires_ipv6
	connects "$LEAVES" ::1 busybox nc ::1 PORT
}
