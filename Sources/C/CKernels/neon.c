// NEON (part of every AArch64 processor): 8 × 8 tiles, 16 of 32 registers as accumulators.
#pragma STDC FP_CONTRACT OFF
#include "variants.h"

#if defined(__aarch64__)
#include <arm_neon.h>
#include <string.h>

#define MK_VECTORISE 1
#define MK_LANES 4
#define MK_TILE_ROWS 8
typedef float32x4_t mk_vector;

static inline mk_vector vector_load(const float *p) { return vld1q_f32(p); }
static inline void vector_store(float *p, mk_vector v) { vst1q_f32(p, v); }
static inline mk_vector vector_load_part(const float *p, int64_t count) {
  float lane[MK_LANES] = {0};
  for (int64_t i = 0; i < MK_LANES && i < count; i++) lane[i] = p[i];
  return vld1q_f32(lane);
}
static inline void vector_store_part(float *p, mk_vector v, int64_t count) {
  float lane[MK_LANES];
  vst1q_f32(lane, v);
  for (int64_t i = 0; i < MK_LANES && i < count; i++) p[i] = lane[i];
}
static inline mk_vector vector_broadcast(float x) { return vdupq_n_f32(x); }
static inline mk_vector vector_fma(mk_vector a, mk_vector b, mk_vector c) {
  return vfmaq_f32(c, a, b);
}

#include "gemm_body.h"
#include "convolution_body.h"
#include "elementwise_body.h"
#include "steps_body.h"

const mk_kernels mk_kernels_neon = MK_TABLE;
#endif
