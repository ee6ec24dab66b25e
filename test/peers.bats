#!/usr/bin/env bats
# The scripted peer itself: a test that trusts it must be able to.

# shellcheck disable=SC2154 # stderr is set by run
load lib/helpers

# met LISTENER-STEPS... -- CLIENT-STEPS...: both scripts are met, over TCP.
# The client's own begin after its connect.
met() {
	local server=()

	while [[ $1 != -- ]]; do
		server+=("$1")
		shift
	done
	shift
	peer_listen server listen:127.0.0.1:0 accept "${server[@]}"
	peer client connect:"$ADDRESS:$PORT" "$@"
	succeed server client
}

# unmet MESSAGE STEP...: the script ends with status 1 and this message.
unmet() {
	local message=$1
	shift

	run --separate-stderr "$PEER" timeout:"$BOUND" "$@"
	[ "$status" -eq 1 ]
	[ "$output" = '' ]
	[[ $stderr == "peer: step "* ]]
	[[ $stderr == *": $message" ]]
}

@test "who reads no more may send, and hears that the other has ended" {
	peer_listen server listen:unix:path accept stop-reading touch:deaf \
		send:hello close
	peer client connect:unix:path wait-file:deaf expect:hello expect-eof
	succeed server client
}

@test "texts, half-closes and ends meet over TCP" {
	met send:'hello\n' expect:'bye\0\x41\\!' expect-eof close -- \
		expect:'hello\n' send:'bye\0\x41\\!' half-close expect-eof
}

@test "listen prints the address, print-peer the other side's" {
	peer_listen server listen:127.0.0.1:0 accept print-peer
	[ "$ADDRESS" = 127.0.0.1 ]
	peer client from:127.0.0.1:0 connect:"$ADDRESS:$PORT" print-peer
	succeed server client
	holds client.out "127.0.0.1 $PORT\n"
	[[ $(<server.out) =~ ^127\.0\.0\.1\ [0-9]+$ ]]
}

@test "an IPv6 address may be in brackets" {
	peer_listen server "listen:[::1]:0" accept send:hello close
	[ "$ADDRESS" = ::1 ]
	peer client connect:"[$ADDRESS]:$PORT" read-all
	succeed server client
	holds client.out hello
}

@test "Unix sockets are named by their path, abstract ones by @NAME" {
	local path

	for path in "$PWD/socket" "@peers.$$"; do
		peer_listen server listen:unix:"$path" accept expect:hello
		[ "$ADDRESS" = "$path" ]
		peer client connect:unix:"$path" send:hello close
		succeed server client
	done
}

@test "the pattern is the same in a file and on the wire, both ways at once" {
	bytes 3000000 expected
	met queue-bytes:3000000 expect-bytes:3000000 flush half-close -- \
		send-bytes:1000000 send-bytes:2000000 read-all
	same_bytes expected client.out
	[ "$(wc -c <expected)" -eq 3000000 ]
}

@test "a block that is missing or doubled is not the pattern" {
	local size

	bytes 300000 pattern
	for size in 1 512 4096 65536; do
		head -c 100000 pattern >lost
		tail -c +$((100001 + size)) pattern >>lost
		run ! cmp -s lost <(head -c "$(wc -c <lost)" pattern)
	done
}

@test "a reset is told from an end" {
	met expect:x reset -- send:x expect-reset
	met expect:x close -- send:x expect-eof
}

@test "of urgent data the last byte is out of band" {
	met send:a urgent:bcd send:ef close -- expect:abcef expect-eof
}

@test "silence is nothing to read, not even an end" {
	met touch:ready wait-file:checked send:x close -- \
		wait-file:ready expect-silence touch:checked expect:x expect-eof
}

@test "a listener without readers has a small window" {
	peer_listen server rcvbuf:4096 listen:127.0.0.1:0 accept stall
	run "$PEER" connect:"$ADDRESS:$PORT" timeout:0 send-bytes:20000000
	[ "$status" -eq 1 ]
	[[ $output == *'bytes are not taken' ]]
	signal server KILL
	finish server 137
}

@test "datagrams keep their sizes, an empty one among them" {
	peer_listen server listen:udp:127.0.0.1:0 accept \
		expect-bytes:65507 expect:'' expect:hello send-bytes:1000
	peer client connect:udp:"$ADDRESS:$PORT" \
		send-bytes:65507 send:'' send:hello expect-bytes:1000
	succeed server client
}

@test "Unix datagrams are answered where the client has a name" {
	peer_listen server listen:unix-dgram:"$PWD/socket" accept \
		expect:hello send:bye
	peer client from:unix-dgram:"$PWD/mine" \
		connect:unix-dgram:"$PWD/socket" send:hello expect:bye
	succeed server client
}

@test "a datagram is read though its sender has gone" {
	peer_listen server listen:unix-dgram:"$PWD/socket" wait-file:gone \
		accept expect:hello
	peer client from:unix-dgram:"$PWD/mine" \
		connect:unix-dgram:"$PWD/socket" send:hello
	succeed client
	touch gone
	succeed server
}

@test "sequenced packets keep their sizes, and have an end" {
	peer_listen server listen:unix-seqpacket:"$PWD/socket" accept \
		expect-bytes:100000 expect:'hello\n' print-messages:2 \
		expect-eof send-bytes:100000 close
	peer client connect:unix-seqpacket:"$PWD/socket" send-bytes:100000 \
		send:'hello\n' send:one send:'two\n' half-close \
		expect-bytes:100000 expect-eof
	succeed client server
	holds server.out 'one\ntwo\n\n'
}

@test "messages are printed a line each, an empty one too" {
	peer_listen server listen:udp:127.0.0.1:0 accept print-messages:4
	peer client connect:udp:"$ADDRESS:$PORT" send:one send:'' \
		send:'\0two\n' send:three
	succeed client server
	holds server.out 'one\n\n\0000two\n\nthree\n'
}

@test "who is aimed at does not matter to who is heard" {
	local other

	peer_listen server listen:udp:127.0.0.1:0 accept expect:1 \
		send:one touch:answered
	other=$PORT
	peer_listen second listen:udp:127.0.0.2:0 accept expect:2 \
		wait-file:answered send:two
	peer client from:udp:127.0.0.1:0 aim:udp:127.0.0.1:"$other" send:1 \
		aim:udp:127.0.0.2:"$PORT" send:2 \
		expect:one print-sender expect:two print-sender
	succeed client server second
	holds client.out "127.0.0.1 $other\n127.0.0.2 $PORT\n"
}

@test "those who join a group all hear it" {
	namespace
	inside ip route add 239.0.0.0/8 dev lo
	peer_listen one join:lo listen:udp:239.1.2.3:0 accept expect:hello \
		send:one
	peer_listen two join:lo listen:udp:239.1.2.3:"$PORT" accept \
		expect:hello send:two
	peer_listen deaf listen:udp:127.0.0.1:"$PORT" accept expect:'only me'
	peer client aim:udp:239.1.2.3:"$PORT" send:hello print-messages:2 \
		aim:udp:127.0.0.1:"$PORT" send:'only me'
	succeed client one two deaf
	[ "$(sort client.out)" = $'one\ntwo' ]
}

@test "a connection that is passed is taken in its place" {
	local server

	peer_listen server listen:127.0.0.1:0 accept expect:hello send:bye \
		expect-eof close
	server=$PORT
	peer_listen taker listen:unix:"$PWD/socket" \
		accept take print-peer send:hello expect:bye close
	# shellcheck disable=SC2016 # those are for sh
	peer passer connect:unix:"$PWD/socket" \
		exec sh -c 'exec "$0" -F "$1" >&3 3>&-' "$SOCKCAT" \
		127.0.0.1:"$server"
	succeed passer taker server
	holds taker.out "127.0.0.1 $server\n"
}

@test "what the other side of a Unix socket has not read is waited for" {
	peer_listen server listen:unix:path accept send:x touch:sent \
		wait-read touch:read wait-file:over
	peer client connect:unix:path wait-file:go expect:x wait-file:over
	within "$BOUND" test -e sent
	[ ! -e read ]
	touch go
	within "$BOUND" test -e read
	unmet 'not all is read' connect:unix:path timeout:0 send:x wait-read
	touch over
	succeed server client
}

@test "what was not met is named, with what came instead" {
	unmet 'there is no such step' dance
	unmet 'nothing listens' accept
	unmet 'there is no connection' send:x
	unmet 'it needs its N' send-bytes
	unmet 'it takes no argument' stall:1
	unmet "'1x' is not a number from 0 to 2147483647" rcvbuf:1x
	unmet 'it did not appear' timeout:0 wait-file:nowhere
	unmet 'nowhere: No such device' join:nowhere bind:udp:239.1.2.3:0

	peer_listen server listen:127.0.0.1:0 \
		accept send:hallo close accept send:he close accept expect-eof \
		accept send:'\0' close accept close \
		accept send:hello close-listener expect:x
	unmet "came 'hallo'" connect:"$ADDRESS:$PORT" expect:hello
	unmet "came 'he' and then the end" \
		connect:"$ADDRESS:$PORT" expect:hello
	unmet "came '' and then nothing more" \
		connect:"$ADDRESS:$PORT" timeout:0 expect:hello
	unmet "came '\x00' without a descriptor" \
		connect:"$ADDRESS:$PORT" take
	unmet 'came the end' connect:"$ADDRESS:$PORT" take
	unmet 'byte 0 is not the pattern'\''s' \
		connect:"$ADDRESS:$PORT" expect-bytes:5
	finish server 1
	closed_port
	unmet 'connect: Connection refused' connect:"$ADDRESS:$PORT"
}
