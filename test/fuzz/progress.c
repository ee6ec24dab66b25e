/*
 * Lines of --progress.  An input is what they tell, as it is in memory; what
 * cannot be is cut to what can.
 */
#include "fuzz.h"

struct progress_input {
	uint64_t up, down, now; /* bytes, the last in a second */
	uint64_t elapsed_ms;
	uint64_t size, done; /* of the file */
	uint16_t columns;
	uint8_t last, file;
};

/* An amount: a number of at least three digits but for bytes, and a unit. */
static const char *
progress_amount(const char *text)
{
	const char *number = text;
	size_t whole = strspn(text, "0123456789"), fraction = 0;

	REQUIRE(whole >= 1 && whole <= 4);
	text += whole;
	if (*text == '.')
		fraction = strspn(++text, "0123456789");
	text += fraction;
	REQUIRE(*text++ == ' ');
	if (*text == 'B') {
		REQUIRE(fraction == 0 && strtol(number, NULL, 10) < 1024);
		return text + 1;
	}
	REQUIRE(strchr("KMGTPE", *text) != NULL);
	REQUIRE(strncmp(text + 1, "iB", 2) == 0);
	REQUIRE(whole + fraction == 3 || (whole == 4 && fraction == 0));
	REQUIRE(strtol(number, NULL, 10) < 1024);
	return text + 3;
}

/* A time: hours only if there are any, and two digits behind a colon. */
static const char *
progress_time(const char *text)
{
	int parts = 1;
	size_t digits = strspn(text, "0123456789");

	REQUIRE(digits > 0);
	for (text += digits; *text == ':'; text += 3, parts++)
		REQUIRE(strspn(text + 1, "0123456789") == 2 && text[1] < '6');
	REQUIRE(parts == 2 || parts == 3);
	return text;
}

static const char *
progress_word(const char *text, const char *word)
{
	REQUIRE(strncmp(text, word, strlen(word)) == 0);
	return text + strlen(word);
}

/* What is behind the mean of a file that is not done yet. */
static void
progress_rest(const char *c, bool last)
{
	c = progress_word(c, ", ");
	REQUIRE(strtol(c, NULL, 10) <= 100 && is_digit(*c));
	c = progress_word(c + strspn(c, "0123456789"), " %");
	if (last) {
		REQUIRE(*c == '\0');
		return;
	}
	if (strncmp(c, " [", 2) == 0) {
		c += 2 + strspn(c + 2, "=");
		c += *c == '>';
		c = progress_word(c + strspn(c, " "), "]");
	}
	if (*c != '\0')
		REQUIRE(strcmp(progress_time(progress_word(c, " ")), " left") ==
			0);
}

static void
progress_require(const char *line, const struct progress *p)
{
	const char *c = line;

	if (p->up > 0 || p->down == 0)
		c = progress_word(progress_amount(c), " up, ");
	if (p->down > 0)
		c = progress_word(progress_amount(c), " down, ");
	if (p->rate >= 0)
		c = progress_word(progress_amount(c), "/s now, ");
	c = progress_word(progress_amount(c), "/s mean, ");
	c = progress_time(c);
	if (p->portion < 0)
		REQUIRE(*c == '\0');
	else
		progress_rest(c, p->rate < 0);
}

FUZZER(progress, sizeof(struct progress_input))
{
	const uint64_t most = UINT64_C(1) << 50;
	struct progress_input in;
	struct progress p;
	char *line = malloc(PROGRESS_MAX);
	const char *bar;

	REQUIRE(line != NULL);
	memset(&in, 0, sizeof in);
	memcpy(&in, data, size);
	p.up = in.up % most;
	p.down = in.down % most;
	p.elapsed_ms = (int64_t)(in.elapsed_ms % (NEVER / 1000));
	p.rate = in.last & 1 ? -1 : (double)(in.now % most);
	p.portion = -1;
	if (in.file & 1)
		p.portion = (double)(in.done / 2) / (double)(in.size / 2 + 1);
	progress_print(&p, in.columns, line);
	REQUIRE(strlen(line) < PROGRESS_MAX);
	progress_require(line, &p);
	bar = strchr(line, '[');
	REQUIRE(bar == NULL || strlen(line) < in.columns);
	free(line);
}
