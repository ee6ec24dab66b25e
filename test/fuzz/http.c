/* What HTTP answers to CONNECT. */
#include "reply.h"

#define HTTP_WORDS 256 /* bytes of a status line that are told */

/* A line, without its end. */
struct http_line {
	const uint8_t *bytes;
	size_t length;
	bool nul; /* it has one, behind which nothing was read */
};

/*
 * Reads on to the end of a line, which is LF, or CR and LF (RFC 9112, section
 * 2.2).  Whether it has one.
 */
static bool
http_read_line(struct reply_model *m, struct http_line *line)
{
	const size_t begin = m->at;
	int byte;

	line->bytes = m->bytes + begin;
	do
		byte = model_next(m);
	while (byte != '\n' && byte > 0);
	line->nul = byte == 0;
	if (byte != '\n')
		return false;
	line->length = m->at - begin - 1;
	if (line->length > 0 && line->bytes[line->length - 1] == '\r')
		line->length--;
	return true;
}

/* Reads a digit.  Returns what it stands for, or -1: it is none. */
static int
http_read_digit(struct reply_model *m)
{
	const int byte = model_next(m);

	return byte >= '0' && byte <= '9' ? byte - '0' : -1;
}

/*
 * Reads a status line (RFC 9112, section 4), which may end behind the status.
 * Returns that, or -1 if it is none; the line begins with it.
 */
static int
http_read_status(struct reply_model *m, struct http_line *line)
{
	const char *c;
	int byte, digit, digits, status = 0;

	for (c = "HTTP/1."; *c != '\0'; c++)
		if (model_next(m) != *c)
			return -1;
	if (http_read_digit(m) < 0 || model_next(m) != ' ')
		return -1;
	for (digits = 0; digits < 3; digits++) {
		digit = http_read_digit(m);
		if (digit < 0)
			return -1;
		status = 10 * status + digit;
	}
	byte = model_next(m);
	if (status < 100 || (byte != ' ' && byte != '\r' && byte != '\n'))
		return -1;
	m->at -= 4;
	return http_read_line(m, line) ? status : -1;
}

/* Whether a line has this at some place, in small letters or capitals. */
static bool
http_has(const struct http_line *line, size_t at, const char *small)
{
	int c;

	for (; *small != '\0'; small++, at++) {
		if (at >= line->length)
			return false;
		c = line->bytes[at];
		if (c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		if (c != *small)
			return false;
	}
	return true;
}

/* By what a proxy wants to be told who asks. */
enum http_scheme { HTTP_NONE, HTTP_OTHER, HTTP_BASIC };

/* What a line asks for: Basic, if some word of it begins like that. */
static enum http_scheme
http_scheme_of(const struct http_line *line)
{
	static const char field[] = "proxy-authenticate:";
	size_t begin = sizeof field - 1, i;

	if (!http_has(line, 0, field))
		return HTTP_NONE;
	for (i = begin; i < line->length; i++)
		if (memchr(":, \t", line->bytes[i - 1], 4) != NULL &&
			http_has(line, i, "basic"))
			return HTTP_BASIC;
	while (begin < line->length &&
		(line->bytes[begin] == ' ' || line->bytes[begin] == '\t'))
		begin++;
	if (begin == line->length || line->bytes[begin] == '\r')
		return HTTP_NONE;
	return HTTP_OTHER;
}

/* Refused: in its own words, up to a CR, without what terminals obey. */
static unsigned
http_refuse(struct reply_model *m, int status, const struct http_line *line,
	enum http_scheme scheme)
{
	char *to = m->outcome.verdict.reason;
	size_t i;

	for (i = 0; i < line->length && i < HTTP_WORDS; i++) {
		const uint8_t c = line->bytes[i];

		if (c == '\r')
			break;
		*to++ = (char)(c < ' ' || c > '~' ? '?' : c);
	}
	if (status == 407 && scheme == HTTP_OTHER)
		strcpy(to, ": it asks for ");
	else if (status == 407 && m->with_user)
		strcpy(to, ": user or password not accepted");
	else if (status == 407)
		strcpy(to, ": it wants a user: give -P");
	m->outcome.verdict.unreached = status >= 502 && status <= 504;
	return REPLY_REFUSED;
}

/* RFC 9110, section 15: 1xx come before the answer, 2xx connect, others not. */
static unsigned
http_expect(struct reply_model *m)
{
	struct http_line first, line;
	enum http_scheme scheme, one;
	int status;

	do {
		status = http_read_status(m, &first);
		if (status < 0)
			return REPLY_NONSENSE;
		if (status >= 300 && status != 407)
			return http_refuse(m, status, &first, HTTP_NONE);
		scheme = HTTP_NONE;
		do {
			if (!http_read_line(m, &line)) {
				/* 407 has said enough. */
				if (status == 407 && !line.nul)
					return http_refuse(
						m, status, &first, HTTP_NONE);
				return REPLY_NONSENSE;
			}
			one = http_scheme_of(&line);
			if (one > scheme)
				scheme = one;
		} while (line.length > 0);
	} while (status < 200);
	if (status == 407)
		return http_refuse(m, status, &first, scheme);
	model_heard(m, TUNNEL_OPEN);
	return REPLY_DONE;
}

FUZZER(http, REPLY_SIZE)
{
	if (size > 2)
		reply_try(PROXY_CONNECT, http_expect, data, size);
}
