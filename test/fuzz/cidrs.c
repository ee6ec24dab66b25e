/* Networks of --allow and --deny: two, with a blank between them. */
#include "fuzz.h"

static bool
cidrs_bit(const struct cidr *cidr, int64_t bit)
{
	return cidr->bytes[bit / 8] >> (7 - bit % 8) & 1;
}

/* What a network covers, bit for bit. */
static bool
cidrs_cover(const struct cidr *network, const struct cidr *address)
{
	int64_t bit;

	if (network->length != address->length)
		return false;
	for (bit = 0; bit < network->prefix; bit++)
		if (cidrs_bit(network, bit) != cidrs_bit(address, bit))
			return false;
	return true;
}

static void
cidrs_print(const struct cidr *cidr, char *text, size_t room)
{
	char address[INET6_ADDRSTRLEN];

	REQUIRE(inet_ntop(cidr->length == 4 ? AF_INET : AF_INET6, cidr->bytes,
			address, sizeof address) != NULL);
	snprintf(text, room, "%s/%d", address, (int)cidr->prefix);
}

/* The bits that a network's text speaks of, mapped IPv4 counted as IPv6. */
static int
cidrs_bits(const char *text)
{
	const char *slash = strchr(text, '/');

	if (slash != NULL)
		return atoi(slash + 1);
	return strchr(text, ':') != NULL ? 128 : 32;
}

/* What is true of a network that was taken. */
static void
cidrs_require(const struct cidr *cidr, const char *said)
{
	const bool mapped = cidr->length == 4 && strchr(said, ':') != NULL;
	char text[INET6_ADDRSTRLEN + sizeof "/128"];
	struct cidr again, all = *cidr;

	REQUIRE(cidr->length == 4 || cidr->length == 16);
	REQUIRE(cidr->prefix >= 0 && cidr->prefix <= 8 * (int)cidr->length);
	REQUIRE(cidr->prefix == cidrs_bits(said) - (mapped ? 96 : 0));
	cidrs_print(cidr, text, sizeof text);
	REQUIRE(cidr_parse(text, &again));
	REQUIRE(again.length == cidr->length && again.prefix == cidr->prefix);
	REQUIRE(memcmp(again.bytes, cidr->bytes, cidr->length) == 0);
	all.prefix = 0;
	REQUIRE(cidr_covers(cidr, &again) && cidr_covers(&all, cidr));
}

TEXT_FUZZER(cidrs, 128)
{
	const size_t first = strcspn(text, " ");
	char *network = fuzz_own(text, first + 1);
	const char *address = text + first + (text[first] == ' ');
	struct cidrs list = { .count = 1 };
	struct cidr one, *is = &list.at[0];
	bool covers;

	network[first] = '\0';
	memset(is, 0xff, sizeof *is);
	memset(&one, 0, sizeof one);
	if (cidr_parse(network, is)) {
		cidrs_require(is, network);
		REQUIRE(strspn(network, "0123456789abcdefABCDEF.:/") == first);
		if (cidr_parse(address, &one)) {
			cidrs_require(&one, address);
			covers = cidr_covers(is, &one);
			REQUIRE(covers == cidrs_cover(is, &one));
			REQUIRE(covers == cidrs_match(&list, &one));
		}
	}
	free(network);
}
