import Primitives

/// One file in a zip archive.
struct ZipEntry: Equatable, Sendable {
  let name: String
  /// Whether its bytes lie there as they are.
  let isStored: Bool
  let compressedSize: UInt64
  /// Where its local header begins.
  let headerOffset: UInt64
}

/// The list of files at the end of a zip archive (PKWARE's APPNOTE.TXT 6.3.9, §4.3), with the
/// fields of zip64.
enum ZipDirectory {
  /// Bytes at the end in which the end record is looked for: its comment has at most 64 KiB.
  static let tailByteCount = (64 << 10) + 64
  /// Bytes of the list; an archive of a large model has a few thousand entries.
  static let byteCountMax = 4 << 20
  /// Bytes of a local header with its name and extra fields, as far as writers in use go.
  static let localHeaderByteCountMax = 4_096
  private static let endMark: Bytes = [0x50, 0x4b, 5, 6]
  private static let end64Mark: Bytes = [0x50, 0x4b, 6, 6]
  private static let locatorMark: Bytes = [0x50, 0x4b, 6, 7]
  private static let entryMark: Bytes = [0x50, 0x4b, 1, 2]
  private static let localMark: Bytes = [0x50, 0x4b, 3, 4]
  private static let endByteCount = 22
  private static let locatorByteCount = 20
  private static let end64ByteCount = 56
  private static let entryByteCount = 46
  private static let localByteCount = 30
  /// A field of 32 bits that is in the zip64 fields instead.
  private static let moved: UInt64 = 0xffff_ffff
  private static let zip64Field: UInt64 = 1

  /// Where the list lies; nil if the tail is no end of an archive.
  static func range(tail: Bytes, fileSize: UInt64) -> Range<UInt64>? {
    guard tail.count >= endByteCount else { return nil }
    for start in stride(from: tail.count - endByteCount, through: 0, by: -1)
    where tail[start...].starts(with: endMark) {
      var size = LittleEndian.unsigned(tail[start + 12..<start + 16])
      var offset = LittleEndian.unsigned(tail[start + 16..<start + 20])
      if size == moved || offset == moved {
        guard let large = large(before: start, tail: tail, fileSize: fileSize) else { return nil }
        (size, offset) = large
      }
      let (end, overflow) = offset.addingReportingOverflow(size)
      guard !overflow, end <= fileSize else { return nil }
      return offset..<end
    }
    return nil
  }

  private static func large(
    before end: Int, tail: Bytes, fileSize: UInt64
  ) -> (size: UInt64, offset: UInt64)? {
    let locator = end - locatorByteCount
    guard locator >= 0, tail[locator...].starts(with: locatorMark) else { return nil }
    let place = LittleEndian.unsigned(tail[locator + 8..<locator + 16])
    let tailOffset = fileSize - UInt64(tail.count)
    guard place >= tailOffset, place <= fileSize,
      place - tailOffset + UInt64(end64ByteCount) <= UInt64(tail.count)
    else { return nil }
    let start = Int(place - tailOffset)
    guard tail[start...].starts(with: end64Mark) else { return nil }
    return (
      LittleEndian.unsigned(tail[start + 40..<start + 48]),
      LittleEndian.unsigned(tail[start + 48..<start + 56])
    )
  }

  /// The files of a list; nil if it is damaged.
  static func entries(of list: Bytes) -> [ZipEntry]? {
    var entries: [ZipEntry] = []
    var cursor = 0
    while cursor < list.count {
      guard cursor + entryByteCount <= list.count, list[cursor...].starts(with: entryMark) else {
        return nil
      }
      func field(_ offset: Int, _ count: Int) -> UInt64 {
        LittleEndian.unsigned(list[cursor + offset..<cursor + offset + count])
      }
      let nameEnd = cursor + entryByteCount + Int(field(28, 2))
      let extraEnd = nameEnd + Int(field(30, 2))
      let end = extraEnd + Int(field(32, 2))
      guard end <= list.count else { return nil }
      var size = field(20, 4)
      var offset = field(42, 4)
      let plainSize = field(24, 4)
      if size == moved || offset == moved || plainSize == moved {
        let extra = list[nameEnd..<extraEnd]
        guard widen(&size, &offset, plainSize: plainSize, extra: extra) else { return nil }
      }
      entries.append(
        ZipEntry(
          name: String(decoding: list[cursor + entryByteCount..<nameEnd], as: UTF8.self),
          isStored: field(10, 2) == 0, compressedSize: size, headerOffset: offset))
      cursor = end
    }
    return entries
  }

  /// Takes the fields that did not fit from the zip64 extra field, in their fixed order.
  private static func widen(
    _ size: inout UInt64, _ offset: inout UInt64, plainSize: UInt64, extra: ArraySlice<UInt8>
  ) -> Bool {
    var rest = extra
    while rest.count >= 4 {
      let id = LittleEndian.unsigned(rest.prefix(2))
      let count = Int(LittleEndian.unsigned(rest.dropFirst(2).prefix(2)))
      var content = rest.dropFirst(4).prefix(count)
      rest = rest.dropFirst(4 + count)
      guard id == zip64Field else { continue }
      func take() -> UInt64? {
        guard content.count >= 8 else { return nil }
        defer { content = content.dropFirst(8) }
        return LittleEndian.unsigned(content.prefix(8))
      }
      if plainSize == moved, take() == nil { return false }
      if size == moved {
        guard let value = take() else { return false }
        size = value
      }
      if offset == moved {
        guard let value = take() else { return false }
        offset = value
      }
      return true
    }
    return false
  }

  /// Bytes of a local header, after which the file's bytes begin; nil if there is none.
  static func localHeaderByteCount(_ header: Bytes) -> Int? {
    guard header.count >= localByteCount, header.starts(with: localMark) else { return nil }
    return localByteCount + Int(LittleEndian.unsigned(header[26..<28]))
      + Int(LittleEndian.unsigned(header[28..<30]))
  }
}
