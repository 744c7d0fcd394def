#include "sha256_pair.h"
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

enum { BLOCK = 64, LENGTH_BYTES = 8, GROUPS = 16 };

#define SHA_TARGET __attribute__((target("sha,sse4.1")))
#define UNROLL _Pragma("clang loop unroll(full)")

/// A message as blocks: one with the prefix if it has one, those in place, the last one or two with
/// the padding.
typedef struct {
  __m128i state[2];
  const uint8_t *next;
  size_t first_blocks, whole, last_blocks;
  uint8_t first[BLOCK], last[2 * BLOCK];
} stream;

static const uint32_t round_constants[64] = {
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/// `blocks` blocks of `streams` (a constant, 1 or 2) messages; `next` moves on.
SHA_TARGET static inline __attribute__((always_inline)) void compress(
    stream *const *of, int streams, const uint8_t **next, size_t blocks) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  __m128i low[2], high[2], words[2][4];
  for (int s = 0; s < streams; s++) low[s] = of[s]->state[0], high[s] = of[s]->state[1];
  for (; blocks; blocks--) {
    const __m128i start[2][2] = {{low[0], high[0]}, {low[streams - 1], high[streams - 1]}};
    UNROLL for (int g = 0; g < GROUPS; g++) {
      UNROLL for (int s = 0; s < streams; s++) {
        __m128i *w = words[s], *word = &w[g % 4];
        const __m128i *from = (const __m128i *)(const void *)next[s];
        if (g < 4) {
          *word = _mm_shuffle_epi8(_mm_loadu_si128(from + g), swap);
        } else {
          const __m128i newest = w[(g + 3) % 4];
          __m128i sum = _mm_sha256msg1_epu32(*word, w[(g + 1) % 4]);
          sum = _mm_add_epi32(sum, _mm_alignr_epi8(newest, w[(g + 2) % 4], 4));
          *word = _mm_sha256msg2_epu32(sum, newest);
        }
        const __m128i *constant = (const __m128i *)(const void *)(round_constants + 4 * g);
        const __m128i sum = _mm_add_epi32(*word, _mm_loadu_si128(constant));
        high[s] = _mm_sha256rnds2_epu32(high[s], low[s], sum);
        low[s] = _mm_sha256rnds2_epu32(low[s], high[s], _mm_shuffle_epi32(sum, 0x0e));
      }
    }
    UNROLL for (int s = 0; s < streams; s++) {
      low[s] = _mm_add_epi32(low[s], start[s][0]);
      high[s] = _mm_add_epi32(high[s], start[s][1]);
      next[s] += BLOCK;
    }
  }
  for (int s = 0; s < streams; s++) of[s]->state[0] = low[s], of[s]->state[1] = high[s];
}

SHA_TARGET static void compress_one(stream *of, const uint8_t *next, size_t blocks) {
  compress(&of, 1, &next, blocks);
}

SHA_TARGET static void compress_both(stream *const of[2], const uint8_t *first,
                                     const uint8_t *second, size_t blocks) {
  const uint8_t *next[2] = {first, second};
  compress(of, 2, next, blocks);
}

/// The state as the instructions want it: words A B E F and C D G H, the last in the lowest lane.
static void start(stream *to, const shim_sha256_message *message) {
  to->state[0] = _mm_set_epi32(0x6a09e667, (int)0xbb67ae85, 0x510e527f, (int)0x9b05688c);
  to->state[1] = _mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab, 0x5be0cd19);
  const uint8_t *bytes = message->bytes;
  const size_t prefix = message->has_prefix ? 1 : 0, total = prefix + message->count;
  to->first_blocks = prefix && total >= BLOCK ? 1 : 0;
  if (to->first_blocks) {
    to->first[0] = message->prefix;
    memcpy(to->first + 1, bytes, BLOCK - 1);
  }
  to->next = to->first_blocks ? bytes + BLOCK - 1 : bytes;
  to->whole = total / BLOCK - to->first_blocks;
  const size_t rest = total % BLOCK;
  // The prefix of a message shorter than a block stands with the padding.
  const size_t before = prefix && !to->first_blocks ? 1 : 0;
  memset(to->last, 0, sizeof to->last);
  if (before) to->last[0] = message->prefix;
  if (rest > before) memcpy(to->last + before, to->next + BLOCK * to->whole, rest - before);
  to->last[rest] = 0x80;
  to->last_blocks = rest + 1 + LENGTH_BYTES <= BLOCK ? 1 : 2;
  const uint64_t bits = __builtin_bswap64((uint64_t)total * 8);
  memcpy(to->last + to->last_blocks * BLOCK - LENGTH_BYTES, &bits, LENGTH_BYTES);
}

static void finish(stream *of, size_t done, shim_sha256_message *message) {
  compress_one(of, of->next + BLOCK * done, of->whole - done);
  compress_one(of, of->last, of->last_blocks);
  uint32_t low[4], high[4];
  memcpy(low, &of->state[0], sizeof low);
  memcpy(high, &of->state[1], sizeof high);
  const uint32_t words[8] = {low[3], low[2], high[3], high[2], low[1], low[0], high[1], high[0]};
  for (int i = 0; i < 8; i++) {
    const uint32_t word = __builtin_bswap32(words[i]);
    memcpy(message->digest + 4 * i, &word, sizeof word);
  }
}

void shim_sha256_pair(shim_sha256_message *first, shim_sha256_message *second) {
  stream streams[2];
  stream *const both[2] = {&streams[0], &streams[1]};
  start(both[0], first);
  start(both[1], second);
  const size_t common = both[0]->whole < both[1]->whole ? both[0]->whole : both[1]->whole;
  for (int s = 0; s < 2; s++) compress_one(both[s], both[s]->first, both[s]->first_blocks);
  compress_both(both, both[0]->next, both[1]->next, common);
  finish(both[0], common, first);
  finish(both[1], common, second);
}

int shim_sha256_has_pairs(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSE4_1)) return 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
  return (b & bit_SHA) != 0;
}
#else
int shim_sha256_has_pairs(void) { return 0; }

void shim_sha256_pair(shim_sha256_message *first, shim_sha256_message *second) {
  (void)first;
  (void)second;
  abort();
}
#endif
