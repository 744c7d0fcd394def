#include <zlib.h>

/* inflateInit2 is a macro that Swift does not see. 16 + MAX_WBITS reads gzip only. */
static inline int czlib_begin_gunzip(z_stream *stream) {
  return inflateInit2(stream, 16 + MAX_WBITS);
}

/* Negative window bits: raw deflate data without a header, as ZIP archives hold them. */
static inline int czlib_begin_inflate(z_stream *stream) {
  return inflateInit2(stream, -MAX_WBITS);
}
