// The trace file of docs/specs/mk1.md §16: programs, the start of their arena, and after every
// operation of every step the hash of all that was written so far.
#pragma once
#include "operations.h"

#define trace_magic "mktrace1"

/// FNV-1a's offset basis.
static const uint64_t trace_hash_start = 14695981039346656037ULL;

/// The hash after the cells that `operation` wrote, byte by byte.
static inline uint64_t trace_hash(uint64_t hash, const mk_operation *operation,
                                  const float *arena) {
  mk_cell_range range[mk_ranges_max];
  int count = mk_operation_ranges(operation, range);
  for (int i = 0; i < count; i++) {
    const unsigned char *byte = (const unsigned char *)(arena + range[i].offset);
    for (int64_t b = 0; range[i].writes && b < 4 * range[i].count; b++)
      hash = (hash ^ byte[b]) * 1099511628211ULL;
  }
  return hash;
}
