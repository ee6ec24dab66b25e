#!/usr/bin/env bats
# What a socket is, domain, type and protocol, and what is set on it.

# shellcheck disable=SC2153,SC2154 # run and load set them
load lib/helpers

# What is compared with these is a pattern: glibc's words, or musl's.
IN_USE='@(Address already in use|Address in use)'
NOT_OURS='@(Cannot assign requested address|Address not available)'
TIMED_OUT='@(Connection|Operation) timed out'

# misused PATTERN ARG...: a usage error that says so.
misused() {
	local pattern=$1
	shift

	run_sockcat "$@"
	echo "sockcat $*: status $status, output '$output', stderr '$stderr'"
	[ "$status" -eq 2 ]
	[ "$output" = '' ]
	# shellcheck disable=SC2053 # a pattern it is
	[[ ${stderr_lines[0]} == "sockcat: "$pattern ]]
	[ "${stderr_lines[1]}" = "Try 'sockcat --help'." ]
	[ "${#stderr_lines[@]}" -eq 2 ]
}

# requires_protocol NAME: skips the test where the kernel has none, as it
# calls them.
requires_protocol() {
	grep -q "^$1 " /proc/net/protocols || skip "needs a kernel with $1"
}

requires_mptcp() {
	requires_protocol MPTCP
	if [[ $(</proc/sys/net/mptcp/enabled) != 1 ]]; then
		skip "needs MPTCP that is turned on"
	fi
}

requires_interface() {
	run_sockcat --interface lo 127.0.0.1 1
	[[ $stderr != *'Protocol not available' ]] ||
		skip "needs a build with --interface"
}

# exchanged SERVER CLIENT: each has sent its megabyte, and has the other's.
exchanged() {
	finish client 0
	finish server 0
	same_bytes server.in client.out
	same_bytes client.in server.out
	holds client.err ''
	holds server.err ''
}

# hex FILE: prints it as hexadecimal digits, without a space.
hex() {
	od -An -v -tx1 "$1" | tr -d ' \n'
}

# --- how they are chosen ------------------------------------------------------

@test "a type that there is not is refused with those that there are" {
	local type

	for type in foo '' STREAM 1 'stream|dgram' 'stream,' str; do
		misused "--type: '$type' is not one of stream|dgram|seqpacket|raw" \
			--type "$type" 127.0.0.1 1
	done
	misused '--type requires an argument: TYPE' 127.0.0.1 1 --type
}

@test "a protocol that is neither a name nor a number is refused" {
	local protocol

	for protocol in foo '' TCPP -1 65536 +6 0x6 6x ' 6' 99999999999; do
		misused "--protocol: '$protocol' is neither a protocol that is\
 known nor a number" --protocol "$protocol" 127.0.0.1 1
	done
}

@test "types that do not fit what else is asked for are refused" {
	local type

	for type in stream dgram seqpacket raw; do
		misused '-u is --type dgram: give one of them' \
			-u --type "$type" 127.0.0.1 1
	done
	misused "a raw socket takes a host and no port: '80'" \
		--type raw --protocol icmp 127.0.0.1 80
	misused "a raw socket takes a host and no port: '80'" \
		-l --type raw --protocol icmp 127.0.0.1 80
	misused '-p does not fit --type raw*' \
		--type raw --protocol icmp -p 80 127.0.0.1
	misused '--type raw does not fit a Unix socket' --type raw -U path
	misused '--type raw does not fit a Unix socket' --type raw unix:path
	misused '-z needs ports to test: --type stream or dgram' \
		-z --type raw --protocol icmp 127.0.0.1
	misused '-z needs ports to test: --type stream or dgram' \
		-z --type seqpacket 127.0.0.1 1
	misused '--nagle is for TCP, not for datagrams' \
		--nagle --type dgram 127.0.0.1 1
	misused '--keepalive is for *, not for datagrams' \
		--keepalive --type dgram 127.0.0.1 1
	misused '-m is for TCP: for datagrams nobody looks at it' \
		-m 2 --type dgram 127.0.0.1 1
	misused '--backlog is for *, not for datagrams' \
		-l --backlog 5 --type dgram 127.0.0.1 0
}

@test "what is open already has its type, protocol and interface" {
	local option

	for option in '--type stream' '--protocol tcp' '--interface lo'; do
		echo "sockcat -l --fd 3 $option"
		# shellcheck disable=SC2086 # two words
		run --separate-stderr "$PEER" announce:/dev/null \
			listen:127.0.0.1:0 exec "$SOCKCAT" -l --fd 3 $option
		[ "$status" -eq 2 ]
		[ "$output" = '' ]
		[[ ${stderr_lines[0]} == 'sockcat: --fd is '*" already:\
 ${option% *} does not fit" ]]
		[ "${stderr_lines[1]}" = "Try 'sockcat --help'." ]
	done
}

# asks TYPE PROTOCOL ARG...: this is what socket(2) is asked for, whatever
# comes of it; musl asks again without flags.  Both are patterns.
asks() {
	local type=$1 protocol=$2
	shift 2

	echo "sockcat $*"
	traced socket -q 0 "$@" || true
	cat trace
	grep -q '^socket(' trace
	run ! grep -Ev "^socket\($type(\|[A-Z_|]*)?, $protocol\)" trace
}

@test "domain, type and protocol are those that are asked for" {
	local ip='(0|IPPROTO_IP)' mptcp='(0x106.*|262|IPPROTO_MPTCP)'

	requires_strace
	asks 'AF_INET, SOCK_STREAM' "$ip" 127.0.0.1 1
	asks 'AF_INET6, SOCK_STREAM' "$ip" ::1 1
	asks 'AF_UNIX, SOCK_STREAM' 0 -U path
	asks 'AF_INET, SOCK_DGRAM' "$ip" -u 127.0.0.1 1
	asks 'AF_UNIX, SOCK_DGRAM' 0 -u -U path

	asks 'AF_INET, SOCK_STREAM' "$ip" --type stream 127.0.0.1 1
	asks 'AF_INET, SOCK_DGRAM' "$ip" --type dgram 127.0.0.1 1
	asks 'AF_INET6, SOCK_SEQPACKET' "$ip" --type seqpacket ::1 1
	asks 'AF_INET, SOCK_RAW' "$ip" --type raw 127.0.0.1
	asks 'AF_UNIX, SOCK_STREAM' 0 --type stream -U path
	asks 'AF_UNIX, SOCK_DGRAM' 0 --type dgram -U path
	asks 'AF_UNIX, SOCK_SEQPACKET' 0 --type seqpacket unix:path

	asks 'AF_INET, SOCK_STREAM' IPPROTO_TCP --protocol tcp 127.0.0.1 1
	asks 'AF_INET, SOCK_STREAM' IPPROTO_TCP --protocol 6 127.0.0.1 1
	asks 'AF_INET, SOCK_DGRAM' IPPROTO_UDP --protocol udp -u 127.0.0.1 1
	asks 'AF_INET, SOCK_STREAM' "$mptcp" --protocol mptcp 127.0.0.1 1
	asks 'AF_INET6, SOCK_STREAM' "$mptcp" --protocol 262 ::1 1
	asks 'AF_INET, SOCK_STREAM' IPPROTO_SCTP --protocol sctp 127.0.0.1 1
	asks 'AF_INET, SOCK_SEQPACKET' IPPROTO_SCTP --type seqpacket \
		--protocol 132 127.0.0.1 1
	asks 'AF_INET, SOCK_DGRAM' IPPROTO_UDPLITE -u --protocol udplite \
		127.0.0.1 1
	asks 'AF_INET6, SOCK_DGRAM' IPPROTO_UDPLITE --type dgram \
		--protocol 136 ::1 1
	asks 'AF_INET, SOCK_RAW' IPPROTO_ICMP --type raw --protocol icmp \
		127.0.0.1
	asks 'AF_INET6, SOCK_RAW' IPPROTO_ICMPV6 --type raw \
		--protocol ipv6-icmp ::1
	asks 'AF_INET6, SOCK_RAW' IPPROTO_ICMPV6 --type raw --protocol icmpv6 \
		::1
	asks 'AF_INET, SOCK_RAW' IPPROTO_RAW --type raw --protocol 255 \
		127.0.0.1
	asks 'AF_INET, SOCK_STREAM' '(0xffff.*|65535)' --protocol 65535 \
		127.0.0.1 1
}

@test "a listener's are those that are asked for as well" {
	local ip='(0|IPPROTO_IP)' mptcp='(0x106.*|262|IPPROTO_MPTCP)'
	local wait=(-l --accept-timeout 0)

	requires_strace
	asks 'AF_INET, SOCK_STREAM' "$ip" "${wait[@]}" 127.0.0.1 0
	asks 'AF_INET, SOCK_STREAM' "$mptcp" "${wait[@]}" --protocol mptcp \
		127.0.0.1 0
	asks 'AF_INET, SOCK_STREAM' IPPROTO_SCTP "${wait[@]}" --protocol sctp \
		127.0.0.1 0
	asks 'AF_INET, SOCK_DGRAM' IPPROTO_UDPLITE "${wait[@]}" -u \
		--protocol udplite 127.0.0.1 0
	asks 'AF_INET, SOCK_RAW' IPPROTO_ICMP "${wait[@]}" --type raw \
		--protocol icmp 127.0.0.1
}

@test "a protocol may have a name that the system gives it" {
	requires_strace
	if grep -q 'Name does not resolve' "$SOCKCAT"; then
		skip "musl knows names of its own alone"
	fi
	namespace
	inside_file /etc/protocols 'talk 99 TALK'
	asks 'AF_INET, SOCK_RAW' '0x63.*|99' --type raw --protocol talk \
		127.0.0.1
	asks 'AF_INET, SOCK_RAW' '0x63.*|99' --type raw --protocol TALK \
		127.0.0.1
	asks 'AF_INET, SOCK_STREAM' IPPROTO_TCP --protocol tcp 127.0.0.1 1
}

# --- what cannot be made ------------------------------------------------------

@test "a socket that cannot be made is exit 5, with type and protocol named" {
	local refusal='failed: Protocol not supported'

	fails 5 "sockcat: socket of type stream and protocol udp for 127.0.0.1\
 port 9 (udp) $refusal" --protocol udp 127.0.0.1 9
	fails 5 "sockcat: socket of type stream and protocol udplite for\
 127.0.0.1 port 9 (udplite) $refusal" --protocol udplite 127.0.0.1 9
	fails 5 "sockcat: socket of type dgram and protocol tcp for 127.0.0.1\
 port 9 (tcp) $refusal" -u --protocol tcp 127.0.0.1 9
	fails 5 "sockcat: socket of type stream and protocol 255 for 127.0.0.1\
 port 9 (255) $refusal" --protocol 255 127.0.0.1 9
	fails 5 "sockcat: socket of type stream and protocol 65535 for\
 127.0.0.1 port 9 (65535) failed: Invalid argument" \
		--protocol 65535 127.0.0.1 9
	fails 5 "sockcat: socket of type stream and protocol tcp for path (unix)\
 $refusal" -U --protocol tcp path
	fails 5 "sockcat: socket of type raw for 127.0.0.1 (raw) failed:\
 @(Protocol not supported|Operation not permitted)" --type raw 127.0.0.1
}

@test "neither can a listener's, and it is said likewise" {
	local refusal='failed: Protocol not supported'

	fails 5 "sockcat: socket of type stream and protocol udp for 127.0.0.1\
 port 0 (udp) $refusal" -l --protocol udp 127.0.0.1 0
	fails 5 "sockcat: socket of type stream and protocol tcp for path (unix)\
 $refusal" -l -U --protocol tcp path
	[ ! -e path ]
}

@test "a kernel without SCTP is named for it" {
	if grep -q '^SCTP ' /proc/net/protocols; then
		skip "needs a kernel without SCTP"
	fi
	fails 5 "sockcat: socket of type stream and protocol sctp for 127.0.0.1\
 port 9 (sctp) failed: Protocol not supported" --protocol sctp 127.0.0.1 9
	fails 5 "sockcat: socket of type stream and protocol sctp for 127.0.0.1\
 port 0 (sctp) failed: Protocol not supported" -l --protocol sctp 127.0.0.1 0
	fails 5 "sockcat: socket of type seqpacket for 127.0.0.1 port 9\
 (seqpacket) failed: Socket type not supported" --type seqpacket 127.0.0.1 9
	fails 5 "sockcat: socket of type seqpacket and protocol sctp for\
 127.0.0.1 port 9 (sctp) failed: Socket type not supported" \
		--type seqpacket --protocol sctp 127.0.0.1 9
}

@test "who may not make a raw socket is told so" {
	as_nobody "$SOCKCAT" --version
	[ "$status" -eq 0 ] || skip "needs a sockcat that anyone may run"
	as_nobody "$SOCKCAT" --type raw --protocol icmp 127.0.0.1
	[ "$status" -eq 5 ]
	[ "$output" = '' ]
	[ "$stderr" = 'sockcat: socket of type raw and protocol icmp for'\
' 127.0.0.1 (icmp) failed: Operation not permitted' ]
}

# --- sequenced packets --------------------------------------------------------

# seqpacket NAME ARG...: listens for them on "path".
seqpacket() {
	local name=$1
	shift

	listen_on "$name" -U --type seqpacket "$@" path
	[ "$ADDRESS" = path ]
}

# packets ARG...: the client.
packets() {
	run_sockcat -U --type seqpacket "$@" path
}

@test "sequenced packets go both ways, by path and by abstract name" {
	local name

	for name in path "@packets.$$"; do
		listen_on server -U --type seqpacket "$name" <<<question
		[ "$ADDRESS" = "$name" ]
		run_sockcat --type seqpacket unix:"$name" <<<answer
		[ "$status" -eq 0 ]
		[ "$output" = question ]
		[ "$stderr" = '' ]
		succeed server
		holds server.out 'answer\n'
		[ ! -e "$name" ]
	done
}

@test "each read of stdin is a packet of its own" {
	mkfifo in
	exec 7<>in
	peer_listen server listen:unix-seqpacket:path wait-file:go accept \
		print-messages:3 expect-eof send:ok close
	start client "$SOCKCAT" -U --type seqpacket path <in
	printf one >&7
	within "$BOUND" is_drained 7
	printf 'two\nlines' >text
	cat text >&7
	within "$BOUND" is_drained 7
	printf three >&7
	within "$BOUND" is_drained 7
	exec 7>&-
	touch go
	succeed client server
	holds server.out 'one\ntwo\nlines\nthree\n'
	holds client.out ok
}

@test "with --line-datagrams each line of stdin is a packet" {
	peer_listen server listen:unix-seqpacket:path accept print-messages:3 \
		expect-eof
	packets --line-datagrams < <(printf 'one\ntwo words\nthree')
	[ "$status" -eq 0 ]
	[ "$stderr" = '' ]
	succeed server
	holds server.out 'one\ntwo words\nthree\n'

	mkfifo in
	exec 7<>in
	printf 'one\ntwo\n' >&7
	seqpacket server --line-datagrams <in
	peer client connect:unix-seqpacket:path print-messages:2 half-close \
		expect-eof
	until_holds client.out 'one\ntwo\n'
	exec 7>&-
	succeed client server
}

# They are all there before the first is taken.
@test "-W counts packets, and takes no more than that" {
	seqpacket server -d -W 2
	signal server STOP
	peer client connect:unix-seqpacket:path send:one send:two send:three \
		close
	succeed client
	signal server CONT
	succeed server
	holds server.out onetwo
}

@test "-W does not wait for the end of stdin" {
	mkfifo in
	exec 7<>in
	peer_listen server listen:unix-seqpacket:path accept send:one \
		send:two expect-eof
	start client "$SOCKCAT" -U --type seqpacket -W 2 path <in
	succeed client server
	holds client.out onetwo

	seqpacket server -W 1 <in
	peer client connect:unix-seqpacket:path send:one expect-eof
	succeed client server
	holds server.out one
}

@test "fewer packets than -W says are exit 4" {
	peer_listen server listen:unix-seqpacket:path accept send:one \
		expect-eof
	mkfifo in
	exec 7<>in
	start client "$SOCKCAT" -U --type seqpacket -W 2 -q 0.1 path <in
	until_holds client.out one
	exec 7>&-
	finish client 4
	holds client.out one
	holds client.err 'sockcat: received 1 of 2 messages\n'
	succeed server

	seqpacket server -d -W 2
	peer client connect:unix-seqpacket:path send:one close
	succeed client
	finish server 4
	holds server.out one
	holds server.err 'sockcat: received 1 of 2 messages\n'
}

# Nobody has to be ready for more than the kernel lets everyone send.
@test "a packet that is too long is cut, and that is exit 7" {
	requires socat
	bytes 300000 data
	seqpacket server -d
	start client socat -u -b 300000 OPEN:data \
		UNIX-CONNECT:path,socktype=5,sndbuf=425984
	succeed client
	finish server 7
	[[ $(<server.err) =~ ^"sockcat: a "[a-z]+" of more than "([0-9]+)\
" bytes was cut"$ ]]
	[ "${BASH_REMATCH[1]}" -ge 65536 ]
	same_bytes server.out <(head -c "${BASH_REMATCH[1]}" data)
}

@test "each end of a packet socket ends by itself" {
	mkfifo in
	exec 7<>in
	seqpacket server <in
	peer client connect:unix-seqpacket:path send:early half-close \
		expect:late expect-eof
	# Its end has come when what it sent has been written and stdout closed.
	until_holds server.out early
	within "$BOUND" has_closed_stdout server
	printf late >&7
	within "$BOUND" is_drained 7
	exec 7>&-
	succeed client server

	peer_listen other listen:unix-seqpacket:path accept expect:question \
		expect-eof send:an send:swer close
	packets < <(printf question)
	[ "$status" -eq 0 ]
	[ "$output" = answer ]
	[ "$stderr" = '' ]
	succeed other
}

@test "packets of 100,000 bytes stay whole, either way" {
	bytes 60000 in
	bytes 200000 expected
	peer_listen server listen:unix-seqpacket:path accept \
		expect-bytes:60000 send-bytes:100000 send-bytes:100000 \
		expect-eof
	start client "$SOCKCAT" -U --type seqpacket -W 2 path <in
	succeed client server
	same_bytes expected client.out

	head -c 100000 /dev/zero | tr '\0' x >line
	seqpacket server --line-datagrams -W 2 <line
	peer client connect:unix-seqpacket:path send-bytes:100000 \
		send-bytes:100000 print-messages:1 expect-eof
	succeed client server
	same_bytes expected server.out
	echo >>line
	same_bytes line client.out
}

@test "with -k clients that send packets are served at once" {
	seqpacket server -d -k
	peer idle connect:unix-seqpacket:path send:1 wait-file:over
	until_holds server.out 1
	peer client connect:unix-seqpacket:path send:2 half-close expect-eof
	succeed client
	until_holds server.out 12
	packets < <(printf 3)
	[ "$status" -eq 0 ]
	until_holds server.out 123
	touch over
	succeed idle
	signal server TERM
	finish server 143
	holds server.err ''
	[ ! -e path ]
}

@test "with -k a file goes whole to every client, in packets" {
	bytes 200000 in
	seqpacket server -k <in
	for _ in 1 2; do
		peer client connect:unix-seqpacket:path half-close \
			expect-bytes:65507 expect-bytes:65507 \
			expect-bytes:65507 expect-bytes:3479 expect-eof
		succeed client
	done
	signal server TERM
	finish server 143
	holds server.err ''
}

@test "--max-conns holds for clients that send packets" {
	seqpacket server -d -k --max-conns 1
	peer first connect:unix-seqpacket:path send:1 wait-file:over
	until_holds server.out 1
	peer second connect:unix-seqpacket:path send:2 touch:waits half-close \
		expect-eof
	within "$BOUND" test -e waits
	holds server.out 1
	touch over
	succeed first second
	until_holds server.out 12
	signal server TERM
	finish server 143
	holds server.err ''
}

@test "a program has a packet socket as its own" {
	local way

	for way in '' -k; do
		seqpacket server $way \
			-c 'env | grep SOCKCAT_PROTO; cat; echo late'
		packets < <(printf question)
		[ "$status" -eq 0 ]
		[ "$output" = 'SOCKCAT_PROTO=unix
questionlate' ]
		[ "$stderr" = '' ]
		[[ -z $way ]] || signal server TERM
		finish server
		holds server.err ''
	done
}

@test "a peer that closes with a packet unread is a lost connection" {
	peer_listen server listen:unix-seqpacket:path accept expect:hello \
		send:bye wait-file:sent close
	mkfifo in
	exec 7<>in
	printf hello >&7
	start client "$SOCKCAT" -U --type seqpacket path <in
	until_holds client.out bye
	printf more >&7
	within "$BOUND" is_drained 7
	touch sent
	finish client 6
	succeed server
	holds client.out bye
	[[ $(<client.err) == 'sockcat: connection to path (unix) lost: '* ]]
}

# It has sent what it did not take by the time that it reads something else.
@test "what came before a packet connection is lost is written" {
	local text

	mkfifo in
	exec 7<>in
	peer_listen server listen:unix-seqpacket:path accept expect:hello \
		send:bye wait-file:stopped send:' one' send:' two' close
	start client "$SOCKCAT" -U --type seqpacket path <in
	printf hello >&7
	until_holds client.out bye
	for text in unread more; do
		printf %s "$text" >&7
		within "$BOUND" is_drained 7
	done
	signal client STOP
	touch stopped
	succeed server
	signal client CONT
	finish client 6
	holds client.out 'bye one two'
	[[ $(<client.err) == 'sockcat: connection to path (unix) lost: '* ]]
}

@test "a path's socket of another type is refused, and named" {
	local wrong='failed: Protocol wrong type for socket'

	peer_listen stream listen:unix:path wait-file:over
	fails 1 "sockcat: connect to path (unix) $wrong" \
		-U --type seqpacket path
	touch over
	succeed stream
	rm path over
	peer_listen packets listen:unix-seqpacket:path wait-file:over
	fails 1 "sockcat: connect to path (unix) $wrong" -U path
	fails 1 "sockcat: connect to path (unix) $wrong" -u -U path
	touch over
	succeed packets
}

@test "a packet socket's place is taken only when it is dead" {
	seqpacket server -d
	fails 5 "sockcat: listen on path (unix) failed: $IN_USE" \
		-l -U --type seqpacket path
	fails 5 "sockcat: listen on path (unix) failed: $IN_USE" -lU path
	peer client connect:unix-seqpacket:path send:real close
	succeed client server
	holds server.out real

	"$PEER" announce:/dev/null listen:unix-seqpacket:path
	[ -S path ]
	seqpacket server -d
	peer client connect:unix-seqpacket:path send:again close
	succeed client server
	holds server.out again
	[ ! -e path ]
}

@test "-z tests the path of a packet socket" {
	seqpacket server -d
	run_sockcat -z --type seqpacket -U path
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
	[ "$stderr" = '' ]
	succeed server
	fails 1 '' -z --type seqpacket -U path
	peer_listen stream listen:unix:path wait-file:over
	fails 1 '' -z --type seqpacket -U path
	touch over
	succeed stream
}

@test "-v names the path of a packet socket as of any other" {
	seqpacket server -d -v
	packets -v < <(printf hello)
	[ "$status" -eq 0 ]
	[ "$stderr" = 'Connection to path succeeded!
Sent 5 bytes, received 0 bytes' ]
	finish server 0
	sed -i '/^Client has uid /d' server.err
	told server.err 'Bound on path\nListening on path\n'\
'Connection received on path\nSent 0 bytes, received 5 bytes\n'
}

@test "packets go to and from socat" {
	requires socat
	mkfifo in
	exec 7<>in
	seqpacket server <in
	start client socat -v -t 20 - UNIX-CONNECT:path,socktype=5 \
		< <(printf question)
	until_holds server.out question
	printf first >&7
	until_holds client.out first
	printf second >&7
	until_holds client.out firstsecond
	exec 7>&-
	succeed server
	finish client 0
	[ "$(grep -o 'length=[0-9]*' client.err | xargs)" = \
		'length=8 length=5 length=6' ]

	start server socat -d -d -lf log -t 20 UNIX-LISTEN:other,socktype=5 \
		EXEC:cat
	within "$BOUND" grep -qs ' listening on ' log
	run_sockcat -U --type seqpacket other < <(printf hello)
	[ "$status" -eq 0 ]
	[ "$output" = hello ]
	[ "$stderr" = '' ]
	finish server 0
}

# --- raw sockets --------------------------------------------------------------

# An ICMP echo request: code 0, checksum, identifier 0x1234, number 1, "ping".
# The checksum of ICMPv6 is the kernel's business.
echo_request() {
	case $1 in
	4) printf '\010\000\006\372\0224\000\001ping' ;;
	6) printf '\200\000\000\000\0224\000\001ping' ;;
	esac
}

@test "a raw socket pings over IPv4, and hands on the IP header" {
	namespace
	echo_request 4 >request
	start client "$SOCKCAT" --type raw --protocol icmp -s 127.0.0.2 -W 1 \
		127.0.0.1 <request
	succeed client
	# 20 bytes of header, of 32 in all, to us; then the reply.
	hex client.out
	[[ $(hex client.out) =~ ^45..0020.{10}01....7f0000017f000002\
00000efa1234000170696e67$ ]]
}

@test "a raw socket without a source hears its own request, too" {
	local request=080006fa1234000170696e67
	local answer=00000efa1234000170696e67
	local from_us='45..0020.{8}..01....7f0000017f000001'

	namespace
	echo_request 4 >request
	start client "$SOCKCAT" --type raw --protocol 1 -W 2 127.0.0.1 <request
	succeed client
	hex client.out
	[[ $(hex client.out) =~ ^$from_us$request$from_us$answer$ ]]
}

@test "a raw socket pings over IPv6, which hands on no header" {
	local name

	requires_ipv6
	namespace
	inside ip address add fd00::2/128 dev lo nodad
	echo_request 6 >request
	for name in ipv6-icmp icmpv6 58; do
		start client "$SOCKCAT" -6 --type raw --protocol "$name" \
			-s fd00::2 -W 1 ::1 <request
		succeed client
		hex client.out
		[[ $(hex client.out) =~ ^8100....1234000170696e67$ ]]
	done
}

@test "a protocol of one family chooses among a name's addresses" {
	requires_ipv6
	namespace
	inside_file /etc/hosts '::1 both' '127.0.0.1 both'
	echo_request 4 >request
	start client "$SOCKCAT" --type raw --protocol icmp -W 2 both <request
	succeed client
	[[ $(hex client.out) == 45* ]]

	echo_request 6 >request
	start client "$SOCKCAT" --type raw --protocol ipv6-icmp -W 2 both \
		<request
	succeed client
	[[ $(hex client.out) == 80* ]]
}

@test "a raw client ends when no answer comes, as datagrams do" {
	local options

	namespace
	echo_request 4 >request
	for options in '-q 0' '-q 0.1' '-w 0.1'; do
		# shellcheck disable=SC2086 # two words
		start client "$SOCKCAT" --type raw --protocol 253 $options \
			127.0.0.1 </dev/null
		succeed client
		holds client.out ''
	done
	start client "$SOCKCAT" --type raw --protocol icmp -s 127.0.0.2 -W 2 \
		-q 0.2 127.0.0.1 <request
	finish client 4
	holds client.err 'sockcat: received 1 of 2 datagrams\n'
}

@test "a raw listener says its address alone, and answers who comes" {
	namespace
	printf answer >answer
	listen_on server -v --type raw --protocol 253 -W 1 127.0.0.1 <answer
	[ "$ADDRESS" = 127.0.0.1 ]
	[ "$PORT" = '' ]
	start client "$SOCKCAT" -v --type raw --protocol 253 -s 127.0.0.2 -W 1 \
		-q "$BOUND" 127.0.0.1 < <(printf question)
	finish client 0
	finish server 0
	echo "$(<client.err)"
	tail -c +21 server.out >server.data
	tail -c +21 client.out >client.data
	holds server.data question
	holds client.data answer
	[[ $(hex server.out) =~ ^45..001c.{10}fd....7f0000027f000001 ]]
	[[ $(hex client.out) =~ ^45..001a.{10}fd....7f0000017f000002 ]]
	told server.err "Bound on 127.0.0.1\\nConnection received on 127.0.0.2\\n\
Sent 6 bytes, received 28 bytes\\n"
}

# hears_six PROTOCOL ARG...: a raw listener does, and says an IPv6 address.
hears_six() {
	echo "sockcat -l --type raw --protocol $*"
	listen_on server -W 1 --type raw --protocol "$@"
	[[ $ADDRESS == @(::1|::) ]]
	start client "$SOCKCAT" --type raw --protocol "$1" -s fd00::2 -q 0 \
		::1 < <(echo_request 6)
	succeed client server
	[[ $(hex server.out) =~ ^8000....1234000170696e67$ ]]
}

@test "a raw listener hears over IPv6, with or without an address" {
	requires_ipv6
	namespace
	inside ip address add fd00::2/128 dev lo nodad
	hears_six 253 ::1
	hears_six ipv6-icmp ::1
	hears_six ipv6-icmp
	hears_six 253 -6
}

@test "a raw listener with -k hears everyone" {
	namespace
	listen_on server --type raw --protocol 253 -k 127.0.0.1
	for i in 2 3; do
		run_sockcat --type raw --protocol 253 -s 127.0.0.$i -q 0 \
			127.0.0.1 < <(printf %s "$i")
		[ "$status" -eq 0 ]
		[ "$stderr" = '' ]
	done
	within "$BOUND" holds_bytes server.out 42
	signal server TERM
	finish server 143
	holds server.err ''
	[[ $(hex server.out) =~ ^45.{22}7f0000027f00000132 ]]
	[[ $(hex server.out) =~ 45.{22}7f0000037f00000133$ ]]
}

holds_bytes() {
	[ "$(stat --format=%s "$1")" -eq "$2" ]
}

# It hears itself.
@test "IPv6 can be asked to carry the protocol that is called ICMP" {
	requires_ipv6
	namespace
	echo_request 6 >request
	start client "$SOCKCAT" -6 --type raw --protocol icmp -W 1 ::1 <request
	succeed client
	same_bytes request client.out
}

@test "a raw socket's host that cannot be reached is exit 1, and named" {
	namespace
	fails 1 'sockcat: connect to 192.0.2.1 (icmp) failed:'\
' @(Network is unreachable|Network unreachable)' \
		--type raw --protocol icmp 192.0.2.1
}

@test "raw datagrams go to and from socat" {
	requires socat
	namespace
	listen_on server --type raw --protocol 253 -W 1 127.0.0.1
	inside socat -u - IP4-SENDTO:127.0.0.1:253,bind=127.0.0.2 \
		< <(printf hello)
	succeed server
	tail -c +21 server.out >server.data
	holds server.data hello

	start server "${INSIDE[@]}" socat -u \
		IP4-RECVFROM:253,bind=127.0.0.1 -
	within "$BOUND" has_raw_socket
	run_sockcat --type raw --protocol 253 -q 0 127.0.0.1 < <(printf hello)
	[ "$status" -eq 0 ]
	[ "$stderr" = '' ]
	succeed server
	holds server.out hello
}

has_raw_socket() {
	inside grep -q ':00FD ' /proc/net/raw
}

@test "with -e a program is told that its protocol is raw, by its name" {
	local protocol

	namespace
	for protocol in 253 udplite; do
		listen_on server --type raw --protocol "$protocol" \
			-c 'env >told' 127.0.0.1
		run_sockcat --type raw --protocol "$protocol" -q 0 \
			-s 127.0.0.2 127.0.0.1 < <(printf x)
		finish server 0
		grep -qx "SOCKCAT_PROTO=$protocol" told
		grep -qx 'SOCKCAT_REMOTE_ADDR=127.0.0.2' told
	done
}

# --- UDP-Lite -----------------------------------------------------------------

@test "UDP-Lite is spoken at both ends" {
	local server

	requires_protocol UDP-Lite
	namespace
	printf answer >answer
	listen_on server -v -u --protocol udplite -W 1 127.0.0.1 0 <answer
	server=$(printf '0100007F:%04X' "$PORT")
	inside grep -q " $server " /proc/net/udplite
	run inside grep " $server " /proc/net/udp
	[ "$status" -eq 1 ]
	run_sockcat -v -u --protocol 136 -W 1 -q "$BOUND" 127.0.0.1 "$PORT" \
		< <(printf question)
	[ "$status" -eq 0 ]
	[ "$output" = answer ]
	[ "${stderr_lines[0]}" = "Connection to 127.0.0.1 $PORT port\
 [udplite/*] succeeded!" ]
	finish server 0
	holds server.out question
	[[ $(<server.err) == "Bound on 127.0.0.1 $PORT"* ]]
}

@test "a UDP-Lite port that nobody has is named as such, and exit 1" {
	requires_protocol UDP-Lite
	peer_listen other listen:udp:127.0.0.1:0 wait-file:over
	fails 1 "sockcat: * 127.0.0.1 port $PORT (udplite) failed:\
 Connection refused" -u --protocol udplite 127.0.0.1 "$PORT"
	touch over
	succeed other
}

@test "UDP-Lite goes to and from socat" {
	requires socat
	requires_protocol UDP-Lite
	namespace
	printf answer >answer
	mkfifo in
	exec 6<>in
	printf hello >&6
	listen_on server -u --protocol udplite -W 1 127.0.0.1 0 <answer 6>&-
	start client "${INSIDE[@]}" socat - \
		UDP4-DATAGRAM:127.0.0.1:"$PORT",prototype=136 <in 6>&-
	succeed server
	holds server.out hello
	until_holds client.out answer
	exec 6>&-
	finish client 0

	start server "${INSIDE[@]}" socat -dd -u \
		UDP4-RECVFROM:7000,bind=127.0.0.1,prototype=136 -
	within "$BOUND" grep -q ' receiving on ' server.err
	run_sockcat -u --protocol udplite -q 0 127.0.0.1 7000 \
		< <(printf hello)
	[ "$status" -eq 0 ]
	[ "$stderr" = '' ]
	finish server 0
	holds server.out hello
}

# --- MPTCP --------------------------------------------------------------------

# mptcp_count NAME: prints one of the counters that the kernel has of it.
mptcp_count() {
	# shellcheck disable=SC2016 # it is awk's
	inside awk -v name="$1" '$1 == "MPTcpExt:" {
		if (!seen++)
			for (i = 2; i <= NF; i++)
				place[$i] = i
		else
			print $place[name]
	}' /proc/net/netstat
}

@test "MPTCP carries a megabyte each way between both ends" {
	requires_mptcp
	namespace
	inputs
	listen_on server --protocol mptcp 127.0.0.1 0 <server.in
	start client "$SOCKCAT" --protocol mptcp 127.0.0.1 "$PORT" <client.in
	exchanged
	[ "$(mptcp_count MPCapableSYNRX)" -eq 1 ]
	[ "$(mptcp_count MPCapableACKRX)" -eq 1 ]
	[ "$(mptcp_count MPCapableFallbackACK)" -eq 0 ]
}

@test "MPTCP carries as much between pipes, over IPv6" {
	requires_mptcp
	requires_ipv6
	namespace
	inputs
	mkfifo up down
	start up to up cat client.in
	start down to down cat server.in
	listen_on server --protocol 262 ::1 0 <down
	start client "$SOCKCAT" --protocol 262 ::1 "$PORT" <up
	exchanged
	succeed up down
	[ "$(mptcp_count MPCapableACKRX)" -eq 1 ]
}

@test "MPTCP falls back to TCP with those who do not speak it" {
	requires_mptcp
	namespace
	listen_on server --protocol mptcp 127.0.0.1 0 <<<answer
	peer client connect:127.0.0.1:"$PORT" send:hello half-close \
		expect:'answer\n' expect-eof
	succeed client server
	holds server.out hello

	peer_listen server listen:127.0.0.1:0 accept 'expect:hello\n' \
		expect-eof send:answer close
	run_sockcat --protocol mptcp 127.0.0.1 "$PORT" <<<hello
	[ "$status" -eq 0 ]
	[ "$output" = answer ]
	[ "$stderr" = '' ]
	succeed server
}

@test "MPTCP is named wherever TCP would be" {
	requires_mptcp
	namespace
	inside_file /etc/services ''
	listen_on server --protocol mptcp -c 'env | grep SOCKCAT_PROTO' \
		127.0.0.1 0
	run_sockcat -v --protocol mptcp 127.0.0.1 "$PORT"
	[ "$status" -eq 0 ]
	[ "$output" = SOCKCAT_PROTO=mptcp ]
	[ "${stderr_lines[0]}" = "Connection to 127.0.0.1 $PORT port\
 [mptcp/*] succeeded!" ]
	succeed server
	fails 1 "sockcat: connect to 127.0.0.1 port $PORT (mptcp) failed:\
 Connection refused" --protocol mptcp 127.0.0.1 "$PORT"

	listen_on server --protocol mptcp -d 127.0.0.1 7000
	fails 5 "sockcat: listen on 127.0.0.1 port 7000 (mptcp) failed:\
 $IN_USE" -l --protocol mptcp 127.0.0.1 7000
	run_sockcat -z --protocol mptcp 127.0.0.1 6999-7001
	[ "$status" -eq 0 ]
	[ "$output" = '127.0.0.1 7000/mptcp open' ]
	[ "$stderr" = '' ]
	succeed server
}

@test "with MPTCP each end ends by itself, and a reset is a lost connection" {
	requires_mptcp
	namespace
	mkfifo in
	start feed to in after ended printf late
	listen_on server --protocol mptcp 127.0.0.1 0 <in
	start client "$SOCKCAT" --protocol mptcp 127.0.0.1 "$PORT" <<<early
	until_holds server.out 'early\n'
	within "$BOUND" has_closed_stdout server
	touch ended
	succeed feed client server
	holds client.out late

	peer_listen server listen:127.0.0.1:0 accept expect:hello reset
	run_sockcat --protocol mptcp 127.0.0.1 "$PORT" < <(printf hello)
	[ "$status" -eq 6 ]
	[ "$output" = '' ]
	[ "$stderr" = "sockcat: connection to 127.0.0.1 port $PORT (mptcp) lost:\
 Connection reset by peer" ]
	succeed server
}

@test "MPTCP goes to and from socat" {
	requires socat
	requires_mptcp
	namespace
	inputs
	listen_on server --protocol mptcp 127.0.0.1 7000 <server.in
	start client "${INSIDE[@]}" socat -t 20 - \
		TCP4:127.0.0.1:7000,prototype=262 <client.in
	exchanged
	start server "${INSIDE[@]}" socat -dd -lf log -t 20 - \
		TCP4-LISTEN:7001,bind=127.0.0.1,prototype=262 <server.in
	within "$BOUND" grep -qs ' listening on ' log
	start client "$SOCKCAT" --protocol mptcp 127.0.0.1 7001 <client.in
	exchanged
	[ "$(mptcp_count MPCapableACKRX)" -eq 2 ]
}

# --- SCTP ---------------------------------------------------------------------

@test "SCTP carries a megabyte each way between both ends" {
	requires_protocol SCTP
	namespace
	inputs
	listen_on server --protocol sctp 127.0.0.1 0 <server.in
	start client "$SOCKCAT" --protocol sctp 127.0.0.1 "$PORT" <client.in
	exchanged
}

# --- the table of options -----------------------------------------------------

# sets SETTING... -- ARG...: called like this, sockcat sets these options and
# no others on its socket, and no later than it binds, connects or listens.
sets() {
	local expected=()

	while [[ $1 != -- ]]; do
		expected+=("$1")
		shift
	done
	shift
	echo "sockcat $*"
	traced socket,setsockopt,bind,connect,listen "$@" || [ $? -le 4 ]
	cat trace traced.err
	settings_of '^(bind|connect|listen)\(' | sort >before
	printf '%s\n' "${expected[@]}" | sort | diff - before
	[ "$(grep -c ^setsockopt trace)" -eq "${#expected[@]}" ]
}

# settings_of END: prints those of the trace up to this call, a line each.
settings_of() {
	sed -En "/$1/q"'
s/^setsockopt\(([0-9]+), (.*), [0-9]+\) += 0.*$/\2/
T
s/\[(.*)\]$/\1/
s/"(.*)(\\0)?"$/\1/
s/\\0$//
s/, / /g
p' trace
}

@test "a client's options are set before it connects, each with its value" {
	requires_native 'it knows no IP_MINTTL'
	local common=('SOL_SOCKET SO_RCVBUF 8192' 'SOL_SOCKET SO_SNDBUF 16384')
	local four=('SOL_IP IP_TOS 40' 'SOL_IP IP_TTL 33')
	local six=('SOL_IPV6 IPV6_TCLASS 40' 'SOL_IPV6 IPV6_UNICAST_HOPS 33')
	local far='SOL_IP IP_MINTTL 2' far_six='SOL_IPV6 IPV6_MINHOPCOUNT 2'
	local ask=(-I 8192 -O 16k -T af11 -M 33)
	local interface='SOL_SOCKET SO_BINDTODEVICE lo'
	local keepalive='SOL_SOCKET SO_KEEPALIVE 1'
	local broadcast='SOL_SOCKET SO_BROADCAST 1'
	local nodelay='SOL_TCP TCP_NODELAY 1'

	requires_strace
	requires_feature reuse-port
	sets "$nodelay" -- 127.0.0.1 1
	sets "$nodelay" "${common[@]}" "${four[@]}" "$far" \
		-- "${ask[@]}" -m 2 127.0.0.1 1
	sets "${common[@]}" "${four[@]}" "$far" "$keepalive" "$interface" \
		'SOL_SOCKET SO_REUSEPORT 1' 'SOL_SOCKET SO_REUSEADDR 1' \
		-- "${ask[@]}" -m 2 --nagle --keepalive --interface lo \
		--reuse-port --reuse-addr 127.0.0.1 1
	sets "${common[@]}" "${four[@]}" "$interface" "$broadcast" \
		-- -u "${ask[@]}" --interface lo -b 127.0.0.1 1
	sets "${common[@]}" -- -U -I 8192 -O 16k path
	sets "${common[@]}" -- --type seqpacket -U -I 8192 -O 16k path
	if [[ -e /proc/net/if_inet6 ]]; then
		sets "${common[@]}" "${six[@]}" "$far_six" \
			-- --nagle "${ask[@]}" -m 2 ::1 1
		sets "${common[@]}" "${six[@]}" -- -u "${ask[@]}" ::1 1
	fi
}

@test "a listener's are set before it is bound" {
	requires_native 'it knows no IP_MINTTL'
	local common=('SOL_SOCKET SO_RCVBUF 8192' 'SOL_SOCKET SO_SNDBUF 16384'
		'SOL_IP IP_TOS 40' 'SOL_IP IP_TTL 33')
	local ask=(-l --accept-timeout 0 -I 8192 -O 16k -T af11 -M 33)
	local interface='SOL_SOCKET SO_BINDTODEVICE lo'
	local keepalive='SOL_SOCKET SO_KEEPALIVE 1'

	requires_strace
	requires_feature reuse-port
	sets "${common[@]}" 'SOL_SOCKET SO_REUSEADDR 1' "$interface" \
		"$keepalive" 'SOL_SOCKET SO_REUSEPORT 1' 'SOL_IP IP_MINTTL 2' \
		-- "${ask[@]}" -m 2 --nagle --keepalive --interface lo \
		--reuse-port 127.0.0.1 0
	sets "${common[@]}" "$interface" 'SOL_SOCKET SO_BROADCAST 1' \
		-- "${ask[@]}" -u --interface lo -b 127.0.0.1 0
	sets 'SOL_SOCKET SO_RCVBUF 8192' 'SOL_SOCKET SO_SNDBUF 16384' \
		-- -l --accept-timeout 0 -I 8192 -O 16k -U path
}

@test "each option sets just its own" {
	requires_native 'it knows no IP_MINTTL'
	local base='SOL_SOCKET SO_KEEPALIVE 1'
	local to=(--nagle --keepalive 127.0.0.1 1)

	requires_strace
	requires_feature reuse-port
	sets "$base" 'SOL_SOCKET SO_RCVBUF 4096' -- --rcvbuf 4096 "${to[@]}"
	sets "$base" 'SOL_SOCKET SO_SNDBUF 1048576' -- --sndbuf 1M "${to[@]}"
	sets "$base" 'SOL_IP IP_TOS 184' -- --tos ef "${to[@]}"
	sets "$base" 'SOL_IP IP_TTL 255' -- --ttl 255 "${to[@]}"
	sets "$base" 'SOL_IP IP_MINTTL 0' -- --min-ttl 0 "${to[@]}"
	sets "$base" 'SOL_SOCKET SO_REUSEPORT 1' -- --reuse-port "${to[@]}"
	sets "$base" 'SOL_SOCKET SO_BINDTODEVICE lo' -- --interface lo \
		"${to[@]}"
	sets 'SOL_SOCKET SO_BROADCAST 1' 'SOL_SOCKET SO_RCVBUF 4096' \
		-- -I 4k --broadcast -u 127.0.0.1 1
}

# The kernel lets no more than an administrator set it.
@test "-D is SO_DEBUG" {
	local option

	requires_strace
	for option in -D --so-debug; do
		timeout "$BOUND" strace -qq -o trace -e trace=setsockopt,connect \
			-e inject=setsockopt:retval=0 "$SOCKCAT" --nagle \
			"$option" 127.0.0.1 1 2>/dev/null || [ $? -eq 1 ]
		cat trace
		[ "$(settings_of '^connect')" = 'SOL_SOCKET SO_DEBUG 1' ]
	done
}

@test "a type of service is a name or a number, and the whole byte" {
	local name
	local -A values=([af11]=40 [af12]=48 [af13]=56 [af21]=72 [af22]=80
		[af23]=88 [af31]=104 [af32]=112 [af33]=120 [af41]=136
		[af42]=144 [af43]=152 [cs0]=0 [cs1]=32 [cs2]=64 [cs3]=96
		[cs4]=128 [cs5]=160 [cs6]=192 [cs7]=224 [ef]=184 [va]=176
		[le]=4 [critical]=160 [inetcontrol]=192 [lowcost]=2
		[lowdelay]=16 [netcontrol]=224 [reliability]=4
		[throughput]=8 [0]=0 [1]=1 [255]=255 [0x00]=0 [0x2e]=46
		[0xff]=255 [0xB8]=184)

	requires_strace
	for name in "${!values[@]}"; do
		echo "$name"
		traced setsockopt,connect -u -q 0 -T "$name" 127.0.0.1 1 ||
			[ $? -eq 1 ]
		sed -n '/^connect/q; s/.* IP_TOS, \[\(.*\)].*/\1/p' trace >value
		holds value "${values[$name]}\n"
	done
}

@test "a multicast target has a time to live of its own" {
	requires_native 'it makes a byte an int'
	requires_ipv6
	requires_strace
	namespace
	inside ip route add 239.0.0.0/8 dev lo
	inside ip route add ff15::/16 dev lo table local
	traced setsockopt,bind,connect -d -W 1 -w 0.1 -u -M 3 239.1.2.3 7000 ||
		[ $? -eq 4 ]
	cat trace traced.err
	grep -qF 'SOL_IP, IP_MULTICAST_TTL, "\3", 1' trace
	traced setsockopt,bind,connect -d -W 1 -w 0.1 -u -M 3 ff15::1:2 7000 ||
		[ $? -eq 4 ]
	cat trace traced.err
	settings_of none | grep -qx 'SOL_IPV6 IPV6_MULTICAST_HOPS 3'
}

@test "--sockopt sets any option, after all others and in the order given" {
	requires_native 'it refuses SO_LINGER itself'
	requires_strace
	traced setsockopt,bind,connect,listen -T ef --sockopt 6:18:1000 \
		--keepalive --sockopt 1:9:0 --nagle --sockopt=1:2:1 \
		-s 127.0.0.1 127.0.0.1 1 || [ $? -eq 1 ]
	cat trace
	settings_of '^bind' | tail -n 3 >last
	holds last 'SOL_TCP TCP_USER_TIMEOUT 1000\nSOL_SOCKET SO_KEEPALIVE 0\n'\
'SOL_SOCKET SO_REUSEADDR 1\n'
	traced setsockopt,bind,listen -l --accept-timeout 0 --sockopt 1:8:4096 \
		-I 8192 --sockopt 1:13:-1 127.0.0.1 0 || [ $? -eq 5 ]
	cat trace
	grep -q '^setsockopt([0-9]*, SOL_SOCKET, SO_RCVBUF, \[4096\], 4) = 0' \
		trace
	grep -q '^setsockopt([0-9]*, SOL_SOCKET, SO_LINGER, .*, 4) = -1' trace
	[[ $(<traced.err) == 'sockcat: set option 1:13:-1 for 127.0.0.1 port 0'\
' (tcp) failed: Invalid argument' ]]
}

# ICMP_FILTER takes the types that are not wanted, here all but echo replies.
@test "--sockopt reaches what no other option does" {
	namespace
	echo_request 4 >request
	start client "$SOCKCAT" --type raw --protocol icmp \
		--sockopt 255:1:-2 -W 1 127.0.0.1 <request
	succeed client
	[[ $(hex client.out) =~ ^.{40}0000 ]]
}

@test "on a connection from --fd those are set that belong to it" {
	requires_native 'it knows no IP_MINTTL'
	local at keep

	requires_ipv6
	requires_strace
	for at in 127.0.0.1:0 '[::]:0'; do
		for keep in '' -k; do
			echo "$at $keep"
			set_on_accepted "$at" $keep
		done
	done
}

set_on_accepted() {
	local expected=('SOL_IP IP_MINTTL 2' 'SOL_IP IP_TOS 40'
		'SOL_IP IP_TTL 33' 'SOL_SOCKET SO_KEEPALIVE 1'
		'SOL_SOCKET SO_RCVBUF 8192' 'SOL_SOCKET SO_SNDBUF 16384'
		'SOL_TCP TCP_NODELAY 1' 'SOL_TCP TCP_USER_TIMEOUT 1000')
	local at=$1
	shift

	[[ $at != *::* ]] || expected+=('SOL_IPV6 IPV6_MINHOPCOUNT 2'
		'SOL_IPV6 IPV6_TCLASS 40' 'SOL_IPV6 IPV6_UNICAST_HOPS 33')
	start_announced server "$PEER" timeout:"$BOUND" \
		announce:server.announce listen:"$at" exec \
		strace -f -qq -o calls -e trace=accept,accept4,setsockopt \
		"$SOCKCAT" -l --fd 3 -I 8192 -O 16k -T af11 -M 33 -m 2 \
		--keepalive --sockopt 6:18:1000 "$@"
	peer client connect:127.0.0.1:"$PORT" send:hello half-close expect-eof
	succeed client
	until_holds server.out hello
	end_traced server "$@"
	run ! grep -q '^[0-9 ]*setsockopt(3, ' calls
	set_on_client "${expected[@]}"
}

# The kernel gives a client's socket nothing of what its listener has.
@test "on a Unix socket's client those are set that belong to it" {
	local keep

	requires_strace
	for keep in '' -k; do
		start_announced server strace -f -qq -o calls \
			-e trace=accept,accept4,setsockopt "$SOCKCAT" -l -d \
			--announce server.announce -I 8192 -O 16k \
			--sockopt 1:9:1 $keep -U path
		peer client connect:unix:path send:hello half-close expect-eof
		succeed client
		until_holds server.out hello
		end_traced server $keep
		set_on_client 'SOL_SOCKET SO_KEEPALIVE 1' \
			'SOL_SOCKET SO_RCVBUF 8192' \
			'SOL_SOCKET SO_SNDBUF 16384'
	done
}

# end_traced NAME [-k]: it ends, or is made to, and said nothing.
end_traced() {
	local ended=0

	if [[ $# -gt 1 ]]; then
		signal_traced "$1" TERM
		ended=143
	fi
	finish "$1" "$ended"
	holds "$1".err ''
}

# set_on_client SETTING...: these were, on what was accepted, in "calls".
set_on_client() {
	sed 's/^[0-9]* *//' calls | sed -n '/^accept/,$p' >trace
	cat trace
	sed -En 's/^accept4?\(.*\) = ([0-9]+)$/\1/p' trace >accepted
	[ "$(grep -c "^setsockopt($(<accepted), " trace)" -eq \
		"$(grep -c ^setsockopt trace)" ]
	settings_of none | sort >before
	printf '%s\n' "$@" | sort | diff - before
}

@test "the queue of a socket from --fd is not made smaller" {
	requires_strace
	peer_listen server rcvbuf:4000000 listen:udp:127.0.0.1:0 exec \
		strace -f -qq -o trace -e trace=getsockopt,setsockopt \
		"$SOCKCAT" -l -u -d -W 1 --fd 3
	peer client connect:udp:127.0.0.1:"$PORT" send:hello
	succeed client server
	holds server.out hello
	cat trace
	if [[ $(<trace) =~ 'getsockopt(3, SOL_SOCKET, SO_RCVBUF, ['([0-9]+) &&
		${BASH_REMATCH[1]} -lt 2000000 ]]; then
		skip "needs a system that allows larger queues"
	fi
	run ! grep 'setsockopt(.* SO_RCVBUF' trace
}

# IPV6_V6ONLY is 26 of level 41, and off where no address is given.
@test "--sockopt can keep a listener from serving both families" {
	requires_ipv6
	[ "$(uname)" = Linux ] || skip "needs the numbers of Linux"
	namespace
	listen_on server -d --sockopt 41:26:1 0
	fails 1 "sockcat: connect to 127.0.0.1 port $PORT (tcp) failed:\
 Connection refused" 127.0.0.1 "$PORT"
	peer client connect:"[::1]:$PORT" send:hello close
	succeed client server
	holds server.out hello
}

# signal_traced NAME SIGNAL: for that which strace has started.
signal_traced() {
	local pid=${PIDS[$1]}

	kill -s "$2" "$(cut -d' ' -f1 "/proc/$pid/task/$pid/children")"
}

# --- what cannot be set -------------------------------------------------------

# refuses NAME ARG...: where the kernel refuses all options, the one that these
# ask for is named.
refuses() {
	local name=$1 status=0
	shift

	echo "sockcat $*"
	timeout "$BOUND" strace -qq -o trace -e trace=setsockopt,connect,listen \
		-e inject=setsockopt:error=EPERM "$SOCKCAT" "$@" \
		>refused.out 2>refused.err || status=$?
	cat trace refused.err
	[ "$status" -eq 5 ]
	holds refused.out ''
	holds refused.err "sockcat: set $name failed: Operation not permitted\n"
	run ! grep -E '^(connect|listen)' trace
}

@test "an option that the kernel refuses is exit 5, and named" {
	requires_native 'it knows no IP_MINTTL'
	local target='for 127.0.0.1 port 9 (tcp)'
	local at='for 127.0.0.1 port 0 (tcp)'
	local tcp=(--nagle 127.0.0.1 9) udp=(-u 127.0.0.1 9)
	local listen=(-l --nagle --no-reuse-addr 127.0.0.1 0)

	requires_strace
	requires_feature reuse-port
	refuses "SO_RCVBUF to 4096 $target" -I 4k "${tcp[@]}"
	refuses "SO_SNDBUF to 4096 $target" -O 4096 "${tcp[@]}"
	refuses "IP_TOS to 40 $target" -T af11 "${tcp[@]}"
	refuses "IP_TTL to 33 $target" -M 33 "${tcp[@]}"
	refuses "IP_MINTTL to 2 $target" -m 2 "${tcp[@]}"
	refuses "SO_DEBUG $target" -D "${tcp[@]}"
	refuses "SO_KEEPALIVE $target" --keepalive "${tcp[@]}"
	refuses "SO_REUSEADDR $target" --reuse-addr "${tcp[@]}"
	refuses "SO_REUSEPORT $target" --reuse-port "${tcp[@]}"
	refuses "SO_BINDTODEVICE to lo $target" --interface lo "${tcp[@]}"
	refuses "option 1:9:-7 $target" --sockopt 1:9:-7 "${tcp[@]}"
	refuses "SO_BROADCAST for 127.0.0.1 port 9 (udp)" -b "${udp[@]}"
	refuses "SO_RCVBUF to 4096 for path (unix)" -I 4k -U path
	refuses "SO_RCVBUF to 4096 $at" -I 4k "${listen[@]}"
	refuses "IP_TOS to 40 $at" -T af11 "${listen[@]}"
	refuses "SO_REUSEPORT $at" --reuse-port "${listen[@]}"
	refuses "SO_BINDTODEVICE to lo $at" --interface lo "${listen[@]}"
	if [[ ! -e /proc/net/if_inet6 ]]; then
		return
	fi
	refuses "IPV6_TCLASS to 40 for ::1 port 9 (tcp)" -T af11 --nagle ::1 9
	refuses "IPV6_UNICAST_HOPS to 33 for ::1 port 9 (udp)" -M 33 -u ::1 9
	refuses "IPV6_MINHOPCOUNT to 2 for ::1 port 9 (tcp)" -m 2 --nagle ::1 9
}

@test "what the kernel does not know is named" {
	fails 5 "sockcat: set option 1:9999:1 for 127.0.0.1 port 9 (tcp)\
 failed: Protocol not available" --sockopt 1:9999:1 127.0.0.1 9
	fails 5 "sockcat: set option 1:9999:1 for path (unix) failed:\
 Protocol not available" --sockopt 1:9999:1 -U path
	fails 5 "sockcat: set option 1:9999:-1 for 127.0.0.1 port 0 (tcp)\
 failed: Protocol not available" -l --sockopt 1:9999:-1 127.0.0.1 0
}

@test "an interface that there is not is named" {
	requires_interface
	misused "--interface: the name is empty: ''" --interface '' 127.0.0.1 1
	fails 5 "sockcat: set SO_BINDTODEVICE to nowhere for 127.0.0.1 port 9\
 (tcp) failed: No such device" --interface nowhere 127.0.0.1 9
	fails 5 "sockcat: set SO_BINDTODEVICE to nowhere for 127.0.0.1 port 0\
 (udp) failed: No such device" -lu --interface nowhere 127.0.0.1 0
}

@test "who may not set SO_DEBUG is told so" {
	as_nobody "$SOCKCAT" --version
	[ "$status" -eq 0 ] || skip "needs a sockcat that anyone may run"
	as_nobody "$SOCKCAT" -D 127.0.0.1 9
	[ "$status" -eq 5 ]
	[ "$output" = '' ]
	[ "$stderr" = 'sockcat: set SO_DEBUG for 127.0.0.1 port 9 (tcp)'\
' failed: Permission denied' ]
}

@test "the values of options are strict" {
	local value sizes='is not a size from 1 to 2147483647 (4096, 64k, 1M)'
	local i many=()

	for value in '' 0 -1 +1 ' 1' 1x 1kk 0x10 2G 2147483648 1.5k k; do
		misused "--rcvbuf: '$value' $sizes" -I "$value" 127.0.0.1 1
		misused "--sndbuf: '$value' $sizes" --sndbuf="$value" \
			127.0.0.1 1
	done
	for value in '' 0 256 -1 +1 1x 0x1; do
		misused "--ttl: '$value' is not a number from 1 to 255" \
			--ttl="$value" 127.0.0.1 1
	done
	for value in '' 256 -1 +1 1x; do
		misused "--min-ttl: '$value' is not a number from 0 to 255" \
			--min-ttl="$value" 127.0.0.1 1
	done
	for value in '' AF11 af14 cs8 256 -1 0x 0x100 0xg 0X1f $'0x\x12' 1x; do
		misused "--tos: '$value' is neither a known name nor a number\
 from 0 to 255" --tos="$value" 127.0.0.1 1
	done
	for value in '' 1 1:2 1:2: :2:3 1::3 1:2:x 1:2:3: 1:2:3:4 -1:2:3 \
		1:-2:3 1:2:+3 0x1:2:3 1:2:2147483648 1:2:--1 1:2:-; do
		misused "--sockopt: '$value' is not LEVEL:NAME:VALUE in numbers" \
			--sockopt="$value" 127.0.0.1 1
	done
	for i in {1..33}; do
		many+=(--sockopt 1:9:1)
	done
	misused '--sockopt*32*' "${many[@]}" 127.0.0.1 1
}

@test "options that a socket has no use for are refused" {
	local option

	for option in -b '-T ef' '-M 1' '-m 1' '--interface lo' --keepalive \
		--nagle; do
		# shellcheck disable=SC2086 # words
		misused "${option%% *} *Unix socket" $option -U path
	done
	misused '-b is *: it needs -u' -b 127.0.0.1 1
	misused '--keepalive is for *, not for datagrams' \
		-u --keepalive 127.0.0.1 1
	misused '--nagle is for TCP, not for datagrams' -u --nagle 127.0.0.1 1
	misused '-m is for TCP: for datagrams nobody looks at it' \
		-u -m 2 127.0.0.1 1
	misused '-m is for TCP: for datagrams nobody looks at it' \
		-l -u -m 2 127.0.0.1 0
}

# --- on the wire --------------------------------------------------------------

# capture [INTERFACE]: from here on what passes there, or the loopback, is in
# capture.err, a packet a line, in hexadecimal, after those of its link.
capture() {
	requires socat
	start capture "${INSIDE[@]}" socat -dd -u -x \
		INTERFACE:"${1:-lo}" OPEN:/dev/null
	within "$BOUND" grep -q 'starting data transfer' capture.err
}

# has_passed PATTERN: such a packet; without spaces, from its IP header on.
has_passed() {
	tr -d ' ' <capture.err | grep -Eq "^.{24}(0800|86dd)$1"
}

# passes PATTERN: one does before long.
passes() {
	if ! within "$BOUND" has_passed "$1"; then
		echo "no packet is $1:"
		cat capture.err
		return 1
	fi
}

end_capture() {
	signal capture TERM
	finish capture
}

@test "the first packet of a connection has the type and time asked for" {
	namespace
	capture
	peer_listen server listen:127.0.0.1:7000 accept expect:hello expect-eof
	run_sockcat -T af11 -M 33 127.0.0.1 7000 < <(printf hello)
	[ "$status" -eq 0 ]
	[ "$stderr" = '' ]
	succeed server
	# Protocol 6, then the addresses and ports; of the flags only SYN.
	passes '4528.{12}2106.{20}....1b58.{16}.002'
	end_capture
}

@test "so has the answer of a listener" {
	namespace
	capture
	listen_on server -d -T 0x28 -M 33 127.0.0.1 7000
	peer client connect:127.0.0.1:7000 send:hello half-close expect-eof
	succeed client server
	# SYN and ACK.
	passes '4528.{12}2106.{20}1b58.{20}.012'
	end_capture
}

@test "over IPv6 they are traffic class and hop limit" {
	requires_ipv6
	namespace
	capture
	peer_listen server listen:"[::1]:7000" accept expect:hello expect-eof
	run_sockcat -T af11 -M 33 ::1 7000 < <(printf hello)
	[ "$status" -eq 0 ]
	[ "$stderr" = '' ]
	succeed server
	passes '628.{9}0621.{64}....1b58.{16}.002'

	listen_on server -d -T af11 -M 33 ::1 7001
	peer client connect:"[::1]:7001" send:hello half-close expect-eof
	succeed client server
	passes '628.{9}0621.{64}1b59.{20}.012'
	end_capture
}

@test "a listener for both families has both kinds set" {
	requires_ipv6
	namespace
	capture
	listen_on server -d -k -T cs1 -M 33 7000
	peer client connect:127.0.0.1:7000 send:4 half-close expect-eof
	succeed client
	peer client connect:"[::1]:7000" send:6 half-close expect-eof
	succeed client
	signal server TERM
	finish server 143
	passes '4520.{12}2106.{20}1b58.{20}.012'
	passes '620.{9}0621.{64}1b58.{20}.012'
	end_capture
}

@test "an IPv4-mapped target has them as well" {
	requires_ipv6
	namespace
	capture
	peer_listen server listen:127.0.0.1:7000 accept expect:hello expect-eof
	run_sockcat -T cs1 -M 33 ::ffff:127.0.0.1 7000 < <(printf hello)
	[ "$status" -eq 0 ]
	[ "$stderr" = '' ]
	succeed server
	passes '4520.{12}2106.{20}....1b58.{16}.002'
	end_capture
}

@test "a datagram has them, the whole byte" {
	requires_ipv6
	namespace
	capture
	peer_listen four listen:udp:127.0.0.1:7000 accept expect:hello
	run_sockcat -u -T 0xff -M 1 -q 0 127.0.0.1 7000 < <(printf hello)
	[ "$status" -eq 0 ]
	peer_listen six listen:udp:"[::1]:7000" accept expect:hello
	run_sockcat -u -T 255 -M 1 -q 0 ::1 7000 < <(printf hello)
	[ "$status" -eq 0 ]
	succeed four six
	passes '45ff.{12}0111.{20}....1b58.{8}68656c6c6f$'
	passes '6ff.{9}1101.{64}....1b58.{8}68656c6c6f$'

	printf answer >answer
	listen_on server -u -T 0xff -M 1 -W 1 7001 <answer
	peer client connect:udp:127.0.0.1:7001 send:x expect:answer
	succeed client server
	passes '45ff.{12}0111.{20}1b59.{12}616e73776572$'
	listen_on server -u -T 0xff -M 1 -W 1 7001 <answer
	peer client connect:udp:"[::1]:7001" send:x expect:answer
	succeed client server
	passes '6ff.{9}1101.{64}1b59.{12}616e73776572$'
	end_capture
}

# --- who is too far away, and which way ---------------------------------------

@test "-m drops what has come too far" {
	requires_native 'it knows no IP_MINTTL'
	local address

	requires_ipv6
	namespace
	for address in 127.0.0.1 ::1; do
		listen_on server -d -m 200 "$address" 0
		fails 4 "sockcat: connect to $address port $PORT (tcp) failed:\
 $TIMED_OUT" -M 199 -w 0.2 "$address" "$PORT"
		run_sockcat -M 200 "$address" "$PORT" < <(printf near)
		[ "$status" -eq 0 ]
		succeed server
		holds server.out near

		listen_on server -d -M 100 "$address" 0
		fails 4 "sockcat: connect to $address port $PORT (tcp) failed:\
 $TIMED_OUT" -m 101 -w 0.2 "$address" "$PORT"
		run_sockcat -m 100 "$address" "$PORT" < <(printf near)
		[ "$status" -eq 0 ]
		finish server
	done
}

# two_interfaces: they have an address each, and are joined.  What we send to
# ourselves comes in on the interface that has the address.
two_interfaces() {
	requires_interface
	namespace
	inside ip link add here type veth peer name there
	inside ip link set here arp off up
	inside ip link set there arp off up
	inside ip address add 192.0.2.1/24 dev here
	inside ip address add 198.51.100.1/24 dev there
}

@test "--interface is the only one by which a listener can be reached" {
	local refused='Connection refused'

	two_interfaces
	listen_on server -d --interface here 0.0.0.0 0
	fails 1 "sockcat: connect to 127.0.0.1 port $PORT (tcp) failed:\
 $refused" 127.0.0.1 "$PORT"
	fails 1 "sockcat: connect to 198.51.100.1 port $PORT (tcp) failed:\
 $refused" 198.51.100.1 "$PORT"
	peer client connect:192.0.2.1:"$PORT" send:hello half-close expect-eof
	succeed client server
	holds server.out hello

	listen_on server -d -u -W 1 --interface lo 0.0.0.0 0
	fails 1 "sockcat: * 192.0.2.1 port $PORT (udp) failed: $refused" \
		-u 192.0.2.1 "$PORT"
	peer client connect:udp:127.0.0.1:"$PORT" send:hello
	succeed client server
	holds server.out hello
}

@test "--interface is the only one by which a client goes" {
	two_interfaces
	capture here
	run_sockcat -u -q 0 --interface there 192.0.2.1 7000 < <(printf hello)
	[ "$status" -eq 0 ]
	[ "$stderr" = '' ]
	passes '45.{14}..11.{12}c0000201....1b58.{8}68656c6c6f$'
	end_capture

	peer_listen server listen:192.0.2.1:7000 accept expect:near expect-eof
	fails 4 "sockcat: connect to 192.0.2.1 port 7000 (tcp) failed:\
 $TIMED_OUT" --interface there -w 0.2 192.0.2.1 7000
	run_sockcat --interface here 192.0.2.1 7000 < <(printf near)
	[ "$status" -eq 0 ]
	[ "$stderr" = '' ]
	succeed server
}

# --- the source ---------------------------------------------------------------

# comes_from ADDRESS PORT ARG...: this is what the server at the target sees;
# PORT '' is any.
comes_from() {
	local address=$1 port=$2 at=127.0.0.1
	shift 2

	[[ $address != *:* ]] || at='[::1]'
	peer_listen server listen:udp:"$at":0 accept print-peer expect:hello
	echo "sockcat $* $ADDRESS $PORT"
	run_sockcat -u -q 0 "$@" "$ADDRESS" "$PORT" < <(printf hello)
	[ "$status" -eq 0 ]
	[ "$stderr" = '' ]
	succeed server
	[[ $(<server.out) == "$address "${port:-*} ]]
}

@test "-s and -p are where datagrams come from" {
	requires_ipv6
	namespace
	inside ip address add fd00::2/128 dev lo nodad
	inside_file /etc/services 'talk-client 5001/udp' 'talk-client 5002/tcp'
	inside_file /etc/hosts '127.0.0.2 here' 'fd00::2 here'
	comes_from 127.0.0.2 '' -s 127.0.0.2
	comes_from 127.0.0.2 '' -s here
	comes_from fd00::2 '' -s here
	comes_from fd00::2 5000 -s fd00::2 -p 5000
	comes_from 127.0.0.1 5001 -p talk-client
}

@test "a datagram's source that is taken or foreign is exit 5, and named" {
	requires_ipv6
	peer_listen server listen:udp:127.0.0.1:0 wait-file:over
	fails 5 "sockcat: bind to 127.0.0.1 port $PORT (udp) failed: $IN_USE" \
		-u -s 127.0.0.1 -p "$PORT" 127.0.0.1 1
	fails 5 "sockcat: bind to 0.0.0.0 port $PORT (udp) failed: $IN_USE" \
		-u -p "$PORT" 127.0.0.1 1
	touch over
	succeed server
	fails 5 "sockcat: bind to 2001:db8::7 port 0 (udp) failed: $NOT_OURS" \
		-u -s 2001:db8::7 ::1 1
	fails 5 "sockcat: bind to 2001:db8::7 port 0 (tcp) failed: $NOT_OURS" \
		-s 2001:db8::7 ::1 1
}

@test "a raw or MPTCP socket's foreign source is named with its protocol" {
	requires_mptcp
	namespace
	fails 5 "sockcat: bind to 203.0.113.7 (icmp) failed: $NOT_OURS" \
		--type raw --protocol icmp -s 203.0.113.7 127.0.0.1
	fails 5 "sockcat: bind to 203.0.113.7 port 0 (mptcp) failed: $NOT_OURS" \
		--protocol mptcp -s 203.0.113.7 127.0.0.1 1
	listen_on server -d --protocol mptcp 127.0.0.1 7000
	peer client from:127.0.0.2:5000 connect:127.0.0.1:7000 expect-eof
	signal server TERM
	finish server 143
	finish client
}
