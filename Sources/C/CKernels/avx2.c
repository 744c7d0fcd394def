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
static inline void vector_store_part(float *p, mk_vector v, int64_t count) {
  _mm256_maskstore_ps(p, lane_mask(count), v);
}
static inline mk_vector vector_broadcast(float x) { return _mm256_set1_ps(x); }
static inline mk_vector vector_fma(mk_vector a, mk_vector b, mk_vector c) {
  return _mm256_fmadd_ps(a, b, c);
}

#include "gemm_body.h"
#include "convolution_body.h"
#include "elementwise_body.h"
#include "steps_body.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif

const mk_kernels mk_kernels_avx2 = MK_TABLE;
#endif
