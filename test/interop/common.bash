# shellcheck shell=bash disable=SC2034,SC2154 # some is set here, or by helpers
#
# What the tests of this directory share, beside lib/helpers, which they have
# through it.  In a conversation sockcat is "ours", the other program "theirs";
# the file up is what sockcat sends, the file down what it gets.
#
#	speak FIFO STEP...       writes files into the FIFO; a step +FILE waits
#	                         until there is such a file
#	until_bound NAME KIND    waits until the process NAME has a socket to be
#	                         reached by; sets PORT.  KIND is tcp or udp
#	until_bound_at NAME PATH KIND  the same with a Unix socket, @NAME for an
#	                         abstract one.  KIND is stream, dgram, seqpacket
#	serve NAME KIND COMMAND...  starts a server that wants to be told its
#	                         port: PORT among its words is a free one, and
#	                         another where somebody else was faster.  It may
#	                         be a function too, which finds it in $PORT
#	stop_ours NAME...        as "stop", of sockcat, which has said nothing
#	fetch NAME ARG...        curl with these, as NAME; it succeeds

load ../lib/helpers

SIZE=10485760 # bytes, each way

# Servers are where a user's path does not lead.
PATH=$PATH:/usr/sbin:/sbin

speak() {
	local fifo=$1 step
	shift

	exec >"$fifo"
	for step; do
		case $step in
		+*) "$PEER" timeout:"$BOUND" wait-file:"${step#+}" || return ;;
		*) cat "$step" || return ;;
		esac
	done
}

until_bound() {
	within "$BOUND" bound_or_ended "$@"
	is_bound "$@"
}

bound_or_ended() {
	is_bound "$@" || has_ended "$1"
}

# is_bound NAME KIND [PORT]: whether the process is, there or anywhere; sets
# PORT.  A socket that only connects, or is connected, does not count.
is_bound() {
	local -
	set +T
	local address port state inode listens=0A sockets

	[[ $2 == tcp ]] || listens=07
	sockets=$(sockets_of "$1")
	while read -r _ address _ state _ _ _ _ _ inode _; do
		if [[ $state == "$listens" && $sockets == *"[$inode]"* ]]; then
			port=$((16#${address##*:}))
			if [[ ${3:-$port} -eq $port ]]; then
				PORT=$port
				return
			fi
		fi
	done < <(cat "/proc/net/$2" "/proc/net/${2}6" 2>/dev/null)
	return 1
}

sockets_of() {
	readlink "/proc/${PIDS[$1]}/fd/"* 2>/dev/null || true
}

until_bound_at() {
	within "$BOUND" is_bound_at "$@"
}

# Of the flags only that it listens is ever set.
is_bound_at() {
	local -
	set +T
	local flags type inode path sockets wanted

	case $3 in
	stream) wanted='00010000 0001' ;;
	dgram) wanted='00000000 0002' ;;
	seqpacket) wanted='00010000 0005' ;;
	esac
	sockets=$(sockets_of "$1")
	while read -r _ _ _ flags type _ inode path; do
		if [[ "$flags $type" == "$wanted" && $path == "$2" &&
			$sockets == *"[$inode]"* ]]; then
			return
		fi
	done </proc/net/unix
	return 1
}

serve() {
	local name=$1 kind=$2 try
	shift 2

	for try in 1 2 3 4 5; do
		free_port "$kind"
		start "$name" "${@//PORT/$PORT}"
		if within "$BOUND" bound_or_ended "$name" "$kind" "$PORT" &&
			is_bound "$name" "$kind" "$PORT"; then
			return
		fi
		echo "try $try: $name has not come to listen on port $PORT"
		head -c 600 "$name.err"
		stop "$name"
	done
	return 1
}

# One that nobody listens on: sockcat was given it, and has left.
free_port() {
	local arguments=(127.0.0.1 0)

	[[ $1 == tcp ]] || arguments+=(-u)
	listen_on port "${arguments[@]}" </dev/null
	stop port
}

stop_ours() {
	local name

	for name; do
		signal "$name" TERM
		finish "$name" 143
		holds "$name.err" ''
	done
}

fetch() {
	local name=$1
	shift

	start "$name" curl -q --silent --show-error --noproxy '*' \
		--max-time "$BOUND" "$@"
	succeed "$name"
}

# --- conversations of streams -------------------------------------------------

# The moments, and what is said when.  Most netcats leave, with their work
# undone, once they are told the end of data: then sockcat's end has to come
# last, unless the other one has said all it had to.
#
#	meanwhile   both at once; sockcat's end comes last
#	after       sockcat speaks after it was told the other one's end
#	before      the other one speaks after it was told sockcat's end
#	unasked     both at once, and end whenever they have said all
LEAVES='meanwhile after'
STAYS='meanwhile after before unasked'

conversation_setup() {
	helpers_setup
	bytes "$SIZE" up
	tac -s '' up >down
	mkfifo ours.fifo theirs.fifo
}

# speakers MOMENT: who feeds the two.
speakers() {
	local ours=(up) theirs=(down)

	echo "$1"
	rm -f go
	case $1 in
	meanwhile) ours=(up +go) ;;
	after) ours=(+go up) ;;
	before) theirs=(+go down) ;;
	esac
	start ours.speaker speak ours.fifo "${ours[@]}"
	start theirs.speaker speak theirs.fifo "${theirs[@]}"
}

# conversation MOMENT: it takes place, and nothing is missing on either side.
conversation() {
	case $1 in
	meanwhile)
		within "$BOUND" has_size theirs.out "$SIZE"
		within "$BOUND" has_size ours.out "$SIZE"
		;;
	after)
		within "$BOUND" has_closed_stdout ours
		same_bytes down ours.out
		holds theirs.out ''
		;;
	before)
		within "$BOUND" has_told_the_end ours
		within "$BOUND" has_size theirs.out "$SIZE"
		holds ours.out ''
		;;
	esac
	: >go
	succeed ours.speaker theirs.speaker ours theirs
	same_bytes up theirs.out
	same_bytes down ours.out
}
