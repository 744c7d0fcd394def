#pragma once
#include <stdint.h>

/// Starts writing a range of a file back without waiting (sync_file_range); a hint, so no result.
void shim_start_write_back(int fd, int64_t offset, int64_t count);
