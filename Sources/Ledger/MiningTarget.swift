public import Cryptography
public import Primitives

/// The largest hash that wins, as a 256-bit number; a smaller target is harder.
public struct MiningTarget: Hashable, Sendable {
  /// Four words, the most significant first.
  private let words: [UInt64]

  private init(words: [UInt64]) {
    precondition(words.count == 4)
    self.words = words
  }

  /// Every hash wins.
  public static let easiest = MiningTarget(words: [.max, .max, .max, .max])

  /// 0x00000FFF…F: one hash in 2²⁰, the genesis difficulty of seed networks.
  public static let standard = MiningTarget(leadingZeroBits: 20)

  /// 2^(256 − bits) − 1: one hash in 2^bits wins.
  public init(leadingZeroBits bits: Int) {
    precondition((0..<256).contains(bits))
    words = (0..<4).map { word in
      let zeros = min(64, max(0, bits - word * 64))
      return zeros == 64 ? 0 : .max >> UInt64(zeros)
    }
  }

  /// Whether a hash, read as a big-endian number, is at most the target.
  public func isMet(by hash: Digest) -> Bool {
    hash.bytes.lexicographicallyPrecedes(bytes) || hash.bytes == bytes
  }

  /// The number as 32 bytes, big-endian.
  public var bytes: Bytes {
    words.flatMap { word in withUnsafeBytes(of: word.bigEndian) { Bytes($0) } }
  }

  /// ⌊target · factor ÷ divisor⌋ in exact integers; at most `easiest`, at least 1.
  public func scaled(by factor: UInt64, dividedBy divisor: UInt64) -> MiningTarget {
    precondition(divisor > 0)
    var product = [UInt64](repeating: 0, count: 5)
    var carry: UInt64 = 0
    for index in (0..<4).reversed() {
      let (high, low) = words[index].multipliedFullWidth(by: factor)
      let (sum, overflow) = low.addingReportingOverflow(carry)
      product[index + 1] = sum
      carry = high + (overflow ? 1 : 0)
    }
    product[0] = carry
    var remainder: UInt64 = 0
    for index in 0..<5 {
      (product[index], remainder) = divisor.dividingFullWidth((remainder, product[index]))
    }
    guard product[0] == 0 else { return .easiest }
    let quotient = Array(product.dropFirst())
    return quotient == [0, 0, 0, 0]
      ? MiningTarget(words: [0, 0, 0, 1]) : MiningTarget(words: quotient)
  }
}

extension MiningTarget: Comparable {
  /// Orders as numbers.
  public static func < (left: MiningTarget, right: MiningTarget) -> Bool {
    left.words.lexicographicallyPrecedes(right.words)
  }
}

extension MiningTarget: CanonicalCodable {
  /// Thirty-two bytes.
  public var canonicalValue: CanonicalValue { .bytes(bytes) }

  /// Reads thirty-two bytes; a target that nothing but the hash 0 meets is refused.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    let digest = try Digest(canonicalValue: canonicalValue)
    let bytes = digest.bytes
    words = (0..<4).map { word in
      bytes[word * 8..<word * 8 + 8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }
    guard words != [0, 0, 0, 0] else {
      throw .malformed(what: "mining target", reason: "zero")
    }
  }
}
