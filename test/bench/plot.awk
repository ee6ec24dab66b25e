# The table's throughput rows as gnuplot reads them, the worst row last:
# GROUP  TITLE  SLOT  TOOL  TIMES BEST PEER  LABEL

BEGIN {
	FS = OFS = "\t"
	slots = split("sockcat nc.openbsd nc.traditional ncat socat" \
	    " socat-64k busybox", name, " ")
	for (i = 1; i <= slots; i++)
		slot[name[i]] = i
}

$3 == "GB/s" && $10 != "" && ($5 in slot) {
	if (!($1 in group))
		group[$1] = groups++
	label = sprintf("%.1f", $6)
	if ($5 == "sockcat")
		label = sprintf("%.1f GB/s (%.2f)", $6, $10)
	print group[$1], $2, slot[$5], $5, $10, label
}
