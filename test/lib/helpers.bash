# shellcheck shell=bash disable=SC2034,SC2154 # some is set here, or by run
#
# The tests' common ground.  Each file begins with "load lib/helpers".
#
# A test runs in a directory of its own, so that names in it are short, with
# nothing on stdin.  A process is started under a NAME, and NAME.out and
# NAME.err are what it printed.  Nothing sleeps: a test waits for what it needs
# to happen, and every wait has a bound.  Descriptor 7 is for tests to hold
# something open with: no process that they start inherits it.
#
#	start NAME COMMAND...    in the background; "<" is its stdin
#	listen_on NAME ARG...    sockcat -l ARG...; sets ADDRESS and PORT, for a
#	                         path ADDRESS alone
#	listen_after FILE NAME ARG...  the same, at a free port of 127.0.0.1, but
#	                         sockcat begins when there is that file: who has
#	                         connected by then is in its queue
#	peer NAME STEP...        the scripted peer, see peers/peer.c
#	peer_listen NAME STEP... the same with a listen step; sets ADDRESS, PORT
#	start_announced NAME COMMAND...  any that says where it listens into the
#	                         FIFO NAME.announce; likewise
#	announced FILE           waits for a file that says so; sets the same
#
# and before a COMMAND
#
#	to FILE COMMAND...       its stdout goes there, not to NAME.out
#	after FILE COMMAND...    it begins once there is such a file
#	redirected '<&- >&-' COMMAND...  with these redirections
#	unignored COMMAND...     signals end it: a shell has SIGINT ignored in
#	                         what it starts in the background
#	file_limit KIB COMMAND...  no file may grow beyond that
#	pipeline READER COMMAND...  COMMAND | READER, with COMMAND's status
#	first_line COMMAND...    the same with a reader that goes after a line
#
#	page_reader              takes a page at once, the rest after "go"
#
#	finish NAME [STATUS]     waits for its end; sets status, checks it
#	succeed NAME...          each has ended with 0 and said nothing on stderr
#	stop NAME...             ends those that only a signal ends; with which
#	                         status is theirs to choose
#	signal NAME SIGNAL       sends it
#	suspend NAME             stops it, and returns once it stands still
#	is_running NAME          whether it is; has_ended NAME: whether not
#	is_asleep NAME           whether it waits in a call
#	has_complained NAME      waits until it has said something on stderr
#	has_socket NAME          whether it has one open
#	has_closed_stdout NAME   whether sockcat has
#	has_no_children NAME     whether it has none, nor dead ones
#	memory_of NAME           prints its peak of resident memory, in KiB
#	run_sockcat ARG...       in the foreground; sets status, output, stderr, which
#	                         leaves out what -v says of the sandbox
#	refused TEXT ARG...      the command line is, with this line and the hint
#	fails STATUS PATTERN ARG...  the same with a line on stdin: it ends so,
#	                         writes nothing, and says what is like this
#	traced CALLS ARG...      the same under strace, which writes these calls
#	                         to the file trace
#	moved_by CALL            prints the bytes that its calls there returned
#	as_nobody COMMAND...     as "run", without the rights that root has
#
#	closed_port              sets ADDRESS and PORT: nobody listens there, and
#	                         Linux gives it to nobody who asks for any
#	silent_listener          the peer as "server", and its client "first":
#	                         its queue is full, it answers nobody.  Both
#	                         end once there is a file "over"
#	over NAME...             makes it; "server" and these succeed
#	abstract NAME            prints an abstract name that no other run has
#
#	within SECONDS COMMAND   waits until the command succeeds
#	until_holds FILE TEXT    waits until it holds just this text
#	holds FILE TEXT          it does; the text with C's escapes
#	told FILE TEXT           it does, but for what -v says of the sandbox
#	uptime_ms                prints the time, in milliseconds
#	same_bytes FILE FILE     they are equal
#	bytes N FILE             makes a file of the peer's pattern
#	inputs                   makes server.in and client.in, a megabyte each,
#	                         which differ
#	has_size FILE BYTES      it has
#	is_drained FD            whether nothing is left to be read from it
#	full_pipe NAME           makes a FIFO that takes no more and that nobody
#	                         reads; takes descriptor 7
#
#	namespace                from here on sockcat and the peer run where
#	                         network and mounts are the test's own (a
#	                         loopback, no more); takes descriptor 7
#	inside COMMAND...        runs any other command there
#	inside_file PATH LINE... the file holds these lines instead, in there
#	wrapper NAME COMMAND     prints the path of one that runs it there, for
#	                         "start"
#
#	requires COMMAND...      skips the test where one is missing
#	requires_terminal        skips it where script(1) cannot make one
#	requires_ipv6            skips it where there is no ::1
#	requires_feature NAME    skips it where --version does not name it
#	requires_plain_build     skips it under a sanitizer
#	requires_strace          skips it where sockcat cannot be traced
#	requires_native REASON   skips it where an emulator runs sockcat, whose
#	                         name EMULATOR is

bats_require_minimum_version 1.5.0

TOP=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
SOCKCAT=${SOCKCAT:-$TOP/sockcat}
PEER=${PEER:-$TOP/build/peer}

# bats traces each command of a test, which costs more than most of them do.
# The helpers that do much turn that off for themselves: "local -; set +T".

# How long anything may take.  Success is fast; this is for loaded machines
# and for builds with sanitizers.
BOUND=${BOUND:-20}

declare -gA PIDS=() COMMANDS=()

setup() {
	helpers_setup
}

teardown() {
	helpers_teardown
}

helpers_setup() {
	cd "$BATS_TEST_TMPDIR" || return
	mkfifo .never
	# Nobody writes to it: reading it with a bound is how a wait passes.
	exec 9<>.never </dev/null
}

# Ends what is still running.  After a test that went well that is a failure
# of its own; after one that did not, what its processes said is shown.
helpers_teardown() {
	local name survivors=()

	if [[ -n ${PIDS[namespace]:-} ]]; then
		exec 7>&-
		finish namespace || true
	fi
	for name in "${!PIDS[@]}"; do
		if is_running "$name"; then
			survivors+=("$name")
			kill -s KILL "${PIDS[$name]}"
			wait "${PIDS[$name]}" || true
		fi
	done 2>/dev/null
	if [[ -z ${BATS_TEST_COMPLETED:-} ]]; then
		for name in "${!PIDS[@]}"; do
			show_process "$name" "${survivors[@]}"
		done
	elif [[ ${#survivors[@]} -gt 0 ]]; then
		echo "still running at the end: ${survivors[*]}"
		return 1
	fi
}

# show_process NAME SURVIVOR...
show_process() {
	local name=$1 stream
	shift

	echo "--- $name: ${COMMANDS[$name]}"
	if [[ " $* " == *" $name "* ]]; then
		echo "    did not end"
	elif [[ -e $name.status ]]; then
		echo "    status $(<"$name.status")"
	fi
	for stream in out err; do
		if [[ -s $name.$stream ]]; then
			echo "    std$stream:"
			head -c 600 "$name.$stream" | cat -v
		fi
	done
}

# --- processes ----------------------------------------------------------------

# The traps of bats and the descriptors of the test are not the command's.
start() {
	local -
	set +T
	local name=$1
	shift

	COMMANDS[$name]=$*
	# What an earlier one of this name has printed is not this one's.
	: >"$name.out" 2>"$name.err"
	{
		trap - EXIT ERR DEBUG
		exec_command "$@"
	} <&0 >"$name.out" 2>"$name.err" 3>&- 7>&- 8>&- 9>&- &
	PIDS[$name]=$!
}

to() {
	local file=$1
	shift

	exec >"$file"
	exec_command "$@"
}

after() {
	local file=$1
	shift

	"$PEER" timeout:"$BOUND" wait-file:"$file"
	exec_command "$@"
}

redirected() {
	eval "exec $1"
	shift
	exec_command "$@"
}

unignored() {
	exec env --default-signal=INT,HUP,TERM,PIPE "$@"
}

file_limit() {
	ulimit -f "$1"
	shift
	exec_command "$@"
}

pipeline() {
	local reader=$1
	shift

	"$@" | eval "$reader"
	exit "${PIPESTATUS[0]}"
}

first_line() {
	pipeline 'head -n 1' "$@"
}

page_reader() {
	head -c 4096
	after go cat
}

# A function may be started as well, these among them.
exec_command() {
	if declare -F "$1" >/dev/null; then
		"$@"
	else
		exec "$@"
	fi
}

# A process that has ended and that bash has not noticed yet is a zombie.
is_running() {
	local state=

	kill -s 0 "${PIDS[$1]}" 2>/dev/null || return 1
	read -r _ _ state _ 2>/dev/null <"/proc/${PIDS[$1]}/stat" || true
	[[ $state != Z ]]
}

is_asleep() {
	grep -qs '^State:.*sleeping' "/proc/${PIDS[$1]}/status"
}

is_stopped() {
	grep -qs '^State:.*(stopped)' "/proc/${PIDS[$1]}/status"
}

suspend() {
	signal "$1" STOP
	within "$BOUND" is_stopped "$1"
}

has_complained() {
	within "$BOUND" test -s "$1.err"
}

has_socket() {
	local fd

	for fd in "/proc/${PIDS[$1]}/fd/"*; do
		if [[ -S $fd ]]; then
			return
		fi
	done
	return 1
}

has_closed_stdout() {
	[[ $(readlink "/proc/${PIDS[$1]}/fd/1") == /dev/null ]]
}

has_no_children() {
	[[ -z $(<"/proc/${PIDS[$1]}/task/${PIDS[$1]}/children") ]]
}

has_ended() {
	! is_running "$1"
}

finish() {
	local -
	set +T
	local name=$1 expected=${2:-}

	if ! within "$BOUND" has_ended "$name"; then
		echo "$name has not ended in $BOUND seconds"
		return 1
	fi
	status=0
	wait "${PIDS[$name]}" || status=$?
	echo "$status" >"$name.status"
	if [[ -n $expected && $status -ne $expected ]]; then
		echo "$name ended with status $status instead of $expected"
		return 1
	fi
}

succeed() {
	local -
	set +T
	local name

	for name; do
		finish "$name" 0
		holds "$name.err" ''
	done
}

stop() {
	local name

	for name; do
		if is_running "$name"; then
			signal "$name" TERM
		fi
		finish "$name"
	done
}

signal() {
	kill -s "$2" "${PIDS[$1]}"
}

memory_of() {
	local key value _

	while read -r key value _; do
		if [[ $key == VmHWM: ]]; then
			echo "$value"
			return
		fi
	done <"/proc/${PIDS[$1]}/status"
	return 1
}

# --- sockcat and the peer -----------------------------------------------------

run_sockcat() {
	run --separate-stderr timeout "$BOUND" "$SOCKCAT" "$@" \
		7>&- 9>&-
	if [[ $stderr == *"Confined by "* ]]; then
		stderr=$(grep -v '^Confined by ' <<<"$stderr" || true)
		mapfile -t stderr_lines <<<"$stderr"
	fi
}

# refused TEXT ARG...: exit 2, one line with the text, one with the hint.
refused() {
	local text=$1
	shift

	run_sockcat "$@"
	echo "sockcat $*: status $status, output '$output', stderr '$stderr'"
	[ "$status" -eq 2 ]
	[ "$output" = '' ]
	[ "$stderr" = "sockcat: $text"$'\n'"Try 'sockcat --help'." ]
}

fails() {
	local expected=$1 pattern=$2
	shift 2

	run_sockcat "$@" <<<hello
	echo "sockcat $*: status $status, output '$output', stderr '$stderr'"
	[ "$status" -eq "$expected" ]
	[ "$output" = '' ]
	# shellcheck disable=SC2053 # a pattern it is
	[[ $stderr == $pattern ]]
}

traced() {
	local calls=$1
	shift

	timeout "$BOUND" strace -qq -o trace -e trace="$calls" \
		"$SOCKCAT" "$@" <<<hello >traced.out 2>traced.err
}

moved_by() {
	awk -v call="$1(" 'index($0, call) && $NF > 0 { sum += $NF }
		END { print sum + 0 }' trace
}

as_nobody() {
	if [[ $(id -u) -eq 0 ]]; then
		requires setpriv
		set -- setpriv --bounding-set -all --inh-caps -all \
			--reuid 65534 --regid 65534 --clear-groups "$@"
	fi
	run --separate-stderr timeout "$BOUND" "$@"
}

listen_on() {
	local name=$1
	shift

	start_announced "$name" "$SOCKCAT" -l --announce "$name.announce" "$@"
}

listen_after() {
	local file=$1 name=$2
	shift 2

	start_announced "$name" "$PEER" timeout:"$BOUND" \
		announce:"$name.announce" listen:127.0.0.1:0 wait-file:"$file" \
		exec "$SOCKCAT" -l --fd 3 "$@"
}

peer() {
	local name=$1
	shift

	start "$name" "$PEER" timeout:"$BOUND" "$@"
}

peer_listen() {
	local name=$1
	shift

	start_announced "$name" "$PEER" timeout:"$BOUND" \
		announce:"$name.announce" "$@"
}

closed_port() {
	ADDRESS=127.0.0.1
	while
		PORT=$((20000 + RANDOM % 12000))
		"$PEER" connect:"$ADDRESS:$PORT" 2>/dev/null
	do
		:
	done
}

silent_listener() {
	peer_listen server backlog:0 listen:127.0.0.1:0 wait-file:over
	peer first connect:"$ADDRESS:$PORT" touch:full wait-file:over
	within "$BOUND" test -e full
}

over() {
	touch over
	succeed server "$@"
}

abstract() {
	echo "@$1.$$.$BATS_TEST_NUMBER"
}

start_announced() {
	local -
	set +T
	local name=$1

	rm -f "$name.announce"
	mkfifo "$name.announce"
	exec 8<>"$name.announce"
	start "$@"
	if ! within "$BOUND" has_announced "$name" || ! read -rt 0 -u 8; then
		echo "$name has not said where it listens"
		exec 8>&-
		return 1
	fi
	read -ru 8 ADDRESS PORT
	exec 8>&-
}

has_announced() {
	read -rt 0 -u 8 || has_ended "$1"
}

announced() {
	within "$BOUND" test -s "$1"
	read -r ADDRESS PORT <"$1"
}

# --- waiting and comparing ----------------------------------------------------

within() {
	local -
	set +T
	local end=$((SECONDS + $1 + 1)) pause=0.002 tries=0
	shift

	until "$@"; do
		if ((SECONDS >= end)); then
			return 1
		fi
		read -rt "$pause" -u 9 || true
		# What takes long may be seen a little later: to look costs, too.
		((++tries < 50)) || pause=0.02
	done
}

uptime_ms() {
	local seconds _

	read -r seconds _ </proc/uptime
	echo "${seconds/./}0"
}

same_bytes() {
	cmp -- "$1" "$2"
}

holds() {
	local -
	set +T
	if ! is_text "$@"; then
		echo "$1 does not hold '$2' but:"
		head -c 600 -- "$1" | cat -v
		return 1
	fi
}

# Not every system and build has a sandbox, and they differ in what it denies.
told() {
	grep -v '^Confined by ' "$1" >"$1.told" || true
	holds "$1.told" "$2"
}

until_holds() {
	within "$BOUND" is_text "$@" || holds "$@"
}

is_text() {
	printf %b "$2" | cmp -s -- - "$1"
}

bytes() {
	"$PEER" print-bytes:"$1" >"$2"
}

inputs() {
	bytes 1000000 server.in
	bytes 2000000 both
	tail -c 1000000 both >client.in
}

has_size() {
	[ "$(wc -c <"$1")" -eq "$2" ]
}

is_drained() {
	! read -rt 0 -u "$1"
}

full_pipe() {
	mkfifo "$1"
	exec 7<>"$1"
	while dd if=/dev/zero of="$1" bs=4096 count=1 oflag=nonblock \
		status=none 2>/dev/null; do
		:
	done
}

# --- a network of the test's own ----------------------------------------------

# It lives until 7 is closed: teardown does that, if the test has not.
namespace() {
	local unshare=(unshare --net --mount) enter=(--net --mount)

	requires unshare nsenter ip
	if ((EUID != 0)); then
		unshare+=(--map-root-user)
		enter+=(--user --preserve-credentials)
	fi
	"${unshare[@]}" true 2>/dev/null || skip "needs namespaces of its own"
	mkfifo alive
	exec 7<>alive
	start namespace "${unshare[@]}" \
		sh -c 'ip link set lo up && echo ready && exec cat' <alive
	until_holds namespace.out 'ready\n'
	INSIDE=(nsenter --target "${PIDS[namespace]}" "${enter[@]}" --wd="$PWD")
	SOCKCAT=$(wrapper sockcat "$SOCKCAT")
	PEER=$(wrapper peer "$PEER")
}

# wrapper NAME COMMAND: prints the path of one that runs it inside.
wrapper() {
	mkdir -p inside
	printf '#!/bin/sh\nexec %s "$@"\n' "${INSIDE[*]@Q} ${2@Q}" >inside/"$1"
	chmod +x inside/"$1"
	echo "$PWD/inside/$1"
}

inside() {
	"${INSIDE[@]}" "$@"
}

inside_file() {
	local path=$1
	shift

	printf '%s\n' "$@" >"${path##*/}"
	inside mount --bind "${path##*/}" "$path"
}

# --- what a test needs --------------------------------------------------------

requires() {
	local command

	for command; do
		if ! command -v "$command" >/dev/null; then
			skip "needs $command"
		fi
	done
}

requires_terminal() {
	requires script
	script -qec true /dev/null >/dev/null 2>&1 </dev/null ||
		skip "needs a terminal to be made"
}

requires_ipv6() {
	if ! grep -q '^0*1 .* lo$' /proc/net/if_inet6; then
		skip "needs ::1"
	fi
}

requires_feature() {
	if [[ " $("$SOCKCAT" --version | tr '\n' ' ') " != *" $1 "* ]]; then
		skip "needs $1"
	fi
}

requires_plain_build() {
	if grep -qE '__(asan|msan)_init' "$SOCKCAT"; then
		skip "not under a sanitizer"
	fi
}

# It comes before what makes a script of SOCKCAT.
requires_strace() {
	requires strace
	requires_plain_build
}

requires_native() {
	if [[ -n ${EMULATOR:-} ]]; then
		skip "not under $EMULATOR: $1"
	fi
}
