// Elementwise kernels, reductions, losses, optimizers and Philox, compiled per instruction set.
// The loops are plain C that the compiler may vectorise over elements; no order is left open.
#pragma once
#include <string.h>
#include "CKernels.h"

#ifndef MK_INLINE
#define MK_INLINE static inline __attribute__((always_inline))
#endif

/// Lanes of every reduction, whatever the vector width (mk1 §3).
#define MK_SUM_LANES 16

MK_INLINE float bits_to_float(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

MK_INLINE uint32_t float_to_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// e^x for x in [-104, 88.8] (clamped): x = n·ln 2 + r, a degree-7 polynomial of r (coefficients of
/// Cephes expf), then 2^n in two factors so that subnormal results are rounded once. mk1 §4.
MK_INLINE float exp_scalar(float x) {
  float c = x > 88.8f ? 88.8f : x;
  c = c < -104.0f ? -104.0f : c;
  float shifted = __builtin_fmaf(c, 1.44269504088896341f, 12582912.0f);
  float n = shifted - 12582912.0f;
  float r = __builtin_fmaf(n, -0.693359375f, c);
  r = __builtin_fmaf(n, 2.12194440e-4f, r);
  float p = 1.9875691500E-4f;
  p = __builtin_fmaf(p, r, 1.3981999507E-3f);
  p = __builtin_fmaf(p, r, 8.3334519073E-3f);
  p = __builtin_fmaf(p, r, 4.1665795894E-2f);
  p = __builtin_fmaf(p, r, 1.6666665459E-1f);
  p = __builtin_fmaf(p, r, 5.0000001201E-1f);
  p = __builtin_fmaf(p, r * r, r) + 1.0f;
  int32_t exponent = (int32_t)(float_to_bits(shifted) - 0x4B400000u);
  int32_t high = exponent >> 1, low = exponent - high;
  return (p * bits_to_float((uint32_t)(high + 127) << 23)) *
         bits_to_float((uint32_t)(low + 127) << 23);
}

/// ln x for positive normal x: x = 2^e · m, m in [√½, √2), coefficients of FreeBSD logf. mk1 §4.
MK_INLINE float log_scalar(float x) {
  uint32_t t = float_to_bits(x) - 0x3f3504f3u;
  float e = (float)((int32_t)t >> 23);
  float f = bits_to_float((t & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
  float s = f / (2.0f + f), z = s * s, w = z * z;
  float even = w * __builtin_fmaf(w, 0.24279078841f, 0.40000972152f);
  float odd = z * __builtin_fmaf(w, 0.28498786688f, 0.66666662693f);
  float rest = odd + even, half = 0.5f * f * f;
  float correction = __builtin_fmaf(s, half + rest, e * 9.0580006145e-6f);
  return __builtin_fmaf(e, 0.69313812256f, f - (half - correction));
}

/// Lanes 0…15 fold as 8, 4, 2, 1.
MK_INLINE float fold_lanes(float *lane) {
  for (int width = MK_SUM_LANES / 2; width; width >>= 1)
    for (int l = 0; l < width; l++) lane[l] = lane[l] + lane[l + width];
  return lane[0];
}

MK_INLINE float sum_body(const float *restrict x, int64_t count) {
  float lane[MK_SUM_LANES] = {0};
  int64_t i = 0;
  for (; i + MK_SUM_LANES <= count; i += MK_SUM_LANES)
    for (int l = 0; l < MK_SUM_LANES; l++) lane[l] += x[i + l];
  for (int l = 0; i < count; i++, l++) lane[l] += x[i];
  return fold_lanes(lane);
}

static float sum(const float *x, int64_t count) { return sum_body(x, count); }

static void exponential(float *restrict y, const float *restrict x, int64_t count) {
  for (int64_t i = 0; i < count; i++) y[i] = exp_scalar(x[i]);
}

static void logarithm(float *restrict y, const float *restrict x, int64_t count) {
  for (int64_t i = 0; i < count; i++) y[i] = log_scalar(x[i]);
}

static void add_bias(float *restrict y, const float *restrict bias, int64_t rows,
                     int64_t columns) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < columns; j++) y[i * columns + j] += bias[j];
}

static void add_bias_relu(float *restrict y, const float *restrict bias, int64_t rows,
                          int64_t columns) {
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = 0; j < columns; j++) {
      float t = y[i * columns + j] + bias[j];
      y[i * columns + j] = t > 0.0f ? t : 0.0f;
    }
  }
}

static void relu_backward(float *restrict gradient, const float *restrict activation,
                          int64_t count) {
  for (int64_t i = 0; i < count; i++) gradient[i] = activation[i] > 0.0f ? gradient[i] : 0.0f;
}

static void column_sums(float *restrict sums, const float *restrict x, int64_t rows,
                        int64_t columns) {
  for (int64_t j = 0; j < columns; j++) sums[j] = 0.0f;
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < columns; j++) sums[j] += x[i * columns + j];
}

/// A block of as many numbers as a sum has lanes, of which `count` exist; the others are 0.
MK_INLINE void load_block(float *block, const float *x, int64_t count) {
  for (int l = 0; l < MK_SUM_LANES; l += MK_LANES)
    vector_store(block + l, vector_load_part(x + l, count - l));
}

MK_INLINE void store_block(float *x, const float *block, int64_t count) {
  for (int l = 0; l < MK_SUM_LANES; l += MK_LANES)
    vector_store_part(x + l, vector_load(block + l), count - l);
}

/// The largest element; ties and order do not matter for its value.
MK_INLINE float maximum(const float *x, int64_t count) {
  float lane[MK_SUM_LANES], block[MK_SUM_LANES];
  int64_t i = 0;
  for (int l = 0; l < MK_SUM_LANES; l++) lane[l] = x[0];
  for (; i + MK_SUM_LANES <= count; i += MK_SUM_LANES)
    for (int l = 0; l < MK_SUM_LANES; l++) lane[l] = x[i + l] > lane[l] ? x[i + l] : lane[l];
  if (i < count) {
    const int rest = (int)(count - i);
    load_block(block, x + i, rest);
    for (int l = 0; l < MK_SUM_LANES; l++) {
      float value = l < rest ? block[l] : lane[l];
      lane[l] = value > lane[l] ? value : lane[l];
    }
  }
  for (int width = MK_SUM_LANES / 2; width; width >>= 1)
    for (int l = 0; l < width; l++)
      lane[l] = lane[l + width] > lane[l] ? lane[l + width] : lane[l];
  return lane[0];
}

/// x becomes e^(x - m) and its sum is returned. Blocks of rows that are shorter than a vector are
/// computed as a vector too.
MK_INLINE float exponentials(float *x, int64_t columns, float m) {
  float lane[MK_SUM_LANES] = {0}, block[MK_SUM_LANES];
  for (int64_t j = 0; j < columns; j += MK_SUM_LANES) {
    const int count = columns - j < MK_SUM_LANES ? (int)(columns - j) : MK_SUM_LANES;
    load_block(block, x + j, count);
    for (int l = 0; l < MK_SUM_LANES; l++) {
      float e = exp_scalar(block[l] - m);
      // Adding +0 changes no lane: none is -0.
      block[l] = l < count ? e : 0.0f;
      lane[l] += block[l];
    }
    store_block(x + j, block, count);
  }
  return fold_lanes(lane);
}

/// loss = ln Σ e^(x-max) - (x[label] - max). The sum is at least 1, so the logarithm is normal.
static void softmax_cross_entropy(float *restrict logits, float *restrict losses,
                                  const int32_t *restrict labels, int64_t rows, int64_t columns,
                                  float scale) {
  for (int64_t i = 0; i < rows; i++) {
    float *x = logits + i * columns, block[MK_SUM_LANES];
    float m = maximum(x, columns), target = x[labels[i]] - m;
    float total = exponentials(x, columns, m), inverse = 1.0f / total;
    losses[i] = log_scalar(total) - target;
    for (int64_t j = 0; j < columns; j += MK_SUM_LANES) {
      const int64_t ahead = labels[i] - j;
      const int label = ahead >= 0 && ahead < MK_SUM_LANES ? (int)ahead : -1;
      load_block(block, x + j, columns - j);
      for (int l = 0; l < MK_SUM_LANES; l++) {
        float probability = block[l] * inverse;
        block[l] = (l == label ? probability - 1.0f : probability) * scale;
      }
      store_block(x + j, block, columns - j);
    }
  }
}

static void classify(const float *restrict logits, float *restrict losses, int32_t *restrict best,
                     const int32_t *restrict labels, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; i++) {
    const float *x = logits + i * columns;
    float m = x[0], lane[MK_SUM_LANES] = {0};
    int32_t index = 0;
    for (int64_t j = 1; j < columns; j++) {
      index = x[j] > m ? (int32_t)j : index;
      m = x[j] > m ? x[j] : m;
    }
    for (int64_t j = 0; j < columns; j++) lane[j % MK_SUM_LANES] += exp_scalar(x[j] - m);
    losses[i] = log_scalar(fold_lanes(lane)) - (x[labels[i]] - m);
    best[i] = index;
  }
}

static void sgd(float *restrict w, const float *restrict g, int64_t count, float rate) {
  for (int64_t i = 0; i < count; i++) w[i] = __builtin_fmaf(-rate, g[i], w[i]);
}

static void sgd_momentum(float *restrict w, float *restrict v, const float *restrict g,
                         int64_t count, float rate, float momentum, float decay) {
  for (int64_t i = 0; i < count; i++) {
    float d = __builtin_fmaf(decay, w[i], g[i]);
    v[i] = __builtin_fmaf(momentum, v[i], d);
    w[i] = __builtin_fmaf(-rate, v[i], w[i]);
  }
}

/// Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", Philox4x32 with 10 rounds.
static void philox(uint32_t *restrict out, int64_t blocks, uint64_t key, uint64_t counter_low,
                   uint64_t counter_high) {
  for (int64_t i = 0; i < blocks; i++) {
    uint64_t counter = counter_low + (uint64_t)i;
    uint32_t c0 = (uint32_t)counter, c1 = (uint32_t)(counter >> 32);
    uint32_t c2 = (uint32_t)counter_high, c3 = (uint32_t)(counter_high >> 32);
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
      uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
      c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
      c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
      c1 = (uint32_t)p1;
      c3 = (uint32_t)p0;
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    out[4 * i] = c0;
    out[4 * i + 1] = c1;
    out[4 * i + 2] = c2;
    out[4 * i + 3] = c3;
  }
}

static int all_finite(const float *x, int64_t count) {
  uint32_t bad = 0;
  for (int64_t i = 0; i < count; i++)
    bad |= (float_to_bits(x[i]) & 0x7f800000u) == 0x7f800000u;
  return !bad;
}

/// The table of the including file's instruction set.
#define MK_TABLE                                                                               \
  {                                                                                            \
    MK_PRODUCTS, .add_bias = add_bias, .add_bias_relu = add_bias_relu,                         \
    .relu_backward = relu_backward, .column_sums = column_sums,                                \
    .softmax_cross_entropy = softmax_cross_entropy, .classify = classify, .sgd = sgd,          \
    .sgd_momentum = sgd_momentum, .sum = sum, .exponential = exponential,                      \
    .logarithm = logarithm, .philox = philox, .all_finite = all_finite,                        \
    .steps = &steps,                                                                           \
  }
