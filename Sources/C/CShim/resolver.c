#include <netinet/in.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <resolv.h>
#include <string.h>

#include "resolver.h"

// A question to one server is repeated after this many seconds, and so often.
enum { seconds_per_try = 2, tries = 2 };

int shim_look_up_text(const char *name, const char *server, uint16_t port, uint8_t *answer,
                      int size) {
  struct __res_state state;
  memset(&state, 0, sizeof state);
  if (res_ninit(&state) != 0) return -EIO;
  state.retrans = seconds_per_try;
  state.retry = tries;
  if (server != NULL) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, server, &address.sin_addr) != 1) {
      res_nclose(&state);
      return -EINVAL;
    }
    state.nsaddr_list[0] = address;
    state.nscount = 1;
  }
  int count = res_nquery(&state, name, ns_c_in, ns_t_txt, answer, size);
  int code = state.res_h_errno;
  res_nclose(&state);
  if (count >= 0) return count < size ? count : size;
  return code == HOST_NOT_FOUND || code == NO_DATA ? -ENOENT : -EAGAIN;
}
