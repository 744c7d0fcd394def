// Plain C for any processor: fmaf per element, which is exact by IEEE 754 in hardware or software.
#pragma STDC FP_CONTRACT OFF
#include <string.h>
#include "variants.h"

#define MK_VECTORISE 0
#define MK_LANES 4
#define MK_TILE_ROWS 4

typedef struct {
  float lane[MK_LANES];
} mk_vector;

static inline mk_vector vector_load(const float *p) {
  mk_vector v;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline void vector_store(float *p, mk_vector v) { memcpy(p, &v, sizeof v); }

static inline mk_vector vector_load_part(const float *p, int64_t count) {
  mk_vector v = {{0}};
  for (int64_t i = 0; i < MK_LANES && i < count; i++) v.lane[i] = p[i];
  return v;
}

static inline void vector_store_part(float *p, mk_vector v, int64_t count) {
  for (int64_t i = 0; i < MK_LANES && i < count; i++) p[i] = v.lane[i];
}

static inline mk_vector vector_broadcast(float x) { return (mk_vector){{x, x, x, x}}; }

static inline mk_vector vector_fma(mk_vector a, mk_vector b, mk_vector c) {
  for (int i = 0; i < MK_LANES; i++) c.lane[i] = __builtin_fmaf(a.lane[i], b.lane[i], c.lane[i]);
  return c;
}

#include "gemm_body.h"
#include "convolution_body.h"
#include "elementwise_body.h"
#include "steps_body.h"

const mk_kernels mk_kernels_portable = MK_TABLE;
