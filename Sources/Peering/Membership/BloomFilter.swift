import Cryptography
package import Primitives

/// Limits of Bloom filters that peers send.
package enum BloomLimits {
  /// Bits for each key: 1 % wrong answers with seven hashes (Bloom 1970; p = 0.6185^(m/n)).
  package static let tenthBitsPerKey = 96
  /// Hashes of each key: m/n · ln 2.
  package static let hashCount = 7
  /// Fullest filter that is believed, in percent of its bits. At capacity a filter is
  /// 1 − e^(−7/9.6) = 52 % full; one that has everything would answer yes to all.
  package static let fillPercentMax = 55
  /// Smallest filter: 64 bits, so that a single key does not fill it.
  package static let wordsMin = 2
  /// Largest filter, 120 kB: a hundred thousand different capabilities of a region.
  package static let bytesMax = 120_000
}

/// Why a filter was refused.
package enum BloomError: Error, Equatable, Sendable {
  case size(bytes: Int)
  case tooFull(percent: Int)
  case differentSizes(Int, Int)
}

/// A set that may say yes to what it does not hold (1 %), and never no to what it does.
///
/// A hint for finding peers, never a proof: what it names is asked before it is trusted.
package struct BloomFilter: Hashable, Sendable {
  private var words: [UInt64]

  /// An empty filter for so many keys. Filters of one size can be united.
  package init(capacity: Int) {
    let bits = max(0, min(capacity, 1 << 24)) * BloomLimits.tenthBitsPerKey / 10
    let words = max(BloomLimits.wordsMin, (bits + 63) / 64)
    self.words = Array(repeating: 0, count: min(words, BloomLimits.bytesMax / 8))
  }

  /// Reads bits that a peer sent, the lowest first; refuses filters that are too full or too large.
  package init(bytes: Bytes) throws(BloomError) {
    guard bytes.count % 8 == 0, bytes.count >= BloomLimits.wordsMin * 8,
      bytes.count <= BloomLimits.bytesMax
    else { throw .size(bytes: bytes.count) }
    words = Array(repeating: 0, count: bytes.count / 8)
    for (place, byte) in bytes.enumerated() {
      words[place / 8] |= UInt64(byte) << UInt64(8 * (place % 8))
    }
    guard fillPercent <= BloomLimits.fillPercentMax else { throw .tooFull(percent: fillPercent) }
  }

  /// The bits, the lowest first.
  package var bytes: Bytes {
    words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) } }
  }

  /// Bits in the filter.
  package var bitCount: Int { words.count * 64 }

  /// Share of bits that are set, rounded down.
  package var fillPercent: Int {
    words.reduce(0) { $0 + $1.nonzeroBitCount } * 100 / bitCount
  }

  /// Adds a key.
  package mutating func insert(_ key: Bytes) {
    for bit in places(of: key) { words[bit / 64] |= 1 << UInt64(bit % 64) }
  }

  /// Whether the key may be in the set.
  package func mayContain(_ key: Bytes) -> Bool {
    places(of: key).allSatisfy { words[$0 / 64] & 1 << UInt64($0 % 64) != 0 }
  }

  /// Whether all of another filter's bits are set here, so that nothing in it was left out.
  package func covers(_ other: BloomFilter) -> Bool {
    words.count == other.words.count && zip(words, other.words).allSatisfy { $1 & ~$0 == 0 }
  }

  /// Adds all keys of another filter of the same size; refuses what would be too full.
  package mutating func formUnion(_ other: BloomFilter) throws(BloomError) {
    guard words.count == other.words.count else {
      throw .differentSizes(bitCount, other.bitCount)
    }
    var united = self
    for place in words.indices { united.words[place] |= other.words[place] }
    guard united.fillPercent <= BloomLimits.fillPercentMax else {
      throw .tooFull(percent: united.fillPercent)
    }
    self = united
  }

  /// Places h₁ + i · h₂ mod m of the first two words of SHA-256, h₂ odd (Kirsch and Mitzenmacher,
  /// "Less Hashing, Same Performance", 2006).
  private func places(of key: Bytes) -> [Int] {
    let words = DistanceKey(hashing: key).words
    let step = words.1 | 1
    return (0..<BloomLimits.hashCount).map { index in
      Int((words.0 &+ UInt64(index) &* step) % UInt64(bitCount))
    }
  }
}
