package import Primitives

/// MurmurHash3 x64 128 with seed 0, of which HAMT directories use the first 64 bits
/// (multicodec `murmur3-x64-64`; github.com/aappleby/smhasher, public domain algorithm).
package enum Murmur3 {
  private static let c1: UInt64 = 0x87c3_7b91_1142_53d5
  private static let c2: UInt64 = 0x4cf5_ad43_2745_937f

  /// The first half of the hash; a directory takes its bits from the highest on.
  package static func first64(_ bytes: Bytes) -> UInt64 {
    bytes.withUnsafeBytes { first64(of: $0) }
  }

  private static func first64(of bytes: UnsafeRawBufferPointer) -> UInt64 {
    var (h1, h2) = (UInt64(0), UInt64(0))
    var offset = 0
    while bytes.count - offset >= blockByteCount {
      let k1 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      let k2 = UInt64(
        littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
      h1 ^= mixed(k1, c1, 31, c2)
      h1 = (rotated(h1, 27) &+ h2) &* 5 &+ 0x52dc_e729
      h2 ^= mixed(k2, c2, 33, c1)
      h2 = (rotated(h2, 31) &+ h1) &* 5 &+ 0x3849_5ab5
      offset += blockByteCount
    }
    let (first, second) = tail(bytes, from: offset)
    h2 ^= mixed(second, c2, 33, c1)
    h1 ^= mixed(first, c1, 31, c2)
    h1 ^= UInt64(bytes.count)
    h2 ^= UInt64(bytes.count)
    h1 &+= h2
    h2 &+= h1
    return finished(h1) &+ finished(h2)
  }

  private static let blockByteCount = 16

  /// The bytes behind the last whole block as two words, the first byte lowest; none mix to none.
  private static func tail(
    _ bytes: UnsafeRawBufferPointer, from start: Int
  ) -> (first: UInt64, second: UInt64) {
    var (first, second) = (UInt64(0), UInt64(0))
    for index in start..<bytes.count {
      let position = index - start
      if position < 8 {
        first |= UInt64(bytes[index]) << UInt64(8 * position)
      } else {
        second |= UInt64(bytes[index]) << UInt64(8 * (position - 8))
      }
    }
    return (first, second)
  }

  private static func rotated(_ value: UInt64, _ count: UInt64) -> UInt64 {
    value << count | value >> (64 - count)
  }

  private static func mixed(
    _ value: UInt64, _ first: UInt64, _ rotation: UInt64, _ second: UInt64
  ) -> UInt64 {
    rotated(value &* first, rotation) &* second
  }

  private static func finished(_ value: UInt64) -> UInt64 {
    var value = value
    value ^= value >> 33
    value &*= 0xff51_afd7_ed55_8ccd
    value ^= value >> 33
    value &*= 0xc4ce_b9fe_1a85_ec53
    value ^= value >> 33
    return value
  }
}
