#define _GNU_SOURCE
#include "CShim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int checked(int result) { return result < 0 ? -errno : result; }

static int closed_with_errno(int fd) {
  int code = errno;
  close(fd);
  return -code;
}

int shim_epoll_create(void) { return checked(epoll_create1(EPOLL_CLOEXEC)); }

static int control(int epoll, int operation, int fd, uint32_t events, uint64_t data) {
  struct epoll_event event = {.events = events, .data.u64 = data};
  return checked(epoll_ctl(epoll, operation, fd, &event));
}

int shim_epoll_add(int epoll, int fd, uint32_t events, uint64_t data) {
  return control(epoll, EPOLL_CTL_ADD, fd, events, data);
}

int shim_epoll_modify(int epoll, int fd, uint32_t events, uint64_t data) {
  return control(epoll, EPOLL_CTL_MOD, fd, events, data);
}

int shim_epoll_remove(int epoll, int fd) { return control(epoll, EPOLL_CTL_DEL, fd, 0, 0); }

int shim_epoll_wait(int epoll, uint32_t *events, uint64_t *data, int capacity, int milliseconds) {
  struct epoll_event ready[256];
  if (capacity > 256) capacity = 256;
  int count = epoll_wait(epoll, ready, capacity, milliseconds);
  if (count < 0) return errno == EINTR ? 0 : -errno;
  for (int i = 0; i < count; i++) {
    events[i] = ready[i].events;
    data[i] = ready[i].data.u64;
  }
  return count;
}

int shim_eventfd(void) { return checked(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)); }

void shim_eventfd_signal(int fd) {
  uint64_t one = 1;
  ssize_t ignored = write(fd, &one, sizeof one);
  (void)ignored;
}

void shim_eventfd_clear(int fd) {
  uint64_t count;
  ssize_t ignored = read(fd, &count, sizeof count);
  (void)ignored;
}

union address {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
  struct sockaddr_un local;
  struct sockaddr_storage storage;
};

static socklen_t parse_ip(const char *host, uint16_t port, union address *out) {
  memset(out, 0, sizeof *out);
  if (inet_pton(AF_INET, host, &out->v4.sin_addr) == 1) {
    out->v4.sin_family = AF_INET;
    out->v4.sin_port = htons(port);
    return sizeof out->v4;
  }
  if (inet_pton(AF_INET6, host, &out->v6.sin6_addr) == 1) {
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons(port);
    return sizeof out->v6;
  }
  return 0;
}

static socklen_t parse_unix(const char *path, union address *out) {
  memset(out, 0, sizeof *out);
  size_t length = strlen(path);
  if (length == 0 || length >= sizeof out->local.sun_path) return 0;
  out->local.sun_family = AF_UNIX;
  memcpy(out->local.sun_path, path, length + 1);
  return sizeof out->local;
}

static int stream_socket(int family) {
  return checked(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

static void set_no_delay(int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

int shim_listen_ip(const char *host, uint16_t port, int backlog, int shares_port) {
  union address address;
  socklen_t length = parse_ip(host, port, &address);
  if (length == 0) return -EINVAL;
  int fd = stream_socket(address.any.sa_family);
  if (fd < 0) return fd;
  int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (shares_port) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
  if (address.any.sa_family == AF_INET6) {
    // `::` means every address of both families; any other IPv6 address means itself.
    int only = memcmp(&address.v6.sin6_addr, &in6addr_any, sizeof in6addr_any) != 0;
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
  }
  if (bind(fd, &address.any, length) != 0) return closed_with_errno(fd);
  if (listen(fd, backlog) != 0) return closed_with_errno(fd);
  return fd;
}

/// A socket file nobody listens on is left over from a process that was killed.
static void remove_stale_socket(const char *path, const union address *address) {
  struct stat status;
  if (lstat(path, &status) != 0 || !S_ISSOCK(status.st_mode)) return;
  int probe = stream_socket(AF_UNIX);
  if (probe < 0) return;
  int refused = connect(probe, &address->any, sizeof address->local) != 0 && errno == ECONNREFUSED;
  close(probe);
  if (refused) unlink(path);
}

int shim_listen_unix(const char *path, int backlog) {
  union address address;
  socklen_t length = parse_unix(path, &address);
  if (length == 0) return -ENAMETOOLONG;
  remove_stale_socket(path, &address);
  int fd = stream_socket(AF_UNIX);
  if (fd < 0) return fd;
  // Linux gives the socket file the mode of the unbound socket, so there is no moment of wider access.
  if (fchmod(fd, S_IRUSR | S_IWUSR) != 0) return closed_with_errno(fd);
  if (bind(fd, &address.any, length) != 0) return closed_with_errno(fd);
  if (listen(fd, backlog) != 0) return closed_with_errno(fd);
  return fd;
}

int shim_accept(int fd) {
  int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (accepted < 0) return -errno;
  set_no_delay(accepted);  // fails harmlessly on Unix sockets
  return accepted;
}

int shim_connect_ip(const char *host, uint16_t port) {
  union address address;
  socklen_t length = parse_ip(host, port, &address);
  if (length == 0) return -EINVAL;
  int fd = stream_socket(address.any.sa_family);
  if (fd < 0) return fd;
  set_no_delay(fd);
  if (connect(fd, &address.any, length) != 0 && errno != EINPROGRESS) return closed_with_errno(fd);
  return fd;
}

int shim_connect_ip_from(const char *host, uint16_t port, const char *own_host, uint16_t own_port) {
  union address address, own;
  socklen_t length = parse_ip(host, port, &address);
  socklen_t own_length = parse_ip(own_host, own_port, &own);
  if (length == 0 || own_length != length) return -EINVAL;
  int fd = stream_socket(address.any.sa_family);
  if (fd < 0) return fd;
  set_no_delay(fd);
  int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
  if (bind(fd, &own.any, own_length) != 0) return closed_with_errno(fd);
  if (connect(fd, &address.any, length) != 0 && errno != EINPROGRESS) return closed_with_errno(fd);
  return fd;
}

int shim_connect_unix(const char *path) {
  union address address;
  socklen_t length = parse_unix(path, &address);
  if (length == 0) return -ENAMETOOLONG;
  int fd = stream_socket(AF_UNIX);
  if (fd < 0) return fd;
  if (connect(fd, &address.any, length) != 0 && errno != EINPROGRESS) return closed_with_errno(fd);
  return fd;
}

int shim_socket_error(int fd) {
  int code = 0;
  socklen_t length = sizeof code;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &length) != 0) return errno;
  return code;
}

static int describe(const union address *address, char host[SHIM_ADDRESS_TEXT_MAX]) {
  host[0] = 0;
  switch (address->any.sa_family) {
    case AF_INET:
      inet_ntop(AF_INET, &address->v4.sin_addr, host, SHIM_ADDRESS_TEXT_MAX);
      return ntohs(address->v4.sin_port);
    case AF_INET6:
      inet_ntop(AF_INET6, &address->v6.sin6_addr, host, SHIM_ADDRESS_TEXT_MAX);
      return ntohs(address->v6.sin6_port);
    default:
      return 0;
  }
}

int shim_local_address(int fd, char host[SHIM_ADDRESS_TEXT_MAX]) {
  union address address = {0};
  socklen_t length = sizeof address;
  if (getsockname(fd, &address.any, &length) != 0) return -errno;
  return describe(&address, host);
}

int shim_remote_address(int fd, char host[SHIM_ADDRESS_TEXT_MAX]) {
  union address address = {0};
  socklen_t length = sizeof address;
  if (getpeername(fd, &address.any, &length) != 0) return -errno;
  return describe(&address, host);
}

ssize_t shim_receive(int fd, void *buffer, size_t count) {
  for (;;) {
    ssize_t received = recv(fd, buffer, count, 0);
    if (received >= 0) return received;
    if (errno != EINTR) return -errno;
  }
}

ssize_t shim_send(int fd, const void *buffer, size_t count) {
  for (;;) {
    ssize_t sent = send(fd, buffer, count, MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    if (errno != EINTR) return -errno;
  }
}

int shim_shutdown_write(int fd) { return checked(shutdown(fd, SHUT_WR)); }

int shim_is_at_end(int fd) {
  char byte;
  ssize_t count = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR);
}

int64_t shim_wall_seconds(void) { return (int64_t)time(NULL); }

double shim_wall_time(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int shim_socket_pair(int fds[2]) {
  return checked(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds));
}

uint64_t shim_monotonic_nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void shim_name_thread(const char *name) {
  char shortened[16] = {0};  // the kernel's limit for a thread's name
  strncpy(shortened, name, sizeof shortened - 1);
  pthread_setname_np(pthread_self(), shortened);
}
