#!/usr/bin/env bats
# Name and time servers answer what sockcat asks by UDP, and by TCP.

load common

# dnsmasq_on HOST: on $PORT there, with two names of its own.
dnsmasq_on() {
	exec dnsmasq --keep-in-foreground --port "$PORT" \
		--listen-address "$1" --bind-interfaces --conf-file=/dev/null \
		--no-resolv --no-hosts --pid-file --log-facility=- \
		--user="$(id -un)" --group="$(id -gn)" \
		--address=/name.test/192.0.2.7 --txt-record=long.test,"$TEXT"
}

# The text of the other name: four times 250 characters.
TEXT=$(printf '%0250d,%0250d,%0250d,%0250d' 1 2 3 4)

# Messages are those of RFC 1035, section 4.1.  An answer repeats its question
# and then refers to the question's name.
NUMBER='\0022\0064'
ASKS="$NUMBER"'\0001\0000\0000\0001\0000\0000\0000\0000\0000\0000'
ANSWERS="$NUMBER"'\0205\0200\0000\0001\0000\0001\0000\0000\0000\0000'
CUT="$NUMBER"'\0207\0200\0000\0001\0000\0000\0000\0000\0000\0000'
FOR_ADDRESS='\0004name\0004test\0000\0000\0001\0000\0001'
FOR_TEXT='\0004long\0004test\0000\0000\0020\0000\0001'
IS_ADDRESS='\0300\0014\0000\0001\0000\0001\0000\0000\0000\0000'
IS_ADDRESS+='\0000\0004\0300\0000\0002\0007'

# ask ARG...: the question is in the file of that name.
ask() {
	start client "$SOCKCAT" "$@" <question
	succeed client
}

@test "dnsmasq answers by UDP" {
	requires dnsmasq
	serve names udp dnsmasq_on 127.0.0.1
	printf %b "$ASKS$FOR_ADDRESS" >question
	ask -u -W 1 -w "$BOUND" 127.0.0.1 "$PORT"
	holds client.out "$ANSWERS$FOR_ADDRESS$IS_ADDRESS"
	stop names
}

@test "dnsmasq answers by UDP over IPv6" {
	requires dnsmasq
	requires_ipv6
	serve names udp dnsmasq_on ::1
	printf %b "$ASKS$FOR_ADDRESS" >question
	ask -u -W 1 -w "$BOUND" ::1 "$PORT"
	holds client.out "$ANSWERS$FOR_ADDRESS$IS_ADDRESS"
	stop names
}

# By TCP there are two bytes before each, with its length.
@test "what dnsmasq cuts by UDP it says whole by TCP" {
	requires dnsmasq
	serve names udp dnsmasq_on 127.0.0.1
	within "$BOUND" is_bound names tcp "$PORT"
	printf %b "$ASKS$FOR_TEXT" >question
	ask -u -W 1 -w "$BOUND" 127.0.0.1 "$PORT"
	holds client.out "$CUT$FOR_TEXT"
	printf %b "\0000\0033$ASKS$FOR_TEXT" >question
	ask 127.0.0.1 "$PORT"
	printf %b "\0004\0023$ANSWERS$FOR_TEXT" >expected
	printf %b '\0300\0014\0000\0020\0000\0001\0000\0000\0000\0000' \
		'\0003\0354' >>expected
	for part in ${TEXT//,/ }; do
		printf %b "\0372$part" >>expected
	done
	same_bytes expected client.out
	stop names
}

@test "dnsmasq is asked many times by one client" {
	requires dnsmasq
	serve names udp dnsmasq_on 127.0.0.1
	for ((i = 0; i < 100; i++)); do
		printf %b "$ASKS$FOR_ADDRESS\\n" >>question
		printf %b "$ANSWERS$FOR_ADDRESS$IS_ADDRESS" >>expected
	done
	ask -u --line-datagrams -W 100 -w "$BOUND" 127.0.0.1 "$PORT"
	same_bytes expected client.out
	stop names
}

# chronyd_on HOST: on $PORT there.  It leaves the clock alone.
chronyd_on() {
	exec chronyd -d -x -U -F 0 -u "$(id -un)" "port $PORT" \
		"bindaddress $1" 'allow all' 'local stratum 3' 'cmdport 0' \
		'bindcmdaddress /' "pidfile $PWD/pid"
}

# RFC 5905, section 7.3: a client of version 4 asks with the time when it does
# so, which the server's answer repeats as its origin.
@test "chronyd says what time it is" {
	requires chronyd
	serve clock udp chronyd_on 127.0.0.1
	{
		printf '\043%039d' 0 | tr 0 '\0'
		printf sometime
	} >question
	ask -u -W 1 -w "$BOUND" 127.0.0.1 "$PORT"
	has_size client.out 48
	printf '\044\003' | cmp -n 2 - client.out
	printf sometime | cmp -i 0:24 -n 8 - client.out
	stop clock
}
