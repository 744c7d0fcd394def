#ifndef CSHIM_RESOLVER_H
#define CSHIM_RESOLVER_H

#include <stdint.h>

/// Asks the system's name servers, or the IPv4 server that is given, for the TXT records of a name.
/// Returns the bytes of the answer, or a negated errno: ENOENT where there are none, EAGAIN where
/// nobody answered. Blocks for some seconds at most.
int shim_look_up_text(const char *name, const char *server, uint16_t port, uint8_t *answer,
                      int size);

#endif
