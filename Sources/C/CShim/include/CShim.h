// What Swift cannot say of Linux directly: unions, variadics, and constants that import in three ways.
// Every function that can fail returns a result ≥ 0, or the negated errno.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>

enum { SHIM_ADDRESS_TEXT_MAX = 128 };

static const uint32_t shim_event_read = EPOLLIN;
static const uint32_t shim_event_write = EPOLLOUT;
static const uint32_t shim_event_failure = EPOLLERR | EPOLLHUP;

int shim_epoll_create(void);
int shim_epoll_add(int epoll, int fd, uint32_t events, uint64_t data);
int shim_epoll_modify(int epoll, int fd, uint32_t events, uint64_t data);
int shim_epoll_remove(int epoll, int fd);
/// Fills `events` and `data` with up to `capacity` (≤ 256) ready descriptors.
int shim_epoll_wait(int epoll, uint32_t *events, uint64_t *data, int capacity, int milliseconds);

int shim_eventfd(void);
void shim_eventfd_signal(int fd);
void shim_eventfd_clear(int fd);

/// Numeric IPv4 or IPv6 host; -EINVAL where it is neither. `shares_port` lets
/// `shim_connect_ip_from` use the same port.
int shim_listen_ip(const char *host, uint16_t port, int backlog, int shares_port);
/// The socket file has mode 0600 from its first moment; a stale file is replaced.
int shim_listen_unix(const char *path, int backlog);
int shim_accept(int fd);
/// Starts a non-blocking connect; the descriptor turns writable when it is decided.
int shim_connect_ip(const char *host, uint16_t port);
/// The same from an address that a listener of ours shares.
int shim_connect_ip_from(const char *host, uint16_t port, const char *own_host, uint16_t own_port);
int shim_connect_unix(const char *path);
/// The pending error of a socket (0 = none), as errno.
int shim_socket_error(int fd);
/// Writes the numeric host; the port is returned (0 for Unix sockets, with an empty host).
int shim_local_address(int fd, char host[SHIM_ADDRESS_TEXT_MAX]);
int shim_remote_address(int fd, char host[SHIM_ADDRESS_TEXT_MAX]);

ssize_t shim_receive(int fd, void *buffer, size_t count);
ssize_t shim_send(int fd, const void *buffer, size_t count);
int shim_shutdown_write(int fd);
/// 1 when the other side has closed or reset the connection and nothing is left to read.
int shim_is_at_end(int fd);
/// Seconds since 1970.
int64_t shim_wall_seconds(void);
/// Seconds since 1970 with their fraction.
double shim_wall_time(void);
int shim_socket_pair(int fds[2]);

void shim_ignore_sigpipe(void);
/// Delivers the signals as bytes on the returned pipe end; once in a process.
int shim_signal_pipe(const int *signals, int count);

uint64_t shim_monotonic_nanoseconds(void);
void shim_name_thread(const char *name);
#include "crc32c.h"
#include "heap.h"
#include "multicast.h"
#include "process.h"
#include "sha256_pair.h"
#include "write_back.h"
