// Every operation that the models of programs.h do not use, on the same cells again and again.
#include "program_builder.h"

enum { rows = 6, columns = 21, count = rows * columns };

/// Elementwise operations, copies and dropout: a new value each, from the one before.
static int64_t elementwise(program *p, int64_t x) {
  for (int64_t kind = mk_relu; kind <= mk_silu; kind++) {
    int64_t y = take(p, count), d = take(p, count);
    ADD(p, mk_op_activation, SIZES(count, kind),
        OPERANDS(x, NONE, NONE, NONE, NONE, y, NONE, NONE));
    ADD(p, mk_op_activation_backward, SIZES(count, kind),
        OPERANDS(x, y, NONE, NONE, NONE, d, NONE, NONE));
    ADD(p, mk_op_multiply, SIZES(count), OPERANDS(y, d, NONE, NONE, NONE, y, NONE, NONE));
    ADD(p, mk_op_add, SIZES(count), OPERANDS(x, y, NONE, NONE, NONE, x, NONE, NONE));
  }
  int64_t y = take(p, 2 * count), filled = take(p, count);
  ADD(p, mk_op_fill, SIZES(count), .constant = {0.375f},
      OPERANDS(NONE, NONE, NONE, NONE, NONE, filled, NONE, NONE));
  ADD(p, mk_op_scale, SIZES(count), .constant = {0.3f},
      OPERANDS(x, NONE, NONE, NONE, NONE, x, NONE, NONE));
  ADD(p, mk_op_copy, SIZES(rows, columns, columns, 2 * columns),
      OPERANDS(x, NONE, NONE, NONE, NONE, y, NONE, NONE));
  ADD(p, mk_op_copy, SIZES(rows, columns, columns, 2 * columns),
      OPERANDS(filled, NONE, NONE, NONE, NONE, y + columns, NONE, NONE));
  int64_t z = take(p, 2 * count);
  ADD(p, mk_op_transpose, SIZES(2, rows, columns),
      OPERANDS(y, NONE, NONE, NONE, NONE, z, NONE, NONE));
  ADD(p, mk_op_softmax, SIZES(columns, 2 * rows),
      OPERANDS(z, NONE, NONE, NONE, NONE, z, NONE, NONE));
  return z;
}

static int64_t norms(program *p, int64_t x, int64_t gain) {
  int64_t y = take(p, count), saved = take(p, rows), dx = take(p, count), dgain = take(p, columns);
  int64_t z = take(p, count);
  const float part = 1.0f / columns;
  ADD(p, mk_op_rms_norm, SIZES(rows, columns), .constant = {1e-6f, part},
      OPERANDS(x, gain, NONE, NONE, NONE, y, saved, NONE));
  ADD(p, mk_op_rms_norm_backward, SIZES(rows, columns), .constant = {part},
      OPERANDS(y, x, gain, saved, NONE, dx, dgain, NONE));
  ADD(p, mk_op_batch_norm_inference, SIZES(3, 2 * columns), .constant = {1.5f},
      OPERANDS(dx, gain, gain + 2 * columns, gain, NONE, z, NONE, NONE));
  return z;
}

/// Windows that overlap and leave the image.
static void pools(program *p, int64_t x) {
  int64_t y = take(p, 24), dx = take(p, count), places = take(p, 24);
  ADD(p, mk_op_average_pool, SIZES(1, 6, 7, 3, 3, 2, 1), .constant = {1.0f / 9},
      OPERANDS(x, NONE, NONE, NONE, NONE, take(p, 36), NONE, NONE));
  ADD(p, mk_op_average_pool_backward, SIZES(1, 6, 7, 3, 3, 2, 1), .constant = {1.0f / 9},
      OPERANDS(p->cells - 36, NONE, NONE, NONE, NONE, dx, NONE, NONE));
  ADD(p, mk_op_max_pool, SIZES(1, 6, 7, 3, 3, 2, 0),
      OPERANDS(dx, NONE, NONE, NONE, NONE, y, places, NONE));
  ADD(p, mk_op_max_pool_backward, SIZES(1, 6, 7, 3, 3, 2, 0),
      OPERANDS(y, places, NONE, NONE, NONE, x, NONE, NONE));
}

static void losses(program *p, int64_t x, int64_t target) {
  const float part = 1.0f / columns, scale = part / rows;
  int64_t best = take(p, rows);
  for (uint32_t opcode = mk_op_binary_cross_entropy; opcode <= mk_op_huber; opcode++) {
    int64_t d = take(p, count), loss = take(p, rows);
    ADD(p, opcode, SIZES(rows, columns),
        .constant = {scale, part, opcode == mk_op_huber ? 0.25f : 0.0f},
        OPERANDS(x, target, NONE, NONE, NONE, d, loss, NONE));
    ADD(p, mk_op_mean, SIZES(rows), .constant = {1.0f / rows},
        OPERANDS(loss, NONE, NONE, NONE, NONE, p->loss, NONE, NONE));
    ADD(p, mk_op_add, SIZES(count), OPERANDS(x, d, NONE, NONE, NONE, x, NONE, NONE));
  }
  ADD(p, mk_op_classify, SIZES(rows, columns),
      OPERANDS(x, p->at.labels, NONE, NONE, NONE, take(p, rows), best, NONE));
}

static void optimizers(program *p, int64_t g, int64_t w) {
  int64_t m = take(p, count), v = take(p, count), u = take(p, count), sum = take(p, count);
  ADD(p, mk_op_sgd, SIZES(count), OPERANDS(g, p->at.rates, NONE, NONE, NONE, w, NONE, NONE));
  ADD(p, mk_op_momentum, SIZES(count), .constant = {0.9f, 1e-3f},
      OPERANDS(g, p->at.rates, NONE, NONE, NONE, w, u, NONE));
  ADD(p, mk_op_adamw, SIZES(count), .constant = {0.9f, 0.1f, 0.999f, 0.001f, 1e-8f},
      OPERANDS(g, p->at.rates, NONE, NONE, NONE, w, m, v));
  ADD(p, mk_op_rmsprop, SIZES(count), .constant = {0.99f, 0.01f, 1e-8f, 1e-3f, 0},
      OPERANDS(g, p->at.rates, NONE, NONE, NONE, w, v, NONE));
  ADD(p, mk_op_adagrad, SIZES(count), .constant = {1e-10f, 1e-3f},
      OPERANDS(g, p->at.rates, NONE, NONE, NONE, w, sum, NONE));
}

/// Attention without a mask and an embedding whose gradient is added onto.
static void sequences(program *p, int64_t x) {
  int64_t w = take(p, count);
  ADD(p, mk_op_fill, SIZES(count), .constant = {-0.5f},
      OPERANDS(NONE, NONE, NONE, NONE, NONE, w, NONE, NONE));
  int64_t y = take(p, 42), probabilities = take(p, 18), d = take(p, count);
  ADD(p, mk_op_attention, SIZES(2, 3, 1, 7), .constant = {0.378f},
      OPERANDS(x, NONE, NONE, NONE, NONE, y, probabilities, NONE));
  ADD(p, mk_op_attention_backward, SIZES(2, 3, 1, 7), .constant = {0.378f},
      OPERANDS(y, x, probabilities, NONE, NONE, d, NONE, NONE));
  ADD(p, mk_op_embedding_backward, SIZES(rows, 6, columns), .flags = mk_flag_accumulate,
      OPERANDS(p->at.labels, d, NONE, NONE, NONE, w, NONE, NONE));
  ADD(p, mk_op_column_sums, SIZES(rows, columns), .flags = mk_flag_accumulate,
      OPERANDS(d, NONE, NONE, NONE, NONE, w, NONE, NONE));
}

void make_others(program *p) {
  begin(p, "others", 2 * count);
  take_data(p, count, rows, columns);
  int64_t w = parameter(p, count), gain = parameter(p, count), x = take(p, count);
  ADD(p, mk_op_add, SIZES(count), OPERANDS(p->at.input, w, NONE, NONE, NONE, x, NONE, NONE));
  int64_t z = elementwise(p, x);
  int64_t y = norms(p, z, gain);
  losses(p, y, z);
  optimizers(p, y, w);
  sequences(p, x);
  pools(p, x);
}
