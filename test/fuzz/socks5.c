/* What SOCKS5 answers: a method, whether it takes the password, and the end. */
#include "reply.h"

/* Skips an address and its port (RFC 1928, section 6).  Whether it is one. */
static bool
socks5_skip_address(struct reply_model *m)
{
	switch (model_next(m)) {
	case 1: /* IPv4 */
		model_skip(m, 4);
		break;
	case 3: /* a name, behind its length */
		model_skip(m, model_next(m));
		break;
	case 4: /* IPv6 */
		model_skip(m, 16);
		break;
	default:
		return false;
	}
	model_skip(m, 2);
	return true;
}

/* RFC 1928, with RFC 1929 if it wants to know who asks. */
static unsigned
socks5_expect(struct reply_model *m)
{
	int method, code;

	if (model_next(m) != 5)
		return REPLY_NONSENSE;
	method = model_next(m);
	if (method == 0xff)
		return REPLY_REFUSED;
	if (method != 0 && (method != 2 || !m->with_user))
		return REPLY_NONSENSE;
	model_heard(m, method == 2 ? TUNNEL_LOGIN : TUNNEL_ASK);
	if (method == 2) {
		if (model_next(m) != 1)
			return REPLY_NONSENSE;
		if (model_next(m) != 0)
			return REPLY_REFUSED;
		model_heard(m, TUNNEL_ASK);
	}
	if (model_next(m) != 5)
		return REPLY_NONSENSE;
	code = model_next(m);
	/* The network, the host, the port, or in time. */
	m->outcome.verdict.unreached = code >= 3 && code <= 6;
	if (code != 0)
		return REPLY_REFUSED;
	model_skip(m, 1);
	if (!socks5_skip_address(m))
		return REPLY_NONSENSE;
	model_heard(m, TUNNEL_OPEN);
	return REPLY_DONE;
}

FUZZER(socks5, REPLY_SIZE)
{
	if (size > 2)
		reply_try(PROXY_SOCKS5, socks5_expect, data, size);
}
