// Plain TCP on loopback with writes of 64 KiB between two processes: what peer streams are measured
// against. Prints megabytes per second, and CPU seconds per gigabyte of the sender and the receiver,
// which say more on a busy machine. Usage: rawtcp MEGABYTES
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WRITE_BYTES = 64 * 1024, READ_BYTES = 256 * 1024 };

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void send_all(int listener, long long left) {
  static char buffer[WRITE_BYTES];
  memset(buffer, 0x5A, sizeof buffer);
  int client = accept(listener, NULL, NULL);
  if (client < 0) fail("accept");
  while (left > 0) {
    ssize_t count = write(client, buffer, left < WRITE_BYTES ? (size_t)left : WRITE_BYTES);
    if (count <= 0) fail("write");
    left -= count;
  }
  close(client);
}

static double cpu(int who) {
  struct rusage usage;
  getrusage(who, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv) {
  long long bytes = (argc > 1 ? atoll(argv[1]) : 1024) * 1000000;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) != 0 ||
      listen(listener, 1) != 0 ||
      getsockname(listener, (struct sockaddr *)&address, &length) != 0)
    fail("listen");
  pid_t sender = fork();
  if (sender < 0) fail("fork");
  if (sender == 0) {
    send_all(listener, bytes);
    return 0;
  }
  int reader = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(reader, (struct sockaddr *)&address, length) != 0) fail("connect");
  static char buffer[READ_BYTES];
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  long long total = 0;
  for (ssize_t count; (count = read(reader, buffer, sizeof buffer)) > 0;) total += count;
  clock_gettime(CLOCK_MONOTONIC, &end);
  waitpid(sender, NULL, 0);
  double seconds = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
  printf("%.1f %.2f %.2f\n", (double)total / 1e6 / seconds, cpu(RUSAGE_CHILDREN) * 1e9 / (double)total,
         cpu(RUSAGE_SELF) * 1e9 / (double)total);
  return total == bytes ? 0 : 1;
}
