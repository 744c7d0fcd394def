// Steps of batch norm. Sums over rows: a chain inside each chunk of 256 rows, then a tree over the
// chunks, so that they are exact enough for any number of pixels. mk1 §11.
#pragma once
#include "step_body.h"

/// Rows of chunk `chunk`.
MK_INLINE mk_range chunk_rows(const mk_operation *o, int64_t chunk) {
  int64_t first = chunk * mk_row_chunk, rest = o->size[0] - first;
  return (mk_range){first, rest < mk_row_chunk ? rest : mk_row_chunk};
}

MK_INLINE int64_t chunk_count(const mk_operation *o) {
  return (o->size[0] + mk_row_chunk - 1) / mk_row_chunk;
}

static void batch_sums(const mk_share *share) {
  const int64_t channels = share->operation->size[1];
  for (int64_t chunk = share->first; chunk < share->first + share->count; chunk++) {
    const mk_range rows = chunk_rows(share->operation, chunk);
    float *sums = share->shared + chunk * channels;
    for (int64_t c = 0; c < channels; c++) sums[c] = 0.0f;
    for (int64_t i = rows.first; i < rows.first + rows.count; i++) {
      const float *x = MK_IN(0) + i * channels;
      MK_EACH for (int64_t c = 0; c < channels; c++) sums[c] += x[c];
    }
  }
}

static void batch_means(const mk_share *share) {
  const mk_operation *o = share->operation;
  float *mean = MK_OUT(1);
  fold_chunks(share->shared, chunk_count(o), o->size[1]);
  for (int64_t c = 0; c < o->size[1]; c++) mean[c] = share->shared[c] * o->constant[1];
}

static void batch_squares(const mk_share *share) {
  const int64_t channels = share->operation->size[1];
  const float *mean = MK_OUT(1);
  for (int64_t chunk = share->first; chunk < share->first + share->count; chunk++) {
    const mk_range rows = chunk_rows(share->operation, chunk);
    float *sums = share->shared + chunk * channels;
    for (int64_t c = 0; c < channels; c++) sums[c] = 0.0f;
    for (int64_t i = rows.first; i < rows.first + rows.count; i++) {
      const float *x = MK_IN(0) + i * channels;
      MK_EACH for (int64_t c = 0; c < channels; c++) {
        float d = x[c] - mean[c];
        sums[c] = __builtin_fmaf(d, d, sums[c]);
      }
    }
  }
}

static void batch_variances(const mk_share *share) {
  const mk_operation *o = share->operation;
  const int64_t channels = o->size[1];
  const float epsilon = o->constant[0], part = o->constant[1], momentum = o->constant[2];
  const float keep = o->constant[3], unbiased = o->constant[4];
  float *mean = MK_OUT(1), *inverse = mean + channels;
  float *running_mean = MK_OUT(2), *running_variance = running_mean + channels;
  fold_chunks(share->shared, chunk_count(o), channels);
  for (int64_t c = 0; c < channels; c++) {
    float variance = share->shared[c] * part;
    inverse[c] = 1.0f / MK_ROOT(variance + epsilon);
    running_mean[c] = __builtin_fmaf(momentum, mean[c], running_mean[c] * keep);
    running_variance[c] =
      __builtin_fmaf(momentum, variance * unbiased, running_variance[c] * keep);
  }
}

/// `inverse` has one number per channel.
MK_INLINE void normalise_rows(const mk_share *share, const float *mean, const float *inverse) {
  const int64_t channels = share->operation->size[1];
  const float *gain = MK_IN(1), *bias = MK_IN(2);
  for (int64_t i = share->first; i < share->first + share->count; i++) {
    const float *x = MK_IN(0) + i * channels;
    float *y = MK_OUT(0) + i * channels;
    MK_EACH for (int64_t c = 0; c < channels; c++)
      y[c] = __builtin_fmaf((x[c] - mean[c]) * inverse[c], gain[c], bias[c]);
  }
}

static void batch_normalise(const mk_share *share) {
  normalise_rows(share, MK_OUT(1), MK_OUT(1) + share->operation->size[1]);
}

static void batch_inference(const mk_share *share) {
  const int64_t channels = share->operation->size[1];
  const float epsilon = share->operation->constant[0], *running = MK_IN(3);
  float *inverse = share->scratch;
  for (int64_t c = 0; c < channels; c++)
    inverse[c] = 1.0f / MK_ROOT(running[channels + c] + epsilon);
  normalise_rows(share, running, inverse);
}

/// Σ dy and Σ dy·x̂ of each chunk, side by side.
static void batch_gradient_sums(const mk_share *share) {
  const int64_t channels = share->operation->size[1];
  const float *mean = MK_IN(3), *inverse = mean + channels;
  for (int64_t chunk = share->first; chunk < share->first + share->count; chunk++) {
    const mk_range rows = chunk_rows(share->operation, chunk);
    float *plain = share->shared + 2 * chunk * channels, *weighted = plain + channels;
    for (int64_t c = 0; c < channels; c++) plain[c] = weighted[c] = 0.0f;
    for (int64_t i = rows.first; i < rows.first + rows.count; i++) {
      const float *dy = MK_IN(0) + i * channels, *x = MK_IN(1) + i * channels;
      MK_EACH for (int64_t c = 0; c < channels; c++) {
        plain[c] += dy[c];
        weighted[c] = __builtin_fmaf(dy[c], (x[c] - mean[c]) * inverse[c], weighted[c]);
      }
    }
  }
}

static void batch_parameters(const mk_share *share) {
  const int64_t channels = share->operation->size[1];
  fold_chunks(share->shared, chunk_count(share->operation), 2 * channels);
  memcpy(MK_OUT(2), share->shared, sizeof(float) * (size_t)channels);
  memcpy(MK_OUT(1), share->shared + channels, sizeof(float) * (size_t)channels);
}

static void batch_input(const mk_share *share) {
  const int64_t channels = share->operation->size[1];
  const float part = share->operation->constant[0], *gain = MK_IN(2), *mean = MK_IN(3);
  const float *inverse = mean + channels, *dgain = MK_OUT(1), *dbias = MK_OUT(2);
  for (int64_t i = share->first; i < share->first + share->count; i++) {
    const float *dy = MK_IN(0) + i * channels, *x = MK_IN(1) + i * channels;
    float *dx = MK_OUT(0) + i * channels;
    MK_EACH for (int64_t c = 0; c < channels; c++) {
      float centred = dy[c] - dbias[c] * part;
      dx[c] = (gain[c] * inverse[c]) *
              __builtin_fmaf(-((x[c] - mean[c]) * inverse[c]), dgain[c] * part, centred);
    }
  }
}

#define MK_BATCH_NORM_STEPS                                                                    \
  [mk_op_batch_norm] = {batch_sums, batch_means, batch_squares, batch_variances,               \
                        batch_normalise},                                                      \
  [mk_op_batch_norm_backward] = {batch_gradient_sums, batch_parameters, batch_input},          \
  [mk_op_batch_norm_inference] = {batch_inference}
