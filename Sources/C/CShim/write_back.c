#define _GNU_SOURCE
#include "write_back.h"
#include <fcntl.h>
#include <unistd.h>

void shim_start_write_back(int fd, int64_t offset, int64_t count) {
  (void)sync_file_range(fd, offset, count, SYNC_FILE_RANGE_WRITE);
}

int shim_reserve_space(int fd, int64_t offset, int64_t count) {
  return fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, count);
}

int shim_synchronize_file_system(int fd) { return syncfs(fd); }
