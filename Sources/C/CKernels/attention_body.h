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

/// A block of rows of a [time, time] matrix with row stride `stride`.
typedef struct {
  const float *base;
  int64_t stride, first, count;
} row_block;

/// to[d] ← chain from to[d] over p < count of factor[p · step] · x[p, d]: one row of a product,
/// whose sums stay in registers.
static void add_chain(float *to, const float *factor, int64_t step, const float *x, int64_t x_row,
                      int64_t count, int64_t dim) {
  int64_t d = 0;
  for (; d + 2 * MK_LANES <= dim; d += 2 * MK_LANES) {
    mk_vector a = vector_load(to + d), b = vector_load(to + d + MK_LANES);
    for (int64_t p = 0; p < count; p++) {
      const mk_vector scalar = vector_broadcast(factor[p * step]);
      a = vector_fma(scalar, vector_load(x + p * x_row + d), a);
      b = vector_fma(scalar, vector_load(x + p * x_row + d + MK_LANES), b);
    }
    vector_store(to + d, a);
    vector_store(to + d + MK_LANES, b);
  }
  for (; d < dim; d += MK_LANES) {
    mk_vector a = vector_load_part(to + d, dim - d);
    for (int64_t p = 0; p < count; p++)
      a = vector_fma(vector_broadcast(factor[p * step]),
                     vector_load_part(x + p * x_row + d, dim - d), a);
    vector_store_part(to + d, a, dim - d);
  }
}

/// y[i] = chain over j of p[i, j] · x[j], j up to i where causal.
static void lower_product(const head *h, row_block p, const float *x, int64_t x_row, float *y,
                          int64_t y_row, float *workspace) {
  const int64_t common = h->causal ? p.first + 1 : h->time;
  gemm((mk_shape){p.count, h->dim, common}, (mk_matrix){p.base, p.stride, 1},
       (mk_matrix){x, x_row, 1}, y, y_row, 0, workspace);
  for (int64_t i = 1; h->causal && i < p.count; i++)
    add_chain(y + i * y_row, p.base + i * p.stride + common, 1, x + common * x_row, x_row, i,
              h->dim);
}

/// y[j] = chain over i of p[i, j] · x[i], i from j where causal, for the columns of a block: `p`
/// holds the whole matrix.
static void upper_product(const head *h, row_block p, const float *x, int64_t x_row, float *y,
                          int64_t y_row, float *workspace) {
  const int64_t common = h->causal ? p.first + p.count - 1 : 0;
  for (int64_t j = 0; h->causal && j < p.count; j++) {
    const int64_t row = p.first + j;
    float *to = y + j * y_row;
    for (int64_t d = 0; d < h->dim; d++) to[d] = 0.0f;
    add_chain(to, p.base + row * p.stride + row, p.stride, x + row * x_row, x_row, common - row,
              h->dim);
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
    copy_transposed(columns, h.time, k, h.row, h.time, h.dim);
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
    copy_transposed(columns, h.time, v, h.row, h.time, h.dim);
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
