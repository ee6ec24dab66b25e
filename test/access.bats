#!/usr/bin/env bats
# Access: who may come, by address or by the permissions of a path, and who
# has come.

# shellcheck disable=SC2153,SC2154 # run and load set them
load lib/helpers

# --- clients ------------------------------------------------------------------

# sorts HOST CLIENTS ARG...: a listener on the host, ::'s if it is empty, with
# these arguments serves the clients from some addresses and closes, at once,
# those behind a "!".  They come one after another; one from ADDRESS>TARGET
# comes to that target.
sorts() {
	local host=$1 clients=$2 client target served='' refused=''
	shift 2

	echo "sockcat -l $*, from $clients"
	# shellcheck disable=SC2086 # no word, if there is no host
	listen_on server -kdv "$@" $host 0
	for client in $clients; do
		target=${client#*>}
		[[ $client == *'>'* ]] || target=$host
		client=${client%>*}
		if [[ $client == '!'* ]]; then
			client=${client#!}
			peer client from:"[$client]:0" \
				connect:"[$target]:$PORT" expect-eof close
			succeed client
			refused+=$client$'\n'
		else
			peer client from:"[$client]:0" \
				connect:"[$target]:$PORT" \
				send:"$client\n" half-close expect-eof close
			succeed client
			served+=$client$'\n'
		fi
	done
	# One child may be later than the next.
	within "$BOUND" is_sorted "$served" || holds server.out "$served"
	signal server TERM
	finish server 143
	log=$(sed -n 's/^Connection from \(.*\) [1-9][0-9]* refused$/\1/p' \
		server.err)
	[ "$log" = "${refused%$'\n'}" ]
}

is_sorted() {
	[ "$(sort server.out)" = "$(printf %s "$1" | sort)" ]
}

@test "--allow serves the clients of a network and closes others" {
	sorts 127.0.0.1 '127.0.0.1 127.0.0.3 !127.0.0.4 127.0.0.2 !127.1.0.1' \
		--allow 127.0.0.0/30
}

@test "--deny closes the clients of a network and serves others" {
	sorts 127.0.0.1 '!127.0.0.1 !127.0.0.3 127.0.0.4 !127.0.0.2 127.1.0.1' \
		--deny 127.0.0.0/30
}

@test "an address alone is one client's" {
	sorts 127.0.0.1 '!127.0.0.1 127.0.0.2 !127.0.0.3' --allow 127.0.0.2
	sorts 127.0.0.1 '127.0.0.1 !127.0.0.2 127.0.0.3' --deny 127.0.0.2
}

@test "a network may have any number of bits" {
	sorts 127.0.0.1 127.0.0.1 --allow 127.0.0.1/0
	sorts 127.0.0.1 127.0.0.1 --allow 0.0.0.0/0
	sorts 127.0.0.1 '!127.0.0.1 !127.255.255.254' --deny 0.0.0.0/0
	sorts 127.0.0.1 127.0.0.1 --allow 0.0.0.0/1
	sorts 127.0.0.1 127.0.0.1 --allow 64.0.0.0/2
	sorts 127.0.0.1 '!127.0.0.1' --allow 128.0.0.0/1
	sorts 127.0.0.1 '127.0.0.1 127.129.0.1 !127.130.0.1' \
		--allow 127.0.0.0/9 --allow 127.129.0.0/16
	sorts 127.0.0.1 '!127.0.0.1 127.0.0.2 127.0.0.3 !127.0.0.4' \
		--allow 127.0.0.2/31
	sorts 127.0.0.1 '!127.0.0.2 127.0.0.3 !127.0.0.4' --allow 127.0.0.3/32
}

@test "the bits behind a network's do not matter" {
	sorts 127.0.0.1 '127.0.0.1 !127.0.1.1' --allow 127.0.0.255/24
	sorts 127.0.0.1 '!127.0.0.4 127.0.0.7 !127.0.0.8' \
		--allow 127.0.0.5/30 --deny 127.0.0.4
}

@test "--deny comes before --allow, whatever their order" {
	sorts 127.0.0.1 '127.0.0.1 !127.0.0.2 127.0.0.3 !127.1.0.1' \
		--allow 127.0.0.0/24 --deny 127.0.0.2
	sorts 127.0.0.1 '127.0.0.1 !127.0.0.2 127.0.0.3 !127.1.0.1' \
		--deny 127.0.0.2 --allow 127.0.0.0/24
	sorts 127.0.0.1 '!127.0.0.1 !127.0.0.2' \
		--allow 127.0.0.2 --deny 127.0.0.0/24
}

@test "each of several is looked at" {
	sorts 127.0.0.1 '127.0.0.1 127.0.0.2 127.0.0.9 !127.0.0.4' \
		--allow 127.0.0.9 --allow 127.0.0.2 --allow 127.0.0.1
	sorts 127.0.0.1 '!127.0.0.1 !127.0.0.2 !127.0.0.9 127.0.0.4' \
		--deny 127.0.0.9 --deny=127.0.0.2 --deny 127.0.0.1
	sorts 127.0.0.1 '127.0.0.1 !127.0.0.2 !127.0.0.3 127.0.0.9 !127.0.0.8' \
		--deny 127.0.0.2 --allow 127.0.0.0/30 --deny 127.0.0.3 \
		--allow 127.0.0.9
}

@test "IPv6 clients are told apart as well" {
	requires_ipv6
	sorts ::1 ::1 --allow ::1
	sorts ::1 '!::1' --deny ::1
	sorts ::1 ::1 --allow ::1/128 --deny ::2/128
	sorts ::1 ::1 --allow ::/127
	sorts ::1 '!::1' --allow ::2/127
	sorts ::1 ::1 --allow ::/0
	sorts ::1 '!::1' --deny 8000::/0
	sorts ::1 ::1 --allow ::/1
	sorts ::1 '!::1' --allow 8000::/1
	sorts ::1 '!::1' --allow 0.0.0.0/0
	sorts ::1 ::1 --deny 0.0.0.0/0
	sorts ::1 '!::1' --allow 0.0.0.1
	sorts ::1 '!::1' --allow 0:0:0:0:0:0:0:1 --deny 0::0:1
}

@test "a network of IPv6 has the clients that share its bits" {
	local address

	namespace
	requires_ipv6
	for address in 2001:db8::1 2001:db8::2 2001:db8:0:8000::1 2001:db8:1::1
	do
		inside ip address add "$address"/128 dev lo nodad
	done
	sorts ::1 '2001:db8::1 2001:db8::2 !2001:db8:0:8000::1 !::1' \
		--allow 2001:db8::/49
	sorts ::1 '2001:db8::1 2001:db8:0:8000::1 !2001:db8:1::1 !::1' \
		--allow 2001:db8::/48
	sorts ::1 '!2001:db8::1 !2001:db8:1::1 ::1' --deny 2001:db8::/32
	sorts ::1 '!2001:db8::1 2001:db8::2 ::1' --deny 2001:db8::1
}

@test "on a listener for both families IPv4 clients are IPv4's" {
	requires_ipv6
	sorts '' '127.0.0.1>127.0.0.1 !127.0.0.2>127.0.0.1 !::1>::1' \
		--allow 127.0.0.1
	sorts '' '!127.0.0.1>127.0.0.1 127.0.0.2>127.0.0.1 ::1>::1' \
		--deny 127.0.0.1/32
	sorts '' '127.0.0.1>127.0.0.1 !::1>::1' --allow 0.0.0.0/0
	sorts '' '!127.0.0.1>127.0.0.1 ::1>::1' --allow ::/0
	sorts '' '127.0.0.1>127.0.0.1 !::1>::1' --deny ::/0
	sorts '' '127.0.0.1>127.0.0.1 ::1>::1' --allow ::1 --allow 127.0.0.1
}

@test "IPv4 may be written as mapped into IPv6" {
	requires_ipv6
	sorts '' '127.0.0.1>127.0.0.1 !127.0.0.2>127.0.0.1 !::1>::1' \
		--allow ::ffff:127.0.0.1
	sorts '' '127.0.0.1>127.0.0.1 127.1.2.3>127.0.0.1 !::1>::1' \
		--allow ::ffff:7f00:0/104
	sorts 127.0.0.1 '!127.0.0.1 127.0.0.2' --deny ::ffff:127.0.0.1/128
	sorts 127.0.0.1 '127.0.0.1 !127.0.0.2' --deny ::ffff:127.0.0.2/127 \
		--allow ::ffff:0.0.0.0/96
}

# --- those who are refused ----------------------------------------------------

@test "a listener for one client goes on until one is served" {
	local i

	listen_on server --deny 127.0.0.2 127.0.0.1 0 <<<answer
	for i in 1 2 3; do
		peer refused"$i" from:127.0.0.2:0 connect:"$ADDRESS:$PORT" \
			expect-eof close
		succeed refused"$i"
	done
	peer client from:127.0.0.3:0 connect:"$ADDRESS:$PORT" \
		send:'hello\n' half-close expect:'answer\n' expect-eof close
	succeed client server
	holds server.out 'hello\n'
}

@test "of a refused client nothing is taken" {
	listen_on server -k --deny 127.0.0.2 127.0.0.1 0
	peer refused from:127.0.0.2:0 connect:"$ADDRESS:$PORT" \
		queue-bytes:100000 discard-all
	finish refused
	peer client from:127.0.0.3:0 connect:"$ADDRESS:$PORT" \
		send:hello half-close expect-eof close
	succeed client
	until_holds server.out hello
	signal server TERM
	finish server 143
	holds server.out hello
	holds server.err ''
}

@test "-v tells of a refused client, and who it was" {
	local client

	listen_on server -dv --allow 127.0.0.3 127.0.0.1 0
	peer refused from:127.0.0.2:0 connect:"$ADDRESS:$PORT" expect-eof close
	succeed refused
	peer client from:127.0.0.3:0 connect:"$ADDRESS:$PORT" close
	succeed client
	finish server 0
	client=$(sed -n 's/^Connection from 127.0.0.2 \(.*\) refused$/\1/p' \
		server.err)
	[[ $client =~ ^[1-9][0-9]*$ ]]
	[ "$(sed -n 2p server.err)" = \
		"Connection from 127.0.0.2 $client refused" ]
	[[ $(sed -n 3p server.err) == 'Connection received on 127.0.0.3 '* ]]
}

@test "-v tells of an IPv4 client as of one on a listener for both families" {
	requires_ipv6
	listen_on server -dv --deny 127.0.0.2 0
	peer refused from:127.0.0.2:0 connect:127.0.0.1:"$PORT" expect-eof close
	succeed refused
	peer client connect:"[::1]:$PORT" close
	succeed client
	finish server 0
	[[ $(sed -n 2p server.err) =~ \
		^Connection\ from\ 127\.0\.0\.2\ [1-9][0-9]*\ refused$ ]]
}

@test "a refused client is not one that --accept-timeout waits for" {
	listen_after came server --accept-timeout 0.3 --deny 127.0.0.0/8
	peer refused connect:"$ADDRESS:$PORT" touch:came expect-eof close
	succeed refused
	finish server 4
	[[ $(<server.err) == 'sockcat: no client on 127.0.0.1 port '* ]]
}

@test "a refused client takes no place of --max-conns" {
	local i

	listen_on server -kd --max-conns 1 --deny 127.0.0.2 127.0.0.1 0
	for i in 1 2 3; do
		peer refused"$i" from:127.0.0.2:0 connect:"$ADDRESS:$PORT" \
			expect-eof close
		succeed refused"$i"
	done
	peer client from:127.0.0.3:0 connect:"$ADDRESS:$PORT" send:hello \
		half-close expect-eof close
	succeed client
	until_holds server.out hello
	signal server TERM
	finish server 143
}

@test "no program is run for a refused client" {
	listen_on server -k --deny 127.0.0.2 -c 'echo ran >>ran; echo hello' \
		127.0.0.1 0
	peer refused from:127.0.0.2:0 connect:"$ADDRESS:$PORT" expect-eof close
	succeed refused
	peer client from:127.0.0.3:0 connect:"$ADDRESS:$PORT" \
		expect:'hello\n' expect-eof close
	succeed client
	signal server TERM
	finish server 143
	holds ran 'ran\n'
}

@test "a listening socket that is handed over is guarded too" {
	requires python3
	cat >hand.py <<'END'
import os, socket, sys
s = socket.create_server(("127.0.0.1", 0))
os.dup2(s.fileno(), 5)
os.execv(sys.argv[1], sys.argv[1:])
END
	start_announced server python3 hand.py "$SOCKCAT" -l --fd 5 -d \
		--announce server.announce --deny 127.0.0.2
	peer refused from:127.0.0.2:0 connect:"$ADDRESS:$PORT" expect-eof close
	succeed refused
	peer client from:127.0.0.3:0 connect:"$ADDRESS:$PORT" send:hello close
	succeed client server
	holds server.out hello
}

# --- senders ------------------------------------------------------------------

# sender FROM STEP...: a peer of that name, its digits, from this address.
sender() {
	peer client"${1//[!0-9]/}" from:udp:"[$1]":0 \
		connect:udp:"[$ADDRESS]:$PORT" "${@:2}"
}

# sends FROM TEXT
sends() {
	sender "$1" send:"$2"
	succeed client"${1//[!0-9]/}"
}

@test "a UDP listener drops what refused senders send" {
	local options

	for options in -ul -ukl; do
		listen_on server "$options" -W 3 --deny 127.0.0.2/31 127.0.0.1 0
		sends 127.0.0.2 one
		sends 127.0.0.3 two
		sender 127.0.0.4 send:'a\n' send:'b\n' wait-file:over send:'c\n'
		until_holds server.out 'a\nb\n'
		sends 127.0.0.2 three
		touch over
		succeed client127004 server
		holds server.out 'a\nb\nc\n'
		rm over
	done
}

@test "a UDP listener's peer is the first sender who is allowed" {
	listen_on server -uv --allow 127.0.0.3 --allow 127.0.0.4 127.0.0.1 0 \
		<<<answer
	sender 127.0.0.2 send:no wait-file:over expect-silence
	within "$BOUND" grep -q refused server.err
	sender 127.0.0.3 send:yes expect:'answer\n'
	until_holds server.out yes
	succeed client127003
	sends 127.0.0.4 late
	touch over
	succeed client127002
	signal server TERM
	finish server 143
	holds server.out yes
	[[ $(sed -n 2p server.err) =~ \
		^Connection\ from\ 127\.0\.0\.2\ [1-9][0-9]*\ refused$ ]]
	[[ $(sed -n 3p server.err) == 'Connection received on 127.0.0.3 '* ]]
}

@test "with -k a refused sender is not the last one that is answered" {
	mkfifo in
	exec 7<>in
	listen_on server -uk --deny 127.0.0.2 --deny 127.0.0.5 127.0.0.1 0 <in
	sender 127.0.0.3 send:yes expect:'answer\n'
	until_holds server.out yes
	sender 127.0.0.2 send:no touch:sent wait-file:over expect-silence
	within "$BOUND" test -e sent
	sends 127.0.0.5 no
	echo answer >&7
	succeed client127003
	touch over
	succeed client127002
	signal server TERM
	finish server 143
	exec 7>&-
	holds server.out yes
	holds server.err ''
}

@test "IPv6 senders, and IPv4 ones of both families' listener, are told apart" {
	requires_ipv6
	listen_on server -ukd -W 1 --deny ::1 --deny 127.0.0.2 0
	ADDRESS=::1
	sends ::1 six
	ADDRESS=127.0.0.1
	sends 127.0.0.2 four
	sends 127.0.0.3 yes
	succeed server
	holds server.out yes

	listen_on server -ud -W 1 --allow ::1 0
	ADDRESS=127.0.0.1
	sends 127.0.0.3 four
	ADDRESS=::1
	sends ::1 yes
	succeed server
	holds server.out yes
}

# The queue behind the first datagram would be the program's, unseen.
@test "--allow and --deny cannot guard what datagrams a program reads" {
	local option

	for option in --allow --deny; do
		run_sockcat -u -l "$option" 127.0.0.2 -e cat 127.0.0.1 0
		[ "$status" -eq 2 ]
		[ "$output" = '' ]
		[ "${stderr_lines[0]}" = 'sockcat: -u hands a program what'\
' --allow and --deny do not see' ]
	done
}

# --- their limits -------------------------------------------------------------

@test "what is no address or network is a usage error, and quoted" {
	local option text

	for option in allow deny; do
		for text in 10.0.0.0/33 10.0.0/8 ::1/129 /8 10.0.0.1/ \
			10.0.0.1/08x a '' '10.0.0.1 ' ' 10.0.0.1' ::1%lo \
			10.0.0.1/-1 10.0.0.1/+1 '10.0.0.1/ 8' 10.0.0.1/8/8 \
			10.0.0.1//8 10.0.0.1/255.0.0.0 10.0.0.1/0x8 10/8 / \
			10.0.0.0.0 10.0.0.256 10.0.0.01 0x0a000001 167772161 \
			::ffff:1.2.3.4/129 ::1/ :::1 1::2::3 '[::1]' '[::1]/128' \
			10.0.0.1,10.0.0.2 localhost 10.0.0.1:80 \
			10.0.0.1/99999999999999999999 \
			1111:2222:3333:4444:5555:6666:7777:8888:9999 \
			1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb
		do
			refused "--$option: '$text' is not an address or \
network (10.0.0.0/8)" -l 127.0.0.1 0 "--$option" "$text"
		done
	done
	refused "--deny: 'b' is not an address or network (10.0.0.0/8)" \
		-l 127.0.0.1 0 --allow 10.0.0.1 --deny ::1 --deny b
}

@test "64 addresses are allowed and 64 denied, and no more" {
	local options=() i

	for i in {2..64}; do
		options+=(--allow 127.0.1."$i" --deny 127.0.2."$i")
	done
	sorts 127.0.0.1 '127.0.1.2 127.0.1.64 127.0.3.1 !127.0.2.64 !127.0.1.9'\
' !127.0.4.1' "${options[@]}" --allow 127.0.3.1 --deny 127.0.1.9
	refused "--allow: '127.0.0.65' is one too many, 64 are allowed" \
		-l "${options[@]}" --allow ::1 --allow 127.0.0.65 127.0.0.1 0
	refused "--deny: '127.0.0.65' is one too many, 64 are allowed" \
		-l "${options[@]}" --deny ::1 --deny 127.0.0.65 127.0.0.1 0
}

@test "only a listener for addresses has clients to choose from" {
	refused '--allow needs -l' --allow 127.0.0.1 127.0.0.1 1
	refused '--deny needs -l' --deny 127.0.0.1 127.0.0.1 1
	refused '--allow does not fit a Unix socket: use --mode' \
		-lU --allow 127.0.0.1 path
	refused '--deny does not fit a Unix socket: use --mode' \
		-luU --deny 127.0.0.1 path
	refused '--deny does not fit a Unix socket: use --mode' \
		-l --deny 127.0.0.1 unix:path
	[ ! -e path ]
}

# --- permissions --------------------------------------------------------------

# permits MODE UMASK ARG...: a listener on "path" that has this umask.
permits() {
	local mode=$1 mask=$2
	shift 2

	echo "umask $mask; sockcat -l $* path"
	# shellcheck disable=SC2016 # for that shell to expand
	start_announced server sh -c 'umask "$0" && exec "$@"' "$mask" \
		"$SOCKCAT" -l --announce server.announce "$@" path
	[ -S path ]
	[ "$(stat --format=%a path)" = "$mode" ]
	signal server TERM
	finish server 143
	holds server.err ''
	[ ! -e path ]
}

@test "--mode gives the path its permissions, whatever the umask" {
	local mask options

	for mask in 000 022 077 777; do
		permits 0 "$mask" -U --mode 000
		permits 600 "$mask" -U --mode 600
		permits 660 "$mask" -U --mode 0660
		permits 777 "$mask" -U --mode 777
		permits 7 "$mask" -U --mode 7
	done
	for options in -uU -kU -ukU; do
		permits 640 077 "$options" --mode 640
	done
}

@test "without --mode the umask decides" {
	permits 777 000 -U
	permits 755 022 -U
	permits 700 077 -uU
}

@test "--mode is that of a path which takes a dead one's place" {
	"$PEER" announce:/dev/null listen:unix:path
	[ -S path ]
	chmod 777 path
	permits 600 000 -U --mode 600
}

@test "no one can come before the path has its permissions" {
	requires strace
	requires_plain_build
	umask 027
	run --separate-stderr timeout "$BOUND" strace -qq -o trace \
		-e trace=umask,bind,listen,chmod,fchmod,fchmodat \
		"$SOCKCAT" -lU --mode 604 --accept-timeout 0.1 path
	[ "$status" -eq 4 ]
	[ "$(sed 's/^bind(.*)  *=/bind() =/; s/^listen(.*)  *=/listen() =/
		s/  *= / = /' trace)" = 'umask(0173) = 027
bind() = 0
umask(027) = 0173
listen() = 0' ]
}

@test "the umask is as before for whatever else is made" {
	local mode

	for mode in 000 600 777; do
		umask 026
		start server "$SOCKCAT" -lU --mode "$mode" --announce file path
		umask 022
		announced file
		[ "$(stat --format=%a file)" = 640 ]
		signal server TERM
		finish server 143
	done
	umask 026
	listen_on server -U --mode 777 -c umask path
	umask 022
	peer client connect:unix:path read-all
	succeed client server
	[ "$((8#$(<client.out)))" -eq $((8#026)) ]
}

# as_user GROUP COMMAND...: as a user who owns nothing here.  The test's own
# directory can be entered, those above it perhaps not.
as_user() {
	run --separate-stderr setpriv --reuid=65534 --regid="$1" --clear-groups \
		timeout "$BOUND" "${@:2}"
}

requires_users() {
	((EUID == 0)) || skip "needs to be root"
	requires setpriv
	cp "$PEER" peer
	chmod 755 . peer
	as_user 65534 ./peer print-bytes:1
	[ "$status" -eq 0 ] || skip "needs users"
}

@test "--mode keeps other users out" {
	local mode

	requires_users
	for mode in 600 700 660 770 771 775; do
		listen_on server -kU --mode "$mode" path
		as_user 65534 ./peer connect:unix:path
		[ "$status" -eq 1 ]
		[[ $stderr == *': Permission denied' ]]
		signal server TERM
		finish server 143
		holds server.err ''
	done
	for mode in 606 777; do
		listen_on server -kdU --mode "$mode" path
		as_user 65534 ./peer connect:unix:path half-close expect-eof
		[ "$status" -eq 0 ]
		signal server TERM
		finish server 143
		holds server.err ''
	done
}

@test "--mode lets a group in" {
	requires_users
	listen_on server -kdU --mode 660 path
	as_user "$(id -g)" ./peer connect:unix:path half-close expect-eof
	[ "$status" -eq 0 ]
	as_user 65534 ./peer connect:unix:path
	[ "$status" -eq 1 ]
	signal server TERM
	finish server 143
}

@test "a mode that is none is a usage error, and quoted" {
	local mode

	for mode in 888 8 1000 4755 '' -1 +7 ' 600' '600 ' 0x1ff 0o600 u+x \
		600,600 6.0 77777777777777777777777777; do
		refused "--mode: '$mode' is not an octal number up to 777" \
			-lU --mode "$mode" path
		[ ! -e path ]
	done
}

@test "--mode is for the path of a listener" {
	refused '--mode needs -l' -U --mode 600 path
	refused '--mode is for the path of a Unix socket' \
		-l --mode 600 127.0.0.1 0
	refused '--mode is for the path of a Unix socket' \
		-lu --mode 600 127.0.0.1 0
}

@test "--mode does not fit an abstract name, which anyone can reach" {
	run_sockcat -lU --mode 600 --accept-timeout 0.1 "@access.$$"
	echo "status $status, stderr '$stderr'"
	[ "$status" -eq 2 ]
	[ "$output" = '' ]
	[[ ${stderr_lines[0]} == 'sockcat: '*--mode* ]]
	[ "${stderr_lines[1]}" = "Try 'sockcat --help'." ]
}

# --- who has come -------------------------------------------------------------

@test "-v tells a Unix client's user and process" {
	local path

	requires_feature splice
	for path in path "@access.$$.$BATS_TEST_NUMBER"; do
		listen_on server -dvU "$path"
		peer client connect:unix:"$path" send:hello close
		succeed client
		finish server 0
		holds server.out hello
		[ "$(head -n 4 server.err)" = "Bound on $path
Listening on $path
Connection received on $path
Client has uid $EUID, pid ${PIDS[client]}" ]
	done
	listen_on server -kdvU path
	peer client connect:unix:path half-close expect-eof
	succeed client
	peer other connect:unix:path half-close expect-eof
	succeed other
	signal server TERM
	finish server 143
	[ "$(grep 'received on\|^Client' server.err)" = \
		"Connection received on path
Client has uid $EUID, pid ${PIDS[client]}
Connection received on path
Client has uid $EUID, pid ${PIDS[other]}" ]
}

@test "-v tells the client's own user" {
	requires_feature splice
	requires_users
	listen_on server -dvU --mode 777 path
	as_user 65534 ./peer connect:unix:path close
	[ "$status" -eq 0 ]
	finish server 0
	[[ $(sed -n 4p server.err) == 'Client has uid 65534, pid '[1-9]* ]]
}

@test "-v tells no user or process where the system does not" {
	[[ " $("$SOCKCAT" --version | tr '\n' ' ') " != *' splice '* ]] ||
		skip "needs a build or system that does not"
	listen_on server -dvU path
	peer client connect:unix:path close
	succeed client
	finish server 0
	[ "$(<server.err)" = 'Bound on path
Listening on path
Connection received on path
Sent 0 bytes, received 0 bytes' ]
}
