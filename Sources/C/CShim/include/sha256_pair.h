// SHA-256 (FIPS 180-4) of two messages at once: the processor's instructions wait for one another
// within a message, but not between two.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { SHIM_SHA256_BYTES = 32 };

/// Bytes, behind one prefix byte if they have one, and where the digest of both goes.
typedef struct {
  uint8_t has_prefix, prefix;
  const void *bytes;
  size_t count;
  uint8_t digest[SHIM_SHA256_BYTES];
} shim_sha256_message;

/// 1 if this processor has the instructions; without them shim_sha256_pair must not be called.
int shim_sha256_has_pairs(void);
/// Computes both digests.
void shim_sha256_pair(shim_sha256_message *first, shim_sha256_message *second);
