// AVX2 with FMA: 6 × 16 tiles, 12 of 16 registers as accumulators.
#pragma STDC FP_CONTRACT OFF
#include "variants.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#define MK_VECTORISE 1
#define MK_LANES 8
#define MK_TILE_ROWS 6
#define MK_SINGLE_ROWS 12
typedef __m256 mk_vector;

/// Mask for the first `count` lanes: 8 - count lanes into a row of 8 ones and 8 zeros.
static inline __m256i lane_mask(int64_t count) {
  static const int32_t ones_zeros[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  int64_t valid = count < 0 ? 0 : count > MK_LANES ? MK_LANES : count;
  return _mm256_loadu_si256((const __m256i *)(ones_zeros + MK_LANES - valid));
}

static inline mk_vector vector_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void vector_store(float *p, mk_vector v) { _mm256_storeu_ps(p, v); }
static inline mk_vector vector_load_part(const float *p, int64_t count) {
  return _mm256_maskload_ps(p, lane_mask(count));
}
/// In pieces: a masked store of AVX2 is slow on many processors.
static inline void vector_store_part(float *p, mk_vector v, int64_t count) {
  if (count >= MK_LANES) {
    _mm256_storeu_ps(p, v);
    return;
  }
  if (count <= 0) return;
  __m128 rest = _mm256_castps256_ps128(v);
  if (count & 4) {
    _mm_storeu_ps(p, rest);
    rest = _mm256_extractf128_ps(v, 1);
    p += 4;
  }
  if (count & 2) {
    _mm_storel_pi((__m64 *)(void *)p, rest);
    rest = _mm_movehl_ps(rest, rest);
    p += 2;
  }
  if (count & 1) _mm_store_ss(p, rest);
}
static inline mk_vector vector_broadcast(float x) { return _mm256_set1_ps(x); }
static inline mk_vector vector_fma(mk_vector a, mk_vector b, mk_vector c) {
  return _mm256_fmadd_ps(a, b, c);
}

/// v[i] lane j becomes v[j] lane i.
static inline void vector_transpose(mk_vector *v) {
  mk_vector t[MK_LANES];
  for (int i = 0; i < MK_LANES; i += 4) {
    mk_vector low = _mm256_unpacklo_ps(v[i], v[i + 1]), high = _mm256_unpackhi_ps(v[i], v[i + 1]);
    mk_vector next_low = _mm256_unpacklo_ps(v[i + 2], v[i + 3]);
    mk_vector next_high = _mm256_unpackhi_ps(v[i + 2], v[i + 3]);
    t[i] = _mm256_shuffle_ps(low, next_low, 0x44);
    t[i + 1] = _mm256_shuffle_ps(low, next_low, 0xee);
    t[i + 2] = _mm256_shuffle_ps(high, next_high, 0x44);
    t[i + 3] = _mm256_shuffle_ps(high, next_high, 0xee);
  }
  for (int i = 0; i < 4; i++) {
    v[i] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
    v[i + 4] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
  }
}

#include "transpose_x86.h"
#include "gemm_body.h"
#include "convolution_body.h"
#include "elementwise_body.h"
#include "steps_body.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif

const mk_kernels mk_kernels_avx2 = MK_TABLE;
#endif
