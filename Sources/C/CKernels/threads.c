// Products and convolutions by the threads of a pool: the result is split, never a chain.
#include "CKernels.h"

enum {
  /// Below this many multiply-adds waking a thread costs more than it saves.
  multiplications_min = 1 << 20,
  /// Columns of a part are a multiple of the widest tile.
  columns_unit = 32,
  /// Up to this many columns a product reads A in place, so that no part packs what another does.
  part_columns_max = 128,
  /// From this many columns on they are split, below it the rows.
  split_columns_min = 128,
  /// Rows of a part are at least one tile of any variant.
  rows_unit = 14,
  /// From this many rows on the B that every part packs again costs little.
  part_rows_min = 64,
  /// Parts for each thread: one that starts late or is interrupted does fewer of them.
  thread_parts = 2,
  /// From this many multiply-adds on, 5 ms of one thread, that matters less than reading A once.
  whole_multiplications_min = 1 << 28,
};

/// Part `part` of `parts` nearly equal ones of 0 … total - 1, cut at multiples of `unit`.
static mk_range cut(int64_t total, int64_t unit, int64_t part, int64_t parts) {
  int64_t units = (total + unit - 1) / unit;
  int64_t first = units * part / parts * unit, end = units * (part + 1) / parts * unit;
  if (end > total) end = total;
  return (mk_range){first, end - first};
}

typedef struct {
  const mk_kernels *kernels;
  mk_shape shape;
  mk_matrix a, b;
  float *c, *workspace;
  int64_t c_stride, parts;
  int accumulate, by_columns;
} product;

static void multiply_part(void *context, int64_t part, int64_t thread) {
  product p = *(const product *)context;
  if (p.by_columns) {
    mk_range range = cut(p.shape.columns, columns_unit, part, p.parts);
    p.shape.columns = range.count;
    p.b.base += range.first * p.b.column_stride;
    p.c += range.first;
  } else {
    mk_range range = cut(p.shape.rows, rows_unit, part, p.parts);
    p.shape.rows = range.count;
    p.a.base += range.first * p.a.row_stride;
    p.c += range.first * p.c_stride;
  }
  p.kernels->gemm(p.shape, p.a, p.b, p.c, p.c_stride, p.accumulate,
                  p.workspace + thread * mk_gemm_workspace_floats());
}

/// Into how many parts a product is split.
static int64_t count_parts(const product *p, int64_t threads) {
  int64_t parts = threads * thread_parts;
  if (p->shape.rows * p->shape.columns * p->shape.depth >= whole_multiplications_min)
    return threads;
  if (!p->by_columns) return p->shape.rows / parts >= part_rows_min ? parts : threads;
  int64_t least = (p->shape.columns + part_columns_max - 1) / part_columns_max;
  return parts > least ? parts : least;
}

void mk_gemm_threads(const mk_kernels *kernels, mk_pool *pool, mk_shape shape, mk_matrix a,
                     mk_matrix b, float *c, int64_t c_stride, int accumulate, float *workspace) {
  int64_t threads = mk_pool_threads(pool);
  if (threads == 1 || shape.rows * shape.columns * shape.depth < multiplications_min) {
    kernels->gemm(shape, a, b, c, c_stride, accumulate, workspace);
    return;
  }
  product p = {
    .kernels = kernels, .shape = shape, .a = a, .b = b, .c = c, .workspace = workspace,
    .c_stride = c_stride, .accumulate = accumulate,
    .by_columns = shape.columns >= split_columns_min,
  };
  p.parts = count_parts(&p, threads);
  mk_pool_run(pool, multiply_part, &p, p.parts);
}

typedef void (*convolution_kernel)(const mk_convolution *, const float *, const float *, float *,
                                   mk_range, float *);

typedef struct {
  convolution_kernel kernel;
  const mk_convolution *shape;
  const float *first, *second;
  float *result, *workspace;
  int64_t workspace_floats, total, parts;
} convolution_work;

static void convolve_part(void *context, int64_t part, int64_t thread) {
  const convolution_work *w = context;
  mk_range range = cut(w->total, 1, part, w->parts);
  w->kernel(w->shape, w->first, w->second, w->result, range,
            w->workspace + thread * w->workspace_floats);
}

/// `total` images or rows of the result, split among the threads if there is enough to do.
static void convolve(mk_pool *pool, convolution_work w) {
  const mk_convolution *s = w.shape;
  int64_t places = mk_convolution_side(s, s->height) * mk_convolution_side(s, s->width);
  int64_t multiplications =
    s->images * places * s->kernel * s->kernel * s->inputs * s->outputs;
  int64_t threads = mk_pool_threads(pool);
  if (threads == 1 || multiplications < multiplications_min) {
    w.kernel(s, w.first, w.second, w.result, (mk_range){0, w.total}, w.workspace);
    return;
  }
  w.workspace_floats = mk_convolution_workspace_floats(s);
  w.parts = threads * thread_parts < w.total ? threads * thread_parts : w.total;
  mk_pool_run(pool, convolve_part, &w, w.parts);
}

void mk_convolution_threads(const mk_kernels *kernels, mk_pool *pool, const mk_convolution *shape,
                            const float *x, const float *weights, float *y, float *workspace) {
  convolve(pool, (convolution_work){.kernel = kernels->convolution, .shape = shape, .first = x,
                                    .second = weights, .result = y, .workspace = workspace,
                                    .total = shape->images});
}

void mk_convolution_weights_threads(const mk_kernels *kernels, mk_pool *pool,
                                    const mk_convolution *shape, const float *x, const float *dy,
                                    float *dweights, float *workspace) {
  convolve(pool, (convolution_work){.kernel = kernels->convolution_weights, .shape = shape,
                                    .first = x, .second = dy, .result = dweights,
                                    .workspace = workspace,
                                    .total = shape->kernel * shape->kernel * shape->inputs});
}

void mk_convolution_input_threads(const mk_kernels *kernels, mk_pool *pool,
                                  const mk_convolution *shape, const float *dy,
                                  const float *weights, float *dx, float *workspace) {
  convolve(pool, (convolution_work){.kernel = kernels->convolution_input, .shape = shape,
                                    .first = dy, .second = weights, .result = dx,
                                    .workspace = workspace, .total = shape->images});
}
