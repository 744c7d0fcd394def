#pragma once
#include <stddef.h>

/// Bytes that the C library's heap has handed out and not taken back.
size_t shim_heap_bytes_in_use(void);

/// Keeps freed pieces of up to 32 MiB in the process, at most 64 MiB at the end of each heap, for the
/// next ones: blocks of content go from thread to thread, and fresh pages cost more than their hash.
/// These are the values that the C library's own adaption may end at.
void shim_heap_keep_freed(void);
