/*
 * load: both ends of a measurement, and the clock.
 *
 * usage: load MODE [-clpz] [-a ADDRESS] [-f FORMAT] [-i FILE] [-n COUNT]
 *             [-o FILE] [-r LOW-HIGH] [-s STATUS] [-w COUNT]
 *             -- TOOL ARG... [-- TOOL ARG...]
 *        load limit send|receive|listen HOST PORT | PATH
 *        load limit scan HOST LOW-HIGH
 *        load make -n BYTES FILE
 *        load echo
 *        load loopback
 *
 * load opens what the tool is to meet (a listening socket, pipes, files),
 * starts the tool, moves COUNT bytes through it, waits for its end, and
 * prints one line:
 *
 *   ok <tab> VALUE <tab> PROCESSOR SECONDS <tab> DETAILS
 *   failed <tab> REASON                             (exit status 1)
 *
 * @HOST@, @PORT@ and @PATH@ in the tool's words become the address, which
 * is never a fixed one. In a scan @PORT@ is the range, and fixed: it wants a
 * network namespace of its own. @READY@ becomes a descriptor to which the tool
 * writes a line once it listens; where it is not named, the first client
 * tries to connect until it can.
 *
 * MODE        the tool                                       VALUE
 * send        connects, stdin is -i FILE, else a pipe        GB/s
 * receive     connects, stdout is -o FILE, else a pipe       GB/s
 * through     the first listens, stdout is a pipe; the       GB/s
 *             second connects, stdin is a pipe
 * roundtrip   connects to an echo, COUNT messages of 16      us, median
 * start       connects to a port that refuses, COUNT times   ms, median
 * memory      connects, COUNT bytes up, then COUNT down      MiB, peak
 * datagrams   receives COUNT of 64 bytes, stdout is -o FILE  % kept
 * scan        scans -r LOW-HIGH, of which the lowest, the    s
 *             middle and the highest port are open
 * scanself    the same, COUNT times, and may be wrong        % right
 * silent      scans -r LOW-HIGH, where nothing answers       s
 * serve       runs a program that gives back what it gets    1/s
 *             for each of COUNT clients
 * weigh       the same; then a look at it                    MiB
 * limit       none: load itself is a bare, blocking loop of the kernel's
 *             best call, to be measured in the tool's place
 * make        none: writes a file for send's -i
 * echo        none: is that program, stdin to stdout
 * loopback    none: turns lo on, in a network namespace just made
 *
 * -a ADDRESS  4 (127.0.0.1, the default), 6 (::1), an IPv4 address or a Unix
 *             socket's path
 * -c          check every byte that arrives, not only how many they are
 * -f FORMAT   how scanf(3) finds the port, a %u, in a line that names an open
 *             one (silent: one that did not answer, or how many did not).
 *             Exactly these must be named, on stdout or stderr. Without -f
 *             the status is the only answer
 * -l          late: a client ends its data when the reply is there; without it
 *             at once, as one does that has a request and wants the answer
 * -p          put load and the tools on one processor. Whether they share one
 *             is otherwise the scheduler's choice, and on a virtual machine
 *             waking another one takes longer than all that a message costs
 * -s STATUS   what a scan is to end with (0)
 * -w COUNT    clients that are there at a time (8)
 * -z          the ends of pipes splice; without it they read and write, as the
 *             programs at the other end of a pipe do
 *
 * The network's ends are as light as they can be, so that the tool is what
 * is measured: received bytes are dropped in the kernel by MSG_TRUNC, many
 * at a time.
 *
 * The clock starts when the tool's connection is accepted, or where it is
 * not load that accepts it, when the first byte arrives. It stops when the
 * end of the data arrives; where nobody is there to see it, when the tool
 * has exited. A byte that is missing, a status other than 0 and a limit of
 * 10 s and a second per 50 MB or 50,000 datagrams are failures. A scan is
 * timed from start to exit; more than a minute, a port too many and one too
 * few are failures.
 *
 * A client sends a line of its own and reads to the end. A reply that is not
 * that line, a reset and 5 s in which nobody gets anything are failures. The
 * clock starts after a few clients have been served. "weigh" looks at the
 * tool, not at its children, once all of these are gone: at its memory, which
 * is the value, and its descriptors. More of either than after the first
 * clients is a failure, and so is a child that stays.
 *
 * map: clock and failures, pattern, addresses, tools, ends, limit, modes,
 *      scans, serving, files, options
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_BYTES    (1u << 20)   /* one call of an end */
#define PERIOD_BYTES   (251u << 12) /* the pattern repeats after this */
#define LOW_WATER      (256 << 10)  /* the sink sleeps until it has these */
#define MESSAGE_BYTES  16
#define DATAGRAM_BYTES 64
#define WARM_TRIPS     200
#define TOOLS_MAX      4
#define PORTS	       65536
#define SCAN_SECONDS   60
#define LINE_BYTES     64
#define WARM_CLIENTS   100
#define CLIENTS_MAX    1000 /* at a time */
#define PATIENCE_MS    5000 /* for a reply, and for children to go */
#define GROWTH_KIB     64   /* what may be touched late */

extern char **environ;

struct job {
	const char *address; /* "4", "6" or a path */
	const char *input;   /* the tool's stdin, NULL: a pipe */
	const char *output;  /* the tool's stdout, NULL: a pipe */
	const char *found;   /* a scan's format, NULL: its status is all */
	const char *range;
	int status;
	uint64_t count;
	nfds_t width; /* clients at a time */
	bool check;
	bool late;
	bool one_processor;
	bool zero_copy;
	char **first;  /* the tool's words */
	char **second; /* the connecting tool's, for "through" */
};

struct address {
	struct sockaddr_storage name;
	socklen_t length;
	char host[INET6_ADDRSTRLEN];
	char port[12]; /* a scan's is a range */
	const char *path;
	char ready[12]; /* a descriptor */
};

/* What a forked end tells load; lives in shared memory. */
struct report {
	uint64_t started_ns;
	const char *failed; /* which call, a literal */
	int error;
};

static struct report *report;
static pid_t started[TOOLS_MAX];
static volatile sig_atomic_t started_count;

/* ---- clock and failures ------------------------------------------- */

static uint64_t
clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void
pause_ms(long ms)
{
	struct timespec t = { 0, ms * 1000000 };

	nanosleep(&t, NULL);
}

/* Only what load itself started, and has not waited for, is ended. */
static void
started_kill(void)
{
	for (int i = 0; i < started_count; i++)
		if (started[i] > 0)
			kill(started[i], SIGKILL);
}

static void
started_remember(pid_t pid)
{
	if (started_count == TOOLS_MAX)
		abort();
	started[started_count] = pid;
	started_count++;
}

static void
started_forget(pid_t pid)
{
	for (int i = 0; i < started_count; i++)
		if (started[i] == pid)
			started[i] = 0;
}

static _Noreturn void
fail(const char *format, ...)
{
	va_list args;

	started_kill();
	fputs("failed\t", stdout);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	_exit(1);
}

static void
signal_stop(int signal_number)
{
	static const char late[] = "failed\tnot done in time\n";

	started_kill();
	if (signal_number == SIGALRM &&
		write(STDOUT_FILENO, late, sizeof(late) - 1) < 0)
		_exit(2);
	_exit(1);
}

/* The end that runs in a child of load reports and is gone. */
static _Noreturn void
end_exit(const char *failed)
{
	report->error = errno;
	report->failed = failed;
	_exit(failed != NULL);
}

/* ---- pattern ------------------------------------------------------- */

/*
 * Every 8 bytes differ within a period, which is a prime number of pages,
 * so that any buffer that is lost or repeated shows in the contents. It
 * lies in a memfd for sendfile.
 */
static int pattern_fd;
static unsigned char *pattern;
static unsigned char *scratch;

static void
pattern_make(void)
{
	uint64_t *word;

	pattern_fd = memfd_create("pattern", MFD_CLOEXEC);
	if (pattern_fd < 0 || ftruncate(pattern_fd, PERIOD_BYTES) < 0)
		fail("pattern: %s", strerror(errno));
	word = mmap(NULL, PERIOD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		pattern_fd, 0);
	scratch = malloc(CHUNK_BYTES);
	if (word == MAP_FAILED || scratch == NULL)
		fail("pattern: %s", strerror(errno));
	for (uint64_t i = 0; i < PERIOD_BYTES / sizeof(*word); i++)
		word[i] = (i + 1) * 0x9E3779B97F4A7C15u;
	pattern = (unsigned char *)word;
}

/* Are these bytes the stream's, from the offset on? */
static bool
pattern_matches(const unsigned char *bytes, size_t length, uint64_t offset)
{
	while (length > 0) {
		size_t at = (size_t)(offset % PERIOD_BYTES);
		size_t part = PERIOD_BYTES - at;

		if (part > length)
			part = length;
		if (memcmp(bytes, pattern + at, part) != 0)
			return false;
		bytes += part;
		length -= part;
		offset += part;
	}
	return true;
}

/* ---- addresses ----------------------------------------------------- */

/* Fills in the loopback address asked for, with port 0, or the path. */
static void
address_make(struct address *a, const char *word)
{
	struct in_addr any;

	memset(a, 0, sizeof(*a));
	if (strcmp(word, "4") == 0) {
		struct sockaddr_in *in = (struct sockaddr_in *)&a->name;

		in->sin_family = AF_INET;
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		a->length = sizeof(*in);
		strcpy(a->host, "127.0.0.1");
	} else if (strcmp(word, "6") == 0) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&a->name;

		in6->sin6_family = AF_INET6;
		in6->sin6_addr = in6addr_loopback;
		a->length = sizeof(*in6);
		strcpy(a->host, "::1");
	} else if (inet_pton(AF_INET, word, &any) == 1) {
		struct sockaddr_in *in = (struct sockaddr_in *)&a->name;

		in->sin_family = AF_INET;
		in->sin_addr = any;
		a->length = sizeof(*in);
		inet_ntop(AF_INET, &any, a->host, sizeof(a->host));
	} else {
		struct sockaddr_un *un = (struct sockaddr_un *)&a->name;

		if (strlen(word) >= sizeof(un->sun_path))
			fail("%s: path is too long", word);
		un->sun_family = AF_UNIX;
		strcpy(un->sun_path, word);
		a->length = sizeof(*un);
		a->path = word;
	}
}

/* A socket bound to the address, whose port is then known. */
static int
address_bind(struct address *a, int type)
{
	int fd = socket(a->name.ss_family, type | SOCK_CLOEXEC, 0);

	if (a->path != NULL)
		unlink(a->path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a->name, a->length) < 0 ||
		getsockname(fd, (struct sockaddr *)&a->name, &a->length) < 0)
		fail("bind to %s: %s", a->path ? a->path : a->host,
			strerror(errno));
	if (a->path == NULL)
		snprintf(a->port, sizeof(a->port), "%u",
			ntohs(((struct sockaddr_in *)&a->name)->sin_port));
	return fd;
}

static int
address_listen(struct address *a, const char *word)
{
	int fd;

	address_make(a, word);
	fd = address_bind(a, SOCK_STREAM);
	if (listen(fd, 16) < 0)
		fail("listen on %s: %s", a->host, strerror(errno));
	return fd;
}

/*
 * An address for a tool that listens by itself. Not every tool says which
 * port it was given, so one that was just free is chosen for it.
 */
static void
address_spare(struct address *a, const char *word, int type)
{
	address_make(a, word);
	close(address_bind(a, type));
	if (a->path != NULL)
		unlink(a->path);
}

/* Does the kernel's table of sockets show a listener on this port? */
static bool
table_has_port(const char *table, unsigned int port, bool stream)
{
	char line[512];
	unsigned int seen, state;
	bool found = false;
	FILE *file = fopen(table, "re");

	if (file == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), file) != NULL)
		found = sscanf(line, " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x",
				&seen, &state) == 2 &&
			seen == port && (!stream || state == TCP_LISTEN);
	fclose(file);
	return found;
}

static bool
table_has_path(const char *path)
{
	char line[512];
	bool found = false;
	FILE *file = fopen("/proc/net/unix", "re");

	if (file == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), file) != NULL)
		found = strstr(line, path) != NULL &&
			strstr(line, " 00010000 ") != NULL;
	fclose(file);
	return found;
}

static bool
address_listens(const struct address *a, int type)
{
	unsigned int port = (unsigned int)strtoul(a->port, NULL, 10);
	bool stream = type == SOCK_STREAM;

	if (a->path != NULL)
		return table_has_path(a->path);
	return table_has_port(stream ? "/proc/net/tcp" : "/proc/net/udp", port,
		       stream) ||
		table_has_port(stream ? "/proc/net/tcp6" : "/proc/net/udp6",
			port, stream);
}

/* ---- tools --------------------------------------------------------- */

struct usage {
	double cpu_seconds;
	double peak_mib; /* mixed with load's own, unless from tool_fork */
	int status;
};

/* The word with its @...@ filled in; load ends soon and frees nothing. */
static char *
word_fill(const char *word, const struct address *a)
{
	const char *const names[] = { "@HOST@", "@PORT@", "@PATH@", "@READY@" };
	const char *const values[] = { a->host, a->port,
		a->path != NULL ? a->path : "", a->ready };
	char *filled = strdup(word);

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *at = strstr(filled, names[i]);
		char *next;

		if (at == NULL)
			continue;
		*at = '\0';
		if (asprintf(&next, "%s%s%s", filled, values[i],
			    at + strlen(names[i])) < 0)
			fail("out of memory");
		filled = next;
	}
	return filled;
}

static char **
words_fill(char **words, const struct address *a)
{
	size_t n = 0;
	char **filled;

	while (words[n] != NULL)
		n++;
	filled = calloc(n + 1, sizeof(*filled));
	if (filled == NULL)
		fail("out of memory");
	for (size_t i = 0; i < n; i++)
		filled[i] = word_fill(words[i], a);
	return filled;
}

/* Starts the words with these descriptors as 0 and 1; stderr is ours. */
static pid_t
tool_spawn(char **words, int in, int out)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t defaults;
	pid_t pid;
	int error;

	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	error = posix_spawnp(
		&pid, words[0], &actions, &attributes, words, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	if (error != 0)
		fail("%s: %s", words[0], strerror(error));
	started_remember(pid);
	return pid;
}

/*
 * As tool_spawn, with stderr where stdout is, and so that ru_maxrss is the
 * tool's: a forked child has hardly any memory before it executes, a spawned
 * one has all of load's.
 */
static pid_t
tool_fork(char **words, int in, int out)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork: %s", strerror(errno));
	if (pid > 0) {
		started_remember(pid);
		return pid;
	}
	signal(SIGPIPE, SIG_DFL);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execvp(words[0], words);
	_exit(127);
}

/* As tool_spawn, and the descriptors are the tool's from here on. */
static pid_t
tool_start(char **words, const struct address *a, int in, int out)
{
	pid_t pid = tool_spawn(words_fill(words, a), in, out);

	close(in);
	close(out);
	return pid;
}

static bool
tool_gone(pid_t pid)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) ==
		0 &&
		info.si_pid == pid;
}

static struct usage
tool_wait(pid_t pid)
{
	struct rusage r;
	struct usage u;

	while (wait4(pid, &u.status, 0, &r) < 0)
		if (errno != EINTR)
			fail("wait: %s", strerror(errno));
	started_forget(pid);
	u.cpu_seconds = (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
		(double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
	u.peak_mib = (double)r.ru_maxrss / 1024;
	return u;
}

static void
tool_status_check(int status, int wanted, const char *name)
{
	if (WIFSIGNALED(status))
		fail("%s ended by signal %d", name, WTERMSIG(status));
	if (WEXITSTATUS(status) != wanted)
		fail("%s exit status %d", name, WEXITSTATUS(status));
}

/* The processor time of a tool that must end with status 0. */
static double
tool_finish(pid_t pid, const char *name)
{
	struct usage u = tool_wait(pid);

	tool_status_check(u.status, 0, name);
	return u.cpu_seconds;
}

static void
tool_await_listening(pid_t pid, const struct address *a, int type)
{
	while (!address_listens(a, type)) {
		if (tool_gone(pid))
			fail("ended before it listened");
		pause_ms(1);
	}
}

static int
tool_accept(pid_t pid, int listener)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };
	int fd, on = 1;

	while (poll(&p, 1, 50) <= 0)
		if (tool_gone(pid))
			fail("ended before it connected");
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		fail("accept: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	close(listener);
	return fd;
}

/* The tool's own peak, which getrusage would mix with load's. */
static double
tool_peak_mib(pid_t pid)
{
	char name[64], line[256];
	unsigned long kib = 0;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%ld/status", (long)pid);
	file = fopen(name, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "VmHWM: %lu kB", &kib) == 1)
			break;
	if (file != NULL)
		fclose(file);
	if (kib == 0)
		fail("%s says no VmHWM", name);
	return (double)kib / 1024;
}

static void
pipe_make(int *reader, int *writer)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		fail("pipe: %s", strerror(errno));
	*reader = fds[0];
	*writer = fds[1];
}

static int
file_open(const char *name, int flags)
{
	int fd = open(name, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		fail("%s: %s", name, strerror(errno));
	return fd;
}

/* ---- ends ---------------------------------------------------------- */

/*
 * Sends the pattern; NULL or the name of the end that failed, with errno.
 * A plain write of a buffer that stays in the cache is as fast into a socket
 * as sendfile is.
 */
static const char *
end_feed(int fd, uint64_t bytes, bool zero_copy)
{
	uint64_t done = 0;

	while (done < bytes) {
		off_t at = (off_t)(done % PERIOD_BYTES);
		size_t part = PERIOD_BYTES - (size_t)at;
		ssize_t n;

		if (part > bytes - done)
			part = (size_t)(bytes - done);
		if (zero_copy)
			n = sendfile(fd, pattern_fd, &at, part);
		else
			n = write(fd, pattern + at, part);
		if (n < 0 && errno != EINTR)
			return "the sending end";
		if (n > 0)
			done += (uint64_t)n;
	}
	return NULL;
}

/* One read of the receiving end; a TCP socket's bytes are not copied. */
static ssize_t
end_take(int fd, size_t part, const struct job *job, int null)
{
	ssize_t n;

	if (job->check)
		return read(fd, scratch, part);
	n = recv(fd, scratch, part, MSG_TRUNC);
	if (n < 0 && errno == ENOTSOCK && job->zero_copy)
		n = splice(fd, NULL, null, NULL, part, 0);
	else if (n < 0 && errno == ENOTSOCK)
		n = read(fd, scratch, part);
	return n;
}

/*
 * To wake the sink is the sender's work: at every segment it took a third
 * off what the tools reach.
 */
static void
sink_calm(int fd)
{
	int bytes = LOW_WATER;

	setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
}

/*
 * Takes the given number of bytes, or all until the end of the data. The
 * count comes back; the clock is started by the first byte if it is 0.
 */
static uint64_t
end_drain(int fd, uint64_t bytes, const struct job *job)
{
	static int null = -1;
	uint64_t done = 0;

	if (null < 0)
		null = file_open("/dev/null", O_WRONLY);
	while (done < bytes) {
		size_t part = CHUNK_BYTES;
		ssize_t n;

		if (part > bytes - done)
			part = (size_t)(bytes - done);
		n = end_take(fd, part, job, null);
		if (n == 0)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			fail("the receiving end: %s", strerror(errno));
		if (report->started_ns == 0)
			report->started_ns = clock_ns();
		if (job->check && !pattern_matches(scratch, (size_t)n, done))
			fail("other bytes than were sent");
		done += (uint64_t)n;
	}
	return done;
}

/*
 * Forks an end. In the child it returns 0, with only the one descriptor
 * (and the pattern) left open, so that no end of data is held back.
 */
static pid_t
end_fork(int keep)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork: %s", strerror(errno));
	if (pid > 0) {
		started_remember(pid);
		close(keep);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	started_count = 0;
	for (int fd = STDERR_FILENO + 1; fd < 64; fd++)
		if (fd != keep && fd != pattern_fd)
			close(fd);
	return 0;
}

static void
end_finish(pid_t pid)
{
	struct usage u = tool_wait(pid);

	if (u.status != 0 && report->failed != NULL)
		fail("%s: %s", report->failed, strerror(report->error));
	if (u.status != 0)
		fail("an end of load's own failed");
}

/* A child that writes into the pipe and closes it. */
static pid_t
feeder_fork(int fd, const struct job *job)
{
	pid_t pid = end_fork(fd);

	if (pid == 0)
		end_exit(end_feed(fd, job->count, job->zero_copy));
	return pid;
}

/*
 * A child that sends into the socket, ends the data, and waits for the
 * tool to close. A tool that leaves data unread is seen by its reset.
 */
static pid_t
source_fork(int fd, const struct job *job)
{
	pid_t pid = end_fork(fd);
	const char *failed;
	ssize_t n;

	if (pid != 0)
		return pid;
	failed = end_feed(fd, job->count, false);
	if (failed != NULL)
		end_exit(failed);
	if (shutdown(fd, SHUT_WR) < 0)
		end_exit("shutdown at the sending end");
	while ((n = read(fd, scratch, CHUNK_BYTES)) > 0)
		;
	end_exit(n < 0 ? "waiting for the tool's end" : NULL);
}

/* ---- limit: the kernel's best call, and nothing else --------------- */

static bool
file_is_null(int fd)
{
	struct stat s;

	return fstat(fd, &s) == 0 && S_ISCHR(s.st_mode) &&
		s.st_rdev == makedev(1, 3);
}

static bool
file_is_pipe(int fd)
{
	struct stat s;

	return fstat(fd, &s) == 0 && S_ISFIFO(s.st_mode);
}

static bool
file_is_regular(int fd)
{
	struct stat s;

	return fstat(fd, &s) == 0 && S_ISREG(s.st_mode);
}

static ssize_t
limit_copy(int in, int out, void *buffer, size_t size)
{
	ssize_t n = read(in, buffer, size);

	for (ssize_t done = 0; done < n;) {
		ssize_t m = write(
			out, (char *)buffer + done, (size_t)(n - done));

		if (m < 0)
			return -1;
		done += m;
	}
	return n;
}

/* Moves all; false with errno if a call failed. */
static bool
limit_pump(int in, int out)
{
	static char buffer[256 << 10];
	bool piped = file_is_pipe(in) || file_is_pipe(out);
	bool regular = file_is_regular(in);
	bool null = file_is_null(out);
	ssize_t n;

	/* Fails where the other end is no pipe, and where not allowed. */
	(void)fcntl(in, F_SETPIPE_SZ, CHUNK_BYTES);
	(void)fcntl(out, F_SETPIPE_SZ, CHUNK_BYTES);
	do {
		if (regular)
			n = sendfile(out, in, NULL, INT_MAX & ~4095);
		else if (piped)
			n = splice(in, NULL, out, NULL, CHUNK_BYTES,
				SPLICE_F_MOVE);
		else if (null)
			n = recv(in, buffer, CHUNK_BYTES, MSG_TRUNC);
		else
			n = limit_copy(in, out, buffer, sizeof(buffer));
	} while (n > 0);
	return n == 0;
}

static int
limit_connect(const struct address *a)
{
	int fd = socket(a->name.ss_family, SOCK_STREAM, 0);

	if (fd < 0 ||
		connect(fd, (const struct sockaddr *)&a->name, a->length) < 0)
		fail("connect: %s", strerror(errno));
	return fd;
}

static int
limit_accept(const struct address *a)
{
	int fd, listener = socket(a->name.ss_family, SOCK_STREAM, 0);

	if (listener < 0 ||
		bind(listener, (const struct sockaddr *)&a->name, a->length) <
			0 ||
		listen(listener, 1) < 0)
		fail("listen: %s", strerror(errno));
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		fail("accept: %s", strerror(errno));
	return fd;
}

static int
mode_loopback(void)
{
	struct ifreq r = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &r) < 0)
		fail("lo: %s", strerror(errno));
	r.ifr_flags = (short)(r.ifr_flags | IFF_UP);
	if (ioctl(fd, SIOCSIFFLAGS, &r) < 0)
		fail("lo: %s", strerror(errno));
	return 0;
}

static void
range_parse(const char *range, unsigned int *low, unsigned int *high)
{
	if (range == NULL || sscanf(range, "%5u-%5u", low, high) != 2 ||
		*low < 1 || *low > *high || *high >= PORTS)
		fail("-r wants LOW-HIGH");
}

/* A socket, a connect and a close for each port, one after the other. */
static int
limit_scan(const char *host, const char *range)
{
	struct address a;
	struct sockaddr_in *in = (struct sockaddr_in *)&a.name;
	unsigned int low, high;

	range_parse(range, &low, &high);
	address_make(&a, host);
	for (unsigned int port = low; port <= high; port++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		in->sin_port = htons((uint16_t)port);
		if (connect(fd, (struct sockaddr *)in, a.length) == 0)
			printf("%u\n", port);
		else if (errno != ECONNREFUSED)
			fail("connect: %s", strerror(errno));
		close(fd);
	}
	return 0;
}

/* limit send|receive|listen HOST PORT | PATH; limit scan HOST LOW-HIGH */
static int
mode_limit(int argc, char **argv)
{
	struct address a;
	char last;
	int fd;
	bool moved;

	if (argc == 3 && strcmp(argv[0], "scan") == 0)
		return limit_scan(argv[1], argv[2]);
	if (argc == 2) {
		address_make(&a, argv[1]);
	} else if (argc == 3) {
		address_make(&a, strchr(argv[1], ':') ? "6" : "4");
		((struct sockaddr_in *)&a.name)->sin_port = htons(
			(uint16_t)strtoul(argv[2], NULL, 10));
	} else {
		fail("usage: load limit send|receive|listen HOST PORT");
	}
	fd = strcmp(argv[0], "listen") == 0 ? limit_accept(&a) :
					      limit_connect(&a);
	if (strcmp(argv[0], "send") == 0) {
		moved = limit_pump(STDIN_FILENO, fd);
		shutdown(fd, SHUT_WR);
		while (read(fd, &last, 1) > 0)
			;
	} else {
		moved = limit_pump(fd, STDOUT_FILENO);
	}
	return moved ? 0 : 1;
}

/* ---- modes --------------------------------------------------------- */

static void
print_rate(const struct job *job, uint64_t stopped_ns, double cpu_seconds)
{
	double s = (double)(stopped_ns - report->started_ns) / 1e9;

	printf("ok\t%.4f\t%.4f\t%.3f s\n", (double)job->count / 1e9 / s,
		cpu_seconds, s);
}

static void
count_check(uint64_t seen, uint64_t wanted)
{
	if (seen != wanted)
		fail("%llu of %llu bytes arrived", (unsigned long long)seen,
			(unsigned long long)wanted);
}

/* file or pipe, tool, our sink */
static void
mode_send(const struct job *job)
{
	struct address a;
	int listener = address_listen(&a, job->address);
	int in, out = file_open("/dev/null", O_WRONLY), feed = -1, fd;
	uint64_t stopped, seen;
	pid_t tool, feeder = 0;

	if (job->input != NULL)
		in = file_open(job->input, O_RDONLY);
	else
		pipe_make(&in, &feed);
	tool = tool_start(job->first, &a, in, out);
	if (feed >= 0)
		feeder = feeder_fork(feed, job);
	fd = tool_accept(tool, listener);
	report->started_ns = clock_ns();
	sink_calm(fd);
	seen = end_drain(fd, UINT64_MAX, job);
	stopped = clock_ns();
	close(fd);
	count_check(seen, job->count);
	if (feeder > 0)
		end_finish(feeder);
	print_rate(job, stopped, tool_finish(tool, "tool:"));
}

static void
file_check(int fd, const struct job *job)
{
	struct stat s;

	if (fstat(fd, &s) < 0 || !S_ISREG(s.st_mode))
		return;
	count_check((uint64_t)s.st_size, job->count);
	if (job->check)
		count_check(end_drain(fd, UINT64_MAX, job), job->count);
	if (ftruncate(fd, 0) < 0)
		fail("%s: %s", job->output, strerror(errno));
}

/* our source, tool, file or pipe */
static void
mode_receive(const struct job *job)
{
	struct address a;
	int listener = address_listen(&a, job->address);
	int in, out, idle, drain = -1, fd;
	uint64_t stopped, seen = job->count;
	double cpu_seconds;
	pid_t tool, source;

	pipe_make(&in, &idle);
	if (job->output == NULL) {
		pipe_make(&drain, &out);
	} else {
		out = file_open(job->output, O_WRONLY | O_CREAT | O_TRUNC);
		drain = file_open(job->output, O_RDWR);
	}
	tool = tool_start(job->first, &a, in, out);
	fd = tool_accept(tool, listener);
	report->started_ns = clock_ns();
	source = source_fork(fd, job);
	if (job->output == NULL) {
		seen = end_drain(drain, UINT64_MAX, job);
		stopped = clock_ns();
		cpu_seconds = tool_finish(tool, "tool:");
	} else {
		cpu_seconds = tool_finish(tool, "tool:");
		stopped = clock_ns();
	}
	end_finish(source);
	count_check(seen, job->count);
	if (job->output != NULL)
		file_check(drain, job);
	print_rate(job, stopped, cpu_seconds);
}

/* pipe, connecting tool, listening tool, pipe */
static void
mode_through(const struct job *job)
{
	struct address a;
	int in, out, feed, idle, drain;
	uint64_t stopped, seen;
	double cpu_seconds;
	pid_t listener, sender, feeder;

	address_spare(&a, job->address, SOCK_STREAM);
	pipe_make(&in, &idle);
	pipe_make(&drain, &out);
	listener = tool_start(job->first, &a, in, out);
	tool_await_listening(listener, &a, SOCK_STREAM);
	pipe_make(&in, &feed);
	sender = tool_start(
		job->second, &a, in, file_open("/dev/null", O_WRONLY));
	feeder = feeder_fork(feed, job);
	seen = end_drain(drain, UINT64_MAX, job);
	stopped = clock_ns();
	count_check(seen, job->count);
	end_finish(feeder);
	cpu_seconds = tool_finish(listener, "listener:");
	cpu_seconds += tool_finish(sender, "sender:");
	if (a.path != NULL)
		unlink(a.path);
	print_rate(job, stopped, cpu_seconds);
}

static int
double_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median is the value, mean and minimum are the details. */
static void
print_times(double *times, size_t n)
{
	double sum = 0;

	qsort(times, n, sizeof(*times), double_order);
	for (size_t i = 0; i < n; i++)
		sum += times[i];
	printf("ok\t%.4f\t0\tmean %.4f min %.4f\n", times[n / 2],
		sum / (double)n, times[0]);
}

static double *
times_make(const struct job *job)
{
	double *times = calloc(job->count, sizeof(*times));

	if (job->count == 0 || times == NULL)
		fail("-n wants a number");
	return times;
}

/* The message comes back whole, or the run has failed. */
static void
message_trip(int to, int from)
{
	char message[MESSAGE_BYTES] = "fifteen letters",
	     back[MESSAGE_BYTES] = "";
	size_t done = 0;

	if (write(to, message, sizeof(message)) != sizeof(message))
		fail("write to the tool: %s", strerror(errno));
	while (done < sizeof(back)) {
		ssize_t n = read(from, back + done, sizeof(back) - done);

		if (n <= 0)
			fail("a message did not come back");
		done += (size_t)n;
	}
	if (memcmp(message, back, sizeof(back)) != 0)
		fail("another message came back");
}

static pid_t
echo_fork(int fd)
{
	pid_t pid = end_fork(fd);
	char bytes[4096];
	ssize_t n;

	if (pid != 0)
		return pid;
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		if (write(fd, bytes, (size_t)n) != n)
			end_exit("the echo");
	end_exit(n < 0 ? "the echo" : NULL);
}

/* Both pipes of a tool that goes on until its stdin ends. */
static pid_t
tool_start_piped(
	const struct job *job, const struct address *a, int *to, int *from)
{
	int in, out;

	pipe_make(&in, to);
	pipe_make(from, &out);
	return tool_start(job->first, a, in, out);
}

static void
mode_roundtrip(const struct job *job)
{
	struct address a;
	int listener = address_listen(&a, job->address), to, from;
	double *times = times_make(job);
	pid_t tool = tool_start_piped(job, &a, &to, &from);
	pid_t echo = echo_fork(tool_accept(tool, listener));

	for (int i = 0; i < WARM_TRIPS; i++)
		message_trip(to, from);
	for (uint64_t i = 0; i < job->count; i++) {
		uint64_t before = clock_ns();

		message_trip(to, from);
		times[i] = (double)(clock_ns() - before) / 1e3;
	}
	close(to);
	end_finish(echo);
	tool_finish(tool, "tool:");
	print_times(times, job->count);
}

/* The port is bound and does not listen, so it is refused and stays so. */
static void
mode_start(const struct job *job)
{
	struct address a;
	double *times = times_make(job);
	int in = file_open("/dev/null", O_RDONLY);
	int out = file_open("/dev/null", O_WRONLY);
	char **words;

	address_make(&a, job->address);
	address_bind(&a, SOCK_STREAM);
	words = words_fill(job->first, &a);
	for (uint64_t i = 0; i < job->count; i++) {
		uint64_t before = clock_ns();
		pid_t pid = tool_spawn(words, in, out);
		struct usage u = tool_wait(pid);

		times[i] = (double)(clock_ns() - before) / 1e6;
		started_count = 0;
		if (!WIFEXITED(u.status) || WEXITSTATUS(u.status) == 0)
			fail("a refused connection gave status %d", u.status);
	}
	print_times(times, job->count);
}

/* Bytes up, then down, then a look while it waits for more. */
static void
mode_memory(const struct job *job)
{
	struct address a;
	int listener = address_listen(&a, job->address), to, from, fd;
	pid_t tool = tool_start_piped(job, &a, &to, &from), peer;
	const char *failed;
	double mib;

	fd = tool_accept(tool, listener);
	peer = end_fork(fd);
	if (peer == 0) {
		end_drain(fd, job->count, job);
		failed = end_feed(fd, job->count, false);
		if (failed == NULL && end_drain(fd, UINT64_MAX, job) != 0)
			failed = "more bytes than were sent";
		end_exit(failed);
	}
	failed = end_feed(to, job->count, job->zero_copy);
	if (failed != NULL)
		fail("%s: %s", failed, strerror(errno));
	count_check(end_drain(from, job->count, job), job->count);
	mib = tool_peak_mib(tool);
	close(to);
	end_finish(peer);
	tool_finish(tool, "tool:");
	printf("ok\t%.3f\t0\t-\n", mib);
}

/* Sends as fast as send(2) takes them; the seconds that it took. */
static double
datagrams_send(const struct address *a, uint64_t count)
{
	char bytes[DATAGRAM_BYTES];
	int fd = socket(a->name.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t before;

	memset(bytes, 'd', sizeof(bytes));
	if (fd < 0 ||
		connect(fd, (const struct sockaddr *)&a->name, a->length) < 0)
		fail("connect: %s", strerror(errno));
	before = clock_ns();
	for (uint64_t i = 0; i < count; i++)
		if (send(fd, bytes, sizeof(bytes), 0) < 0 && errno != ENOBUFS)
			fail("datagram %llu: %s", (unsigned long long)i,
				strerror(errno));
	close(fd);
	return (double)(clock_ns() - before) / 1e9;
}

/* The size of the file once it has not grown for a quarter second. */
static uint64_t
file_settled_bytes(int fd)
{
	struct stat s;
	off_t last = -1;
	int quiet = 0;

	while (quiet < 10) {
		if (fstat(fd, &s) < 0)
			fail("fstat: %s", strerror(errno));
		quiet = s.st_size == last ? quiet + 1 : 0;
		last = s.st_size;
		pause_ms(25);
	}
	return (uint64_t)last;
}

/* A listener has no end of data: it is ended by SIGTERM. */
static void
mode_datagrams(const struct job *job)
{
	struct address a;
	int in, hold, out;
	uint64_t bytes, kept;
	struct usage u;
	double s;
	pid_t tool;

	if (job->output == NULL)
		fail("datagrams wants -o FILE");
	address_spare(&a, job->address, SOCK_DGRAM);
	pipe_make(&in, &hold);
	out = file_open(job->output, O_RDWR | O_CREAT | O_TRUNC);
	tool = tool_start(job->first, &a, in, dup(out));
	tool_await_listening(tool, &a, SOCK_DGRAM);
	alarm(10 + (unsigned int)(job->count / 50000));
	s = datagrams_send(&a, job->count);
	bytes = file_settled_bytes(out);
	if (tool_gone(tool))
		fail("ended by itself");
	kill(tool, SIGTERM);
	u = tool_wait(tool);
	close(hold);
	if (ftruncate(out, 0) < 0)
		fail("%s: %s", job->output, strerror(errno));
	kept = bytes / DATAGRAM_BYTES;
	if (kept == 0)
		fail("none was kept");
	printf("ok\t%.3f\t0\tprocessor %.3f s a million, %.0f k/s%s\n",
		100 * (double)kept / (double)job->count,
		u.cpu_seconds * 1e6 / (double)kept,
		(double)job->count / s / 1e3,
		bytes % DATAGRAM_BYTES != 0 ? ", some not whole" : "");
}

/* ---- scans --------------------------------------------------------- */

struct scan {
	struct address at;
	unsigned int low, high;
	char **words;
	int in, out; /* a file that takes what the tool says */
	double seconds;
	struct usage usage;
	unsigned int found;	   /* ports named */
	bool named[PORTS];	   /* by the tool, in the last run */
	bool open[PORTS];	   /* in truth */
	unsigned int told, secret; /* a closed one named, an open one not */
};

static struct scan *
scan_make(const struct job *job)
{
	struct scan *s = calloc(1, sizeof(*s));

	if (s == NULL)
		fail("out of memory");
	range_parse(job->range, &s->low, &s->high);
	address_make(&s->at, job->address);
	snprintf(s->at.port, sizeof(s->at.port), "%u-%u", s->low, s->high);
	s->words = words_fill(job->first, &s->at);
	s->in = file_open("/dev/null", O_RDONLY);
	s->out = memfd_create("said", MFD_CLOEXEC);
	if (s->out < 0)
		fail("memfd_create: %s", strerror(errno));
	alarm(SCAN_SECONDS);
	return s;
}

/* Opens a port for as long as load runs. Nobody accepts: the queue is long. */
static void
scan_open(struct scan *s, unsigned int port)
{
	struct address a = s->at;

	if (s->open[port])
		return;
	((struct sockaddr_in *)&a.name)->sin_port = htons((uint16_t)port);
	if (listen(address_bind(&a, SOCK_STREAM), 4096) < 0)
		fail("listen on port %u: %s", port, strerror(errno));
	s->open[port] = true;
}

static void
scan_open_three(struct scan *s)
{
	scan_open(s, s->low);
	scan_open(s, (s->low + s->high) / 2);
	scan_open(s, s->high);
}

/* Which ports the tool has named, each counted once. */
static void
scan_read(struct scan *s, const char *found)
{
	char line[512], *format;
	unsigned int port;
	int end;
	FILE *said = fdopen(dup(s->out), "r");

	memset(s->named, 0, sizeof(s->named));
	s->found = 0;
	if (said == NULL || asprintf(&format, "%s%%n", found) < 0)
		fail("out of memory");
	rewind(said);
	while (fgets(line, sizeof(line), said) != NULL) {
		end = 0;
		if (sscanf(line, format, &port, &end) < 1 || end == 0 ||
			port >= PORTS || s->named[port])
			continue;
		s->named[port] = true;
		s->found++;
	}
	fclose(said);
	free(format);
}

/* Sets told and secret, each to the last such port or to 0. */
static bool
scan_right(struct scan *s)
{
	s->told = s->secret = 0;
	for (unsigned int port = 1; port < PORTS; port++) {
		if (s->named[port] && !s->open[port])
			s->told = port;
		if (!s->named[port] && s->open[port])
			s->secret = port;
	}
	return s->told == 0 && s->secret == 0;
}

static void
scan_run(struct scan *s, const struct job *job)
{
	uint64_t before;

	if (ftruncate(s->out, 0) < 0 || lseek(s->out, 0, SEEK_SET) < 0)
		fail("memfd: %s", strerror(errno));
	before = clock_ns();
	s->usage = tool_wait(tool_fork(s->words, s->in, s->out));
	s->seconds = (double)(clock_ns() - before) / 1e9;
	started_count = 0;
	tool_status_check(s->usage.status, job->status, "tool:");
	if (job->found != NULL)
		scan_read(s, job->found);
}

static void
scan_print(const struct scan *s)
{
	printf("ok\t%.4f\t%.4f\tpeak %.3f MiB\n", s->seconds,
		s->usage.cpu_seconds, s->usage.peak_mib);
}

static void
mode_scan(const struct job *job)
{
	struct scan *s = scan_make(job);

	scan_open_three(s);
	scan_run(s, job);
	if (job->found != NULL && !scan_right(s)) {
		if (s->told > 0)
			fail("port %u is closed and was named", s->told);
		fail("port %u is open and was not named", s->secret);
	}
	scan_print(s);
}

/*
 * A connection from a port to the same port of the same address meets itself
 * and is made, though nobody listens there.
 */
static void
mode_scanself(const struct job *job)
{
	struct scan *s = scan_make(job);
	unsigned int right = 0, last = 0;
	double seconds = 0;

	if (job->found == NULL || job->count == 0)
		fail("scanself wants -f and -n");
	scan_open_three(s);
	for (uint64_t i = 0; i < job->count; i++) {
		scan_run(s, job);
		seconds += s->seconds;
		if (scan_right(s))
			right++;
		else if (s->secret > 0)
			fail("port %u is open and was not named", s->secret);
		else
			last = s->told;
	}
	printf("ok\t%.3f\t0\tmean %.4f s, last wrong port %u\n",
		100 * (double)right / (double)job->count,
		seconds / (double)job->count, last);
}

/* A tool that only says how many ports did not answer has named that one. */
static void
mode_silent(const struct job *job)
{
	struct scan *s = scan_make(job);
	unsigned int count = s->high - s->low + 1;

	if (job->found == NULL)
		fail("silent wants -f");
	scan_run(s, job);
	if (s->found != count && !(s->found == 1 && s->named[count]))
		fail("%u of %u silent ports were named", s->found, count);
	scan_print(s);
}

/* ---- serving ------------------------------------------------------- */

struct client {
	char line[LINE_BYTES];
	char back[LINE_BYTES + 1]; /* room to see that there is too much */
	size_t got;
};

struct crowd {
	struct address at;
	bool late;
	nfds_t width;
	struct client clients[CLIENTS_MAX];
	struct pollfd polls[CLIENTS_MAX];
	uint64_t begun, ended, lost;
	char why[80]; /* the first was lost */
	pid_t tool;
};

/* The program that is run for each client; nothing is set up for it. */
static int
mode_echo(void)
{
	char bytes[4096];
	ssize_t n;

	while ((n = read(STDIN_FILENO, bytes, sizeof(bytes))) > 0)
		if (write(STDOUT_FILENO, bytes, (size_t)n) != n)
			return 1;
	return n < 0;
}

/* Ends a client; why is NULL if it got what it was to get. */
static void
client_end(struct crowd *c, nfds_t i, const char *why)
{
	close(c->polls[i].fd);
	c->polls[i].fd = -1;
	c->ended++;
	if (why == NULL)
		return;
	if (c->lost++ == 0)
		snprintf(c->why, sizeof(c->why), "%s", why);
}

/* Connects; false if nobody listens, and nobody need to yet. */
static bool
client_connect(struct crowd *c, nfds_t i, bool first)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fail("socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&c->at.name, c->at.length) == 0) {
		c->polls[i].fd = fd;
		return true;
	}
	if (!first || errno != ECONNREFUSED)
		fail("connect: %s", strerror(errno));
	close(fd);
	return false;
}

static void
client_speak(struct crowd *c, nfds_t i)
{
	struct client *client = &c->clients[i];
	int fd = c->polls[i].fd;

	memset(client->line, '.', LINE_BYTES);
	client->line[snprintf(client->line, LINE_BYTES, "client %llu ",
		(unsigned long long)c->begun)] = '.';
	client->line[LINE_BYTES - 1] = '\n';
	client->got = 0;
	c->begun++;
	if (send(fd, client->line, LINE_BYTES, 0) != LINE_BYTES ||
		(!c->late && shutdown(fd, SHUT_WR) < 0))
		client_end(c, i, strerror(errno));
}

static void
client_hear(struct crowd *c, nfds_t i)
{
	struct client *client = &c->clients[i];
	int fd = c->polls[i].fd;
	char why[80];
	ssize_t n = recv(fd, client->back + client->got,
		sizeof(client->back) - client->got, 0);

	if (n < 0) {
		client_end(c, i, strerror(errno));
	} else if (n > 0) {
		client->got += (size_t)n;
		if (c->late && client->got == LINE_BYTES)
			shutdown(fd, SHUT_WR);
	} else if (client->got == LINE_BYTES &&
		memcmp(client->line, client->back, LINE_BYTES) == 0) {
		client_end(c, i, NULL);
	} else {
		snprintf(why, sizeof(why), "%zu of %u bytes, then the end",
			client->got, LINE_BYTES);
		client_end(c, i, why);
	}
}

/* Has this many clients come and go, as many at a time as there are to be. */
static void
crowd_come(struct crowd *c, uint64_t count)
{
	uint64_t until = c->begun + count;

	while (c->ended < until) {
		for (nfds_t i = 0; i < c->width && c->begun < until; i++)
			if (c->polls[i].fd < 0) {
				client_connect(c, i, false);
				client_speak(c, i);
			}
		if (poll(c->polls, c->width, PATIENCE_MS) <= 0)
			fail("a client got no end of data, %llu others were "
			     "served",
				(unsigned long long)(c->ended - c->lost));
		for (nfds_t i = 0; i < c->width; i++)
			if (c->polls[i].fd >= 0 && c->polls[i].revents != 0)
				client_hear(c, i);
	}
}

static void
crowd_check(const struct crowd *c)
{
	if (c->lost > 0)
		fail("%llu of %llu replies lost: %s",
			(unsigned long long)c->lost,
			(unsigned long long)c->ended, c->why);
	if (tool_gone(c->tool))
		fail("ended by itself");
}

/* Waits for the line that says that the tool listens. */
static void
crowd_await(int ready)
{
	struct pollfd p = { .fd = ready, .events = POLLIN };
	char byte = '\0';

	while (byte != '\n')
		if (poll(&p, 1, PATIENCE_MS) <= 0 || read(ready, &byte, 1) != 1)
			fail("did not say that it listens");
	close(ready);
}

/* Starts the tool, and has the first clients served. */
static struct crowd *
crowd_make(const struct job *job)
{
	struct crowd *c = calloc(1, sizeof(*c));
	int in = file_open("/dev/null", O_RDONLY);
	int out = file_open("/dev/null", O_WRONLY);
	int fds[2];
	bool says = false;

	if (c == NULL || pipe(fds) < 0 || fcntl(fds[0], F_SETFD, FD_CLOEXEC))
		fail("crowd: %s", strerror(errno));
	alarm(30 + (unsigned int)(job->count / 100));
	address_spare(&c->at, job->address, SOCK_STREAM);
	c->late = job->late;
	c->width = job->width;
	for (nfds_t i = 0; i < CLIENTS_MAX; i++)
		c->polls[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	for (char **word = job->first; *word != NULL; word++)
		says |= strcmp(*word, "@READY@") == 0;
	snprintf(c->at.ready, sizeof(c->at.ready), "%d", fds[1]);
	if (!says)
		fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	c->tool = tool_start(job->first, &c->at, in, out);
	close(fds[1]);
	if (says)
		crowd_await(fds[0]);
	while (!client_connect(c, 0, !says)) {
		if (tool_gone(c->tool))
			fail("ended before it listened");
		pause_ms(1);
	}
	client_speak(c, 0);
	crowd_come(c, WARM_CLIENTS);
	return c;
}

/* How many processes have this one for parent, the dead included. */
static unsigned int
children_count(pid_t parent)
{
	unsigned int count = 0;
	struct dirent *entry;
	DIR *dir = opendir("/proc");

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char name[sizeof(entry->d_name) + 16];
		FILE *file;
		long of;

		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		snprintf(name, sizeof(name), "/proc/%s/stat", entry->d_name);
		file = fopen(name, "re");
		if (file == NULL)
			continue;
		if (fscanf(file, "%*d (%*[^)]) %*c %ld", &of) == 1 &&
			of == (long)parent)
			count++;
		fclose(file);
	}
	if (dir != NULL)
		closedir(dir);
	return count;
}

/* Once the last client has its reply, the last child is still to end. */
static void
children_await(pid_t parent)
{
	uint64_t until = clock_ns() + PATIENCE_MS * 1000000ull;
	unsigned int left;

	while ((left = children_count(parent)) > 0) {
		if (clock_ns() > until)
			fail("%u children are left, with no client", left);
		pause_ms(5);
	}
}

static unsigned int
descriptors_count(pid_t pid)
{
	char name[64];
	unsigned int count = 0;
	DIR *dir;

	snprintf(name, sizeof(name), "/proc/%ld/fd", (long)pid);
	dir = opendir(name);
	if (dir == NULL)
		fail("%s: %s", name, strerror(errno));
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count - 2;
}

/* Resident memory to the page, which the kernel's own counter is not. */
static unsigned long
resident_kib(pid_t pid)
{
	char name[64], line[256];
	unsigned long kib = 0;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%ld/smaps_rollup", (long)pid);
	file = fopen(name, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "Rss: %lu kB", &kib) == 1)
			break;
	if (file != NULL)
		fclose(file);
	if (kib == 0)
		fail("%s says no Rss", name);
	return kib;
}

static void
mode_serve(const struct job *job)
{
	struct crowd *c = crowd_make(job);
	uint64_t before = clock_ns();
	struct usage u;
	double s;

	crowd_come(c, job->count);
	s = (double)(clock_ns() - before) / 1e9;
	crowd_check(c);
	children_await(c->tool);
	kill(c->tool, SIGTERM);
	u = tool_wait(c->tool);
	printf("ok\t%.1f\t0\tprocessor %.1f us, %.3f s\n",
		(double)job->count / s, u.cpu_seconds * 1e6 / (double)c->ended,
		s);
}

static void
mode_weigh(const struct job *job)
{
	struct crowd *c = crowd_make(job);
	unsigned int before, after;
	unsigned long first, last;

	children_await(c->tool);
	before = descriptors_count(c->tool);
	first = resident_kib(c->tool);
	crowd_come(c, job->count);
	crowd_check(c);
	children_await(c->tool);
	after = descriptors_count(c->tool);
	last = resident_kib(c->tool);
	if (after > before)
		fail("%u descriptors became %u", before, after);
	if (last > first + GROWTH_KIB)
		fail("%lu KiB of memory became %lu", first, last);
	kill(c->tool, SIGTERM);
	tool_wait(c->tool);
	printf("ok\t%.3f\t0\tat first %.3f, descriptors %u\n",
		(double)last / 1024, (double)first / 1024, after);
}

/* ---- files --------------------------------------------------------- */

/* A file that holds what the ends would send. */
static void
mode_make(const struct job *job)
{
	int fd = file_open(job->first[0], O_WRONLY | O_CREAT | O_TRUNC);
	const char *failed = end_feed(fd, job->count, true);

	if (failed != NULL || close(fd) < 0)
		fail("%s: %s", job->first[0], strerror(errno));
}

/* ---- options ------------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(const struct job *);
} modes[] = {
	{ "send", mode_send },
	{ "receive", mode_receive },
	{ "through", mode_through },
	{ "roundtrip", mode_roundtrip },
	{ "start", mode_start },
	{ "memory", mode_memory },
	{ "datagrams", mode_datagrams },
	{ "scan", mode_scan },
	{ "scanself", mode_scanself },
	{ "silent", mode_silent },
	{ "serve", mode_serve },
	{ "weigh", mode_weigh },
	{ "make", mode_make },
};

static void
job_parse(struct job *job, int argc, char **argv)
{
	int option;

	*job = (struct job){ .address = "4", .width = 8 };
	while ((option = getopt(argc, argv, "+a:cf:i:ln:o:pr:s:w:z")) != -1) {
		switch (option) {
		case 'a':
			job->address = optarg;
			break;
		case 'c':
			job->check = true;
			break;
		case 'f':
			job->found = optarg;
			break;
		case 'i':
			job->input = optarg;
			break;
		case 'l':
			job->late = true;
			break;
		case 'n':
			job->count = strtoull(optarg, NULL, 10);
			break;
		case 'o':
			job->output = optarg;
			break;
		case 'p':
			job->one_processor = true;
			break;
		case 'r':
			job->range = optarg;
			break;
		case 's':
			job->status = atoi(optarg);
			break;
		case 'w':
			job->width = strtoul(optarg, NULL, 10);
			break;
		case 'z':
			job->zero_copy = true;
			break;
		default:
			fail("usage: see the top of load.c");
		}
	}
	job->first = argv + optind;
	for (int i = optind; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0) {
			argv[i] = NULL;
			job->second = argv + i + 1;
			break;
		}
	}
	if (job->first[0] == NULL)
		fail("no tool named");
	if (job->width < 1 || job->width > CLIENTS_MAX)
		fail("-w wants a number up to %u", CLIENTS_MAX);
}

/* This process, and what it starts, stays on the processor it runs on. */
static void
processor_keep(void)
{
	cpu_set_t one;
	int here = sched_getcpu();

	CPU_ZERO(&one);
	CPU_SET((size_t)here, &one);
	if (here < 0 || sched_setaffinity(0, sizeof(one), &one) < 0)
		fail("one processor: %s", strerror(errno));
}

static void
signals_set(void)
{
	struct sigaction stop = { .sa_handler = signal_stop };

	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGALRM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, &stop, NULL);
}

int
main(int argc, char **argv)
{
	struct job job;

	if (argc > 2 && strcmp(argv[1], "limit") == 0)
		return mode_limit(argc - 2, argv + 2);
	if (argc == 2 && strcmp(argv[1], "echo") == 0)
		return mode_echo();
	if (argc == 2 && strcmp(argv[1], "loopback") == 0)
		return mode_loopback();
	if (argc < 2)
		fail("usage: see the top of load.c");
	job_parse(&job, argc - 1, argv + 1);
	signals_set();
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (report == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	pattern_make();
	if (job.one_processor)
		processor_keep();
	alarm(10 + (unsigned int)(job.count / 50000000));
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		if (strcmp(argv[1], modes[i].name) == 0) {
			modes[i].run(&job);
			return 0;
		}
	}
	fail("no mode %s", argv[1]);
}
