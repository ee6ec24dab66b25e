/*
 * A network that says what standard input does, for fuzzing the whole program:
 * linked into it this takes the place of libc's calls.
 *
 * A socket is one of a pair, so that the kernel's poll, shutdown and so on work
 * on it.  Into the other one goes all of the input but its first byte, which is
 * how many bytes are received or sent at once, and then the end.  The program
 * reads the same from its standard input if that is a file.
 */
#define _DEFAULT_SOURCE /* and so the types of POSIX, without the GNU union */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define INPUT_MAX 8192

static size_t at_once = INPUT_MAX;
static int other_end; /* of the latest pair */

/* A socket to which has been said all that there is to say. */
static int
socket_fed(int type)
{
	static unsigned char input[INPUT_MAX];
	static ssize_t length = -1;
	int pair[2];

	if (length < 0) {
		length = read(STDIN_FILENO, input, sizeof input);
		(void)lseek(STDIN_FILENO, 0, SEEK_SET);
		if (length > 0)
			at_once = input[0] + 1U;
	}
	if (socketpair(AF_UNIX, type, 0, pair) < 0)
		return -1;
	other_end = pair[1];
	if (length > 1 &&
		write(pair[1], input + 1, (size_t)length - 1) != length - 1)
		abort();
	shutdown(pair[1], SHUT_WR);
	return pair[0];
}

int
socket(int domain, int type, int protocol)
{
	(void)domain;
	(void)protocol;
	return socket_fed(type);
}

int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);

int
accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
	if (getpeername(fd, address, length) < 0)
		return -1;
	return socket_fed(SOCK_STREAM | flags);
}

int
connect(int fd, const struct sockaddr *address, socklen_t length)
{
	(void)fd;
	(void)address;
	(void)length;
	return 0;
}

int
bind(int fd, const struct sockaddr *address, socklen_t length)
{
	return connect(fd, address, length);
}

int
listen(int fd, int backlog)
{
	(void)fd;
	(void)backlog;
	return 0;
}

int
setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
	(void)fd;
	(void)level;
	(void)name;
	(void)value;
	(void)length;
	return 0;
}

/* Both ends are here. */
static int
address_give(in_port_t port, struct sockaddr *address, socklen_t *length)
{
	const struct sockaddr_in end = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };

	memcpy(address, &end, *length < sizeof end ? *length : sizeof end);
	*length = sizeof end;
	return 0;
}

int
getsockname(int fd, struct sockaddr *address, socklen_t *length)
{
	(void)fd;
	return address_give(40000, address, length);
}

int
getpeername(int fd, struct sockaddr *address, socklen_t *length)
{
	(void)fd;
	return address_give(80, address, length);
}

/* All of what was sent has arrived. */
int
ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;
	void *argument;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	if (request == TIOCOUTQ) {
		*(int *)argument = 0;
		return 0;
	}
	return (int)syscall(SYS_ioctl, fd, request, argument);
}

/* The first bytes of a message. */
static struct msghdr
message_part(const struct msghdr *message, struct iovec *part)
{
	struct msghdr first = *message;

	*part = first.msg_iov[0];
	if (part->iov_len == 0 && first.msg_iovlen > 1)
		*part = first.msg_iov[1];
	if (part->iov_len > at_once)
		part->iov_len = at_once;
	first.msg_iov = part;
	first.msg_iovlen = 1;
	return first;
}

ssize_t
recvmsg(int fd, struct msghdr *message, int flags)
{
	struct iovec part;
	struct msghdr first = message_part(message, &part);

	return syscall(SYS_recvmsg, fd, &first, flags);
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct iovec part;
	const struct msghdr first = message_part(message, &part);
	const ssize_t sent = syscall(SYS_sendmsg, fd, &first, flags);
	char unread[INPUT_MAX];

	/* Many single bytes are too much for the kernel to keep. */
	while (sent > 0 &&
		syscall(SYS_recvfrom, other_end, unread, sizeof unread,
			MSG_DONTWAIT, NULL, NULL) > 0)
		;
	return sent;
}

ssize_t
recv(int fd, void *bytes, size_t length, int flags)
{
	if (length > at_once)
		length = at_once;
	return syscall(SYS_recvfrom, fd, bytes, length, flags, NULL, NULL);
}
