/*
 * pty - a terminal for the tests
 *
 *	pty FILE [COLUMNS]
 *
 * makes one, so wide (80), writes its name to the file, and is its user from
 * then on: what it shows goes to standard output, as it came, and what comes
 * on standard input is typed.  It ends with 0 once those who had the terminal
 * open have all closed it.
 *
 * It is nobody's controlling terminal, and so stops and signals nobody.  What
 * Ctrl-S (octal 23) and Ctrl-Q (21) do, it does: it takes no more, and again.
 */

#define _GNU_SOURCE /* posix_openpt and TIOCSWINSZ */

#include <sys/ioctl.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define ROWS	24
#define COLUMNS 80

static _Noreturn void
fail(const char *operation)
{
	fprintf(stderr, "pty: %s: %s\n", operation, strerror(errno));
	exit(1);
}

/* The side of it on which the user sits. */
static int
terminal_make(unsigned short columns)
{
	const struct winsize size = { .ws_row = ROWS, .ws_col = columns };
	const int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || grantpt(fd) < 0 || unlockpt(fd) < 0)
		fail("open a terminal");
	if (ioctl(fd, TIOCSWINSZ, &size) < 0)
		fail("set its size");
	return fd;
}

static void
terminal_announce(int terminal, const char *file)
{
	FILE *stream = fopen(file, "w");

	if (stream == NULL)
		fail(file);
	if (fprintf(stream, "%s\n", ptsname(terminal)) < 0 ||
		fclose(stream) != 0)
		fail(file);
}

/* Moves what there is.  Returns false at the end, EIO on a terminal. */
static bool
copy(int from, int to)
{
	char bytes[4096];
	const ssize_t count = read(from, bytes, sizeof bytes);
	ssize_t done, written;

	if (count < 0 && errno == EINTR)
		return true;
	if (count < 0 && errno != EIO)
		fail("read");
	for (done = 0; done < count; done += written) {
		written = write(to, bytes + done, (size_t)(count - done));
		if (written < 0)
			fail("write");
	}
	return count > 0;
}

int
main(int argc, char **argv)
{
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };

	if (argc < 2 || argc > 3) {
		fputs("usage: pty FILE [COLUMNS]\n", stderr);
		return 2;
	}
	fds[0].fd = terminal_make(
		(unsigned short)(argc == 3 ? atoi(argv[2]) : COLUMNS));
	fds[1].fd = STDIN_FILENO;
	terminal_announce(fds[0].fd, argv[1]);
	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			fail("poll");
		if (fds[0].revents != 0 && !copy(fds[0].fd, STDOUT_FILENO))
			return 0;
		if (fds[1].revents != 0 && !copy(STDIN_FILENO, fds[0].fd))
			fds[1].fd = -1;
	}
}
