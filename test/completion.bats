#!/usr/bin/env bats
# What sockcat offers in bash, zsh and fish when the user presses the tab key.
#
# bash and zsh are asked as a person asks them: on a terminal, with the keys
# typed in.  fish answers without one.

# shellcheck disable=SC2016,SC2154 # what a shell is to expand; run sets them
load lib/helpers

setup() {
	helpers_setup
	export HOME=$PWD HOSTFILE=$PWD/hosts SHELL=/bin/sh TERM=xterm LC_ALL=C
	export XDG_CONFIG_HOME=$PWD XDG_DATA_HOME=$PWD XDG_CACHE_HOME=$PWD
	mkdir .ssh bin my-folder
	echo '192.0.2.1 known.example' >hosts
	echo 'known.example ssh-ed25519 AAAA' >.ssh/known_hosts
	: >my-file
	: >'a blank'
	printf '#!/bin/sh\n' >bin/my-program
	chmod +x bin/my-program
	PATH=$PWD/bin:$PATH
}

# prepare SHELL: has what it needs, and its script in the file "script".
prepare() {
	requires "$1"
	[[ $1 == fish ]] || requires_terminal
	"$SOCKCAT" --completion "$1" >script
}

# ask SHELL LINE...: presses tab at the end of each line, which then is run.
# What is offered for line N goes to offered.N, in order, and what sockcat would
# have been started with to the Nth line of the file "started".
ask() {
	rm -f offered.* started
	case $1 in
	bash) ask_bash "$@" ;;
	zsh) ask_zsh "$@" ;;
	fish) ask_fish "$@" ;;
	esac
}

ask_bash() {
	cat >rc <<-'END'
		PS1=
		number=1
		bind 'set completion-query-items 0'
		bind 'set page-completions off'
		. ./script
		offer() {
			_sockcat "$@"
			printf '%s\n' "${COMPREPLY[@]}" >>offered.$number
		}
		complete -F offer sockcat
		sockcat() {
			printf '<%s>' "$@" >>started
			echo >>started
			((++number))
		}
	END
	type_keys 'bash --noprofile --rcfile rc -i' "${@:2}"
}

ask_zsh() {
	mkdir -p functions
	cp script functions/_sockcat
	cat >.zshrc <<-'END'
		PS1=
		stty cols 200
		number=1
		setopt no_auto_list no_auto_menu no_auto_remove_slash
		fpath=($PWD/functions $fpath)
		autoload -Uz compinit
		compinit -u -D
		compadd() {
			local -a words texts
			local had=$compstate[nmatches]
			builtin compadd "$@" || return
			((compstate[nmatches] > had)) || return 0
			builtin compadd -A words "$@"
			print -rl -- $words >>offered.$number
			zparseopts -E -a texts d:
			((!$#texts)) || print -rl -- ${(P)texts[2]} >>described
		}
		sockcat() {
			print -r -- "<${(j:><:)@}>" >>started
			((++number))
		}
	END
	ZDOTDIR=$PWD type_keys 'zsh -d -i' "${@:2}"
}

# type_keys COMMAND LINE...
type_keys() {
	printf '%s\t\n' "${@:2}" >keys
	echo exit >>keys
	timeout "$BOUND" script -qec "$1" /dev/null <keys >screen 2>&1 \
		3>&- 7>&- 9>&-
}

ask_fish() {
	cat >rc <<-'END'
		source ./script
		for number in (seq (count $argv))
			complete -C $argv[$number] >>offered.$number
		end
	END
	timeout "$BOUND" fish rc "${@:2}" >screen 2>&1 3>&- 7>&- 9>&-
	holds screen ''
	cat offered.* >described
	sed -i 's/\t.*//; s/.*=//; s/.*://' offered.*
}

# offers SHELL [LINE WORDS]...: for each line just these words are offered.
offers() {
	local shell=$1 lines=() words=() number
	shift

	while (($#)); do
		lines+=("$1")
		words+=("$2")
		shift 2
	done
	ask "$shell" "${lines[@]}"
	for number in "${!lines[@]}"; do
		offered=$(offered "$((number + 1))")
		if [[ $offered != "${words[number]}" ]]; then
			echo "$shell, '${lines[number]}': '$offered'"
			return 1
		fi
	done
}

offered() {
	sort -u "offered.$1" 2>/dev/null | grep . | paste -sd' '
}

# What --help names: the long options, the letters, the explanations.
long_options() {
	"$SOCKCAT" --help |
		sed -nE 's/^  (-.,|   ) (--[a-z0-9-]+).*/\2/p' | sort
}

letters() {
	"$SOCKCAT" --help | sed -nE 's/^  (-.), --.*/\1/p' | sort
}

explanations() {
	"$SOCKCAT" --help | sed -nE 's/^  (-.,|   ) --.{25}(.*)/\2/p' | sort
}

# --- what each of them offers -------------------------------------------------

offers_options() {
	prepare "$1"
	ask "$1" 'sockcat --' 'sockcat -' 'sockcat --hel'
	long_options >expected
	[ "$(wc -l <expected)" -gt 60 ]
	grep -- '^--.' offered.1 | sort -u | diff expected -
	letters >expected
	[ "$(wc -l <expected)" -gt 30 ]
	grep -x -- '-[^-]' offered.2 | sort -u | diff expected -
	[ "$(offered 3)" = --help ]
}

@test "bash is offered every option of --help" {
	offers_options bash
}

@test "zsh is offered every option of --help" {
	offers_options zsh
}

@test "fish is offered every option of --help" {
	offers_options fish
}

# Ends with the explanation of each, but for spaces that fill columns.
explains_options() {
	local text

	prepare "$1"
	ask "$1" 'sockcat --' 'sockcat -'
	explanations >expected
	[ "$(wc -l <expected)" -gt 60 ]
	while read -r text; do
		if ! awk -v separator="$2" '
			BEGIN { text = separator ARGV[1]; ARGC = 1 }
			{ at = length($0) - length(text) + 1 }
			at > 0 && substr($0, at) == text { found = 1 }
			END { exit !found }' "$text" <described
		then
			echo "not explained: $text"
			return 1
		fi
	done <expected
}

@test "zsh explains every option in the words of --help" {
	explains_options zsh '-- '
}

@test "fish explains every option in the words of --help" {
	explains_options fish $'\t'
}

# The values that the table names, as separate words and after "=".
offers_values() {
	prepare "$1"
	offers "$1" \
		'sockcat --type ' 'dgram raw seqpacket stream' \
		'sockcat --type se' seqpacket \
		'sockcat --type=' 'dgram raw seqpacket stream' \
		'sockcat --type=s' 'seqpacket stream' \
		'sockcat -X ' '4 4A 5 connect' \
		'sockcat -vX c' connect \
		'sockcat --proxy-type ' '4 4A 5 connect' \
		'sockcat --proxy-type=c' connect \
		'sockcat --completion ' 'bash fish zsh' \
		'sockcat --completion=z' zsh \
		'sockcat -T af4' 'af41 af42 af43' \
		'sockcat --tos=lo' 'lowcost lowdelay' \
		'sockcat --protocol m' mptcp \
		'sockcat --protocol=udp' 'udp udplite' \
		'sockcat a 80 --type d' dgram \
		'sockcat -lk --type=r' raw \
		'sockcat -w ' '' \
		'sockcat --max-conns ' '' \
		'sockcat -p my' ''
}

@test "bash is offered the values that an option takes" {
	offers_values bash
}

@test "zsh is offered the values that an option takes" {
	offers_values zsh
}

@test "fish is offered the values that an option takes" {
	offers_values fish
}

offers_words() {
	prepare "$1"
	offers "$1" \
		'sockcat -s known' known.example \
		'sockcat --source=known' known.example \
		'sockcat -x known' known.example \
		'sockcat --proxy known' known.example \
		'sockcat known' known.example \
		'sockcat -w 5 -lp 80 -T ef known' known.example \
		'sockcat --type=dgram known' known.example \
		'sockcat -x proxy:1080 known' known.example \
		'sockcat -- known' known.example \
		'sockcat host known' '' \
		'sockcat -w 5 host known' '' \
		'sockcat -w known' '' \
		'sockcat my-f' '' \
		'sockcat -e my-pro' my-program \
		'sockcat --exec my-pro' my-program \
		'sockcat -lkc my-pro' my-program \
		'sockcat --sh-exec=my-pro' my-program
	ask "$1" 'sockcat --interface ' 'sockcat --interface=l'
	[[ " $(offered 1) " == *" lo"* ]]
	[[ $(offered 2) == lo* ]]
}

@test "bash is offered hosts, programs and interfaces" {
	offers_words bash
}

@test "zsh is offered hosts, programs and interfaces" {
	offers_words zsh
}

@test "fish is offered hosts, programs and interfaces" {
	offers_words fish
}

# Options come after operands too, but not after "--".
offers_at_places() {
	prepare "$1"
	offers "$1" \
		'sockcat host 80 --verb' --verbose \
		'sockcat host:80 --verb' --verbose \
		'sockcat -p 80 --verb' --verbose \
		'sockcat -e "a --b" --verb' --verbose \
		'sockcat -- --verb' '' \
		'sockcat -l -- --verb' '' \
		'sockcat --nothing-such' ''
}

@test "bash is offered options after operands, none after --" {
	offers_at_places bash
}

@test "zsh is offered options after operands, none after --" {
	offers_at_places zsh
}

@test "fish is offered options after operands, none after --" {
	offers_at_places fish
}

# completes_files SHELL: it writes them as its own commands need them.
completes_files() {
	prepare "$1"
	ask "$1" \
		'sockcat -o my-fi' \
		'sockcat --hex-dump a' \
		'sockcat --hex-dump=my-fi' \
		'sockcat --announce my-fi' \
		'sockcat -o "a b' \
		'sockcat -U my-fi' \
		'sockcat --unix -w 5 my-fi' \
		'sockcat -lkU my-fi' \
		'sockcat unix:my-fi' \
		'sockcat -o my-fo' \
		'sockcat my-fi' \
		'sockcat -w my-fi'
	holds started '<-o><my-file>
<--hex-dump><a blank>
<--hex-dump=my-file>
<--announce><my-file>
<-o><a blank>
<-U><my-file>
<--unix><-w><5><my-file>
<-lkU><my-file>
<unix:my-file>
<-o><my-folder/>
<my-fi>
<-w><my-fi>
'
}

@test "bash completes files where sockcat takes them, and nowhere else" {
	completes_files bash
}

@test "zsh completes files where sockcat takes them, and nowhere else" {
	completes_files zsh
}

@test "fish is offered files where sockcat takes them, and nowhere else" {
	prepare fish
	offers fish \
		'sockcat -o my-fi' my-file \
		'sockcat --hex-dump a\ ' 'a blank' \
		'sockcat --hex-dump=my-fi' my-file \
		'sockcat --announce my-fi' my-file \
		'sockcat -U my-fi' my-file \
		'sockcat --unix -w 5 my-fi' my-file \
		'sockcat -lkU my-fi' my-file \
		'sockcat unix:my-fi' my-file \
		'sockcat -o my-fo' my-folder/ \
		'sockcat my-fi' '' \
		'sockcat -w my-fi' ''
}

# --- bash alone ---------------------------------------------------------------

@test "bash needs nothing but the script, which leaves only its function" {
	prepare bash
	run --separate-stderr env -i bash --noprofile --norc -uc '
		. ./script
		complete -p
		compgen -A function
		compgen -v | grep -v -e "^BASH" -e "^_$" -e "^PIPESTATUS$" >after
		COMP_WORDS=(sockcat --type s) COMP_CWORD=2
		_sockcat
		echo "${COMPREPLY[@]}"
		unset COMP_WORDS COMP_CWORD COMPREPLY
		compgen -v | grep -v -e "^BASH" -e "^_$" -e "^PIPESTATUS$" |
			diff after -'
	[ "$status" -eq 0 ]
	[ "$stderr" = '' ]
	[ "$output" = 'complete -F _sockcat sockcat
_sockcat
stream seqpacket' ]
}

@test "bash is offered the same whatever IFS and set are" {
	local options

	prepare bash
	for options in -c -uc -euc; do
		run --separate-stderr timeout "$BOUND" bash --noprofile --norc \
			"$options" '
			. ./script
			shopt -s nullglob
			IFS=:
			COMP_WORDS=(sockcat --type s) COMP_CWORD=2
			_sockcat
			printf "<%s>" "${COMPREPLY[@]}"
			COMP_WORDS=(sockcat -X "") COMP_CWORD=2
			_sockcat
			printf "<%s>" "${COMPREPLY[@]}"
			COMP_WORDS=(sockcat --nothing-such) COMP_CWORD=1
			_sockcat
			printf "%s" "${#COMPREPLY[@]}" "$IFS"'
		echo "bash $options: $output"
		[ "$status" -eq 0 ]
		[ "$stderr" = '' ]
		[ "$output" = '<stream><seqpacket><4><4A><5><connect>0:' ]
	done
}

@test "bash is not misled by words of punctuation" {
	prepare bash
	: >'*'
	offers bash \
		'sockcat --type *' '' \
		'sockcat :' '' \
		'sockcat =' known.example \
		'sockcat :: ' '' \
		'sockcat --type =' 'dgram raw seqpacket stream' \
		'sockcat unix:' ''
}

# --- the scripts themselves ---------------------------------------------------

@test "--completion prints a script and nothing else" {
	local shell

	for shell in bash zsh fish; do
		run_sockcat --completion "$shell"
		[ "$status" -eq 0 ]
		[ "$stderr" = '' ]
		[[ $output == *sockcat* ]]
		echo "$output" >"$shell"
		run_sockcat --completion="$shell"
		[ "$status" -eq 0 ]
		[ "$output" = "$(<"$shell")" ]
	done
	run ! cmp -s bash zsh
	run ! cmp -s bash fish
	run ! cmp -s zsh fish
}

@test "--completion on a full disk is a failure" {
	local shell

	[ -c /dev/full ] || skip "needs /dev/full"
	for shell in bash zsh fish; do
		run --separate-stderr bash -c '"$1" --completion "$2" >/dev/full' \
			- "$SOCKCAT" "$shell"
		[ "$status" -eq 7 ]
		[ "$stderr" = \
			'sockcat: write to stdout: No space left on device' ]
	done
}

@test "--completion names the shells that it knows" {
	fails 2 "sockcat: --completion: 'tcsh' is not one of bash|zsh|fish
Try 'sockcat --help'." --completion tcsh
	fails 2 "sockcat: --completion requires an argument: SHELL
Try 'sockcat --help'." --completion
}

@test "zsh takes the script from a folder of fpath and by source" {
	requires zsh
	mkdir functions
	"$SOCKCAT" --completion zsh >functions/_sockcat
	cp functions/_sockcat script
	run --separate-stderr timeout "$BOUND" zsh -fc '
		fpath=($PWD/functions $fpath)
		autoload -Uz compinit && compinit -u -D
		print $_comps[sockcat]'
	[ "$status" -eq 0 ]
	[ "$stderr" = '' ]
	[ "$output" = _sockcat ]
	run --separate-stderr timeout "$BOUND" zsh -fc '
		autoload -Uz compinit && compinit -u -D
		source ./script
		print $_comps[sockcat] $+functions[_sockcat]'
	[ "$status" -eq 0 ]
	[ "$stderr" = '' ]
	[ "$output" = '_sockcat 1' ]
}
