#!/usr/bin/env bats
# What --help looks like, and what is said of a long option that there is not.

# shellcheck disable=SC2016,SC2154 # what a shell is to expand; run sets them
load lib/helpers

# Prints the options of --help, in order: LETTER;NAME;ARGUMENT;EXPLANATION.
rows() {
	"$SOCKCAT" --help | sed -nE \
		's/^  (-(.),|   ) --([^ ]+) ?([^ ]*) +([^ ].*)$/\2;\3;\4;\5/p'
}

# told_usage TEXT ARGUMENT...: it ends with 2, that line and the hint.
told_usage() {
	local -
	set +T
	local text=$1 status=0
	shift

	timeout "$BOUND" "$SOCKCAT" "$@" >told.out 2>told.err || status=$?
	if [[ $status -ne 2 || -s told.out || $(<told.err) != \
		"sockcat: $text"$'\n'"Try 'sockcat --help'." ]]; then
		echo "sockcat $*: status $status"
		cat told.out told.err
		return 1
	fi
}

# --- the form of --help -------------------------------------------------------

@test "--help begins with the usage, a line for each mode" {
	local line=0

	run_sockcat --help
	[ "$status" -eq 0 ]
	[ "$stderr" = '' ]
	[[ ${lines[0]} == 'usage: sockcat [options] HOST PORT'* ]]
	while [[ ${lines[++line]} == '       '* ]]; do
		[[ ${lines[line]} == '       sockcat [options] '* ]]
	done
	[ "$line" -ge 4 ]
	[[ ${lines[*]:0:line} == *'[options] -l '* ]]
	[[ ${lines[*]:0:line} == *'[options] -U '* ]]
	[[ ${lines[*]:0:line} == *'[options] -z '* ]]
	[[ ${lines[line]} == *onnects\ standard\ input\ and\ output* ]]
}

@test "--help names its groups in order, each after an empty line" {
	"$SOCKCAT" --help >help
	sed -nE '/^[A-Z][a-z]+$/p' help >groups
	paste -sd' ' groups >order
	holds order 'Address Connect Listen Transfer Run Scan Socket Output'\
' Safety\n'
	# An option begins with a blank, and nothing stands between group and
	# first option.
	awk '/^[A-Z][a-z]+$/ { if (before != "") bad = 1; group = 1; next }
		group && $0 !~ /^  (-|    --)/ { bad = 1 }
		{ group = 0; before = $0 }
		END { exit bad }' help
}

@test "--help has one line for each option, explained in one column" {
	"$SOCKCAT" --help | sed -n '/^Address$/,$p' |
		grep -v -e '^$' -e '^[A-Z][a-z]*$' >options
	[ "$(wc -l <options)" -gt 60 ]
	awk '!/^  (-[A-Za-z0-9],|   ) --[a-z0-9-]+( [^ ]+)? +[^ ]/ ||
		substr($0, 33, 1) != " " || substr($0, 34, 1) == " "' \
		options >wrong
	holds wrong ''
	[ "$(rows | wc -l)" -eq "$(wc -l <options)" ]
}

@test "--help fits a terminal of 80 columns, without tabs and trailing blanks" {
	"$SOCKCAT" --help >help
	[ -s help ]
	awk 'length > 80 || /\t/ || /[ \r]$/' help >wrong
	holds wrong ''
}

@test "--help names no option twice" {
	rows | cut -d';' -f1 | grep . | sort | uniq -d >twice
	rows | cut -d';' -f2 | sort | uniq -d >>twice
	holds twice ''
}

@test "--help lists what is printed under Output" {
	"$SOCKCAT" --help | sed -n '/^Output$/,/^$/p' |
		sed -nE 's/^(  .{4}--[^ ]+( [A-Z]+)?) .*/\1/p' >output
	holds output '  -v, --verbose
  -o, --hex-dump FILE
      --progress
      --stats
  -h, --help
      --version
      --completion SHELL
'
}

@test "--help and -h are the same, whatever else is given" {
	"$SOCKCAT" --help >help
	"$SOCKCAT" -h >short
	"$SOCKCAT" -4 -6 -lz a b c d --help >others
	same_bytes help short
	same_bytes help others
}

@test "--version on a full disk is a failure" {
	[ -c /dev/full ] || skip "needs /dev/full"
	run --separate-stderr bash -c '"$1" --version >/dev/full' - "$SOCKCAT"
	[ "$status" -eq 7 ]
	[ "$stderr" = 'sockcat: write to stdout: No space left on device' ]
}

# The loops are functions of their own, called without the tracing of bats.

take_options() {
	local letter name argument count=0

	while IFS=';' read -r letter name argument _; do
		if [[ -n $argument ]]; then
			told_usage "--$name requires an argument: $argument" \
				"--$name"
			[[ -z $letter ]] || told_usage \
				"--$name requires an argument: $argument" \
				"-$letter"
		else
			told_usage "--$name takes no argument: '--$name=1'" \
				"--$name=1"
			"$SOCKCAT" ${letter:+"-$letter"} "--$name" --help \
				>help 2>err
			holds err ''
		fi
		((++count))
	done < <(rows)
	[ "$count" -gt 60 ]
}

@test "every option of --help is taken, its argument where it has one" {
	set +T
	take_options
}

# --- long options that there are not ------------------------------------------

@test "a mistyped long option is told the nearest" {
	told_usage "unknown option '--lisen', did you mean --listen?" --lisen
	told_usage "unknown option '--verobse', did you mean --verbose?" \
		--verobse a 1
	told_usage "unknown option '--keepopen', did you mean --keep-open?" \
		-l --keepopen 0
	told_usage "unknown option '--udpp', did you mean --udp?" a 1 --udpp
	told_usage "unknown option '--time-out', did you mean --timeout?" \
		--time-out 5 a 1
	told_usage "unknown option '--hexdump', did you mean --hex-dump?" \
		--hexdump a 1
	told_usage "unknown option '--no-sandbocks', did you mean --no-sandbox?" \
		--no-sandbocks a 1
}

slip_in_options() {
	local name wrong count=0

	while IFS=';' read -r _ name _; do
		((${#name} > 5)) || continue
		((++count))
		for wrong in "${name:0:3}j${name:4}" "${name:0:3}${name:4}" \
			"${name:0:3}j${name:3}" "${name}j"; do
			told_usage "unknown option '--$wrong',\
 did you mean --$name?" "--$wrong" a 1
		done
	done < <(rows)
	[ "$count" -gt 40 ]
}

@test "a slip in any long option is told that option" {
	set +T
	slip_in_options
}

@test "a mistyped long option with a value is told the nearest" {
	fails 2 "sockcat: unknown option '--tmeout*', did you mean --timeout?
Try 'sockcat --help'." --tmeout=5 a 1
}

@test "a long option that is near to none is named alone" {
	told_usage "unknown option '--frobnicate'" --frobnicate a 1
	told_usage "unknown option '--zzzzzzzz'" --zzzzzzzz
	told_usage "unknown option '--123456789'" --123456789
	told_usage "unknown option '-j'" -j a 1
	told_usage "unknown option '-j'" -vj a 1
}

@test "a long option may be cut as long as it is the only one" {
	run_sockcat --vers
	[ "$status" -eq 0 ]
	[[ $output == 'sockcat '* ]]
	told_usage "--completion requires an argument: SHELL" --comp
}

@test "a name that is whole is not ambiguous, though others go on" {
	told_usage "--proxy requires an argument: ADDR[:PORT]" --proxy
}

@test "a long option that is cut too short is told all that it may be" {
	told_usage "option '--no-s' is ambiguous:\
 --no-shutdown, --no-stdin, --no-sandbox" --no-s a 1
	told_usage "option '--ipv' is ambiguous: --ipv4, --ipv6" a 1 --ipv
	told_usage "option '--ipv' is ambiguous: --ipv4, --ipv6" --ipv=1 a 1
	told_usage "option '--s' is ambiguous: --source, --send-only,\
 --sh-exec, --scan, --sndbuf, --so-debug, --sockopt, --stats" --s
}

cut_options() {
	local name cut expected names=()

	mapfile -t names < <(rows | cut -d';' -f2)
	[ "${#names[@]}" -gt 60 ]
	while read -r cut; do
		expected=
		for name in "${names[@]}"; do
			if [[ $name == "$cut" ]]; then
				continue 2
			elif [[ $name == "$cut"* ]]; then
				expected+=", --$name"
			fi
		done
		if [[ $expected == *,*,* ]]; then
			told_usage "option '--$cut' is ambiguous:${expected#,}" \
				"--$cut"
		else
			"$SOCKCAT" "--$cut" --help 2>>err >out || true
		fi
	done < <(printf '%s\n' "${names[@]}" | sed 'h; s/\(..\).*/\1/; p; g
		s/\(.\).*/\1/; p; g; s/.$//' | sort -u)
	run grep -e nknown -e ambiguous err
	[ "$status" -eq 1 ]
}

@test "every beginning of a long option is taken or told what it may be" {
	set +T
	cut_options
}

@test "a long option may be as long and as strange as it likes" {
	local long

	printf -v long '%05000d' 0
	run_sockcat "--$long" a 1
	[ "$status" -eq 2 ]
	[[ $stderr == "sockcat: unknown option '--00000"*"
Try 'sockcat --help'." ]]
	run_sockcat "--listen$long"
	[ "$status" -eq 2 ]
	[[ $stderr == "sockcat: unknown option '--listen000"*"
Try 'sockcat --help'." ]]
	# Nobody who types 200 letters means one of ours.
	printf -v long '%0200d' 0
	told_usage "unknown option '--$long'" "--$long" a 1
	told_usage "unknown option '--$long'" "--$long=1" a 1
	told_usage "unknown option '--%s%n'" '--%s%n'
	told_usage "unknown option '--listän', did you mean --listen?" --listän
}

@test "what stands after -- is no option" {
	told_usage "missing port: '--lisen'" -- --lisen
}

@test "a usage error is one line and one hint, not the whole help" {
	local wrong

	for wrong in --lisen --re --frobnicate -j -L --wait --udp=1; do
		run_sockcat "$wrong"
		[ "$status" -eq 2 ]
		[ "$output" = '' ]
		[ "${#stderr_lines[@]}" -eq 2 ]
		[[ ${stderr_lines[0]} == 'sockcat: '* ]]
		[ "${stderr_lines[1]}" = "Try 'sockcat --help'." ]
	done
}
