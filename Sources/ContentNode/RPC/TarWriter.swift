import ContentStore
import Primitives

/// Writes the headers and the filling of a tar archive (POSIX.1-2017, pax interchange format).
///
/// What a ustar header has no room for, long names and large files, stands in an extended header in
/// front of it. Pure; files' bytes go between `append` and `endFile` as they are.
struct TarWriter: Sendable {
  enum Entry {
    case directory
    case file(size: UInt64)
    case symlink(target: Bytes)
  }

  private enum Kind {
    static let file = UInt8(ascii: "0")
    static let symlink = UInt8(ascii: "2")
    static let directory = UInt8(ascii: "5")
    static let extended = UInt8(ascii: "x")
  }

  private enum Width {
    static let name = 100
    static let mode = 8
    static let size = 12
    static let checksum = 8
    static let owner = 32
  }

  private static let blockByteCount = 512
  /// Eleven octal digits.
  private static let octalSizeMax: UInt64 = (1 << 33) - 1
  private static let fileMode: UInt32 = 0o644
  private static let directoryMode: UInt32 = 0o755
  private static let symlinkMode: UInt32 = 0o777
  private static let permissions: UInt32 = 0o7777

  private let now: UInt64
  /// What is left of the last block of the file that is written.
  private var filling = 0

  /// Entries that have no time of their own get `now`, in seconds since 1970.
  init(now: UInt64) { self.now = now }

  /// Appends the header of an entry.
  mutating func append(
    _ entry: Entry, named name: Bytes, _ attributes: UnixFSTreeWalk.Attributes,
    into bytes: inout Bytes
  ) {
    var header = Header(name: name, time: seconds(attributes))
    switch entry {
    case .directory:
      header.name.append(UInt8(ascii: "/"))
      header.kind = Kind.directory
      header.mode = attributes.mode ?? Self.directoryMode
    case .file(let size):
      header.kind = Kind.file
      header.mode = attributes.mode ?? Self.fileMode
      header.size = size
      filling = Self.padding(behind: size)
    case .symlink(let target):
      header.kind = Kind.symlink
      header.mode = Self.symlinkMode
      header.target = target
    }
    appendExtended(header, into: &bytes)
    bytes += Self.block(header)
  }

  private func seconds(_ attributes: UnixFSTreeWalk.Attributes) -> UInt64 {
    // Times before 1970 have no octal digits.
    attributes.modificationTime.map { UInt64(max(0, $0.seconds)) } ?? now
  }

  /// Fills the last block of a file.
  mutating func endFile(into bytes: inout Bytes) {
    bytes += Bytes(repeating: 0, count: filling)
    filling = 0
  }

  /// Ends the archive.
  func end(into bytes: inout Bytes) {
    bytes += Bytes(repeating: 0, count: 2 * Self.blockByteCount)
  }

  private static func padding(behind size: UInt64) -> Int {
    let rest = Int(size % UInt64(blockByteCount))
    return rest == 0 ? 0 : blockByteCount - rest
  }

  // MARK: - Headers

  private struct Header {
    var name: Bytes
    var time: UInt64
    var kind = Kind.file
    var mode: UInt32 = 0
    var size: UInt64 = 0
    var target = Bytes()
  }

  private func appendExtended(_ header: Header, into bytes: inout Bytes) {
    var records = Bytes()
    if header.name.count > Width.name { records += Self.record("path", header.name) }
    if header.target.count > Width.name { records += Self.record("linkpath", header.target) }
    if header.size > Self.octalSizeMax {
      records += Self.record("size", Bytes("\(header.size)".utf8))
    }
    guard !records.isEmpty else { return }
    var extended = Header(name: Bytes("PaxHeaders.0/entry".utf8), time: header.time)
    extended.kind = Kind.extended
    extended.mode = Self.fileMode
    extended.size = UInt64(records.count)
    bytes += Self.block(extended)
    bytes += records
    bytes += Bytes(repeating: 0, count: Self.padding(behind: extended.size))
  }

  /// `LENGTH key=value\n`, where the length counts itself.
  private static func record(_ key: String, _ value: Bytes) -> Bytes {
    let rest = Bytes(" \(key)=".utf8) + value + [UInt8(ascii: "\n")]
    var count = rest.count
    while "\(count)".utf8.count + rest.count != count { count = "\(count)".utf8.count + rest.count }
    return Bytes("\(count)".utf8) + rest
  }

  private static func block(_ header: Header) -> Bytes {
    var block = Bytes()
    block.reserveCapacity(blockByteCount)
    appendText(header.name, Width.name, to: &block)
    appendOctal(UInt64(header.mode & permissions), Width.mode, to: &block)
    appendOctal(0, Width.mode, to: &block)  // user
    appendOctal(0, Width.mode, to: &block)  // group
    appendOctal(min(header.size, octalSizeMax), Width.size, to: &block)
    appendOctal(min(header.time, octalSizeMax), Width.size, to: &block)
    let checksumStart = block.count
    block += Bytes(repeating: UInt8(ascii: " "), count: Width.checksum)
    block.append(header.kind)
    appendText(header.target, Width.name, to: &block)
    block += "ustar\u{0}00".utf8
    appendText([], Width.owner, to: &block)
    appendText([], Width.owner, to: &block)
    block += Bytes(repeating: 0, count: blockByteCount - block.count)
    let sum = block.reduce(UInt64(0)) { $0 + UInt64($1) }
    var digits = Bytes()
    appendOctal(sum, Width.checksum - 1, to: &digits)
    block.replaceSubrange(checksumStart..<checksumStart + digits.count, with: digits)
    return block
  }

  private static func appendText(_ text: Bytes, _ width: Int, to block: inout Bytes) {
    let part = text.prefix(width)
    block += part
    block += Bytes(repeating: 0, count: width - part.count)
  }

  /// Octal digits with leading zeros and a zero byte behind.
  private static func appendOctal(_ number: UInt64, _ width: Int, to block: inout Bytes) {
    let digits = String(number, radix: 8).utf8
    block += Bytes(repeating: UInt8(ascii: "0"), count: max(0, width - 1 - digits.count))
    block += digits
    block.append(0)
  }
}
