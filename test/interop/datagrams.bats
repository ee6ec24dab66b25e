#!/usr/bin/env bats
# sockcat and the other netcats with datagrams, over UDP and between Unix
# sockets, each as the other's client and server.

# shellcheck disable=SC2153 # load sets it
load common

# Of datagrams no more may be under way than there is room for.  So each side
# sends a portion and waits until both have come.  sockcat sends lines, one a
# datagram and without its newline: most netcats take no more than 8 KiB.  They
# send what they read, and some all of a portion, which fits into a datagram.
PORTION=57344 LINE=8191

setup() {
	helpers_setup
	bytes $((SIZE - SIZE / (LINE + 1))) plain
	tr '\n' ' ' <plain >came.up
	{ fold -b -w "$LINE" came.up && echo; } >up
	bytes "$SIZE" came.down
	has_size up "$SIZE"
	split -a 3 -d -b "$PORTION" up up.
	split -a 3 -d -b "$PORTION" came.down down.
	mkfifo ours.fifo theirs.fifo
}

# speakers FIRST: who feeds the two; FIRST is who speaks first, and the other
# one when it has been heard.
speakers() {
	local part ours=() theirs=()

	for part in up.???; do
		ours+=("$part" "+go.${part#up.}")
		theirs+=("down.${part#up.}" "+go.${part#up.}")
	done
	if [[ $1 == ours ]]; then
		theirs=(+heard "${theirs[@]}")
	else
		ours=(+heard "${ours[@]}")
	fi
	start ours.speaker speak ours.fifo "${ours[@]}"
	start theirs.speaker speak theirs.fifo "${theirs[@]}"
}

# exchange FIRST: portion after portion.  Of what the other netcat is told,
# a newline a datagram is missing.
exchange() {
	local -
	set +T
	local part size down=0 up=0

	for part in up.???; do
		size=$((SIZE - down < PORTION ? SIZE - down : PORTION))
		down=$((down + size))
		up=$((up + size - size / (LINE + 1)))
		if [[ $part == up.000 ]]; then
			case $1 in
			ours) within "$BOUND" has_size theirs.out "$up" ;;
			theirs) within "$BOUND" has_size ours.out "$down" ;;
			esac
			: >heard
		fi
		within "$BOUND" have_sizes "$down" "$up"
		: >"go.${part#up.}"
	done
}

# have_sizes OURS THEIRS
have_sizes() {
	[ "$(stat -c %s ours.out theirs.out)" = "$1"$'\n'"$2" ]
}

# serves HOST COMMAND...: sockcat is the client of this listener, which
# nothing but a signal ends.
serves() {
	local host=$1
	shift

	speakers ours
	if [[ " $* " == *' PORT '* ]]; then
		serve theirs udp "$@" <theirs.fifo
	else
		start theirs "$@" <theirs.fifo
		until_bound theirs udp
	fi
	start ours "$SOCKCAT" -u --line-datagrams -q 0 "$host" "$PORT" \
		<ours.fifo
	all_come ours
	succeed ours
	dismiss theirs
}

# connects HOST COMMAND...: sockcat listens for this client, on PORT.
connects() {
	local host=$1
	shift

	speakers theirs
	listen_on ours -u --line-datagrams "$host" 0 <ours.fifo
	start theirs "${@/PORT/$PORT}" <theirs.fifo
	all_come theirs
	dismiss theirs
	stop_ours ours
}

# One of them says a newline when it is told to go.
dismiss() {
	stop "$1"
	[[ -z $(<"$1.err") ]]
}

all_come() {
	exchange "$1"
	succeed ours.speaker theirs.speaker
	same_bytes came.up theirs.out
	same_bytes came.down ours.out
}

@test "a UDP listener of OpenBSD's nc gets all and gives all" {
	requires nc.openbsd
	serves 127.0.0.1 nc.openbsd -u -l 127.0.0.1 0
}

@test "a UDP listener of OpenBSD's nc gets all and gives all over IPv6" {
	requires nc.openbsd
	requires_ipv6
	serves ::1 nc.openbsd -u -l ::1 0
}

@test "a UDP client of OpenBSD's nc gets all and gives all" {
	requires nc.openbsd
	connects 127.0.0.1 nc.openbsd -u 127.0.0.1 PORT
}

@test "a UDP client of OpenBSD's nc gets all and gives all over IPv6" {
	requires nc.openbsd
	requires_ipv6
	connects ::1 nc.openbsd -u ::1 PORT
}

@test "a UDP listener of the traditional nc gets all and gives all" {
	requires nc.traditional
	serves 127.0.0.1 nc.traditional -u -l -s 127.0.0.1 -p PORT
}

@test "a UDP client of the traditional nc gets all and gives all" {
	requires nc.traditional
	connects 127.0.0.1 nc.traditional -u 127.0.0.1 PORT
}

@test "a UDP listener of ncat gets all and gives all" {
	requires ncat
	serves 127.0.0.1 ncat -u -l 127.0.0.1 0
}

@test "a UDP listener of ncat gets all and gives all over IPv6" {
	requires ncat
	requires_ipv6
	serves ::1 ncat -u -l ::1 0
}

@test "a UDP client of ncat gets all and gives all" {
	requires ncat
	connects 127.0.0.1 ncat -u 127.0.0.1 PORT
}

@test "a UDP client of ncat gets all and gives all over IPv6" {
	requires ncat
	requires_ipv6
	connects ::1 ncat -u ::1 PORT
}

@test "a UDP listener of socat gets all and gives all" {
	requires socat
	serves 127.0.0.1 socat UDP4-LISTEN:0,bind=127.0.0.1 -
}

@test "a UDP listener of socat gets all and gives all over IPv6" {
	requires socat
	requires_ipv6
	serves ::1 socat 'UDP6-LISTEN:0,bind=[::1]' -
}

@test "a UDP client of socat gets all and gives all" {
	requires socat
	connects 127.0.0.1 socat - UDP4:127.0.0.1:PORT
}

@test "a UDP client of socat gets all and gives all over IPv6" {
	requires socat
	requires_ipv6
	connects ::1 socat - 'UDP6:[::1]:PORT'
}

# --- Unix datagrams -----------------------------------------------------------

# serves_at SOURCE COMMAND...: the same there, with a name for sockcat's own
# socket, or none: then it has an abstract one.
serves_at() {
	local source=$1
	shift

	speakers ours
	start theirs "$@" <theirs.fifo
	until_bound_at theirs path dgram
	start ours "$SOCKCAT" -u --line-datagrams -q 0 \
		${source:+-s "$source"} -U path <ours.fifo
	all_come ours
	succeed ours
	dismiss theirs
}

# connects_at COMMAND...: and the same, by a client that can be answered.
connects_at() {
	speakers theirs
	listen_on ours -u --line-datagrams -U path <ours.fifo
	start theirs "$@" <theirs.fifo
	all_come theirs
	dismiss theirs
	stop_ours ours
	[ ! -e path ]
}

@test "a Unix datagram listener of OpenBSD's nc gets all and gives all" {
	requires nc.openbsd
	serves_at '' nc.openbsd -u -l -U path
}

@test "a Unix datagram client of OpenBSD's nc gets all and gives all" {
	requires nc.openbsd
	connects_at nc.openbsd -u -U path
}

@test "a Unix datagram listener of ncat gets all and gives all" {
	requires ncat
	serves_at '' ncat -u -l -U path
}

@test "a Unix datagram client of ncat gets all and gives all" {
	requires ncat
	connects_at ncat -u -U path
}

@test "a Unix datagram listener of socat gets all and gives all" {
	requires socat
	serves_at own socat UNIX-SENDTO:own,bind=path -
}

@test "a Unix datagram client of socat gets all and gives all" {
	requires socat
	connects_at socat - UNIX-SENDTO:path,bind=own
}
