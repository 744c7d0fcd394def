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
#include <pthread.h>

// One instruction takes three cycles and one may begin in each: three lanes of a long input run side
// by side. A state is linear, so tables can move it over the bytes of a lane.
enum { LANE_BYTES = 1024 };
static uint32_t over_lane[4][256];
static pthread_once_t over_lane_once = PTHREAD_ONCE_INIT;

__attribute__((target("sse4.2"))) static void fill_over_lane(void) {
  for (int byte = 0; byte < 4; byte++) {
    for (int bit = 0; bit < 8; bit++) {
      uint64_t state = (uint64_t)1 << (8 * byte + bit);
      for (int done = 0; done < LANE_BYTES; done += 8) state = _mm_crc32_u64(state, 0);
      for (int value = 0; value < 256; value++) {
        if (value >> bit & 1) over_lane[byte][value] ^= (uint32_t)state;
      }
    }
  }
}

static uint32_t moved_over_lane(uint64_t state) {
  return over_lane[0][state & 255] ^ over_lane[1][state >> 8 & 255] ^
         over_lane[2][state >> 16 & 255] ^ over_lane[3][state >> 24 & 255];
}

static uint64_t word_at(const uint8_t *bytes) {
  uint64_t word;
  memcpy(&word, bytes, 8);
  return word;
}

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(
    uint32_t crc, const uint8_t *next, size_t count) {
  uint64_t state = (uint32_t)~crc;
  if (count >= 3 * LANE_BYTES) pthread_once(&over_lane_once, fill_over_lane);
  for (; count >= 3 * LANE_BYTES; next += 3 * LANE_BYTES, count -= 3 * LANE_BYTES) {
    uint64_t second = 0, third = 0;
    for (int done = 0; done < LANE_BYTES; done += 8) {
      state = _mm_crc32_u64(state, word_at(next + done));
      second = _mm_crc32_u64(second, word_at(next + LANE_BYTES + done));
      third = _mm_crc32_u64(third, word_at(next + 2 * LANE_BYTES + done));
    }
    state = moved_over_lane(moved_over_lane(state) ^ second) ^ third;
  }
  for (; count >= 8; next += 8, count -= 8) state = _mm_crc32_u64(state, word_at(next));
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
