#!/usr/bin/env bats
# A side that takes no more never stops the other direction, and what it
# takes later is all there.

# shellcheck disable=SC2154 # stderr is set by run
load lib/helpers

# Takes what comes in from then on when the file "go" is there.
stalled_reader() {
	after go cat
}

is_page() {
	[ "$(wc -c <"$1")" -eq 4096 ]
}

# Reads from then on in small pieces.
slow_reader() {
	after go dd bs=512 status=none
}

# into_pipe READER COMMAND...: its stdout is a pipe without a name.
into_pipe() {
	local reader=$1
	shift

	"$@" | "$reader"
	return "${PIPESTATUS[0]}"
}

# hold_fifo NAME: it can be opened from either side without waiting, and does
# not end, until this test lets go of descriptor 7.
hold_fifo() {
	mkfifo "$1"
	exec 7<>"$1"
}

@test "a stdout that nobody reads does not stop stdin" {
	bytes 8000000 up
	bytes 16000000 down
	hold_fifo out
	peer_listen server listen:127.0.0.1:0 accept queue-bytes:16000000 \
		expect-bytes:8000000 expect-eof touch:up.done flush close
	start reader stalled_reader <out
	start client to out "$SOCKCAT" "$ADDRESS" "$PORT" <up
	within "$BOUND" test -e up.done
	exec 7>&-
	[ ! -s reader.out ]
	touch go
	succeed client server reader
	same_bytes down reader.out
}

@test "a reader that takes one page and stops does not stop stdin" {
	bytes 8000000 up
	bytes 16000000 down
	hold_fifo out
	peer_listen server listen:127.0.0.1:0 accept queue-bytes:16000000 \
		expect-bytes:8000000 expect-eof touch:up.done flush close
	start reader page_reader <out
	start client to out "$SOCKCAT" "$ADDRESS" "$PORT" <up
	within "$BOUND" test -e up.done
	exec 7>&-
	within "$BOUND" is_page reader.out
	touch go
	succeed client server reader
	same_bytes down reader.out
}

@test "a pipe without a name that takes one page does not stop stdin" {
	bytes 8000000 up
	bytes 16000000 down
	peer_listen server listen:127.0.0.1:0 accept queue-bytes:16000000 \
		expect-bytes:8000000 expect-eof touch:up.done flush close
	start client into_pipe page_reader \
		"$SOCKCAT" "$ADDRESS" "$PORT" <up
	within "$BOUND" test -e up.done
	within "$BOUND" is_page client.out
	touch go
	succeed client server
	same_bytes down client.out
}

@test "a stalled stdout does not stop a listener's stdin" {
	bytes 8000000 up
	bytes 16000000 down
	hold_fifo out
	start reader stalled_reader <out
	start_announced server to out "$SOCKCAT" -l \
		--announce server.announce 127.0.0.1 0 <up
	peer client connect:"$ADDRESS:$PORT" queue-bytes:16000000 \
		expect-bytes:8000000 expect-eof touch:up.done flush close
	within "$BOUND" test -e up.done
	exec 7>&-
	touch go
	succeed client server reader
	same_bytes down reader.out
}

@test "a network that takes no more does not stop stdout" {
	bytes 16000000 up
	bytes 8000000 down
	peer_listen server rcvbuf:4096 listen:127.0.0.1:0 accept \
		send-bytes:8000000 wait-file:go \
		expect-bytes:16000000 expect-eof close
	start client "$SOCKCAT" "$ADDRESS" "$PORT" <up
	within "$BOUND" cmp -s down client.out
	is_running client
	touch go
	succeed client server
	same_bytes down client.out
}

@test "a network that takes no more does not stop a listener's stdout" {
	bytes 16000000 up
	bytes 8000000 down
	listen_on server 127.0.0.1 0 <up
	peer client rcvbuf:4096 connect:"$ADDRESS:$PORT" send-bytes:8000000 \
		wait-file:go expect-bytes:16000000 expect-eof close
	within "$BOUND" cmp -s down server.out
	touch go
	succeed client server
	same_bytes down server.out
}

@test "a Unix socket that takes no more does not stop stdout" {
	bytes 8000000 up
	bytes 4000000 down
	peer_listen server listen:unix:socket accept send-bytes:4000000 \
		wait-file:go expect-bytes:8000000 expect-eof close
	start client "$SOCKCAT" -U "$ADDRESS" <up
	within "$BOUND" cmp -s down client.out
	touch go
	succeed client server
	same_bytes down client.out
}

@test "a stdin that brings nothing does not stop stdout" {
	bytes 3000000 down
	mkfifo in
	exec 7<>in
	peer_listen server listen:127.0.0.1:0 accept send-bytes:3000000 \
		expect:late expect-eof close
	start client "$SOCKCAT" "$ADDRESS" "$PORT" <in
	within "$BOUND" cmp -s down client.out
	printf late >&7
	exec 7>&-
	succeed client server
	same_bytes down client.out
}

# Its stdout is descriptor 6, which is nobody else's.
onto_6() {
	exec >&6 6>&-
	exec_command "$@"
}

# Makes descriptor 6 a pipe of 64 KiB that takes no more than so many bytes.
fill_6() {
	local taken=$((65536 - $1))

	rm -f out
	mkfifo out
	# shellcheck disable=SC2094 # both ends are meant
	exec 6<>out 5<out
	dd if=/dev/zero bs="$taken" count=1 status=none >&6
}

# piece_stalls MODE COMMAND...: a piece that is too small for splice comes for a
# pipe of this mode that takes nothing of it, and for one that takes a page.
# What stdin has after that is sent all the same.
piece_stalls() {
	local mode=$1 room
	shift

	bytes 12000 piece
	for room in 0 4096; do
		echo "a pipe that takes $room bytes"
		rm -f socket was-read in
		hold_fifo in
		fill_6 "$room"
		chmod "$mode" out
		peer_listen server listen:unix:socket accept send-bytes:12000 \
			wait-read touch:was-read expect:late expect-eof close \
			5<&- 6>&-
		chmod 666 socket
		start client onto_6 "$@" "$SOCKCAT" -U "$ADDRESS" <in 5<&-
		within "$BOUND" test -e was-read
		printf late >&7
		exec 7>&-
		succeed server
		is_running client
		timeout "$BOUND" head -c $((65536 - room + 12000)) <&5 6>&- |
			tail -c 12000 >got
		exec 5<&- 6>&-
		succeed client
		same_bytes piece got
	done
}

@test "a pipe that takes nothing of a small piece does not stop stdin" {
	piece_stalls 600
}

# Another user's is written to as it came, after poll alone.
@test "a pipe that cannot be opened anew is not written more than it takes" {
	local unprivileged=()

	if [ "$(id -u)" -eq 0 ]; then
		unprivileged=(setpriv --reuid=65534 --clear-groups)
		requires setpriv
		if ! "${unprivileged[@]}" "$SOCKCAT" --version >/dev/null; then
			skip "needs a sockcat that others may run"
		fi
	fi
	piece_stalls 0 "${unprivileged[@]}"
}

# dd leaves O_NONBLOCK set on the description that both share.
nonblocking() {
	dd if=/dev/null oflag=nonblock status=none
	exec "$@"
}

@test "a stdout that came with O_NONBLOCK is waited for" {
	bytes 2000000 down
	peer_listen server listen:127.0.0.1:0 accept touch:accepted \
		send-bytes:2000000 close
	start client into_pipe slow_reader \
		nonblocking "$SOCKCAT" "$ADDRESS" "$PORT"
	within "$BOUND" test -e accepted
	[ ! -s client.out ]
	touch go
	succeed client server
	same_bytes down client.out
}

# Stdin and stdout are one description, which the test shares.
on_stdin() {
	exec "$@" >&0
}

flags_of_7() {
	grep flags "/proc/$$/fdinfo/7"
}

@test "no flag of stdin or stdout is changed" {
	local flags

	[ -d /proc/self/fdinfo ] || skip "needs /proc/self/fdinfo"
	hold_fifo fifo
	flags=$(flags_of_7)
	peer_listen server listen:127.0.0.1:0 accept send:through expect:through \
		touch:passed expect-eof
	start client on_stdin "$SOCKCAT" "$ADDRESS" "$PORT" <&7
	within "$BOUND" test -e passed
	[ "$(flags_of_7)" = "$flags" ]
	signal client TERM
	finish client 143
	[ "$(flags_of_7)" = "$flags" ]
	succeed server
}

@test "memory stays small however much passes" {
	requires_native 'the memory is its own'
	requires_plain_build
	hold_fifo in
	peer_listen server listen:127.0.0.1:0 accept queue-bytes:200000000 \
		expect-bytes:200000000 flush touch:passed wait-file:go close
	start feeder to in "$PEER" print-bytes:200000000
	start client to /dev/null "$SOCKCAT" "$ADDRESS" "$PORT" <in
	finish feeder 0
	within "$BOUND" test -e passed
	[ "$(memory_of client)" -le 2500 ]
	exec 7>&-
	touch go
	succeed client server
}
