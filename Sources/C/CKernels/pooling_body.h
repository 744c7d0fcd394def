// Steps of max and average pooling over NHWC images; units are images. mk1 §10.
#pragma once
#include "step_body.h"

/// One image and its pooled image.
typedef struct {
  int64_t height, width, channels, kernel, stride, padding, out_height, out_width;
} window;

MK_INLINE window window_of(const mk_operation *o) {
  const int64_t *s = o->size;
  window w = {s[1], s[2], s[3], s[4], s[5], s[6], 0, 0};
  w.out_height = (w.height + 2 * w.padding - w.kernel) / w.stride + 1;
  w.out_width = (w.width + 2 * w.padding - w.kernel) / w.stride + 1;
  return w;
}

/// The part of output `place`'s window that lies inside `length`.
MK_INLINE mk_range taps(const window *w, int64_t place, int64_t length) {
  int64_t first = place * w->stride - w->padding, end = first + w->kernel;
  first = first < 0 ? 0 : first;
  return (mk_range){first, (end > length ? length : end) - first};
}

/// A 2 × 2 window inside the image, all taps at once. As the general case, tap by tap.
static void max_of_four(const float *x, int64_t place, const window *w, float *y, int32_t *index) {
  const int64_t channels = w->channels, width = w->width;
  const float *a = x + place * channels, *b = a + channels, *c = a + width * channels;
  const float *d = c + channels;
  const int32_t at = (int32_t)place, below = (int32_t)(place + width);
  MK_EACH for (int64_t k = 0; k < channels; k++) {
    float best = a[k];
    int32_t which = at;
    which = b[k] > best ? at + 1 : which;
    best = b[k] > best ? b[k] : best;
    which = c[k] > best ? below : which;
    best = c[k] > best ? c[k] : best;
    which = d[k] > best ? below + 1 : which;
    best = d[k] > best ? d[k] : best;
    y[k] = best;
    index[k] = which;
  }
}

static void max_of_taps(const float *x, mk_range rows, mk_range columns, const window *w, float *y,
                        int32_t *index) {
  const int64_t channels = w->channels;
  for (int64_t i = rows.first; i < rows.first + rows.count; i++) {
    for (int64_t j = columns.first; j < columns.first + columns.count; j++) {
      const int32_t place = (int32_t)(i * w->width + j);
      const float *tap = x + place * channels;
      const int is_first = i == rows.first && j == columns.first;
      MK_EACH for (int64_t k = 0; k < channels; k++) {
        int wins = (int)(tap[k] > y[k]) | is_first;
        index[k] = wins ? place : index[k];
        y[k] = wins ? tap[k] : y[k];
      }
    }
  }
}

static void max_pool_step(const mk_share *share) {
  const window w = window_of(share->operation);
  for (int64_t n = share->first; n < share->first + share->count; n++) {
    const float *x = MK_IN(0) + n * w.height * w.width * w.channels;
    const int64_t start = n * w.out_height * w.out_width * w.channels;
    float *y = MK_OUT(0) + start;
    int32_t *index = (int32_t *)(void *)MK_OUT(1) + start;
    for (int64_t i = 0; i < w.out_height; i++) {
      for (int64_t j = 0; j < w.out_width; j++, y += w.channels, index += w.channels) {
        mk_range rows = taps(&w, i, w.height), columns = taps(&w, j, w.width);
        if (rows.count == 2 && columns.count == 2)
          max_of_four(x, rows.first * w.width + columns.first, &w, y, index);
        else max_of_taps(x, rows, columns, &w, y, index);
      }
    }
  }
}

static void max_pool_backward_step(const mk_share *share) {
  const window w = window_of(share->operation);
  const int64_t in = w.height * w.width * w.channels;
  const int64_t places = w.out_height * w.out_width, channels = w.channels;
  for (int64_t n = share->first; n < share->first + share->count; n++) {
    const float *dy = MK_IN(0) + n * places * channels;
    const int32_t *index = integers(MK_IN(1)) + n * places * channels;
    float *dx = MK_OUT(0) + n * in;
    for (int64_t i = 0; i < in; i++) dx[i] = 0.0f;
    for (int64_t i = 0; i < places; i++)
      for (int64_t k = 0; k < channels; k++)
        dx[index[i * channels + k] * channels + k] += dy[i * channels + k];
  }
}

static void average_pool_step(const mk_share *share) {
  const window w = window_of(share->operation);
  const int64_t channels = w.channels;
  const float part = share->operation->constant[0];
  for (int64_t n = share->first; n < share->first + share->count; n++) {
    const float *x = MK_IN(0) + n * w.height * w.width * channels;
    float *y = MK_OUT(0) + n * w.out_height * w.out_width * channels;
    for (int64_t place = 0; place < w.out_height * w.out_width; place++, y += channels) {
      mk_range rows = taps(&w, place / w.out_width, w.height);
      mk_range columns = taps(&w, place % w.out_width, w.width);
      for (int64_t k = 0; k < channels; k++) y[k] = 0.0f;
      for (int64_t i = rows.first; i < rows.first + rows.count; i++) {
        const float *tap = x + (i * w.width + columns.first) * channels;
        for (int64_t j = 0; j < columns.count; j++, tap += channels) {
          MK_EACH for (int64_t k = 0; k < channels; k++) y[k] += tap[k];
        }
      }
      MK_EACH for (int64_t k = 0; k < channels; k++) y[k] *= part;
    }
  }
}

static void average_pool_backward_step(const mk_share *share) {
  const window w = window_of(share->operation);
  const int64_t channels = w.channels, in = w.height * w.width * channels;
  const float part = share->operation->constant[0];
  for (int64_t n = share->first; n < share->first + share->count; n++) {
    const float *dy = MK_IN(0) + n * w.out_height * w.out_width * channels;
    float *dx = MK_OUT(0) + n * in;
    for (int64_t i = 0; i < in; i++) dx[i] = 0.0f;
    for (int64_t place = 0; place < w.out_height * w.out_width; place++, dy += channels) {
      mk_range rows = taps(&w, place / w.out_width, w.height);
      mk_range columns = taps(&w, place % w.out_width, w.width);
      for (int64_t i = rows.first; i < rows.first + rows.count; i++) {
        float *tap = dx + (i * w.width + columns.first) * channels;
        for (int64_t j = 0; j < columns.count; j++, tap += channels) {
          MK_EACH for (int64_t k = 0; k < channels; k++) tap[k] += dy[k] * part;
        }
      }
    }
  }
}

#define MK_POOLING_STEPS                                                                      \
  [mk_op_max_pool] = {max_pool_step}, [mk_op_max_pool_backward] = {max_pool_backward_step},   \
  [mk_op_average_pool] = {average_pool_step},                                                 \
  [mk_op_average_pool_backward] = {average_pool_backward_step}
