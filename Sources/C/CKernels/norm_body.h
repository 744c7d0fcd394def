// Steps of layer norm and RMS norm. mk1 §11.
#pragma once
#include "step_body.h"

/// What one row's normalisation needs: x̂ = (x - mean) · inverse.
typedef struct {
  float mean, inverse;
} row_scale;

/// Σ (x - mean)² in 16 lanes.
MK_INLINE float squared_deviations(const float *x, float mean, int64_t count) {
  float lane[MK_SUM_LANES] = {0};
  int64_t i = 0;
  for (; i + MK_SUM_LANES <= count; i += MK_SUM_LANES) {
    for (int l = 0; l < MK_SUM_LANES; l++) {
      float d = x[i + l] - mean;
      lane[l] = __builtin_fmaf(d, d, lane[l]);
    }
  }
  for (int l = 0; i < count; i++, l++) {
    float d = x[i] - mean;
    lane[l] = __builtin_fmaf(d, d, lane[l]);
  }
  return fold_lanes(lane);
}

static void layer_norm_step(const mk_share *share) {
  const int64_t columns = share->operation->size[1];
  const float epsilon = share->operation->constant[0], part = share->operation->constant[1];
  const float *gain = MK_IN(1), *bias = MK_IN(2);
  for (int64_t i = share->first; i < share->first + share->count; i++) {
    const float *x = MK_IN(0) + i * columns;
    float *y = MK_OUT(0) + i * columns, *saved = MK_OUT(1) + 2 * i;
    float mean = sum_body(x, columns) * part;
    float inverse = 1.0f / MK_ROOT(squared_deviations(x, mean, columns) * part + epsilon);
    MK_EACH for (int64_t j = 0; j < columns; j++)
      y[j] = __builtin_fmaf((x[j] - mean) * inverse, gain[j], bias[j]);
    saved[0] = mean;
    saved[1] = inverse;
  }
}

static void rms_norm_step(const mk_share *share) {
  const int64_t columns = share->operation->size[1];
  const float epsilon = share->operation->constant[0], part = share->operation->constant[1];
  const float *gain = MK_IN(1);
  for (int64_t i = share->first; i < share->first + share->count; i++) {
    const float *x = MK_IN(0) + i * columns;
    float *y = MK_OUT(0) + i * columns;
    float inverse = 1.0f / MK_ROOT(dot_body(x, x, columns) * part + epsilon);
    MK_EACH for (int64_t j = 0; j < columns; j++) y[j] = (x[j] * inverse) * gain[j];
    MK_OUT(1)[i] = inverse;
  }
}

/// Row i's numbers; RMS norm is the case of mean +0, where x - (+0) is x.
MK_INLINE row_scale saved_scale(const mk_share *share, int64_t i, int centred) {
  const float *saved = MK_IN(3);
  return centred ? (row_scale){saved[2 * i], saved[2 * i + 1]} : (row_scale){0.0f, saved[i]};
}

/// Gradients of gain and bias: chains over the rows. Units are columns.
MK_INLINE void norm_parameters(const mk_share *share, int centred) {
  const int64_t rows = share->operation->size[0], columns = share->operation->size[1];
  const int64_t first = share->first, count = share->count;
  float *dgain = MK_OUT(1) + first, *dbias = centred ? MK_OUT(2) + first : NULL;
  for (int64_t j = 0; j < count; j++) dgain[j] = 0.0f;
  for (int64_t j = 0; centred && j < count; j++) dbias[j] = 0.0f;
  for (int64_t i = 0; i < rows; i++) {
    const float *dy = MK_IN(0) + i * columns + first, *x = MK_IN(1) + i * columns + first;
    const row_scale s = saved_scale(share, i, centred);
    MK_EACH for (int64_t j = 0; j < count; j++) {
      dgain[j] = __builtin_fmaf(dy[j], (x[j] - s.mean) * s.inverse, dgain[j]);
      if (centred) dbias[j] += dy[j];
    }
  }
}

/// Σ dy·gain and Σ (dy·gain)·x̂ in 16 lanes.
MK_INLINE void gradient_sums(const float *dy, const float *x, const float *gain, row_scale s,
                             int64_t count, float *plain, float *weighted) {
  float lane[MK_SUM_LANES] = {0}, product[MK_SUM_LANES] = {0};
  int64_t i = 0;
  for (; i + MK_SUM_LANES <= count; i += MK_SUM_LANES) {
    for (int l = 0; l < MK_SUM_LANES; l++) {
      float g = dy[i + l] * gain[i + l];
      lane[l] += g;
      product[l] = __builtin_fmaf(g, (x[i + l] - s.mean) * s.inverse, product[l]);
    }
  }
  for (int l = 0; i < count; i++, l++) {
    float g = dy[i] * gain[i];
    lane[l] += g;
    product[l] = __builtin_fmaf(g, (x[i] - s.mean) * s.inverse, product[l]);
  }
  *plain = fold_lanes(lane);
  *weighted = fold_lanes(product);
}

/// dx = inverse · (g - mean g - x̂ · mean g·x̂), without the middle term for RMS norm.
MK_INLINE void norm_input(const mk_share *share, int centred) {
  const mk_operation *o = share->operation;
  const int64_t columns = o->size[1];
  const float part = o->constant[0], *gain = MK_IN(2);
  for (int64_t i = share->first; i < share->first + share->count; i++) {
    const float *dy = MK_IN(0) + i * columns, *x = MK_IN(1) + i * columns;
    const float *addend = o->in[4] == mk_absent ? NULL : MK_IN(4) + i * columns;
    float *dx = MK_OUT(0) + i * columns, plain, weighted;
    const row_scale s = saved_scale(share, i, centred);
    gradient_sums(dy, x, gain, s, columns, &plain, &weighted);
    const float a = centred ? plain * part : 0.0f, b = weighted * part;
    if (addend) {
      MK_EACH for (int64_t j = 0; j < columns; j++)
        dx[j] = addend[j] + s.inverse * __builtin_fmaf(-((x[j] - s.mean) * s.inverse), b,
                                                       dy[j] * gain[j] - a);
    } else {
      MK_EACH for (int64_t j = 0; j < columns; j++)
        dx[j] = s.inverse *
                __builtin_fmaf(-((x[j] - s.mean) * s.inverse), b, dy[j] * gain[j] - a);
    }
  }
}

static void layer_norm_parameters(const mk_share *share) { norm_parameters(share, 1); }
static void layer_norm_input(const mk_share *share) { norm_input(share, 1); }
static void rms_norm_parameters(const mk_share *share) { norm_parameters(share, 0); }
static void rms_norm_input(const mk_share *share) { norm_input(share, 0); }

// The gradients of the parameters come first: dx may take the place of dy.
#define MK_NORM_STEPS                                                                    \
  [mk_op_layer_norm] = {layer_norm_step}, [mk_op_rms_norm] = {rms_norm_step},            \
  [mk_op_layer_norm_backward] = {layer_norm_parameters, layer_norm_input},               \
  [mk_op_rms_norm_backward] = {rms_norm_parameters, rms_norm_input}
