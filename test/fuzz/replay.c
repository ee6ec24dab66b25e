/*
 * Tries the fuzzers' inputs again, without a fuzzer.
 *
 *	replay FILE...
 *
 * The directory of a file has the name of the fuzzer that it is for.
 */
static int tried_protocol; /* that of the file that is being tried */

#define PROTOCOL tried_protocol
#include "reply.h"

#define INPUT_MAX (2 * HEADER_MAX)

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

static bool
input_protocol(void)
{
	static const struct {
		const char *directory;
		enum proxy_type protocol;
	} fuzzers[] = { { "/socks4/", PROXY_SOCKS4 },
		{ "/socks5/", PROXY_SOCKS5 }, { "/http/", PROXY_CONNECT } };
	size_t i;

	for (i = 0; i < sizeof fuzzers / sizeof *fuzzers; i++) {
		if (strstr(input, fuzzers[i].directory) != NULL) {
			tried_protocol = (int)fuzzers[i].protocol;
			return true;
		}
	}
	fprintf(stderr, "replay: %s: not in a fuzzer's directory\n", input);
	return false;
}

static bool
input_try(void)
{
	static uint8_t data[INPUT_MAX];
	FILE *file = fopen(input, "rb");
	bool good = file != NULL;
	size_t size = 0;

	if (good) {
		size = fread(data, 1, sizeof data, file);
		good = !ferror(file);
		fclose(file);
	}
	if (good)
		LLVMFuzzerTestOneInput(data, size);
	else
		perror(input);
	return good;
}

int
main(int argc, char **argv)
{
	int i;

	signal(SIGABRT, input_name);
	signal(SIGSEGV, input_name);
	for (i = 1; i < argc; i++) {
		input = argv[i];
		if (!input_protocol() || !input_try())
			return 1;
	}
	printf("# replay: %d inputs\n", argc - 1);
	return argc < 2;
}
