// Steps of softmax, losses and means. mk1 §5 and §12.
#pragma once
#include "step_body.h"

static void softmax_step(const mk_share *share) {
  const int64_t columns = share->operation->size[1];
  for (int64_t i = share->first; i < share->first + share->count; i++) {
    const float *x = MK_IN(0) + i * columns;
    float *y = MK_OUT(0) + i * columns, m = maximum(x, columns);
    MK_EACH for (int64_t j = 0; j < columns; j++) y[j] = exp_scalar(x[j] - m);
    float inverse = 1.0f / sum_body(y, columns);
    MK_EACH for (int64_t j = 0; j < columns; j++) y[j] *= inverse;
  }
}

static void softmax_cross_entropy_step(const mk_share *share) {
  const int64_t columns = share->operation->size[1], start = share->first * columns;
  float *gradient = MK_OUT(0) + start;
  if (share->operation->in[0] != share->operation->out[0])
    memcpy(gradient, MK_IN(0) + start, sizeof(float) * (size_t)(share->count * columns));
  softmax_cross_entropy(gradient, MK_OUT(1) + share->first, integers(MK_IN(1)) + share->first,
                        share->count, columns, share->operation->constant[0]);
}

static void classify_step(const mk_share *share) {
  const int64_t columns = share->operation->size[1];
  classify(MK_IN(0) + share->first * columns, MK_OUT(0) + share->first,
           (int32_t *)(void *)MK_OUT(1) + share->first, integers(MK_IN(1)) + share->first,
           share->count, columns);
}

/// ln(1 + e) for e in [0, 1]: the rounding of 1 + e is given back to first order.
MK_INLINE float log_of_one_plus(float e) {
  float u = 1.0f + e;
  return log_scalar(u) + (e - (u - 1.0f)) / u;
}

MK_INLINE float magnitude(float x) { return bits_to_float(float_to_bits(x) & 0x7fffffffu); }

MK_INLINE float element_loss(int opcode, float x, float t, float delta) {
  float d = x - t, a = magnitude(d);
  switch (opcode) {
    case mk_op_binary_cross_entropy:
      return ((x > 0.0f ? x : 0.0f) - x * t) + log_of_one_plus(exp_scalar(-magnitude(x)));
    case mk_op_mean_squared_error: return d * d;
    case mk_op_mean_absolute_error: return a;
    default: return a <= delta ? 0.5f * d * d : delta * (a - 0.5f * delta);
  }
}

MK_INLINE float element_slope(int opcode, float x, float t, float delta) {
  float d = x - t;
  switch (opcode) {
    case mk_op_binary_cross_entropy: return 1.0f / (1.0f + exp_scalar(-x)) - t;
    case mk_op_mean_squared_error: return d + d;
    case mk_op_mean_absolute_error: return d > 0.0f ? 1.0f : d < 0.0f ? -1.0f : 0.0f;
    default: d = d > delta ? delta : d; return d < -delta ? -delta : d;
  }
}

/// Gradients and the sum of losses of one row; `opcode` is a constant of the caller.
MK_INLINE void loss_row(int opcode, const mk_share *share, int64_t row) {
  enum { block = 16 * MK_SUM_LANES };
  const mk_operation *o = share->operation;
  const int64_t columns = o->size[1];
  const float *x = MK_IN(0) + row * columns, *t = MK_IN(1) + row * columns;
  const float scale = o->constant[0], delta = o->constant[2];
  float *gradient = MK_OUT(0) + row * columns, loss[block], lane[MK_SUM_LANES] = {0};
  for (int64_t start = 0; start < columns; start += block) {
    int64_t count = columns - start < block ? columns - start : block;
    MK_EACH for (int64_t j = 0; j < count; j++) {
      loss[j] = element_loss(opcode, x[start + j], t[start + j], delta);
      gradient[start + j] = element_slope(opcode, x[start + j], t[start + j], delta) * scale;
    }
    for (int64_t j = 0; j < count; j++) lane[j % MK_SUM_LANES] += loss[j];
  }
  MK_OUT(1)[row] = fold_lanes(lane) * o->constant[1];
}

#define MK_LOSS_STEP(name, opcode)                                          \
  static void name(const mk_share *share) {                                 \
    for (int64_t i = share->first; i < share->first + share->count; i++)    \
      loss_row(opcode, share, i);                                           \
  }

MK_LOSS_STEP(binary_cross_entropy_step, mk_op_binary_cross_entropy)
MK_LOSS_STEP(mean_squared_error_step, mk_op_mean_squared_error)
MK_LOSS_STEP(mean_absolute_error_step, mk_op_mean_absolute_error)
MK_LOSS_STEP(huber_step, mk_op_huber)

static void mean_step(const mk_share *share) {
  *MK_OUT(0) = sum_body(MK_IN(0), share->operation->size[0]) * share->operation->constant[0];
}

#define MK_LOSS_STEPS                                                                      \
  [mk_op_softmax] = {softmax_step}, [mk_op_classify] = {classify_step},                    \
  [mk_op_softmax_cross_entropy] = {softmax_cross_entropy_step},                            \
  [mk_op_binary_cross_entropy] = {binary_cross_entropy_step},                              \
  [mk_op_mean_squared_error] = {mean_squared_error_step},                                  \
  [mk_op_mean_absolute_error] = {mean_absolute_error_step}, [mk_op_huber] = {huber_step},  \
  [mk_op_mean] = {mean_step}
