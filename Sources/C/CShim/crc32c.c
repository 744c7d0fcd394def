#include "crc32c.h"
#include <string.h>

// The reflected Castagnoli polynomial.
enum { POLYNOMIAL = 0x82f63b78 };

uint32_t shim_crc32c_plain(uint32_t crc, const void *bytes, size_t count) {
  const uint8_t *next = bytes;
  crc = ~crc;
  while (count--) {
    crc ^= *next++;
    for (int bit = 0; bit < 8; bit++) {
      crc = crc >> 1 ^ ((uint32_t)POLYNOMIAL & -(crc & 1));
    }
  }
  return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(
    uint32_t crc, const uint8_t *next, size_t count) {
  uint64_t state = ~crc;
  for (; count >= 8; next += 8, count -= 8) {
    uint64_t word;
    memcpy(&word, next, 8);
    state = _mm_crc32_u64(state, word);
  }
  for (; count; count--) state = _mm_crc32_u8((uint32_t)state, *next++);
  return ~(uint32_t)state;
}

uint32_t shim_crc32c(uint32_t crc, const void *bytes, size_t count) {
  if (__builtin_cpu_supports("sse4.2")) return crc32c_sse42(crc, bytes, count);
  return shim_crc32c_plain(crc, bytes, count);
}
#else
uint32_t shim_crc32c(uint32_t crc, const void *bytes, size_t count) {
  return shim_crc32c_plain(crc, bytes, count);
}
#endif
