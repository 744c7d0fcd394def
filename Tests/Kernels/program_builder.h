// Parts of which the test programs are built.
#pragma once
#include <string.h>
#include "programs.h"

static inline int64_t take(program *p, int64_t cells) {
  p->cells += cells;
  return p->cells - cells;
}

static inline int64_t parameter(program *p, int64_t cells) {
  p->parameters_end += cells;
  return p->parameters_end - cells;
}

/// Where the gradient of the parameter at `offset` lies.
static inline int64_t gradient(const program *p, int64_t offset) {
  return offset + p->parameters_max;
}

/// Appends an operation; operands beyond those named are absent.
static inline mk_operation *add(program *p, uint32_t opcode, mk_operation sizes) {
  mk_operation *o = &p->operation[p->count++];
  *o = sizes;
  o->opcode = opcode;
  return o;
}

#define NONE mk_absent
#define SIZES(...) .size = {__VA_ARGS__}
#define OPERANDS(i0, i1, i2, i3, i4, o0, o1, o2) \
  .in = {i0, i1, i2, i3, i4, NONE}, .out = {o0, o1, o2, NONE}
#define ADD(p, opcode, ...) add(p, opcode, (mk_operation){__VA_ARGS__})

/// Room for parameters, gradients and two optimizer slots comes first in the arena.
static inline void begin(program *p, const char *name, int64_t parameters_max) {
  memset(p, 0, sizeof *p);
  p->name = name;
  p->parameters_max = parameters_max;
  p->cells = 4 * parameters_max;
  p->at.rates = take(p, 4);
  p->at.random_key = take(p, 4);
  p->loss = take(p, 1);
}

/// y = x·W + b; the bias is added in place.
static inline int64_t dense(program *p, int64_t x, int64_t w, int64_t rows, int64_t in,
                            int64_t out) {
  int64_t y = take(p, rows * out), b = w + in * out;
  ADD(p, mk_op_matmul, SIZES(rows, out, in), OPERANDS(x, w, NONE, NONE, NONE, y, NONE, NONE));
  ADD(p, mk_op_bias, SIZES(rows, out), OPERANDS(y, b, NONE, NONE, NONE, y, NONE, NONE));
  return y;
}

/// Gradients of W, b and, unless `dx` is absent, x.
static inline void dense_backward(program *p, int64_t dy, int64_t x, int64_t w, int64_t dx,
                                  int64_t rows, int64_t in, int64_t out) {
  int64_t dw = gradient(p, w), db = dw + in * out;
  ADD(p, mk_op_matmul, .flags = mk_flag_transpose_a, SIZES(in, out, rows),
      OPERANDS(x, dy, NONE, NONE, NONE, dw, NONE, NONE));
  ADD(p, mk_op_column_sums, SIZES(rows, out), OPERANDS(dy, NONE, NONE, NONE, NONE, db, NONE, NONE));
  if (dx == NONE) return;
  ADD(p, mk_op_matmul, .flags = mk_flag_transpose_b, SIZES(rows, in, out),
      OPERANDS(dy, w, NONE, NONE, NONE, dx, NONE, NONE));
}

/// Softmax cross-entropy in place of the logits; the mean loss.
static inline void classify(program *p, int64_t logits, int64_t rows, int64_t classes) {
  int64_t losses = take(p, rows);
  const float part = 1.0f / (float)rows;
  ADD(p, mk_op_softmax_cross_entropy, SIZES(rows, classes), .constant = {part},
      OPERANDS(logits, p->at.labels, NONE, NONE, NONE, logits, losses, NONE));
  ADD(p, mk_op_mean, SIZES(rows), .constant = {part},
      OPERANDS(losses, NONE, NONE, NONE, NONE, p->loss, NONE, NONE));
}

static inline void take_data(program *p, int64_t inputs, int64_t labels, int64_t label_end) {
  p->at.inputs = inputs;
  p->at.input = take(p, inputs);
  p->at.labels_count = labels;
  p->at.labels = take(p, labels);
  p->at.label_end = label_end;
}
