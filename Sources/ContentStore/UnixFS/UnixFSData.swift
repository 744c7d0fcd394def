public import Primitives

/// The data of a dag-pb node in UnixFS (specs.ipfs.tech/unixfs).
public struct UnixFSData: Equatable, Sendable {
  /// What the node is.
  public enum Kind: UInt64, Sendable, CaseIterable {
    case raw = 0
    case directory = 1
    case file = 2
    case metadata = 3
    case symlink = 4
    case hamtShard = 5
  }

  private enum Field {
    static let kind: UInt64 = 1
    static let data: UInt64 = 2
    static let fileSize: UInt64 = 3
    static let blockSizes: UInt64 = 4
    static let hashType: UInt64 = 5
    static let fanout: UInt64 = 6
    static let mode: UInt64 = 7
    static let modificationTime: UInt64 = 8
  }

  /// What the node is.
  public var kind: Kind
  /// File bytes in a leaf, the target of a symbolic link, the bit field of a shard.
  public var data: Bytes
  /// The file's size below this node, itself included; nil when the field is absent.
  public var fileSize: UInt64?
  /// The file size below each link.
  public var blockSizes: [UInt64]
  /// The hash function of a shard (multicodec).
  public var hashType: UInt64?
  /// The slots of a shard.
  public var fanout: UInt64?
  /// The permission bits of the file or directory.
  public var mode: UInt32?
  /// When the file or directory was last changed.
  public var modificationTime: UnixFSTime?

  /// Makes node data.
  public init(kind: Kind, data: Bytes = [], fileSize: UInt64?, blockSizes: [UInt64] = []) {
    self.kind = kind
    self.data = data
    self.fileSize = fileSize
    self.blockSizes = blockSizes
  }

  /// The encoding Kubo writes: empty data omitted, block sizes unpacked.
  public func encoded() -> Bytes {
    var bytes = Bytes()
    bytes.reserveCapacity(data.count + 6 * blockSizes.count + 24)
    ProtobufWriter.append(field: Field.kind, varint: kind.rawValue, to: &bytes)
    if !data.isEmpty { ProtobufWriter.append(field: Field.data, bytes: data, to: &bytes) }
    if let fileSize {
      ProtobufWriter.append(field: Field.fileSize, varint: fileSize, to: &bytes)
    }
    for size in blockSizes {
      ProtobufWriter.append(field: Field.blockSizes, varint: size, to: &bytes)
    }
    if let hashType {
      ProtobufWriter.append(field: Field.hashType, varint: hashType, to: &bytes)
    }
    if let fanout { ProtobufWriter.append(field: Field.fanout, varint: fanout, to: &bytes) }
    if let mode { ProtobufWriter.append(field: Field.mode, varint: UInt64(mode), to: &bytes) }
    if let modificationTime {
      let time = modificationTime.encoded()
      ProtobufWriter.append(field: Field.modificationTime, bytes: time, to: &bytes)
    }
    return bytes
  }

  /// The dag-pb block of a file's leaf; the chunk is copied once.
  static func leafBlock(_ chunk: Bytes) -> Bytes {
    var front = Bytes()
    ProtobufWriter.append(field: Field.kind, varint: Kind.file.rawValue, to: &front)
    if !chunk.isEmpty {
      ProtobufWriter.append(field: Field.data, header: chunk.count, to: &front)
    }
    var back = Bytes()
    ProtobufWriter.append(field: Field.fileSize, varint: UInt64(chunk.count), to: &back)
    let dataByteCount = front.count + chunk.count + back.count
    var block = Bytes()
    block.reserveCapacity(dataByteCount + Varint.bytesMax)
    ProtobufWriter.append(field: DagPBNode.Field.data, header: dataByteCount, to: &block)
    block += front
    block += chunk
    block += back
    return block
  }

  /// Reads node data; block sizes may be packed.
  public init(decoding bytes: Bytes) throws(DecodingFailure) {
    self.init(kind: .raw, fileSize: nil)
    var reader = ProtobufReader(bytes[...], what: "UnixFS data")
    var seen: UInt64 = 0
    while let (number, value) = try reader.next() {
      guard (Field.kind...Field.modificationTime).contains(number) else {
        throw .unknownField("\(number) of UnixFS data")
      }
      guard number == Field.blockSizes || seen & 1 << number == 0 else {
        throw .malformed(what: "UnixFS data", reason: "field \(number) repeats")
      }
      seen |= 1 << number
      try take(number, value)
    }
    guard seen & 1 << Field.kind != 0 else { throw .missingField("Type of UnixFS data") }
  }

  private mutating func take(
    _ number: UInt64, _ value: ProtobufReader.Value
  ) throws(DecodingFailure) {
    switch (number, value) {
    case (Field.kind, .varint(let code)):
      guard let kind = Kind(rawValue: code) else {
        throw .malformed(what: "UnixFS data", reason: "type \(code)")
      }
      self.kind = kind
    case (Field.data, .bytes(let bytes)): data = Bytes(bytes)
    case (Field.fileSize, .varint(let size)): fileSize = size
    case (Field.blockSizes, .varint(let size)): try appendBlockSize(size)
    case (Field.blockSizes, .bytes(let packed)):
      var offset = 0
      while offset < packed.count { try appendBlockSize(Varint.read(packed, at: &offset)) }
    case (Field.hashType, .varint(let code)): hashType = code
    case (Field.fanout, .varint(let slots)): fanout = slots
    case (Field.mode, .varint(let bits)):
      guard let mode = UInt32(exactly: bits) else {
        throw .malformed(what: "UnixFS data", reason: "the mode has more than 32 bits")
      }
      self.mode = mode
    case (Field.modificationTime, .bytes(let bytes)):
      modificationTime = try UnixFSTime(decoding: bytes)
    default:
      throw .malformed(what: "UnixFS data", reason: "field \(number) has the wrong type")
    }
  }

  private mutating func appendBlockSize(_ size: UInt64) throws(DecodingFailure) {
    guard blockSizes.count < BlockLimits.linksMax else {
      throw .tooLarge(
        what: "UnixFS block sizes", size: blockSizes.count + 1, limit: BlockLimits.linksMax)
    }
    blockSizes.append(size)
  }
}
