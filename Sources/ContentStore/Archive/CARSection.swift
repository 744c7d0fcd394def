import Primitives

/// One section of a content archive while it arrives: a length, and that many bytes.
struct CARSection: Sendable {
  private enum Part: Sendable {
    case length(Bytes)
    /// What came of a header, and how much is to come.
    case header(Bytes, left: Int)
    /// The bytes up to where a CID must have ended, and how much the whole section lacks.
    case name(Bytes, left: Int)
    /// A block's bytes so far.
    case block(CID, Bytes, left: Int)
  }

  private typealias Rest = Slice<UnsafeRawBufferPointer>

  private var part = Part.length([])

  /// Whether nothing of a section has come.
  var isEmpty: Bool {
    if case .length(let bytes) = part { bytes.isEmpty } else { false }
  }

  /// Returns the header once it is whole.
  mutating func takeHeader(_ rest: inout Slice<UnsafeRawBufferPointer>) throws(ContentError)
    -> Bytes?
  {
    if let count = try takeLength(&rest, limit: CARLimits.headerByteCountMax) {
      part = .header([], left: count)
    }
    guard case .header(var bytes, var left) = part else { return nil }
    part = .length([])
    Self.move(&left, &rest, to: &bytes)
    if left == 0 { return bytes }
    part = .header(bytes, left: left)
    return nil
  }

  /// Returns `count` bytes, which no length stands before, once they are whole.
  mutating func takeExactly(_ count: Int, _ rest: inout Slice<UnsafeRawBufferPointer>) -> Bytes? {
    if case .length = part { part = .header([], left: count) }
    guard case .header(var bytes, var left) = part else { return nil }
    part = .length([])
    Self.move(&left, &rest, to: &bytes)
    if left == 0 { return bytes }
    part = .header(bytes, left: left)
    return nil
  }

  /// Returns the block of a section once it is whole; it was checked against its CID.
  mutating func takeBlock(_ rest: inout Slice<UnsafeRawBufferPointer>) throws(ContentError)
    -> ContentBlock?
  {
    if let count = try takeLength(&rest, limit: CARLimits.sectionByteCountMax) {
      part = .name([], left: count)
    }
    if case .name(var bytes, var left) = part {
      part = .length([])
      var missing = min(left, CIDLimits.byteCountMax - bytes.count)
      left -= missing
      Self.move(&missing, &rest, to: &bytes)
      if missing > 0 {
        part = .name(bytes, left: left + missing)
        return nil
      }
      try beginBlock(bytes, left: left)
    }
    guard case .block(let cid, var bytes, var left) = part else { return nil }
    part = .length([])
    Self.move(&left, &rest, to: &bytes)
    if left == 0 { return try ContentBlock(verifying: bytes, as: cid) }
    part = .block(cid, bytes, left: left)
    return nil
  }

  /// Splits a section's first bytes into the CID and the start of the block.
  private mutating func beginBlock(_ bytes: Bytes, left: Int) throws(ContentError) {
    var offset = 0
    let cid = try CID(reading: bytes[...], at: &offset)
    var block = Bytes()
    // At most a block's limit, which `takeLength` checked.
    block.reserveCapacity(bytes.count - offset + left)
    block += bytes[offset...]
    guard block.count + left <= BlockLimits.byteCountMax else {
      throw .malformedArchive(
        .tooLarge(
          what: "block", size: block.count + left, limit: BlockLimits.byteCountMax))
    }
    part = .block(cid, block, left: left)
  }

  /// Returns the length once its last byte has come.
  private mutating func takeLength(
    _ rest: inout Rest, limit: Int
  ) throws(ContentError) -> Int? {
    guard case .length(var bytes) = part else { return nil }
    part = .length([])
    while let byte = rest.popFirst() {
      bytes.append(byte)
      if byte & 0x80 == 0 || bytes.count == Varint.bytesMax { return try length(bytes, limit) }
    }
    part = .length(bytes)
    return nil
  }

  private func length(_ bytes: Bytes, _ limit: Int) throws(ContentError) -> Int {
    do throws(DecodingFailure) {
      var offset = 0
      let count = try Varint.read(bytes, at: &offset)
      guard count > 0 else {
        throw DecodingFailure.malformed(what: "content archive", reason: "an empty section")
      }
      guard count <= limit else {
        throw DecodingFailure.tooLarge(
          what: "content archive's section", size: Int(clamping: count), limit: limit)
      }
      return Int(count)
    } catch { throw .malformedArchive(error) }
  }

  private static func move(_ left: inout Int, _ rest: inout Rest, to bytes: inout Bytes) {
    let piece = rest.prefix(left)
    bytes.append(contentsOf: piece)
    left -= piece.count
    rest = rest.dropFirst(piece.count)
  }
}
