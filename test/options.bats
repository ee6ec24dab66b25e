#!/usr/bin/env bats
# The command line: what is taken, what is refused, and in which words.

# shellcheck disable=SC2154 # run sets them
load lib/helpers

@test "--help goes to standard output and ends with 0" {
	run --separate-stderr "$SOCKCAT" --help
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[[ "$output" == *"sockcat [options] HOST PORT"* ]]
	[[ "$output" == *"-w, --timeout T"* ]]
	run --separate-stderr "$SOCKCAT" -h
	[ "$status" -eq 0 ]
	[[ "$output" == *"--announce FD|PATH"* ]]
}

@test "--help fits 80 columns" {
	run awk 'length > 80' < <("$SOCKCAT" --help)
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "--version names program, version and features" {
	run --separate-stderr "$SOCKCAT" --version
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[[ "${lines[0]}" =~ ^sockcat\ [0-9]+\.[0-9]+ ]]
}

@test "--help on a full disk is a failure" {
	run --separate-stderr redirected '>/dev/full' "$SOCKCAT" --help
	[ "$status" -eq 7 ]
	[ "$stderr" = "sockcat: write to stdout: No space left on device" ]
}

@test "ports that are not plain numbers are refused with their text" {
	local port
	for port in ' 80' '80 ' +80 -0x50 80x 0x50 99999999999 65536 '' 1.5; do
		refused "invalid port '$port'" -- 127.0.0.1 "$port"
		refused "invalid port '$port'" -l -- "$port"
		refused "invalid port '$port'" -l -p "$port"
		refused "invalid port '$port'" -p "$port" 127.0.0.1 1
	done
}

@test "port 0 is for listening only" {
	refused "port '0' cannot be connected to" 127.0.0.1 0
	refused "port '000' cannot be connected to" 127.0.0.1:000
}

@test "an unknown service is a usage error" {
	run --separate-stderr "$SOCKCAT" 127.0.0.1 no-such-service
	[ "$status" -eq 2 ]
	[ "$stderr" = "sockcat: unknown service 'no-such-service'" ]
}

@test "operands that make no target are refused" {
	refused "missing host and port"
	refused "missing port: 'localhost'" localhost
	refused "missing host: ''" '' 80
	refused "missing host: ':80'" :80
	refused "one operand too many: 'c'" a 1 c
	refused "one operand too many: '3'" -l a 1 3
	refused "an IPv6 address with a port goes in brackets: '::1:80'" ::1:80
	refused "not of the form [ADDRESS]:PORT: '[::1]'" '[::1]'
	refused "not of the form [ADDRESS]:PORT: '[::1:80'" '[::1:80'
	refused "missing port to listen on" -l
	refused "missing port to listen on" -l -s 127.0.0.1
	refused "the port is given twice: '80' and '81'" -l -p 80 81
	refused "the address is given twice: '::1' and '::'" -l -s ::1 :: 80
	refused "missing path of the Unix socket" -U
	refused "a Unix socket takes one path: 'b'" -U a b
	refused "the path of a Unix socket is empty: ''" -U ''
	refused "the path of a Unix socket is empty: ''" unix:
}

@test "a host name over the limit is refused, not cut" {
	local long
	printf -v long '%0300d' 0
	refused "host name is too long: '$long'" "$long" 80
	refused "host name is too long: '$long:80'" "$long:80"
}

@test "unknown options are named" {
	refused "unknown option '-j'" -j a 1
	refused "unknown option '-j'" -zj a 1
	refused "unknown option '-y'" -y cat a 1
	refused "unknown option '--frobnicate'" --frobnicate a 1
	refused "option '--no-s' is ambiguous: --no-shutdown, --no-stdin, --no-sandbox" \
		--no-s a 1
}

@test "a letter that is no option is named, whatever byte it is" {
	refused $'unknown option \'-\xfe\'' $'-\xfe'
	refused $'unknown option \'-\xfe\'' $'-6\xfe'
	refused $'unknown option \'-\xc3\'' -é
}

@test "arguments that are missing or not wanted are named" {
	refused "--timeout requires an argument: T" a 1 -w
	refused "--announce requires an argument: FD|PATH" -l 0 --announce
	refused "--wait requires an argument: T" a 1 --wait
	refused "--jobs requires an argument: N" -z a 1-5 --jobs
	refused "--scan takes no argument: '--scan=1'" --scan=1 a 1
	refused "--udp takes no argument: '--udp=1'" --udp=1 a 1
}

@test "times are strict" {
	local time
	for time in '' ' 1' '1 ' +1 -1 1x 5h 0x1 1e3 . 5. 99999999999999999999
	do
		refused "--timeout: '$time' is not a time (5, 0.5, 200ms, 2m)" \
			--timeout="$time" a 1
	done
	refused "--idle-timeout: 'x' is not a time (5, 0.5, 200ms, 2m)" \
		--idle-timeout x a 1
	refused "--wait: '-1' is not a time (5, 0.5, 200ms, 2m)" --wait -1 a 1
	refused "--quit-after: '-x' is not a time (5, 0.5, 200ms, 2m)" -q -x a 1
}

@test "numbers are strict" {
	local number
	for number in '' ' 1' +1 -1 1x 0 99999999999; do
		refused "--recv-limit: '$number' is not a number from 1 to\
 2147483647" -u --recv-limit="$number" a 1
	done
	for number in '' ' 1' +1 -1 1x 0 65536; do
		refused "--jobs: '$number' is not a number from 1 to 65535" \
			-z --jobs="$number" a 1-5
	done
}

@test "letters of other netcats are refused with what to use instead" {
	local letter
	for letter in E f g G H K L R S V Z; do
		run --separate-stderr "$SOCKCAT" "-$letter" a 1
		[ "$status" -eq 2 ]
		[ -z "$output" ]
		[[ "${stderr_lines[0]}" == "sockcat: -$letter is not supported: "* ]]
	done
	refused "-L is not supported: to listen for many clients use -l -k" -L
}

@test "options that contradict each other are refused" {
	refused "-4 and -6 exclude each other" -4 -6 a 1
	refused "-4 does not fit a Unix socket" -4 -U a
	refused "-6 does not fit a Unix socket" -6 unix:a
	refused "-s names a Unix datagram client: it needs -u" -s b -U a
	refused "-p does not fit a Unix socket" -lU -p 1 a
	refused "--reuse-port does not fit a Unix socket" --reuse-port -lU a
	refused "--nagle is for TCP, not for a Unix socket" --nagle -U a
	refused "--nagle is for TCP, not for datagrams" --nagle -u a 1
	refused "--backlog is for connections, not for datagrams" \
		-lu --backlog 5 0
	refused "-k needs -l" -k a 1
	refused "--accept-timeout needs -l" --accept-timeout 1 a 1
	refused "--backlog needs -l" --backlog 1 a 1
	refused "--announce needs -l" --announce 3 a 1
	refused "--connect-timeout does not fit -l" -l --connect-timeout 1 0
	refused "--wait does not fit -l" -l --wait 1 0
	refused "-z does not fit -l" -l -z 0
	refused "-z does not fit -l" -lzU path
	refused "-r needs -z" -r a 1
	refused "--jobs needs -z" --jobs 5 a 1
	refused "--reuse-addr and --no-reuse-addr exclude each other" \
		-l --reuse-addr --no-reuse-addr 0
	refused "-N and --no-shutdown exclude each other" -N --no-shutdown a 1
	refused "--send-only has nothing to send with -d or --recv-only" \
		-d --send-only a 1
	refused "--send-only has nothing to send with -d or --recv-only" \
		--recv-only --send-only a 1
	refused "-W waits for what --send-only drops" -u -W 1 --send-only a 1
	refused "-W waits for what -z drops" -u -W 1 -z a 1
	refused "-W counts messages, which a stream has not: it needs -u" \
		-W 1 a 1
}
