#define _GNU_SOURCE
#include "CShim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

void shim_ignore_sigpipe(void) { signal(SIGPIPE, SIG_IGN); }

static int signal_pipe_write_end = -1;

static void on_signal(int number) {
  int saved = errno;
  unsigned char byte = (unsigned char)number;
  ssize_t ignored = write(signal_pipe_write_end, &byte, 1);
  (void)ignored;
  errno = saved;
}

int shim_signal_pipe(const int *signals, int count) {
  if (signal_pipe_write_end >= 0) return -EALREADY;
  int fds[2];
  if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) != 0) return -errno;
  signal_pipe_write_end = fds[1];
  for (int i = 0; i < count; i++) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (sigaction(signals[i], &action, NULL) != 0) return -errno;
  }
  return fds[0];
}
