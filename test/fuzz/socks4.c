/* What SOCKS4 answers; 4A does the same. */
#include "reply.h"

FUZZER(socks4, REPLY_SIZE)
{
	reply_try(PROXY_SOCKS4, data, size);
}
