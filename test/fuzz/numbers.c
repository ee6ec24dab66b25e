/* Numbers as an option takes them: decimal, octal, sizes, and those of -T. */
#include "fuzz.h"

/* Beyond what any is to be. */
#define NUMBERS_MUCH INT64_C(1000000000000000000)

/* The digits of a base at *text, which is moved past them; -1: there is none.
 */
static int64_t
numbers_read(const char **text, const char *digits)
{
	const int64_t base = (int64_t)strlen(digits);
	const char *digit;
	int64_t value = -1;

	for (; **text != '\0'; ++*text) {
		digit = strchr(digits, **text);
		if (digit == NULL)
			break;
		if (value < 0)
			value = 0;
		if (value < NUMBERS_MUCH / base)
			value = value * base + (digit - digits);
		else
			value = NUMBERS_MUCH;
	}
	return value;
}

static void
numbers_decimal(const char *text, int64_t low, int64_t high)
{
	const char *end = text;
	const int64_t value = numbers_read(&end, "0123456789");
	const bool right = *end == '\0' && value >= low && value <= high;
	int64_t got;
	char again[32];

	REQUIRE(number_parse(text, low, high, &got) == right);
	if (!right)
		return;
	REQUIRE(got == value);
	snprintf(again, sizeof again, "%lld", (long long)got);
	REQUIRE(number_parse(again, low, high, &got) && got == value);
}

static void
numbers_octal(const char *text, int64_t high)
{
	const char *end = text;
	const int64_t value = numbers_read(&end, "01234567");
	const bool right = *end == '\0' && value >= 0 && value <= high;
	int64_t got;
	char again[32];

	REQUIRE(octal_parse(text, high, &got) == right);
	if (!right)
		return;
	REQUIRE(got == value);
	snprintf(again, sizeof again, "%llo", (unsigned long long)got);
	REQUIRE(octal_parse(again, high, &got) && got == value);
}

static void
numbers_size(const char *text, int64_t low, int64_t high)
{
	static const char units[] = "kKMG";
	static const int64_t bytes[] = { 1 << 10, 1 << 10, 1 << 20, 1 << 30 };
	const char *end = text, *unit;
	fuzz_wide value = numbers_read(&end, "0123456789");
	int64_t got;
	char again[32];
	bool right;

	if (*end != '\0' && (unit = strchr(units, *end)) != NULL) {
		value *= bytes[unit - units];
		end++;
	}
	right = *end == '\0' && value >= low && value <= high;
	REQUIRE(size_parse(text, low, high, &got) == right);
	if (!right)
		return;
	REQUIRE(got == value);
	snprintf(again, sizeof again, "%lld", (long long)got);
	REQUIRE(size_parse(again, low, high, &got) && got == value);
	if (got % 1024 != 0)
		return;
	snprintf(again, sizeof again, "%lldk", (long long)got / 1024);
	REQUIRE(size_parse(again, low, high, &got) && got == value);
}

static void
numbers_tos(const char *text)
{
	int64_t got, value;
	char again[8];

	if (!tos_parse(text, &got))
		return;
	REQUIRE(got >= 0 && got <= 255);
	snprintf(again, sizeof again, "0x%x", (unsigned)got);
	REQUIRE(tos_parse(again, &value) && value == got);
	if (!number_parse(text, 0, 255, &value))
		REQUIRE(strncmp(text, "0x", 2) == 0 || is_letter(*text));
}

static void
numbers_setting(const char *text)
{
	struct socket_setting got, value;
	char again[64];

	if (!setting_parse(text, &got))
		return;
	REQUIRE(got.level >= 0 && got.name >= 0 && got.value > INT_MIN);
	snprintf(again, sizeof again, "%d:%d:%d", got.level, got.name,
		got.value);
	REQUIRE(setting_parse(again, &value));
	REQUIRE(memcmp(&got, &value, sizeof got) == 0);
	for (; *text != '\0'; text++)
		REQUIRE(strchr("0123456789:-", *text) != NULL);
}

TEXT_FUZZER(numbers, 64)
{
	numbers_decimal(text, 0, 255);
	numbers_decimal(text, 3, INT_MAX);
	numbers_octal(text, 0777);
	numbers_size(text, 1, INT_MAX);
	numbers_size(text, 1024, 1 << 20);
	numbers_tos(text);
	numbers_setting(text);
}
