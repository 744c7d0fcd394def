// Datagrams to and from all neighbours on one interface.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Where a datagram came from.
typedef struct {
  /// 4 or 16 bytes in network order.
  uint8_t ip[16];
  int ip_count;
  uint16_t port;
} shim_datagram_source;

/// A socket for a multicast group (numeric, IPv4 or IPv6) on the interface with this index. Others
/// may have the same port; what goes to the group on other interfaces does not arrive here.
int shim_multicast_open(const char *group, uint16_t port, uint32_t interface_index);
/// The length of the next datagram, which may be more than `count`: the rest is lost.
ssize_t shim_multicast_receive(int fd, void *buffer, size_t count, shim_datagram_source *source);
ssize_t shim_multicast_send(
    int fd, const char *group, uint16_t port, uint32_t interface_index, const void *bytes,
    size_t count);
