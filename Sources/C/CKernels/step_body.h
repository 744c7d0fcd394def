// What all steps use; included by each variant before the other step bodies.
#pragma once
#include <string.h>
#include "elementwise_body.h"
#include "steps.h"

/// Before a loop over elements that are independent of one another, although an output may be the
/// very array of an input: without it the compiler keeps such loops scalar.
#if MK_VECTORISE && defined(__clang__)
#define MK_EACH _Pragma("clang loop vectorize(assume_safety)")
#elif MK_VECTORISE
#define MK_EACH _Pragma("GCC ivdep")
#else
#define MK_EACH
#endif

/// The exact square root, as an instruction that loops may hold several of (C's sqrtf sets errno).
#if defined(__clang__)
#define MK_ROOT(x) __builtin_elementwise_sqrt(x)
#else
#define MK_ROOT(x) __builtin_sqrtf(x)
#endif

#define MK_IN(i) ((const float *)share->arena + share->operation->in[i])
#define MK_OUT(i) (share->arena + share->operation->out[i])

/// Cells that hold integers.
MK_INLINE const int32_t *integers(const float *cells) {
  return (const int32_t *)(const void *)cells;
}

/// Σ x·y in 16 lanes of fused multiply-adds, folded 8, 4, 2, 1 (mk1 §3).
MK_INLINE float dot_body(const float *x, const float *y, int64_t count) {
  float lane[MK_SUM_LANES] = {0};
  int64_t i = 0;
  for (; i + MK_SUM_LANES <= count; i += MK_SUM_LANES)
    for (int l = 0; l < MK_SUM_LANES; l++)
      lane[l] = __builtin_fmaf(x[i + l], y[i + l], lane[l]);
  for (int l = 0; i < count; i++, l++) lane[l] = __builtin_fmaf(x[i], y[i], lane[l]);
  return fold_lanes(lane);
}

/// Sums of chunks as a tree: neighbours are added until one is left (mk1 §3). `width` sums side by
/// side; the result is in the first row.
MK_INLINE void fold_chunks(float *sums, int64_t chunks, int64_t width) {
  for (; chunks > 1; chunks = (chunks + 1) / 2) {
    for (int64_t i = 0; i < chunks / 2; i++) {
      const float *pair = sums + 2 * i * width;
      for (int64_t j = 0; j < width; j++) sums[i * width + j] = pair[j] + pair[width + j];
    }
    if (chunks % 2) memmove(sums + chunks / 2 * width, sums + (chunks - 1) * width,
                            sizeof(float) * (size_t)width);
  }
}
