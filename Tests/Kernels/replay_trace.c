// Replays traces (docs/specs/mk1.md §16) with every variant that this processor can run, on one
// thread and on three, and names the first operation that differs.
// usage: replay_trace TRACE…; exits 1 on a difference, 2 on a file that is not a trace.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "trace.h"

enum { programs_max = 8, trace_bytes_max = 1 << 28 };

/// A trace file in memory and the place that is read next.
typedef struct {
  unsigned char *bytes;
  uint64_t count, next;
  int failed;
} reader;

typedef struct {
  mk_operation *operations;
  int64_t count;
} traced_program;

static const void *take(reader *r, uint64_t bytes) {
  static const uint64_t nothing[22] = {0};
  if (r->failed || bytes > r->count - r->next) {
    r->failed = 1;
    return nothing;
  }
  r->next += bytes;
  return r->bytes + r->next - bytes;
}

static int64_t take_number(reader *r, int64_t limit) {
  uint64_t number;
  memcpy(&number, take(r, sizeof number), sizeof number);
  if (number > (uint64_t)limit) r->failed = 1;
  return r->failed ? 0 : (int64_t)number;
}

static void take_updates(reader *r, float *arena, int64_t cells) {
  int64_t updates = take_number(r, trace_bytes_max);
  for (int64_t i = 0; i < updates && !r->failed; i++) {
    int64_t offset = take_number(r, cells), count = take_number(r, cells - offset);
    const void *from = take(r, (uint64_t)count * sizeof(float));
    if (!r->failed && count > 0) memcpy(arena + offset, from, (size_t)count * sizeof(float));
  }
}

/// The operations of one program, each checked against the arena.
static traced_program take_program(reader *r, int64_t cells) {
  traced_program p = {NULL, take_number(r, trace_bytes_max / (int64_t)sizeof(mk_operation))};
  const void *from = take(r, (uint64_t)p.count * sizeof(mk_operation));
  if (r->failed) return (traced_program){NULL, 0};
  p.operations = malloc((size_t)p.count * sizeof(mk_operation) + 1);
  if (!p.operations) abort();
  memcpy(p.operations, from, (size_t)p.count * sizeof(mk_operation));
  for (int64_t i = 0; i < p.count; i++)
    if (mk_check_operation(&p.operations[i], cells)) r->failed = 1;
  return p;
}

/// Runs one step and compares the hash after each operation; 0 if all are equal.
static int replay_step(reader *r, const mk_kernels *kernels, const traced_program *p, int64_t step,
                       float *arena, float *workspace, uint64_t *hash) {
  for (int64_t i = 0; i < p->count; i++) {
    uint64_t expected;
    memcpy(&expected, take(r, sizeof expected), sizeof expected);
    if (r->failed) return 1;
    int ran = mk_run(kernels, &p->operations[i], 1, arena, workspace, NULL) == -1;
    if (ran) *hash = trace_hash(*hash, &p->operations[i], arena);
    if (!ran || *hash != expected) {
      printf("  step %lld, operation %lld (%s): %s\n", (long long)step, (long long)i,
             mk_operation_name(p->operations[i].opcode), ran ? "DIFFERS" : "REFUSED");
      return 1;
    }
  }
  return 0;
}

static int replay_steps(reader *r, const mk_kernels *kernels, const traced_program *programs,
                        int64_t count, int64_t steps, float *arena, int64_t cells, uint64_t *hash) {
  int64_t floats = 1;
  for (int64_t i = 0; i < count; i++) {
    int64_t needed = mk_workspace_floats(programs[i].operations, programs[i].count, 1);
    floats = needed > floats ? needed : floats;
  }
  float *workspace = malloc(sizeof(float) * (size_t)floats);
  if (!workspace) abort();
  int failed = 0;
  for (int64_t step = 0; step < steps && !failed; step++) {
    int64_t number = take_number(r, count - 1);
    take_updates(r, arena, cells);
    failed = r->failed ||
             replay_step(r, kernels, &programs[number], step, arena, workspace, hash);
  }
  free(workspace);
  return failed;
}

/// 0 if all is equal; `hash` is the last one, `failed` of the reader says that this is no trace.
static int replay(reader *r, const mk_kernels *kernels, uint64_t *hash) {
  traced_program programs[programs_max] = {{NULL, 0}};
  r->next = 0, r->failed = 0, *hash = trace_hash_start;
  if (memcmp(take(r, 8), trace_magic, 8) != 0) r->failed = 1;
  const int64_t cells = take_number(r, trace_bytes_max), count = take_number(r, programs_max);
  const int64_t steps = take_number(r, trace_bytes_max);
  if (count < 1) r->failed = 1;
  float *arena = calloc((size_t)cells + 1, sizeof(float));
  if (!arena) abort();
  for (int64_t i = 0; i < count; i++) programs[i] = take_program(r, cells);
  take_updates(r, arena, cells);
  int failed = r->failed ||
               replay_steps(r, kernels, programs, count, steps, arena, cells, hash);
  for (int64_t i = 0; i < count; i++) free(programs[i].operations);
  free(arena);
  return failed;
}

static int read_file(const char *path, reader *r) {
  FILE *file = fopen(path, "rb");
  if (!file) return 0;
  r->bytes = malloc(trace_bytes_max);
  if (!r->bytes) abort();
  r->count = fread(r->bytes, 1, trace_bytes_max, file);
  return fclose(file) == 0;
}

int main(int argc, char **argv) {
  int failed = argc < 2 ? 2 : 0;
  for (int i = 1; i < argc; i++) {
    reader r = {NULL, 0, 0, 0};
    if (!read_file(argv[i], &r)) r.failed = 1;
    for (int variant = 0; variant < mk_variant_count && !r.failed; variant++) {
      const mk_kernels *kernels = mk_variant_kernels((mk_variant)variant);
      uint64_t hash;
      if (!kernels) continue;
      int differs = replay(&r, kernels, &hash);
      printf("%-8s %s %016llx %s\n", mk_variant_name((mk_variant)variant), argv[i],
             (unsigned long long)hash, r.failed ? "not a trace" : differs ? "DIFFERS" : "ok");
      failed |= differs;
    }
    if (r.failed) failed = 2;
    free(r.bytes);
  }
  return failed;
}
