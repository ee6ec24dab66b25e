#!/usr/bin/env bats
# curl fetches from sockcat, and sockcat from the web servers that there are.

load common

setup() {
	helpers_setup
	mkdir www
	bytes "$SIZE" www/file
	printf '%s\r\n' 'HTTP/1.1 200 OK' 'Connection: close' \
		"Content-Length: $SIZE" '' >header
	cat header www/file >page
}

# asks PATH LINE...: the question, by the newer version of HTTP.
asks() {
	local path=$1
	shift

	printf '%s\r\n' "GET $path HTTP/1.1" 'Host: localhost' "$@" ''
}

# answered FILE STATUS: it is an answer of that status with the whole file.
answered() {
	local header

	header=$(sed '/^\r$/q' "$1" | wc -c)
	head -n 1 "$1" | grep "^HTTP/1.[01] $2 "
	tail -c "+$((header + 1))" "$1" >"$1.body"
	same_bytes www/file "$1.body"
}

# --- curl ---------------------------------------------------------------------

@test "curl gets a page from sockcat -lk < file, as often as it asks" {
	requires curl
	listen_on server -k 127.0.0.1 0 <page
	for name in first second third; do
		fetch "$name" --dump-header "$name.header" \
			--user-agent "$name" "http://127.0.0.1:$PORT/"
		same_bytes www/file "$name.out"
		same_bytes header "$name.header"
	done
	stop_ours server
	run grep -c '^GET / HTTP/1.1' server.out
	[ "$output" = 3 ]
	run grep '^User-Agent: ' server.out
	[ "$output" = $'User-Agent: first\r\nUser-Agent: second\r
User-Agent: third\r' ]
}

@test "many curls at once get a page from sockcat -lk < file" {
	requires curl
	listen_on server -k 127.0.0.1 0 <page
	for name in 1 2 3 4 5 6 7 8; do
		start "curl.$name" curl -q --silent --show-error \
			--noproxy '*' --max-time "$BOUND" \
			"http://127.0.0.1:$PORT/$name"
	done
	for name in 1 2 3 4 5 6 7 8; do
		succeed "curl.$name"
		same_bytes www/file "curl.$name.out"
		grep -q "^GET /$name HTTP/1.1" server.out
	done
	stop_ours server
}

@test "curl gets a page from sockcat -lk < file over IPv6" {
	requires curl
	requires_ipv6
	listen_on server -k ::1 0 <page
	fetch client "http://[::1]:$PORT/"
	same_bytes www/file client.out
	stop_ours server
	grep -q '^GET / HTTP/1.1' server.out
}

@test "curl gets a page from sockcat -lkU < file" {
	requires curl
	listen_on server -k -U path <page
	fetch client --unix-socket path http://localhost/
	same_bytes www/file client.out
	stop_ours server
	grep -q '^GET / HTTP/1.1' server.out
	[ ! -e path ]
}

@test "curl puts a file to sockcat -l > file, and is answered then" {
	requires curl
	printf '%s\r\n' 'HTTP/1.1 201 Created' 'Connection: close' \
		'Content-Length: 5' '' >answer
	printf taken >>answer
	mkfifo fifo
	start speaker speak fifo +whole answer
	listen_on server 127.0.0.1 0 <fifo
	start client curl -q --silent --show-error --noproxy '*' \
		--max-time "$BOUND" --header Expect: --upload-file www/file \
		"http://127.0.0.1:$PORT/there"
	within "$BOUND" ends_with_file server.out
	: >whole
	succeed client server speaker
	holds client.out taken
	[ "$(head -n 1 server.out)" = $'PUT /there HTTP/1.1\r' ]
}

ends_with_file() {
	tail -c "$SIZE" "$1" | cmp -s - www/file
}

# --- web servers --------------------------------------------------------------

@test "sockcat gets from BusyBox's httpd what curl gets" {
	requires busybox curl
	serve web tcp busybox httpd -f -p 127.0.0.1:PORT -h www
	fetch curl --http1.0 "http://127.0.0.1:$PORT/file"
	same_bytes www/file curl.out
	printf 'GET /file HTTP/1.0\r\n\r\n' >question
	start client "$SOCKCAT" 127.0.0.1 "$PORT" <question
	succeed client
	answered client.out 200
	stop web
	holds web.err ''
}

@test "BusyBox's httpd is a program that a listener runs for curl" {
	requires busybox curl
	listen_on server -k -e 'busybox httpd -i -h www' 127.0.0.1 0
	for name in 1 2 3 4; do
		start "curl.$name" curl -q --silent --show-error \
			--noproxy '*' --max-time "$BOUND" \
			"http://127.0.0.1:$PORT/file"
	done
	for name in 1 2 3 4; do
		succeed "curl.$name"
		same_bytes www/file "curl.$name.out"
	done
	stop_ours server
	holds server.out ''
}

# nginx: on $PORT and on a Unix socket.
nginx() {
	cat >nginx.conf <<-END
		daemon off;
		master_process off;
		pid nginx.pid;
		error_log stderr;
		events {}
		http {
			access_log off;
			client_body_temp_path body;
			proxy_temp_path proxy;
			fastcgi_temp_path fastcgi;
			scgi_temp_path scgi;
			uwsgi_temp_path uwsgi;
			server {
				listen 127.0.0.1:$PORT;
				listen unix:$PWD/web;
				root $PWD/www;
			}
		}
	END
	exec "$(type -P nginx)" -p "$PWD" -e stderr -c nginx.conf
}

# To nginx the end of what is asked is the end of all: it answers no longer.
@test "sockcat gets from nginx what curl gets" {
	requires nginx curl
	serve web tcp nginx
	fetch curl "http://127.0.0.1:$PORT/file"
	same_bytes www/file curl.out
	asks /file 'Connection: close' >question
	start client "$SOCKCAT" --no-shutdown 127.0.0.1 "$PORT" <question
	start unix "$SOCKCAT" --no-shutdown -U web <question
	succeed client unix
	answered client.out 200
	answered unix.out 200
	stop web
}

@test "nginx answers all of several questions at once, and ends" {
	requires nginx
	serve web tcp nginx
	echo one >www/one
	echo two >www/two
	{
		asks /one
		asks /two
		asks /file 'Connection: close'
	} >question
	start client "$SOCKCAT" --no-shutdown 127.0.0.1 "$PORT" <question
	succeed client
	run grep -ac '^HTTP/1.1 200 OK' client.out
	[ "$output" = 3 ]
	run grep -ax -e one -e two client.out
	[ "$output" = $'one\ntwo' ]
	tail -c "$SIZE" client.out >last
	same_bytes www/file last
	stop web
}

@test "curl gets from nginx by way of a listener that runs sockcat" {
	requires nginx curl
	serve web tcp nginx
	listen_on relay -k -e "$SOCKCAT --no-shutdown -U web" 127.0.0.1 0
	fetch both "http://127.0.0.1:$PORT/file" "http://127.0.0.1:$PORT/file"
	cat www/file www/file | cmp - both.out
	stop_ours relay
	holds relay.out ''
	stop web
}
