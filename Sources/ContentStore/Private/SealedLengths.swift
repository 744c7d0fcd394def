import Primitives

/// Where the sealed chunks of an object begin.
struct SealedLengths {
  /// The chunks of the object.
  let chunkCount: Int
  private let byteCount: UInt64
  /// Where each chunk begins; nil where all but the last have the full length.
  private let offsets: [UInt64]?

  /// An object of so many bytes, with the table of its lengths if it has one.
  init(byteCount: UInt64, table: Bytes?) throws(DecodingFailure) {
    self.byteCount = byteCount
    chunkCount = PrivateLimits.chunkCount(of: byteCount)
    guard let table else {
      offsets = nil
      return
    }
    guard table.count == 4 * chunkCount else { throw Self.malformed }
    var offsets: [UInt64] = [0]
    offsets.reserveCapacity(chunkCount + 1)
    for number in 0..<chunkCount {
      let length = table[4 * number..<4 * number + 4].reduce(0) { $0 << 8 | UInt64($1) }
      guard (1...UInt64(PrivateLimits.sealedByteCountMax)).contains(length) else {
        throw Self.malformed
      }
      offsets.append(offsets[number] + length)
    }
    self.offsets = offsets
  }

  /// Where a chunk begins among the sealed bytes.
  func offset(of number: Int) -> UInt64 {
    offsets?[number] ?? UInt64(number) * UInt64(PrivateLimits.sealedByteCountMax)
  }

  /// The sealed bytes of a chunk; the last may have fewer where there is no table.
  func sealedByteCount(of number: Int) -> Int {
    if let offsets { return Int(offsets[number + 1] - offsets[number]) }
    return self.byteCount(of: number) + PrivateLimits.overheadByteCount
  }

  /// The object's bytes in a chunk.
  func byteCount(of number: Int) -> Int {
    let start = UInt64(number) * UInt64(PrivateLimits.chunkByteCount)
    return Int(min(byteCount - start, UInt64(PrivateLimits.chunkByteCount)))
  }

  private static let malformed = DecodingFailure.malformed(
    what: "private object's index", reason: "its lengths do not fit the object")
}
