public import Cryptography
import Glibc
public import Primitives

/// An open file that is read at any place: data larger than memory.
public final class RandomAccessFile: Sendable {
  /// Bytes hashed at once.
  private static let pieceBytes = 1 << 20
  private let file: FileDescriptor
  /// The size when it was opened.
  public let count: Int

  /// Opens a file for reading.
  public init(opening path: String) throws(FileError) {
    file = try FileDescriptor(opening: path, O_RDONLY)
    guard try file.isRegular() else {
      throw .system(operation: "reading", path: path, errno: EISDIR)
    }
    count = try file.size()
  }

  /// Fills all of `target` with the bytes from `offset`; a file that became shorter is an error.
  public func read(
    at offset: Int, into target: UnsafeMutableRawBufferPointer
  ) throws(FileError) {
    guard try file.read(into: target, at: offset) == target.count else {
      throw .damaged(path: file.path)
    }
  }

  /// Reads up to `limit` bytes at `offset`; fewer only at the end.
  public func bytes(at offset: Int, limit: Int) throws(FileError) -> Bytes {
    try file.read(max(0, min(limit, count - offset)), at: offset)
  }

  /// SHA-256 of the whole file.
  public func digest() throws(FileError) -> Digest {
    let hasher = SHA256Hasher()
    for offset in stride(from: 0, to: count, by: Self.pieceBytes) {
      hasher.update(try bytes(at: offset, limit: Self.pieceBytes))
    }
    return hasher.finalize()
  }
}
