/*
 * What a proxy may say, for the fuzzers of its protocols.
 *
 * An input is two bytes, of which the first is how the rest is used and the
 * second where it is cut, and then all that the proxy sends, reply by reply.
 * It is looked at as the program does, which cannot choose how much of it
 * comes at once: in one piece and in two it must amount to the same.
 */
#ifndef REPLY_H
#define REPLY_H

#include "fuzz.h"

#define REPLY_SIZE 1024 /* bytes of an input */

/* How an input is used: bits of its first byte. */
#define WITH_USER 1 /* the proxy is told a user and a password */
#define ON_AND_ON 2 /* its last byte comes again as long as there is room */
#define CUT_LATE  4 /* where it is cut is counted from its end */

/* What all that was sent has come to. */
struct outcome {
	struct verdict verdict; /* the last one */
	enum tunnel_stage stage;
	size_t used; /* bytes, all replies together */
};

/* What must be true of any verdict on so many bytes. */
static void
verdict_check(const struct verdict *v, size_t length)
{
	const bool refused = v->kind == REPLY_REFUSED;
	const char *c;

	REQUIRE(memchr(v->reason, '\0', sizeof v->reason) != NULL);
	if (refused || v->kind == REPLY_NONSENSE)
		REQUIRE(*v->reason != '\0');
	if (v->kind == REPLY_DONE)
		REQUIRE(*v->reason == '\0');
	for (c = v->reason; *c != '\0'; c++)
		REQUIRE((unsigned char)*c >= ' ' && *c != 0x7f);
	REQUIRE(refused || !v->unreached);
	if (v->kind == REPLY_DONE)
		REQUIRE(v->length > 0 && v->length <= length);
}

/* Whether what is asked next fits, and is something. */
static void
request_check(const struct tunnel *t)
{
	char request[REQUEST_MAX];
	const size_t length = t->protocol->request(t, request);

	REQUIRE(length > 0 && length <= sizeof request);
}

/* One reply, in memory of its own so that not a byte more can be read. */
static struct verdict
reply_check(struct tunnel *t, const uint8_t *bytes, size_t length)
{
	const enum tunnel_stage stage = t->stage;
	char *own = fuzz_own(bytes, length);
	struct verdict verdict;

	verdict = t->protocol->reply(t, own, length);
	free(own);
	verdict_check(&verdict, length);
	REQUIRE(verdict.kind == REPLY_DONE ? t->stage > stage :
					     t->stage == stage);
	return verdict;
}

/* All that the proxy sends, of which at first only a part has come. */
static struct outcome
converse(enum proxy_type type, const uint8_t *bytes, size_t length, size_t come,
	bool with_user)
{
	struct tunnel t = { .protocol = &tunnel_protocols[type],
		.host = "example.org",
		.port = 443,
		.family = AF_UNSPEC,
		.user = with_user ? "user" : NULL,
		.password = with_user ? "password" : NULL };
	struct outcome o = { .used = 0 };
	size_t part = 0; /* of the reply, that has been said to be one */

	request_check(&t);
	for (;;) {
		o.verdict = reply_check(&t, bytes + o.used, come - o.used);
		if (o.verdict.kind == REPLY_MORE && come < length) {
			part = come - o.used;
			come = length;
			continue;
		}
		if (o.verdict.kind != REPLY_DONE)
			break;
		REQUIRE(o.verdict.length > part);
		part = 0;
		o.used += o.verdict.length;
		if (t.stage == TUNNEL_OPEN)
			break;
		request_check(&t);
	}
	o.stage = t.stage;
	return o;
}

static void
reply_try(enum proxy_type type, const uint8_t *data, size_t size)
{
	static uint8_t bytes[HEADER_MAX];
	struct outcome whole, cut;
	size_t length, at;

	if (size < 3)
		return;
	length = size - 2 < sizeof bytes ? size - 2 : sizeof bytes;
	memcpy(bytes, data + 2, length);
	if ((data[0] & ON_AND_ON) != 0) {
		memset(bytes + length, bytes[length - 1],
			sizeof bytes - length);
		length = sizeof bytes;
	}
	at = data[1] < length ? data[1] : length;
	if ((data[0] & CUT_LATE) != 0)
		at = length - at;
	whole = converse(type, bytes, length, length, data[0] & WITH_USER);
	cut = converse(type, bytes, length, at, data[0] & WITH_USER);
	REQUIRE(whole.verdict.kind == cut.verdict.kind);
	REQUIRE(whole.verdict.length == cut.verdict.length);
	REQUIRE(whole.verdict.unreached == cut.verdict.unreached);
	REQUIRE(strcmp(whole.verdict.reason, cut.verdict.reason) == 0);
	REQUIRE(whole.stage == cut.stage && whole.used == cut.used);
}

#endif
