// AVX-512: 14 × 32 tiles, 28 of 32 registers as accumulators.
#pragma STDC FP_CONTRACT OFF
#include "variants.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define MK_TARGET "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma"
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target(MK_TARGET))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")
#endif

#define MK_VECTORISE 1
#define MK_LANES 16
#define MK_TILE_ROWS 14
#define MK_SINGLE_ROWS 14
#define MK_HALF_LANES 8
typedef __m512 mk_vector;
typedef __m256 mk_half;

static inline __mmask16 lane_mask(int64_t count) {
  return count <= 0 ? 0 : count >= MK_LANES ? 0xffff : (__mmask16)((1u << count) - 1);
}

static inline mk_vector vector_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void vector_store(float *p, mk_vector v) { _mm512_storeu_ps(p, v); }
static inline mk_vector vector_load_part(const float *p, int64_t count) {
  return _mm512_maskz_loadu_ps(lane_mask(count), p);
}
static inline void vector_store_part(float *p, mk_vector v, int64_t count) {
  _mm512_mask_storeu_ps(p, lane_mask(count), v);
}
static inline mk_vector vector_broadcast(float x) { return _mm512_set1_ps(x); }
static inline mk_vector vector_fma(mk_vector a, mk_vector b, mk_vector c) {
  return _mm512_fmadd_ps(a, b, c);
}

static inline mk_half half_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void half_store(float *p, mk_half v) { _mm256_storeu_ps(p, v); }
static inline mk_half half_load_part(const float *p, int64_t count) {
  return _mm256_maskz_loadu_ps((__mmask8)lane_mask(count), p);
}
static inline void half_store_part(float *p, mk_half v, int64_t count) {
  _mm256_mask_storeu_ps(p, (__mmask8)lane_mask(count), v);
}
static inline mk_half half_broadcast(float x) { return _mm256_set1_ps(x); }
static inline mk_half half_fma(mk_half a, mk_half b, mk_half c) {
  return _mm256_fmadd_ps(a, b, c);
}

/// v[i] lane j becomes v[j] lane i: in quarters of four, then the quarters among each other.
static inline void vector_transpose(mk_vector *v) {
  mk_vector t[MK_LANES];
  for (int i = 0; i < MK_LANES; i += 4) {
    mk_vector low = _mm512_unpacklo_ps(v[i], v[i + 1]), high = _mm512_unpackhi_ps(v[i], v[i + 1]);
    mk_vector next_low = _mm512_unpacklo_ps(v[i + 2], v[i + 3]);
    mk_vector next_high = _mm512_unpackhi_ps(v[i + 2], v[i + 3]);
    t[i] = _mm512_shuffle_ps(low, next_low, 0x44);
    t[i + 1] = _mm512_shuffle_ps(low, next_low, 0xee);
    t[i + 2] = _mm512_shuffle_ps(high, next_high, 0x44);
    t[i + 3] = _mm512_shuffle_ps(high, next_high, 0xee);
  }
  for (int i = 0; i < 4; i++) {
    mk_vector even = _mm512_shuffle_f32x4(t[i], t[i + 4], 0x88);
    mk_vector odd = _mm512_shuffle_f32x4(t[i], t[i + 4], 0xdd);
    mk_vector next_even = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0x88);
    mk_vector next_odd = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0xdd);
    v[i] = _mm512_shuffle_f32x4(even, next_even, 0x88);
    v[i + 4] = _mm512_shuffle_f32x4(odd, next_odd, 0x88);
    v[i + 8] = _mm512_shuffle_f32x4(even, next_even, 0xdd);
    v[i + 12] = _mm512_shuffle_f32x4(odd, next_odd, 0xdd);
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

const mk_kernels mk_kernels_avx512 = MK_TABLE;
#endif
