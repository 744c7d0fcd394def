#include <zlib.h>

/* inflateInit2 is a macro that Swift does not see. 16 + MAX_WBITS reads gzip only. */
static inline int czlib_begin_gunzip(z_stream *stream) {
  return inflateInit2(stream, 16 + MAX_WBITS);
}

/* Raw deflate data (RFC 1951), as in a ZIP archive. */
static inline int czlib_begin_inflate(z_stream *stream) {
  return inflateInit2(stream, -MAX_WBITS);
}
