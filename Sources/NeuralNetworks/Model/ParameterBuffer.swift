internal import CKernels
public import Cryptography
public import Primitives

/// All parameters of a model in one flat buffer; the layout is `ModelArchitecture.layout`.
public struct ParameterBuffer: Hashable, Sendable {
  /// The numbers.
  public var values: [Float]

  /// Takes numbers as they are.
  public init(_ values: [Float]) { self.values = values }

  /// Zeros for an architecture.
  public init(zerosFor architecture: ModelArchitecture) {
    values = [Float](repeating: 0, count: architecture.parameterCount)
  }

  /// Little-endian IEEE 754 numbers: what is stored, sent and hashed.
  public var bytes: Bytes { LittleEndian.bytes(of: values) }

  /// Reads numbers; refuses a wrong size and NaN or infinity.
  public init(
    decoding bytes: Bytes, for architecture: ModelArchitecture
  ) throws(DecodingFailure) {
    values = try LittleEndian.floats(
      in: bytes, count: architecture.parameterCount, what: "parameters")
  }

  /// Reads `count` numbers of something like parameters, as `what`.
  public init(decoding bytes: Bytes, count: Int, what: String) throws(DecodingFailure) {
    values = try LittleEndian.floats(in: bytes, count: count, what: what)
  }

  /// RFC 6962 leaf hash of the bytes: SHA-256(0x00 ‖ bytes). The identity of a model.
  public var digest: Digest {
    values.withUnsafeBytes { MerkleTree.leafHash($0, using: SHA256Hasher()) }
  }

  /// Whether no parameter is NaN or infinite.
  public var isFinite: Bool {
    values.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return true }
      return Kernels.active.pointee.all_finite(base, Int64(buffer.count)) != 0
    }
  }
}

/// Numbers as little-endian bytes. Every processor of ours is little-endian, so this is a copy.
enum LittleEndian {
  static func bytes(of values: [Float]) -> Bytes {
    precondition(1.littleEndian == 1)
    return values.withUnsafeBytes { Bytes($0) }
  }

  static func bytes(of values: [Int32]) -> Bytes {
    precondition(1.littleEndian == 1)
    return values.withUnsafeBytes { Bytes($0) }
  }

  /// Reads exactly `count` finite numbers.
  static func floats(in bytes: Bytes, count: Int, what: String) throws(DecodingFailure) -> [Float] {
    guard bytes.count == count * MemoryLayout<Float>.size else {
      throw .malformed(
        what: what, reason: "\(bytes.count) bytes instead of \(count * MemoryLayout<Float>.size)")
    }
    let values = [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0) }
      initialized = count
    }
    guard ParameterBuffer(values).isFinite else {
      throw .malformed(what: what, reason: "a number is NaN or infinite")
    }
    return values
  }

  /// Reads exactly `count` integers.
  static func integers(
    in bytes: Bytes, count: Int, what: String
  ) throws(DecodingFailure) -> [Int32] {
    guard bytes.count == count * MemoryLayout<Int32>.size else {
      throw .malformed(
        what: what, reason: "\(bytes.count) bytes instead of \(count * MemoryLayout<Int32>.size)")
    }
    return [Int32](unsafeUninitializedCapacity: count) { buffer, initialized in
      bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0) }
      initialized = count
    }
  }
}
