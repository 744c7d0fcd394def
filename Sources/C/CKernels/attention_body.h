// Steps of self-attention; units are heads of sequences. Chains never see a masked place: row i of
// a causal head ends at column i. The products run by `gemm` where a block of rows has the same
// ends, and by plain loops at the diagonal; no bit depends on where the blocks are cut. mk1 §14.
#pragma once
#include "step_body.h"

/// One head: rows of q, k, v and of the output, in place.
typedef struct {
  int64_t time, dim, row, out_row, start, out_start, plane;
  int causal;
} head;

MK_INLINE head head_of(const mk_operation *o, int64_t unit) {
  const int64_t time = o->size[1], heads = o->size[2], dim = o->size[3];
  const int64_t batch = unit / heads, number = unit % heads;
  return (head){
    .time = time, .dim = dim, .row = 3 * heads * dim, .out_row = heads * dim,
    .start = batch * time * 3 * heads * dim + number * dim,
    .out_start = batch * time * heads * dim + number * dim, .plane = unit * time * time,
    .causal = (o->flags & mk_flag_causal) != 0,
  };
}

/// to[p, i] = from[i, p]: the columns of K become adjacent.
static void transpose_rows(float *restrict to, const float *from, int64_t row, int64_t rows,
                           int64_t columns) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t p = 0; p < columns; p++) to[p * rows + i] = from[i * row + p];
}

/// A block of rows of a [time, time] matrix with row stride `stride`.
typedef struct {
  const float *base;
  int64_t stride, first, count;
} row_block;

/// y[i] = chain over j of p[i, j] · x[j], j up to i where causal.
static void lower_product(const head *h, row_block p, const float *x, int64_t x_row, float *y,
                          int64_t y_row, float *workspace) {
  const int64_t common = h->causal ? p.first + 1 : h->time, end = p.first + p.count;
  gemm((mk_shape){p.count, h->dim, common}, (mk_matrix){p.base, p.stride, 1},
       (mk_matrix){x, x_row, 1}, y, y_row, 0, workspace);
  if (!h->causal) return;
  for (int64_t i = p.first + 1; i < end; i++) {
    float *to = y + (i - p.first) * y_row;
    for (int64_t j = p.first + 1; j <= i; j++) {
      const float factor = p.base[(i - p.first) * p.stride + j], *from = x + j * x_row;
      MK_EACH for (int64_t d = 0; d < h->dim; d++) to[d] = __builtin_fmaf(factor, from[d], to[d]);
    }
  }
}

/// y[j] = chain over i of p[i, j] · x[i], i from j where causal, for the columns of a block: `p`
/// holds the whole matrix.
static void upper_product(const head *h, row_block p, const float *x, int64_t x_row, float *y,
                          int64_t y_row, float *workspace) {
  const int64_t common = h->causal ? p.first + p.count - 1 : 0;
  for (int64_t j = p.first; j < common; j++) {
    float *to = y + (j - p.first) * y_row;
    for (int64_t d = 0; d < h->dim; d++) to[d] = 0.0f;
    for (int64_t i = j; i < common; i++) {
      const float factor = p.base[i * p.stride + j], *from = x + i * x_row;
      MK_EACH for (int64_t d = 0; d < h->dim; d++) to[d] = __builtin_fmaf(factor, from[d], to[d]);
    }
  }
  if (h->causal) {
    float *last = y + (p.count - 1) * y_row;
    for (int64_t d = 0; d < h->dim; d++) last[d] = 0.0f;
  }
  gemm((mk_shape){p.count, h->dim, h->time - common},
       (mk_matrix){p.base + common * p.stride + p.first, 1, p.stride},
       (mk_matrix){x + common * x_row, x_row, 1}, y, y_row, h->causal, workspace);
}

/// Softmax of the first `count` scores; the rest of the row becomes +0. `row` is scratch memory in
/// whole lanes: what is computed beyond `count` is thrown away.
static void probabilities_of(float *p, float *row, int64_t count, int64_t time, float scale) {
  const int64_t whole = mk_whole_lanes(count);
  MK_EACH for (int64_t j = 0; j < count; j++) row[j] = p[j] * scale;
  for (int64_t j = count; j < whole; j++) row[j] = row[0];
  const float m = maximum(row, whole);
  MK_EACH for (int64_t j = 0; j < whole; j++) row[j] = exp_scalar(row[j] - m);
  for (int64_t j = count; j < whole; j++) row[j] = 0.0f;
  const float inverse = 1.0f / sum_body(row, whole);
  MK_EACH for (int64_t j = 0; j < count; j++) p[j] = row[j] * inverse;
  for (int64_t j = count; j < time; j++) p[j] = 0.0f;
}

static void attention_step(const mk_share *share) {
  const float scale = share->operation->constant[0];
  for (int64_t unit = share->first; unit < share->first + share->count; unit++) {
    const head h = head_of(share->operation, unit);
    const float *q = MK_IN(0) + h.start, *k = q + h.out_row, *v = k + h.out_row;
    float *y = MK_OUT(0) + h.out_start, *plane = MK_OUT(1) + h.plane;
    float *columns = share->scratch, *row = columns + h.time * h.dim;
    float *workspace = row + mk_whole_lanes(h.time);
    transpose_rows(columns, k, h.row, h.time, h.dim);
    for (int64_t first = 0; first < h.time; first += mk_attention_rows) {
      int64_t rest = h.time - first, count = rest < mk_attention_rows ? rest : mk_attention_rows;
      float *p = plane + first * h.time;
      gemm((mk_shape){count, h.causal ? first + count : h.time, h.dim},
           (mk_matrix){q + first * h.row, h.row, 1}, (mk_matrix){columns, h.time, 1}, p, h.time, 0,
           workspace);
      for (int64_t i = 0; i < count; i++)
        probabilities_of(p + i * h.time, row, h.causal ? first + i + 1 : h.time, h.time, scale);
      lower_product(&h, (row_block){p, h.time, first, count}, v, h.row, y + first * h.out_row,
                    h.out_row, workspace);
    }
  }
}

/// dS = P ∘ (dP - Σ dP∘P) · scale over the first `count` columns, in place of dP.
static void score_gradient(float *dp, const float *p, int64_t count, float scale) {
  const float total = dot_body(dp, p, count);
  MK_EACH for (int64_t j = 0; j < count; j++) dp[j] = (p[j] * (dp[j] - total)) * scale;
}

static void attention_backward_step(const mk_share *share) {
  const float scale = share->operation->constant[0];
  for (int64_t unit = share->first; unit < share->first + share->count; unit++) {
    const head h = head_of(share->operation, unit);
    const float *dy = MK_IN(0) + h.out_start, *q = MK_IN(1) + h.start, *k = q + h.out_row;
    const float *v = k + h.out_row, *p = MK_IN(2) + h.plane;
    float *dq = MK_OUT(0) + h.start, *dk = dq + h.out_row, *dv = dk + h.out_row;
    float *columns = share->scratch, *ds = columns + h.time * h.dim;
    float *workspace = ds + h.time * h.time;
    transpose_rows(columns, v, h.row, h.time, h.dim);
    for (int64_t first = 0; first < h.time; first += mk_attention_rows) {
      int64_t rest = h.time - first, count = rest < mk_attention_rows ? rest : mk_attention_rows;
      float *block = ds + first * h.time;
      gemm((mk_shape){count, h.causal ? first + count : h.time, h.dim},
           (mk_matrix){dy + first * h.out_row, h.out_row, 1}, (mk_matrix){columns, h.time, 1},
           block, h.time, 0, workspace);
      for (int64_t i = 0; i < count; i++)
        score_gradient(block + i * h.time, p + (first + i) * h.time,
                       h.causal ? first + i + 1 : h.time, scale);
      lower_product(&h, (row_block){block, h.time, first, count}, k, h.row, dq + first * h.row,
                    h.row, workspace);
    }
    for (int64_t first = 0; first < h.time; first += mk_attention_rows) {
      int64_t rest = h.time - first, count = rest < mk_attention_rows ? rest : mk_attention_rows;
      upper_product(&h, (row_block){ds, h.time, first, count}, q, h.row, dk + first * h.row, h.row,
                    workspace);
      upper_product(&h, (row_block){p, h.time, first, count}, dy, h.out_row, dv + first * h.row,
                    h.row, workspace);
    }
  }
}

#define MK_ATTENTION_STEPS            \
  [mk_op_attention] = {attention_step}, \
  [mk_op_attention_backward] = {attention_backward_step}
