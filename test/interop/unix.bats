#!/usr/bin/env bats
# sockcat and the other netcats over Unix sockets, each as the other's client
# and server.

load common

setup() {
	conversation_setup
}

# serves MOMENTS PATH TYPE COMMAND...: sockcat is the client of this listener.
serves() {
	local moments=$1 path=$2 type=$3 moment
	shift 3

	for moment in $moments; do
		speakers "$moment"
		start theirs "$@" <theirs.fifo
		until_bound_at theirs "$path" "$type"
		start ours "$SOCKCAT" --type "$type" -U "$path" <ours.fifo
		conversation "$moment"
		rm -f "$path" # not every netcat does
	done
}

# connects MOMENTS PATH TYPE COMMAND...: sockcat listens for this client.
connects() {
	local moments=$1 path=$2 type=$3 moment
	shift 3

	for moment in $moments; do
		speakers "$moment"
		listen_on ours --type "$type" -U "$path" <ours.fifo
		start theirs "$@" <theirs.fifo
		conversation "$moment"
		[ ! -e "$path" ]
	done
}

# Of a Unix socket nobody can be asked that; it has, as soon as all has come.
has_told_the_end() {
	has_size theirs.out "$SIZE"
}

@test "a Unix listener of OpenBSD's nc gets all and gives all" {
	requires nc.openbsd
	serves "$LEAVES" path stream nc.openbsd -N -l -U path
}

@test "a Unix client of OpenBSD's nc gets all and gives all, whoever ends" {
	requires nc.openbsd
	connects "$STAYS" path stream nc.openbsd -N -U path
}

@test "an abstract listener of OpenBSD's nc gets all and gives all" {
	requires nc.openbsd
	serves "$LEAVES" "@$PWD" stream nc.openbsd -N -l -U "@$PWD"
}

@test "an abstract client of OpenBSD's nc gets all and gives all" {
	requires nc.openbsd
	connects "$STAYS" "@$PWD" stream nc.openbsd -N -U "@$PWD"
}

@test "a Unix listener of ncat gets all and gives all" {
	requires ncat
	serves "$LEAVES" path stream ncat -l -U path
}

@test "a Unix client of ncat gets all and gives all, whoever ends first" {
	requires ncat
	connects "$STAYS" path stream ncat -U path
}

@test "a Unix listener of socat gets all and gives all, whoever ends first" {
	requires socat
	serves "$STAYS" path stream socat -t 60 UNIX-LISTEN:path -
}

@test "a Unix client of socat gets all and gives all, whoever ends first" {
	requires socat
	connects "$STAYS" path stream socat -t 60 - UNIX-CONNECT:path
}

@test "an abstract listener of socat gets all and gives all" {
	requires socat
	serves "$STAYS" "@$PWD" stream \
		socat -t 60 "ABSTRACT-LISTEN:$PWD" -
}

@test "an abstract client of socat gets all and gives all" {
	requires socat
	connects "$STAYS" "@$PWD" stream \
		socat -t 60 - "ABSTRACT-CONNECT:$PWD"
}

@test "a seqpacket listener of socat gets all and gives all" {
	requires socat
	serves "$STAYS" path seqpacket \
		socat -b 262144 -t 60 UNIX-LISTEN:path,socktype=5 -
}

@test "a seqpacket client of socat gets all and gives all" {
	requires socat
	connects "$STAYS" path seqpacket \
		socat -b 262144 -t 60 - UNIX-CONNECT:path,socktype=5
}
