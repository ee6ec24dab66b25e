#!/usr/bin/env bats
# The states of ports in colour, for a person who looks.

# shellcheck disable=SC2153,SC2154 # run and load set them
load lib/helpers

PTY=${PTY:-$TOP/build/pty}

# What is compared with it is a pattern: glibc's words, or musl's.
TIMED_OUT='@(Connection|Operation) timed out'

unset NO_COLOR
export TERM=xterm

GREEN=$'\e[32m' RED=$'\e[31m' YELLOW=$'\e[33m' PLAIN=$'\e[0m'

# terminal: there is one at TTY, and terminal.out is what it shows.
terminal() {
	local ADDRESS PORT

	[[ -x $PTY ]] || skip "needs $PTY"
	[[ -w /dev/ptmx ]] || skip "needs a terminal to be made"
	start_announced terminal "$PTY" terminal.announce
	TTY=$ADDRESS
}

# shown STATUS STREAMS TEXT ARG...: with these streams on a terminal, -z shows
# just this there.
shown() {
	local expected=$1 streams=$2 text=$3 fd where=
	shift 3

	terminal
	for fd in $streams; do
		where+=" $fd>$TTY"
	done
	echo "sockcat -z $* $where"
	start client redirected "$where" "${WITH[@]}" "$SOCKCAT" -z "$@"
	finish client "$expected"
	succeed terminal
	tr -d '\r' <terminal.out >text
	grep -v '^Confined by ' text >shown || true
	if ! diff <(printf '%s\n' "$text") shown >difference; then
		cat -v difference
		return 1
	fi
}

# For shown, before sockcat: what changes its environment.
WITH=(env)

# ports: OPEN is a port at which somebody listens, CLOSED one where nobody does.
ports() {
	closed_port
	CLOSED=$PORT
	peer_listen server listen:127.0.0.1:0 wait-file:over
	OPEN=$PORT
}

# list OPEN CLOSED: prints the lines of a scan of both, with these words.
list() {
	printf "127.0.0.1 %d/tcp %s\n" "$OPEN" "$1" "$CLOSED" "$2" |
		sort -t ' ' -nk 2
}

@test "on a terminal -z -v colours the states in its list" {
	ports
	shown 0 1 "$(list "${GREEN}open$PLAIN" "${RED}closed$PLAIN")" \
		-vn 127.0.0.1 "$OPEN,$CLOSED"
	over
}

@test "what got no answer is yellow in the list" {
	ports
	peer_listen silent backlog:0 listen:127.0.0.1:0 wait-file:over
	peer first connect:"$ADDRESS:$PORT" touch:full wait-file:over
	within "$BOUND" test -e full
	shown 0 1 "$(printf '%s\n' "127.0.0.1 $OPEN/tcp ${GREEN}open$PLAIN" \
		"127.0.0.1 $PORT/tcp ${YELLOW}filtered$PLAIN" |
		sort -t ' ' -nk 2)" -vn -w 1 127.0.0.1 "$OPEN,$PORT"
	over silent first

	peer_listen mute listen:udp:127.0.0.1:0 bind:udp:127.0.0.1:0 \
		wait-file:over.udp
	shown 1 1 "$(printf '%s\n' \
		"127.0.0.1 $PORT/udp ${YELLOW}open|filtered$PLAIN" \
		"127.0.0.1 $CLOSED/udp ${RED}closed$PLAIN" |
		sort -t ' ' -nk 2)" -uvn -w 1 127.0.0.1 "$PORT,$CLOSED"
	touch over.udp
	succeed mute
}

@test "a service's name after the state is not coloured" {
	namespace
	inside_file /etc/services 'alpha 7001/tcp'
	peer server announce:/dev/null listen:127.0.0.1:7001 touch:listening \
		wait-file:over
	within "$BOUND" test -e listening
	shown 0 1 "127.0.0.1 7001/tcp ${GREEN}open$PLAIN alpha
127.0.0.1 7002/tcp ${RED}closed$PLAIN" -v 127.0.0.1 7001-7002
	over
}

@test "on a terminal -z -v colours what it says of one port" {
	ports
	shown 0 2 "Connection to 127.0.0.1 $OPEN port [tcp/*]\
 ${GREEN}succeeded!$PLAIN" -vn 127.0.0.1 "$OPEN"
	shown 1 2 "sockcat: connect to 127.0.0.1 port $CLOSED (tcp)\
 ${RED}failed$PLAIN: Connection refused" -vn 127.0.0.1 "$CLOSED"
	over
	peer_listen nobody listen:unix:path
	succeed nobody
	shown 1 2 "sockcat: connect to path (unix) ${RED}failed$PLAIN:\
 Connection refused" -v -U path
}

@test "that time ran out is red" {
	peer_listen server backlog:0 listen:127.0.0.1:0 wait-file:over
	peer first connect:"$ADDRESS:$PORT" touch:full wait-file:over
	within "$BOUND" test -e full
	terminal
	start client redirected "2>$TTY" "$SOCKCAT" -zv -w 0.3 127.0.0.1 "$PORT"
	finish client 4
	succeed terminal
	cat -v terminal.out
	[[ $(tr -d '\r' <terminal.out) == "sockcat: connect to 127.0.0.1 port\
 $PORT (tcp) ${RED}failed$PLAIN: "$TIMED_OUT ]]
	over first
}

@test "of list and messages each is coloured where it goes to a terminal" {
	ports
	# The list goes to stdout; what is a terminal is stderr.
	shown 0 2 '' -vn 127.0.0.1 "$OPEN,$CLOSED" || [ ! -s shown ]
	diff <(list open closed) client.out
	# What is said of one port goes to stderr, which is none.
	shown 0 1 '' -vn 127.0.0.1 "$OPEN" || [ ! -s shown ]
	holds client.out ''
	told client.err \
		"Connection to 127.0.0.1 $OPEN port [tcp/*] succeeded!\n"
	over
}

@test "without a terminal nothing is coloured" {
	ports
	run_sockcat -zvn 127.0.0.1 "$OPEN,$CLOSED"
	[ "$status" -eq 0 ]
	[ "$output" = "$(list open closed)" ]
	[ "$stderr" = '' ]
	run_sockcat -zvn 127.0.0.1 "$OPEN"
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
	[ "$stderr" = \
		"Connection to 127.0.0.1 $OPEN port [tcp/*] succeeded!" ]
	over
}

# uncoloured COMMAND...: by what is before sockcat, and its streams' colours.
uncoloured() {
	WITH=("$@")
	shown 0 1 "$(list open closed)" -vn 127.0.0.1 "$OPEN,$CLOSED"
	shown 0 2 "Connection to 127.0.0.1 $OPEN port [tcp/*] succeeded!" \
		-vn 127.0.0.1 "$OPEN"
	shown 1 2 "sockcat: connect to 127.0.0.1 port $CLOSED (tcp)\
 failed: Connection refused" -vn 127.0.0.1 "$CLOSED"
}

@test "with NO_COLOR nothing is coloured" {
	ports
	uncoloured env NO_COLOR=1
	uncoloured env NO_COLOR=0
	over
}

@test "an empty NO_COLOR does not count" {
	ports
	WITH=(env NO_COLOR=)
	shown 0 1 "$(list "${GREEN}open$PLAIN" "${RED}closed$PLAIN")" \
		-vn 127.0.0.1 "$OPEN,$CLOSED"
	over
}

@test "a terminal that is dumb, or of no known kind, is not coloured" {
	ports
	uncoloured env TERM=dumb
	uncoloured env -u TERM
	over
}

@test "without -v, and without -z, nothing is coloured" {
	ports
	shown 0 1 "127.0.0.1 $OPEN/tcp open" -n 127.0.0.1 "$OPEN,$CLOSED"
	terminal
	start client redirected "2>$TTY" "$SOCKCAT" -v 127.0.0.1 "$CLOSED"
	finish client 1
	succeed terminal
	[ "$(tr -d '\r' <terminal.out)" = "sockcat: connect to 127.0.0.1 port\
 $CLOSED (tcp) failed: Connection refused" ]
	over
}

@test "-z -v asks a few times whether it tells a terminal, not for each port" {
	requires strace
	requires_plain_build
	traced ioctl -z -v -n 127.0.0.1 1-300 || true
	[ "$(grep -c '^127\.0\.0\.1 .*/tcp [a-z]' traced.out)" -eq 300 ]
	grep -q '^ioctl(1, ' trace
	[ "$(grep -c '^ioctl(1, ' trace)" -lt 100 ]
}
