// Arenas of the programs of programs.h.
#include "programs.h"
#include <string.h>

/// Marsaglia's xorshift64: inputs must not depend on the kernels under test.
static uint32_t next_random(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return (uint32_t)(*state >> 32);
}

static float next_float(uint64_t *state, float scale) {
  return ((float)(next_random(state) >> 8) * 0x1p-23f - 1.0f) * scale;
}

void start_program(const program *p, float *arena) {
  uint64_t state = 88172645463325252ULL;
  memset(arena, 0, sizeof(float) * (size_t)p->cells);
  for (int64_t i = 0; i < p->parameters_end; i++) arena[i] = next_float(&state, 0.2f);
}

static void write_integer(float *cell, uint32_t value) { memcpy(cell, &value, sizeof value); }

void prepare_step(const program *p, float *arena, int64_t step) {
  uint64_t state = 0x9e3779b97f4a7c15ULL * (uint64_t)(step + 1);
  double first = 1, second = 1;
  for (int64_t i = 0; i <= step; i++) first *= 0.9, second *= 0.999;
  // Newton's root of 1 - second: the program may not need the C library.
  double root = 1;
  for (int i = 0; i < 60; i++) root = (root + (1 - second) / root) / 2;
  for (int64_t i = 0; i < p->at.inputs; i++) {
    if (p->at.input_end)
      write_integer(arena + p->at.input + i, next_random(&state) % (uint32_t)p->at.input_end);
    else arena[p->at.input + i] = next_float(&state, 1);
  }
  for (int64_t i = 0; i < p->at.labels_count; i++)
    write_integer(arena + p->at.labels + i, next_random(&state) % (uint32_t)p->at.label_end);
  arena[p->at.rates] = (float)(0.01 / (1 - first));
  arena[p->at.rates + 1] = (float)(1 / root);
  arena[p->at.rates + 2] = (float)(1 - 0.01 * 0.01);
  const uint32_t key[4] = {7, 11, 3, (uint32_t)step};
  for (int i = 0; i < 4; i++) write_integer(arena + p->at.random_key + i, key[i]);
}
