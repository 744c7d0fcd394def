#include "heap.h"

#include <malloc.h>

size_t shim_heap_bytes_in_use(void) { return mallinfo2().uordblks; }

void shim_heap_keep_freed(void) {
  enum { mapped_min = 32 << 20, kept_max = 64 << 20, growth = 4 << 20 };
  mallopt(M_MMAP_THRESHOLD, mapped_min);
  mallopt(M_TRIM_THRESHOLD, kept_max);
  mallopt(M_TOP_PAD, growth);
}
