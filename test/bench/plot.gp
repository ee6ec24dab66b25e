# The throughput rows as horizontal bars, a group a row, the best peer at 1.
# Wants data, picture and title_text; see plot.awk for the columns. The
# background stays transparent and the text a middle grey, so that the
# picture can be read on a light page and on a dark one.

set terminal svg size 860,720 dynamic font 'sans-serif,13'
set output picture
set datafile separator "\t"

text = '#808080'
tools = 'sockcat nc.openbsd nc.traditional ncat socat socat-64k busybox'
colours = '#e8590c #3b7dd8 #7aa6e0 #2f9e6e #9a6fc9 #c2a3e0 #9a9a9a'
slots = words(tools)
group_height = slots + 1.5

stats data using 1 nooutput
groups = STATS_max + 1
stats data using 5 nooutput
longest = STATS_max

y(group, slot) = -(group * group_height + slot)

set border 0
set key below horizontal center textcolor rgb text samplen 1 width -2
set title "Throughput, the best peer of each row = 1\n{/*0.8 ".title_text."}" \
	textcolor rgb text
set xrange [0:longest + 0.5 > 1.5 ? longest + 0.5 : 1.5]
set yrange [y(groups, 0):0]
set xtics scale 0 textcolor rgb text
set ytics scale 0 textcolor rgb text
set arrow from 1, graph 0 to 1, graph 1 nohead back linecolor rgb text
set style fill solid 1 noborder

plot for [i = 1:slots] data \
		using (0):($3 == i ? y($1, $3) : NaN): \
		(0):5:(y($1, $3) - 0.42):(y($1, $3) + 0.42) \
		with boxxyerror linecolor rgb word(colours, i) \
		title word(tools, i), \
	data using (0):(y($1, (slots + 1) / 2.0)):ytic(2) \
		with points pointtype 0 notitle, \
	data using ($3 == 1 ? $5 : NaN):(y($1, 1)):6 \
		with labels left offset 0.5, 0 font ',11' \
		textcolor rgb text notitle
