// The plain definitions of the convolution kernels, one chain per element: the tests' oracle.
#pragma STDC FP_CONTRACT OFF
#include "CKernels.h"

int64_t mk_convolution_side(const mk_convolution *s, int64_t side) {
  int64_t room = side + 2 * s->padding - s->kernel;
  return room < 0 ? 0 : room / s->stride + 1;
}

/// Where window position `out` meets the input at tap `tap`; outside [0, side) there is no input.
static int64_t seen(const mk_convolution *s, int64_t out, int64_t tap) {
  return out * s->stride + tap - s->padding;
}

/// x[image, row, column, channel], +0 outside of the image.
static float at(const float *x, int64_t height, int64_t width, int64_t channels, int64_t image,
                int64_t row, int64_t column, int64_t channel) {
  if (row < 0 || row >= height || column < 0 || column >= width) return 0.0f;
  return x[((image * height + row) * width + column) * channels + channel];
}

static float forward(const mk_convolution *s, const float *x, const float *weights, int64_t image,
                     int64_t oh, int64_t ow, int64_t output) {
  float sum = 0.0f;
  for (int64_t kh = 0; kh < s->kernel; kh++) {
    for (int64_t kw = 0; kw < s->kernel; kw++) {
      const float *w = weights + (kh * s->kernel + kw) * s->inputs * s->outputs + output;
      for (int64_t i = 0; i < s->inputs; i++) {
        float v = at(x, s->height, s->width, s->inputs, image, seen(s, oh, kh), seen(s, ow, kw), i);
        sum = __builtin_fmaf(v, w[i * s->outputs], sum);
      }
    }
  }
  return sum;
}

void mk_convolution_reference(const mk_convolution *s, const float *x, const float *weights,
                              float *y) {
  int64_t height = mk_convolution_side(s, s->height), width = mk_convolution_side(s, s->width);
  for (int64_t n = 0; n < s->images; n++)
    for (int64_t oh = 0; oh < height; oh++)
      for (int64_t ow = 0; ow < width; ow++)
        for (int64_t o = 0; o < s->outputs; o++) *y++ = forward(s, x, weights, n, oh, ow, o);
}

void mk_convolution_weights_reference(const mk_convolution *s, const float *x, const float *dy,
                                      float *dweights) {
  int64_t height = mk_convolution_side(s, s->height), width = mk_convolution_side(s, s->width);
  int64_t taps = s->kernel * s->kernel, count = taps * s->inputs * s->outputs;
  for (int64_t index = 0; index < count; index++) {
    int64_t output = index % s->outputs, input = index / s->outputs % s->inputs;
    int64_t tap = index / (s->outputs * s->inputs);
    int64_t kh = tap / s->kernel, kw = tap % s->kernel;
    float sum = 0.0f;
    for (int64_t n = 0; n < s->images; n++) {
      for (int64_t oh = 0; oh < height; oh++) {
        for (int64_t ow = 0; ow < width; ow++) {
          float v = at(x, s->height, s->width, s->inputs, n, seen(s, oh, kh), seen(s, ow, kw),
                       input);
          sum = __builtin_fmaf(
            v, dy[((n * height + oh) * width + ow) * s->outputs + output], sum);
        }
      }
    }
    dweights[index] = sum;
  }
}

/// dy of the window position whose tap `tap` saw `in`, or -1 if there is none.
static int64_t position(const mk_convolution *s, int64_t in, int64_t tap, int64_t count) {
  int64_t distance = in + s->padding - tap;
  if (distance < 0 || distance % s->stride != 0) return -1;
  return distance / s->stride < count ? distance / s->stride : -1;
}

static float backward(const mk_convolution *s, const float *dy, const float *weights,
                      int64_t image, int64_t row, int64_t column, int64_t input) {
  int64_t height = mk_convolution_side(s, s->height), width = mk_convolution_side(s, s->width);
  float sum = 0.0f;
  for (int64_t kh = 0; kh < s->kernel; kh++) {
    for (int64_t kw = 0; kw < s->kernel; kw++) {
      const float *w = weights + ((kh * s->kernel + kw) * s->inputs + input) * s->outputs;
      int64_t oh = position(s, row, kh, height), ow = position(s, column, kw, width);
      for (int64_t o = 0; o < s->outputs; o++)
        sum = __builtin_fmaf(at(dy, height, width, s->outputs, image, oh, ow, o), w[o], sum);
    }
  }
  return sum;
}

void mk_convolution_input_reference(const mk_convolution *s, const float *dy, const float *weights,
                                    float *dx) {
  for (int64_t n = 0; n < s->images; n++)
    for (int64_t row = 0; row < s->height; row++)
      for (int64_t column = 0; column < s->width; column++)
        for (int64_t i = 0; i < s->inputs; i++) *dx++ = backward(s, dy, weights, n, row, column, i);
}
