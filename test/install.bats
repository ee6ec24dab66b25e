#!/usr/bin/env bats
# What make installs, packs and links statically.
#
# All of it happens in a copy of the sources, so that the build that is being
# tested stays as it is.

# shellcheck disable=SC2016,SC2154 # what a shell is to expand; run sets them
load lib/helpers

setup() {
	helpers_setup
	requires make cc install
	mkdir tree
	find "$TOP" -mindepth 1 -maxdepth 1 ! -name .git ! -name build \
		! -name sockcat |
		while read -r name; do
			cp -R "$name" tree
		done
	[ -e tree/Makefile ]
}

# run_make DIRECTORY ARGUMENT...: whatever make it is that runs the tests.
run_make() {
	run --separate-stderr timeout 300 env -u MAKEFLAGS -u MFLAGS \
		-u MAKEOVERRIDES -u MAKELEVEL -u CFLAGS -u CPPFLAGS -u LDFLAGS \
		-u PREFIX -u DESTDIR make -C "$@" 3>&- 7>&- 9>&-
	if [[ $status -ne 0 ]]; then
		echo "make -C $*: status $status, $output, $stderr"
		return 1
	fi
}

# make_install ARGUMENT...: installs the binary that is being tested.
make_install() {
	mkdir -p tree/build
	: >>tree/build/hardened # or make would build it anew
	cp "$SOCKCAT" tree/sockcat
	run_make tree DESTDIR="$PWD/root" "$@"
}

version() {
	"$SOCKCAT" --version | sed -n '1s/^sockcat //p'
}

# files DIRECTORY: prints what is in it but directories, with modes.
files() {
	find "$1" ! -type d -printf '%m %P\n' | sort -k 2
}

# same_lines FILE FILE: they hold the same, or the difference is shown.
same_lines() {
	diff "$1" "$2"
}

# --- make -----------------------------------------------------------------------

@test "make hardens what it builds, and HARDEN= does not" {
	local flag

	requires readelf
	cat >tree/build-knows <<<'int main(void) { return 0; }'
	for flag in -fstack-protector-strong -Wl,-z,relro -Wl,-z,now -pie; do
		cc $flag -x c -o /dev/null tree/build-knows ||
			skip "needs a compiler that knows $flag"
	done
	run_make tree sockcat
	readelf -W -h -l -d -s tree/sockcat >hard
	grep -q 'Type: *DYN' hard
	grep -q GNU_RELRO hard
	grep -q 'FLAGS.*NOW' hard
	grep -q __stack_chk_fail hard
	grep -q '__.*_chk' <(grep -v __stack_chk_fail hard)
	rm -r tree/build tree/sockcat
	run_make tree HARDEN= sockcat
	[[ $(<tree/build/hardened) == '' ]]
}

# --- make install -------------------------------------------------------------

@test "make install puts binary, manual and completions where they belong" {
	make_install install
	files root >installed
	holds installed '755 usr/local/bin/sockcat
644 usr/local/share/bash-completion/completions/sockcat
644 usr/local/share/fish/vendor_completions.d/sockcat.fish
644 usr/local/share/man/man1/sockcat.1
644 usr/local/share/zsh/site-functions/_sockcat
'
}

@test "make install follows PREFIX" {
	make_install PREFIX=/opt/net install
	files root >installed
	holds installed '755 opt/net/bin/sockcat
644 opt/net/share/bash-completion/completions/sockcat
644 opt/net/share/fish/vendor_completions.d/sockcat.fish
644 opt/net/share/man/man1/sockcat.1
644 opt/net/share/zsh/site-functions/_sockcat
'
}

@test "make install and make uninstall take names with blanks" {
	make_install DESTDIR="$PWD/a root" PREFIX='/opt/my net' install
	files 'a root' >installed
	holds installed '755 opt/my net/bin/sockcat
644 opt/my net/share/bash-completion/completions/sockcat
644 opt/my net/share/fish/vendor_completions.d/sockcat.fish
644 opt/my net/share/man/man1/sockcat.1
644 opt/my net/share/zsh/site-functions/_sockcat
'
	run_make tree DESTDIR="$PWD/a root" PREFIX='/opt/my net' uninstall
	files 'a root' >installed
	holds installed ''
}

@test "make install sets the modes whatever the umask is" {
	(umask 077 && make_install PREFIX=/usr install)
	files root | cut -d' ' -f1 | sort | uniq -c | tr -s ' ' >modes
	holds modes ' 4 644\n 1 755\n'
	(umask 0 && make_install PREFIX=/usr install)
	files root | cut -d' ' -f1 | sort | uniq -c | tr -s ' ' >modes
	holds modes ' 4 644\n 1 755\n'
}

@test "make install installs what was built, and the manual" {
	make_install PREFIX=/usr install
	same_bytes "$SOCKCAT" root/usr/bin/sockcat
	same_bytes "$TOP/sockcat.1" root/usr/share/man/man1/sockcat.1
	[ "$(root/usr/bin/sockcat --version)" = "$("$SOCKCAT" --version)" ]
}

@test "make install installs what --completion prints" {
	local shell

	make_install PREFIX=/usr install
	for shell in bash zsh fish; do
		"$SOCKCAT" --completion "$shell" >"printed.$shell"
		[ -s "printed.$shell" ]
	done
	same_lines printed.bash root/usr/share/bash-completion/completions/sockcat
	same_lines printed.zsh root/usr/share/zsh/site-functions/_sockcat
	same_lines printed.fish root/usr/share/fish/vendor_completions.d/sockcat.fish
}

@test "make uninstall removes all that make install put there, and no more" {
	make_install install
	echo >root/usr/local/bin/sockcat2
	echo >root/usr/local/share/zsh/site-functions/_other
	run_make tree DESTDIR="$PWD/root" uninstall
	files root | cut -d' ' -f2 >left
	holds left 'usr/local/bin/sockcat2
usr/local/share/zsh/site-functions/_other
'
	run_make tree DESTDIR="$PWD/root" uninstall
}

@test "make uninstall leaves other prefixes alone" {
	make_install PREFIX=/usr install
	files root >before
	run_make tree DESTDIR="$PWD/root" PREFIX=/opt uninstall
	files root >after
	same_lines before after
	run_make tree DESTDIR="$PWD/root" PREFIX=/usr uninstall
	files root >after
	holds after ''
}

@test "make install builds what has not been built, and keeps its symbols" {
	mkdir -p root/usr/bin
	echo old >root/usr/bin/sockcat
	run_make tree CFLAGS=-O0 DESTDIR="$PWD/root" PREFIX=/usr install
	root/usr/bin/sockcat --version | head -n 1 >printed
	holds printed "sockcat $(version)\n"
	requires nm
	nm root/usr/bin/sockcat >symbols
	grep -q ' T _*main$' symbols
}

# It is root who installs, and whose files nobody else could write over.
@test "make install leaves nothing of its own where it was built" {
	make_install uninstall
	(cd tree && find . -printf '%p %t\n' | sort) >before
	run_make tree DESTDIR="$PWD/root" install
	(cd tree && find . -printf '%p %t\n' | sort) >after
	same_lines before after
}

# --- where the shells look ----------------------------------------------------

@test "bash-completion finds what make install put there" {
	[ -e /usr/share/bash-completion/bash_completion ] ||
		skip "needs bash-completion"
	make_install install
	run --separate-stderr timeout "$BOUND" env -i PATH="$PATH" HOME="$PWD" \
		XDG_DATA_DIRS="$PWD/root/usr/local/share" \
		bash --noprofile --norc -c '
		. /usr/share/bash-completion/bash_completion
		_comp_load sockcat 2>/dev/null || _completion_loader sockcat
		complete -p sockcat'
	[ "$stderr" = '' ]
	[ "$output" = 'complete -F _sockcat sockcat' ]
}

@test "zsh finds what make install put there" {
	requires zsh
	make_install install
	run --separate-stderr timeout "$BOUND" env -i PATH="$PATH" HOME="$PWD" \
		zsh -fc '
		fpath=($PWD/root/usr/local/share/zsh/site-functions $fpath)
		autoload -Uz compinit && compinit -u -D
		print -r -- $_comps[sockcat]
		autoload +X _sockcat && print loaded'
	[ "$status" -eq 0 ]
	[ "$stderr" = '' ]
	[ "$output" = $'_sockcat\nloaded' ]
}

@test "fish finds what make install put there" {
	requires fish
	make_install install
	# It asks for no completion of a command that it does not find.
	run --separate-stderr timeout "$BOUND" env -i HOME="$PWD" \
		PATH="$PWD/root/usr/local/bin:$PATH" \
		XDG_DATA_DIRS="$PWD/root/usr/local/share" \
		fish -c 'complete -C "sockcat --completion z"'
	[ "$status" -eq 0 ]
	[ "$stderr" = '' ]
	[[ $output == zsh* ]]
}

# --- make dist ----------------------------------------------------------------

@test "make dist packs the sources, and nothing that was built" {
	local name

	requires tar gzip
	name=sockcat-$(version)
	mkdir -p tree/build
	cp "$SOCKCAT" tree/sockcat
	echo >tree/build/unit
	(cd tree && find test -type f | sort) >sources
	run_make tree dist
	tar -tzf "tree/build/$name.tar.gz" | grep -v '/$' | sort >packed
	run grep -v "^$name/" packed
	[ "$output" = '' ]
	run grep -e "^$name/sockcat\$" -e "^$name/build/" -e '/\.git/' packed
	[ "$output" = '' ]
	for name in LICENSE Makefile README.md sockcat.1 sockcat.c; do
		grep -q "^[^/]*/$name\$" packed
	done
	sed -n 's|^[^/]*/test/|test/|p' packed | same_lines sources -
}

@test "what make dist packs builds, tests and packs itself again" {
	local name

	requires tar gzip
	name=sockcat-$(version)
	run_make tree dist
	mkdir unpacked
	tar -xzf "tree/build/$name.tar.gz" -C unpacked
	[ "$(ls unpacked)" = "$name" ]
	run_make "unpacked/$name" CFLAGS=-O0 sockcat build/unit build/peer
	run --separate-stderr timeout 100 "unpacked/$name/build/unit"
	[ "$status" -eq 0 ]
	run timeout 200 env -i PATH="${PATH#"$BATS_LIBEXEC":}" HOME="$PWD" \
		"unpacked/$name/test/run" \
		test/halfclose.bats 3>&- 7>&- 9>&-
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok ' <<<"$output")" -gt 5 ]
	run_make "unpacked/$name" dist
	tar -tzf "tree/build/$name.tar.gz" | sort >first
	tar -tzf "unpacked/$name/build/$name.tar.gz" | sort >second
	same_lines first second
}

# --- make static --------------------------------------------------------------

@test "make static makes a small binary that needs nothing and works" {
	requires musl-gcc
	run_make tree static
	[ "$(wc -c <tree/build/sockcat-static)" -lt 175000 ]
	if command -v readelf >/dev/null; then
		readelf -lW tree/build/sockcat-static >headers
		run ! grep -q INTERP headers
	fi
	SOCKCAT=$PWD/tree/build/sockcat-static
	[ "$("$SOCKCAT" --version | head -n 1)" = "sockcat $(version)" ]
	listen_on server -d 127.0.0.1 0
	echo hello >hello
	start client "$SOCKCAT" "$ADDRESS" "$PORT" <hello
	succeed server client
	same_bytes hello server.out
}

# --- the version --------------------------------------------------------------

@test "the version is named in sockcat.c alone" {
	local version

	version=$(version)
	[[ $version =~ ^[0-9]+\.[0-9]+(\.[0-9]+)?$ ]]
	[ "$(grep -cF "\"$version\"" "$TOP/sockcat.c")" -eq 1 ]
	run grep -nE "(sockcat|[Vv]ersion)[- =:]*v?${version//./\\.}([^0-9]|\$)" \
		"$TOP"/{Makefile,README.md,sockcat.1}
	echo "$output"
	[ "$status" -eq 1 ]
}

@test "a change of sockcat.c's version is all that a new version needs" {
	requires tar gzip
	sed -i 's/^#define VERSION .*/#define VERSION "97.86"/' tree/sockcat.c
	run_make tree CFLAGS=-O0 sockcat dist
	[ "$(tree/sockcat --version | head -n 1)" = 'sockcat 97.86' ]
	tar -tzf tree/build/sockcat-97.86.tar.gz >packed
	grep -q '^sockcat-97\.86/sockcat\.c$' packed
}

@test "make leaves nothing that make clean does not remove" {
	requires tar gzip
	(cd tree && find . | sort) >before
	make_install dist install
	run_make tree clean
	(cd tree && find . | sort) >after
	same_lines before after
}
