#!/usr/bin/env bats
# --stats: one line of JSON that says how it went.

# shellcheck disable=SC2034,SC2153,SC2154 # run and load set them
load lib/helpers

unset SOCKCAT_PROXY_PASSWORD

# The keys in their order, and what a value of each is like.
KEYS=(local remote protocol bytes_up bytes_down messages_up messages_down
	seconds_lookup seconds_connect seconds_first_byte seconds_total end
	status)
STRING='"([^"\\[:cntrl:]]|\\["\\]|\\u00[0-9a-f][0-9a-f]|\\ufffd)*"'
COUNT='(0|[1-9][0-9]*)'
TIME='(0|[1-9][0-9]*)\.[0-9]{6}'
declare -gA KINDS=([local]="$STRING|null" [remote]="$STRING|null"
	[protocol]='"[a-z0-9-]+"' [bytes_up]="$COUNT" [bytes_down]="$COUNT"
	[messages_up]="$COUNT|null" [messages_down]="$COUNT|null"
	[seconds_lookup]="$TIME|null" [seconds_connect]="$TIME|null"
	[seconds_first_byte]="$TIME|null" [seconds_total]="$TIME"
	[end]='"[a-z-]+"' [status]="$COUNT")
# For stats: it was measured, it was a port.
NUMBER='[0-9]*.[0-9]*'
ANY='+([0-9])'

# parse LINE: sets STATS to its values, as they stand there.
parse() {
	local key rest=$1 before='{' value

	declare -gA STATS=()
	for key in "${KEYS[@]}"; do
		if [[ ! $rest =~ ^"$before\"$key\":"(${KINDS[$key]})([,}].*)$ ]]
		then
			echo "no $key where it is looked for: $rest"
			return 1
		fi
		STATS[$key]=${BASH_REMATCH[1]}
		rest=${BASH_REMATCH[-1]}
		before=,
	done
	if [[ $rest != '}' ]]; then
		echo "there is more than these keys: $rest"
		return 1
	fi
}

# in_order: what was measured came one after the other.
in_order() {
	local key last=0 time

	for key in lookup connect first_byte total; do
		time=${STATS[seconds_$key]}
		[[ $time != null ]] || continue
		time=$((10#${time/./}))
		if ((time < last)); then
			echo "seconds_$key came before another"
			return 1
		fi
		last=$time
	done
}

# stats LINE KEY=PATTERN...: it is one of --stats, with these values in it.
stats() {
	local pair line=$1
	shift

	echo "$line"
	LC_ALL=C parse "$line"
	in_order
	for pair; do
		# shellcheck disable=SC2053 # a pattern it is
		if [[ ${STATS[${pair%%=*}]} != ${pair#*=} ]]; then
			echo "it is not $pair"
			return 1
		fi
	done
}

# told_stats NAME KEY=PATTERN...: that was all that it said.
told_stats() {
	local name=$1
	shift

	[ "$(wc -l <"$name.err")" -eq 1 ]
	stats "$(<"$name.err")" "$@"
}

# ends_with STATUS END PATTERN ARG...: after what is like the pattern, sockcat
# ends its standard error with such a line, LAST, which says so.
ends_with() {
	local expected=$1 end=$2 pattern=$3
	shift 3

	run_sockcat --stats "$@" <<<hello
	echo "sockcat $*: status $status, output '$output', stderr '$stderr'"
	[ "$status" -eq "$expected" ]
	LAST=${stderr_lines[-1]}
	stats "$LAST" end="\"$end\"" status="$expected"
	stderr=${stderr%"$LAST"}
	# shellcheck disable=SC2053 # a pattern it is
	[[ ${stderr%$'\n'} == $pattern ]]
}

# What it says where no connection was made.
NOWHERE=(local=null remote=null bytes_up=0 bytes_down=0 seconds_connect=null
	seconds_first_byte=null)

# --- who and how much ---------------------------------------------------------

@test "--stats tells both ends of a connection, and what went each way" {
	local client

	listen_on server --stats 127.0.0.1 0 <<<reply
	start client "$SOCKCAT" --stats "$ADDRESS" "$PORT" <<<hello!
	finish client 0
	finish server 0
	holds client.out 'reply\n'
	holds server.out 'hello!\n'
	told_stats client local="\"127.0.0.1:$ANY\"" \
		remote="\"127.0.0.1:$PORT\"" protocol='"tcp"' bytes_up=7 \
		bytes_down=6 messages_up=null messages_down=null \
		seconds_lookup="$NUMBER" seconds_connect="$NUMBER" \
		seconds_first_byte="$NUMBER" end='"done"' status=0
	client=${STATS[local]}
	told_stats server local="\"127.0.0.1:$PORT\"" remote="$client" \
		protocol='"tcp"' bytes_up=6 bytes_down=7 messages_up=null \
		messages_down=null seconds_lookup="$NUMBER" \
		seconds_connect="$NUMBER" seconds_first_byte="$NUMBER" \
		end='"done"' status=0
}

@test "what did not happen is null" {
	peer_listen server listen:127.0.0.1:0 accept expect:'hello\n' \
		expect-eof close
	start client "$SOCKCAT" --stats "$ADDRESS" "$PORT" <<<hello
	finish client 0
	succeed server
	told_stats client bytes_up=6 bytes_down=0 seconds_first_byte=null \
		end='"done"'
}

@test "--stats has the address of IPv6 in brackets" {
	requires_ipv6
	listen_on server -d --stats ::1 0
	start client "$SOCKCAT" --stats "$ADDRESS" "$PORT" <<<hello
	finish client 0
	finish server 0
	told_stats client local="\"[[]::1]:$ANY\"" remote="\"[[]::1]:$PORT\"" \
		protocol='"tcp"' bytes_up=6 bytes_down=0
	told_stats server local="\"[[]::1]:$PORT\"" remote="\"[[]::1]:$ANY\"" \
		protocol='"tcp"' bytes_up=0 bytes_down=6
}

@test "--stats keeps the scope of an address" {
	requires_native 'it swaps the scope of an address'
	requires_ipv6
	namespace
	inside ip address add fe80::1/64 dev lo nodad
	listen_on server -d --stats fe80::1%lo 0
	start client "$SOCKCAT" --stats "[fe80::1%lo]:$PORT" <<<hello
	finish client 0
	finish server 0
	told_stats client remote="\"[[]fe80::1%lo]:$PORT\"" \
		local="\"[[]fe80::1%lo]:$ANY\""
	told_stats server local="\"[[]fe80::1%lo]:$PORT\"" \
		remote="\"[[]fe80::1%lo]:$ANY\""
}

@test "an IPv4 client of a listener for both is told as IPv4" {
	requires_ipv6
	listen_on server -d --stats 0
	[ "$ADDRESS" = :: ]
	run_sockcat 127.0.0.1 "$PORT" <<<hello
	[ "$status" -eq 0 ]
	finish server 0
	told_stats server remote="\"127.0.0.1:$ANY\"" \
		local="\"127.0.0.1:$PORT\"" protocol='"tcp"' bytes_down=6
}

@test "what --stats tells as remote can be connected to" {
	peer_listen server listen:127.0.0.1:0 accept expect:one expect-eof \
		close accept expect:two expect-eof close
	start client "$SOCKCAT" --stats localhost:"$PORT" -4 < <(printf one)
	finish client 0
	told_stats client
	run_sockcat "${STATS[remote]//\"/}" < <(printf two)
	[ "$status" -eq 0 ]
	succeed server
}

@test "datagrams are counted, empty ones too" {
	printf 'one\n\ntwo\n' >in
	peer_listen server listen:udp:127.0.0.1:0 accept print-messages:3 \
		send:a send:''
	start client "$SOCKCAT" -u --stats -W 2 -w "$BOUND" --line-datagrams \
		"$ADDRESS" "$PORT" <in
	finish client 0
	succeed server
	holds client.out a
	told_stats client local="\"127.0.0.1:$ANY\"" \
		remote="\"127.0.0.1:$PORT\"" protocol='"udp"' bytes_up=6 \
		bytes_down=1 messages_up=3 messages_down=2 \
		seconds_lookup="$NUMBER" seconds_connect="$NUMBER" \
		seconds_first_byte="$NUMBER" end='"limit"' status=0
}

@test "a listener's connection begins with its first datagram" {
	listen_on server -u --stats -W 2 127.0.0.1 0
	peer client connect:udp:"$ADDRESS:$PORT" send:'' send:ab
	succeed client
	finish server 0
	holds server.out ab
	told_stats server local="\"127.0.0.1:$PORT\"" \
		remote="\"127.0.0.1:$ANY\"" protocol='"udp"' bytes_up=0 \
		bytes_down=2 messages_up=0 messages_down=2 \
		seconds_connect="$NUMBER" seconds_first_byte="$NUMBER" \
		end='"limit"' status=0
}

@test "a listener for everyone's datagrams has no connection to tell of" {
	mkfifo in
	exec 7<>in
	listen_on server -u -k --stats -W 3 127.0.0.1 0 <in
	peer one connect:udp:"$ADDRESS:$PORT" send:one send:''
	succeed one
	until_holds server.out one
	echo answer >&7
	peer two from:udp:127.0.0.2:0 connect:udp:"$ADDRESS:$PORT" send:two
	succeed two
	finish server 0
	holds server.out onetwo
	# The last sender is who an answer would go to.
	told_stats server local="\"127.0.0.1:$PORT\"" \
		remote="\"127.0.0.2:$ANY\"" protocol='"udp"' bytes_down=6 \
		messages_down=3 seconds_connect=null \
		seconds_first_byte="$NUMBER" end='"limit"' status=0
}

@test "a Unix socket is told by its path, one without a name as null" {
	listen_on server --stats -U path <<<reply
	start client "$SOCKCAT" --stats -U path <<<hello!
	finish client 0
	finish server 0
	told_stats client local=null remote='"path"' protocol='"unix"' \
		bytes_up=7 bytes_down=6 messages_up=null messages_down=null \
		seconds_connect="$NUMBER" seconds_first_byte="$NUMBER" \
		end='"done"' status=0
	told_stats server local='"path"' remote=null protocol='"unix"' \
		bytes_up=6 bytes_down=7 messages_up=null messages_down=null \
		seconds_connect="$NUMBER" end='"done"' status=0
}

@test "an abstract name is told with its @" {
	local name=@stats.$$.$BATS_TEST_NUMBER

	listen_on server -d --stats -U "$name"
	start client "$SOCKCAT" --stats -U "$name" <<<hello
	finish client 0
	finish server 0
	told_stats client local=null remote="\"$name\"" protocol='"unix"'
	told_stats server local="\"$name\"" remote=null protocol='"unix"'
}

@test "the messages of Unix sockets are counted" {
	listen_on server -d --stats -U --type seqpacket path
	peer client connect:unix-seqpacket:path send:one send:two close
	succeed client
	finish server 0
	told_stats server local='"path"' remote=null protocol='"unix"' \
		bytes_down=6 messages_up=0 messages_down=2 end='"done"'

	listen_on server -uU --stats -W 3 path
	peer client from:unix-dgram:mine connect:unix-dgram:path send:one \
		send:'' send:two
	succeed client
	finish server 0
	told_stats server local='"path"' remote='"mine"' protocol='"unix"' \
		bytes_down=6 messages_up=0 messages_down=3 end='"limit"'

	peer_listen server listen:unix-dgram:datagrams accept print-messages:2
	start client "$SOCKCAT" --stats -uU -q 0 --line-datagrams datagrams \
		< <(printf 'one\ntwo\n')
	finish client 0
	succeed server
	told_stats client remote='"datagrams"' bytes_up=6 messages_up=2 \
		messages_down=0 end='"quit"' status=0
}

@test "--stats names the protocol" {
	if ! grep -q '^MPTCP ' /proc/net/protocols ||
		[[ $(</proc/sys/net/mptcp/enabled) != 1 ]]; then
		skip "needs MPTCP that is turned on"
	fi
	listen_on server -d --stats --protocol mptcp 127.0.0.1 0
	start client "$SOCKCAT" --stats --protocol mptcp 127.0.0.1 "$PORT" \
		<<<hello
	finish client 0
	finish server 0
	told_stats client remote="\"127.0.0.1:$PORT\"" protocol='"mptcp"' \
		bytes_up=6 messages_up=null
	told_stats server protocol='"mptcp"' bytes_down=6 messages_down=null
}

# An ICMP echo request: code 0, checksum, identifier 0x1234, number 1, "ping".
@test "the address of a raw socket has no port" {
	namespace
	printf '\010\000\006\372\0224\000\001ping' >request
	start client "$SOCKCAT" --stats --type raw --protocol icmp \
		-s 127.0.0.2 -W 1 127.0.0.1 <request
	finish client 0
	told_stats client local='"127.0.0.2"' remote='"127.0.0.1"' \
		protocol='"icmp"' bytes_up=12 bytes_down=32 messages_up=1 \
		messages_down=1 end='"limit"' status=0
}

# --- bytes --------------------------------------------------------------------

# through SOURCE SINK: so many bytes each way are counted, however they go.
through() {
	local source=$1 sink=$2

	echo "from a $source, to a $sink"
	peer_listen server listen:127.0.0.1:0 accept queue-bytes:3000001 \
		expect-bytes:2000003 expect-eof flush close
	case $source-$sink in
	file-file) start client "$SOCKCAT" --stats "$ADDRESS" "$PORT" <up ;;
	file-pipe) start client into_pipe "$SOCKCAT" --stats \
		"$ADDRESS" "$PORT" <up ;;
	pipe-null) start client to /dev/null "$SOCKCAT" --stats \
		"$ADDRESS" "$PORT" < <(cat up) ;;
	pipe-pipe) start client into_pipe "$SOCKCAT" --stats \
		"$ADDRESS" "$PORT" < <(cat up) ;;
	esac
	finish client 0
	succeed server
	told_stats client bytes_up=2000003 bytes_down=3000001 end='"done"'
	[[ $sink == null ]] || same_bytes down client.out
}

into_pipe() {
	"$@" | cat
	return "${PIPESTATUS[0]}"
}

@test "what the kernel copies is counted as well" {
	bytes 2000003 up
	bytes 3000001 down
	through file file
	through file pipe
	through pipe null
	through pipe pipe
}

@test "what is counted is what went over the network, and to stdout" {
	peer_listen server listen:127.0.0.1:0 accept expect:'a\r\nb\r\n' \
		expect-eof close
	start client "$SOCKCAT" --stats -C "$ADDRESS" "$PORT" \
		< <(printf 'a\nb\n')
	finish client 0
	succeed server
	told_stats client bytes_up=6

	peer_listen server listen:127.0.0.1:0 accept \
		send:'a\xff\xfd\x01b\xff\xff' expect:'\xff\xfc\x01' \
		touch:answered expect:'\xff\xff' expect-eof close
	start client "$SOCKCAT" --stats -t "$ADDRESS" "$PORT" \
		< <(after answered printf '\xff')
	finish client 0
	succeed server
	holds client.out 'ab\xff'
	told_stats client bytes_up=5 bytes_down=3
}

@test "what --send-only drops is not counted" {
	peer_listen server listen:unix:path accept send:reply wait-read \
		touch:sent expect:hello expect-eof close
	start client "$SOCKCAT" --stats --send-only -U path \
		< <(after sent printf hello)
	finish client 0
	succeed server
	holds client.out ''
	told_stats client bytes_up=5 bytes_down=0 end='"done"' status=0
}

@test "what stdout did not take is not counted" {
	peer_listen server listen:127.0.0.1:0 accept send:reply expect-eof
	start client to /dev/full "$SOCKCAT" --stats "$ADDRESS" "$PORT"
	finish client 7
	succeed server
	[ "$(head -n 1 client.err)" = \
		'sockcat: write to stdout: No space left on device' ]
	stats "$(tail -n +2 client.err)" bytes_up=0 bytes_down=0 \
		seconds_first_byte="$NUMBER" end='"local"' status=7
}

@test "bytes that went before a reset are counted" {
	mkfifo in
	exec 7<>in
	echo hello >&7
	peer_listen server listen:127.0.0.1:0 accept send:reply \
		expect:'hello\n' wait-file:seen reset
	start client "$SOCKCAT" --stats "$ADDRESS" "$PORT" <in
	until_holds client.out reply
	touch seen
	finish client 6
	succeed server
	[[ $(head -n 1 client.err) == 'sockcat: connection to '*' lost: '* ]]
	stats "$(tail -n +2 client.err)" remote="\"127.0.0.1:$PORT\"" \
		bytes_up=6 bytes_down=5 end='"lost"' status=6
}

# --- names --------------------------------------------------------------------

# named PATH JSON: this is how it is told, by the client and by the listener.
named() {
	local path=$1 json=$2

	rm -f -- "$path" listening
	start server "$SOCKCAT" -d -l --stats --announce listening -U "$path"
	within "$BOUND" test -s listening
	start client "$SOCKCAT" --stats -U "$path" <<<hello
	finish client 0
	finish server 0
	told_stats client remote='*'
	[ "${STATS[remote]}" = "$json" ]
	told_stats server local='*'
	[ "${STATS[local]}" = "$json" ]
	cat client.err server.err >>named
}

# all_json: what named was told is, if there is somebody to ask.
all_json() {
	! command -v python3 >/dev/null || is_json named
}

# is_json FILE: each line is an object, in UTF-8, with these keys in order.
is_json() {
	python3 -c '
import json, sys
for line in open(sys.argv[1], "rb"):
    pairs = json.loads(line.decode("utf-8"), object_pairs_hook=list)
    assert [key for key, value in pairs] == sys.argv[2:], pairs
    for key, value in pairs:
        kinds = {"l": str, "r": str, "p": str, "e": str}.get(key[0], int)
        if key.startswith("seconds_"):
            kinds = float
        assert value is None or type(value) is kinds, (key, value)
' "$1" "${KEYS[@]}"
}

@test "a name with quotes, backslashes or control bytes is valid JSON" {
	named 'a"b' '"a\"b"'
	named $'a\\b\\' '"a\\b\\"'
	named $'a\x01\x1f\t\nb\x7f' '"a\u0001\u001f\u0009\u000ab\u007f"'
	named ' .}{],:' '" .}{],:"'
	named '"\u0041"' '"\"\\u0041\""'
	all_json
}

@test "a name in UTF-8 stays as it is" {
	named $'\xc3\xa9' $'"\xc3\xa9"'
	named $'\xe2\x82\xac \xf0\x9f\x90\xb1' $'"\xe2\x82\xac \xf0\x9f\x90\xb1"'
	named $'\xef\xbf\xbd' $'"\xef\xbf\xbd"'
	all_json
}

@test "bytes of a name that are not UTF-8 are told as such" {
	# A byte that is never one, one that goes on with nothing, one with
	# which nothing goes on, in the middle and at the end.
	named $'a\xffb' '"a\ufffdb"'
	named $'\x80' '"\ufffd"'
	named $'\xc3(' '"\ufffd("'
	named $'a\xc3' '"a\ufffd"'
	# Longer than need be, half of a pair, and beyond the last.
	named $'\xc0\xaf' '"\ufffd\ufffd"'
	named $'\xe0\x80\xaf' '"\ufffd\ufffd\ufffd"'
	named $'\xed\xa0\x80' '"\ufffd\ufffd\ufffd"'
	named $'\xf4\x90\x80\x80' '"\ufffd\ufffd\ufffd\ufffd"'
	named $'\xf5\x80\x80\x80' '"\ufffd\ufffd\ufffd\ufffd"'
	named $'\xf8\x88\x80\x80\x80' '"\ufffd\ufffd\ufffd\ufffd\ufffd"'
	named $'\xc3\xa9\xff\xc3\xa9' $'"\xc3\xa9\\ufffd\xc3\xa9"'
	all_json
}

@test "a cut character at the end of the longest path stays within its name" {
	local long

	printf -v long '%0105d' 0
	named "$long"$'\xe2\x82' "\"$long\\ufffd\\ufffd\""
}

@test "what python reads is what --stats has to say" {
	requires python3
	listen_on server -d --stats 127.0.0.1 0
	start client "$SOCKCAT" --stats "$ADDRESS" "$PORT" <<<hello
	finish client 0
	finish server 0
	is_json client.err
	is_json server.err
	run python3 -c '
import json
s = json.load(open("client.err"))
print(s["bytes_up"], s["messages_up"], s["end"], s["status"],
      0 <= s["seconds_lookup"] <= s["seconds_connect"] <= s["seconds_total"])'
	[ "$status" -eq 0 ]
	[ "$output" = '6 None done 0 True' ]
}

# --- how it ended -------------------------------------------------------------

@test "ended in order it is done" {
	listen_on server -d 127.0.0.1 0
	ends_with 0 'done' '' 127.0.0.1 "$PORT"
	[ "$output" = '' ]
	succeed server
}

@test "ended by -q it has quit" {
	peer_listen server listen:127.0.0.1:0 accept wait-file:over
	ends_with 0 quit '' -q 0.1 127.0.0.1 "$PORT"
	touch over
	succeed server
	listen_on server -u -k 127.0.0.1 0
	ends_with 0 quit '' -u 127.0.0.1 "$PORT"
	ends_with 0 quit '' -u -q 0 127.0.0.1 "$PORT"
	signal server TERM
	finish server 143
}

@test "ended by what -w allows for an answer it was idle, but well" {
	peer_listen server listen:127.0.0.1:0 accept wait-file:over
	ends_with 0 idle '' -w 0.2 127.0.0.1 "$PORT"
	touch over
	succeed server
}

@test "idle for too long it was idle" {
	local options

	for options in '--idle-timeout 0.2' '-w 0.2'; do
		rm -f over in
		mkfifo in
		exec 7<>in
		echo hello >&7
		peer_listen server listen:127.0.0.1:0 accept wait-file:over
		# shellcheck disable=SC2086 # they are words
		start client "$SOCKCAT" --stats $options \
			"$ADDRESS" "$PORT" <in
		finish client 4
		touch over
		succeed server
		[[ $(head -n 1 client.err) == *': idle for too long' ]]
		stats "$(tail -n +2 client.err)" bytes_up=6 end='"idle"' \
			status=4
	done
}

@test "at its deadline it says so" {
	peer_listen server listen:127.0.0.1:0 accept wait-file:over
	ends_with 4 deadline 'sockcat: connection to 127.0.0.1 port '\
'*: deadline passed' --deadline 0.2 127.0.0.1 "$PORT"
	stats "$LAST" bytes_up=6 remote="\"127.0.0.1:$PORT\""
	touch over
	succeed server
	ends_with 4 deadline 'sockcat: no client on *' -l --deadline 0.2 \
		127.0.0.1 0
	stats "$LAST" remote=null seconds_connect=null
}

@test "without a connection in time it timed out" {
	peer_listen server backlog:0 listen:127.0.0.1:0 wait-file:over
	peer first connect:"$ADDRESS:$PORT" touch:full wait-file:over
	within "$BOUND" test -e full
	ends_with 4 timeout 'sockcat: connect to *timed out' \
		-w 0.2 127.0.0.1 "$PORT"
	stats "$LAST" "${NOWHERE[@]}" seconds_lookup="$NUMBER"
	ends_with 4 deadline 'sockcat: connect to *timed out' \
		--deadline 0.2 127.0.0.1 "$PORT"
	stats "$LAST" "${NOWHERE[@]}" seconds_lookup="$NUMBER"
	touch over
	succeed server first
	ends_with 4 timeout 'sockcat: no client on *' -l --accept-timeout 0.2 \
		127.0.0.1 0
	stats "$LAST" remote=null seconds_connect=null
	ends_with 4 timeout 'sockcat: gave up waiting: *' --wait 0.2 \
		127.0.0.1 1
	stats "$LAST" "${NOWHERE[@]}"
}

@test "with fewer messages than -W asks for it timed out" {
	listen_on server -u 127.0.0.1 0
	ends_with 4 timeout 'sockcat: *' -u -W 2 -w 0.2 127.0.0.1 "$PORT"
	stats "$LAST" bytes_up=6 messages_up=1 messages_down=0
	signal server TERM
	finish server 143
}

# nowhere_to_ask: a lookup in the test's network is not answered.
nowhere_to_ask() {
	namespace
	inside_file /etc/resolv.conf 'nameserver 127.0.0.1' \
		'options timeout:30'
	[[ ! -e /etc/nsswitch.conf ]] ||
		inside_file /etc/nsswitch.conf 'hosts: files dns'
	peer dns bind:udp:127.0.0.1:53 touch:deaf wait-file:over
	within "$BOUND" test -e deaf
}

@test "a lookup that is not answered is told of, too" {
	nowhere_to_ask
	ends_with 4 timeout 'sockcat: getaddrinfo for host "dark.example" port'\
' 80: timed out' -w 0.3 dark.example 80
	stats "$LAST" "${NOWHERE[@]}" protocol='"tcp"' \
		seconds_lookup=null seconds_total='@([0-9].[2-9]|[1-9])*'
	ends_with 4 deadline 'sockcat: getaddrinfo for host "dark.example"'\
' port 80: timed out' --deadline 0.3 dark.example 80
	stats "$LAST" "${NOWHERE[@]}" seconds_lookup=null
	ends_with 4 timeout 'sockcat: *' -u --wait 0.3 dark.example 80
	stats "$LAST" "${NOWHERE[@]}" protocol='"udp"' \
		seconds_lookup=null
	touch over
	succeed dns
}

@test "a signal in a lookup ends it without a line" {
	nowhere_to_ask
	start client "$SOCKCAT" --stats dark.example 80
	within "$BOUND" has_asked
	signal client TERM
	finish client 143
	holds client.out ''
	holds client.err ''
	touch over
	succeed dns
}

# Something waits in there to be read from port 53.
has_asked() {
	inside cat /proc/net/udp |
		awk '$2 == "0100007F:0035" && $5 !~ /:0+$/ { asked = 1 }
			END { exit !asked }'
}

# dies_of SIGNAL STATUS: in the middle of a transfer, which it tells of.
dies_of() {
	rm -f in
	mkfifo in
	exec 7<>in
	peer_listen server listen:127.0.0.1:0 accept send:reply expect-eof
	start client env --default-signal=INT,HUP,TERM "$SOCKCAT" --stats \
		"$ADDRESS" "$PORT" <in
	until_holds client.out reply
	signal client "$1"
	finish client "$2"
	succeed server
	told_stats client remote="\"127.0.0.1:$PORT\"" bytes_up=0 \
		bytes_down=5 end='"signal"' status="$2"
}

@test "a signal that ends it is told of" {
	dies_of TERM 143
	dies_of INT 130
	dies_of HUP 129
}

@test "a signal that ends a wait for a client is told of" {
	listen_on server --stats 127.0.0.1 0
	signal server TERM
	finish server 143
	told_stats server remote=null seconds_connect=null end='"signal"' \
		status=143
}

@test "a signal that ends many datagrams is told of" {
	listen_on server -u -k --stats 127.0.0.1 0
	peer client connect:udp:"$ADDRESS:$PORT" send:one send:two
	succeed client
	until_holds server.out onetwo
	signal server TERM
	finish server 143
	told_stats server bytes_down=6 messages_down=2 end='"signal"' \
		status=143
}

# What came is no reason for the end where the end is that it was not taken.
@test "the number of -W is no end where it was not written in time" {
	full_pipe out
	start_announced server to out "$PEER" timeout:"$BOUND" \
		announce:server.announce listen:udp:127.0.0.1:0 wait-file:sent \
		exec "$SOCKCAT" -u -l --fd 3 --stats -W 1 --deadline 0.5
	peer client connect:udp:"$ADDRESS:$PORT" send:hello touch:sent
	succeed client
	finish server 4
	[[ $(head -n 1 server.err) == 'sockcat: '*': deadline passed' ]]
	stats "$(tail -n +2 server.err)" bytes_down=0 messages_down=1 \
		end='"deadline"' status=4
}

@test "a reader that has gone is a broken pipe" {
	mkfifo in
	exec 7<>in
	peer_listen server listen:127.0.0.1:0 accept send:'one\ntwo\n' \
		expect-eof
	start client first_line env --default-signal=PIPE "$SOCKCAT" --stats \
		"$ADDRESS" "$PORT" <in
	finish client 141
	succeed server
	holds client.out 'one\n'
	told_stats client bytes_down=8 end='"broken-pipe"' status=141

	peer_listen server listen:127.0.0.1:0 accept send:'one\ntwo\n' \
		expect-eof
	start client first_line env --ignore-signal=PIPE "$SOCKCAT" --stats \
		"$ADDRESS" "$PORT" <in
	finish client 7
	succeed server
	[ "$(head -n 1 client.err)" = \
		'sockcat: write to stdout: Broken pipe' ]
	stats "$(tail -n +2 client.err)" bytes_down=8 end='"broken-pipe"' \
		status=7
}

@test "what the status says is said in a word" {
	ends_with 1 refused 'sockcat: connect to 127.0.0.1 port 1 (tcp) failed:'\
' Connection refused' 127.0.0.1 1
	stats "$LAST" "${NOWHERE[@]}" protocol='"tcp"' \
		seconds_lookup="$NUMBER"
	ends_with 1 refused 'sockcat: connect to none (unix) failed: No such'\
' file or directory' -U none
	stats "$LAST" "${NOWHERE[@]}" protocol='"unix"'
	ends_with 2 usage "sockcat: unknown service 'no-such'" \
		127.0.0.1 no-such
	stats "$LAST" "${NOWHERE[@]}"
	ends_with 3 not-found 'sockcat: getaddrinfo for host "no name" port 1:'\
' *' -n 'no name' 1
	stats "$LAST" "${NOWHERE[@]}" seconds_lookup=null
	ends_with 5 setup 'sockcat: bind to 203.0.113.7 port 0 (tcp) failed:'\
' *' -s 203.0.113.7 127.0.0.1 1
	stats "$LAST" "${NOWHERE[@]}"
	ends_with 5 setup 'sockcat: listen on 203.0.113.7 port 0 (tcp) failed:'\
' *' -l 203.0.113.7 0
	stats "$LAST" remote=null seconds_connect=null
	listen_on server -d 127.0.0.1 0
	run_sockcat --stats 127.0.0.1 "$PORT" <.
	[ "$status" -eq 7 ]
	[ "${stderr_lines[0]}" = 'sockcat: read from stdin: Is a directory' ]
	stats "${stderr_lines[1]}" bytes_up=0 end='"local"' status=7
	succeed server
}

@test "a port that refuses datagrams is told as refused" {
	closed_port
	ends_with 1 refused 'sockcat: * port * (udp) failed: Connection refused' \
		-u 127.0.0.1 "$PORT"
	stats "$LAST" protocol='"udp"'
}

@test "a usage error of the command line is no end to tell of" {
	refused "unknown option '-j'" --stats -j
	refused "invalid port '80x'" --stats 127.0.0.1 80x
	run_sockcat --stats --version
	[ "$status" -eq 0 ]
	[ "$stderr" = '' ]
}

@test "through a proxy remote is the proxy" {
	peer_listen proxy listen:127.0.0.1:0 accept expect:'\x05\x01\0' \
		send:'\x05\0' expect:'\x05\x01\0\x03\x0bexample.org\0\x50' \
		send:'\x05\0\0\x01\0\0\0\0\0\0' expect:'hello\n' \
		send:'welcome\n' expect-eof close
	start client "$SOCKCAT" --stats -x "127.0.0.1:$PORT" example.org 80 \
		<<<hello
	finish client 0
	succeed proxy
	holds client.out 'welcome\n'
	told_stats client local="\"127.0.0.1:$ANY\"" \
		remote="\"127.0.0.1:$PORT\"" protocol='"tcp"' bytes_up=6 \
		bytes_down=8 seconds_lookup="$NUMBER" \
		seconds_connect="$NUMBER" seconds_first_byte="$NUMBER" \
		end='"done"' status=0

	peer_listen proxy listen:unix:proxy accept expect:'\x05\x01\0' \
		send:'\x05\0' expect:'\x05\x01\0\x03\x0bexample.org\0\x50' \
		send:'\x05\0\0\x01\0\0\0\0\0\0' expect:'hello\n' expect-eof \
		close
	start client "$SOCKCAT" --stats -x unix:proxy example.org 80 <<<hello
	finish client 0
	succeed proxy
	told_stats client local=null remote='"proxy"' bytes_up=6 end='"done"'
}

@test "a proxy that refuses is told as a proxy" {
	peer_listen proxy listen:127.0.0.1:0 accept expect:'\x05\x01\0' \
		send:'\x05\xff' expect-eof
	ends_with 8 proxy 'sockcat: *' -x "127.0.0.1:$PORT" example.org 80
	stats "$LAST" bytes_up=0 bytes_down=0 seconds_connect=null
	succeed proxy
}

@test "of --wait the try that went well is told" {
	start client "$SOCKCAT" --stats -v --wait "$BOUND" -U path <<<hello
	within "$BOUND" grep -qs 'No such file' client.err
	peer_listen server listen:unix:path accept expect:'hello\n' expect-eof \
		close
	finish client 0
	succeed server
	stats "$(tail -n 1 client.err)" remote='"path"' bytes_up=6 \
		seconds_connect="$NUMBER" end='"done"' status=0
}

# --- many clients -------------------------------------------------------------

@test "with -k there is a line for each client, and none for the listener" {
	local i

	listen_on server -k -d --stats 127.0.0.1 0
	for i in 1 2 3; do
		peer client connect:"$ADDRESS:$PORT" send:"number $i" half-close \
			expect-eof close
		succeed client
		within "$BOUND" has_lines server.err "$i"
		stats "$(tail -n 1 server.err)" local="\"127.0.0.1:$PORT\"" \
			remote="\"127.0.0.1:$ANY\"" protocol='"tcp"' \
			bytes_up=0 bytes_down=8 seconds_lookup=null \
			seconds_connect=null seconds_first_byte="$NUMBER" \
			end='"done"' status=0
	done
	signal server TERM
	finish server 143
	has_lines server.err 3
}

# has_lines FILE N: just so many
has_lines() {
	[ "$(wc -l <"$1")" -eq "$2" ]
}

@test "with -k each client has an end and a time of its own" {
	listen_on server -k -d --stats 127.0.0.1 0
	peer first connect:"$ADDRESS:$PORT" send:one touch:there wait-file:over \
		reset
	within "$BOUND" test -e there
	peer second connect:"$ADDRESS:$PORT" send:two half-close expect-eof \
		close
	succeed second
	within "$BOUND" has_lines server.err 1
	stats "$(<server.err)" bytes_down=3 end='"done"' status=0
	touch over
	succeed first
	within "$BOUND" has_lines server.err 3
	[[ $(sed -n 2p server.err) == *' lost: '* ]]
	stats "$(sed -n 3p server.err)" bytes_down=3 end='"lost"' status=6
	signal server TERM
	finish server 143
}

@test "with -k a signal ends the clients' lines, too" {
	listen_on server -k -d --stats 127.0.0.1 0
	peer client connect:"$ADDRESS:$PORT" send:one discard-all
	until_holds server.out one
	signal server TERM
	finish server 143
	finish client
	within "$BOUND" has_lines server.err 1
	stats "$(<server.err)" bytes_down=3 end='"signal"' status=143
}

# --- other lines --------------------------------------------------------------

@test "--stats comes after all other lines" {
	listen_on server -d -v --stats 127.0.0.1 0
	start client "$SOCKCAT" -v --stats "$ADDRESS" "$PORT" <<<hello
	finish client 0
	finish server 0
	stats "$(tail -n 1 client.err)" bytes_up=6
	stats "$(tail -n 1 server.err)" bytes_down=6
	sed -i '$d' client.err server.err
	told client.err "Connection to 127.0.0.1 $PORT port [tcp/*] succeeded!\n\
Sent 6 bytes, received 0 bytes\n"
	[[ $(tail -n 1 server.err) == 'Sent 0 bytes, received 6 bytes' ]]
}

@test "where nobody can be told, all goes as ever" {
	local where

	for where in '2>&-' '2>/dev/full' '2>&- >&- <&-'; do
		listen_on server -d 127.0.0.1 0
		start client redirected "$where" "$SOCKCAT" --stats \
			"$ADDRESS" "$PORT" < <(printf hello)
		finish client 0
		succeed server
	done
	holds server.out ''
}

@test "TERM ends a wait for who should read the line" {
	full_pipe err
	peer_listen server listen:127.0.0.1:0 accept expect:hello expect-eof \
		send:world close
	mkfifo in
	start feeder to in printf hello
	start client redirected '2>err' "$SOCKCAT" --stats \
		"$ADDRESS" "$PORT" <in
	succeed feeder server
	within "$BOUND" is_over client
	is_running client
	signal client TERM
	finish client 143
	holds client.out world
}

# is_over NAME: "in", which is its stdin and which it has opened anew, it has
# closed again, and nothing but the line is left to be done.
is_over() {
	local fd

	for fd in "/proc/${PIDS[$1]}/fd/"*; do
		if [[ ${fd##*/} != 0 && $fd -ef in ]]; then
			return 1
		fi
	done
}

@test "--stats does not fit what makes no transfer" {
	refused '--stats does not fit -e: the program transfers' --stats -e cat 127.0.0.1 1
	refused '--stats does not fit -c: the command transfers' --stats -c cat 127.0.0.1 1
	refused '--stats does not fit -F: the connection is passed on' --stats -F 127.0.0.1 1
	refused '--stats tells of a connection, which -z does not keep' \
		--stats -z 127.0.0.1 1
	refused '--stats does not fit -e: the program transfers' --stats -lk -e cat 127.0.0.1 0
}
