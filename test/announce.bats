#!/usr/bin/env bats
# --announce says where a listener listens, as soon as it does.

# shellcheck disable=SC2154 # stderr is set by run
load lib/helpers

# ended: "server", which nobody has come to, dies of a signal.
ended() {
	signal server TERM
	finish server 143
	holds server.out ''
	holds server.err ''
}

# --- on a descriptor ----------------------------------------------------------

@test "a descriptor gets the address and port, and its end" {
	mkfifo pipe
	start reader cat pipe
	start server "$SOCKCAT" -l --announce 5 127.0.0.1 0 5>pipe
	succeed reader
	is_running server
	[[ $(<reader.out) =~ ^127\.0\.0\.1\ [1-9][0-9]*$ ]]
	[ "$(wc -l <reader.out)" -eq 1 ]
	ended
}

@test "a descriptor is written to where it stands" {
	echo before >file
	start server "$SOCKCAT" -l --announce 5 127.0.0.1 0 5>>file
	within "$BOUND" grep -q 127 file
	[[ $(<file) == $'before\n127.0.0.1 '* ]]
	ended
	[ -e file ]
}

@test "a descriptor that is not open is a usage error" {
	run_sockcat -l --announce 57 -U socket
	[ "$status" -eq 2 ]
	[ "$output" = '' ]
	[[ ${stderr_lines[0]} == 'sockcat: '*57* ]]
	[ "${stderr_lines[1]}" = "Try 'sockcat --help'." ]
	[ ! -e socket ]
}

@test "the standard descriptors are a usage error" {
	local fd

	for fd in 0 1 2; do
		run_sockcat -l --announce "$fd" -U socket
		[ "$status" -eq 2 ]
		[ "$output" = '' ]
		[[ ${stderr_lines[0]} == "sockcat: "*"'$fd'"* ]]
		[ ! -e socket ]
	done
}

@test "a number too great to be a descriptor is a usage error" {
	run_sockcat -l --announce 99999999999 -U socket
	[ "$status" -eq 2 ]
	[ "$output" = '' ]
	[[ ${stderr_lines[0]} == 'sockcat: '*99999999999* ]]
	[ ! -e socket ]
}

# --- into a file --------------------------------------------------------------

@test "a file appears whole, and nothing stays beside it" {
	mkdir dir
	start server "$SOCKCAT" -l --announce dir/file 127.0.0.1 0
	announced dir/file
	[ "$ADDRESS" = 127.0.0.1 ]
	[[ $PORT =~ ^[1-9][0-9]*$ ]]
	holds dir/file "127.0.0.1 $PORT\n"
	[ "$(ls -A dir)" = file ]
	ended
	[ "$(ls -A dir)" = '' ]
}

@test "a file of that name is replaced, not written over" {
	echo old >file
	exec 7<file
	start server "$SOCKCAT" -l --announce file 127.0.0.1 0
	within "$BOUND" grep -q 127 file
	[ "$(cat <&7)" = old ]
	ended
}

@test "a file is removed when its listener closes" {
	start server "$SOCKCAT" -l --announce file 127.0.0.1 0
	announced file
	peer client connect:"$ADDRESS:$PORT" send:x wait-file:go half-close
	until_holds server.out x
	[ ! -e file ]
	touch go
	succeed client server
}

@test "with -k a file stays until the end" {
	start server "$SOCKCAT" -l -k --announce file 127.0.0.1 0
	announced file
	peer client connect:"$ADDRESS:$PORT" send:x half-close expect-eof
	succeed client
	until_holds server.out x
	[ -e file ]
	signal server TERM
	finish server 143
	[ ! -e file ]
}

@test "a file that another has put in its place stays" {
	start server "$SOCKCAT" -l --announce file 127.0.0.1 0
	announced file
	echo another >other
	mv other file
	ended
	holds file 'another\n'
}

@test "a file that is gone already is no failure" {
	start server "$SOCKCAT" -l --announce file 127.0.0.1 0
	announced file
	rm file
	peer client connect:"$ADDRESS:$PORT" half-close expect-eof
	succeed client server
}

@test "a directory that is not there is named, and nothing stays" {
	run_sockcat -l --announce nowhere/file -U socket
	[ "$status" -eq 7 ]
	[ "$output" = '' ]
	[ "$stderr" = 'sockcat: announce on nowhere/file: No such file or directory' ]
	[ ! -e socket ]
}

@test "a directory that cannot be written to is named, and nothing stays" {
	[ "$(id -u)" -ne 0 ] || skip "root may write anywhere"
	mkdir dir
	chmod a-w dir
	run_sockcat -l --announce dir/file -U socket
	[ "$status" -eq 7 ]
	[ "$output" = '' ]
	[ "$stderr" = 'sockcat: announce on dir/file: Permission denied' ]
	[ ! -e socket ]
}

@test "a directory is not a file to announce in" {
	mkdir dir
	run_sockcat -l --announce dir -U socket
	[ "$status" -eq 7 ]
	[ "$output" = '' ]
	[ "$stderr" = 'sockcat: announce on dir: Is a directory' ]
	[ -d dir ]
	[ ! -e socket ]
}

# --- through links, FIFOs and devices -----------------------------------------

@test "a FIFO is written to, and stays" {
	listen_on server 127.0.0.1 0
	[ "$ADDRESS" = 127.0.0.1 ]
	[ -p server.announce ]
	ended
	[ -p server.announce ]
}

@test "a FIFO is waited for until it is read" {
	mkfifo pipe
	start server "$SOCKCAT" -l --announce pipe 127.0.0.1 0
	start reader cat pipe
	succeed reader
	[[ $(<reader.out) == '127.0.0.1 '* ]]
	ended
}

@test "a listener that waits for a FIFO to be read can be ended" {
	mkfifo pipe
	start server "$SOCKCAT" -l --announce pipe -U socket
	within "$BOUND" test -S socket
	ended
	[ ! -e socket ]
	[ -p pipe ]
}

@test "what a symbolic link points at is written to" {
	: >file
	ln -s file link
	start server "$SOCKCAT" -l --announce link 127.0.0.1 0
	within "$BOUND" test -s file
	[[ $(<file) == '127.0.0.1 '* ]]
	ended
	[ -L link ]
	[ -e file ]
}

@test "a device is written to, and stays" {
	mknod null c 1 3 2>/dev/null && { : >null; } 2>/dev/null ||
		skip "may not make a device"
	start server "$SOCKCAT" -l --announce null -U socket
	within "$BOUND" test -S socket
	ended
	[ -c null ]
}

@test "a full device is named, and nothing stays" {
	mknod full c 1 7 2>/dev/null && { : >full; } 2>/dev/null ||
		skip "may not make a device"
	run_sockcat -l --announce full -U socket
	[ "$status" -eq 7 ]
	[ "$output" = '' ]
	[ "$stderr" = 'sockcat: announce on full: No space left on device' ]
	[ ! -e socket ]
}

# --- what is announced --------------------------------------------------------

@test "an IPv6 address is announced without brackets" {
	requires_ipv6
	listen_on server ::1 0
	[ "$ADDRESS" = ::1 ]
	ended
}

@test "a listener for both families announces ::" {
	requires_ipv6
	listen_on server 0
	[ "$ADDRESS" = :: ]
	ended
}

# A namespace of its own, with a link-local address on its loopback.
in_namespace() {
	exec unshare -rn sh -c 'ip link set lo up &&
		ip addr add fe80::1/64 dev lo nodad && exec "$@"' _ "$@"
}

@test "a scoped address keeps its interface" {
	requires_native 'it swaps the scope of an address'
	requires unshare ip
	unshare -rn true || skip "may not make a network namespace"
	start_announced server in_namespace "$SOCKCAT" -l \
		--announce server.announce fe80::1%lo 0
	[ "$ADDRESS" = fe80::1%lo ]
	[[ $PORT =~ ^[1-9][0-9]*$ ]]
	ended
}

@test "a Unix path is announced alone" {
	listen_on server -U socket
	[ "$ADDRESS" = socket ]
	[ "$PORT" = '' ]
	[ -S socket ]
	ended
	[ ! -e socket ]
}

@test "an abstract name is announced with its @" {
	listen_on server -U "@announce.$$"
	[ "$ADDRESS" = "@announce.$$" ]
	ended
}

@test "a datagram port is announced as well" {
	listen_on server -u 127.0.0.1 0
	[ "$ADDRESS" = 127.0.0.1 ]
	[[ $PORT =~ ^[1-9][0-9]*$ ]]
	ended
}

@test "a Unix datagram path is announced as well" {
	listen_on server -u -U socket
	[ "$ADDRESS" = socket ]
	[ "$PORT" = '' ]
	[ -S socket ]
	ended
	[ ! -e socket ]
}

@test "an abstract name for datagrams is announced with its @" {
	listen_on server -u -U "@announce.$$"
	[ "$ADDRESS" = "@announce.$$" ]
	[ "$PORT" = '' ]
	ended
}

@test "a path is announced as it was given" {
	local path

	for path in ./socket "$PWD/socket" 'with blanks' $'bell\a'; do
		start server "$SOCKCAT" -l --announce file -U "$path"
		within "$BOUND" test -s file
		printf '%s\n' "$path" | diff - file
		ended
		[ ! -e file ]
	done
}

# begins_with ARG...: each of many listeners says where it is, in a file that
# is there as long as it listens.
begins_with() {
	echo "sockcat -l $*"
	start server "$SOCKCAT" -l --announce file "$@"
	announced file
	[ -n "$ADDRESS" ]
	[ "$(wc -l <file)" -eq 1 ]
	ended
	[ ! -e file ]
	[ ! -e socket ]
}

@test "with -k every listener announces itself" {
	begins_with -k 127.0.0.1 0
	[[ $PORT =~ ^[1-9][0-9]*$ ]]
	begins_with -k -u 127.0.0.1 0
	[[ $PORT =~ ^[1-9][0-9]*$ ]]
	begins_with -k -U socket
	[ "$ADDRESS" = socket ]
	begins_with -k -u -U socket
	[ "$ADDRESS" = socket ]
	begins_with -k -U "@announce.$$"
	[ "$ADDRESS" = "@announce.$$" ]
	begins_with -k -e cat 127.0.0.1 0
	[[ $PORT =~ ^[1-9][0-9]*$ ]]
}

@test "with -k clients neither have the announced file removed nor written" {
	local word

	start server "$SOCKCAT" -l -k -e cat --announce file 127.0.0.1 0
	announced file
	for word in one two three; do
		peer client connect:"$ADDRESS:$PORT" send:"$word" half-close \
			expect:"$word" expect-eof
		succeed client
		holds file "127.0.0.1 $PORT\n"
	done
	ended
	[ ! -e file ]
}

@test "with -k a descriptor is closed once it is written to" {
	mkfifo pipe
	start reader cat pipe
	start server "$SOCKCAT" -l -k -e cat --announce 5 127.0.0.1 0 5>pipe
	succeed reader
	read -r ADDRESS PORT <reader.out
	peer client connect:"$ADDRESS:$PORT" send:x half-close expect:x \
		expect-eof
	succeed client
	ended
}

@test "a datagram listener's file stays until it ends" {
	start server "$SOCKCAT" -l -u -W 2 --announce file 127.0.0.1 0
	announced file
	peer client connect:udp:"$ADDRESS:$PORT" send:one touch:sent \
		wait-file:go send:two
	until_holds server.out one
	[ -e file ]
	touch go
	succeed client server
	[ ! -e file ]
	holds server.out onetwo
}

@test "a file is removed when no client has come in time" {
	run_sockcat -l --accept-timeout 0.1 --announce file 127.0.0.1 0
	[ "$status" -eq 4 ]
	[ "$output" = '' ]
	[ ! -e file ]
}

@test "a file is removed before the program runs" {
	start server "$SOCKCAT" -l --announce file -c 'ls -A; cat' 127.0.0.1 0
	announced file
	peer client connect:"$ADDRESS:$PORT" half-close read-all
	succeed client server
	run ! grep -x file client.out
	[ ! -e file ]
}

@test "a socket that was passed is announced by its address" {
	start_announced server "$PEER" announce:/dev/null listen:127.0.0.1:0 \
		exec "$SOCKCAT" -l --fd 3 --announce server.announce
	[ "$ADDRESS" = 127.0.0.1 ]
	[[ $PORT =~ ^[1-9][0-9]*$ ]]
	peer client connect:"$ADDRESS:$PORT" half-close expect-eof
	succeed client server
}

@test "of a listener that fails nothing is announced" {
	listen_on other -U socket
	run_sockcat -l --announce file -U socket
	[ "$status" -eq 5 ]
	[ "$output" = '' ]
	[ ! -e file ]
	start failing "$SOCKCAT" -l --announce file -e no-such-program \
		127.0.0.1 0
	finish failing 127
	[ ! -e file ]
	signal other TERM
	finish other 143
}

@test "who reads the address can connect at once" {
	local run

	for run in {1..10}; do
		echo "run $run"
		listen_on server 127.0.0.1 0
		peer client connect:"$ADDRESS:$PORT" half-close expect-eof
		succeed client server
	done
}

@test "nothing is announced where nothing listens" {
	run_sockcat -l --announce file 203.0.113.7 0
	[ "$status" -eq 5 ]
	[ ! -e file ]
}

@test "--announce without -l is a usage error" {
	run_sockcat --announce file 127.0.0.1 1
	[ "$status" -eq 2 ]
	[ "$output" = '' ]
	[ "${stderr_lines[0]}" = 'sockcat: --announce needs -l' ]
	[ "${stderr_lines[1]}" = "Try 'sockcat --help'." ]
	[ ! -e file ]
}

@test "a file of somebody else's in the announced one's place is not removed" {
	requires_feature pin
	start server "$SOCKCAT" -l --announce file 127.0.0.1 0
	within "$BOUND" test -e file
	rm file
	echo precious >file
	signal server TERM
	finish server 143
	holds file 'precious\n'
}

@test "a socket that is announced to is named at once" {
	listen_on other -U there
	run_sockcat -l --announce there 127.0.0.1 0
	[ "$status" -eq 7 ]
	[ "$stderr" = 'sockcat: announce on there: No such device or address' ]
	[ -S there ]
	signal other TERM
	finish other 143
}
