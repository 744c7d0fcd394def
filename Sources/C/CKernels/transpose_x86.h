// Transposition of 8 × 8 floats, for the variants of x86-64.
#pragma once
#include <immintrin.h>
#include <stdint.h>

#define MK_EIGHTS 8

/// to[p · to_stride + q] = from[q · from_stride + p]. Lines that lie 4 apart are loaded as halves of
/// one vector, so that half of the shuffles of a transposition between registers are not needed.
static inline void transpose_eight(float *to, int64_t to_stride, const float *from,
                                   int64_t from_stride) {
  for (int half = 0; half < 2; half++, from += 4, to += 4 * to_stride) {
    __m256 line[4];
    for (int q = 0; q < 4; q++) {
      __m256 first = _mm256_castps128_ps256(_mm_loadu_ps(from + q * from_stride));
      line[q] = _mm256_insertf128_ps(first, _mm_loadu_ps(from + (q + 4) * from_stride), 1);
    }
    __m256 low = _mm256_unpacklo_ps(line[0], line[1]);
    __m256 high = _mm256_unpackhi_ps(line[0], line[1]);
    __m256 next_low = _mm256_unpacklo_ps(line[2], line[3]);
    __m256 next_high = _mm256_unpackhi_ps(line[2], line[3]);
    _mm256_storeu_ps(to, _mm256_shuffle_ps(low, next_low, 0x44));
    _mm256_storeu_ps(to + to_stride, _mm256_shuffle_ps(low, next_low, 0xee));
    _mm256_storeu_ps(to + 2 * to_stride, _mm256_shuffle_ps(high, next_high, 0x44));
    _mm256_storeu_ps(to + 3 * to_stride, _mm256_shuffle_ps(high, next_high, 0xee));
  }
}
