// Steps of bias, sums, copies and elementwise arithmetic.
#pragma once
#include "step_body.h"

static void bias_step(const mk_share *share) {
  const int64_t columns = share->operation->size[1];
  const float *x = MK_IN(0), *bias = MK_IN(1);
  float *y = MK_OUT(0);
  for (int64_t i = share->first; i < share->first + share->count; i++) {
    MK_EACH for (int64_t j = 0; j < columns; j++)
      y[i * columns + j] = x[i * columns + j] + bias[j];
  }
}

static void bias_relu_step(const mk_share *share) {
  const int64_t columns = share->operation->size[1];
  const float *x = MK_IN(0), *bias = MK_IN(1);
  float *y = MK_OUT(0);
  for (int64_t i = share->first; i < share->first + share->count; i++) {
    MK_EACH for (int64_t j = 0; j < columns; j++) {
      float t = x[i * columns + j] + bias[j];
      y[i * columns + j] = t > 0.0f ? t : 0.0f;
    }
  }
}

static void column_sums_step(const mk_share *share) {
  const int64_t rows = share->operation->size[0], columns = share->operation->size[1];
  const int64_t count = share->count;
  const float *x = MK_IN(0) + share->first;
  float *restrict y = MK_OUT(0) + share->first;
  if (!(share->operation->flags & mk_flag_accumulate))
    for (int64_t j = 0; j < count; j++) y[j] = 0.0f;
  for (int64_t i = 0; i < rows; i++) {
    MK_EACH for (int64_t j = 0; j < count; j++) y[j] += x[i * columns + j];
  }
}

static void add_step(const mk_share *share) {
  const float *a = MK_IN(0) + share->first, *b = MK_IN(1) + share->first;
  float *y = MK_OUT(0) + share->first;
  MK_EACH for (int64_t i = 0; i < share->count; i++) y[i] = a[i] + b[i];
}

static void multiply_step(const mk_share *share) {
  const float *a = MK_IN(0) + share->first, *b = MK_IN(1) + share->first;
  float *y = MK_OUT(0) + share->first;
  MK_EACH for (int64_t i = 0; i < share->count; i++) y[i] = a[i] * b[i];
}

static void add_broadcast_step(const mk_share *share) {
  const int64_t columns = share->operation->size[1], period = share->operation->size[2];
  for (int64_t i = share->first; i < share->first + share->count; i++) {
    const float *a = MK_IN(0) + i * columns, *b = MK_IN(1) + i % period * columns;
    float *y = MK_OUT(0) + i * columns;
    MK_EACH for (int64_t j = 0; j < columns; j++) y[j] = a[j] + b[j];
  }
}

static void scale_step(const mk_share *share) {
  const float *x = MK_IN(0) + share->first, factor = share->operation->constant[0];
  float *y = MK_OUT(0) + share->first;
  MK_EACH for (int64_t i = 0; i < share->count; i++) y[i] = x[i] * factor;
}

static void fill_step(const mk_share *share) {
  float *y = MK_OUT(0) + share->first, value = share->operation->constant[0];
  for (int64_t i = 0; i < share->count; i++) y[i] = value;
}

static void copy_step(const mk_share *share) {
  const int64_t *size = share->operation->size;
  for (int64_t i = share->first; i < share->first + share->count; i++)
    memcpy(MK_OUT(0) + i * size[3], MK_IN(0) + i * size[2], sizeof(float) * (size_t)size[1]);
}

static void transpose_step(const mk_share *share) {
  const int64_t rows = share->operation->size[1], columns = share->operation->size[2];
  for (int64_t o = share->first; o < share->first + share->count; o++)
    copy_transposed(MK_OUT(0) + o * rows * columns, rows, MK_IN(0) + o * rows * columns, columns,
                    rows, columns);
}

static void embedding_step(const mk_share *share) {
  const int64_t columns = share->operation->size[1];
  const int32_t *id = integers(MK_IN(0));
  for (int64_t i = share->first; i < share->first + share->count; i++)
    memcpy(MK_OUT(0) + i * columns, MK_IN(1) + id[i] * columns, sizeof(float) * (size_t)columns);
}

static void embedding_backward_step(const mk_share *share) {
  const int64_t *size = share->operation->size, columns = size[1], count = share->count;
  const int32_t *id = integers(MK_IN(0));
  float *table = MK_OUT(0) + share->first;
  if (!(share->operation->flags & mk_flag_accumulate)) {
    for (int64_t i = 0; i < size[2]; i++)
      for (int64_t j = 0; j < count; j++) table[i * columns + j] = 0.0f;
  }
  for (int64_t i = 0; i < size[0]; i++) {
    const float *dy = MK_IN(1) + share->first + i * columns;
    float *row = table + id[i] * columns;
    MK_EACH for (int64_t j = 0; j < count; j++) row[j] += dy[j];
  }
}

#define MK_BASIC_STEPS                                                                    \
  [mk_op_bias] = {bias_step}, [mk_op_bias_relu] = {bias_relu_step},                       \
  [mk_op_column_sums] = {column_sums_step}, [mk_op_add] = {add_step},                     \
  [mk_op_multiply] = {multiply_step}, [mk_op_add_broadcast] = {add_broadcast_step},       \
  [mk_op_scale] = {scale_step}, [mk_op_fill] = {fill_step}, [mk_op_copy] = {copy_step},   \
  [mk_op_transpose] = {transpose_step}, [mk_op_embedding] = {embedding_step},             \
  [mk_op_embedding_backward] = {embedding_backward_step}
