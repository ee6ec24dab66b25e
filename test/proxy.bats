#!/usr/bin/env bats
# Proxies: what they are asked, what becomes of each answer, and the passwords.

# shellcheck disable=SC2153,SC2154 # run and load set them
load lib/helpers

unset SOCKCAT_PROXY_PASSWORD

# What is compared with these is a pattern: glibc's words, or musl's.
TIMED_OUT='@(Connection|Operation) timed out'
NOT_KNOWN='@(Name or service not known|Name does not resolve)'
NO_TERMINAL='@(No such device or address|No such device)'
CANCELLED='Operation cancel?(l)ed'
REFUSED='Connection refused'
RESET='Connection reset by peer'

# The steps of a proxy that is asked for "example.org 80", or without a name
# for "192.0.2.7 80", up to its last answer, and what that is if all is well.
GREETING='expect:\x05\x01\0'
TO_NAME='expect:\x05\x01\0\x03\x0bexample.org\0\x50'
SOCKS5=("$GREETING" 'send:\x05\0' "$TO_NAME")
LOGIN=('expect:\x05\x02\0\x02' 'send:\x05\x02'
	'expect:\x01\x04user\x06secret' 'send:\x01\0' "$TO_NAME")
SOCKS4=('expect:\x04\x01\0\x50\xc0\0\x02\x07\0')
SOCKS4A=('expect:\x04\x01\0\x50\0\0\0\x01\0example.org\0')
CONNECT=('expect:CONNECT example.org:80 HTTP/1.1\r\nHost: example.org:80\r\n'\
'\r\n')
OPEN5='\x05\0\0\x01\0\0\0\0\0\0'
OPEN4='\0\x5a\0\0\0\0\0\0'
OPENED='HTTP/1.1 200 OK\r\n\r\n'

# What is said through it when it has opened.
TALK=('send:welcome\n' 'expect:hello\n' expect-eof 'send:bye\n' close)
TOLD='welcome
bye'

# by KIND: what these are of it.  ARGS is how sockcat is called, but for -x;
# ASKED the steps before the last answer, WELL that if all is well, and BUSY
# if the target is not reached, for which the words are BUSY_WORDS.  Kinds are
# -X's, "login" for SOCKS5 with a user, "user" for CONNECT with one, and what
# ends with one of the earlier answers of SOCKS5: "method", "methods" if there
# is a user, "password".
by() {
	ARGS=(-X "$1" example.org 80)
	case $1 in
	4)
		ARGS=(-X 4 192.0.2.7 80)
		ASKED=("${SOCKS4[@]}")
		;;&
	4A) ASKED=("${SOCKS4A[@]}") ;;&
	4 | 4A)
		WELL=$OPEN4
		BUSY='\0\x5b\0\0\0\0\0\0'
		BUSY_WORDS='rejected or failed'
		;;
	5) ASKED=("${SOCKS5[@]}") ;;&
	login)
		ARGS=(-P user example.org 80)
		ASKED=("${LOGIN[@]}")
		;;&
	method)
		ARGS=(example.org 80)
		ASKED=("$GREETING")
		;;
	methods | password)
		ARGS=(-P user example.org 80)
		ASKED=("${LOGIN[@]:0:1}")
		;;&
	password) ASKED=("${LOGIN[@]:0:3}") ;;
	user)
		ARGS=(-P user -X connect example.org 80)
		ASKED=('expect:CONNECT example.org:80 HTTP/1.1\r\n'\
'Host: example.org:80\r\nProxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n\r\n')
		WELL=$OPENED
		;;
	5 | login)
		WELL=$OPEN5
		BUSY='\x05\x05\0\x01\0\0\0\0\0\0'
		BUSY_WORDS='connection refused'
		;;
	connect)
		ASKED=("${CONNECT[@]}")
		WELL=$OPENED
		BUSY='HTTP/1.1 503 Busy\r\n\r\n'
		BUSY_WORDS='503 Busy'
		;;
	esac
}

# proxy STEP...: "proxy" listens and does these; sets AT, where it is, and
# OBJECT, what it is called.
proxy() {
	peer_listen proxy backlog:200 listen:127.0.0.1:0 "$@"
	AT=$ADDRESS:$PORT
	OBJECT="proxy $ADDRESS port $PORT (tcp)"
}

# ends STATUS OUTPUT PATTERN ARG...: so it ends, with this on stderr.
ends() {
	local expected=$1 written=$2 pattern=$3
	shift 3

	run_sockcat "$@" <<<hello
	echo "sockcat $*: status $status, output '$output', stderr '$stderr'"
	[ "$status" -eq "$expected" ]
	[ "$output" = "$written" ]
	# shellcheck disable=SC2053 # a pattern it is
	[[ $stderr == $pattern ]]
}

# asks STEP... -- ARG...: so a proxy is asked that opens the way, and then all
# that either side says arrives.
asks() {
	local steps=()

	while [[ $1 != -- ]]; do
		steps+=("$1")
		shift
	done
	shift
	proxy accept "${steps[@]}" "${TALK[@]}"
	ends 0 "$TOLD" '' -x "$AT" "$@"
	succeed proxy
}

# answered KIND STATUS ANSWER PATTERN...: what sockcat says of each of these
# answers, a pattern for what follows the name of the proxy, and its status.
answered() {
	local kind=$1 expected=$2 steps=() patterns=() pattern
	shift 2

	by "$kind"
	while [[ $# -gt 0 ]]; do
		steps+=(accept "${ASKED[@]}" "send:$1" half-close)
		patterns+=("$2")
		shift 2
	done
	# They stay open: whether the last one is read is not for this to say.
	proxy "${steps[@]}" wait-file:over
	for pattern in "${patterns[@]}"; do
		ends "$expected" '' "sockcat: $OBJECT $pattern" \
			-x "$AT" "${ARGS[@]}"
	done
	touch over
	succeed proxy
	rm over
}

# refused_with KIND ANSWER REASON...: these are refusals, for these reasons.
refused_with() {
	local kind=$1 pairs=()
	shift

	by "$kind"
	while [[ $# -gt 0 ]]; do
		pairs+=("$1" "refused ${ARGS[-2]} port 80: $2")
		shift 2
	done
	answered "$kind" 8 "${pairs[@]}"
}

# nonsense KIND ANSWER REASON...: these are nonsense, for these reasons.
nonsense() {
	local kind=$1 pairs=()
	shift

	while [[ $# -gt 0 ]]; do
		pairs+=("$1" "answered with nonsense: $2")
		shift 2
	done
	answered "$kind" 8 "${pairs[@]}"
}

# split TEXT: sets BYTES to its bytes, as the peer's steps write them.
split() {
	local -
	set +T
	local rest=$1

	BYTES=()
	while [[ $rest =~ ^(\\x..|\\.|.)(.*)$ ]]; do
		BYTES+=("${BASH_REMATCH[1]}")
		rest=${BASH_REMATCH[2]}
	done
}

# cut_short END STEP...: sets SCRIPT to the steps of a proxy that plays these
# again and again: for each byte that it would send a client is served until
# before that byte, and then there is END.  CUTS is how many clients that are.
cut_short() {
	local -
	set +T
	local end=$1 step before=() byte part
	shift

	SCRIPT=()
	CUTS=0
	for step; do
		if [[ $step == send:* ]]; then
			split "${step#send:}"
			part=
			for byte in "${BYTES[@]}"; do
				SCRIPT+=(accept "${before[@]}"
					${part:+"send:$part"} ${end:+"$end"})
				CUTS=$((CUTS + 1))
				part+=$byte
			done
		fi
		before+=("$step")
	done
}

# start NAME together N COMMAND...: so many of it at once.  It prints the
# status of each; what they print is in NAME.1.out, NAME.1.err and so on.
together() {
	local -
	set +eT
	local i pids=() count=$1
	shift

	for ((i = 1; i <= count; i++)); do
		timeout "$BOUND" "$@" >"$name.$i.out" 2>"$name.$i.err" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
		echo $?
	done
	return 0
}

# all_ended NAME N STATUS PATTERN: so they have ended, with no output and this
# line on stderr.
all_ended() {
	local -
	set +T
	local line lines

	succeed "$1"
	mapfile -t lines <"$1.out"
	[ "${#lines[@]}" -eq "$2" ]
	for line in "${lines[@]}"; do
		[ "$line" -eq "$3" ]
	done
	[ "$(cat "$1".*.out)" = '' ]
	mapfile -t lines < <(cat "$1".*.err)
	[ "${#lines[@]}" -eq "$2" ]
	for line in "${lines[@]}"; do
		# shellcheck disable=SC2053 # a pattern it is
		if [[ $line != $4 ]]; then
			echo "'$line' is not $4"
			return 1
		fi
	done
}

# --- what is asked ------------------------------------------------------------

@test "SOCKS5 is asked for a name as it is" {
	local way

	for way in '' '-X 5' '-X socks5' '-X SOCKS5' '--proxy-type=5' -n; do
		# shellcheck disable=SC2086 # none, one or two words
		asks "${SOCKS5[@]}" "send:$OPEN5" -- $way example.org 80
	done
	asks "$GREETING" 'send:\x05\0' \
		'expect:\x05\x01\0\x03\x01a\xff\xff' "send:$OPEN5" -- a:65535
}

@test "SOCKS5 is given an address of either family as its bytes" {
	local steps=("$GREETING" 'send:\x05\0'
		'expect:\x05\x01\0\x01\xc0\0\x02\x07\0\x50' "send:$OPEN5")
	local six=("$GREETING" 'send:\x05\0'
		'expect:\x05\x01\0\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x0f'\
'\x1f\x90' "send:$OPEN5")

	asks "${steps[@]}" -- 192.0.2.7 80
	asks "${steps[@]}" -- 192.0.2.7:80
	asks "${steps[@]}" -- -n 192.0.2.7 http
	asks "${six[@]}" -- 2001:db8::f 8080
	asks "${six[@]}" -- '[2001:db8::f]:8080'
}

@test "SOCKS5 is told user and password if it wants them" {
	export SOCKCAT_PROXY_PASSWORD=secret

	asks "${LOGIN[@]}" "send:$OPEN5" -- -P user example.org 80
	asks "${LOGIN[@]:0:4}" 'expect:\x05\x01\0\x01\xc0\0\x02\x07\0\x50' \
		"send:$OPEN5" -- -P user 192.0.2.7 80
	asks "${LOGIN[@]:0:4}" \
		'expect:\x05\x01\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\x50' \
		"send:$OPEN5" -- --proxy-user=user ::1 80
	asks 'expect:\x05\x02\0\x02' 'send:\x05\0' "$TO_NAME" "send:$OPEN5" \
		-- -P user example.org 80
	SOCKCAT_PROXY_PASSWORD=$': \xc3\xa4 %\xff'
	asks 'expect:\x05\x02\0\x02' 'send:\x05\x02' \
		'expect:\x01\x05a:b c\x07: \xc3\xa4 %\xff' 'send:\x01\0' \
		"$TO_NAME" "send:$OPEN5" -- -P 'a:b c' example.org 80
}

@test "a name, a user and a password may have 255 bytes" {
	local user host password encoded

	printf -v host %0255d 0
	user=${host//0/u}
	password=${host//0/p}
	export SOCKCAT_PROXY_PASSWORD=$password
	asks 'expect:\x05\x02\0\x02' 'send:\x05\x02' \
		'expect:\x01\xff'"$user"'\xff'"$password" 'send:\x01\0' \
		'expect:\x05\x01\0\x03\xff'"$host"'\0\x50' "send:$OPEN5" \
		-- -P "$user" "$host" 80
	asks 'expect:\x04\x01\0\x50\0\0\0\x01'"$user"'\0'"$host"'\0' \
		"send:$OPEN4" -- -X 4A -P "$user" "$host" 80
	encoded=$(printf %s "$user:$password" | base64 -w 0)
	asks "expect:CONNECT $host:80 HTTP/1.1\r\nHost: $host:80\r\n\
Proxy-Authorization: Basic $encoded\r\n\r\n" "send:$OPENED" \
		-- -X connect -P "$user" "$host" 80
}

@test "SOCKS4 is asked for an address, and told who asks" {
	asks "${SOCKS4[@]}" "send:$OPEN4" -- -X 4 192.0.2.7 80
	asks "${SOCKS4[@]}" "send:$OPEN4" -- -nX socks4 192.0.2.7:80
	asks 'expect:\x04\x01\x01\xbb\xff\xff\xff\xffa:user\0' "send:$OPEN4" \
		-- -X SOCKS4 -P a:user 255.255.255.255 443
}

@test "for SOCKS4 a name is looked up here, for IPv4 alone" {
	namespace
	inside_file /etc/hosts '2001:db8::7 both' '192.0.2.7 both' \
		'192.0.2.8 both' '2001:db8::7 six'
	asks "${SOCKS4[@]}" "send:$OPEN4" -- -X 4 both 80
	ends 3 '' "sockcat: getaddrinfo for host \"both\" port 80: $NOT_KNOWN" \
		-x 127.0.0.1:1 -n -X 4 both 80
	ends 3 '' 'sockcat: getaddrinfo for host "six" port 80: *' \
		-x 127.0.0.1:1 -X 4 six 80
}

@test "SOCKS4A is asked for a name as it is, for an address as SOCKS4 is" {
	local way

	for way in 4A 4a socks4a SOCKS4A; do
		asks "${SOCKS4A[@]}" "send:$OPEN4" -- -X "$way" example.org 80
	done
	asks "${SOCKS4[@]}" "send:$OPEN4" -- -X 4A 192.0.2.7 80
	asks 'expect:\x04\x01\0\x50\0\0\0\x01user\0example.org\0' \
		"send:$OPEN4" -- -nX 4A -P user example.org 80
}

@test "CONNECT names the target twice, an IPv6 address in brackets" {
	local way

	for way in connect CONNECT http Http; do
		asks "${CONNECT[@]}" "send:$OPENED" -- -X "$way" example.org 80
	done
	asks 'expect:CONNECT 192.0.2.7:443 HTTP/1.1\r\nHost: 192.0.2.7:443\r\n'\
'\r\n' "send:$OPENED" -- -nX connect 192.0.2.7 443
	for way in '2001:db8::f 65535' '[2001:db8::f]:65535'; do
		# shellcheck disable=SC2086 # host and port
		asks 'expect:CONNECT [2001:db8::f]:65535 HTTP/1.1\r\n'\
'Host: [2001:db8::f]:65535\r\n\r\n' "send:$OPENED" -- -X connect $way
	done
}

# The lengths differ by one, and the characters are the last two of the 64.
@test "CONNECT tells user and password as Basic has them" {
	local line user password encoded

	while read -r user password encoded; do
		SOCKCAT_PROXY_PASSWORD=$password asks \
			'expect:CONNECT example.org:80 HTTP/1.1\r\n'\
"Host: example.org:80\r\nProxy-Authorization: Basic $encoded\r\n\r\n" \
			"send:$OPENED" -- -X connect -P "$user" example.org 80
	done <<-'EOT'
		user secret dXNlcjpzZWNyZXQ=
		u p dTpw
		us p dXM6cA==
		us pw dXM6cHc=
		u > dTo+
		u ? dTo/
		u a:b:c dTphOmI6Yw==
		u ÿþ dTrDv8O+
	EOT
}

# --- answers ------------------------------------------------------------------

# The last of them answers before it is asked, all of it at once.
@test "what is glued to an answer is the first data" {
	local kind

	export SOCKCAT_PROXY_PASSWORD=secret
	for kind in 4 4A 5 login connect; do
		by "$kind"
		proxy accept "${ASKED[@]}" "send:${WELL}welcome\n\0" \
			"${TALK[@]:1}"
		start client "$SOCKCAT" -x "$AT" "${ARGS[@]}" <<<hello
		succeed client proxy
		holds client.out 'welcome\n\0bye\n'
	done
	proxy accept "send:\x05\x02\x01\0${OPEN5}welcome\n" \
		'expect:\x05\x02\0\x02' 'expect:\x01\x04user\x06secret' \
		"$TO_NAME" "${TALK[@]:1}"
	ends 0 "$TOLD" '' -x "$AT" -P user example.org 80
	succeed proxy
}

@test "neither is a megabyte that follows it lost, nor one byte doubled" {
	local kind

	{ printf 'first\n' && "$PEER" print-bytes:1000000; } >expected
	for kind in 4A 5 connect; do
		by "$kind"
		proxy accept "${ASKED[@]}" "send:${WELL}first\n" \
			send-bytes:1000000 close
		start client "$SOCKCAT" -x "$AT" "${ARGS[@]}"
		succeed client proxy
		same_bytes expected client.out
	done
}

@test "what looks like another answer after it is data" {
	local kind

	for kind in 4 5 connect; do
		by "$kind"
		proxy accept "${ASKED[@]}" "send:$WELL$WELL" "${TALK[@]:1}"
		start client "$SOCKCAT" -x "$AT" "${ARGS[@]}" <<<hello
		succeed client proxy
		holds client.out "${WELL}bye\n"
	done
}

@test "an answer may come byte by byte, over TCP and a Unix socket" {
	local kind step steps byte

	export SOCKCAT_PROXY_PASSWORD=secret
	for kind in 4 4A 5 login connect; do
		by "$kind"
		proxy accept "${ASKED[@]/#send:/dribble:}" \
			"dribble:${WELL}welcome\n" "${TALK[@]:1}"
		ends 0 "$TOLD" '' -x "$AT" "${ARGS[@]}"
		succeed proxy

		# There it is known that a byte has been read.
		steps=()
		for step in "${ASKED[@]}" "send:$WELL"; do
			if [[ $step == send:* ]]; then
				split "${step#send:}"
				for byte in "${BYTES[@]}"; do
					steps+=("send:$byte" wait-read)
				done
			else
				steps+=("$step")
			fi
		done
		peer_listen proxy listen:unix:path accept "${steps[@]}" \
			"${TALK[@]}"
		ends 0 "$TOLD" '' -x unix:path "${ARGS[@]}"
		succeed proxy
		rm path
	done
}

# With -w 6 a loaded machine has the time to come to where it stalls.
@test "a proxy that stalls before any byte is given up with -w" {
	local began=$SECONDS kind proxies=() clients=()

	export SOCKCAT_PROXY_PASSWORD=secret
	for kind in 4 4A 5 login connect; do
		by "$kind"
		cut_short '' "${ASKED[@]}" "send:$WELL"
		peer_listen "proxy-$kind" backlog:200 listen:127.0.0.1:0 \
			"${SCRIPT[@]}" touch:"stalled-$kind" wait-file:over
		start "client-$kind" together "$CUTS" "$SOCKCAT" -w 6 \
			-x "$ADDRESS:$PORT" "${ARGS[@]}"
		proxies+=("$kind $CUTS $PORT")
	done
	for kind in "${proxies[@]}"; do
		read -r kind CUTS PORT <<<"$kind"
		all_ended "client-$kind" "$CUTS" 4 \
			"sockcat: proxy 127.0.0.1 port $PORT (tcp) did not\
 answer in time"
		[ -e "stalled-$kind" ]
		clients+=("proxy-$kind")
	done
	touch over
	succeed "${clients[@]}"
	((SECONDS - began < 2 * BOUND))
}

@test "--connect-timeout and --deadline limit its answer too" {
	local began=$SECONDS

	proxy accept accept accept wait-file:over
	ends 4 '' "sockcat: $OBJECT did not answer in time" \
		-x "$AT" --connect-timeout 0.2 example.org 80
	ends 4 '' "sockcat: $OBJECT did not answer in time" \
		-x "$AT" -w 60 --connect-timeout 0.2 example.org 80
	ends 4 '' 'sockcat: *' -x "$AT" --deadline 0.2 example.org 80
	touch over
	succeed proxy
	((SECONDS - began < BOUND))
}

# A byte comes within the limit, again and again, for as long as it is there.
@test "the limit is for the whole answer, not for each byte" {
	local n steps=()

	by connect
	for n in {1..50}; do
		steps+=(send:x wait-file:"go.$n")
	done
	proxy accept "${ASKED[@]}" 'send:HTTP/1.1 200 OK\r\nX: ' "${steps[@]}" \
		stall
	start client "$SOCKCAT" -w 0.7 -x "$AT" "${ARGS[@]}"
	for ((n = 1; n <= 50; n++)); do
		read -rt 0.1 -u 9 || true
		is_running client || break
		touch "go.$n"
	done
	((n <= 50))
	finish client 4
	holds client.out ''
	holds client.err "sockcat: $OBJECT did not answer in time\n"
	stop proxy
}

@test "the limit ends with the answer" {
	local silent

	peer_listen silent listen:127.0.0.1:0 wait-file:over
	silent=$ADDRESS:$PORT
	by 5
	proxy accept "${ASKED[@]}" "send:$WELL" touch:open wait-file:over \
		"${TALK[@]}"
	start client "$SOCKCAT" --connect-timeout 3 -x "$AT" "${ARGS[@]}" \
		<<<hello
	within "$BOUND" test -e open
	# This takes longer than what is left of it.
	ends 4 '' '*did not answer in time' \
		--connect-timeout 3.1 -x "$silent" example.org 80
	touch over
	succeed silent proxy client
	holds client.out 'welcome\nbye\n'
}

@test "a proxy that closes before any byte has not answered" {
	local kind

	export SOCKCAT_PROXY_PASSWORD=secret
	for kind in 4 4A 5 login connect; do
		by "$kind"
		cut_short close "${ASKED[@]}" "send:$WELL"
		proxy "${SCRIPT[@]}"
		start client together "$CUTS" "$SOCKCAT" -x "$AT" "${ARGS[@]}"
		all_ended client "$CUTS" 8 "sockcat: $OBJECT closed the\
 connection before its answer was complete"
		succeed proxy
		rm client.*
	done
	proxy accept half-close wait-file:over
	ends 8 '' "sockcat: $OBJECT closed the connection before its answer was\
 complete" -x "$AT" example.org 80
	touch over
	succeed proxy
}

@test "a proxy that resets before any byte is named, and how" {
	local kind

	export SOCKCAT_PROXY_PASSWORD=secret
	for kind in 4 4A 5 login connect; do
		by "$kind"
		cut_short reset "${ASKED[@]}" "send:$WELL"
		proxy "${SCRIPT[@]}"
		start client together "$CUTS" "$SOCKCAT" -x "$AT" "${ARGS[@]}"
		all_ended client "$CUTS" 8 "sockcat: $OBJECT failed: $RESET"
		succeed proxy
		rm client.*
	done
}

# --- refusals and nonsense ----------------------------------------------------

@test "each of SOCKS5's refusals has its words" {
	refused_with 5 \
		'\x05\x01\0\x01\0\0\0\0\0\0' 'general failure' \
		'\x05\x02\0\x01\0\0\0\0\0\0' 'not allowed by its rules' \
		'\x05\x03\0\x01\0\0\0\0\0\0' 'network unreachable' \
		'\x05\x04\0\x01\0\0\0\0\0\0' 'host unreachable' \
		'\x05\x05\0\x01\0\0\0\0\0\0' 'connection refused' \
		'\x05\x06\0\x01\0\0\0\0\0\0' 'time to live expired' \
		'\x05\x07\0\x01\0\0\0\0\0\0' 'it knows no CONNECT' \
		'\x05\x08\0\x01\0\0\0\0\0\0' 'it knows no such address' \
		'\x05\x09\0\x01\0\0\0\0\0\0' 'unknown code 9' \
		'\x05\xff\0\x01\0\0\0\0\0\0' 'unknown code 255' \
		'\x05\x05\0\x03\x00\0\0' 'connection refused' \
		'\x05\x05' 'connection refused'
}

@test "each of SOCKS4's refusals has its words" {
	local kind

	for kind in 4 4A; do
		refused_with "$kind" \
			'\0\x5b\0\0\0\0\0\0' 'rejected or failed' \
			'\0\x5c\0\0\0\0\0\0' 'it cannot ask identd who we are' \
			'\0\x5d\0\0\0\0\0\0' 'identd names another user'
	done
}

@test "what a SOCKS5 proxy wants to know, and what it does not accept" {
	refused_with method '\x05\xff' 'it wants a user: give -P'
	export SOCKCAT_PROXY_PASSWORD=secret
	refused_with methods \
		'\x05\xff' 'it takes neither no user nor a password'
	refused_with password \
		'\x01\x01' 'user or password not accepted' \
		'\x01\xff' 'user or password not accepted'
}

@test "CONNECT's refusals are told in the proxy's words" {
	refused_with connect \
		'HTTP/1.1 403 Forbidden\r\n\r\n' '403 Forbidden' \
		'HTTP/1.0 500 Oh,  no \r\nX: y\r\n\r\n' '500 Oh,  no' \
		'HTTP/1.1 301\r\nLocation: /\r\n\r\n' 301 \
		'HTTP/1.1 400 \r\n\r\n' 400 \
		'HTTP/1.1 502 Bad Gateway\n\n<html>' '502 Bad Gateway' \
		'HTTP/1.1 999 \xc2\x9b31m\x9b\r\n\r\n' '999 \?\?31m\?' \
		'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 No\r\n\r\n' '404 No'
}

@test "control bytes of a proxy are not printed" {
	refused_with connect \
		'HTTP/1.1 403 \x1b[31m\x07red\x7f\ta\x01\r\n\r\n' \
		'403 \?\[31m\?red\?\?a\?' \
		'HTTP/1.1 403 a\rb\r\n\r\n' '403 a*'
	[[ $stderr != *$'\r'* ]]
	export SOCKCAT_PROXY_PASSWORD=secret
	refused_with user 'HTTP/1.1 407 \x1bc\r\n'\
'Proxy-Authenticate: \x1b]0;\x07\r\n\r\n' \
		'407 \?c: it asks for \?]0;\?, and only Basic is known here'
}

@test "a reason that is very long is cut" {
	local long

	printf -v long %010000d 0
	refused_with connect "HTTP/1.1 403 $long\r\n\r\n" '403 0000*'
	[ "${#stderr}" -gt 100 ]
	[ "${#stderr}" -lt 1000 ]
}

@test "CONNECT's 407 says what is missing" {
	local wanted='407 Who are you: it wants a user: give -P'
	local not_accepted='407 Who are you: user or password not accepted'
	local line='HTTP/1.1 407 Who are you\r\n' answers=() kind

	answers=("$line"'\r\n'
		"$line"'Proxy-Authenticate: Basic realm="x"\r\n\r\n'
		"$line"'proxy-authenticate:BASIC\r\n\r\n'
		"$line"'Proxy-Authenticate: Digest realm="x"\r\n'\
'Proxy-Authenticate: Basic realm="y"\r\n\r\n'
		"$line"'Proxy-Authenticate: Basic realm="y"\r\n'\
'Proxy-Authenticate: Digest realm="x"\r\n\r\n'
		"$line"'Proxy-Authenticate: Negotiate, Basic realm="y"\r\n\r\n'
		'HTTP/1.1 407 Who are you\nPROXY-AUTHENTICATE:\tbasic\n\n')
	for kind in connect user; do
		refused_with "$kind" "${answers[0]}" "$wanted" \
			"${answers[1]}" "$wanted" "${answers[2]}" "$wanted" \
			"${answers[3]}" "$wanted" "${answers[4]}" "$wanted" \
			"${answers[5]}" "$wanted" "${answers[6]}" "$wanted"
		refused_with "$kind" \
			"$line"'Proxy-Authenticate: Digest realm="Basic"\r\n\r\n' \
			'407 Who are you: it asks for Digest, and only Basic is'\
' known here' \
			"$line"'Proxy-Authenticate: NTLM\r\n\r\n' \
			'407 Who are you: it asks for NTLM, and only Basic is'\
' known here' \
			"$line"'WWW-Authenticate: Digest\r\n\r\n' "$wanted"
		# With a user it is not wanted but not accepted.
		wanted=$not_accepted
		export SOCKCAT_PROXY_PASSWORD=secret
	done
}

@test "what is no SOCKS is nonsense" {
	nonsense method \
		'\x04\0' 'version 4 instead of 5' \
		'\0' 'version 0 instead of 5' \
		'HTTP/1.1 400 Bad Request\r\n\r\n' 'version 72 instead of 5' \
		'\x05\x01' 'method 1, which was not offered' \
		'\x05\x02' 'method 2, which was not offered' \
		'\x05\x80' 'method 128, which was not offered'
	nonsense 5 \
		'\x04\0\0\x01\0\0\0\0\0\0' 'version 4 instead of 5' \
		'\xff' 'version 255 instead of 5' \
		'\x05\0\0\0\0\0\0\0\0\0' 'address type 0' \
		'\x05\0\0\x02\0\0\0\0\0\0' 'address type 2' \
		'\x05\0\0\xff' 'address type 255'
	nonsense 4 \
		'\x04\x5a\0\0\0\0\0\0' 'version 4 instead of 0' \
		'SSH-2.0-OpenSSH_9.2\r\n' 'version 83 instead of 0' \
		'\0\0\0\0\0\0\0\0' 'unknown code 0' \
		'\0\x59\0\0\0\0\0\0' 'unknown code 89' \
		'\0\x5e' 'unknown code 94'
	export SOCKCAT_PROXY_PASSWORD=secret
	nonsense methods \
		'\x05\x03' 'method 3, which was not offered'
	nonsense password \
		'\x05\0' 'version 5 instead of 1' \
		'\0\0' 'version 0 instead of 1'
}

@test "a status is three digits, and nothing else is one" {
	local answer pairs=() wrong='not a status line of HTTP/1'

	for answer in 'HTTP/1.1 4294967496 OK' 'HTTP/1.1 20 OK' 'HTTP/1.1 20' \
		'HTTP/1.1 2000 OK' 'HTTP/1.1 0200 OK' 'HTTP/1.1 020 OK' \
		'HTTP/1.1  200 OK' 'HTTP/1.1 200OK' 'HTTP/1.1 +20 OK' \
		'HTTP/1.1 -200 OK' 'HTTP/1.1 2 0 OK' 'HTTP/1.1 0x0 OK' \
		'HTTP/1.1\t200 OK' 'HTTP/1.1200 OK' 'HTTP/2 200 OK' \
		'HTTP/2.0 200 OK' 'HTTP/0.9 200 OK' 'HTTP/1 200 OK' \
		'HTTP/1.10 200 OK' 'HTTP/1.x 200 OK' 'http/1.1 200 OK' \
		' HTTP/1.1 200 OK' 'ICY 200 OK' '\r\nHTTP/1.1 200 OK' \
		'HTTP/1.1 \x32\x30\x01 OK' 'HTTP/1.1 200\tOK' '<html>'; do
		pairs+=("$answer\r\n\r\n" "$wrong")
	done
	nonsense connect "${pairs[@]}" 'X' "$wrong" '\x05\0' "$wrong" \
		'HTTP/1.1 100 Continue\r\n\r\nwelcome\r\n\r\n' "$wrong"
}

@test "a NUL in CONNECT's answer is nonsense" {
	nonsense connect \
		'HTTP/1.1 200 O\0K\r\n\r\n' 'a NUL in its header' \
		'HTTP/1.1 200 OK\r\nX: \0\r\n\r\n' 'a NUL in its header' \
		'HTTP/1.1 403 N\0o\r\n\r\n' 'a NUL in its header' \
		'HTTP/1.1 407 No\r\nX: \0\r\n\r\n' 'a NUL in its header'
	# What is refused in a line is no matter of what follows.
	refused_with connect 'HTTP/1.1 403 No\r\nX: \0\r\n\r\n' '403 No'
}

@test "64 KiB of zeros are nonsense" {
	local kind reason zeros

	printf -v zeros %08192d 0
	zeros=send:${zeros//0/\\0}
	while read -r kind reason; do
		by "$kind"
		proxy accept "${ASKED[@]}" "$zeros" "$zeros" "$zeros" "$zeros" \
			"$zeros" "$zeros" "$zeros" "$zeros" wait-file:over
		ends 8 '' "sockcat: $OBJECT answered with nonsense: $reason" \
			-x "$AT" "${ARGS[@]}"
		touch over
		finish proxy # may not have been able to send all of it
		rm over
	done <<-'EOT'
		4 unknown code 0
		method version 0 instead of 5
		5 version 0 instead of 5
		connect not a status line of HTTP/1
	EOT
}

@test "a header of 64 KiB is read, a longer one is nonsense" {
	local fill part line='HTTP/1.1 200 OK\r\nX: '
	local continue='HTTP/1.1 100\r\n\r\n'

	by connect
	printf -v fill %065511d 0
	peer_listen proxy listen:unix:path accept "${ASKED[@]}" "send:$line" \
		"send:$fill" 'send:x\r\n\r' wait-read 'send:\nwelcome\n' \
		"${TALK[@]:1}"
	ends 0 "$TOLD" '' -x unix:path "${ARGS[@]}"
	succeed proxy
	proxy accept "${ASKED[@]}" "send:$line" "send:$fill" \
		'send:xy\r\n\r\n' wait-file:over
	ends 8 '' "sockcat: $OBJECT answered with nonsense: a header of more\
 than 65536 bytes" -x "$AT" "${ARGS[@]}"
	touch over
	succeed proxy

	# 200 KB: in a line, in lines, in the status line, in many headers.
	rm over
	printf -v fill %050000d 0
	for part in "$line$fill" "$line${fill//000000/ab\\r\\nX:}" \
		"HTTP/1.1 200 $fill" \
		"$continue${fill//00000000000000000000/$continue}"; do
		proxy accept "${ASKED[@]}" "send:$part" "send:${part#"$line"}" \
			"send:${part#"$line"}" "send:${part#"$line"}" \
			wait-file:over
		ends 8 '' "sockcat: $OBJECT answered with nonsense: a header\
 of more than 65536 bytes" -x "$AT" "${ARGS[@]}"
		touch over
		finish proxy # may not have been able to send all of it
		rm over
	done
}

@test "any 2xx opens the way, whatever its header" {
	local answer

	by connect
	for answer in 'HTTP/1.0 200 Connection established\r\n\r\n' \
		'HTTP/1.1 200\r\n\r\n' 'HTTP/1.1 200 \r\n\r\n' \
		'HTTP/1.1 204 \x1b\xff\r\n\r\n' 'HTTP/1.9 299 OK\r\n\r\n' \
		'HTTP/1.1 200 OK\n\n' 'HTTP/1.1 200\n\n' \
		'HTTP/1.1 200 OK\r\n\n' 'HTTP/1.1 200 OK\n\r\n' \
		'HTTP/1.1 200 OK\r\nA: b\nC: d\r\nTransfer-Encoding: '\
'chunked\r\nContent-Length: 5\r\n\n'; do
		echo "$answer"
		proxy accept "${ASKED[@]}" "send:${answer}welcome\n" \
			"${TALK[@]:1}"
		ends 0 "$TOLD" '' -x "$AT" "${ARGS[@]}"
		succeed proxy
	done
}

@test "what is 1xx announces another answer" {
	local continued='HTTP/1.1 100 Continue\r\n\r\n'

	by connect
	continued+='HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.0 199\n\n'
	asks "${ASKED[@]}" "send:$continued$OPENED" -- "${ARGS[@]}"
	asks "${ASKED[@]}" "send:$continued" "send:$OPENED" -- "${ARGS[@]}"
	asks "${ASKED[@]}" "dribble:$continued$OPENED" -- "${ARGS[@]}"
	answered connect 8 "$continued" \
		'closed the connection before its answer was complete'
}

@test "SOCKS5 may answer with an address of any kind" {
	local answer name

	by 5
	printf -v name %0255d 0
	for answer in '\x05\0\0\x01\x7f\0\0\x01\x12\x34' \
		'\x05\0\0\x03\x09localhost\x12\x34' \
		'\x05\0\0\x03\0\x12\x34' "\x05\0\0\x03\xff$name\x12\x34" \
		'\x05\0\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x12\x34' \
		'\x05\0\xff\x01\xff\xff\xff\xff\xff\xff'; do
		echo "$answer"
		proxy accept "${ASKED[@]}" "send:${answer}welcome\n" \
			"${TALK[@]:1}"
		ends 0 "$TOLD" '' -x "$AT" "${ARGS[@]}"
		succeed proxy
	done
}

# --- -z and --wait ------------------------------------------------------------

@test "-z tests a port through a proxy, without a word" {
	local kind

	export SOCKCAT_PROXY_PASSWORD=secret
	for kind in 4 4A 5 login connect; do
		by "$kind"
		proxy accept "${ASKED[@]}" "send:$WELL" expect-eof close \
			accept "${ASKED[@]}" "send:$BUSY" close
		ends 0 '' '' -z -w "$BOUND" -x "$AT" "${ARGS[@]}"
		ends 1 '' '' -z -w "$BOUND" -x "$AT" "${ARGS[@]}"
		succeed proxy
	done
	proxy accept "${ASKED[@]}" wait-file:over
	ends 4 '' '' -z -w 3 -x "$AT" "${ARGS[@]}"
	touch over
	succeed proxy
}

# closed KIND ANSWER...: for -z a port is closed with these, for others that
# is a refusal, and --wait waits.
closed() {
	local kind=$1 steps=() answer
	shift

	by "$kind"
	for answer; do
		steps+=(accept "${ASKED[@]}" "send:$answer" close
			accept "${ASKED[@]}" "send:$answer" close
			accept "${ASKED[@]}" "send:$answer" close
			accept "${ASKED[@]}" "send:$WELL" close)
	done
	proxy "${steps[@]}"
	for answer; do
		echo "$answer"
		ends 1 '' '' -z -w "$BOUND" -x "$AT" "${ARGS[@]}"
		ends 8 '' "sockcat: $OBJECT refused ${ARGS[-2]} port 80: *" \
			-x "$AT" "${ARGS[@]}"
		ends 0 '' '' -z --wait "$BOUND" -x "$AT" "${ARGS[@]}"
	done
	succeed proxy
}

@test "that the target is not reached is told from other refusals" {
	closed 5 '\x05\x03\0\x01\0\0\0\0\0\0' '\x05\x04\0\x01\0\0\0\0\0\0' \
		'\x05\x05\0\x01\0\0\0\0\0\0' '\x05\x06\0\x01\0\0\0\0\0\0'
	closed 4 '\0\x5b\0\0\0\0\0\0'
	closed 4A '\0\x5b\0\0\0\0\0\0'
	closed connect 'HTTP/1.1 502 Bad\r\n\r\n' 'HTTP/1.1 503 Busy\r\n\r\n' \
		'HTTP/1.1 504 Slow\r\n\r\n'
}

# told_at_once KIND ANSWER...: these are failures of the proxy, to -z and to
# --wait too.
told_at_once() {
	local began=$SECONDS kind=$1 steps=() answer
	shift

	by "$kind"
	for answer; do
		steps+=(accept "${ASKED[@]}" "send:$answer" close
			accept "${ASKED[@]}" "send:$answer" close)
	done
	proxy "${steps[@]}"
	for answer; do
		echo "$answer"
		ends 8 '' "sockcat: $OBJECT @(refused|answered|closed) *" \
			-z -w "$BOUND" -x "$AT" "${ARGS[@]}"
		ends 8 '' "sockcat: $OBJECT @(refused|answered|closed) *" \
			--wait 60 -x "$AT" "${ARGS[@]}"
	done
	succeed proxy
	((SECONDS - began < BOUND))
}

@test "other refusals are failures, which --wait does not wait for" {
	told_at_once 5 '\x05\x01\0\x01\0\0\0\0\0\0' \
		'\x05\x02\0\x01\0\0\0\0\0\0' '\x05\x07\0\x01\0\0\0\0\0\0' \
		'\x05\x08\0\x01\0\0\0\0\0\0' '\x05\x09\0\x01\0\0\0\0\0\0' \
		'\x04' ''
	told_at_once method '\x05\xff' '\x05\x02'
	told_at_once 4 '\0\x5c\0\0\0\0\0\0' '\0\x5d\0\0\0\0\0\0' '\x04'
	told_at_once connect 'HTTP/1.1 403 No\r\n\r\n' \
		'HTTP/1.1 407 Who\r\n\r\n' 'HTTP/1.1 500 Oh\r\n\r\n' \
		'HTTP/1.1 501 What\r\n\r\n' 'HTTP/1.1 505 Not\r\n\r\n' '<html>'
}

@test "-v tells what -z has found, and of the proxy" {
	by 5
	proxy accept "${ASKED[@]}" "send:$WELL" expect-eof close \
		accept "${ASKED[@]}" "send:$BUSY" close \
		accept wait-file:over
	ends 0 '' "Connected to proxy $ADDRESS $PORT
Connection to example.org 80 port \[tcp/@(http|\*)] succeeded!" \
		-zv -w "$BOUND" -x "$AT" "${ARGS[@]}"
	ends 1 '' "Connected to proxy $ADDRESS $PORT
sockcat: $OBJECT refused example.org port 80: connection refused" \
		-zv -w "$BOUND" -x "$AT" "${ARGS[@]}"
	ends 4 '' "Connected to proxy $ADDRESS $PORT
sockcat: $OBJECT did not answer in time" -zv -w 0.2 -x "$AT" "${ARGS[@]}"
	touch over
	succeed proxy
}

@test "-z tells of a proxy that is not there" {
	closed_port
	ends 1 '' "sockcat: connect to proxy $ADDRESS port $PORT (tcp) failed:\
 $REFUSED" -zx "$ADDRESS:$PORT" example.org 80
	ends 1 '' "sockcat: connect to proxy $ADDRESS port $PORT (tcp) failed:\
 $REFUSED" -zx "$ADDRESS:$PORT" example.org 80-82
}

# ask PORT: sets ASK to the step that expects to be asked for it.
ask() {
	printf -v ASK 'expect:\\x05\\x01\\0\\x03\\x0bexample.org\\x%02x\\x%02x' \
		$(($1 / 256)) $(($1 % 256))
}

@test "-z tests several ports one after the other" {
	local port steps=()
	local -A said=([65001]="send:$OPEN5" [65002]='send:\x05\x05\0'
		[65003]=touch:silent [65004]='send:\x05\x03'
		[65005]="send:$OPEN5")

	for port in 65001 65002 65003 65004 65005; do
		ask "$port"
		steps+=(accept "$GREETING" 'send:\x05\0' "$ASK" "${said[$port]}"
			expect-eof close)
	done
	proxy "${steps[@]}"
	ends 0 'example.org 65001/tcp open
example.org 65002/tcp closed
example.org 65003/tcp filtered
example.org 65004/tcp closed
example.org 65005/tcp open' "Connected to proxy $ADDRESS $PORT
Connection to example.org 65001 port \[tcp/\*] succeeded!
*
Connection to example.org 65005 port \[tcp/\*] succeeded!" \
		-zv -w 5 -x "$AT" example.org 65001,65002 65003-65005
	succeed proxy

	proxy "${steps[@]:0:14}" "${steps[@]:21}" "${steps[@]:7:7}" \
		"${steps[@]:21:7}"
	ends 0 $'example.org 65001/tcp open\nexample.org 65005/tcp open' '' \
		-z -w "$BOUND" -x "$AT" example.org 65001,65002,65004,65005
	ends 1 '' '' -z -w "$BOUND" -x "$AT" example.org 65002 65004
	succeed proxy
}

@test "a proxy's failure ends a test of several ports" {
	ask 65001
	proxy accept "$GREETING" 'send:\x05\0' "$ASK" "send:$OPEN5" expect-eof \
		close accept "$GREETING" 'send:\x04' close
	ends 8 'example.org 65001/tcp open' \
		"sockcat: $OBJECT answered with nonsense: version 4 instead\
 of 5" -z -w "$BOUND" -x "$AT" example.org 65001-65003
	succeed proxy
}

@test "a test of several ports through a proxy ends at the deadline" {
	proxy wait-file:over
	ends 4 '' "sockcat: *example.org: deadline passed" \
		-z --deadline 0.3 -x "$AT" example.org 80-85
	touch over
	succeed proxy
}

@test "--wait goes on until the target is reached, and then as usual" {
	local kind

	export SOCKCAT_PROXY_PASSWORD=secret
	for kind in 4 4A 5 login connect; do
		by "$kind"
		proxy accept "${ASKED[@]}" "send:$BUSY" close \
			accept "${ASKED[@]}" "send:$WELL" "${TALK[@]}"
		ends 0 "$TOLD" '' --wait "$BOUND" -x "$AT" "${ARGS[@]}"
		succeed proxy
	done
}

@test "--wait gives up with 4, and says what was the matter" {
	local kind steps=() i

	export SOCKCAT_PROXY_PASSWORD=secret
	for kind in 5 connect; do
		by "$kind"
		for i in {1..20}; do
			steps+=(accept "${ASKED[@]}" "send:$BUSY" close)
		done
		# The last attempt may be cut at any step of the proxy's.
		proxy "${steps[@]}"
		ends 4 '' "sockcat: gave up waiting: $OBJECT refused example.org\
 port 80: $BUSY_WORDS" --wait 0.5 -x "$AT" "${ARGS[@]}"
		stop proxy
		proxy "${steps[@]}"
		ends 4 '' '' -z --wait 0.5 -x "$AT" "${ARGS[@]}"
		stop proxy
		steps=()
	done
	proxy accept accept wait-file:over
	ends 4 '' "sockcat: gave up waiting: $OBJECT did not answer in time" \
		--wait 0.2 -x "$AT" example.org 80
	touch over
	signal proxy KILL
	finish proxy
}

@test "--wait waits for a proxy" {
	closed_port
	by 5
	start client "$SOCKCAT" -v --wait "$BOUND" -x "$ADDRESS:$PORT" \
		"${ARGS[@]}" <<<hello
	within "$BOUND" test -s client.err
	peer_listen proxy listen:"$ADDRESS:$PORT" accept "${ASKED[@]}" \
		"send:$WELL" "${TALK[@]}"
	succeed proxy
	finish client 0
	holds client.out 'welcome\nbye\n'
	[ "$(head -n 1 client.err)" = "sockcat: connect to proxy $ADDRESS port\
 $PORT (tcp) failed: $REFUSED" ]
}

@test "with -w each attempt of --wait has that limit, the answer included" {
	by 5
	proxy accept "${ASKED[@]}" accept "${ASKED[@]}" "send:$WELL" \
		"${TALK[@]}"
	ends 0 "$TOLD" '' -w 4 --wait "$BOUND" -x "$AT" "${ARGS[@]}"
	succeed proxy
}

# --- the way to the proxy -----------------------------------------------------

# network LINE...: 127.0.0.8 to 15 are ours, 2001:db8::8 to f and 192.0.2.8 to
# 15 never answer; and the names of hosts are these.
network() {
	namespace
	requires_ipv6
	inside ip link add here type veth peer name there
	inside ip link set here arp off up
	inside ip link set there up
	inside ip address add 192.0.2.1/24 dev here
	inside ip address add 2001:db8::1/64 dev here nodad
	inside_file /etc/services ''
	inside_file /etc/hosts "$@"
}

# reached_at ADDRESS -- ARG...: a proxy is there, and sockcat finds it so.
reached_at() {
	peer_listen proxy listen:"$1" accept "${ASKED[@]}" "send:$WELL" \
		"${TALK[@]}"
	shift 2
	ends 0 "$TOLD" '' "$@" example.org 80
	succeed proxy
}

@test "a proxy is an address, a name, with or without a port" {
	network '127.0.0.1 localhost' '127.0.0.8 proxy' '::1 six'
	by 5
	reached_at 127.0.0.1:1080 -- -x 127.0.0.1
	reached_at 127.0.0.1:1080 -- -x localhost -X 5
	reached_at 127.0.0.8:1080 -- --proxy=proxy
	reached_at 127.0.0.8:7000 -- -x proxy:7000
	reached_at 127.0.0.8:65535 -- -n -x 127.0.0.8:65535
	reached_at '[::1]:1080' -- -x ::1
	reached_at '[::1]:1080' -- -x '[::1]:1080'
	reached_at '[::1]:7000' -- -x '[::1]:7000'
	reached_at '[::1]:1080' -- -x six
	by connect
	reached_at 127.0.0.8:3128 -- -X connect -x proxy
	reached_at '[::1]:3128' -- -x ::1 -X http
	reached_at '[::1]:1080' -- -X http -x six:1080
	by 4A
	reached_at 127.0.0.8:1080 -- -X 4a -x proxy
}

@test "options of the connection are for that to the proxy" {
	network '::1 both' '127.0.0.8 both' '192.0.2.7 example.org'
	by 5
	reached_at '[::1]:1080' -- -6 -x both
	reached_at 127.0.0.8:1080 -- -4 -x both
	peer_listen proxy listen:127.0.0.8:1080 accept print-peer \
		"${ASKED[@]}" "send:$WELL" "${TALK[@]}"
	ends 0 "$TOLD" '' -s 127.0.0.9 -p 5000 -x both example.org 80
	succeed proxy
	holds proxy.out '127.0.0.9 5000\n'
	ends 3 '' "sockcat: getaddrinfo for host \"both\" port 1080:\
 $NOT_KNOWN" -n -x both example.org 80
	ends 5 '' 'sockcat: bind to 203.0.113.7 port 0 (tcp) failed: *' \
		-s 203.0.113.7 -x 127.0.0.8 example.org 80
	# It has nothing to do with the family of the target.
	by 4
	reached_at '[::1]:1080' -- -6 -x both -X 4
	by 5
	peer_listen proxy listen:127.0.0.8:1080 accept "$GREETING" \
		'send:\x05\0' \
		'expect:\x05\x01\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\x50' \
		"send:$WELL" "${TALK[@]}"
	ends 0 "$TOLD" '' -4 -x both ::1 80
	succeed proxy
}

@test "an address of the proxy that does not answer is overtaken" {
	local began=$SECONDS

	network '2001:db8::8 both' '127.0.0.8 both' '127.0.0.8 refused' \
		'192.0.2.8 dead' '2001:db8::8 dead'
	by 5
	reached_at 127.0.0.8:1080 -- -x both
	peer_listen proxy listen:127.0.0.8:1080 accept "${ASKED[@]}" \
		"send:$WELL" "${TALK[@]}"
	ends 0 "$TOLD" "connect to ?(proxy )both (2001:db8::8) port 1080 (tcp)\
 abandoned: another address answered first
Connected to proxy 127.0.0.8 1080
Connection to example.org 80 port \[tcp/\*] succeeded!
Sent 6 bytes, received 12 bytes" -v -x both example.org 80
	succeed proxy
	ends 4 '' "sockcat: connect to proxy dead (*) port 1080 (tcp) failed:\
 $TIMED_OUT" -w 0.4 -x dead example.org 80
	ends 1 '' "sockcat: connect to proxy refused (127.0.0.8) port 1080 (tcp)\
 failed: $REFUSED" -x refused example.org 80
	ends 3 '' "sockcat: getaddrinfo for host \"a..b\" port 1080:\
 $NOT_KNOWN" -x a..b example.org 80
	((SECONDS - began < BOUND))
}

@test "a proxy may listen on a Unix socket" {
	local kind

	export SOCKCAT_PROXY_PASSWORD=secret
	for kind in 4 4A 5 login connect; do
		by "$kind"
		peer_listen proxy listen:unix:path accept "${ASKED[@]}" \
			"send:${WELL}welcome\n" "${TALK[@]:1}"
		ends 0 "$TOLD" '' -x unix:path "${ARGS[@]}"
		succeed proxy
		rm path
	done
	peer_listen proxy listen:unix:"@proxy.$$" accept "${ASKED[@]}" \
		"send:$WELL" "${TALK[@]}" \
		accept "${ASKED[@]}" "send:$BUSY" close
	ends 0 "$TOLD" "Connected to proxy @proxy.$$
Connection to example.org 80 port \[tcp/@(http|\*)] succeeded!
Sent 6 bytes, received 12 bytes" -v -x unix:"@proxy.$$" "${ARGS[@]}"
	ends 8 '' "sockcat: proxy @proxy.$$ (unix) refused example.org port 80:\
 $BUSY_WORDS" -x unix:"@proxy.$$" "${ARGS[@]}"
	succeed proxy
	ends 1 '' 'sockcat: connect to proxy none (unix) failed: No such file or'\
' directory' -x unix:none example.org 80
	printf -v path %0108d 0
	ends 5 '' "sockcat: path is too long, at most 107 bytes: $path" \
		-x unix:"$path" example.org 80
}

# Where a socket is closed with what was sent to it unread, sending more fails
# at once.
@test "a refusal is told though the proxy does not wait to be asked" {
	local at

	for at in unix:path 127.0.0.1:0; do
		peer_listen proxy listen:"$at" \
			accept 'send:HTTP/1.1 503 Busy\r\n\r\n' close \
			accept 'send:\x05\0\x05\x05\0\x01\0\0\0\0\0\0' close
		[[ $at == unix:* ]] || at=$ADDRESS:$PORT
		ends 8 '' 'sockcat: proxy * refused example.org port 80:'\
' 503 Busy' -X connect -x "$at" example.org 80
		ends 8 '' 'sockcat: proxy * refused example.org port 80:'\
' connection refused' -x "$at" example.org 80
		succeed proxy
	done
}

# --- what goes through --------------------------------------------------------

@test "nothing of stdin is sent, or taken, before the way is open" {
	echo hello >in
	by 5
	proxy accept "$GREETING" expect-silence 'send:\x05\0' "$TO_NAME" \
		expect-silence "send:$WELL" "${TALK[@]}" \
		accept "${ASKED[@]}" expect-silence "send:$BUSY" close
	ends 0 "$TOLD" '' -x "$AT" "${ARGS[@]}"
	start client sh -c '"$@" || cat' sh timeout "$BOUND" "$SOCKCAT" \
		-x "$AT" "${ARGS[@]}" <in
	succeed proxy
	finish client 0
	holds client.out 'hello\n'
	holds client.err \
		"sockcat: $OBJECT refused example.org port 80: $BUSY_WORDS\n"
}

@test "megabytes and ends pass both ways through a proxy" {
	local kind

	bytes 3000000 data
	export SOCKCAT_PROXY_PASSWORD=secret
	for kind in 4A login connect; do
		peer_listen target listen:127.0.0.1:0 accept \
			queue-bytes:2000000 expect-bytes:3000000 expect-eof \
			flush send-bytes:1000000 close
		by "$kind"
		# shellcheck disable=SC2016 # for that shell
		proxy accept "${ASKED[@]}" "send:$WELL" close-listener exec \
			sh -c 'exec "$@" <&3 >&3 3>&-' sh \
			"$SOCKCAT" "$ADDRESS" "$PORT"
		start client "$SOCKCAT" -x "$AT" "${ARGS[@]}" <data
		succeed client proxy target
		same_bytes data client.out
	done
}

@test "a program has the connection, and what is glued to the answer" {
	local kind

	export SOCKCAT_PROXY_PASSWORD=secret
	for kind in 4 5 login connect; do
		by "$kind"
		proxy accept "${ASKED[@]}" "send:${WELL}welcome\n" \
			'expect:heard welcome\n' 'send:more\n' half-close \
			'expect:more\n' expect-eof close
		# shellcheck disable=SC2016 # for that shell
		ends 3 '' 'on stderr' -c 'read -r line; echo "heard $line"
			cat; echo on stderr >&2; exit 3' -x "$AT" "${ARGS[@]}"
		succeed proxy
		proxy accept "${ASKED[@]}" "send:${WELL}welcome\n" half-close \
			'expect:welcome\n' expect-eof close
		ends 0 '' '' -e cat -x "$AT" "${ARGS[@]}"
		succeed proxy
	done
	proxy accept "${ASKED[@]}" "send:$BUSY" close
	ends 8 '' "sockcat: $OBJECT refused *" -e 'touch ran' -x "$AT" \
		"${ARGS[@]}"
	succeed proxy
	[ ! -e ran ]
}

@test "a program is told of the proxy's address, and not of the password" {
	local port

	export SOCKCAT_PROXY_PASSWORD=secret
	by login
	proxy accept print-peer "${ASKED[@]}" "send:$WELL" half-close read-all
	ends 0 '' '' -c 'env | grep -e ^SOCKCAT_[LPR] -e secret | sort' -x "$AT" \
		"${ARGS[@]}"
	succeed proxy
	read -r _ port <proxy.out
	holds proxy.out "127.0.0.1 $port
SOCKCAT_LOCAL_ADDR=127.0.0.1
SOCKCAT_LOCAL_PORT=$port
SOCKCAT_PROTO=tcp
SOCKCAT_REMOTE_ADDR=127.0.0.1
SOCKCAT_REMOTE_PORT=$PORT\n"
}

@test "a signal ends it where the proxy has it wait" {
	local signal

	for signal in HUP INT TERM; do
		rm -f asked
		proxy accept "${CONNECT[@]}" touch:asked expect-eof
		start client unignored "$SOCKCAT" -X connect -x "$AT" \
			example.org 80
		within "$BOUND" test -e asked
		signal client "$signal"
		finish client $((128 + $(kill -l "$signal")))
		holds client.out ''
		holds client.err ''
		succeed proxy
	done
}

# --- passwords ----------------------------------------------------------------

@test "a password is neither in what -v says nor where ps finds it" {
	requires_native 'the arguments of the process are its own'
	local arguments

	export SOCKCAT_PROXY_PASSWORD=secret
	proxy accept "${LOGIN[@]}" touch:asked wait-file:go "send:$OPEN5" \
		"${TALK[@]}"
	start client "$SOCKCAT" -v -P user -x "$AT" example.org 80 <<<hello
	within "$BOUND" test -e asked
	mapfile -d '' arguments <"/proc/${PIDS[client]}/cmdline"
	[[ ${arguments[*]} == *" -v -P user -x $AT example.org 80" ]]
	touch go
	succeed proxy
	finish client 0
	holds client.out 'welcome\nbye\n'
	run ! grep -e secret -e user client.err
	[ "$(grep -cv '^Confined by ' client.err)" -eq 3 ]

	by user
	proxy accept "${ASKED[@]}" 'send:HTTP/1.1 407 No\r\n\r\n' close
	ends 8 '' "Connected to proxy $ADDRESS $PORT
sockcat: $OBJECT refused example.org port 80: 407 No: user or password not\
 accepted" -v -x "$AT" "${ARGS[@]}"
	succeed proxy
}

@test "SOCKS4 takes no password, and the others need none without -P" {
	requires setsid
	by 4
	proxy accept 'expect:\x04\x01\0\x50\xc0\0\x02\x07user\0' "send:$WELL" \
		"${TALK[@]}"
	SOCKCAT=$(wrapper_of setsid -w "$SOCKCAT")
	ends 0 "$TOLD" '' -P user -x "$AT" "${ARGS[@]}"
	succeed proxy
	by 5
	proxy accept "${ASKED[@]}" "send:$WELL" "${TALK[@]}"
	SOCKCAT_PROXY_PASSWORD=secret ends 0 "$TOLD" '' -x "$AT" "${ARGS[@]}"
	succeed proxy
}

# wrapper_of COMMAND...: prints the path of one that runs it, with more
# arguments.
wrapper_of() {
	printf '#!/bin/sh\nexec %s "$@"\n' "${*@Q}" >wrapped
	chmod +x wrapped
	echo "$PWD/wrapped"
}

@test "an empty password is one" {
	export SOCKCAT_PROXY_PASSWORD=
	asks "${LOGIN[@]:0:2}" 'expect:\x01\x04user\0' 'send:\x01\0' \
		"$TO_NAME" "send:$OPEN5" -- -P user example.org 80
	asks 'expect:CONNECT example.org:80 HTTP/1.1\r\nHost: example.org:80\r\n'\
'Proxy-Authorization: Basic dXNlcjo=\r\n\r\n' "send:$OPENED" \
		-- -X connect -P user example.org 80
}

@test "without a password there is no connection" {
	requires setsid
	SOCKCAT=$(wrapper_of setsid -w "$SOCKCAT")
	ends 2 '' "sockcat: no password for 'user': SOCKCAT_PROXY_PASSWORD is not\
 set, and /dev/tty: $NO_TERMINAL" -P user -x 127.0.0.1:1 example.org 80
	ends 2 '' "sockcat: no password for 'user': SOCKCAT_PROXY_PASSWORD is not\
 set, and /dev/tty: $NO_TERMINAL" -z -P user -X connect -x 127.0.0.1:1 \
		example.org 80-82
}

@test "a password that cannot be sent is refused before connecting" {
	local long password

	printf -v long %0256d 0
	export SOCKCAT_PROXY_PASSWORD=$long
	for way in 5 connect; do
		SOCKCAT_PROXY_PASSWORD=$long
		ends 2 '' 'sockcat: the password for the proxy is longer than'\
' 255 bytes' -X "$way" -P user -x 127.0.0.1:1 example.org 80
		for password in $'a\nb' $'a\rb' $'a\n' $'\r' $'a\x01' $'\x7f'; do
			SOCKCAT_PROXY_PASSWORD=$password
			ends 2 '' 'sockcat: the password for the proxy has a'\
' control character' -X "$way" -P user -x 127.0.0.1:1 example.org 80
		done
	done
}

# in_terminal ARG...: sockcat is run in a terminal, into which descriptor 7
# types, and which shows how that has ended, and whether all is as before.
# What it prints goes into files, out and err.
in_terminal() {
	rm -f typed pid terminal.out
	mkfifo typed
	exec 7<>typed
	# shellcheck disable=SC2016 # for the shell in the terminal
	start terminal env --default-signal=INT,HUP,TERM \
		SHELL="$(command -v bash)" SOCKCAT="$SOCKCAT" ARGS="$*" \
		script -qec 'trap : INT
			exec 2>shell.err
			before=$(stty -a)
			sh -c '\''echo $$ >pid; exec $SOCKCAT $ARGS'\'' \
				<in >out 2>err
			echo "ended with $?"
			[ "$(stty -a)" = "$before" ] && echo restored' \
		/dev/null <typed
	if ! within "$BOUND" has_asked; then
		cat -v terminal.out err
		return 1
	fi
}

has_asked() {
	[[ -s terminal.out && $(<terminal.out) == *': ' ]]
}

# has_shown STATUS: no more than that, and what was typed not at all.
has_shown() {
	finish terminal 0
	exec 7>&-
	tr -d '\r\n' <terminal.out >shown
	holds shown "Password of user for the proxy: ended with $1restored"
}

@test "a password is asked for on the terminal, and not shown" {
	local kind

	requires_terminal
	echo hello >in
	for kind in login user; do
		by "$kind"
		proxy accept "${ASKED[@]}" "send:$WELL" "${TALK[@]}"
		in_terminal -x "$AT" "${ARGS[@]}"
		echo secret >&7
		has_shown 0
		succeed proxy
		holds out 'welcome\nbye\n'
		holds err ''
	done
}

@test "a terminal is as it was, however the question has ended" {
	local signal

	requires_terminal
	: >in
	in_terminal -P user -x 127.0.0.1:1 example.org 80
	# What a terminal sends for Ctrl-C.
	printf 'sec\3' >&7
	has_shown 130
	holds err ''
	for signal in HUP TERM; do
		in_terminal -P user -x 127.0.0.1:1 example.org 80
		kill -s "$signal" "$(<pid)"
		has_shown $((128 + $(kill -l "$signal")))
		holds out ''
		holds err ''
	done
}

@test "what is typed is one line, all of it, and not nothing" {
	local long

	requires_terminal
	printf -v long %0256d 0
	: >in
	in_terminal -P user -x 127.0.0.1:1 example.org 80
	echo "$long" >&7
	has_shown 2
	holds err \
		'sockcat: the password for the proxy is longer than 255 bytes\n'
	in_terminal -P user -x 127.0.0.1:1 example.org 80
	echo "$long$long$long" >&7
	has_shown 2
	holds err \
		'sockcat: the password for the proxy is longer than 255 bytes\n'
	in_terminal -P user -x 127.0.0.1:1 example.org 80
	printf 'a\tb\n' >&7
	has_shown 2
	holds err 'sockcat: the password for the proxy has a control character\n'

	in_terminal -P user -x 127.0.0.1:1 example.org 80
	# What a terminal sends for Ctrl-D.
	printf '\4' >&7
	has_shown 2
	# shellcheck disable=SC2053 # a pattern it is
	[[ $(<err) == "sockcat: no password for 'user': SOCKCAT_PROXY_PASSWORD\
 is not set, and /dev/tty: "$CANCELLED ]]

	proxy accept 'expect:\x05\x02\0\x02' 'send:\x05\x02' \
		'expect:\x01\x04user\xff'"${long:1}" 'send:\x01\0' "$TO_NAME" \
		"send:$OPEN5" send:bye close
	in_terminal -P user -x "$AT" example.org 80
	echo "${long:1}" >&7
	has_shown 0
	succeed proxy
	holds out bye
	holds err ''
}

# The limit would have passed before anything was typed.
@test "the time that a question takes is not the proxy's" {
	local silent

	requires_terminal
	peer_listen silent listen:127.0.0.1:0 wait-file:over
	silent=$ADDRESS:$PORT
	by login
	echo hello >in
	proxy accept "${ASKED[@]}" "send:$WELL" "${TALK[@]}"
	in_terminal -w 3 --wait 4 -x "$AT" "${ARGS[@]}"
	ends 4 '' '*did not answer in time' -w 4.1 -x "$silent" example.org 80
	touch over
	echo secret >&7
	has_shown 0
	succeed proxy silent
	holds out 'welcome\nbye\n'
	holds err ''
}

# --- the command line ---------------------------------------------------------

# misused MESSAGE ARG...: it is exit 2, and says this, a pattern.
misused() {
	local message=$1
	shift

	ends 2 '' "sockcat: $message
Try 'sockcat --help'." "$@"
}

@test "what a proxy does not go with is refused" {
	local way

	misused '-X needs -x' -X 5 example.org 80
	misused '-P needs -x' -P user example.org 80
	misused '-x does not fit -l' -l -x 127.0.0.1:1 0
	misused '-x is for streams, not for datagrams' \
		-u -x 127.0.0.1:1 example.org 80
	for way in dgram seqpacket raw; do
		misused '-x is for streams, not for @(datagrams|messages)' \
			--type "$way" -x 127.0.0.1:1 example.org
	done
	misused '-x does not fit a Unix socket' -x 127.0.0.1:1 -U path
	misused '-x does not fit a Unix socket' -x 127.0.0.1:1 unix:path
	for way in 4 4A; do
		misused "--proxy: an IPv6 address does not fit -X $way: '::1'" \
			-X "$way" -x 127.0.0.1:1 ::1 80
		misused "--proxy: an IPv6 address does not fit -X $way: '::1'" \
			-X "$way" -x 127.0.0.1:1 '[::1]:80'
	done
}

@test "a type of proxy that there is not is refused" {
	local type

	for type in foo '' 6 4B socks https 'connect ' 4a5; do
		misused "--proxy-type: '$type' is not one of 4|4A|5|connect" \
			-X "$type" -x 127.0.0.1:1 example.org 80
	done
	misused '--proxy-type requires an argument: *' \
		-x 127.0.0.1:1 example.org 80 -X
}

@test "a proxy that is none is refused" {
	local port

	misused "--proxy: missing host: ''" -x '' example.org 80
	misused "--proxy: missing host: ':1080'" -x :1080 example.org 80
	misused "--proxy: *: '\[::1'" -x '[::1' example.org 80
	misused "--proxy: *: '\[::1]1080'" -x '[::1]1080' example.org 80
	misused "--proxy: *: '\[]:1080'" -x '[]:1080' example.org 80
	misused "--proxy: the path of the proxy is empty: 'unix:'" \
		-x unix: example.org 80
	misused "-s and -p do not fit the path of a proxy: 'unix:path'" \
		-x unix:path -s 127.0.0.1 example.org 80
	misused "-s and -p do not fit the path of a proxy: 'unix:path'" \
		-x unix:path -p 5000 example.org 80
	for port in '' 0 65536 -1 '+1' ' 1' 1x 99999999999; do
		run_sockcat -x "127.0.0.1:$port" example.org 80
		echo "$port: $stderr"
		[ "$status" -eq 2 ]
		[ "$output" = '' ]
		[ "${#stderr_lines[@]}" -eq 2 ]
	done
	ends 2 '' "sockcat: unknown service 'no-such'*" \
		-x 127.0.0.1:no-such example.org 80
	misused '--proxy requires an argument: ADDR\[:PORT]' example.org 80 -x
}

@test "a user that cannot be sent is refused before a password is asked" {
	local long way user

	printf -v long %0256d 0
	for way in 4 4A 5 connect; do
		misused '--proxy-user: *is longer than 255 bytes' -X "$way" \
			-P "$long" -x 127.0.0.1:1 192.0.2.7 80
		for user in $'a\nb' $'\r' $'a\x1b' $'\x7f'; do
			misused '--proxy-user: control character in *' \
				-X "$way" -P "$user" -x 127.0.0.1:1 192.0.2.7 80
		done
	done
	misused "--proxy-user: the user is empty: ''" \
		-P '' -x 127.0.0.1:1 example.org 80
	misused "--proxy-user: a colon does not fit Basic: 'a:b'" \
		-X connect -P a:b -x 127.0.0.1:1 example.org 80
}

@test "a name that cannot be sent is refused before connecting" {
	local long way name

	printf -v long %0256d 0
	for way in 4 4A 5 connect; do
		misused "host name is too long: '$long'" \
			-X "$way" -x 127.0.0.1:1 "$long" 80
		for name in 'a b' $'a\r\nb' ' a' 'a ' $'\x7f'; do
			misused 'the name of the target has a blank or control'\
' character: *' -X "$way" -x 127.0.0.1:1 "$name" 80
		done
	done
	for name in fe80::1%lo ::1::2 a:b; do
		misused "--proxy: no proxy could make anything of the target:\
 '$name'" -x 127.0.0.1:1 "$name" 80
	done
	ends 2 '' "sockcat: unknown service 'no-such'*" \
		-x 127.0.0.1:1 example.org no-such
	ends 2 '' "sockcat: port '0' cannot be connected to*" \
		-x 127.0.0.1:1 example.org 0
}
