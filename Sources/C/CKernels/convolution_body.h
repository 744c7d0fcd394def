// Convolutions as products whose A is read from a framed copy of one image: no patch is written.
//
// A frame [height, width, channels] is the image with its padding. For one row of outputs the
// windows are rows of A that lie `step` · channels apart, and a window is `kernel` segments of
// kernel · channels adjacent floats: exactly the chain order (kh, kw, channel).
#pragma once
#include "gemm_body.h"

/// A frame, and where its parts come from.
typedef struct {
  const float *base;
  int64_t height, width, channels;
} frame;

/// The framed input of one image: a copy in `space`, or the image itself if it has no padding.
static frame frame_input(const mk_convolution *s, const float *image, float *space) {
  frame f = {image, s->height, s->width, s->inputs};
  if (s->padding == 0) return f;
  f = (frame){space, s->height + 2 * s->padding, s->width + 2 * s->padding, s->inputs};
  int64_t line = f.width * f.channels, side = s->padding * f.channels;
  int64_t length = s->width * s->inputs;
  memset(space, 0, sizeof(float) * (size_t)(s->padding * line));
  for (int64_t row = 0; row < s->height; row++) {
    float *to = space + (row + s->padding) * line;
    memset(to, 0, sizeof(float) * (size_t)side);
    memcpy(to + side, image + row * length, sizeof(float) * (size_t)length);
    memset(to + side + length, 0, sizeof(float) * (size_t)side);
  }
  memset(space + (s->height + s->padding) * line, 0, sizeof(float) * (size_t)(s->padding * line));
  return f;
}

/// dy of one image turned by 180° in `space`, so that taps (kh, kw) ascend in memory: place (f, g)
/// holds dy[(height − 1 + padding − f) / stride, …], 0 where there is none.
static frame frame_gradient(const mk_convolution *s, const float *dy, float *space) {
  int64_t rows = mk_convolution_side(s, s->height), columns = mk_convolution_side(s, s->width);
  frame f = {space, s->height + s->kernel - 1, s->width + s->kernel - 1, s->outputs};
  memset(space, 0, sizeof(float) * (size_t)(f.height * f.width * f.channels));
  for (int64_t row = 0; row < rows; row++) {
    int64_t to_row = s->height - 1 + s->padding - row * s->stride;
    if (to_row < 0 || to_row >= f.height) continue;
    for (int64_t column = 0; column < columns; column++) {
      int64_t to_column = s->width - 1 + s->padding - column * s->stride;
      if (to_column < 0 || to_column >= f.width) continue;
      memcpy(space + (to_row * f.width + to_column) * f.channels,
             dy + (row * columns + column) * f.channels, sizeof(float) * (size_t)f.channels);
    }
  }
  return f;
}

/// Weights [depth, columns] as tiles read them: in place if one panel covers all columns.
typedef struct {
  const float *base;
  int64_t depth, columns;
  int packed;
} tap_weights;

static tap_weights prepare_weights(const float *weights, int64_t depth, int64_t columns,
                                   float *space) {
  tap_weights w = {weights, depth, columns, columns > MK_TILE_COLUMNS};
  if (!w.packed) return w;
  pack_b(space, (mk_matrix){weights, columns, 1}, depth, columns);
  w.base = space;
  return w;
}

/// Sets what tiles read of `w` for the columns from `j` on that `choice` covers.
MK_INLINE void set_weights(tile_arguments *t, const tap_weights *w, tile_choice choice,
                           int64_t j) {
  int64_t panel = j / MK_TILE_COLUMNS * MK_TILE_COLUMNS;
  t->b = w->base + (w->packed ? panel * w->depth + j - panel : j);
  t->b_step = w->packed ? MK_TILE_COLUMNS : w->columns;
  t->columns = choice.width;
  t->whole = w->packed ? w->depth
                       : whole_steps(w->depth, w->columns, choice.width, choice.lanes);
}

/// One row of windows: `count` of them, the first at `from`, each `step` floats after the last.
typedef struct {
  const float *from;
  int64_t count, step;
} window_line;

/// c[line, columns] of every window of `line`.
static void multiply_line(const tile_arguments *shared, tile_choice choice, window_line line,
                          float *c) {
  tile_arguments t = *shared;
  tile_heights split = split_rows(line.count, choice.rows);
  for (int64_t i = 0; i < line.count;) {
    int64_t height = next_height(&split);
    t.a = line.from + i * line.step;
    t.c = c + i * t.c_stride;
    choice.tiles[height][line.step == 1](&t);
    i += height;
  }
}

/// All windows of a frame: `lines` of them below each other, `line_step` floats apart.
static void multiply_windows(const frame *f, int64_t kernel, window_line line, int64_t lines,
                             int64_t line_step, const tap_weights *w, float *c) {
  for (int64_t j = 0; j < w->columns;) {
    tile_choice choice = choose_tiles(w->columns - j);
    tile_arguments t = {
      .depth = kernel * f->channels, .segments = kernel, .a_row = line.step, .a_step = 1,
      .a_gap = (f->width - kernel) * f->channels, .c_stride = w->columns,
    };
    set_weights(&t, w, choice, j);
    for (int64_t row = 0; row < lines; row++) {
      window_line at = line;
      at.from += row * line_step;
      multiply_line(&t, choice, at, c + row * line.count * w->columns + j);
    }
    j += choice.width;
  }
}

static void convolution(const mk_convolution *s, const float *x, const float *weights, float *y,
                        mk_range part, float *workspace) {
  int64_t height = mk_convolution_side(s, s->height), width = mk_convolution_side(s, s->width);
  int64_t depth = s->kernel * s->kernel * s->inputs;
  tap_weights w = prepare_weights(weights, depth, s->outputs, workspace);
  float *space = workspace + mk_packed_weights_floats(depth, s->outputs);
  for (int64_t n = part.first; n < part.first + part.count; n++) {
    frame f = frame_input(s, x + n * s->height * s->width * s->inputs, space);
    window_line line = {f.base, width, s->stride * f.channels};
    multiply_windows(&f, s->kernel, line, height, s->stride * f.width * f.channels, &w,
                     y + n * height * width * s->outputs);
  }
}

static void convolution_input(const mk_convolution *s, const float *dy, const float *weights,
                              float *dx, mk_range part, float *workspace) {
  int64_t taps = s->kernel * s->kernel, depth = taps * s->outputs;
  // From [kh, kw, input, output] to [kh, kw, output, input].
  float *turned = workspace, *packed = turned + depth * s->inputs;
  for (int64_t tap = 0; tap < taps; tap++)
    copy_transposed(turned + tap * s->outputs * s->inputs, s->inputs,
                    weights + tap * s->outputs * s->inputs, s->outputs, s->inputs, s->outputs);
  tap_weights w = prepare_weights(turned, depth, s->inputs, packed);
  float *space = packed + mk_packed_weights_floats(depth, s->inputs);
  int64_t image = mk_convolution_side(s, s->height) * mk_convolution_side(s, s->width) * s->outputs;
  for (int64_t n = part.first; n < part.first + part.count; n++) {
    frame f = frame_gradient(s, dy + n * image, space);
    int64_t line_floats = f.width * f.channels;
    window_line line = {f.base + (s->height - 1) * line_floats + (s->width - 1) * f.channels,
                        s->width, -f.channels};
    multiply_windows(&f, s->kernel, line, s->height, -line_floats, &w,
                     dx + n * s->height * s->width * s->inputs);
  }
}

/// Adds one image to rows first … first + count - 1 of the gradient of weights, which all belong to
/// the same kh: they are adjacent floats of the frame at every window position.
static void add_weight_rows(const mk_convolution *s, const frame *f, const float *dy,
                            float *dweights, mk_range rows, int load) {
  int64_t height = mk_convolution_side(s, s->height), width = mk_convolution_side(s, s->width);
  int64_t tap_row = s->kernel * s->inputs, kh = rows.first / tap_row;
  int64_t line_floats = f->width * f->channels, step = s->stride * f->channels;
  tap_weights b = {dy, height * width, s->outputs, 0};
  for (int64_t j = 0; j < s->outputs;) {
    tile_choice choice = choose_tiles(s->outputs - j);
    tile_arguments t = {
      .depth = width, .segments = height, .a_row = 1, .a_step = step,
      .a_gap = s->stride * line_floats - width * step, .c_stride = s->outputs, .load = load,
    };
    set_weights(&t, &b, choice, j);
    window_line line = {f->base + kh * line_floats + rows.first % tap_row, rows.count, 1};
    multiply_line(&t, choice, line, dweights + rows.first * s->outputs + j);
    j += choice.width;
  }
}

static void convolution_weights(const mk_convolution *s, const float *x, const float *dy,
                                float *dweights, mk_range part, float *workspace) {
  int64_t image = mk_convolution_side(s, s->height) * mk_convolution_side(s, s->width) * s->outputs;
  int64_t tap_row = s->kernel * s->inputs, end = part.first + part.count;
  if (s->images == 0 || image == 0) {
    for (int64_t i = part.first * s->outputs; i < end * s->outputs; i++) dweights[i] = 0.0f;
    return;
  }
  for (int64_t n = 0; n < s->images; n++) {
    frame f = frame_input(s, x + n * s->height * s->width * s->inputs, workspace);
    for (int64_t row = part.first; row < end;) {
      mk_range rows = {row, least(end, (row / tap_row + 1) * tap_row) - row};
      add_weight_rows(s, &f, dy + n * image, dweights, rows, n > 0);
      row += rows.count;
    }
  }
}

#define MK_PRODUCTS                                                             \
  .gemm = gemm, .gemm_packed = gemm_packed, .convolution = convolution,         \
  .convolution_weights = convolution_weights, .convolution_input = convolution_input
