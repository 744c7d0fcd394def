// CRC-32C (Castagnoli, RFC 3720 appendix B.4) with the processor's instruction where it has one.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Continues `crc` (0 at the start) over `count` bytes.
uint32_t shim_crc32c(uint32_t crc, const void *bytes, size_t count);
/// The same without special instructions: the oracle of the fast version.
uint32_t shim_crc32c_plain(uint32_t crc, const void *bytes, size_t count);
