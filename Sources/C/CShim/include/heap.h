#pragma once
#include <stddef.h>

/// Bytes that the C library's heap has handed out and not taken back.
size_t shim_heap_bytes_in_use(void);
