/* What SOCKS4 answers; 4A does the same. */
#include "reply.h"

/* A version, 0, the code, and six bytes that say nothing to who connects. */
static unsigned
socks4_expect(struct reply_model *m)
{
	int code;

	if (model_next(m) != 0)
		return REPLY_NONSENSE;
	code = model_next(m);
	m->outcome.verdict.unreached = code == 91;
	if (code >= 91 && code <= 93)
		return REPLY_REFUSED;
	if (code != 90)
		return REPLY_NONSENSE;
	model_skip(m, 2 + 4);
	model_heard(m, TUNNEL_OPEN);
	return REPLY_DONE;
}

FUZZER(socks4, REPLY_SIZE)
{
	if (size > 2)
		reply_try(PROXY_SOCKS4, socks4_expect, data, size);
}
