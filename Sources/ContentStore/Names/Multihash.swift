public import Cryptography
public import Primitives

/// The hash part of a CID: SHA-256, another hash function, or the content itself when it is tiny.
///
/// Format: varint code, varint length, digest (github.com/multiformats/multihash).
public enum Multihash: Hashable, Sendable {
  case sha256(Digest)
  case identity(Bytes)
  /// What this program checks but never writes: another function, or a digest cut short.
  case other(HashFunction, Bytes)

  /// The code of SHA-256 in the multicodec table.
  public static let sha256Code: UInt64 = 0x12
  /// The code of the identity function in the multicodec table.
  public static let identityCode: UInt64 = 0x00
  /// The longest identity digest Kubo accepts (boxo verifcid).
  public static let identityByteCountMax = 128
  /// The shortest digest Kubo accepts (boxo verifcid): SHA-1's.
  public static let digestByteCountMin = 20

  /// Returns the SHA-256 multihash of a block.
  public static func hashing(_ block: Bytes) -> Multihash {
    .sha256(block.withUnsafeBytes { SHA256.hash($0) })
  }

  /// The function's code in the multicodec table.
  public var code: UInt64 {
    switch self {
    case .sha256: Self.sha256Code
    case .identity: Self.identityCode
    case .other(let function, _): function.multicodec
    }
  }

  /// The digest, or the content of the identity function.
  public var digestBytes: Bytes {
    switch self {
    case .sha256(let digest): digest.bytes
    case .identity(let content), .other(_, let content): content
    }
  }

  /// The binary form.
  public var bytes: Bytes {
    var bytes = Bytes()
    append(to: &bytes)
    return bytes
  }

  /// Appends the binary form.
  public func append(to bytes: inout Bytes) {
    switch self {
    case .sha256(let digest):
      bytes.append(UInt8(Self.sha256Code))
      bytes.append(UInt8(Digest.byteCount))
      digest.withUnsafeBytes { bytes.append(contentsOf: $0) }
    case .identity(let content), .other(_, let content):
      Varint.append(code, to: &bytes)
      Varint.append(UInt64(content.count), to: &bytes)
      bytes += content
    }
  }

  /// Whether `block` is the content that this multihash names.
  public func matches(_ block: Bytes) -> Bool {
    switch self {
    case .sha256: Self.hashing(block) == self
    case .identity(let content): content == block
    case .other(let function, let digest):
      function.hash(block).prefix(digest.count).elementsEqual(digest)
    }
  }

  /// Reads a multihash at `offset` and moves `offset` behind it.
  init(reading bytes: ArraySlice<UInt8>, at offset: inout Int) throws(ContentError) {
    let code: UInt64
    let count: UInt64
    do {
      code = try Varint.readShort(bytes, at: &offset)
      count = try Varint.readShort(bytes, at: &offset)
    } catch { throw .malformedCID(error) }
    let longest = try Self.digestByteCountMax(of: code)
    guard count <= longest else {
      throw .malformedCID(
        .tooLarge(what: "multihash digest", size: Int(clamping: count), limit: longest))
    }
    let digest = bytes.dropFirst(offset).prefix(Int(count))
    guard digest.count == count else { throw .malformedCID(.truncated(what: "multihash digest")) }
    offset += Int(count)
    try self.init(code: code, digest: digest)
  }

  private static func digestByteCountMax(of code: UInt64) throws(ContentError) -> Int {
    if code == sha256Code { return Digest.byteCount }
    if code == identityCode { return identityByteCountMax }
    guard let function = HashFunction(multicodec: code) else { throw .unsupportedHash(code) }
    return function.byteCount
  }

  private init(code: UInt64, digest: ArraySlice<UInt8>) throws(ContentError) {
    if code == Self.identityCode {
      self = .identity(Bytes(digest))
      return
    }
    guard digest.count >= Self.digestByteCountMin else {
      throw .malformedCID(
        .malformed(what: "multihash digest", reason: "\(digest.count) bytes are too few to trust"))
    }
    if code == Self.sha256Code, let whole = try? Digest(bytes: digest) {
      self = .sha256(whole)
    } else if let function = HashFunction(multicodec: code) {
      self = .other(function, Bytes(digest))
    } else {
      throw .unsupportedHash(code)
    }
  }
}

/// Codes of the multicodec table (github.com/multiformats/multicodec/blob/master/table.csv).
extension HashFunction {
  private static let codes: [(UInt64, HashFunction)] = [
    (0x11, .sha1), (0x12, .sha256), (0x13, .sha512), (0x14, .sha3x512), (0x15, .sha3x384),
    (0x16, .sha3x256), (0x17, .sha3x224), (0x20, .sha384), (0x56, .doubleSHA256),
    (0x1013, .sha224), (0xb260, .blake2s256),
  ]
  /// The code of BLAKE2b with one byte; n bytes follow n − 1 behind it.
  private static let blake2bCode: UInt64 = 0xb201

  /// The function's code.
  public var multicodec: UInt64 {
    if case .blake2b(let count) = self { return Self.blake2bCode + UInt64(count) - 1 }
    return Self.codes.first { $0.1 == self }?.0 ?? Multihash.identityCode
  }

  /// The function of a code; nil when this program does not have it.
  public init?(multicodec code: UInt64) {
    let (blake2bByteCount, isSmaller) = code.subtractingReportingOverflow(Self.blake2bCode - 1)
    if !isSmaller, Self.blake2bByteCounts.contains(Int(clamping: blake2bByteCount)) {
      self = .blake2b(byteCount: Int(blake2bByteCount))
    } else if let function = Self.codes.first(where: { $0.0 == code })?.1 {
      self = function
    } else {
      return nil
    }
  }
}
