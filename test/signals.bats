#!/usr/bin/env bats
# What signals end, what they leave behind, and what they must not touch.

# shellcheck disable=SC2154 # stderr is set by run
load lib/helpers

# dies_of SIGNAL STATUS: a listener does, and removes what it made.
dies_of() {
	start server unignored "$SOCKCAT" -l --announce file -U socket
	within "$BOUND" test -s file
	[ -S socket ]
	signal server "$1"
	finish server "$2"
	[ ! -e socket ]
	[ ! -e file ]
	holds server.out ''
	holds server.err ''
}

@test "SIGTERM ends a listener, which removes what it made" {
	dies_of TERM 143
}

@test "SIGINT ends a listener, which removes what it made" {
	dies_of INT 130
}

@test "SIGHUP ends a listener, which removes what it made" {
	dies_of HUP 129
}

@test "a datagram listener removes its path as well" {
	start server "$SOCKCAT" -l -u --announce file -U socket
	within "$BOUND" test -s file
	signal server TERM
	finish server 143
	[ ! -e socket ]
	[ ! -e file ]
}

@test "it is the signal that it dies of, not an exit status" {
	# The shell between says so where a signal has killed its child.
	start shell bash -c 'bash -c "echo \$\$ >pid; exec \"\$@\"" _ "$@"
		exit $?' _ "$SOCKCAT" -l --announce file 127.0.0.1 0
	within "$BOUND" test -s file
	kill -s TERM "$(<pid)"
	finish shell 143
	[[ $(<shell.err) == *Terminated* ]]
	[ ! -e file ]
}

@test "no signal comes too early for what is made to be removed" {
	local run turn

	for run in {1..20}; do
		echo "run $run"
		start server "$SOCKCAT" -l --announce file -U socket
		# As soon as can be, and so without a pause.
		for ((turn = 0; turn < 100000; turn++)); do
			[[ ! -S socket ]] || break
		done
		signal server TERM
		finish server 143
		[ ! -e socket ]
		[ ! -e file ]
	done
}

@test "a signal ends a connection that waits for both sides" {
	mkfifo in
	exec 7<>in
	peer_listen server listen:127.0.0.1:0 accept send:hello expect-eof
	start client "$SOCKCAT" "$ADDRESS" "$PORT" <in
	until_holds client.out hello
	signal client TERM
	finish client 143
	holds client.err ''
	succeed server
}

@test "a signal ends a wait for a stdout that nobody reads" {
	mkfifo out
	exec 7<>out
	peer_listen server listen:127.0.0.1:0 accept queue-bytes:16000000 \
		expect:x touch:stalled stall
	start client to out "$SOCKCAT" "$ADDRESS" "$PORT" < <(printf x)
	within "$BOUND" test -e stalled
	signal client TERM
	finish client 143
	holds client.err ''
	signal server KILL
	finish server 137
}

@test "a signal ends a wait for who should read that the connection is lost" {
	full_pipe err
	peer_listen server listen:127.0.0.1:0 accept send:hello expect-eof \
		wait-file:seen reset
	start client redirected '2>err' unignored "$SOCKCAT" "$ADDRESS" "$PORT"
	until_holds client.out hello
	touch seen
	succeed server
	is_running client
	signal client TERM
	finish client 143
	holds client.out hello
}

@test "a signal ends a wait for who should read that a program has gone" {
	printf '#!/bin/sh\n' >program
	chmod +x program
	full_pipe err
	start_announced server redirected '2>err' "$SOCKCAT" -l -k -e ./program \
		--announce server.announce 127.0.0.1 0
	rm program
	peer client connect:"$ADDRESS:$PORT" expect-eof
	within "$BOUND" is_stuck server
	signal server TERM
	finish server 143
	succeed client
}

# is_stuck NAME: it has let a client in, and sleeps.
is_stuck() {
	local fd sockets=0 state

	for fd in "/proc/${PIDS[$1]}/fd/"*; do
		if [[ -S $fd ]]; then
			((++sockets))
		fi
	done
	read -r _ _ state _ <"/proc/${PIDS[$1]}/stat"
	[[ $sockets -eq 2 && $state == [SD] ]]
}

@test "a signal ends a wait for a Unix listener that takes nobody" {
	peer_listen server backlog:0 listen:unix:socket stall
	peer first connect:unix:socket touch:queued stall
	within "$BOUND" test -e queued
	start client "$SOCKCAT" -U socket
	within "$BOUND" has_socket client
	signal client TERM
	finish client 143
	holds client.err ''
	signal server KILL
	signal first KILL
	finish server 137
	finish first 137
}

@test "a signal that was ignored at the start stays ignored" {
	start server env --ignore-signal=TERM,INT,HUP "$SOCKCAT" -l \
		--announce file 127.0.0.1 0
	announced file
	signal server TERM
	signal server INT
	signal server HUP
	peer client connect:"$ADDRESS:$PORT" send:hello half-close expect-eof
	succeed client server
	holds server.out hello
}

@test "when its reader has gone it dies of SIGPIPE, as filters do" {
	mkfifo in
	exec 7<>in
	peer_listen server listen:127.0.0.1:0 accept send:'one\ntwo\n' \
		wait-file:go
	# Nothing more is written: that head has gone is noticed all the same.
	start client first_line unignored "$SOCKCAT" "$ADDRESS" "$PORT" <in
	finish client 141
	holds client.out 'one\n'
	holds client.err ''
	touch go
	succeed server
}

@test "when its reader goes in mid-stream it dies of SIGPIPE" {
	mkfifo in
	exec 7<>in
	peer_listen server listen:127.0.0.1:0 accept queue-bytes:50000000 \
		expect-eof
	start client first_line unignored "$SOCKCAT" "$ADDRESS" "$PORT" <in
	finish client 141
	holds client.err ''
	succeed server
}

@test "what was read from stdin is sent before SIGPIPE is died of" {
	local rest

	bytes 300000 data
	exec 7<data
	peer_listen server rcvbuf:4096 listen:127.0.0.1:0 accept \
		send:'one\ntwo\n' wait-file:go read-all
	start client first_line unignored "$SOCKCAT" "$ADDRESS" "$PORT" <&7
	until_holds client.out 'one\n'
	touch go
	finish client 141
	holds client.err ''
	succeed server
	# What was not read is still there to be read.
	rest=$(wc -c <&7)
	head -c -"$rest" data >taken
	same_bytes taken server.out
}

@test "with SIGPIPE ignored a reader that has gone is status 7" {
	mkfifo in
	exec 7<>in
	peer_listen server listen:127.0.0.1:0 accept send:'one\ntwo\n' \
		wait-file:go
	start client first_line env --ignore-signal=PIPE "$SOCKCAT" \
		"$ADDRESS" "$PORT" <in
	finish client 7
	holds client.out 'one\n'
	holds client.err 'sockcat: write to stdout: Broken pipe\n'
	touch go
	succeed server
}

@test "stopped and continued, it loses nothing" {
	bytes 8000000 data
	peer_listen server listen:127.0.0.1:0 accept queue-bytes:8000000 \
		expect-bytes:1000 touch:begun wait-file:stopped \
		expect-bytes:7999000 expect-eof flush close
	start client "$SOCKCAT" "$ADDRESS" "$PORT" <data
	within "$BOUND" test -e begun
	suspend client
	touch stopped
	signal client CONT
	succeed client server
	same_bytes data client.out
}

@test "stopped and continued, a listener still listens" {
	listen_on server 127.0.0.1 0
	suspend server
	peer client connect:"$ADDRESS:$PORT" touch:came send:hello half-close \
		expect-eof
	within "$BOUND" test -e came
	signal server CONT
	succeed client server
	holds server.out hello
}
