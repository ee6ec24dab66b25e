#!/usr/bin/env bats
# Unix sockets: paths, what is in their way, and what stays of them.

# shellcheck disable=SC2153,SC2154 # run and load set them
load lib/helpers

# What is compared with it is a pattern: glibc's words, or musl's.
IN_USE='@(Address already in use|Address in use)'

# long LENGTH: prints a path of so many bytes.
long() {
	printf '%0*d' "$1" 0
}

# dead PATH: leaves a socket that nobody has open.
dead() {
	rm -f "$1"
	"$PEER" announce:/dev/null listen:unix:"$1"
	test -S "$1"
}

# --- names --------------------------------------------------------------------

# talk NAME LISTEN... -- CONNECT...: between the two it goes both ways.
talk() {
	local name=$1 listen=()
	shift

	while [[ $1 != -- ]]; do
		listen+=("$1")
		shift
	done
	shift
	echo "sockcat ${listen[*]}; sockcat $*"
	listen_on server "${listen[@]}" <<<question
	[ "$ADDRESS" = "$name" ]
	[ "$PORT" = '' ]
	run_sockcat "$@" <<<answer
	[ "$status" -eq 0 ]
	[ "$output" = question ]
	[ "$stderr" = '' ]
	succeed server
	holds server.out 'answer\n'
}

@test "a Unix socket is named by its path in every form" {
	talk path -U path -- -U path
	talk path unix:path -- unix:path
	talk path path -U -- -U ./path
	talk ./path -U ./path -- unix:"$PWD/path"
	talk "$PWD/path" --unix "$PWD/path" -- path --unix
	talk a:80 -U a:80 -- unix:a:80
}

@test "@NAME is abstract, and no file is made" {
	local name

	name=$(abstract talk)
	talk "$name" -U "$name" -- -U "$name"
	[ ! -e "$name" ]
}

@test "./@NAME is a file" {
	listen_on server -U ./@file
	[ -S @file ]
	run_sockcat -U @file
	[ "$status" -eq 1 ]
	run_sockcat -U ./@file
	[ "$status" -eq 0 ]
	succeed server
}

@test "-v names the path" {
	listen_on server -vd -U path
	run_sockcat -v -U path <<<hello
	[ "$status" -eq 0 ]
	[ "$stderr" = 'Connection to path succeeded!
Sent 6 bytes, received 0 bytes' ]
	finish server 0
	# Some systems tell who has come.
	sed -i '/^Client has uid /d' server.err
	told server.err 'Bound on path\nListening on path\n'\
'Connection received on path\nSent 0 bytes, received 6 bytes\n'
}

@test "a path of 107 bytes works" {
	local path

	path=$(long 107)
	talk "$path" -U "$path" -- unix:"$path"
	[ ! -e "$path" ]
}

@test "a path of 108 bytes is refused, not cut" {
	local length path

	for length in 108 109 300; do
		path=$(long "$length")
		fails 5 "sockcat: path is too long, at most 107 bytes: $path" \
			-lU "$path"
		fails 5 "sockcat: path is too long*: $path" -luU "$path"
		fails 5 "sockcat: path is too long*: $path" -U "$path"
		fails 5 "sockcat: path is too long*: $path" -uU "$path"
		fails 5 "sockcat: path is too long*: @$path" -lU "@$path"
		fails 5 "sockcat: path is too long*: $path" -l "unix:$path"
	done
	[ "$(find . -type s)" = '' ]
}

# --- what is in the way -------------------------------------------------------

@test "a listener takes the place of a dead socket" {
	dead path
	talk path -U path -- -U path
	dead path
	listen_on server -duU -W 1 path
	peer client from:unix-dgram:mine connect:unix-dgram:path send:hello
	succeed client server
	[ ! -e path ]
}

# in_the_way PATH: no listener touches it.
in_the_way() {
	local before

	before=$(stat --format='%i %f %s %Z' "$1")
	fails 5 "sockcat: listen on $1 (unix) failed: $IN_USE" -lU "$1"
	fails 5 "sockcat: listen on $1 (unix) failed: $IN_USE" -luU "$1"
	[ "$(stat --format='%i %f %s %Z' "$1")" = "$before" ]
}

@test "a listener touches nothing that is not a socket" {
	echo precious >file
	: >empty
	mkdir directory
	mkfifo fifo
	ln -s nowhere dangling
	ln -s file link
	in_the_way file
	in_the_way empty
	in_the_way directory
	in_the_way fifo
	in_the_way dangling
	in_the_way link
	in_the_way /dev/null
	[ "$(<file)" = precious ]
	[ ! -e nowhere ]
}

@test "a listener touches no link to a dead socket" {
	dead socket
	ln -s socket link
	in_the_way link
	[ -S socket ]
	[ -L link ]
}

@test "a listener neither takes nor disturbs the place of a live one" {
	peer_listen server listen:unix:path wait-file:tried \
		accept expect:real expect-eof
	in_the_way path
	touch tried
	peer client connect:unix:path send:real close
	succeed client server
}

@test "a listener whose queue is full lives as well" {
	peer_listen server backlog:0 listen:unix:path wait-file:tried \
		accept expect:real expect-eof
	peer client connect:unix:path send:real close
	succeed client
	in_the_way path
	touch tried
	succeed server
}

@test "a datagram socket that is read lives as well" {
	peer_listen server listen:unix-dgram:path wait-file:tried \
		accept expect:real
	in_the_way path
	touch tried
	peer client connect:unix-dgram:path send:real
	succeed client server
}

@test "an abstract name that is taken is refused, and named" {
	local name

	name=$(abstract taken)
	peer_listen server listen:unix:"$name" wait-file:tried \
		accept expect:real expect-eof
	fails 5 "sockcat: listen on $name (unix) failed: $IN_USE" -lU "$name"
	touch tried
	peer client connect:unix:"$name" send:real close
	succeed client server
}

@test "a path that cannot be made is refused, and named" {
	: >file
	fails 5 'sockcat: listen on none/path (unix) failed:*' -lU none/path
	fails 5 'sockcat: listen on file/path (unix) failed: Not a directory' \
		-lU file/path
}

@test "a directory that cannot be written to is refused, and named" {
	mkdir directory
	dead directory/dead
	echo precious >directory/file
	chmod a=rx directory
	chmod a=rwx directory/dead
	as_nobody "$SOCKCAT" --version
	[ "$status" -eq 0 ] || skip "needs a sockcat that anyone may run"
	as_nobody test -r directory/file
	[ "$status" -eq 0 ] || skip "needs a directory that anyone may read"
	as_nobody "$SOCKCAT" -lU directory/path
	[ "$status" -eq 5 ]
	[ "$output" = '' ]
	[ "$stderr" = 'sockcat: listen on directory/path (unix) failed:'\
' Permission denied' ]
	for path in directory/dead directory/file; do
		as_nobody "$SOCKCAT" -lU "$path"
		[ "$status" -eq 5 ]
		[ "$output" = '' ]
		[[ $stderr == "sockcat: listen on $path (unix) failed: "$IN_USE ]]
	done
	[ "$(ls -A directory)" = 'dead
file' ]
	[ -S directory/dead ]
	holds directory/file 'precious\n'
	chmod u+w directory
}

@test "with -k and with a program nothing in the way is touched either" {
	local options

	echo precious >file
	mkfifo fifo
	ln -s nowhere dangling
	mkdir directory
	for options in -lkU '-l -e cat -U' '-lk -c cat -U' '-lk --mode 600 -U'; do
		for path in file fifo dangling directory; do
			# shellcheck disable=SC2086 # words they are
			fails 5 "sockcat: listen on $path (unix) failed: $IN_USE" \
				$options "$path"
		done
	done
	holds file 'precious\n'
	[ -p fifo ]
	[ -L dangling ]
	[ -d directory ]
	[ ! -e nowhere ]
}

@test "a second listener for many is refused, and the first goes on" {
	listen_on server -dkU path
	fails 5 "sockcat: listen on path (unix) failed: $IN_USE" -lkU path
	fails 5 "sockcat: listen on path (unix) failed: $IN_USE" -luU path
	peer client connect:unix:path send:real half-close expect-eof
	succeed client
	until_holds server.out real
	signal server TERM
	finish server 143
	[ ! -e path ]
}

@test "a path through a link to nowhere, or through itself, is refused" {
	ln -s nowhere dangling
	ln -s loop loop
	fails 5 'sockcat: listen on dangling/path (unix) failed: No such file'\
' or directory' -lU dangling/path
	fails 5 'sockcat: listen on loop/path (unix) failed: *' -lU loop/path
	[ -L loop ]
	[ ! -e nowhere ]
}

# One finds the dead socket and takes its place; to the others it is alive.
# refused_racers NUMBER: so many have been told that the path is in use.
refused_racers() {
	(($(cat racer-*.err | grep -c 'in use$') == $1))
}

@test "of listeners that find a dead socket at once one gets its place" {
	local i served=0

	dead path
	for i in {1..8}; do
		start racer-"$i" "$SOCKCAT" -dlU --announce ready path
	done
	within "$BOUND" refused_racers 7
	within "$BOUND" test -s ready
	run_sockcat -U path </dev/null
	[ "$status" -eq 0 ]
	for i in {1..8}; do
		finish racer-"$i"
		echo "$status: $(<racer-"$i".err)"
		((status != 0)) || served=$((served + 1))
		[[ $status -eq 0 || $status -eq 5 ]]
	done
	[ "$served" -eq 1 ]
	[ ! -e path ]
}

# File systems give the number of an inode that has gone to the next file.
@test "a socket that takes a dead one's place meanwhile is not removed" {
	requires_feature pin
	requires strace
	requires_plain_build
	dead path
	start late strace -D -qq -o trace -e trace=connect \
		-e inject=connect:signal=STOP \
		"$SOCKCAT" -lU --accept-timeout 1 path
	within "$BOUND" grep -qs 'stopped by SIGSTOP' trace
	listen_on server -d -U path
	signal late CONT
	finish late 5
	[[ $(<late.err) == "sockcat: listen on path (unix) failed: "$IN_USE ]]
	peer client connect:unix:path send:real close
	succeed client server
	holds server.out real
}

# --- what stays ---------------------------------------------------------------

@test "a listener removes its path once its one client is there" {
	listen_on server -d -U path
	peer client connect:unix:path send:hello touch:there wait-file:over \
		close
	until_holds server.out hello
	[ ! -e path ]
	is_running server
	touch over
	succeed client server
}

@test "a listener for many keeps its path until it ends" {
	local i

	listen_on server -d -kU path
	for i in 1 2 3; do
		run_sockcat -U path <<<"$i"
		[ "$status" -eq 0 ]
		[ -S path ]
	done
	until_holds server.out '1\n2\n3\n'
	signal server TERM
	finish server 143
	[ ! -e path ]
	holds server.err ''
}

@test "a listener that a signal ends removes its path" {
	local options signal

	for options in -lU -luU -lkU; do
		for signal in HUP INT TERM; do
			echo "$options $signal"
			start_announced server env --default-signal=INT \
				"$SOCKCAT" "$options" \
				--announce server.announce path
			[ -S path ]
			signal server "$signal"
			finish server $((128 + $(kill -l "$signal")))
			[ ! -e path ]
			holds server.err ''
		done
	done
}

@test "a listener that ends in the middle of a connection removes its path" {
	listen_on server -d -kU path
	peer client connect:unix:path send:hello expect-eof
	until_holds server.out hello
	signal server TERM
	finish server 143
	[ ! -e path ]
	finish client
}

@test "what has taken the place of a listener's path stays" {
	local options

	for options in -U -uU -kU; do
		listen_on server -d $options path
		rm path
		echo precious >path
		signal server TERM
		finish server 143
		holds path 'precious\n'
		rm path
	done
	listen_on server -d -U path
	mv path moved
	peer_listen other listen:unix:path accept expect:real
	run_sockcat -U moved
	[ "$status" -eq 0 ]
	succeed server
	peer client connect:unix:path send:real close
	succeed client other
}

@test "a client removes nothing" {
	peer_listen server listen:unix:path accept expect-eof
	run_sockcat -U path
	[ "$status" -eq 0 ]
	succeed server
	[ -S path ]
	run_sockcat -U path
	[ "$status" -eq 1 ]
	[ -S path ]
}

# --- streams ------------------------------------------------------------------

@test "each direction of a Unix stream ends by itself" {
	peer_listen server listen:unix:path accept 'expect:question\n' \
		expect-eof 'send:answer\n' close
	run_sockcat -U path <<<question
	[ "$status" -eq 0 ]
	[ "$output" = answer ]
	[ "$stderr" = '' ]
	succeed server

	mkfifo in
	exec 7<>in
	listen_on server -U other <in
	peer client connect:unix:other half-close touch:ended \
		'expect:late\n' expect-eof
	within "$BOUND" test -e ended
	echo late >&7
	exec 7>&-
	succeed client server
}

@test "megabytes go both ways over a Unix stream" {
	bytes 5000000 all
	head -c 2500000 all >up
	tail -c 2500000 all >down
	listen_on server -U path <down
	start client "$SOCKCAT" -U path <up
	succeed client server
	same_bytes up server.out
	same_bytes down client.out
}

@test "megabytes go both ways over a Unix stream between pipes" {
	bytes 3000000 expected
	mkfifo up down
	start down to down cat expected
	start up to up cat expected
	listen_on server -U path <down
	start client "$SOCKCAT" -U path <up
	start out cat expected
	succeed up down out client server
	same_bytes expected server.out
	same_bytes expected client.out
}

@test "a Unix peer that closes with something unread is a lost connection" {
	peer_listen server listen:unix:path accept expect:h send:bye close
	run_sockcat -U path <<<hello
	echo "$stderr"
	[ "$status" -eq 6 ]
	[ "$output" = bye ]
	[ "$stderr" = 'sockcat: connection to path (unix) lost:'\
' Connection reset by peer' ]
	succeed server
}

@test "a Unix peer that stops reading is a lost connection" {
	bytes 3000000 in
	peer_listen server listen:unix:path accept expect-bytes:1000 close
	run_sockcat -U path <in
	echo "$stderr"
	[ "$status" -eq 6 ]
	[[ $stderr == 'sockcat: connection to path (unix) lost: '* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	succeed server
}

# --- datagrams ----------------------------------------------------------------

# question_and_answer PATH: in datagrams, between two sockcats.
question_and_answer() {
	listen_on server -uU -W 1 "$1" <<<answer
	run_sockcat -uU -W 1 -q "$BOUND" "$1" <<<question
	[ "$status" -eq 0 ]
	[ "$output" = answer ]
	[ "$stderr" = '' ]
	succeed server
	holds server.out 'question\n'
}

@test "Unix datagrams are answered, and no file stays" {
	mkdir room
	question_and_answer room/path
	[ "$(ls -A room)" = '' ]
	question_and_answer "$(abstract answered)"
}

@test "a Unix datagram's sender without a name is heard, with one warning" {
	mkfifo in
	exec 7<>in
	echo one >&7
	listen_on server -uU -W 2 path <in
	peer client connect:unix-dgram:path send:1 touch:sent wait-file:go \
		send:2
	until_holds server.out 1
	touch go
	succeed client
	finish server 0
	holds server.out 12
	[ "$(wc -l <server.err)" -eq 1 ]
}

@test "an empty Unix datagram is no end" {
	listen_on server -uU -W 3 path
	peer client from:unix-dgram:mine connect:unix-dgram:path \
		send:one send:'' send:three
	succeed client server
	holds server.out onethree
}

@test "a Unix datagram of 65,507 bytes arrives whole" {
	bytes 65507 expected
	listen_on server -uU -W 1 path
	run_sockcat -q 0 -uU path <expected
	[ "$status" -eq 0 ]
	succeed server
	same_bytes expected server.out
}

@test "Unix datagrams wait for a slow reader, and none is lost" {
	local i steps=()

	for i in {1..15}; do
		steps+=(expect-bytes:65507)
	done
	bytes 1000000 in
	peer_listen server listen:unix-dgram:path wait-file:go accept \
		"${steps[@]}" expect-bytes:17395
	start client "$SOCKCAT" -q 0 -uU path <in
	touch go
	succeed client server
}

@test "a Unix datagram's receiver that has gone is exit 1" {
	"$PEER" announce:/dev/null listen:unix-dgram:path
	run_sockcat -uU path <<<hello
	[ "$status" -eq 1 ]
	[ "$output" = '' ]
	[ "$stderr" = 'sockcat: connect to path (unix) failed:'\
' Connection refused' ]
}
