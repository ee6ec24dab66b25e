/*
 * forbidden - a library that tries from inside what the sandbox forbids
 *
 *	FORBIDDEN_REPORT=report LD_PRELOAD=build/forbidden.so sockcat ...
 *
 * The process that reads TRIGGER, wherever from, tries once all that the table
 * near the end has, and appends a line for each to the report: "done",
 * "refused", or the error that was in the way.  The report is opened at the
 * beginning, when that is still allowed.
 *
 * FORBIDDEN_PORT	a TCP port of 127.0.0.1 where somebody listens
 * FORBIDDEN_NAME	an abstract name, without its @, where somebody does
 * FORBIDDEN_AT		"waitpid": tried when a child has been buried instead
 * FORBIDDEN_LANDLOCK	a file that gets the version of the kernel's Landlock,
 *			0 if it has none, once the library is there
 *
 * What is tried on files is tried in the directory "room" of the current one,
 * which holds "file", "removable" and the directory "empty".
 */

#ifdef __linux__
#define _GNU_SOURCE

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRIGGER		"try the forbidden"
#define REPORT_FD	200 /* and above: out of the way */
#define LANDLOCK_CREATE 444 /* of most architectures */
#define LANDLOCK_TELL	1   /* only tell the version */

static int report = -1;
static bool at_waitpid, tried;

/* ---- what is tried: each gives 0, or -1 and errno ----------------------- */

static int
opened(const char *path, int flags)
{
	const int fd = open(path, flags | O_CLOEXEC, 0600);

	return fd < 0 ? -1 : close(fd);
}

static int
try_read(void)
{
	return opened("room/file", O_RDONLY);
}

static int
try_write(void)
{
	return opened("room/file", O_WRONLY);
}

static int
try_truncate(void)
{
	return truncate("room/file", 1);
}

static int
try_list(void)
{
	return opened("room", O_RDONLY | O_DIRECTORY);
}

static int
try_proc(void)
{
	return opened("/proc/self/environ", O_RDONLY);
}

static int
try_create(void)
{
	return opened("room/created", O_WRONLY | O_CREAT | O_EXCL);
}

static int
try_unlink(void)
{
	return unlink("room/removable");
}

static int
try_rename(void)
{
	return rename("room/file", "room/renamed");
}

static int
try_link(void)
{
	return symlink("file", "room/link");
}

static int
try_mkdir(void)
{
	return mkdir("room/made", 0700);
}

static int
try_rmdir(void)
{
	return rmdir("room/empty");
}

static int
try_mkfifo(void)
{
	return mkfifo("room/fifo", 0600);
}

/* In a child: to succeed is to be replaced. */
static int
try_execute(void)
{
	const pid_t child = fork();
	int status;

	if (child == 0) {
		execle("/bin/sh", "sh", "-c", ":", (char *)NULL,
			(char *[]){ NULL });
		_exit(errno);
	}
	if (child < 0 || syscall(SYS_wait4, child, &status, 0, NULL) < 0)
		return -1;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
	return errno == 0 ? 0 : -1;
}

/* To gain them by executing something: they have been given up, or not. */
static int
try_privileges(void)
{
	errno = EPERM;
	return prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L) == 0 ? 0 : -1;
}

/* Connects to a port, or binds to any if it is 0. */
static int
with_tcp(int port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct sockaddr *a = (struct sockaddr *)&in;
	const int result = port == 0 ? bind(fd, a, sizeof in) :
				       connect(fd, a, sizeof in);
	const int error = errno;

	close(fd);
	errno = error;
	return result;
}

static int
try_bind(void)
{
	return with_tcp(0);
}

static int
try_connect(void)
{
	const char *port = getenv("FORBIDDEN_PORT");

	return with_tcp(port == NULL ? 1 : atoi(port));
}

static int
try_abstract(void)
{
	const char *name = getenv("FORBIDDEN_NAME");
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t length;
	int result, error;

	name = name == NULL ? "" : name;
	length = strlen(name);
	if (length > sizeof un.sun_path - 1)
		length = sizeof un.sun_path - 1;
	memcpy(un.sun_path + 1, name, length);
	length += offsetof(struct sockaddr_un, sun_path) + 1;
	result = connect(fd, (struct sockaddr *)&un, (socklen_t)length);
	error = errno;
	close(fd);
	errno = error;
	return result;
}

static int
try_signal(void)
{
	return kill(getppid(), 0);
}

static const struct attempt {
	const char *name;
	int (*call)(void);
} attempts[] = {
	{ "read a file", try_read },
	{ "write a file", try_write },
	{ "truncate a file", try_truncate },
	{ "list a directory", try_list },
	{ "look into /proc", try_proc },
	{ "create a file", try_create },
	{ "remove a file", try_unlink },
	{ "rename a file", try_rename },
	{ "make a link", try_link },
	{ "make a directory", try_mkdir },
	{ "remove a directory", try_rmdir },
	{ "make a FIFO", try_mkfifo },
	{ "execute a program", try_execute },
	{ "gain privileges", try_privileges },
	{ "bind over TCP", try_bind },
	{ "connect over TCP", try_connect },
	{ "connect to an abstract name", try_abstract },
	{ "send a signal", try_signal },
};

static void
say(int fd, const char *what, const char *outcome)
{
	char line[128];
	const int length = snprintf(line, sizeof line, "%s%s\n", what, outcome);

	if (write(fd, line, (size_t)length) != length)
		abort();
}

static void
try_all(void)
{
	const int error = errno;
	char reason[64];
	size_t i;

	if (report < 0 || tried)
		return;
	tried = true;
	for (i = 0; i < sizeof attempts / sizeof *attempts; i++) {
		if (attempts[i].call() == 0)
			strcpy(reason, ": done");
		else if (errno == EACCES || errno == EPERM)
			strcpy(reason, ": refused");
		else
			snprintf(reason, sizeof reason, ": error %d", errno);
		say(report, attempts[i].name, reason);
	}
	errno = error;
}

/* ---- when it is tried --------------------------------------------------- */

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("FORBIDDEN_REPORT");
	const char *at = getenv("FORBIDDEN_AT");
	char number[32];
	int fd;

	at_waitpid = at != NULL && strcmp(at, "waitpid") == 0;
	if (path != NULL) {
		fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
		report = fcntl(fd, F_DUPFD_CLOEXEC, REPORT_FD);
		close(fd);
	}
	path = getenv("FORBIDDEN_LANDLOCK");
	if (path != NULL) {
		const long version = syscall(
			LANDLOCK_CREATE, NULL, (size_t)0, LANDLOCK_TELL);

		snprintf(number, sizeof number, "%ld",
			version < 0 ? 0 : version);
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		say(fd, number, "");
		close(fd);
	}
}

/* What has come into some pieces of memory. */
static ssize_t
look(const struct iovec *pieces, size_t count, ssize_t got, int flags)
{
	const size_t length = sizeof TRIGGER - 1;
	size_t i;

	if (got < (ssize_t)length || (flags & MSG_PEEK) || at_waitpid)
		return got;
	for (i = 0; i < count; i++)
		if (pieces[i].iov_len > 0)
			break;
	if (i < count && pieces[i].iov_len >= length &&
		memcmp(pieces[i].iov_base, TRIGGER, length) == 0)
		try_all();
	return got;
}

ssize_t
read(int fd, void *bytes, size_t size)
{
	const struct iovec piece = { bytes, size };

	return look(&piece, 1, syscall(SYS_read, fd, bytes, size), 0);
}

ssize_t
readv(int fd, const struct iovec *pieces, int count)
{
	return look(pieces, (size_t)count,
		syscall(SYS_readv, fd, pieces, count), 0);
}

ssize_t
recv(int fd, void *bytes, size_t size, int flags)
{
	const struct iovec piece = { bytes, size };

	return look(&piece, bytes != NULL,
		syscall(SYS_recvfrom, fd, bytes, size, flags, NULL, NULL),
		flags);
}

ssize_t
recvmsg(int fd, struct msghdr *message, int flags)
{
	return look(message->msg_iov, message->msg_iovlen,
		syscall(SYS_recvmsg, fd, message, flags), flags);
}

pid_t
waitpid(pid_t child, int *status, int options)
{
	const pid_t got = (pid_t)syscall(
		SYS_wait4, child, status, options, NULL);

	if (got > 0 && at_waitpid)
		try_all();
	return got;
}
#else
typedef int forbidden_only_where_there_is_a_sandbox;
#endif
