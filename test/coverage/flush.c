/*
 * Linked beside a sockcat that counts its lines (see run): what gcov has
 * counted is written where the program's own exit would not come to that.
 *
 * A process that dies of a signal, ends with _exit or becomes another program
 * leaves no counts, and one at its limit of descriptors cannot write them.  The
 * linker's --wrap leads these calls here; the program is none the wiser.
 */
#define _GNU_SOURCE /* struct sigaction and the rest */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

void __gcov_dump(void);
void __gcov_reset(void);

int __real_execvp(const char *file, char *const arguments[]);
pid_t __real_fork(void);
int __real_raise(int number);
int __real_sigaction(
	int number, const struct sigaction *act, struct sigaction *old);
__attribute__((noreturn)) void __real__exit(int status);

/* What a signal would have done: the default, and these ask for it back. */
static struct sigaction ending;

/* Lifts a limit that would keep the counts from being written. */
static void
limit_lift(int resource)
{
	struct rlimit limit;

	getrlimit(resource, &limit);
	if (resource == RLIMIT_NOFILE && limit.rlim_max < 4096)
		limit.rlim_max = 4096; /* root may */
	limit.rlim_cur = limit.rlim_max;
	setrlimit(resource, &limit);
}

/* Writes what has been counted, and begins again. */
static void
flush(void)
{
	struct rlimit descriptors, size;
	sigset_t all, before;
	const int error = errno;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	getrlimit(RLIMIT_NOFILE, &descriptors);
	getrlimit(RLIMIT_FSIZE, &size);
	limit_lift(RLIMIT_NOFILE);
	limit_lift(RLIMIT_FSIZE);
	__gcov_dump();
	__gcov_reset();
	setrlimit(RLIMIT_NOFILE, &descriptors);
	setrlimit(RLIMIT_FSIZE, &size);
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = error;
}

__attribute__((destructor)) static void
flush_last(void)
{
	flush();
}

static void
die(int number)
{
	flush();
	signal(number, SIG_DFL);
	__real_raise(number); /* blocked until we return */
}

/* A signal that ends the program does so in a handler, after the counts. */
int
__wrap_sigaction(int number, const struct sigaction *act, struct sigaction *old)
{
	const bool ends = number == SIGTERM || number == SIGINT ||
		number == SIGHUP;
	int done;

	ending.sa_handler = die;
	if (act != NULL && ends && act->sa_handler == SIG_DFL)
		act = &ending;
	done = __real_sigaction(number, act, old);
	if (done == 0 && old != NULL && old->sa_handler == die)
		old->sa_handler = SIG_DFL;
	return done;
}

int
__wrap_raise(int number)
{
	flush();
	return __real_raise(number);
}

void
__wrap__exit(int status)
{
	flush();
	__real__exit(status);
}

int
__wrap_execvp(const char *file, char *const arguments[])
{
	flush();
	return __real_execvp(file, arguments);
}

/* What the parent has counted is not the child's to write. */
pid_t
__wrap_fork(void)
{
	const pid_t pid = __real_fork();

	if (pid == 0)
		__gcov_reset();
	return pid;
}

/* The counts are memory, which the child must not share. */
pid_t
__wrap_vfork(void)
{
	return __wrap_fork();
}
