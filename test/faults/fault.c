/*
 * fault - a library that has calls of a program fail
 *
 *	FAULT=readv:2:EINTR LD_PRELOAD=build/fault.so sockcat ...
 *
 * FAULT		CALL[/CLASS]:N:WHAT, several parted by commas: the Nth
 *			of these calls fails, from 1; of N+ also all that
 *			follow, of N* every Nth.  WHAT is the errno by name or
 *			number, or "short" for a single byte or "half" for half
 *			of them: such a call is made, and says truly what it has
 *			moved.  The word "count" is none.
 * FAULT_REPORT	a file, or the number of a descriptor, that gets a line
 *			for each fault that was put in, "CALL/CLASS N WHAT", and
 *			with "count" one for each call, "CALL/CLASS".  It is
 *			opened at the beginning, when that is still allowed.
 *
 * CLASS is what the descriptor is: file, pipe, device, stream or dgram, the
 * last two being sockets (dgram: any that keeps messages apart), or else none.
 * Of splice and sendfile it is what they write to.  CALL is one of those at
 * the end; the others of its kind (accept4 and accept) are different ones.
 *
 * Only what the program itself calls is counted, and not what libc does for
 * it.  The count is one for a program and the children that it forks; what it
 * executes is left alone.
 */

#ifdef __linux__
#undef _FORTIFY_SOURCE /* it would define some of these as well */
#define _GNU_SOURCE

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAULTS_MAX 16
#define PIECES_MAX 8	/* of a readv that is made short */
#define REPORT_FD  200	/* and above: out of the way */
#define NONE	   (-1) /* no descriptor */

/* In the place of an errno. */
enum { SHORT = -1, HALF = -2 };

static struct fault {
	char call[16], class[8]; /* class "": any */
	unsigned long number;
	char more; /* '+', '*' or 0 */
	int what;
} faults[FAULTS_MAX];

static int faults_count;
static unsigned long *calls; /* one for each fault, shared with children */
static bool counting;
static int report = NONE;
static uintptr_t program_begin, program_end;

static const struct {
	const char *name;
	int number;
} errors[] = {
#define E(name)             \
	{                   \
#name, name \
	}
	E(EACCES), E(EADDRINUSE), E(EADDRNOTAVAIL), E(EAFNOSUPPORT), E(EAGAIN),
	E(EBADF), E(EBUSY), E(ECONNABORTED), E(ECONNREFUSED), E(ECONNRESET),
	E(E2BIG), E(ENOEXEC), E(ETXTBSY), E(ELOOP), E(ECHILD), E(ESPIPE),
	E(EOVERFLOW), E(EDQUOT), E(EFBIG), E(EHOSTUNREACH), E(EINTR), E(EINVAL),
	E(EIO), E(EISDIR), E(EMFILE), E(EMSGSIZE), E(ENETDOWN), E(ENETUNREACH),
	E(ENFILE), E(ENOBUFS), E(ENOENT), E(ENOMEM), E(ENOPROTOOPT), E(ENOSPC),
	E(ENOSYS), E(ENOTCONN), E(EOPNOTSUPP), E(EPERM), E(EPIPE), E(EPROTO),
	E(EROFS), E(ETIMEDOUT), { "short", SHORT }, { "half", HALF }
#undef E
};

#define ERRORS (sizeof errors / sizeof errors[0])

/* ---- what the environment asks for -------------------------------------- */

static _Noreturn void
refuse(const char *text)
{
	fprintf(stderr, "fault: cannot understand FAULT=%s\n", text);
	_exit(99);
}

static bool
what_parse(const char *text, int *what)
{
	char *end;
	size_t i;

	for (i = 0; i < ERRORS; i++) {
		if (strcmp(errors[i].name, text) == 0) {
			*what = errors[i].number;
			return true;
		}
	}
	*what = (int)strtol(text, &end, 10);
	return *what > 0 && *end == '\0';
}

static const char *
what_name(int what)
{
	static char number[16];
	size_t i;

	for (i = 0; i < ERRORS; i++) {
		if (errors[i].number == what)
			return errors[i].name;
	}
	snprintf(number, sizeof number, "%d", what);
	return number;
}

static bool
fault_parse(const char *text, struct fault *f)
{
	char number[12], what[16], *plus;

	memset(f, 0, sizeof *f);
	if (sscanf(text, "%15[a-z0-9]/%7[a-z]:%11[0-9+*]:%15s", f->call,
		    f->class, number, what) != 4) {
		f->class[0] = '\0';
		if (sscanf(text, "%15[a-z0-9]:%11[0-9+*]:%15s", f->call, number,
			    what) != 3)
			return false;
	}
	f->number = strtoul(number, &plus, 10);
	f->more = *plus;
	return f->number > 0 && what_parse(what, &f->what);
}

static void
faults_parse(const char *text)
{
	char copy[512], *rest = copy, *word;

	if (strlen(text) >= sizeof copy)
		refuse(text);
	strcpy(copy, text);
	while ((word = strsep(&rest, ",")) != NULL) {
		if (strcmp(word, "count") == 0)
			counting = true;
		else if (faults_count == FAULTS_MAX ||
			!fault_parse(word, &faults[faults_count++]))
			refuse(text);
	}
}

static void
report_open(const char *to)
{
	char *end;
	int fd = (int)strtol(to, &end, 10);

	if (*end != '\0')
		fd = open(to, O_WRONLY | O_APPEND | O_CREAT, 0600);
	report = fcntl(fd, F_DUPFD_CLOEXEC, REPORT_FD);
	if (report < 0) {
		fprintf(stderr, "fault: %s: %s\n", to, strerror(errno));
		_exit(99);
	}
	close(fd);
}

/* Where the program is in memory: it is the first that is told. */
static int
program_find(struct dl_phdr_info *info, size_t size, void *unused)
{
	int i;

	(void)size;
	(void)unused;
	program_begin = UINTPTR_MAX;
	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		const uintptr_t at = info->dlpi_addr + part->p_vaddr;

		if (part->p_type != PT_LOAD)
			continue;
		if (at < program_begin)
			program_begin = at;
		if (at + part->p_memsz > program_end)
			program_end = at + part->p_memsz;
	}
	return 1;
}

__attribute__((constructor)) static void
begin(void)
{
	const char *asked = getenv("FAULT"), *to = getenv("FAULT_REPORT");

	if (asked == NULL)
		return;
	faults_parse(asked);
	if (to != NULL)
		report_open(to);
	calls = mmap(NULL, FAULTS_MAX * sizeof *calls, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (calls == MAP_FAILED)
		_exit(99);
	unsetenv("LD_PRELOAD");
	unsetenv("FAULT");
	unsetenv("FAULT_REPORT");
	dl_iterate_phdr(program_find, NULL);
}

/* ---- whether a call is to fail ------------------------------------------ */

static const char *
class_of(int fd)
{
	struct stat st;
	int type;
	socklen_t size = sizeof type;

	if (fd < 0 || fstat(fd, &st) < 0)
		return "none";
	if (S_ISREG(st.st_mode))
		return "file";
	if (S_ISFIFO(st.st_mode))
		return "pipe";
	if (!S_ISSOCK(st.st_mode))
		return "device";
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
		return "none";
	return type == SOCK_STREAM ? "stream" : "dgram";
}

static void
say(const char *call, const char *class, unsigned long number, int what)
{
	char line[96];
	int length = snprintf(line, sizeof line, "%s/%s", call, class);

	if (what != 0)
		length += snprintf(line + length, sizeof line - (size_t)length,
			" %lu %s", number, what_name(what));
	line[length++] = '\n';
	if (report >= 0 && write(report, line, (size_t)length) != length)
		abort();
}

/* Whether the fault is due, as the call is one of those that it is about. */
static bool
fault_is_due(int i, const char *call, const char *class)
{
	const struct fault *f = &faults[i];
	unsigned long number;

	if (strcmp(f->call, call) != 0 ||
		(f->class[0] != '\0' && strcmp(f->class, class) != 0))
		return false;
	number = __atomic_add_fetch(&calls[i], 1, __ATOMIC_SEQ_CST);
	if (f->more == '*')
		return number % f->number == 0;
	return number == f->number || (f->more == '+' && number > f->number);
}

/*
 * Counts a call.  Returns the errno that it is to fail with, or 0; it may have
 * *size, how many bytes the call is to move, be less.
 */
static int
fault_meet(const char *call, int fd, const void *caller, size_t *size)
{
	const uintptr_t at = (uintptr_t)caller;
	const int error = errno;
	const char *class;
	size_t less = 0;
	int i, what = 0;

	if (at < program_begin || at >= program_end)
		return 0;
	class = class_of(fd);
	if (counting)
		say(call, class, 0, 0);
	for (i = 0; i < faults_count && what == 0; i++) {
		if (fault_is_due(i, call, class))
			what = faults[i].what;
	}
	if (what < 0 && size != NULL)
		less = what == SHORT ? 1 : (*size + 1) / 2;
	if (what > 0 || (less > 0 && less < *size))
		say(call, class, faults[i - 1].number, what);
	if (less > 0 && less < *size)
		*size = less;
	errno = error;
	return what > 0 ? what : 0;
}

#define CALLER __builtin_return_address(0)

/* The function that is meant, which is the next one of its name. */
static void
next_find(const char *name, void *function)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (found == NULL)
		abort();
	memcpy(function, &found, sizeof found);
}

/* Declares it, and what the call is to fail with. */
#define MEET(name, fd, size)             \
	static __typeof__(name) *next;   \
	int fault;                       \
	if (next == NULL)                \
		next_find(#name, &next); \
	fault = fault_meet(#name, fd, CALLER, size)

#define FAIL_IF_DUE                    \
	do {                           \
		if (fault != 0) {      \
			errno = fault; \
			return -1;     \
		}                      \
	} while (0)

/* ---- bytes -------------------------------------------------------------- */

static size_t
pieces_length(const struct iovec *pieces, size_t count)
{
	size_t length = 0, i;

	for (i = 0; i < count; i++)
		length += pieces[i].iov_len;
	return length;
}

/* The first bytes of some pieces.  Returns in how many pieces they are. */
static size_t
pieces_cut(const struct iovec *pieces, size_t count, size_t length,
	struct iovec cut[PIECES_MAX])
{
	size_t i;

	for (i = 0; i < count && i < PIECES_MAX && length > 0; i++) {
		cut[i] = pieces[i];
		if (cut[i].iov_len > length)
			cut[i].iov_len = length;
		length -= cut[i].iov_len;
	}
	return i;
}

ssize_t
read(int fd, void *bytes, size_t size)
{
	MEET(read, fd, &size);
	FAIL_IF_DUE;
	return next(fd, bytes, size);
}

ssize_t
pread(int fd, void *bytes, size_t size, off_t offset)
{
	MEET(pread, fd, &size);
	FAIL_IF_DUE;
	return next(fd, bytes, size, offset);
}

ssize_t
write(int fd, const void *bytes, size_t size)
{
	MEET(write, fd, &size);
	FAIL_IF_DUE;
	return next(fd, bytes, size);
}

/* A message is moved whole or not at all. */
static size_t *
if_parted(int fd, size_t *size)
{
	const int error = errno;
	const bool whole = strcmp(class_of(fd), "dgram") == 0;

	errno = error;
	return whole ? NULL : size;
}

ssize_t
recv(int fd, void *bytes, size_t size, int flags)
{
	MEET(recv, fd, if_parted(fd, &size));
	FAIL_IF_DUE;
	return next(fd, bytes, size, flags);
}

ssize_t
send(int fd, const void *bytes, size_t size, int flags)
{
	MEET(send, fd, if_parted(fd, &size));
	FAIL_IF_DUE;
	return next(fd, bytes, size, flags);
}

ssize_t
readv(int fd, const struct iovec *pieces, int count)
{
	const size_t whole = pieces_length(pieces, (size_t)count);
	struct iovec cut[PIECES_MAX];
	size_t size = whole;

	MEET(readv, fd, &size);
	FAIL_IF_DUE;
	if (size < whole) {
		count = (int)pieces_cut(pieces, (size_t)count, size, cut);
		pieces = cut;
	}
	return next(fd, pieces, count);
}

ssize_t
writev(int fd, const struct iovec *pieces, int count)
{
	const size_t whole = pieces_length(pieces, (size_t)count);
	struct iovec cut[PIECES_MAX];
	size_t size = whole;

	MEET(writev, fd, &size);
	FAIL_IF_DUE;
	if (size < whole) {
		count = (int)pieces_cut(pieces, (size_t)count, size, cut);
		pieces = cut;
	}
	return next(fd, pieces, count);
}

ssize_t
recvmsg(int fd, struct msghdr *message, int flags)
{
	struct iovec cut[PIECES_MAX], *const pieces = message->msg_iov;
	const size_t count = message->msg_iovlen;
	const size_t whole = pieces_length(pieces, count);
	size_t size = whole;
	ssize_t got;

	MEET(recvmsg, fd, if_parted(fd, &size));
	FAIL_IF_DUE;
	if (size < whole) {
		message->msg_iovlen = pieces_cut(pieces, count, size, cut);
		message->msg_iov = cut;
	}
	got = next(fd, message, flags);
	message->msg_iov = pieces;
	message->msg_iovlen = count;
	return got;
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
	const size_t count = message->msg_iovlen;
	const size_t whole = pieces_length(message->msg_iov, count);
	struct iovec cut[PIECES_MAX];
	struct msghdr less = *message;
	size_t size = whole;

	MEET(sendmsg, fd, if_parted(fd, &size));
	FAIL_IF_DUE;
	if (size < whole) {
		less.msg_iovlen = pieces_cut(
			message->msg_iov, count, size, cut);
		less.msg_iov = cut;
	}
	return next(fd, &less, flags);
}

ssize_t
splice(int from, off64_t *from_at, int to, off64_t *to_at, size_t size,
	unsigned flags)
{
	MEET(splice, to, &size);
	FAIL_IF_DUE;
	return next(from, from_at, to, to_at, size, flags);
}

ssize_t
sendfile(int to, int from, off_t *at, size_t size)
{
	MEET(sendfile, to, &size);
	FAIL_IF_DUE;
	return next(to, from, at, size);
}

/* ---- all or nothing ----------------------------------------------------- */

#define ALL_OR_NOTHING(type, name, fd, parameters, arguments) \
	type name parameters                                  \
	{                                                     \
		MEET(name, fd, NULL);                         \
		FAIL_IF_DUE;                                  \
		return next arguments;                        \
	}

ALL_OR_NOTHING(int, poll, NONE, (struct pollfd * fds, nfds_t count, int ms),
	(fds, count, ms))
ALL_OR_NOTHING(int, ppoll, NONE,
	(struct pollfd * fds, nfds_t count, const struct timespec *limit,
		const sigset_t *mask),
	(fds, count, limit, mask))
ALL_OR_NOTHING(int, select, NONE,
	(int count, fd_set *in, fd_set *out, fd_set *other,
		struct timeval *limit),
	(count, in, out, other, limit))
ALL_OR_NOTHING(int, pselect, NONE,
	(int count, fd_set *in, fd_set *out, fd_set *other,
		const struct timespec *limit, const sigset_t *mask),
	(count, in, out, other, limit, mask))
ALL_OR_NOTHING(int, socket, NONE, (int domain, int kind, int protocol),
	(domain, kind, protocol))
ALL_OR_NOTHING(int, bind, fd,
	(int fd, __CONST_SOCKADDR_ARG address, socklen_t length),
	(fd, address, length))
ALL_OR_NOTHING(int, listen, fd, (int fd, int backlog), (fd, backlog))
ALL_OR_NOTHING(int, accept, fd,
	(int fd, __SOCKADDR_ARG address, socklen_t *length),
	(fd, address, length))
ALL_OR_NOTHING(int, accept4, fd,
	(int fd, __SOCKADDR_ARG address, socklen_t *length, int flags),
	(fd, address, length, flags))
ALL_OR_NOTHING(int, getsockopt, fd,
	(int fd, int level, int name, void *value, socklen_t *size),
	(fd, level, name, value, size))
ALL_OR_NOTHING(int, setsockopt, fd,
	(int fd, int level, int name, const void *value, socklen_t size),
	(fd, level, name, value, size))
ALL_OR_NOTHING(int, getsockname, fd,
	(int fd, __SOCKADDR_ARG address, socklen_t *length),
	(fd, address, length))
ALL_OR_NOTHING(int, getpeername, fd,
	(int fd, __SOCKADDR_ARG address, socklen_t *length),
	(fd, address, length))
ALL_OR_NOTHING(int, pipe, NONE, (int fds[2]), (fds))
ALL_OR_NOTHING(int, pipe2, NONE, (int fds[2], int flags), (fds, flags))
ALL_OR_NOTHING(int, dup2, fd, (int fd, int to), (fd, to))
ALL_OR_NOTHING(
	int, rename, NONE, (const char *from, const char *to), (from, to))
ALL_OR_NOTHING(int, unlink, NONE, (const char *path), (path))
ALL_OR_NOTHING(int, access, NONE, (const char *path, int how), (path, how))
ALL_OR_NOTHING(int, stat, NONE, (const char *path, struct stat *st), (path, st))
ALL_OR_NOTHING(
	int, lstat, NONE, (const char *path, struct stat *st), (path, st))
ALL_OR_NOTHING(int, fstat, fd, (int fd, struct stat *st), (fd, st))
ALL_OR_NOTHING(off_t, lseek, fd, (int fd, off_t offset, int whence),
	(fd, offset, whence))
ALL_OR_NOTHING(pid_t, waitpid, NONE, (pid_t pid, int *how, int options),
	(pid, how, options))
ALL_OR_NOTHING(int, execvp, NONE, (const char *file, char *const arguments[]),
	(file, arguments))
ALL_OR_NOTHING(pid_t, fork, NONE, (void), ())

/*
 * Who comes back from it twice must not have been called from here.  As the
 * last thing that is done it is not: the compiler makes it a jump, of what it
 * does not know to be vfork.
 */
pid_t
vfork(void)
{
	MEET(vfork, NONE, NULL);
	FAIL_IF_DUE;
	return next();
}

/* A connect that is interrupted goes on by itself. */
int
connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
	MEET(connect, fd, NULL);
	if (fault == EINTR && next(fd, address, length) < 0 &&
		errno != EINPROGRESS)
		return -1;
	FAIL_IF_DUE;
	return next(fd, address, length);
}

/* Whatever is said about it, the descriptor is closed. */
int
close(int fd)
{
	MEET(close, fd, NULL);
	if (fault != 0)
		next(fd);
	FAIL_IF_DUE;
	return next(fd);
}

/* It is the other side's end that has made it fail, and comes all the same. */
int
shutdown(int fd, int how)
{
	MEET(shutdown, fd, NULL);
	if (fault != 0)
		next(fd, how);
	FAIL_IF_DUE;
	return next(fd, how);
}

int
open(const char *path, int flags, ...)
{
	va_list rest;
	mode_t mode;

	MEET(open, NONE, NULL);
	FAIL_IF_DUE;
	va_start(rest, flags);
	mode = va_arg(rest, mode_t);
	va_end(rest);
	return next(path, flags, mode);
}

/* The third argument is a number or an address, and either fits. */
int
fcntl(int fd, int command, ...)
{
	va_list rest;
	void *argument;

	MEET(fcntl, fd, NULL);
	FAIL_IF_DUE;
	va_start(rest, command);
	argument = va_arg(rest, void *);
	va_end(rest);
	return next(fd, command, argument);
}

int
ioctl(int fd, unsigned long command, ...)
{
	va_list rest;
	void *argument;

	MEET(ioctl, fd, NULL);
	FAIL_IF_DUE;
	va_start(rest, command);
	argument = va_arg(rest, void *);
	va_end(rest);
	return next(fd, command, argument);
}

/* ---- the names that _FORTIFY_SOURCE has for them ------------------------- */

ssize_t
__read_chk(int fd, void *bytes, size_t size, size_t room)
{
	MEET(read, fd, &size);
	(void)room;
	FAIL_IF_DUE;
	return next(fd, bytes, size);
}

ssize_t
__pread_chk(int fd, void *bytes, size_t size, off_t offset, size_t room)
{
	MEET(pread, fd, &size);
	(void)room;
	FAIL_IF_DUE;
	return next(fd, bytes, size, offset);
}

ssize_t
__recv_chk(int fd, void *bytes, size_t size, size_t room, int flags)
{
	MEET(recv, fd, if_parted(fd, &size));
	(void)room;
	FAIL_IF_DUE;
	return next(fd, bytes, size, flags);
}

int
__poll_chk(struct pollfd *fds, nfds_t count, int ms, size_t room)
{
	MEET(poll, NONE, NULL);
	(void)room;
	FAIL_IF_DUE;
	return next(fds, count, ms);
}

int
__ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *limit,
	const sigset_t *mask, size_t room)
{
	MEET(ppoll, NONE, NULL);
	(void)room;
	FAIL_IF_DUE;
	return next(fds, count, limit, mask);
}

int
__open_2(const char *path, int flags)
{
	MEET(open, NONE, NULL);
	FAIL_IF_DUE;
	return next(path, flags);
}

/* ---- memory: dlsym needs some itself ------------------------------------ */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

void *
malloc(size_t size)
{
	const int fault = fault_meet("malloc", NONE, CALLER, NULL);

	if (fault == 0)
		return __libc_malloc(size);
	errno = fault;
	return NULL;
}

void *
calloc(size_t count, size_t size)
{
	const int fault = fault_meet("calloc", NONE, CALLER, NULL);

	if (fault == 0)
		return __libc_calloc(count, size);
	errno = fault;
	return NULL;
}

void *
realloc(void *memory, size_t size)
{
	const int fault = fault_meet("realloc", NONE, CALLER, NULL);

	if (fault == 0)
		return __libc_realloc(memory, size);
	errno = fault;
	return NULL;
}
#else
typedef int fault_only_where_libc_is_known;
#endif
