#!/usr/bin/env bats
# Each direction ends by itself, and none takes the other with it.

# shellcheck disable=SC2154 # stderr is set by run
load lib/helpers

@test "a reply that comes after our end of data is received" {
	peer_listen server listen:127.0.0.1:0 accept \
		expect:'request\n' expect-eof send:'reply\n' close
	run_sockcat "$ADDRESS" "$PORT" <<<request
	[ "$status" -eq 0 ]
	[ "$output" = reply ]
	[ "$stderr" = '' ]
	finish server 0
}

@test "a listener's reply after the client's end of data is received" {
	mkfifo in
	exec 7<>in
	listen_on server 127.0.0.1 0 <in
	peer client connect:"$ADDRESS:$PORT" send:'request\n' half-close \
		touch:asked expect:'reply\n' expect-eof
	until_holds server.out 'request\n'
	within "$BOUND" test -e asked
	echo reply >&7
	exec 7>&-
	succeed server client
	holds server.out 'request\n'
}

@test "no end of data is taken for the end while a reply is awaited" {
	peer_listen server listen:127.0.0.1:0 accept expect-eof touch:asked \
		wait-file:answer send:one wait-file:again send:two close
	start client "$SOCKCAT" "$ADDRESS" "$PORT"
	within "$BOUND" test -e asked
	is_running client
	touch answer
	until_holds client.out one
	is_running client
	touch again
	succeed client server
	holds client.out onetwo
}

# Of 20 runs other netcats lose something in up to 17.
@test "a listener sends all to a client that half-closed first" {
	local run

	mkfifo in
	for run in {1..20}; do
		echo "run $run"
		rm -f closed
		exec 7<>in
		start feeder to in "$PEER" timeout:"$BOUND" wait-file:closed \
			print-bytes:300000
		listen_on server 127.0.0.1 0 <in
		peer client connect:"$ADDRESS:$PORT" half-close touch:closed \
			expect-bytes:300000 expect-eof close
		finish feeder 0
		exec 7>&-
		succeed client server
		holds server.out ''
	done
}

@test "a client sends all to a server that half-closed first" {
	local run

	mkfifo in
	for run in {1..20}; do
		echo "run $run"
		rm -f closed
		exec 7<>in
		start feeder to in "$PEER" timeout:"$BOUND" wait-file:closed \
			print-bytes:300000
		peer_listen server listen:127.0.0.1:0 accept half-close \
			touch:closed expect-bytes:300000 expect-eof close
		start client "$SOCKCAT" "$ADDRESS" "$PORT" <in
		finish feeder 0
		exec 7>&-
		succeed client server
		holds client.out ''
	done
}

@test "both directions at once arrive whole" {
	bytes 3000000 data
	peer_listen server listen:127.0.0.1:0 accept queue-bytes:3000000 \
		expect-bytes:3000000 expect-eof flush close
	start client "$SOCKCAT" "$ADDRESS" "$PORT" <data
	succeed client server
	same_bytes data client.out
}

@test "two sockcats exchange files in both directions" {
	bytes 2000000 up
	tail -c 1999999 up >down
	listen_on server 127.0.0.1 0 <down
	start client "$SOCKCAT" "$ADDRESS" "$PORT" <up
	succeed client server
	same_bytes up server.out
	same_bytes down client.out
}

@test "with --no-shutdown the end of stdin is not told" {
	peer_listen server listen:127.0.0.1:0 accept expect:up send:down \
		wait-file:seen expect-silence close
	start client "$SOCKCAT" --no-shutdown "$ADDRESS" "$PORT" < <(printf up)
	# By the time an answer is through, the end of stdin has been seen.
	until_holds client.out down
	is_running client
	touch seen
	succeed client server
}

@test "-N says what is done anyway" {
	peer_listen server listen:127.0.0.1:0 accept \
		expect:'request\n' expect-eof send:'reply\n' close
	run_sockcat -N "$ADDRESS" "$PORT" <<<request
	[ "$status" -eq 0 ]
	[ "$output" = reply ]
	[ "$stderr" = '' ]
	finish server 0
}

@test "-d neither reads stdin nor tells its end" {
	local rest

	echo untouched >in
	exec 7<in
	peer_listen server listen:127.0.0.1:0 accept send:down \
		wait-file:seen expect-silence close
	start client "$SOCKCAT" -d "$ADDRESS" "$PORT" <&7
	until_holds client.out down
	is_running client
	touch seen
	succeed client server
	read -ru 7 rest
	[ "$rest" = untouched ]
}

@test "-d -N tells the end at once and goes on receiving" {
	peer_listen server listen:127.0.0.1:0 accept expect-eof send:bye close
	run_sockcat -d -N "$ADDRESS" "$PORT" <<<unread
	[ "$status" -eq 0 ]
	[ "$output" = bye ]
	[ "$stderr" = '' ]
	finish server 0
}

@test "--recv-only is another name of -d" {
	peer_listen server listen:127.0.0.1:0 accept send:bye expect-silence \
		close
	run_sockcat --recv-only "$ADDRESS" "$PORT" <<<unread
	[ "$status" -eq 0 ]
	[ "$output" = bye ]
	[ "$stderr" = '' ]
	finish server 0
}

@test "stdout ends with the network, while stdin goes on being sent" {
	mkfifo in out
	exec 7<>in
	peer_listen server listen:127.0.0.1:0 accept send:'down\n' half-close \
		expect:'late\n' expect-eof close
	start reader cat out
	start client to out "$SOCKCAT" "$ADDRESS" "$PORT" <in
	succeed reader
	holds reader.out 'down\n'
	is_running client
	echo late >&7
	exec 7>&-
	succeed client server
}

@test "the network's end is the end when stdin has ended" {
	peer_listen server listen:127.0.0.1:0 accept expect-eof close
	run_sockcat "$ADDRESS" "$PORT"
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
	[ "$stderr" = '' ]
	finish server 0
}

@test "with -d the network's end is the end" {
	peer_listen server listen:127.0.0.1:0 accept send:down close
	run_sockcat -d "$ADDRESS" "$PORT"
	[ "$status" -eq 0 ]
	[ "$output" = down ]
	[ "$stderr" = '' ]
	finish server 0
}

# The peer goes on sending, and must neither lose a byte of what it is sent
# nor meet a reset before its end.  There is room for that even while it stands
# still: who takes nothing for a second is given up.
ends_in_order_by() {
	local run

	bytes 200000 data
	for run in {1..5}; do
		echo "run $run"
		peer_listen server rcvbuf:400000 listen:127.0.0.1:0 accept \
			queue-bytes:50000000 expect-bytes:200000 expect-eof
		start client "$SOCKCAT" "$@" "$ADDRESS" "$PORT" <data
		succeed client server
	done
}

@test "ending by -q 0 resets nothing that was sent" {
	ends_in_order_by -q 0
}

@test "ending by --send-only resets nothing that was sent" {
	ends_in_order_by --send-only
	holds client.out ''
}

@test "what arrived before -q 0 ends is written" {
	local run

	# The answer is there before the end of stdin is, for that waits for it.
	for run in {1..5}; do
		echo "run $run"
		rm -f sent
		mkfifo in
		exec 7<>in
		peer_listen server listen:127.0.0.1:0 accept send:answer \
			touch:sent expect-eof
		start client "$SOCKCAT" -q 0 "$ADDRESS" "$PORT" <in
		within "$BOUND" test -e sent
		exec 7>&-
		succeed client server
		holds client.out answer
		rm in
	done
}

@test "-q ends the wait for a peer that stays" {
	peer_listen server listen:127.0.0.1:0 accept expect:hello expect-eof \
		wait-file:over
	run_sockcat -q 0.1 "$ADDRESS" "$PORT" < <(printf hello)
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
	[ "$stderr" = '' ]
	touch over
	finish server 0
}

@test "-q with a negative time waits for the peer" {
	peer_listen server listen:127.0.0.1:0 accept expect:hello expect-eof \
		send:late close
	run_sockcat -q -1 "$ADDRESS" "$PORT" < <(printf hello)
	[ "$status" -eq 0 ]
	[ "$output" = late ]
	[ "$stderr" = '' ]
	finish server 0
}

# The wait is for a timer to pass that must not act.
@test "-q cuts no input that the peer has only not taken yet" {
	bytes 3000000 sent
	peer_listen server rcvbuf:4096 listen:127.0.0.1:0 accept half-close \
		touch:closed wait-file:go expect-bytes:3000000 expect-eof
	# What the kernel holds is not the larger part of it.
	start client "$SOCKCAT" -O 64k -q 0.1 "$ADDRESS" "$PORT" <sent
	within "$BOUND" test -e closed
	read -rt 0.4 -u 9 || true
	touch go
	succeed client server
}

@test "-q ends a wait for a peer that takes nothing, and that is exit 6" {
	requires_feature unsent
	peer_listen server rcvbuf:4096 listen:127.0.0.1:0 accept half-close \
		wait-file:over
	bytes 300000 sent
	start client "$SOCKCAT" -q 0 "$ADDRESS" "$PORT" <sent
	finish client 6
	holds client.err "sockcat: connection to $ADDRESS port $PORT (tcp) lost: it took nothing more for 1000 ms\n"
	touch over
	finish server 0
}
