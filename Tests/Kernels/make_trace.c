// Writes traces of the programs of programs.h, computed by the portable kernels: the format is that
// of docs/specs/mk1.md §16. usage: make_trace DIRECTORY
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "programs.h"
#include "trace.h"

enum { steps = 10 };

static program p;

static void write_words(FILE *file, const uint64_t *words, size_t count) {
  fwrite(words, sizeof(uint64_t), count, file);
}

/// Cells that differ from what was there before, as one update; the caller wrote them.
static void write_update(FILE *file, const float *arena, int64_t offset, int64_t count) {
  write_words(file, (uint64_t[]){(uint64_t)offset, (uint64_t)count}, 2);
  fwrite(arena + offset, sizeof(float), (size_t)count, file);
}

static void write_step(FILE *file, float *arena, float *workspace, int64_t step, uint64_t *hash) {
  write_words(file, (uint64_t[]){0, 3}, 2);
  prepare_step(&p, arena, step);
  write_update(file, arena, p.at.input, p.at.inputs);
  write_update(file, arena, p.at.labels, p.at.labels_count);
  // Rates and random key are neighbours.
  write_update(file, arena, p.at.rates, 8);
  for (int64_t i = 0; i < p.count; i++) {
    const mk_kernels *kernels = mk_variant_kernels(mk_variant_portable);
    if (mk_run(kernels, &p.operation[i], 1, arena, workspace, NULL) != -1) abort();
    *hash = trace_hash(*hash, &p.operation[i], arena);
    write_words(file, hash, 1);
  }
}

static int write_trace(const char *directory) {
  char path[1024];
  snprintf(path, sizeof path, "%s/%s.mktrace", directory, p.name);
  FILE *file = fopen(path, "wb");
  float *arena = malloc(sizeof(float) * (size_t)p.cells);
  int64_t floats = mk_workspace_floats(p.operation, p.count, 1) + 1;
  float *workspace = malloc(sizeof(float) * (size_t)floats);
  if (!file || !arena || !workspace) return 1;
  uint64_t hash = trace_hash_start;
  start_program(&p, arena);
  fwrite(trace_magic, 1, 8, file);
  write_words(file, (uint64_t[]){(uint64_t)p.cells, 1, steps, (uint64_t)p.count}, 4);
  fwrite(p.operation, sizeof(mk_operation), (size_t)p.count, file);
  write_words(file, (uint64_t[]){1}, 1);
  write_update(file, arena, 0, p.parameters_end);
  for (int64_t step = 0; step < steps; step++) write_step(file, arena, workspace, step, &hash);
  printf("%s %lld operations %016llx\n", p.name, (long long)p.count, (unsigned long long)hash);
  free(workspace);
  free(arena);
  return fclose(file);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  int failed = 0;
  make_mlp(&p, 9, 21, 13, 5);
  failed |= write_trace(argv[1]);
  make_cnn(&p, 3, 8, 5, 9, 4);
  failed |= write_trace(argv[1]);
  make_transformer(&p, 2, 19, 2, 20, 2, 11);
  failed |= write_trace(argv[1]);
  make_others(&p);
  return failed | write_trace(argv[1]);
}
