#!/usr/bin/env bats
# The sandbox: what a pump could be misused for it cannot do, and what it is
# for it can.  The forbidden is tried from inside, by a preloaded library (see
# peers/forbidden.c), when a certain text arrives.

# shellcheck disable=SC2153,SC2154 # run and load set them
load lib/helpers

FORBIDDEN=${FORBIDDEN:-$TOP/build/forbidden.so}
TRIGGER='try the forbidden'

# All that the library tries, in its order.
ATTEMPTS=('read a file' 'write a file' 'truncate a file' 'list a directory'
	'look into /proc' 'create a file' 'remove a file' 'rename a file'
	'make a link' 'make a directory' 'remove a directory' 'make a FIFO'
	'execute a program' 'gain privileges' 'bind over TCP'
	'connect over TCP' 'connect to an abstract name' 'send a signal')

teardown() {
	touch over
	if [[ -n ${PIDS[outside]:-} ]]; then
		finish outside || true
		finish abstract || true
	fi
	helpers_teardown
}

# Has the library tell in a file which version of Landlock there is, from inside
# the command.
landlock_of() {
	env FORBIDDEN_LANDLOCK="$PWD/landlock" LD_PRELOAD="$FORBIDDEN" "$@" \
		>said 2>&1 || true
	[[ -e landlock ]]
}

# Skips the test where nothing confines.  Sets LANDLOCK, the version.
requires_sandbox() {
	requires_native 'it knows no Landlock'
	requires_feature sandbox
	test -e "$FORBIDDEN" # make check makes it
	landlock_of sh -c : || skip "needs to preload libraries"
	LANDLOCK=$(<landlock)
	((LANDLOCK > 0)) || skip "needs Landlock"
	rm landlock
}

# intruded [VARIABLE=VALUE...]: from here on the library is inside sockcat, and
# outside there is something for it to reach.
intruded() {
	local name=forbidden.$$.$BATS_TEST_NUMBER variables

	requires_sandbox
	landlock_of "$SOCKCAT" --version ||
		skip "needs a binary that takes preloaded libraries"
	peer_listen abstract timeout:600 listen:unix:"@$name" wait-file:over
	peer_listen outside timeout:600 listen:127.0.0.1:0 wait-file:over
	variables=(FORBIDDEN_REPORT="$PWD/report" FORBIDDEN_NAME="$name"
		FORBIDDEN_PORT="$PORT" LD_PRELOAD="$FORBIDDEN" "$@")
	printf '#!/bin/sh\nexec env %s "$@"\n' "${variables[*]@Q} ${SOCKCAT@Q}" \
		>intruded
	chmod +x intruded
	SOCKCAT=$PWD/intruded
}

# What the library finds, and nothing that it has left.
furnish() {
	rm -rf room client
	mkdir -p room/empty
	: >report
	echo hello >room/file
	: >room/removable
}

has_all() {
	(($(wc -l <report) >= ${#ATTEMPTS[@]}))
}

# reported OUTCOME [ATTEMPT...]: each attempt had this one, but those named were
# done.
reported() {
	local attempt but

	printf -v but '%s|' '' "${@:2}"
	for attempt in "${ATTEMPTS[@]}"; do
		if [[ $but == *"|$attempt|"* ]]; then
			echo "$attempt: done"
		else
			echo "$attempt: $1"
		fi
	done >expected
	within "$BOUND" has_all || echo "not all was tried"
	diff expected report
}

# What Landlock of a version leaves, an array of attempts.
left_by() {
	LEFT=()
	(($1 >= 3)) || LEFT+=('truncate a file')
	(($1 >= 4)) || LEFT+=('bind over TCP' 'connect over TCP')
	(($1 >= 6)) || LEFT+=('connect to an abstract name' 'send a signal')
}

# was_confined [ATTEMPT...]: all was refused, but what is named, or unknown to
# Landlock yet.
was_confined() {
	left_by "$LANDLOCK"
	reported refused "${LEFT[@]}" "$@"
}

was_free() {
	reported 'done'
}

# words_for VERSION [abstract]: prints what -v says, with abstract names left.
words_for() {
	local words="Confined by Landlock $1: no files"

	(($1 < 4)) || words+=', no TCP sockets'
	(($1 < 6)) || [[ -n ${2:-} ]] || words+=', no abstract names'
	(($1 < 6)) || words+=', no signals'
	echo "$words"
}

# --- what is refused ----------------------------------------------------------

# client_tries OPTION...: what came from a server has been tried in a client.
client_tries() {
	furnish
	peer_listen server listen:127.0.0.1:0 accept send:"$TRIGGER" \
		half-close expect-eof
	start client "$SOCKCAT" "$@" 127.0.0.1 "$PORT"
	succeed server
	finish client 0
	holds client.out "$TRIGGER"
}

@test "a client is confined" {
	intruded
	client_tries
	holds client.err ''
	was_confined
	client_tries --no-sandbox
	holds client.err ''
	was_free
}

@test "a client is confined in front of its input as well" {
	intruded
	furnish
	peer_listen server listen:127.0.0.1:0 accept expect:"$TRIGGER" \
		expect-eof close
	start client "$SOCKCAT" 127.0.0.1 "$PORT" < <(printf %s "$TRIGGER")
	succeed server client
	was_confined
}

@test "a UDP client is confined" {
	local option

	intruded
	for option in '' --no-sandbox; do
		furnish
		peer_listen server listen:udp:127.0.0.1:0 accept expect:hello \
			send:"$TRIGGER"
		start client "$SOCKCAT" -u $option -W 1 -w "$BOUND" \
			127.0.0.1 "$PORT" < <(printf hello)
		succeed server client
		holds client.out "$TRIGGER"
		if [[ -z $option ]]; then
			was_confined
		else
			was_free
		fi
	done
}

# server_tries TARGET ARG...: what came from a client, which connects to the
# target with PORT at its end, has been tried in a listener.
server_tries() {
	local target=$1
	shift

	furnish
	listen_on server "$@"
	peer client connect:"$target$PORT" send:"$TRIGGER" half-close \
		expect-eof close
	succeed client server
	holds server.out "$TRIGGER"
}

@test "a listener is confined" {
	intruded
	server_tries 127.0.0.1: 127.0.0.1 0
	was_confined
	server_tries 127.0.0.1: --no-sandbox 127.0.0.1 0
	was_free
}

@test "a listener on a Unix socket is confined" {
	intruded
	server_tries unix:path -U path
	was_confined
	server_tries unix:path --no-sandbox -U path
	was_free
}

@test "each child of -k is confined" {
	local option

	intruded
	for option in '' --no-sandbox; do
		furnish
		listen_on server -k $option 127.0.0.1 0
		for _ in 1 2; do
			furnish
			peer client connect:127.0.0.1:"$PORT" \
				send:"$TRIGGER" half-close expect-eof close
			succeed client
			if [[ -z $option ]]; then
				was_confined
			else
				was_free
			fi
		done
		until_holds server.out "$TRIGGER$TRIGGER"
		signal server TERM
		finish server 143
		holds server.err ''
	done
}

@test "the parent of -k's children is not confined" {
	intruded FORBIDDEN_AT=waitpid
	furnish
	listen_on server -kv 127.0.0.1 0
	peer client connect:127.0.0.1:"$PORT" send:"$TRIGGER" half-close \
		expect-eof close
	succeed client
	was_free
	signal server TERM
	finish server 143
	# It is the child that was.
	grep -Fxq "$(words_for "$LANDLOCK")" server.err
}

@test "a UDP listener is confined, with -k as well" {
	local options

	intruded
	for options in -u -uk; do
		furnish
		listen_on server "$options" -W 1 127.0.0.1 0
		peer client connect:udp:127.0.0.1:"$PORT" send:"$TRIGGER"
		succeed client server
		holds server.out "$TRIGGER"
		was_confined
		furnish
		listen_on server "$options" -W 1 --no-sandbox 127.0.0.1 0
		peer client connect:udp:127.0.0.1:"$PORT" send:"$TRIGGER"
		succeed client server
		was_free
	done
}

@test "a Unix datagram listener is confined, but for abstract names" {
	local options

	intruded
	mkdir dir
	for options in -uU -ukU; do
		furnish
		listen_on server "$options" -W 1 dir/socket
		peer client from:unix-dgram:client \
			connect:unix-dgram:dir/socket send:"$TRIGGER"
		succeed client server
		holds server.out "$TRIGGER"
		was_confined 'connect to an abstract name'
		furnish
		listen_on server "$options" -W 1 --no-sandbox dir/socket
		peer client from:unix-dgram:client \
			connect:unix-dgram:dir/socket send:"$TRIGGER"
		succeed client server
		was_free
	done
}

# It may remove what it has made, and with it what lies beside: that alone.
@test "beside what a listener has to remove it can only remove" {
	intruded
	furnish
	listen_on server -uU -W 1 room/socket
	peer client from:unix-dgram:client connect:unix-dgram:room/socket \
		send:"$TRIGGER"
	succeed client server
	was_confined 'remove a file' 'connect to an abstract name'
	[ ! -e room/socket ]
}

@test "a program is not confined" {
	local program='dd bs=64 count=1 status=none' options

	requires dd
	intruded
	for options in -e -ke; do
		furnish
		listen_on server "$options" "$program" 127.0.0.1 0
		peer client connect:127.0.0.1:"$PORT" send:"$TRIGGER" \
			expect:"$TRIGGER" expect-eof close
		succeed client
		was_free
		if [[ $options == -e ]]; then
			succeed server
		else
			signal server TERM
			finish server 143
		fi
	done
	furnish
	peer_listen server listen:127.0.0.1:0 accept send:"$TRIGGER" \
		expect:"$TRIGGER" expect-eof close
	run_sockcat -c "$program" 127.0.0.1 "$PORT"
	[ "$status" -eq 0 ]
	[ "$stderr" = '' ]
	succeed server
	was_free
}

# --- what the kernel knows ----------------------------------------------------

# under_landlock VERSION: from here on the kernel says that this is what it has,
# 0: none.
under_landlock() {
	local answer=retval=$1

	(($1 > 0)) || answer=error=ENOSYS
	strace -qq -o trace -e trace=landlock_create_ruleset true 2>/dev/null ||
		skip "needs an strace that knows Landlock"
	strace -qq -o trace -e trace=none true || skip "needs to trace"
	printf '#!/bin/sh\nexec strace -qq -X raw -o trace %s %s "$@"\n' \
		"-e trace=landlock_create_ruleset -e inject=\
landlock_create_ruleset:$answer:when=1" "$INTRUDED" >older
	chmod +x older
	SOCKCAT=$PWD/older
}

@test "what the kernel does not know yet is left, and not said to be refused" {
	# To the file system: all those of the version, and no other.
	local rights=(none 0x1fff 0x3fff 0x7fff 0x7fff 0xffff 0xffff)
	local version INTRUDED

	requires strace
	intruded
	INTRUDED=$SOCKCAT
	for version in 1 2 3 4 5 6; do
		((version <= LANDLOCK)) || break
		under_landlock "$version"
		client_tries -v
		[ "$(grep -c INJECTED trace)" -eq 1 ]
		grep -q "handled_access_fs=${rights[version]}[,}]" trace
		left_by "$version"
		reported refused "${LEFT[@]}"
		[ "$(sed -n 2p client.err)" = "$(words_for "$version")" ]
	done
}

@test "without Landlock it works as well, and says nothing of it" {
	local INTRUDED

	requires strace
	intruded
	INTRUDED=$SOCKCAT
	under_landlock 0
	client_tries -v
	[ "$(grep -c INJECTED trace)" -eq 1 ]
	# That much needs no Landlock.
	sed -i '/gain privileges/s/refused/done/' report
	was_free
	run ! grep Confined client.err
}

# --- what is said -------------------------------------------------------------

@test "-v says what is refused" {
	requires_sandbox
	peer_listen server listen:127.0.0.1:0 accept expect-eof close
	run --separate-stderr timeout "$BOUND" "$SOCKCAT" -v 127.0.0.1 "$PORT"
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
	[ "${stderr_lines[1]}" = "$(words_for "$LANDLOCK")" ]
	[ "${#stderr_lines[@]}" -eq 3 ]
	succeed server

	listen_on server -duvU -W 1 path
	peer client connect:unix-dgram:path send:hello
	succeed client
	finish server 0
	[ "$(sed -n 3p server.err)" = "$(words_for "$LANDLOCK" abstract)" ]
}

@test "--no-sandbox says nothing" {
	requires_sandbox
	peer_listen server listen:127.0.0.1:0 accept expect-eof close
	run_sockcat --no-sandbox -v 127.0.0.1 "$PORT"
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
	[[ $stderr == "Connection to 127.0.0.1 $PORT port [tcp/"*"] succeeded!
Sent 0 bytes, received 0 bytes" ]]
	succeed server

	peer_listen server listen:127.0.0.1:0 accept expect-eof close
	run_sockcat --no-sandbox 127.0.0.1 "$PORT"
	[ "$status" -eq 0 ]
	[ "$output$stderr" = '' ]
	succeed server
}

@test "--no-sandbox is accepted where there is no sandbox" {
	listen_on server --no-sandbox 127.0.0.1 0
	run_sockcat --no-sandbox 127.0.0.1 "$PORT" <<<hello
	[ "$status" -eq 0 ]
	[ "$output$stderr" = '' ]
	succeed server
	holds server.out 'hello\n'
}

# --- what is still needed -----------------------------------------------------

# is_confined NAME: it says so, which it does once it is.
is_confined() {
	grep -q '^Confined by' "$1.err"
}

@test "its output is closed at the end inside the sandbox" {
	requires_sandbox
	mkfifo in out
	exec 7<>in
	start reader cat out
	peer_listen server listen:127.0.0.1:0 accept send:hello half-close \
		'expect:late\n' expect-eof close
	start client to out "$SOCKCAT" -v 127.0.0.1 "$PORT" <in
	succeed reader
	holds reader.out hello
	is_confined client
	is_running client
	within "$BOUND" has_closed_stdout client
	echo late >&7
	exec 7>&-
	succeed server
	finish client 0
}

@test "a reader that has enough ends it inside the sandbox" {
	requires_sandbox
	peer_listen server listen:127.0.0.1:0 accept send:'one\ntwo\n' read-all
	# shellcheck disable=SC2016 # for that shell to expand
	start pipe bash -c '"$@" </dev/zero | head -n 1
echo "${PIPESTATUS[*]}"' pipe "$SOCKCAT" -v 127.0.0.1 "$PORT"
	finish pipe 0
	holds pipe.out 'one\n141 0\n'
	is_confined pipe
	finish server
}

# left NAME: in dir there is nothing left of it.
left() {
	[ "$(ls -A "$1")" = '' ]
}

@test "a Unix datagram listener removes its path and what announced it" {
	local path options

	requires_sandbox
	mkdir dir far
	ln -s dir near
	for path in dir/socket ./dir/socket "$PWD/dir/socket" near/socket; do
		for options in -duvU -dukvU; do
			start server "$SOCKCAT" "$options" -l -W 1 \
				--announce far/file "$path"
			announced far/file
			peer client connect:unix-dgram:"$path" send:hello
			succeed client
			finish server 0
			is_confined server
			left dir
			left far
		done
	done
	cd dir
	for path in socket ./socket; do
		start server "$SOCKCAT" -duvU -l -W 1 --announce file "$path"
		announced file
		peer client connect:unix-dgram:socket send:hello
		succeed client
		finish server 0
		is_confined server
		rm client.* server.*
		left .
	done
}

@test "a Unix datagram listener that a signal ends removes them too" {
	local options

	requires_sandbox
	mkdir dir far
	for options in -duvU -dukvU; do
		start server "$SOCKCAT" "$options" -l --announce far/file \
			dir/socket
		announced far/file
		peer client connect:unix-dgram:dir/socket send:hello
		succeed client
		until_holds server.out hello
		is_confined server
		[ -S dir/socket ]
		[ -e far/file ]
		signal server TERM
		finish server 143
		left dir
		left far
	done
}

@test "a UDP listener removes what announced it" {
	local options

	requires_sandbox
	mkdir far
	for options in -duv -dukv; do
		start server "$SOCKCAT" "$options" -l -W 1 --announce far/file \
			127.0.0.1 0
		announced far/file
		peer client connect:udp:127.0.0.1:"$PORT" send:hello
		succeed client
		finish server 0
		is_confined server
		left far
		start server "$SOCKCAT" "$options" -l --announce far/file \
			127.0.0.1 0
		announced far/file
		peer client connect:udp:127.0.0.1:"$PORT" send:hello
		succeed client
		until_holds server.out hello
		is_confined server
		signal server TERM
		finish server 143
		left far
	done
}

@test "what announced a listener for one is removed before it is confined" {
	requires_sandbox
	mkdir dir far
	start server "$SOCKCAT" -dvU -l --announce far/file dir/socket
	announced far/file
	peer client connect:unix:dir/socket send:hello wait-file:looked close
	until_holds server.out hello
	is_confined server
	left dir
	left far
	touch looked
	succeed client
	finish server 0
}

@test "a listener with -k that is ended removes what it has made" {
	requires_sandbox
	mkdir dir far
	start server "$SOCKCAT" -kdvU -l --announce far/file dir/socket
	announced far/file
	peer client connect:unix:dir/socket send:hello expect-eof
	until_holds server.out hello
	is_confined server
	signal server TERM
	finish server 143
	left dir
	left far
	succeed client
}

@test "a Unix datagram listener answers a sender with an abstract name" {
	local options name

	requires_sandbox
	for options in -uvU -ukvU; do
		name=@forbidden.$options.$$
		mkfifo in
		exec 7<>in
		listen_on server "$options" path <in
		peer client from:unix-dgram:"$name" connect:unix-dgram:path \
			send:hello 'expect:answer\n'
		until_holds server.out hello
		is_confined server
		echo answer >&7
		succeed client
		signal server TERM
		finish server 143
		exec 7>&-
		rm in
	done
}
