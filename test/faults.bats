#!/usr/bin/env bats
# Faults that were seen in other netcats, or read in their sources.  "make
# compare-faults" tries most of them with whatever netcats there are.
#
# Each is shown by a test.  Those that are not below are in other files:
#
# the peer half-closes first, and then all is sent to it
#	halfclose: a listener sends all to a client that half-closed first
#	halfclose: a client sends all to a server that half-closed first
# EINTR on reads, on writes, on poll
#	stdio: calls that are interrupted or come too early are made again
# a full stdout and status 0
#	stdio: a full device is exit 7, after everything else
#	stdio: a full disk is exit 7, after everything else
# stdin closed, stdout closed
#	stdio: a closed stdin is an empty one
#	stdio: a closed stdout is a failure once something comes for it
#	stdio: without any descriptor nothing is echoed to the peer
# a reset while sending, while receiving, and status 0
#	stdio: a reply before a reset is written, though more is being sent
#	stdio: what came before a reset is written, to a slow reader too
#	stdio: a reset of an idle connection is exit 6
# 16 descriptors and 60 clients
#	serve: with 16 descriptors 60 clients are served at once
#	serve: without a descriptor for a client it waits and does not spin
# accept fails with ECONNABORTED, with EMFILE
#	serve: a client that gave up before it was accepted is passed over
#	serve: what accept needs and does not get is waited for
# an empty datagram, one of 65,507 bytes
#	udp: an empty datagram is neither the end nor anything to write
#	udp: a listener writes datagrams of all sizes whole
# an unreachable port
#	udp: an unreachable port is exit 1 with a message
# listening on the path of a regular file, on one that is too long
#	unix: a listener touches nothing that is not a socket
#	unix: a path of 108 bytes is refused, not cut
# hostile answers of proxies
#	proxy: what is no SOCKS is nonsense
#	proxy: a status is three digits, and nothing else is one
#	proxy: a NUL in CONNECT's answer is nonsense
#	proxy: 64 KiB of zeros are nonsense
#	proxy: a header of 64 KiB is read, a longer one is nonsense
#	proxy: a proxy that closes before any byte has not answered
#	proxy: each of SOCKS5's refusals has its words
#	proxy: each of SOCKS4's refusals has its words
# a proxy that never answers
#	proxy: a proxy that stalls before any byte is given up with -w
# a program whose client half-closes
#	exec: what a program says after its client's half-close arrives whole
#	exec: two hundred clients get back all they sent, and nothing stays of them
# a stdout with O_NONBLOCK and a slow reader
#	stall: a stdout that came with O_NONBLOCK is waited for
#	stdio: a stdout that came without blocking and stalls loses nothing
# stdin is a directory
#	stdio: a stdin that is a directory is exit 7, after the reply
# a port in use, and SO_REUSEPORT
#	listen: a port that is listened on is refused, and named
#	connect: a port is shared only where --reuse-port asks for it
# a first address of a family that is not supported
#	connect: a family that the system lacks is passed over by a client
#	connect: a family that the system lacks is passed over by a listener
# a descriptor that only ever says POLLERR
#	stdio: a reader that goes at once ends it, though the server is silent
#	stdio: after | head -1 it dies of SIGPIPE, though nothing more arrives
# a stdout that takes one page and stops
#	stall: a reader that takes one page and stops does not stop stdin
#	copy: a reader that takes one page and stops holds up only its own side
# a SOCKS5 answer that names a domain
#	proxy: SOCKS5 may answer with an address of any kind
# a descriptor of 1024 and more
#	connect: with 1,500 descriptors open a connect is refused, and says why
#	connect: with 1,500 descriptors open a listener works
# SIGPIPE ignored in a program that is run
#	exec: a program has the signals that we were started with
# -h on stderr, or with status 1
#	options: --help goes to standard output and ends with 0
# port 0 announced as 0
#	listen: port 0 is another free port each time
# a stdout that was opened with >>
#	stdio: stdout may be a file that others write to before and after
# a socket option that fails without being named
#	sockets: an option that the kernel refuses is exit 5, and named
# bytes that -v puts into a UDP conversation
#	udp: neither -v nor -vv adds a byte to the conversation

load lib/helpers

FAULT_SO=${FAULT_SO:-$TOP/build/fault.so}

# The library that has calls fail: see faults/fault.c.
requires_faults() {
	requires_native 'it loads no library of this system'
	requires_plain_build
	[[ -e $FAULT_SO ]] || skip "needs build/fault.so"
	(with_faults count "$SOCKCAT" --version >/dev/null)
	[[ -e faults ]] || skip "needs a binary that takes preloaded libraries"
}

# with_faults FAULT COMMAND...: those that happened are lines in faults.
with_faults() {
	local fault=$1
	shift

	rm -f faults
	exec env FAULT="$fault" FAULT_REPORT="$PWD/faults" LD_PRELOAD="$FAULT_SO" \
		"$@"
}

# shortened CALL...: prints the fault that these move a single byte each time.
shortened() {
	local faults

	printf -v faults ',%s:1+:short' "$@"
	echo "${faults#,}"
}

had_faults() {
	echo "$(wc -l <faults) faults"
	[ "$(wc -l <faults)" -ge "$1" ]
}

@test "reads and writes that are short lose nothing" {
	local fault

	requires_faults
	bytes 20000 data
	mkfifo out
	for fault in \
		"$(shortened read pread recv readv recvmsg splice sendfile)" \
		"$(shortened write send writev sendmsg splice sendfile)"; do
		echo "$fault from a file to a file"
		peer_listen server listen:127.0.0.1:0 accept queue-bytes:20000 \
			expect-bytes:20000 expect-eof flush close
		start client with_faults "$fault" \
			"$SOCKCAT" "$ADDRESS" "$PORT" <data
		succeed client server
		same_bytes data client.out
		had_faults 10000

		echo "$fault from a pipe to a pipe"
		peer_listen server listen:127.0.0.1:0 accept queue-bytes:20000 \
			expect-bytes:20000 expect-eof flush close
		start reader cat out
		start client to out with_faults "$fault" \
			"$SOCKCAT" "$ADDRESS" "$PORT" < <(cat data)
		succeed client server reader
		same_bytes data reader.out
		had_faults 10000
	done
}

# What a mode allocates is few blocks: all of them are had, or it ends.
@test "memory that cannot be had is exit 7, and said" {
	requires_faults
	peer_listen open listen:127.0.0.1:0 timeout:600 wait-file:over
	short_of_memory -d --deadline 0.1 "$ADDRESS" "$PORT"
	short_of_memory -u -q 0 "$ADDRESS" "$PORT"
	short_of_memory -l -k --accept-timeout 0.1 127.0.0.1 0
	short_of_memory -z "$ADDRESS" "$PORT,1"
	short_of_memory -z -u "$ADDRESS" 1-3
	touch over
	succeed open
}

# Each allocation in turn, as long as there is another.
short_of_memory() {
	local n

	for n in {1..60}; do
		start "run$n" with_faults "calloc:$n:ENOMEM" "$SOCKCAT" "$@"
		finish "run$n"
		echo "$* $n: status $status"
		[[ -s faults ]] || break
		[ "$status" -eq 7 ]
		holds "run$n.out" ''
		holds "run$n.err" 'sockcat: out of memory\n'
	done
	[ "$n" -gt 1 ]
}

# What is short for a moment is waited for, and what stays so is said.
@test "a scan ends whose calls fail again and again" {
	local fault

	requires_faults
	peer_listen open listen:127.0.0.1:0 timeout:600 wait-file:over
	for fault in connect:5+:ENOBUFS getsockopt:1+:ENOBUFS; do
		echo "$fault"
		start scan with_faults "$fault" "$SOCKCAT" -z -w 0.5 \
			"$ADDRESS" "$PORT,1-3"
		finish scan 7
		grep -q 'failed: No buffer space available$' scan.err
		[[ -s faults ]]
	done
	touch over
	succeed open
}

# The first client has gone, and the listener has not had one.
@test "a listener for one waits on when a client has given up" {
	local error

	requires strace
	requires_plain_build
	for error in ECONNABORTED EPROTO; do
		echo "$error"
		start_announced server strace -qq -o trace \
			-e trace=accept,accept4 \
			-e inject=accept,accept4:error="$error":when=1 \
			"$SOCKCAT" -l --announce server.announce 127.0.0.1 0
		peer client connect:"$ADDRESS:$PORT" send:hello half-close \
			expect-eof
		succeed client server
		holds server.out hello
		grep -q INJECTED trace
	done
}

# --- buffers that are full ----------------------------------------------------

# It is stopped while something comes for it: then all of that is there at once,
# and one read of a buffer of this size fills it exactly.  That it is full is not
# a reason to wait for more.

# Its stdin and stdout are a Unix socket, and the other side is one as well,
# which take as much without any windows, and through which splice is no use.
@test "what fills a buffer exactly is written though nothing follows" {
	local size side sizes='4096 8192 16384 32768 65536'
	local steps=()

	for side in left right; do
		steps=("touch:$side.there")
		for size in $sizes; do
			steps+=("wait-file:stopped.$size" "send-bytes:$size" \
				"touch:$side.sent.$size" "expect-bytes:$size" \
				"touch:$side.got.$size")
		done
		peer_listen "$side" listen:unix:"$side" accept "${steps[@]}" \
			half-close expect-eof
	done
	# shellcheck disable=SC2016 # it expands there
	peer relay connect:unix:left exec sh -c 'exec "$@" <&3 >&3 3>&-' sh \
		"$SOCKCAT" -U right
	within "$BOUND" test -e left.there
	within "$BOUND" test -e right.there
	for size in $sizes; do
		echo "$size bytes"
		suspend relay
		touch "stopped.$size"
		within "$BOUND" test -e "left.sent.$size"
		within "$BOUND" test -e "right.sent.$size"
		signal relay CONT
		within "$BOUND" test -e "left.got.$size"
		within "$BOUND" test -e "right.got.$size"
	done
	succeed left right relay
}

@test "what fills a buffer exactly is read from a pipe though nothing follows" {
	local size total=0 sizes='4096 8192 16384 32768 65536'
	local steps=(touch:there)

	for size in $sizes; do
		steps+=("expect-bytes:$size" "touch:got.$size")
		total=$((total + size))
	done
	bytes "$total" data
	mkfifo in
	exec 7<>in 6<data
	peer_listen server listen:127.0.0.1:0 accept "${steps[@]}" expect-eof \
		6<&-
	start client "$SOCKCAT" "$ADDRESS" "$PORT" <in 6<&-
	within "$BOUND" test -e there
	for size in $sizes; do
		echo "$size bytes"
		suspend client
		# By dd, which takes no more of what it shares than it is told.
		dd bs="$size" count=1 status=none <&6 >&7
		signal client CONT
		within "$BOUND" test -e "got.$size"
	done
	exec 7>&- 6<&-
	succeed client server
}

# A network of its own is one whose windows may be larger than most are.
@test "what fills the buffer of a file exactly is written though nothing follows" {
	local size total=0
	local sizes='4096 8192 16384 32768 65536 131072 262144'
	local steps=(touch:there)

	for size in $sizes; do
		steps+=("wait-file:stopped.$size" "send-bytes:$size" \
			"wait-file:seen.$size")
	done
	namespace
	inside sh -c 'echo 4096 8388608 8388608 >/proc/sys/net/ipv4/tcp_rmem'
	peer_listen server listen:127.0.0.1:0 accept "${steps[@]}" half-close \
		expect-eof
	start client "$SOCKCAT" "$ADDRESS" "$PORT"
	within "$BOUND" test -e there
	for size in $sizes; do
		echo "$size bytes"
		suspend client
		touch "stopped.$size"
		within "$BOUND" is_unread "$size"
		signal client CONT
		total=$((total + size))
		within "$BOUND" has_size client.out "$total"
		touch "seen.$size"
	done
	succeed client server
	bytes "$total" expected
	same_bytes expected client.out
}

# So many bytes wait to be read by what is connected to PORT.
is_unread() {
	local remote queue

	printf -v remote ':%04X' "$PORT"
	printf -v queue ':%08X' "$1"
	# shellcheck disable=SC2016 # awk's they are
	inside awk -v remote="$remote" -v queue="$queue" '
		index($3, remote) && index($5, queue) { found = 1 }
		END { exit !found }' /proc/net/tcp
}

# --- what is left -------------------------------------------------------------

@test "what a pipe still holds whose writer has gone is sent" {
	mkfifo in
	exec 6<>in
	"$PEER" print-bytes:60000 >&6
	exec 5<in 6>&-
	peer_listen server listen:127.0.0.1:0 accept expect-bytes:60000 \
		expect-eof send:reply close 5<&-
	start client "$SOCKCAT" "$ADDRESS" "$PORT" <&5
	exec 5<&-
	succeed client server
	holds client.out reply
}

# It is stopped until the connection says both that there is something to read
# and that it is over.
@test "what a peer had sent before it closed is written after that" {
	bytes 60000 expected
	bytes 100000 data
	peer_listen server listen:127.0.0.1:0 accept expect-bytes:100000 \
		expect-eof touch:heard wait-file:stopped send-bytes:60000 close
	start client "$SOCKCAT" "$ADDRESS" "$PORT" <data
	within "$BOUND" test -e heard
	signal client STOP
	touch stopped
	succeed server
	signal client CONT
	succeed client
	same_bytes expected client.out
}

# --- the list at the head -----------------------------------------------------

@test "each fault of the list has the tests that are named for it" {
	local file name count=0 missing=()

	while IFS= read -r name; do
		file=$TOP/test/${name%%: *}.bats
		name=${name#*: }
		count=$((count + 1))
		grep -qsFx "@test \"$name\" {" "$file" ||
			missing+=("$file: $name")
	done < <(sed -n '/^load /q; s/^#\t//p' "$BATS_TEST_FILENAME")
	printf 'missing: %s\n' "${missing[@]}"
	[ "${#missing[@]}" -eq 0 ]
	[ "$count" -ge 50 ]
}
