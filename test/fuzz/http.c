/* What HTTP answers to CONNECT. */
#define PROTOCOL PROXY_CONNECT
#include "reply.h"
