#!/usr/bin/env bats
# -o: what went over the socket, byte by byte, in a file.

# shellcheck disable=SC2153,SC2154 # run and load set them
load lib/helpers

# row DIRECTION OFFSET HEX TEXT: prints a line of a dump.
row() {
	printf '%s %s %-48s# %s\n' "$1" "$2" "$3" "$4"
}

# rows DIRECTION OFFSET FILE: prints those of a file that went at once.
rows() {
	local text hex i=0

	text=$(LC_ALL=C tr -c '\40-\176' . <"$3")
	while read -r hex; do
		row "$1" "$(printf %08x $(($2 + i)))" "$hex" "${text:i:16}"
		i=$((i + 16))
	done < <(od -An -v -tx1 -w16 "$3")
}

# dumped FILE ROW...: it holds just these.
dumped() {
	local file=$1
	shift

	printf '%s\n' "$@" >expected
	diff expected "$file"
}

# well_formed FILE: each of its lines is one of a dump, and each direction's
# offsets count its bytes without a gap.
well_formed() {
	LC_ALL=C awk '
		!/^[<>] [0-9a-f]+ ([0-9a-f][0-9a-f] )* *# / ||
				index($0, "# ") < 60 {
			print "line " NR " is no line of a dump: " $0
			exit bad = 1
		}
		{
			hex = substr($0, length($1 $2) + 3, 48)
			text = substr($0, length($1 $2) + 53)
			n = split(hex, bytes, " ")
			if ($2 != sprintf("%08x", offset[$1]) ||
					length(text) != n ||
					text ~ /[^ -~]/) {
				print "line " NR " is wrong: " $0
				exit bad = 1
			}
			offset[$1] += n
		}
		END { exit bad }' "$1"
}

# hex_of FILE DIRECTION: prints the bytes that went there, one a line.
hex_of() {
	LC_ALL=C sed -n "s/^$2 [0-9a-f]* \\(.\\{48\\}\\)# .*/\\1/p" "$1" |
		tr -s ' ' '\n' | grep .
}

# same_hex DUMP DIRECTION FILE: all bytes of the file went there, and no others.
same_hex() {
	cmp <(hex_of "$1" "$2") <(od -An -v -tx1 -w1 "$3" | tr -d ' ')
}

# talk ARG...: a client with these says hello, and hears how the world is.
talk() {
	peer_listen server listen:127.0.0.1:0 accept expect:'hello\n' \
		send:'world\n' expect-eof close
	start client "$SOCKCAT" "$@" "$ADDRESS" "$PORT" <<<hello
}

UP="> 00000000 68 65 6c 6c 6f 0a                               # hello."
DOWN="< 00000000 77 6f 72 6c 64 0a                               # world."

# with_umask MASK COMMAND...
with_umask() {
	umask "$1"
	shift
	exec_command "$@"
}

# has_grown FILE N: it has so many bytes, or more.
has_grown() {
	(($(wc -c <"$1") >= $2))
}

# --- the format ---------------------------------------------------------------

@test "-o dumps what is sent and what is received" {
	local option

	for option in '-o dump' -odump '--hex-dump dump' --hex-dump=dump; do
		# shellcheck disable=SC2086 # they are words
		talk $option
		succeed client server
		holds client.out 'world\n'
		dumped dump "$UP" "$DOWN"
		rm dump
	done
}

@test "a listener's dump is likewise seen from its side" {
	listen_on server -o dump 127.0.0.1 0 <<<hello
	peer client connect:"$ADDRESS:$PORT" expect:'hello\n' send:'world\n' \
		close
	succeed client server
	holds server.out 'world\n'
	dumped dump "$UP" "$DOWN"
}

@test "a dump has 16 bytes in a line, and each read begins a new one" {
	mkfifo in
	exec 7<>in
	peer_listen server listen:127.0.0.1:0 accept expect:0123456789abcdef \
		send:0123456789abcdef0123 wait-file:seen \
		send:abcd expect:+ expect-eof close
	start client "$SOCKCAT" -o dump "$ADDRESS" "$PORT" <in
	printf 0123456789abcdef >&7
	until_holds client.out 0123456789abcdef0123
	touch seen
	until_holds client.out 0123456789abcdef0123abcd
	printf + >&7
	exec 7>&-
	succeed client server
	dumped dump \
		"$(row '>' 00000000 '30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66' \
			0123456789abcdef)" \
		"$(row '<' 00000000 '30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66' \
			0123456789abcdef)" \
		"$(row '<' 00000010 '30 31 32 33' 0123)" \
		"$(row '<' 00000014 '61 62 63 64' abcd)" \
		"$(row '>' 00000010 2b +)"
}

@test "a dump shows each byte, and as text those that can be printed" {
	local byte

	for byte in {0..255}; do
		# shellcheck disable=SC2059 # an escape it is
		printf "\\x$(printf %02x "$byte")"
	done >all
	peer_listen server listen:udp:127.0.0.1:0 accept print-messages:1 \
		send:'\xff\\\x7f~ !\0' close
	start client "$SOCKCAT" -u -W 1 -w "$BOUND" -o dump \
		"$ADDRESS" "$PORT" <all
	succeed client server
	printf '\xff\\\x7f~ !\0' >answer
	{
		rows '>' 0 all
		rows '<' 0 answer
	} >expected
	diff expected dump
	grep -q '^> 00000020 20 21 22 .* 2f #  !"#\$%&.()\*+,-\./$' dump
	grep -q '^> 00000070 70 71 .* 7e 7f # pqrstuvwxyz{|}~\.$' dump
	grep -q '^< 00000000 ff 5c 7f 7e 20 21 00  *# \.\\\.~ !\.$' dump
}

@test "a dump of megabytes each way has all their bytes" {
	requires awk od
	bytes 1000000 up
	bytes 700000 down
	peer_listen server listen:127.0.0.1:0 accept queue-bytes:700000 \
		expect-bytes:1000000 expect-eof flush close
	start client "$SOCKCAT" -o dump "$ADDRESS" "$PORT" <up
	succeed client server
	same_bytes down client.out
	well_formed dump
	same_hex dump '>' up
	same_hex dump '<' down
}

@test "what a dump has of a write is what the network took" {
	bytes 3000000 up
	mkfifo in
	exec 7<>in
	peer_listen server rcvbuf:4096 listen:127.0.0.1:0 accept wait-file:go \
		expect-bytes:3000000 expect-eof close
	start feeder to in cat up
	start client "$SOCKCAT" -O 4k -o dump "$ADDRESS" "$PORT" <in
	within "$BOUND" has_grown dump 10000
	touch go
	finish feeder 0
	exec 7>&-
	succeed client server
	well_formed dump
	same_hex dump '>' up
}

@test "where pipes would be spliced and files sent, a dump has all as well" {
	local size=500000

	bytes $size data
	listen_on server -o sent 127.0.0.1 0 <data
	start client to /dev/null "$SOCKCAT" -o received "$ADDRESS" "$PORT"
	succeed client server
	same_hex sent '>' data
	same_hex received '<' data

	listen_on server -o sent 127.0.0.1 0 < <(cat data)
	"$SOCKCAT" -o received "$ADDRESS" "$PORT" </dev/null | cat >got
	succeed server
	same_bytes data got
	same_hex sent '>' data
	same_hex received '<' data
}

@test "with -o the kernel copies nothing past it" {
	requires strace
	requires_plain_build
	bytes 1000000 data
	listen_on server 127.0.0.1 0 <data
	strace -f -qq -o trace -e trace=splice,sendfile,recvfrom,read,readv \
		"$SOCKCAT" -o dump "$ADDRESS" "$PORT" <data | cat >got
	finish server 0
	same_bytes data got
	run ! grep -qE '^[0-9 ]*(splice|sendfile)\(' trace
	run ! grep -q MSG_TRUNC trace
}

# --- taps ---------------------------------------------------------------------

@test "with -C a dump has the newlines as they are sent" {
	peer_listen server listen:127.0.0.1:0 accept expect:'a\r\nb\r\n' \
		send:'c\nd\r\n' expect-eof close
	start client "$SOCKCAT" -C -o dump "$ADDRESS" "$PORT" \
		< <(printf 'a\nb\n')
	succeed client server
	holds client.out 'c\nd\r\n'
	dumped dump "$(row '>' 00000000 '61 0d 0a 62 0d 0a' a..b..)" \
		"$(row '<' 00000000 '63 0a 64 0d 0a' c.d..)"
}

@test "with -t a dump has the commands, and the answers to them" {
	peer_listen server listen:127.0.0.1:0 accept \
		send:'a\xff\xfd\x01b\xff\xff' expect:'\xff\xfc\x01' \
		touch:answered expect:'\xff\xff' expect-eof close
	start client "$SOCKCAT" -t -o dump "$ADDRESS" "$PORT" \
		< <(after answered printf '\xff')
	succeed client server
	holds client.out 'ab\xff'
	dumped dump "$(row '<' 00000000 '61 ff fd 01 62 ff ff' a...b..)" \
		"$(row '>' 00000000 'ff fc 01' ...)" \
		"$(row '>' 00000003 'ff ff' ..)"
}

@test "a dump has what --send-only drops" {
	peer_listen server listen:unix:path accept send:'world\n' wait-read \
		touch:sent expect:'hello\n' expect-eof close
	start client "$SOCKCAT" --send-only -o dump -U "$ADDRESS" \
		< <(after sent echo hello)
	succeed client server
	holds client.out ''
	dumped dump "$DOWN" "$UP"
}

# --- messages -----------------------------------------------------------------

@test "in a dump each datagram begins a line, and an empty one is a line" {
	printf 'one\n\ntwo\n' >in
	peer_listen server listen:udp:127.0.0.1:0 accept print-messages:3 \
		send:a send:'' send:b
	start client "$SOCKCAT" -u -W 3 -w "$BOUND" --line-datagrams -o dump \
		"$ADDRESS" "$PORT" <in
	succeed client server
	holds client.out ab
	dumped dump "$(row '>' 00000000 '6f 6e 65' one)" \
		"$(row '>' 00000003 '' '')" \
		"$(row '>' 00000003 '74 77 6f' two)" \
		"$(row '<' 00000000 61 a)" \
		"$(row '<' 00000001 '' '')" \
		"$(row '<' 00000001 62 b)"
	# The mark is where it always is, and its blank follows.
	grep -q '^< 00000001 \{49\}# $' dump
}

@test "a large datagram is dumped whole" {
	bytes 40000 data
	listen_on server -u -W 1 -o received 127.0.0.1 0
	start client "$SOCKCAT" -u -q 0 -o sent "$ADDRESS" "$PORT" <data
	succeed client server
	same_bytes data server.out
	well_formed sent
	same_hex sent '>' data
	sed 's/^>/</' sent | diff - received
}

@test "a listener for everyone's datagrams dumps what it answers as well" {
	mkfifo in
	exec 7<>in
	listen_on server -u -k -o dump 127.0.0.1 0 <in
	peer one connect:udp:"$ADDRESS:$PORT" send:one
	succeed one
	until_holds server.out one
	peer two connect:udp:"$ADDRESS:$PORT" send:two expect:'answer\n'
	until_holds server.out onetwo
	echo answer >&7
	succeed two
	signal server TERM
	finish server 143
	holds server.err ''
	dumped dump "$(row '<' 00000000 '6f 6e 65' one)" \
		"$(row '<' 00000003 '74 77 6f' two)" \
		"$(row '>' 00000000 '61 6e 73 77 65 72 0a' answer.)"
}

@test "Unix sockets of all types are dumped" {
	local type

	for type in stream dgram seqpacket; do
		rm -f path mine
		listen_on server -U --type "$type" -o "$type" path <<<hello
		case $type in
		stream) peer client connect:unix:path send:'world\n' \
			expect:'hello\n' close ;;
		dgram) peer client from:unix-dgram:mine \
			connect:unix-dgram:path send:'world\n' \
			expect:'hello\n' ;;
		seqpacket) peer client connect:unix-seqpacket:path \
			send:'world\n' expect:'hello\n' close ;;
		esac
		succeed client
		if [[ $type == dgram ]]; then
			signal server TERM
			finish server 143
		else
			finish server 0
		fi
		holds server.out 'world\n'
		holds server.err ''
		dumped <(sort "$type") "$DOWN" "$UP"
	done
}

# --- the file -----------------------------------------------------------------

@test "-o - dumps to standard error" {
	talk -o -
	finish client 0
	succeed server
	holds client.out 'world\n'
	dumped client.err "$UP" "$DOWN"
	[ ! -e - ]
}

@test "-o - and -v share standard error, a line each" {
	talk -v -o -
	finish client 0
	succeed server
	told client.err "Connection to 127.0.0.1 $PORT port [tcp/*] succeeded!\n\
$UP\n${DOWN}\nSent 6 bytes, received 6 bytes\n"
}

@test "-o makes a file that only its owner reads" {
	start client with_umask 0 "$SOCKCAT" -o dump 127.0.0.1 1
	finish client 1
	[ "$(stat -c %a dump)" = 600 ]
	rm dump
	start client with_umask 0200 "$SOCKCAT" -o dump 127.0.0.1 1
	finish client 1
	[ "$(stat -c %a dump)" = 400 ]
}

@test "-o empties the file that is there, and leaves its mode" {
	head -c 100000 /dev/zero >dump
	chmod 640 dump
	talk -o dump
	succeed client server
	dumped dump "$UP" "$DOWN"
	[ "$(stat -c %a dump)" = 640 ]
}

@test "-o follows links" {
	ln -s target link
	talk -o link
	succeed client server
	[ -L link ]
	[ ! -L target ]
	dumped target "$UP" "$DOWN"

	echo old >target
	talk -o link
	succeed client server
	[ -L link ]
	dumped target "$UP" "$DOWN"
}

@test "a dump is to be had in a file, in a pipe and in what /dev names" {
	mkfifo fifo
	start reader cat fifo
	talk -o fifo
	succeed client server reader
	dumped reader.out "$UP" "$DOWN"

	talk -o /dev/null
	succeed client server
	holds client.out 'world\n'

	talk -o /dev/stderr
	finish client 0
	succeed server
	dumped client.err "$UP" "$DOWN"
}

# It would be exit 1 if it had tried to connect first.
@test "a dump that cannot be opened is exit 7, before there is a connection" {
	local options

	: >file
	for options in '' -u '-l' '-lk' '-ulk'; do
		# shellcheck disable=SC2086 # they are words
		fails 7 'sockcat: open .: Is a directory' $options -o . \
			127.0.0.1 1
		# shellcheck disable=SC2086 # they are words
		fails 7 'sockcat: open none/dump: No such file or directory' \
			$options -o none/dump 127.0.0.1 1
	done
	fails 7 'sockcat: open file/dump: Not a directory' -o file/dump \
		127.0.0.1 1
}

@test "who may not write a dump is told so, and the file is as it was" {
	echo precious >dump
	chmod 444 dump
	as_nobody "$SOCKCAT" --version
	[ "$status" -eq 0 ] || skip "needs a sockcat that anyone may run"
	as_nobody cat dump
	[ "$status" -eq 0 ] || skip "needs a directory that anyone may read"
	as_nobody "$SOCKCAT" -o dump 127.0.0.1 1
	[ "$status" -eq 7 ]
	[ "$output" = '' ]
	[ "$stderr" = 'sockcat: open dump: Permission denied' ]
	holds dump 'precious\n'
}

@test "a name that is empty, or missing, is a usage error" {
	refused "--hex-dump: the name is empty: ''" -o '' 127.0.0.1 1
	refused "--hex-dump: the name is empty: ''" --hex-dump= 127.0.0.1 1
	run_sockcat -o
	[ "$status" -eq 2 ]
	[ "$output" = '' ]
}

@test "-o is refused where nothing is transferred" {
	refused '-o does not fit -e: the program transfers' -e cat -o dump \
		127.0.0.1 1
	refused '-o does not fit -c: the command transfers' -c cat -o dump \
		127.0.0.1 1
	refused '-o does not fit -F: the connection is passed on' -F -o dump \
		127.0.0.1 1
	refused '-o shows what -z does not send' -z -o dump 127.0.0.1 1
	refused '-o does not fit -e: the program transfers' -l -k -e cat \
		-o dump 127.0.0.1 0
	[ ! -e dump ]
}

# --- a file that takes no more ------------------------------------------------

@test "a dump onto a full device is told once, and all is transferred" {
	bytes 2000000 data
	peer_listen server listen:127.0.0.1:0 accept queue-bytes:2000000 \
		expect-bytes:2000000 expect-eof flush close
	start client "$SOCKCAT" -o /dev/full "$ADDRESS" "$PORT" <data
	finish client 7
	holds client.err \
		'sockcat: write to /dev/full: No space left on device\n'
	succeed server
	same_bytes data client.out
}

@test "a dump at its limit is told once, and all is sent" {
	bytes 300000 data
	peer_listen server listen:127.0.0.1:0 accept expect-bytes:300000 \
		expect-eof send:answer close
	start client file_limit 64 "$SOCKCAT" -o dump "$ADDRESS" "$PORT" <data
	finish client 7
	holds client.out answer
	holds client.err 'sockcat: write to dump: File too large\n'
	succeed server
	[ "$(wc -c <dump)" -eq 65536 ]
}

@test "a dump whose reader goes is told once, and all is transferred" {
	bytes 2000000 data
	mkfifo fifo in
	exec 7<>in
	start reader head -c 100 fifo
	peer_listen server listen:127.0.0.1:0 accept expect:'hello\n' \
		send-bytes:2000000 expect-bytes:2000000 expect-eof close
	start client env --default-signal=PIPE "$SOCKCAT" -o fifo \
		"$ADDRESS" "$PORT" <in
	echo hello >&7
	finish reader 0
	cat data >&7
	exec 7>&-
	finish client 7
	holds client.err 'sockcat: write to fifo: Broken pipe\n'
	succeed server
	same_bytes data client.out
}

@test "a dump that fails does not hide a worse end" {
	mkfifo in
	exec 7<>in
	echo hello >&7
	peer_listen server listen:127.0.0.1:0 accept 'expect:hello\n' \
		send:'world\n' touch:sent wait-file:seen reset
	start client "$SOCKCAT" -o dump "$ADDRESS" "$PORT" <in
	until_holds client.out 'world\n'
	touch seen
	finish client 6
	[[ $(<client.err) == "sockcat: connection to 127.0.0.1 port $PORT (tcp)\
 lost: Connection reset by peer" ]]
	succeed server
	dumped dump "$UP" "$DOWN"
}

# The dump fails only when nothing is awaited any more but that all is taken.
# That is given up after a second: who is slower has to try again.
@test "a dump that fails while the end is awaited is told, too" {
	local try

	bytes 200000 data
	mkfifo fifo
	for try in 1 2 3 4 5; do
		rm -f go
		start reader cat fifo
		peer_listen server rcvbuf:4096 listen:127.0.0.1:0 accept \
			wait-file:go send:late discard-all
		start client env --default-signal=PIPE "$SOCKCAT" --send-only \
			--sndbuf 400k -o fifo "$ADDRESS" "$PORT" <data
		within "$BOUND" has_sent_end_or_ended client
		stop reader
		touch go
		finish client
		finish server
		[[ $(<client.err) == *'took nothing more for '* ]] || break
		echo "try $try: $(<client.err)"
	done
	finish client 7
	holds client.out ''
	holds client.err 'sockcat: write to fifo: Broken pipe\n'
	succeed server
	same_hex reader.out '>' data
}

has_sent_end_or_ended() {
	has_sent_end "$PORT" || has_ended "$1"
}

# has_sent_end PORT: it has shut down its side of the connection there, and that
# has not been taken (4: FIN_WAIT1).
has_sent_end() {
	awk -v port=":$(printf %04X "$1")" '
		index($3, port) && $4 == "04" { found = 1 }
		END { exit !found }' /proc/net/tcp
}

# stalled ARG...: its dump is a FIFO, "dump", which nobody reads, and so the
# transfer stalls, with what the file "held" tells the server.
stalled() {
	mkfifo dump
	exec 7<>dump
	bytes 3000000 data
	peer_listen server rcvbuf:4096 listen:127.0.0.1:0 accept \
		expect-bytes:1000 touch:begun discard-all
	start client "$SOCKCAT" "$@" -o dump "$ADDRESS" "$PORT" <data
	within "$BOUND" test -e begun
	within "$BOUND" is_full dump
}

# is_full FIFO: which 7 has open.  What is tried brings it one byte at most.
is_full() {
	! dd if=/dev/zero of="$1" bs=4096 count=1 oflag=nonblock \
		status=none 2>/dev/null
}

@test "a dump that nobody reads holds the transfer up, and TERM ends it" {
	local signal

	for signal in TERM HUP; do
		stalled
		is_running client
		signal client "$signal"
		finish client $((128 + $(kill -l "$signal")))
		holds client.err ''
		finish server
		rm dump begun
	done
}

@test "a dump that nobody reads is ended by --deadline" {
	stalled --deadline 1
	finish client 4
	holds client.err "sockcat: connection to 127.0.0.1 port $PORT (tcp):\
 deadline passed\n"
	finish server
}

@test "a dump that --deadline ends is exit 4, though all had come" {
	full_pipe dump
	listen_after sent server -d --deadline 0.5 -o dump
	peer client connect:"$ADDRESS:$PORT" send:hello touch:sent close
	finish server 4
	succeed client
	holds server.out hello
	[[ $(<server.err) == 'sockcat: connection to 127.0.0.1 port '*' (tcp):'\
' deadline passed' ]]
}

@test "a dump whose last bytes are lost as it is closed is exit 7" {
	requires strace
	requires_plain_build
	peer_listen server listen:127.0.0.1:0 accept send:hello expect-eof close
	start client timeout "$BOUND" strace -qq -o trace -P "$PWD/dump" \
		-e trace=close -e inject=close:error=EIO "$SOCKCAT" -o dump \
		"$ADDRESS" "$PORT"
	finish client 7
	succeed server
	holds client.out hello
	[[ $(<client.err) == 'sockcat: write to dump: '@(Input/output|I/O)' error' ]]
}

@test "a dump that is read late is whole" {
	requires_native 'what it waits in is not seen'
	bytes 300000 data
	mkfifo dump
	exec 7<>dump
	peer_listen server listen:127.0.0.1:0 accept read-all
	start reader after go cat <dump
	start client "$SOCKCAT" -o dump "$ADDRESS" "$PORT" <data
	exec 7>&-
	within "$BOUND" is_stuck client
	is_running client
	touch go
	succeed client server reader
	same_bytes data server.out
	well_formed reader.out
	same_hex reader.out '>' data
}

# is_stuck NAME: sockcat is what runs there, and sleeps
is_stuck() {
	local name state

	read -r _ name state _ <"/proc/${PIDS[$1]}/stat"
	[[ $name == '(sockcat'* && $state == S ]]
}

@test "a FIFO that has no reader yet is waited for, and TERM ends that" {
	requires_native 'what it waits in is not seen'
	mkfifo dump
	start client env --default-signal=INT "$SOCKCAT" -o dump 127.0.0.1 1
	within "$BOUND" is_stuck client
	signal client TERM
	finish client 143
	holds client.out ''
	holds client.err ''
}

# --- many clients -------------------------------------------------------------

@test "clients of -k are dumped into one file, whole lines" {
	local i

	requires awk od
	bytes 60000 data
	listen_on server -k -o dump 127.0.0.1 0 <data
	for i in 1 2 3 4; do
		peer client-"$i" connect:"$ADDRESS:$PORT" touch:there-"$i" \
			wait-file:there-4 expect-bytes:60000 expect-eof \
			send:"number$i" close
	done
	succeed client-1 client-2 client-3 client-4
	within "$BOUND" has_grown server.out 28
	signal server TERM
	finish server 143
	holds server.err ''
	# Each client's offsets are its own.
	run ! grep -vE '^[<>] [0-9a-f]{8} ([0-9a-f]{2} ){0,16} *# .{0,16}$' dump
	[ "$(hex_of dump '>' | wc -l)" -eq 240000 ]
	[ "$(grep -c '^> 00000000 ' dump)" -eq 4 ]
	for i in 1 2 3 4; do
		[ "$(grep -cFx "$(row '<' 00000000 \
			"6e 75 6d 62 65 72 3$i" "number$i")" dump)" -eq 1 ]
	done
}

@test "a later client of -k does not empty the dump" {
	local i

	listen_on server -k -d -o dump 127.0.0.1 0
	for i in 1 2; do
		peer client connect:"$ADDRESS:$PORT" send:"$i" half-close \
			expect-eof close
		succeed client
		until_dumped "$i"
	done
	signal server TERM
	finish server 143
	dumped dump "$(row '<' 00000000 31 1)" "$(row '<' 00000000 32 2)"
}

until_dumped() {
	within "$BOUND" grep -qs "# $1\$" dump
}
