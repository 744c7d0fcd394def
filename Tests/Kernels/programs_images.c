// The dense and the convolutional network of programs.h.
#include "program_builder.h"

void make_mlp(program *p, int64_t batch, int64_t inputs, int64_t hidden, int64_t classes) {
  begin(p, "mlp", (inputs + 1) * hidden + (hidden + 1) * classes);
  take_data(p, batch * inputs, batch, classes);
  int64_t w1 = parameter(p, (inputs + 1) * hidden), w2 = parameter(p, (hidden + 1) * classes);
  int64_t h = take(p, batch * hidden), dh = take(p, batch * hidden);
  ADD(p, mk_op_matmul, SIZES(batch, hidden, inputs),
      OPERANDS(p->at.input, w1, NONE, NONE, NONE, h, NONE, NONE));
  ADD(p, mk_op_bias_relu, SIZES(batch, hidden),
      OPERANDS(h, w1 + inputs * hidden, NONE, NONE, NONE, h, NONE, NONE));
  int64_t logits = dense(p, h, w2, batch, hidden, classes);
  classify(p, logits, batch, classes);
  dense_backward(p, logits, h, w2, dh, batch, hidden, classes);
  ADD(p, mk_op_activation_backward, SIZES(batch * hidden, mk_relu),
      OPERANDS(dh, h, NONE, NONE, NONE, dh, NONE, NONE));
  dense_backward(p, dh, p->at.input, w1, NONE, batch, inputs, hidden);
  ADD(p, mk_op_momentum, SIZES(p->parameters_end), .constant = {0.9f, 1e-4f},
      .flags = mk_flag_nesterov,
      OPERANDS(gradient(p, 0), p->at.rates, NONE, NONE, NONE, 0, 2 * p->parameters_max, NONE));
}

/// Activations of one convolution, batch norm, ReLU and pooling.
typedef struct {
  int64_t x, w, gain, conv, norm, saved, running, pooled, places, batch, side, in, out;
} stage;

static int64_t stage_cells(const stage *s) { return s->batch * s->side * s->side * s->out; }

static void forward_stage(program *p, stage *s) {
  const int64_t rows = s->batch * s->side * s->side, cells = stage_cells(s);
  s->w = parameter(p, 9 * s->in * s->out);
  s->gain = parameter(p, 2 * s->out);
  s->conv = take(p, cells), s->norm = take(p, cells), s->saved = take(p, 2 * s->out);
  s->running = take(p, 2 * s->out), s->pooled = take(p, cells / 4), s->places = take(p, cells / 4);
  ADD(p, mk_op_conv, SIZES(s->batch, s->side, s->side, s->in, s->out, 3, 1, 1),
      OPERANDS(s->x, s->w, NONE, NONE, NONE, s->conv, NONE, NONE));
  ADD(p, mk_op_batch_norm, SIZES(rows, s->out),
      .constant = {1e-5f, 1.0f / (float)rows, 0.1f, 0.9f, (float)rows / (float)(rows - 1)},
      OPERANDS(s->conv, s->gain, s->gain + s->out, NONE, NONE, s->norm, s->saved, s->running));
  ADD(p, mk_op_activation, SIZES(cells, mk_relu),
      OPERANDS(s->norm, NONE, NONE, NONE, NONE, s->norm, NONE, NONE));
  ADD(p, mk_op_max_pool, SIZES(s->batch, s->side, s->side, s->out, 2, 2, 0),
      OPERANDS(s->norm, NONE, NONE, NONE, NONE, s->pooled, s->places, NONE));
}

/// From the gradient of the pooled image at `dy`; `dx` may be absent.
static void backward_stage(program *p, const stage *s, int64_t dy, int64_t dx) {
  const int64_t rows = s->batch * s->side * s->side, cells = stage_cells(s), d = take(p, cells);
  const int64_t dgain = gradient(p, s->gain);
  ADD(p, mk_op_max_pool_backward, SIZES(s->batch, s->side, s->side, s->out, 2, 2, 0),
      OPERANDS(dy, s->places, NONE, NONE, NONE, d, NONE, NONE));
  ADD(p, mk_op_activation_backward, SIZES(cells, mk_relu),
      OPERANDS(d, s->norm, NONE, NONE, NONE, d, NONE, NONE));
  ADD(p, mk_op_batch_norm_backward, SIZES(rows, s->out), .constant = {1.0f / (float)rows},
      OPERANDS(d, s->conv, s->gain, s->saved, NONE, d, dgain, dgain + s->out));
  ADD(p, mk_op_conv_weights, SIZES(s->batch, s->side, s->side, s->in, s->out, 3, 1, 1),
      OPERANDS(s->x, d, NONE, NONE, NONE, gradient(p, s->w), NONE, NONE));
  if (dx == NONE) return;
  ADD(p, mk_op_conv_input, SIZES(s->batch, s->side, s->side, s->in, s->out, 3, 1, 1),
      OPERANDS(d, s->w, NONE, NONE, NONE, dx, NONE, NONE));
}

void make_cnn(program *p, int64_t batch, int64_t side, int64_t first, int64_t second,
              int64_t classes) {
  const int64_t flat = side / 4 * (side / 4) * second;
  begin(p, "cnn", 11 * first + (9 * first + 2) * second + (flat + 1) * classes);
  take_data(p, batch * side * side, batch, classes);
  stage one = {.x = p->at.input, .batch = batch, .side = side, .in = 1, .out = first};
  forward_stage(p, &one);
  stage two = {.x = one.pooled, .batch = batch, .side = side / 2, .in = first, .out = second};
  forward_stage(p, &two);
  int64_t w = parameter(p, (flat + 1) * classes), dropped = take(p, batch * flat);
  mk_operation dropout = {
    .opcode = mk_op_dropout, SIZES(batch * flat, 1 << 22, 4LL << 28), .constant = {4.0f / 3.0f},
    OPERANDS(two.pooled, p->at.random_key, NONE, NONE, NONE, dropped, NONE, NONE)};
  p->operation[p->count++] = dropout;
  int64_t logits = dense(p, dropped, w, batch, flat, classes), d = take(p, batch * flat);
  classify(p, logits, batch, classes);
  dense_backward(p, logits, dropped, w, d, batch, flat, classes);
  dropout.in[0] = dropout.out[0] = d;
  p->operation[p->count++] = dropout;
  int64_t d_one = take(p, stage_cells(&one) / 4);
  backward_stage(p, &two, d, d_one);
  backward_stage(p, &one, d_one, NONE);
  ADD(p, mk_op_rmsprop, SIZES(p->parameters_end), .constant = {0.99f, 0.01f, 1e-8f, 1e-4f, 0.5f},
      OPERANDS(gradient(p, 0), p->at.rates, NONE, NONE, NONE, 0, 2 * p->parameters_max,
               3 * p->parameters_max));
}
