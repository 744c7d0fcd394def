#define _GNU_SOURCE
#include "write_back.h"
#include <fcntl.h>
#include <unistd.h>

void shim_start_write_back(int fd, int64_t offset, int64_t count) {
  (void)sync_file_range(fd, offset, count, SYNC_FILE_RANGE_WRITE);
}

int shim_synchronize_file_system(int fd) { return syncfs(fd); }
