/* Lists of ports to scan: 22,http,8000-8100. */
#include "fuzz.h"

#define PORTS_SIZE 64 /* bytes of a list */

struct ports_range {
	long low, high;
};

/* The number that so many digits are, no more than PORTS; -1: they are none. */
static long
ports_number(const char *text, size_t length)
{
	long number = 0;

	if (length == 0 || strspn(text, "0123456789") < length)
		return -1;
	for (; length > 0; length--, text++)
		if (number < PORTS)
			number = number * 10 + (*text - '0');
	return number < PORTS ? number : PORTS;
}

/* An item of a list.  False: it is wrong. */
static bool
ports_item(const char *text, size_t length, struct ports_range *range)
{
	const char *dash = memchr(text, '-', length);
	const size_t first = dash == NULL ? length : (size_t)(dash - text);

	if (length == 4 && memcmp(text, "http", 4) == 0) {
		range->low = range->high = 80;
		return true;
	}
	range->low = range->high = ports_number(text, first);
	if (dash != NULL)
		range->high = ports_number(dash + 1, length - first - 1);
	/* Of that many digits there is no use. */
	return length < 64 && range->low > 0 && range->low <= range->high &&
		range->high < PORTS;
}

/* The items of a list, or -1 if one is wrong. */
static int
ports_items(const char *list, struct ports_range items[PORTS_SIZE + 1])
{
	int count = 0;

	for (;; list++) {
		const size_t length = strcspn(list, ",");

		if (!ports_item(list, length, &items[count++]))
			return -1;
		list += length;
		if (*list == '\0')
			return count;
	}
}

static int
ports_compare(const void *a, const void *b)
{
	const struct ports_range *x = a, *y = b;

	return (x->low > y->low) - (x->low < y->low);
}

/* How many ports some ranges have together. */
static long
ports_union(struct ports_range *items, int count)
{
	long sum = 0, end = 0; /* of what was counted */
	int i;

	qsort(items, (size_t)count, sizeof *items, ports_compare);
	for (i = 0; i < count; i++) {
		if (items[i].high <= end)
			continue;
		sum += items[i].high -
			(items[i].low > end ? items[i].low - 1 : end);
		end = items[i].high;
	}
	return sum;
}

static long
ports_count(const struct port_set *set)
{
	uint64_t bits;
	long count = 0;
	size_t i;

	for (i = 0; i < sizeof set->bits; i += sizeof bits) {
		memcpy(&bits, set->bits + i, sizeof bits);
		count += __builtin_popcountll(bits);
	}
	return count;
}

/* As a range alone: what is taken is one when it is printed, too. */
static void
ports_range_require(const char *text)
{
	struct ports_range range;
	int64_t low, high, low_again, high_again;
	char again[sizeof "65535-65535"];

	if (!port_range_parse(text, &low, &high))
		return;
	REQUIRE(0 < low && low <= high && high < PORTS);
	if (strlen(text) < 64) {
		REQUIRE(ports_item(text, strlen(text), &range));
		REQUIRE(range.low == low && range.high == high);
	}
	snprintf(again, sizeof again, "%d-%d", (int)low, (int)high);
	REQUIRE(port_range_parse(again, &low_again, &high_again));
	REQUIRE(low == low_again && high == high_again);
	REQUIRE(strchr(text, '-') != NULL || port_parse(text));
}

/* A list, and what it was taken for. */
struct ports_list {
	const char *text;
	struct options options;
};

static void
ports_take(void *memory)
{
	struct ports_list *list = memory;

	scan_ports_add(&list->options, list->text);
}

TEXT_FUZZER(ports, PORTS_SIZE)
{
	static struct ports_list list;
	const struct port_set *set = &list.options.ports;
	struct ports_range items[PORTS_SIZE + 1];
	const int count = ports_items(text, items);
	int i;

	ports_range_require(text);
	list.text = text;
	memset(&list.options.ports, 0, sizeof list.options.ports);
	if (fuzz_exits(ports_take, &list)) {
		REQUIRE(count < 0 && fuzz_exit_status == STATUS_USAGE);
		return;
	}
	REQUIRE(count > 0);
	for (i = 0; i < count; i++)
		REQUIRE(port_set_has(set, items[i].low) &&
			port_set_has(set, items[i].high));
	REQUIRE(ports_count(set) == ports_union(items, count));
}
