// Tiles: the part of a product that is held in registers, compiled per instruction set.
//
// The including file defines: MK_LANES (floats per vector), MK_TILE_ROWS, MK_SINGLE_ROWS,
// mk_vector, and the inline functions vector_load, vector_store, vector_load_part,
// vector_store_part, vector_broadcast, vector_fma, vector_transpose; and, if vectors of half the
// length are cheaper, MK_HALF_LANES, mk_half and half_load … half_fma.
//
// A pair is up to MK_TILE_ROWS × two vectors of accumulators, a single up to MK_SINGLE_ROWS × one.
#pragma once
#include "blocking.h"
#include "CKernels.h"

#define MK_INLINE static inline __attribute__((always_inline))
#define MK_UNROLL _Pragma("clang loop unroll(full)")
#define MK_TILE_COLUMNS (2 * MK_LANES)

/// Rows of A that one pointer reaches: at 0, 1 and 2 strides, which an address of x86-64 can hold.
#define MK_LINE_ROWS 3
#define MK_LINES ((MK_SINGLE_ROWS + MK_LINE_ROWS - 1) / MK_LINE_ROWS)
/// Keeps the compiler from deriving this pointer from another one: a chain of additions as long as
/// the tile is high would be slower than the multiplications.
#define MK_HIDE(pointer) __asm__("" : "+r"(pointer))

MK_INLINE int64_t least(int64_t x, int64_t y) { return x < y ? x : y; }

/// Where one tile reads and writes. A is read in `segments` of `depth` steps with `a_gap` between.
/// `columns` counts the valid ones of a partial tile; in the first `whole` steps a row of B may be
/// read past them, because more of B follows.
typedef struct {
  const float *a, *b;
  float *c;
  int64_t depth, segments, a_row, a_step, a_gap, b_step, c_stride, columns, whole;
  int load;
} tile_arguments;

typedef void (*tile_function)(const tile_arguments *);

#define MK_V(function) vector_##function
#define MK_V_TYPE mk_vector
#define MK_V_LANES MK_LANES
#define MK_V_NAME(name) name
#include "tile_template.h"
#undef MK_V
#undef MK_V_TYPE
#undef MK_V_LANES
#undef MK_V_NAME

#define MK_PAIR(R)                                                                        \
  static void pair_##R##_unit(const tile_arguments *t) { tile_body(t, R, 2, 1, 0); }      \
  static void pair_##R(const tile_arguments *t) { tile_body(t, R, 2, 0, 0); }             \
  static void pair_##R##_part_unit(const tile_arguments *t) { tile_body(t, R, 2, 1, 1); } \
  static void pair_##R##_part(const tile_arguments *t) { tile_body(t, R, 2, 0, 1); }
#define MK_SINGLE(R)                                                                   \
  static void single_##R##_unit(const tile_arguments *t) { tile_body(t, R, 1, 1, 1); } \
  static void single_##R(const tile_arguments *t) { tile_body(t, R, 1, 0, 1); }
#define MK_PAIR_ROW(R) {pair_##R, pair_##R##_unit}, 
#define MK_PAIR_PART_ROW(R) {pair_##R##_part, pair_##R##_part_unit},
#define MK_SINGLE_ROW(R) {single_##R, single_##R##_unit},

#define MK_TO_4(X) X(1) X(2) X(3) X(4)
#define MK_TO_6(X) MK_TO_4(X) X(5) X(6)
#define MK_TO_8(X) MK_TO_6(X) X(7) X(8)
#define MK_TO_12(X) MK_TO_8(X) X(9) X(10) X(11) X(12)
#define MK_TO_14(X) MK_TO_12(X) X(13) X(14)
#define MK_TO_(N, X) MK_TO_##N(X)
#define MK_TO(N, X) MK_TO_(N, X)

MK_TO(MK_TILE_ROWS, MK_PAIR)
MK_TO(MK_SINGLE_ROWS, MK_SINGLE)

/// By rows; [1] where the rows of A are adjacent.
static const tile_function pairs[MK_TILE_ROWS + 1][2] = {{0, 0}, MK_TO(MK_TILE_ROWS, MK_PAIR_ROW)};
static const tile_function partial_pairs[MK_TILE_ROWS + 1][2] = {
  {0, 0}, MK_TO(MK_TILE_ROWS, MK_PAIR_PART_ROW)};
static const tile_function singles[MK_SINGLE_ROWS + 1][2] = {
  {0, 0}, MK_TO(MK_SINGLE_ROWS, MK_SINGLE_ROW)};

#if defined(MK_HALF_LANES)
#define MK_V(function) half_##function
#define MK_V_TYPE mk_half
#define MK_V_LANES MK_HALF_LANES
#define MK_V_NAME(name) name##_half
#include "tile_template.h"
#undef MK_V
#undef MK_V_TYPE
#undef MK_V_LANES
#undef MK_V_NAME
#define MK_HALF(R)                                                                        \
  static void half_##R##_unit(const tile_arguments *t) { tile_body_half(t, R, 1, 1, 1); } \
  static void half_##R(const tile_arguments *t) { tile_body_half(t, R, 1, 0, 1); }
#define MK_HALF_ROW(R) {half_##R, half_##R##_unit},
MK_TO(MK_SINGLE_ROWS, MK_HALF)
static const tile_function halves[MK_SINGLE_ROWS + 1][2] = {
  {0, 0}, MK_TO(MK_SINGLE_ROWS, MK_HALF_ROW)};
#endif

/// A way to compute the next columns: `width` of them with tiles of `tiles` and up to `rows` rows.
typedef struct {
  const tile_function (*tiles)[2];
  int64_t width, lanes, rows;
} tile_choice;

/// The tiles for the first of `rest` columns.
MK_INLINE tile_choice choose_tiles(int64_t rest) {
  if (rest >= MK_TILE_COLUMNS)
    return (tile_choice){pairs, MK_TILE_COLUMNS, MK_TILE_COLUMNS, MK_TILE_ROWS};
#if defined(MK_HALF_LANES)
  if (rest <= MK_HALF_LANES)
    return (tile_choice){halves, rest, MK_HALF_LANES, MK_SINGLE_ROWS};
  if (rest >= MK_LANES && rest <= MK_LANES + MK_HALF_LANES)
    return (tile_choice){singles, MK_LANES, MK_LANES, MK_SINGLE_ROWS};
#endif
  if (rest > MK_LANES)
    return (tile_choice){partial_pairs, rest, MK_TILE_COLUMNS, MK_TILE_ROWS};
  return (tile_choice){singles, rest, MK_LANES, MK_SINGLE_ROWS};
}

/// Steps in which `lanes` floats of B may be read although only `width` are columns of it: what
/// follows in memory is the next row of the same matrix.
MK_INLINE int64_t whole_steps(int64_t depth, int64_t b_step, int64_t width, int64_t lanes) {
  if (width == lanes) return depth;
  if (b_step <= 0) return 0;
  int64_t last = (lanes - width + b_step - 1) / b_step;
  return depth > last ? depth - last : 0;
}

/// `rows` split evenly into tiles of at most `most` rows, so that none is much thinner: the first
/// `taller` of them have one row more than `height`.
typedef struct {
  int64_t height, taller;
} tile_heights;

MK_INLINE tile_heights split_rows(int64_t rows, int64_t most) {
  int64_t count = (rows + most - 1) / most;
  return count ? (tile_heights){rows / count, rows % count} : (tile_heights){most, 0};
}

/// The height of the next tile.
MK_INLINE int64_t next_height(tile_heights *split) {
  return split->taller-- > 0 ? split->height + 1 : split->height;
}
