// The tile of one vector type. The including file defines MK_V (prefix of the vector's functions),
// MK_V_TYPE, MK_V_LANES, MK_V_NAME(x) (suffixes x with the type's name) and undefines them after.

MK_INLINE MK_V_TYPE MK_V_NAME(tile_load)(const float *p, int vector, int partial,
                                         int64_t columns) {
  p += vector * MK_V_LANES;
  return partial ? MK_V(load_part)(p, columns - vector * MK_V_LANES) : MK_V(load)(p);
}

/// `steps` fused multiply-adds for every element. All int parameters are constants.
MK_INLINE void MK_V_NAME(tile_steps)(MK_V_TYPE (*sum)[2], const float **a, const float **b,
                                     int64_t steps, const tile_arguments *t, int rows, int vectors,
                                     int unit_row, int partial) {
  const int64_t a_row = unit_row ? 1 : t->a_row, a_step = t->a_step, b_step = t->b_step;
  const float *from_b = *b, *from_a[MK_LINES];
  MK_UNROLL for (int i = 0; i < rows; i += MK_LINE_ROWS) {
    from_a[i / MK_LINE_ROWS] = *a + i * a_row;
    if (!unit_row) MK_HIDE(from_a[i / MK_LINE_ROWS]);
  }
  for (int64_t p = 0; p < steps; p++) {
    MK_V_TYPE row[2];
    MK_UNROLL for (int v = 0; v < vectors; v++)
      row[v] = MK_V_NAME(tile_load)(from_b, v, partial, t->columns);
    MK_UNROLL for (int i = 0; i < rows; i++) {
      MK_V_TYPE scalar = MK_V(broadcast)(from_a[i / MK_LINE_ROWS][i % MK_LINE_ROWS * a_row]);
      MK_UNROLL for (int v = 0; v < vectors; v++)
        sum[i][v] = MK_V(fma)(scalar, row[v], sum[i][v]);
    }
    MK_UNROLL for (int i = 0; i < rows; i += MK_LINE_ROWS) from_a[i / MK_LINE_ROWS] += a_step;
    from_b += b_step;
  }
  *a = from_a[0];
  *b = from_b;
}

/// One chain of fused multiply-adds per element, in depth order. All int parameters are constants.
MK_INLINE void MK_V_NAME(tile_body)(const tile_arguments *t, int rows, int vectors, int unit_row,
                                    int partial) {
  MK_V_TYPE sum[MK_SINGLE_ROWS][2];
  const float *a = t->a, *b = t->b;
  MK_UNROLL for (int i = 0; i < rows; i++) {
    MK_UNROLL for (int v = 0; v < vectors; v++) {
      sum[i][v] = t->load ? MK_V_NAME(tile_load)(t->c + i * t->c_stride, v, partial, t->columns)
                          : MK_V(broadcast)(0.0f);
    }
  }
  int64_t whole = t->whole;
  for (int64_t segment = 0; segment < t->segments; segment++) {
    int64_t steps = partial ? least(t->depth, whole) : t->depth;
    MK_V_NAME(tile_steps)(sum, &a, &b, steps, t, rows, vectors, unit_row, 0);
    if (partial && steps < t->depth)
      MK_V_NAME(tile_steps)(sum, &a, &b, t->depth - steps, t, rows, vectors, unit_row, 1);
    whole -= steps;
    a += t->a_gap;
  }
  float *c = t->c;
  const int64_t c_stride = t->c_stride, columns = t->columns;
  MK_UNROLL for (int i = 0; i < rows; i++) {
    MK_UNROLL for (int v = 0; v < vectors; v++) {
      float *to = c + i * c_stride + v * MK_V_LANES;
      if (partial) MK_V(store_part)(to, sum[i][v], columns - v * MK_V_LANES);
      else MK_V(store)(to, sum[i][v]);
    }
  }
}
