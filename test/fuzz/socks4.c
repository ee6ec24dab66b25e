/* What SOCKS4 answers; 4A does the same. */
#define PROTOCOL PROXY_SOCKS4
#include "reply.h"
