#define _GNU_SOURCE
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

extern char **environ;

/* PR_SET_PDEATHSIG would not do: it tells of the end of the parent's *thread*, and a thread pool
   ends its idle threads. */
static void *end_without_reader(void *unused) {
  (void)unused;
  struct pollfd output = {.fd = STDOUT_FILENO, .events = 0};
  while (poll(&output, 1, -1) < 0 && errno == EINTR) {
  }
  raise(SIGKILL);
  return NULL;
}

int shim_end_without_reader(void) {
  pthread_t thread;
  int status = pthread_create(&thread, NULL, end_without_reader, NULL);
  if (status != 0) return -status;
  return -pthread_detach(thread);
}

pid_t shim_spawn(const char *path, char *const arguments[], int *output, int errors) {
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) return -1;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  pid_t process;
  int status = posix_spawn(&process, path, &actions, &attributes, arguments, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  close(pipe_ends[1]);
  if (status != 0) {
    close(pipe_ends[0]);
    errno = status;
    return -1;
  }
  *output = pipe_ends[0];
  return process;
}
