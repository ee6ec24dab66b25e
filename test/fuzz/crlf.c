/*
 * What -C and -t make of what is sent.  The first two bytes of an input are the
 * options and how much comes at once.
 */
#include "fuzz.h"

#define CRLF_SIZE 128 /* bytes of an input */

/* A CR before each LF that has none, and each IAC doubled. */
static size_t
crlf_model(bool crlf, bool telnet, const uint8_t *bytes, size_t length,
	uint8_t *to)
{
	const uint8_t *begin = to;
	size_t i;

	for (i = 0; i < length; i++) {
		if (crlf && bytes[i] == '\n' &&
			(i == 0 || bytes[i - 1] != '\r'))
			*to++ = '\r';
		*to++ = bytes[i];
		if (telnet && bytes[i] == 255)
			*to++ = 255;
	}
	return (size_t)(to - begin);
}

FUZZER(crlf, CRLF_SIZE)
{
	static char made[2 * CRLF_SIZE], expected[2 * CRLF_SIZE];
	const size_t steps[] = { size, 1, size > 1 ? data[1] + 1U : 1 };
	struct encoder e;
	size_t i, length;

	if (size < 2)
		return;
	length = crlf_model(data[0] & 1, data[0] & 2, data + 2, size - 2,
		(uint8_t *)expected);
	for (i = 0; i < sizeof steps / sizeof *steps; i++) {
		memset(&e, 0, sizeof e);
		e.crlf = data[0] & 1;
		e.telnet = data[0] & 2;
		REQUIRE(fuzz_tap(text_encode, &e, data + 2, size - 2, steps[i],
				made) == length);
		REQUIRE(memcmp(made, expected, length) == 0);
	}
}
