public import Primitives

/// NumPy's archive of arrays: a ZIP file (PKWARE APPNOTE 6.3) of NPY files, stored or deflated.
public struct NPZ: Sendable {
  /// Gives the plain bytes of raw deflate data (RFC 1951), exactly `count` of them. Compression is
  /// left to the caller because this layer links no library.
  public typealias Inflate =
    @Sendable (_ deflated: Bytes, _ count: Int) throws(DatasetError) -> Bytes

  /// Arrays of one archive; a data set has a handful.
  static let entriesMax = 1_024
  /// A comment may follow the end record: its length is a 16-bit number.
  private static let commentBytesMax = 65_535
  /// zlib's technical notes, "Maximum Compression Factor": 1032:1.
  private static let deflateRatioMax = 1_032
  private static let endBytes = 22
  private static let centralBytes = 46
  private static let localBytes = 30

  private struct Entry: Sendable {
    let name: String
    let isDeflated: Bool
    let checksum: UInt32
    let storedBytes: Int
    let plainBytes: Int
    let headerOffset: Int
  }

  private let source: ByteSource
  private let entries: [Entry]
  private let inflate: Inflate

  /// The arrays' names without `.npy`, in the order of the archive.
  public var names: [String] { entries.map(\.name) }

  /// Reads the archive's directory.
  public init(_ source: ByteSource, inflate: @escaping Inflate) throws(DatasetError) {
    self.source = source
    self.inflate = inflate
    let tailCount = min(source.count, Self.endBytes + Self.commentBytesMax)
    let tail = try source.bytes(at: source.count - tailCount, limit: tailCount)
    guard tailCount >= Self.endBytes,
      let end = (0...tailCount - Self.endBytes).last(where: {
        tail[$0...].starts(with: [0x50, 0x4b, 5, 6])
          && tail.number($0 + 20, bytes: 2) == tailCount - Self.endBytes - $0
      })
    else { throw .header(format: "npz", reason: "the archive has no end") }
    let count = tail.number(end + 10, bytes: 2)
    let size = tail.number(end + 12, bytes: 4)
    let start = tail.number(end + 16, bytes: 4)
    guard count <= Self.entriesMax, start + size <= source.count - tailCount + end else {
      throw .header(format: "npz", reason: "the directory lies outside the archive or is too large")
    }
    let directory = try source.bytes(at: start, limit: size)
    var entries: [Entry] = []
    var place = 0
    for _ in 0..<count { entries.append(try Self.entry(in: directory, at: &place)) }
    guard place == size, Set(entries.map(\.name)).count == count else {
      throw .header(format: "npz", reason: "the directory is malformed")
    }
    self.entries = entries
  }

  private static func entry(in directory: Bytes, at place: inout Int) throws(DatasetError) -> Entry
  {
    guard directory.count - place >= centralBytes,
      directory[place...].starts(with: [0x50, 0x4b, 1, 2])
    else { throw .header(format: "npz", reason: "the directory ends early") }
    let nameBytes = directory.number(place + 28, bytes: 2)
    let length =
      centralBytes + nameBytes + directory.number(place + 30, bytes: 2)
      + directory.number(place + 32, bytes: 2)
    let nameStart = place + centralBytes
    guard directory.count - place >= length,
      let name = String(validating: directory[nameStart..<nameStart + nameBytes], as: UTF8.self),
      name.hasSuffix(".npy")
    else { throw .header(format: "npz", reason: "an entry has no name that ends in .npy") }
    let method = directory.number(place + 10, bytes: 2)
    guard method == 0 || method == 8, directory.number(place + 8, bytes: 2) & 1 == 0 else {
      throw .header(format: "npz", reason: "`\(name)` is neither stored nor deflated")
    }
    let entry = Entry(
      name: String(name.dropLast(4)), isDeflated: method == 8,
      checksum: UInt32(directory.number(place + 16, bytes: 4)),
      storedBytes: directory.number(place + 20, bytes: 4),
      plainBytes: directory.number(place + 24, bytes: 4),
      headerOffset: directory.number(place + 42, bytes: 4))
    guard entry.plainBytes < Int(UInt32.max), entry.storedBytes < Int(UInt32.max) else {
      throw .header(format: "npz", reason: "`\(name)` has 4 GiB or more; save it as .npy")
    }
    place += length
    return entry
  }

  /// Reads one array's header. Deflated arrays are unpacked into memory, stored ones stay where
  /// they are; both must have the archive's checksum.
  public func array(_ name: String) throws(DatasetError) -> StoredArray {
    guard let entry = entries.first(where: { $0.name == name }) else {
      throw .noArray(name, known: names)
    }
    let header = try source.bytes(at: entry.headerOffset, limit: Self.localBytes)
    guard header.count == Self.localBytes, header.starts(with: [0x50, 0x4b, 3, 4]) else {
      throw .header(format: "npz", reason: "`\(name)` does not begin where the directory says")
    }
    let start =
      entry.headerOffset + Self.localBytes + header.number(26, bytes: 2)
      + header.number(28, bytes: 2)
    guard start + entry.storedBytes <= source.count else {
      throw .truncated(format: "npz", have: source.count, need: start + entry.storedBytes)
    }
    let plain: ByteSource
    if entry.isDeflated {
      guard entry.plainBytes <= Dataset.Limits.bytesMax else {
        throw .tooLarge(values: entry.plainBytes)
      }
      // Nothing is reserved for bytes that the packed ones cannot hold.
      guard entry.plainBytes <= entry.storedBytes * Self.deflateRatioMax else {
        throw .header(format: "npz", reason: "`\(name)` is larger than deflate can pack")
      }
      let bytes = try inflate(
        source.bytes(at: start, limit: entry.storedBytes), entry.plainBytes)
      guard bytes.count == entry.plainBytes else {
        throw .header(format: "npz", reason: "`\(name)` has another size than the directory says")
      }
      plain = ByteSource(bytes)
    } else {
      guard entry.plainBytes == entry.storedBytes else {
        throw .header(format: "npz", reason: "`\(name)` is stored in two sizes")
      }
      plain = source.part(at: start, count: entry.storedBytes)
    }
    guard try CRC32.checksum(of: plain) == entry.checksum else {
      throw .header(format: "npz", reason: "`\(name)` does not have the archive's checksum")
    }
    return try NPY.array(in: plain)
  }
}

extension Bytes {
  /// A little-endian number; the caller has checked the range.
  fileprivate func number(_ place: Int, bytes: Int) -> Int {
    self[place..<place + bytes].reversed().reduce(0) { $0 << 8 | Int($1) }
  }
}

/// The checksum of ZIP: CRC-32 with the reflected polynomial EDB88320 (APPNOTE 4.4.7).
enum CRC32 {
  private static let table: [UInt32] = (0..<256).map { (byte: UInt32) in
    (0..<8).reduce(byte) { rest, _ in rest & 1 == 1 ? rest >> 1 ^ 0xedb8_8320 : rest >> 1 }
  }
  private static let pieceBytes = 64 << 10

  static func checksum(of source: ByteSource) throws(DatasetError) -> UInt32 {
    var rest = UInt32.max
    for start in stride(from: 0, to: source.count, by: pieceBytes) {
      for byte in try source.bytes(at: start, limit: pieceBytes) {
        rest = table[Int((rest ^ UInt32(byte)) & 0xff)] ^ rest >> 8
      }
    }
    return ~rest
  }
}

/// Fuzz entry: any bytes give arrays or a `DatasetError`.
package func fuzzNPZ(_ bytes: Bytes) {
  let archive = try? NPZ(ByteSource(bytes)) { (bytes, count) throws(DatasetError) in
    // Stands for an inflater that answers with other bytes than were packed.
    Bytes(repeating: bytes.first ?? 0, count: min(count, 1 << 12))
  }
  guard let archive else { return }
  for name in archive.names { _ = try? archive.array(name) }
}
