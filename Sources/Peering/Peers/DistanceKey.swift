package import Cryptography
package import Primitives

/// A point of Kademlia's key space: SHA-256 of a peer id or of a record's key
/// (libp2p/specs kad-dht/README.md, "Distance").
package struct DistanceKey: Hashable, Comparable, Sendable {
  /// The digest as four big-endian words, the most significant first.
  package let words: (UInt64, UInt64, UInt64, UInt64)

  /// The point of these words.
  package init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

  /// The point of a digest.
  package init(digest: Digest) {
    let bytes = digest.bytes
    func word(_ start: Int) -> UInt64 {
      var value: UInt64 = 0
      for index in start..<start + 8 { value = value << 8 | UInt64(bytes[index]) }
      return value
    }
    words = (word(0), word(8), word(16), word(24))
  }

  /// The point of a peer id's bytes or of a record's key.
  package init(hashing bytes: Bytes) { self.init(digest: SHA256.hash(bytes)) }

  /// The XOR distance, itself a number of 256 bits.
  package func distance(to other: DistanceKey) -> DistanceKey {
    DistanceKey(
      words: (
        words.0 ^ other.words.0, words.1 ^ other.words.1, words.2 ^ other.words.2,
        words.3 ^ other.words.3
      ))
  }

  /// The number of leading bits that both have in common, 256 for equal points.
  package func commonPrefixLength(with other: DistanceKey) -> Int {
    let difference = distance(to: other).words
    if difference.0 != 0 { return difference.0.leadingZeroBitCount }
    if difference.1 != 0 { return 64 + difference.1.leadingZeroBitCount }
    if difference.2 != 0 { return 128 + difference.2.leadingZeroBitCount }
    return 192 + difference.3.leadingZeroBitCount
  }

  /// Whether two points are the same.
  package static func == (left: DistanceKey, right: DistanceKey) -> Bool {
    left.words == right.words
  }

  /// Feeds the point to a hasher.
  package func hash(into hasher: inout Hasher) { hasher.combine(words.0 ^ words.3) }

  /// Orders as numbers of 256 bits.
  package static func < (left: DistanceKey, right: DistanceKey) -> Bool {
    left.words < right.words
  }
}
