// The language model of programs.h.
#include "program_builder.h"

/// Parameters and activations of one block.
typedef struct {
  int64_t x, gain1, qkv_w, out_w, gain2, up_w, down_w;
  int64_t normal1, saved1, qkv, mixed, heads_p, middle, normal2, saved2, up, active, y;
} block;

typedef struct {
  int64_t batch, time, rows, width, heads;
} sizes;

static int64_t layer_norm(program *p, sizes s, int64_t x, int64_t gain, int64_t *saved) {
  int64_t y = take(p, s.rows * s.width);
  *saved = take(p, 2 * s.rows);
  ADD(p, mk_op_layer_norm, SIZES(s.rows, s.width), .constant = {1e-5f, 1.0f / (float)s.width},
      OPERANDS(x, gain, gain + s.width, NONE, NONE, y, *saved, NONE));
  return y;
}

static int64_t sum_of(program *p, int64_t count, int64_t a, int64_t b) {
  ADD(p, mk_op_add, SIZES(count), OPERANDS(a, b, NONE, NONE, NONE, b, NONE, NONE));
  return b;
}

static float inverse_root(int64_t dim) {
  float x = 1.0f;
  for (int i = 0; i < 30; i++) x = 0.5f * (x + (float)dim / x);
  return 1.0f / x;
}

static void forward_block(program *p, sizes s, block *b) {
  const int64_t w = s.width;
  b->gain1 = parameter(p, 2 * w), b->qkv_w = parameter(p, (w + 1) * 3 * w);
  b->out_w = parameter(p, (w + 1) * w), b->gain2 = parameter(p, 2 * w);
  b->up_w = parameter(p, (w + 1) * 4 * w), b->down_w = parameter(p, (4 * w + 1) * w);
  b->normal1 = layer_norm(p, s, b->x, b->gain1, &b->saved1);
  b->qkv = dense(p, b->normal1, b->qkv_w, s.rows, w, 3 * w);
  b->mixed = take(p, s.rows * w), b->heads_p = take(p, s.rows * s.heads * s.time);
  ADD(p, mk_op_attention, .flags = mk_flag_causal, SIZES(s.batch, s.time, s.heads, w / s.heads),
      .constant = {inverse_root(w / s.heads)},
      OPERANDS(b->qkv, NONE, NONE, NONE, NONE, b->mixed, b->heads_p, NONE));
  b->middle = sum_of(p, s.rows * w, b->x, dense(p, b->mixed, b->out_w, s.rows, w, w));
  b->normal2 = layer_norm(p, s, b->middle, b->gain2, &b->saved2);
  b->up = dense(p, b->normal2, b->up_w, s.rows, w, 4 * w);
  b->active = take(p, s.rows * 4 * w);
  ADD(p, mk_op_activation, SIZES(s.rows * 4 * w, mk_gelu),
      OPERANDS(b->up, NONE, NONE, NONE, NONE, b->active, NONE, NONE));
  b->y = sum_of(p, s.rows * w, b->middle, dense(p, b->active, b->down_w, s.rows, 4 * w, w));
}

/// dx of a norm, added onto the gradient `d` that goes past it.
static void norm_backward(program *p, sizes s, int64_t dy, int64_t x, int64_t gain, int64_t saved,
                          int64_t d) {
  const int64_t dgain = gradient(p, gain);
  ADD(p, mk_op_layer_norm_backward, SIZES(s.rows, s.width), .constant = {1.0f / (float)s.width},
      OPERANDS(dy, x, gain, saved, d, d, dgain, dgain + s.width));
}

/// `d` is the gradient of the block's output, and becomes that of its input. `wide` and `narrow`
/// are scratch cells.
static void backward_block(program *p, sizes s, const block *b, int64_t d, int64_t wide,
                           int64_t narrow) {
  const int64_t w = s.width;
  dense_backward(p, d, b->active, b->down_w, wide, s.rows, 4 * w, w);
  ADD(p, mk_op_activation_backward, SIZES(s.rows * 4 * w, mk_gelu),
      OPERANDS(wide, b->up, NONE, NONE, NONE, wide, NONE, NONE));
  dense_backward(p, wide, b->normal2, b->up_w, narrow, s.rows, w, 4 * w);
  norm_backward(p, s, narrow, b->middle, b->gain2, b->saved2, d);
  dense_backward(p, d, b->mixed, b->out_w, narrow, s.rows, w, w);
  ADD(p, mk_op_attention_backward, .flags = mk_flag_causal,
      SIZES(s.batch, s.time, s.heads, w / s.heads), .constant = {inverse_root(w / s.heads)},
      OPERANDS(narrow, b->qkv, b->heads_p, NONE, NONE, wide, NONE, NONE));
  dense_backward(p, wide, b->normal1, b->qkv_w, narrow, s.rows, w, 3 * w);
  norm_backward(p, s, narrow, b->x, b->gain1, b->saved1, d);
}

/// y = table[ids] + positions.
static int64_t embed(program *p, sizes s, int64_t table, int64_t positions, int64_t vocabulary) {
  int64_t y = take(p, s.rows * s.width);
  ADD(p, mk_op_embedding, SIZES(s.rows, s.width, vocabulary),
      OPERANDS(p->at.input, table, NONE, NONE, NONE, y, NONE, NONE));
  ADD(p, mk_op_add_broadcast, SIZES(s.rows, s.width, s.time),
      OPERANDS(y, positions, NONE, NONE, NONE, y, NONE, NONE));
  return y;
}

static void embed_backward(program *p, sizes s, int64_t d, int64_t table, int64_t positions,
                           int64_t vocabulary) {
  ADD(p, mk_op_embedding_backward, SIZES(s.rows, s.width, vocabulary),
      OPERANDS(p->at.input, d, NONE, NONE, NONE, gradient(p, table), NONE, NONE));
  ADD(p, mk_op_column_sums, SIZES(s.batch, s.time * s.width),
      OPERANDS(d, NONE, NONE, NONE, NONE, gradient(p, positions), NONE, NONE));
}

void make_transformer(program *p, int64_t batch, int64_t time, int64_t layers, int64_t width,
                      int64_t heads, int64_t vocabulary) {
  const sizes s = {batch, time, batch * time, width, heads};
  block blocks[8];
  begin(p, "transformer", (2 * vocabulary + time + 2) * width + layers * (12 * width + 13) * width);
  take_data(p, s.rows, s.rows, vocabulary);
  p->at.input_end = vocabulary;
  int64_t table = parameter(p, vocabulary * width), positions = parameter(p, time * width);
  int64_t x = embed(p, s, table, positions, vocabulary), saved;
  for (int64_t i = 0; i < layers; i++) {
    blocks[i].x = x;
    forward_block(p, s, &blocks[i]);
    x = blocks[i].y;
  }
  int64_t gain = parameter(p, 2 * width), head = parameter(p, vocabulary * width);
  int64_t normal = layer_norm(p, s, x, gain, &saved), logits = take(p, s.rows * vocabulary);
  ADD(p, mk_op_matmul, SIZES(s.rows, vocabulary, width),
      OPERANDS(normal, head, NONE, NONE, NONE, logits, NONE, NONE));
  classify(p, logits, s.rows, vocabulary);
  int64_t d = take(p, s.rows * width), narrow = take(p, s.rows * width);
  int64_t wide = take(p, s.rows * 4 * width), dgain = gradient(p, gain);
  ADD(p, mk_op_matmul, .flags = mk_flag_transpose_a, SIZES(width, vocabulary, s.rows),
      OPERANDS(normal, logits, NONE, NONE, NONE, gradient(p, head), NONE, NONE));
  ADD(p, mk_op_matmul, .flags = mk_flag_transpose_b, SIZES(s.rows, width, vocabulary),
      OPERANDS(logits, head, NONE, NONE, NONE, narrow, NONE, NONE));
  ADD(p, mk_op_layer_norm_backward, SIZES(s.rows, width), .constant = {1.0f / (float)width},
      OPERANDS(narrow, x, gain, saved, NONE, d, dgain, dgain + width));
  for (int64_t i = layers - 1; i >= 0; i--) backward_block(p, s, &blocks[i], d, wide, narrow);
  embed_backward(p, s, d, table, positions, vocabulary);
  int64_t norm = take(p, 1), all = gradient(p, 0);
  ADD(p, mk_op_gradient_norm, SIZES(p->parameters_end),
      OPERANDS(all, NONE, NONE, NONE, NONE, norm, NONE, NONE));
  ADD(p, mk_op_clip, SIZES(p->parameters_end), .constant = {1.0f},
      OPERANDS(norm, NONE, NONE, NONE, NONE, all, NONE, NONE));
  ADD(p, mk_op_adam, SIZES(p->parameters_end),
      .constant = {0.9f, 0.1f, 0.999f, 0.001f, 1e-8f, 0.0f},
      OPERANDS(all, p->at.rates, NONE, NONE, NONE, 0, 2 * p->parameters_max,
               3 * p->parameters_max));
}
