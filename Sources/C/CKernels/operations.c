// What each operation reads and writes: the only place that knows the sizes of operands.
#include <string.h>
#include "program.h"

/// A product of sizes, at most MK_CELLS_MAX + 1: large enough to be refused, never an overflow.
static int64_t cells(int64_t a, int64_t b, int64_t c, int64_t d) {
  const int64_t factor[3] = {b, c, d};
  int64_t product = a;
  for (int i = 0; i < 3; i++)
    if (__builtin_mul_overflow(product, factor[i], &product) || product > MK_CELLS_MAX)
      return MK_CELLS_MAX + 1;
  return product;
}

static int64_t pair(int64_t a, int64_t b) { return cells(a, b, 1, 1); }

static int64_t side(int64_t length, int64_t kernel, int64_t stride, int64_t padding) {
  return (length + 2 * padding - kernel) / stride + 1;
}

int64_t mk_window_cells(const int64_t *s, int64_t channels, int64_t kernel, int64_t stride,
                        int64_t padding) {
  return cells(s[0], side(s[1], kernel, stride, padding), side(s[2], kernel, stride, padding),
               channels);
}

/// Cells of COPY's source or target: rows of `columns` at `stride`, the last without its gap.
static int64_t strided(const int64_t *s, int64_t stride) {
  int64_t before_last = pair(s[0] - 1, stride);
  return before_last > MK_CELLS_MAX ? before_last : before_last + s[1];
}

static void convolution_cells(const int64_t *s, int64_t *x, int64_t *weights, int64_t *y) {
  *x = cells(s[0], s[1], s[2], s[3]);
  *weights = cells(s[5], s[5], s[3], s[4]);
  *y = mk_window_cells(s, s[4], s[5], s[6], s[7]);
}

static void norm_cells(uint32_t opcode, const int64_t *s, int64_t *in, int64_t *out) {
  const int64_t all = pair(s[0], s[1]), columns = s[1];
  const int64_t layer = pair(2, s[0]), rms = s[0], batch = pair(2, columns);
  switch (opcode) {
    case mk_op_layer_norm:
      in[0] = out[0] = all, in[1] = in[2] = columns, out[1] = layer;
      break;
    case mk_op_layer_norm_backward:
      in[0] = in[1] = in[4] = out[0] = all, in[2] = out[1] = out[2] = columns, in[3] = layer;
      break;
    case mk_op_rms_norm: in[0] = out[0] = all, in[1] = columns, out[1] = rms; break;
    case mk_op_rms_norm_backward:
      in[0] = in[1] = in[4] = out[0] = all, in[2] = out[1] = columns, in[3] = rms;
      break;
    case mk_op_batch_norm:
      in[0] = out[0] = all, in[1] = in[2] = columns, out[1] = out[2] = batch;
      break;
    case mk_op_batch_norm_backward:
      in[0] = in[1] = out[0] = all, in[2] = out[1] = out[2] = columns, in[3] = batch;
      break;
    default: in[0] = out[0] = all, in[1] = in[2] = columns, in[3] = batch;
  }
}

static void window_cells(uint32_t opcode, const int64_t *s, int64_t *in, int64_t *out) {
  int64_t x, weights, y;
  switch (opcode) {
    case mk_op_conv: convolution_cells(s, &in[0], &in[1], &out[0]); return;
    case mk_op_conv_weights: convolution_cells(s, &in[0], &out[0], &in[1]); return;
    case mk_op_conv_input: convolution_cells(s, &out[0], &in[1], &in[0]); return;
    default: break;
  }
  x = cells(s[0], s[1], s[2], s[3]), y = mk_window_cells(s, s[3], s[4], s[5], s[6]), weights = y;
  switch (opcode) {
    case mk_op_max_pool: in[0] = x, out[0] = y, out[1] = weights; break;
    case mk_op_max_pool_backward: in[0] = in[1] = y, out[0] = x; break;
    case mk_op_average_pool: in[0] = x, out[0] = y; break;
    default: in[0] = y, out[0] = x;
  }
}

static void sequence_cells(uint32_t opcode, const int64_t *s, int64_t *in, int64_t *out) {
  const int64_t y = cells(s[0], s[1], s[2], s[3]), p = cells(s[0], s[2], s[1], s[1]);
  switch (opcode) {
    case mk_op_embedding: in[0] = s[0], in[1] = pair(s[2], s[1]), out[0] = pair(s[0], s[1]); break;
    case mk_op_embedding_backward:
      in[0] = s[0], in[1] = pair(s[0], s[1]), out[0] = pair(s[2], s[1]);
      break;
    case mk_op_attention: in[0] = pair(3, y), out[0] = y, out[1] = p; break;
    default: in[0] = y, in[1] = pair(3, y), in[2] = p, out[0] = pair(3, y);
  }
}

static void loss_cells(uint32_t opcode, const int64_t *s, int64_t *in, int64_t *out) {
  const int64_t all = pair(s[0], s[1]);
  switch (opcode) {
    case mk_op_softmax_cross_entropy: in[0] = out[0] = all, in[1] = out[1] = s[0]; break;
    case mk_op_classify: in[0] = all, in[1] = out[0] = out[1] = s[0]; break;
    case mk_op_mean: in[0] = s[0], out[0] = 1; break;
    default: in[0] = in[1] = out[0] = all, out[1] = s[0];
  }
}

static void optimizer_cells(uint32_t opcode, const int64_t *s, int64_t *in, int64_t *out) {
  switch (opcode) {
    case mk_op_gradient_norm: in[0] = s[0], out[0] = 1; return;
    case mk_op_clip: in[0] = 1, out[0] = s[0]; return;
    case mk_op_sgd: in[1] = 1, out[1] = 0, out[2] = 0; break;
    case mk_op_momentum: case mk_op_adagrad: in[1] = 1, out[1] = s[0], out[2] = 0; break;
    case mk_op_rmsprop: in[1] = 1, out[1] = out[2] = s[0]; break;
    case mk_op_adam: in[1] = 2, out[1] = out[2] = s[0]; break;
    default: in[1] = 3, out[1] = out[2] = s[0];
  }
  in[0] = out[0] = s[0];
}

static void elementwise_cells(uint32_t opcode, const int64_t *s, int64_t *in, int64_t *out) {
  switch (opcode) {
    case mk_op_matmul: in[0] = pair(s[0], s[2]), in[1] = pair(s[2], s[1]); break;
    case mk_op_bias: case mk_op_bias_relu: in[0] = pair(s[0], s[1]), in[1] = s[1]; break;
    case mk_op_column_sums: in[0] = pair(s[0], s[1]), out[0] = s[1]; return;
    case mk_op_add_broadcast: in[0] = pair(s[0], s[1]), in[1] = pair(s[2], s[1]); break;
    case mk_op_copy: in[0] = strided(s, s[2]), out[0] = strided(s, s[3]); return;
    case mk_op_transpose: in[0] = out[0] = cells(s[0], s[1], s[2], 1); return;
    case mk_op_softmax: in[0] = pair(s[0], s[1]); break;
    default:
      out[0] = s[0];
      if (opcode != mk_op_fill) in[0] = s[0];
      if (opcode == mk_op_add || opcode == mk_op_multiply || opcode == mk_op_activation_backward)
        in[1] = s[0];
      if (opcode == mk_op_dropout) in[1] = mk_dropout_cells;
      return;
  }
  out[0] = pair(s[0], s[1]);
}

void mk_operand_cells(const mk_operation *o, int64_t *in, int64_t *out) {
  memset(in, 0, sizeof(int64_t) * mk_input_slots);
  memset(out, 0, sizeof(int64_t) * mk_output_slots);
  if (o->opcode < mk_op_conv) elementwise_cells(o->opcode, o->size, in, out);
  else if (o->opcode < mk_op_layer_norm) window_cells(o->opcode, o->size, in, out);
  else if (o->opcode < mk_op_embedding) norm_cells(o->opcode, o->size, in, out);
  else if (o->opcode < mk_op_softmax_cross_entropy) sequence_cells(o->opcode, o->size, in, out);
  else if (o->opcode < mk_op_gradient_norm) loss_cells(o->opcode, o->size, in, out);
  else optimizer_cells(o->opcode, o->size, in, out);
}
