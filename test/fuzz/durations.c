/* Times: 5, 0.5, .5s, 200ms, 2m. */
#include "fuzz.h"

#define DURATIONS_MOST_MS INT64_C(315360000000) /* without a fraction */

/* A time in millionths of its unit, which suffix is put at. */
struct durations_time {
	fuzz_wide millionths;
	bool more; /* there are digits after the sixth of its fraction, not 0 */
	const char *suffix;
};

static bool
durations_read(const char *text, struct durations_time *time)
{
	const size_t whole = strspn(text, "0123456789");
	size_t fraction = 0, i;

	time->millionths = 0;
	time->more = false;
	for (i = 0; i < whole; i++, text++)
		if (time->millionths < INT64_MAX)
			time->millionths = 10 * time->millionths +
				(*text - '0');
	if (*text == '.')
		fraction = strspn(++text, "0123456789");
	for (i = 0; i < fraction || i < 6; i++) {
		const int digit = i < fraction ? *text++ - '0' : 0;

		if (i < 6)
			time->millionths = 10 * time->millionths + digit;
		else
			time->more |= digit != 0;
	}
	time->suffix = text;
	return whole + fraction > 0 && text[-1] != '.';
}

static int64_t
durations_unit(const char *suffix)
{
	if (strcmp(suffix, "ms") == 0)
		return 1;
	if (strcmp(suffix, "m") == 0)
		return 60000;
	return strcmp(suffix, "s") == 0 || *suffix == '\0' ? 1000 : 0;
}

TEXT_FUZZER(durations, 64)
{
	struct durations_time time;
	const bool right = durations_read(text, &time);
	const int64_t unit = right ? durations_unit(time.suffix) : 0;
	const fuzz_wide exact = time.millionths * unit;
	int64_t ms = UNSET, again;
	char printed[32];

	if (!duration_parse(text, &ms)) {
		REQUIRE(unit == 0 ||
			exact / 1000000 >= DURATIONS_MOST_MS + unit);
		return;
	}
	/* It is that long or, by less than a millisecond, longer. */
	REQUIRE(unit > 0 && ms >= 0 && ms <= DURATIONS_MOST_MS + unit);
	REQUIRE((fuzz_wide)ms * 1000000 >= exact + time.more);
	REQUIRE((fuzz_wide)ms * 1000000 < exact + time.more * unit + 1000000);
	if (ms > DURATIONS_MOST_MS)
		return;
	snprintf(printed, sizeof printed, "%lldms", (long long)ms);
	REQUIRE(duration_parse(printed, &again) && again == ms);
	snprintf(printed, sizeof printed, "%lld.%03lld", (long long)(ms / 1000),
		(long long)(ms % 1000));
	REQUIRE(duration_parse(printed, &again) && again == ms);
}
