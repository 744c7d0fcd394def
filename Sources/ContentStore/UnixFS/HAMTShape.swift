import Primitives

/// How many slots the shards of a HAMT have, and what follows from it.
struct HAMTShape: Equatable, Sendable {
  /// murmur3-x64-64 in the multicodec table, the only hash function in use.
  static let murmur3: UInt64 = 0x22
  /// Kubo reads no wider shards.
  static let fanoutMax: UInt64 = 1_024
  /// A bit field of one byte.
  private static let fanoutMin: UInt64 = 8
  private static let hashBits = 64

  /// The shape of both published profiles.
  static let ours = HAMTShape(fanout: UnixFSDirectoryLayout.fanout)

  /// The slots of a shard: a power of two.
  let fanout: Int
  /// The bits of the hash that name a slot.
  let slotBits: Int
  /// The hexadecimal digits in front of a link's name.
  let prefixCount: Int

  private init(fanout: Int) {
    self.fanout = fanout
    slotBits = fanout.trailingZeroBitCount
    prefixCount = (slotBits + 3) / 4
  }

  init(of data: UnixFSData) throws(DecodingFailure) {
    guard data.hashType == Self.murmur3 else {
      throw .malformed(what: "HAMT shard", reason: "its hash function is not murmur3-x64-64")
    }
    guard let fanout = data.fanout, (Self.fanoutMin...Self.fanoutMax).contains(fanout),
      fanout.nonzeroBitCount == 1
    else {
      throw .malformed(what: "HAMT shard", reason: "a fanout of \(data.fanout ?? 0)")
    }
    self.init(fanout: Int(fanout))
  }

  /// The levels that 64 bits of hash are enough for.
  var depthMax: Int { Self.hashBits / slotBits }

  /// The slot at level `depth`, by bits from the highest on.
  func slot(of hash: UInt64, depth: Int) -> Int {
    let shift = Self.hashBits - (depth + 1) * slotBits
    return Int(hash >> UInt64(shift) & UInt64(fanout - 1))
  }

  /// The slots of the first levels, which may take all bits.
  func start(of hash: UInt64, levels: Int) -> UInt64 {
    hash >> UInt64(Self.hashBits - levels * slotBits)
  }

  /// The slot as upper-case hexadecimal digits.
  func prefix(of slot: Int) -> Bytes {
    (0..<prefixCount).map { Self.digits[slot >> (4 * (prefixCount - 1 - $0)) & 15] }
  }

  /// Whether `name` begins with the slot's digits.
  func isPrefix(_ slot: Int, of name: Bytes) -> Bool {
    name.count >= prefixCount
      && (0..<prefixCount).allSatisfy {
        name[$0] == Self.digits[slot >> (4 * (prefixCount - 1 - $0)) & 15]
      }
  }

  private static let digits = Bytes("0123456789ABCDEF".utf8)
}
