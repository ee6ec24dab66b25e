/* What SOCKS5 answers: a method, whether it takes the password, and the end. */
#define PROTOCOL PROXY_SOCKS5
#include "reply.h"
