#pragma once
#include <stdint.h>

/// Starts writing a range of a file back without waiting (sync_file_range); a hint, so no result.
void shim_start_write_back(int fd, int64_t offset, int64_t count);
/// Takes `count` bytes of disk from `offset` on without a change of the file's size (fallocate).
/// Returns 0, or -1 and errno; some may be taken then.
int shim_reserve_space(int fd, int64_t offset, int64_t count);

/// Waits until everything written to the file system of `fd` is on the disk (syncfs).
/// Returns 0, or -1 and errno.
int shim_synchronize_file_system(int fd);
