import Primitives

/// MurmurHash3 x64 128 with seed 0, of which HAMT directories use the first 64 bits
/// (multicodec `murmur3-x64-64`; github.com/aappleby/smhasher, public domain algorithm).
package enum Murmur3 {
  private static let c1: UInt64 = 0x87c3_7b91_1142_53d5
  private static let c2: UInt64 = 0x4cf5_ad43_2745_937f

  /// The first half of the hash; a directory takes its bits from the highest on.
  package static func first64(_ bytes: some Collection<UInt8>) -> UInt64 {
    var (h1, h2) = (UInt64(0), UInt64(0))
    var rest = bytes[...]
    while rest.count >= 16 {
      let (k1, k2) = (word(rest.prefix(8)), word(rest.dropFirst(8).prefix(8)))
      h1 ^= mixed(k1, c1, 31, c2)
      h1 = (rotated(h1, 27) &+ h2) &* 5 &+ 0x52dc_e729
      h2 ^= mixed(k2, c2, 33, c1)
      h2 = (rotated(h2, 31) &+ h1) &* 5 &+ 0x3849_5ab5
      rest = rest.dropFirst(16)
    }
    if rest.count > 8 { h2 ^= mixed(word(rest.dropFirst(8)), c2, 33, c1) }
    if !rest.isEmpty { h1 ^= mixed(word(rest.prefix(8)), c1, 31, c2) }
    h1 ^= UInt64(bytes.count)
    h2 ^= UInt64(bytes.count)
    h1 &+= h2
    h2 &+= h1
    return finished(h1) &+ finished(h2)
  }

  /// Up to eight bytes, the first one lowest.
  private static func word(_ bytes: some Collection<UInt8>) -> UInt64 {
    var word: UInt64 = 0
    for (index, byte) in bytes.enumerated() { word |= UInt64(byte) << UInt64(8 * index) }
    return word
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
