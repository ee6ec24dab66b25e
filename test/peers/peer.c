/*
 * peer - the other side of a connection, played from a script
 *
 *	peer listen:127.0.0.1:0 accept send:'hello\n' expect:'bye\n' expect-eof
 *
 * Each argument is one step, NAME or NAME:ARGUMENT, run in order; the table
 * near the end has them all, and without arguments it is printed.  The exit
 * status is 0 when every step was met.  The first one that was not ends the
 * script with status 1 and a line on stderr that says what came instead.
 *
 * A datagram socket takes the same steps: what a step sends is one datagram,
 * what a step expects is one datagram, whole.  So does a Unix socket of type
 * seqpacket, where an empty one is the end.
 *
 * No wait is without a bound, and none waits for time to pass.
 *
 * The step exec is the last: what follows it is a command, which takes the
 * peer's place and has its connection, or else its listener, as descriptor 3.
 * It is told so as systemd tells its services.
 */

#define _DEFAULT_SOURCE /* POSIX, and multicast groups */

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_SIZE 131072 /* more than any datagram of UDP */
#define MESSAGE_MAX 524288 /* more than Linux lets a Unix datagram be */
#define SHOWN_MAX   64	   /* bytes of what came that a message quotes */
#define TIMEOUT_MS  10000  /* of a wait, unless the script says otherwise */
#define RETRY_MS    2	   /* between looks at what has no event */
#define BACKLOG	    16
#define PASSED	    3	 /* SD_LISTEN_FDS_START */
#define NONE	    (-1) /* no descriptor */

struct address {
	int type; /* SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET */
	struct sockaddr_storage storage;
	socklen_t length;
};

struct peer {
	int number;	      /* of the step that runs, from 1 */
	const char *step;     /* its text */
	char **rest;	      /* what follows it */
	int timeout_ms;	      /* a wait may be this long without progress */
	int receive_buffer;   /* of the next socket; 0: the system's choice */
	int backlog;	      /* of the next listener */
	const char *announce; /* file for its address; NULL: stdout */
	const char *source;   /* address to connect from; NULL: any */
	const char *group_on; /* interface to join a group on; NULL: none */
	int listener, connection;
	int type;	     /* of the connection, before it of the listener */
	struct address peer; /* of the connection, as it was at first */
	struct address target; /* of datagrams; length 0: it is connected */
	struct address sender; /* of what was received last */
	bool queue_stuck;      /* it can no longer be sent */
	uint64_t queued;   /* bytes of the pattern that are still to be sent */
	uint64_t sent;	   /* of the pattern, on this connection */
	uint64_t received; /* likewise */
};

/* ---- what is said about a step ------------------------------------------ */

static _Noreturn void
fail(const struct peer *p, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "peer: step %d '%s': ", p->number, p->step);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

static _Noreturn void
fail_errno(const struct peer *p, const char *operation)
{
	fail(p, "%s: %s", operation, strerror(errno));
}

/* Bytes as a script would write them, cut where they grow too long. */
static const char *
shown(const char *bytes, size_t length)
{
	static char text[SHOWN_MAX * 4 + 4];
	char *end = text;
	size_t i;

	for (i = 0; i < length && i < SHOWN_MAX; i++) {
		const unsigned char c = (unsigned char)bytes[i];

		if (c == '\n')
			end += sprintf(end, "\\n");
		else if (c < ' ' || c > '~' || c == '\\')
			end += sprintf(end, "\\x%02x", c);
		else
			*end++ = (char)c;
	}
	strcpy(end, length > SHOWN_MAX ? "..." : "");
	return text;
}

/* What recv said when it brought no bytes. */
static const char *
shown_end(ssize_t received)
{
	if (received == 0)
		return "the end";
	return errno == ETIMEDOUT ? "nothing more" : strerror(errno);
}

/* ---- arguments ---------------------------------------------------------- */

static uint64_t
number_parse(const struct peer *p, const char *text, uint64_t max)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || n > max)
		fail(p, "'%s' is not a number from 0 to %" PRIu64, text, max);
	return n;
}

/* The byte that follows a backslash; moves *text past its letters. */
static char
escape_parse(const struct peer *p, const char **text)
{
	static const char letters[] = "nrt0\\", bytes[] = "\n\r\t\0\\";
	const char letter = *(*text)++;
	const char *known = letter == '\0' ? NULL : strchr(letters, letter);
	unsigned int byte;
	int length = 0;

	if (known != NULL)
		return bytes[known - letters];
	if (letter != 'x' || sscanf(*text, "%2x%n", &byte, &length) != 1 ||
		length != 2)
		fail(p, "only \\n \\r \\t \\0 \\\\ and \\xHH are known");
	*text += length;
	return (char)byte;
}

/* The bytes that a text with escapes stands for.  Returns how many. */
static size_t
text_parse(const struct peer *p, const char *text, char bytes[BUFFER_SIZE])
{
	size_t length = 0;

	while (*text != '\0' && length < BUFFER_SIZE) {
		char c = *text++;

		if (c == '\\')
			c = escape_parse(p, &text);
		bytes[length++] = c;
	}
	return length;
}

/* ---- the pattern -------------------------------------------------------- */

/*
 * Byte i of the pattern.  The multiplier is odd, so that no distance short of
 * 4 GiB maps the pattern onto itself: a block lost, doubled or displaced is
 * seen, whatever its size.
 */
static char
pattern_byte(uint64_t i)
{
	return (char)((uint32_t)i * 2654435761U >> 24);
}

static void
pattern_fill(char *bytes, size_t length, uint64_t start)
{
	size_t i;

	for (i = 0; i < length; i++)
		bytes[i] = pattern_byte(start + i);
}

/* How many bytes agree with the pattern. */
static size_t
pattern_match(const char *bytes, size_t length, uint64_t start)
{
	size_t i;

	for (i = 0; i < length; i++) {
		if (bytes[i] != pattern_byte(start + i))
			break;
	}
	return i;
}

/* ---- addresses ---------------------------------------------------------- */

static void
address_parse_unix(const struct peer *p, const char *path, struct address *a)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&a->storage;
	const size_t length = strlen(path);

	if (length == 0 || length >= sizeof un->sun_path)
		fail(p, "'%s' does not fit into a socket's address", path);
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, length + 1);
	a->length = sizeof *un;
	if (*path == '@') { /* an abstract name is as long as its address */
		un->sun_path[0] = '\0';
		a->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
			length);
	}
}

/* HOST:PORT, both as numbers; the brackets of an IPv6 address may be left. */
static void
address_parse_inet(const struct peer *p, const char *text, struct address *a)
{
	const struct addrinfo hints = { .ai_socktype = a->type,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	const char *colon = strrchr(text, ':');
	struct addrinfo *found;
	char host[128];
	size_t length;
	int error;

	if (colon == NULL)
		fail(p, "an address is HOST:PORT");
	length = (size_t)(colon - text);
	if (*text == '[' && length > 1 && colon[-1] == ']') {
		text++;
		length -= 2;
	}
	snprintf(host, sizeof host, "%.*s", (int)length, text);
	error = getaddrinfo(host, colon + 1, &hints, &found);
	if (error != 0)
		fail(p, "%s: %s", host, gai_strerror(error));
	memcpy(&a->storage, found->ai_addr, found->ai_addrlen);
	a->length = found->ai_addrlen;
	freeaddrinfo(found);
}

/* [udp:]HOST:PORT or unix...:PATH; a path of @NAME is abstract */
static void
address_parse(const struct peer *p, const char *text, struct address *a)
{
	static const struct {
		const char *prefix;
		int type;
		void (*parse)(
			const struct peer *, const char *, struct address *);
	} forms[] = {
		{ "unix:", SOCK_STREAM, address_parse_unix },
		{ "unix-dgram:", SOCK_DGRAM, address_parse_unix },
		{ "unix-seqpacket:", SOCK_SEQPACKET, address_parse_unix },
		{ "udp:", SOCK_DGRAM, address_parse_inet },
		{ "", SOCK_STREAM, address_parse_inet },
	};
	size_t i = 0;

	while (strncmp(text, forms[i].prefix, strlen(forms[i].prefix)) != 0)
		i++;
	memset(a, 0, sizeof *a);
	a->type = forms[i].type;
	forms[i].parse(p, text + strlen(forms[i].prefix), a);
}

/* ADDRESS PORT, or PATH, on a line of its own. */
static void
address_print(const struct peer *p, const struct address *a, FILE *file)
{
	const struct sockaddr *address = (const struct sockaddr *)&a->storage;
	const struct sockaddr_un *un = (const struct sockaddr_un *)&a->storage;
	char host[128], port[8];
	int error;

	if (address->sa_family == AF_UNIX) {
		/* An abstract name ends with the address, not with a zero. */
		const size_t header = offsetof(struct sockaddr_un, sun_path);
		const size_t length = a->length > header ? a->length - header :
							   1;

		fprintf(file, "%c%.*s\n",
			un->sun_path[0] ? un->sun_path[0] : '@',
			(int)length - 1, un->sun_path + 1);
		return;
	}
	error = getnameinfo(address, a->length, host, sizeof host, port,
		sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
	if (error != 0)
		fail(p, "getnameinfo: %s", gai_strerror(error));
	fprintf(file, "%s %s\n", host, port);
}

/* ---- the connection ----------------------------------------------------- */

/*
 * Waits until a descriptor is ready, or broken: what is done with it next
 * tells which.  False when nothing has happened for as long as a wait may be.
 */
static bool
wait_ready(const struct peer *p, int fd, short events, short *happened)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	if (poll(&pfd, 1, p->timeout_ms) < 0)
		fail_errno(p, "poll");
	*happened = pfd.revents;
	if (pfd.revents == 0)
		errno = ETIMEDOUT;
	return pfd.revents != 0;
}

static void
connection_set(struct peer *p, int fd, int type)
{
	p->connection = fd;
	p->type = type;
	p->target.length = 0;
	p->queued = p->sent = p->received = 0;
	p->queue_stuck = false;
}

static void
connection_close(struct peer *p)
{
	close(p->connection);
	p->connection = NONE;
}

/* Sends once what is taken at once.  Returns how much, or -1. */
static ssize_t
connection_send(const struct peer *p, const char *bytes, size_t length)
{
	const struct sockaddr *target =
		(const struct sockaddr *)&p->target.storage;
	const ssize_t n = p->target.length == 0 ?
		send(p->connection, bytes, length, 0) :
		sendto(p->connection, bytes, length, 0, target,
			p->target.length);

	return n < 0 && errno == EAGAIN ? 0 : n;
}

/* As much of the queue as is taken at once.  False when nothing ever will be.
 */
static bool
queue_send(struct peer *p)
{
	static char bytes[BUFFER_SIZE];
	const size_t length = p->queued < sizeof bytes ? (size_t)p->queued :
							 sizeof bytes;
	ssize_t n;

	pattern_fill(bytes, length, p->sent);
	n = connection_send(p, bytes, length);
	if (n < 0)
		return false;
	p->sent += (size_t)n;
	p->queued -= (size_t)n;
	return true;
}

static void
queue_flush(struct peer *p)
{
	short happened;

	while (p->queued > 0) {
		if (!wait_ready(p, p->connection, POLLOUT, &happened))
			fail(p, "%" PRIu64 " bytes are not taken", p->queued);
		if (!queue_send(p))
			fail_errno(p, "send");
	}
}

/* Sends all: one datagram, or the bytes of a stream. */
static void
send_bytes(struct peer *p, const char *bytes, size_t length)
{
	size_t sent = 0;
	ssize_t n;
	short happened;

	queue_flush(p);
	do {
		if (!wait_ready(p, p->connection, POLLOUT, &happened))
			fail(p, "%zu bytes are not taken", length - sent);
		n = connection_send(p, bytes + sent, length - sent);
		if (n < 0)
			fail_errno(p, "send");
		sent += (size_t)n;
	} while (sent < length);
}

/*
 * Reads once.  Returns what recv(2) returns, and -1 with ETIMEDOUT after a
 * wait in which nothing came.  What is queued goes out meanwhile, so that a
 * script can be busy in both directions; if it cannot, reading tells why.
 */
static ssize_t
receive(struct peer *p, char *bytes, size_t size)
{
	short events, happened;

	do {
		events = POLLIN;
		if (p->queued > 0 && !p->queue_stuck)
			events |= POLLOUT;
		if (!wait_ready(p, p->connection, events, &happened))
			return -1;
		if ((happened & POLLOUT) != 0)
			p->queue_stuck = !queue_send(p);
	} while (happened == POLLOUT);
	p->sender.length = sizeof p->sender.storage;
	return recvfrom(p->connection, bytes, size, 0,
		(struct sockaddr *)&p->sender.storage, &p->sender.length);
}

/* Whether recv's answer is data: on datagrams an empty one is. */
static bool
is_data(const struct peer *p, ssize_t received)
{
	return received > 0 || (received == 0 && p->type == SOCK_DGRAM);
}

/* ---- steps: connections ------------------------------------------------- */

static int
socket_open(const struct peer *p, const struct address *a)
{
	const int fd = socket(a->storage.ss_family, a->type, 0);

	if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		fail_errno(p, "socket");
	/* Before connect and listen, for the window is agreed on by then. */
	if (p->receive_buffer > 0 &&
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &p->receive_buffer,
			sizeof p->receive_buffer) < 0)
		fail_errno(p, "SO_RCVBUF");
	return fd;
}

/* Whether the kernel is to choose the port. */
static bool
address_is_any(const struct address *a)
{
	switch (a->storage.ss_family) {
	case AF_INET:
		return ((const struct sockaddr_in *)&a->storage)->sin_port == 0;
	case AF_INET6:
		return ((const struct sockaddr_in6 *)&a->storage)->sin6_port ==
			0;
	default:
		return false;
	}
}

static void
socket_share(const struct peer *p, int fd)
{
	const int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
		fail_errno(p, "SO_REUSEADDR");
}

/*
 * Of those that share their port Linux gives the same one to several where any
 * will do, if they are for datagrams: these share it only once they have it.
 */
static void
socket_bind(const struct peer *p, int fd, const struct address *a)
{
	const bool late = a->type == SOCK_DGRAM && address_is_any(a);

	if (!late)
		socket_share(p, fd);
	if (bind(fd, (const struct sockaddr *)&a->storage, a->length) < 0)
		fail_errno(p, "bind");
	if (late)
		socket_share(p, fd);
}

static void
socket_announce(const struct peer *p, const struct address *a)
{
	FILE *file = stdout;

	if (p->announce != NULL) {
		/* A FIFO that nobody has open is an error, not a wait. */
		const int fd = open(p->announce,
			O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK, 0666);

		file = fd < 0 ? NULL : fdopen(fd, "w");
		if (file == NULL)
			fail_errno(p, p->announce);
	}
	address_print(p, a, file);
	if (fflush(file) != 0)
		fail_errno(p, "announce");
	if (file != stdout)
		fclose(file);
}

static void
group_join(const struct peer *p, int fd, const struct address *a)
{
	struct group_req request = { .gr_interface = if_nametoindex(
					     p->group_on) };

	if (request.gr_interface == 0)
		fail_errno(p, p->group_on);
	request.gr_group = a->storage;
	if (setsockopt(fd,
		    a->storage.ss_family == AF_INET6 ? IPPROTO_IPV6 :
						       IPPROTO_IP,
		    MCAST_JOIN_GROUP, &request, sizeof request) < 0)
		fail_errno(p, "MCAST_JOIN_GROUP");
}

static void
step_bind(struct peer *p, const char *text)
{
	struct address a;

	address_parse(p, text, &a);
	p->listener = socket_open(p, &a);
	p->type = a.type;
	socket_bind(p, p->listener, &a);
	if (p->group_on != NULL)
		group_join(p, p->listener, &a);
}

static void
step_listen(struct peer *p, const char *text)
{
	struct address a;

	step_bind(p, text);
	if (p->type != SOCK_DGRAM && listen(p->listener, p->backlog) < 0)
		fail_errno(p, "listen");
	a.length = sizeof a.storage;
	if (getsockname(p->listener, (struct sockaddr *)&a.storage, &a.length) <
		0)
		fail_errno(p, "getsockname");
	socket_announce(p, &a);
}

/* A datagram socket has one connection: to the first who writes to it. */
static int
accept_sender(struct peer *p)
{
	struct sockaddr *address = (struct sockaddr *)&p->peer.storage;
	char byte;

	if (recvfrom(p->listener, &byte, 1, MSG_PEEK, address,
		    &p->peer.length) < 0)
		fail_errno(p, "recvfrom");
	/* Who has gone already is heard all the same. */
	if (p->peer.length > 0 &&
		connect(p->listener, address, p->peer.length) < 0 &&
		errno != ECONNREFUSED && errno != ENOENT)
		fail_errno(p, "connect to the sender");
	return p->listener;
}

static void
step_accept(struct peer *p, const char *unused)
{
	short happened;
	int fd;

	(void)unused;
	if (!wait_ready(p, p->listener, POLLIN, &happened))
		fail(p, "nobody came");
	p->peer = (struct address){ .length = sizeof p->peer.storage };
	if (p->type == SOCK_DGRAM) {
		connection_set(p, accept_sender(p), SOCK_DGRAM);
		p->listener = NONE;
		return;
	}
	fd = accept(p->listener, (struct sockaddr *)&p->peer.storage,
		&p->peer.length);
	if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		fail_errno(p, "accept");
	connection_set(p, fd, p->type);
}

static void
connect_finish(const struct peer *p, int fd)
{
	int error = 0;
	socklen_t length = sizeof error;
	short happened;

	if (!wait_ready(p, fd, POLLOUT, &happened))
		fail(p, "no answer");
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		fail_errno(p, "SO_ERROR");
	if (error != 0)
		fail(p, "connect: %s", strerror(error));
}

/* A socket to speak to an address from, bound where "from" says. */
static int
socket_open_towards(const struct peer *p, const struct address *a)
{
	const int fd = socket_open(p, a);
	struct address source;

	if (p->source != NULL) {
		address_parse(p, p->source, &source);
		socket_bind(p, fd, &source);
	}
	return fd;
}

static void
step_connect(struct peer *p, const char *text)
{
	struct address a;
	int fd;

	address_parse(p, text, &a);
	fd = socket_open_towards(p, &a);
	if (connect(fd, (struct sockaddr *)&a.storage, a.length) < 0) {
		if (errno != EINPROGRESS)
			fail_errno(p, "connect");
		connect_finish(p, fd);
	}
	connection_set(p, fd, a.type);
	p->peer = a;
}

/* Who was there, even if it has gone since. */
static void
step_print_peer(struct peer *p, const char *unused)
{
	(void)unused;
	address_print(p, &p->peer, stdout);
	fflush(stdout);
}

/* What is passed is one descriptor that blocks, with one byte, a zero. */
static void
step_take(struct peer *p, const char *unused)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .header.cmsg_len = 0 };
	char came[SHOWN_MAX];
	struct iovec part = { came, sizeof came };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control };
	short happened;
	ssize_t n;
	int fd;

	(void)unused;
	if (!wait_ready(p, p->connection, POLLIN, &happened))
		fail(p, "nothing came");
	n = recvmsg(p->connection, &message, 0);
	if (n <= 0)
		fail(p, "came %s", shown_end(n));
	if (control.header.cmsg_len != CMSG_LEN(sizeof fd) ||
		control.header.cmsg_type != SCM_RIGHTS)
		fail(p, "came '%s' without a descriptor",
			shown(came, (size_t)n));
	if (n != 1 || came[0] != '\0')
		fail(p, "with it came '%s'", shown(came, (size_t)n));
	memcpy(&fd, CMSG_DATA(&control.header), sizeof fd);
	if ((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0)
		fail(p, "it does not block");
	connection_close(p);
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		fail_errno(p, "fcntl");
	connection_set(p, fd, SOCK_STREAM);
	p->peer = (struct address){ .length = sizeof p->peer.storage };
	/* Who has gone already has no name that could be printed. */
	(void)!getpeername(
		fd, (struct sockaddr *)&p->peer.storage, &p->peer.length);
}

/* A socket that is there goes on, so that one can speak to several. */
static void
step_aim(struct peer *p, const char *text)
{
	const int on = 1;
	struct address a;
	int fd;

	address_parse(p, text, &a);
	if (p->connection == NONE) {
		fd = socket_open_towards(p, &a);
		if (setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on) <
			0)
			fail_errno(p, "SO_BROADCAST");
		connection_set(p, fd, a.type);
	}
	p->target = a;
}

static void
step_print_sender(struct peer *p, const char *unused)
{
	(void)unused;
	address_print(p, &p->sender, stdout);
	fflush(stdout);
}

static void
step_half_close(struct peer *p, const char *unused)
{
	(void)unused;
	queue_flush(p);
	if (shutdown(p->connection, SHUT_WR) < 0)
		fail_errno(p, "shutdown");
}

static void
step_stop_reading(struct peer *p, const char *unused)
{
	(void)unused;
	if (shutdown(p->connection, SHUT_RD) < 0)
		fail_errno(p, "shutdown");
}

static void
step_close(struct peer *p, const char *unused)
{
	(void)unused;
	queue_flush(p);
	connection_close(p);
}

/* A close without lingering sends a reset, and forgets what was to be sent. */
static void
step_reset(struct peer *p, const char *unused)
{
	const struct linger none = { .l_onoff = 1, .l_linger = 0 };

	(void)unused;
	if (setsockopt(p->connection, SOL_SOCKET, SO_LINGER, &none,
		    sizeof none) < 0)
		fail_errno(p, "SO_LINGER");
	connection_close(p);
}

static void
step_close_listener(struct peer *p, const char *unused)
{
	(void)unused;
	close(p->listener);
	p->listener = NONE;
}

/* ---- steps: what goes out ----------------------------------------------- */

static void
step_send(struct peer *p, const char *text)
{
	static char bytes[BUFFER_SIZE];

	send_bytes(p, bytes, text_parse(p, text, bytes));
}

static void
step_dribble(struct peer *p, const char *text)
{
	static char bytes[BUFFER_SIZE];
	const size_t length = text_parse(p, text, bytes);
	const int on = 1;
	size_t i;

	/* Only TCP gathers bytes, and only there this is known. */
	setsockopt(p->connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	for (i = 0; i < length; i++)
		send_bytes(p, bytes + i, 1);
}

/* TCP marks the last of them as urgent: it can be read out of turn. */
static void
step_urgent(struct peer *p, const char *text)
{
	static char bytes[BUFFER_SIZE];
	const size_t length = text_parse(p, text, bytes);
	ssize_t n;

	queue_flush(p);
	n = send(p->connection, bytes, length, MSG_OOB);
	if (n < 0)
		fail_errno(p, "send");
	if ((size_t)n < length)
		fail(p, "%zu bytes are not taken", length - (size_t)n);
}

static void
step_queue_bytes(struct peer *p, const char *text)
{
	p->queued += number_parse(p, text, UINT64_MAX - p->queued);
}

static void
step_flush(struct peer *p, const char *unused)
{
	(void)unused;
	queue_flush(p);
}

static void
step_send_bytes(struct peer *p, const char *text)
{
	static char bytes[BUFFER_SIZE];

	if (p->type != SOCK_STREAM) {
		const size_t length = (size_t)number_parse(
			p, text, sizeof bytes);

		pattern_fill(bytes, length, p->sent);
		send_bytes(p, bytes, length);
		p->sent += length;
	} else {
		step_queue_bytes(p, text);
		queue_flush(p);
	}
}

/* ---- steps: what comes in ----------------------------------------------- */

static void
step_expect(struct peer *p, const char *text)
{
	static char expected[BUFFER_SIZE], came[BUFFER_SIZE];
	const size_t length = text_parse(p, text, expected);
	size_t got = 0;
	ssize_t n;

	if (length == 0 && p->type == SOCK_STREAM)
		return;
	do {
		n = receive(p, came + got,
			(p->type != SOCK_STREAM ? sizeof came : length) - got);
		if (!is_data(p, n))
			fail(p, "came '%s' and then %s", shown(came, got),
				shown_end(n));
		got += (size_t)n;
	} while (got < length && p->type == SOCK_STREAM);
	if (got != length || memcmp(came, expected, length) != 0)
		fail(p, "came '%s'", shown(came, got));
}

static void
step_expect_bytes(struct peer *p, const char *text)
{
	static char came[BUFFER_SIZE];
	const uint64_t length = number_parse(p, text, UINT64_MAX);
	uint64_t got = 0;
	size_t room;
	ssize_t n;

	if (length == 0 && p->type == SOCK_STREAM)
		return;
	do {
		room = sizeof came;
		if (p->type == SOCK_STREAM && room > length - got)
			room = (size_t)(length - got);
		n = receive(p, came, room);
		if (!is_data(p, n))
			fail(p, "came %" PRIu64 " bytes and then %s", got,
				shown_end(n));
		room = pattern_match(came, (size_t)n, p->received);
		if (room < (size_t)n)
			fail(p, "byte %" PRIu64 " is not the pattern's",
				got + room);
		got += (size_t)n;
		p->received += (size_t)n;
	} while (got < length && p->type == SOCK_STREAM);
	if (got != length)
		fail(p, "came %" PRIu64 " bytes", got);
}

static void
step_expect_eof(struct peer *p, const char *unused)
{
	char came[SHOWN_MAX];
	const ssize_t n = receive(p, came, sizeof came);

	(void)unused;
	if (n < 0)
		fail(p, "came %s", shown_end(n));
	if (is_data(p, n))
		fail(p, "came '%s'", shown(came, (size_t)n));
}

static void
step_expect_reset(struct peer *p, const char *unused)
{
	char came[SHOWN_MAX];
	const ssize_t n = receive(p, came, sizeof came);

	(void)unused;
	if (is_data(p, n))
		fail(p, "came '%s'", shown(came, (size_t)n));
	if (n == 0 || errno != ECONNRESET)
		fail(p, "came %s", shown_end(n));
}

static void
step_expect_silence(struct peer *p, const char *unused)
{
	char came[SHOWN_MAX];
	const ssize_t n = recv(p->connection, came, sizeof came, MSG_PEEK);

	(void)unused;
	if (is_data(p, n))
		fail(p, "came '%s'", shown(came, (size_t)n));
	if (n == 0 || errno != EAGAIN)
		fail(p, "came %s", shown_end(n));
}

/* Reads to the end of the stream; into a file unless that is NULL. */
static void
receive_all(struct peer *p, FILE *file)
{
	static char came[BUFFER_SIZE];
	ssize_t n;

	while ((n = receive(p, came, sizeof came)) > 0) {
		if (file != NULL &&
			fwrite(came, 1, (size_t)n, file) != (size_t)n)
			fail_errno(p, "write");
	}
	if (n < 0)
		fail(p, "came %s", shown_end(n));
	if (file != NULL && fflush(file) != 0)
		fail_errno(p, "write");
}

/* One read is one of them, so that a line is as long as its message. */
static void
step_print_messages(struct peer *p, const char *text)
{
	static char came[MESSAGE_MAX + 1];
	uint64_t left = number_parse(p, text, UINT64_MAX);
	ssize_t n;

	for (; left > 0; left--) {
		n = receive(p, came, MESSAGE_MAX);
		if (!is_data(p, n))
			fail(p, "%" PRIu64 " have not come, but %s", left,
				shown_end(n));
		came[n++] = '\n';
		if (fwrite(came, 1, (size_t)n, stdout) != (size_t)n)
			fail_errno(p, "write");
	}
	if (fflush(stdout) != 0)
		fail_errno(p, "write");
}

static void
step_read_all(struct peer *p, const char *unused)
{
	(void)unused;
	receive_all(p, stdout);
}

static void
step_discard_all(struct peer *p, const char *unused)
{
	(void)unused;
	receive_all(p, NULL);
}

/* ---- steps: settings, and the rest of the world ------------------------- */

static void
step_announce(struct peer *p, const char *path)
{
	p->announce = path;
}

static void
step_from(struct peer *p, const char *address)
{
	p->source = address;
}

static void
step_join(struct peer *p, const char *interface)
{
	p->group_on = interface;
}

static void
step_rcvbuf(struct peer *p, const char *text)
{
	p->receive_buffer = (int)number_parse(p, text, INT_MAX);
}

static void
step_backlog(struct peer *p, const char *text)
{
	p->backlog = (int)number_parse(p, text, INT_MAX);
}

static void
step_timeout(struct peer *p, const char *text)
{
	p->timeout_ms = (int)number_parse(p, text, INT_MAX / 1000) * 1000;
}

static void
step_touch(struct peer *p, const char *path)
{
	const int fd = open(path, O_WRONLY | O_CREAT, 0666);

	if (fd < 0)
		fail_errno(p, "open");
	close(fd);
}

/* The connection is not read meanwhile: a wait is a stall to the other side. */
static void
step_wait_file(struct peer *p, const char *path)
{
	int waited_ms;

	for (waited_ms = 0; access(path, F_OK) < 0; waited_ms += RETRY_MS) {
		if (waited_ms > p->timeout_ms)
			fail(p, "it did not appear");
		poll(NULL, 0, RETRY_MS);
	}
}

/* A Unix socket knows this, others only what has been acknowledged. */
static void
step_wait_read(struct peer *p, const char *unused)
{
	int waited_ms = 0, left;

	(void)unused;
	for (;; waited_ms += RETRY_MS) {
		if (ioctl(p->connection, TIOCOUTQ, &left) < 0)
			fail_errno(p, "TIOCOUTQ");
		if (left == 0)
			return;
		if (waited_ms > p->timeout_ms)
			fail(p, "not all is read");
		poll(NULL, 0, RETRY_MS);
	}
}

static void
step_stall(struct peer *p, const char *unused)
{
	(void)unused;
	poll(NULL, 0, p->timeout_ms);
	fail(p, "nobody ended it");
}

static void
step_print_bytes(struct peer *p, const char *text)
{
	static char bytes[BUFFER_SIZE];
	const uint64_t length = number_parse(p, text, UINT64_MAX);
	uint64_t printed = 0;

	while (printed < length) {
		const size_t n = length - printed < sizeof bytes ?
			(size_t)(length - printed) :
			sizeof bytes;

		pattern_fill(bytes, n, printed);
		if (fwrite(bytes, 1, n, stdout) != n)
			fail_errno(p, "write");
		printed += n;
	}
	if (fflush(stdout) != 0)
		fail_errno(p, "write");
}

/* What it is passed is blocking, and SIGPIPE kills it, as is usual. */
static void
step_exec(struct peer *p, const char *unused)
{
	const int fd = p->connection == NONE ? p->listener : p->connection;
	char pid[16];

	(void)unused;
	if (p->rest[0] == NULL)
		fail(p, "it needs a command");
	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	if (setenv("LISTEN_FDS", "1", 1) < 0 ||
		setenv("LISTEN_PID", pid, 1) < 0)
		fail_errno(p, "setenv");
	if (fd != NONE && fcntl(fd, F_SETFL, 0) < 0)
		fail_errno(p, "fcntl");
	if (fd != NONE && fd != PASSED) {
		if (dup2(fd, PASSED) < 0)
			fail_errno(p, "dup2");
		close(fd);
	}
	signal(SIGPIPE, SIG_DFL);
	execvp(p->rest[0], p->rest);
	fail_errno(p, p->rest[0]);
}

/* ---- the table of steps ------------------------------------------------- */

enum need { NOTHING, LISTENER, CONNECTION };

static const struct step {
	const char *name;
	const char *argument; /* what follows the colon; NULL: nothing may */
	enum need need;
	void (*run)(struct peer *p, const char *argument);
	const char *meaning;
} steps[] = {
	{ "bind", "ADDRESS", NOTHING, step_bind,
		"bind, and neither listen nor print" },
	{ "listen", "ADDRESS", NOTHING, step_listen,
		"bind, listen and print the address" },
	{ "accept", NULL, LISTENER, step_accept,
		"take a client; of datagrams the first sender" },
	{ "connect", "ADDRESS", NOTHING, step_connect, "connect" },
	{ "aim", "ADDRESS", NOTHING, step_aim,
		"send datagrams there and hear everyone" },
	{ "print-peer", NULL, CONNECTION, step_print_peer,
		"print the other side's address" },
	{ "print-sender", NULL, CONNECTION, step_print_sender,
		"print who sent what was read last" },
	{ "take", NULL, CONNECTION, step_take,
		"take the connection that is passed over it instead" },
	{ "half-close", NULL, CONNECTION, step_half_close,
		"send all and the end, and go on reading" },
	{ "stop-reading", NULL, CONNECTION, step_stop_reading,
		"read no more, and go on sending" },
	{ "close", NULL, CONNECTION, step_close, "send all and close" },
	{ "reset", NULL, CONNECTION, step_reset, "close with a reset" },
	{ "close-listener", NULL, LISTENER, step_close_listener,
		"take no more clients" },

	{ "send", "TEXT", CONNECTION, step_send, "send a text" },
	{ "dribble", "TEXT", CONNECTION, step_dribble,
		"send a text, a byte at a time" },
	{ "urgent", "TEXT", CONNECTION, step_urgent,
		"send a text as urgent data, which its last byte is" },
	{ "send-bytes", "N", CONNECTION, step_send_bytes,
		"send the next N bytes of the pattern" },
	{ "queue-bytes", "N", CONNECTION, step_queue_bytes,
		"the same while later steps wait to read" },
	{ "flush", NULL, CONNECTION, step_flush, "send what is queued" },

	{ "expect", "TEXT", CONNECTION, step_expect,
		"read just this text, or this datagram" },
	{ "expect-bytes", "N", CONNECTION, step_expect_bytes,
		"read the next N bytes of the pattern" },
	{ "expect-eof", NULL, CONNECTION, step_expect_eof, "read the end" },
	{ "expect-reset", NULL, CONNECTION, step_expect_reset,
		"meet a reset and no data before it" },
	{ "expect-silence", NULL, CONNECTION, step_expect_silence,
		"find nothing to read right now" },
	{ "print-messages", "N", CONNECTION, step_print_messages,
		"read N messages, to stdout, a line each" },
	{ "read-all", NULL, CONNECTION, step_read_all,
		"read to the end, to stdout" },
	{ "discard-all", NULL, CONNECTION, step_discard_all,
		"read to the end, to nowhere" },

	{ "announce", "FILE", NOTHING, step_announce,
		"have listen print into a file or open FIFO" },
	{ "from", "ADDRESS", NOTHING, step_from,
		"have connect use this source address" },
	{ "join", "INTERFACE", NOTHING, step_join,
		"have bind and listen join the group of their address" },
	{ "rcvbuf", "N", NOTHING, step_rcvbuf,
		"make sockets with a window of about N bytes" },
	{ "backlog", "N", NOTHING, step_backlog,
		"have listen queue N clients" },
	{ "timeout", "SECONDS", NOTHING, step_timeout,
		"wait this long at most, from now on (10)" },
	{ "touch", "FILE", NOTHING, step_touch,
		"make a file, to say that the script came here" },
	{ "wait-file", "FILE", NOTHING, step_wait_file,
		"wait until there is such a file" },
	{ "wait-read", NULL, CONNECTION, step_wait_read,
		"wait until a Unix socket's other side has read all" },
	{ "stall", NULL, NOTHING, step_stall, "do nothing until killed" },
	{ "print-bytes", "N", NOTHING, step_print_bytes,
		"print the first N bytes of the pattern" },
	{ "exec", NULL, NOTHING, step_exec,
		"run the rest as a command, see the source" },
};

#define STEPS (sizeof steps / sizeof steps[0])

static int
usage(void)
{
	size_t i;
	int width;

	printf("usage: peer STEP...\n\n");
	for (i = 0; i < STEPS; i++) {
		const struct step *s = &steps[i];

		width = printf("  %s%s%s", s->name,
			s->argument == NULL ? "" : ":",
			s->argument == NULL ? "" : s->argument);
		printf("%*s%s\n", 24 - width, "", s->meaning);
	}
	printf("\nADDRESS  [udp:]HOST:PORT, unix:PATH, unix-dgram:PATH,"
	       " unix-seqpacket:PATH\n"
	       "TEXT     with \\n \\r \\t \\0 \\\\ \\xHH\n");
	return 0;
}

static const struct step *
step_find(const struct peer *p, size_t length)
{
	size_t i;

	for (i = 0; i < STEPS; i++) {
		if (strlen(steps[i].name) == length &&
			strncmp(steps[i].name, p->step, length) == 0)
			return &steps[i];
	}
	fail(p, "there is no such step");
}

static void
step_run(struct peer *p)
{
	const char *colon = strchr(p->step, ':');
	const struct step *step = step_find(p, strcspn(p->step, ":"));

	if (colon != NULL && step->argument == NULL)
		fail(p, "it takes no argument");
	if (colon == NULL && step->argument != NULL)
		fail(p, "it needs its %s", step->argument);
	if (step->need == LISTENER && p->listener == NONE)
		fail(p, "nothing listens");
	if (step->need == CONNECTION && p->connection == NONE)
		fail(p, "there is no connection");
	step->run(p, colon == NULL ? NULL : colon + 1);
}

int
main(int argc, char **argv)
{
	struct peer p = { .timeout_ms = TIMEOUT_MS,
		.backlog = BACKLOG,
		.listener = NONE,
		.connection = NONE };

	if (argc < 2)
		return usage();
	signal(SIGPIPE, SIG_IGN); /* a send reports it as well */
	for (p.number = 1; p.number < argc; p.number++) {
		p.step = argv[p.number];
		p.rest = argv + p.number + 1;
		step_run(&p);
	}
	return 0;
}
