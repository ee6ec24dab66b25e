/* Strings of JSON: of any text, and in the line of --stats. */
#include "fuzz.h"

#define JSON_SIZE 160 /* bytes, more than a Unix socket's path may have */

/*
 * The character that a text begins with, as UTF-8 says it, or -1.  Moves the
 * text past it, or past the one byte that is none.
 */
static long
json_utf8(const char **text)
{
	static const long least[] = { 0, 0x80, 0x800, 0x10000 };
	const unsigned char *c = (const unsigned char *)*text;
	const int more = *c < 0xc0 ? 0 : *c < 0xe0 ? 1 : *c < 0xf0 ? 2 : 3;
	long character = more == 0 ? *c : *c & (0x3f >> more);
	int i;

	++*text;
	if (*c > 0xf7 || (more == 0 && *c > 0x7f))
		return -1;
	for (i = 1; i <= more; i++) {
		if (c[i] < 0x80 || c[i] > 0xbf)
			return -1;
		character = character << 6 | (c[i] & 0x3f);
	}
	if (character < least[more] || character > 0x10ffff ||
		(character >= 0xd800 && character <= 0xdfff))
		return -1;
	*text += more;
	return character;
}

/* The next character of a string of JSON, which is moved past it. */
static long
json_character(const char **json)
{
	static const char digits[] = "0123456789abcdef";
	const char *digit;
	long character = 0;
	int i;

	if (**json != '\\') {
		REQUIRE(**json != '"');
		character = json_utf8(json);
		REQUIRE(character >= ' ' && character != 0x7f);
		return character;
	}
	if ((*json)[1] == '"' || (*json)[1] == '\\') {
		*json += 2;
		return (*json)[-1];
	}
	REQUIRE((*json)[1] == 'u');
	for (i = 2; i < 6; i++) {
		digit = strchr(digits, (*json)[i]);
		REQUIRE(digit != NULL && *digit != '\0');
		character = character * 16 + (digit - digits);
	}
	*json += 6;
	return character;
}

/* Requires of a string that it says a text, and returns what is behind it. */
static const char *
json_require(const char *json, const char *text)
{
	long character;

	REQUIRE(*json++ == '"');
	while (*text != '\0') {
		character = json_utf8(&text);
		REQUIRE(json_character(&json) ==
			(character < 0 ? 0xfffd : character));
	}
	REQUIRE(*json == '"');
	return json + 1;
}

/* The line of --stats for a Unix socket of the name is whole. */
static void
json_stats(const char *path)
{
	static const char begin[] = "{\"local\":", middle[] = ",\"remote\":";
	static struct options o = { .unix_domain = true };
	static struct addresses found;
	struct failure failure = { .weight = 0 };
	struct stats stats = { .bytes_up = UINT64_MAX };
	char line[STATS_MAX];
	const char *c = line;

	if (*path == '\0' || strcmp(path, "@") == 0 ||
		unix_resolve(path, &found, &failure) != STATUS_OK)
		return;
	stats.local = stats.remote = found.at[0];
	stats.bytes_down = stats.messages_up = stats.messages_down = UINT64_MAX;
	stats.found_us = stats.connected_us = stats.first_byte_us = NEVER - 1;
	stats_print(&stats, &o, STATUS_OK, NEVER - 1, line);
	REQUIRE(strncmp(c, begin, sizeof begin - 1) == 0);
	c = json_require(c + sizeof begin - 1, path);
	REQUIRE(strncmp(c, middle, sizeof middle - 1) == 0);
	c = json_require(c + sizeof middle - 1, path);
	REQUIRE(strcmp(c + strlen(c) - 2, "}\n") == 0);
}

TEXT_FUZZER(json, JSON_SIZE)
{
	char *json = malloc(6 * strlen(text) + sizeof "\"\"");

	REQUIRE(json != NULL);
	json_print(text, json);
	REQUIRE(*json_require(json, text) == '\0');
	free(json);
	json_stats(text);
}
