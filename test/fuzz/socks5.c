/* What SOCKS5 answers: a method, whether it takes the password, and the end. */
#include "reply.h"

FUZZER(socks5, REPLY_SIZE)
{
	reply_try(PROXY_SOCKS5, data, size);
}
