// The self-test of the operations: each of a group on fixed inputs, what it wrote hashed.
#pragma STDC FP_CONTRACT OFF
#include <stdlib.h>
#include <string.h>
#include "sample_operations.h"

/// Made by the portable variant; equal on x86-64 (AVX2, AVX-512, baseline) and AArch64.
static const uint64_t golden[mk_group_count] = {
  [mk_group_elementwise] = 0x84b1e5857562743c,
  [mk_group_windows] = 0xfb64d993a5ae811c,
  [mk_group_norms] = 0x26a685a3dba3d7df,
  [mk_group_sequences] = 0x2941332e95f66c19,
  [mk_group_losses] = 0xb7da3802c062213c,
  [mk_group_optimizers] = 0xfd3f03980cdc8ee3,
};

uint64_t mk_operations_golden(mk_group group) { return golden[group]; }

static uint32_t next_random(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return (uint32_t)(*state >> 32);
}

/// Uniform in [-scale, scale), or in [0, scale).
static void fill(float *x, int64_t count, float scale, int positive, uint64_t *state) {
  for (int64_t i = 0; i < count; i++) {
    float value = ((float)(next_random(state) >> 8) * 0x1p-23f - 1.0f) * scale;
    x[i] = positive && value < 0 ? -value : value;
  }
}

static void fill_integers(float *x, int64_t count, int32_t end, uint64_t *state) {
  for (int64_t i = 0; i < count; i++) {
    uint32_t value = next_random(state) % (uint32_t)end;
    memcpy(&x[i], &value, sizeof value);
  }
}

/// The sample with its operands one after the other; returns the cells they take.
static int64_t lay_out(const mk_sample *sample, mk_operation *o) {
  int64_t in[mk_input_slots], out[mk_output_slots], next = 0;
  *o = sample->operation;
  mk_operand_cells(o, in, out);
  for (int i = 0; i < mk_input_slots; i++) o->in[i] = in[i] ? next : mk_absent, next += in[i];
  for (int i = 0; i < mk_output_slots; i++) o->out[i] = out[i] ? next : mk_absent, next += out[i];
  return next;
}

static void fill_operands(const mk_sample *sample, const mk_operation *o, float *arena,
                          uint64_t *state) {
  int64_t in[mk_input_slots], out[mk_output_slots];
  const float scale = sample->scale > 0 ? sample->scale : 1.0f;
  mk_operand_cells(o, in, out);
  for (int i = 0; i < mk_input_slots; i++) {
    float *x = arena + o->in[i];
    if (sample->integer_inputs >> i & 1) fill_integers(x, in[i], sample->integer_end, state);
    else if (in[i]) fill(x, in[i], scale, 0, state);
  }
  for (int i = 0; i < mk_output_slots; i++)
    if (out[i]) fill(arena + o->out[i], out[i], 1.0f, sample->positive_outputs >> i & 1, state);
}

static uint64_t hash_written(uint64_t hash, const mk_operation *o, const float *arena) {
  int64_t in[mk_input_slots], out[mk_output_slots];
  mk_operand_cells(o, in, out);
  for (int i = 0; i < mk_output_slots; i++) {
    const unsigned char *byte = (const unsigned char *)(arena + o->out[i]);
    for (int64_t b = 0; b < out[i] * (int64_t)sizeof(float); b++)
      hash = (hash ^ byte[b]) * 1099511628211ULL;
  }
  return hash;
}

int64_t mk_sample_operation(mk_group group, int32_t index, mk_operation *operation, float *arena,
                            int64_t arena_floats) {
  int count;
  const mk_sample *samples = mk_group_samples(group, &count);
  if (index < 0 || index >= count) return -1;
  uint64_t state = 88172645463325252ULL + (uint64_t)index;
  int64_t cells = lay_out(&samples[index], operation);
  if (cells > arena_floats) return -1;
  fill_operands(&samples[index], operation, arena, &state);
  return cells;
}

uint64_t mk_operations_hash(const mk_kernels *kernels, mk_group group) {
  enum { arena_floats = 60000 };
  int count;
  const mk_sample *samples = mk_group_samples(group, &count);
  uint64_t state = 88172645463325252ULL, hash = 14695981039346656037ULL;
  int64_t workspace_floats = 1;
  for (int i = 0; i < count; i++) {
    int64_t floats = mk_workspace_floats(&samples[i].operation, 1, 1);
    workspace_floats = floats > workspace_floats ? floats : workspace_floats;
  }
  float *arena = malloc(sizeof(float) * (size_t)(arena_floats + workspace_floats));
  if (!arena) return ~golden[group];
  for (int i = 0; i < count; i++) {
    mk_operation o;
    // A sample that does not fit is a mistake in this program: the hash then differs everywhere.
    if (lay_out(&samples[i], &o) > arena_floats || mk_check_operation(&o, arena_floats)) {
      hash = 0;
      break;
    }
    fill_operands(&samples[i], &o, arena, &state);
    mk_run(kernels, &o, 1, arena, arena + arena_floats, NULL);
    hash = hash_written(hash, &o, arena);
  }
  free(arena);
  return hash;
}

int mk_passes_self_test(const mk_kernels *kernels) {
  int passes = mk_self_test_hash(kernels) == mk_self_test_golden();
  for (int group = 0; passes && group < mk_group_count; group++)
    passes = mk_operations_hash(kernels, (mk_group)group) == golden[group];
  return passes;
}
