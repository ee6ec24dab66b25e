#!/usr/bin/env bats
# Programs that were written for inetd, which a listener of sockcat runs, and
# their clients, which sockcat takes there.

load common

# --- telnet -------------------------------------------------------------------

@test "-t refuses what telnetd asks for, and leads to its login" {
	requires telnetd stty
	cat >login <<-'END'
		#!/bin/sh
		stty -echo
		echo ready
		read -r line
		echo "got $line"
		read -r line
	END
	chmod +x login
	echo 'a line' >typed
	mkfifo fifo
	listen_on server -k -e "telnetd -h -E $PWD/login" 127.0.0.1 0
	start typist speak fifo +ready typed +got typed
	# telnetd takes the end of what is typed for the end of all, and does
	# not read all that a program wrote that has ended.
	start client "$SOCKCAT" -t -C --no-shutdown 127.0.0.1 "$PORT" <fifo
	until_holds client.out 'ready\r\n'
	: >ready
	until_holds client.out 'ready\r\ngot a line\r\n'
	: >got
	succeed typist client
	stop_ours server
	holds client.out 'ready\r\ngot a line\r\n'
	holds server.out ''
}

# --- mail ---------------------------------------------------------------------

# mail_server: sets PORT.  What it takes is in the file mail.
mail_server() {
	cat >deliver <<-END
		#!/bin/sh
		cat >"$PWD/mail.new" && mv "$PWD/mail.new" "$PWD/mail"
	END
	chmod +x deliver
	listen_on server -k -e "msmtpd --inetd --command=$PWD/deliver" \
		127.0.0.1 0
}

@test "a mail server takes what -C sends it" {
	requires msmtpd
	mail_server
	cat >dialogue <<-END
		EHLO localhost
		MAIL FROM:<one@localhost>
		RCPT TO:<two@localhost>
		DATA
		Subject: hello

		body
		.
		QUIT
	END
	start client "$SOCKCAT" -C 127.0.0.1 "$PORT" <dialogue
	succeed client
	stop_ours server
	tr -d '\r' <mail >body
	tail -n 3 body >body.end
	holds body.end 'Subject: hello\n\nbody\n'
	run cut -c 1-3 client.out
	[ "$output" = $'220\n250\n250\n250\n354\n250\n221' ]
}

@test "a mail server that a listener runs takes what curl sends" {
	requires msmtpd curl
	mail_server
	printf '%s\r\n' 'Subject: hello' '' body >letter
	fetch client --mail-from one@localhost --mail-rcpt two@localhost \
		--upload-file letter "smtp://127.0.0.1:$PORT/localhost"
	stop_ours server
	tr -d '\r' <mail >body
	tail -n 3 body >body.end
	holds body.end 'Subject: hello\n\nbody\n'
}

# --- files --------------------------------------------------------------------

# git's, without what the machine's and the user's say.
quiet_git() {
	export GIT_CONFIG_NOSYSTEM=1 HOME=$PWD LC_ALL=C
	export GIT_AUTHOR_NAME=tester GIT_AUTHOR_EMAIL=tester@localhost
	export GIT_COMMITTER_NAME=tester GIT_COMMITTER_EMAIL=tester@localhost
}

# git calls its proxy with a host and a port.
@test "git clones through sockcat from a daemon that sockcat runs" {
	requires git
	git daemon --help >/dev/null 2>&1 || skip "needs git's daemon"
	quiet_git
	git init -q original
	bytes "$SIZE" original/file
	git -C original add file
	git -C original commit -q -m 'a file'
	git clone -q --bare original served
	listen_on server -k \
		-e "git daemon --inetd --export-all --base-path=$PWD $PWD" \
		127.0.0.1 0
	start clone env GIT_PROXY_COMMAND="$SOCKCAT" \
		git clone -q "git://127.0.0.1:$PORT/served" copy
	succeed clone
	same_bytes original/file copy/file
	git -C copy fsck --strict >fsck.out 2>&1
	[ "$(git -C original rev-parse HEAD)" = \
		"$(git -C copy rev-parse HEAD)" ]
	stop_ours server
}

@test "rsync goes through sockcat to a daemon that sockcat runs" {
	requires rsync
	mkdir served copy
	bytes "$SIZE" served/file
	: >served/empty
	((EUID)) || echo 'uid = root' >rsyncd.conf
	cat >>rsyncd.conf <<-END
		use chroot = no
		[files]
		path = $PWD/served
		read only = no
	END
	listen_on server -k -e "rsync --daemon --config=$PWD/rsyncd.conf" \
		127.0.0.1 0
	start get env RSYNC_CONNECT_PROG="'$SOCKCAT' %H $PORT" \
		rsync -r rsync://127.0.0.1/files/ copy
	succeed get
	same_bytes served/file copy/file
	[ -e copy/empty ]
	tac -s '' served/file >new
	start put env RSYNC_CONNECT_PROG="'$SOCKCAT' %H $PORT" \
		rsync new rsync://127.0.0.1/files/
	succeed put
	same_bytes new served/new
	stop_ours server
}
