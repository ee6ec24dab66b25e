#!/usr/bin/env bats
# Where a listener listens, whom it serves, and what stops it.

# shellcheck disable=SC2154 # stderr is set by run
load lib/helpers

# The words of glibc and of musl.
IN_USE='@(Address already in use|Address in use)'
NOT_OURS='@(Cannot assign requested address|Address not available)'

# serves ADDRESS: a client at this address and PORT is answered by "server".
serves() {
	peer client connect:"$1:$PORT" send:hello half-close expect-eof close
	succeed client server
	holds server.out hello
}

# listens_at ADDRESS: "server" has said so, and serves a client there.
listens_at() {
	[ "$ADDRESS" = "$1" ]
	[[ $PORT =~ ^[1-9][0-9]*$ ]]
	serves "$1"
}

# The end of what is sent from PORT has been acknowledged (5: FIN-WAIT-2).
is_end_acknowledged() {
	awk -v port=":$(printf %04X "$PORT")" '
		index($2, port) && $4 == "05" { found = 1 }
		END { exit !found }' /proc/net/tcp
}

# leave_time_wait: PORT has been listened on, and the listener closed its
# connection first: the kernel keeps the address for a while.  The client closes
# when its acknowledgement has arrived: where that comes after the client's own
# end, TIME-WAIT answers it, and is ended by the reset that it gets for that
# (RFC 1337).
leave_time_wait() {
	listen_on first 127.0.0.1 0
	peer client connect:"$ADDRESS:$PORT" expect-eof wait-file:go close
	within "$BOUND" is_end_acknowledged
	touch go
	succeed first client
}

# --- where --------------------------------------------------------------------

@test "without a host both families are served" {
	local host

	requires_ipv6
	for host in 127.0.0.1 '[::1]'; do
		listen_on server 0
		[ "$ADDRESS" = :: ]
		serves "$host"
	done
}

@test "-4 listens for IPv4 alone" {
	requires_ipv6
	listen_on server -4 0
	[ "$ADDRESS" = 0.0.0.0 ]
	run "$PEER" connect:"[::1]:$PORT"
	[[ $output == *'Connection refused' ]]
	serves 127.0.0.1
}

@test "-6 listens for IPv6 alone" {
	requires_ipv6
	listen_on server -6 0
	[ "$ADDRESS" = :: ]
	run "$PEER" connect:"127.0.0.1:$PORT"
	[[ $output == *'Connection refused' ]]
	serves '[::1]'
}

@test "-l HOST PORT" {
	listen_on server 127.0.0.1 0
	listens_at 127.0.0.1
}

@test "-l HOST:PORT" {
	listen_on server 127.0.0.1:0
	listens_at 127.0.0.1
}

@test "-l [ADDR6]:PORT" {
	requires_ipv6
	listen_on server '[::1]:0'
	listens_at ::1
}

@test "-l ADDR6 PORT" {
	requires_ipv6
	listen_on server ::1 0
	listens_at ::1
}

@test "-l -p PORT -s HOST" {
	listen_on server -p 0 -s 127.0.0.1
	listens_at 127.0.0.1
}

@test "-l -p PORT" {
	listen_on server -4 -p 0
	[ "$ADDRESS" = 0.0.0.0 ]
	serves 127.0.0.1
}

@test "-lp PORT" {
	start_announced server "$SOCKCAT" --announce server.announce \
		-4 -lp 0
	[ "$ADDRESS" = 0.0.0.0 ]
	serves 127.0.0.1
}

@test "-l -s HOST PORT" {
	listen_on server -s 127.0.0.1 0
	listens_at 127.0.0.1
}

@test "port 0 is another free port each time" {
	local first

	listen_on server 127.0.0.1 0
	first=$PORT
	listen_on other 127.0.0.1 0
	[ "$first" -ne 0 ]
	[ "$PORT" -ne "$first" ]
	signal server TERM
	signal other TERM
	finish server 143
	finish other 143
}

@test "an exact port is the one that is listened on" {
	namespace
	listen_on server 127.0.0.1 7000
	[ "$PORT" = 7000 ]
	listens_at 127.0.0.1
}

# --- what refuses -------------------------------------------------------------

@test "a port that is listened on is refused, and named" {
	listen_on server 127.0.0.1 0
	run_sockcat -l 127.0.0.1 "$PORT"
	[ "$status" -eq 5 ]
	[ "$output" = '' ]
	[[ $stderr == "sockcat: listen on 127.0.0.1 port $PORT (tcp) failed: "$IN_USE ]]
	serves 127.0.0.1
}

@test "a wildcard port that is listened on is refused, and named" {
	requires_ipv6
	listen_on server 0
	run_sockcat -l "$PORT"
	[ "$status" -eq 5 ]
	[ "$output" = '' ]
	[[ $stderr == "sockcat: listen on :: port $PORT (tcp) failed: "$IN_USE ]]
	serves 127.0.0.1
}

@test "a foreign address is refused, and named" {
	run_sockcat -l 203.0.113.7 0
	[ "$status" -eq 5 ]
	[ "$output" = '' ]
	[[ $stderr == "sockcat: listen on 203.0.113.7 port 0 (tcp) failed: "$NOT_OURS ]]
}

@test "a privileged port is refused, and named" {
	local unprivileged=()

	[ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" -gt 1 ] ||
		skip "needs a privileged port"
	if [ "$(id -u)" -eq 0 ]; then
		requires setpriv
		unprivileged=(setpriv --bounding-set -net_bind_service)
	fi
	run --separate-stderr timeout "$BOUND" "${unprivileged[@]}" \
		"$SOCKCAT" -l 127.0.0.1 1
	[ "$status" -eq 5 ]
	[ "$output" = '' ]
	[ "$stderr" = "sockcat: listen on 127.0.0.1 port 1 (tcp) failed: \
Permission denied" ]
}

@test "a listener restarts at once after TIME-WAIT" {
	leave_time_wait
	listen_on server 127.0.0.1 "$PORT"
	listens_at 127.0.0.1
}

@test "with --no-reuse-addr TIME-WAIT is in the way" {
	leave_time_wait
	run_sockcat -l --no-reuse-addr 127.0.0.1 "$PORT"
	[ "$status" -eq 5 ]
	[ "$output" = '' ]
	[[ $stderr == "sockcat: listen on 127.0.0.1 port $PORT (tcp) failed: "$IN_USE ]]
}

@test "two listeners share a port where both say --reuse-port" {
	local shared

	requires_feature reuse-port
	listen_on server --reuse-port 127.0.0.1 0
	shared=$PORT
	listen_on other --reuse-port 127.0.0.1 "$shared"
	[ "$PORT" = "$shared" ]
	run_sockcat -l 127.0.0.1 "$shared"
	[ "$status" -eq 5 ]
	signal server TERM
	signal other TERM
	finish server 143
	finish other 143
}

# --- whom it serves -----------------------------------------------------------

@test "one client is served, and nobody else is let in" {
	listen_on server 127.0.0.1 0
	peer client connect:"$ADDRESS:$PORT" send:first wait-file:go \
		half-close expect-eof close
	until_holds server.out first
	run "$PEER" connect:"$ADDRESS:$PORT"
	[ "$status" -eq 1 ]
	[[ $output == *'Connection refused' ]]
	touch go
	succeed client server
	holds server.out first
}

@test "with -k clients are served one after another" {
	local i sent=

	listen_on server -k 127.0.0.1 0
	for i in 1 2 3 4; do
		peer client connect:"$ADDRESS:$PORT" send:"$i" half-close \
			expect-eof close
		succeed client
		sent+=$i
		until_holds server.out "$sent"
	done
	signal server TERM
	finish server 143
	holds server.err ''
}

@test "with -k a client that resets takes nobody with it" {
	listen_on server -k 127.0.0.1 0
	peer rude connect:"$ADDRESS:$PORT" send:1 wait-file:go reset
	until_holds server.out 1
	touch go
	succeed rude
	peer client connect:"$ADDRESS:$PORT" send:2 half-close expect-eof close
	succeed client
	until_holds server.out 12
	is_running server
	signal server TERM
	finish server 143
}

@test "with -k stdin goes to the client that is there" {
	mkfifo in
	exec 7<>in
	listen_on server -k 127.0.0.1 0 <in
	peer client connect:"$ADDRESS:$PORT" send:1 expect:'one\n' half-close \
		expect-eof close
	until_holds server.out 1
	echo one >&7
	succeed client
	within "$BOUND" has_no_children server
	peer client connect:"$ADDRESS:$PORT" send:2 expect:'two\n' half-close \
		expect-eof close
	until_holds server.out 12
	echo two >&7
	succeed client
	signal server TERM
	finish server 143
	holds server.err ''
}

@test "a client that comes and goes without a word is served" {
	listen_on server 127.0.0.1 0
	peer client connect:"$ADDRESS:$PORT" close
	succeed client server
	holds server.out ''
}

@test "a client that resets is a lost connection" {
	listen_on server 127.0.0.1 0
	peer client connect:"$ADDRESS:$PORT" send:hello wait-file:go reset
	until_holds server.out hello
	touch go
	succeed client
	finish server 6
	[[ $(<server.err) == "sockcat: connection to 127.0.0.1 port "*" (tcp) lost: \
Connection reset by peer" ]]
}

@test "--accept-timeout ends the wait for a client" {
	run_sockcat -l --accept-timeout 0.1 127.0.0.1 0
	[ "$status" -eq 4 ]
	[ "$output" = '' ]
	[[ $stderr == 'sockcat: '*' 127.0.0.1 port '* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "--accept-timeout ends the wait for the next client" {
	listen_after there server -k --accept-timeout 0.5
	peer client connect:"$ADDRESS:$PORT" send:hello half-close touch:there \
		expect-eof
	succeed client
	finish server 4
	holds server.out hello
}

@test "--accept-timeout is no limit once a client has come" {
	listen_after there server --accept-timeout 0.3
	peer client connect:"$ADDRESS:$PORT" send:early touch:there \
		wait-file:go send:late half-close expect-eof
	until_holds server.out early
	# One that nobody comes to has ended, and this one has not.
	run_sockcat -l --accept-timeout 0.4 127.0.0.1 0
	[ "$status" -eq 4 ]
	touch go
	succeed server client
	holds server.out earlylate
}

@test "--backlog takes a number of clients" {
	listen_on server --backlog 1 127.0.0.1 0
	listens_at 127.0.0.1
}

@test "with -v the listener says where it listens and who came" {
	local client

	listen_on server -v 127.0.0.1 0
	peer client connect:"$ADDRESS:$PORT" send:hello half-close expect-eof \
		wait-file:go close
	finish server 0
	client=$(sed -n 's/^Connection received on 127.0.0.1 //p' server.err)
	[[ $client =~ ^[1-9][0-9]*$ ]]
	told server.err "Listening on 127.0.0.1 $PORT
Connection received on 127.0.0.1 $client
Sent 0 bytes, received 5 bytes
"
	touch go
	succeed client
}
