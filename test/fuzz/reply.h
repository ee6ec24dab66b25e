/*
 * What a proxy may say, for the fuzzers of its protocols.
 *
 * An input is two bytes, of which the first is how the rest is used and the
 * second where it is cut, and then all that the proxy sends, reply by reply.
 * It is looked at as the program does, which cannot choose how much of it
 * comes at once: in one piece and in two it must amount to the same, and each
 * time to what a model of the protocol makes of it.
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

/* ---- a model ------------------------------------------------------------ */

/*
 * A small client, which takes what has come byte by byte, as if all of it were
 * there.  What it makes of bytes that are not, by which it is ended, does not
 * count: it is waiting for them.
 */
struct reply_model {
	const uint8_t *bytes;
	size_t length, at;
	bool with_user, ended;
	struct outcome outcome; /* the reason: what it is to begin with */
};

/* Reads to the end, or to what it will not read on from.  Returns which. */
typedef unsigned reply_expect(struct reply_model *m);

/* The next byte, or -1: there is none, and none comes if that were too many. */
static int
model_next(struct reply_model *m)
{
	if (m->at < m->length)
		return m->bytes[m->at++];
	m->ended = m->length < HEADER_MAX;
	return -1;
}

static inline void
model_skip(struct reply_model *m, int count)
{
	for (; count > 0; count--)
		model_next(m);
}

/* A reply ends here, if all of it has come. */
static void
model_heard(struct reply_model *m, enum tunnel_stage next)
{
	if (m->ended)
		return;
	m->outcome.stage = next;
	m->outcome.used = m->at;
}

static struct outcome
model_run(reply_expect *expect, const uint8_t *bytes, size_t length,
	bool with_user)
{
	struct reply_model m = {
		.bytes = bytes, .length = length, .with_user = with_user
	};
	const unsigned kind = expect(&m);

	m.outcome.verdict.kind = REPLY_MORE;
	if (!m.ended)
		m.outcome.verdict.kind = kind;
	return m.outcome;
}

/* ---- the program -------------------------------------------------------- */

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

/* Goes on with what the proxy sends, of which so much has come by now. */
static void
converse(struct tunnel *t, struct outcome *o, const uint8_t *bytes, size_t come)
{
	do {
		request_check(t);
		o->verdict = reply_check(t, bytes + o->used, come - o->used);
		if (o->verdict.kind == REPLY_DONE)
			o->used += o->verdict.length;
	} while (o->verdict.kind == REPLY_DONE && t->stage != TUNNEL_OPEN);
	o->stage = t->stage;
}

/* Whether it has come to what it should. */
static void
outcome_check(const struct outcome *o, const struct outcome *expected)
{
	const char *reason = expected->verdict.reason;

	REQUIRE(o->verdict.kind == expected->verdict.kind);
	REQUIRE(o->verdict.unreached == expected->verdict.unreached);
	REQUIRE(o->stage == expected->stage && o->used == expected->used);
	REQUIRE(strncmp(o->verdict.reason, reason, strlen(reason)) == 0);
	if (o->verdict.kind == REPLY_MORE)
		REQUIRE((*o->verdict.reason == '\0') == (*reason == '\0'));
}

static void
reply_try(enum proxy_type type, reply_expect *expect, const uint8_t *data,
	size_t size)
{
	static uint8_t bytes[HEADER_MAX];
	const bool with_user = data[0] & WITH_USER;
	const struct tunnel asked = { .protocol = &tunnel_protocols[type],
		.host = "example.org",
		.port = 443,
		.family = AF_UNSPEC,
		.user = with_user ? "user" : NULL,
		.password = with_user ? "password" : NULL };
	struct tunnel t = asked;
	struct outcome whole = { .used = 0 }, cut = { .used = 0 }, expected;
	size_t length, at;

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
	converse(&t, &whole, bytes, length);
	expected = model_run(expect, bytes, length, with_user);
	outcome_check(&whole, &expected);
	t = asked;
	converse(&t, &cut, bytes, at);
	expected = model_run(expect, bytes, at, with_user);
	outcome_check(&cut, &expected);
	if (cut.verdict.kind == REPLY_MORE)
		converse(&t, &cut, bytes, length);
	outcome_check(&cut, &whole);
	REQUIRE(strcmp(whole.verdict.reason, cut.verdict.reason) == 0);
}

#endif
