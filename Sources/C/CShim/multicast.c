#define _GNU_SOURCE
#include "multicast.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif

union group {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
};

static socklen_t parse_group(
    const char *text, uint16_t port, uint32_t interface_index, union group *out) {
  memset(out, 0, sizeof *out);
  if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
    out->v4.sin_family = AF_INET;
    out->v4.sin_port = htons(port);
    return sizeof out->v4;
  }
  if (inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1) {
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons(port);
    out->v6.sin6_scope_id = interface_index;
    return sizeof out->v6;
  }
  return 0;
}

static int set(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof value);
}

// 255 hops, so that whoever looks at them sees that no router was passed (RFC 6762 section 11). The
// last option of each family keeps away what arrives on interfaces that other sockets joined.
static int join4(int fd, const union group *group, uint32_t interface_index) {
  struct ip_mreqn membership = {
      .imr_multiaddr = group->v4.sin_addr, .imr_ifindex = (int)interface_index};
  if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof membership) != 0) return -1;
  if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &membership, sizeof membership) != 0) return -1;
  if (set(fd, IPPROTO_IP, IP_MULTICAST_TTL, 255) != 0) return -1;
  if (set(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 1) != 0) return -1;
  return set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
}

static int join6(int fd, const union group *group, uint32_t interface_index) {
  struct ipv6_mreq membership = {
      .ipv6mr_multiaddr = group->v6.sin6_addr, .ipv6mr_interface = interface_index};
  if (setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &membership, sizeof membership) != 0) return -1;
  if (set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)interface_index) != 0) return -1;
  if (set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 255) != 0) return -1;
  if (set(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1) != 0) return -1;
  return set(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
}

static int prepare(int fd, const union group *group, socklen_t length, uint32_t interface_index) {
  if (set(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0) return -1;
  if (set(fd, SOL_SOCKET, SO_REUSEPORT, 1) != 0) return -1;
  int is_v6 = group->any.sa_family == AF_INET6;
  if (is_v6 && set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) != 0) return -1;
  // Bound to the group, so that nothing sent to this machine alone arrives.
  if (bind(fd, &group->any, length) != 0) return -1;
  return is_v6 ? join6(fd, group, interface_index) : join4(fd, group, interface_index);
}

int shim_multicast_open(const char *text, uint16_t port, uint32_t interface_index) {
  union group group;
  socklen_t length = parse_group(text, port, interface_index, &group);
  if (length == 0) return -EINVAL;
  int fd = socket(group.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  if (prepare(fd, &group, length, interface_index) == 0) return fd;
  int code = errno;
  close(fd);
  return -code;
}

static void describe(const union group *from, shim_datagram_source *source) {
  memset(source, 0, sizeof *source);
  if (from->any.sa_family == AF_INET) {
    source->ip_count = 4;
    memcpy(source->ip, &from->v4.sin_addr, 4);
    source->port = ntohs(from->v4.sin_port);
  } else if (from->any.sa_family == AF_INET6) {
    source->ip_count = 16;
    memcpy(source->ip, &from->v6.sin6_addr, 16);
    source->port = ntohs(from->v6.sin6_port);
  }
}

ssize_t shim_multicast_receive(int fd, void *buffer, size_t count, shim_datagram_source *source) {
  for (;;) {
    union group from;
    memset(&from, 0, sizeof from);
    socklen_t length = sizeof from;
    ssize_t received = recvfrom(fd, buffer, count, MSG_TRUNC, &from.any, &length);
    if (received >= 0) {
      describe(&from, source);
      return received;
    }
    if (errno != EINTR) return -errno;
  }
}

ssize_t shim_multicast_send(
    int fd, const char *text, uint16_t port, uint32_t interface_index, const void *bytes,
    size_t count) {
  union group group;
  socklen_t length = parse_group(text, port, interface_index, &group);
  if (length == 0) return -EINVAL;
  for (;;) {
    ssize_t sent = sendto(fd, bytes, count, MSG_NOSIGNAL, &group.any, length);
    if (sent >= 0) return sent;
    if (errno != EINTR) return -errno;
  }
}
