#!/usr/bin/env bats
# Real proxies, ssh through them, and connections that are passed on: what
# comes through is what curl gets, and what is there.

# shellcheck disable=SC2153,SC2154 # run and load set them
load lib/helpers

# Each test has a network of its own, where it may choose the ports: proxies
# have those that sockcat takes for granted.
SOCKS_AT=1080
HTTP_AT=3128
WEB_AT=8080
SSH_AT=2222
CLOSED_AT=7

ANSWER='HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n'
CARRIED=20000000 # bytes, by ssh, each way

# For sh: a sockcat that passes its connection over descriptor 3.
# shellcheck disable=SC2016 # those are for sh
ONTO_3='exec "$0" -F "$@" >&3 3>&-'

# The account: "tester", with this password.
PASSWORD='open sesame'
# shellcheck disable=SC2016 # that is how it looks
CRYPTED='$6$sockcat$k9GhntL.JzG4eJzvh6Kg/mdOpwrixb8gb1.CTz3tuGqyyKBltjUVQWkOSU'\
'TF83Z3JqUkzuulYjyBEoBGOV49n0'

unset SOCKCAT_PROXY_PASSWORD

setup() {
	helpers_setup
	OUTSIDE=$SOCKCAT # without the way into the network
	PATH=$PATH:/usr/sbin:/sbin
}

# network COMMAND...: the network, the names of its hosts and its account, and
# skips the test where one of the commands is missing.
network() {
	requires "$@"
	namespace
	requires_ipv6
	inside_file /etc/hosts '127.0.0.1 localhost web.test four.test' \
		'::1 six.test'
	inside_file /etc/resolv.conf ''
	[[ ! -e /etc/nsswitch.conf ]] ||
		inside_file /etc/nsswitch.conf 'hosts: files' \
			'passwd: files' 'shadow: files'
	inside_file /etc/passwd 'root:x:0:0::/:/bin/sh' \
		"tester:x:1000:1000::$PWD:/bin/sh"
}

# --- servers ------------------------------------------------------------------

# listens PORT: whether someone does, in there.
listens() {
	inside cat /proc/net/tcp /proc/net/tcp6 |
		grep -q ": [0-9A-F]*:$(printf %04X "$1") [0-9A-F]*:0000 0A "
}

# serve NAME PORT COMMAND...: a server that listens there.
serve() {
	local name=$1 port=$2
	shift 2

	start "$name" "${INSIDE[@]}" "$@"
	within "$BOUND" listens_or_ended "$name" "$port"
	is_running "$name"
}

listens_or_ended() {
	listens "$2" || has_ended "$1"
}

# dante METHODS: those it takes, "none" and "username".  What it does not like
# is port 9.
dante() {
	inside_file /etc/shadow "tester:$CRYPTED:19000::::::"
	cat >danted.conf <<-END
		logoutput: stdout
		internal: 127.0.0.1 port = $SOCKS_AT
		internal: ::1 port = $SOCKS_AT
		external: 127.0.0.1
		external: ::1
		external.rotation: route
		user.privileged: root
		user.unprivileged: root
		clientmethod: none
		socksmethod: $1
		client pass { from: 0/0 to: 0/0 }
		socks block { from: 0/0 to: 0/0 port = 9 }
		socks pass { from: 0/0 to: 0/0 log: connect error }
	END
	serve proxy "$SOCKS_AT" danted -f danted.conf -p danted.pid
}

# microsocks_with ARG...
microsocks_with() {
	serve proxy "$SOCKS_AT" microsocks -i 127.0.0.1 -p "$SOCKS_AT" "$@"
}

# tinyproxy_with LINE...: it reaches no port but those of the tests.
tinyproxy_with() {
	printf '%s\n' "Port $HTTP_AT" 'Listen 127.0.0.1' 'LogLevel Connect' \
		'MaxClients 20' 'Timeout 60' "ConnectPort $WEB_AT" \
		"ConnectPort $SSH_AT" "ConnectPort $CLOSED_AT" "$@" \
		>tinyproxy.conf
	serve proxy "$HTTP_AT" tinyproxy -d -c tinyproxy.conf
}

# A server of ssh that is not root, and a client that knows both keys.
ssh_server() {
	inside unshare --user --map-user=1000 true 2>/dev/null ||
		skip "needs another user's namespace"
	inside ssh-keygen -q -t ed25519 -N '' -f host_key
	inside ssh-keygen -q -t ed25519 -N '' -f user_key
	cat >sshd_config <<-END
		Port $SSH_AT
		ListenAddress 127.0.0.1
		ListenAddress ::1
		HostKey $PWD/host_key
		AuthorizedKeysFile $PWD/user_key.pub
		StrictModes no
		UsePAM no
		PidFile none
	END
	echo "four.test,six.test $(<host_key.pub)" >known_hosts
	cat >ssh_config <<-END
		User tester
		Port $SSH_AT
		IdentityFile $PWD/user_key
		IdentitiesOnly yes
		UserKnownHostsFile $PWD/known_hosts
		GlobalKnownHostsFile none
		StrictHostKeyChecking yes
		CheckHostIP no
		HostKeyAlias four.test
		BatchMode yes
		LogLevel ERROR
	END
	serve sshd "$SSH_AT" unshare --user --map-user=1000 \
		"$(command -v sshd)" -D -e -f sshd_config
}

# ssh as a proxy, by way of the server.
ssh_proxy() {
	ssh_server
	serve proxy "$SOCKS_AT" ssh -F ssh_config -o LogLevel=DEBUG1 -N \
		-D "127.0.0.1:$SOCKS_AT" four.test
}

# page COUNT HOST: a web server there with one page, for so many clients.
page() {
	local steps=() i

	for ((i = 0; i < $1; i++)); do
		steps+=(accept expect:"$(request "$2")" send:"$ANSWER"
			send-bytes:100000 half-close expect-eof close)
	done
	case $2 in
	*:* | six.test) peer web listen:"[::1]:$WEB_AT" "${steps[@]}" ;;
	*) peer web listen:"127.0.0.1:$WEB_AT" "${steps[@]}" ;;
	esac
	within "$BOUND" listens_or_ended web "$WEB_AT"
}

# request HOST: what a client of the page says, with C's escapes.
request() {
	printf '%s\n' "GET /page HTTP/1.1\r\nHost: $1:$WEB_AT\r\n\r\n"
}

# --- what they are for --------------------------------------------------------

# gets PROXY HOST... -- ARG...: sockcat with these arguments gets from these
# hosts what curl gets through the same proxy, and without one.
gets() {
	local proxy=$1 host hosts=()
	shift

	while [[ $1 != -- ]]; do
		hosts+=("$1")
		shift
	done
	shift
	for host in "${hosts[@]}"; do
		echo "$proxy, $host: $*"
		page 3 "$host"
		page_by_curl direct "$host" --noproxy '*'
		page_by_curl curl "$host" --noproxy '' --proxytunnel \
			--proxy "$proxy"
		# To some proxies the end of what is asked is the end of all.
		printf %b "$(request "$host")" >request
		start client "$SOCKCAT" --no-shutdown "$@" "$host" "$WEB_AT" \
			<request
		succeed client web
		head -c 5 direct.out | grep -q '^HTTP/$'
		same_bytes direct.out curl.out
		same_bytes direct.out client.out
	done
}

# page_by_curl NAME HOST ARG...
page_by_curl() {
	local name=$1 host=$2
	shift 2

	start "$name" "${INSIDE[@]}" curl -q --silent --show-error --include \
		--suppress-connect-headers --max-time "$BOUND" \
		--header User-Agent: --header Accept: "$@" \
		"http://$host:$WEB_AT/page"
	succeed "$name"
}

# carries ARG...: ssh gets to four.test by sockcat with these arguments, which
# carries what it says or passes the connection on, and all comes back.
carries() {
	local pass

	bytes "$CARRIED" typed
	for pass in no yes; do
		echo "ProxyUseFdpass $pass: $*"
		ssh_by client "$pass" "$@" <typed
		succeed client
		same_bytes typed client.out
	done
}

# ssh_by NAME PASS ARG...
ssh_by() {
	local name=$1 pass=$2 command
	shift 2

	command=$(printf '%q ' "$OUTSIDE" "$@")
	[[ $pass = no ]] || command+='-F '
	start "$name" "${INSIDE[@]}" ssh -F ssh_config \
		-o ProxyUseFdpass="$pass" -o ProxyCommand="$command%h %p" \
		four.test cat
}

# passed N FILE PATTERN: the log says so many times that it came this way.
passed() {
	local count

	count=$(grep -c -e "$3" "$2" || true)
	echo "$2: $count times $3"
	[ "$count" -eq "$1" ]
}

# passes STEP... -- ARG...: sockcat with these arguments passes a connection on
# and ends, and who takes it does these steps with it.
passes() {
	local steps=()

	while [[ $1 != -- ]]; do
		steps+=("$1")
		shift
	done
	shift
	rm -f passing passed
	peer_listen receiver listen:unix:"$PWD/passing" accept take \
		wait-file:passed "${steps[@]}"
	start_passing "$@"
	succeed passer
	holds passer.out ''
	touch passed
	succeed receiver
}

# start_passing ARG...: sockcat -F, whose stdout is the socket "passing".
start_passing() {
	peer passer connect:unix:"$PWD/passing" exec sh -c "$ONTO_3" \
		"$SOCKCAT" "$@"
}

# --- dante --------------------------------------------------------------------

@test "SOCKS5 of dante brings what curl gets, from a name and either family" {
	network danted curl
	dante none
	gets socks5h://127.0.0.1 web.test six.test 127.0.0.1 '[::1]' -- \
		-n -x 127.0.0.1
	gets 'socks5h://[::1]' web.test -- -x ::1 -X 5
	passed 10 proxy.out 'pass(2): tcp/connect \['
	stop proxy
}

# Its 4A has a fault: it goes to the address that stands for a name, 0.0.0.1.
@test "SOCKS4 of dante brings what curl gets" {
	network danted curl
	dante none
	gets socks4://127.0.0.1 web.test 127.0.0.1 -- -x 127.0.0.1 -X 4
	gets socks4://tester@127.0.0.1 web.test -- -x localhost:$SOCKS_AT \
		-X socks4 -P tester
	gets socks4://127.0.0.1 127.0.0.1 -- -n -x 127.0.0.1 -X 4A
	passed 8 proxy.out 'pass(2): tcp/connect \['
	stop proxy
}

@test "dante takes the password, and no other one" {
	local proxy="proxy 127.0.0.1 port $SOCKS_AT (tcp)"

	network danted curl
	dante username
	export SOCKCAT_PROXY_PASSWORD=$PASSWORD
	gets "socks5h://tester:${PASSWORD/ /%20}@127.0.0.1" web.test \
		127.0.0.1 -- -x 127.0.0.1 -P tester
	passed 4 proxy.out 'pass(2): tcp/connect \[.*tester@'

	export SOCKCAT_PROXY_PASSWORD=${PASSWORD%e}
	fails 8 "sockcat: $proxy refused web.test port $WEB_AT: user or\
 password not accepted" -x 127.0.0.1 -P tester web.test "$WEB_AT"
	fails 8 "sockcat: $proxy refused web.test port $WEB_AT: it wants a\
 user: give -P" -x 127.0.0.1 web.test "$WEB_AT"
	stop proxy
}

@test "dante says what it is that keeps it from the target" {
	local proxy="proxy 127.0.0.1 port $SOCKS_AT (tcp)"

	network danted
	dante none
	fails 8 "sockcat: $proxy refused 127.0.0.1 port $CLOSED_AT: connection\
 refused" -x 127.0.0.1 127.0.0.1 "$CLOSED_AT"
	fails 8 "sockcat: $proxy refused six.test port $CLOSED_AT: connection\
 refused" -x 127.0.0.1 six.test "$CLOSED_AT"
	fails 8 "sockcat: $proxy refused 127.0.0.1 port 9: not allowed by its\
 rules" -x 127.0.0.1 127.0.0.1 9
	fails 8 "sockcat: $proxy refused 127.0.0.1 port $CLOSED_AT: rejected or\
 failed" -x 127.0.0.1 -X 4 127.0.0.1 "$CLOSED_AT"
	fails 1 '' -x 127.0.0.1 -z -w "$BOUND" 127.0.0.1 "$CLOSED_AT"
	fails 1 '' -x 127.0.0.1 -X 4 -z -w "$BOUND" 127.0.0.1 "$CLOSED_AT"
	fails 8 "sockcat: $proxy refused 127.0.0.1 port 9: not allowed by its\
 rules" -x 127.0.0.1 -z -w "$BOUND" 127.0.0.1 9
	stop proxy
}

@test "-z finds through dante which ports are open" {
	network danted
	dante none
	peer web listen:"127.0.0.1:$WEB_AT" accept expect-eof close
	within "$BOUND" listens "$WEB_AT"
	run_sockcat -x 127.0.0.1 -z -w "$BOUND" -v -n \
		localhost "$((WEB_AT - 1))-$WEB_AT"
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == "localhost $((WEB_AT - 1))/tcp closed"* ]]
	[[ ${lines[1]} == "localhost $WEB_AT/tcp open"* ]]
	[ "${#lines[@]}" -eq 2 ]
	succeed web
	stop proxy
}

@test "--wait waits until dante reaches the target" {
	network danted
	dante none
	start client "$SOCKCAT" --wait "$BOUND" -x 127.0.0.1 web.test \
		"$WEB_AT" <<<hello
	within "$BOUND" grep -q 'Connection refused' proxy.out
	peer web listen:"127.0.0.1:$WEB_AT" accept expect:'hello\n' \
		expect-eof send:'bye\n' close
	succeed client web
	holds client.out 'bye\n'
	stop proxy
}

@test "dante carries the end of data, and what is said after it" {
	network danted
	dante none
	bytes 3000000 data
	peer web listen:"127.0.0.1:$WEB_AT" accept expect-bytes:3000000 \
		expect-eof send-bytes:3000000 close
	within "$BOUND" listens "$WEB_AT"
	start client "$SOCKCAT" -x 127.0.0.1 web.test "$WEB_AT" <data
	succeed client web
	same_bytes data client.out
	stop proxy
}

@test "ssh goes through dante, as a pump and with the connection passed" {
	network danted ssh sshd
	ssh_server
	dante 'username none'
	carries -x 127.0.0.1
	carries -x 127.0.0.1 -X 4
	export SOCKCAT_PROXY_PASSWORD=$PASSWORD
	carries -x 127.0.0.1 -X 5 -P tester
	passed 6 proxy.out "pass(2): tcp/connect \[.*127.0.0.1.$SSH_AT\$"
	passed 6 sshd.err '^Accepted publickey'
	stop proxy sshd
}

# --- microsocks ---------------------------------------------------------------

@test "SOCKS5 of microsocks brings what curl gets, with a password or without" {
	local proxy="proxy 127.0.0.1 port $SOCKS_AT (tcp)"

	network microsocks curl
	microsocks_with
	gets socks5h://127.0.0.1 web.test 127.0.0.1 '[::1]' -- -x 127.0.0.1
	passed 6 proxy.err "connected to .*:$WEB_AT"
	fails 8 "sockcat: $proxy refused web.test port $CLOSED_AT: connection\
 refused" -x 127.0.0.1 web.test "$CLOSED_AT"
	stop proxy

	microsocks_with -u user -P "$PASSWORD"
	export SOCKCAT_PROXY_PASSWORD=$PASSWORD
	gets "socks5h://user:${PASSWORD/ /%20}@127.0.0.1" web.test -- \
		-x 127.0.0.1 -P user
	passed 2 proxy.err "connected to web.test:$WEB_AT"
	export SOCKCAT_PROXY_PASSWORD=$PASSWORD.
	fails 8 "sockcat: $proxy refused web.test port $WEB_AT: user or\
 password not accepted" -x 127.0.0.1 -P user web.test "$WEB_AT"
	fails 8 "sockcat: $proxy refused web.test port $WEB_AT: it wants a\
 user: give -P" -x 127.0.0.1 web.test "$WEB_AT"
	stop proxy
}

@test "ssh goes through microsocks, as a pump and with the connection passed" {
	network microsocks ssh sshd
	ssh_server
	microsocks_with -u user -P "$PASSWORD"
	export SOCKCAT_PROXY_PASSWORD=$PASSWORD
	carries -x 127.0.0.1 -P user
	passed 2 proxy.err "connected to four.test:$SSH_AT"
	passed 2 sshd.err '^Accepted publickey'
	stop proxy sshd
}

# --- ssh -D -------------------------------------------------------------------

@test "SOCKS4, 4A and 5 of ssh bring what curl gets" {
	network ssh sshd curl
	ssh_proxy
	gets socks5h://127.0.0.1 web.test six.test 127.0.0.1 '[::1]' -- \
		-n -x 127.0.0.1
	gets socks4a://127.0.0.1 web.test -- -n -x 127.0.0.1 -X 4A
	gets socks4://127.0.0.1 web.test 127.0.0.1 -- -x 127.0.0.1 -X 4
	passed 14 proxy.err "direct-tcpip: .* $WEB_AT"
	stop proxy sshd
}

@test "ssh as a proxy carries the end of data, and what is said after it" {
	network ssh sshd
	ssh_proxy
	bytes 3000000 data
	peer web listen:"127.0.0.1:$WEB_AT" accept expect-bytes:3000000 \
		expect-eof send-bytes:3000000 close
	within "$BOUND" listens "$WEB_AT"
	start client "$SOCKCAT" -x 127.0.0.1 web.test "$WEB_AT" <data
	succeed client web
	same_bytes data client.out
	stop proxy sshd
}

@test "ssh goes through ssh, as a pump and with the connection passed" {
	network ssh sshd
	ssh_proxy
	carries -x 127.0.0.1
	carries -x 127.0.0.1 -X 4
	passed 4 proxy.err "direct-tcpip: .* $SSH_AT"
	passed 5 sshd.err '^Accepted publickey' # one is the proxy's
	stop proxy sshd
}

# --- tinyproxy ----------------------------------------------------------------

@test "CONNECT of tinyproxy brings what curl gets, with a password or without" {
	local proxy="proxy 127.0.0.1 port $HTTP_AT (tcp)"

	network tinyproxy curl
	tinyproxy_with
	gets http://127.0.0.1:$HTTP_AT web.test 127.0.0.1 '[::1]' -- \
		-n -x 127.0.0.1 -X connect
	passed 6 proxy.out 'Request (file descriptor .*CONNECT'
	stop proxy

	tinyproxy_with "BasicAuth user ${PASSWORD/ /-}"
	export SOCKCAT_PROXY_PASSWORD=${PASSWORD/ /-}
	gets "http://user:${PASSWORD/ /-}@127.0.0.1:$HTTP_AT" web.test -- \
		-x 127.0.0.1 -X http -P user
	export SOCKCAT_PROXY_PASSWORD=$PASSWORD
	fails 8 "sockcat: $proxy refused web.test port $WEB_AT: 40[17] *" \
		-x 127.0.0.1 -X connect -P user web.test "$WEB_AT"
	fails 8 "sockcat: $proxy refused web.test port $WEB_AT: 407 *: it wants\
 a user: give -P" -x 127.0.0.1 -X connect web.test "$WEB_AT"
	stop proxy
}

@test "tinyproxy says what it is that keeps it from the target" {
	local proxy="proxy 127.0.0.1 port $HTTP_AT (tcp)"

	network tinyproxy
	tinyproxy_with
	fails 8 "sockcat: $proxy refused web.test port $CLOSED_AT: 50? *" \
		-x 127.0.0.1 -X connect web.test "$CLOSED_AT"
	fails 8 "sockcat: $proxy refused web.test port 9: 403 *" \
		-x 127.0.0.1 -X connect web.test 9
	stop proxy
}

@test "ssh goes through tinyproxy, as a pump and with the connection passed" {
	network tinyproxy ssh sshd
	ssh_server
	tinyproxy_with "BasicAuth user ${PASSWORD/ /-}"
	export SOCKCAT_PROXY_PASSWORD=${PASSWORD/ /-}
	carries -x 127.0.0.1 -X connect -P user
	passed 2 proxy.out "CONNECT four.test:$SSH_AT"
	passed 2 sshd.err '^Accepted publickey'
	stop proxy sshd
}

# --- ncat ---------------------------------------------------------------------

@test "CONNECT of ncat brings what curl gets, or why not" {
	local proxy="proxy 127.0.0.1 port $HTTP_AT (tcp)"

	network ncat curl
	serve proxy "$HTTP_AT" ncat -l -k --proxy-type http \
		--proxy-auth "user:$PASSWORD:" 127.0.0.1 "$HTTP_AT"
	export SOCKCAT_PROXY_PASSWORD=$PASSWORD:
	gets "http://user:${PASSWORD/ /%20}:@127.0.0.1:$HTTP_AT" web.test \
		127.0.0.1 '[::1]' -- -x 127.0.0.1 -X connect -P user
	fails 8 "sockcat: $proxy refused web.test port $CLOSED_AT: 504 *" \
		-x 127.0.0.1 -X connect -P user web.test "$CLOSED_AT"
	fails 1 '' -x 127.0.0.1 -X connect -P user -z -w "$BOUND" \
		web.test "$CLOSED_AT"
	# It asks for Digest as well.
	fails 8 "sockcat: $proxy refused web.test port $WEB_AT: 407 *: it wants\
 a user: give -P" -x 127.0.0.1 -X connect web.test "$WEB_AT"
	export SOCKCAT_PROXY_PASSWORD=$PASSWORD
	fails 8 "sockcat: $proxy refused web.test port $WEB_AT: 407 *: user or\
 password not accepted" -x 127.0.0.1 -X connect -P user web.test "$WEB_AT"
	stop proxy
}

# --- connections that are passed on -------------------------------------------

@test "ssh goes by sockcat alone, as a pump and with the connection passed" {
	network ssh sshd
	ssh_server
	carries
	passed 2 sshd.err '^Accepted publickey'
	stop sshd
}

@test "-F passes the connection over stdout and ends, and it blocks" {
	peer_listen server listen:127.0.0.1:0 accept expect:'hello\n' \
		expect-eof send:'bye\n' close
	passes send:'hello\n' half-close expect:'bye\n' expect-eof -- \
		"$ADDRESS" "$PORT"
	succeed server
}

@test "-F passes a connection to a Unix socket" {
	local socket=$PWD/socket

	peer_listen server listen:unix:"$socket" accept expect:'hello\n' \
		send:'bye\n' close accept expect-bytes:1000000 close
	passes send:'hello\n' expect:'bye\n' expect-eof -- -U "$socket"
	passes send-bytes:1000000 expect-eof -- unix:"$socket"
	succeed server
}

@test "-F passes a connection through a proxy, with what is glued to its answer" {
	local glued='SSH-2.0-none\r\n' type at

	peer_listen proxy listen:127.0.0.1:0 \
		accept expect:'\x04\x01\0\x16\0\0\0\x01\0far.test\0' \
		send:'\0\x5a\0\0\0\0\0\0'"$glued" expect:hello close \
		accept expect:'\x05\x01\0' send:'\x05\0' \
		expect:'\x05\x01\0\x03\x08far.test\0\x16' \
		send:'\x05\0\0\x01\0\0\0\0\0\0'"$glued" expect:hello close \
		accept \
		expect:'CONNECT far.test:22 HTTP/1.1\r\nHost: far.test:22\r\n\r\n' \
		send:'HTTP/1.1 200 OK\r\n\r\n'"$glued" expect:hello close
	at=$ADDRESS:$PORT
	for type in 4A 5 connect; do
		echo "-X $type"
		passes expect:"$glued" send:hello expect-eof -- \
			-x "$at" -X "$type" far.test 22
	done
	succeed proxy
}

@test "-F passes a connection through a proxy that is behind a Unix socket" {
	peer_listen proxy listen:unix:"$PWD/proxy" accept expect:'\x05\x01\0' \
		send:'\x05\0' expect:'\x05\x01\0\x03\x08far.test\0\x16' \
		send:'\x05\0\0\x01\0\0\0\0\0\0welcome\n' expect:hello close
	passes expect:'welcome\n' send:hello expect-eof -- \
		-x unix:"$PWD/proxy" far.test 22
	succeed proxy
}

@test "-F leaves stdin as it is" {
	peer_listen server listen:127.0.0.1:0 accept expect-eof close
	echo 'for another' >input
	{
		passes close -- "$ADDRESS" "$PORT"
		cat >rest
	} <input
	succeed server
	holds rest 'for another\n'
}

@test "-F says that stdout is no Unix socket" {
	local not='sockcat: pass the connection over stdout: *'

	peer_listen server listen:127.0.0.1:0 wait-file:over
	run_sockcat -F "$ADDRESS" "$PORT"
	[ "$status" -eq 7 ]
	[ "$output" = '' ]
	# shellcheck disable=SC2053 # a pattern it is
	[[ $stderr == $not ]]
	start client "$SOCKCAT" -F "$ADDRESS" "$PORT"
	finish client 7
	holds client.out ''
	# shellcheck disable=SC2053 # a pattern it is
	[[ $(<client.err) == $not ]]
	start client to /dev/null "$SOCKCAT" -F "$ADDRESS" "$PORT"
	finish client 7
	# shellcheck disable=SC2053 # a pattern it is
	[[ $(<client.err) == $not ]]
	touch over
	succeed server
}

@test "-F says that stdout is another kind of socket, and writes nothing there" {
	local far

	peer_listen receiver listen:127.0.0.1:0 accept expect-eof close
	far=$ADDRESS:$PORT
	peer_listen server listen:127.0.0.1:0 wait-file:over
	peer client connect:"$far" exec sh -c "$ONTO_3" "$SOCKCAT" \
		"$ADDRESS" "$PORT"
	finish client 7
	[[ $(<client.err) == 'sockcat: pass the connection over stdout: '* ]]
	succeed receiver
	touch over
	succeed server
}

@test "-F dies of SIGPIPE where nobody takes it, and says so if it may not" {
	local at shell=("$ONTO_3" "trap '' PIPE; $ONTO_3") expected=(141 7)
	local said=('' 'sockcat: pass the connection over stdout: Broken pipe\n')
	local i

	peer_listen server listen:127.0.0.1:0 wait-file:over
	at=$ADDRESS:$PORT
	for i in 0 1; do
		rm -f passing gone
		peer_listen receiver listen:unix:"$PWD/passing" accept close \
			touch:gone
		peer passer connect:unix:"$PWD/passing" wait-file:gone \
			exec sh -c "${shell[i]}" "$SOCKCAT" "$at"
		finish passer "${expected[i]}"
		holds passer.err "${said[i]}"
		succeed receiver
	done
	touch over
	succeed server
}

@test "-F passes nothing on when there is no connection" {
	local port

	peer_listen proxy listen:127.0.0.1:0 accept send:HTTP/1.1 half-close \
		wait-file:over
	port=$PORT
	peer_listen receiver listen:unix:"$PWD/passing" accept expect-eof close
	start_passing -x 127.0.0.1:"$port" far.test 22
	finish passer 8
	touch over
	holds passer.out ''
	holds passer.err "sockcat: proxy 127.0.0.1 port $port (tcp) answered\
 with nonsense: version 72 instead of 5\n"
	succeed receiver proxy
}
