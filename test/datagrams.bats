#!/usr/bin/env bats
# Datagrams beyond one peer and one address: lines as datagrams, what is too
# long, who is answered from where, groups, and the names of Unix clients.

# shellcheck disable=SC2153,SC2154 # run and load set them
load lib/helpers

# What is compared with these is a pattern: glibc's words, or musl's.
TOO_LONG='Message too @(long|large)'
IN_USE='@(Address already in use|Address in use)'

# a_line LENGTH: prints one of so many bytes and its newline.
a_line() {
	head -c "$1" /dev/zero | tr '\0' x
	echo
}

# is_like FILE PATTERN: it holds text that matches.
is_like() {
	# shellcheck disable=SC2053 # a pattern it is
	if [[ $(<"$1") != $2 ]]; then
		echo "$1 is not like '$2' but:"
		head -c 600 "$1"
		return 1
	fi
}

# ends_by_term NAME: it does not end before, and says nothing.
ends_by_term() {
	is_running "$1"
	signal "$1" TERM
	finish "$1" 143
	holds "$1.err" ''
}

# knows OPTIONS: this build does, if --interface is one of them.
knows() {
	[[ $1 != *--interface* ]] || "$SOCKCAT" --version | grep -qw interface
}

@test "what is for datagrams alone is refused elsewhere" {
	refused '--line-datagrams needs datagrams: -u, or another --type that'\
' keeps messages apart' --line-datagrams 127.0.0.1 9
	refused '-C ends the lines that --line-datagrams takes apart' \
		-u -C --line-datagrams 127.0.0.1 9
	refused '-b is for datagrams: it needs -u' -b 127.0.0.1 9
	refused '-b does not fit a Unix socket' -uU -b path
	refused '-s names a Unix datagram client: it needs -u' -U -s mine path
	refused '-s names a Unix datagram client: it needs -u' \
		-U --type seqpacket -s mine path
	refused "-s does not fit -l: a Unix listener's path is its operand" \
		-l -uU -s mine path
	[ "$(find . -type s)" = '' ]
}

# --- lines --------------------------------------------------------------------

# sends MESSAGES ARG...: that is what becomes of the file "in", a line for
# each, and nothing more.
sends() {
	local messages=$1 count
	shift

	count=$(printf %b "$messages" | wc -l)
	rm -f ended
	peer_listen server listen:udp:127.0.0.1:0 accept \
		print-messages:"$count" wait-file:ended expect-silence
	start client "$SOCKCAT" -u -q 0 "$@" "$ADDRESS" "$PORT" <in
	succeed client
	touch ended
	succeed server
	holds server.out "$messages"
}

@test "each line is a datagram without its newline" {
	printf 'one\ntwo\r\n\tthree \0\n' >in
	sends 'one\ntwo\r\n\tthree \0000\n' --line-datagrams
}

@test "an empty line is an empty datagram" {
	printf '\none\n\n\ntwo\n\n' >in
	sends '\none\n\n\ntwo\n\n' --line-datagrams
	echo >in
	sends '\n' --line-datagrams
}

@test "what is left at the end without a newline is a datagram too" {
	printf 'one\n\nlast' >in
	sends 'one\n\nlast\n' --line-datagrams
	printf only >in
	sends 'only\n' --line-datagrams
}

@test "without --line-datagrams lines that are read at once are one" {
	printf 'one\n\ntwo\n' >in
	peer_listen server listen:udp:127.0.0.1:0 accept \
		expect:'one\n\ntwo\n' wait-file:ended expect-silence
	run_sockcat -u -q 0 "$ADDRESS" "$PORT" <in
	[ "$status" -eq 0 ]
	touch ended
	succeed server
}

@test "--line-datagrams with an empty stdin sends nothing" {
	peer_listen server listen:udp:127.0.0.1:0 accept expect:after
	run_sockcat -u -q 0 --line-datagrams "$ADDRESS" "$PORT"
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
	[ "$stderr" = '' ]
	peer other connect:udp:"$ADDRESS:$PORT" send:after
	succeed other server
}

@test "a line that comes in pieces is one datagram" {
	mkfifo in
	exec 7<>in
	peer_listen server listen:udp:127.0.0.1:0 accept expect:one \
		touch:1 wait-file:half expect-silence touch:silent \
		expect:two touch:2 expect:'' expect:three expect:four
	start client "$SOCKCAT" -u -q 0 --line-datagrams "$ADDRESS" "$PORT" \
		<in
	printf o >&7
	within "$BOUND" is_drained 7
	printf n >&7
	within "$BOUND" is_drained 7
	printf 'e\ntw' >&7
	within "$BOUND" test -e 1
	within "$BOUND" is_drained 7
	touch half
	within "$BOUND" test -e silent
	printf o >&7
	within "$BOUND" is_drained 7
	printf '\n' >&7
	within "$BOUND" test -e 2
	printf '\nthree\nfou' >&7
	within "$BOUND" is_drained 7
	printf r >&7
	exec 7>&-
	succeed client server
}

@test "a line goes out before the next has come" {
	mkfifo in
	exec 7<>in
	peer_listen server listen:udp:127.0.0.1:0 accept expect:one send:1 \
		expect:two send:2
	start client "$SOCKCAT" -u -W 2 --line-datagrams "$ADDRESS" "$PORT" \
		<in
	echo one >&7
	until_holds client.out 1
	echo two >&7
	succeed client server
	holds client.out 12
}

@test "a listener's lines are datagrams as well" {
	local options

	printf 'one\n\ntwo' >in
	for options in -u '-u -k'; do
		# shellcheck disable=SC2086 # words
		listen_on server $options --line-datagrams 127.0.0.1 0 <in
		peer client connect:udp:"$ADDRESS:$PORT" send:hello \
			print-messages:3 expect-silence
		succeed client
		ends_by_term server
		holds server.out hello
		holds client.out 'one\n\ntwo\n'
	done
}

@test "what arrives is not taken apart, nor given newlines" {
	listen_on server -d -u -W 3 --line-datagrams 127.0.0.1 0
	peer client connect:udp:"$ADDRESS:$PORT" send:'one\ntwo' send:'' \
		send:three
	succeed client server
	holds server.out 'one\ntwothree'
}

@test "--type dgram takes lines as -u does" {
	printf 'one\ntwo\n' >in
	peer_listen server listen:udp:127.0.0.1:0 accept print-messages:2
	run_sockcat --type dgram --line-datagrams -q 0 "$ADDRESS" "$PORT" <in
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
	[ "$stderr" = '' ]
	succeed server
	same_bytes in server.out
}

# --- lines: how long ----------------------------------------------------------

# largest HOST BYTES: a line of so many goes out, one of a byte more does not.
largest() {
	local host=$1 max=$2

	{
		a_line "$max"
		a_line $((max + 1))
		echo after
	} >in
	rm -f ended
	peer_listen server "listen:udp:[$host]:0" accept print-messages:2 \
		wait-file:ended expect-silence
	run_sockcat -u -q 0 --line-datagrams "$host" "$PORT" <in
	touch ended
	echo "$stderr"
	[ "$status" -eq 7 ]
	[ "$output" = '' ]
	# shellcheck disable=SC2053 # a pattern it is
	[[ $stderr == "sockcat: send of $((max + 1)) bytes to $host port $PORT\
 (udp) failed: "$TOO_LONG ]]
	succeed server
	{
		a_line "$max"
		echo after
	} | cmp - server.out
}

@test "a line of 65,508 bytes is named and left out, the others go on" {
	largest 127.0.0.1 65507
}

@test "IPv6 takes lines of 65,527 bytes" {
	requires_ipv6
	largest ::1 65527
}

@test "a line of more than 262,144 bytes is left out whole" {
	local i size sizes=(262145 262144 300000 524288 2000000)

	peer_listen server listen:udp:127.0.0.1:0 accept print-messages:7 \
		wait-file:ended expect-silence
	{
		echo before
		for size in "${sizes[@]}"; do
			a_line "$size"
			echo "after $size"
		done
		echo last
		head -c 262145 /dev/zero
	} >in
	run_sockcat -u -q 0 --line-datagrams "$ADDRESS" "$PORT" <in
	touch ended
	echo "$stderr"
	[ "$status" -eq 7 ]
	[ "$output" = '' ]
	[ "${#stderr_lines[@]}" -eq 6 ]
	for i in {0..5}; do
		# shellcheck disable=SC2053 # a pattern it is
		[[ ${stderr_lines[i]} == \
			"sockcat: send of "*"262144 bytes to 127.0.0.1 port\
 $PORT (udp) failed: "$TOO_LONG ]]
	done
	[[ ${stderr_lines[0]} == *' of more than 262144 bytes '* ]]
	[[ ${stderr_lines[1]} == *' of 262144 bytes '* ]]
	[[ ${stderr_lines[5]} == *' of more than 262144 bytes '* ]]
	succeed server
	{
		echo before
		printf 'after %s\n' "${sizes[@]}"
		echo last
	} | cmp - server.out
}

@test "a line that is too long and comes in pieces is left out whole" {
	mkfifo in
	exec 7<>in
	peer_listen server listen:udp:127.0.0.1:0 accept expect:before \
		touch:begun expect:after expect:last
	start client "$SOCKCAT" -u -q 0 --line-datagrams "$ADDRESS" "$PORT" \
		<in
	printf 'before\nx' >&7
	within "$BOUND" test -e begun
	a_line 262143 | tr -d '\n' >&7
	within "$BOUND" is_drained 7
	printf xx >&7
	within "$BOUND" is_drained 7
	printf xx >&7
	within "$BOUND" is_drained 7
	printf '\nafter\nlast' >&7
	exec 7>&-
	finish client 7
	holds client.out ''
	is_like client.err "sockcat: send of more than 262144 bytes to 127.0.0.1\
 port $PORT (udp) failed: $TOO_LONG"
	succeed server
}

@test "a listener names a line that is too long and goes on" {
	{
		echo before
		a_line 65508
		a_line 300000
		echo after
	} >in
	listen_on server -u --line-datagrams -W 2 127.0.0.1 0 <in
	peer client connect:udp:"$ADDRESS:$PORT" send:hello expect:before \
		expect:after send:bye
	succeed client
	finish server 7
	holds server.out hellobye
	is_like server.err "sockcat: send of 65508 bytes to 127.0.0.1 port *\
 (udp) failed: $TOO_LONG
sockcat: send of more than 262144 bytes to 127.0.0.1 port * (udp) failed:\
 $TOO_LONG"
}

@test "a line without an end takes no memory" {
	requires_native 'the memory is its own'
	requires_plain_build
	mkfifo in
	exec 7<>in
	peer_listen server listen:udp:127.0.0.1:0 accept expect:before \
		expect:after
	start client "$SOCKCAT" -u -q 0 --line-datagrams "$ADDRESS" "$PORT" \
		<in
	echo before >&7
	head -c 30000000 /dev/zero >&7
	printf '\nafter\n' >&7
	succeed server
	echo "$(memory_of client) KiB"
	[ "$(memory_of client)" -le 2560 ]
	exec 7>&-
	finish client 7
	is_like client.err 'sockcat: send of more than 262144 bytes to *'
}

# --- lines: Unix sockets ------------------------------------------------------

@test "lines to a Unix socket keep their sizes, whatever is read at once" {
	local size

	for size in 65535 65536 65537 0 131071 131072 131073 1 196607; do
		a_line "$size"
	done >in
	a_line 5 | tr -d '\n' >>in
	peer_listen server listen:unix-dgram:path accept print-messages:10
	start client "$SOCKCAT" -uU -q 0 --line-datagrams path <in
	succeed client server
	echo >>in
	same_bytes in server.out
}

# So large a one needs a buffer that takes it.
@test "a line of 262,144 bytes goes to a Unix socket" {
	{
		a_line 262144
		a_line 262143
		echo after
	} >in
	peer_listen server listen:unix-dgram:path accept print-messages:3
	start client "$SOCKCAT" -uU -q 0 -O 300k --line-datagrams path <in
	succeed client server
	same_bytes in server.out
}

@test "a line that a Unix socket refuses is named and left out" {
	{
		echo before
		a_line 262144
		a_line 262145
		echo after
	} >in
	peer_listen server listen:unix-dgram:path accept print-messages:2
	start client "$SOCKCAT" -uU -q 0 -O 64k --line-datagrams path <in
	finish client 7
	holds client.out ''
	is_like client.err "sockcat: send of 262144 bytes to path (unix)\
 failed: $TOO_LONG
sockcat: send of more than 262144 bytes to path (unix) failed: $TOO_LONG"
	succeed server
	holds server.out 'before\nafter\n'
}

@test "lines are the messages of a seqpacket socket" {
	{
		echo one
		a_line 100000
		printf last
	} >in
	peer_listen server listen:unix-seqpacket:path accept \
		print-messages:3 expect-eof send:reply close
	start client "$SOCKCAT" -U --type seqpacket --line-datagrams path <in
	succeed client server
	holds client.out reply
	echo >>in
	same_bytes in server.out

	listen_on server -U --type seqpacket --line-datagrams other \
		< <(printf 'one\ntwo')
	peer client connect:unix-seqpacket:other send:hello half-close \
		print-messages:2 expect-eof
	succeed client server
	holds client.out 'one\ntwo\n'
	holds server.out hello
}

@test "a line that is too long for a seqpacket is named and left out" {
	{
		echo before
		a_line 262145
		echo after
	} >in
	peer_listen server listen:unix-seqpacket:path accept \
		print-messages:2 expect-eof close
	start client "$SOCKCAT" -U --type seqpacket --line-datagrams path <in
	finish client 7
	is_like client.err "sockcat: send of more than 262144 bytes to path\
 (*) failed: $TOO_LONG"
	succeed server
	holds server.out 'before\nafter\n'
}

@test "an empty line for a seqpacket, whose end it would be, is left out" {
	printf 'one\n\ntwo\n' >in
	peer_listen server listen:unix-seqpacket:path accept \
		print-messages:2 expect-eof close
	start client "$SOCKCAT" -U --type seqpacket --line-datagrams path <in
	finish client 7
	holds client.out ''
	is_like client.err 'sockcat: send of 0 bytes to path (*) failed: it'\
' would be taken for the end'
	succeed server
	holds server.out 'one\ntwo\n'
}

# The pattern has a newline every few hundred bytes.
@test "megabytes of lines reach a slow Unix socket, and none is lost" {
	bytes 3000000 lines
	{
		cat lines
		echo
		seq 30000
	} >in
	peer_listen server listen:unix-dgram:path wait-file:go accept \
		print-messages:"$(wc -l <in)"
	start client "$SOCKCAT" -uU -q "$BOUND" --line-datagrams path <in
	within "$BOUND" is_asleep client
	touch go
	succeed server
	ends_by_term client
	same_bytes in server.out
}

@test "thousands of lines reach a Unix socket that answers nobody" {
	requires socat
	seq 10000 >in
	tr -d '\n' <in >expected
	start reader socat -u UNIX-RECV:path OPEN:got,creat
	within "$BOUND" test -S path
	start client "$SOCKCAT" -uU -q "$BOUND" --line-datagrams path <in
	within "$BOUND" same_bytes expected got
	ends_by_term client
	signal reader TERM
	finish reader
}

@test "megabytes of lines go from a Unix listener to its client" {
	bytes 1000000 lines
	{
		cat lines
		echo
	} >in
	listen_on server -uU --line-datagrams path <in
	peer client from:unix-dgram:mine connect:unix-dgram:path send:hello \
		print-messages:"$(wc -l <in)"
	succeed client
	same_bytes in client.out
	ends_by_term server
	holds server.out hello
}

@test "megabytes of lines go both ways over a seqpacket socket" {
	seq 50000 >up
	seq 50000 -1 1 >down
	listen_on server -U --type seqpacket --line-datagrams path <down
	start client "$SOCKCAT" -U --type seqpacket --line-datagrams path <up
	succeed client server
	tr -d '\n' <up | cmp - server.out
	tr -d '\n' <down | cmp - client.out
}

# --- too long, without lines --------------------------------------------------

# IP_MTU_DISCOVER, 10 of level 0, set to IP_PMTUDISC_DO.
@test "a datagram that may not be taken apart is named, the others go on" {
	namespace
	inside ip link set lo mtu 1500
	mkfifo in
	peer_listen server listen:udp:127.0.0.1:0 accept expect:before \
		touch:first expect:after
	exec 6<>in
	start client "$SOCKCAT" -u -q 0 --sockopt 0:10:2 "$ADDRESS" "$PORT" \
		<in 6>&-
	printf before >&6
	within "$BOUND" test -e first
	head -c 2000 /dev/zero >&6
	within "$BOUND" is_drained 6
	within "$BOUND" test -s client.err
	printf after >&6
	succeed server
	exec 6>&-
	finish client 7
	holds client.out ''
	is_like client.err "sockcat: send of 2000 bytes to 127.0.0.1 port $PORT\
 (udp) failed: $TOO_LONG"
}

# Nobody has to be ready for more than the kernel lets everyone send.
@test "a client's datagram that was cut is exit 7, and the next is heard" {
	requires socat
	bytes 300010 data
	start server socat -b 300000 UNIX-RECVFROM:path,sndbuf=425984 \
		'OPEN:data,rdonly!!OPEN:got,creat'
	within "$BOUND" test -S path
	start client "$SOCKCAT" -uU -W 2 -q "$BOUND" path < <(printf hello)
	finish client 7
	[[ $(<client.err) =~ ^"sockcat: a datagram of more than "([0-9]+)\
" bytes was cut"$ ]]
	[ "${BASH_REMATCH[1]}" -ge 65536 ]
	{
		head -c "${BASH_REMATCH[1]}" data
		tail -c 10 data
	} | cmp - client.out
	finish server
	holds got hello
}

@test "a message of a seqpacket that was cut is exit 7" {
	requires socat
	bytes 300000 data
	listen_on server -d -U --type seqpacket path
	start client socat -u -b 300000 OPEN:data \
		UNIX-CONNECT:path,type=5,sndbuf=425984
	finish client
	finish server 7
	[[ $(<server.err) =~ "more than "([0-9]+)" bytes was cut"$ ]]
	[ "${BASH_REMATCH[1]}" -ge 65536 ]
	head -c "${BASH_REMATCH[1]}" data | cmp - server.out
}

# --- what came before a refusal ------------------------------------------------

# More than a pipe and the ring take is still in the socket's queue then.
@test "what came before a refusal is written when stdout takes it again" {
	mkfifo in out
	exec 6<>in 7<>out
	peer_listen server listen:udp:127.0.0.1:0 accept expect:hello \
		send-bytes:40000 send-bytes:40000 send-bytes:40000 \
		send-bytes:40000 send-bytes:40000 send-bytes:40000 \
		send-bytes:40000 send-bytes:40000 send-bytes:40000
	start client to out "$SOCKCAT" -u "$ADDRESS" "$PORT" <in 6>&-
	printf hello >&6
	succeed server
	printf refused >&6
	within "$BOUND" test -s client.err
	exec 6>&-
	start reader cat out
	within "$BOUND" test -s reader.out
	exec 7>&-
	finish client 1
	succeed reader
	bytes 360000 expected
	same_bytes expected reader.out
	is_like client.err "sockcat: * 127.0.0.1 port $PORT (udp) failed:\
 Connection refused"
}

# --- answers from the address that was asked ----------------------------------

# asked FROM TO ARG...: "sockcat -l -u ARG..." hears what FROM sends to TO, and
# what comes later, and answers from there.
asked() {
	local from=$1 to=$2
	shift 2

	echo "$from asks $to of sockcat -l -u $*"
	rm -f answered
	listen_on server -u "$@" <<<answer
	# It is connected, and hears nobody else.
	peer client "from:udp:[$from]:0" "connect:udp:[$to]:$PORT" send:one \
		expect:'answer\n' send:two touch:answered
	succeed client
	until_holds server.out onetwo
	ends_by_term server
}

@test "a listener on every address answers from the one that was asked" {
	local address

	requires_feature packet-info
	for address in 127.0.0.1 127.0.0.2 127.9.8.7; do
		asked 127.0.0.1 "$address" 0.0.0.0 0
		asked 127.0.0.1 "$address" -4 0
		asked 127.0.0.1 "$address" -k 0.0.0.0 0
	done
	asked 127.0.0.3 127.0.0.2 0.0.0.0 0
}

@test "what --sockopt has the kernel tell keeps no answer from its address" {
	requires_feature packet-info
	[[ $(uname -s) == Linux ]] || skip 'the number is that of Linux'
	asked 127.0.0.1 127.0.0.2 --sockopt 1:37:24 0.0.0.0 0 # SO_TIMESTAMPING
	asked 127.0.0.1 127.0.0.2 -k --sockopt 1:37:24 0.0.0.0 0
}

@test "a listener for both families answers IPv4 from the address asked" {
	local address

	requires_feature packet-info
	requires_ipv6
	for address in 127.0.0.1 127.0.0.2 127.9.8.7; do
		asked 127.0.0.1 "$address" 0
		asked 127.0.0.1 "$address" -k 0
		asked 127.0.0.1 "$address" :: 0
	done
	asked ::1 ::1 0
	asked ::1 ::1 -k 0
}

@test "a listener on every address answers IPv6 from the one that was asked" {
	local options

	requires_feature packet-info
	requires_ipv6
	namespace
	inside ip address add fd00::2/128 dev lo nodad
	for options in '' -k -6; do
		# shellcheck disable=SC2086 # words
		asked ::1 fd00::2 $options :: 0
		# shellcheck disable=SC2086 # words
		asked fd00::2 ::1 $options 0
		# shellcheck disable=SC2086 # words
		asked ::1 ::1 $options 0
	done
}

@test "a listener on one address answers from it" {
	asked 127.0.0.1 127.0.0.2 127.0.0.2 0
	asked 127.0.0.1 127.0.0.2 -k 127.0.0.2 0
}

@test "with -k each is answered from the address that it asked" {
	local address heard host

	requires_feature packet-info
	requires_ipv6
	for host in 0.0.0.0 ::; do
		echo "$host"
		heard=
		rm -f in
		mkfifo in
		exec 7<>in
		listen_on server -u -k "$host" 0 <in
		for address in 127.0.0.2 127.0.0.3 127.0.0.2 127.0.0.4; do
			peer client from:udp:127.0.0.1:0 \
				connect:udp:"$address:$PORT" send:. \
				expect:"to $address" send:. \
				expect:"again to $address" expect-silence
			heard+=.
			until_holds server.out "$heard"
			printf 'to %s' "$address" >&7
			heard+=.
			until_holds server.out "$heard"
			printf 'again to %s' "$address" >&7
			succeed client
		done
		ends_by_term server
	done
}

@test "who then asks another address is heard, and answered from there" {
	local options

	requires_feature packet-info
	mkfifo in
	exec 7<>in
	for options in '' -k; do
		# shellcheck disable=SC2086 # words
		listen_on server -u $options 0.0.0.0 0 <in
		peer client from:udp:127.0.0.1:0 aim:udp:127.0.0.2:"$PORT" \
			send:1 expect:one print-sender \
			aim:udp:127.0.0.3:"$PORT" \
			send:2 expect:two print-sender
		until_holds server.out 1
		printf one >&7
		until_holds server.out 12
		printf two >&7
		succeed client
		holds client.out "127.0.0.2 $PORT\n127.0.0.3 $PORT\n"
		ends_by_term server
	done
}

@test "lines are answers from the address that was asked, too" {
	requires_feature packet-info
	printf 'one\n\ntwo\n' >in
	listen_on server -u --line-datagrams 0.0.0.0 0 <in
	peer client from:udp:127.0.0.1:0 connect:udp:127.0.0.2:"$PORT" \
		send:hello print-messages:3
	succeed client
	same_bytes in client.out
	ends_by_term server
	holds server.out hello
}

@test "a listener on every address takes its first sender and no other" {
	requires_feature packet-info
	listen_on server -d -u -W 2 0.0.0.0 0
	signal server STOP
	peer client from:udp:127.0.0.1:0 connect:udp:127.0.0.2:"$PORT" \
		send:'mine ' touch:first wait-file:others send:also
	within "$BOUND" test -e first
	echo other >"/dev/udp/127.0.0.2/$PORT"
	echo other >"/dev/udp/127.0.0.1/$PORT"
	touch others
	succeed client
	signal server CONT
	succeed server
	holds server.out 'mine also'

	rm first others
	listen_on server -d -u -W 2 0.0.0.0 0
	peer client from:udp:127.0.0.1:0 connect:udp:127.0.0.2:"$PORT" \
		send:'mine ' wait-file:others send:also
	until_holds server.out 'mine '
	echo other >"/dev/udp/127.0.0.2/$PORT"
	echo other >"/dev/udp/127.0.0.1/$PORT"
	touch others
	succeed client server
	holds server.out 'mine also'
}

@test "a listener on every address sees that its peer has gone" {
	mkfifo in
	exec 7<>in
	listen_on server -u 0.0.0.0 0 <in
	peer client from:udp:127.0.0.1:0 connect:udp:127.0.0.1:"$PORT" \
		send:hello
	succeed client
	until_holds server.out hello
	printf reply >&7
	finish server 1
	[[ $(<server.err) == "sockcat: "*" failed: Connection refused" ]]
}

# --- broadcast ----------------------------------------------------------------

@test "-b sends to everyone, and hears everyone who answers" {
	local options

	for options in -b --broadcast; do
		peer_listen one listen:udp:0.0.0.0:0 accept expect:hello \
			send:1
		peer_listen two listen:udp:0.0.0.0:"$PORT" accept \
			expect:hello send:1
		run_sockcat -u "$options" -W 2 -q "$BOUND" \
			127.255.255.255 "$PORT" < <(printf hello)
		[ "$status" -eq 0 ]
		[ "$output" = 11 ]
		[ "$stderr" = '' ]
		succeed one two
	done
}

@test "without -b a broadcast is not permitted" {
	peer_listen server listen:udp:0.0.0.0:0 accept expect:after
	run_sockcat -u -q 0 127.255.255.255 "$PORT" < <(printf hello)
	echo "$stderr"
	[ "$status" -eq 1 ]
	[ "$output" = '' ]
	[ "$stderr" = "sockcat: connect to 127.255.255.255 port $PORT (udp)\
 failed: Permission denied" ]
	peer client connect:udp:127.0.0.1:"$PORT" send:after
	succeed client server
}

@test "-b does no harm to a datagram for one" {
	peer_listen server listen:udp:127.0.0.1:0 accept expect:hello send:bye
	run_sockcat -u -b -W 1 -q "$BOUND" "$ADDRESS" "$PORT" \
		< <(printf hello)
	[ "$status" -eq 0 ]
	[ "$output" = bye ]
	[ "$stderr" = '' ]
	succeed server
}

@test "a closed port is refused with -b as without" {
	run_sockcat -u -b 127.0.0.1 1 <<<hello
	echo "$stderr"
	[ "$status" -eq 1 ]
	[ "$output" = '' ]
	[[ $stderr == 'sockcat: '*' 127.0.0.1 port 1 (udp) failed: Connection'\
' refused' ]]
}

@test "lines are broadcast one by one" {
	printf 'one\n\ntwo\n' >in
	peer_listen server listen:udp:127.255.255.255:0 accept print-messages:3
	run_sockcat -u -b -q 0 --line-datagrams 127.255.255.255 "$PORT" <in
	[ "$status" -eq 0 ]
	[ "$stderr" = '' ]
	succeed server
	same_bytes in server.out
}

@test "who broadcasts is answered from an address of one" {
	local host options

	requires_feature packet-info
	requires_ipv6
	for host in 0.0.0.0 ::; do
		for options in '' -k; do
			echo "$options $host"
			# shellcheck disable=SC2086 # words
			listen_on server -u $options "$host" 0 <<<answer
			peer client from:udp:127.0.0.1:0 \
				aim:udp:127.255.255.255:"$PORT" send:hello \
				expect:'answer\n' print-sender send:more
			succeed client
			holds client.out "127.0.0.1 $PORT\n"
			until_holds server.out hellomore
			ends_by_term server
		done
	done
}

# make_link: a link of Ethernet, whose other end is in the namespace as well.
make_link() {
	inside ip link add v0 type veth peer name v1 2>/dev/null ||
		skip "needs a veth link"
	inside ip link set v0 addrgenmode none
	inside ip link set v1 addrgenmode none
	inside ip address add 10.1.2.3/24 brd + dev v0
	inside ip -6 address add fe80::1/64 dev v0 nodad
	inside ip link set v0 up
	inside ip link set v1 up
}

@test "who broadcasts on a link is answered from its address there" {
	local address

	requires_feature packet-info
	namespace
	make_link
	for address in 10.1.2.255 255.255.255.255; do
		listen_on server -u 0.0.0.0 0 <<<answer
		[ "$address" != 255.255.255.255 ] ||
			inside ip route add 255.255.255.255 dev v0
		peer client aim:udp:"$address:$PORT" send:hello \
			expect:'answer\n' print-sender send:more
		succeed client
		holds client.out "10.1.2.3 $PORT\n"
		until_holds server.out hellomore
		ends_by_term server
	done
}

@test "who asks a link-local address from another is answered from it" {
	local options

	requires_feature packet-info
	requires_ipv6
	namespace
	make_link
	inside ip address add fd00::1/64 dev v0 nodad
	for options in '' -k -6; do
		# shellcheck disable=SC2086 # words
		asked fd00::1 fe80::1%v0 $options :: 0
	done
}

# --- groups -------------------------------------------------------------------

# Here the way to a group is the loopback.
group_namespace() {
	namespace
	inside ip route add 239.0.0.0/8 dev lo src 127.0.0.1
}

# is_member INTERFACE GROUP: somebody is.
is_member() {
	inside ip maddress show dev "$1" | grep -qw "$2"
}

@test "a listener on a group hears it, and answers from its own address" {
	requires_native 'it knows no MCAST_JOIN_GROUP'
	local options

	group_namespace
	for options in '' -k '--interface lo'; do
		echo "$options"
		knows "$options" || continue
		# shellcheck disable=SC2086 # words
		listen_on server -u $options 239.1.2.3 0 <<<answer
		[ "$ADDRESS" = 239.1.2.3 ]
		peer client aim:udp:239.1.2.3:"$PORT" send:hello \
			expect:'answer\n' print-sender send:more
		succeed client
		holds client.out "127.0.0.1 $PORT\n"
		until_holds server.out hellomore
		ends_by_term server
	done
}

@test "all listeners on a group hear it" {
	requires_native 'it knows no MCAST_JOIN_GROUP'
	group_namespace
	listen_on one -d -u -W 2 239.1.2.3 0
	listen_on two -d -u -W 2 239.1.2.3 "$PORT"
	peer client connect:udp:239.1.2.3:"$PORT" send:hello send:' and bye'
	succeed client one two
	holds one.out 'hello and bye'
	holds two.out 'hello and bye'
}

@test "with --no-reuse-addr a group's port is for one listener" {
	requires_native 'it knows no MCAST_JOIN_GROUP'
	group_namespace
	listen_on one -d -u -W 1 --no-reuse-addr 239.1.2.3 0
	run_sockcat -l -u 239.1.2.3 "$PORT"
	[ "$status" -eq 5 ]
	[ "$output" = '' ]
	# shellcheck disable=SC2053 # a pattern it is
	[[ $stderr == "sockcat: listen on 239.1.2.3 port $PORT (udp)\
 failed: "$IN_USE ]]
	peer client connect:udp:239.1.2.3:"$PORT" send:hello
	succeed client one
	holds one.out hello
}

@test "a listener is a member of its group until it ends" {
	requires_native 'it knows no MCAST_JOIN_GROUP'
	group_namespace
	run ! is_member lo 239.1.2.3
	listen_on server -d -u -k 239.1.2.3 0
	is_member lo 239.1.2.3
	inside grep -q 030201EF /proc/net/igmp || inside grep -q EF010203 \
		/proc/net/igmp
	ends_by_term server
	run ! is_member lo 239.1.2.3
}

@test "--interface says where a listener joins its group" {
	requires_native 'it knows no MCAST_JOIN_GROUP'
	requires_feature interface
	namespace
	make_link
	listen_on server -d -u -W 1 --interface v0 239.1.2.3 0
	is_member v0 239.1.2.3
	run ! is_member v1 239.1.2.3
	run ! is_member lo 239.1.2.3
	inside ip route add 239.0.0.0/8 dev v0
	peer client connect:udp:239.1.2.3:"$PORT" send:hello
	succeed client server
	holds server.out hello
}

@test "a group that no interface leads to is refused, and named" {
	requires_native 'it knows no MCAST_JOIN_GROUP'
	namespace
	run_sockcat -l -u --accept-timeout 0.1 239.1.2.3 0
	echo "$stderr"
	[ "$status" -eq 5 ]
	[ "$output" = '' ]
	[ "$stderr" = 'sockcat: join 239.1.2.3 port 0 (udp) failed: No such'\
' device' ]
}

@test "a client of a group hears all members that answer" {
	local options

	group_namespace
	for options in '' '--interface lo' -b '-s 127.0.0.1'; do
		echo "$options"
		knows "$options" || continue
		rm -f answered client.out
		peer_listen one join:lo listen:udp:239.1.2.3:0 accept \
			expect:hello send:1 touch:answered expect:more
		peer_listen two join:lo listen:udp:239.1.2.3:"$PORT" accept \
			expect:hello wait-file:answered send:2 expect:more
		mkfifo in
		exec 6<>in
		# shellcheck disable=SC2086 # words
		start client "$SOCKCAT" -u -q 0 $options 239.1.2.3 "$PORT" \
			<in 6>&-
		printf hello >&6
		until_holds client.out 12
		printf more >&6
		succeed one two
		exec 6>&-
		succeed client
		rm in
	done
}

@test "-W of a group's client counts the answers of all" {
	group_namespace
	peer_listen one join:lo listen:udp:239.1.2.3:0 accept expect:hello \
		send:1
	peer_listen two join:lo listen:udp:239.1.2.3:"$PORT" accept \
		expect:hello send:1
	run_sockcat -u -W 2 -q "$BOUND" 239.1.2.3 "$PORT" < <(printf hello)
	[ "$status" -eq 0 ]
	[ "$output" = 11 ]
	[ "$stderr" = '' ]
	succeed one two
}

@test "--interface is a client's way to a group, without a route" {
	requires_feature interface
	namespace
	run_sockcat -u -q 0 239.1.2.3 9 < <(printf hello)
	[ "$status" -eq 1 ]
	[[ $stderr == 'sockcat: send to 239.1.2.3 port 9 (udp) failed:'\
' Network '*'unreachable' ]]
	peer_listen server join:lo listen:udp:239.1.2.3:0 accept expect:hello \
		send:bye
	run_sockcat -u -W 1 -q "$BOUND" --interface lo 239.1.2.3 "$PORT" \
		< <(printf hello)
	[ "$status" -eq 0 ]
	[ "$output" = bye ]
	[ "$stderr" = '' ]
	succeed server
}

@test "two sockcats talk by way of a group" {
	requires_native 'it knows no MCAST_JOIN_GROUP'
	group_namespace
	listen_on server -u -W 1 239.1.2.3 0 <<<answer
	run_sockcat -u -W 1 -q "$BOUND" 239.1.2.3 "$PORT" <<<question
	[ "$status" -eq 0 ]
	[ "$output" = answer ]
	[ "$stderr" = '' ]
	succeed server
	holds server.out 'question\n'
}

# ttl_of NAME ARG...: sets TTL to that of what "sockcat -u ARG..." sends.
ttl_of() {
	peer_listen unused listen:udp:239.1.2.3:0
	succeed unused
	rm -f ttl
	# shellcheck disable=SC2016 # socat's shell has it
	start receiver "$(wrapper socat "$(command -v socat)")" -u \
		"UDP4-RECVFROM:$PORT,ip-add-membership=239.1.2.3:lo,ip-recvttl" \
		SYSTEM:'cat >/dev/null; echo "$SOCAT_IP_TTL" >ttl'
	# It joins before it is bound, and ends before its shell has.
	within "$BOUND" is_bound "$PORT"
	run_sockcat -u -q 0 "$@" 239.1.2.3 "$PORT" <<<hello
	[ "$status" -eq 0 ]
	[ "$stderr" = '' ]
	finish receiver 0
	within "$BOUND" test -s ttl
	TTL=$(<ttl)
}

# is_bound PORT: somebody has that one of UDP.
is_bound() {
	inside grep -q "^ *[0-9]*: [0-9A-F]*:$(printf %04X "$1") " /proc/net/udp
}

# IP_MULTICAST_TTL is 33 of level 0.
@test "-M and --sockopt say how far a group's datagrams go" {
	requires socat
	group_namespace
	ttl_of
	[ "$TTL" -eq 1 ]
	ttl_of -M 7
	[ "$TTL" -eq 7 ]
	ttl_of --sockopt 0:33:8
	[ "$TTL" -eq 8 ]
	ttl_of -M 7 --sockopt 0:33:9
	[ "$TTL" -eq 9 ]
}

# IP_MULTICAST_LOOP is 34 of level 0.  The loopback itself knows no such thing.
@test "--sockopt can keep a group's datagrams from one's own system" {
	namespace
	make_link
	inside ip route add 239.0.0.0/8 dev v0
	peer_listen server join:v0 listen:udp:239.1.2.3:0 accept \
		expect:'heard\n'
	run_sockcat -u -q 0 --sockopt 0:34:0 239.1.2.3 "$PORT" <<<silent
	[ "$status" -eq 0 ]
	[ "$stderr" = '' ]
	run_sockcat -u -q 0 --sockopt 0:34:1 239.1.2.3 "$PORT" <<<heard
	[ "$status" -eq 0 ]
	succeed server
}

# Skips the test where even the peers do not hear each other.
requires_multicast6() {
	requires_ipv6
	namespace
	make_link
	peer_listen server timeout:3 join:v0 "listen:udp:[ff02::1234%v0]:0" \
		accept expect:x
	peer client "connect:udp:[ff02::1234%v0]:$PORT" send:x
	finish client
	finish server
	[ "$status" -eq 0 ] || skip "needs IPv6 multicast"
}

@test "a listener on an IPv6 group hears it and answers" {
	requires_native 'it knows no MCAST_JOIN_GROUP'
	local options

	requires_multicast6
	for options in 'ff02::1234%v0' '--interface v0 ff02::1234%v0' \
		'--interface v0 ff02::1234' '-k ff02::1234%v0'; do
		echo "$options"
		knows "$options" || continue
		# shellcheck disable=SC2086 # words
		listen_on server -u $options 0 <<<answer
		is_member v0 ff02::1234
		peer client "aim:udp:[ff02::1234%v0]:$PORT" send:hello \
			expect:'answer\n' print-sender send:more
		succeed client
		holds client.out "fe80::1%v0 $PORT\n"
		until_holds server.out hellomore
		ends_by_term server
		run ! is_member v0 ff02::1234
	done
}

@test "a client of an IPv6 group hears all members that answer" {
	local options

	requires_multicast6
	for options in 'ff02::1234%v0' '--interface v0 ff02::1234'; do
		echo "$options"
		knows "$options" || continue
		peer_listen one join:v0 "listen:udp:[ff02::1234%v0]:0" accept \
			expect:hello send:1
		peer_listen two join:v0 "listen:udp:[ff02::1234%v0]:$PORT" \
			accept expect:hello send:1
		# shellcheck disable=SC2086 # words
		run_sockcat -u -W 2 -q "$BOUND" $options "$PORT" \
			< <(printf hello)
		echo "$stderr"
		[ "$status" -eq 0 ]
		[ "$output" = 11 ]
		[ "$stderr" = '' ]
		succeed one two
	done
}

# --- the names of Unix clients ------------------------------------------------

# named_client ARG...: a client of "path" that has sent something; NAME is what
# the server was told of it.  It waits for its answer until "go" is there.
named_client() {
	rm -f in go path asked client.out
	mkfifo in
	exec 7<>in
	peer_listen server listen:unix-dgram:path accept expect:hello \
		print-peer touch:asked wait-file:go send:answer
	printf hello >&7
	start client env --default-signal=INT "$SOCKCAT" -uU "$@" path <in
	within "$BOUND" test -e asked
	NAME=$(<server.out)
}

# Has it answered, and ends it.
answer_client() {
	touch go
	succeed server
	until_holds client.out answer
	exec 7>&-
	succeed client
}

# Only Linux has names that are no files, and splice(2).
has_abstract_names() {
	"$SOCKCAT" --version | grep -qw splice
}

@test "a Unix client has a name that is no file" {
	has_abstract_names || skip "needs abstract names"
	mkdir room
	named_client -q 0
	[[ $NAME == @?* ]]
	[ "$(find . -type s)" = ./path ]
	answer_client
}

@test "-s PATH is what a Unix client is called" {
	local name

	for name in mine ./room/mine "$PWD/room/mine"; do
		mkdir -p room
		named_client -q 0 -s "$name"
		[ "$NAME" = "$name" ]
		[ -S "$name" ]
		answer_client
		[ ! -e "$name" ]
		[ "$(find . -type s)" = ./path ]
	done
}

@test "-s @NAME is what a Unix client is called, and no file is made" {
	local name

	[ "$(uname)" = Linux ] || skip "needs abstract names"
	name=$(abstract client)
	named_client -q 0 -s "$name"
	[ "$NAME" = "$name" ]
	[ "$(find . -type s)" = ./path ]
	answer_client
}

@test "a Unix client that a signal ends removes its path" {
	local signal

	for signal in TERM INT HUP; do
		echo "$signal"
		named_client -s mine
		[ -S mine ]
		signal client "$signal"
		finish client $((128 + $(kill -l "$signal")))
		[ ! -e mine ]
		holds client.err ''
		signal server KILL
		finish server
	done
}

@test "a Unix client removes its path whatever it ends with" {
	local status

	# Nobody there, somebody who has gone, and a reader that has.
	run_sockcat -uU -s mine path <<<hello
	[ "$status" -eq 1 ]
	[ ! -e mine ]
	"$PEER" announce:/dev/null listen:unix-dgram:path
	run_sockcat -uU -s mine path <<<hello
	[ "$status" -eq 1 ]
	[ "$stderr" = 'sockcat: connect to path (unix) failed: Connection'\
' refused' ]
	[ ! -e mine ]

	named_client -s mine
	signal server KILL
	finish server
	printf more >&7
	finish client 1
	[ ! -e mine ]

	rm -f path
	mkfifo out
	start reader head -c 1 out
	peer_listen server listen:unix-dgram:path accept expect:x send:12 \
		wait-file:over
	mkfifo up
	exec 7<>up
	start client to out env --default-signal=PIPE "$SOCKCAT" -uU \
		-s mine path <up
	printf x >&7
	succeed reader
	finish client 141
	[ ! -e mine ]
	holds client.err ''
	touch over
	succeed server

	rm path
	peer_listen server listen:unix-dgram:path accept expect:x
	printf x >x
	run_sockcat -uU -s mine -W 1 -w 0.1 path <x
	[ "$status" -eq 4 ]
	[ ! -e mine ]
	succeed server
}

# taken PATH: a client is refused that name, and does not touch it.
taken() {
	local before

	before=$(stat --format='%i %f %s %Z' "$1")
	run_sockcat -uU -q 0 -s "$1" path <<<hello
	echo "$1: status $status, stderr '$stderr'"
	[ "$status" -eq 5 ]
	[ "$output" = '' ]
	# shellcheck disable=SC2053 # a pattern it is
	[[ $stderr == "sockcat: bind to $1 (unix) failed: "$IN_USE ]]
	[ "$(stat --format='%i %f %s %Z' "$1")" = "$before" ]
}

@test "a Unix client touches nothing that has its name" {
	peer_listen server listen:unix-dgram:path accept expect:real
	peer_listen live listen:unix-dgram:live accept expect:real
	"$PEER" announce:/dev/null listen:unix-dgram:dead
	echo precious >file
	mkdir directory
	mkfifo fifo
	ln -s nowhere dangling
	ln -s dead link
	taken live
	taken dead
	taken file
	taken directory
	taken fifo
	taken dangling
	taken link
	taken path
	holds file 'precious\n'
	[ ! -e nowhere ]
	peer client connect:unix-dgram:path send:real
	peer other connect:unix-dgram:live send:real
	succeed client other server live
}

@test "a Unix client's abstract name that is taken is refused" {
	local name

	[ "$(uname)" = Linux ] || skip "needs abstract names"
	name=$(abstract taken)
	peer_listen server listen:unix-dgram:path accept expect:real
	peer_listen live listen:unix-dgram:"$name" accept expect:real
	run_sockcat -uU -q 0 -s "$name" path <<<hello
	[ "$status" -eq 5 ]
	[ "$output" = '' ]
	# shellcheck disable=SC2053 # a pattern it is
	[[ $stderr == "sockcat: bind to $name (unix) failed: "$IN_USE ]]
	peer client connect:unix-dgram:path send:real
	peer other connect:unix-dgram:"$name" send:real
	succeed client other server live
}

@test "a Unix client's name that cannot be is refused, and named" {
	local long

	long=$(printf '%0108d' 0)
	peer_listen server listen:unix-dgram:path accept expect:real
	run_sockcat -uU -q 0 -s none/mine path <<<hello
	echo "$stderr"
	[ "$status" -eq 5 ]
	[ "$output" = '' ]
	[ "$stderr" = 'sockcat: bind to none/mine (unix) failed: No such file'\
' or directory' ]
	run_sockcat -uU -q 0 -s "$long" path <<<hello
	echo "$stderr"
	[ "$status" -eq 5 ]
	[ "$output" = '' ]
	[[ $stderr == "sockcat: "*" too long"* && $stderr == *"$long"* ]]
	peer client connect:unix-dgram:path send:real
	succeed client server
}

@test "what has taken the place of a Unix client's path stays" {
	named_client -q 0 -s mine
	mv mine moved
	echo precious >mine
	signal client TERM
	finish client 143
	holds mine 'precious\n'
	signal server KILL
	finish server
}

@test "-s PATH is refused to a client that becomes a program" {
	local option refusal='-s: a program would leave the path behind:'

	peer_listen server listen:unix-dgram:path accept expect:real
	for option in -e -c; do
		refused "$refusal 'mine'" -uU -s mine "$option" true path
		refused "$refusal './@mine'" -uU -s ./@mine "$option" true path
	done
	[ "$(find . -type s)" = ./path ]
	peer client connect:unix-dgram:path send:real
	succeed client server
}

@test "-s @NAME is what a program is called that a client becomes" {
	local name option

	[ "$(uname)" = Linux ] || skip "needs abstract names"
	name=$(abstract program)
	for option in '-e echo' '-c echo'; do
		rm -f path server.out
		peer_listen server listen:unix-dgram:path accept \
			expect:'\n' print-sender
		# shellcheck disable=SC2086 # two words
		run_sockcat -uU -s "$name" $option path
		[ "$status" -eq 0 ]
		[ "$output" = '' ]
		[ "$stderr" = '' ]
		succeed server
		holds server.out "$name\n"
	done
}

# several COMMAND...: eight clients of one listener are answered, each with what
# the command prints as its options.
several() {
	local heard='' i options

	rm -f in client-*
	mkfifo in
	exec 7<>in
	listen_on server -k -uU path <in
	for i in {1..8}; do
		mapfile -t options < <("$@" "$i")
		start client-"$i" "$SOCKCAT" -uU -q "$BOUND" "${options[@]}" \
			path < <(printf %s "$i")
		heard+=$i
		until_holds server.out "$heard"
		printf 'to %s' "$i" >&7
		until_holds client-"$i".out "to $i"
	done
	for i in {1..8}; do
		signal client-"$i" TERM
		finish client-"$i" 143
		holds client-"$i".err ''
	done
	ends_by_term server
	[ "$(find . -type s)" = '' ]
}

@test "several Unix clients at once each have a name of their own" {
	export TMPDIR=$PWD

	several true
	several name_of
}

name_of() {
	printf '%s\n' -s "mine-$1"
}

@test "where no name is abstract a Unix client's path is its own" {
	if has_abstract_names; then
		skip "needs the portable build, or a system other than Linux"
	fi
	mkdir room
	export TMPDIR=$PWD/room
	named_client -q 0
	[[ $NAME == "$TMPDIR/sockcat.${PIDS[client]}"* ]]
	[ -S "$NAME" ]
	answer_client
	[ "$(ls -A room)" = '' ]
}

@test "with -k Unix clients are all heard, and the last is answered" {
	mkfifo in
	exec 7<>in
	listen_on server -k -uU --line-datagrams path <in
	peer one from:unix-dgram:one connect:unix-dgram:path send:1 \
		expect:'to one' wait-file:answered send:3 expect:'one again' \
		expect-silence
	until_holds server.out 1
	echo 'to one' >&7
	within "$BOUND" is_drained 7
	peer two from:unix-dgram:two connect:unix-dgram:path send:2 \
		expect:'to two' touch:answered wait-file:over expect-silence
	until_holds server.out 12
	echo 'to two' >&7
	until_holds server.out 123
	echo 'one again' >&7
	succeed one
	touch over
	succeed two
	ends_by_term server
}
