// Steps of activations and dropout. Every function is spelled without branches, by compare and
// select, so that loops over it vectorise. mk1 §4 has the constants.
#pragma once
#include "step_body.h"

MK_INLINE float sigmoid_scalar(float x) { return 1.0f / (1.0f + exp_scalar(-x)); }

/// An odd polynomial below 0.625 (Cephes tanhf), there 1 - 2/(e^2|x| + 1) would cancel.
MK_INLINE float tanh_scalar(float x) {
  uint32_t sign = float_to_bits(x) & 0x80000000u;
  float a = bits_to_float(float_to_bits(x) & 0x7fffffffu), z = x * x;
  float large = 1.0f - 2.0f / (exp_scalar(a + a) + 1.0f);
  float p = -5.70498872745e-3f;
  p = __builtin_fmaf(p, z, 2.06390887954e-2f);
  p = __builtin_fmaf(p, z, -5.37397155531e-2f);
  p = __builtin_fmaf(p, z, 1.33314422036e-1f);
  p = __builtin_fmaf(p, z, -3.33332819422e-1f);
  float small = __builtin_fmaf(x * z, p, x);
  return a < 0.625f ? small : bits_to_float(float_to_bits(large) | sign);
}

/// (1 + tanh u)/2 = sigmoid(2u), u = √(2/π)·(x + 0.044715 x³): one exp, no cancellation below.
MK_INLINE float gelu_gate(float x) {
  return sigmoid_scalar(x * __builtin_fmaf(x * x, 0.0713548162726f, 1.59576912160573f));
}

/// s + x·s·(1 - s)·2u'.
MK_INLINE float gelu_slope(float x) {
  float s = gelu_gate(x);
  float inner = __builtin_fmaf(x * x, 0.2140644488178f, 1.59576912160573f);
  return __builtin_fmaf(x * inner, s * (1.0f - s), s);
}

MK_INLINE float silu_slope(float x) {
  float s = sigmoid_scalar(x);
  return __builtin_fmaf(x, s * (1.0f - s), s);
}

static void activation_step(const mk_share *share) {
  const int64_t count = share->count;
  const float *x = MK_IN(0) + share->first;
  float *y = MK_OUT(0) + share->first;
  switch (share->operation->size[1]) {
    case mk_relu:
      MK_EACH for (int64_t i = 0; i < count; i++) y[i] = x[i] > 0.0f ? x[i] : 0.0f;
      break;
    case mk_tanh:
      MK_EACH for (int64_t i = 0; i < count; i++) y[i] = tanh_scalar(x[i]);
      break;
    case mk_sigmoid:
      MK_EACH for (int64_t i = 0; i < count; i++) y[i] = sigmoid_scalar(x[i]);
      break;
    case mk_gelu:
      MK_EACH for (int64_t i = 0; i < count; i++) y[i] = x[i] * gelu_gate(x[i]);
      break;
    default:
      MK_EACH for (int64_t i = 0; i < count; i++) y[i] = x[i] * sigmoid_scalar(x[i]);
  }
}

static void activation_backward_step(const mk_share *share) {
  const int64_t count = share->count;
  const float *dy = MK_IN(0) + share->first, *saved = MK_IN(1) + share->first;
  float *dx = MK_OUT(0) + share->first;
  switch (share->operation->size[1]) {
    case mk_relu:
      MK_EACH for (int64_t i = 0; i < count; i++) dx[i] = saved[i] > 0.0f ? dy[i] : 0.0f;
      break;
    case mk_tanh:
      MK_EACH for (int64_t i = 0; i < count; i++)
        dx[i] = dy[i] * __builtin_fmaf(-saved[i], saved[i], 1.0f);
      break;
    case mk_sigmoid:
      MK_EACH for (int64_t i = 0; i < count; i++) dx[i] = dy[i] * (saved[i] * (1.0f - saved[i]));
      break;
    case mk_gelu:
      MK_EACH for (int64_t i = 0; i < count; i++) dx[i] = dy[i] * gelu_slope(saved[i]);
      break;
    default:
      MK_EACH for (int64_t i = 0; i < count; i++) dx[i] = dy[i] * silu_slope(saved[i]);
  }
}

/// Units are Philox blocks of four elements.
static void dropout_step(const mk_share *share) {
  enum { blocks = 64, elements = 4 * blocks };
  const mk_operation *o = share->operation;
  const uint32_t *cell = (const uint32_t *)(const void *)MK_IN(1);
  const uint64_t key = cell[0] | (uint64_t)cell[1] << 32, high = (uint64_t)o->size[2] << 32;
  const uint32_t threshold = (uint32_t)o->size[1];
  const float factor = o->constant[0], *x = MK_IN(0);
  float *y = MK_OUT(0);
  uint32_t word[elements];
  for (int64_t done = 0; done < share->count; done += blocks) {
    int64_t block = share->first + done;
    int64_t drawn = share->count - done < blocks ? share->count - done : blocks;
    philox(word, drawn, key, (uint64_t)block | (uint64_t)cell[2] << 32, cell[3] | high);
    int64_t start = 4 * block, count = o->size[0] - start < 4 * drawn ? o->size[0] - start
                                                                      : 4 * drawn;
    MK_EACH for (int64_t i = 0; i < count; i++)
      y[start + i] = (int32_t)(word[i] >> 8) >= (int32_t)threshold ? x[start + i] * factor : 0.0f;
  }
}

#define MK_ACTIVATION_STEPS                                                              \
  [mk_op_activation] = {activation_step},                                                \
  [mk_op_activation_backward] = {activation_backward_step}, [mk_op_dropout] = {dropout_step}
