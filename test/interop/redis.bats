#!/usr/bin/env bats
# sockcat talks to Redis, and Redis's clients talk to it through sockcat.

# shellcheck disable=SC2016 # Redis says how long things are with a $
load common

setup() {
	helpers_setup
	requires redis-server
	serve_redis
}

serve_redis() {
	serve redis tcp redis-server --port PORT --bind 127.0.0.1 \
		--unixsocket "$PWD/path" --save '' --appendonly no --dir "$PWD"
	until_bound_at redis "$PWD/path" stream
}

teardown() {
	[[ -z ${PIDS[redis]:-} ]] || stop redis
	helpers_teardown
}

# says ADDRESS...: a question in stdin, and what comes is in client.out.
says() {
	start client "$SOCKCAT" "$@" <&0
	succeed client
}

@test "Redis answers PING over TCP" {
	says 127.0.0.1 "$PORT" < <(printf 'PING\r\n')
	holds client.out '+PONG\r\n'
}

@test "Redis answers PING over its Unix socket" {
	says -U path < <(printf 'PING\r\n')
	holds client.out '+PONG\r\n'
}

@test "Redis takes a value over TCP and gives it over its Unix socket" {
	says -C 127.0.0.1 "$PORT" < <(printf 'SET key value\nGET key\n')
	holds client.out '+OK\r\n$5\r\nvalue\r\n'
	says -C -U path < <(printf 'GET key\nDEL key\nGET key\n')
	holds client.out '$5\r\nvalue\r\n:1\r\n$-1\r\n'
}

# QUIT makes Redis send all and close: told the end it would only close.
@test "a value of 10 MiB comes back from Redis as it was, either way" {
	bytes "$SIZE" value
	{
		printf '*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$%d\r\n' "$SIZE"
		cat value
		printf '\r\nQUIT\r\n'
	} >order
	printf 'GET key\r\nQUIT\r\n' >question
	{
		printf '$%d\r\n' "$SIZE"
		cat value
		printf '\r\n+OK\r\n'
	} >expected
	says --no-shutdown 127.0.0.1 "$PORT" <order
	holds client.out '+OK\r\n+OK\r\n'
	says --no-shutdown -U path <question
	same_bytes expected client.out
	says --no-shutdown -U path <order
	holds client.out '+OK\r\n+OK\r\n'
	says --no-shutdown 127.0.0.1 "$PORT" <question
	same_bytes expected client.out
}

@test "Redis is waited for until it listens" {
	stop redis
	start client "$SOCKCAT" --wait "$BOUND" -U path < <(printf 'PING\r\n')
	serve_redis
	succeed client
	holds client.out '+PONG\r\n'
}

@test "redis-cli and redis-benchmark go through listeners that run sockcat" {
	requires redis-cli redis-benchmark
	listen_on relay -k -e "$SOCKCAT -U path" 127.0.0.1 0
	start cli redis-cli -h 127.0.0.1 -p "$PORT" < <(
		echo 'SET key value'
		echo 'APPEND key s'
		echo 'GET key'
	)
	succeed cli
	holds cli.out 'OK\n6\nvalues\n'
	start benchmark redis-benchmark -h 127.0.0.1 -p "$PORT" -q --csv \
		-c 10 -n 2000 -d 1000 -P 4 -t set,get,lrange_100
	finish benchmark 0
	run grep -c '^"[A-Z]' benchmark.out
	[ "$output" -ge 3 ]
	run grep -ci error benchmark.out benchmark.err
	[ "$output" = $'benchmark.out:0\nbenchmark.err:0' ]
	stop_ours relay
	holds relay.out ''
}
