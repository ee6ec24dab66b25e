/* Hosts and ports as operands, and addresses as they are printed. */
#include "fuzz.h"

#define ENDPOINTS_SIZE 320 /* bytes, more than a host may have */

/* A host with its port says what it did when it is put together again. */
static void
endpoints_split(const char *text)
{
	char host[HOST_MAX], again[HOST_MAX];
	char whole[ENDPOINTS_SIZE + sizeof "[]:"];
	const char *port, *port_again;

	memset(host, 0xff, sizeof host);
	if (host_port_split(text, host, &port) != NULL)
		return;
	REQUIRE(memchr(host, '\0', sizeof host) != NULL && *host != '\0');
	REQUIRE(port > text && port <= text + strlen(text));
	REQUIRE(port[-1] == ':');
	REQUIRE(*text == '[' || strchr(host, ':') == NULL);
	if (strchr(host, ']') != NULL)
		return;
	snprintf(whole, sizeof whole, "[%s]:%s", host, port);
	REQUIRE(host_port_split(whole, again, &port_again) == NULL);
	REQUIRE(strcmp(host, again) == 0 && strcmp(port, port_again) == 0);
}

/* So does one that stands alone. */
static void
endpoints_host(const char *text)
{
	char host[HOST_MAX], again[HOST_MAX];
	char whole[HOST_MAX + sizeof "[]"];

	memset(host, 0xff, sizeof host);
	if (host_parse(text, host) != NULL) {
		REQUIRE(strlen(text) >= HOST_MAX || *text == '\0' ||
			strcmp(text, "[]") == 0);
		return;
	}
	REQUIRE(memchr(host, '\0', sizeof host) != NULL && *host != '\0');
	snprintf(whole, sizeof whole, "[%s]", host);
	REQUIRE(host_parse(whole, again) == NULL && strcmp(host, again) == 0);
}

/* An address of the Internet, of which a text says what is in it. */
static void
endpoints_address(const char *text, struct address *a)
{
	const size_t size = strlen(text);
	unsigned char bytes[sizeof a->in6.sin6_addr + 2] = { 0 };

	memcpy(bytes, text, size < sizeof bytes ? size : sizeof bytes);
	memset(a, 0, sizeof *a);
	if (size < sizeof bytes) {
		a->in.sin_family = AF_INET;
		memcpy(&a->in.sin_port, bytes, 2);
		memcpy(&a->in.sin_addr, bytes + 2, sizeof a->in.sin_addr);
		a->length = sizeof a->in;
	} else {
		a->in6.sin6_family = AF_INET6;
		memcpy(&a->in6.sin6_port, bytes, 2);
		memcpy(&a->in6.sin6_addr, bytes + 2, sizeof a->in6.sin6_addr);
		if (IN6_IS_ADDR_LINKLOCAL(&a->in6.sin6_addr))
			a->in6.sin6_scope_id = 1;
		a->length = sizeof a->in6;
	}
}

/* Whether two addresses are the same, be one of them in IPv6's clothes. */
static bool
endpoints_equal(const struct address *a, const struct address *b)
{
	if (a->any.sa_family == b->any.sa_family)
		return address_equal(a, b);
	return IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr) &&
		a->in6.sin6_port == b->in.sin_port &&
		memcmp(&a->in6.sin6_addr.s6_addr[12], &b->in.sin_addr, 4) == 0;
}

/* Requires that an endpoint is of one address, and which. */
static void
endpoints_require(const struct endpoint *e, const struct address *a)
{
	static struct options o = { .numeric = true, .type = SOCK_STREAM };
	static struct addresses found;
	struct failure failure = { .weight = 0 };

	REQUIRE(port_parse(e->port));
	REQUIRE(endpoint_resolve(e, &o, NEVER, &found, &failure) == STATUS_OK);
	REQUIRE(found.count == 1 && endpoints_equal(a, &found.at[0]));
}

/* What is printed of an address is an endpoint, and that of the address. */
static void
endpoints_print(const struct address *a)
{
	static struct options o = { .type = SOCK_STREAM };
	char operand[OBJECT_MAX];
	struct address_text text;
	struct endpoint e = { .port = text.port };

	address_print(a, &o, NULL, &text);
	REQUIRE(host_parse(text.host, e.host) == NULL);
	endpoints_require(&e, a);
	address_operand(a, &o, operand);
	REQUIRE(host_port_split(operand, e.host, &e.port) == NULL);
	endpoints_require(&e, a);
}

/* The name of a Unix socket, which is shown without what terminals obey. */
static void
endpoints_unix(const char *path)
{
	static struct addresses found, again;
	struct address_text text;
	static struct options o = { .unix_domain = true };
	char operand[OBJECT_MAX];
	struct failure failure = { .weight = 0 };

	if (*path == '\0' || unix_resolve(path, &found, &failure) != STATUS_OK)
		return;
	REQUIRE(found.at[0].length <= sizeof found.at[0].un);
	unix_print(&found.at[0], &text);
	REQUIRE(*text.port == '\0' && strlen(text.host) == strlen(path));
	REQUIRE(text_is_plain(text.host, strlen(text.host), ' '));
	address_operand(&found.at[0], &o, operand);
	REQUIRE(strcmp(operand, path) == 0);
	if (!text_is_plain(path, strlen(path), ' '))
		return;
	REQUIRE(strcmp(text.host, path) == 0);
	REQUIRE(unix_resolve(text.host, &again, &failure) == STATUS_OK);
	REQUIRE(address_equal(&found.at[0], &again.at[0]));
}

TEXT_FUZZER(endpoints, ENDPOINTS_SIZE)
{
	struct address a;

	endpoints_split(text);
	endpoints_host(text);
	endpoints_unix(text);
	endpoints_address(text, &a);
	endpoints_print(&a);
}
