#!/usr/bin/env bats
# What the kernel copies for us, each way and each fallback: to the byte.

# shellcheck disable=SC2154 # stderr is set by run
load lib/helpers

# Round the sizes at which pages, pipes and rings end.
SIZES=(0 1 4095 4096 4097 65535 65536 65537 10485760)

# called NAME|NAME...: one of these system calls is in the trace
called() {
	grep -qE "^[0-9 ]*($1)\\(" trace
}

# piped FILE COMMAND...: its stdin is a pipe that brings the file
piped() {
	local file=$1
	shift

	cat -- "$file" | "$@"
}

# appending FILE COMMAND...: its stdout goes behind what is there
appending() {
	local file=$1
	shift

	exec >>"$file"
	exec "$@"
}

# serve SOURCE FILE ADDRESS_ARGUMENTS...: a listener that sends FILE from it
serve() {
	local source=$1 file=$2 command
	shift 2
	command=("$SOCKCAT" -l --announce server.announce "$@")

	case $source in
	file) start_announced server "${command[@]}" <"$file" ;;
	pipe) start_announced server piped "$file" "${command[@]}" ;;
	fifo)
		rm -f source.fifo
		mkfifo source.fifo
		start feeder to source.fifo cat "$file"
		start_announced server "${command[@]}" <source.fifo
		;;
	esac
}

# fetch SINK OPTION...: receives it in got
fetch() {
	local sink=$1 command
	shift
	command=("$SOCKCAT" "$@" "$ADDRESS" ${PORT:+"$PORT"})

	[[ $ADDRESS != /* ]] || command=("$SOCKCAT" "$@" -U "$ADDRESS")
	rm -f got sink.fifo
	case $sink in
	file) start client to got "${command[@]}" ;;
	append) start client appending got "${command[@]}" ;;
	pipe)
		mkfifo sink.fifo
		start reader to got cat sink.fifo
		start client to sink.fifo "${command[@]}"
		;;
	esac
	succeed client
	[[ $sink != pipe ]] || succeed reader
}

# passes SIZE SOURCE SINK ADDRESS_ARGUMENTS...
passes() {
	local size=$1 source=$2 sink=$3
	shift 3

	echo "$size bytes from a $source to a $sink"
	serve "$source" sent "$@"
	fetch "$sink"
	succeed server
	[[ $source != fifo ]] || succeed feeder
	same_bytes sent got
}

# Every pair at one size, and each source and sink at every size.
every_source_and_sink() {
	local size source sink

	bytes 1048577 sent
	for source in file pipe fifo; do
		for sink in file append pipe; do
			passes 1048577 $source $sink "$@"
		done
	done
	for size in "${SIZES[@]}"; do
		bytes "$size" sent
		passes "$size" file pipe "$@"
		passes "$size" pipe file "$@"
		passes "$size" fifo append "$@"
	done
}

@test "every source reaches every sink whole over IPv4" {
	every_source_and_sink 127.0.0.1 0
}

@test "every source reaches every sink whole over IPv6" {
	requires_ipv6
	SIZES=(0 1 65537)
	every_source_and_sink ::1 0
}

@test "every source reaches every sink whole over a Unix socket" {
	every_source_and_sink -U "$PWD/socket"
}

# copy_traced COMMAND...: one megabyte through a client, its calls in trace
copy_traced() {
	strace -f -o trace -e trace=sendfile,splice,read,readv,recvmsg,recvfrom,write,writev,sendmsg "$@"
}

@test "the kernel copies a file to a socket, and a pipe both ways" {
	requires strace
	requires_plain_build
	requires_feature splice
	bytes 1000000 sent

	listen_on server 127.0.0.1 0
	copy_traced "$SOCKCAT" -d -N "$ADDRESS" "$PORT" <sent
	succeed server
	listen_on server 127.0.0.1 0
	copy_traced "$SOCKCAT" "$ADDRESS" "$PORT" <sent
	succeed server
	same_bytes sent server.out
	called sendfile
	run ! called 'writev|sendmsg'

	listen_on server 127.0.0.1 0
	copy_traced "$SOCKCAT" "$ADDRESS" "$PORT" < <(cat sent)
	succeed server
	same_bytes sent server.out
	[ "$(moved_by splice)" -ge 900000 ]

	listen_on server 127.0.0.1 0 <sent
	copy_traced "$SOCKCAT" -d "$ADDRESS" "$PORT" | cat >got
	succeed server
	same_bytes sent got
	[ "$(moved_by splice)" -ge 900000 ]
}

@test "small pieces are read and written, which costs less" {
	local n steps=()

	requires strace
	requires_plain_build
	for n in {1..20}; do
		steps+=("expect:ping$n" "send:pong$n" "touch:answered$n")
	done
	mkfifo in
	exec 7<>in
	peer_listen server listen:127.0.0.1:0 accept "${steps[@]}" \
		expect-eof close
	start client copy_traced "$SOCKCAT" "$ADDRESS" "$PORT" <in
	for n in {1..20}; do
		printf 'ping%s' "$n" >&7
		within "$BOUND" test -e "answered$n"
	done
	exec 7>&-
	succeed client server
	run ! called splice
}

@test "nothing is copied to the null device, and all of it is counted" {
	requires strace
	requires_plain_build
	requires_feature splice
	bytes 1000000 sent
	listen_on server 127.0.0.1 0 <sent
	copy_traced "$SOCKCAT" -v "$ADDRESS" "$PORT" </dev/null >/dev/null 2>said
	succeed server
	grep -qx 'Sent 0 bytes, received 1000000 bytes' said
	[ "$(moved_by recvfrom)" -eq 1000000 ]
	run ! grep -q 'writev(1,' trace
}

@test "nothing is spliced into a file" {
	requires strace
	requires_plain_build
	bytes 1000000 sent
	listen_on server 127.0.0.1 0 <sent
	copy_traced "$SOCKCAT" "$ADDRESS" "$PORT" </dev/null >got
	succeed server
	same_bytes sent got
	run ! called 'splice'
}

# tally FILE LINES: as many lines of 100 a's and of 100 b's, none broken
tally() {
	[ "$(grep -cxE 'a{100}' "$1")" -eq "$2" ]
	[ "$(grep -cxE 'b{100}' "$1")" -eq "$2" ]
	[ "$(wc -l <"$1")" -eq $((2 * $2)) ]
}

@test "two that share one output file lose nothing" {
	local letter line mode

	for letter in a b; do
		printf -v line '%0100d' 0
		yes "${line//0/$letter}" | head -n 20000 >"$letter" || true
	done
	for mode in shared append; do
		echo "$mode"
		rm -f got
		listen_on one 127.0.0.1 0 <a
		set -- "$ADDRESS" "$PORT"
		listen_on two 127.0.0.1 0 <b
		if [[ $mode == shared ]]; then
			exec 7>got
			"$SOCKCAT" -d "$@" >&7 7>&- &
			"$SOCKCAT" -d "$ADDRESS" "$PORT" >&7 7>&-
			exec 7>&-
		else
			"$SOCKCAT" -d "$@" >>got &
			"$SOCKCAT" -d "$ADDRESS" "$PORT" >>got
		fi
		wait $!
		succeed one two
		# Writes of either may fall between lines of the other only by
		# luck: what must hold is that no byte is missing.
		[ "$(wc -c <got)" -eq $((2 * 20000 * 101)) ]
		[ "$(tr -cd a <got | wc -c)" -eq 2000000 ]
		[ "$(tr -cd b <got | wc -c)" -eq 2000000 ]
	done
}

# goes_on CALL ERRNO WHEN: a copy that the kernel refuses from the WHENth on
goes_on() {
	local inject=$1:error=$2:when=$3

	echo "$inject"
	listen_on server 127.0.0.1 0
	if [[ $1 == sendfile ]]; then
		strace -o trace -e trace="$1" -e inject="$inject" \
			"$SOCKCAT" "$ADDRESS" "$PORT" <sent
	else
		strace -o trace -e trace="$1" -e inject="$inject" \
			"$SOCKCAT" "$ADDRESS" "$PORT" < <(cat sent)
	fi
	succeed server
	same_bytes sent server.out
	grep -q INJECTED trace

	[[ $1 != sendfile ]] || return 0
	listen_on server 127.0.0.1 0 <sent
	strace -o trace -e trace="$1" -e inject="$inject" \
		"$SOCKCAT" -d "$ADDRESS" "$PORT" | cat >got
	succeed server
	same_bytes sent got
	grep -q INJECTED trace
}

@test "a copy that is refused is done by reading and writing, once" {
	local call error when

	requires strace
	requires_plain_build
	requires_feature splice
	bytes 3000000 sent
	for call in sendfile splice; do
		for error in EINVAL ENOSYS EOPNOTSUPP; do
			for when in 1 2; do
				goes_on $call $error "$when"
				[ "$(grep -c "$call(" trace)" -eq "$when" ]
			done
		done
	done
}

@test "a copy that is interrupted or finds nothing goes on" {
	local call error

	requires strace
	requires_plain_build
	requires_feature splice
	bytes 3000000 sent
	for call in sendfile splice; do
		for error in EINTR EAGAIN; do
			goes_on $call $error 1+2
			goes_on $call $error 2+2
		done
	done
}

@test "a file that cannot be read in the middle is no success" {
	requires strace
	requires_plain_build
	requires_feature splice
	bytes 3000000 sent
	listen_on server 127.0.0.1 0
	run --separate-stderr strace -o trace -e trace=sendfile \
		-e inject=sendfile:error=EIO:when=2 \
		"$SOCKCAT" "$ADDRESS" "$PORT" <sent
	[ "$status" -eq 7 ]
	# In the words of glibc or of musl.
	[[ "$stderr" =~ ^'sockcat: read from stdin: I'(nput/output|/O)' error'$ ]]
	succeed server
}

@test "a reader that takes one page and stops holds up only its own side" {
	bytes 2000000 sent
	peer_listen server listen:127.0.0.1:0 accept queue-bytes:2000000 \
		expect-bytes:2000000 touch:all-sent stall
	mkfifo out
	exec 7<>out
	start client to out "$SOCKCAT" "$ADDRESS" "$PORT" <sent
	head -c 4096 <&7 >page
	within "$BOUND" test -e all-sent
	bytes 4096 expected
	same_bytes expected page
	is_running client
	signal client TERM
	finish client 143
	signal server KILL
	finish server 137
	exec 7>&-
}

# vanish: a client whose reader takes 100,000 bytes and goes
vanish() {
	bytes 50000000 sent
	listen_on server 127.0.0.1 0 <sent
	run bash -c '"$@" | head -c 100000 | wc -c
		echo "${PIPESTATUS[0]}"' - "$SOCKCAT" -d "$ADDRESS" "$PORT"
	finish server
}

@test "a reader that vanishes in the middle ends it by SIGPIPE" {
	vanish
	[ "${lines[0]}" -eq 100000 ]
	[ "${lines[1]}" -eq 141 ]
}

@test "a sender whose peer vanished does not end with 0" {
	requires_feature unsent
	vanish
	[ "$status" -eq 6 ]
}

@test "a disk that fills in the middle is exit 7, with the count right" {
	bytes 5000000 sent
	listen_on server 127.0.0.1 0 <sent
	run --separate-stderr bash -c 'ulimit -f 1000; exec "$@" >got' - \
		"$SOCKCAT" -v -d "$ADDRESS" "$PORT"
	[ "$status" -eq 7 ]
	[[ "$stderr" == *'sockcat: write to stdout: File too large'* ]]
	[[ "$stderr" == *"Sent 0 bytes, received $(wc -c <got) bytes"* ]]
	[ "$(wc -c <got)" -eq 1024000 ]
	head -c 1024000 sent | cmp - got
	finish server
}

@test "totals are right to the byte, whatever copies" {
	local size

	for size in 0 1 65537 3000001; do
		bytes "$size" sent
		listen_on server -v 127.0.0.1 0 <sent
		"$SOCKCAT" -v "$ADDRESS" "$PORT" <sent 2>said | cat >got
		finish server 0
		same_bytes sent got
		same_bytes sent server.out
		grep -qx "Sent $size bytes, received $size bytes" said
		grep -qx "Sent $size bytes, received $size bytes" server.err
	done
}

@test "five gibibytes through a pipe at both ends arrive whole" {
	local size=$((5 << 30)) sent

	[[ -n ${SOCKCAT_BIG:-} ]] || skip 'takes long: set SOCKCAT_BIG'
	listen_on server 127.0.0.1 0 < <("$PEER" print-bytes:$size)
	sent=$("$PEER" print-bytes:$size | cksum)
	[ "$("$SOCKCAT" -d "$ADDRESS" "$PORT" | cksum)" = "$sent" ]
	[[ $sent == *" $size" ]]
	succeed server
}
