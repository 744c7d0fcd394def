#pragma once
#include "gemm_body.h"
static void gemm_packed(mk_shape s, mk_matrix a, const float *packed, float *c, int64_t c_stride,
                        int accumulate) {
  for (int64_t i = 0; i < s.rows; i++)
    for (int64_t j = 0; j < s.columns; j++) {
      const float *b = packed + j / MK_PANEL * MK_PANEL * s.depth + j % MK_PANEL;
      float sum = accumulate ? c[i * c_stride + j] : 0.0f;
      for (int64_t p = 0; p < s.depth; p++)
        sum = __builtin_fmaf(a.base[i * a.row_stride + p * a.column_stride], b[p * MK_PANEL], sum);
      c[i * c_stride + j] = sum;
    }
}

static void convolution(const mk_convolution *shape, const float *x, const float *weights,
                        float *y, mk_range part, float *workspace) {
  mk_convolution s = *shape;
  s.images = part.count;
  (void)workspace;
  int64_t out = mk_convolution_side(&s, s.height) * mk_convolution_side(&s, s.width) * s.outputs;
  mk_convolution_reference(&s, x + part.first * s.height * s.width * s.inputs, weights,
                           y + part.first * out);
}

static void convolution_weights(const mk_convolution *shape, const float *x, const float *dy,
                                float *dweights, mk_range part, float *workspace) {
  (void)workspace;
  if (part.first == 0) mk_convolution_weights_reference(shape, x, dy, dweights);
}

static void convolution_input(const mk_convolution *shape, const float *dy, const float *weights,
                              float *dx, mk_range part, float *workspace) {
  mk_convolution s = *shape;
  s.images = part.count;
  (void)workspace;
  int64_t out = mk_convolution_side(&s, s.height) * mk_convolution_side(&s, s.width) * s.outputs;
  mk_convolution_input_reference(&s, dy + part.first * out, weights,
                                 dx + part.first * s.height * s.width * s.inputs);
}

#define MK_PRODUCTS                                                             \
  .gemm = gemm, .gemm_packed = gemm_packed, .convolution = convolution,         \
  .convolution_weights = convolution_weights, .convolution_input = convolution_input
