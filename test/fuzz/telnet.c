/*
 * What a telnet server sends.  The first three bytes of an input are how much
 * comes at once, after how many bytes replies are sent, and how much of them.
 */
#include "fuzz.h"

#define TELNET_SIZE 128

/* How an input is used. */
struct telnet_input {
	const uint8_t *bytes;
	size_t size, step, every, most;
};

/* What it comes to: the text, and all that was replied. */
struct telnet_outcome {
	size_t text_length, replies_length;
	char text[2 * TELNET_SIZE];
	char replies[TELNET_SIZE + 3];
};

static void
telnet_put_reply(struct telnet_outcome *o, const char *bytes, size_t length)
{
	REQUIRE(o->replies_length + length <= sizeof o->replies);
	memcpy(o->replies + o->replies_length, bytes, length);
	o->replies_length += length;
}

/* As sockcat does it. */
static void
telnet_run(const struct telnet_input *in, struct telnet_outcome *o)
{
	static struct telnet t;
	size_t at, part, send;

	t.state = TELNET_TEXT;
	o->text_length = o->replies_length = 0;
	for (at = 0; at < in->size; at += part) {
		part = in->size - at < in->every ? in->size - at : in->every;
		o->text_length += fuzz_tap(telnet_decode, &t, in->bytes + at,
			part, in->step, o->text + o->text_length);
		REQUIRE(t.length <= sizeof t.replies);
		send = t.length < in->most ? t.length : in->most;
		if (at + part == in->size)
			send = t.length;
		telnet_put_reply(o, t.replies, send);
		if (send > 0)
			telnet_replied(&t, send);
	}
	REQUIRE(t.length == 0 && memchr(t.owed, true, sizeof t.owed) == NULL);
}

/* A small telnet client, which takes an input byte by byte. */
struct telnet_model {
	const struct telnet_input *in;
	struct telnet_outcome *out;
	size_t at;
	size_t queued; /* bytes of the replies that are not sent */
	size_t first;  /* of the replies, since last all were sent */
};

/* The next byte, or -1.  Before it replies are sent, if it is time. */
static int
telnet_next(struct telnet_model *m)
{
	if (m->at == m->in->size)
		return -1;
	if (m->at > 0 && m->at % m->in->every == 0) {
		m->queued -= m->queued < m->in->most ? m->queued : m->in->most;
		if (m->queued == 0)
			m->first = m->out->replies_length;
	}
	return m->in->bytes[m->at++];
}

/* Refuses, but for what was refused since all replies were sent. */
static void
telnet_answer(struct telnet_model *m, int verb, int option)
{
	const char reply[] = { (char)TELNET_IAC,
		(char)(verb == TELNET_WILL ? TELNET_DONT : TELNET_WONT),
		(char)option };
	size_t i;

	if (option < 0 || verb == TELNET_WONT || verb == TELNET_DONT)
		return;
	for (i = m->first; i < m->out->replies_length; i += sizeof reply)
		if (memcmp(m->out->replies + i, reply, sizeof reply) == 0)
			return;
	telnet_put_reply(m->out, reply, sizeof reply);
	m->queued += sizeof reply;
}

/* What follows IAC.  Returns whether it is a byte of the text. */
static bool
telnet_obey(struct telnet_model *m)
{
	int c = telnet_next(m);

	while (c == TELNET_SB) {
		do {
			do
				c = telnet_next(m);
			while (c != TELNET_IAC && c >= 0);
			c = telnet_next(m);
		} while (c == TELNET_IAC);
		if (c < 0)
			return false;
	}
	if (c >= TELNET_WILL && c <= TELNET_DONT)
		telnet_answer(m, c, telnet_next(m));
	return c == TELNET_IAC;
}

static void
telnet_expect(const struct telnet_input *in, struct telnet_outcome *o)
{
	struct telnet_model m = { .in = in, .out = o };
	int c;

	o->text_length = o->replies_length = 0;
	while ((c = telnet_next(&m)) >= 0)
		if (c != TELNET_IAC || telnet_obey(&m))
			o->text[o->text_length++] = (char)c;
}

FUZZER(telnet, TELNET_SIZE)
{
	static struct telnet_outcome expected, got;
	struct telnet_input in;
	size_t steps[3], i;

	if (size < 3)
		return;
	in.bytes = data + 3;
	in.size = size - 3;
	in.every = data[1] % 64 + 8U;
	in.most = data[2];
	steps[0] = TELNET_SIZE;
	steps[1] = 1;
	steps[2] = data[0] + 1U;
	telnet_expect(&in, &expected);
	REQUIRE(expected.text_length <= in.size);
	for (i = 0; i < sizeof steps / sizeof *steps; i++) {
		in.step = steps[i];
		telnet_run(&in, &got);
		REQUIRE(got.text_length == expected.text_length);
		REQUIRE(got.replies_length == expected.replies_length);
		REQUIRE(memcmp(got.text, expected.text, got.text_length) == 0);
		REQUIRE(memcmp(got.replies, expected.replies,
				got.replies_length) == 0);
	}
}
