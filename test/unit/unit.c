/*
 * Checks of what needs no socket: the parsers, the ring, the tables.
 * The program itself is included, so that its static functions can be called.
 */
#define main sockcat_main
int sockcat_main(int argc, char **argv);
#include "../../sockcat.c"
#undef main

#include <arpa/inet.h>

static int checks, failures;

#define CHECK(condition) check((condition), #condition, __LINE__)

static void
check(bool holds, const char *what, int line)
{
	checks++;
	if (holds)
		return;
	failures++;
	fprintf(stderr, "# unit.c:%d: %s\n", line, what);
}

static void
check_numbers(void)
{
	static const char *const bad[] = { "", " 1", "1 ", "+1", "-1", "0x1",
		"1e3", "1.0", "99999999999999999999", "65536" };
	int64_t value;
	size_t i;

	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK(!number_parse(bad[i], 0, 65535, &value));
		CHECK(!port_parse(bad[i]));
	}
	CHECK(number_parse("0", 0, 65535, &value) && value == 0);
	CHECK(number_parse("65535", 0, 65535, &value) && value == 65535);
	CHECK(number_parse("007", 0, 9, &value) && value == 7);
	CHECK(!number_parse("1", 2, 3, &value));
	CHECK(number_parse("900000000000000000", 0, INT64_MAX, &value));
	CHECK(port_parse("http") && port_parse("ftp-data"));
	CHECK(!port_parse("80x") && !port_parse("-http") && !port_parse(":"));
}

static void
check_durations(void)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = { { "0", 0 }, { "5", 5000 }, { "0.5", 500 }, { ".5", 500 },
		{ "200ms", 200 }, { "5s", 5000 }, { "2m", 120000 },
		{ "1.5m", 90000 }, { "0.0001", 1 }, { "0.1ms", 1 },
		{ "1.0000000001", 1001 }, { "0.0000000001", 1 },
		{ "315360000", INT64_C(315360000000) } };
	static const char *const bad[] = { "", ".", "5.", "-1", "+1", " 1",
		"1 s", "s", "ms", "1x", "1h", "1e3", "0x1", "nan", "inf",
		"99999999999999999999", "315360001", "9999999999m" };
	int64_t ms;
	size_t i;

	for (i = 0; i < sizeof good / sizeof *good; i++) {
		ms = -1;
		CHECK(duration_parse(good[i].text, &ms));
		if (ms != good[i].ms)
			fprintf(stderr, "# %s gave %lld\n", good[i].text,
				(long long)ms);
		CHECK(ms == good[i].ms);
	}
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!duration_parse(bad[i], &ms));
}

static void
check_split(const char *text, const char *host, const char *port)
{
	char got_host[HOST_MAX] = "";
	const char *got_port = NULL;
	const char *wrong = host_port_split(text, got_host, &got_port);

	if (host == NULL) {
		CHECK(wrong != NULL);
		return;
	}
	CHECK(wrong == NULL);
	CHECK(strcmp(got_host, host) == 0);
	CHECK(got_port != NULL && strcmp(got_port, port) == 0);
}

static void
check_endpoints(void)
{
	char host[HOST_MAX], name[HOST_MAX + 8];

	check_split("localhost:80", "localhost", "80");
	check_split("127.0.0.1:http", "127.0.0.1", "http");
	check_split("[::1]:80", "::1", "80");
	check_split("[fe80::1%eth0]:80", "fe80::1%eth0", "80");
	check_split("host:", "host", "");
	check_split("host", NULL, NULL);
	check_split("", NULL, NULL);
	check_split(":80", NULL, NULL);
	check_split("[]:80", NULL, NULL);
	check_split("[::1]", NULL, NULL);
	check_split("[::1]80", NULL, NULL);
	check_split("[::1:80", NULL, NULL);
	check_split("::1:80", NULL, NULL);
	memset(name, 'a', sizeof name);
	strcpy(name + HOST_MAX, ":80");
	check_split(name, NULL, NULL);

	CHECK(host_parse("[::1]", host) == NULL && strcmp(host, "::1") == 0);
	CHECK(host_parse("a", host) == NULL && strcmp(host, "a") == 0);
	CHECK(host_parse("", host) != NULL);
	CHECK(host_parse("[]", host) != NULL);
	memset(name, 'a', HOST_MAX);
	name[HOST_MAX] = '\0';
	CHECK(host_parse(name, host) != NULL);
	name[HOST_MAX - 1] = '\0';
	CHECK(host_parse(name, host) == NULL);
}

static int
port_count(const struct port_set *set)
{
	int port, count = 0;

	for (port = 0; port < PORTS; port++)
		count += port_set_has(set, port);
	return count;
}

static void
check_ports(void)
{
	static const struct {
		const char *text;
		int low, high;
	} good[] = { { "1", 1, 1 }, { "80", 80, 80 }, { "0080", 80, 80 },
		{ "65535", 65535, 65535 }, { "1-65535", 1, 65535 },
		{ "80-80", 80, 80 }, { "8000-8100", 8000, 8100 },
		{ "007-0000000000009", 7, 9 } };
	static const char *const bad[] = { "", "-", "0", "00", "0-5", "5-1",
		"1-", "-5", "--", "1--2", "1-2-3", "1-2-", "65536", "1-65536",
		"0-70000", " 1", "1 ", "1 -2", "1- 2", "+1", "-1-5", "1-+2",
		"0x50", "1-0x5", "80x", "1-x", "1.5", "1,2", "a", "a-b",
		"99999999999999999999", "1-99999999999999999999",
		"18446744073709551617" };
	static struct options o;
	static struct port_set set;
	int64_t low, high;
	size_t i;

	for (i = 0; i < sizeof good / sizeof *good; i++) {
		CHECK(port_range_parse(good[i].text, &low, &high));
		CHECK(low == good[i].low && high == good[i].high);
	}
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!port_range_parse(bad[i], &low, &high));

	CHECK(port_count(&set) == 0);
	port_set_add(&set, 7, 8);
	CHECK(!port_set_has(&set, 6) && port_set_has(&set, 7) &&
		port_set_has(&set, 8) && !port_set_has(&set, 9));
	port_set_add(&set, 8, 8);
	CHECK(port_count(&set) == 2);
	port_set_add(&set, PORTS - 1, PORTS - 1);
	CHECK(port_set_has(&set, PORTS - 1) && port_count(&set) == 3);
	port_set_add(&set, 1, PORTS - 1);
	CHECK(!port_set_has(&set, 0) && port_count(&set) == PORTS - 1);

	scan_ports_add(&o, "8000-8100,22,8050-8200,80");
	scan_ports_add(&o, "80");
	scan_ports_add(&o, "65535,1");
	CHECK(port_count(&o.ports) == 201 + 4);
	CHECK(port_set_has(&o.ports, 8000) && port_set_has(&o.ports, 8200));
	CHECK(!port_set_has(&o.ports, 7999) && !port_set_has(&o.ports, 8201));
	CHECK(port_set_has(&o.ports, 1) && port_set_has(&o.ports, 65535));
	CHECK(port_set_has(&o.ports, 22) && port_set_has(&o.ports, 80));
}

static void
check_octals(void)
{
	static const struct {
		const char *text;
		int64_t value;
	} good[] = { { "0", 0 }, { "7", 7 }, { "10", 8 }, { "600", 0600 },
		{ "777", 0777 }, { "0777", 0777 },
		{ "000000000000000000600", 0600 } };
	static const char *const bad[] = { "", "8", "888", "78", "778", "1000",
		"7770", "-1", "+7", " 7", "7 ", "0x1", "0o7", "7.0", "a",
		"2000000000000000000000", "1777777777777777777777" };
	int64_t value;
	size_t i;

	for (i = 0; i < sizeof good / sizeof *good; i++) {
		value = -1;
		CHECK(octal_parse(good[i].text, 0777, &value));
		CHECK(value == good[i].value);
	}
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!octal_parse(bad[i], 0777, &value));
	CHECK(octal_parse("0", 0, &value) && !octal_parse("1", 0, &value));
	CHECK(octal_parse("10", 8, &value) && !octal_parse("11", 8, &value));
}

/* Whether a list of one network has an address in it. */
static bool
cidr_has(const char *network, const char *address)
{
	struct cidrs list = { .count = 1 };
	struct cidr one;

	return cidr_parse(network, &list.at[0]) && cidr_parse(address, &one) &&
		cidrs_match(&list, &one);
}

static void
check_cidrs(void)
{
	static const struct {
		const char *text;
		size_t length;
		int64_t prefix;
	} good[] = { { "10.0.0.0/8", 4, 8 }, { "10.1.2.3", 4, 32 },
		{ "10.1.2.3/32", 4, 32 }, { "0.0.0.0/0", 4, 0 },
		{ "10.0.0.1/08", 4, 8 }, { "255.255.255.255/31", 4, 31 },
		{ "::1", 16, 128 }, { "::/0", 16, 0 }, { "::1/127", 16, 127 },
		{ "2001:db8::/32", 16, 32 }, { "FE80::/10", 16, 10 },
		{ "1111:2222:3333:4444:5555:6666:7777:8888/128", 16, 128 },
		{ "1111:2222:3333:4444:5555:6666:123.123.123.123", 16, 128 },
		{ "0000:0000:0000:0000:0000:ffff:123.123.123.123", 4, 32 },
		{ "::ffff:10.0.0.0/104", 4, 8 }, { "::ffff:0:0/96", 4, 0 },
		{ "::ffff:0:0/95", 16, 95 }, { "::ffff:10.0.0.1/0", 16, 0 },
		{ "::10.0.0.1", 16, 128 }, { "::fffe:10.0.0.1", 16, 128 },
		{ "1::ffff:10.0.0.1", 16, 128 } };
	static const char *const bad[] = { "", "/", "/8", "a", "::1%lo", "10",
		"10.0.0/8", "10.0.0.0.0", "10.0.0.256", "10.0.0.1/",
		"10.0.0.0/33", "10.0.0.1/08x", "10.0.0.1/-1", "10.0.0.1/+1",
		"10.0.0.1/ 8", "10.0.0.1 ", " 10.0.0.1", "10.0.0.1/8/8",
		"10.0.0.1//8", "10.0.0.1/255.0.0.0", "10.0.0.1/0x8",
		"10.0.0.1/99999999999999999999", "::1/129", "::1/", ":::1",
		"1::2::3", "[::1]", ":", "::ffff:10.0.0.1/129", "0x7f000001",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999",
		"0000:0000:0000:0000:0000:ffff:123.123.123.1234",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/8" };
	static const struct {
		const char *network, *address;
		bool has;
	} cases[] = { { "10.0.0.0/8", "10.255.0.1", true },
		{ "10.0.0.0/8", "11.0.0.1", false },
		{ "10.9.9.9/8", "10.0.0.1", true },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "0.0.0.0/1", "127.255.255.255", true },
		{ "0.0.0.0/1", "128.0.0.0", false },
		{ "192.168.16.0/20", "192.168.31.255", true },
		{ "192.168.16.0/20", "192.168.32.0", false },
		{ "192.168.16.0/20", "192.168.15.255", false },
		{ "192.168.0.2/31", "192.168.0.3", true },
		{ "192.168.0.2/31", "192.168.0.4", false },
		{ "192.168.0.2", "192.168.0.2", true },
		{ "192.168.0.2", "192.168.0.3", false },
		{ "::/0", "ffff::1", true }, { "8000::/1", "ffff::1", true },
		{ "8000::/1", "7fff::1", false },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "::2/127", "::3", true }, { "::2/127", "::1", false },
		{ "::1", "::1", true }, { "::1/128", "::2", false },
		{ "10.0.0.0/8", "::ffff:10.1.2.3", true },
		{ "::ffff:10.0.0.0/104", "10.1.2.3", true },
		{ "::ffff:10.0.0.0/104", "::ffff:11.1.2.3", false },
		{ "::ffff:0:0/96", "1.2.3.4", true },
		{ "::/0", "1.2.3.4", false }, { "0.0.0.0/0", "::1", false },
		{ "::ffff:0:0/95", "1.2.3.4", false },
		{ "0.0.0.1", "::1", false }, { "::1", "0.0.0.1", false } };
	static struct cidrs list;
	struct cidr cidr;
	size_t i;

	for (i = 0; i < sizeof good / sizeof *good; i++) {
		memset(&cidr, 0xa5, sizeof cidr);
		CHECK(cidr_parse(good[i].text, &cidr));
		if (cidr.length != good[i].length ||
			cidr.prefix != good[i].prefix)
			fprintf(stderr, "# %s gave %zu, %lld\n", good[i].text,
				cidr.length, (long long)cidr.prefix);
		CHECK(cidr.length == good[i].length);
		CHECK(cidr.prefix == good[i].prefix);
	}
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (cidr_parse(bad[i], &cidr))
			fprintf(stderr, "# '%s' was taken\n", bad[i]);
		CHECK(!cidr_parse(bad[i], &cidr));
	}
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		const bool has = cidr_has(cases[i].network, cases[i].address);

		if (has != cases[i].has)
			fprintf(stderr, "# %s in %s\n", cases[i].address,
				cases[i].network);
		CHECK(has == cases[i].has);
	}

	CHECK(cidr_parse("127.0.0.9", &cidr) && !cidrs_match(&list, &cidr));
	for (i = 0; i < CIDRS_MAX; i++) {
		CHECK(cidr_parse("127.0.0.0", &list.at[i]));
		list.at[i].bytes[3] = (unsigned char)i;
	}
	list.count = 9;
	CHECK(!cidrs_match(&list, &cidr));
	list.count = 10;
	CHECK(cidrs_match(&list, &cidr));
	cidr.bytes[3] = CIDRS_MAX - 1;
	CHECK(!cidrs_match(&list, &cidr));
	list.count = CIDRS_MAX;
	CHECK(cidrs_match(&list, &cidr));
}

/* What is mapped becomes IPv4, and only that. */
static void
check_unmapping(void)
{
	struct cidr cidr = { .bytes = { [10] = 0xff, 0xff, 192, 0, 2, 7 },
		.length = 16,
		.prefix = 95 };

	cidr_unmap(&cidr);
	CHECK(cidr.length == 16 && cidr.prefix == 95);
	cidr.prefix = 120;
	cidr_unmap(&cidr);
	CHECK(cidr.length == 4 && cidr.prefix == 24);
	CHECK(memcmp(cidr.bytes, "\300\0\2\7", 4) == 0);
	cidr_unmap(&cidr);
	CHECK(cidr.length == 4 && cidr.prefix == 24);
}

static void
check_access(const char *text, uint16_t port, bool admitted,
	const struct access *access)
{
	const bool ipv6 = strchr(text, ':') != NULL;
	struct address a;

	memset(&a, 0, sizeof a);
	a.any.sa_family = ipv6 ? AF_INET6 : AF_INET;
	a.length = ipv6 ? sizeof a.in6 : sizeof a.in;
	address_set_port(&a, port);
	CHECK(inet_pton(a.any.sa_family, text,
		      ipv6 ? (void *)&a.in6.sin6_addr :
			     (void *)&a.in.sin_addr) == 1);
	if (access_admits(access, &a) != admitted)
		fprintf(stderr, "# %s %s\n", text,
			admitted ? "refused" : "admitted");
	CHECK(access_admits(access, &a) == admitted);
}

static void
check_accesses(void)
{
	static struct access access;
	struct address a;

	check_access("127.0.0.1", 1, true, &access);
	check_access("::1", 1, true, &access);
	CHECK(cidr_parse("127.0.0.0/31", &access.deny.at[0]));
	access.deny.count = 1;
	check_access("127.0.0.1", 2, false, &access);
	check_access("::ffff:127.0.0.1", 2, false, &access);
	check_access("127.0.0.2", 0, true, &access);
	check_access("::1", 0, true, &access);
	CHECK(cidr_parse("127.0.0.0/30", &access.allow.at[0]));
	access.allow.count = 1;
	check_access("127.0.0.1", 65535, false, &access);
	check_access("127.0.0.2", 65535, true, &access);
	check_access("::ffff:127.0.0.2", 65535, true, &access);
	check_access("127.0.0.4", 65535, false, &access);
	check_access("::1", 65535, false, &access);
	/* In the Unix domain permissions decide. */
	memset(&a, 0, sizeof a);
	a.any.sa_family = AF_UNIX;
	a.length = sizeof a.any;
	CHECK(access_admits(&access, &a));
}

/* Fills and empties the ring in uneven steps and compares the bytes. */
static void
check_ring(void)
{
	static struct buffer ring = { RING_SIZE, 0, 0, "" };
	static const size_t steps[] = { 1, 7, 4096, 30000, 65535, 65536 };
	unsigned char in = 0, out = 0;
	size_t round, i, j, length;
	struct iovec pieces[2];
	int piece;
	bool same = true;

	for (round = 0; round < 200; round++) {
		i = round % (sizeof steps / sizeof *steps);
		length = RING_SIZE - ring.length;
		length = steps[i] < length ? steps[i] : length;
		buffer_pieces(&ring, ring.length, length, pieces);
		for (piece = 0; piece < 2; piece++)
			for (j = 0; j < pieces[piece].iov_len; j++)
				((unsigned char *)pieces[piece].iov_base)[j] =
					in++;
		ring.length += length;
		CHECK(ring.length <= RING_SIZE);
		length = ring.length - ring.length / 3;
		buffer_pieces(&ring, 0, length, pieces);
		for (piece = 0; piece < 2; piece++)
			for (j = 0; j < pieces[piece].iov_len; j++)
				same &= ((unsigned char *)pieces[piece]
							.iov_base)[j] == out++;
		buffer_consume(&ring, length);
	}
	CHECK(same);
	buffer_consume(&ring, ring.length);
	CHECK(ring.length == 0 && ring.start == 0);
}

static bool
row_exists(const char *name)
{
	size_t i;

	for (i = 0; i < OPTION_ROWS; i++)
		if (option_rows[i].name != NULL &&
			strcmp(option_rows[i].name, name) == 0)
			return true;
	return false;
}

static void
check_rows(void)
{
	size_t i, j;

	for (i = 0; i < OPTION_ROWS; i++) {
		const struct option_row *row = &option_rows[i];

		CHECK(row->help != NULL);
		CHECK(HELP_COLUMN + strlen(row->help) <= 80);
		if (row->kind == OPTION_GROUP)
			continue;
		CHECK((row->argument == NULL) == (row->kind == OPTION_FLAG));
		/* The column must hold "  -x, --NAME ARGUMENT" and a blank. */
		CHECK(8 + strlen(row->name) +
				(row->argument == NULL ?
						0 :
						1 + strlen(row->argument)) <
			HELP_COLUMN);
		for (j = 0; j < i; j++) {
			CHECK(row->letter == 0 ||
				row->letter != option_rows[j].letter);
			CHECK(option_rows[j].name == NULL ||
				strcmp(row->name, option_rows[j].name) != 0);
		}
	}
	for (i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		CHECK(row_exists(pairs[i].option));
		CHECK(row_exists(pairs[i].other));
	}
	for (i = 0; i < sizeof refusals / sizeof *refusals; i++)
		CHECK(option_row_of(refusals[i].letter) == NULL);
}

static void
check_addresses(void)
{
	static const char mapped[] = "::ffff:192.0.2.7";
	static const struct options tcp = { .type = SOCK_STREAM };
	struct address a, b;
	struct sockaddr_in6 *in6 = (void *)&a.storage;
	struct address_text text;
	char copy[8];

	memset(&a, 0, sizeof a);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(80);
	a.length = sizeof *in6;
	CHECK(inet_pton(AF_INET6, mapped, &in6->sin6_addr) == 1);
	address_print(&a, &tcp, NULL, &text);
	CHECK(strcmp(text.host, "192.0.2.7") == 0);
	CHECK(strcmp(text.port, "80") == 0);
	b = a;
	CHECK(address_equal(&a, &b));
	in6->sin6_port = htons(81);
	CHECK(!address_equal(&a, &b));
	text_copy(copy, sizeof copy, "a\033[2Jbcdef", 10);
	CHECK(strcmp(copy, "a?[2Jbc") == 0);
}

static void
check_deadlines(void)
{
	CHECK(deadline_after(5, 10) == 15);
	CHECK(deadline_after(5, NEVER) == NEVER);
	CHECK(deadline_after(NEVER - 1, 2) == NEVER);
	CHECK(deadline_left(NEVER, 7) == NEVER);
	CHECK(deadline_left(7, 7) == 0 && deadline_left(7, 8) == 0);
	CHECK(deadline_left(9, 7) == 2);
}

static void
check_sizes(void)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} good[] = { { "1", 1 }, { "4096", 4096 }, { "007", 7 },
		{ "2147483647", INT_MAX }, { "1k", 1024 }, { "64k", 65536 },
		{ "64K", 65536 }, { "1M", 1048576 }, { "1G", 1073741824 },
		{ "2097151k", INT64_C(2147482624) }, { "2047M", 2146435072 } };
	static const char *const bad[] = { "", " 1", "1 ", "+1", "-1", "-1k",
		"1x", "1m", "1g", "1kk", "1kB", "1 k", "k", "M", "0x1", "1.5k",
		"1e3", "0", "0k", "2147483648", "2097152k", "2048M", "2G",
		"99999999999999999999", "99999999999999999999k",
		"9223372036854775807k", "9007199254740993M",
		"18014398509481985k", "17179869184G", "17179869185G" };
	int64_t bytes;
	size_t i;

	for (i = 0; i < sizeof good / sizeof *good; i++) {
		bytes = -1;
		CHECK(size_parse(good[i].text, 1, INT_MAX, &bytes));
		if (bytes != good[i].bytes)
			fprintf(stderr, "# %s gave %lld\n", good[i].text,
				(long long)bytes);
		CHECK(bytes == good[i].bytes);
	}
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (size_parse(bad[i], 1, INT_MAX, &bytes))
			fprintf(stderr, "# '%s' was taken\n", bad[i]);
		CHECK(!size_parse(bad[i], 1, INT_MAX, &bytes));
	}
	CHECK(size_parse("0", 0, 0, &bytes) && bytes == 0);
	CHECK(size_parse("8k", 8192, 8192, &bytes) && bytes == 8192);
	CHECK(!size_parse("7k", 8192, 8192, &bytes));
	CHECK(!size_parse("9k", 8192, 8192, &bytes));
}

static void
check_tos(void)
{
	/* RFC 2474, 2597, 3246, 5865, 8622; RFC 791 and 1349 for the rest. */
	static const struct {
		const char *text;
		int64_t value;
	} good[] = { { "af11", 40 }, { "af12", 48 }, { "af13", 56 },
		{ "af21", 72 }, { "af22", 80 }, { "af23", 88 }, { "af31", 104 },
		{ "af32", 112 }, { "af33", 120 }, { "af41", 136 },
		{ "af42", 144 }, { "af43", 152 }, { "cs0", 0 }, { "cs1", 32 },
		{ "cs2", 64 }, { "cs3", 96 }, { "cs4", 128 }, { "cs5", 160 },
		{ "cs6", 192 }, { "cs7", 224 }, { "ef", 184 }, { "va", 176 },
		{ "le", 4 }, { "critical", 160 }, { "inetcontrol", 192 },
		{ "netcontrol", 224 }, { "lowcost", 2 }, { "lowdelay", 16 },
		{ "reliability", 4 }, { "throughput", 8 }, { "0", 0 },
		{ "1", 1 }, { "255", 255 }, { "0x00", 0 }, { "0x0", 0 },
		{ "0x1f", 31 }, { "0xb8", 184 }, { "0xff", 255 },
		{ "0xFF", 255 } };
	static const char *const bad[] = { "", " ", "256", "-1", "+1", " 1",
		"1 ", "1x", "0x", "0x100", "0xg", "0x-1", "0x 1", "0x0x1", "x1",
		"1.0", "99999999999999999999", "0x99999999999999999999", "af",
		"af1", "af10", "af14", "af44", "af51", "af111", "cs", "cs8",
		"cs-1", "e", "eff", "ef ", " ef", "low", "lowdelay1" };
	int64_t value;
	size_t i;

	for (i = 0; i < sizeof good / sizeof *good; i++) {
		value = -1;
		CHECK(tos_parse(good[i].text, &value));
		if (value != good[i].value)
			fprintf(stderr, "# %s gave %lld\n", good[i].text,
				(long long)value);
		CHECK(value == good[i].value);
	}
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (tos_parse(bad[i], &value))
			fprintf(stderr, "# '%s' was taken\n", bad[i]);
		CHECK(!tos_parse(bad[i], &value));
	}
}

static void
check_protocols(void)
{
	static const struct {
		const char *text;
		int64_t number;
	} good[] = { { "tcp", 6 }, { "udp", 17 }, { "icmp", 1 },
		{ "ipv6-icmp", 58 }, { "icmpv6", 58 }, { "sctp", 132 },
		{ "udplite", 136 }, { "mptcp", 262 }, { "0", 0 }, { "6", 6 },
		{ "006", 6 }, { "255", 255 }, { "262", 262 },
		{ "65535", 65535 } };
	static const char *const bad[] = { "", " ", "65536", "-1", "+6", " 6",
		"6 ", "0x6", "6.0", "6x", "99999999999999999999",
		"no-such-protocol", "tcp ", " tcp", "tc", "tcpp" };
	int64_t number;
	size_t i;

	for (i = 0; i < sizeof good / sizeof *good; i++) {
		number = -1;
		CHECK(protocol_parse(good[i].text, &number));
		CHECK(number == good[i].number);
	}
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (protocol_parse(bad[i], &number))
			fprintf(stderr, "# '%s' was taken\n", bad[i]);
		CHECK(!protocol_parse(bad[i], &number));
	}
}

static void
check_choices(void)
{
	static const char types[] = "stream|dgram|seqpacket|raw";
	static const char *const bad[] = { "", " ", "s", "str", "streams",
		"Stream", "stream ", " stream", "dgra", "dgramm", "ra", "raww",
		"aw", "|", "stream|", "|dgram", "stream|dgram",
		"stream|dgram|seqpacket|raw", "seqpacket|raw" };
	int64_t index;
	size_t i;

	CHECK(choice_parse(types, "stream", &index) && index == 0);
	CHECK(choice_parse(types, "dgram", &index) && index == 1);
	CHECK(choice_parse(types, "seqpacket", &index) && index == 2);
	CHECK(choice_parse(types, "raw", &index) && index == 3);
	CHECK(choice_parse("5|5a|5", "5a", &index) && index == 1);
	CHECK(choice_parse("4A|4", "4", &index) && index == 1);
	CHECK(choice_parse("only", "only", &index) && index == 0);
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (choice_parse(types, bad[i], &index))
			fprintf(stderr, "# '%s' was taken\n", bad[i]);
		CHECK(!choice_parse(types, bad[i], &index));
	}
}

static void
check_settings(void)
{
	static const struct {
		const char *text;
		int level, name, value;
	} good[] = { { "1:2:3", 1, 2, 3 }, { "0:0:0", 0, 0, 0 },
		{ "1:2:-3", 1, 2, -3 }, { "001:02:0003", 1, 2, 3 },
		{ "1:2:2147483647", 1, 2, INT_MAX },
		{ "1:2:-2147483647", 1, 2, -INT_MAX },
		{ "2147483647:2147483647:0", INT_MAX, INT_MAX, 0 } };
	static const char *const bad[] = { "", ":", "::", ":::", "1", "1:2",
		"1:2:", "1::3", ":2:3", "1:2:3:", "1:2:3:4", ":1:2:3", "a:2:3",
		"1:b:3", "1:2:c", "1:2:3 ", " 1:2:3", "1: 2:3", "1:2: 3",
		"1 :2:3", "1:2:+3", "1:2:--3", "1:2:-", "1:2:- 3", "1:2:-+3",
		"-1:2:3", "1:-2:3", "0x1:2:3", "1:2:0x3", "1:2:3.0",
		"1:2:2147483648", "1:2:-2147483649", "2147483648:2:3",
		"1:2147483648:3", "1:2:99999999999999999999",
		"1:2:-99999999999999999999", "99999999999999999999:2:3" };
	struct socket_setting s;
	size_t i;

	for (i = 0; i < sizeof good / sizeof *good; i++) {
		memset(&s, 0xa5, sizeof s);
		CHECK(setting_parse(good[i].text, &s));
		CHECK(s.level == good[i].level && s.name == good[i].name &&
			s.value == good[i].value);
	}
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (setting_parse(bad[i], &s))
			fprintf(stderr, "# '%s' was taken\n", bad[i]);
		CHECK(!setting_parse(bad[i], &s));
	}
}

/* ---- what stands between read and write --------------------------------- */

#define TAP_TEXT 300 /* bytes of a text, at most */
#define TELNET_ALL                              \
	"a\xff\xff"                             \
	"b\xff\xf1"                             \
	"c\xff\xfd\x01"                         \
	"d\xff\xfb\xff"                         \
	"e\xff\xfc\x01\xff\xfe\xff"             \
	"f\xff\xfa\x18\x01\xff\xff\xf0\xff\xf0" \
	"g\xff\xff\xff\xfd\x02\n"

/* The next of a row of numbers that look like chance, always the same. */
static unsigned int
chance(unsigned int below)
{
	static uint32_t state = 1;

	state = state * 1664525 + 1013904223;
	return (unsigned int)(((uint64_t)state * below) >> 32);
}

/* A text of bytes that mean something, for the most part. */
static size_t
chance_text(char *text)
{
	static const char bytes[] = "\xff\xff\xff\xff\xff\xfa\xf0\xf1\xfb"
				    "\xfc\xfd\xfe\n\n\r\ra\1";
	const size_t length = chance(TAP_TEXT + 1);
	size_t i;

	for (i = 0; i < length; i++)
		text[i] = chance(8) == 0 ? (char)chance(256) :
					   bytes[chance(sizeof bytes)];
	return length;
}

/* What text_encode is to do, all at once. */
static size_t
encode_plainly(
	const char *from, size_t length, bool crlf, bool telnet, char *to)
{
	size_t i, put = 0;

	for (i = 0; i < length; i++) {
		if (crlf && from[i] == '\n' && (i == 0 || from[i - 1] != '\r'))
			to[put++] = '\r';
		if (telnet && from[i] == '\xff')
			to[put++] = '\xff';
		to[put++] = from[i];
	}
	return put;
}

/* The same in up to three pieces: [0, cut), [cut, end) and the rest. */
static void
check_encode(const char *from, size_t length, size_t cut, size_t end, bool crlf,
	bool telnet)
{
	char expected[2 * TAP_TEXT], got[2 * TAP_TEXT + 1];
	struct encoder encoder = { .crlf = crlf, .telnet = telnet };
	const size_t put = encode_plainly(from, length, crlf, telnet, expected);
	size_t n;

	memset(got, '#', sizeof got);
	n = text_encode(&encoder, from, cut, got);
	CHECK(n <= 2 * cut);
	n += text_encode(&encoder, from + cut, end - cut, got + n);
	CHECK(n <= 2 * end);
	n += text_encode(&encoder, from + end, length - end, got + n);
	CHECK(n == put && memcmp(got, expected, put) == 0);
	CHECK(got[put] == '#');
}

static void
check_encoder(void)
{
	static const char lines[] = "\n\na\nb\r\nc\rd\r\r\n\r\n\n\r\xff\n\xff"
				    "\xff\r\xff\n\0\n\r";
	char text[TAP_TEXT];
	size_t length = sizeof lines - 1, cut, end;
	int round, how;

	for (how = 0; how < 4; how++) {
		for (cut = 0; cut <= length; cut++)
			for (end = cut; end <= length; end++)
				check_encode(lines, length, cut, end, how & 1,
					how & 2);
		for (round = 0; round < 2000; round++) {
			const size_t size = chance_text(text);

			cut = chance((unsigned int)size + 1);
			end = cut + chance((unsigned int)(size - cut) + 1);
			check_encode(text, size, cut, end, how & 1, how & 2);
		}
	}
}

/* What telnet_decode is to do, all at once; the answers at replies. */
struct plain {
	size_t text_length, replies_length;
	char text[TAP_TEXT], replies[TAP_TEXT];
};

static void
plain_reply(struct plain *p, char command, char option)
{
	const char reply[] = { '\xff', command, option };
	size_t i;

	for (i = 0; i < p->replies_length; i += 3)
		if (memcmp(p->replies + i, reply, 3) == 0)
			return;
	memcpy(p->replies + i, reply, 3);
	p->replies_length += 3;
}

/*
 * How long the command is that begins here; all that is left, if it is cut
 * off.  What SB begins goes on to the next command, which should be SE.
 */
static size_t
command_length(const char *from, size_t length)
{
	size_t i;

	if (length < 2)
		return length;
	if (from[1] == '\xfa') {
		for (i = 2; i + 1 < length; i++)
			if (from[i] == '\xff' && from[++i] != '\xff')
				return i - 1;
		return length;
	}
	return from[1] >= '\xfb' && from[1] <= '\xfe' && length > 2 ? 3 : 2;
}

static void
decode_plainly(const char *from, size_t length, struct plain *p)
{
	size_t i, n;

	memset(p, 0, sizeof *p);
	for (i = 0; i < length; i += n) {
		n = 1;
		if (from[i] != '\xff') {
			p->text[p->text_length++] = from[i];
			continue;
		}
		n = command_length(from + i, length - i);
		if (n == 2 && from[i + 1] == '\xff')
			p->text[p->text_length++] = '\xff';
		else if (n == 3 && from[i + 1] == '\xfd')
			plain_reply(p, '\xfc', from[i + 2]);
		else if (n == 3 && from[i + 1] == '\xfb')
			plain_reply(p, '\xfe', from[i + 2]);
	}
}

static void
check_decode(const char *from, size_t length, size_t cut, size_t end)
{
	static struct telnet telnet;
	struct plain expected;
	char got[2 * TAP_TEXT + 1];
	size_t n;

	decode_plainly(from, length, &expected);
	memset(&telnet, 0, sizeof telnet);
	memset(got, '#', sizeof got);
	n = telnet_decode(&telnet, from, cut, got);
	CHECK(n <= cut);
	n += telnet_decode(&telnet, from + cut, end - cut, got + n);
	CHECK(n <= end);
	n += telnet_decode(&telnet, from + end, length - end, got + n);
	CHECK(n == expected.text_length);
	CHECK(memcmp(got, expected.text, expected.text_length) == 0);
	CHECK(got[expected.text_length] == '#');
	CHECK(telnet.length == expected.replies_length);
	CHECK(memcmp(telnet.replies, expected.replies,
		      expected.replies_length) == 0);
}

static void
check_decoder(void)
{
	static const char all[] = TELNET_ALL;
	char text[TAP_TEXT];
	size_t length = sizeof all - 1, cut, end;
	int round;

	for (cut = 0; cut <= length; cut++)
		for (end = cut; end <= length; end++)
			check_decode(all, length, cut, end);
	for (round = 0; round < 20000; round++) {
		length = chance_text(text);
		cut = chance((unsigned int)length + 1);
		end = cut + chance((unsigned int)(length - cut) + 1);
		check_decode(text, length, cut, end);
	}
}

/* What is encoded and then decoded is what it was, and asks for nothing. */
static void
check_telnet_both_ways(void)
{
	static struct telnet telnet;
	struct encoder encoder = { .telnet = true };
	char text[TAP_TEXT], coded[2 * TAP_TEXT], got[2 * TAP_TEXT];
	size_t length, n;
	int round;

	for (round = 0; round < 1000; round++) {
		length = chance_text(text);
		n = text_encode(&encoder, text, length, coded);
		n = telnet_decode(&telnet, coded, n, got);
		CHECK(n == length && memcmp(got, text, length) == 0);
		CHECK(telnet.length == 0);
	}
}

/* Every refusal that there is has room, once each. */
static void
check_telnet_flood(void)
{
	static struct telnet telnet;
	char command[3] = "\xff", got[6];
	int round, option;

	for (round = 0; round < 3; round++) {
		for (option = 0; option < 256; option++) {
			command[2] = (char)option;
			command[1] = '\xfd';
			CHECK(telnet_decode(&telnet, command, 3, got) == 0);
			command[1] = '\xfb';
			CHECK(telnet_decode(&telnet, command, 3, got) == 0);
		}
		CHECK(telnet.length == 512 * 3);
		CHECK(telnet.length <= sizeof telnet.replies);
	}
	for (option = 0; option < 256; option++) {
		const char both[] = { '\xff', '\xfc', (char)option, '\xff',
			'\xfe', (char)option };

		CHECK(memcmp(telnet.replies + option * 6, both, 6) == 0);
	}
	telnet_replied(&telnet, 511 * 3 + 1);
	CHECK(telnet.length == 2);
	CHECK(memcmp(telnet.replies, "\xfe\xff", 2) == 0);
	/* Those that were sent may be asked for again. */
	telnet_replied(&telnet, 2);
	CHECK(telnet_decode(&telnet, "\xff\xfd\x07", 3, got) == 0);
	CHECK(telnet.length == 3);
	CHECK(memcmp(telnet.replies, "\xff\xfc\x07", 3) == 0);
}

/* A text as bytes and their number, the zero at its end left out. */
#define BYTES(text) text, sizeof text - 1

static struct tunnel
tunnel_to(enum proxy_type type, const char *host, const char *user)
{
	struct tunnel t = { .protocol = &tunnel_protocols[type],
		.host = host,
		.port = 443,
		.user = user,
		.password = user == NULL ? NULL : "pass word" };

	if (inet_pton(AF_INET, host, t.address) == 1)
		t.family = AF_INET;
	else if (inet_pton(AF_INET6, host, t.address) == 1)
		t.family = AF_INET6;
	return t;
}

static void
check_base64(void)
{
	static const struct {
		const char *from, *to;
	} pairs_of[] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xbf\xff", "+/+//w==" } };
	char coded[16];
	size_t i, length;

	for (i = 0; i < sizeof pairs_of / sizeof *pairs_of; i++) {
		length = base64_encode(
			pairs_of[i].from, strlen(pairs_of[i].from), coded);
		CHECK(length == strlen(pairs_of[i].to));
		CHECK(memcmp(coded, pairs_of[i].to, length) == 0);
	}
	CHECK(base64_encode(BYTES("\0\0\0"), coded) == 4);
	CHECK(memcmp(coded, "AAAA", 4) == 0);
}

static void
check_request(struct tunnel t, enum tunnel_stage stage, const char *expected,
	size_t length)
{
	char request[REQUEST_MAX];

	t.stage = stage;
	CHECK(t.protocol->request(&t, request) == length);
	CHECK(memcmp(request, expected, length) == 0);
}

static void
check_requests(void)
{
	const struct tunnel four = tunnel_to(PROXY_SOCKS4, "10.1.2.3", NULL),
			    fours = tunnel_to(PROXY_SOCKS4, "10.1.2.3", "me"),
			    named = tunnel_to(PROXY_SOCKS4A, "a.org", NULL),
			    names = tunnel_to(PROXY_SOCKS4A, "a.org", "me"),
			    five = tunnel_to(PROXY_SOCKS5, "a.org", NULL),
			    fives = tunnel_to(PROXY_SOCKS5, "a.org", "me"),
			    ipv4 = tunnel_to(PROXY_SOCKS5, "10.1.2.3", NULL),
			    ipv6 = tunnel_to(PROXY_SOCKS5, "1:2::f", NULL),
			    http = tunnel_to(PROXY_CONNECT, "a.org", NULL),
			    https = tunnel_to(PROXY_CONNECT, "1:2::f", "me");

	check_request(four, TUNNEL_GREET, BYTES("\4\1\1\xbb\n\1\2\3\0"));
	check_request(fours, TUNNEL_GREET, BYTES("\4\1\1\xbb\n\1\2\3me\0"));
	check_request(named, TUNNEL_GREET,
		BYTES("\4\1\1\xbb\0\0\0\1\0"
		      "a.org\0"));
	check_request(
		names, TUNNEL_GREET, BYTES("\4\1\1\xbb\0\0\0\1me\0a.org\0"));

	check_request(five, TUNNEL_GREET, BYTES("\5\1\0"));
	check_request(fives, TUNNEL_GREET, BYTES("\5\2\0\2"));
	check_request(fives, TUNNEL_LOGIN, BYTES("\1\2me\tpass word"));
	check_request(five, TUNNEL_ASK, BYTES("\5\1\0\3\5a.org\1\xbb"));
	check_request(ipv4, TUNNEL_ASK, BYTES("\5\1\0\1\n\1\2\3\1\xbb"));
	check_request(ipv6, TUNNEL_ASK,
		BYTES("\5\1\0\4\0\1\0\2\0\0\0\0\0\0\0\0\0\0\0\xf\1\xbb"));

	check_request(http, TUNNEL_GREET,
		BYTES("CONNECT a.org:443 HTTP/1.1\r\nHost: a.org:443\r\n\r\n"));
	check_request(https, TUNNEL_GREET,
		BYTES("CONNECT [1:2::f]:443 HTTP/1.1\r\nHost: [1:2::f]:443\r\n"
		      "Proxy-Authorization: Basic bWU6cGFzcyB3b3Jk\r\n\r\n"));
}

/* Whatever is as long as it may be has room. */
static void
check_long_requests(void)
{
	static const struct {
		enum proxy_type type;
		enum tunnel_stage stage;
		size_t length;
	} requests[] = { { PROXY_SOCKS4A, TUNNEL_GREET, 8 + 256 + 256 },
		{ PROXY_SOCKS5, TUNNEL_LOGIN, 1 + 256 + 256 },
		{ PROXY_SOCKS5, TUNNEL_ASK, 4 + 256 + 2 },
		{ PROXY_CONNECT, TUNNEL_GREET,
			sizeof "CONNECT : HTTP/1.1\r\nHost: :\r\n"
			       "Proxy-Authorization: Basic \r\n\r\n" -
				1 + 2 * (255 + 5) + 684 } };
	char text[PROXY_TEXT_MAX + 1], request[REQUEST_MAX];
	struct tunnel t;
	size_t i;

	memset(text, 'a', PROXY_TEXT_MAX);
	text[PROXY_TEXT_MAX] = '\0';
	for (i = 0; i < sizeof requests / sizeof *requests; i++) {
		t = tunnel_to(requests[i].type, text, text);
		t.stage = requests[i].stage;
		t.password = text;
		t.port = 65535;
		CHECK(t.protocol->request(&t, request) == requests[i].length);
	}
}

/*
 * What a reply amounts to, of which the first so many bytes are looked at: a
 * copy of them, so that a sanitizer sees it when there are more.
 */
static struct verdict
reply_to(struct tunnel *t, const char *reply, size_t length)
{
	char *copy = malloc(length + 1);
	struct verdict verdict;

	memcpy(copy + 1, reply, length);
	verdict = t->protocol->reply(t, copy + 1, length);
	free(copy);
	return verdict;
}

/*
 * A reply that ends where the first "|" of a text is, and what begins then: it
 * is not done before that, and what comes after it does not matter.
 */
static void
check_done(struct tunnel t, enum tunnel_stage stage, const char *text,
	size_t length, enum tunnel_stage next)
{
	const size_t end =
		(size_t)((const char *)memchr(text, '|', length) - text);
	struct verdict verdict;
	size_t i;

	for (i = 0; i <= length; i++) {
		t.stage = stage;
		verdict = reply_to(&t, text, i);
		CHECK(verdict.kind == (i < end ? REPLY_MORE : REPLY_DONE));
		CHECK(i < end || verdict.length == end);
		CHECK(t.stage == (i < end ? stage : next));
	}
}

/* A reply that is no consent, which stays the same whatever comes after it. */
static void
check_not_done(struct tunnel t, enum tunnel_stage stage, const char *reply,
	size_t length, int kind, const char *reason)
{
	struct verdict verdict;
	size_t i;

	t.stage = stage;
	for (i = 0; i < length; i++) {
		verdict = reply_to(&t, reply, i);
		CHECK(verdict.kind == REPLY_MORE ||
			strcmp(verdict.reason, reason) == 0);
	}
	verdict = reply_to(&t, reply, length);
	CHECK((int)verdict.kind == kind);
	CHECK(strcmp(verdict.reason, reason) == 0);
	if (strcmp(verdict.reason, reason) != 0)
		fprintf(stderr, "# '%s' for '%s'\n", verdict.reason, reason);
	CHECK(t.stage == stage);
}

static void
check_socks4_replies(void)
{
	const struct tunnel t = tunnel_to(PROXY_SOCKS4, "10.1.2.3", NULL);
	struct tunnel asked = t;
	int code;

	check_done(t, TUNNEL_GREET, BYTES("\0Z\0\0\0\0\0\0|\0Z"), TUNNEL_OPEN);
	check_done(t, TUNNEL_GREET, BYTES("\0Z\1\xbb\n\1\2\3|"), TUNNEL_OPEN);
	check_not_done(t, TUNNEL_GREET, BYTES("\0["), REPLY_REFUSED,
		"rejected or failed");
	check_not_done(t, TUNNEL_GREET, BYTES("\0\\"), REPLY_REFUSED,
		"it cannot ask identd who we are");
	check_not_done(t, TUNNEL_GREET, BYTES("\0]"), REPLY_REFUSED,
		"identd names another user");
	check_not_done(t, TUNNEL_GREET, BYTES("\0^"), REPLY_NONSENSE,
		"unknown code 94");
	check_not_done(t, TUNNEL_GREET, BYTES("\4Z"), REPLY_NONSENSE,
		"version 4 instead of 0");
	for (code = 0; code < 256; code++) {
		const char reply[] = { 0, (char)code };

		CHECK(reply_to(&asked, reply, 2).unreached == (code == 91));
	}
}

static void
check_socks5_replies(void)
{
	const struct tunnel t = tunnel_to(PROXY_SOCKS5, "a.org", NULL),
			    u = tunnel_to(PROXY_SOCKS5, "a.org", "me");
	struct tunnel asked = t;
	struct verdict verdict;
	int code;

	check_done(t, TUNNEL_GREET, BYTES("\5\0|\5"), TUNNEL_ASK);
	check_done(u, TUNNEL_GREET, BYTES("\5\0|"), TUNNEL_ASK);
	check_done(u, TUNNEL_GREET, BYTES("\5\2|"), TUNNEL_LOGIN);
	check_done(u, TUNNEL_LOGIN, BYTES("\1\0|\5"), TUNNEL_ASK);
	check_done(
		t, TUNNEL_ASK, BYTES("\5\0\0\1\n\1\2\3\0\0|\5"), TUNNEL_OPEN);
	check_done(t, TUNNEL_ASK, BYTES("\5\0\0\4................\0\0|\5"),
		TUNNEL_OPEN);
	check_done(t, TUNNEL_ASK, BYTES("\5\0\0\3\5a.org\0\0|\5"), TUNNEL_OPEN);
	check_done(t, TUNNEL_ASK, BYTES("\5\0\0\3\0\0\0|\5"), TUNNEL_OPEN);

	check_not_done(t, TUNNEL_GREET, BYTES("\5\xff"), REPLY_REFUSED,
		"it wants a user: give -P");
	check_not_done(u, TUNNEL_GREET, BYTES("\5\xff"), REPLY_REFUSED,
		"it takes neither no user nor a password");
	check_not_done(t, TUNNEL_GREET, BYTES("\5\2"), REPLY_NONSENSE,
		"method 2, which was not offered");
	check_not_done(u, TUNNEL_GREET, BYTES("\5\1"), REPLY_NONSENSE,
		"method 1, which was not offered");
	check_not_done(u, TUNNEL_LOGIN, BYTES("\1\xff"), REPLY_REFUSED,
		"user or password not accepted");
	check_not_done(u, TUNNEL_LOGIN, BYTES("\5"), REPLY_NONSENSE,
		"version 5 instead of 1");
	check_not_done(t, TUNNEL_GREET, BYTES("H"), REPLY_NONSENSE,
		"version 72 instead of 5");
	check_not_done(t, TUNNEL_ASK, BYTES("\1\0"), REPLY_NONSENSE,
		"version 1 instead of 5");
	check_not_done(t, TUNNEL_ASK, BYTES("\5\0\0\2"), REPLY_NONSENSE,
		"address type 2");
	check_not_done(t, TUNNEL_ASK, BYTES("\5\0\0\xff"), REPLY_NONSENSE,
		"address type 255");
	asked.stage = TUNNEL_ASK;
	for (code = 1; code < 256; code++) {
		const char reply[] = { 5, (char)code };

		verdict = reply_to(&asked, reply, 2);
		CHECK(verdict.kind == REPLY_REFUSED && *verdict.reason != '\0');
		CHECK(verdict.unreached == (code >= 3 && code <= 6));
		CHECK((strncmp(verdict.reason, BYTES("unknown")) == 0) ==
			(code > 8));
	}
}

static void
check_http_replies(void)
{
	const struct tunnel t = tunnel_to(PROXY_CONNECT, "a.org", NULL),
			    u = tunnel_to(PROXY_CONNECT, "a.org", "me");
	static const char *const bad[] = { "X", "HTTP/2 200\n", "http/1.1 200",
		"HTTP/1.x 200", "HTTP/1.1\n", "HTTP/1.1  200", "HTTP/1.1 20 ",
		"HTTP/1.1 2 0", "HTTP/1.1 +20", "HTTP/1.1 -20", "HTTP/1.1 0x2",
		"HTTP/1.1 000 ", "HTTP/1.1 2000", "HTTP/1.1 200O",
		"HTTP/1.1 4294967496 OK\n" };
	size_t i;

	check_done(t, 0, BYTES("HTTP/1.1 200 OK\r\n\r\n|\r\n"), TUNNEL_OPEN);
	check_done(t, 0, BYTES("HTTP/1.0 299\n\n|\n\n"), TUNNEL_OPEN);
	check_done(t, 0, BYTES("HTTP/1.1 200\r\na: b\nc: d\r\n\n|\0"),
		TUNNEL_OPEN);
	check_done(t, 0, BYTES("HTTP/1.1 200 \r\n\r\r\n\r\n|"), TUNNEL_OPEN);
	check_done(t, 0,
		BYTES("HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103\r\na: b\r\n\r\n"
		      "HTTP/1.1 200 OK\r\n\r\n|HTTP/1.1 200 OK\r\n\r\n"),
		TUNNEL_OPEN);

	check_not_done(
		t, 0, BYTES("HTTP/1.1 403 No\r\n"), REPLY_REFUSED, "403 No");
	check_not_done(t, 0, BYTES("HTTP/1.1 302\n\n"), REPLY_REFUSED, "302");
	check_not_done(t, 0, BYTES("HTTP/1.1 403 \x1b[m\t\x7f\r\n\r\n"),
		REPLY_REFUSED, "403 ?[m??");
	check_not_done(t, 0, BYTES("HTTP/1.1 407 Who\r\n\r\n"), REPLY_REFUSED,
		"407 Who: it wants a user: give -P");
	check_not_done(u, 0, BYTES("HTTP/1.1 407 Who\r\n\r\n"), REPLY_REFUSED,
		"407 Who: user or password not accepted");
	check_not_done(u, 0,
		BYTES("HTTP/1.1 407 Who\r\nProxy-Authenticate: Digest x\r\n"
		      "\r\n"),
		REPLY_REFUSED,
		"407 Who: it asks for Digest, and only Basic is known here");
	check_not_done(t, 0,
		BYTES("HTTP/1.1 407 Who\nProxy-Authenticate: Digest x\n"
		      "PROXY-AUTHENTICATE:basic\n\n"),
		REPLY_REFUSED, "407 Who: it wants a user: give -P");
	check_not_done(t, 0,
		BYTES("HTTP/1.1 407 Who\nProxy-Authenticate: NTLM,\tBASIC\n\n"),
		REPLY_REFUSED, "407 Who: it wants a user: give -P");
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		check_not_done(t, 0, bad[i], strlen(bad[i]), REPLY_NONSENSE,
			"not a status line of HTTP/1");
	check_not_done(t, 0, BYTES("HTTP/1.1 100 C\n\nX"), REPLY_NONSENSE,
		"not a status line of HTTP/1");
	check_not_done(t, 0, BYTES("HTTP/1.1 200 OK\r\na: \0"), REPLY_NONSENSE,
		"a NUL in its header");
	check_not_done(t, 0, BYTES("HTTP/1.1 407 \0"), REPLY_NONSENSE,
		"a NUL in its header");
}

static void
check_http_statuses(void)
{
	struct tunnel t = tunnel_to(PROXY_CONNECT, "a.org", NULL);
	char reply[] = "HTTP/1.1 000 x\r\n\r\n";
	struct verdict verdict;
	int status;

	for (status = 100; status < 1000; status++) {
		reply[9] = (char)('0' + status / 100);
		reply[10] = (char)('0' + status / 10 % 10);
		reply[11] = (char)('0' + status % 10);
		verdict = reply_to(&t, reply, sizeof reply - 1);
		CHECK(verdict.kind ==
			(status < 200		     ? REPLY_MORE :
					status < 300 ? REPLY_DONE :
						       REPLY_REFUSED));
		CHECK(verdict.unreached == (status >= 502 && status <= 504));
	}
}

/* A header may have HEADER_MAX bytes, its empty line among them. */
static void
check_http_long(void)
{
	static char reply[HEADER_MAX];
	static const char line[] = "HTTP/1.1 200 ", end[] = "\r\n\r\n";
	char *last = reply + sizeof reply - (sizeof end - 1);
	struct tunnel t = tunnel_to(PROXY_CONNECT, "a.org", NULL);
	struct verdict verdict;

	memset(reply, 'a', sizeof reply);
	memcpy(reply, line, sizeof line - 1);
	verdict = reply_to(&t, reply, sizeof reply - 1);
	CHECK(verdict.kind == REPLY_MORE);
	verdict = reply_to(&t, reply, sizeof reply);
	CHECK(verdict.kind == REPLY_NONSENSE);
	CHECK(strcmp(verdict.reason, "a header of more than 65536 bytes") == 0);
	memcpy(last, end, sizeof end - 1);
	verdict = reply_to(&t, reply, sizeof reply - 1);
	CHECK(verdict.kind == REPLY_MORE);
	verdict = reply_to(&t, reply, sizeof reply);
	CHECK(verdict.kind == REPLY_DONE && verdict.length == sizeof reply);
	/* What is too long to be shown is cut. */
	memcpy(reply, "HTTP/1.1 403 ", sizeof line - 1);
	t.stage = TUNNEL_GREET;
	verdict = reply_to(&t, reply, sizeof reply);
	CHECK(verdict.kind == REPLY_REFUSED);
	CHECK(strlen(verdict.reason) < OBJECT_MAX);
	CHECK(strncmp(verdict.reason, BYTES("403 aaaa")) == 0);
	/* One that wants to know who asks says so however long it is. */
	memset(reply, 'a', sizeof reply);
	memcpy(reply, BYTES("HTTP/1.1 407 No\n"));
	verdict = reply_to(&t, reply, sizeof reply - 1);
	CHECK(verdict.kind == REPLY_MORE);
	verdict = reply_to(&t, reply, sizeof reply);
	CHECK(verdict.kind == REPLY_REFUSED);
	CHECK(strcmp(verdict.reason, "407 No: it wants a user: give -P") == 0);
}

static void
check_amounts(void)
{
	static const struct {
		double bytes;
		const char *text;
	} rows[] = { { 0, "0 B" }, { 1023, "1023 B" }, { 1024, "1.00 KiB" },
		{ 1536, "1.50 KiB" }, { 10234, "9.99 KiB" },
		{ 10239, "10.0 KiB" }, { 102348, "99.9 KiB" },
		{ 102399, "100 KiB" }, { 1048063, "1023 KiB" },
		{ 1048064, "1.00 MiB" }, { 5e9, "4.66 GiB" },
		{ 1.8e19, "15.6 EiB" } };
	char text[AMOUNT_MAX];
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		amount_print(rows[i].bytes, text);
		CHECK(strcmp(text, rows[i].text) == 0);
	}
}

static void
check_elapsed(void)
{
	char text[ELAPSED_MAX];

	elapsed_print(999, text);
	CHECK(strcmp(text, "0:00") == 0);
	elapsed_print(65000, text);
	CHECK(strcmp(text, "1:05") == 0);
	elapsed_print(3599999, text);
	CHECK(strcmp(text, "59:59") == 0);
	elapsed_print(3600000, text);
	CHECK(strcmp(text, "1:00:00") == 0);
	elapsed_print(INT64_C(360000000000), text);
	CHECK(strcmp(text, "100000:00:00") == 0);
}

static void
check_progress_is(struct progress p, int columns, const char *expected)
{
	char line[PROGRESS_MAX];

	progress_print(&p, columns, line);
	CHECK(strcmp(line, expected) == 0);
}

static void
check_progress(void)
{
	const uint64_t mib = 1048576;
	struct progress p = { .rate = 0, .portion = -1 };
	char line[PROGRESS_MAX];
	int columns;

	check_progress_is(p, 80, "0 B up, 0 B/s now, 0 B/s mean, 0:00");
	p.down = mib;
	p.elapsed_ms = 2000;
	p.rate = 1024;
	check_progress_is(
		p, 80, "1.00 MiB down, 1.00 KiB/s now, 512 KiB/s mean, 0:02");
	p.up = mib;
	p.rate = -1;
	check_progress_is(
		p, 80, "1.00 MiB up, 1.00 MiB down, 1.00 MiB/s mean, 0:02");
	p.portion = 1;
	check_progress_is(p, 80,
		"1.00 MiB up, 1.00 MiB down, 1.00 MiB/s mean, 0:02, 100 %");
	p.rate = (double)mib;
	p.portion = 0.5;
	p.down = 0;
	check_progress_is(p, 80,
		"1.00 MiB up, 1.00 MiB/s now, 512 KiB/s mean, 0:02, 50 % "
		"[=====>     ] 0:02 left");
	check_progress_is(p, 70,
		"1.00 MiB up, 1.00 MiB/s now, 512 KiB/s mean, 0:02, 50 % "
		"0:02 left");
	p.portion = 0;
	check_progress_is(p, 80,
		"1.00 MiB up, 1.00 MiB/s now, 512 KiB/s mean, 0:02, 0 % "
		"[>                     ]");
	p.portion = 1.5; /* it has shrunk */
	for (columns = 0; columns < 1000; columns++) {
		progress_print(&p, columns, line);
		CHECK(strstr(line, "100 %") != NULL);
		CHECK(strlen(line) < 70 || strlen(line) < (size_t)columns);
	}
	p.up = p.down = UINT64_MAX;
	p.elapsed_ms = INT64_MAX / 1000;
	p.rate = 1e19;
	p.portion = 1e-9;
	progress_print(&p, 1000, line);
	CHECK(strlen(line) < sizeof line);
}

static void
check_progress_cut(void)
{
	static const char whole[] = "1 B up, 2 B/s mean, 0:01";
	static const struct {
		int columns;
		const char *rest;
	} cuts[] = { { 80, whole }, { 24, whole }, { 23, "1 B up, 2 B/s mean" },
		{ 17, "1 B up" }, { 6, "1 B up" }, { 5, "1 B u" }, { 1, "1" },
		{ 0, "" } };
	char line[PROGRESS_MAX];
	size_t i;

	for (i = 0; i < sizeof cuts / sizeof *cuts; i++) {
		strcpy(line, whole);
		progress_cut(line, cuts[i].columns);
		CHECK(strcmp(line, cuts[i].rest) == 0);
	}
}

static void
check_dump(void)
{
	char line[DUMP_LINE];
	size_t length;

	length = dump_print('>', 0, "hello\n", 6, line);
	CHECK(length == 2 + 9 + 48 + 2 + 6 + 1);
	line[length] = '\0';
	CHECK(strcmp(line,
		      "> 00000000 68 65 6c 6c 6f 0a"
		      "                               # hello.\n") == 0);
	length = dump_print(
		'<', 0x123456789, "\x7f\x80\xff ~\0abcdefghij", 16, line);
	line[length] = '\0';
	CHECK(strcmp(line,
		      "< 123456789 7f 80 ff 20 7e 00 61 62 63 64 65 66 67 68 "
		      "69 6a # ... ~.abcdefghij\n") == 0);
	length = dump_print('<', UINT64_MAX, "", 0, line);
	CHECK(length < sizeof line);
	CHECK(memcmp(line, "< ffffffffffffffff ", 19) == 0);
	CHECK(memcmp(line + length - 3, "# \n", 3) == 0);
}

static void
check_json_is(const char *text, const char *expected)
{
	char json[6 * 64];

	json_print(text, json);
	CHECK(strcmp(json, expected) == 0);
}

static void
check_json(void)
{
	check_json_is("", "\"\"");
	check_json_is("/a \"b\"\\", "\"/a \\\"b\\\"\\\\\"");
	check_json_is("\x01\n\x1f\x7f~", "\"\\u0001\\u000a\\u001f\\u007f~\"");
	check_json_is("\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x88",
		"\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x88\"");
	/* Too short, too long, surrogates, beyond the last, and none at all. */
	check_json_is("\xc3", "\"\\ufffd\"");
	check_json_is("\xe2\x82", "\"\\ufffd\\ufffd\"");
	check_json_is("\xc0\xaf", "\"\\ufffd\\ufffd\"");
	check_json_is("\xe0\x80\x80", "\"\\ufffd\\ufffd\\ufffd\"");
	check_json_is("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"");
	check_json_is("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
	check_json_is("\xff\x80z", "\"\\ufffd\\ufffdz\"");
	check_json_is("\xef\xbf\xbd\xf4\x8f\xbf\xbf",
		"\"\xef\xbf\xbd\xf4\x8f\xbf\xbf\"");
}

static void
check_distance(void)
{
	CHECK(word_distance("", 0, "") == 0);
	CHECK(word_distance("", 0, "abc") == 3);
	CHECK(word_distance("abc", 3, "abc") == 0);
	CHECK(word_distance("abc", 3, "abcd") == 1);
	CHECK(word_distance("abcd", 4, "abd") == 1);
	CHECK(word_distance("abc", 3, "axc") == 1);
	CHECK(word_distance("acb", 3, "abc") == 1);
	CHECK(word_distance("ca", 2, "abc") == 3);
	CHECK(word_distance("listenX", 6, "listen") == 0);
	CHECK(word_distance("kitten", 6, "sitting") == 3);
	CHECK(word_distance("abcdefghijklmnopqrstuvwxyzabcdefghijkl", 38,
		      "abc") > 30);
	CHECK(strcmp(option_nearest("lisen", 5)->name, "listen") == 0);
	CHECK(strcmp(option_nearest("hexdump", 7)->name, "hex-dump") == 0);
	CHECK(option_nearest("frobnicate", 10) == NULL);
}

#if defined(IP_PKTINFO) && defined(IPV6_RECVPKTINFO)
/* Where a datagram came to, of what the kernel had room for. */
static void
check_places(void)
{
	static const int kinds[][2] = { { IPPROTO_IP, IP_PKTINFO },
		{ IPPROTO_IPV6, IPV6_PKTINFO } };
	const size_t sizes[] = { sizeof(struct in_pktinfo),
		sizeof(struct in6_pktinfo) };
	size_t i, room;

	for (i = 0; i < 2; i++)
		for (room = 0; room <= sizes[i]; room++) {
			const struct cmsghdr header = { .cmsg_len = CMSG_LEN(
								room),
				.cmsg_level = kinds[i][0],
				.cmsg_type = kinds[i][1] };
			char *bytes = calloc(1, CMSG_LEN(room));
			const struct msghdr message = { .msg_control = bytes,
				.msg_controllen = CMSG_LEN(room) };

			memcpy(bytes, &header, sizeof header);
			CHECK((message_place(&message).family != AF_UNSPEC) ==
				(room == sizes[i]));
			free(bytes);
		}
}
#else
static void
check_places(void)
{
}
#endif

int
main(void)
{
	check_numbers();
	check_durations();
	check_endpoints();
	check_ports();
	check_octals();
	check_cidrs();
	check_unmapping();
	check_accesses();
	check_ring();
	check_rows();
	check_addresses();
	check_deadlines();
	check_sizes();
	check_tos();
	check_protocols();
	check_choices();
	check_settings();
	check_encoder();
	check_decoder();
	check_telnet_both_ways();
	check_telnet_flood();
	check_base64();
	check_requests();
	check_long_requests();
	check_socks4_replies();
	check_socks5_replies();
	check_http_replies();
	check_http_statuses();
	check_http_long();
	check_amounts();
	check_elapsed();
	check_progress();
	check_progress_cut();
	check_dump();
	check_json();
	check_distance();
	check_places();
	printf("# unit: %d checks, %d failed\n", checks, failures);
	return failures > 0;
}
