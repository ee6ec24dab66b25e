#!/usr/bin/env bats
# sockcat writes to the daemons that keep the system's log.

load common

# rsyslogd_on KIND: at $PORT of udp or tcp, and at the Unix socket "path".
rsyslogd_on() {
	cat >rsyslog.conf <<-END
		global(workDirectory="$PWD")
		module(load="im$1")
		module(load="imuxsock" SysSock.Use="off")
		template(name="line" type="string"
		string="%syslogfacility%.%syslogseverity% %syslogtag%%msg%\n")
		input(type="im$1" address="127.0.0.1" port="$PORT")
		input(type="imuxsock" Socket="$PWD/path" RateLimit.Interval="0")
		*.* action(type="omfile" file="$PWD/log" template="line")
	END
	exec rsyslogd -n -C -f rsyslog.conf -i "$PWD/pid"
}

setup() {
	helpers_setup
	seq -f 'line %g' 1000 >lines
	sed 's/^/<13>run: /' lines >messages
	sed 's/^/1.5 run: /' lines >expected
}

# Its own say begins and ends the log.
logged() {
	grep -v ' rsyslogd: ' log >lines.logged
	cmp -s "$1" lines.logged
}

@test "rsyslog logs what comes to its Unix socket, a line at a time" {
	requires rsyslogd
	serve daemon udp rsyslogd_on udp
	until_bound_at daemon "$PWD/path" dgram
	start client "$SOCKCAT" -u --send-only --line-datagrams \
		"unix:path" <messages
	succeed client
	within "$BOUND" logged expected
	stop daemon
}

@test "rsyslog logs what comes by UDP, in the order in which it was sent" {
	requires rsyslogd
	serve daemon udp rsyslogd_on udp
	# There is room for so many, however slow it is.
	head -n 100 messages >some
	head -n 100 expected >expected.some
	start client "$SOCKCAT" -u --send-only --line-datagrams \
		127.0.0.1 "$PORT" <some
	succeed client
	within "$BOUND" logged expected.some
	stop daemon
}

@test "rsyslog logs what comes by TCP" {
	requires rsyslogd
	serve daemon tcp rsyslogd_on tcp
	start client "$SOCKCAT" 127.0.0.1 "$PORT" <messages
	succeed client
	within "$BOUND" logged expected
	stop daemon
}

@test "one message to rsyslog needs no newline" {
	requires rsyslogd
	serve daemon udp rsyslogd_on udp
	until_bound_at daemon "$PWD/path" dgram
	start unix "$SOCKCAT" -u --send-only unix:path < <(
		printf '<13>backup: by path'
	)
	succeed unix
	echo '1.5 backup: by path' >expected
	within "$BOUND" logged expected
	start udp "$SOCKCAT" -u --send-only 127.0.0.1 "$PORT" < <(
		printf '<11>backup: by UDP'
	)
	succeed udp
	echo '1.3 backup: by UDP' >>expected
	within "$BOUND" logged expected
	stop daemon
}

# logger(1) is the client here.
@test "what logger sends by UDP comes whole to a listener" {
	requires logger
	listen_on server -d -k -u 127.0.0.1 0
	start logger logger --udp --server 127.0.0.1 --port "$PORT" \
		--tag run --rfc3164 hello
	succeed logger
	within "$BOUND" has_come server.out '^<13>.* run: hello'
	stop_ours server
}

@test "what logger sends to a Unix socket comes whole to a listener" {
	requires logger
	listen_on server -d -k -u -U path
	start logger logger --socket path --tag run hello
	succeed logger
	within "$BOUND" has_come server.out '^<13>.* run: hello'
	stop_ours server
}

has_come() {
	grep -aq "$2" "$1"
}

# BusyBox's daemon knows no other path than /dev/log.
@test "BusyBox's syslogd logs what comes to /dev/log" {
	requires busybox
	namespace
	mkdir dev devices
	inside mount --rbind /dev devices
	for device in null zero full random urandom tty; do
		ln -s "$PWD/devices/$device" dev/"$device"
	done
	inside mount --bind dev /dev
	start daemon "${INSIDE[@]}" busybox syslogd -n -S -O "$PWD/log"
	within "$BOUND" is_bound_inside /dev/log
	start client "$SOCKCAT" -u --send-only --line-datagrams unix:/dev/log \
		<messages
	succeed client
	within "$BOUND" logged_by_busybox
	stop daemon
}

is_bound_inside() {
	inside grep -q " 0002 01 *[0-9]* $1\$" /proc/net/unix
}

logged_by_busybox() {
	grep -o 'run: .*' log | sed 's/^run: //' >lines.logged
	cmp -s lines lines.logged
}
