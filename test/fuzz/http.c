/* What HTTP answers to CONNECT. */
#include "reply.h"

FUZZER(http, REPLY_SIZE)
{
	reply_try(PROXY_CONNECT, data, size);
}
