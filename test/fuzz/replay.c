/*
 * Tries the fuzzers' inputs again, without libFuzzer.
 *
 *	replay FILE...
 *
 * The directory of a file has the name of the fuzzer that it is for.  They come
 * before this one: cc -include ports.c -include durations.c ... replay.c
 */
#include "fuzz.h"

static const char *input; /* its path */

/* Says which one it was that ended the program. */
static void
input_name(int signal_number)
{
	static const char before[] = "replay: ended by ";

	if (write(2, before, sizeof before - 1) < 0 ||
		write(2, input, strlen(input)) < 0 || write(2, "\n", 1) < 0)
		_exit(1);
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

/* The fuzzer that an input is for, or NULL. */
static const struct fuzzer *
input_fuzzer(void)
{
	const struct fuzzer *fuzzer;
	char directory[64];

	for (fuzzer = fuzzers; fuzzer != NULL; fuzzer = fuzzer->next) {
		snprintf(directory, sizeof directory, "/%s/", fuzzer->name);
		if (strstr(input, directory) != NULL)
			return fuzzer;
	}
	fprintf(stderr, "replay: %s: not in a fuzzer's directory\n", input);
	return NULL;
}

static bool
input_try(const struct fuzzer *fuzzer)
{
	static uint8_t data[65536];
	FILE *file = fopen(input, "rb");
	size_t size;

	if (file == NULL) {
		perror(input);
		return false;
	}
	size = fread(data, 1, sizeof data, file);
	fclose(file);
	if (size > fuzzer->size_max) {
		fprintf(stderr, "replay: %s: more than %zu bytes\n", input,
			fuzzer->size_max);
		return false;
	}
	fuzzer->try(data, size);
	return true;
}

int
main(int argc, char **argv)
{
	const struct fuzzer *fuzzer;
	int i;

	signal(SIGABRT, input_name);
	signal(SIGSEGV, input_name);
	for (i = 1; i < argc; i++) {
		input = argv[i];
		fuzzer = input_fuzzer();
		if (fuzzer == NULL || !input_try(fuzzer))
			return 1;
	}
	printf("# replay: %d inputs\n", argc - 1);
	return argc < 2;
}
