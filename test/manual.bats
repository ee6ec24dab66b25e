#!/usr/bin/env bats
# What is written about sockcat: --help, the manual, the completions and the
# README say the same as each other and as the source, and every command that
# they show is run.

# shellcheck disable=SC2154 # stderr is set by run
load lib/helpers

SOURCE=$TOP/sockcat.c
MANUAL=$TOP/sockcat.1
README=$TOP/README.md

ANNOUNCE='--announce server.announce'
REFUSED='Connection refused'

# What a proxy of SOCKS5 says when it has connected, and what a server says to
# ssh, which then has nothing more to say.
OPENED='\x05\0\0\x01\0\0\0\0\0\0'
SSH_SERVER=('send:SSH-2.0-none\r\n' half-close read-all)

setup() {
	helpers_setup
	mkdir bin
	ln -s "$SOCKCAT" bin/sockcat
	PATH=$PWD/bin:$PATH
}

# --- what is read from where --------------------------------------------------

# The options with their groups, one a line: "Connect", "-w --timeout ARG".
help_options() {
	"$SOCKCAT" --help | awk '
	/^[A-Z][a-z]*$/
	/^ +-/ {
		n = split(substr($0, 1, 32), word)
		line = ""
		for (i = 1; i <= n; i++)
			line = line " " (word[i] ~ /^-/ ? word[i] : "ARG")
		gsub(/,/, "", line)
		print substr(line, 2)
	}'
}

manual_options() {
	awk '
	/^\.Sh/ { inside = $2 == "OPTIONS" }
	inside && /^\.Ss/ { print $2 }
	inside && /^\.It Fl/ {
		line = $0
		sub(/^\.It /, "", line)
		sub(/ Ar .*/, " ARG", line)
		gsub(/ ,/, "", line)
		gsub(/Fl Fl /, "--", line)
		gsub(/Fl /, "-", line)
		print line
	}' "$MANUAL"
}

# completion_options SHELL: the options of which it is told, sorted.
completion_options() {
	"$SOCKCAT" --completion "$1" >"$1".script
	case $1 in
	bash) sed -n "/ options='/,/'\$/p" bash.script ;;
	zsh) sed -n "/^\t*['-][^[]*\[/{ s/\[.*//; s/'([^)]*)'//; p; }" \
		zsh.script ;;
	fish) sed -n 's/^complete -c sockcat \(-[sl] .*\) -d .*/\1/p' \
		fish.script | grep -oE -e '-s .|-l [^ ]+' |
		sed 's/-s /-/; s/-l /--/' ;;
	esac | grep -oE -e '--?[A-Za-z0-9][A-Za-z0-9-]*' | LC_ALL=C sort
}

# section HEADING < README: what stands under this heading.
section() {
	awk -v heading="## $1" '/^## / { inside = $0 == heading; next } inside'
}

# The first column of the README's table under a heading.
first_column() {
	section "$1" <"$README" | sed -n 's/^| \([^|]*\) |.*/\1/p' | tail -n +2
}

# The commands of the README: what stands in its blocks.
shown() {
	awk '/^```/ { inside = /sh(config)?$/; print ""; next } inside' "$README"
}

# The lines of the recipe that the test is named for.
recipe() {
	shown | awk -v title="# ${BATS_TEST_DESCRIPTION#recipe: }" '
		$0 == "" { inside = 0 }
		inside
		$0 == title { inside = 1 }'
}

# The examples of the manual as a reader sees them, a form feed after each.
examples() {
	awk '
	/^\.Sh/ { inside = $2 == "EXAMPLES" }
	inside && /^\.Ed/ { printf "\f"; literal = 0 }
	inside && literal
	inside && /^\.Bd/ { literal = 1 }' "$MANUAL" |
		sed "s/\\\\(aq/'/g; s/\\\\e/\\\\/g; s/\\\\-/-/g; s/\\\\&//"
}

# --- how a recipe is run ------------------------------------------------------

# line N: that one of the recipe, with what differs here: who listens does so
# on a free port of loopback and says so, who connects is told of it, or of
# the proxy if there is one, and the system's log is a socket of the test's.  A
# peer that answers may take longer than two seconds.
line() {
	recipe | sed -n "$1p" | sed "
		/ -lk* /s/\( 127\.0\.0\.1\)* \(9000\|8080\)/ 127.0.0.1 0 $ANNOUNCE/
		/ -lk* /s| -U \./control\$|& $ANNOUNCE|
		/ -x /!s|example\.org [0-9][0-9]*|$ADDRESS $PORT|
		s|^\(ssh .* \)example\.org\$|\1-F none -p $PORT $ADDRESS|
		s|proxy\.example\.org|$ADDRESS:$PORT|
		s|/dev/log|./log|
		s/ -zu / -zu -w 6 /
		s/ -z -x / -z -w 20 -x /
		s/ --deadline 2 / --deadline 20 /
		s/ -W 1 -w 2 / -W 1 -w 20 /
		s/ -b -w 2 / -b -w 6 /
		s/^sockcat /exec &/"
}

# verbose: from here on sockcat is run with -v.
verbose() {
	rm bin/sockcat
	printf '#!/bin/sh\nexec %s -v "$@"\n' "${SOCKCAT@Q}" >bin/sockcat
	chmod +x bin/sockcat
}

# socks5_proxy PORT STEP...: "proxy" is one that is asked for that port, as two
# bytes, of example.org by its name, and plays these steps once connected.
socks5_proxy() {
	peer_listen proxy listen:127.0.0.1:0 accept 'expect:\x05\x01\0' \
		'send:\x05\0' "expect:\x05\x01\0\x03\x0bexample.org$1" \
		"send:$OPENED" "${@:2}"
}

# http_proxy PORT STEP...: likewise, and it is told of user and secret.
http_proxy() {
	peer_listen proxy listen:127.0.0.1:0 accept \
		expect:"CONNECT example.org:$1 HTTP/1.1\r\n" \
		expect:"Host: example.org:$1\r\n" \
		expect:'Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n\r\n' \
		send:'HTTP/1.1 200 OK\r\n\r\n' "${@:2}"
}

# ssh_by_config: ssh has its configuration from the recipe, and reaches the
# server behind the proxy.
ssh_by_config() {
	line '1,$' >config
	start client ssh -F ./config example.org
	succeed proxy
	finish client 255
	[[ $(head -c 8 proxy.out) == SSH-2.0- ]]
}

# said NAME LINE...: each line that is different, as patterns, in their order
# in the C locale, but for what it says of the sandbox.
said() {
	local name=$1 line
	shift

	grep -v '^Confined by ' "$name".err | LC_ALL=C sort -u >"$name".said
	while read -r line; do
		# shellcheck disable=SC2053 # a pattern it is
		[[ $# -gt 0 && $line == $1 ]] || return 1
		shift
	done <"$name".said
	[[ $# -eq 0 ]]
}

# inside_too: the recipe's sockcat is in the test's namespace from here on.
inside_too() {
	rm bin/sockcat
	ln -s "$SOCKCAT" bin/sockcat
}

# mptcp_requests: how many connections have been asked for by MPTCP.
mptcp_requests() {
	awk '$1 == "MPTcpExt:" && !name { name = split($0, names); next }
		$1 == "MPTcpExt:" {
			for (i = 1; i <= NF; i++)
				if (names[i] == "MPCapableSYNRX")
					print $i
		}' /proc/net/netstat
}

# start_line NAME N: as a shell runs it.
start_line() {
	start "$1" sh -c "$(line "$2")"
}

# The recipe's first line listens.
start_listener() {
	start_announced server sh -c "$(line 1)"
}

# occupy NAME...: clients of the listener, each of which stays until "leave".
occupy() {
	local name

	for name; do
		peer "$name" connect:"$ADDRESS:$PORT" touch:"$name.there" \
			wait-file:"$name.over" half-close discard-all
		within "$BOUND" test -e "$name.there"
	done
}

leave() {
	local name

	for name; do
		touch "$name.over"
	done
	succeed "$@"
}

# end_service: a listener that serves nobody any more is ended, and has not
# failed.
end_service() {
	signal server TERM
	finish server 143
	holds server.err ''
}

# --- what agrees --------------------------------------------------------------

@test "--help and the manual have the same options in the same order" {
	help_options >help
	manual_options >manual
	[ "$(grep -c ^- help)" -gt 20 ]
	diff help manual
}

@test "--help has the options of the source's table in their order" {
	sed -n '/ option_rows\[\] = /,/^};/p' "$SOURCE" | sed -n '
		/^GROUP/d
		s/^[A-Z]*([^"]*"\([^"]*\)", .*/--\1/p' >source
	[ "$(grep -c . source)" -gt 60 ]
	help_options | grep -o -e '--[0-9a-z-]\+' >help
	diff source help
}

@test "the manual's synopsis has all letters but -h and no other" {
	awk '/^\.Sh/ { inside = $2 == "SYNOPSIS" }
		inside && sub(/^\.(Op )?Fl /, "") { print $1 }' "$MANUAL" |
		grep -o . | sort -u >synopsis
	help_options | sed -n 's/^-\([^-]\).*/\1/p' | grep -v h | sort >help
	diff help synopsis
}

@test "the manual names no long option that there is not" {
	grep -o 'Fl Fl [0-9a-z-]\+' "$MANUAL" | sed 's/Fl Fl /--/' |
		sort -u >manual
	help_options | grep -o -e '--[0-9a-z-]\+' | sort >help
	diff help manual
}

@test "the completions have the options of --help and no other" {
	local shell

	help_options | grep -oE -e '--?[A-Za-z0-9][A-Za-z0-9-]*' |
		LC_ALL=C sort >help
	for shell in bash zsh fish; do
		echo "$shell"
		completion_options "$shell" >told
		diff help told
	done
}

@test "the manual says of each option what it needs and excludes, and no more" {
	sed -n '/ pairs\[\] = /,/^};/p' "$SOURCE" | sed -n '
		s/^TRANSFER(\("[^"]*"\).*/exec WITH \1\
			sh-exec WITH \1\
			pass-fd WITH \1/p
		s/^{ //p' | tr -d '",' | awk '
		$2 == "WITHOUT" { print $1, "needs", $3 }
		$2 == "WITH" {
			print $1, "excludes", $3
			print $3, "excludes", $1
		}' | sort >source
	[ "$(grep -c . source)" -gt 20 ]
	awk '
	function name(words) {
		sub(/.*Fl Fl /, "", words)
		sub(/ .*/, "", words)
		return words
	}
	/^\.It Fl/ { option = name($0); long[$3] = option }
	FNR < NR && /^(Needs|[Ee]xcludes)$/ { verb = tolower($0); next }
	FNR < NR && verb != "" && /Fl Fl/ { print option, verb, name($0) }
	FNR < NR && verb != "" && !/Fl Fl/ && /^\.Fl/ {
		for (i = 2; i <= NF; i++)
			if ($i ~ /^[[:alnum:]]$/)
				print option, verb, long[$i]
	}
	/[.]$/ { verb = "" }' "$MANUAL" "$MANUAL" |
		sort >manual
	diff source manual
}

@test "the manual has no fault of form" {
	requires mandoc
	run mandoc -Tlint -W warning "$MANUAL"
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
}

@test "manual, README and source have the same exit statuses" {
	sed -n 's/.*\tSTATUS_[A-Z_]* = \([0-9]*\).*/\1/p' "$SOURCE" >source
	[ "$(grep -c . source)" -ge 8 ]
	echo 128+N >>source
	awk '/^\.Sh/ { inside = $3 == "STATUS" }
		inside && /^\.It/ { print $2 }' "$MANUAL" >manual
	first_column 'Exit status' >readme
	diff source manual
	diff source readme
}

@test "the manual has the environment variables of the source" {
	grep -o '\(getenv("\|setenv("\|"SOCKCAT_\)[A-Z_]*"' "$SOURCE" |
		cut -d '"' -f 2 | sort -u >source
	[ "$(grep -c . source)" -ge 9 ]
	awk '/^\.Sh/ { inside = $2 == "ENVIRONMENT" }
		inside && /Ev/' "$MANUAL" | grep -o '[A-Z_]\{4,\}' |
		sort -u >manual
	diff source manual
}

@test "the manual has the keys and the words of --stats" {
	run_sockcat --stats --no-sandbox unix:./nobody
	[ "$status" -eq 1 ]
	grep -o '"[a-z_]*":' <<<"${stderr_lines[-1]}" | tr -d '":' >sockcat
	[ "$(grep -c . sockcat)" -gt 10 ]
	awk '/^\.S[hs]/ { inside = $2 == "Statistics" }
		inside && sub(/^\.It Cm /, "") { gsub(/ , /, "\n"); print }
		inside && /^[{ ]"/' "$MANUAL" >manual
	grep '^[a-z]' manual >keys
	diff sockcat keys
	# Those of the example as well.
	grep -o '"[a-z_]*":' manual | tr -d '":' >example
	diff sockcat example
	awk '/^\.S[hs]/ { inside = $2 == "Statistics" }
		inside && /^\.It Li/ { print $3 }' "$MANUAL" >words
	[ "$(grep -c . words)" -ge 15 ]
	sed -n '/ status_words\[\] = /,/^};/s/.*"\(.*\)".*/\1/p' "$SOURCE" \
		>source
	[ "$(grep -c . source)" -ge 9 ]
	run ! grep -vxf words source
	while read -r word; do
		grep -q "\"$word\"" "$SOURCE"
	done <words
}

@test "the manual's dump is one that sockcat makes" {
	awk '/^\.S[hs]/ { inside = $3 == "hex" }
		inside && /^[<>] /' "$MANUAL" >manual
	peer_listen server listen:127.0.0.1:0 \
		accept expect:'hello\n' expect-eof send:'world\n' close
	start client "$SOCKCAT" -o dump "$ADDRESS" "$PORT" <<<hello
	succeed server client
	diff manual dump
}

@test "the README names no test and no row of measurements that there is not" {
	local file row

	grep -oE '(test|\.ci)/[a-z/]+(\.[a-zA-Z]+)?' "$README" | sort -u >files
	[ "$(grep -c . files)" -gt 20 ]
	while read -r file; do
		echo "$file"
		[ -e "$TOP/$file" ]
	done <files
	section Speed <"$README" | sed -n 's/^| \([^|]*\) |.*/\1/p' >rows
	# What stands in the column "shown by" and is no file.
	awk -F ' *[|] *' '!/^[|]/ { inside = 0 }
		inside { print $(NF - 1) }
		/[|] shown by [|]$/ { inside = 1 }' "$README" |
		sed 's/^.make bench.: //; s/, /\n/g' |
		grep -v -e '^`' -e '^---' >named
	echo 'rows that are named:' && cat named
	[ "$(grep -c . named)" -gt 5 ]
	while read -r row; do
		grep -q "^$row" rows
	done <named
}

@test "the README's table of faults has make compare-faults' experiments, and their sums" {
	LIST=1 "$TOP/test/faults/compare" >compare
	[ "$(grep -c . compare)" -gt 30 ]
	echo 'survived, of those tried' >>compare
	first_column Faults >readme
	diff compare readme
	section Faults <"$README" | awk -F ' *[|] *' '
		/^[|] survived/ {
			for (i = 3; i < NF; i++)
				print "column " i ": " $i >"told"
			next
		}
		/^[|] / && rows++ > 0 {
			for (i = 3; i < NF; i++) {
				tried[i] += $i !~ /^(n\/a|not met)$/
				passed[i] += $i ~ /^P/
			}
		}
		END {
			for (i = 3; i in tried; i++)
				print "column " i ": " passed[i] " of " tried[i]
		}' >counted
	[ "$(grep -c . counted)" -ge 6 ]
	diff counted told
}

@test "the README has the sections of the source in their order" {
	sed -n 's,^/\* ---- \(.*[^-]\) -*[- ]\*/$,\1,p' "$SOURCE" >source
	[ "$(grep -c . source)" -gt 10 ]
	first_column 'How the source reads' >readme
	diff source readme
}

@test "every command for sockcat in the README's comparison is understood" {
	local command

	# The last column's, each with a number where it has a time or a count.
	section 'Coming from another netcat' <"$README" |
		awk -F' [|]' '/^[|] [a-z]/ { print $(NF - 1) }' |
		tail -n +2 | tr ',' '\n' |
		tr -d '\140' | sed 's/^ *\(sockcat \)*//; s/ [TN]\>/ 1/g' |
		grep -e ^- -e PORT >commands
	[ "$(grep -c . commands)" -gt 20 ]
	while read -r command; do
		echo "sockcat $command"
		# shellcheck disable=SC2086 # words they are
		"$SOCKCAT" $command --help >output
	done <commands
}

@test "every example of the manual is in a recipe of the README" {
	local example count=0 recipes

	recipes=$(shown)
	while read -rd $'\f' example; do
		echo "example: $example"
		[[ -n $example && $recipes == *"$example"* ]]
		count=$((count + 1))
	done < <(examples)
	[ "$count" -gt 5 ]
}

@test "every recipe of the README is tried" {
	shown | sed -n 's/^# //p' | sort >recipes
	sed -n 's/^@test "recipe: \(.*\)" {$/\1/p' "$BATS_TEST_FILENAME" |
		sort >tried
	diff recipes tried
}

# --- what runs ----------------------------------------------------------------

@test "what the README has installed, .ci/run installs as well" {
	shown | sed -n 's/.* apt-get install -y \([^&]*\)&&.*/\1/p' |
		tr ' ' '\n' | grep . | sort -u >readme
	[ "$(grep -c . readme)" -ge 4 ]
	sed -n '/^packages=(/,/)/p' "$TOP"/.ci/run | tr -s '=()\t ' '\n' |
		sort -u >ci
	run comm -23 readme ci
	[ "$output" = '' ]
}

@test "the C file alone makes the program, which needs libc and no more" {
	requires cc ldd
	section Install <"$README" | grep -q '^| .cc -o sockcat sockcat\.c. |'
	cp "$SOURCE" .
	cc -o sockcat sockcat.c
	./sockcat --version >version
	head -n 1 version | grep -qx 'sockcat [0-9][0-9.]*'
	[ "$(ldd sockcat | grep -c '=> /')" -le 1 ]
}

@test "the README's first command line does what it says" {
	ln -s "$SOCKCAT" sockcat
	start demonstration sh -c "$(shown | sed -n 's/.* make && //p')"
	succeed demonstration
	holds demonstration.out 'hello, client\n'
}

@test "recipe: Talk to a port" {
	peer_listen server listen:127.0.0.1:0 \
		accept send:'hello\n' expect:'bye\n' expect-eof close
	start_line client 1 <<<bye
	succeed server client
	holds client.out 'hello\n'
}

@test "recipe: Ask a web server, and take no longer than 10 seconds over all of it" {
	# It has not seen the question's end when the answer has arrived.
	peer_listen server listen:127.0.0.1:0 accept \
		expect:'GET / HTTP/1.0\r\n\r\n' send:'HTTP/1.0 200 OK\r\n' \
		wait-file:arrived expect-silence close
	start_line client '1,$'
	until_holds client.out 'HTTP/1.0 200 OK\r\n'
	touch arrived
	succeed server client
	holds client.out 'HTTP/1.0 200 OK\r\n'
}

@test "recipe: Show the greeting of a server" {
	peer_listen server listen:127.0.0.1:0 \
		accept send:'220 hello\r\n220 again\r\n' expect-eof close
	start_line client 1
	succeed server client
	holds client.out '220 hello\r\n'
}

@test "recipe: Talk to a mail server, whose lines end with a carriage return as well" {
	peer_listen server listen:127.0.0.1:0 accept send:'220 hello\r\n' \
		expect:'HELO here\r\nQUIT\r\n' expect-eof close
	start_line client 1 <<<$'HELO here\nQUIT'
	succeed server client
	holds client.out '220 hello\r\n'
}

@test "recipe: Talk to a telnet server, and refuse all its options" {
	mkfifo words
	exec 7<>words
	# DO TERMINAL TYPE and WILL ECHO: WONT, DONT.
	peer_listen server listen:127.0.0.1:0 \
		accept send:'\xff\xfd\x18\xff\xfb\x01login: ' \
		expect:'\xff\xfc\x18\xff\xfe\x01' touch:refused \
		expect:'me\r\n' close
	start_line client 1 <words
	within "$BOUND" test -e refused
	echo me >&7
	exec 7>&-
	succeed server client
	holds client.out 'login: '
}

@test "recipe: Give a slow device a line every 200 milliseconds" {
	local begin

	printf '%s\n' one two three >commands
	peer_listen server listen:127.0.0.1:0 \
		accept expect:'one\ntwo\nthree\n' expect-eof close
	begin=$(uptime_ms)
	start_line client 1
	succeed server client
	# Two pauses, but for what the clock of uptime is coarse.
	(($(uptime_ms) - begin >= 380))
}

@test "recipe: See whether a port is open: 0 if so, 1 if it is closed, 4 if nothing answers" {
	closed_port
	peer_listen server listen:"$ADDRESS:$PORT" accept expect-eof close
	start_line client 1
	succeed server client
	holds client.out ''
	start_line client 1
	finish client 1
	holds client.out ''
	holds client.err ''

	# Its queue is full: the system drops what more comes.
	peer_listen server backlog:0 listen:127.0.0.1:0 wait-file:over
	peer first connect:"$ADDRESS:$PORT" touch:full wait-file:over
	within "$BOUND" test -e full
	start_line client 1
	finish client 4
	holds client.out ''
	holds client.err ''
	touch over
	succeed server first
}

@test "recipe: Wait for a database to listen, no longer than 30 seconds, and then run a program" {
	verbose
	printf '#!/bin/sh\necho it runs\n' >run
	chmod +x run
	closed_port
	start script sh -c "$(line 1 | sed 's/^exec //')"
	has_complained script
	holds script.out ''
	peer_listen server listen:"$ADDRESS:$PORT" accept expect-eof close
	finish script 0
	succeed server
	holds script.out 'it runs\n'
	said script "Connection to $ADDRESS $PORT port * succeeded!" \
		"* failed: $REFUSED"
}

@test "recipe: Connect as soon as somebody listens" {
	verbose
	closed_port
	start_line client 1 <<<hello
	has_complained client
	peer_listen server listen:"$ADDRESS:$PORT" \
		accept expect:'hello\n' expect-eof send:'bye\n' close
	finish client 0
	succeed server
	holds client.out 'bye\n'
	said client "Connection to $ADDRESS $PORT port * succeeded!" \
		'Sent 6 bytes, received 4 bytes' "* failed: $REFUSED"
}

@test "recipe: Wait for a Unix socket, and send a line" {
	verbose
	start_line client 1
	has_complained client
	peer_listen server listen:unix:./control \
		accept expect:'status\n' expect-eof send:'well\n' close
	finish client 0
	succeed server
	holds client.out 'well\n'
	# It is refused where it came between the peer's bind and listen.
	sed -i '/ failed: Connection refused$/d' client.err
	said client 'Connection to ./control succeeded!' \
		'Sent 7 bytes, received 5 bytes' \
		'* failed: No such file or directory'
}

@test "recipe: List the ports of a host that are open" {
	local open closed

	peer_listen server listen:127.0.0.1:0 wait-file:over
	open=$PORT
	closed_port
	closed=$PORT PORT=$open
	# What else listens on this machine may be in the list.
	start client sh -c "$(line 1 | sed "s/,80,/,$closed,/")"
	succeed client
	grep -qx "$ADDRESS $PORT/tcp open.*" client.out
	run ! grep "$closed/tcp" client.out
	run ! grep -v "^$ADDRESS [0-9]*/tcp open" client.out
	touch over
	succeed server
}

@test "recipe: List those of many hosts that have a port open, asking all of them at once" {
	printf '%s\n' 127.0.0.2 127.0.0.1 127.0.0.3 >hosts
	peer_listen server listen:127.0.0.1:0 accept expect-eof close
	start script sh -c "$(recipe | sed "s/ 22 / $PORT /")"
	succeed script server
	holds script.out '127.0.0.1\n'
}

@test "recipe: See whether a UDP port answers: 0 if so, 1 if it is closed, 4 if it is silent" {
	closed_port
	peer_listen server listen:udp:"$ADDRESS:$PORT" accept expect: send:pong
	start_line client 1
	succeed server client
	holds client.out ''
	start_line client 1
	finish client 1
	holds client.out ''
	holds client.err ''
	peer_listen server listen:udp:127.0.0.1:0 wait-file:over
	start_line client 1
	finish client 4
	holds client.out ''
	holds client.err ''
	touch over
	succeed server
}

@test "recipe: Serve a file to one client" {
	bytes 100000 file
	start_listener
	start_line client 2
	succeed server client
	same_bytes file copy
}

@test "recipe: Receive a file from one client" {
	bytes 100000 file
	start_listener
	start_line client 2
	succeed server client
	same_bytes file copy
}

@test "recipe: Move a directory" {
	mkdir -p here/directory
	bytes 100000 here/directory/file
	start_listener
	start client sh -c "cd here && $(line 2)"
	succeed server client
	same_bytes here/directory/file directory/file
}

@test "recipe: Append what one client after another sends" {
	echo before >received
	start_listener
	start_line first 2
	start_line second 2
	succeed first second
	until_holds received 'before\na line\na line\n'
	signal server TERM
	finish server 143
}

@test "recipe: Listen on loopback alone, and wait no longer than a minute for a client" {
	start_listener
	[ "$ADDRESS" = 127.0.0.1 ]
	peer client connect:"$ADDRESS:$PORT" send:hello close
	succeed server client
	holds received hello
}

@test "recipe: Serve a file to the clients of one network, and at most 10 of them at once" {
	bytes 100000 file
	start_listener
	start_line client 2
	succeed client
	holds copy ''
	end_service

	start_announced server sh -c \
		"$(line 1 | sed 's|192\.168\.1\.0/24|127.0.0.0/8|')"
	occupy {1..9}
	start_line client 2
	succeed client
	same_bytes file copy
	# Of twelve two have to wait, each until another has gone.
	occupy 10 11
	rm copy
	start_line client 2
	leave 1
	is_running client
	[ ! -s copy ]
	leave 2
	succeed client
	same_bytes file copy
	leave {3..11}
	end_service
}

@test "recipe: Serve a page to every browser that asks for it" {
	local i

	requires curl
	echo '<!DOCTYPE html><title>A page</title>' >page.html
	sh -c "$(recipe | sed '/^sockcat/d')"
	start_announced server sh -c "$(line 3)"
	occupy somebody
	for i in 1 2; do
		start curl"$i" curl --silent --show-error --fail --noproxy '*' \
			--max-time "$BOUND" -w '%{content_type}\n' \
			"http://$ADDRESS:$PORT/"
	done
	cp page.html expected
	echo text/html >>expected
	for i in 1 2; do
		succeed curl"$i"
		same_bytes expected curl"$i".out
	done
	leave somebody
	end_service
}

@test "recipe: Listen on a Unix socket that nobody but its owner can connect to" {
	start_listener
	[ "$ADDRESS" = ./control ]
	[ "$(stat -c %a control)" = 600 ]
	start_line client 2
	succeed client
	until_holds server.out 'a line\n'
	end_service
	[ ! -e control ]
}

@test "recipe: Send back to each client what it sends" {
	start_listener
	occupy somebody
	start_line client 2
	succeed client
	holds client.out 'a line\n'
	leave somebody
	end_service
}

@test "recipe: Tell each client its address" {
	start_listener
	start_line client 2
	succeed client
	holds client.out 'You are 127.0.0.1.\n'
	peer client from:127.0.0.2:0 connect:"$ADDRESS:$PORT" read-all
	succeed client
	holds client.out 'You are 127.0.0.2.\n'
	end_service
}

@test "recipe: Pass on to another host what comes to a port here" {
	peer_listen other listen:127.0.0.1:0 accept expect:'Is it there?' \
		expect-eof send:'It is.' close
	start_listener
	peer client connect:"$ADDRESS:$PORT" send:'Is it there?' half-close \
		read-all
	succeed other client
	holds client.out 'It is.'
	end_service
}

@test "recipe: Connect to a host as soon as it listens, and run a program on the connection" {
	printf "#!/bin/sh\nexec sed 's/^/got /'\n" >run
	chmod +x run
	verbose
	closed_port
	start_line client 1
	has_complained client
	peer_listen server listen:"$ADDRESS:$PORT" \
		accept send:'a line\n' half-close expect:'got a line\n' \
		expect-eof
	finish client 0
	succeed server
	holds client.out ''
}

@test "recipe: Have a service started by its first client" {
	requires_native 'the name of the process is its own'
	requires systemd-socket-activate
	# It says nothing of the port that it has got: it is given one.
	closed_port
	start server sh -c "exec $(line 1 | sed "s/:9000/:$PORT/")"
	# sockcat is not there before.
	within "$BOUND" grep -q '^Listening on ' server.err
	run ! grep -q sockcat "/proc/${PIDS[server]}/comm"
	peer first connect:127.0.0.1:"$PORT" send:hello expect:hello \
		touch:there wait-file:over half-close expect-eof
	within "$BOUND" test -e there
	grep -q sockcat "/proc/${PIDS[server]}/comm"
	peer second connect:127.0.0.1:"$PORT" send:bye half-close expect:bye \
		expect-eof
	succeed second
	touch over
	succeed first
	signal server TERM
	finish server 143
}

@test "recipe: Send a file, and see on the terminal how far it is" {
	local said

	bytes 100000 file
	peer_listen server listen:127.0.0.1:0 \
		accept expect-bytes:100000 expect-eof close
	start_line client 1
	succeed server
	finish client 0
	holds client.out ''
	# This is no terminal: there is the last line, and no other.
	said=$(<client.err)
	echo "$said"
	[[ $said == '97.7 KiB up, '*' mean, 0:'??', 100 %' ]]
	[ "$(wc -l <client.err)" -eq 1 ]
}

@test "recipe: Have one that runs in the background say once how far it is" {
	local script

	bytes 100000 file
	peer_listen server listen:127.0.0.1:0 accept expect-bytes:100000 \
		expect-eof touch:there wait-file:told close
	script=$(line '1,$')
	start script sh -c "${script/sleep 5/"'$PEER' timeout:$BOUND \
		wait-file:there"}; wait \$!"
	within "$BOUND" grep -q . script.err
	touch told
	succeed server
	finish script 0
	holds script.out ''
	grep -qx '97.7 KiB up, .*, 0:[0-9][0-9], 100 %.*' script.err
	[ "$(wc -l <script.err)" -eq 1 ]
}

@test "recipe: Print after how many seconds the answer of a web server began" {
	requires jq
	peer_listen server listen:127.0.0.1:0 accept \
		expect:'GET / HTTP/1.0\r\n\r\n' send:'HTTP/1.0 200 OK\r\n' close
	start_line client '1,$'
	succeed server client
	holds page 'HTTP/1.0 200 OK\r\n'
	grep -qx '[0-9][0-9.e-]*' client.out
	[ "$(wc -l <client.out)" -eq 1 ]
}

@test "recipe: Write down for each client who it was, what it sent and how it ended" {
	requires jq
	echo before >received
	start_listener
	peer one from:127.0.0.2:0 connect:"$ADDRESS:$PORT" send:'hello\n' close
	succeed one
	within "$BOUND" grep -q '^{.*127\.0\.0\.2' clients
	peer two from:127.0.0.3:0 connect:"$ADDRESS:$PORT" reset
	succeed two
	within "$BOUND" grep -q '^{.*127\.0\.0\.3' clients
	holds received 'before\nhello\n'
	end_service
	start_line client 2
	succeed client
	sed -i 's/:[0-9]*\t/\t/' client.out
	holds client.out '127.0.0.2\t6\tdone\n127.0.0.3\t0\tlost\n'
}

@test "recipe: Keep what goes over a connection as a hex dump, or have it shown" {
	local i

	for i in 1 2; do
		peer_listen server listen:127.0.0.1:0 accept \
			expect:'hello\n' send:'world\n' expect-eof close
		mkfifo words
		exec 7<>words
		start_line client $i <words
		echo hello >&7
		within "$BOUND" grep -qs world client.out answer
		exec 7>&-
		rm words
		finish client 0
		succeed server
	done
	cat >expected <<-'END'
		> 00000000 68 65 6c 6c 6f 0a                               # hello.
		< 00000000 77 6f 72 6c 64 0a                               # world.
	END
	diff expected dump
	diff expected client.err
	holds client.out ''
	holds answer 'world\n'
}

@test "recipe: Have bash complete the options" {
	requires bash
	cat >tab <<-'END'
		complete -p sockcat
		COMP_WORDS=(sockcat --hex) COMP_CWORD=1
		_sockcat sockcat --hex sockcat
		echo ${COMPREPLY[*]}
	END
	start shell bash --norc -c "$(recipe); . ./tab"
	succeed shell
	holds shell.out 'complete -F _sockcat sockcat\n--hex-dump\n'
}

@test "recipe: Have zsh complete them, after compinit" {
	requires zsh
	start shell zsh -f -c "autoload -Uz compinit && compinit -u -D
		$(recipe)
		print \$_comps[sockcat]"
	succeed shell
	holds shell.out '_sockcat\n'
}

@test "recipe: Have fish complete them" {
	requires fish
	export HOME=$PWD XDG_CONFIG_HOME=$PWD XDG_DATA_HOME=$PWD
	start shell fish -c "$(recipe); complete -C 'sockcat --hex'"
	succeed shell
	grep -q '^--hex-dump\>' shell.out
	[ "$(wc -l <shell.out)" -eq 1 ]
}

@test "recipe: Connect through a SOCKS5 proxy, which looks the name up" {
	socks5_proxy '\x23\x28' send:'hello\n' expect:'bye\n' expect-eof close
	start_line client 1 <<<bye
	succeed proxy client
	holds client.out 'hello\n'
}

@test "recipe: Connect through an HTTP proxy that wants a user, with the password from a file" {
	echo secret >password
	http_proxy 9000 send:'hello\n' expect:'bye\n' expect-eof close
	start_line client '1,$' <<<bye
	succeed proxy client
	holds client.out 'hello\n'
}

@test "recipe: Ask a web server through a proxy that ends all at the end of the question" {
	# It has not seen that end when the answer has arrived.
	socks5_proxy '\0\x50' expect:'GET / HTTP/1.0\r\n\r\n' \
		send:'HTTP/1.0 200 OK\r\n' wait-file:arrived expect-silence close
	start_line client '1,$'
	until_holds client.out 'HTTP/1.0 200 OK\r\n'
	touch arrived
	succeed proxy client
	holds client.out 'HTTP/1.0 200 OK\r\n'
}

@test "recipe: See whether a port is open to a proxy: 0 if so, 1 if it is closed" {
	socks5_proxy '\0\x16' expect-eof close
	start_line client 1
	succeed proxy client
	holds client.out ''
	OPENED='\x05\x05\0\x01\0\0\0\0\0\0'
	socks5_proxy '\0\x16' expect-eof close
	start_line client 1
	succeed proxy
	finish client 1
	holds client.out ''
	holds client.err ''
}

@test "recipe: Lead a program that knows no proxies through one" {
	socks5_proxy '\x23\x28' expect:'Is it there?' expect-eof \
		send:'It is.' close
	start_announced server sh -c "$(line '1,$')"
	peer client connect:"$ADDRESS:$PORT" send:'Is it there?' half-close \
		read-all
	succeed proxy client
	holds client.out 'It is.'
	end_service
}

@test "recipe: Have ssh connect through sockcat" {
	requires ssh
	peer_listen server listen:127.0.0.1:0 \
		accept "${SSH_SERVER[@]}"
	start_line client 1
	succeed server
	finish client 255
	[[ $(head -c 8 server.out) == SSH-2.0- ]]
}

@test "recipe: Have ssh connect through a SOCKS5 proxy" {
	requires ssh
	socks5_proxy '\0\x16' "${SSH_SERVER[@]}"
	ssh_by_config
}

@test "recipe: The same, but leave the connection to ssh, so that nothing stands between" {
	requires ssh
	socks5_proxy '\0\x16' "${SSH_SERVER[@]}"
	ssh_by_config
}

@test "recipe: Through an HTTP proxy that wants a user: SOCKCAT_PROXY_PASSWORD has the password, or it is asked for" {
	requires ssh
	http_proxy 22 "${SSH_SERVER[@]}"
	export SOCKCAT_PROXY_PASSWORD=secret
	ssh_by_config
}

@test "recipe: In a script: start a listener on a free port, and connect once it listens" {
	echo 'It is.' >answer
	start script sh -c "$(recipe)"
	succeed script
	holds script.out 'It is.\n'
	holds question 'Is it there?\n'
}

@test "recipe: The same with a Unix socket" {
	echo 'It is.' >answer
	start script sh -c "$(recipe)"
	succeed script
	holds script.out 'It is.\n'
	holds question 'Is it there?\n'
	[ ! -e control ]
}

@test "recipe: Tell in a script what went wrong" {
	echo 'Is it there?' >question
	closed_port
	peer_listen server listen:"$ADDRESS:$PORT" \
		accept expect:'Is it there?\n' expect-eof send:yes close
	start script sh -c "$(line '1,$' | sed 's/^exec //')"
	succeed server script
	holds script.out 'answered\n'
	holds answer yes
	start script sh -c "$(line '1,$' | sed 's/^exec //')"
	finish script 0
	holds script.out 'nobody listens\n'
}

@test "recipe: Send a datagram, and wait at most 2 seconds for the one that answers" {
	peer_listen server listen:udp:127.0.0.1:0 accept expect:ping send:pong
	start_line client 1
	succeed server client
	holds client.out pong
}

@test "recipe: Show the datagrams that come, from whomever" {
	start_listener
	peer first connect:udp:"$ADDRESS:$PORT" send:'one\n'
	succeed first
	until_holds server.out 'one\n'
	peer second connect:udp:"$ADDRESS:$PORT" send:'two\n'
	succeed second
	until_holds server.out 'one\ntwo\n'
	signal server TERM
	finish server 143
}

@test "recipe: Write to a system log elsewhere, and to the one here" {
	peer_listen server listen:udp:127.0.0.1:0 \
		accept expect:'<13>backup: done'
	start_line client 1
	succeed server client
	listen_on server -d -u -W 1 -U ./log
	start_line client 2
	succeed server client
	holds server.out '<13>backup: done'
}

@test "recipe: Write each line that a program prints to the system's log" {
	printf '#!/bin/sh\necho begun\necho done\n' >run
	chmod +x run
	listen_on server -d -u -W 2 -U ./log
	start_line client '1,$'
	succeed server client
	holds server.out '<13>run: begun<13>run: done'
}

@test "recipe: Hear what is sent to a multicast group, and send to it from another host" {
	requires_native 'it knows no MCAST_JOIN_GROUP'
	requires_feature interface
	start_announced server sh -c \
		"$(line 1 | sed "s/ eth0 / lo /; s/ 5000/ 0 $ANNOUNCE/")"
	[ "$ADDRESS" = 239.1.2.3 ]
	# Another member of the group on the same host.
	start_announced other sh -c "$(line 1 | sed "s/ eth0 / lo /
		s/ 5000/ $PORT ${ANNOUNCE/server/other}/")"
	start client sh -c "$(line 2 | sed "s/ eth0 / lo /; s/5000/$PORT/")"
	succeed client
	until_holds server.out 'hello\n'
	until_holds other.out 'hello\n'
	signal other TERM
	finish other 143
	end_service
}

@test "recipe: Ask all hosts of a network, and show what comes back within 2 seconds" {
	peer_listen server listen:udp:0.0.0.0:0 \
		accept expect:who send:'one\n' touch:one
	peer_listen other listen:udp:0.0.0.0:"$PORT" \
		accept expect:who wait-file:one send:'another\n'
	start client sh -c \
		"$(line 1 | sed "s/192\.168\.1\.255 9000/127.255.255.255 $PORT/")"
	succeed server other client
	holds client.out 'one\nanother\n'
}

@test "recipe: Send a file over all the paths that there are between two hosts" {
	local before

	if [[ $(cat /proc/sys/net/mptcp/enabled 2>/dev/null) != 1 ]]; then
		skip 'needs MPTCP'
	fi
	bytes 100000 file
	start_listener
	before=$(mptcp_requests)
	start_line client 2
	succeed server client
	same_bytes file copy
	(($(mptcp_requests) > before))
}

@test "recipe: Send each line as a message of its own over a Unix connection" {
	start_listener
	[ "$ADDRESS" = ./control ]
	start_line client '2,3'
	succeed client
	until_holds server.out loadstart
	end_service
	peer_listen server listen:unix-seqpacket:./control \
		accept expect:load expect:start expect-eof close
	start_line client '2,3'
	succeed server client
}

@test "recipe: Ask a host for an echo, as ping does, and show the packet that comes back" {
	namespace
	inside_too
	# From another address of loopback, where the question itself does not
	# come back.
	start client sh -c \
		"$(line '1,$' | sed 's/example\.org/-s 127.0.0.2 127.0.0.1/')"
	succeed client
	grep -q '^ 45 ' client.out
	grep -qx ' 7f 00 00 02 00 00 ff fe 00 01 00 00 *' client.out
	[ "$(wc -l <client.out)" -eq 2 ]
}

@test "recipe: Send a file, and give way to all other traffic" {
	requires ss
	bytes 100000 file
	peer_listen server listen:127.0.0.1:0 \
		accept touch:there wait-file:seen expect-bytes:100000 \
		expect-eof close
	start_line client 1
	within "$BOUND" test -e there
	ss --tcp --numeric --tos "dport = :$PORT" >sockets
	touch seen
	succeed server client
	grep -q 'tos:0x4\>' sockets
}

@test "recipe: Notice within a minute that a silent peer has gone, with Linux's numbers" {
	requires ss
	mkfifo words
	exec 7<>words
	peer_listen server listen:127.0.0.1:0 \
		accept touch:there wait-file:seen close
	start_line client '1,$' <words
	within "$BOUND" test -e there
	ss --tcp --numeric --options "dport = :$PORT" >sockets
	touch seen
	exec 7>&-
	succeed server client
	# It asks after 30 seconds, of which some may have passed.
	grep -q 'timer:(keepalive,[0-9.]*sec,0)' sockets
}
