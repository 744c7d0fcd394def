import ContentStore
import Glibc
import Primitives

/// A directory that is deleted with everything in it.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/martlet-store-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw POSIXFailure(code: errno) }
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  deinit {
    Self.removeTree(path)
  }
}

extension TemporaryDirectory {
  /// The names in a directory.
  static func names(in path: String) -> [String] {
    guard let stream = opendir(path) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  private static func removeTree(_ path: String) {
    for name in names(in: path) { removeTree("\(path)/\(name)") }
    remove(path)
  }
}

struct POSIXFailure: Error {
  let code: Int32
}

/// A raw block of seeded bytes; the same number gives the same block.
func randomBlock(_ number: Int, count: Int) -> ContentBlock {
  ContentBlock(hashing: randomBytes(seed: UInt64(number), count: count), codec: .raw)
}

/// Seeded bytes.
func randomBytes(seed: UInt64, count: Int) -> Bytes {
  var generator = SplitMix64(seed: seed)
  var bytes = Bytes()
  bytes.reserveCapacity(count + 8)
  while bytes.count < count {
    withUnsafeBytes(of: generator.next().littleEndian) { bytes.append(contentsOf: $0) }
  }
  return Bytes(bytes.prefix(count))
}
