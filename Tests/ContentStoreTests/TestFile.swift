import Glibc
import Primitives

/// Files below `Tests/`.
enum TestFile {
  static func bytes(_ path: String) -> Bytes {
    let tests = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
    guard let file = fopen("/\(tests)/\(path)", "r") else { fatalError("cannot open \(path)") }
    defer { fclose(file) }
    var bytes = Bytes()
    var buffer = Bytes(repeating: 0, count: 65_536)
    while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
      bytes += buffer[..<count]
    }
    return bytes
  }

  static func json(_ path: String) -> JSONValue { try! JSONValue(parsing: bytes(path)) }
}
