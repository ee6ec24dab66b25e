/*
 * Feeds a fuzzer's inputs to it again, one file each, without the fuzzer.
 *
 *	replay FILE...
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUT_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *path; /* of the input that is being tried */

/* Says which one it was that ended the program. */
static void
name_input(int signal_number)
{
	static const char before[] = "# replay: ended by ";

	if (write(2, before, sizeof before - 1) < 0 ||
		write(2, path, strlen(path)) < 0 || write(2, "\n", 1) < 0)
		_exit(1);
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

static void
replay(void)
{
	static uint8_t data[INPUT_MAX];
	FILE *file = fopen(path, "rb");
	size_t size;

	if (file == NULL) {
		perror(path);
		exit(1);
	}
	size = fread(data, 1, sizeof data, file);
	if (ferror(file)) {
		perror(path);
		exit(1);
	}
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
}

int
main(int argc, char **argv)
{
	int i;

	signal(SIGABRT, name_input);
	signal(SIGSEGV, name_input);
	for (i = 1; i < argc; i++) {
		path = argv[i];
		replay();
	}
	printf("# replay: %d inputs\n", argc - 1);
	return argc < 2;
}
