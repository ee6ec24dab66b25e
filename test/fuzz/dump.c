/*
 * Lines of a hex dump.  An input is the direction and the offset, nine bytes,
 * and then what is dumped.
 */
#include "fuzz.h"

FUZZER(dump, 9 + DUMP_BYTES)
{
	char *line = malloc(DUMP_LINE), *bytes;
	char expected[DUMP_LINE];
	const char way = size > 0 && (data[0] & 1) ? '>' : '<';
	uint64_t offset;
	size_t length, i, at;

	REQUIRE(line != NULL);
	if (size >= 9) {
		memcpy(&offset, data + 1, sizeof offset);
		bytes = fuzz_own(data + 9, size - 9);
		length = dump_print(way, offset, bytes, size - 9, line);
		free(bytes);
		REQUIRE(length < DUMP_LINE && line[length - 1] == '\n');
		at = (size_t)sprintf(expected, "%c %08llx ", way,
			(unsigned long long)offset);
		for (i = 0; i < DUMP_BYTES; i++)
			at += (size_t)sprintf(expected + at,
				i < size - 9 ? "%02x " : "   ",
				i < size - 9 ? data[9 + i] : 0);
		at += (size_t)sprintf(expected + at, "# ");
		for (i = 9; i < size; i++)
			at += (size_t)sprintf(expected + at, "%c",
				data[i] < ' ' || data[i] > '~' ? '.' : data[i]);
		REQUIRE(at == length - 1);
		REQUIRE(memcmp(line, expected, at) == 0);
	}
	free(line);
}
