// Steps of optimizers and of gradient clipping. mk1 §13.
#pragma once
#include "step_body.h"

/// Units are chunks.
static void gradient_norm_chunks(const mk_share *share) {
  const int64_t count = share->operation->size[0];
  for (int64_t chunk = share->first; chunk < share->first + share->count; chunk++) {
    const float *x = MK_IN(0) + chunk * mk_sum_chunk;
    int64_t rest = count - chunk * mk_sum_chunk;
    share->shared[chunk] = dot_body(x, x, rest < mk_sum_chunk ? rest : mk_sum_chunk);
  }
}

static void gradient_norm_fold(const mk_share *share) {
  fold_chunks(share->shared, (share->operation->size[0] + mk_sum_chunk - 1) / mk_sum_chunk, 1);
  *MK_OUT(0) = MK_ROOT(share->shared[0]);
}

static void clip_step(const mk_share *share) {
  float *g = MK_OUT(0) + share->first, factor = share->operation->constant[0] / (*MK_IN(0) + 1e-6f);
  factor = factor < 1.0f ? factor : 1.0f;
  MK_EACH for (int64_t i = 0; i < share->count; i++) g[i] *= factor;
}

static void sgd_step(const mk_share *share) {
  sgd(MK_OUT(0) + share->first, MK_IN(0) + share->first, share->count, *MK_IN(1));
}

static void momentum_step(const mk_share *share) {
  const mk_operation *o = share->operation;
  const float *g = MK_IN(0) + share->first, rate = *MK_IN(1);
  const float momentum = o->constant[0], decay = o->constant[1];
  float *w = MK_OUT(0) + share->first, *v = MK_OUT(1) + share->first;
  if (!(o->flags & mk_flag_nesterov)) {
    sgd_momentum(w, v, g, share->count, rate, momentum, decay);
    return;
  }
  MK_EACH for (int64_t i = 0; i < share->count; i++) {
    float d = __builtin_fmaf(decay, w[i], g[i]);
    v[i] = __builtin_fmaf(momentum, v[i], d);
    w[i] = __builtin_fmaf(-rate, __builtin_fmaf(momentum, v[i], d), w[i]);
  }
}

/// `decoupled` is a constant of the caller: AdamW shrinks the weight, Adam adds to the gradient.
MK_INLINE void adam_share(const mk_share *share, int decoupled) {
  const float *c = share->operation->constant, *g = MK_IN(0) + share->first, *cell = MK_IN(1);
  const float rate = -cell[0], inverse = cell[1], shrink = decoupled ? cell[2] : 1.0f;
  const float old_m = c[0], new_m = c[1], old_v = c[2], new_v = c[3], epsilon = c[4], decay = c[5];
  float *w = MK_OUT(0) + share->first, *m = MK_OUT(1) + share->first, *v = MK_OUT(2) + share->first;
  MK_EACH for (int64_t i = 0; i < share->count; i++) {
    float d = decoupled ? g[i] : __builtin_fmaf(decay, w[i], g[i]);
    float start = decoupled ? w[i] * shrink : w[i];
    float first = __builtin_fmaf(new_m, d, old_m * m[i]);
    float second = __builtin_fmaf(new_v * d, d, old_v * v[i]);
    m[i] = first;
    v[i] = second;
    w[i] = __builtin_fmaf(rate, first / __builtin_fmaf(MK_ROOT(second), inverse, epsilon), start);
  }
}

static void adam_step(const mk_share *share) { adam_share(share, 0); }
static void adamw_step(const mk_share *share) { adam_share(share, 1); }

static void rmsprop_step(const mk_share *share) {
  const float *c = share->operation->constant, *g = MK_IN(0) + share->first, rate = -*MK_IN(1);
  const float old_v = c[0], new_v = c[1], epsilon = c[2], decay = c[3], momentum = c[4];
  const int has_velocity = share->operation->out[2] != mk_absent;
  float *w = MK_OUT(0) + share->first, *v = MK_OUT(1) + share->first;
  float *u = has_velocity ? MK_OUT(2) + share->first : NULL;
  if (!has_velocity) {
    MK_EACH for (int64_t i = 0; i < share->count; i++) {
      float d = __builtin_fmaf(decay, w[i], g[i]);
      v[i] = __builtin_fmaf(new_v * d, d, old_v * v[i]);
      w[i] = __builtin_fmaf(rate, d / (MK_ROOT(v[i]) + epsilon), w[i]);
    }
    return;
  }
  MK_EACH for (int64_t i = 0; i < share->count; i++) {
    float d = __builtin_fmaf(decay, w[i], g[i]);
    v[i] = __builtin_fmaf(new_v * d, d, old_v * v[i]);
    u[i] = __builtin_fmaf(momentum, u[i], d / (MK_ROOT(v[i]) + epsilon));
    w[i] = __builtin_fmaf(rate, u[i], w[i]);
  }
}

static void adagrad_step(const mk_share *share) {
  const float *c = share->operation->constant, *g = MK_IN(0) + share->first, rate = -*MK_IN(1);
  const float epsilon = c[0], decay = c[1];
  float *w = MK_OUT(0) + share->first, *v = MK_OUT(1) + share->first;
  MK_EACH for (int64_t i = 0; i < share->count; i++) {
    float d = __builtin_fmaf(decay, w[i], g[i]);
    v[i] = __builtin_fmaf(d, d, v[i]);
    w[i] = __builtin_fmaf(rate, d / (MK_ROOT(v[i]) + epsilon), w[i]);
  }
}

#define MK_OPTIMIZER_STEPS                                                                     \
  [mk_op_gradient_norm] = {gradient_norm_chunks, gradient_norm_fold}, [mk_op_clip] = {clip_step}, \
  [mk_op_sgd] = {sgd_step}, [mk_op_momentum] = {momentum_step}, [mk_op_adam] = {adam_step},    \
  [mk_op_adamw] = {adamw_step}, [mk_op_rmsprop] = {rmsprop_step},                              \
  [mk_op_adagrad] = {adagrad_step}
