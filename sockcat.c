/*
 * sockcat - connect standard input and output to a socket
 *
 * The file is a book: each section stands on those above it, and main, on the
 * last page, is the plot.
 *
 *	includes, limits	constants and the global variables
 *	platform		what not every system has, one function each
 *	types			the words of the program
 *	diagnostics		warn, note, usage
 *	text to values		numbers, durations, ports; pure
 *	values to text		amounts, times, bytes, JSON; pure
 *	options			one table of options, one of contradictions
 *	help			--help and --version, and what was meant
 *	completion		what shells are told of the options
 *	command line		read, checked, settled
 *	time and signals	deadlines; what wakes a wait, or ends a write
 *	endpoints		what the user named, resolved and printed
 *	sockets			made as the options ask
 *	proxies			what they are asked, what they answer; pure
 *	connecting		the race of a target's addresses
 *	tunnels			a connection through a proxy
 *	listening		bind, listen, announce, accept
 *	taps			what stands between read and write; pure
 *	streams			what descriptors are, how they read and write
 *	flows			one direction: read, ring, write
 *	reports			what --stats and --progress tell
 *	pump			two flows over one poll loop, and their ends
 *	programs and children	-e and -c, and the clients of -k
 *	scan			many ports at once
 *	modes			connect, listen
 *	main
 *
 * Four rules hold it together:
 *
 *	1. A section uses only sections above it.
 *	2. No flag of an inherited descriptor is changed: the parent shell and
 *	   its other children share them.
 *	3. Parsers and the pump neither exit nor sleep.
 *	4. Every #if is in the platform section.
 *
 * "up" is standard input to the network, "down" is the network to standard
 * output, everywhere.  Times are milliseconds on the monotonic clock.
 *
 * Copyright (c) 2026 the sockcat authors.  ISC licence, see LICENSE.
 */

/* ---- includes, limits --------------------------------------------------- */

#define _GNU_SOURCE /* glibc and musl hide ppoll, accept4 and getopt_long */

/* macOS hides IPV6_RECVPKTINFO. */
#define __APPLE_USE_RFC_3542

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define VERSION "0.1"

#define RING_SIZE	  65536	  /* bytes a flow holds at most */
#define RING_LARGE	  262144  /* towards a file, and for Unix datagrams */
#define RING_LINE	  262145  /* for such a line and its newline */
#define COPY_MAX	  1048576 /* bytes the kernel moves in one call */
#define COPY_WORTH	  16384	  /* bytes a read must bring to go over to it */
#define PIPE_DEFAULT	  65536	  /* what a Linux pipe holds */
#define PIPE_LARGE	  1048576 /* and what it may hold without privilege */
#define TAP_SIZE	  65536	  /* bytes that pass a tap at once */
#define DATAGRAM_ROOM	  65536	  /* more than any of UDP */
#define DATAGRAM_QUEUE	  1048576 /* bytes, if the system allows so much */
#define DATAGRAM_BATCH	  256	  /* that are read before others get a turn */
#define DATAGRAM_RUSH	  8	  /* in one turn: more are on their way */
#define GATHER_NS	  200000  /* until many of them are there */
#define DATAGRAM_MAX	  65507	  /* 65,535 less the IPv4 and UDP headers */
#define CONTROL_SPARE	  256	  /* for what --sockopt has the kernel add */
#define ADDRESSES_MAX	  256	  /* candidate addresses of one name */
#define HOST_MAX	  256	  /* RFC 1035 allows 253, and there is %scope */
#define MESSAGE_MAX	  2048	  /* a line on stderr */
#define OBJECT_MAX	  640	  /* what a message is about */
#define BACKLOG_DEFAULT	  128	  /* SOMAXCONN was 128 for decades */
#define CONNS_DEFAULT	  100	  /* clients that are served at once */
#define PROXY_TEXT_MAX	  255	  /* bytes of a name, user or password */
#define REQUEST_MAX	  2048	  /* bytes that a proxy is sent at once */
#define HEADER_MAX	  65536	  /* and that it may answer with */
#define UNIX_SCHEME	  "unix:" /* before a path */
#define SOCKS_PORT	  "1080"  /* IANA's */
#define CONNECT_PORT	  "3128"  /* squid's, and so everybody's */
#define NAMES_MAX	  100	  /* tries to find one that is free */
#define CIDRS_MAX	  64	  /* of --allow, and of --deny */
#define SETTINGS_MAX	  32	  /* of --sockopt */
#define STEP_MAX	  96	  /* the name of what was tried */
#define STATS_MAX	  4096	  /* the line of --stats */
#define AMOUNT_MAX	  16	  /* "1023 MiB" */
#define ELAPSED_MAX	  24	  /* "1:02:03" */
#define PROGRESS_MAX	  512	  /* the line of --progress */
#define PAINTED_MAX	  32	  /* a word in a colour */
#define DUMP_BYTES	  16	  /* of a line of -o */
#define DUMP_LINE	  96	  /* what they take there */
#define COLUMNS_DEFAULT	  80	  /* of a terminal that does not say */
#define LISTEN_FD	  3	  /* the first that systemd passes */
#define DATAGRAM_WAIT_MS  1000 /* for replies after stdin's end, if not told */
#define CLOSE_PATIENCE_MS 1000 /* for the peer to acknowledge the rest */
#define RETRY_MS	  10   /* between tries of what has no event */
#define HOLD_TRIES	  100 /* for a directory, until it is used all the same */
#define ACCEPT_RETRY_MS	  100 /* while descriptors are short */
#define LEAVE_MS	  250 /* without input, and a client of -k has ended */
#define SIGNAL_TURNS	  64  /* of the pump, until signals are let in */
#define REDRAW_MS	  500 /* of --progress on a terminal */
#define RELINE_MS	  10000 /* and elsewhere */
#define RACE_MS		  250	/* between attempts (RFC 8305, section 5) */
#define WAIT_FIRST_MS	  50	/* between tries of --wait, at first */
#define WAIT_LAST_MS	  1000	/* and at last */
#define PORTS		  65536
#define PROBE_WAIT_MS	  2000	    /* for a port to answer, if not told */
#define JOBS_DEFAULT	  256	    /* ports probed at once */
#define BLANKS		  " \t"	    /* between the words of -e */
#define LINE_ERASE	  "\033[K"  /* from the cursor to the end (ECMA-48) */
#define NEVER		  INT64_MAX /* a deadline that does not come */
#define UNSET		  (-1)	    /* a number or time that was not given */

static bool verbose;
static bool progress_stands; /* a line on the terminal that has no end yet */
static volatile sig_atomic_t caught_signal;
static volatile sig_atomic_t report_wanted; /* SIGUSR1 came */
static volatile sig_atomic_t signals_seen;  /* how many, SIGCHLD included */
static sigset_t signals_came;		    /* the mask that we began with */
static char lookup_late[OBJECT_MAX];	    /* what SIGALRM's handler prints */
static char lookup_stats[STATS_MAX];	    /* and the line of --stats then */

/* ---- platform ----------------------------------------------------------- */

/* What a sanitizer reports with is what the sandbox forbids. */
#if defined(__has_include) && !defined(SOCKCAT_PORTABLE) && \
	!defined(SOCKCAT_NO_SANDBOX) && !defined(__SANITIZE_ADDRESS__)
#if __has_include(<sys/prctl.h>)
#include <sys/prctl.h>
#include <sys/syscall.h>
#ifdef PR_SET_NO_NEW_PRIVS
#define SANDBOX
#endif
#endif
#endif
#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#undef SANDBOX
#endif
#endif

/* A build with this defined shows on Linux how the file does elsewhere. */
#ifdef SOCKCAT_PORTABLE
#undef POLLRDHUP
#undef SOCK_NONBLOCK
#undef SO_PEERCRED
#undef SPLICE_F_NONBLOCK
#undef SO_REUSEPORT
#undef SO_BINDTODEVICE
#undef IP_PKTINFO
#undef MCAST_JOIN_GROUP
#undef TIOCOUTQ
#endif

/* Linux lets a child do more between vfork and exec than POSIX promises. */
#ifndef SPLICE_F_NONBLOCK
#define vfork fork
#endif

static const char *const features[] = {
#ifdef POLLRDHUP
	"ppoll",
#endif
#ifdef SOCK_NONBLOCK
	"accept4",
#endif
#if defined(SO_BINDTODEVICE) || defined(IP_BOUND_IF)
	"interface",
#endif
#if defined(IP_PKTINFO) && defined(IPV6_RECVPKTINFO)
	"packet-info",
#endif
#if defined(O_PATH) && !defined(SOCKCAT_PORTABLE)
	"pin",
#endif
#ifdef SO_REUSEPORT
	"reuse-port",
#endif
#ifdef SANDBOX
	"sandbox",
#endif
#ifdef SPLICE_F_NONBLOCK
	"splice",
#endif
#if defined(FIONWRITE) || defined(SO_NWRITE) || \
	(defined(TIOCOUTQ) && defined(SPLICE_F_NONBLOCK))
	"unsent",
#endif
	NULL
};

static struct timespec
timespec_of(int64_t ms)
{
	struct timespec t;

	t.tv_sec = (time_t)(ms / 1000);
	t.tv_nsec = (long)(ms % 1000) * 1000000;
	return t;
}

/*
 * poll(2) for at most timeout_ms (NEVER: no limit) with the signal mask
 * replaced, so that a signal cannot slip in between the check and the wait.
 * mask is NULL to leave it as it is.
 */
#ifdef POLLRDHUP /* each libc that has the one has ppoll as well */
static int
poll_masked(struct pollfd *fds, nfds_t count, int64_t timeout_ms,
	const sigset_t *mask)
{
	const struct timespec timeout = timespec_of(timeout_ms);

	return ppoll(fds, count, timeout_ms == NEVER ? NULL : &timeout, mask);
}
#else
/* Without ppoll a signal in the gap is seen when the slice has passed. */
static int
poll_masked(struct pollfd *fds, nfds_t count, int64_t timeout_ms,
	const sigset_t *mask)
{
	const int64_t slice_ms = 100;
	const sig_atomic_t seen = signals_seen;
	sigset_t blocked;
	int ready, slice;

	do {
		slice = (int)(timeout_ms < slice_ms ? timeout_ms : slice_ms);
		sigprocmask(SIG_SETMASK, mask, &blocked);
		ready = poll(fds, count, slice);
		sigprocmask(SIG_SETMASK, &blocked, NULL);
		if (timeout_ms != NEVER)
			timeout_ms -= slice;
	} while (ready == 0 && signals_seen == seen && timeout_ms > 0);
	if (ready == 0 && signals_seen != seen) {
		errno = EINTR;
		return -1;
	}
	return ready;
}
#endif

/* Waits for less than a millisecond, or not at all where poll cannot. */
static void
poll_briefly(struct pollfd polled, long ns)
{
#ifdef POLLRDHUP
	const struct timespec timeout = { 0, ns };

	(void)ppoll(&polled, 1, &timeout, NULL);
#else
	(void)polled;
	(void)ns;
#endif
}

/* socket(2) and accept(2), the descriptor non-blocking and close-on-exec. */
#ifdef SOCK_NONBLOCK
static int
socket_open(int domain, int type, int protocol)
{
	return socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
}

static int
socket_accept(int fd, struct sockaddr *address, socklen_t *length)
{
	return accept4(fd, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
#else
static int
socket_own(int fd)
{
	if (fd >= 0) {
		fcntl(fd, F_SETFL, O_NONBLOCK);
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	return fd;
}

static int
socket_open(int domain, int type, int protocol)
{
	return socket_own(socket(domain, type, protocol));
}

static int
socket_accept(int fd, struct sockaddr *address, socklen_t *length)
{
	return socket_own(accept(fd, address, length));
}
#endif

/* ^T sends SIGINFO where there is one: it asks for what SIGUSR1 does. */
#ifndef SIGINFO
#define SIGINFO SIGUSR1
#endif

#ifndef IPPROTO_SCTP
#define IPPROTO_SCTP 132
#endif
#ifndef IPPROTO_UDPLITE
#define IPPROTO_UDPLITE 136
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/*
 * lstat(2), and as long as *fd is open the inode's number is not used again,
 * where the system has a way to see to that; else *fd is -1.
 */
static int
path_pin(const char *path, struct stat *st, int *fd)
{
	*fd = -1;
#if defined(O_PATH) && !defined(SOCKCAT_PORTABLE)
	*fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (*fd >= 0)
		return fstat(*fd, st);
#endif
	return lstat(path, st);
}

/*
 * Binds a socket to a network interface.  0, or -1 with errno set.  macOS has
 * both ways, of which the first is the older.
 */
static int
socket_bind_interface(int fd, int family, const char *name)
{
#if defined(IP_BOUND_IF) && defined(IPV6_BOUND_IF)
	const unsigned index = if_nametoindex(name);

	if (index == 0)
		return -1;
	if (family == AF_INET)
		return setsockopt(
			fd, IPPROTO_IP, IP_BOUND_IF, &index, sizeof index);
	return setsockopt(
		fd, IPPROTO_IPV6, IPV6_BOUND_IF, &index, sizeof index);
#elif defined(SO_BINDTODEVICE)
	(void)family;
	return setsockopt(
		fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name));
#else
	(void)fd;
	(void)family;
	(void)name;
	errno = ENOPROTOOPT;
	return -1;
#endif
}

/* Options that not all systems have: to this number they say ENOPROTOOPT. */
#ifndef SO_PROTOCOL
#define SO_PROTOCOL (-1)
#endif
#ifndef SO_REUSEPORT
#define SO_REUSEPORT (-1)
#endif
#ifndef IP_MINTTL
#define IP_MINTTL (-1)
#endif
#ifndef IPV6_MINHOPCOUNT
#define IPV6_MINHOPCOUNT (-1)
#endif
#ifndef IPV6_TCLASS
#define IPV6_TCLASS (-1)
#endif

/*
 * Becomes a member of a multicast group, by way of the interface with an index
 * or, if that is 0, as the routes say (RFC 3678).  0, or -1 with errno set.
 * The older call names an interface of IPv4 by its address.
 */
static int
socket_join(int fd, const struct sockaddr *group, socklen_t length,
	unsigned interface)
{
#ifdef MCAST_JOIN_GROUP
	struct group_req request;

	memset(&request, 0, sizeof request);
	request.gr_interface = interface;
	memcpy(&request.gr_group, group, length);
	return setsockopt(fd,
		group->sa_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
		MCAST_JOIN_GROUP, &request, sizeof request);
#else
	struct ipv6_mreq ipv6;
	struct ip_mreq ipv4;
	struct sockaddr_in in;
	struct ifreq named;

	(void)length;
	if (group->sa_family == AF_INET6) {
		ipv6.ipv6mr_multiaddr =
			((const struct sockaddr_in6 *)group)->sin6_addr;
		ipv6.ipv6mr_interface = interface;
		return setsockopt(
			fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &ipv6, sizeof ipv6);
	}
	memset(&named, 0, sizeof named);
	if (interface != 0 &&
		(if_indextoname(interface, named.ifr_name) == NULL ||
			ioctl(fd, SIOCGIFADDR, &named) < 0))
		return -1;
	memcpy(&in, &named.ifr_addr, sizeof in);
	ipv4.imr_multiaddr = ((const struct sockaddr_in *)group)->sin_addr;
	ipv4.imr_interface = in.sin_addr;
	return setsockopt(
		fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &ipv4, sizeof ipv4);
#endif
}

/*
 * Has the kernel choose an abstract name for a Unix socket, since one without
 * a name could not be answered.  -1 where names are files: only Linux has any.
 */
static int
socket_bind_unnamed(int fd)
{
#ifdef SPLICE_F_NONBLOCK
	const struct sockaddr_un unnamed = { .sun_family = AF_UNIX };

	return bind(fd, (const struct sockaddr *)&unnamed,
		offsetof(struct sockaddr_un, sun_path));
#else
	(void)fd;
	return -1;
#endif
}

/*
 * The place of a datagram: to which of our addresses it was sent, and from
 * which to answer it, as the kernel tells beside it (ip(7), RFC 3542).
 */
#if defined(IP_PKTINFO) && defined(IPV6_RECVPKTINFO)
struct place {
	int family; /* AF_UNSPEC: it is unknown */
	union {
		struct in_pktinfo ipv4;
		struct in6_pktinfo ipv6;
	};
};

/* What is told of one datagram: an IPv6 socket may tell in both ways. */
union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(struct in_pktinfo)) +
		CMSG_SPACE(sizeof(struct in6_pktinfo)) + CONTROL_SPARE];
};

static void
socket_tell_place(int fd, int family, int tell)
{
	if (family == AF_INET6)
		(void)setsockopt(
			fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &tell, sizeof tell);
	(void)setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &tell, sizeof tell);
}

/*
 * Where a datagram was sent to, AF_UNSPEC if nothing whole is told of it.
 * IPv4's says more than what an IPv6 socket tells of the same datagram.  To use
 * musl's CMSG_NXTHDR is not possible without a warning.
 */
static struct place
message_place(const struct msghdr *message)
{
	struct place place = { .family = AF_UNSPEC };
	const char *at = message->msg_control;
	const char *end = at + message->msg_controllen;
	struct cmsghdr header;

	while (end - at >= (ssize_t)CMSG_LEN(0) && place.family != AF_INET) {
		memcpy(&header, at, sizeof header);
		if (header.cmsg_level == IPPROTO_IP &&
			header.cmsg_type == IP_PKTINFO &&
			header.cmsg_len >= CMSG_LEN(sizeof place.ipv4)) {
			memcpy(&place.ipv4, at + CMSG_LEN(0),
				sizeof place.ipv4);
			place.family = AF_INET;
		} else if (header.cmsg_level == IPPROTO_IPV6 &&
			header.cmsg_type == IPV6_PKTINFO &&
			header.cmsg_len >= CMSG_LEN(sizeof place.ipv6)) {
			memcpy(&place.ipv6, at + CMSG_LEN(0),
				sizeof place.ipv6);
			place.family = AF_INET6;
		}
		at += CMSG_SPACE(header.cmsg_len - CMSG_LEN(0));
	}
	return place;
}

/* Whether it is this address of ours, and not a group's or everybody's. */
static bool
place_is(const struct place *place, const struct sockaddr *local)
{
	const struct in6_addr *ipv6 =
		&((const struct sockaddr_in6 *)local)->sin6_addr;
	const void *ipv4 = &((const struct sockaddr_in *)local)->sin_addr;

	if (place->family == AF_UNSPEC)
		return true;
	if (place->family == AF_INET6)
		return IN6_ARE_ADDR_EQUAL(&place->ipv6.ipi6_addr, ipv6);
	if (local->sa_family == AF_INET6)
		ipv4 = &ipv6->s6_addr[12]; /* it is mapped */
	return memcmp(&place->ipv4.ipi_addr, ipv4,
		       sizeof place->ipv4.ipi_addr) == 0;
}

/*
 * Has a datagram be sent from a place, by the way that the routes say, unless
 * the address means nothing without its interface.
 */
static void
message_set_place(
	struct msghdr *message, union control *control, struct place place)
{
	const bool ipv4 = place.family == AF_INET;
	const size_t size = ipv4 ? sizeof place.ipv4 : sizeof place.ipv6;

	if (place.family == AF_UNSPEC ||
		(!ipv4 && IN6_IS_ADDR_MULTICAST(&place.ipv6.ipi6_addr)))
		return;
	if (ipv4) {
		place.ipv4.ipi_ifindex = 0;
		/* macOS leaves it empty, and sends from no other. */
		if (place.ipv4.ipi_spec_dst.s_addr == htonl(INADDR_ANY) &&
			!IN_MULTICAST(ntohl(place.ipv4.ipi_addr.s_addr)))
			place.ipv4.ipi_spec_dst = place.ipv4.ipi_addr;
	} else if (!IN6_IS_ADDR_LINKLOCAL(&place.ipv6.ipi6_addr))
		place.ipv6.ipi6_ifindex = 0;
	memset(control, 0, sizeof *control);
	control->header.cmsg_level = ipv4 ? IPPROTO_IP : IPPROTO_IPV6;
	control->header.cmsg_type = ipv4 ? IP_PKTINFO : IPV6_PKTINFO;
	control->header.cmsg_len = (socklen_t)CMSG_LEN(size);
	memcpy(CMSG_DATA(&control->header), &place.ipv4, size);
	message->msg_control = control;
	message->msg_controllen = (socklen_t)CMSG_SPACE(size);
}
#else
struct place {
	int family;
};

union control {
	struct cmsghdr header;
};

static void
socket_tell_place(int fd, int family, int tell)
{
	(void)fd;
	(void)family;
	(void)tell;
}

static struct place
message_place(const struct msghdr *message)
{
	const struct place unknown = { AF_UNSPEC };

	(void)message;
	return unknown;
}

static bool
place_is(const struct place *place, const struct sockaddr *local)
{
	(void)place;
	(void)local;
	return true;
}

static void
message_set_place(
	struct msghdr *message, union control *control, struct place place)
{
	(void)message;
	(void)control;
	(void)place;
}
#endif

/*
 * Bytes sent and not yet acknowledged, the FIN counted as one; -1 where the
 * system does not say.  Linux, which has splice, calls it SIOCOUTQ and gives it
 * this number; elsewhere that is for terminals alone.
 */
static int
socket_unsent(int fd)
{
	int bytes = -1;

#if defined(FIONWRITE)
	if (ioctl(fd, FIONWRITE, &bytes) < 0)
		return -1;
#elif defined(SO_NWRITE)
	socklen_t length = sizeof bytes;

	if (getsockopt(fd, SOL_SOCKET, SO_NWRITE, &bytes, &length) < 0)
		return -1;
#elif defined(TIOCOUTQ) && defined(SPLICE_F_NONBLOCK)
	if (ioctl(fd, TIOCOUTQ, &bytes) < 0)
		return -1;
#else
	(void)fd;
#endif
	return bytes;
}

/*
 * What the kernel moves from one descriptor to another without handing it to
 * us: at most count bytes, from *offset on in a file or, if that is NULL, from
 * the descriptor's own; 0 at the end, -1 with EAGAIN when the source has
 * nothing or the sink no room.  ENOSYS where there is no such call.
 */
#ifdef SPLICE_F_NONBLOCK
#include <sys/sendfile.h>

/* Between a pipe and anything: the pipe's own flags do not matter. */
static ssize_t
copy_splice(int source, off_t *offset, int sink, size_t count)
{
	(void)offset;
	return splice(source, NULL, sink, NULL, count, SPLICE_F_NONBLOCK);
}

/* From a file. */
static ssize_t
copy_sendfile(int source, off_t *offset, int sink, size_t count)
{
	return sendfile(sink, source, offset, count);
}

/* From a TCP socket to nowhere: Linux does not even copy it (tcp(7)). */
static ssize_t
copy_discard(int source, off_t *offset, int sink, size_t count)
{
	(void)offset;
	(void)sink;
	return recv(source, NULL, count, MSG_DONTWAIT | MSG_TRUNC);
}

static void
pipe_enlarge(int fd)
{
	if (fcntl(fd, F_GETPIPE_SZ) < PIPE_LARGE)
		fcntl(fd, F_SETPIPE_SZ, PIPE_LARGE);
}
#else
static ssize_t
copy_splice(int source, off_t *offset, int sink, size_t count)
{
	(void)source;
	(void)offset;
	(void)sink;
	(void)count;
	errno = ENOSYS;
	return -1;
}

#define copy_sendfile copy_splice
#define copy_discard  copy_splice

static void
pipe_enlarge(int fd)
{
	(void)fd;
}
#endif

/* Who is at the other end of a Unix socket, in words, none if nobody says. */
static void
unix_credentials(int fd, char *words, size_t room)
{
#if defined(SO_PEERCRED) && defined(SCM_CREDENTIALS)
	struct ucred peer;
	socklen_t length = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0) {
		snprintf(words, room, "uid %lu, pid %ld",
			(unsigned long)peer.uid, (long)peer.pid);
		return;
	}
#elif defined(SO_PEERCRED) || defined(LOCAL_PEERCRED) || defined(LOCAL_PEEREID)
	uid_t uid;
	gid_t gid;

	if (getpeereid(fd, &uid, &gid) == 0) {
		snprintf(words, room, "uid %lu", (unsigned long)uid);
		return;
	}
#else
	(void)fd;
	(void)room;
#endif
	*words = '\0';
}

/*
 * Gives up, for good, whatever a pump has no use for: new privileges, files,
 * TCP bind and connect, abstract sockets and signals of others, as far as the
 * kernel knows how to (landlock(7)).  The directories named, if any, stay open
 * to the removal of files, and with abstract so do abstract sockets.  Returns
 * the version of Landlock, 0 if there is none, -1 if it failed.
 */
#ifdef SANDBOX
/* <linux/landlock.h> is not everywhere: these are its numbers. */
struct landlock_rules {
	uint64_t files, network, scopes;
};

struct landlock_path {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule	    445
#define SYS_landlock_restrict_self  446
#endif
#define LANDLOCK_VERSION     1	/* a flag of create: only tell the version */
#define LANDLOCK_PATH	     1	/* a kind of rule */
#define LANDLOCK_REMOVE_FILE 32 /* a right */

/* How many rights to the file system each version has, 1 to 5. */
static const unsigned char landlock_file_rights[] = { 13, 14, 15, 15, 16 };

static int
sandbox_open_directory(int rules, const char *path)
{
	struct landlock_path rule = { LANDLOCK_REMOVE_FILE, -1 };
	int result, error;

	rule.fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (rule.fd < 0)
		return -1;
	result = (int)syscall(
		SYS_landlock_add_rule, rules, LANDLOCK_PATH, &rule, 0);
	error = errno;
	close(rule.fd);
	errno = error;
	return result;
}

static int
sandbox_enter(const char *const *directories, bool abstract)
{
	struct landlock_rules give_up = { 0, 0, 0 };
	const long newest = sizeof landlock_file_rights;
	const long version = syscall(
		SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_VERSION);
	int rules, rights, error, result = 0;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0 || version < 1)
		return 0;
	rights =
		landlock_file_rights[(version < newest ? version : newest) - 1];
	give_up.files = (UINT64_C(1) << rights) - 1;
	if (version >= 4)
		give_up.network = 3; /* bind, connect */
	if (version >= 6)
		give_up.scopes = abstract ? 2 : 3; /* abstract, signals */
	rules = (int)syscall(
		SYS_landlock_create_ruleset, &give_up, sizeof give_up, 0);
	if (rules < 0)
		return -1;
	/* Rather no sandbox than a path that stays for ever. */
	for (; *directories != NULL && result == 0; directories++)
		result = sandbox_open_directory(rules, *directories);
	if (result == 0)
		result = (int)syscall(SYS_landlock_restrict_self, rules, 0);
	error = errno;
	close(rules);
	errno = error;
	return result < 0 ? -1 : (int)version;
}
#else
static int
sandbox_enter(const char *const *directories, bool abstract)
{
	(void)directories;
	(void)abstract;
	return 0;
}
#endif

/* Whether the peer of a stream has ended, be that read or not. */
static bool
socket_hung_up(int fd)
{
#ifdef POLLRDHUP
	struct pollfd peer = { fd, POLLRDHUP, 0 };

	return poll(&peer, 1, 0) > 0;
#else
	struct pollfd peer = { fd, POLLIN, 0 };
	char byte;

	return poll(&peer, 1, 0) > 0 &&
		((peer.revents & (POLLERR | POLLHUP)) ||
			recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0);
#endif
}

/*
 * Whether a socket that was refused can connect again, once a second connect
 * has told of it.  POSIX leaves it open; Linux, which has splice, can.
 */
static bool
socket_reconnects(void)
{
#ifdef SPLICE_F_NONBLOCK
	return true;
#else
	return false;
#endif
}

/* ---- types -------------------------------------------------------------- */

/* Exit statuses, by whose fault it was. */
enum status {
	STATUS_OK = 0,
	STATUS_REFUSED = 1,   /* refused or unreachable */
	STATUS_USAGE = 2,     /* the command line */
	STATUS_NOT_FOUND = 3, /* the name */
	STATUS_TIMEOUT = 4,   /* a limit that the user set, or ETIMEDOUT */
	STATUS_SETUP = 5,     /* the socket could not be made as asked */
	STATUS_LOST = 6,      /* the connection, after it was made */
	STATUS_LOCAL = 7,     /* disk, descriptors, memory, stdin */
	STATUS_PROXY = 8,     /* it refused, or spoke nonsense */
	STATUS_NOT_RUN = 126, /* the program of -e */
	STATUS_NO_PROGRAM = 127
};

/* What the user named: a host and port, or a path in the Unix domain. */
struct endpoint {
	char host[HOST_MAX]; /* empty: any address */
	const char *port;    /* digits or the name of a service */
	const char *path;    /* Unix; a leading @ makes it abstract */
};

/* A set of ports, a bit for each. */
struct port_set {
	unsigned char bits[PORTS / 8];
};

/*
 * The addresses that have the first bits in common with this one, which is
 * IPv6's or, with four bytes, IPv4's.
 */
struct cidr {
	unsigned char bytes[sizeof(struct in6_addr)];
	size_t length;	/* bytes */
	int64_t prefix; /* bits */
};

struct cidrs {
	int count;
	struct cidr at[CIDRS_MAX];
};

/* A socket option as its numbers. */
struct socket_setting {
	int level, name, value;
};

struct settings {
	int count;
	struct socket_setting at[SETTINGS_MAX];
};

/* Who may come: nobody denied and, if any are allowed, only those. */
struct access {
	struct cidrs allow, deny;
};

/*
 * The command line.  Numbers and times that were not given are UNSET while it
 * is parsed, and NEVER from then on if they have no default.
 */
struct options {
	bool ipv4, ipv6, unix_domain, datagrams, numeric;
	int64_t type_chosen, protocol_chosen;
	const char *source, *port;

	const char *interface;

	int64_t timeout_ms, connect_timeout_ms, wait_ms;
	bool pass_fd;
	const char *proxy, *proxy_user;
	int64_t proxy_type;

	bool listen, keep_open;
	bool reuse_addr, no_reuse_addr, reuse_port;
	int64_t accept_timeout_ms, backlog, max_conns, fd, mode;
	const char *announce;
	struct access access;

	bool half_close, no_shutdown, no_stdin, send_only;
	int64_t quit_after_ms, idle_timeout_ms, deadline_ms;
	int64_t leave_after_ms; /* -q, once the peer has ended */
	int64_t recv_limit;	/* messages */
	bool crlf, telnet, line_datagrams;
	int64_t interval_ms;

	const char *exec, *sh_exec;

	bool scan, random;
	int64_t jobs;

	int64_t rcvbuf, sndbuf; /* bytes */
	int64_t tos, ttl, min_ttl;
	bool broadcast, so_debug, keepalive, nagle;
	struct settings settings;

	bool verbose;
	const char *hex_dump;
	bool progress, stats, help, version;
	int64_t completion;
	bool no_sandbox;

	int type;	  /* SOCK_STREAM and so on */
	int protocol;	  /* 0: the type's own */
	bool messages;	  /* it keeps them apart */
	bool no_delay;	  /* TCP_NODELAY */
	bool share_group; /* each member of a group gets all that is sent */
	char protocol_name[sizeof "seqpacket"];

	struct port_set ports; /* to scan; none in the Unix domain */
	int port_count;	       /* how many they are */
	char port_first[sizeof "65535"];

	struct endpoint target;	  /* to connect to or listen on */
	struct endpoint local;	  /* to connect from */
	struct endpoint proxy_at; /* to connect to first */
};

/* A socket address as the kernel takes and gives it. */
struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		struct sockaddr_storage storage;
	};
	socklen_t length; /* 0: none */
};

/* The candidate addresses of an endpoint, best first. */
struct addresses {
	int count;
	struct address at[ADDRESSES_MAX];
};

/* What the kernel gave: a descriptor, and how it wants to be used. */
enum stream_kind {
	STREAM_NOWHERE, /* what is written is dropped */
	STREAM_FILE,	/* never blocks for long, poll says nothing */
	STREAM_PIPE,
	STREAM_TERMINAL,
	STREAM_NULL,   /* the null device */
	STREAM_DEVICE, /* any other file that may block */
	STREAM_SOCKET
};

struct dump;

struct stream {
	enum stream_kind kind;
	int fd;
	off_t offset;	     /* in a file that others read too, or -1 */
	size_t write_max;    /* bytes that a write may have without blocking */
	bool write_polled;   /* blocks unless poll has said POLLOUT */
	int null_fd;	     /* to take the place of standard output */
	bool lines;	     /* others write there too, and each line whole */
	bool messages;	     /* keeps message boundaries */
	bool datagrams;	     /* has no connection, and an empty one no end */
	bool tcp;	     /* is the kernel's own TCP */
	bool unconnected;    /* a datagram names who it is for */
	bool spread;	     /* it is for many, who may all answer */
	bool tells_place;    /* the kernel tells each datagram's */
	struct place place;  /* the last one's */
	bool roaming;	     /* hears everyone, answers the last */
	bool truncated;	     /* a datagram was too long to be read whole */
	int error;	     /* told already, but what came before is unread */
	struct dump *dump;   /* of all that goes over it, or NULL */
	struct address peer; /* of a network stream */
	const struct access *access; /* of who may send there, if roaming */
};

/* A ring: what has been read and not yet written. */
struct buffer {
	size_t size, start, length;
	char bytes[RING_LINE];
};

/* One call of the kernel that moves bytes past us; see the platform section. */
typedef ssize_t copier(int source, off_t *offset, int sink, size_t count);

/*
 * What stands between a read and the ring: bytes become others, at most twice
 * as many, which are put at to.  Returns how many they are.
 */
typedef size_t tap(void *memory, const char *from, size_t length, char *to);

/* One direction.  It goes through these states in this order. */
enum flow_state {
	FLOW_OPEN,     /* reading and writing */
	FLOW_DRAINING, /* nothing more is read, what is queued is written */
	FLOW_ENDED     /* the sink has been told, or is gone */
};

struct flow {
	enum flow_state state;
	struct stream *source, *sink;
	uint64_t bytes;	   /* written */
	uint64_t messages; /* read */
	uint64_t messages_written;
	uint64_t read_max;     /* bytes that may still be read */
	uint64_t messages_max; /* that may be read in all */
	int64_t eof_at;	       /* when the source ended, or NEVER */
	int64_t moved_at;      /* when it last read or wrote */
	int64_t retry_at; /* the sink is short of memory until then, or NEVER */
	copier *copy;	  /* NULL: none */
	bool bulk;	  /* so much comes at once that it is worth it */
	bool sink_full;	  /* the copy found no room */
	bool pipe_enlarged;
	bool rush;	    /* so many datagrams came that more will */
	bool fault_at_sink; /* where the error was that flow_move returned */
	tap *tap;	    /* NULL: none */
	void *tap_memory;
	bool by_line;	       /* a write is one line, */
	bool line_bare;	       /* without its newline */
	bool line_skip;	       /* the rest of a line that was too long */
	struct telnet *telnet; /* whose replies go this way, or NULL */
	bool half_pair;	       /* a byte that telnet doubles was written once */
	int64_t interval_ms;   /* from one line to the next, or 0 */
	int64_t line_at;       /* when the next line may go, or NEVER: now */
	struct buffer buffer;
};

/* The signals that sockcat does not leave as they came. */
enum { SIGNALS = 9 };

struct signals {
	sigset_t came; /* the mask that it was started with */
	sigset_t waiting;
	struct sigaction actions[SIGNALS]; /* likewise */
	bool pipe_ignored;		   /* so came SIGPIPE */
};

/* What -o writes, and where. */
struct dump {
	const char *name; /* NULL: there is none */
	int fd;
	uint64_t up, down; /* bytes that are in it */
	int error;	   /* that has ended it, or 0 */
	int64_t deadline;
	const sigset_t *waiting; /* the mask while a write waits */
};

/* What --stats tells.  Times are microseconds, or NEVER. */
struct stats {
	int64_t began_us, found_us, connected_us, first_byte_us;
	struct address local, remote;
	uint64_t bytes_up, bytes_down, messages_up, messages_down;
	const char *end; /* why, if that is not what the status says, or NULL */
	bool none;	 /* clients tell of themselves */
};

/* One run of the program: what is the same for all that it does. */
struct run {
	const struct options *options;
	char **program; /* of -e or -c, or NULL */
	struct signals signals;
	struct dump dump;
	struct stats stats; /* each client's of -k in its own process */
};

/* ---- diagnostics -------------------------------------------------------- */

/*
 * Waits until standard error has room, or a signal that is to end the program
 * comes: who should read it may never do so.  Returns whether there is room.
 * Signals are let in, so that caught_signal may be set by any warn or note.
 */
static bool
error_awaits(void)
{
	struct pollfd room = { STDERR_FILENO, POLLOUT, 0 };
	int ready;

	do
		ready = poll_masked(
			&room, 1, caught_signal ? 0 : NEVER, &signals_came);
	while (ready < 0 && errno == EINTR);
	return ready != 0;
}

/*
 * One write a line, so that lines of several processes do not mix, and one
 * line, whatever is named in it.
 */
static void
print_line(const char *prefix, const char *format, va_list arguments)
{
	char text[MESSAGE_MAX];
	char line[MESSAGE_MAX + sizeof "\r" LINE_ERASE "sockcat: \n"];
	char *c;

	vsnprintf(text, sizeof text, format, arguments);
	while ((c = strpbrk(text, "\n\v\f\r")) != NULL)
		*c = '?';
	snprintf(line, sizeof line, "%s%s%s\n",
		progress_stands ? "\r" LINE_ERASE : "", prefix, text);
	progress_stands = false;
	if (error_awaits())
		fputs(line, stderr);
}

__attribute__((format(printf, 1, 2))) static void
warn(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_line("sockcat: ", format, arguments);
	va_end(arguments);
}

/* What -v adds, in the words of nc and like there without a prefix. */
__attribute__((format(printf, 1, 2))) static void
note(const char *format, ...)
{
	va_list arguments;

	if (!verbose)
		return;
	va_start(arguments, format);
	print_line("", format, arguments);
	va_end(arguments);
}

__attribute__((noreturn, format(printf, 1, 2))) static void
usage(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_line("sockcat: ", format, arguments);
	va_end(arguments);
	fputs("Try 'sockcat --help'.\n", stderr);
	exit(STATUS_USAGE);
}

enum colour { RED = 31, GREEN, YELLOW };

/*
 * Whether what -v says of a port has colours: where it goes to a terminal,
 * unless the user wants none (no-color.org).
 */
static bool
paint_wanted(int fd)
{
	const char *unwanted = getenv("NO_COLOR"), *kind = getenv("TERM");

	return verbose && (unwanted == NULL || *unwanted == '\0') &&
		kind != NULL && strcmp(kind, "dumb") != 0 && isatty(fd);
}

/* The words in that colour, if it is wanted. */
static const char *
paint(char painted[PAINTED_MAX], bool wanted, enum colour colour,
	const char *words)
{
	if (!wanted)
		return words;
	snprintf(painted, PAINTED_MAX, "\033[%dm%s\033[0m", colour, words);
	return painted;
}

/* As strerror(3), where no network but a limit of ours is what times out. */
static const char *
error_words(int error)
{
	return error == ETIMEDOUT ? "time limit passed" : strerror(error);
}

/* Errors that pass as soon as somebody closes or frees something. */
static bool
error_is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS ||
		error == ENOMEM;
}

/* Nothing could be moved now; poll says when to come again. */
static bool
would_block(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/* Whose fault an error of socket, bind or connect is. */
static enum status
error_status(int error, enum status otherwise)
{
	if (error == ETIMEDOUT)
		return STATUS_TIMEOUT;
	return error_is_shortage(error) ? STATUS_LOCAL : otherwise;
}

/*
 * How much an error says about a target of several addresses, where only one
 * can be told: an answer more than silence, and that more than no way there.
 */
static int
error_weight(int error)
{
	switch (error) {
	case EAFNOSUPPORT: /* the system has no such family */
		return 1;
	case EADDRNOTAVAIL:
	case EHOSTUNREACH:
	case ENETDOWN:
	case ENETUNREACH:
		return 2;
	case ETIMEDOUT:
		return 3;
	default:
		return 4;
	}
}

/* The most telling failure, to be printed once nothing is left to try. */
struct failure {
	enum status status;
	int weight; /* 0: none yet */
	char text[MESSAGE_MAX];
};

/* With -v each failure is told at once, else one at the end. */
__attribute__((format(printf, 4, 5))) static void
failure_set(struct failure *failure, enum status status, int error,
	const char *format, ...)
{
	char text[MESSAGE_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (verbose)
		warn("%s", text);
	if (error_weight(error) < failure->weight)
		return;
	failure->weight = error_weight(error);
	failure->status = status;
	memcpy(failure->text, text, sizeof text);
}

static enum status
failure_report(const struct failure *failure)
{
	if (!verbose)
		warn("%s", failure->text);
	return failure->status;
}

/* ---- text to values ----------------------------------------------------- */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Reads digits at *text, and moves it past them.  False: none, or too many. */
static bool
digits_parse(const char **text, int64_t *value)
{
	const int64_t limit = INT64_MAX / 10 - 1;
	const char *c = *text;

	for (*value = 0; is_digit(*c); c++) {
		if (*value > limit)
			return false;
		*value = *value * 10 + (*c - '0');
	}
	if (c == *text)
		return false;
	*text = c;
	return true;
}

/* A decimal number from low to high and nothing else: no sign, no blank. */
static bool
number_parse(const char *text, int64_t low, int64_t high, int64_t *value)
{
	return digits_parse(&text, value) && *text == '\0' && *value >= low &&
		*value <= high;
}

/* Octal digits and nothing else, up to high. */
static bool
octal_parse(const char *text, int64_t high, int64_t *value)
{
	const char *c = text;

	for (*value = 0; *c >= '0' && *c <= '7' && *value <= high; c++)
		*value = *value * 8 + (*c - '0');
	return c > text && *c == '\0' && *value <= high;
}

/* Bytes, with k, M or G in powers of 1024, from low to high. */
static bool
size_parse(const char *text, int64_t low, int64_t high, int64_t *value)
{
	int64_t unit = 1;

	if (!digits_parse(&text, value))
		return false;
	if (*text == 'k' || *text == 'K')
		unit = 1024;
	else if (*text == 'M')
		unit = 1024 * 1024;
	else if (*text == 'G')
		unit = 1024 * 1024 * 1024;
	if (text[unit > 1] != '\0' || *value > high / unit)
		return false;
	*value *= unit;
	return *value >= low && *value <= high;
}

/* Milliseconds in the unit that a duration ends with, 0 if it is none. */
static int64_t
unit_ms(const char *suffix)
{
	if (*suffix == '\0' || strcmp(suffix, "s") == 0)
		return 1000;
	if (strcmp(suffix, "ms") == 0)
		return 1;
	if (strcmp(suffix, "m") == 0)
		return 60 * 1000;
	return 0;
}

/*
 * Seconds with an optional fraction, or with a unit: 5, 0.5, .5, 200ms, 2m.
 * Rounded up, so that only a true zero is zero.  At most ten years.
 */
static bool
duration_parse(const char *text, int64_t *ms)
{
	const int64_t limit_s = INT64_C(315360000);
	int64_t whole = 0, fraction = 0, scale = 1, rest = 0, unit;
	const char *c = text;

	if (*c != '.' && !digits_parse(&c, &whole))
		return false;
	if (*c == '.') {
		if (!is_digit(*++c))
			return false;
		for (; is_digit(*c); c++)
			if (scale < INT64_C(1000000000000)) {
				fraction = fraction * 10 + (*c - '0');
				scale *= 10;
			} else if (*c != '0')
				rest = 1;
	}
	unit = unit_ms(c);
	if (unit == 0 || whole > limit_s * 1000 / unit)
		return false;
	*ms = whole * unit + (fraction * unit + rest + scale - 1) / scale;
	return true;
}

/* A word that stands for a number; a list of them ends with NULL. */
struct word {
	const char *name;
	int number;
};

static bool
word_parse(const struct word *words, const char *text,
	int (*compare)(const char *, const char *), int64_t *number)
{
	while (words->name != NULL && compare(text, words->name) != 0)
		words++;
	if (words->name != NULL)
		*number = words->number;
	return words->name != NULL;
}

/*
 * The byte that IPv4 calls type of service and IPv6 traffic class, by number or
 * by name: code points of RFC 2474, 2597, 3246, 5865 and 8622, which are its
 * upper six bits, and what they were called before (RFC 791, 1349).
 */
static const struct word tos_names[] = { { "af11", 0x28 }, { "af12", 0x30 },
	{ "af13", 0x38 }, { "af21", 0x48 }, { "af22", 0x50 }, { "af23", 0x58 },
	{ "af31", 0x68 }, { "af32", 0x70 }, { "af33", 0x78 }, { "af41", 0x88 },
	{ "af42", 0x90 }, { "af43", 0x98 }, { "critical", 0xa0 },
	{ "cs0", 0x00 }, { "cs1", 0x20 }, { "cs2", 0x40 }, { "cs3", 0x60 },
	{ "cs4", 0x80 }, { "cs5", 0xa0 }, { "cs6", 0xc0 }, { "cs7", 0xe0 },
	{ "ef", 0xb8 }, { "inetcontrol", 0xc0 }, { "le", 0x04 },
	{ "lowcost", 0x02 }, { "lowdelay", 0x10 }, { "netcontrol", 0xe0 },
	{ "reliability", 0x04 }, { "throughput", 0x08 }, { "va", 0xb0 },
	{ NULL, 0 } };

static bool
tos_parse(const char *text, int64_t *value)
{
	size_t length;

	if (word_parse(tos_names, text, strcmp, value))
		return true;
	if (text[0] != '0' || text[1] != 'x')
		return number_parse(text, 0, 255, value);
	length = strspn(text + 2, "0123456789abcdefABCDEF");
	*value = strtol(text, NULL, 16);
	return length > 0 && text[2 + length] == '\0' && *value <= 255;
}

/* LEVEL:NAME:VALUE of a socket option, in numbers. */
static bool
setting_parse(const char *text, struct socket_setting *setting)
{
	int *const fields[] = { &setting->level, &setting->name,
		&setting->value };
	static const char ends[] = { ':', ':', '\0' };
	int64_t number;
	bool negative;
	size_t i;

	for (i = 0; i < sizeof ends; i++) {
		negative = ends[i] == '\0' && *text == '-';
		text += negative;
		if (!digits_parse(&text, &number) || number > INT_MAX ||
			*text++ != ends[i])
			return false;
		*fields[i] = (int)(negative ? -number : number);
	}
	return true;
}

/* The place of a word among choices such as "stream|dgram: type", from 0. */
static bool
choice_parse(const char *choices, const char *text, int64_t *place)
{
	const size_t length = strlen(text);

	for (*place = 0;; ++*place) {
		const size_t next = strcspn(choices, "|:");

		if (next == length && memcmp(choices, text, length) == 0)
			return true;
		choices += next;
		if (*choices++ != '|')
			return false;
	}
}

/* The types of --type, in its order, and the protocol that each has itself. */
static const struct socket_type {
	const char *name, *protocol;
	int number;
} socket_types[] = { { "stream", "tcp", SOCK_STREAM },
	{ "dgram", "udp", SOCK_DGRAM },
	{ "seqpacket", "seqpacket", SOCK_SEQPACKET },
	{ "raw", "raw", SOCK_RAW } };

static const struct socket_type *
socket_type_of(int number)
{
	const struct socket_type *type = socket_types;

	while (type->number != number)
		type++;
	return type;
}

enum proxy_type { PROXY_SOCKS4, PROXY_SOCKS4A, PROXY_SOCKS5, PROXY_CONNECT };

static bool
proxy_type_parse(const char *text, int64_t *type)
{
	static const struct word names[] = { { "4", PROXY_SOCKS4 },
		{ "socks4", PROXY_SOCKS4 }, { "4a", PROXY_SOCKS4A },
		{ "socks4a", PROXY_SOCKS4A }, { "5", PROXY_SOCKS5 },
		{ "socks5", PROXY_SOCKS5 }, { "connect", PROXY_CONNECT },
		{ "http", PROXY_CONNECT }, { NULL, 0 } };

	return word_parse(names, text, strcasecmp, type);
}

/* Whether a text has no control byte, and none below the lowest it may have. */
static bool
text_is_plain(const char *text, size_t length, char lowest)
{
	size_t i;

	for (i = 0; i < length; i++)
		if ((unsigned char)text[i] < (unsigned char)lowest ||
			text[i] == 0x7f)
			return false;
	return true;
}

static bool
port_set_has(const struct port_set *set, int64_t port)
{
	return set->bits[port / 8] >> port % 8 & 1;
}

static void
port_set_add(struct port_set *set, int64_t low, int64_t high)
{
	for (; low <= high; low++)
		set->bits[low / 8] |= (unsigned char)(1 << low % 8);
}

/* A port to connect to, or a range of them: 80, 8000-8100. */
static bool
port_range_parse(const char *text, int64_t *low, int64_t *high)
{
	if (!digits_parse(&text, low))
		return false;
	*high = *low;
	if (*text == '-' && (text++, !digits_parse(&text, high)))
		return false;
	return *text == '\0' && *low > 0 && *low <= *high && *high < PORTS;
}

/* A port from 0 to 65535, or a word that may be the name of a service. */
static bool
port_parse(const char *text)
{
	int64_t number;

	return is_letter(*text) || number_parse(text, 0, 65535, &number);
}

/* Has IPv4 in IPv6's clothes (RFC 4291, 2.5.5.2) become IPv4. */
static void
cidr_unmap(struct cidr *cidr)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (cidr->length != sizeof cidr->bytes || cidr->prefix < 96 ||
		memcmp(cidr->bytes, mapped, sizeof mapped) != 0)
		return;
	memmove(cidr->bytes, cidr->bytes + 12, 4);
	cidr->length = 4;
	cidr->prefix -= 96;
}

/* An address, or the first of a network and the bits they share: 10.0.0.0/8. */
static bool
cidr_parse(const char *text, struct cidr *cidr)
{
	char address[INET6_ADDRSTRLEN];
	const size_t length = strcspn(text, "/");
	const bool ipv6 = memchr(text, ':', length) != NULL;

	if (length >= sizeof address)
		return false;
	memcpy(address, text, length);
	address[length] = '\0';
	if (inet_pton(ipv6 ? AF_INET6 : AF_INET, address, cidr->bytes) != 1)
		return false;
	cidr->length = ipv6 ? 16 : 4;
	cidr->prefix = (int64_t)cidr->length * 8;
	if (text[length] == '/' &&
		!number_parse(
			text + length + 1, 0, cidr->prefix, &cidr->prefix))
		return false;
	cidr_unmap(cidr);
	return true;
}

/* Whether an address, which is a network with all bits, is in a network. */
static bool
cidr_covers(const struct cidr *c, const struct cidr *address)
{
	const size_t whole = (size_t)c->prefix / 8;
	const int rest = (int)c->prefix % 8;

	if (c->length != address->length ||
		memcmp(c->bytes, address->bytes, whole) != 0)
		return false;
	return rest == 0 ||
		(c->bytes[whole] ^ address->bytes[whole]) >> (8 - rest) == 0;
}

static bool
cidrs_match(const struct cidrs *list, const struct cidr *address)
{
	int i;

	for (i = 0; i < list->count; i++)
		if (cidr_covers(&list->at[i], address))
			return true;
	return false;
}

/* Copies a host.  Returns NULL, or what is wrong with it. */
static const char *
host_copy(char host[HOST_MAX], const char *text, size_t length)
{
	if (length == 0)
		return "missing host";
	if (length >= HOST_MAX)
		return "host name is too long";
	memcpy(host, text, length);
	host[length] = '\0';
	return NULL;
}

/*
 * Splits HOST:PORT or [ADDR6]:PORT.  Copies the host, points at the port.
 * Returns NULL, or what is wrong with the text.
 */
static const char *
host_port_split(const char *text, char host[HOST_MAX], const char **port)
{
	const char *end, *colon = strrchr(text, ':');

	if (*text == '[') {
		end = strchr(text++, ']');
		if (end == NULL || end[1] != ':')
			return "not of the form [ADDRESS]:PORT";
		colon = end + 1;
	} else {
		end = colon;
		if (colon == NULL)
			return "missing port";
		if (strchr(text, ':') != colon)
			return "an IPv6 address with a port goes in brackets";
	}
	*port = colon + 1;
	return host_copy(host, text, (size_t)(end - text));
}

/* Copies a host that stands alone, without the brackets it may have. */
static const char *
host_parse(const char *text, char host[HOST_MAX])
{
	const size_t length = strlen(text);

	if (*text == '[' && text[length - 1] == ']')
		return host_copy(host, text + 1, length - 2);
	return host_copy(host, text, length);
}

/* ---- values to text ----------------------------------------------------- */

/* Bytes in at least three digits: "12.3 MiB". */
static void
amount_print(double bytes, char text[AMOUNT_MAX])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB",
		"EiB" };
	const char *const *unit = units;

	if (bytes < 1024) {
		snprintf(text, AMOUNT_MAX, "%d B", (int)bytes);
		return;
	}
	for (bytes /= 1024; bytes >= 1023.5; bytes /= 1024)
		unit++;
	snprintf(text, AMOUNT_MAX, "%.*f %s",
		bytes < 9.995	      ? 2 :
			bytes < 99.95 ? 1 :
					0,
		bytes, *unit);
}

/* "3:05", or with hours "1:03:05". */
static void
elapsed_print(int64_t ms, char text[ELAPSED_MAX])
{
	const int64_t seconds = ms / 1000;
	const int second = (int)(seconds % 60);
	const int minute = (int)(seconds / 60 % 60);
	const long long hours = seconds / 3600;

	if (hours == 0)
		snprintf(text, ELAPSED_MAX, "%d:%02d", minute, second);
	else
		snprintf(text, ELAPSED_MAX, "%lld:%02d:%02d", hours, minute,
			second);
}

/* What a line of --progress tells. */
struct progress {
	uint64_t up, down; /* bytes */
	int64_t elapsed_ms;
	double rate;	/* bytes a second now, negative at the end */
	double portion; /* of the file on stdin, negative if there is none */
};

/* How much of it is done: a bar of so many columns, if there are enough. */
static int
progress_bar(double portion, int columns, char *to)
{
	const int inside = columns - (int)(sizeof " []" - 1);
	const int done = (int)(portion * inside);
	int i;

	if (inside < 3)
		return 0;
	strcpy(to, " [");
	to += 2;
	for (i = 0; i < inside; i++)
		*to++ = i < done ? '=' : i == done ? '>' : ' ';
	strcpy(to, "]");
	return columns;
}

/* Of a file on stdin: how much of it is done, and how much time is left. */
static void
progress_portion(const struct progress *p, int columns, char *to)
{
	const double portion = p->portion < 1 ? p->portion : 1;
	char left[ELAPSED_MAX + sizeof "  left"] = "", time[ELAPSED_MAX];
	int length = sprintf(to, ", %d %%", (int)(portion * 100));

	if (p->rate < 0)
		return;
	/* A file may be so large that it would take for ever. */
	if (portion > 0 && (double)p->elapsed_ms / portion < 1e15) {
		elapsed_print((int64_t)((double)p->elapsed_ms / portion -
				      (double)p->elapsed_ms),
			time);
		snprintf(left, sizeof left, " %s left", time);
	}
	columns -= length + (int)strlen(left);
	length += progress_bar(portion, columns, to + length);
	if (columns >= 0)
		strcpy(to + length, left);
}

/* Leaves out of a line, from its end, what so many columns do not hold. */
static void
progress_cut(char *line, int columns)
{
	char *comma;

	while ((int)strlen(line) > columns) {
		comma = strrchr(line, ',');
		if (comma == NULL)
			comma = line + columns;
		*comma = '\0';
	}
}

/* The line of --progress, for a terminal of so many columns. */
static void
progress_print(const struct progress *p, int columns, char line[PROGRESS_MAX])
{
	const double seconds = (double)(p->elapsed_ms > 0 ? p->elapsed_ms : 1) /
		1000;
	char amount[AMOUNT_MAX], time[ELAPSED_MAX];
	int length = 0;

	if (columns > PROGRESS_MAX / 2)
		columns = PROGRESS_MAX / 2;
	if (p->up > 0 || p->down == 0) {
		amount_print((double)p->up, amount);
		length += sprintf(line + length, "%s up, ", amount);
	}
	if (p->down > 0) {
		amount_print((double)p->down, amount);
		length += sprintf(line + length, "%s down, ", amount);
	}
	if (p->rate >= 0) {
		amount_print(p->rate, amount);
		length += sprintf(line + length, "%s/s now, ", amount);
	}
	amount_print((double)(p->up + p->down) / seconds, amount);
	elapsed_print(p->elapsed_ms, time);
	length += sprintf(line + length, "%s/s mean, %s", amount, time);
	if (p->portion >= 0)
		progress_portion(p, columns - 1 - length, line + length);
}

/*
 * A line of a hex dump: which way, how far behind the beginning, and at most
 * DUMP_BYTES bytes.  Returns its length, the newline included.
 */
static size_t
dump_print(char way, uint64_t offset, const char *bytes, size_t count,
	char line[DUMP_LINE])
{
	static const char digits[] = "0123456789abcdef";
	char *to = line;
	size_t i;

	to += sprintf(line, "%c %08llx ", way, (unsigned long long)offset);
	memset(to, ' ', 3 * DUMP_BYTES);
	for (i = 0; i < count; i++) {
		const unsigned char byte = (unsigned char)bytes[i];

		to[3 * i] = digits[byte >> 4];
		to[3 * i + 1] = digits[byte & 15];
	}
	to += 3 * DUMP_BYTES;
	*to++ = '#';
	*to++ = ' ';
	for (i = 0; i < count; i++)
		*to++ = (char)(bytes[i] >= ' ' && bytes[i] <= '~' ? bytes[i] :
								    '.');
	*to++ = '\n';
	return (size_t)(to - line);
}

/* The length of a character in UTF-8, or 0 if it is none (RFC 3629). */
static size_t
utf8_length(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;
	size_t length = 4, i;

	if (*c < 0x80)
		return 1;
	if (*c < 0xc2 || *c > 0xf4)
		return 0;
	if (*c < 0xf0)
		length = *c < 0xe0 ? 2 : 3;
	for (i = 1; i < length; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	/* Too long for what it says, half of a pair, or over U+10FFFF. */
	if ((*c == 0xe0 && c[1] < 0xa0) || (*c == 0xed && c[1] > 0x9f) ||
		(*c == 0xf0 && c[1] < 0x90) || (*c == 0xf4 && c[1] > 0x8f))
		return 0;
	return length;
}

/*
 * A text as a string of JSON (RFC 8259): six bytes at most for each of its own,
 * and two quotes.  What is not UTF-8 becomes U+FFFD.
 */
static void
json_print(const char *text, char *to)
{
	size_t length;

	*to++ = '"';
	for (; *text != '\0'; text += length) {
		const unsigned char c = (unsigned char)*text;

		length = utf8_length(text);
		if (length == 0) {
			to += sprintf(to, "\\ufffd");
			length = 1;
		} else if (c < ' ' || c == 0x7f)
			to += sprintf(to, "\\u%04x", c);
		else {
			if (c == '"' || c == '\\')
				*to++ = '\\';
			memcpy(to, text, length);
			to += length;
		}
	}
	*to++ = '"';
	*to = '\0';
}

/* ---- options ------------------------------------------------------------ */

enum option_kind {
	OPTION_GROUP,	 /* a heading of --help */
	OPTION_FLAG,	 /* bool */
	OPTION_TEXT,	 /* const char * */
	OPTION_CIDR,	 /* struct cidrs, one more each time */
	OPTION_SETTING,	 /* struct settings, likewise */
	OPTION_NUMBER,	 /* int64_t, as all from here on: low to high */
	OPTION_CHOICE,	 /* the place of a word among those that begin help */
	OPTION_PROTOCOL, /* a number that may have a name */
	OPTION_TOS,	 /* likewise */
	OPTION_PROXY,	 /* enum proxy_type */
	OPTION_SIZE,	 /* bytes, low to high */
	OPTION_OCTAL,	 /* the same, written in octal */
	OPTION_DURATION, /* milliseconds */
	OPTION_DELAY	 /* the same, but anything negative is NEVER */
};

struct option_row {
	enum option_kind kind;
	char letter; /* 0: none */
	const char *name;
	const char *argument; /* what --help calls it, NULL: it has none */
	size_t field;
	int64_t low, high;
	const char *help;
};

/* clang-format off */
#define GROUP(text) { OPTION_GROUP, 0, NULL, NULL, 0, 0, 0, text }
#define ROW(kind, letter, name, argument, field, low, high, help) \
	{ kind, letter, name, argument, offsetof(struct options, field), low, \
		high, help }
#define FLAG(letter, name, field, help) \
	ROW(OPTION_FLAG, letter, name, NULL, field, 0, 0, help)
#define TEXT(letter, name, argument, field, help) \
	ROW(OPTION_TEXT, letter, name, argument, field, 0, 0, help)
#define TIME(letter, name, field, help) \
	ROW(OPTION_DURATION, letter, name, "T", field, 0, 0, help)
#define CIDR(name, field, help) \
	ROW(OPTION_CIDR, 0, name, "CIDR", field, 0, 0, help)
#define SIZE(letter, name, field, help) \
	ROW(OPTION_SIZE, letter, name, "N", field, 1, INT_MAX, help)
#define NUMBER(letter, name, field, low, high, help) \
	ROW(OPTION_NUMBER, letter, name, "N", field, low, high, help)

/* To add an option: one row here, one field, one entry in the manual. */
static const struct option_row option_rows[] = {
GROUP("Address"),
FLAG('4', "ipv4", ipv4, "domain: IPv4 only"),
FLAG('6', "ipv6", ipv6, "domain: IPv6 only"),
FLAG('U', "unix", unix_domain, "domain: Unix, a PATH or an abstract @NAME"),
FLAG('u', "udp", datagrams, "type: datagrams, UDP or with -U Unix's own"),
ROW(OPTION_CHOICE, 0, "type", "TYPE", type_chosen, 0, 0,
	"stream|dgram|seqpacket|raw: type by its name"),
ROW(OPTION_PROTOCOL, 0, "protocol", "NAME|NUMBER", protocol_chosen, 0, 0,
	"protocol: another than the type's own"),
FLAG('n', "numeric", numeric, "look no names up"),
TEXT('s', "source", "ADDR", source, "connect from ADDR, or listen on it"),
TEXT('p', "port", "PORT", port, "connect from PORT, or listen on it"),
TEXT(0, "interface", "IF", interface, "only by way of this network interface"),
GROUP("Connect"),
TIME('w', "timeout", timeout_ms, "limit for connecting, and for idleness"),
TIME(0, "connect-timeout", connect_timeout_ms, "limit for connecting alone"),
TIME(0, "wait", wait_ms, "keep trying to connect for T"),
FLAG('F', "pass-fd", pass_fd, "pass the connection on over stdout"),
TEXT('x', "proxy", "ADDR[:PORT]", proxy, "connect through a proxy"),
ROW(OPTION_PROXY, 'X', "proxy-type", "TYPE", proxy_type, 0, 0,
	"4|4A|5|connect: which SOCKS, or HTTP's (5)"),
TEXT('P', "proxy-user", "USER", proxy_user, "who we are to the proxy"),
GROUP("Listen"),
FLAG('l', "listen", listen, "listen, and serve one connection"),
FLAG('k', "keep-open", keep_open, "go on listening, serve many at once"),
NUMBER(0, "max-conns", max_conns, 1, PORTS, "served at once with -k (100)"),
TIME(0, "accept-timeout", accept_timeout_ms, "limit for a client to come"),
NUMBER(0, "backlog", backlog, 0, INT_MAX, "connections that may queue (128)"),
TEXT(0, "announce", "FD|PATH", announce, "write ADDRESS PORT once listening"),
NUMBER(0, "fd", fd, LISTEN_FD, INT_MAX, "listen on a socket that is open"),
CIDR("allow", access.allow, "serve these clients only (repeatable)"),
CIDR("deny", access.deny, "do not serve these (repeatable)"),
ROW(OPTION_OCTAL, 0, "mode", "OCTAL", mode, 0, 0777,
	"permissions of the Unix socket's path"),
FLAG(0, "reuse-addr", reuse_addr, "SO_REUSEADDR (the default for streams)"),
FLAG(0, "no-reuse-addr", no_reuse_addr, "no SO_REUSEADDR"),
FLAG(0, "reuse-port", reuse_port, "SO_REUSEPORT: share the port"),
GROUP("Transfer"),
FLAG('N', "half-close", half_close, "send FIN at stdin's end (the default)"),
FLAG(0, "no-shutdown", no_shutdown, "send no FIN at stdin's end"),
ROW(OPTION_DELAY, 'q', "quit-after", "T", quit_after_ms, 0, 0,
	"end T after stdin's end (negative: never)"),
FLAG('d', "no-stdin", no_stdin, "do not read stdin, send no FIN"),
FLAG(0, "recv-only", no_stdin, "the same as --no-stdin"),
FLAG(0, "send-only", send_only, "drop what arrives, end when all is sent"),
NUMBER('W', "recv-limit", recv_limit, 1, INT_MAX, "end after N datagrams"),
FLAG('C', "crlf", crlf, "send lines with CR and LF at their ends"),
TIME('i', "interval", interval_ms, "send a line, or probe a port, every T"),
TIME(0, "idle-timeout", idle_timeout_ms, "limit for nothing to move"),
TIME(0, "deadline", deadline_ms, "limit for all, from start or accept"),
FLAG(0, "line-datagrams", line_datagrams, "send each line as a datagram"),
FLAG('t', "telnet", telnet, "refuse what telnet servers ask for"),
GROUP("Run"),
TEXT('e', "exec", "PROGRAM", exec, "run PROGRAM, its words split at blanks"),
TEXT('c', "sh-exec", "COMMAND", sh_exec, "run COMMAND by sh -c"),
GROUP("Scan"),
FLAG('z', "scan", scan, "test a port, or list those that are open"),
FLAG('r', "random", random, "probe ports in random order"),
NUMBER(0, "jobs", jobs, 1, PORTS - 1, "ports probed at once (256)"),
GROUP("Socket"),
SIZE('I', "rcvbuf", rcvbuf, "bytes that may wait to be read"),
SIZE('O', "sndbuf", sndbuf, "bytes that may wait to be sent"),
ROW(OPTION_TOS, 'T', "tos", "NAME|NUMBER", tos, 0, 0,
	"type of service, or DSCP by name (ef, af21)"),
NUMBER('M', "ttl", ttl, 1, 255, "time to live, or hop limit"),
NUMBER('m', "min-ttl", min_ttl, 0, 255, "drop what arrives with less"),
FLAG('b', "broadcast", broadcast, "may send to broadcast addresses"),
FLAG('D', "so-debug", so_debug, "SO_DEBUG"),
FLAG(0, "keepalive", keepalive, "notice a peer that is gone, in hours"),
FLAG(0, "nagle", nagle, "let the kernel delay small segments"),
ROW(OPTION_SETTING, 0, "sockopt", "LEVEL:NAME:VALUE", settings, 0, 0,
	"any other (repeatable)"),
GROUP("Output"),
FLAG('v', "verbose", verbose, "say what happens"),
TEXT('o', "hex-dump", "FILE", hex_dump,
	"write what goes over the network to FILE"),
FLAG(0, "progress", progress, "say now and then how much has gone"),
FLAG(0, "stats", stats, "say all about it at the end, in JSON"),
FLAG('h', "help", help, "print this and exit"),
FLAG(0, "version", version, "print the version and exit"),
ROW(OPTION_CHOICE, 0, "completion", "SHELL", completion, 0, 0,
	"bash|zsh|fish: print what completes it"),
GROUP("Safety"),
FLAG(0, "no-sandbox", no_sandbox, "keep the rights that are not needed"),
};
/* clang-format on */

#define OPTION_ROWS (sizeof option_rows / sizeof *option_rows)

/* Letters that mean something else in another netcat, and what to use. */
static const struct refusal {
	char letter;
	const char *instead;
} refusals[] = {
	/* clang-format off */
{ 'E', "to join a program's stderr to the socket, redirect it: 2>&1" },
{ 'f', "to use a file in the network's place, redirect it: < FILE > FILE" },
{ 'g', "kernels refuse source routes; set a route with ip(8)" },
{ 'G', "kernels refuse source routes; set a route with ip(8)" },
{ 'H', "there is no TLS here; use openssl s_client or ncat --ssl" },
{ 'K', "there is no TLS here; use openssl s_server or ncat --ssl" },
{ 'L', "to listen for many clients use -l -k" },
{ 'R', "there is no TLS here; use openssl s_client or ncat --ssl" },
{ 'S', "there are no TCP MD5 signatures here; use ssh or IPsec" },
{ 'V', "use --version; for another routing table use ip-vrf(8)" },
{ 'Z', "there is neither DCCP nor TLS here; use TCP, or -u for UDP" },
	/* clang-format on */
};

/* What says how to transfer has nothing to say to a program that does it. */
/* clang-format off */
#define TRANSFER(name, word) \
	{ "exec", WITH, name, word " does not fit -e: the program transfers" }, \
	{ "sh-exec", WITH, name, \
		word " does not fit -c: the command transfers" }, \
	{ "pass-fd", WITH, name, \
		word " does not fit -F: the connection is passed on" }

/* Options that cannot stand together, or not alone, and why. */
static const struct pair {
	const char *option;
	enum { WITH, WITHOUT } how;
	const char *other;
	const char *sentence;
} pairs[] = {
{ "ipv4", WITH, "ipv6", "-4 and -6 exclude each other" },
{ "unix", WITH, "ipv4", "-4 does not fit a Unix socket" },
{ "unix", WITH, "ipv6", "-6 does not fit a Unix socket" },
{ "unix", WITH, "port", "-p does not fit a Unix socket" },
{ "unix", WITH, "reuse-port", "--reuse-port does not fit a Unix socket" },
{ "unix", WITH, "interface", "--interface does not fit a Unix socket" },
{ "unix", WITH, "nagle", "--nagle is for TCP, not for a Unix socket" },
{ "unix", WITH, "keepalive", "--keepalive is for TCP, not for a Unix socket" },
{ "unix", WITH, "tos", "-T does not fit a Unix socket" },
{ "unix", WITH, "ttl", "-M does not fit a Unix socket" },
{ "unix", WITH, "min-ttl", "-m does not fit a Unix socket" },
{ "unix", WITH, "broadcast", "-b does not fit a Unix socket" },
{ "unix", WITH, "allow", "--allow does not fit a Unix socket: use --mode" },
{ "unix", WITH, "deny", "--deny does not fit a Unix socket: use --mode" },
{ "unix", WITH, "proxy", "-x does not fit a Unix socket" },
{ "broadcast", WITHOUT, "udp", "-b is for datagrams: it needs -u" },
{ "udp", WITH, "min-ttl", "-m is for TCP: for datagrams nobody looks at it" },
{ "udp", WITH, "keepalive",
	"--keepalive is for connections, not for datagrams" },
{ "udp", WITH, "nagle", "--nagle is for TCP, not for datagrams" },
{ "udp", WITH, "backlog", "--backlog is for connections, not for datagrams" },
{ "udp", WITH, "max-conns",
	"--max-conns is for connections, not for datagrams" },
{ "mode", WITHOUT, "unix", "--mode is for the path of a Unix socket" },
{ "proxy-type", WITHOUT, "proxy", "-X needs -x" },
{ "proxy-user", WITHOUT, "proxy", "-P needs -x" },
{ "udp", WITH, "proxy", "-x is for streams, not for datagrams" },
{ "proxy", WITH, "listen", "-x does not fit -l" },
{ "pass-fd", WITH, "listen", "-F does not fit -l" },
{ "pass-fd", WITH, "scan", "-F does not fit -z" },
{ "pass-fd", WITH, "exec", "-F does not fit -e" },
{ "pass-fd", WITH, "sh-exec", "-F does not fit -c" },
{ "keep-open", WITHOUT, "listen", "-k needs -l" },
{ "accept-timeout", WITHOUT, "listen", "--accept-timeout needs -l" },
{ "backlog", WITHOUT, "listen", "--backlog needs -l" },
{ "announce", WITHOUT, "listen", "--announce needs -l" },
{ "max-conns", WITHOUT, "keep-open", "--max-conns needs -k" },
{ "fd", WITHOUT, "listen", "--fd needs -l" },
{ "fd", WITH, "port", "--fd is bound already: -p does not fit" },
{ "fd", WITH, "source", "--fd is bound already: -s does not fit" },
{ "fd", WITH, "mode", "--fd is bound already: --mode does not fit" },
{ "fd", WITH, "backlog", "--fd listens already: --backlog does not fit" },
{ "fd", WITH, "type", "--fd is open already: --type does not fit" },
{ "fd", WITH, "protocol", "--fd is open already: --protocol does not fit" },
{ "fd", WITH, "interface", "--fd is bound already: --interface does not fit" },
{ "allow", WITHOUT, "listen", "--allow needs -l" },
{ "deny", WITHOUT, "listen", "--deny needs -l" },
{ "mode", WITHOUT, "listen", "--mode needs -l" },
{ "connect-timeout", WITH, "listen", "--connect-timeout does not fit -l" },
{ "wait", WITH, "listen", "--wait does not fit -l" },
{ "scan", WITH, "listen", "-z does not fit -l" },
{ "random", WITHOUT, "scan", "-r needs -z" },
{ "jobs", WITHOUT, "scan", "--jobs needs -z" },
{ "reuse-addr", WITH, "no-reuse-addr",
	"--reuse-addr and --no-reuse-addr exclude each other" },
{ "half-close", WITH, "no-shutdown",
	"-N and --no-shutdown exclude each other" },
{ "send-only", WITH, "no-stdin",
	"--send-only has nothing to send with -d or --recv-only" },
{ "interval", WITH, "no-stdin", "-i has nothing to send with -d" },
{ "crlf", WITH, "line-datagrams",
	"-C ends the lines that --line-datagrams takes apart" },
{ "telnet", WITH, "udp", "-t is for streams, not for datagrams" },
{ "send-only", WITH, "recv-limit", "-W waits for what --send-only drops" },
{ "scan", WITH, "recv-limit", "-W waits for what -z drops" },
{ "exec", WITH, "sh-exec", "-e and -c exclude each other" },
{ "exec", WITH, "scan", "-z runs no program" },
{ "sh-exec", WITH, "scan", "-z runs no command" },
TRANSFER("half-close", "-N"),
TRANSFER("no-shutdown", "--no-shutdown"),
TRANSFER("quit-after", "-q"),
TRANSFER("no-stdin", "-d"),
TRANSFER("send-only", "--send-only"),
TRANSFER("recv-limit", "-W"),
TRANSFER("idle-timeout", "--idle-timeout"),
TRANSFER("deadline", "--deadline"),
TRANSFER("crlf", "-C"),
TRANSFER("interval", "-i"),
TRANSFER("line-datagrams", "--line-datagrams"),
TRANSFER("telnet", "-t"),
TRANSFER("hex-dump", "-o"),
TRANSFER("progress", "--progress"),
TRANSFER("stats", "--stats"),
{ "scan", WITH, "hex-dump", "-o shows what -z does not send" },
{ "scan", WITH, "progress", "--progress shows what -z does not send" },
{ "scan", WITH, "stats",
	"--stats tells of a connection, which -z does not keep" },
};
/* clang-format on */

/* Slim systems have no /etc/protocols. */
static const struct word protocols[] = { { "icmp", IPPROTO_ICMP },
	{ "icmpv6", IPPROTO_ICMPV6 }, { "ipv6-icmp", IPPROTO_ICMPV6 },
	{ "mptcp", IPPROTO_MPTCP }, { "sctp", IPPROTO_SCTP },
	{ "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP },
	{ "udplite", IPPROTO_UDPLITE }, { NULL, 0 } };

/* A protocol's name or number. */
static bool
protocol_parse(const char *text, int64_t *number)
{
	const struct protoent *entry;

	if (word_parse(protocols, text, strcmp, number))
		return true;
	if (!is_letter(*text))
		return number_parse(text, 0, 65535, number);
	entry = getprotobyname(text);
	if (entry != NULL)
		*number = entry->p_proto;
	return entry != NULL;
}

static void *
option_field(const struct option_row *row, struct options *o)
{
	return (char *)o + row->field;
}

static bool
option_given(const char *name, struct options *o)
{
	const struct option_row *row = option_rows;

	while (row->name == NULL || strcmp(row->name, name) != 0)
		row++;
	switch (row->kind) {
	case OPTION_FLAG:
		return *(bool *)option_field(row, o);
	case OPTION_TEXT:
		return *(const char **)option_field(row, o) != NULL;
	case OPTION_CIDR:
		return ((struct cidrs *)option_field(row, o))->count > 0;
	case OPTION_SETTING:
		return ((struct settings *)option_field(row, o))->count > 0;
	default:
		return *(int64_t *)option_field(row, o) != UNSET;
	}
}

/* The place of one more in a list.  Ends the program if that is full. */
static int
option_next(
	const struct option_row *row, const char *text, int *count, int most)
{
	if (*count == most)
		usage("--%s: '%s' is one too many, %d are allowed", row->name,
			text, most);
	return (*count)++;
}

/*
 * Reads what the command line gives for a row into its field; text is NULL for
 * a flag.  False: it is not what the row takes.
 */
static bool
option_read(const struct option_row *row, const char *text, void *field)
{
	struct settings *settings = field;
	struct cidrs *cidrs = field;

	switch (row->kind) {
	case OPTION_GROUP:
		break;
	case OPTION_FLAG:
		*(bool *)field = true;
		break;
	case OPTION_TEXT:
		*(const char **)field = text;
		break;
	case OPTION_CIDR:
		return cidr_parse(text,
			&cidrs->at[option_next(
				row, text, &cidrs->count, CIDRS_MAX)]);
	case OPTION_SETTING:
		return setting_parse(text,
			&settings->at[option_next(
				row, text, &settings->count, SETTINGS_MAX)]);
	case OPTION_NUMBER:
		return number_parse(text, row->low, row->high, field);
	case OPTION_SIZE:
		return size_parse(text, row->low, row->high, field);
	case OPTION_OCTAL:
		return octal_parse(text, row->high, field);
	case OPTION_CHOICE:
		return choice_parse(row->help, text, field);
	case OPTION_PROTOCOL:
		return protocol_parse(text, field);
	case OPTION_TOS:
		return tos_parse(text, field);
	case OPTION_PROXY:
		return proxy_type_parse(text, field);
	case OPTION_DELAY:
		if (*text == '-' && duration_parse(text + 1, field)) {
			*(int64_t *)field = NEVER;
			break;
		}
		/* fallthrough */
	case OPTION_DURATION:
		return duration_parse(text, field);
	}
	return true;
}

/* Ends the program with what a row takes instead. */
__attribute__((noreturn)) static void
option_refuse(const struct option_row *row, const char *text)
{
	const long long low = row->low, high = row->high;
	const int choices = (int)strcspn(row->help, ":");
	char wrong[OBJECT_MAX] = "not a time (5, 0.5, 200ms, 2m)";

	if (row->kind == OPTION_CIDR)
		strcpy(wrong, "not an address or network (10.0.0.0/8)");
	else if (row->kind == OPTION_SETTING)
		strcpy(wrong, "not LEVEL:NAME:VALUE in numbers");
	else if (row->kind == OPTION_NUMBER)
		snprintf(wrong, sizeof wrong, "not a number from %lld to %lld",
			low, high);
	else if (row->kind == OPTION_SIZE)
		snprintf(wrong, sizeof wrong,
			"not a size from %lld to %lld (4096, 64k, 1M)", low,
			high);
	else if (row->kind == OPTION_OCTAL)
		snprintf(wrong, sizeof wrong, "not an octal number up to %llo",
			(unsigned long long)high);
	else if (row->kind == OPTION_CHOICE || row->kind == OPTION_PROXY)
		snprintf(wrong, sizeof wrong, "not one of %.*s", choices,
			row->help);
	else if (row->kind == OPTION_PROTOCOL)
		strcpy(wrong, "neither a protocol that is known nor a number");
	else if (row->kind == OPTION_TOS)
		strcpy(wrong,
			"neither a known name nor a number from 0 to 255");
	usage("--%s: '%s' is %s", row->name, text, wrong);
}

/* ---- help --------------------------------------------------------------- */

/* The column in which --help explains. */
#define HELP_COLUMN 33

static void
help_print(void)
{
	size_t i;

	puts("usage: sockcat [options] HOST PORT | HOST:PORT | [ADDR6]:PORT\n"
	     "       sockcat [options] -l [HOST] PORT | -l -p PORT [-s HOST]\n"
	     "       sockcat [options] -U [-l] PATH | unix:PATH\n"
	     "       sockcat [options] -z HOST PORT|LOW-HIGH|LIST...\n\n"
	     "Connects standard input and output to a socket.\n\n"
	     "Times T are seconds (5, 0.5) or have a unit (200ms, 5s, 2m).");
	for (i = 0; i < OPTION_ROWS; i++) {
		const struct option_row *row = &option_rows[i];
		int width;

		if (row->kind == OPTION_GROUP) {
			printf("\n%s\n", row->help);
			continue;
		}
		if (row->letter != 0)
			width = printf("  -%c, --%s", row->letter, row->name);
		else
			width = printf("      --%s", row->name);
		if (row->argument != NULL)
			width += printf(" %s", row->argument);
		printf("%*s%s\n", HELP_COLUMN - width, "", row->help);
	}
}

static void
version_print(void)
{
	const char *const *feature;

	printf("sockcat %s\n", VERSION);
	for (feature = features; *feature != NULL; feature++)
		printf("%s%s", feature == features ? "" : " ", *feature);
	puts("");
}

/* Ends the program after --help or --version; a full disk is no success. */
__attribute__((noreturn)) static void
print_and_exit(void (*print)(void))
{
	print();
	if (fflush(stdout) != 0 || ferror(stdout)) {
		warn("write to stdout: %s", strerror(errno));
		exit(STATUS_LOCAL);
	}
	exit(STATUS_OK);
}

/*
 * How many letters of a word are to be added, left out, changed, or swapped
 * with the next one, to make a name of it: the optimal string alignment.  Words
 * that are longer than any name are far from all.
 */
static size_t
word_distance(const char *word, size_t length, const char *name)
{
	enum { LONGEST = 32 };
	size_t rows[3][LONGEST + 1], *above2 = rows[0], *above = rows[1];
	size_t *row = rows[2], *spare, i, j;
	const size_t columns = strlen(name);

	if (length > LONGEST || columns > LONGEST)
		return SIZE_MAX;
	for (j = 0; j <= columns; j++)
		row[j] = j;
	for (i = 1; i <= length; i++) {
		spare = above2;
		above2 = above;
		above = row;
		row = spare;
		row[0] = i;
		for (j = 1; j <= columns; j++) {
			const bool same = word[i - 1] == name[j - 1];

			row[j] = above[j - 1] + !same;
			if (above[j] + 1 < row[j])
				row[j] = above[j] + 1;
			if (row[j - 1] + 1 < row[j])
				row[j] = row[j - 1] + 1;
			if (i > 1 && j > 1 && !same &&
				word[i - 1] == name[j - 2] &&
				word[i - 2] == name[j - 1] &&
				above2[j - 2] + 1 < row[j])
				row[j] = above2[j - 2] + 1;
		}
	}
	return row[columns];
}

/* The option whose name is most like a word, or NULL if none is. */
static const struct option_row *
option_nearest(const char *word, size_t length)
{
	const struct option_row *nearest = NULL;
	size_t least = 2 + length / 4, distance, i;

	for (i = 0; i < OPTION_ROWS; i++) {
		if (option_rows[i].kind == OPTION_GROUP)
			continue;
		distance = word_distance(word, length, option_rows[i].name);
		if (distance < least) {
			least = distance;
			nearest = &option_rows[i];
		}
	}
	return nearest;
}

/* Ends the program over a long option that getopt_long did not take. */
__attribute__((noreturn)) static void
name_reject(const char *word)
{
	const char *name = word + sizeof "--" - 1;
	const size_t length = strcspn(name, "=");
	const struct option_row *nearest = option_nearest(name, length);
	char several[OBJECT_MAX] = "";
	size_t i;

	for (i = 0; i < OPTION_ROWS; i++) {
		const struct option_row *row = &option_rows[i];
		const size_t used = strlen(several);

		if (row->kind != OPTION_GROUP &&
			strncmp(row->name, name, length) == 0)
			snprintf(several + used, sizeof several - used,
				"%s--%s", used == 0 ? "" : ", ", row->name);
	}
	if (length == 0)
		usage("unknown option '%s'", word);
	if (*several != '\0')
		usage("option '--%.*s' is ambiguous: %s", (int)length, name,
			several);
	if (nearest != NULL)
		usage("unknown option '--%.*s', did you mean --%s?",
			(int)length, name, nearest->name);
	usage("unknown option '--%.*s'", (int)length, name);
}

/* ---- completion --------------------------------------------------------- */

/* What the argument of an option can be. */
enum argument {
	ARGUMENT_ANY,
	ARGUMENT_WORD,
	ARGUMENT_FILE,
	ARGUMENT_COMMAND,
	ARGUMENT_INTERFACE,
	ARGUMENT_HOST
};

static enum argument
argument_of(const struct option_row *row)
{
	static const struct word arguments[] = { { "FILE", ARGUMENT_FILE },
		{ "FD|PATH", ARGUMENT_FILE }, { "PROGRAM", ARGUMENT_COMMAND },
		{ "COMMAND", ARGUMENT_COMMAND }, { "IF", ARGUMENT_INTERFACE },
		{ "ADDR", ARGUMENT_HOST }, { "ADDR[:PORT]", ARGUMENT_HOST },
		{ NULL, 0 } };
	int64_t argument = ARGUMENT_ANY;

	if (row->kind == OPTION_CHOICE || row->kind == OPTION_PROXY ||
		row->kind == OPTION_PROTOCOL || row->kind == OPTION_TOS)
		return ARGUMENT_WORD;
	if (row->argument != NULL)
		(void)word_parse(arguments, row->argument, strcmp, &argument);
	return (enum argument)argument;
}

/* Prints the words that an argument can be, with blanks between. */
static void
print_words(const struct option_row *row)
{
	const struct word *word = row->kind == OPTION_TOS ? tos_names :
							    protocols;
	const char *c;

	if (row->kind == OPTION_CHOICE || row->kind == OPTION_PROXY) {
		for (c = row->help; *c != '\0' && *c != ':'; c++)
			putchar(*c == '|' ? ' ' : *c);
		return;
	}
	printf("%s", word->name);
	for (word++; word->name != NULL; word++)
		printf(" %s", word->name);
}

/* Prints a text, a backslash before what is special, instead for a quote. */
static void
print_quoted(const char *text, const char *special, const char *instead)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			fputs(instead, stdout);
		else if (strchr(special, *text) != NULL)
			printf("\\%c", *text);
		else
			putchar(*text);
	}
}

/* Prints both names of an option, with something between. */
static void
print_names(const struct option_row *row, const char *between)
{
	if (row->letter != 0)
		printf("-%c%s", row->letter, between);
	printf("--%s", row->name);
}

/* Prints the letters of those options that take an argument, or take none. */
static void
print_letters(bool takes)
{
	size_t i;

	for (i = 0; i < OPTION_ROWS; i++)
		if (option_rows[i].letter != 0 &&
			(option_rows[i].argument != NULL) == takes)
			putchar(option_rows[i].letter);
}

/* Prints the extended regular expression of those that take an argument. */
static void
print_takers(void)
{
	const char *between = "";
	size_t i;

	printf("-[$flags]*[");
	print_letters(true);
	printf("]|--(");
	for (i = 0; i < OPTION_ROWS; i++)
		if (option_rows[i].argument != NULL) {
			printf("%s%s", between, option_rows[i].name);
			between = "|";
		}
	printf(")");
}

/* Prints the patterns of the options whose argument is of a sort. */
static void
print_cases(enum argument argument)
{
	const char *between = "\t";
	size_t i;

	for (i = 0; i < OPTION_ROWS; i++)
		if (option_rows[i].argument != NULL &&
			argument_of(&option_rows[i]) == argument) {
			printf("%s", between);
			print_names(&option_rows[i], " | ");
			between = " | ";
		}
}

/* clang-format off */
static const char bash_scan[] =
	"'\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} count=$COMP_CWORD\n"
	"\tlocal option='' operand='' unix='' ended='' how=() word i\n"
	"\tlocal IFS=$' \\t\\n'\n"
	"\n"
	"\t# --option=value and HOST:PORT come as three words.\n"
	"\tif [[ $cur == [=:]* ]]; then\n"
	"\t\tcur=''\n"
	"\t\t((count++))\n"
	"\tfi\n"
	"\tfor ((i = 1; i < count; i++)); do\n"
	"\t\tword=${COMP_WORDS[i]}\n"
	"\t\tif [[ $word == '=' ]]; then\n"
	"\t\t\tcontinue\n"
	"\t\telif [[ $word == :* ]]; then\n"
	"\t\t\toption=${COMP_WORDS[i - 1]}:\n"
	"\t\telif [[ $option ]]; then\n"
	"\t\t\toption=''\n"
	"\t\telif [[ $ended || $word != -?* ]]; then\n"
	"\t\t\toperand=$word\n"
	"\t\telif [[ $word == -- ]]; then\n"
	"\t\t\tended=--\n"
	"\t\telse\n"
	"\t\t\tif [[ $word =~ ^(-[$flags]*U|--unix$) ]]; then\n"
	"\t\t\t\tunix=-U\n"
	"\t\t\tfi\n"
	"\t\t\tif [[ $word =~ ^($takes)$ ]]; then\n"
	"\t\t\t\toption=$word\n"
	"\t\t\t\t[[ $word == --* ]] || option=-${word: -1}\n"
	"\t\t\tfi\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tcase $option in\n"
	"\t'')\n"
	"\t\tif [[ ! $ended && $cur == -* ]]; then\n"
	"\t\t\thow=(-W \"$options\")\n"
	"\t\telif [[ $operand ]]; then\n"
	"\t\t\t:\n"
	"\t\telif [[ $unix ]]; then\n"
	"\t\t\thow=(-o default)\n"
	"\t\telse\n"
	"\t\t\thow=(-A hostname)\n"
	"\t\tfi\n"
	"\t\t;;\n";

static const char bash_end[] =
	"\tesac\n"
	"\tCOMPREPLY=()\n"
	"\tif [[ ${how[0]-} == -o ]]; then\n"
	"\t\tcompopt \"${how[@]}\"\n"
	"\telif [[ ${how[0]-} ]]; then\n"
	"\t\tread -rd '' -a COMPREPLY < <("
		"compgen \"${how[@]}\" -- \"$cur\") || :\n"
	"\tfi\n"
	"\treturn 0\n"
	"}\n"
	"\n"
	"complete -F _sockcat sockcat\n";
/* clang-format on */

/* Prints what bash is to do with the arguments of each sort. */
static void
bash_cases(void)
{
	/* clang-format off */
	static const struct {
		enum argument argument;
		const char *how;
	} sorts[] = {
		{ ARGUMENT_FILE, " | unix:)\n\t\thow=(-o default)" },
		{ ARGUMENT_COMMAND, ")\n\t\thow=(-c)" },
		{ ARGUMENT_INTERFACE, ")\n\t\thow=(-W '"
			"$(ls /sys/class/net 2>/dev/null || ifconfig -l)')" },
		{ ARGUMENT_HOST, ")\n\t\thow=(-A hostname)" },
	};
	/* clang-format on */
	size_t i;

	for (i = 0; i < OPTION_ROWS; i++)
		if (argument_of(&option_rows[i]) == ARGUMENT_WORD) {
			putchar('\t');
			print_names(&option_rows[i], " | ");
			printf(")\n\t\thow=(-W '");
			print_words(&option_rows[i]);
			printf("')\n\t\t;;\n");
		}
	for (i = 0; i < sizeof sorts / sizeof *sorts; i++) {
		print_cases(sorts[i].argument);
		printf("%s\n\t\t;;\n", sorts[i].how);
	}
}

static void
completion_bash(void)
{
	const char *between = "";
	size_t i;

	printf("# bash completion for sockcat\n\n_sockcat()\n{\n"
	       "\tlocal flags='");
	print_letters(false);
	printf("'\n\tlocal takes=\"");
	print_takers();
	printf("\"\n\tlocal options='");
	for (i = 0; i < OPTION_ROWS; i++)
		if (option_rows[i].kind == OPTION_GROUP) {
			printf("\n\t\t");
			between = "";
		} else {
			printf("%s", between);
			print_names(&option_rows[i], " ");
			between = " ";
		}
	fputs(bash_scan, stdout);
	bash_cases();
	fputs(bash_end, stdout);
}

/* Prints the specification of an option for zsh's _arguments. */
static void
zsh_option(const struct option_row *row)
{
	static const char *const actions[] = { [ARGUMENT_ANY] = " ",
		[ARGUMENT_FILE] = "_files",
		[ARGUMENT_COMMAND] = "_cmdstring",
		[ARGUMENT_INTERFACE] = "_net_interfaces",
		[ARGUMENT_HOST] = "_hosts" };
	const bool takes = row->argument != NULL;

	printf("\t\t");
	if (row->kind == OPTION_CIDR || row->kind == OPTION_SETTING)
		printf("'*'");
	if (row->letter != 0)
		printf("'(-%c --%s)'{-%c%s,", row->letter, row->name,
			row->letter, takes ? "+" : "");
	printf("--%s%s%s'[", row->name, takes ? "=" : "",
		row->letter != 0 ? "}" : "");
	print_quoted(row->help, "[]\\", "'\\''");
	putchar(']');
	if (takes) {
		putchar(':');
		print_quoted(row->argument, ":", "'\\''");
		putchar(':');
	}
	if (argument_of(row) == ARGUMENT_WORD) {
		putchar('(');
		print_words(row);
		putchar(')');
	} else if (takes)
		printf("%s", actions[argument_of(row)]);
	printf("' \\\n");
}

static void
completion_zsh(void)
{
	size_t i;

	printf("#compdef sockcat\n\n_sockcat()\n{\n"
	       "\tlocal line\n\tlocal -A opt_args\n\n"
	       "\t_arguments -s -S : \\\n");
	for (i = 0; i < OPTION_ROWS; i++)
		if (option_rows[i].kind != OPTION_GROUP)
			zsh_option(&option_rows[i]);
	/* clang-format off */
	fputs("\t\t'1: :{\n"
	      "\t\t\tif compset -P unix: || "
	      "(( $+opt_args[-U] + $+opt_args[--unix] )); then\n"
	      "\t\t\t\t_files\n"
	      "\t\t\telse\n"
	      "\t\t\t\t_hosts\n"
	      "\t\t\tfi\n"
	      "\t\t}' \\\n"
	      "\t\t'*: : '\n"
	      "}\n"
	      "\n"
	      "if [[ $funcstack[1] == _sockcat ]]; then\n"
	      "\t_sockcat \"$@\"\n"
	      "else\n"
	      "\tcompdef _sockcat sockcat\n"
	      "fi\n", stdout);
	/* clang-format on */
}

/* clang-format off */
static const char fish_operand[] =
	"    set -l words (commandline -opc)\n"
	"    set -l kind host\n"
	"    set -e words[1]\n"
	"    while set -q words[1]\n"
	"        switch $words[1]\n"
	"            case --\n"
	"                set -e words[1]\n"
	"                break\n"
	"            case '-?*'\n"
	"                if string match -qr \"^(-[$flags]*U|--unix\\$)\""
		" -- $words[1]\n"
	"                    set kind path\n"
	"                end\n"
	"                if string match -qr \"^($takes)\\$\" -- $words[1]\n"
	"                    set -e words[1]\n"
	"                end\n"
	"            case '*'\n"
	"                break\n"
	"        end\n"
	"        set -e words[1]\n"
	"    end\n"
	"    if string match -q 'unix:*' -- (commandline -ct)\n"
	"        set kind path\n"
	"    end\n"
	"    test $kind = $what; and not set -q words[1]\n"
	"end\n"
	"\n"
	"complete -c sockcat -f\n"
	"complete -c sockcat -n '__sockcat_needs host'"
		" -a '(__fish_print_hostnames)'\n"
	"complete -c sockcat -n '__sockcat_needs path' -F\n";
/* clang-format on */

static void
fish_option(const struct option_row *row)
{
	static const char *const actions[] = { [ARGUMENT_ANY] = "-x",
		[ARGUMENT_FILE] = "-r -F",
		[ARGUMENT_COMMAND] = "-x -a '(__fish_complete_command)'",
		[ARGUMENT_INTERFACE] = "-x -a '(__fish_print_interfaces)'",
		[ARGUMENT_HOST] = "-x -a '(__fish_print_hostnames)'" };

	printf("complete -c sockcat");
	if (row->letter != 0)
		printf(" -s %c", row->letter);
	printf(" -l %s", row->name);
	if (argument_of(row) == ARGUMENT_WORD) {
		printf(" -x -a '");
		print_words(row);
		putchar('\'');
	} else if (row->argument != NULL)
		printf(" %s", actions[argument_of(row)]);
	printf(" -d '");
	print_quoted(row->help, "\\", "\\'");
	printf("'\n");
}

static void
completion_fish(void)
{
	size_t i;

	printf("# fish completion for sockcat\n\n"
	       "function __sockcat_needs -a what\n"
	       "    set -l flags '");
	print_letters(false);
	printf("'\n    set -l takes \"");
	print_takers();
	printf("\"\n");
	fputs(fish_operand, stdout);
	for (i = 0; i < OPTION_ROWS; i++)
		if (option_rows[i].kind != OPTION_GROUP)
			fish_option(&option_rows[i]);
}

/* In the order of --completion's choices. */
static void (*const completions[])(
	void) = { completion_bash, completion_zsh, completion_fish };

/* ---- command line ------------------------------------------------------- */

/* Makes getopt_long's two tables.  A row's code is LONG_BASE and its index. */
#define LONG_BASE 256

static void
options_tables(
	char letters[2 * OPTION_ROWS + 2], struct option names[OPTION_ROWS + 1])
{
	size_t i;

	*letters++ = ':'; /* report a missing argument as such */
	for (i = 0; i < OPTION_ROWS; i++) {
		const struct option_row *row = &option_rows[i];

		if (row->kind == OPTION_GROUP)
			continue;
		names->name = row->name;
		names->has_arg = row->argument != NULL;
		names->flag = NULL;
		names++->val = LONG_BASE + (int)i;
		if (row->letter == 0)
			continue;
		*letters++ = row->letter;
		if (row->argument != NULL)
			*letters++ = ':';
	}
	*letters = '\0';
	memset(names, 0, sizeof *names);
}

/* The row behind a code that getopt_long returned, or NULL. */
static const struct option_row *
option_row_of(int code)
{
	size_t i;

	if (code >= LONG_BASE + (int)OPTION_ROWS)
		return NULL; /* musl's optopt may be a wide character */
	if (code >= LONG_BASE)
		return &option_rows[code - LONG_BASE];
	for (i = 0; i < OPTION_ROWS; i++)
		if (code != 0 && option_rows[i].letter == code)
			return &option_rows[i];
	return NULL;
}

/* Explains what getopt_long did not take.  word is where it stopped. */
__attribute__((noreturn)) static void
option_reject(int code, const char *word)
{
	const struct option_row *row = option_row_of(optopt);
	size_t i;

	if (code == ':' && row != NULL)
		usage("--%s requires an argument: %s", row->name,
			row->argument);
	if (row != NULL)
		usage("--%s takes no argument: '%s'", row->name, word);
	for (i = 0; i < sizeof refusals / sizeof *refusals; i++)
		if (optopt == refusals[i].letter)
			usage("-%c is not supported: %s", optopt,
				refusals[i].instead);
	if (optopt != 0) /* glibc's may be a negative one */
		usage("unknown option '-%c'", optopt);
	name_reject(word);
}

static void
options_check_pairs(struct options *o)
{
	size_t i;

	for (i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if (option_given(pairs[i].option, o) &&
			option_given(pairs[i].other, o) ==
				(pairs[i].how == WITH))
			usage("%s", pairs[i].sentence);
}

/* What sort of socket it is to be, or is. */
static void
options_take_type(struct options *o, int type, int protocol)
{
	const struct word *known;
	char *name = o->protocol_name;

	o->type = type;
	o->protocol = protocol;
	o->datagrams = type == SOCK_DGRAM || type == SOCK_RAW;
	o->messages = type != SOCK_STREAM;
	snprintf(name, sizeof o->protocol_name, "%d", protocol);
	if (protocol == 0)
		strcpy(name, socket_type_of(type)->protocol);
	for (known = protocols; known->name != NULL; known++)
		if (protocol == known->number) /* the last is the usual one */
			snprintf(name, sizeof o->protocol_name, "%s",
				known->name);
}

/* The three parameters of a socket, as the command line gives them. */
static void
options_settle_type(struct options *o)
{
	int type = o->datagrams ? SOCK_DGRAM : SOCK_STREAM, protocol = 0;

	if (o->type_chosen != UNSET) {
		if (o->datagrams)
			usage("-u is --type dgram: give one of them");
		type = socket_types[o->type_chosen].number;
	}
	if (o->protocol_chosen != UNSET)
		protocol = (int)o->protocol_chosen;
	options_take_type(o, type, protocol);
	if (o->unix_domain || o->ipv4 || o->ipv6)
		return;
	o->ipv4 = o->protocol == IPPROTO_ICMP;
	o->ipv6 = o->protocol == IPPROTO_ICMPV6;
}

/* What a type of socket needs or excludes. */
static void
options_check_type(const struct options *o)
{
	if (o->type == SOCK_RAW && o->unix_domain)
		usage("--type raw does not fit a Unix socket");
	if (o->type == SOCK_RAW && o->port != NULL)
		usage("-p does not fit --type raw, which has no ports");
	if (o->scan && !o->unix_domain &&
		(o->type == SOCK_RAW || o->type == SOCK_SEQPACKET))
		usage("-z needs ports to test: --type stream or dgram");
	if (o->recv_limit != UNSET && !o->messages)
		usage("-W counts messages, which a stream has not: it needs "
		      "-u");
	if (o->line_datagrams && !o->messages)
		usage("--line-datagrams needs datagrams: -u, or another --type "
		      "that keeps messages apart");
	if (o->proxy != NULL && o->messages)
		usage("-x is for streams, not for messages");
	if (o->telnet && o->messages)
		usage("-t is for streams, not for messages");
	if (o->progress && o->keep_open && !o->datagrams)
		usage("--progress does not fit -k: clients would overwrite "
		      "each other's line");
}

/* Names that nothing can have. */
static void
options_check_names(const struct options *o)
{
	if (o->interface != NULL && *o->interface == '\0')
		usage("--interface: the name is empty: ''");
	if (o->announce != NULL && *o->announce == '\0')
		usage("--announce: the name is empty: ''");
	if (o->hex_dump != NULL && *o->hex_dump == '\0')
		usage("--hex-dump: the name is empty: ''");
}

/* What -e and -c need or exclude that takes more than a pair to say. */
static void
options_check_program(const struct options *o)
{
	if (o->exec == NULL && o->sh_exec == NULL)
		return;
	if (o->exec != NULL && o->exec[strspn(o->exec, BLANKS)] == '\0')
		usage("--exec: '%s' names no program", o->exec);
	if (o->datagrams && o->keep_open)
		usage("-u -k has no connections to run a program for");
	if (o->datagrams && o->access.allow.count + o->access.deny.count > 0)
		usage("-u hands a program what --allow and --deny do not see");
	if (o->listen && o->timeout_ms != UNSET)
		usage("-w limits the pump: with -l and a program use "
		      "--accept-timeout");
}

/* Fills in what was not given, once all that was given is known. */
static void
options_settle(struct options *o)
{
	size_t i;

	if (o->backlog == UNSET)
		o->backlog = BACKLOG_DEFAULT;
	if (o->max_conns == UNSET)
		o->max_conns = CONNS_DEFAULT;
	if (o->listen && !o->datagrams && !o->no_reuse_addr)
		o->reuse_addr = true;
	o->share_group = o->listen && o->datagrams && !o->no_reuse_addr;
	if (o->scan && o->port != NULL) { /* which only one can have */
		o->jobs = 1;
		o->reuse_addr = true;
	}
	if (o->jobs == UNSET)
		o->jobs = JOBS_DEFAULT;
	/* -w 0 only says not to wait for answers, as in "| nc -u -w0". */
	if (o->connect_timeout_ms == UNSET && o->timeout_ms != 0)
		o->connect_timeout_ms = o->timeout_ms;
	if (o->quit_after_ms == UNSET && o->datagrams && !o->listen) {
		o->quit_after_ms = o->timeout_ms;
		if (o->timeout_ms == UNSET)
			o->quit_after_ms = DATAGRAM_WAIT_MS;
	}
	/* With -k there may be others who want the input. */
	o->leave_after_ms = o->quit_after_ms;
	if (o->quit_after_ms == UNSET)
		o->leave_after_ms = o->keep_open ? LEAVE_MS : NEVER;
	for (i = 0; i < OPTION_ROWS; i++) {
		int64_t *field = option_field(&option_rows[i], o);

		if (option_rows[i].kind >= OPTION_NUMBER && *field == UNSET)
			*field = NEVER;
	}
	/* What a relay reads is batched already: waiting would gain nothing. */
	o->no_delay = o->type == SOCK_STREAM && !o->nagle && !o->scan &&
		(o->protocol == 0 || o->protocol == IPPROTO_TCP ||
			o->protocol == IPPROTO_MPTCP);
	verbose = o->verbose;
}

static void
port_check(const char *port, bool listening)
{
	if (!port_parse(port))
		usage("invalid port '%s'", port);
	if (!listening && strspn(port, "0") == strlen(port))
		usage("port '%s' cannot be connected to", port);
}

static void
unix_source_check(const struct options *o, const char *path)
{
	if (o->listen)
		usage("-s does not fit -l: a Unix listener's path is its "
		      "operand");
	if (!o->datagrams)
		usage("-s names a Unix datagram client: it needs -u");
	if (*path == '\0' || strcmp(path, "@") == 0)
		usage("--source: the name of a Unix socket is empty: '%s'",
			path);
	if (*path != '@' && (o->exec != NULL || o->sh_exec != NULL))
		usage("-s: a program would leave the path behind: '%s'", path);
}

static void
unix_operands(struct options *o, char **operands, int count)
{
	if (count == 0)
		usage("missing path of the Unix socket");
	if (count > 1)
		usage("a Unix socket takes one path: '%s'", operands[1]);
	if (*operands[0] == '\0')
		usage("the path of a Unix socket is empty: ''");
	if (strcmp(operands[0], "@") == 0)
		usage("the name of a Unix socket is empty: '@'");
	if (o->mode != UNSET && *operands[0] == '@')
		usage("--mode: an abstract name has no permissions: '%s'",
			operands[0]);
	if (o->source != NULL)
		unix_source_check(o, o->source);
	o->target.path = operands[0];
	o->local.path = o->source;
}

/* HOST PORT or HOST:PORT. */
static void
target_operands(struct endpoint *target, char **operands, int count)
{
	const char *wrong;

	target->port = operands[count - 1];
	if (count == 1)
		wrong = host_port_split(
			operands[0], target->host, &target->port);
	else
		wrong = host_parse(operands[0], target->host);
	if (wrong != NULL)
		usage("%s: '%s'", wrong, operands[0]);
}

static void
source_parse(const char *source, char host[HOST_MAX])
{
	const char *wrong = source == NULL ? NULL : host_parse(source, host);

	if (wrong != NULL)
		usage("--source: %s: '%s'", wrong, source);
}

/* Listens on the address of -s, if that is where it was given. */
static void
listen_source(struct options *o)
{
	if (o->source != NULL && *o->target.host != '\0')
		usage("the address is given twice: '%s' and '%s'", o->source,
			o->target.host);
	source_parse(o->source, o->target.host);
}

/* The operands of -l: PORT, HOST PORT, HOST:PORT, or none beside -p. */
static void
listen_operands(struct options *o, char **operands, int count)
{
	struct endpoint *target = &o->target;

	if (count > 0 && o->port != NULL)
		usage("the port is given twice: '%s' and '%s'", o->port,
			operands[count - 1]);
	if (count == 2 || (count == 1 && strchr(operands[0], ':') != NULL))
		target_operands(target, operands, count);
	else
		target->port = count == 1 ? operands[0] : o->port;
	if (target->port == NULL)
		usage("missing port to listen on");
	listen_source(o);
	port_check(target->port, true);
}

/* HOST, or with -l nothing: a raw socket has no ports. */
static void
raw_operands(struct options *o, char **operands, int count)
{
	const char *wrong = NULL;

	if (count > 1)
		usage("a raw socket takes a host and no port: '%s'",
			operands[1]);
	if (count == 0 && !o->listen)
		usage("missing host");
	if (count == 1)
		wrong = host_parse(operands[0], o->target.host);
	if (wrong != NULL)
		usage("%s: '%s'", wrong, operands[0]);
	if (o->listen)
		listen_source(o);
	else
		source_parse(o->source, o->local.host);
	o->target.port = o->local.port = "0";
}

/* Whose services a socket's are: other protocols have the same. */
static const char *
service_protocol(const struct options *o)
{
	return o->datagrams ? "udp" : "tcp";
}

/* The port of a service.  Ends the program if there is none of the name. */
static uint16_t
service_port(const struct options *o, const char *name)
{
	const struct servent *service = getservbyname(
		name, service_protocol(o));

	if (service == NULL)
		usage("unknown service '%s'", name);
	return ntohs((uint16_t)service->s_port);
}

/* Adds a list of ports, such as 22,http,8000-8100, to those to scan. */
static void
scan_ports_add(struct options *o, const char *list)
{
	char item[64];
	const char *c = list;
	int64_t low, high;

	do {
		const size_t length = strcspn(c, ",");

		snprintf(item, sizeof item, "%.*s", (int)length, c);
		if (is_letter(*item))
			low = high = service_port(o, item);
		else if (length >= sizeof item ||
			!port_range_parse(item, &low, &high))
			usage("invalid port or range '%s'", list);
		port_set_add(&o->ports, low, high);
		c += length;
	} while (*c++ == ',');
}

/* HOST PORTS... or HOST:PORTS.  The target's port is the first of them. */
static void
scan_operands(struct options *o, char **operands, int count)
{
	int64_t port;
	int i;

	target_operands(&o->target, operands, count < 2 ? count : 2);
	scan_ports_add(o, o->target.port);
	for (i = 2; i < count; i++)
		scan_ports_add(o, operands[i]);
	for (port = PORTS - 1; port > 0; port--)
		if (port_set_has(&o->ports, port)) {
			snprintf(o->port_first, sizeof o->port_first, "%d",
				(int)port);
			o->port_count++;
		}
	if (o->wait_ms != UNSET && o->port_count > 1)
		usage("--wait takes one port with -z: '%s'",
			count > 2 ? operands[2] : o->target.port);
	o->target.port = o->port_first;
}

/* ADDR, ADDR:PORT or unix:PATH. */
static void
proxy_parse(struct options *o)
{
	struct endpoint *at = &o->proxy_at;
	const char *text = o->proxy, *colon = strchr(text, ':'), *wrong;

	at->port = o->proxy_type == PROXY_CONNECT ? CONNECT_PORT : SOCKS_PORT;
	if (strncmp(text, UNIX_SCHEME, sizeof UNIX_SCHEME - 1) == 0) {
		at->path = text + sizeof UNIX_SCHEME - 1;
		if (*at->path == '\0')
			usage("--proxy: the path of the proxy is empty: '%s'",
				text);
		if (o->source != NULL || o->port != NULL)
			usage("-s and -p do not fit the path of a proxy: '%s'",
				text);
		return;
	}
	if (strstr(text, "//") != NULL)
		usage("--proxy: '%s' is no address: its type goes with -X",
			text);
	/* A single colon, or one after brackets, is followed by a port. */
	if (*text == '[')
		colon = strstr(text, "]:");
	else if (colon != NULL && strchr(colon + 1, ':') != NULL)
		colon = NULL;
	if (colon == NULL && (*text != '[' || text[strlen(text) - 1] == ']'))
		wrong = host_parse(text, at->host);
	else
		wrong = host_port_split(text, at->host, &at->port);
	if (wrong != NULL)
		usage("--proxy: %s: '%s'", wrong, text);
	port_check(at->port, false);
}

/* What a target must be for a proxy to be told of it. */
static void
proxy_target_check(const char *host, int64_t type)
{
	struct in6_addr literal;
	const bool ipv6 = inet_pton(AF_INET6, host, &literal) == 1;

	if (!text_is_plain(host, strlen(host), ' ' + 1))
		usage("the name of the target has a blank or control "
		      "character: '%s'",
			host);
	if (ipv6 && type < PROXY_SOCKS5)
		usage("--proxy: an IPv6 address does not fit -X %s: '%s'",
			type == PROXY_SOCKS4 ? "4" : "4A", host);
	if (!ipv6 && strpbrk(host, ":%") != NULL)
		usage("--proxy: no proxy could make anything of the target: "
		      "'%s'",
			host);
}

/* And a user. */
static void
proxy_user_check(const char *user, int64_t type)
{
	const size_t length = strlen(user);

	if (length == 0)
		usage("--proxy-user: the user is empty: ''");
	if (length > PROXY_TEXT_MAX)
		usage("--proxy-user: '%.32s...' is longer than %d bytes", user,
			PROXY_TEXT_MAX);
	if (!text_is_plain(user, length, ' '))
		usage("--proxy-user: control character in '%s'", user);
	if (type == PROXY_CONNECT && strchr(user, ':') != NULL)
		usage("--proxy-user: a colon does not fit Basic: '%s'", user);
}

static void
connect_operands(struct options *o, char **operands, int count)
{
	if (count == 0)
		usage("missing host and port");
	if (o->scan)
		scan_operands(o, operands, count);
	else
		target_operands(&o->target, operands, count);
	port_check(o->target.port, false);
	if (o->proxy != NULL) {
		if (o->proxy_type == UNSET)
			o->proxy_type = PROXY_SOCKS5;
		proxy_parse(o);
		proxy_target_check(o->target.host, o->proxy_type);
		if (o->proxy_user != NULL)
			proxy_user_check(o->proxy_user, o->proxy_type);
	}
	o->local.port = o->port == NULL ? "0" : o->port;
	port_check(o->local.port, true);
	source_parse(o->source, o->local.host);
}

/* A descriptor to announce on is asked for at once: a socket could get it. */
static void
announce_check(const char *announce)
{
	int64_t fd;

	if (announce == NULL || !is_digit(*announce))
		return;
	if (!number_parse(announce, STDERR_FILENO + 1, INT_MAX, &fd))
		usage("--announce: '%s' is not a descriptor above 2", announce);
	if (fcntl((int)fd, F_GETFD) < 0)
		usage("--announce: descriptor %s: %s", announce,
			strerror(errno));
}

/* The descriptor that systemd passes, or UNSET (sd_listen_fds(3)). */
static int64_t
listen_fd_passed(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	int64_t number;

	if (pid == NULL || fds == NULL ||
		!number_parse(pid, getpid(), getpid(), &number))
		return UNSET;
	if (!number_parse(fds, 1, 1, &number))
		usage("LISTEN_FDS: '%s' sockets are not one", fds);
	return LISTEN_FD;
}

/* A Unix socket that was not bound has no name to answer to. */
static bool
address_unnamed(const struct address *a)
{
	return a->length <= offsetof(struct sockaddr_un, sun_path);
}

/* Whether nothing can be sent there: it has no port, or no name. */
static bool
address_unbound(const struct address *a)
{
	if (a->any.sa_family == AF_UNIX)
		return address_unnamed(a);
	return a->in.sin_port == 0;
}

/* The value of an option of SOL_SOCKET, 0 where there is none. */
static int
socket_number(int fd, int name)
{
	int value = 0;
	socklen_t length = sizeof value;

	(void)getsockopt(fd, SOL_SOCKET, name, &value, &length);
	return value;
}

/* Why nobody can listen on a descriptor as the options ask, or NULL. */
static const char *
listen_fd_wrong(
	const struct options *o, int fd, int type, const struct address *bound)
{
	int listening = 0;
	socklen_t size = sizeof listening;

	if (o->datagrams && type != SOCK_DGRAM)
		return "it is not for datagrams";
	if (o->unix_domain && bound->any.sa_family != AF_UNIX)
		return "it is not a Unix socket";
	if (type == SOCK_DGRAM)
		return address_unbound(bound) ? "it is not bound" : NULL;
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0)
		return strerror(errno);
	return listening ? NULL : "it does not listen";
}

/*
 * Takes a socket that is open already for what the options would have asked
 * for.  Ends the program if nobody can listen on it.
 */
static void
listen_fd_adopt(struct options *o)
{
	const int fd = (int)o->fd;
	const char *wrong;
	struct address bound;
	int type = 0;
	socklen_t size = sizeof type;

	memset(&bound, 0, sizeof bound);
	bound.length = sizeof bound.storage;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
		getsockname(fd, &bound.any, &bound.length) < 0)
		wrong = strerror(errno);
	else
		wrong = listen_fd_wrong(o, fd, type, &bound);
	if (wrong != NULL) {
		warn("listen on descriptor %d failed: %s", fd, wrong);
		exit(STATUS_SETUP);
	}
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	options_take_type(o, type, socket_number(fd, SO_PROTOCOL));
	o->unix_domain = bound.any.sa_family == AF_UNIX;
}

/* Where to connect to, or to listen, as the operands say. */
static void
endpoint_operands(struct options *o, char **operands, int count)
{
	if (!o->unix_domain && !o->scan && count > 2)
		usage("one operand too many: '%s'", operands[2]);
	if (o->unix_domain)
		unix_operands(o, operands, count);
	else if (o->type == SOCK_RAW)
		raw_operands(o, operands, count);
	else if (o->listen)
		listen_operands(o, operands, count);
	else
		connect_operands(o, operands, count);
}

static void
operands_parse(struct options *o, char **operands, int count)
{
	const size_t length = sizeof UNIX_SCHEME - 1;

	if (count == 1 && !o->unix_domain &&
		strncmp(operands[0], UNIX_SCHEME, length) == 0) {
		o->unix_domain = true;
		operands[0] += length;
	}
	options_settle_type(o);
	if (o->listen && count == 0 && o->port == NULL && o->fd == UNSET)
		o->fd = listen_fd_passed();
	if (o->fd != UNSET && count > 0)
		usage("--fd takes no operand: '%s'", operands[0]);
	if (o->fd != UNSET && o->listen)
		listen_fd_adopt(o);
	options_check_pairs(o);
	options_check_type(o);
	options_check_names(o);
	options_check_program(o);
	if (o->fd == UNSET)
		endpoint_operands(o, operands, count);
	announce_check(o->announce);
}

/* Reads the command line, or ends the program with what is wrong with it. */
static void
options_parse(struct options *o, int argc, char **argv)
{
	char letters[2 * OPTION_ROWS + 2];
	struct option names[OPTION_ROWS + 1];
	const struct option_row *row;
	size_t i;
	int code;

	memset(o, 0, sizeof *o);
	for (i = 0; i < OPTION_ROWS; i++)
		if (option_rows[i].kind >= OPTION_NUMBER)
			*(int64_t *)option_field(&option_rows[i], o) = UNSET;
	options_tables(letters, names);
	opterr = 0;
	while ((code = getopt_long(argc, argv, letters, names, NULL)) != -1) {
		row = option_row_of(code);
		if (row == NULL)
			option_reject(code, argv[optind - 1]);
		if (!option_read(row, optarg, option_field(row, o)))
			option_refuse(row, optarg);
	}
	if (o->help)
		print_and_exit(help_print);
	if (o->version)
		print_and_exit(version_print);
	if (o->completion != UNSET)
		print_and_exit(completions[o->completion]);
	operands_parse(o, argv + optind, argc - optind);
	options_settle(o);
}

/* ---- time and signals --------------------------------------------------- */

static int64_t
clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t
clock_ms(void)
{
	return clock_us() / 1000;
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
deadline_after(int64_t start_ms, int64_t ms)
{
	return ms > NEVER - start_ms ? NEVER : start_ms + ms;
}

static int64_t
deadline_left(int64_t deadline_ms, int64_t now_ms)
{
	if (deadline_ms == NEVER)
		return NEVER;
	return deadline_ms > now_ms ? deadline_ms - now_ms : 0;
}

static void
signal_catch(int number)
{
	signals_seen++;
	if (number == SIGUSR1 || number == SIGINFO)
		report_wanted = 1;
	else if (number != SIGCHLD)
		caught_signal = number;
}

/*
 * SIGPIPE and SIGXFSZ become errors of write; SIGTTIN becomes EIO of read, for
 * a job that was put in the background is not to stop while it still has
 * something to receive.
 */
static const struct signal_row {
	int number;
	enum signal_effect {
		SIGNAL_ENDS,   /* the program, and first a wait */
		SIGNAL_WAKES,  /* only a wait */
		SIGNAL_ASKS,   /* for a line of --progress */
		SIGNAL_IGNORED /* it is an error of a call instead */
	} effect;
} signal_rows[SIGNALS] = {
	{ SIGHUP, SIGNAL_ENDS },
	{ SIGINT, SIGNAL_ENDS },
	{ SIGTERM, SIGNAL_ENDS },
	{ SIGCHLD, SIGNAL_WAKES },
	{ SIGUSR1, SIGNAL_ASKS },
	{ SIGINFO, SIGNAL_ASKS },
	{ SIGPIPE, SIGNAL_IGNORED },
	{ SIGXFSZ, SIGNAL_IGNORED },
	{ SIGTTIN, SIGNAL_IGNORED },
};

/*
 * Notes how the signals came.  Those that ask for something must not end the
 * program while there is nothing to tell yet; all are noted before, for SIGINFO
 * may be SIGUSR1.
 */
static void
signals_open(struct signals *signals)
{
	const struct sigaction asks = { .sa_handler = signal_catch,
		.sa_flags = SA_RESTART };
	int i;

	for (i = 0; i < SIGNALS; i++) {
		const struct signal_row *row = &signal_rows[i];
		struct sigaction *came = &signals->actions[i];

		sigaction(row->number, NULL, came);
		if (row->number == SIGPIPE)
			signals->pipe_ignored = came->sa_handler == SIG_IGN;
	}
	for (i = 0; i < SIGNALS; i++)
		if (signal_rows[i].effect == SIGNAL_ASKS &&
			signals->actions[i].sa_handler != SIG_IGN)
			sigaction(signal_rows[i].number, &asks, NULL);
	sigprocmask(SIG_BLOCK, NULL, &signals->came);
	signals_came = signals->came;
	signals->waiting = signals->came;
	sigdelset(&signals->waiting, SIGCHLD);
}

/*
 * Blocks what ends a wait, so that it is seen in one and not between two.  What
 * came ignored stays so, but for SIGCHLD.
 */
static void
signals_block(const struct signals *signals)
{
	struct sigaction act;
	sigset_t blocked;
	int i;

	sigemptyset(&blocked);
	memset(&act, 0, sizeof act);
	sigemptyset(&act.sa_mask);
	for (i = 0; i < SIGNALS; i++) {
		const struct signal_row *row = &signal_rows[i];
		const bool ignore = row->effect == SIGNAL_IGNORED;

		act.sa_handler = ignore ? SIG_IGN : signal_catch;
		if (signals->actions[i].sa_handler != SIG_IGN ||
			row->number == SIGCHLD)
			sigaction(row->number, &act, NULL);
		if (!ignore)
			sigaddset(&blocked, row->number);
	}
	sigprocmask(SIG_BLOCK, &blocked, NULL);
}

/* Lets those that end the program do so at once, even in a write. */
static void
signals_release(const struct signals *signals)
{
	sigset_t mask = signals->came;
	int i;

	for (i = 0; i < SIGNALS; i++) {
		const struct signal_row *row = &signal_rows[i];

		if (row->effect == SIGNAL_ASKS)
			sigaddset(&mask, row->number);
		else if (row->effect != SIGNAL_IGNORED)
			sigaction(row->number, &signals->actions[i], NULL);
	}
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

/* Leaves the signals as they came, for a program that takes our place. */
static void
signals_restore(const struct signals *signals)
{
	int i;

	for (i = 0; i < SIGNALS; i++)
		sigaction(signal_rows[i].number, &signals->actions[i], NULL);
	sigprocmask(SIG_SETMASK, &signals->came, NULL);
}

/* Dies of a signal as if it had never been caught. */
__attribute__((noreturn)) static void
signal_die(int number)
{
	sigset_t only;

	signal(number, SIG_DFL);
	sigemptyset(&only);
	sigaddset(&only, number);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &only, NULL);
	_exit(128 + number); /* process 1 survives */
}

/*
 * Waits for ms, or less when a signal comes.  Not to wait at all lets those in
 * that have come: where something is ready at once, ppoll of Linux does not.
 */
static void
signals_wait(const struct signals *signals, int64_t ms)
{
	poll_masked(NULL, 0, ms, &signals->waiting);
}

/*
 * Writes all of a text before the deadline, with the signal mask replaced while
 * it waits.  Returns 0 or the error, EINTR if a signal is to end the program.
 */
static int
write_all(int fd, const char *text, size_t length, int64_t deadline,
	const sigset_t *mask)
{
	struct pollfd room = { fd, POLLOUT, 0 };
	int64_t left;
	ssize_t wrote;
	int ready;

	while (length > 0 && !caught_signal) {
		left = deadline_left(deadline, clock_ms());
		ready = poll_masked(&room, 1, left, mask);
		if (ready == 0)
			return ETIMEDOUT;
		if (ready < 0)
			continue;
		/* Where poll sees room, as much does not block. */
		wrote = write(fd, text, length < PIPE_BUF ? length : PIPE_BUF);
		if (wrote < 0 && !would_block(errno))
			return errno;
		if (wrote > 0) {
			text += wrote;
			length -= (size_t)wrote;
		}
	}
	return length > 0 ? EINTR : 0;
}

/* ---- endpoints ---------------------------------------------------------- */

/*
 * An address as numbers, after the name that it was found by, if there is one:
 * "localhost (127.0.0.1)".  Unix sockets have only a host, their path, and raw
 * ones have no port either.
 */
struct address_text {
	char host[2 * HOST_MAX + 4];
	char port[8];
};

/* What the network sends is shown without its control bytes. */
static void
text_copy(char *to, size_t room, const char *from, size_t length)
{
	size_t i;

	for (i = 0; i < length && i < room - 1 && from[i] != '\0'; i++) {
		const unsigned char c = (unsigned char)from[i];

		to[i] = (char)(c < ' ' || c == 0x7f ? '?' : c);
	}
	to[i] = '\0';
}

static void
unix_print(const struct address *a, struct address_text *text)
{
	const size_t header = offsetof(struct sockaddr_un, sun_path);
	const char *path = a->un.sun_path;
	size_t length = a->length > header ? a->length - header : 0;

	text->port[0] = '\0';
	if (length > 0 && *path == '\0') {
		text->host[0] = '@';
		text_copy(text->host + 1, HOST_MAX - 1, path + 1, length - 1);
	} else
		text_copy(text->host, HOST_MAX, path, length);
}

/* name is NULL, or what the user called the host, which may be the address. */
static void
address_print(const struct address *a, const struct options *o,
	const char *name, struct address_text *text)
{
	char host[HOST_MAX] = "?";

	if (a->any.sa_family == AF_UNIX) {
		unix_print(a, text);
		return;
	}
	if (getnameinfo(&a->any, a->length, host, sizeof host, text->port,
		    sizeof text->port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		snprintf(text->port, sizeof text->port, "?");
	if (o->type == SOCK_RAW)
		*text->port = '\0'; /* there the kernel has other numbers */
	/* IPv4 in IPv6's clothes (RFC 4291, 2.5.5.2) is shown as IPv4. */
	if (a->any.sa_family == AF_INET6 &&
		IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
		inet_ntop(AF_INET, &a->in6.sin6_addr.s6_addr[12], host,
			sizeof host);
	if (name == NULL || strcmp(name, host) == 0)
		snprintf(text->host, sizeof text->host, "%s", host);
	else
		snprintf(text->host, sizeof text->host, "%s (%s)", name, host);
}

/* An address as nc prints it: "127.0.0.1 80", or a path. */
static void
address_words(const struct address *a, const struct options *o,
	char words[OBJECT_MAX])
{
	struct address_text text;

	address_print(a, o, NULL, &text);
	snprintf(words, OBJECT_MAX, "%s%s%s", text.host,
		*text.port == '\0' ? "" : " ", text.port);
}

/* The object of a message: "127.0.0.1 port 80 (tcp)" or "PATH (unix)". */
static void
address_describe(const struct address *a, const struct options *o,
	const char *name, char object[OBJECT_MAX])
{
	struct address_text text;

	address_print(a, o, name, &text);
	if (address_unnamed(a))
		snprintf(object, OBJECT_MAX, "a sender without a name (unix)");
	else if (a->any.sa_family == AF_UNIX)
		snprintf(object, OBJECT_MAX, "%s (unix)", text.host);
	else
		snprintf(object, OBJECT_MAX, "%s%s%s (%s)", text.host,
			*text.port == '\0' ? "" : " port ", text.port,
			o->protocol_name);
}

/* As an operand: "127.0.0.1:80", "[::1]:80", or a path, whatever is in it. */
static void
address_operand(const struct address *a, const struct options *o,
	char operand[OBJECT_MAX])
{
	const bool abstract = *a->un.sun_path == '\0';
	const size_t begin = offsetof(struct sockaddr_un, sun_path) + abstract;
	struct address_text text;

	address_print(a, o, NULL, &text);
	if (a->any.sa_family == AF_UNIX)
		snprintf(operand, OBJECT_MAX, "%s%.*s", abstract ? "@" : "",
			(int)(a->length - begin), a->un.sun_path + abstract);
	else if (*text.port == '\0')
		snprintf(operand, OBJECT_MAX, "%s", text.host);
	else if (strchr(text.host, ':') != NULL)
		snprintf(operand, OBJECT_MAX, "[%s]:%s", text.host, text.port);
	else
		snprintf(operand, OBJECT_MAX, "%s:%s", text.host, text.port);
}

/* The service at a port, which is in network order. */
static const char *
service_name(const struct options *o, uint16_t port, const char *otherwise)
{
	const struct servent *service = NULL;

	if (!o->numeric)
		service = getservbyport(port, service_protocol(o));
	return service == NULL ? otherwise : service->s_name;
}

static bool
address_equal(const struct address *a, const struct address *b)
{
	if (a->length != b->length)
		return false;
	if (a->any.sa_family != b->any.sa_family)
		return a->length == 0;
	switch (a->any.sa_family) {
	case AF_INET:
		return a->in.sin_port == b->in.sin_port &&
			a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	case AF_INET6:
		return a->in6.sin6_port == b->in6.sin6_port &&
			a->in6.sin6_scope_id == b->in6.sin6_scope_id &&
			IN6_ARE_ADDR_EQUAL(
				&a->in6.sin6_addr, &b->in6.sin6_addr);
	default:
		return memcmp(&a->storage, &b->storage, a->length) == 0;
	}
}

/* Whether it stands for all addresses of the system. */
static bool
address_is_wildcard(const struct address *a)
{
	if (a->any.sa_family == AF_INET6)
		return IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
	return a->any.sa_family == AF_INET &&
		a->in.sin_addr.s_addr == htonl(INADDR_ANY);
}

/* Whether it is that of a multicast group. */
static bool
address_is_group(const struct address *a)
{
	if (a->any.sa_family == AF_INET6)
		return IN6_IS_ADDR_MULTICAST(&a->in6.sin6_addr);
	return a->any.sa_family == AF_INET &&
		IN_MULTICAST(ntohl(a->in.sin_addr.s_addr));
}

/* Makes the address of a Unix socket, never one that was cut short. */
static enum status
unix_resolve(const char *path, struct addresses *found, struct failure *failure)
{
	struct address *a = &found->at[0];
	struct sockaddr_un *un = &a->un;
	const size_t length = strlen(path);

	if (length >= sizeof un->sun_path) {
		failure_set(failure, STATUS_SETUP, ENAMETOOLONG,
			"path is too long, at most %zu bytes: %s",
			sizeof un->sun_path - 1, path);
		return STATUS_SETUP;
	}
	memset(un, 0, sizeof *un);
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, length + 1);
	a->length =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	if (*path == '@')
		un->sun_path[0] = '\0';
	else
		a->length++;
	found->count = 1;
	return STATUS_OK;
}

/* Ends the program with the message: a lookup cannot be left otherwise. */
static void
lookup_expire(int number)
{
	(void)number;
	(void)!write(STDERR_FILENO, lookup_late, strlen(lookup_late));
	(void)!write(STDERR_FILENO, lookup_stats, strlen(lookup_stats));
	_exit(STATUS_TIMEOUT);
}

/*
 * getaddrinfo under a deadline.  It goes on after EINTR and is not safe to be
 * jumped out of, so the handler ends the program: names are looked up before
 * there is anything to remove.
 */
static int
lookup(const char *host, const char *port, const struct addrinfo *hints,
	int64_t deadline, struct addrinfo **list)
{
	const int64_t left = deadline_left(deadline, clock_ms());
	struct itimerval timer, off;
	struct sigaction act, old;
	sigset_t alarm_only, mask;
	int error;

	if (left == NEVER)
		return getaddrinfo(host, port, hints, list);
	snprintf(lookup_late, sizeof lookup_late,
		"sockcat: getaddrinfo for host \"%.256s\" port %.64s: "
		"timed out\n",
		host, port);
	memset(&act, 0, sizeof act);
	sigemptyset(&act.sa_mask);
	act.sa_handler = lookup_expire;
	sigaction(SIGALRM, &act, &old);
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &alarm_only, &mask);

	memset(&off, 0, sizeof off);
	timer = off;
	timer.it_value.tv_sec = (time_t)(left / 1000);
	timer.it_value.tv_usec = (suseconds_t)(left % 1000) * 1000 + 1;
	setitimer(ITIMER_REAL, &timer, NULL);
	error = getaddrinfo(host, port, hints, list);
	setitimer(ITIMER_REAL, &off, NULL);

	sigprocmask(SIG_SETMASK, &mask, NULL);
	sigaction(SIGALRM, &old, NULL);
	return error;
}

static enum status
lookup_failed(
	const char *host, const char *port, int error, struct failure *failure)
{
	const int system_error = errno;

	if (error == EAI_SERVICE)
		failure_set(
			failure, STATUS_USAGE, 0, "unknown service '%s'", port);
	else
		failure_set(failure,
			error == EAI_MEMORY ? STATUS_LOCAL : STATUS_NOT_FOUND,
			0, "getaddrinfo for host \"%s\" port %s: %s", host,
			port,
			error == EAI_SYSTEM ? strerror(system_error) :
					      gai_strerror(error));
	return failure->status;
}

/* Appends those of a family, or of both with AF_UNSPEC. */
static void
addresses_add(struct addresses *found, const struct addrinfo *list, int family)
{
	const struct addrinfo *i;
	struct address *a;

	for (i = list; i != NULL && found->count < ADDRESSES_MAX;
		i = i->ai_next) {
		if (family != AF_UNSPEC && i->ai_family != family)
			continue;
		a = &found->at[found->count++];
		memcpy(&a->storage, i->ai_addr, i->ai_addrlen);
		a->length = i->ai_addrlen;
	}
}

/* Has the families take turns, the first one's first (RFC 8305, section 4). */
static void
addresses_interleave(struct addresses *list)
{
	struct address *at = list->at, other;
	int i, j;

	for (i = 1; i < list->count; i++) {
		for (j = i; j < list->count; j++)
			if (at[j].any.sa_family != at[i - 1].any.sa_family)
				break;
		if (j == list->count)
			break;
		other = at[j];
		memmove(&at[i + 1], &at[i], (size_t)(j - i) * sizeof *at);
		at[i] = other;
	}
}

/*
 * Finds the addresses of an endpoint before the deadline.  Without a host they
 * are the wildcards, first IPv6's, which can serve both families, or for a raw
 * socket, where it cannot, IPv4's.
 * Returns the exit status, with the failure noted if that is not 0.
 */
static enum status
endpoint_resolve(const struct endpoint *e, const struct options *o,
	int64_t deadline, struct addresses *found, struct failure *failure)
{
	const bool any = *e->host == '\0', raw = o->type == SOCK_RAW;
	struct addrinfo hints, *list;
	int error;

	found->count = 0;
	if (e->path != NULL)
		return unix_resolve(e->path, found, failure);
	memset(&hints, 0, sizeof hints);
	hints.ai_family = o->ipv4 ? AF_INET : o->ipv6 ? AF_INET6 : AF_UNSPEC;
	/* Of types other than these two getaddrinfo knows little. */
	hints.ai_socktype = o->datagrams ? SOCK_DGRAM : SOCK_STREAM;
	hints.ai_flags = AI_NUMERICHOST | (any ? AI_PASSIVE : 0);
	error = getaddrinfo(any ? NULL : e->host, e->port, &hints, &list);
	if (error == EAI_NONAME && !o->numeric) {
		hints.ai_flags = 0;
		error = lookup(e->host, e->port, &hints, deadline, &list);
	}
	if (error != 0)
		return lookup_failed(e->host, e->port, error, failure);
	if (any) {
		addresses_add(found, list, raw ? AF_INET : AF_INET6);
		addresses_add(found, list, raw ? AF_INET6 : AF_INET);
	} else
		addresses_add(found, list, AF_UNSPEC);
	freeaddrinfo(list);
	return STATUS_OK;
}

/* ---- sockets ------------------------------------------------------------ */

static int
socket_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value);
}

/* Has a socket block, as who is given it expects.  0 or -1. */
static int
socket_block(int fd)
{
	const int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

/* Has close(2) send a reset, which leaves nothing of the connection behind. */
static void
socket_reset(int fd)
{
	const struct linger reset = { 1, 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

/* The address that a socket is bound to.  0, or -1 with errno set. */
static int
socket_self(int fd, struct address *self)
{
	self->length = sizeof self->storage;
	return getsockname(fd, &self->any, &self->length);
}

/* The error that waits to be told, which is told once. */
static int
socket_error(int fd)
{
	int error = 0;
	socklen_t length = sizeof error;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		return errno;
	return error;
}

/* The peer's address.  False where there is none: it is left as it is. */
static bool
socket_peer(int fd, struct address *peer)
{
	struct address a;

	a.length = sizeof a.storage;
	if (getpeername(fd, &a.any, &a.length) < 0)
		return false;
	*peer = a;
	return true;
}

/* Which sockets an option is for. */
enum socket_scope {
	SCOPE_ANY,
	SCOPE_INET,
	SCOPE_IPV4, /* IPv6 sockets included that serve both */
	SCOPE_IPV6,
	SCOPE_GROUP, /* multicast */
	SCOPE_GROUP4,
	SCOPE_GROUP6
};

enum socket_time { BEFORE_BIND, BEFORE_CONNECT };

/*
 * The options of sockets, all set before connect or listen; those that have to
 * do with where a socket is bound, before that, and not for a connection that
 * an inherited listener has brought.
 */
static const struct socket_row {
	const char *name;
	int level, option;
	enum socket_scope scope;
	enum socket_time when;
	enum { VALUE_FLAG, VALUE_NUMBER, VALUE_BYTE } kind;
	size_t field;
} socket_rows[] = {
/* clang-format off */
#define SET_EARLY(option, scope, field) \
	{ #option, SOL_SOCKET, option, scope, BEFORE_BIND, VALUE_FLAG, \
		offsetof(struct options, field) }
#define SET_FLAG(level, option, scope, field) \
	{ #option, level, option, scope, BEFORE_CONNECT, VALUE_FLAG, \
		offsetof(struct options, field) }
#define SET_NUMBER(level, option, scope, field) \
	{ #option, level, option, scope, BEFORE_CONNECT, VALUE_NUMBER, \
		offsetof(struct options, field) }
#define SET_BYTE(level, option, scope, field) \
	{ #option, level, option, scope, BEFORE_CONNECT, VALUE_BYTE, \
		offsetof(struct options, field) }
SET_EARLY(SO_REUSEADDR, SCOPE_INET, reuse_addr),
SET_EARLY(SO_REUSEADDR, SCOPE_GROUP, share_group),
SET_EARLY(SO_REUSEPORT, SCOPE_ANY, reuse_port),
SET_NUMBER(SOL_SOCKET, SO_RCVBUF, SCOPE_ANY, rcvbuf),
SET_NUMBER(SOL_SOCKET, SO_SNDBUF, SCOPE_ANY, sndbuf),
SET_FLAG(SOL_SOCKET, SO_DEBUG, SCOPE_ANY, so_debug),
SET_FLAG(SOL_SOCKET, SO_BROADCAST, SCOPE_INET, broadcast),
SET_FLAG(SOL_SOCKET, SO_KEEPALIVE, SCOPE_INET, keepalive),
SET_FLAG(SOL_SOCKET, SO_OOBINLINE, SCOPE_INET, telnet),
SET_FLAG(IPPROTO_TCP, TCP_NODELAY, SCOPE_INET, no_delay),
SET_NUMBER(IPPROTO_IPV6, IPV6_TCLASS, SCOPE_IPV6, tos),
SET_NUMBER(IPPROTO_IP, IP_TOS, SCOPE_IPV4, tos),
SET_NUMBER(IPPROTO_IPV6, IPV6_UNICAST_HOPS, SCOPE_IPV6, ttl),
SET_NUMBER(IPPROTO_IP, IP_TTL, SCOPE_IPV4, ttl),
SET_NUMBER(IPPROTO_IPV6, IPV6_MULTICAST_HOPS, SCOPE_GROUP6, ttl),
SET_BYTE(IPPROTO_IP, IP_MULTICAST_TTL, SCOPE_GROUP4, ttl),
SET_NUMBER(IPPROTO_IPV6, IPV6_MINHOPCOUNT, SCOPE_IPV6, min_ttl),
SET_NUMBER(IPPROTO_IP, IP_MINTTL, SCOPE_IPV4, min_ttl),
	/* clang-format on */
};

/* Whether an option is for a socket that has to do with an address. */
static bool
socket_in_scope(enum socket_scope scope, const struct address *a)
{
	const bool ipv4 = a->any.sa_family == AF_INET;
	const bool ipv6 = a->any.sa_family == AF_INET6;

	switch (scope) {
	case SCOPE_ANY:
		return true;
	case SCOPE_INET:
		return ipv4 || ipv6;
	case SCOPE_IPV4:
		return ipv4 ||
			(ipv6 &&
				(IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr) ||
					address_is_wildcard(a)));
	case SCOPE_IPV6:
		return ipv6;
	case SCOPE_GROUP:
		return address_is_group(a);
	case SCOPE_GROUP4:
		return ipv4 && address_is_group(a);
	case SCOPE_GROUP6:
		return ipv6 && address_is_group(a);
	}
	return false;
}

static int
socket_row_set(int fd, const struct socket_row *row, int value)
{
	const unsigned char byte = (unsigned char)value;

	if (row->kind == VALUE_BYTE) /* OpenBSD takes nothing else */
		return setsockopt(fd, row->level, row->option, &byte, 1);
	return socket_option(fd, row->level, row->option, value);
}

/*
 * Sets an option of the table, if it was asked for.  Returns 0, or -1 with
 * errno set and in step what has failed.
 */
static int
socket_set(int fd, const struct socket_row *row, const struct options *o,
	const struct address *a, char step[STEP_MAX])
{
	const void *field = (const char *)o + row->field;
	int64_t value = NEVER;

	if (row->kind != VALUE_FLAG)
		value = *(const int64_t *)field;
	else if (*(const bool *)field)
		value = 1;
	if (value == NEVER || socket_row_set(fd, row, (int)value) == 0)
		return 0;
	/* Not all systems let a socket for both have what is for IPv4. */
	if (row->scope == SCOPE_IPV4 && a->any.sa_family == AF_INET6 &&
		address_is_wildcard(a))
		return 0;
	if (row->kind != VALUE_FLAG)
		snprintf(step, STEP_MAX, "set %s to %d for", row->name,
			(int)value);
	else
		snprintf(step, STEP_MAX, "set %s for", row->name);
	return -1;
}

/* What has to do with where a socket is bound, and is not in the table. */
static int
socket_prepare_bind(int fd, const struct options *o, const struct address *a,
	char step[STEP_MAX])
{
	/* One socket serves both families, if nothing else was asked for. */
	if (o->listen && o->type != SOCK_RAW && a->any.sa_family == AF_INET6 &&
		socket_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, o->ipv6) < 0 &&
		o->ipv6) { /* OpenBSD's serve IPv6 alone, whatever is asked */
		snprintf(step, STEP_MAX, "set IPV6_V6ONLY for");
		return -1;
	}
	if (o->interface != NULL && a->any.sa_family != AF_UNIX &&
		socket_bind_interface(fd, a->any.sa_family, o->interface) < 0) {
		snprintf(step, STEP_MAX, "set SO_BINDTODEVICE to %.32s for",
			o->interface);
		return -1;
	}
	return 0;
}

/*
 * Sets what the options ask for, from a point in time on.  Returns 0, or -1
 * with errno set and in step what has failed.
 */
static int
socket_prepare(int fd, const struct options *o, const struct address *a,
	enum socket_time when, char step[STEP_MAX])
{
	const bool inet = a->any.sa_family != AF_UNIX;
	const struct socket_setting *other = o->settings.at;
	const struct socket_setting *end = other + o->settings.count;
	size_t i;

	if (when == BEFORE_BIND && socket_prepare_bind(fd, o, a, step) < 0)
		return -1;
	/* What comes while we write waits there (measured: 99.6 % for 98.5). */
	if (inet && o->datagrams && !o->scan && o->rcvbuf == NEVER &&
		socket_number(fd, SO_RCVBUF) < DATAGRAM_QUEUE)
		(void)socket_option(fd, SOL_SOCKET, SO_RCVBUF, DATAGRAM_QUEUE);
	for (i = 0; i < sizeof socket_rows / sizeof *socket_rows; i++)
		if (socket_rows[i].when >= when &&
			socket_in_scope(socket_rows[i].scope, a) &&
			socket_set(fd, &socket_rows[i], o, a, step) < 0)
			return -1;
	for (; other < end; other++)
		if (socket_option(fd, other->level, other->name, other->value) <
			0) {
			snprintf(step, STEP_MAX, "set option %d:%d:%d for",
				other->level, other->name, other->value);
			return -1;
		}
	return 0;
}

/*
 * A socket for an address, with all that the options ask for.  Returns it, or
 * -1 with errno set and in step what it was that failed.
 */
static int
socket_for(
	const struct options *o, const struct address *a, char step[STEP_MAX])
{
	const bool own = o->protocol == 0;
	int fd, error;

	fd = socket_open(a->any.sa_family, o->type, o->protocol);
	if (fd >= 0) {
		if (socket_prepare(fd, o, a, BEFORE_BIND, step) == 0)
			return fd;
		error = errno;
		close(fd);
		errno = error;
	} else if (own && o->type_chosen == NEVER)
		snprintf(step, STEP_MAX, "socket for");
	else
		snprintf(step, STEP_MAX, "socket of type %s%s%s for",
			socket_type_of(o->type)->name,
			own ? "" : " and protocol ",
			own ? "" : o->protocol_name);
	return -1;
}

/*
 * Hands a descriptor over to whoever reads a Unix socket, with a byte that it
 * goes with.  Returns 0 or the error.
 */
static int
socket_pass(int fd, int over, int64_t deadline)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof fd)];
	} control = { .header = { .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS,
			      .cmsg_len = CMSG_LEN(sizeof fd) } };
	char byte = '\0';
	struct iovec piece = { &byte, 1 };
	const struct msghdr message = { .msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control.room };
	struct pollfd room = { over, POLLOUT, 0 };
	struct address self;

	if (socket_self(over, &self) < 0)
		return errno;
	if (self.any.sa_family != AF_UNIX)
		return EAFNOSUPPORT;
	memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
	do {
		if (poll_masked(&room, 1, deadline_left(deadline, clock_ms()),
			    NULL) == 0)
			return ETIMEDOUT;
		if (sendmsg(over, &message, MSG_DONTWAIT) == 1)
			return 0;
	} while (would_block(errno));
	return errno;
}

/* The network's side of the pump. */
static void
stream_socket(struct stream *s, int fd, const struct options *o,
	const struct address *peer)
{
	memset(s, 0, sizeof *s);
	s->kind = STREAM_SOCKET;
	s->fd = fd;
	s->offset = -1;
	s->write_max = SIZE_MAX;
	s->messages = o->messages;
	s->datagrams = o->datagrams;
	s->tcp = o->type == SOCK_STREAM && peer->any.sa_family != AF_UNIX &&
		(o->protocol == 0 || o->protocol == IPPROTO_TCP);
	s->peer = *peer;
}

/*
 * Whether a path still names the file that was described.  If not, errno says
 * why: ENOENT if there is none or another.
 */
static bool
path_is(const char *path, const struct stat *st)
{
	struct stat now;

	if (lstat(path, &now) < 0)
		return false;
	errno = ENOENT;
	return now.st_dev == st->st_dev && now.st_ino == st->st_ino;
}

/* A file that is ours to remove, as long as it is still the one we made. */
struct owned {
	const char *path; /* NULL: none */
	struct stat st;
	int pin;
};

static void
owned_take(struct owned *owned, const char *path)
{
	if (path_pin(path, &owned->st, &owned->pin) == 0)
		owned->path = path;
}

/* Lets go of a file that is removed, or is another process's to remove. */
static void
owned_forget(const struct owned *owned)
{
	if (owned->path != NULL && owned->pin >= 0)
		close(owned->pin);
}

/* Removes a file, unless another one has taken its place. */
static void
owned_remove(struct owned *owned)
{
	if (owned->path == NULL)
		return;
	if ((!path_is(owned->path, &owned->st) || unlink(owned->path) < 0) &&
		errno != ENOENT)
		warn("remove %s: %s", owned->path, strerror(errno));
	owned_forget(owned);
	owned->path = NULL;
}

/* ---- proxies ------------------------------------------------------------ */

/* How far a proxy has been talked to: what it is to be sent next. */
enum tunnel_stage {
	TUNNEL_GREET,
	TUNNEL_LOGIN,
	TUNNEL_ASK,
	TUNNEL_OPEN /* nothing: it has connected us */
};

/* What a proxy is asked for. */
struct tunnel {
	const struct tunnel_protocol *protocol;
	enum tunnel_stage stage;
	const char *host; /* the target */
	uint16_t port;
	int family; /* AF_UNSPEC, or that of the host's address */
	unsigned char address[sizeof(struct in6_addr)];
	bool looked_up;		     /* here, before the proxy is asked */
	const char *user, *password; /* NULL: none */
};

/* What the first bytes that a proxy has sent amount to. */
struct verdict {
	enum {
		REPLY_MORE, /* all of them belong to it, and more is to come */
		REPLY_DONE,
		REPLY_REFUSED,
		REPLY_NONSENSE
	} kind;
	size_t length;	/* of the reply, once it is done */
	bool unreached; /* it has tried, and the target cannot be reached */
	char reason[OBJECT_MAX]; /* of REPLY_MORE: if no more comes */
};

/* A proxy's protocol: pure functions, which neither read nor write. */
struct tunnel_protocol {
	/* Puts together what is to be sent.  Returns its length. */
	size_t (*request)(const struct tunnel *t, char request[REQUEST_MAX]);

	/* Looks at the reply to it.  If that is done the next stage begins. */
	struct verdict (*reply)(
		struct tunnel *t, const char *bytes, size_t length);
};

static struct verdict
reply_more(void)
{
	const struct verdict more = { .kind = REPLY_MORE };

	return more;
}

/* The reply has ended, and the next stage begins. */
static struct verdict
reply_done(struct tunnel *t, enum tunnel_stage next, size_t length)
{
	const struct verdict done = { .kind = REPLY_DONE, .length = length };

	t->stage = next;
	return done;
}

__attribute__((format(printf, 2, 3))) static struct verdict
reply_refused(bool unreached, const char *format, ...)
{
	struct verdict refused = { .kind = REPLY_REFUSED,
		.unreached = unreached };
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(refused.reason, sizeof refused.reason, format, arguments);
	va_end(arguments);
	return refused;
}

__attribute__((format(printf, 1, 2))) static struct verdict
reply_nonsense(const char *format, ...)
{
	struct verdict nonsense = { .kind = REPLY_NONSENSE };
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(nonsense.reason, sizeof nonsense.reason, format, arguments);
	va_end(arguments);
	return nonsense;
}

/* Puts bytes into a request.  Returns where the next ones go. */
static char *
request_put(char *to, const void *bytes, size_t length)
{
	memcpy(to, bytes, length);
	return to + length;
}

/* Puts a text of at most 255 bytes behind a byte that says how many. */
static char *
request_put_text(char *to, const char *text)
{
	const size_t length = strlen(text);

	*to++ = (char)length;
	return request_put(to, text, length);
}

static char *
request_put_port(char *to, uint16_t port)
{
	*to++ = (char)(port >> 8);
	*to++ = (char)(port & 0xff);
	return to;
}

/* SOCKS4, and 4A for a host that the proxy is to look up. */
static size_t
socks4_request(const struct tunnel *t, char request[REQUEST_MAX])
{
	static const char elsewhere[] = { 0, 0, 0, 1 };
	const char *user = t->user == NULL ? "" : t->user;
	const bool named = t->family != AF_INET;
	char *to = request;

	*to++ = 4;
	*to++ = 1; /* CONNECT */
	to = request_put_port(to, t->port);
	to = request_put(to, named ? (const void *)elsewhere : t->address, 4);
	to = request_put(to, user, strlen(user) + 1);
	if (named)
		to = request_put(to, t->host, strlen(t->host) + 1);
	return (size_t)(to - request);
}

static struct verdict
socks4_reply(struct tunnel *t, const char *bytes, size_t length)
{
	if (length > 0 && bytes[0] != 0)
		return reply_nonsense(
			"version %d instead of 0", (unsigned char)bytes[0]);
	if (length < 2)
		return reply_more();
	switch ((unsigned char)bytes[1]) {
	case 90:
		break;
	case 91:
		return reply_refused(true, "rejected or failed");
	case 92:
		return reply_refused(false, "it cannot ask identd who we are");
	case 93:
		return reply_refused(false, "identd names another user");
	default:
		return reply_nonsense(
			"unknown code %d", (unsigned char)bytes[1]);
	}
	if (length < 8)
		return reply_more();
	return reply_done(t, TUNNEL_OPEN, 8);
}

/* What SOCKS5 is asked for at last (RFC 1928, section 4). */
static char *
socks5_put_target(char *to, const struct tunnel *t)
{
	enum { ATYP_IPV4 = 1, ATYP_NAME = 3, ATYP_IPV6 = 4 };

	switch (t->family) {
	case AF_INET:
		*to++ = ATYP_IPV4;
		to = request_put(to, t->address, 4);
		break;
	case AF_INET6:
		*to++ = ATYP_IPV6;
		to = request_put(to, t->address, 16);
		break;
	default:
		*to++ = ATYP_NAME;
		to = request_put_text(to, t->host);
	}
	return request_put_port(to, t->port);
}

static size_t
socks5_request(const struct tunnel *t, char request[REQUEST_MAX])
{
	char *to = request;

	*to++ = 5;
	switch (t->stage) {
	case TUNNEL_GREET: /* the methods are 0, no user, and 2, RFC 1929's */
		*to++ = t->user == NULL ? 1 : 2;
		*to++ = 0;
		if (t->user != NULL)
			*to++ = 2;
		break;
	case TUNNEL_LOGIN:
		request[0] = 1; /* its own version */
		to = request_put_text(to, t->user);
		to = request_put_text(to, t->password);
		break;
	default:
		*to++ = 1; /* CONNECT */
		*to++ = 0;
		to = socks5_put_target(to, t);
	}
	return (size_t)(to - request);
}

/* The proxy has chosen how we are to say who we are. */
static struct verdict
socks5_method(struct tunnel *t, unsigned char method)
{
	if (method == 0)
		return reply_done(t, TUNNEL_ASK, 2);
	if (method == 2 && t->user != NULL)
		return reply_done(t, TUNNEL_LOGIN, 2);
	if (method != 0xff)
		return reply_nonsense(
			"method %d, which was not offered", method);
	if (t->user == NULL)
		return reply_refused(false, "it wants a user: give -P");
	return reply_refused(false, "it takes neither no user nor a password");
}

static struct verdict
socks5_refused(unsigned char code)
{
	static const char *const words[] = { "", "general failure",
		"not allowed by its rules", "network unreachable",
		"host unreachable", "connection refused",
		"time to live expired", "it knows no CONNECT",
		"it knows no such address" };

	if (code >= sizeof words / sizeof *words)
		return reply_refused(false, "unknown code %d", code);
	return reply_refused(code >= 3 && code <= 6, "%s", words[code]);
}

/* The answer to what it was asked for (RFC 1928, section 6). */
static struct verdict
socks5_answer(struct tunnel *t, const char *bytes, size_t length)
{
	const unsigned char *b = (const unsigned char *)bytes;
	size_t total = 5; /* with which it is known */

	if (b[1] != 0)
		return socks5_refused(b[1]);
	if (length >= 4 && b[3] != 1 && b[3] != 3 && b[3] != 4)
		return reply_nonsense("address type %d", b[3]);
	if (length >= total)
		total = 4 + (b[3] == 1 ? 4 : b[3] == 4 ? 16 : 1 + b[4]) + 2;
	if (length < total)
		return reply_more();
	return reply_done(t, TUNNEL_OPEN, total);
}

static struct verdict
socks5_reply(struct tunnel *t, const char *bytes, size_t length)
{
	const unsigned char *b = (const unsigned char *)bytes;
	const int version = t->stage == TUNNEL_LOGIN ? 1 : 5;

	if (length > 0 && b[0] != version)
		return reply_nonsense(
			"version %d instead of %d", b[0], version);
	if (length < 2)
		return reply_more();
	if (t->stage == TUNNEL_GREET)
		return socks5_method(t, b[1]);
	if (t->stage == TUNNEL_ASK)
		return socks5_answer(t, bytes, length);
	if (b[1] != 0)
		return reply_refused(false, "user or password not accepted");
	return reply_done(t, TUNNEL_ASK, 2);
}

/* RFC 4648, section 4.  Returns the length: four bytes for each three begun. */
static size_t
base64_encode(const char *from, size_t length, char *to)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789+/";
	const char *begin = to;
	unsigned long bits;
	size_t i, j;

	for (i = 0; i < length; i += 3) {
		bits = 0;
		for (j = i; j < i + 3; j++)
			bits = bits << 8 |
				(j < length ? (unsigned char)from[j] : 0);
		for (j = 0; j < 4; j++)
			*to++ = i + j > length ?
				'=' :
				digits[bits >> (18 - 6 * j) & 0x3f];
	}
	return (size_t)(to - begin);
}

/* CONNECT (RFC 9110, section 9.3.6), with Basic of RFC 7617. */
static size_t
http_request(const struct tunnel *t, char request[REQUEST_MAX])
{
	const bool brackets = t->family == AF_INET6;
	char target[HOST_MAX + sizeof "[]:65535"];
	char user[2 * PROXY_TEXT_MAX + sizeof ":"];
	char *to = request;
	int length;

	snprintf(target, sizeof target, "%s%s%s:%d", brackets ? "[" : "",
		t->host, brackets ? "]" : "", t->port);
	to += snprintf(to, REQUEST_MAX, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n",
		target, target);
	if (t->user != NULL) {
		length = snprintf(
			user, sizeof user, "%s:%s", t->user, t->password);
		to = stpcpy(to, "Proxy-Authorization: Basic ");
		to += base64_encode(user, (size_t)length, to);
		to = stpcpy(to, "\r\n");
	}
	to = stpcpy(to, "\r\n");
	return (size_t)(to - request);
}

/*
 * The status of an answer that begins with a whole status line, 0 if it is not
 * whole yet, -1 if it is none: three digits are followed by a blank or by the
 * end of the line.
 */
static int
http_status(const char *bytes, size_t length)
{
	static const char form[] = "HTTP/1.d ddd";
	const size_t size = sizeof form - 1;
	size_t i;

	for (i = 0; i < size && i < length; i++)
		if (form[i] == 'd' ? !is_digit(bytes[i]) : bytes[i] != form[i])
			return -1;
	if (length <= size)
		return 0;
	if (strchr(" \r\n", bytes[size]) == NULL || bytes[size - 3] == '0')
		return -1;
	if (memchr(bytes, '\n', length) == NULL)
		return 0;
	return atoi(bytes + size - 3);
}

/* The length of a header with the empty line that ends it, 0 if none does. */
static size_t
http_header(const char *bytes, size_t length)
{
	const char *c = bytes, *end = bytes + length;

	while ((c = memchr(c, '\n', (size_t)(end - c))) != NULL) {
		c++;
		if (c < end && *c == '\r')
			c++;
		if (c < end && *c == '\n')
			return (size_t)(c + 1 - bytes);
	}
	return 0;
}

/*
 * The scheme by which the proxy wants to be told who we are: "Basic" if that is
 * among those it names, else the first, empty if it names none.
 */
static void
http_scheme(const char *header, size_t length, char scheme[OBJECT_MAX])
{
	static const char field[] = "Proxy-Authenticate:", basic[] = "Basic";
	const char *end = header + length, *c;

	*scheme = '\0';
	for (; header < end; header++) {
		header = memchr(header, '\n', (size_t)(end - header));
		if (header == NULL || (size_t)(end - header) < sizeof field)
			return;
		if (strncasecmp(header + 1, field, sizeof field - 1) != 0)
			continue;
		for (c = header + sizeof field; *c != '\n'; c++)
			if (strchr(":, \t", c[-1]) != NULL &&
				(size_t)(end - c) >= sizeof basic &&
				strncasecmp(c, basic, sizeof basic - 1) == 0) {
				strcpy(scheme, basic);
				return;
			}
		c = header + sizeof field;
		while (*c == ' ' || *c == '\t')
			c++;
		if (*scheme == '\0')
			text_copy(scheme, OBJECT_MAX, c, strcspn(c, " \t\r\n"));
	}
}

/* Refuses in the words of the proxy, and says what is missing. */
static struct verdict
http_refused(
	const struct tunnel *t, int status, const char *header, size_t length)
{
	const char *line = header + sizeof "HTTP/1.1";
	char words[OBJECT_MAX], scheme[OBJECT_MAX], missing[OBJECT_MAX] = "";
	char *c;

	text_copy(words, sizeof words, line, strcspn(line, "\r\n"));
	for (c = words; *c != '\0'; c++)
		if (*c & 0x80) /* terminals may take such for controls, too */
			*c = '?';
	if (status == 407) {
		http_scheme(header, length, scheme);
		if (*scheme != '\0' && strcmp(scheme, "Basic") != 0)
			snprintf(missing, sizeof missing,
				": it asks for %.64s, and only Basic is known "
				"here",
				scheme);
		else
			snprintf(missing, sizeof missing, ": %s",
				t->user == NULL ?
					"it wants a user: give -P" :
					"user or password not accepted");
	}
	return reply_refused(
		status >= 502 && status <= 504, "%.256s%s", words, missing);
}

static struct verdict
http_reply(struct tunnel *t, const char *bytes, size_t length)
{
	size_t begin = 0, header, seen;
	struct verdict refused;
	const char *block;
	int status;

	for (;; begin += header) {
		block = bytes + begin;
		status = http_status(block, length - begin);
		header = http_header(block, length - begin);
		seen = header > 0 ? header : length - begin;
		if (status < 0)
			return reply_nonsense("not a status line of HTTP/1");
		if (status >= 300 && status != 407) /* its line says it all */
			seen = (size_t)((const char *)memchr(
						block, '\n', seen) -
				block);
		if (memchr(block, '\0', seen) != NULL)
			return reply_nonsense("a NUL in its header");
		if (status >= 300 && (status != 407 || header > 0))
			return http_refused(t, status, block, seen);
		if (header == 0 && status == 407) {
			/* If no more comes, its line has to do. */
			refused = http_refused(t, status, block, 0);
			if (length < HEADER_MAX)
				refused.kind = REPLY_MORE;
			return refused;
		}
		if (header == 0 && length < HEADER_MAX)
			return reply_more();
		if (header == 0)
			return reply_nonsense(
				"a header of more than %d bytes", HEADER_MAX);
		if (status >= 200) /* what is less announces another */
			return reply_done(t, TUNNEL_OPEN, begin + header);
	}
}

/* By enum proxy_type. */
static const struct tunnel_protocol tunnel_protocols[] = {
	{ socks4_request, socks4_reply },
	{ socks4_request, socks4_reply },
	{ socks5_request, socks5_reply },
	{ http_request, http_reply },
};

/* ---- connecting --------------------------------------------------------- */

/* What connecting needs to know beside the address, and what came of it. */
struct connecting {
	const struct options *options;
	struct tunnel *tunnel;	  /* through a proxy, or NULL */
	bool reached;		  /* the proxy was */
	bool unreached;		  /* the target was not, the proxy says */
	struct addresses sources; /* to connect from; none: any */
	int64_t until;		  /* the end of all tries */
	int64_t deadline;	  /* of this one */
	struct failure failure;
	char setup[STEP_MAX]; /* what of the socket has failed */

	/* What was done last, to be named if it fails. */
	struct step {
		const char *operation;
		const struct address *object;
		const char *name;   /* of the object */
		enum status status; /* that its failure leads to */
	} step;
};

/* Forgets what has come of the last try. */
static void
connect_begin(struct connecting *c)
{
	memset(&c->failure, 0, sizeof c->failure);
	c->reached = c->unreached = false;
}

/* How long an attempt may take: a port that is only tested has not for ever. */
static int64_t
attempt_ms(const struct options *o)
{
	if (o->scan && o->connect_timeout_ms == NEVER)
		return PROBE_WAIT_MS;
	return o->connect_timeout_ms;
}

/* The source that fits a target, or NULL. */
static const struct address *
connect_source(const struct connecting *c, const struct address *target)
{
	int i;

	for (i = 0; i < c->sources.count; i++)
		if (c->sources.at[i].any.sa_family == target->any.sa_family)
			return &c->sources.at[i];
	return NULL;
}

/* Leaves the targets that a source fits, or all if none does. */
static void
connect_narrow(const struct connecting *c, struct addresses *targets)
{
	int i, count = 0;

	for (i = 0; i < targets->count; i++)
		if (connect_source(c, &targets->at[i]) != NULL)
			targets->at[count++] = targets->at[i];
	if (count > 0)
		targets->count = count;
}

/* Binds to the source, if one was asked for.  Returns 0 or the error. */
static int
connect_bind(struct connecting *c, int fd, const struct address *target)
{
	const struct address *source = connect_source(c, target);

	if (c->sources.count == 0)
		return 0;
	c->step.operation = "bind to";
	c->step.object = source != NULL ? source : &c->sources.at[0];
	c->step.name = NULL;
	if (source == NULL)
		return EAFNOSUPPORT;
	return bind(fd, &source->any, source->length) < 0 ? errno : 0;
}

/* connect(2).  Returns 0, EINPROGRESS or the error. */
static int
connect_call(int fd, const struct address *a)
{
	if (connect(fd, &a->any, a->length) == 0)
		return 0;
	/* An interrupted connect goes on by itself (POSIX). */
	return errno == EINTR ? EINPROGRESS : errno;
}

/* From here on a failure is one of connect. */
static void
connect_stepped(struct connecting *c, const struct address *target)
{
	const bool proxied = c->tunnel != NULL;

	c->step.operation = proxied ? "connect to proxy" : "connect to";
	c->step.object = target;
	c->step.name = proxied ? c->options->proxy_at.host :
				 c->options->target.host;
	c->step.status = STATUS_REFUSED;
}

/*
 * What stands in the way of datagrams to an address: 0 or the error, which is
 * EACCES for a broadcast address.  Nothing is sent.
 */
static int
address_error(const struct address *a)
{
	const int fd = socket_open(a->any.sa_family, SOCK_DGRAM, 0);
	const int error = fd < 0 ? errno : connect_call(fd, a);

	if (fd >= 0)
		close(fd);
	return error;
}

/* Whether there is a way to an address. */
static bool
address_is_routed(const struct address *a)
{
	const int error = address_error(a);

	return error != EAFNOSUPPORT && error != EADDRNOTAVAIL &&
		error != EHOSTUNREACH && error != ENETUNREACH;
}

/*
 * Whether datagrams to an address are for many: a connection hears only one,
 * but to whom the socket is given it must know where to send.
 */
static bool
connect_spreads(const struct options *o, const struct address *target)
{
	return o->datagrams && !o->scan && !o->pass_fd && o->exec == NULL &&
		o->sh_exec == NULL &&
		(address_is_group(target) ||
			(o->broadcast && address_error(target) == EACCES));
}

/*
 * Begins to connect to an address, which the caller keeps as long as it wants
 * to say what failed.  Returns 0, EINPROGRESS or the error.  *fd is the
 * caller's to close whatever comes, or -1.
 */
static int
connect_start(struct connecting *c, const struct address *target, int *fd)
{
	int error;

	connect_stepped(c, target);
	c->step.status = STATUS_SETUP;
	*fd = socket_for(c->options, target, c->setup);
	if (*fd < 0) {
		c->step.operation = c->setup;
		return errno;
	}
	error = connect_bind(c, *fd, target);
	if (error != 0)
		return error;
	connect_stepped(c, target);
	if (connect_spreads(c->options, target))
		return 0;
	return connect_call(*fd, target);
}

/*
 * The outcome of a connect once poll says that it has one: 0 or the error.
 * A socket that met itself, as an ephemeral port on loopback can, has found
 * nobody there: that is a refusal, which must not leave TIME-WAIT behind.
 */
static int
connect_finish(int fd)
{
	const int error = socket_error(fd);
	struct address self, peer;

	if (error != 0)
		return error;
	if (socket_self(fd, &self) < 0)
		return errno;
	if (self.any.sa_family == AF_UNIX)
		return 0;
	peer.length = 0;
	socket_peer(fd, &peer);
	if (!address_equal(&self, &peer))
		return 0;
	socket_reset(fd);
	return ECONNREFUSED;
}

/* Whether there is a connection.  None is made by a reset: it came later. */
static bool
connect_succeeded(int error)
{
	return error == 0 || error == ECONNRESET || error == EPIPE;
}

/* Notes that the last step has failed, and why. */
static void
connect_failed(struct connecting *c, int error, const char *reason)
{
	const struct step *step = &c->step;
	enum status status = error_status(error, step->status);
	char object[OBJECT_MAX], painted[PAINTED_MAX];
	const char *failed = "failed";

	/* connect says so of TCP and of UDP when no ephemeral port is left. */
	if (status == STATUS_REFUSED &&
		(error == EAGAIN ||
			(error == EADDRNOTAVAIL &&
				address_is_routed(step->object))))
		status = STATUS_LOCAL;
	if (c->options->scan)
		failed = paint(
			painted, paint_wanted(STDERR_FILENO), RED, failed);
	address_describe(step->object, c->options, step->name, object);
	failure_set(&c->failure, status, error, "%s %s %s: %s", step->operation,
		object, failed, reason);
}

/* An attempt to connect that has neither succeeded nor failed yet. */
struct attempt {
	int fd;
	const struct address *address;
	bool again; /* connect must be called again */
};

/*
 * Attempts to reach one of several addresses, each begun 250 ms after the one
 * before it or as soon as one has failed (RFC 8305, section 5).
 */
struct race {
	struct connecting *connecting;
	const struct addresses *targets;
	struct stream *network; /* what has won; its descriptor is -1 before */
	int begun;		/* targets that have had their turn */
	int64_t next_at;	/* when the next one has its turn */
	int count;		/* attempts that are pending, oldest first */
	struct attempt pending[ADDRESSES_MAX];
};

/* Takes an attempt out, and closes it unless it has won or has no socket. */
static void
race_remove(struct race *r, int i)
{
	struct attempt *attempt = &r->pending[i];

	if (attempt->fd >= 0)
		close(attempt->fd);
	r->count--;
	memmove(attempt, attempt + 1, (size_t)(r->count - i) * sizeof *attempt);
}

/*
 * Does what follows from 0, EINPROGRESS or an error of an attempt.  Whether it
 * is still pending.
 */
static bool
race_judge(struct race *r, int i, int error)
{
	struct attempt *attempt = &r->pending[i];
	struct connecting *c = r->connecting;
	const bool too_high = error == EINPROGRESS && attempt->fd >= FD_SETSIZE;

	if (too_high)
		error = EMFILE;
	/*
	 * A Unix listener's backlog is full.  select calls the socket writable,
	 * though it is not connected: the only way is to ask again.
	 */
	attempt->again = error == EAGAIN &&
		attempt->address->any.sa_family == AF_UNIX;
	if (error == EINPROGRESS || attempt->again)
		return true;
	if (error == 0)
		error = connect_finish(attempt->fd);
	if (connect_succeeded(error)) {
		stream_socket(
			r->network, attempt->fd, c->options, attempt->address);
		r->network->error = error;
		attempt->fd = -1;
	} else {
		connect_failed(c, error,
			too_high ? "too many open descriptors for select" :
				   strerror(error));
		r->next_at = 0;
	}
	race_remove(r, i);
	return false;
}

/* Begins with the next target. */
static void
race_begin(struct race *r, int64_t now)
{
	struct connecting *c = r->connecting;
	struct attempt *attempt = &r->pending[r->count];
	int error;

	attempt->address = &r->targets->at[r->begun++];
	error = connect_start(c, attempt->address, &attempt->fd);
	/* Two sockets cannot be bound to one port: they take turns. */
	r->next_at = c->options->port != NULL ? NEVER : now + RACE_MS;
	race_judge(r, r->count++, error);
}

/* Waits for an attempt to end, or for the turn of the next. */
static void
race_wait(struct race *r, fd_set *writable)
{
	const bool more = r->begun < r->targets->count;
	int64_t at = r->connecting->deadline, left;
	struct timespec timeout;
	int i, highest = -1;

	if (more)
		at = earlier(at, r->next_at);
	left = deadline_left(at, clock_ms());
	FD_ZERO(writable);
	for (i = 0; i < r->count; i++) {
		const struct attempt *attempt = &r->pending[i];

		if (attempt->again) {
			left = earlier(left, RETRY_MS);
			continue;
		}
		FD_SET((unsigned)attempt->fd, writable);
		if (attempt->fd > highest)
			highest = attempt->fd;
	}
	timeout = timespec_of(left);
	if (pselect(highest + 1, NULL, writable, NULL,
		    left == NEVER ? NULL : &timeout, NULL) < 0)
		FD_ZERO(writable); /* a signal that does not end the program */
}

/* Judges each attempt that has an outcome, until one has succeeded. */
static void
race_collect(struct race *r, const fd_set *writable)
{
	struct connecting *c = r->connecting;
	int i = 0, error;

	while (i < r->count && r->network->fd < 0) {
		const struct attempt *attempt = &r->pending[i];

		connect_stepped(c, attempt->address);
		if (attempt->again)
			error = connect_call(attempt->fd, attempt->address);
		else if (FD_ISSET((unsigned)attempt->fd, writable))
			error = 0;
		else
			error = EINPROGRESS;
		if (race_judge(r, i, error))
			i++;
	}
}

/* Closes what is pending: it has lost, or time is over. */
static void
race_end(struct race *r)
{
	struct connecting *c = r->connecting;
	char object[OBJECT_MAX];

	while (r->count > 0) {
		connect_stepped(c, r->pending[0].address);
		if (r->network->fd < 0)
			connect_failed(c, ETIMEDOUT, strerror(ETIMEDOUT));
		else {
			address_describe(c->step.object, c->options,
				c->step.name, object);
			note("%s %s abandoned: another address answered first",
				c->step.operation, object);
		}
		race_remove(r, 0);
	}
}

/* Says that a port of the target is open, in the words of nc. */
static void
note_opened(const struct options *o, const char *host, const char *port,
	uint16_t number)
{
	char painted[PAINTED_MAX];
	const char *succeeded = "succeeded!";

	if (o->scan)
		succeeded = paint(
			painted, paint_wanted(STDERR_FILENO), GREEN, succeeded);
	note("Connection to %s %s port [%s/%s] %s", host, port,
		o->protocol_name, service_name(o, htons(number), "*"),
		succeeded);
}

static void
note_connected(const struct connecting *c, const struct address *a)
{
	const struct options *o = c->options;
	struct address_text text;
	char words[OBJECT_MAX];

	if (!verbose)
		return;
	if (c->tunnel != NULL) {
		address_words(a, o, words);
		note("Connected to proxy %s", words);
		return;
	}
	address_print(a, o, o->target.host, &text);
	if (*text.port == '\0')
		note("Connection to %s succeeded!", text.host);
	else
		note_opened(o, text.host, text.port, ntohs(a->in.sin_port));
}

/*
 * Connects to the first address that answers, all under one deadline.
 * Returns the exit status, with the failure noted if that is not 0.
 */
static enum status
connect_race(struct connecting *c, const struct addresses *targets,
	struct stream *network)
{
	struct race r = {
		.connecting = c, .targets = targets, .network = network
	};
	fd_set writable;
	int64_t now;

	network->fd = -1;
	do {
		now = clock_ms();
		if (r.begun < targets->count && now >= r.next_at)
			race_begin(&r, now);
		else if (r.count == 0)
			break;
		/* Before the next one begins all that are pending are asked. */
		if (r.count > 0 && network->fd < 0) {
			race_wait(&r, &writable);
			race_collect(&r, &writable);
		}
	} while (network->fd < 0 && (r.count == 0 || clock_ms() < c->deadline));
	race_end(&r);
	if (network->fd < 0)
		return c->failure.status;
	note_connected(c, &network->peer);
	/*
	 * A Unix datagram comes from the name that its sender was bound to.
	 * What is for many has no peer.
	 */
	if (network->datagrams) {
		network->spread = !socket_peer(network->fd, &network->peer);
		network->unconnected = network->spread;
	}
	return STATUS_OK;
}

/*
 * Gives a client of Unix datagrams a name to be answered at: the one that was
 * asked for, or one that the kernel chooses, or a path of its own.  Prints what
 * went wrong and returns the exit status.
 */
static enum status
client_name(const struct options *o, int fd, struct owned *owned)
{
	static char own[PATH_MAX];
	const bool asked = o->local.path != NULL;
	const char *path = asked ? o->local.path : own;
	const char *directory = getenv("TMPDIR");
	struct failure failure = { .weight = 0 };
	struct addresses name;
	int error, i = 0;

	if (!asked &&
		(socket_bind_unnamed(fd) == 0 || o->exec != NULL ||
			o->sh_exec != NULL)) /* it would leave it behind */
		return STATUS_OK;
	if (directory == NULL || *directory == '\0')
		directory = "/tmp";
	do {
		snprintf(own, sizeof own, "%s/sockcat.%ld.%d", directory,
			(long)getpid(), i);
		if (unix_resolve(path, &name, &failure) != STATUS_OK)
			return failure_report(&failure);
		error = bind(fd, &name.at[0].any, name.at[0].length) < 0 ?
			errno :
			0;
	} while (error == EADDRINUSE && !asked && ++i < NAMES_MAX);
	if (error != 0) {
		warn("bind to %s (unix) failed: %s", path, strerror(error));
		return STATUS_SETUP;
	}
	if (*path != '@')
		owned_take(owned, path);
	return STATUS_OK;
}

/* ---- tunnels ------------------------------------------------------------ */

/*
 * Reads a line from the terminal without showing it.  Returns its length, or -1
 * with errno set, EINTR if a signal is to end the program.
 */
static ssize_t
secret_read(const char *prompt, char *line, size_t room)
{
	const int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct pollfd typed = { fd, POLLIN, 0 };
	struct termios shown, hidden;
	struct signals signals;
	void (*stopped)(int), (*quit)(int);
	ssize_t got = -1;
	int error;

	if (fd < 0 || tcgetattr(fd, &shown) < 0)
		return -1;
	signals_open(&signals);
	signals_block(&signals);
	/* These would leave the terminal as it is now. */
	stopped = signal(SIGTSTP, SIG_IGN);
	quit = signal(SIGQUIT, SIG_IGN);
	hidden = shown;
	hidden.c_iflag |= ICRNL;
	hidden.c_lflag |= ICANON | ISIG;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(fd, TCSAFLUSH, &hidden);
	write_all(fd, prompt, strlen(prompt), NEVER, &signals.waiting);
	while (!caught_signal &&
		poll_masked(&typed, 1, NEVER, &signals.waiting) <= 0)
		;
	errno = EINTR;
	if (!caught_signal)
		got = read(fd, line, room);
	error = got == 0 ? ECANCELED : errno;
	tcsetattr(fd, TCSAFLUSH, &shown);
	(void)!write(fd, "\n", 1);
	signal(SIGTSTP, stopped);
	signal(SIGQUIT, quit);
	signals_restore(&signals);
	close(fd);
	errno = error;
	return got > 0 ? got : -1;
}

/*
 * The password that goes with a user, from the environment or else from the
 * terminal.  Ends the program when there is none, or none that can be sent.
 */
static const char *
password_ask(const char *user)
{
	static char password[PROXY_TEXT_MAX + 3]; /* a newline, and more */
	const char *given = getenv("SOCKCAT_PROXY_PASSWORD");
	char prompt[OBJECT_MAX];
	ssize_t length;

	if (given != NULL)
		length = snprintf(password, sizeof password, "%s", given);
	else {
		snprintf(prompt, sizeof prompt,
			"Password of %s for the proxy: ", user);
		length = secret_read(prompt, password, sizeof password - 1);
		if (caught_signal)
			signal_die((int)caught_signal);
		if (length > 0 && password[length - 1] == '\n')
			password[--length] = '\0';
	}
	if (length < 0)
		warn("no password for '%s': SOCKCAT_PROXY_PASSWORD is not set, "
		     "and /dev/tty: %s",
			user, strerror(errno));
	else if (length > PROXY_TEXT_MAX)
		warn("the password for the proxy is longer than %d bytes",
			PROXY_TEXT_MAX);
	else if (!text_is_plain(password, (size_t)length, ' '))
		warn("the password for the proxy has a control character");
	else
		return password;
	exit(STATUS_USAGE);
}

/* What the proxy of the options is to be asked for. */
static void
tunnel_prepare(struct tunnel *t, const struct options *o)
{
	const char *host = o->target.host;
	int64_t port;

	memset(t, 0, sizeof *t);
	t->protocol = &tunnel_protocols[o->proxy_type];
	t->host = host;
	t->port = number_parse(o->target.port, 1, PORTS - 1, &port) ?
		(uint16_t)port :
		service_port(o, o->target.port);
	if (inet_pton(AF_INET, host, t->address) == 1)
		t->family = AF_INET;
	else if (inet_pton(AF_INET6, host, t->address) == 1)
		t->family = AF_INET6;
	t->looked_up = o->proxy_type == PROXY_SOCKS4 && t->family != AF_INET;
	/* These addresses say to SOCKS4A that a name follows. */
	if (o->proxy_type == PROXY_SOCKS4A &&
		memcmp(t->address, "\0\0", 3) == 0)
		t->family = AF_UNSPEC;
	t->user = o->proxy_user;
	if (t->user != NULL && o->proxy_type >= PROXY_SOCKS5)
		t->password = password_ask(t->user);
}

/*
 * Looks the target up, which SOCKS4 leaves to us.  Returns the exit status,
 * with the failure noted if that is not 0.
 */
static enum status
tunnel_resolve(struct connecting *c)
{
	struct options ipv4 = *c->options;
	struct addresses found;
	enum status status;

	if (!c->tunnel->looked_up)
		return STATUS_OK;
	ipv4.ipv4 = true;
	status = endpoint_resolve(
		&ipv4.target, &ipv4, c->deadline, &found, &c->failure);
	if (status != STATUS_OK)
		return status;
	memcpy(c->tunnel->address, &found.at[0].in.sin_addr, 4);
	c->tunnel->family = AF_INET;
	return STATUS_OK;
}

/* In an errno's place: the proxy has closed the connection. */
#define CLOSED (-1)

/* Takes bytes that have been looked at.  Returns 0 or the error. */
static int
tunnel_take(int fd, char *bytes, size_t length)
{
	ssize_t got;

	while (length > 0) {
		got = recv(fd, bytes, length, MSG_DONTWAIT);
		if (got == 0)
			return CLOSED;
		if (got < 0 && !would_block(errno))
			return errno;
		if (got > 0) {
			bytes += got;
			length -= (size_t)got;
		}
	}
	return 0;
}

/*
 * Reads a reply and not a byte more: what is behind it is the target's.
 * Returns 0, with the verdict, or the error.
 */
static int
tunnel_read(struct tunnel *t, int fd, int64_t deadline, struct verdict *verdict)
{
	char bytes[HEADER_MAX];
	struct pollfd ready = { fd, POLLIN, 0 };
	size_t have = 0, more;
	ssize_t got;
	int error;

	*verdict = reply_more();
	do {
		got = -1;
		errno = ETIMEDOUT;
		if (poll_masked(&ready, 1, deadline_left(deadline, clock_ms()),
			    NULL) != 0)
			got = recv(fd, bytes + have, sizeof bytes - have,
				MSG_PEEK | MSG_DONTWAIT);
		if (got < 0 && would_block(errno))
			continue;
		if (got <= 0 && *verdict->reason != '\0') {
			verdict->kind = REPLY_REFUSED;
			return 0;
		}
		if (got <= 0)
			return got == 0 ? CLOSED : errno;
		*verdict = t->protocol->reply(t, bytes, have + (size_t)got);
		more = verdict->kind == REPLY_DONE ? verdict->length - have :
						     (size_t)got;
		error = tunnel_take(fd, bytes + have, more);
		if (error != 0 && verdict->kind != REPLY_REFUSED)
			return error;
		have += more;
	} while (verdict->kind == REPLY_MORE);
	return 0;
}

/*
 * Notes why there is no tunnel: an error, or 0 and a verdict.  Returns the exit
 * status; to test a port that cannot be reached is no failure of the proxy.
 */
static enum status
tunnel_failed(struct connecting *c, const struct address *proxy, int error,
	const struct verdict *verdict)
{
	struct failure *failure = &c->failure;
	enum status status = STATUS_PROXY;
	char object[OBJECT_MAX];

	address_describe(proxy, c->options, c->options->proxy_at.host, object);
	c->unreached = error == 0 && verdict->unreached;
	if (c->unreached && c->options->scan)
		status = STATUS_REFUSED;
	else if (error == ETIMEDOUT)
		status = STATUS_TIMEOUT;
	if (error == ETIMEDOUT)
		failure_set(failure, status, 0,
			"proxy %s did not answer in time", object);
	else if (error == CLOSED)
		failure_set(failure, status, 0,
			"proxy %s closed the connection before its answer was "
			"complete",
			object);
	else if (error != 0)
		failure_set(failure, status, 0, "proxy %s failed: %s", object,
			strerror(error));
	else if (verdict->kind == REPLY_NONSENSE)
		failure_set(failure, status, 0,
			"proxy %s answered with nonsense: %s", object,
			verdict->reason);
	else
		failure_set(failure, status, 0,
			"proxy %s refused %s port %d: %s", object,
			c->tunnel->host, c->tunnel->port, verdict->reason);
	return status;
}

/*
 * Has the proxy that we are connected to connect us to the target, under the
 * same deadline.  Returns the exit status, with the failure noted and the
 * connection closed if that is not 0.
 */
static enum status
tunnel_open(struct connecting *c, struct stream *network)
{
	struct tunnel *t = c->tunnel;
	char request[REQUEST_MAX], port[sizeof "65535"];
	struct verdict verdict = { .kind = REPLY_DONE };
	const struct sigaction ignored = { .sa_handler = SIG_IGN };
	struct sigaction came;
	size_t length;
	int error = network->error, gone;

	sigaction(SIGPIPE, &ignored, &came);
	c->reached = true;
	t->stage = TUNNEL_GREET;
	do {
		length = t->protocol->request(t, request);
		gone = error;
		if (gone == 0)
			gone = write_all(network->fd, request, length,
				c->deadline, NULL);
		/* It may have answered and gone before it was asked. */
		error = tunnel_read(t, network->fd,
			gone == 0 ? c->deadline : clock_ms(), &verdict);
		if (error != 0 && gone != 0)
			error = gone;
	} while (error == 0 && verdict.kind == REPLY_DONE &&
		t->stage != TUNNEL_OPEN);
	sigaction(SIGPIPE, &came, NULL);
	if (error == 0 && verdict.kind == REPLY_DONE) {
		snprintf(port, sizeof port, "%d", t->port);
		note_opened(c->options, t->host, port, t->port);
		return STATUS_OK;
	}
	if (c->options->port != NULL) /* another one is to have it */
		socket_reset(network->fd);
	close(network->fd);
	network->fd = -1;
	return tunnel_failed(c, &network->peer, error, &verdict);
}

/*
 * Connects to one of several addresses and, if they are a proxy's, through it.
 * Returns the exit status, with the failure noted if that is not 0.
 */
static enum status
connect_through(struct connecting *c, const struct addresses *addresses,
	struct stream *network)
{
	enum status status = connect_race(c, addresses, network);

	if (status == STATUS_OK && c->tunnel != NULL)
		status = tunnel_open(c, network);
	return status;
}

/* Whether a status says how a port is, which is what -z asked for. */
static bool
connect_answered(const struct connecting *c, enum status status)
{
	return c->options->scan && (c->tunnel == NULL || c->reached) &&
		(status == STATUS_REFUSED || status == STATUS_TIMEOUT);
}

/* ---- listening ---------------------------------------------------------- */

struct listener {
	const struct options *options;
	const struct signals *signals;
	int fd;
	bool inherited; /* perhaps blocking, and shared with others */
	struct address bound;
	struct owned socket_path, announced;
};

/*
 * Whether nobody listens behind the path of a Unix socket.  A datagram socket
 * asks, for its connect disturbs no one: a live stream listener says
 * EPROTOTYPE.  Only ECONNREFUSED means dead.
 */
static bool
unix_is_dead(const struct address *a)
{
	const int fd = socket_open(AF_UNIX, SOCK_DGRAM, 0);
	bool dead;

	if (fd < 0)
		return false;
	dead = connect(fd, &a->any, a->length) < 0 && errno == ECONNREFUSED;
	close(fd);
	return dead;
}

/* The directory of a path: all up to the last slash, and a dot. */
static void
path_directory(const char *path, char directory[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	const size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;

	snprintf(directory, PATH_MAX, "%.*s.", (int)length, path);
}

/*
 * Removes a Unix socket that is in the way if it is dead, and still the same
 * when it has been found dead.  Anything else stays: false, with EADDRINUSE.
 */
static bool
unix_clear(const char *path, const struct address *a)
{
	struct stat st;
	bool removed;
	int pin;

	removed = path_pin(path, &st, &pin) == 0 && S_ISSOCK(st.st_mode) &&
		unix_is_dead(a) && path_is(path, &st) && unlink(path) == 0;
	if (pin >= 0)
		close(pin);
	errno = EADDRINUSE;
	return removed;
}

/* bind(2), a path with the permissions of --mode from its beginning. */
static int
bind_with_mode(int fd, const struct address *a, int64_t mode)
{
	const mode_t now = mode == NEVER ? 0 : umask(0777 & ~(mode_t)mode);
	const int result = bind(fd, &a->any, a->length);

	if (mode != NEVER)
		umask(now);
	return result;
}

/*
 * Holds a directory against all who would hold it too, which may take a moment.
 * Who holds it for too long is waited for no more.  Returns a descriptor, to be
 * closed when it is over, or -1 if the directory cannot be opened.
 */
static int
directory_hold(const char *path)
{
	const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int i;

	for (i = 0; fd >= 0 && i < HOLD_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
			break;
		poll(NULL, 0, RETRY_MS);
	}
	return fd;
}

/*
 * bind(2) to a path that is in use, in the place of a dead socket.  Only one at
 * a time may do so: two that find it dead would take it from each other.
 */
static int
bind_again(int fd, const struct address *a, const char *path, int64_t mode)
{
	char directory[PATH_MAX];
	int hold, result = -1, error;

	path_directory(path, directory);
	hold = directory_hold(directory);
	if (unix_clear(path, a))
		result = bind_with_mode(fd, a, mode);
	error = errno;
	if (hold >= 0)
		close(hold);
	errno = error;
	return result;
}

/* Binds and listens.  Returns 0 or the error. */
static int
listener_bind(struct listener *l, const struct address *a)
{
	const struct options *o = l->options;
	const char *path = o->target.path;

	if (path != NULL && *path == '@')
		path = NULL; /* an abstract name leaves nothing behind */
	if (bind_with_mode(l->fd, a, o->mode) < 0 &&
		(path == NULL || errno != EADDRINUSE ||
			bind_again(l->fd, a, path, o->mode) < 0))
		return errno;
	if (path != NULL)
		owned_take(&l->socket_path, path);
	if (o->datagrams && address_is_wildcard(a))
		socket_tell_place(l->fd, a->any.sa_family, 1);
	if (!o->datagrams && listen(l->fd, (int)o->backlog) < 0)
		return errno;
	return socket_self(l->fd, &l->bound) < 0 ? errno : 0;
}

/* Becomes a member of the multicast group that it listens on. */
static int
listener_join(const struct listener *l, const struct address *group)
{
	const char *name = l->options->interface;
	unsigned interface = name == NULL ? 0 : if_nametoindex(name);

	if (group->any.sa_family == AF_INET6 && interface == 0)
		interface = group->in6.sin6_scope_id;
	return socket_join(l->fd, &group->any, group->length, interface) < 0 ?
		errno :
		0;
}

/*
 * Has an inherited datagram socket hear others than our peer again.  That may
 * take away a port that the kernel chose, so it is bound once more.
 */
static void
listener_disconnect(const struct listener *l)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	(void)connect(l->fd, &none, sizeof none);
	(void)bind(l->fd, &l->bound.any, l->bound.length);
}

static void
listener_close(struct listener *l)
{
	if (l->inherited && l->options->datagrams && !l->options->keep_open)
		listener_disconnect(l);
	owned_remove(&l->socket_path);
	owned_remove(&l->announced);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

/*
 * Listens on a socket that was handed over, which the options have checked.
 * One for datagrams gets those options that a connection would get.
 */
static enum status
listener_adopt(struct listener *l)
{
	char object[OBJECT_MAX], step[STEP_MAX];
	int error;

	l->fd = (int)l->options->fd;
	l->inherited = true;
	(void)socket_self(l->fd, &l->bound);
	if (l->options->datagrams && address_is_wildcard(&l->bound))
		socket_tell_place(l->fd, l->bound.any.sa_family, 1);
	if (!l->options->datagrams ||
		socket_prepare(l->fd, l->options, &l->bound, BEFORE_CONNECT,
			step) == 0)
		return STATUS_OK;
	error = errno;
	address_describe(&l->bound, l->options, NULL, object);
	warn("%s %s failed: %s", step, object, strerror(error));
	return STATUS_SETUP;
}

/*
 * Listens on the first address that the system has: one that is taken is not
 * passed over for another.  Prints what went wrong and returns the status.
 */
static enum status
listener_open(struct listener *l, const struct addresses *addresses)
{
	const struct options *o = l->options;
	struct failure failure = { .weight = 0 };
	char object[OBJECT_MAX], setup[STEP_MAX];
	const char *step;
	int i, error;

	for (i = 0; i < addresses->count; i++) {
		const struct address *a = &addresses->at[i];

		step = setup;
		l->fd = socket_for(o, a, setup);
		error = errno;
		if (l->fd >= 0) {
			step = "listen on";
			error = listener_bind(l, a);
		}
		if (error == 0 && address_is_group(a)) {
			step = "join";
			error = listener_join(l, a);
		}
		if (error == 0)
			return STATUS_OK;
		listener_close(l);
		address_describe(a, o, NULL, object);
		failure_set(&failure, error_status(error, STATUS_SETUP), error,
			"%s %s failed: %s", step, object, strerror(error));
		if (error != EADDRNOTAVAIL && error != EAFNOSUPPORT)
			break;
	}
	return failure_report(&failure);
}

static bool
path_is_fifo(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
}

/* Opens a FIFO or device for writing; a FIFO is waited for to be read. */
static int
announce_open(const char *path, const struct signals *signals, int64_t deadline)
{
	const int flags = O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY |
		O_CLOEXEC;
	int fd = open(path, flags);

	while (fd < 0 && errno == ENXIO && path_is_fifo(path) &&
		!caught_signal) {
		if (deadline_left(deadline, clock_ms()) == 0) {
			errno = ETIMEDOUT;
			break;
		}
		signals_wait(signals, RETRY_MS);
		fd = open(path, flags);
	}
	return fd;
}

/*
 * Writes a file beside its path and renames it, so that it is there whole.
 * Returns 0 or the error.
 */
static int
announce_file(const char *path, const char *line, struct owned *owned)
{
	char beside[PATH_MAX];
	int fd, error;

	if (snprintf(beside, sizeof beside, "%s.%ld", path, (long)getpid()) >=
		(int)sizeof beside)
		return ENAMETOOLONG;
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return errno;
	error = write_all(fd, line, strlen(line), NEVER, NULL);
	if (close(fd) < 0 && errno != EINTR && error == 0)
		error = errno;
	if (error == 0 && rename(beside, path) < 0)
		error = errno;
	if (error == 0)
		owned_take(owned, path);
	else
		unlink(beside);
	return error;
}

/*
 * Says where the listener is: ADDRESS PORT or PATH, on a descriptor, into a
 * FIFO or device, or as a file.  What a symbolic link points at is written
 * to and not replaced, for it may be a redirected output.
 */
static enum status
listener_announce(struct listener *l, int64_t deadline)
{
	const char *to = l->options->announce;
	char words[OBJECT_MAX], line[OBJECT_MAX + 1];
	struct stat st;
	int fd, error;

	if (to == NULL)
		return STATUS_OK;
	address_words(&l->bound, l->options, words);
	/* A path as it is, not as it is shown. */
	snprintf(line, sizeof line, "%s\n",
		l->options->target.path != NULL ? l->options->target.path :
						  words);
	if (!is_digit(*to) && (lstat(to, &st) < 0 || S_ISREG(st.st_mode)))
		error = announce_file(to, line, &l->announced);
	else {
		fd = is_digit(*to) ? atoi(to) :
				     announce_open(to, l->signals, deadline);
		error = fd < 0 ? errno :
				 write_all(fd, line, strlen(line), deadline,
					 &l->signals->waiting);
		if (fd >= 0 && close(fd) < 0 && errno != EINTR && error == 0)
			error = errno;
	}
	if (error == 0 || caught_signal)
		return STATUS_OK;
	warn("announce on %s: %s", to, error_words(error));
	return error_status(error, STATUS_LOCAL);
}

static void
note_listening(const struct listener *l)
{
	char words[OBJECT_MAX];

	address_words(&l->bound, l->options, words);
	if (l->options->datagrams || l->options->unix_domain)
		note("Bound on %s", words);
	if (!l->options->datagrams)
		note("Listening on %s", words);
}

/* Errors of accept that end one connection and say nothing of the next. */
static bool
accept_again(int error)
{
	switch (error) {
	case EAGAIN:
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case EPERM: /* a Linux firewall */
	case ENETDOWN:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENETUNREACH:
		return true;
	default:
		return false;
	}
}

/* Whether an address may come. */
static bool
access_admits(const struct access *access, const struct address *a)
{
	struct cidr from = { .length = 4, .prefix = 32 };

	if (a->any.sa_family == AF_INET)
		memcpy(from.bytes, &a->in.sin_addr, 4);
	else if (a->any.sa_family == AF_INET6) {
		memcpy(from.bytes, &a->in6.sin6_addr, sizeof from.bytes);
		from.length = sizeof from.bytes;
		from.prefix = 128;
		cidr_unmap(&from);
	} else
		return true;
	return !cidrs_match(&access->deny, &from) &&
		(access->allow.count == 0 ||
			cidrs_match(&access->allow, &from));
}

/*
 * accept(2).  A socket that is shared may block although poll has promised
 * that it will not: then the signals that end the program are let through.
 */
static int
listener_call(const struct listener *l, struct address *peer)
{
	sigset_t blocked;
	int fd;

	peer->length = sizeof peer->storage;
	if (!l->inherited)
		return socket_accept(l->fd, &peer->any, &peer->length);
	sigprocmask(SIG_SETMASK, &l->signals->waiting, &blocked);
	fd = socket_accept(l->fd, &peer->any, &peer->length);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	return fd;
}

/* In an errno's place: what has gone wrong was printed. */
#define TOLD (-1)

/*
 * Takes a connection, of which nothing is known but its address.  Our own
 * listener has handed its options on to it, but in the Unix domain, and an
 * inherited one may have none.  Returns 0, the error or TOLD.
 */
static int
accept_connection(const struct listener *l, struct stream *network)
{
	struct address *peer = &network->peer;
	char object[OBJECT_MAX], step[STEP_MAX];
	int error;

	network->fd = listener_call(l, peer);
	if (network->fd < 0)
		return errno;
	if (address_unnamed(peer)) /* it came to our name */
		*peer = l->bound;
	if ((!l->inherited && !l->options->unix_domain) ||
		socket_prepare(network->fd, l->options, &l->bound,
			BEFORE_CONNECT, step) == 0)
		return 0;
	error = errno;
	address_describe(peer, l->options, NULL, object);
	warn("%s %s failed: %s", step, object, strerror(error));
	close(network->fd);
	return TOLD;
}

/*
 * Who has sent the first datagram, which stays in the queue.  Returns 0 or the
 * error.
 */
static int
accept_sender(const struct listener *l, struct stream *network)
{
	struct address *peer = &network->peer;
	char byte;
	struct iovec piece = { &byte, 1 };
	union control control;
	struct msghdr message = { .msg_name = &peer->any,
		.msg_namelen = sizeof peer->storage,
		.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control };

	if (recvmsg(l->fd, &message, MSG_PEEK | MSG_DONTWAIT) < 0)
		return errno;
	peer->length = message.msg_namelen;
	if (address_unnamed(peer))
		peer->any.sa_family = l->bound.any.sa_family;
	if (address_is_wildcard(&l->bound))
		network->place = message_place(&message);
	return 0;
}

/*
 * Whether a connection to a sender would have the address that it has sent to,
 * as far as can be known.  If not, the kernel would answer from another one,
 * and hear it no more.  A program has no choice but to be connected.
 */
static bool
sender_connects(const struct listener *l, const struct stream *network)
{
	const struct options *o = l->options;
	const struct address *peer = &network->peer;
	struct address self;
	char step[STEP_MAX];
	bool same;
	int fd;

	if (network->place.family == AF_UNSPEC || o->exec != NULL ||
		o->sh_exec != NULL)
		return true;
	fd = socket_for(o, peer, step);
	if (fd < 0)
		return true;
	same = connect(fd, &peer->any, peer->length) < 0 ||
		socket_self(fd, &self) < 0 ||
		place_is(&network->place, &self.any);
	close(fd);
	return same;
}

/*
 * Takes that sender as the peer; with -k everyone is heard.  A sender in the
 * Unix domain may have no name, or be gone already, and still be heard.
 */
static void
sender_keep(const struct listener *l, struct stream *network)
{
	const struct address *peer = &network->peer;

	network->access = &l->options->access;
	network->roaming = l->options->keep_open;
	network->unconnected = network->roaming ||
		!sender_connects(l, network) ||
		connect(l->fd, &peer->any, peer->length) < 0;
	network->tells_place = network->unconnected &&
		address_is_wildcard(&l->bound);
	if (network->place.family != AF_UNSPEC && !network->tells_place)
		socket_tell_place(l->fd, peer->any.sa_family, 0);
}

/*
 * Takes one client who may come.  Returns 0, EAGAIN if there is none, or the
 * error.
 */
static int
listener_take(const struct listener *l, struct stream *network)
{
	const struct options *o = l->options;
	char words[OBJECT_MAX] = "", who[64] = "";
	int error;

	stream_socket(network, l->fd, o, &l->bound);
	error = o->datagrams ? accept_sender(l, network) :
			       accept_connection(l, network);
	if (error != 0)
		return accept_again(error) ? EAGAIN : error;
	if (verbose)
		address_words(&network->peer, o, words);
	if (!access_admits(&o->access, &network->peer)) {
		note("Connection from %s refused", words);
		if (o->datagrams)
			(void)recv(l->fd, NULL, 0, MSG_DONTWAIT);
		else
			close(network->fd);
		return EAGAIN;
	}
	if (o->datagrams)
		sender_keep(l, network);
	else if (verbose && network->peer.any.sa_family == AF_UNIX)
		unix_credentials(network->fd, who, sizeof who);
	note("Connection received on %s", words);
	if (*who != '\0')
		note("Client has %s", who);
	return 0;
}

/* Prints why no client was taken, and returns the exit status for it. */
static enum status
listener_failed(const struct listener *l, int error)
{
	char object[OBJECT_MAX];

	if (error == TOLD)
		return STATUS_SETUP;
	address_describe(&l->bound, l->options, NULL, object);
	if (error == ETIMEDOUT) {
		warn("no client on %s: time limit passed", object);
		return STATUS_TIMEOUT;
	}
	warn("accept on %s failed: %s", object, strerror(error));
	return STATUS_LOCAL;
}

/*
 * Waits for a client, at most until the deadline.  Prints what went wrong and
 * returns the exit status for it; 0 as well if a signal is to end the program.
 */
static enum status
listener_accept(
	const struct listener *l, int64_t deadline, struct stream *network)
{
	struct pollfd ready = { l->fd, POLLIN, 0 };
	int64_t left;
	int error;

	while (!caught_signal) {
		left = deadline_left(deadline, clock_ms());
		ready.revents = 0;
		poll_masked(&ready, 1, left, &l->signals->waiting);
		if (caught_signal)
			break;
		error = ready.revents == 0 ? EAGAIN : listener_take(l, network);
		if (error == 0 || caught_signal)
			break;
		if (error != EAGAIN && !error_is_shortage(error))
			return listener_failed(l, error);
		if (left == 0)
			return listener_failed(l, ETIMEDOUT);
		signals_wait(l->signals, 0);
		if (error_is_shortage(error) && !caught_signal)
			signals_wait(
				l->signals, earlier(left, ACCEPT_RETRY_MS));
	}
	return STATUS_OK;
}

/* ---- taps --------------------------------------------------------------- */

/* Telnet's commands (RFC 854).  Each begins with IAC, which as data is two. */
enum {
	TELNET_SE = 240, /* the end of what SB begins */
	TELNET_SB = 250,
	TELNET_WILL = 251, /* these four are followed by an option */
	TELNET_WONT = 252,
	TELNET_DO = 253,
	TELNET_DONT = 254,
	TELNET_IAC = 255
};

/* What goes up. */
struct encoder {
	bool crlf, telnet;
	bool after_cr;
};

/*
 * Has each line end with CR and LF, and doubles what telnet takes for the
 * beginning of a command, as the options ask for.
 */
static size_t
text_encode(void *memory, const char *from, size_t length, char *to)
{
	struct encoder *e = memory;
	const char *begin = to;
	size_t i;

	for (i = 0; i < length; i++) {
		const char c = from[i];

		if (e->crlf && c == '\n' && !e->after_cr)
			*to++ = '\r';
		else if (e->telnet && (unsigned char)c == TELNET_IAC)
			*to++ = c;
		*to++ = c;
		e->after_cr = c == '\r';
	}
	return (size_t)(to - begin);
}

/* What comes down from a telnet server, and what it is to be told. */
struct telnet {
	enum {
		TELNET_TEXT,
		TELNET_COMMAND,	    /* after IAC */
		TELNET_OPTION,	    /* after the verb of a request */
		TELNET_SUB,	    /* in what SB has begun */
		TELNET_SUB_COMMAND, /* there after IAC */
	} state;
	unsigned char verb;

	/* Each refusal is owed once at most, so that there is room for all. */
	bool owed[2][256];
	size_t length;
	char replies[2 * 256 * 3];
};

/*
 * Refuses an option: WILL is answered by DONT, DO by WONT, and to the others
 * we agree by saying nothing (RFC 854, "general considerations").
 */
static void
telnet_refuse(struct telnet *t, unsigned char option)
{
	const bool offered = t->verb == TELNET_WILL;
	char *reply = t->replies + t->length;

	if ((!offered && t->verb != TELNET_DO) || t->owed[offered][option])
		return;
	t->owed[offered][option] = true;
	reply[0] = (char)TELNET_IAC;
	reply[1] = (char)(offered ? TELNET_DONT : TELNET_WONT);
	reply[2] = (char)option;
	t->length += 3;
}

/* Takes a byte of a command.  Whether it is data after all. */
static bool
telnet_command(struct telnet *t, unsigned char c)
{
	const bool iac = c == TELNET_IAC;
	const unsigned state = t->state;

	t->state = TELNET_TEXT;
	if (state == TELNET_OPTION)
		telnet_refuse(t, c);
	else if (state == TELNET_SUB)
		t->state = iac ? TELNET_SUB_COMMAND : TELNET_SUB;
	else if (state == TELNET_SUB_COMMAND && iac)
		t->state = TELNET_SUB;
	else if (c == TELNET_SB) /* another command ends SB's without SE */
		t->state = TELNET_SUB;
	else if (c >= TELNET_WILL && c <= TELNET_DONT) {
		t->state = TELNET_OPTION;
		t->verb = c;
	} else
		return iac;
	return false;
}

/* Takes commands out of the text, and notes what is to be replied to them. */
static size_t
telnet_decode(void *memory, const char *from, size_t length, char *to)
{
	struct telnet *t = memory;
	const char *begin = to, *end = from + length, *command;

	while (from < end) {
		if (t->state != TELNET_TEXT) {
			if (telnet_command(t, (unsigned char)*from))
				*to++ = *from;
			from++;
			continue;
		}
		command = memchr(from, TELNET_IAC, (size_t)(end - from));
		if (command == NULL)
			command = end;
		memcpy(to, from, (size_t)(command - from));
		to += command - from;
		from = command;
		if (from < end) {
			t->state = TELNET_COMMAND;
			from++;
		}
	}
	return (size_t)(to - begin);
}

/* So many bytes of the replies were sent: what is owed may be asked again. */
static void
telnet_replied(struct telnet *t, size_t length)
{
	t->length -= length;
	memmove(t->replies, t->replies + length, t->length);
	if (t->length == 0)
		memset(t->owed, 0, sizeof t->owed);
}

/* ---- streams ------------------------------------------------------------ */

/* What a descriptor that sockcat was started with is. */
static void
stream_inherit(struct stream *s, int fd)
{
	struct stat st, null;

	memset(s, 0, sizeof *s);
	s->fd = fd;
	s->kind = STREAM_DEVICE;
	s->offset = -1;
	s->write_max = SIZE_MAX;
	if (fstat(fd, &st) < 0)
		return;
	if (S_ISREG(st.st_mode))
		s->kind = STREAM_FILE;
	else if (S_ISFIFO(st.st_mode))
		s->kind = STREAM_PIPE;
	else if (S_ISSOCK(st.st_mode)) {
		s->kind = STREAM_SOCKET;
		s->messages = socket_number(fd, SO_TYPE) != SOCK_STREAM;
	} else if (!S_ISCHR(st.st_mode))
		return;
	else if (stat("/dev/null", &null) == 0 && null.st_rdev == st.st_rdev)
		s->kind = STREAM_NULL;
	else if (isatty(fd))
		s->kind = STREAM_TERMINAL;
}

/*
 * Opens a pipe or terminal anew, so that it never blocks: the flags of the
 * descriptor that was inherited are shared with others.  It fails for another
 * user's, without /proc, and is not tried for a descriptor that is open the
 * other way only, nor for the master of a terminal, which would be another.
 */
static bool
stream_reopen(struct stream *s, const char *path, int mode)
{
	const int inherited = fcntl(s->fd, F_GETFL) & O_ACCMODE;
	int fd;

	if ((inherited != mode && inherited != O_RDWR) ||
		(s->kind == STREAM_TERMINAL && ptsname(s->fd) != NULL))
		return false;
	fd = open(path, mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return false;
	s->fd = fd;
	return true;
}

/* Closes what stream_reopen opened. */
static void
stream_release(struct stream *s)
{
	if (s->fd > STDERR_FILENO)
		close(s->fd);
	s->fd = -1;
}

/*
 * A descriptor for standard error of which no write blocks, where one can be
 * had: it is a pipe or a terminal.  Else standard error itself.
 */
static int
error_open(void)
{
	struct stream error;

	stream_inherit(&error, STDERR_FILENO);
	if (error.kind == STREAM_PIPE || error.kind == STREAM_TERMINAL)
		(void)stream_reopen(&error, "/proc/self/fd/2", O_WRONLY);
	return error.fd;
}

/*
 * Opens the file of -o.  To open a FIFO waits for its reader, to write to it
 * must not: a signal could not end that.  Ends the program if it fails.
 */
static void
dump_open(struct dump *d, const char *name)
{
	if (name == NULL)
		return;
	d->name = name;
	if (strcmp(name, "-") == 0) {
		d->fd = error_open();
		return;
	}
	d->fd = open(name,
		O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOCTTY | O_CLOEXEC,
		0600);
	if (d->fd < 0) {
		warn("open %s: %s", name, strerror(errno));
		exit(STATUS_LOCAL);
	}
	fcntl(d->fd, F_SETFL, fcntl(d->fd, F_GETFL) | O_NONBLOCK);
}

/* Ends the dump when a write fails: what follows would be misplaced. */
static void
dump_write(struct dump *d, const char *text, size_t length)
{
	if (d->error == 0)
		d->error = write_all(
			d->fd, text, length, d->deadline, d->waiting);
}

/* Dumps what went one way, from two pieces of memory.  It may be empty. */
static void
dump_add(struct dump *d, char way, const struct iovec pieces[2], size_t length)
{
	const size_t first = pieces[0].iov_len;
	uint64_t *offset = way == '>' ? &d->up : &d->down;
	char text[PIPE_BUF], row[DUMP_BYTES];
	size_t done = 0, used = 0, count;

	if (progress_stands && strcmp(d->name, "-") == 0) {
		used = (size_t)sprintf(text, "\r" LINE_ERASE);
		progress_stands = false;
	}
	do {
		for (count = 0; count < sizeof row && done < length; done++) {
			const bool second = done >= first;
			const char *bytes = pieces[second].iov_base;

			row[count++] = bytes[second ? done - first : done];
		}
		used += dump_print(way, *offset, row, count, text + used);
		*offset += count;
		if (sizeof text - used < DUMP_LINE || done == length) {
			dump_write(d, text, used);
			used = 0;
		}
	} while (done < length && d->error == 0);
}

/*
 * Others may read the same pipe, so that a read that poll has promised would
 * block: it is opened anew.  But who opens a FIFO that has lost its writers
 * already never sees POLLHUP (Linux), and to read the old one cannot block.
 */
static void
input_open(struct stream *s, off_t offset)
{
	struct pollfd old = { STDIN_FILENO, POLLIN, 0 };

	stream_inherit(s, STDIN_FILENO);
	if (s->kind == STREAM_FILE)
		s->offset = offset;
	if ((s->kind != STREAM_PIPE && s->kind != STREAM_TERMINAL) ||
		!stream_reopen(s, "/proc/self/fd/0", O_RDONLY))
		return;
	if (poll(&old, 1, 0) > 0 && (old.revents & POLLHUP)) {
		stream_release(s);
		s->fd = STDIN_FILENO;
	}
}

/*
 * Where standard output may block, it is written to after POLLOUT alone, and
 * no more than that promises: PIPE_BUF of a pipe, next to nothing of a
 * terminal.  If other clients write there too, PIPE_BUF at a time is what stays
 * together.
 */
static void
output_open(struct stream *s, bool shared)
{
	stream_inherit(s, STDOUT_FILENO);
	s->null_fd = -1;
	if (!shared) /* which is closed at the end */
		s->null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	else {
		s->lines = true;
		s->write_max = PIPE_BUF;
	}
	/* Only for reading, as one that was closed: write will say so. */
	if ((fcntl(s->fd, F_GETFL) & O_ACCMODE) == O_RDONLY)
		s->kind = STREAM_FILE;
	if (s->kind == STREAM_DEVICE)
		s->write_polled = true;
	if (s->kind != STREAM_PIPE && s->kind != STREAM_TERMINAL)
		return;
	if (stream_reopen(s, "/proc/self/fd/1", O_WRONLY))
		return;
	s->write_polled = true;
	s->write_max = s->kind == STREAM_PIPE ? PIPE_BUF : 1;
}

/* From now on what is written is dropped. */
static void
output_release(struct stream *s)
{
	stream_release(s);
	s->kind = STREAM_NOWHERE;
	s->write_max = SIZE_MAX;
	s->write_polled = false;
	s->lines = false;
}

/* Whether standard input and output are one socket, as under inetd. */
static bool
output_is_input(void)
{
	struct stat in, out;

	return fstat(STDIN_FILENO, &in) == 0 &&
		fstat(STDOUT_FILENO, &out) == 0 && in.st_dev == out.st_dev &&
		in.st_ino == out.st_ino;
}

/*
 * Closes standard output for good, so that who reads it sees the end of it.
 * The number stays taken.  Returns 0, or the error of a write that was late.
 */
static int
output_close(struct stream *s)
{
	int error = 0;

	if (s->kind == STREAM_SOCKET && output_is_input())
		shutdown(STDOUT_FILENO, SHUT_WR);
	output_release(s);
	if (close(STDOUT_FILENO) < 0 && errno != EBADF && errno != EINTR)
		error = errno;
	dup2(s->null_fd, STDOUT_FILENO); /* if there is none 1 stays closed */
	return error;
}

/* Whether a datagram from there is for us. */
static bool
stream_hears(const struct stream *s, const struct address *from)
{
	if (s->roaming)
		return access_admits(s->access, from);
	return s->spread || address_equal(from, &s->peer);
}

/*
 * readv(2) into the two pieces of a ring, never waiting for a socket.  A
 * message of somebody who is not heard is dropped, with EAGAIN.
 */
static ssize_t
stream_read(struct stream *s, struct iovec pieces[2])
{
	struct address from;
	union control control;
	struct msghdr message = { .msg_iov = pieces, .msg_iovlen = 2 };
	ssize_t got;

	if (s->offset >= 0) {
		got = pread(s->fd, pieces[0].iov_base, pieces[0].iov_len,
			s->offset);
		s->offset += got > 0 ? got : 0;
		return got;
	}
	if (s->kind != STREAM_SOCKET)
		return readv(s->fd, pieces, 2);
	from.any.sa_family = s->peer.any.sa_family; /* if it has no name */
	if (s->datagrams) {
		message.msg_name = &from.any;
		message.msg_namelen = sizeof from.storage;
	}
	if (s->tells_place) {
		message.msg_control = &control;
		message.msg_controllen = sizeof control;
	}
	got = recvmsg(s->fd, &message, MSG_DONTWAIT);
	if (got < 0)
		return got;
	from.length = message.msg_namelen;
	if (s->datagrams && !stream_hears(s, &from)) {
		errno = EAGAIN;
		return -1;
	}
	if (s->roaming)
		s->peer = from;
	if (s->tells_place)
		s->place = message_place(&message);
	if (message.msg_flags & MSG_TRUNC)
		s->truncated = true;
	if (s->dump != NULL && (got > 0 || s->datagrams))
		dump_add(s->dump, '<', pieces, (size_t)got);
	return got;
}

/* writev(2) of the two pieces of a ring, never waiting for a socket. */
static ssize_t
stream_write(struct stream *s, struct iovec pieces[2])
{
	struct msghdr message = { .msg_iov = pieces, .msg_iovlen = 2 };
	union control control;
	ssize_t wrote;

	if (s->kind == STREAM_NOWHERE)
		return (ssize_t)(pieces[0].iov_len + pieces[1].iov_len);
	if (s->kind != STREAM_SOCKET)
		return writev(s->fd, pieces, 2);
	if (s->unconnected) {
		message.msg_name = &s->peer.any;
		message.msg_namelen = s->peer.length;
	}
	if (s->tells_place)
		message_set_place(&message, &control, s->place);
	wrote = sendmsg(s->fd, &message, MSG_DONTWAIT);
	if (s->dump != NULL && wrote >= 0)
		dump_add(s->dump, '>', pieces, (size_t)wrote);
	return wrote;
}

/* ---- flows -------------------------------------------------------------- */

/* Describes length bytes of the ring from offset on; a piece may be empty. */
static void
buffer_pieces(
	struct buffer *b, size_t offset, size_t length, struct iovec pieces[2])
{
	const size_t start = (b->start + offset) % b->size;
	const size_t first = b->size - start;

	pieces[0].iov_base = b->bytes + start;
	pieces[0].iov_len = length < first ? length : first;
	pieces[1].iov_base = b->bytes;
	pieces[1].iov_len = length - pieces[0].iov_len;
}

/* Puts bytes behind those that are there; there is room for them. */
static void
buffer_append(struct buffer *b, const char *bytes, size_t length)
{
	struct iovec pieces[2];

	buffer_pieces(b, b->length, length, pieces);
	memcpy(pieces[0].iov_base, bytes, pieces[0].iov_len);
	memcpy(pieces[1].iov_base, bytes + pieces[0].iov_len,
		pieces[1].iov_len);
	b->length += length;
}

/* The length of the first line with its newline, or 0 if it has no end yet. */
static size_t
buffer_line(const struct buffer *b)
{
	const char *bytes = b->bytes + b->start, *newline;
	size_t first = b->size - b->start;

	if (first > b->length)
		first = b->length;
	newline = memchr(bytes, '\n', first);
	if (newline != NULL)
		return (size_t)(newline - bytes) + 1;
	newline = memchr(b->bytes, '\n', b->length - first);
	return newline == NULL ? 0 : first + (size_t)(newline - b->bytes) + 1;
}

/* How many of the first length bytes are whole lines; all if none are. */
static size_t
buffer_lines(const struct buffer *b, size_t length)
{
	size_t i;

	for (i = length; i > 0; i--)
		if (b->bytes[(b->start + i - 1) % b->size] == '\n')
			return i;
	return length;
}

static void
buffer_consume(struct buffer *b, size_t length)
{
	b->length -= length;
	b->start = b->length == 0 ? 0 : (b->start + length) % b->size;
}

/*
 * The cheapest way from a source to a sink that the kernel may have, or NULL
 * for the ring.  Never splice into a file: it does not lock the offset, and
 * two writers that share one lose half of what they write (measured).
 */
static copier *
flow_copier(const struct stream *source, const struct stream *sink)
{
	if (source->messages || sink->messages || sink->lines ||
		source->dump != NULL || sink->dump != NULL)
		return NULL;
	if (source->kind == STREAM_FILE && sink->kind == STREAM_SOCKET)
		return copy_sendfile;
	if (source->kind == STREAM_PIPE && sink->kind == STREAM_SOCKET)
		return copy_splice;
	if (source->kind == STREAM_SOCKET && sink->kind == STREAM_PIPE)
		return copy_splice;
	if (source->tcp &&
		(sink->kind == STREAM_NULL || sink->kind == STREAM_NOWHERE))
		return copy_discard;
	return NULL;
}

/* Begins with a sink, or goes on with what has become of it. */
static void
flow_restart(struct flow *f)
{
	if (f->tap == NULL && !f->by_line)
		f->copy = flow_copier(f->source, f->sink);
	f->bulk = f->copy != copy_splice;
	f->sink_full = false;
	f->retry_at = NEVER;
	f->buffer.size = RING_SIZE;
	if (f->sink->kind == STREAM_FILE || f->source->messages ||
		(f->tap != NULL && f->sink->messages)) /* it may double one */
		f->buffer.size = RING_LARGE;
	if (f->by_line && f->sink->messages)
		f->buffer.size = RING_LINE;
	f->buffer.start = 0;
	f->buffer.length = 0;
}

/* Begins a flow; the rest of it is zero. */
static void
flow_open(
	struct flow *f, struct stream *source, struct stream *sink, int64_t now)
{
	f->source = source;
	f->sink = sink;
	f->read_max = UINT64_MAX;
	f->messages_max = UINT64_MAX;
	f->eof_at = NEVER;
	f->moved_at = now;
	f->line_at = NEVER;
	flow_restart(f);
}

/* Whether datagrams may be written together: not into another socket. */
static bool
flow_gathers(const struct flow *f)
{
	return f->source->messages && f->sink->kind != STREAM_SOCKET &&
		f->source->peer.any.sa_family != AF_UNIX;
}

/*
 * Bytes that one read may bring.  A message is read whole; several may gather
 * towards what does not keep them apart.
 */
static size_t
flow_room(const struct flow *f)
{
	size_t room = f->buffer.size - f->buffer.length;
	const bool empty = f->buffer.length == 0;

	if (f->tap != NULL)
		room = room / 2 < TAP_SIZE ? room / 2 : TAP_SIZE;
	if (f->source->messages) {
		if (empty || (f->by_line && buffer_line(&f->buffer) == 0) ||
			(room >= DATAGRAM_ROOM && flow_gathers(f)))
			return room;
		return 0;
	}
	if (f->sink->messages && !f->by_line)
		return empty ? DATAGRAM_MAX : 0;
	/* What has begun in the ring ends in the ring. */
	if (f->copy != NULL && f->bulk && !empty)
		return 0;
	return room < f->read_max ? room : (size_t)f->read_max;
}

static bool
flow_wants_input(const struct flow *f)
{
	/* Nothing is read for a peer that has no name to answer to. */
	if (f->sink->unconnected && address_unnamed(&f->sink->peer))
		return false;
	return f->state == FLOW_OPEN && !f->sink_full && flow_room(f) > 0;
}

/* Whether replies to telnet's requests are to be sent, and can be. */
static bool
flow_owes(const struct flow *f)
{
	return f->telnet != NULL && f->telnet->length > 0 && !f->half_pair;
}

/* Whether all that will ever be read has been written. */
static bool
flow_is_drained(const struct flow *f)
{
	return f->state == FLOW_DRAINING && f->buffer.length == 0 &&
		!flow_owes(f);
}

/* Whether the ring has no room for the rest of a line that is a message. */
static bool
flow_line_overlong(const struct flow *f)
{
	return f->by_line && f->sink->messages && flow_room(f) == 0 &&
		buffer_line(&f->buffer) == 0;
}

/*
 * How many bytes of the ring to write at once, and how many behind them are
 * not to be written at all.  Both are 0 if there is nothing to write yet.
 */
static size_t
flow_piece(const struct flow *f, size_t *unwritten)
{
	const size_t length = f->buffer.length;
	size_t line;

	*unwritten = 0;
	if (!f->by_line)
		return length;
	line = buffer_line(&f->buffer);
	if (line == 0 && f->state == FLOW_OPEN && flow_room(f) > 0)
		return 0;
	if (line == 0)
		line = length;
	else if (f->line_bare)
		*unwritten = 1;
	return line - *unwritten;
}

/* Whether what is queued waits for its turn, as -i asks for. */
static bool
flow_pauses(const struct flow *f)
{
	return f->line_at != NEVER && f->buffer.length > 0;
}

/* Whether something of the ring is to be written, and may be. */
static bool
flow_has_piece(const struct flow *f)
{
	size_t unwritten;

	return f->line_at == NEVER && flow_piece(f, &unwritten) + unwritten > 0;
}

static bool
flow_wants_output(const struct flow *f)
{
	return f->retry_at == NEVER &&
		(f->sink_full || flow_owes(f) || flow_has_piece(f));
}

/* Leaves out the piece that was to be written next, with all of its line. */
static void
flow_skip_piece(struct flow *f)
{
	size_t length, unwritten;

	f->line_skip = flow_line_overlong(f);
	length = flow_piece(f, &unwritten);
	buffer_consume(&f->buffer, length + unwritten);
}

/* Drops what has come of a line that is left out. */
static void
flow_skip_line(struct flow *f)
{
	size_t line = buffer_line(&f->buffer);

	f->line_skip = line == 0;
	if (line == 0)
		line = f->buffer.length;
	buffer_consume(&f->buffer, line);
}

/* Ends a flow whose sink is gone.  What is queued is lost. */
static void
flow_abort(struct flow *f)
{
	f->state = FLOW_ENDED;
	f->buffer.length = 0;
	f->sink_full = false;
	f->telnet = NULL;
}

/* Reads no more.  What is queued is still written. */
static void
flow_stop_reading(struct flow *f)
{
	if (f->state == FLOW_OPEN)
		f->state = FLOW_DRAINING;
	f->sink_full = false;
}

/* Reads at most bytes more, which may be none. */
static void
flow_limit_reading(struct flow *f, uint64_t bytes)
{
	f->read_max = bytes;
	if (bytes == 0)
		flow_stop_reading(f);
}

/* Accounts for bytes that were read; none is the end of file. */
static void
flow_got(struct flow *f, size_t bytes, int64_t now)
{
	if (bytes == 0 && !f->source->datagrams) {
		f->eof_at = now;
		flow_stop_reading(f);
		return;
	}
	f->messages++;
	if (f->messages == f->messages_max)
		flow_stop_reading(f);
	f->moved_at = now;
	flow_limit_reading(f, f->read_max > bytes ? f->read_max - bytes : 0);
}

static void
flow_wrote(struct flow *f, size_t bytes, int64_t now)
{
	if (f->sink->kind != STREAM_NOWHERE)
		f->bytes += bytes;
	f->moved_at = now;
}

/* One read that goes through the tap into the ring.  As read(2) returns. */
static ssize_t
flow_read_tapped(struct flow *f)
{
	char raw[TAP_SIZE], tapped[2 * TAP_SIZE];
	struct iovec pieces[2] = { { raw, flow_room(f) }, { raw, 0 } };
	const ssize_t got = stream_read(f->source, pieces);
	size_t length;

	if (got <= 0)
		return got;
	length = f->tap(f->tap_memory, raw, (size_t)got, tapped);
	buffer_append(&f->buffer, tapped, length);
	return got;
}

/* One read into the ring.  Returns 0 or the error. */
static int
flow_fill(struct flow *f, int64_t now)
{
	struct buffer *b = &f->buffer;
	struct iovec pieces[2];
	ssize_t got;

	if (f->tap != NULL)
		got = flow_read_tapped(f);
	else {
		buffer_pieces(b, b->length, flow_room(f), pieces);
		got = stream_read(f->source, pieces);
		b->length += got > 0 ? (size_t)got : 0;
	}
	if (got < 0)
		return would_block(errno) ? 0 : errno;
	if (got >= COPY_WORTH)
		f->bulk = true;
	if (f->line_skip)
		flow_skip_line(f);
	flow_got(f, (size_t)got, now);
	return 0;
}

/*
 * Reads what there is of datagrams, up to a number: a call for each and one
 * write for all keeps more of them when they come fast (measured).
 */
static int
flow_fill_batch(struct flow *f, int64_t now)
{
	const uint64_t first = f->messages, end = first + DATAGRAM_BATCH;
	uint64_t before;
	int error;

	do {
		before = f->messages;
		error = flow_fill(f, now);
	} while (error == 0 && f->messages > before && f->messages < end &&
		flow_wants_input(f));
	f->rush = f->messages == before && f->messages - first >= DATAGRAM_RUSH;
	return error;
}

/* Notes whether a pair of IAC was parted by a write of so many bytes. */
static void
flow_pair(struct flow *f, size_t wrote)
{
	const struct buffer *b = &f->buffer;
	size_t i;

	for (i = 0; i < wrote; i++)
		f->half_pair ^= b->bytes[(b->start + i) % b->size] ==
			(char)TELNET_IAC;
}

/* One write of what telnet's requests are answered by. */
static ssize_t
flow_reply(struct flow *f, int64_t now)
{
	struct telnet *t = f->telnet;
	struct iovec pieces[2] = { { t->replies, t->length }, { NULL, 0 } };
	const ssize_t wrote = stream_write(f->sink, pieces);

	if (wrote > 0) {
		telnet_replied(t, (size_t)wrote);
		flow_wrote(f, (size_t)wrote, now);
	}
	return wrote;
}

/* One write of the next piece of the ring. */
static ssize_t
flow_write(struct flow *f, int64_t now)
{
	struct buffer *b = &f->buffer;
	struct iovec pieces[2];
	size_t unwritten, length = flow_piece(f, &unwritten);
	bool line_ends;
	ssize_t wrote;

	/* Neither a message that never ends nor one that would be the end. */
	if (flow_line_overlong(f) ||
		(length == 0 && f->sink->messages && !f->sink->datagrams)) {
		errno = EMSGSIZE;
		return -1;
	}
	if (length > f->sink->write_max)
		length = f->sink->write_max;
	if (f->sink->lines)
		length = buffer_lines(b, length);
	buffer_pieces(b, 0, length, pieces);
	wrote = stream_write(f->sink, pieces);
	if (wrote < 0)
		return wrote;
	if (f->telnet != NULL)
		flow_pair(f, (size_t)wrote);
	line_ends = f->interval_ms > 0 &&
		(size_t)wrote + unwritten == buffer_line(b);
	buffer_consume(b, (size_t)wrote + unwritten);
	f->messages_written++;
	flow_wrote(f, (size_t)wrote, now);
	if (line_ends)
		f->line_at = deadline_after(now, f->interval_ms);
	return wrote;
}

/* One write, of replies or of the ring; or both.  Returns 0 or the error. */
static int
flow_drain(struct flow *f, int64_t now)
{
	ssize_t wrote = 0;

	if (flow_owes(f))
		wrote = flow_reply(f, now);
	/* Nor may who asks for ever hold up what else is to be said. */
	if (wrote >= 0 && flow_has_piece(f) && !flow_owes(f))
		wrote = flow_write(f, now);
	if (wrote >= 0)
		return 0;
	if (errno == ENOBUFS || (f->sink->unconnected && would_block(errno))) {
		/* A queue is full of which poll knows nothing. */
		f->retry_at = now + RETRY_MS;
		return 0;
	}
	return would_block(errno) ? 0 : errno;
}

/* Whether an error says that the kernel has no such copy, not that it failed */
static bool
copy_refused(int error)
{
	return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP;
}

/*
 * Whether an error of a copy came from its sink.  Ours is the end at fault when
 * a file cannot be read, a descriptor is not open for this, or, on the way
 * down, the pipe's reader has gone; else it is the network.
 */
static bool
copy_fault_at_sink(bool up, int error)
{
	const bool ours = error == EIO || error == EBADF ||
		(!up && error == EPIPE);

	return up != ours;
}

/* Accounts for bytes that a copy has moved. */
static void
flow_copied(struct flow *f, size_t bytes, int64_t now)
{
	flow_got(f, bytes, now);
	flow_wrote(f, bytes, now);
	if (bytes < PIPE_DEFAULT || f->pipe_enlarged)
		return;
	pipe_enlarge(
		f->source->kind == STREAM_PIPE ? f->source->fd : f->sink->fd);
	f->pipe_enlarged = true;
}

/*
 * One copy by the kernel.  It is tried when the source has something; EAGAIN
 * then means that the sink is full, and the next try is when it has room.  If
 * that finds nothing either, the ring takes over until it is worth it again;
 * when a copy is refused, which moves nothing, for good.
 * Returns 0 or the error.
 */
static int
flow_copy(struct flow *f, int64_t now)
{
	const bool source_ready = !f->sink_full;
	struct stream *source = f->source;
	size_t count = COPY_MAX;
	ssize_t moved;

	if (count > f->read_max)
		count = (size_t)f->read_max;
	moved = f->copy(source->fd, source->offset < 0 ? NULL : &source->offset,
		f->sink->fd, count);
	f->sink_full = false;
	if (moved > 0)
		flow_copied(f, (size_t)moved, now);
	else if (moved == 0)
		f->bulk = false; /* urgent data looks like the end to splice */
	else if (would_block(errno)) {
		f->sink_full = source_ready && f->copy != copy_discard;
		f->bulk = source_ready;
	} else if (errno == ENOBUFS && f->sink->kind == STREAM_SOCKET) {
		f->sink_full = true; /* as in flow_drain */
		f->retry_at = now + RETRY_MS;
	} else if (copy_refused(errno))
		f->copy = NULL;
	else {
		f->fault_at_sink = copy_fault_at_sink(
			f->sink->kind == STREAM_SOCKET, errno);
		return errno;
	}
	return 0;
}

/*
 * Moves what can be moved: one read, or a batch of datagrams, and one write; or
 * one copy.
 * Small pieces go through the ring, which costs less than splice (measured:
 * 0.7 us a round trip of 16 bytes).
 * Returns 0 or the error, and in fault_at_sink whose it was.
 */
static int
flow_move(struct flow *f, bool readable, bool writable, int64_t now)
{
	int error = 0;

	f->fault_at_sink = false;
	f->rush = false;
	if (f->copy != NULL && f->bulk && f->buffer.length == 0) {
		if ((readable && flow_wants_input(f)) ||
			(writable && flow_wants_output(f)))
			error = flow_copy(f, now);
		return error;
	}
	if (readable && flow_wants_input(f))
		error = flow_gathers(f) ? flow_fill_batch(f, now) :
					  flow_fill(f, now);
	if (error == 0 && writable && flow_wants_output(f)) {
		f->fault_at_sink = true;
		error = flow_drain(f, now);
	}
	return error;
}

/* ---- reports ------------------------------------------------------------ */

/* What --stats calls the end of what has a status. */
static const char *const status_words[] = {
	[STATUS_OK] = "done",
	[STATUS_REFUSED] = "refused",
	[STATUS_USAGE] = "usage",
	[STATUS_NOT_FOUND] = "not-found",
	[STATUS_TIMEOUT] = "timeout",
	[STATUS_SETUP] = "setup",
	[STATUS_LOST] = "lost",
	[STATUS_LOCAL] = "local",
	[STATUS_PROXY] = "proxy",
};

/* Begins to count the time, and says when that is, in milliseconds. */
static int64_t
stats_begin(struct stats *stats)
{
	memset(stats, 0, sizeof *stats);
	stats->began_us = clock_us();
	stats->found_us = stats->connected_us = stats->first_byte_us = NEVER;
	return stats->began_us / 1000;
}

/* Seconds from the beginning, or null. */
static void
stats_seconds(const struct stats *stats, int64_t at_us, char text[ELAPSED_MAX])
{
	const int64_t us = at_us - stats->began_us;

	if (at_us == NEVER)
		strcpy(text, "null");
	else
		snprintf(text, ELAPSED_MAX, "%lld.%06d",
			(long long)us / 1000000, (int)(us % 1000000));
}

/* An address as a string, or null. */
static void
stats_address(const struct address *a, const struct options *o,
	char text[6 * HOST_MAX])
{
	char operand[OBJECT_MAX];

	strcpy(text, "null");
	if (a->length == 0 || address_unnamed(a))
		return;
	address_operand(a, o, operand);
	json_print(operand, text);
}

/* The line of --stats for what ends at a time. */
static void
stats_print(const struct stats *stats, const struct options *o,
	enum status status, int64_t now_us, char line[STATS_MAX])
{
	const int code = caught_signal ? 128 + (int)caught_signal : (int)status;
	const int64_t deadline = deadline_after(
		stats->began_us / 1000, o->deadline_ms);
	const char *end = stats->end;
	char local[6 * HOST_MAX], remote[6 * HOST_MAX], messages[96];
	char found[ELAPSED_MAX], connected[ELAPSED_MAX];
	char first_byte[ELAPSED_MAX], total[ELAPSED_MAX];

	if (end == NULL && status == STATUS_TIMEOUT &&
		now_us / 1000 >= deadline)
		end = "deadline";
	if (end == NULL)
		end = caught_signal ? "signal" : status_words[status];
	stats_address(&stats->local, o, local);
	stats_address(&stats->remote, o, remote);
	stats_seconds(stats, stats->found_us, found);
	stats_seconds(stats, stats->connected_us, connected);
	stats_seconds(stats, stats->first_byte_us, first_byte);
	stats_seconds(stats, now_us, total);
	strcpy(messages, "\"messages_up\":null,\"messages_down\":null");
	if (o->messages)
		snprintf(messages, sizeof messages,
			"\"messages_up\":%llu,\"messages_down\":%llu",
			(unsigned long long)stats->messages_up,
			(unsigned long long)stats->messages_down);
	snprintf(line, STATS_MAX,
		"{\"local\":%s,\"remote\":%s,\"protocol\":\"%s\","
		"\"bytes_up\":%llu,\"bytes_down\":%llu,%s,"
		"\"seconds_lookup\":%s,\"seconds_connect\":%s,"
		"\"seconds_first_byte\":%s,\"seconds_total\":%s,"
		"\"end\":\"%s\",\"status\":%d}\n",
		local, remote, o->unix_domain ? "unix" : o->protocol_name,
		(unsigned long long)stats->bytes_up,
		(unsigned long long)stats->bytes_down, messages, found,
		connected, first_byte, total, end, code);
}

/* Has a lookup that takes until the deadline end with its line of --stats. */
static void
stats_expect(
	const struct stats *stats, const struct options *o, int64_t deadline)
{
	if (o->stats && deadline != NEVER)
		stats_print(stats, o, STATUS_TIMEOUT,
			later(deadline * 1000, stats->began_us), lookup_stats);
}

/*
 * Ends the process: with the line of --stats, if there is to be one, and by the
 * signal that was caught, if it was one.
 */
__attribute__((noreturn)) static void
run_end(const struct options *o, const struct signals *signals,
	const struct stats *stats, enum status status)
{
	char line[STATS_MAX];

	if (o->stats && !stats->none) {
		stats_print(stats, o, status, clock_us(), line);
		signals_release(signals); /* who reads it may not */
		if (error_awaits())
			fputs(line, stderr);
	}
	if (caught_signal)
		signal_die((int)caught_signal);
	exit((int)status);
}

/* What --progress has shown, and where. */
struct meter {
	int fd;
	int64_t due_at; /* the next line, or NEVER */
	int64_t began_at;
	int64_t shown_at;  /* the last line */
	uint64_t shown;	   /* bytes, by then */
	bool redraws;	   /* it is a terminal, and the line always the same */
	off_t input_start; /* of the file on stdin, or -1 */
};

/* The lines that there are: on the clock, by a signal, and at the end. */
enum meter_line { METER_NEXT, METER_ONCE, METER_LAST };

static void
meter_open(
	struct meter *m, const struct stream *input, bool wanted, int64_t now)
{
	const bool terminal = isatty(STDERR_FILENO);

	/* Of a terminal poll promises one byte, and not a line. */
	m->fd = wanted || terminal ? error_open() : STDERR_FILENO;
	m->redraws = wanted && terminal;
	m->began_at = m->shown_at = now;
	m->due_at = NEVER;
	if (wanted)
		m->due_at = now + (m->redraws ? REDRAW_MS : RELINE_MS);
	m->input_start = -1;
	if (input->kind == STREAM_FILE)
		m->input_start = lseek(input->fd, 0, SEEK_CUR);
}

static void
meter_close(struct meter *m)
{
	if (m->fd > STDERR_FILENO)
		close(m->fd);
	m->fd = -1;
}

/* How much of the file on stdin has been read, -1 if that means nothing. */
static double
meter_portion(const struct meter *m, const struct stream *input)
{
	off_t at;
	struct stat st;

	if (m->input_start < 0 || fstat(STDIN_FILENO, &st) < 0 ||
		st.st_size <= m->input_start)
		return -1;
	at = input->offset >= 0 ? input->offset :
				  lseek(STDIN_FILENO, 0, SEEK_CUR);
	return (double)(at - m->input_start) /
		(double)(st.st_size - m->input_start);
}

/* The columns of the terminal. */
static int
meter_columns(const struct meter *m)
{
	struct winsize size;

	if (ioctl(m->fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return COLUMNS_DEFAULT;
}

/*
 * Writes a line, or what there is room for now: nothing is to wait for it, but
 * for the last one, and not even that when a signal is to end the program.
 */
static void
meter_write(const struct meter *m, enum meter_line which, const char *text,
	const sigset_t *waiting)
{
	struct pollfd room = { m->fd, POLLOUT, 0 };

	if (which == METER_LAST && !caught_signal)
		(void)write_all(m->fd, text, strlen(text), NEVER, waiting);
	else if (poll(&room, 1, 0) > 0)
		(void)!write(m->fd, text, strlen(text));
}

/* ---- pump --------------------------------------------------------------- */

/* One connection, from its first byte to its end. */
struct session {
	const struct options *options;
	const struct signals *signals;
	struct stream input, output, network;
	struct flow up, down;
	struct encoder encoder;
	struct telnet telnet;
	struct meter meter;
	struct stats *stats;
	enum status status;
	enum status fault;	/* ours, with this client alone */
	bool shared;		/* see struct setting */
	bool half_close;	/* send FIN once input has ended */
	bool lost;		/* the network failed */
	bool broken_pipe;	/* who read standard output has gone */
	bool acknowledged;	/* all that was sent, before our FIN */
	bool cut;		/* a limit has passed: no more waiting */
	bool unnamed_told;	/* that a sender cannot be answered */
	int yield_fd;		/* see struct setting */
	int64_t leave_after_ms; /* -q, once the peer has ended */
	int64_t started_at;	/* what --deadline counts from */
	unsigned turns;		/* in which something was ready */
	int64_t quit_at; /* when -q or a broken pipe ended it, or NEVER */
};

/* Polled in this order. */
enum { POLL_INPUT, POLL_OUTPUT, POLL_NETWORK, POLL_YIELD, POLLS };

#define POLL_GONE (POLLERR | POLLHUP | POLLNVAL)

/* The limits that may end a wait, or the session; the user's own first. */
enum limit {
	LIMIT_DEADLINE, /* --deadline */
	LIMIT_IDLE,	/* --idle-timeout */
	LIMIT_TIMEOUT,	/* -w, once connected */
	LIMIT_QUIT,	/* -q */
	LIMIT_STALL,	/* it is to end, and the peer takes nothing more */
	LIMIT_RETRY,	/* a datagram found no room, or -i has paused */
	LIMIT_METER,	/* the next line of --progress */
	LIMITS
};

/* What a session is given beside its connection. */
struct setting {
	const struct options *options;
	const struct signals *signals;
	struct dump *dump;
	struct stats *stats;
	const struct owned *files[2]; /* that it outlives; may be NULL */
	bool abstract;		      /* it may send to abstract names */
	bool shared;		      /* other clients are served as well */
	int yield_fd; /* readable when another waits for the input, or -1 */
	off_t input_offset; /* of a file that each of them gets, or -1 */
	int64_t started_at;
};

/*
 * The status of a fault of ours that has to do with this client alone.  Of many
 * it is one that is lost, and the others may not be.
 */
static enum status
setting_fault(const struct setting *setting)
{
	return setting->shared ? STATUS_LOST : STATUS_LOCAL;
}

/* Puts between reads and writes what the options ask for. */
static void
session_tap(struct session *s)
{
	const struct options *o = s->options;

	s->encoder.crlf = o->crlf;
	s->encoder.telnet = o->telnet;
	if (o->crlf || o->telnet) {
		s->up.tap = text_encode;
		s->up.tap_memory = &s->encoder;
	}
	if (o->telnet) {
		s->down.tap = telnet_decode;
		s->down.tap_memory = &s->telnet;
		s->up.telnet = &s->telnet;
	}
	s->up.interval_ms = o->interval_ms == NEVER ? 0 : o->interval_ms;
	s->up.line_bare = o->line_datagrams;
	s->up.by_line = s->up.line_bare || s->up.interval_ms > 0;
}

/* Has the dump of -o, if there is one, see what goes over the network. */
static void
session_dump(struct session *s, struct dump *dump)
{
	if (dump->name == NULL)
		return;
	dump->waiting = &s->signals->waiting;
	dump->deadline = deadline_after(s->started_at, s->options->deadline_ms);
	s->network.dump = dump;
}

/* What --stats tells of the two ends of the connection. */
static void
session_ends(struct session *s)
{
	struct stats *stats = s->stats;

	(void)socket_self(s->network.fd, &stats->local);
	if (!socket_peer(s->network.fd, &stats->remote))
		stats->remote = s->network.peer;
}

/* Begins a session; the rest of it is zero. */
static void
session_open(struct session *s, const struct setting *setting,
	const struct stream *network)
{
	const struct options *o = setting->options;
	const int64_t now = clock_ms();

	s->options = o;
	s->signals = setting->signals;
	s->fault = setting_fault(setting);
	s->shared = setting->shared;
	s->started_at = setting->started_at;
	s->network = *network;
	session_dump(s, setting->dump);
	s->stats = setting->stats;
	if (o->stats)
		session_ends(s);
	input_open(&s->input, setting->shared ? setting->input_offset : -1);
	output_open(&s->output, setting->shared);
	if (o->send_only)
		output_release(&s->output);
	session_tap(s);
	flow_open(&s->up, &s->input, &s->network, now);
	flow_open(&s->down, &s->network, &s->output, now);
	s->up.pipe_enlarged = setting->shared; /* a user may have 64 such */
	s->down.messages_max = (uint64_t)o->recv_limit;
	s->half_close = !o->no_shutdown && (!o->no_stdin || o->half_close);
	s->yield_fd = setting->shared ? setting->yield_fd : -1;
	s->leave_after_ms = o->leave_after_ms;
	s->quit_at = NEVER;
	meter_open(&s->meter, &s->input, o->progress, now);
	report_wanted = 0;
	if (o->no_stdin) {
		flow_stop_reading(&s->up);
		s->meter.input_start = -1;
	}
}

/*
 * Shuts the session in before a byte of the network is looked at.  Files that
 * it outlives can still be removed.
 */
static void
session_confine(const struct session *s, const struct setting *setting)
{
	const bool abstract = setting->abstract;
	char paths[2][PATH_MAX];
	const char *directories[3] = { NULL }, **next = directories;
	int version, i;

	if (s->options->no_sandbox)
		return;
	for (i = 0; i < 2; i++) {
		const struct owned *file = setting->files[i];

		if (file == NULL || file->path == NULL)
			continue;
		path_directory(file->path, paths[i]);
		*next++ = paths[i];
	}
	version = sandbox_enter(directories, abstract);
	if (version < 0)
		note("Not confined: %s", strerror(errno));
	else if (version > 0)
		note("Confined by Landlock %d: no files%s%s%s", version,
			version >= 4 ? ", no TCP sockets" : "",
			version >= 6 && !abstract ? ", no abstract names" : "",
			version >= 6 ? ", no signals" : "");
}

/* The first failure is the one that the exit status tells. */
static void
session_fail(struct session *s, enum status status)
{
	if (s->status == STATUS_OK)
		s->status = status;
}

/*
 * Shows how far it has come: once, or as the next line of --progress, or as the
 * last one, which is waited for as all messages are.
 */
static void
session_show(struct session *s, enum meter_line which, int64_t now)
{
	struct meter *m = &s->meter;
	const uint64_t bytes = s->up.bytes + s->down.bytes;
	const int64_t since = later(now - m->shown_at, 1);
	const bool redraw = which == METER_NEXT && m->redraws;
	const int columns = meter_columns(m);
	struct progress p = { .up = s->up.bytes,
		.down = s->down.bytes,
		.elapsed_ms = now - m->began_at,
		.rate = -1,
		.portion = meter_portion(m, &s->input) };
	char line[PROGRESS_MAX], text[PROGRESS_MAX + 16];

	if (which != METER_LAST)
		p.rate = (double)(bytes - m->shown) * 1000 / (double)since;
	progress_print(&p, columns, line);
	if (redraw) /* a longer one would leave a row behind each time */
		progress_cut(line, columns - 1);
	snprintf(text, sizeof text, "%s%s%s%s",
		redraw || progress_stands ? "\r" : "", line,
		redraw || progress_stands ? LINE_ERASE : "",
		redraw ? "" : "\n");
	progress_stands = redraw;
	meter_write(m, which, text, &s->signals->waiting);
	if (which == METER_NEXT)
		m->due_at = now + (m->redraws ? REDRAW_MS : RELINE_MS);
	else if (m->due_at != NEVER)
		return; /* "now" is since the clock's last line */
	m->shown_at = now;
	m->shown = bytes;
}

/* What somebody has asked for by a signal, or the clock. */
static void
session_tell(struct session *s, int64_t now)
{
	if (report_wanted) {
		report_wanted = 0;
		session_show(s, METER_ONCE, now);
	}
	if (s->meter.due_at <= now)
		session_show(s, METER_NEXT, now);
}

/*
 * How many bytes of a stream are here to be read.  Linux counts no further than
 * to an urgent one, which is left out of what is read; if it is to be read like
 * the others, it counts all of them.
 */
static int
socket_unread(int fd)
{
	const int in_line = socket_number(fd, SO_OOBINLINE);
	int here = 0, all = 0;

	(void)ioctl(fd, FIONREAD, &here);
	(void)socket_option(fd, SOL_SOCKET, SO_OOBINLINE, 1);
	(void)ioctl(fd, FIONREAD, &all);
	(void)socket_option(fd, SOL_SOCKET, SO_OOBINLINE, in_line);
	return here < all ? all - 1 : here;
}

/*
 * -q has passed: input is read no more, but what was read is sent.  Of what
 * the peer has sent, what is here already is still taken; of datagrams that
 * is at most what their queue can hold.
 */
static void
session_quit(struct session *s, int64_t now)
{
	const int fd = s->network.fd;
	const int here = s->network.datagrams ? socket_number(fd, SO_RCVBUF) :
						socket_unread(fd);

	s->quit_at = now;
	flow_stop_reading(&s->up);
	flow_limit_reading(&s->down, (uint64_t)here);
}

/*
 * The network has failed: nothing more can be sent.  What has arrived is still
 * there to be read, unless the reading of a stream has failed, or of messages
 * for a second time: an error of theirs may come before them.  More is not
 * waited for, as the peer may wait for the rest of ours; only one that reads no
 * more, which is what EPIPE of a Unix socket says, may yet have much to say.
 */
static void
session_lost(struct session *s, const struct flow *failed, int error)
{
	const bool datagrams = s->network.datagrams, again = s->lost;
	const bool sending = failed == &s->up;
	const bool deaf = sending && !datagrams && error == EPIPE &&
		s->network.peer.any.sa_family == AF_UNIX;
	const char *what = sending ? "send to" : "receive from";
	char object[OBJECT_MAX];

	if (!s->lost && !s->broken_pipe) {
		address_describe(&s->network.peer, s->options, NULL, object);
		warn("%s %s %s: %s", datagrams ? what : "connection to", object,
			datagrams ? "failed" : "lost", strerror(error));
	}
	s->lost = true;
	session_fail(s,
		datagrams ? error_status(error, STATUS_REFUSED) : STATUS_LOST);
	if (deaf)
		shutdown(s->network.fd, SHUT_WR);
	else if ((sending || datagrams) && s->quit_at == NEVER)
		session_quit(s, clock_ms());
	if (sending && !datagrams) /* its end must not look like one in order */
		socket_reset(s->network.fd);
	flow_abort(&s->up);
	if (!sending && (again || !s->network.messages))
		flow_stop_reading(&s->down);
}

/*
 * Standard input cannot be read.  In a background job the terminal belongs to
 * others (EIO, since SIGTTIN is ignored): then it is as with -d.
 */
static void
session_input_failed(struct session *s, int error, int64_t now)
{
	if (error == EIO && s->input.kind == STREAM_TERMINAL &&
		tcgetpgrp(STDIN_FILENO) != getpgrp())
		s->half_close = false;
	else {
		warn("read from stdin: %s", strerror(error));
		session_fail(s, STATUS_LOCAL);
		s->up.eof_at = now;
	}
	flow_stop_reading(&s->up);
}

/*
 * Standard output takes no more.  What still arrives is dropped, so that the
 * peer is not held up while the rest of the input is sent; if only a reader
 * has gone, as in "| head -1", the rest is not even read.
 */
static void
session_output_failed(struct session *s, int error, int64_t now)
{
	s->broken_pipe = error == EPIPE;
	if (s->broken_pipe)
		s->quit_at = now;
	if (error != EPIPE || (s->signals->pipe_ignored && !s->shared)) {
		warn("write to stdout: %s", strerror(error));
		session_fail(s, STATUS_LOCAL);
	}
	output_release(&s->output);
	flow_restart(&s->down);
	if (s->broken_pipe || s->input.kind == STREAM_TERMINAL)
		flow_stop_reading(&s->up);
}

/*
 * Nothing can be moved now, but poll says that the network has gone.  A Unix
 * peer that has closed is such a case, and no failure if it was sent all.
 */
static void
session_hung_up(struct session *s)
{
	int error = socket_error(s->network.fd);

	if (error == 0 && s->up.buffer.length > 0)
		error = EPIPE; /* a line of -i has not had its turn */
	if (error != 0)
		session_lost(s, &s->up, error);
	else
		flow_abort(&s->up);
}

/* One message cannot be sent: others still can. */
static void
session_unsent(struct session *s, int error)
{
	const bool overlong = flow_line_overlong(&s->up);
	char object[OBJECT_MAX];
	size_t unwritten, length = flow_piece(&s->up, &unwritten) - overlong;

	address_describe(&s->network.peer, s->options, NULL, object);
	if (error == EMSGSIZE) {
		warn("send of %s%zu bytes to %s failed: %s",
			overlong ? "more than " : "", length, object,
			length == 0 ? "it would be taken for the end" :
				      strerror(error));
		session_fail(s, s->fault);
	} else
		warn("send to %s failed: %s", object, strerror(error));
	flow_skip_piece(&s->up);
}

static void
session_move_up(struct session *s, bool readable, bool writable, int64_t now)
{
	const int error = flow_move(&s->up, readable, writable, now);

	if (error != 0 && s->up.fault_at_sink &&
		(s->network.roaming ||
			(error == EMSGSIZE && s->network.messages)))
		session_unsent(s, error);
	else if (error != 0 && s->up.fault_at_sink)
		session_lost(s, &s->up, error);
	else if (error != 0)
		session_input_failed(s, error, now);
	else if (s->input.truncated && s->up.state == FLOW_OPEN)
		session_input_failed(s, EMSGSIZE, now);
}

/* What a datagram that was read means for the session. */
static void
session_message(struct session *s)
{
	if (s->network.unconnected && address_unnamed(&s->network.peer) &&
		s->up.state == FLOW_OPEN && !s->unnamed_told) {
		warn("the sender of a datagram has no name to answer to");
		s->unnamed_told = true;
	}
	if (s->network.truncated) {
		warn("a %s of more than %d bytes was cut",
			s->network.datagrams ? "datagram" : "message",
			RING_LARGE);
		session_fail(s, s->fault);
		s->network.truncated = false;
	}
}

static void
session_move_down(struct session *s, bool readable, bool writable, int64_t now)
{
	const int error = flow_move(&s->down, readable, writable, now);

	if (error != 0 && s->down.fault_at_sink)
		session_output_failed(s, error, now);
	else if (error != 0)
		session_lost(s, &s->down, error);
	if (s->network.messages)
		session_message(s);
}

static void
poll_for(struct pollfd *p, int fd, bool wanted, bool in, bool out)
{
	p->fd = wanted ? fd : -1;
	p->events = (short)((in ? POLLIN : 0) | (out ? POLLOUT : 0));
	p->revents = 0;
}

/*
 * Says what poll is to wait for.  A descriptor from which nothing is wanted
 * is left out, for POLLHUP cannot be; sinks stay in until their flow ends,
 * since that is how their going is noticed without a write.
 */
static void
session_watch(const struct session *s, struct pollfd polls[POLLS])
{
	const bool down_in = flow_wants_input(&s->down);

	poll_for(&polls[POLL_INPUT], s->input.fd, flow_wants_input(&s->up),
		true, false);
	poll_for(&polls[POLL_OUTPUT], s->output.fd, s->down.state != FLOW_ENDED,
		false, flow_wants_output(&s->down));
	poll_for(&polls[POLL_NETWORK], s->network.fd,
		down_in || s->up.state != FLOW_ENDED, down_in,
		flow_wants_output(&s->up));
	poll_for(&polls[POLL_YIELD], s->yield_fd, s->down.eof_at != NEVER, true,
		false);
}

/* A sink is written to at once unless poll has just said that it is full. */
static bool
sink_ready(const struct stream *sink, const struct pollfd *polled)
{
	if (polled->events & POLLOUT)
		return (polled->revents & (POLLOUT | POLL_GONE)) != 0;
	return !sink->write_polled;
}

/*
 * Moves what poll says can be moved.  The network is read before it is
 * written to, so that what arrived before a failure is not lost to it.
 */
static void
session_turn(struct session *s, const struct pollfd polls[POLLS], int64_t now)
{
	const struct pollfd *input = &polls[POLL_INPUT];
	const struct pollfd *output = &polls[POLL_OUTPUT];
	const struct pollfd *network = &polls[POLL_NETWORK];

	session_move_down(s,
		(network->events & POLLIN) &&
			(network->revents & (POLLIN | POLL_GONE)),
		sink_ready(&s->output, output), now);
	session_move_up(
		s, input->revents != 0, sink_ready(&s->network, network), now);
	if (polls[POLL_YIELD].revents != 0) {
		s->leave_after_ms = 0;
		s->yield_fd = -1;
	}
	if (network->events == 0 && (network->revents & POLL_GONE) &&
		s->up.state != FLOW_ENDED)
		session_hung_up(s);
	if (output->events == 0 && (output->revents & POLL_GONE) &&
		s->down.state != FLOW_ENDED)
		session_output_failed(s,
			s->output.kind == STREAM_TERMINAL ? EIO : EPIPE, now);
}

/* We have waited for the peer long enough. */
static void
session_give_up(struct session *s)
{
	char object[OBJECT_MAX];

	address_describe(&s->network.peer, s->options, NULL, object);
	if (!s->lost && !s->broken_pipe)
		warn("connection to %s lost: it took nothing more for %d ms",
			object, CLOSE_PATIENCE_MS);
	s->lost = true;
	session_fail(s, STATUS_LOST);
	flow_abort(&s->up);
}

/* All input is sent: the peer is told, by a FIN. */
static void
session_end_up(struct session *s)
{
	s->up.state = FLOW_ENDED;
	if (s->network.datagrams)
		return;
	/* A peer that has gone answers our FIN by a reset: nothing is lost. */
	s->acknowledged = s->down.eof_at != NEVER &&
		socket_unsent(s->network.fd) == 0;
	if (s->half_close) {
		shutdown(s->network.fd, SHUT_WR);
		s->up.telnet = NULL; /* no reply can follow */
	}
}

/*
 * All that came is written: who reads standard output is told, by its end.
 * The peer may have half-closed only, so input goes on being sent, but nobody
 * would type more for a peer that has said its last word.
 */
static void
session_end_down(struct session *s)
{
	int error = 0;

	s->down.state = FLOW_ENDED;
	if (s->output.kind != STREAM_NOWHERE && !s->options->keep_open)
		error = output_close(&s->output);
	if (error != 0)
		session_output_failed(s, error, s->down.moved_at);
	if (s->input.kind == STREAM_TERMINAL || s->network.datagrams ||
		s->down.messages == s->down.messages_max)
		flow_stop_reading(&s->up);
}

/* Whether there is something to read right now. */
static bool
socket_readable(int fd)
{
	struct pollfd ready = { fd, POLLIN, 0 };

	return poll(&ready, 1, 0) > 0;
}

/* Ends each flow that has nothing left to do. */
static void
session_settle(struct session *s)
{
	if (s->quit_at != NEVER && s->network.datagrams &&
		flow_wants_input(&s->down) && !socket_readable(s->network.fd))
		flow_stop_reading(&s->down);
	/* The end of what comes down may stop what goes up. */
	if (flow_is_drained(&s->down))
		session_end_down(s);
	if (flow_is_drained(&s->up))
		session_end_up(s);
}

static bool
session_over(const struct session *s)
{
	if (s->cut)
		return true;
	return s->up.state == FLOW_ENDED &&
		(s->down.state == FLOW_ENDED ||
			s->output.kind == STREAM_NOWHERE);
}

/*
 * When -q ends it: so long after the end of input, or, as the peer may still
 * want input, after the peer's end once input has paused for as long, and not
 * because the peer takes no more.  Of datagrams the last one counts.
 */
static int64_t
session_quit_limit(const struct session *s)
{
	const struct options *o = s->options;
	int64_t ended_at = s->up.eof_at;

	if (s->quit_at != NEVER)
		return NEVER;
	/* With -i all has been sent only later. */
	if (s->up.interval_ms > 0 && ended_at != NEVER)
		ended_at = s->up.state == FLOW_ENDED ?
			later(ended_at, s->up.moved_at) :
			NEVER;
	if (ended_at != NEVER && s->network.datagrams)
		ended_at = later(ended_at, s->down.moved_at);
	if (s->up.eof_at != NEVER)
		return deadline_after(ended_at, o->quit_after_ms);
	if (s->down.eof_at != NEVER && flow_wants_input(&s->up) &&
		!flow_wants_output(&s->up))
		return deadline_after(later(s->down.eof_at, s->up.moved_at),
			s->leave_after_ms);
	return NEVER;
}

/* When a limit passes, or NEVER. */
static int64_t
session_limit(const struct session *s, enum limit limit)
{
	const struct options *o = s->options;
	int64_t moved = later(s->up.moved_at, s->down.moved_at);

	if (flow_pauses(&s->up)) /* that we wait ourselves is not idleness */
		moved = later(moved, s->up.line_at);
	switch (limit) {
	case LIMIT_DEADLINE:
		return deadline_after(s->started_at, o->deadline_ms);
	case LIMIT_IDLE:
		return deadline_after(moved, o->idle_timeout_ms);
	case LIMIT_TIMEOUT:
		if (s->up.eof_at != NEVER)
			moved = later(moved, s->up.eof_at);
		else if (o->timeout_ms == 0 && s->up.state == FLOW_OPEN)
			return NEVER;
		return deadline_after(moved, o->timeout_ms);
	case LIMIT_QUIT:
		return session_quit_limit(s);
	case LIMIT_STALL:
		if (s->quit_at == NEVER || s->up.state == FLOW_ENDED ||
			flow_pauses(&s->up))
			return NEVER;
		return deadline_after(
			later(s->quit_at, s->up.moved_at), CLOSE_PATIENCE_MS);
	case LIMIT_RETRY:
		return earlier(s->up.line_at,
			earlier(s->up.retry_at, s->down.retry_at));
	case LIMIT_METER:
		return s->meter.due_at;
	case LIMITS:
		break;
	}
	return NEVER;
}

/* The user's limit has passed before all was done. */
static void
session_cut(struct session *s, const char *limit, const char *end)
{
	char object[OBJECT_MAX];

	address_describe(&s->network.peer, s->options, NULL, object);
	warn("connection to %s: %s", object, limit);
	session_fail(s, STATUS_TIMEOUT);
	s->stats->end = end;
	s->cut = true;
}

/*
 * A dump that cannot be written is no reason to lose what it would show.  But
 * one that was waited for until the deadline is no end in order.
 */
static void
session_dump_check(struct session *s)
{
	const struct dump *d = s->network.dump;

	if (d == NULL || d->error == 0)
		return;
	if (d->error == ETIMEDOUT && !caught_signal && !s->cut)
		session_cut(s, "deadline passed", NULL);
	else if (!caught_signal && d->error != ETIMEDOUT) {
		warn("write to %s: %s",
			strcmp(d->name, "-") == 0 ? "stderr" : d->name,
			strerror(d->error));
		session_fail(s, s->fault);
	}
	s->network.dump = NULL;
}

/* A file system may tell only at the end what it could not write. */
static void
session_dump_close(struct session *s)
{
	struct dump *d = s->network.dump;

	if (d != NULL && d->error == 0 && d->fd > STDERR_FILENO &&
		close(d->fd) < 0 && errno != EINTR)
		d->error = errno;
	session_dump_check(s);
}

static void
session_expire(struct session *s, enum limit limit, int64_t now)
{
	switch (limit) {
	case LIMIT_DEADLINE:
		session_cut(s, "deadline passed", NULL);
		break;
	case LIMIT_IDLE:
		session_cut(s, "idle for too long", "idle");
		break;
	case LIMIT_TIMEOUT:
		/* After the end of input, -w only says how long to listen. */
		if (s->up.state == FLOW_ENDED && !flow_wants_output(&s->down)) {
			s->stats->end = "idle";
			s->cut = true;
		} else
			session_cut(s, "idle for too long", "idle");
		break;
	case LIMIT_QUIT:
		s->stats->end = "quit";
		session_quit(s, now);
		break;
	case LIMIT_STALL:
		session_give_up(s);
		break;
	case LIMIT_RETRY:
		if (s->up.line_at <= now) {
			if (flow_pauses(&s->up)) /* only now the peer may */
				s->up.moved_at = now;
			s->up.line_at = NEVER;
		}
		if (s->up.retry_at <= now)
			s->up.retry_at = NEVER;
		if (s->down.retry_at <= now)
			s->down.retry_at = NEVER;
		break;
	case LIMIT_METER: /* session_tell does */
	case LIMITS:
		break;
	}
}

/*
 * Datagrams come in a rush, and all that came are read: to sleep until the
 * next one, and again, costs more than all the rest.  A pause lets many gather
 * for one turn (measured: half of the processor time, and no fewer are kept).
 * What is to be sent ends it, for that may be what the peer waits for.
 */
static void
session_gather(const struct session *s, const struct pollfd *input)
{
	if (s->down.rush && input->revents == 0 && !flow_wants_output(&s->up))
		poll_briefly(*input, GATHER_NS);
}

/*
 * One wait, one turn.  While bytes move, a limit passes only when it lies
 * behind: one that counts from the last byte has just been put off.
 */
static void
session_step(struct session *s)
{
	struct pollfd polls[POLLS];
	int64_t at = NEVER, now;
	enum limit limit;
	int ready;

	for (limit = LIMIT_DEADLINE; limit < LIMITS; limit++)
		at = earlier(at, session_limit(s, limit));
	session_watch(s, polls);
	ready = poll_masked(polls, POLLS, deadline_left(at, clock_ms()),
		&s->signals->waiting);
	now = clock_ms();
	if (ready > 0) {
		if (++s->turns % SIGNAL_TURNS == 0)
			signals_wait(s->signals, 0);
		session_turn(s, polls, now);
		session_gather(s, &polls[POLL_INPUT]);
		session_dump_check(s);
		if (s->stats->first_byte_us == NEVER && s->down.messages > 0)
			s->stats->first_byte_us = clock_us();
	} else if (ready < 0 && !would_block(errno)) {
		warn("poll: %s", strerror(errno));
		session_fail(s, STATUS_LOCAL);
		s->cut = true;
	}
	session_tell(s, now);
	session_settle(s);
	for (limit = LIMIT_DEADLINE; limit < LIMITS; limit++)
		if (!session_over(s) &&
			session_limit(s, limit) < now + (ready == 0))
			session_expire(s, limit, now);
	session_settle(s);
}

/*
 * Whether to wait no longer for unsent bytes to be acknowledged, -1 if nobody
 * knows how many.  A peer that has sent its end may take its time like any
 * slow reader, within the user's limits.  One that has not, or any once -q has
 * passed, is given up when nothing gets on for CLOSE_PATIENCE_MS.
 */
static bool
session_linger_expired(struct session *s, int unsent, int64_t now)
{
	enum limit limit;

	for (limit = LIMIT_DEADLINE; limit <= LIMIT_TIMEOUT; limit++)
		if (session_limit(s, limit) <= now) {
			if (unsent > 0)
				session_cut(s,
					"not all was acknowledged in time",
					NULL);
			return true;
		}
	if (s->down.eof_at != NEVER && unsent < 0)
		return true;
	if (s->down.eof_at != NEVER && s->quit_at == NEVER &&
		session_quit_limit(s) > now)
		return false;
	if (s->up.moved_at + CLOSE_PATIENCE_MS > now)
		return false;
	if (unsent > 0)
		session_give_up(s);
	return true;
}

/* One read of what still arrives, for nobody.  False: there was nothing. */
static bool
session_drop(struct session *s)
{
	struct buffer *waste = &s->down.buffer;
	struct iovec pieces[2];
	int error = socket_error(s->network.fd);
	ssize_t got = -1;

	if (error == 0 && s->down.eof_at == NEVER) {
		buffer_pieces(waste, 0, waste->size, pieces);
		got = stream_read(&s->network, pieces);
		if (got == 0)
			s->down.eof_at = clock_ms();
		else if (got < 0 && !would_block(errno))
			error = errno;
	}
	if (error != 0)
		session_lost(s, &s->down, error);
	return got > 0;
}

/*
 * Waits until the peer has acknowledged all that was sent, and drops what it
 * still sends: to close with something unread would make the kernel send a
 * reset, and the peer lose the rest.  A Unix socket has delivered already.
 */
static void
session_linger(struct session *s)
{
	const bool delivered = s->network.peer.any.sa_family == AF_UNIX;
	struct pollfd ready = { s->network.fd, POLLIN, 0 };
	int unsent, before = INT_MAX;
	int64_t slice = 1;
	bool dropped;

	s->up.moved_at = clock_ms();
	while (!caught_signal) {
		dropped = session_drop(s);
		unsent = delivered ? 0 : socket_unsent(s->network.fd);
		if (unsent == 0 || s->lost)
			return;
		if (unsent < before && unsent > 0)
			s->up.moved_at = clock_ms();
		before = unsent;
		if (session_linger_expired(s, unsent, clock_ms()))
			return;
		session_tell(s, clock_ms());
		if (dropped) {
			signals_wait(s->signals, 0);
			continue;
		}
		/* There is no event for an acknowledgement. */
		if (s->down.eof_at != NEVER)
			ready.fd = -1;
		poll_masked(&ready, 1, slice, &s->signals->waiting);
		slice = earlier(2 * slice, RETRY_MS);
	}
}

/* What --stats tells of a session that is over. */
static void
session_count(struct session *s)
{
	struct stats *stats = s->stats;

	stats->bytes_up = s->up.bytes;
	stats->bytes_down = s->down.bytes;
	stats->messages_up = s->up.messages_written;
	stats->messages_down = s->down.messages;
	if (s->network.roaming)
		stats->remote = s->network.peer;
	if (caught_signal)
		stats->end = "signal";
	else if (s->broken_pipe)
		stats->end = "broken-pipe";
	else if (s->status != STATUS_OK && s->status != STATUS_TIMEOUT)
		stats->end = NULL;
	else if (s->status == STATUS_OK &&
		s->down.messages == s->down.messages_max)
		stats->end = "limit";
}

static void
session_close(struct session *s)
{
	const struct options *o = s->options;

	if (!s->network.datagrams && !s->lost && !caught_signal) {
		shutdown(s->network.fd, SHUT_WR);
		if (s->status != STATUS_TIMEOUT && !s->acknowledged)
			session_linger(s);
	}
	session_dump_close(s);
	if (o->progress)
		session_show(s, METER_LAST, clock_ms());
	stream_release(&s->input);
	output_release(&s->output);
	meter_close(&s->meter);
	if (o->recv_limit != NEVER &&
		s->down.messages < (uint64_t)o->recv_limit &&
		s->status == STATUS_OK && !s->broken_pipe && !caught_signal) {
		s->stats->end = NULL;
		warn("received %llu of %lld %s",
			(unsigned long long)s->down.messages,
			(long long)o->recv_limit,
			o->datagrams ? "datagrams" : "messages");
		session_fail(s, STATUS_TIMEOUT);
	}
	note("Sent %llu bytes, received %llu bytes",
		(unsigned long long)s->up.bytes,
		(unsigned long long)s->down.bytes);
	session_count(s);
}

/*
 * Pumps one connection to its end.  Returns the exit status; a signal that is
 * to end the program, SIGPIPE included, is left in caught_signal.
 */
static enum status
session_run(const struct setting *setting, const struct stream *network)
{
	struct session *s = calloc(1, sizeof *s);
	enum status status;

	if (s == NULL) {
		warn("out of memory");
		return setting_fault(setting);
	}
	session_open(s, setting, network);
	session_confine(s, setting);
	if (network->error != 0)
		session_lost(s, &s->up, network->error);
	session_settle(s);
	while (!session_over(s) && !caught_signal)
		session_step(s);
	session_close(s);
	/* Of many clients' processes none says so, but the one above them. */
	if (s->broken_pipe && (s->shared || !s->signals->pipe_ignored) &&
		!caught_signal)
		caught_signal = SIGPIPE;
	status = s->status;
	free(s);
	return status;
}

/* ---- programs and children ---------------------------------------------- */

/* Zeroed memory, or the end of the program: only while nothing is to remove. */
static void *
allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (memory == NULL) {
		warn("out of memory");
		exit(STATUS_LOCAL);
	}
	return memory;
}

/*
 * The words of a text, between blanks, and one more that is taken as it is, if
 * it is not NULL; all in one piece of memory.
 */
static char **
words_split(const char *text, const char *last)
{
	const size_t size = strlen(text) + 1, most = size / 2 + 2;
	const size_t rest = last == NULL ? 0 : strlen(last) + 1;
	char **words = allocate(1, most * sizeof *words + size + rest);
	char *copy = memcpy(words + most, text, size), *word;
	size_t count = 0;

	for (word = strtok(copy, BLANKS); word != NULL;
		word = strtok(NULL, BLANKS))
		words[count++] = word;
	if (last != NULL)
		words[count] = memcpy(copy + size, last, rest);
	return words;
}

/* Reports that a program cannot be started, and returns the status for it. */
static enum status
program_failed(const char *name, int error)
{
	warn("run %s: %s", name, strerror(error));
	return error == ENOENT ? STATUS_NO_PROGRAM : STATUS_NOT_RUN;
}

/* Whether a path is a program: 0 or the error. */
static int
program_check(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno;
	return S_ISREG(st.st_mode) && access(path, X_OK) == 0 ? 0 : EACCES;
}

/* Looks for a program where execvp(3) would.  Returns 0 or the error. */
static int
program_find(const char *name)
{
	const char *directory = getenv("PATH");
	char path[PATH_MAX];
	int error = ENOENT, other;
	size_t length;

	if (strchr(name, '/') != NULL)
		return program_check(name);
	if (directory == NULL)
		return 0; /* execvp knows where to look then */
	do {
		length = strcspn(directory, ":");
		snprintf(path, sizeof path, "%.*s%s%s", (int)length, directory,
			length == 0 ? "" : "/", name);
		other = program_check(path);
		if (other == 0)
			return 0;
		if (other == EACCES)
			error = EACCES;
		directory += length;
	} while (*directory++ == ':');
	return error;
}

/*
 * The arguments of what -e or -c asks for, or NULL if neither was given.  Ends
 * the program when there is no such thing, before anybody connects in vain.
 */
static char **
program_open(const struct options *o)
{
	char **arguments;
	int error;

	if (o->exec != NULL)
		arguments = words_split(o->exec, NULL);
	else if (o->sh_exec != NULL)
		arguments = words_split("/bin/sh -c --", o->sh_exec);
	else
		return NULL;
	error = program_find(arguments[0]);
	if (error != 0)
		exit((int)program_failed(arguments[0], error));
	/* These were for us. */
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return arguments;
}

/*
 * Has the environment say between whom the connection is.  The variables stay
 * where they are, so that a server which tells of each client does not grow.
 */
static void
program_tell(const struct options *o, const struct stream *network)
{
	static const char *const names[] = { "SOCKCAT_REMOTE_ADDR",
		"SOCKCAT_REMOTE_PORT", "SOCKCAT_LOCAL_ADDR",
		"SOCKCAT_LOCAL_PORT", "SOCKCAT_PROTO" };
	static char facts[sizeof names / sizeof *names][OBJECT_MAX];
	struct address_text remote, local;
	struct address self;
	const char *const values[] = { remote.host, remote.port, local.host,
		local.port, o->unix_domain ? "unix" : o->protocol_name };
	size_t i;

	if (o->proxy != NULL)
		unsetenv("SOCKCAT_PROXY_PASSWORD"); /* it was for us */
	address_print(&network->peer, o, NULL, &remote);
	if (socket_self(network->fd, &self) < 0)
		self = network->peer;
	address_print(&self, o, NULL, &local);
	for (i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(facts[i], sizeof facts[i], "%s=%s", names[i],
			values[i]);
		putenv(facts[i]);
	}
}

/*
 * Runs the program in our place, with the connection, made blocking, for its
 * standard input and output and with the signals as they came.  Returns only
 * if it cannot be started, with the error.
 * What it is to be told has been; it may be called in a child that shares our
 * memory.
 */
static int
program_become(char **arguments, const struct stream *network,
	const struct signals *signals)
{
	const int fd = network->fd;

	if (socket_block(fd) == 0 && dup2(fd, STDIN_FILENO) >= 0 &&
		dup2(fd, STDOUT_FILENO) >= 0) {
		signals_restore(signals);
		execvp(arguments[0], arguments);
	}
	return errno;
}

/* The clients of -k, each with a process of its own. */
struct server {
	struct run *run;
	struct listener *listener;
	struct child {
		pid_t pid;
		int fd; /* its connection, if that still matters, or -1 */
	} * children;
	int64_t count;
	pid_t reader;	     /* the child that has standard input, or 0 */
	bool input_for_all;  /* each gets the whole of it */
	off_t input_offset;  /* from here on */
	int yield[2];	     /* a pipe, by which the reader is asked to leave */
	int failed[2];	     /* a pipe, with errors of starting the program */
	int64_t heir_until;  /* the next client is kept waiting, or NEVER */
	int64_t short_until; /* while there is a shortage, or NEVER */
	int64_t idle_since;  /* when the last client came or went */
	enum status status;  /* of what ends the service */
};

/* Has the clients' processes tell how far they are, as we were asked to. */
static void
server_tell(const struct server *s)
{
	int64_t i;

	if (!report_wanted)
		return;
	report_wanted = 0;
	for (i = 0; i < s->count && s->run->program == NULL; i++)
		kill(s->children[i].pid, SIGUSR1);
}

static void
server_enlist(struct server *s, pid_t pid, int fd)
{
	s->children[s->count].pid = pid;
	s->children[s->count++].fd = fd;
	s->idle_since = clock_ms();
}

/* Closes, in a child, what only the parent has to do with. */
static void
server_forget(const struct server *s)
{
	int64_t i;

	close(s->listener->fd);
	owned_forget(&s->listener->socket_path);
	owned_forget(&s->listener->announced);
	for (i = 0; i < s->count; i++)
		if (s->children[i].fd >= 0)
			close(s->children[i].fd);
}

/* Serves a client as the child that has been made for it, and ends. */
__attribute__((noreturn)) static void
server_child(const struct server *s, const struct options *o,
	const struct stream *network)
{
	struct run *run = s->run;
	const struct setting setting = { .options = o,
		.signals = s->listener->signals,
		.dump = &run->dump,
		.stats = &run->stats,
		.shared = true,
		.yield_fd = o->no_stdin ? -1 : s->yield[0],
		.input_offset = s->input_offset,
		.started_at = stats_begin(&run->stats) };

	server_forget(s);
	/*
	 * It has nothing to remove, and may block where others write too; but
	 * a line of --stats is told at a signal as well.
	 */
	if (!o->stats)
		signals_release(setting.signals);
	run_end(o, setting.signals, &run->stats,
		session_run(&setting, network));
}

/*
 * A program has ended, and ours is the last socket, unless it left somebody in
 * the background, which cannot be known.  To close it before its peer has got
 * everything, with something unread or yet to come, would be a reset and lose
 * the rest: then another child sees to it that it arrives, and sends a FIN.
 */
static void
server_see_off(struct server *s, int fd)
{
	struct options o = *s->listener->options;
	struct address peer = s->listener->bound;
	struct stream network;
	int unread = 0;
	pid_t pid = -1;

	ioctl(fd, FIONREAD, &unread);
	if (unread > 0 || (!socket_hung_up(fd) && socket_unsent(fd) > 0))
		pid = fork();
	if (pid == 0) {
		verbose = false; /* of what the program did it knows nothing */
		fcntl(fd, F_SETFL, O_NONBLOCK);
		socket_peer(fd, &peer);
		stream_socket(&network, fd, &o, &peer);
		o.no_stdin = o.half_close = o.send_only = true;
		server_child(s, &o, &network);
	}
	if (pid > 0)
		server_enlist(s, pid, -1);
	close(fd);
}

/* Says why programs could not be started. */
static void
server_tell_failed(const struct server *s)
{
	int error;

	while (read(s->failed[0], &error, sizeof error) == sizeof error)
		program_failed(s->run->program[0], error);
}

/* Who reads standard output has gone: nobody can be served any more. */
static void
server_output_gone(struct server *s)
{
	if (!s->listener->signals->pipe_ignored) {
		caught_signal = SIGPIPE;
		return;
	}
	if (s->status == STATUS_OK)
		warn("write to stdout: %s", strerror(EPIPE));
	s->status = STATUS_LOCAL;
}

/*
 * Notes that a child has ended.  How one of many clients fared is no reason to
 * end the others, but with standard input or output out of order none can be
 * served.
 */
static void
server_lose(struct server *s, int64_t i, int how)
{
	const struct child child = s->children[i];
	char byte;

	s->children[i] = s->children[--s->count];
	s->idle_since = clock_ms();
	if (s->run->program != NULL) {
		server_tell_failed(s);
		if (child.fd >= 0)
			server_see_off(s, child.fd);
		return;
	}
	if (child.pid == s->reader) {
		close(child.fd);
		/* It needs not be asked any more. */
		(void)!read(s->yield[0], &byte, 1);
		s->reader = 0;
		s->heir_until = NEVER;
	}
	if (WIFSIGNALED(how) && WTERMSIG(how) == SIGPIPE)
		server_output_gone(s);
	if (WIFEXITED(how) && WEXITSTATUS(how) == STATUS_LOCAL)
		s->status = STATUS_LOCAL;
}

/* Buries the children that have died. */
static void
server_reap(struct server *s)
{
	pid_t pid;
	int64_t i;
	int how;

	while ((pid = waitpid(-1, &how, WNOHANG)) > 0)
		for (i = 0; i < s->count; i++)
			if (s->children[i].pid == pid) {
				server_lose(s, i, how);
				break;
			}
}

/*
 * Starts the program for a client.  To copy our memory for a child that is to
 * execute something else would take as long as all the rest (measured); that
 * we stand still until it does so takes less.  It leaves it to us to say why
 * it cannot, since nobody may read that: no signal would reach us meanwhile.
 */
static pid_t
server_spawn(const struct server *s, const struct stream *network)
{
	const struct listener *l = s->listener;
	pid_t pid;

	program_tell(l->options, network);
	pid = vfork();
	if (pid == 0) {
		int error;

		close(l->fd);
		error = program_become(s->run->program, network, l->signals);
		if (write(s->failed[1], &error, sizeof error) < 0)
			program_failed(s->run->program[0], error);
		_exit(STATUS_NOT_RUN);
	}
	return pid;
}

/* Gives a client a process of its own. */
static void
server_add(struct server *s, const struct stream *network)
{
	const bool reads = s->run->program == NULL && s->reader == 0 &&
		!s->input_for_all;
	const bool matters = reads || s->run->program != NULL;
	const pid_t pid = s->run->program == NULL ? fork() :
						    server_spawn(s, network);
	const int error = errno;
	char words[OBJECT_MAX];

	if (pid == 0) {
		struct options o = *s->listener->options;

		if (s->reader != 0) /* which one of the others is */
			o.no_stdin = true;
		server_child(s, &o, network);
	}
	if (pid < 0) {
		address_words(&network->peer, s->listener->options, words);
		warn("serve %s: %s", words, strerror(error));
		s->short_until = clock_ms() + ACCEPT_RETRY_MS;
		close(network->fd);
		return;
	}
	if (reads)
		s->reader = pid;
	server_enlist(s, pid, matters ? network->fd : -1);
	if (!matters)
		close(network->fd);
}

/* Whether a stream has ended in both directions. */
static bool
socket_closed(int fd)
{
	struct pollfd closed = { fd, 0, 0 };

	return poll(&closed, 1, 0) > 0;
}

/*
 * How long the reader, which there is, may take to leave, 0 if its client has
 * not ended.  To one that is gone altogether nothing more can be sent, but the
 * reader may be held up by what it writes.
 */
static int64_t
server_reader_leaves(const struct server *s)
{
	const struct child *child = s->children;
	int unread;

	while (child->pid != s->reader)
		child++;
	/*
	 * What comes while a process is in a call of its socket is put off
	 * until that returns (Linux).  To ask for this number waits for it.
	 */
	(void)ioctl(child->fd, FIONREAD, &unread);
	if (socket_closed(child->fd))
		return CLOSE_PATIENCE_MS;
	return socket_hung_up(child->fd) ? LEAVE_MS : 0;
}

/*
 * Keeps the client that waits from coming in before the reader has gone, if its
 * own client has ended: then it leaves standard input to the next.  Not for
 * long, as it may still have much to send: then the one who waits goes without.
 */
static bool
server_defer(struct server *s, int64_t now)
{
	int64_t patience;

	if (s->reader == 0 || s->heir_until != NEVER)
		return false;
	patience = server_reader_leaves(s);
	if (patience == 0 || write(s->yield[1], "", 1) != 1)
		return false;
	s->heir_until = now + patience;
	return true;
}

/* Lets in the client that waits. */
static void
server_accept(struct server *s)
{
	struct stream network;
	const int error = listener_take(s->listener, &network);

	if (error == 0)
		server_add(s, &network);
	else if (error_is_shortage(error))
		s->short_until = clock_ms() + ACCEPT_RETRY_MS;
	else if (error != EAGAIN)
		s->status = listener_failed(s->listener, error);
}

/*
 * Waits for a client, or for a child to end.  Nobody is let in at the limit of
 * clients, nor, for a moment, when descriptors have run short.
 */
static void
server_step(struct server *s)
{
	const struct listener *l = s->listener;
	const int64_t now = clock_ms();
	const bool inherits = s->heir_until != NEVER && s->heir_until > now;
	const bool paused = inherits || s->short_until != NEVER ||
		s->count == l->options->max_conns;
	const bool writes = s->run->program == NULL && !l->options->send_only;
	struct pollfd ready[] = { { paused ? -1 : l->fd, POLLIN, 0 },
		{ writes ? STDOUT_FILENO : -1, 0, 0 } };
	int64_t late_at = NEVER, at;

	if (s->count == 0)
		late_at = deadline_after(
			s->idle_since, l->options->accept_timeout_ms);
	if (late_at <= now) {
		s->status = listener_failed(l, ETIMEDOUT);
		return;
	}
	at = earlier(late_at, s->short_until);
	if (inherits)
		at = earlier(at, s->heir_until);
	s->short_until = NEVER;
	if (poll_masked(ready, 2, deadline_left(at, now),
		    &l->signals->waiting) <= 0)
		return;
	signals_wait(l->signals, 0);
	if (ready[1].revents & POLL_GONE)
		server_output_gone(s);
	else if (!server_defer(s, clock_ms()))
		server_accept(s);
}

/* A pipe by which the parent and a child talk; without one they do not. */
static void
server_pipe(int ends[2])
{
	int i;

	if (pipe(ends) < 0)
		return;
	for (i = 0; i < 2; i++) {
		fcntl(ends[i], F_SETFD, FD_CLOEXEC);
		if (fcntl(ends[i], F_SETFL, O_NONBLOCK) < 0)
			break;
	}
	if (i == 2)
		return;
	close(ends[0]);
	close(ends[1]);
	ends[0] = ends[1] = -1;
}

/* Serves all clients that come, with the program or with the pump. */
static enum status
server_run(struct run *run, struct listener *l)
{
	struct server s = { .run = run,
		.listener = l,
		.input_offset = -1,
		.yield = { -1, -1 },
		.failed = { -1, -1 },
		.heir_until = NEVER,
		.short_until = NEVER,
		.idle_since = clock_ms() };
	struct stream input;
	int64_t i;

	run->stats.none = true;
	stream_inherit(&input, STDIN_FILENO);
	s.input_for_all = input.kind == STREAM_FILE ||
		input.kind == STREAM_NULL;
	if (input.kind == STREAM_FILE)
		s.input_offset = lseek(STDIN_FILENO, 0, SEEK_CUR);
	if (run->program != NULL)
		server_pipe(s.failed);
	else if (!s.input_for_all)
		server_pipe(s.yield);
	s.children = calloc((size_t)l->options->max_conns, sizeof *s.children);
	if (s.children == NULL) {
		warn("out of memory");
		return STATUS_LOCAL;
	}
	while (s.status == STATUS_OK && !caught_signal) {
		server_step(&s);
		server_reap(&s);
		server_tell(&s);
	}
	for (i = 0; i < s.count; i++)
		kill(s.children[i].pid,
			caught_signal == SIGPIPE || caught_signal == 0 ?
				SIGTERM :
				(int)caught_signal);
	free(s.children);
	return s.status;
}

/* ---- scan --------------------------------------------------------------- */

/* What is known of a port: of several addresses the best one counts. */
enum port_state {
	PORT_UNKNOWN,
	PORT_UNREACHABLE,
	PORT_FILTERED, /* nothing came back */
	PORT_CLOSED,
	PORT_OPEN_OR_FILTERED, /* nothing, but UDP need not answer */
	PORT_OPEN
};

static const struct {
	const char *word;
	enum colour colour;
} port_states[] = { { "unknown", RED }, { "unreachable", RED },
	{ "filtered", YELLOW }, { "closed", RED }, { "open|filtered", YELLOW },
	{ "open", GREEN } };

/* An attempt to find out about a port. */
struct probe {
	uint16_t port, target;
	bool met;	    /* itself, or another of ours: nobody is there */
	int64_t again_at;   /* when a datagram is to be sent again, or NEVER */
	int64_t expires_at; /* when no answer is the answer */
};

struct scan {
	struct connecting *connecting;
	struct addresses targets;
	bool datagrams;
	bool routed; /* there is a way to the targets */
	int64_t patience_ms;
	int64_t ends_at;     /* with --deadline */
	int64_t interval_ms; /* of -i, or 0 */
	int64_t next_at;     /* no probe begins before */
	int64_t short_since; /* when there was nothing left to probe with */
	enum status status;  /* of what ends it early */
	uint16_t open_at;    /* the target that last answered */

	uint16_t order[PORTS]; /* the ports, as they are to be probed */
	uint32_t total;	       /* probes, one for each port and target */
	uint32_t begun;
	int told;		   /* ports below this one are settled */
	uint16_t unsettled[PORTS]; /* probes of the port yet to end */
	unsigned char state[PORTS];

	/*
	 * Those that have begun and not ended come first; the places after them
	 * may have a socket left, for the next one to the same family.
	 */
	nfds_t jobs, pending;
	struct probe *probes;
	struct pollfd *polls;
};

static void
address_set_port(struct address *a, uint16_t port)
{
	if (a->any.sa_family == AF_INET)
		a->in.sin_port = htons(port);
	else
		a->in6.sin6_port = htons(port);
}

/* Where a probe goes. */
static struct address
scan_address(const struct scan *s, const struct probe *probe)
{
	struct address a = s->targets.at[probe->target];

	address_set_port(&a, probe->port);
	return a;
}

/*
 * Takes over the targets that there is a way to.  If there is a way to none it
 * takes all, and returns false.
 */
static bool
scan_route(const struct addresses *targets, struct addresses *routed)
{
	const struct address *a = targets->at;
	int i;

	routed->count = 0;
	for (i = 0; i < targets->count; i++, a++)
		if (address_is_routed(a))
			routed->at[routed->count++] = *a;
	if (routed->count > 0)
		return true;
	*routed = *targets;
	return false;
}

/* Which ports, and in which order. */
static void
scan_order(struct scan *s)
{
	const struct options *o = s->connecting->options;
	uint16_t *order = s->order, port;
	int i, j, count = 0;

	for (i = 1; i < PORTS; i++)
		if (port_set_has(&o->ports, i)) {
			s->unsettled[i] = (uint16_t)s->targets.count;
			order[count++] = (uint16_t)i;
		}
	if (!o->random)
		return;
	srandom((unsigned)clock_us() + (unsigned)getpid());
	for (i = count - 1; i > 0; i--) { /* as Fisher and Yates shuffle */
		j = (int)(random() % (i + 1));
		port = order[i];
		order[i] = order[j];
		order[j] = port;
	}
}

/* What the outcome of a probe says about its port. */
static enum port_state
port_state_of(int error)
{
	if (connect_succeeded(error))
		return PORT_OPEN;
	if (error == ECONNREFUSED)
		return PORT_CLOSED;
	return error == ETIMEDOUT ? PORT_FILTERED : PORT_UNREACHABLE;
}

/* A probe has ended.  Of an open port nothing more is asked. */
static void
scan_settle(struct scan *s, struct probe probe, enum port_state state)
{
	nfds_t i;

	s->unsettled[probe.port]--;
	if (state > s->state[probe.port])
		s->state[probe.port] = (unsigned char)state;
	if (state != PORT_OPEN)
		return;
	s->open_at = probe.target;
	for (i = 0; i < s->pending; i++)
		if (s->probes[i].port == probe.port) {
			s->probes[i].again_at = NEVER;
			s->probes[i].expires_at = 0;
		}
}

/* "HOST PORT/PROTO STATE SERVICE", the service if it is open and known. */
static void
scan_describe(
	const struct scan *s, int port, bool coloured, char line[OBJECT_MAX])
{
	const struct options *o = s->connecting->options;
	const enum port_state state = s->state[port];
	const char *service = "";
	char painted[PAINTED_MAX];

	if (state == PORT_OPEN)
		service = service_name(o, htons((uint16_t)port), "");
	snprintf(line, OBJECT_MAX, "%s %d/%s %s%s%s", o->target.host, port,
		o->protocol_name,
		paint(painted, coloured, port_states[state].colour,
			port_states[state].word),
		*service == '\0' ? "" : " ", service);
}

/* Whether who reads standard output has gone, as behind "| head -1". */
static bool
output_is_gone(void)
{
	struct pollfd output = { STDOUT_FILENO, 0, 0 };

	return poll(&output, 1, 0) > 0 && (output.revents & POLLERR) != 0;
}

static enum status
scan_late(struct scan *s)
{
	struct connecting *c = s->connecting;

	warn("scan of %s: deadline passed", c->options->target.host);
	c->reached = true; /* it is not the proxy's failure */
	return STATUS_TIMEOUT;
}

/*
 * Tells what has become known, as far as the order of the ports allows or, at
 * an early end, all.
 */
static void
scan_print(struct scan *s, bool all)
{
	const bool coloured = paint_wanted(STDOUT_FILENO);
	char text[PIPE_BUF + OBJECT_MAX];
	size_t length = 0;
	int error = 0;

	/* To look a service up takes a descriptor, which may be the last. */
	if (s->pending < s->jobs && s->polls[s->pending].fd >= 0) {
		close(s->polls[s->pending].fd);
		s->polls[s->pending].fd = -1;
	}
	for (; error == 0 && s->told < PORTS; s->told++) {
		const enum port_state state = s->state[s->told];

		if (!all && s->unsettled[s->told] > 0 && state != PORT_OPEN)
			break;
		if (state == PORT_OPEN || (state != PORT_UNKNOWN && verbose)) {
			scan_describe(s, s->told, coloured, text + length);
			length += strlen(text + length);
			text[length++] = '\n';
		}
		if (length >= PIPE_BUF) {
			error = write_all(
				STDOUT_FILENO, text, length, s->ends_at, NULL);
			length = 0;
		}
	}
	if (error == 0)
		error = write_all(
			STDOUT_FILENO, text, length, s->ends_at, NULL);
	if (error == 0 && output_is_gone()) {
		raise(SIGPIPE);
		error = EPIPE;
	}
	if (error == ETIMEDOUT)
		s->status = scan_late(s);
	else if (error != 0) {
		s->status = STATUS_LOCAL;
		failure_set(&s->connecting->failure, s->status, 0,
			"write to stdout: %s", strerror(error));
	}
}

/* A datagram without content: the least that may bring an answer. */
static int
probe_send(int fd)
{
	return send(fd, "", 0, MSG_DONTWAIT) < 0 ? errno : 0;
}

/* Whether a datagram is there: 0, or the error, EAGAIN if there is nothing. */
static int
probe_receive(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) < 0 ? errno : 0;
}

/*
 * Whether an error only says that there are too many of us: connect says in
 * one way for TCP and in another for UDP that the ephemeral ports have run out,
 * and bind in a third.
 */
static bool
scan_is_short(const struct scan *s, int error)
{
	const struct connecting *c = s->connecting;

	return error_is_shortage(error) || would_block(error) ||
		(error == EADDRNOTAVAIL && s->routed &&
			c->step.status == STATUS_REFUSED) ||
		(error == EADDRINUSE && c->options->port == NULL);
}

/* Ends the scan, for what it needs is not to be had. */
static void
scan_give_up(struct scan *s, int error)
{
	s->status = STATUS_LOCAL;
	s->connecting->step.status = STATUS_LOCAL;
	connect_failed(s->connecting, error, strerror(error));
}

/*
 * There is nothing to probe with until others have ended.  If there are none,
 * it is for as long as a port is given for its answer.
 */
static void
scan_hold(struct scan *s, int error, int64_t now)
{
	if (s->pending > 0)
		return;
	if (s->short_since == NEVER)
		s->short_since = now;
	if (now - s->short_since >= s->patience_ms)
		scan_give_up(s, error);
}

/*
 * Begins to connect from a probe's place.  Sockets that are used again make
 * this faster, by a third (measured).  Returns 0, EINPROGRESS or the error.
 */
static int
probe_start(struct scan *s, const struct address *a, int *fd)
{
	struct connecting *c = s->connecting;
	const struct probe *old = &s->probes[s->pending];
	int error;

	if (*fd >= 0 &&
		s->targets.at[old->target].any.sa_family == a->any.sa_family) {
		connect_stepped(c, a);
		return connect_call(*fd, a);
	}
	if (*fd >= 0)
		close(*fd);
	error = connect_start(c, a, fd);
	if (error == 0 && s->datagrams)
		error = connect_finish(*fd);
	if (error == 0 && s->datagrams)
		error = probe_send(*fd);
	return error;
}

/* Begins a probe.  False: it has to wait, or the scan to end. */
static bool
scan_begin(struct scan *s, struct probe probe, int64_t now)
{
	struct connecting *c = s->connecting;
	struct pollfd *polled = &s->polls[s->pending];
	/* A failure names it. */
	const struct address a = scan_address(s, &probe);
	const int error = probe_start(s, &a, &polled->fd);

	if (error == 0 || error == EINPROGRESS) {
		polled->events = s->datagrams ? POLLIN : POLLOUT;
		probe.expires_at = deadline_after(now, s->patience_ms);
		probe.again_at = s->datagrams ?
			deadline_after(now, s->patience_ms / 2) :
			NEVER;
		s->probes[s->pending++] = probe;
		s->short_since = NEVER;
		return true;
	}
	if (polled->fd >= 0)
		close(polled->fd);
	polled->fd = -1;
	if (scan_is_short(s, error)) {
		scan_hold(s, error, now);
		return false;
	}
	if (c->step.status == STATUS_SETUP) {
		connect_failed(c, error, strerror(error));
		s->status = c->failure.status;
		return false;
	}
	scan_settle(s, probe, port_state_of(error));
	return true;
}

/* Begins as many probes as may be pending. */
static void
scan_fill(struct scan *s, int64_t now)
{
	const uint32_t targets = (uint32_t)s->targets.count;

	for (; s->begun < s->total && s->pending < s->jobs && now >= s->next_at;
		s->begun++) {
		const struct probe probe = {
			.port = s->order[s->begun / targets],
			.target = (uint16_t)(s->begun % targets)
		};

		if (s->state[probe.port] == PORT_OPEN) /* elsewhere */
			scan_settle(s, probe, PORT_UNKNOWN);
		else if (!scan_begin(s, probe, now))
			break;
		else
			s->next_at = deadline_after(now, s->interval_ms);
	}
}

static void
scan_wait(const struct scan *s, int64_t now)
{
	int64_t at = s->ends_at;
	nfds_t i;

	if (s->short_since != NEVER)
		at = earlier(at,
			earlier(now + ACCEPT_RETRY_MS,
				deadline_after(
					s->short_since, s->patience_ms)));
	else if (s->begun < s->total && s->next_at > now)
		at = earlier(at, s->next_at);
	else if (s->pending == 0)
		return;
	for (i = 0; i < s->pending; i++)
		at = earlier(at,
			earlier(s->probes[i].again_at,
				s->probes[i].expires_at));
	if (poll_masked(s->polls, s->pending, deadline_left(at, now), NULL) < 0)
		for (i = 0; i < s->pending; i++)
			s->polls[i].revents = 0;
}

/*
 * Whether two probes have met: each began to connect to the port that the
 * other one has, which TCP lets succeed (RFC 9293, section 3.5), and where
 * datagrams take their time each gets the other's.
 */
static bool
probe_met(struct scan *s, int fd)
{
	struct address self, other, peer = { .length = 0 };
	uint16_t port;
	nfds_t i;

	socket_peer(fd, &peer);
	if (socket_self(fd, &self) < 0)
		return false;
	port = ntohs(self.in.sin_port); /* at the same place in IPv6's */
	for (i = 0; i < s->pending; i++) {
		if (s->probes[i].port != port)
			continue;
		if (socket_self(s->polls[i].fd, &other) == 0 &&
			address_equal(&other, &peer))
			return s->probes[i].met = true;
	}
	return false;
}

/*
 * What has come of an attempt to connect.  A second connect says it as well as
 * SO_ERROR does, and leaves a socket that was refused fit for another attempt.
 */
static int
probe_connected(struct scan *s, struct probe *probe, int fd)
{
	const struct address a = scan_address(s, probe);
	int error = EISCONN;

	if (socket_reconnects())
		error = connect_call(fd, &a);
	if (error == 0 || error == EISCONN) {
		error = connect_finish(fd);
		probe->met = error == ECONNREFUSED; /* itself */
	}
	if (error == EALREADY || error == EINPROGRESS ||
		(scan_is_short(s, error) && !error_is_shortage(error)))
		return EAGAIN; /* that says nothing of the port */
	return error;
}

/* What has come of a probe: 0 or the error, EAGAIN if nothing has yet. */
static int
probe_outcome(
	struct scan *s, struct probe *probe, struct pollfd *polled, int64_t now)
{
	const int64_t until = s->connecting->until;
	int error = EAGAIN;

	if (probe->met)
		return ECONNREFUSED;
	/* What has come since all were looked at has come in time. */
	if (polled->revents == 0 && probe->expires_at <= now)
		poll(polled, 1, 0);
	if (polled->revents != 0) {
		error = s->datagrams ? probe_receive(polled->fd) :
				       probe_connected(s, probe, polled->fd);
		if (error == 0 && probe_met(s, polled->fd)) {
			probe->met = true;
			return ECONNREFUSED;
		}
		if (!error_is_shortage(error) && !would_block(error))
			return error;
	}
	if (probe->again_at <= now && now < until) {
		/* However late that is, it is given its time. */
		probe->again_at = NEVER;
		probe->expires_at = earlier(until,
			deadline_after(
				now, s->patience_ms - s->patience_ms / 2));
		error = probe_send(polled->fd);
		return error == 0 || error_is_shortage(error) ? EAGAIN : error;
	}
	if (probe->expires_at > now)
		return EAGAIN;
	return error_is_shortage(error) ? error : ETIMEDOUT;
}

/*
 * Ends the probes that have come to something.  What poll has told in vain it
 * tells again at once.
 */
static void
scan_collect(struct scan *s, int64_t now)
{
	const bool reused = socket_reconnects() && !s->datagrams &&
		s->connecting->sources.count == 0;
	bool in_vain = false;
	nfds_t i = 0;
	int fd, error;

	while (i < s->pending) {
		struct probe probe;

		error = probe_outcome(s, &s->probes[i], &s->polls[i], now);
		if (would_block(error)) {
			in_vain |= s->polls[i].revents != 0;
			i++;
			continue;
		}
		probe = s->probes[i];
		if (error_is_shortage(error)) {
			const struct address a = scan_address(s, &probe);

			connect_stepped(s->connecting, &a);
			scan_give_up(s, error);
			return;
		}
		fd = s->polls[i].fd;
		if (!reused || error != ECONNREFUSED || probe.met) {
			close(fd);
			fd = -1;
		}
		s->pending--;
		s->probes[i] = s->probes[s->pending];
		s->polls[i] = s->polls[s->pending];
		s->probes[s->pending] = probe;
		s->polls[s->pending].fd = fd;
		scan_settle(s, probe,
			error == ETIMEDOUT && s->datagrams ?
				PORT_OPEN_OR_FILTERED :
				port_state_of(error));
	}
	if (in_vain)
		poll(NULL, 0, RETRY_MS);
}

/* What the states of many ports are as an exit status. */
static enum status
scan_status(const struct scan *s)
{
	return memchr(s->state, PORT_OPEN, sizeof s->state) != NULL ?
		STATUS_OK :
		STATUS_REFUSED;
}

/* What the state of the only port is as an exit status. */
static enum status
scan_test_status(struct scan *s)
{
	struct connecting *c = s->connecting;
	const int port = s->order[0];

	scan_describe(s, port, paint_wanted(STDERR_FILENO), c->failure.text);
	if (s->state[port] == PORT_OPEN)
		note_connected(c, &s->targets.at[s->open_at]);
	note("%s", c->failure.text);
	switch (s->state[port]) {
	case PORT_OPEN:
		return STATUS_OK;
	case PORT_OPEN_OR_FILTERED:
		return STATUS_TIMEOUT;
	default:
		return STATUS_REFUSED;
	}
}

/* The deadline has passed: what is known is told, as far as there is room. */
static enum status
scan_cut(struct scan *s)
{
	scan_print(s, true);
	return s->status == STATUS_OK ? scan_late(s) : s->status;
}

/* Probes all that is to be probed.  Returns the exit status. */
static enum status
scan_ports(struct scan *s)
{
	const struct options *o = s->connecting->options;
	int64_t now;

	while (s->begun < s->total || s->pending > 0) {
		now = clock_ms();
		if (now >= s->ends_at)
			return scan_cut(s);
		scan_fill(s, now);
		scan_wait(s, now);
		scan_collect(s, clock_ms());
		if (o->port_count > 1)
			scan_print(s, false);
		if (s->status != STATUS_OK)
			return s->status;
	}
	return o->port_count == 1 ? scan_test_status(s) : scan_status(s);
}

/*
 * Probes the ports one after the other through a proxy, which is asked for each
 * of them anew.  Returns the exit status.
 */
static enum status
scan_tunnels(struct scan *s, const struct addresses *proxies)
{
	struct connecting *c = s->connecting;
	struct probe probe = { .target = 0 };
	struct stream network = { .fd = -1 };
	enum port_state state;
	enum status status;

	for (; s->begun < s->total; s->begun++) {
		poll_masked(NULL, 0,
			deadline_left(
				earlier(s->next_at, s->ends_at), clock_ms()),
			NULL);
		s->next_at = deadline_after(clock_ms(), s->interval_ms);
		probe.port = c->tunnel->port = s->order[s->begun];
		c->deadline = earlier(
			s->ends_at, deadline_after(clock_ms(), s->patience_ms));
		if (clock_ms() >= s->ends_at)
			return scan_cut(s);
		connect_begin(c);
		status = connect_through(c, proxies, &network);
		if (status == STATUS_TIMEOUT && clock_ms() >= s->ends_at)
			return scan_cut(s);
		if (status != STATUS_OK && !connect_answered(c, status)) {
			scan_print(s, true);
			return status;
		}
		state = status == STATUS_TIMEOUT ? PORT_FILTERED : PORT_CLOSED;
		if (status == STATUS_OK) {
			state = PORT_OPEN;
			if (c->options->port != NULL)
				socket_reset(network.fd);
			close(network.fd);
		}
		scan_settle(s, probe, state);
		scan_print(s, false);
		if (s->status != STATUS_OK)
			return s->status;
	}
	return scan_status(s);
}

static void
scan_prepare(
	struct scan *s, struct connecting *c, const struct addresses *targets)
{
	const struct options *o = c->options;
	nfds_t i;

	s->connecting = c;
	s->datagrams = o->datagrams;
	s->jobs = (nfds_t)o->jobs;
	s->probes = allocate(s->jobs, sizeof *s->probes);
	s->polls = allocate(s->jobs, sizeof *s->polls);
	s->short_since = NEVER;
	s->interval_ms = o->interval_ms == NEVER ? 0 : o->interval_ms;
	s->routed = scan_route(targets, &s->targets);
	if (c->tunnel != NULL)
		s->targets.count = 1; /* the proxy's may be more */
	s->total = (uint32_t)o->port_count * (uint32_t)s->targets.count;
	scan_order(s);
	for (i = 0; i < s->jobs; i++)
		s->polls[i].fd = -1;
	if (o->port_count == 1) {
		s->patience_ms = deadline_left(c->deadline, clock_ms());
		s->ends_at = NEVER;
	} else {
		s->patience_ms = attempt_ms(o);
		s->ends_at = c->until;
	}
}

/*
 * Tests one port, or lists those that are open.  Returns the exit status, with
 * the failure noted if it is not the state of a port.
 */
static enum status
scan_run(struct connecting *c, const struct addresses *targets)
{
	struct scan *s = allocate(1, sizeof *s);
	enum status status;
	nfds_t i;

	signal(SIGXFSZ, SIG_IGN); /* it becomes an error of write */
	scan_prepare(s, c, targets);
	if (c->tunnel == NULL)
		status = scan_ports(s);
	else
		status = scan_tunnels(s, targets);
	for (i = 0; i < s->jobs; i++)
		if (s->polls[i].fd >= 0)
			close(s->polls[i].fd);
	free(s->probes);
	free(s->polls);
	free(s);
	return status;
}

/* ---- modes -------------------------------------------------------------- */

/*
 * One try to reach the target.  Lookup and connecting have one limit; a lookup
 * cannot be left without ending the program, so --wait, which may try again,
 * limits that as a whole and each try for itself.
 */
static enum status
connect_try(struct connecting *c, struct stream *network, struct stats *stats)
{
	const struct options *o = c->options;
	const bool bound = (o->source != NULL && !o->unix_domain) ||
		o->port != NULL;
	struct addresses targets;
	enum status status;

	connect_begin(c);
	c->deadline = c->until;
	if (o->wait_ms == NEVER)
		c->deadline = earlier(c->deadline,
			deadline_after(clock_ms(), o->connect_timeout_ms));
	stats_expect(stats, o, c->deadline);
	status = endpoint_resolve(c->tunnel == NULL ? &o->target : &o->proxy_at,
		o, c->deadline, &targets, &c->failure);
	if (status == STATUS_OK && c->tunnel != NULL)
		status = tunnel_resolve(c);
	if (status == STATUS_OK && bound)
		status = endpoint_resolve(
			&o->local, o, c->deadline, &c->sources, &c->failure);
	if (status != STATUS_OK)
		return status;
	stats->found_us = clock_us();
	if (bound)
		connect_narrow(c, &targets);
	addresses_interleave(&targets);
	c->deadline = earlier(
		c->deadline, deadline_after(clock_ms(), attempt_ms(o)));
	/* To test one port connecting is enough, but for a datagram's. */
	if (o->port_count > 1 || (o->port_count == 1 && o->datagrams))
		return scan_run(c, &targets);
	return connect_through(c, &targets, network);
}

/* Whether what has failed may go well another time. */
static bool
connect_again(const struct connecting *c, enum status status)
{
	const struct options *o = c->options;

	if (o->wait_ms == NEVER)
		return false;
	return c->unreached || status == STATUS_REFUSED ||
		status == STATUS_TIMEOUT || status == STATUS_LOCAL ||
		(status == STATUS_NOT_FOUND && !o->numeric);
}

/*
 * Reaches the target, with --wait by as many tries as it takes.  The pauses
 * double, but the nearer the end the shorter they get again, so as not to miss
 * what comes late.  Prints what went wrong and returns the exit status.
 */
static enum status
connect_reach(struct connecting *c, struct stream *network, struct stats *stats)
{
	enum status status = connect_try(c, network, stats);
	int64_t pause = WAIT_FIRST_MS, left;
	struct failure before;

	while (connect_again(c, status)) {
		left = deadline_left(c->until, clock_ms());
		pause = earlier(pause, later(left / 2, WAIT_FIRST_MS));
		poll_masked(NULL, 0, earlier(pause, left), NULL);
		if (deadline_left(c->until, clock_ms()) == 0) {
			if (verbose || !connect_answered(c, status))
				warn("gave up waiting: %s", c->failure.text);
			return STATUS_TIMEOUT;
		}
		pause = earlier(2 * pause, WAIT_LAST_MS);
		before = c->failure;
		status = connect_try(c, network, stats);
		/* What T has cut short says less than what came before. */
		if (status == STATUS_TIMEOUT &&
			deadline_left(c->until, clock_ms()) == 0)
			c->failure = before;
	}
	if (status == STATUS_OK || connect_answered(c, status))
		return status;
	return failure_report(&c->failure);
}

/* Hands the connection to who has started us, as ssh's ProxyUseFdpass does. */
static enum status
connect_pass(int fd, int64_t deadline)
{
	const int error = socket_block(fd) < 0 ?
		errno :
		socket_pass(fd, STDOUT_FILENO, deadline);

	if (error == 0)
		return STATUS_OK;
	warn("pass the connection over stdout: %s", error_words(error));
	return error_status(error, STATUS_LOCAL);
}

/* Pumps a connection, or gives it to the program, under its own name. */
static enum status
connect_serve(struct run *run, const struct stream *network, int64_t started_at)
{
	const struct options *o = run->options;
	struct owned name = { .path = NULL };
	const struct setting setting = { .options = o,
		.signals = &run->signals,
		.dump = &run->dump,
		.stats = &run->stats,
		.files = { &name },
		.started_at = started_at };
	enum status status = STATUS_OK;

	signals_block(&run->signals);
	if (o->unix_domain && o->datagrams)
		status = client_name(o, network->fd, &name);
	/* A program would take for an end what has been lost already. */
	if (status == STATUS_OK && run->program != NULL &&
		network->error == 0) {
		program_tell(o, network);
		status = program_failed(run->program[0],
			program_become(run->program, network, &run->signals));
	} else if (status == STATUS_OK)
		status = session_run(&setting, network);
	owned_remove(&name);
	return status;
}

static enum status
connect_run(struct run *run)
{
	const struct options *o = run->options;
	struct connecting c = { .options = o };
	struct tunnel tunnel;
	struct stream network = { .fd = -1 };
	enum status status;
	int64_t started_at;

	if (o->proxy != NULL) {
		tunnel_prepare(&tunnel, o);
		c.tunnel = &tunnel;
	}
	started_at = stats_begin(&run->stats); /* a password was no hurry */
	c.until = deadline_after(
		started_at, earlier(o->wait_ms, o->deadline_ms));
	status = connect_reach(&c, &network, &run->stats);
	if (status != STATUS_OK || o->scan)
		return status;
	run->stats.connected_us = clock_us();
	if (o->pass_fd)
		return connect_pass(network.fd, c.deadline);
	return connect_serve(run, &network, started_at);
}

/* Serves the first client alone, as the program if there is one. */
static enum status
listen_once(struct run *run, struct listener *l, int64_t started_at)
{
	const struct options *o = l->options;
	const struct setting setting = { .options = o,
		.signals = l->signals,
		.dump = &run->dump,
		.stats = &run->stats,
		.files = { &l->socket_path, &l->announced },
		.abstract = o->unix_domain && o->datagrams,
		.started_at = started_at };
	struct stream network;
	enum status status;

	status = listener_accept(l,
		earlier(deadline_after(clock_ms(), o->accept_timeout_ms),
			deadline_after(started_at, o->deadline_ms)),
		&network);
	if (status != STATUS_OK || caught_signal)
		return status;
	if (!o->keep_open)
		run->stats.connected_us = clock_us();
	if (!o->datagrams)
		listener_close(l);
	if (run->program == NULL)
		return session_run(&setting, &network);
	owned_remove(&l->announced);
	program_tell(o, &network);
	return program_failed(run->program[0],
		program_become(run->program, &network, l->signals));
}

static enum status
listen_run(struct run *run)
{
	const struct options *o = run->options;
	const int64_t started_at = stats_begin(&run->stats);
	const int64_t deadline = deadline_after(started_at, o->deadline_ms);
	struct failure failure = { .weight = 0 };
	struct addresses addresses;
	struct listener l = { .options = o, .signals = &run->signals };
	enum status status = STATUS_OK;

	stats_expect(&run->stats, o, deadline);
	if (o->fd == NEVER &&
		endpoint_resolve(&o->target, o, deadline, &addresses,
			&failure) != STATUS_OK)
		return failure_report(&failure);
	run->stats.found_us = clock_us();
	signals_block(&run->signals);
	if (o->fd == NEVER)
		status = listener_open(&l, &addresses);
	else
		status = listener_adopt(&l);
	if (status != STATUS_OK)
		return status;
	note_listening(&l);
	status = listener_announce(&l, deadline);
	if (status == STATUS_OK && !caught_signal) {
		if (o->keep_open && !o->datagrams)
			status = server_run(run, &l);
		else
			status = listen_once(run, &l, started_at);
	}
	listener_close(&l);
	return status;
}

/* ---- main --------------------------------------------------------------- */

/*
 * Opens those of 0, 1 and 2 that are closed, so that no socket becomes one of
 * them.  Input is empty then; output cannot be written, so that bytes which
 * arrive for it are a failure and not silently dropped.
 */
static void
standard_descriptors_open(void)
{
	static const int modes[] = { O_RDONLY, O_RDONLY, O_WRONLY };
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
			open("/dev/null", modes[fd]) < 0) {
			warn("open /dev/null: %s", strerror(errno));
			exit(STATUS_LOCAL);
		}
}

int
main(int argc, char **argv)
{
	struct options options;
	struct run run = { .options = &options };
	enum status status;

	standard_descriptors_open();
	signals_open(&run.signals);
	options_parse(&options, argc, argv);
	run.program = program_open(&options);
	dump_open(&run.dump, options.hex_dump);
	if (options.listen)
		status = listen_run(&run);
	else
		status = connect_run(&run);
	free(run.program);
	run_end(&options, &run.signals, &run.stats, status);
}
