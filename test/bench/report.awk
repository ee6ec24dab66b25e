# Samples to medians: writes the TSV `table`, prints the table for people.
#
# rows: a file of ROW|TITLE|UNIT|more or less|RATIO ASKED|PEER RATIO
# (<FIGURE instead of a ratio asks it of sockcat itself; the sixth field has a
# peer and its ratio, or more pairs, where another one is asked for it)
# tools: their names, in the order of the columns
# A sample: round, row, tool, bytes, "ok", value, processor seconds, details
# or round, row, tool, bytes, "failed", reason

function sort_values(v, n,    i, j, x)
{
	for (i = 2; i <= n; i++) {
		x = v[i]
		for (j = i - 1; j >= 1 && v[j] > x; j--)
			v[j + 1] = v[j]
		v[j + 1] = x
	}
}

function take(row, tool, value)
{
	values[row, tool, ++count[row, tool]] = value
}

# Sets median, low and high of this row and tool; nothing where it failed.
function settle(row, tool,    i, n, v)
{
	n = count[row, tool]
	if (n == 0 || (row, tool) in failed)
		return
	for (i = 1; i <= n; i++)
		v[i] = values[row, tool, i]
	sort_values(v, n)
	low[row, tool] = v[1]
	high[row, tool] = v[n]
	median[row, tool] = n % 2 ? v[(n + 1) / 2] : \
	    (v[n / 2] + v[n / 2 + 1]) / 2
}

function row_add(row, name, unit_name, direction, goal, peer_goal)
{
	order[++row_count] = row
	title[row] = name
	unit[row] = unit_name
	better[row] = direction
	asked[row] = goal
	asked_peer[row] = peer_goal
}

# The memory that a scan took, which is in its details; so is the time that
# a scan of itself took.
function peak_row(row, name_of)
{
	if (("peak:" row, "sockcat") in count)
		row_add("peak:" row, name_of, "MiB", "less", "<4")
}

# What a client costs tool and program, or a million datagrams the tool, which
# is in the details.
function processor_row(row, name_of, unit_name, goal, peer_goal)
{
	if (("processor:" row, "sockcat") in count)
		row_add("processor:" row, name_of, unit_name, "less", goal, \
		    peer_goal)
}

# How many times as good as the reference, whichever way is better.
function ratio(row, value, reference)
{
	if (better[row] == "more")
		return reference > 0 ? value / reference : 0
	return value > 0 ? reference / value : 0
}

function is_peer(tool)
{
	return tool !~ /^sockcat/ && tool != "limit"
}

# The table that a row is shown in, each with the tools that are in it.
function table_of(row)
{
	if (row ~ /^((peak|mean):)?(scan|silent)/)
		return "scan"
	return row ~ /^(processor:)?serve/ ? "serve" : ""
}

function best_peer(row,    i, best)
{
	best = ""
	for (i = 1; i <= tool_count; i++)
		if (is_peer(tool[i]) && (row, tool[i]) in median && \
		    (best == "" || ratio(row, median[row, tool[i]], \
		    median[row, best]) > 1))
			best = tool[i]
	return best
}

# The static binary's figures against the same peers, in sockcat's column.
function static_row(row, name_of, goal, peer_goal,    i, j, name)
{
	if (!((row, "sockcat-static") in count))
		return
	name = row ":static"
	row_add(name, name_of, unit[row], better[row], goal, peer_goal)
	for (i = 1; i <= tool_count; i++)
		if (is_peer(tool[i]))
			for (j = 1; j <= count[row, tool[i]]; j++)
				take(name, tool[i], values[row, tool[i], j])
	for (j = 1; j <= count[row, "sockcat-static"]; j++)
		take(name, "sockcat", values[row, "sockcat-static", j])
}

function figure(value)
{
	if (value >= 100)
		return sprintf("%.0f", value)
	return sprintf(value >= 10 ? "%.1f" : "%.2f", value)
}

function cell(row, tool)
{
	if ((row, tool) in failed)
		return "failed"
	return (row, tool) in median ? figure(median[row, tool]) : "-"
}

function note(row, tool)
{
	return (row, tool) in failed ? failed[row, tool] : ""
}

function heading(tool)
{
	sub(/^nc\./, "", tool)
	sub(/^socat-nofork/, "so.nofork", tool)
	return tool == "traditional" ? "trad." : tool
}

function write_tsv(    i, j, row, best, has)
{
	print "row\ttitle\tunit\tbetter\ttool\tmedian\tlow\thigh\trounds" \
	    "\ttimes best peer\tnote" >> table
	for (i = 1; i <= row_count; i++) {
		row = order[i]
		best = best_peer(row)
		for (j = 1; j <= tool_count; j++) {
			has = (row, tool[j]) in median
			if (!has && !((row, tool[j]) in failed))
				continue
			printf "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n",
			    row, title[row], unit[row], better[row], tool[j],
			    has ? median[row, tool[j]] : "",
			    has ? low[row, tool[j]] : "",
			    has ? high[row, tool[j]] : "",
			    count[row, tool[j]],
			    has && best != "" ? sprintf("%.3f", ratio(row, \
			    median[row, tool[j]], median[row, best])) : "",
			    note(row, tool[j]) >> table
		}
	}
	close(table)
}

function write_table(name,    i, j, row, best, times, shown)
{
	for (i = 1; i <= row_count; i++)
		for (j = 1; j <= tool_count; j++)
			if (table_of(order[i]) == name && \
			    tool[j] != "sockcat-static" && \
			    cell(order[i], tool[j]) != "-")
				shown[tool[j]] = ++shown[""]
	if (!shown[""])
		return
	printf "\n%-25s %-4s", "", ""
	for (j = 1; j <= tool_count; j++)
		if (tool[j] in shown)
			printf " %9s", heading(tool[j])
	printf "  %5s %5s\n", "ratio", "asked"
	for (i = 1; i <= row_count; i++) {
		row = order[i]
		if (table_of(row) != name)
			continue
		printf "%-25s %-4s", title[row], unit[row]
		for (j = 1; j <= tool_count; j++)
			if (tool[j] in shown)
				printf " %9s", cell(row, tool[j])
		best = best_peer(row)
		times = "-"
		if (best != "" && (row, "sockcat") in median)
			times = figure(ratio(row, median[row, "sockcat"], \
			    median[row, best]))
		printf "  %5s %5s\n", times, asked[row]
	}
}

function versus(row, best)
{
	return sprintf("  %s: %s %s, %s %s", title[row], \
	    figure(median[row, "sockcat"]), unit[row], best, \
	    figure(median[row, best]))
}

# What sockcat misses of what is asked in a row: its own figure, the ratio to
# the best peer, the ratio to another one.
function missed(row, best,    lines, part, parts, i, times)
{
	lines = ""
	if (asked[row] ~ /^</) {
		if (median[row, "sockcat"] >= substr(asked[row], 2) + 0)
			lines = sprintf("  %s: %s %s, asked %s\n", \
			    title[row], figure(median[row, "sockcat"]), \
			    unit[row], asked[row])
	} else if (best != "" && asked[row] != "") {
		times = ratio(row, median[row, "sockcat"], median[row, best])
		if (times >= 1 && times < asked[row] + 0)
			lines = versus(row, best) \
			    sprintf(" (%.2f, asked %s)\n", times, asked[row])
	}
	parts = split(asked_peer[row], part, " ")
	for (i = 1; i < parts; i += 2) {
		if (!((row, part[i]) in median))
			continue
		times = ratio(row, median[row, "sockcat"], median[row, part[i]])
		if (times < part[i + 1] + 0)
			lines = lines versus(row, part[i]) \
			    sprintf(" (%.2f, asked %s)\n", times, part[i + 1])
	}
	return lines
}

# The rows in which sockcat is behind, and those in which it does less than
# it is to do.
function write_losses(    i, row, best, times, lost, below)
{
	lost = below = ""
	for (i = 1; i <= row_count; i++) {
		row = order[i]
		if ((row, "sockcat") in failed)
			lost = lost "  " title[row] ": failed\n"
		if (!((row, "sockcat") in median))
			continue
		best = best_peer(row)
		if (best != "") {
			times = ratio(row, median[row, "sockcat"], \
			    median[row, best])
			if (times < 1)
				lost = lost versus(row, best) \
				    sprintf(" (%.2f)\n", times)
		}
		below = below missed(row, best)
	}
	if (lost != "")
		printf "\nsockcat loses:\n%s", lost
	else
		print "\nsockcat loses no row that was run"
	if (below != "")
		printf "less than asked:\n%s", below
}

function write_failures(    i, j, row, none)
{
	none = 1
	for (i = 1; i <= row_count; i++) {
		row = order[i]
		for (j = 1; j <= tool_count; j++) {
			if (!((row, tool[j]) in failed))
				continue
			if (none)
				print "failed:"
			none = 0
			printf "  %s, %s: %s\n", tool[j], title[row], \
			    failed[row, tool[j]]
			if (tool[j] ~ /^sockcat/)
				status = 1
		}
	}
	print ""
}

BEGIN {
	FS = "\t"
	while ((getline line < rows) > 0) {
		split(line, part, "|")
		row_add(part[1], part[2], part[3], part[4], part[5], \
		    part[6])
	}
	close(rows)
	tool_count = split(tools, tool, " ")
}

$5 == "failed" {
	failed[$2, $3] = ($1 == 0 ? "" : "round " $1 ": ") $6
	next
}

$1 > 0 {
	take($2, $3, $6 + 0)
	if ($2 == "scan-self")
		take("mean:" $2, $3, 1e3 * substr($8, 6))
	if ($8 ~ /^peak /)
		take("peak:" $2, $3, substr($8, 6) + 0)
	if ($8 ~ /^processor /)
		take("processor:" $2, $3, substr($8, 11) + 0)
	if ($7 > 0)
		take("cpu:" $2, $3, $7 / ($4 / 1e9))
}

END {
	static_row("start", "start, static binary", 2)
	static_row("memory", "memory, static binary", "")
	processor_row("datagrams", "datagrams, processor", "s/M", 1, \
	    "nc.openbsd 2")
	processor_row("serve", "serve, processor", "us")
	static_row("serve", "serve, static", 1, "ncat 2 socat 2")
	static_row("processor:serve", "serve, processor, static", "")
	static_row("serve-one", "one processor, static", 1, "socat 2")
	processor_row("serve-late", "end late, processor", "us")
	static_row("serve-late", "end late, static", 1, "ncat 2 socat 2")
	static_row("serve-memory", "serve, memory, static", "<2.5")
	if (("mean:scan-self", "sockcat") in count)
		row_add("mean:scan-self", "scan of itself, mean", "ms", \
		    "less", 1, "nmap 2")
	peak_row("scan", "scan, peak memory")
	peak_row("silent", "silent, peak memory")
	base_count = row_count
	for (k = 1; k <= base_count; k++)
		if (order[k] ~ /^(file-tcp|pipe-tcp|tcp-pipe|pipes-tcp)$/)
			row_add("cpu:" order[k], "cpu: " title[order[k]], \
			    "s/GB", "less", "")
	for (k = 1; k <= row_count; k++)
		for (m = 1; m <= tool_count; m++)
			settle(order[k], tool[m])
	write_tsv()
	write_table("")
	write_table("scan")
	write_table("serve")
	write_losses()
	write_failures()
	exit status
}
