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
typedef __m512 mk_vector;

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

#include "gemm_body.h"
#include "convolution_body.h"
#include "elementwise_body.h"
#include "steps_body.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif

const mk_kernels mk_kernels_avx512 = MK_TABLE;
#endif
