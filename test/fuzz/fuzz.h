/*
 * What the fuzzers share.  A fuzzer is one file beside this one:
 *
 *	#include "fuzz.h"
 *
 *	FUZZER(name, 64) { ... data ... size ... }
 *
 * which is called with inputs of at most so many bytes, and aborts by REQUIRE
 * if sockcat does with one of them what it must not.  TEXT_FUZZER is the same
 * for what reads a text: it is given the input up to its first NUL, in memory
 * where not a byte more can be read.
 *
 * The program itself is included, so that its static functions can be called.
 * It neither ends the process, nor prints, nor asks for names; see below.
 */
#ifndef FUZZ_H
#define FUZZ_H

#define _GNU_SOURCE

#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRE(condition) require((condition), #condition, __FILE__, __LINE__)

static inline void
require(bool holds, const char *what, const char *file, int line)
{
	if (holds)
		return;
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	abort();
}

/* ---- instead of libc's -------------------------------------------------- */

/* Where an exit leads to, or NULL: none is allowed.  What it said before. */
static jmp_buf *fuzz_exit_to;
static int fuzz_exit_status, fuzz_message_lines;
static size_t fuzz_printed; /* bytes on standard output */

__attribute__((noreturn)) static void
fuzz_exit(int status)
{
	REQUIRE(fuzz_exit_to != NULL);
	fuzz_exit_status = status;
	longjmp(*fuzz_exit_to, 1);
}

/* A message is a whole line, of this program, or where help is. */
static int
fuzz_fputs(const char *text, FILE *file)
{
	if (file == stdout) {
		fuzz_printed += strlen(text);
		return 0;
	}
	REQUIRE(file == stderr);
	REQUIRE(strncmp(text, "sockcat: ", 9) == 0 ||
		strcmp(text, "Try 'sockcat --help'.\n") == 0);
	REQUIRE(text[strlen(text) - 1] == '\n');
	fuzz_message_lines++;
	return 0;
}

static int
fuzz_puts(const char *text)
{
	fuzz_printed += strlen(text) + 1;
	return 0;
}

static int
fuzz_putchar(int c)
{
	fuzz_printed++;
	return c;
}

__attribute__((format(printf, 1, 2))) static int
fuzz_printf(const char *format, ...)
{
	char text[4096];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	REQUIRE(length >= 0);
	fuzz_printed += (size_t)length;
	return length;
}

/* libFuzzer looks at each comparison, of which few get to a second byte. */
static inline int
fuzz_strcmp(const char *a, const char *b)
{
	return *a == *b ? strcmp(a, b) : *a < *b ? -1 : 1;
}

/* All services there are: http, and for UDP domain as well. */
static struct servent *
fuzz_service(const char *name, const char *protocol)
{
	static char domain[] = "domain", http[] = "http";
	static struct servent service;

	service.s_name = http;
	service.s_port = htons(80);
	if (strcmp(name, http) == 0)
		return &service;
	service.s_name = domain;
	service.s_port = htons(53);
	if (strcmp(name, domain) == 0 && strcmp(protocol, "udp") == 0)
		return &service;
	return NULL;
}

/* And all protocols, beside those that sockcat knows itself. */
static struct protoent *
fuzz_protocol(const char *name)
{
	static struct protoent egp = { .p_proto = 8 };

	return strcmp(name, "egp") == 0 ? &egp : NULL;
}

#define exit	       fuzz_exit
#define fputs	       fuzz_fputs
#define puts	       fuzz_puts
#define putchar	       fuzz_putchar
#define printf(...)    fuzz_printf(__VA_ARGS__)
#define strcmp	       fuzz_strcmp
#define getservbyname  fuzz_service
#define getprotobyname fuzz_protocol
#define main	       sockcat_main

int sockcat_main(int argc, char **argv);
#include "../../sockcat.c"

#undef exit
#undef fputs
#undef puts
#undef putchar
#undef printf
#undef strcmp
#undef getservbyname
#undef getprotobyname
#undef main

/* ---- a fuzzer ----------------------------------------------------------- */

struct fuzzer {
	const char *name;
	size_t size_max; /* bytes of an input */
	void (*try)(const uint8_t *data, size_t size);
	struct fuzzer *next;
};

static struct fuzzer *fuzzers; /* one, or in replay.c all */

#define FUZZER(name, size_max)                                             \
	static void name##_try(const uint8_t *data, size_t size);          \
	__attribute__((constructor)) static void name##_register(void)     \
	{                                                                  \
		static struct fuzzer self = { #name, size_max, name##_try, \
			NULL };                                            \
                                                                           \
		self.next = fuzzers;                                       \
		fuzzers = &self;                                           \
	}                                                                  \
	static void name##_try(const uint8_t *data, size_t size)

#define TEXT_FUZZER(name, size_max)                 \
	static void name##_text(const char *text);  \
	FUZZER(name, size_max)                      \
	{                                           \
		fuzz_text(data, size, name##_text); \
	}                                           \
	static void name##_text(const char *text)

/* What libFuzzer calls: first this, which says how long an input may be. */
int LLVMFuzzerInitialize(int *count, char ***words);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerInitialize(int *count, char ***words)
{
	static char option[32], *longer[64];
	const size_t given = (size_t)*count;

	REQUIRE(given + 2 <= sizeof longer / sizeof *longer);
	snprintf(option, sizeof option, "-max_len=%zu", fuzzers->size_max);
	memcpy(longer, *words, given * sizeof *longer);
	longer[given] = option;
	*words = longer;
	++*count;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size <= fuzzers->size_max)
		fuzzers->try(data, size);
	return 0;
}

/* ---- what several use --------------------------------------------------- */

/* A number where 64 bits overflow. */
__extension__ typedef __int128 fuzz_wide;

/* Bytes in memory of their own, so that not one more can be read. */
static inline char *
fuzz_own(const void *bytes, size_t length)
{
	char *own = malloc(length > 0 ? length : 1);

	REQUIRE(own != NULL);
	if (length > 0)
		memcpy(own, bytes, length);
	return own;
}

static inline void
fuzz_text(const uint8_t *data, size_t size, void (*try)(const char *text))
{
	const size_t length = strnlen((const char *)data, size);
	char *text = malloc(length + 1);

	REQUIRE(text != NULL);
	if (length > 0)
		memcpy(text, data, length);
	text[length] = '\0';
	try(text);
	free(text);
}

/*
 * Passes bytes through a tap, at most step at once.  Each piece ends where its
 * memory does, and so does the room for what becomes of it.
 */
static inline size_t
fuzz_tap(tap *pass, void *memory, const uint8_t *bytes, size_t length,
	size_t step, char *to)
{
	const size_t most = step < length ? step : length;
	char *from = malloc(most + 1), *room = malloc(2 * most + 1);
	const char *begin = to;
	size_t part, made;

	REQUIRE(from != NULL && room != NULL);
	for (; length > 0; bytes += part, length -= part) {
		part = length < most ? length : most;
		memcpy(from + most + 1 - part, bytes, part);
		made = pass(memory, from + most + 1 - part, part,
			room + 2 * (most - part) + 1);
		REQUIRE(made <= 2 * part);
		memcpy(to, room + 2 * (most - part) + 1, made);
		to += made;
	}
	free(from);
	free(room);
	return (size_t)(to - begin);
}

/* Does something that may exit.  Whether it did. */
static inline bool
fuzz_exits(void (*run)(void *memory), void *memory)
{
	jmp_buf end;

	fuzz_exit_to = &end;
	if (setjmp(end) == 0) {
		run(memory);
		fuzz_exit_to = NULL;
		return false;
	}
	fuzz_exit_to = NULL;
	return true;
}

#endif
