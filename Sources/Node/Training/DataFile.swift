package import Cryptography
internal import Glibc
internal import NeuralNetworks
internal import Persistence
package import Primitives

/// One file as it was read.
package struct DataFile: Hashable, Sendable {
  /// The absolute path.
  package let path: String
  /// SHA-256 of the file's bytes, as `sha256sum` prints it.
  package let digest: Digest
  /// Its size.
  package let byteCount: Int

  /// Bytes that one packed file may unpack to.
  private static let unpackedBytesMax = 2 << 30
  /// Files that are looked at as a whole, such as texts.
  private static let wholeBytesMax = 1 << 30

  /// Opens a file; one that a commitment names must still have the same bytes.
  static func open(
    _ path: String, expected: DataFile?
  ) throws -> (file: DataFile, source: ByteSource) {
    let file: RandomAccessFile
    do {
      file = try RandomAccessFile(opening: path)
    } catch FileError.notFound {
      throw expected == nil
        ? LocalTrainingError.missingFile(path: path) : LocalTrainingError.dataMissing(path: path)
    }
    let digest = try file.digest()
    if let expected, expected.digest != digest {
      throw LocalTrainingError.dataChanged(
        path: path, expected: expected.digest.hex, actual: digest.hex)
    }
    let description = DataFile(path: absolute(path), digest: digest, byteCount: file.count)
    guard Gzip.isCompressed(try file.bytes(at: 0, limit: 2)) else {
      return (description, source(file))
    }
    let packed = try file.bytes(at: 0, limit: file.count)
    do {
      return (
        description, ByteSource(try Gzip.decompress(packed, byteCountMax: unpackedBytesMax))
      )
    } catch {
      throw LocalTrainingError.data(
        path: path, reason: error.description, hint: "pack the file again with gzip")
    }
  }

  private static func source(_ file: RandomAccessFile) -> ByteSource {
    ByteSource(count: file.count) { offset, target throws(DatasetError) in
      do throws(FileError) {
        try file.read(at: offset, into: target)
      } catch {
        throw .unreadable(error.description)
      }
    }
  }

  /// All bytes of a source that is not too large for memory.
  static func bytes(of source: ByteSource) throws(DatasetError) -> Bytes {
    guard source.count <= wholeBytesMax else { throw .tooLarge(values: source.count) }
    return try source.bytes(at: 0, limit: source.count)
  }

  private static func absolute(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}

/// What a data file holds, by its first bytes and what the model reads.
enum DataFormat: String, Sendable {
  case csv, npy, npz, idx, text

  /// Text and CSV have no magic bytes.
  init(_ source: ByteSource, readsTokens: Bool) throws(DatasetError) {
    let start = try source.bytes(at: 0, limit: 6)
    if start == [0x93] + Bytes("NUMPY".utf8) {
      self = .npy
    } else if start.starts(with: Bytes("PK".utf8) + [3, 4]) {
      self = .npz
    } else if start.count >= 4, start[0] == 0, start[1] == 0 {
      self = .idx
    } else {
      self = readsTokens ? .text : .csv
    }
  }
}

extension DataFile: CanonicalCodable {
  /// A map of all fields.
  package var canonicalValue: CanonicalValue {
    .map([
      "path": .text(path), "digest": digest.canonicalValue,
      "size": .unsigned(UInt64(byteCount)),
    ])
  }

  /// Reads the map back.
  package init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    path = try fields.text("path")
    digest = try fields.nested("digest")
    byteCount = try fields.count("size", max: Int.max)
    try fields.finish()
  }
}
