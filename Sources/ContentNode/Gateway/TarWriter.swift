internal import Glibc
internal import Primitives

/// The records of a tape archive (POSIX.1-2017, pax): one header of 512 bytes an entry, names and
/// sizes that do not fit in it in an extended header before it.
enum TarWriter {
  /// What an entry is.
  enum Kind: Equatable {
    case file(size: UInt64)
    case directory
    case symlink(target: Bytes)

    fileprivate var flag: UInt8 {
      switch self {
      case .file: UInt8(ascii: "0")
      case .symlink: UInt8(ascii: "2")
      case .directory: UInt8(ascii: "5")
      }
    }
  }

  static let blockByteCount = 512
  /// Two empty blocks.
  static let end = Bytes(repeating: 0, count: 2 * blockByteCount)

  private static let nameByteCountMax = 100
  /// Eleven octal digits.
  private static let sizeMax: UInt64 = (1 << 33) - 1
  private static let extendedFlag = UInt8(ascii: "x")

  /// The header of an entry, behind which a file's bytes and their padding follow.
  static func header(
    of path: Bytes, _ kind: Kind, mode: UInt32?, modificationTime: Int64?
  ) -> Bytes {
    var path = path
    var (size, target): (UInt64, Bytes) = (0, [])
    switch kind {
    case .file(let count): size = count
    case .directory: path.append(UInt8(ascii: "/"))
    case .symlink(let place): target = place
    }
    var records = Bytes()
    if !fits(path) { appendRecord("path", path, to: &records) }
    if !fits(target) { appendRecord("linkpath", target, to: &records) }
    if size > sizeMax { appendRecord("size", Bytes("\(size)".utf8), to: &records) }
    var header = Bytes()
    if !records.isEmpty {
      header += block(
        Bytes("pax".utf8), extendedFlag, size: UInt64(records.count), mode: 0o644, time: 0, [])
      header += records + padding(after: UInt64(records.count))
    }
    let usual: UInt32 = kind == .directory ? 0o755 : 0o644
    let bits = (mode ?? usual) & 0o777
    return header
      + block(
        path, kind.flag, size: min(size, sizeMax), mode: bits,
        time: UInt64(clamping: modificationTime ?? 0), target)
  }

  /// The zero bytes that fill the last block of `size` bytes.
  static func padding(after size: UInt64) -> Bytes {
    let rest = Int(size % UInt64(blockByteCount))
    return Bytes(repeating: 0, count: rest == 0 ? 0 : blockByteCount - rest)
  }

  private static func fits(_ text: Bytes) -> Bool {
    text.count <= nameByteCountMax && text.allSatisfy { $0 < 0x80 }
  }

  /// `length key=value\n`, where the length counts itself.
  private static func appendRecord(_ key: String, _ value: Bytes, to records: inout Bytes) {
    let rest = Bytes(" \(key)=".utf8) + value + [UInt8(ascii: "\n")]
    var digits = 1
    while "\(rest.count + digits)".utf8.count > digits { digits += 1 }
    records += Bytes("\(rest.count + digits)".utf8) + rest
  }

  private static func block(
    _ name: Bytes, _ flag: UInt8, size: UInt64, mode: UInt32, time: UInt64, _ target: Bytes
  ) -> Bytes {
    var block = Bytes(repeating: 0, count: blockByteCount)
    func put(_ bytes: some Collection<UInt8>, at offset: Int, _ countMax: Int) {
      for (index, byte) in bytes.prefix(countMax).enumerated() { block[offset + index] = byte }
    }
    func put(octal value: UInt64, at offset: Int, digits: Int) {
      let text = String(value, radix: 8)
      let zeros = String(repeating: "0", count: max(0, digits - text.count))
      put((zeros + text.suffix(digits)).utf8, at: offset, digits)
    }
    put(name, at: 0, nameByteCountMax)
    put(octal: UInt64(mode), at: 100, digits: 7)
    put(octal: 0, at: 108, digits: 7)
    put(octal: 0, at: 116, digits: 7)
    put(octal: size, at: 124, digits: 11)
    put(octal: min(time, sizeMax), at: 136, digits: 11)
    block[156] = flag
    put(target, at: 157, nameByteCountMax)
    put("ustar\u{0}00".utf8, at: 257, 8)
    // The sum is taken with spaces in its own place.
    put(Bytes(repeating: 0x20, count: 8), at: 148, 8)
    put(octal: block.reduce(0) { $0 + UInt64($1) }, at: 148, digits: 6)
    block[154] = 0
    return block
  }
}
