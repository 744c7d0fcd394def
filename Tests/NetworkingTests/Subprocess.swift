import Glibc
import Networking
import Testing

/// Runs a shell command beside the loop and returns its standard output.
func shell(_ command: String) async throws -> String {
  let pool = ComputePool(named: "shell", threads: 1, queueMax: 1)
  defer { pool.stop() }
  return try await pool.run {
    guard let pipe = popen(command, "r") else { return "popen failed" }
    defer { pclose(pipe) }
    var text = ""
    var buffer = [CChar](repeating: 0, count: 4_096)
    while fgets(&buffer, Int32(buffer.count), pipe) != nil {
      text += String(
        decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
    return text
  }
}

/// A directory of its own, removed after `body`.
func withTemporaryDirectory<Result>(
  _ body: (String) async throws -> Result
) async throws -> Result {
  var template = Array("/tmp/martlet-test-XXXXXX".utf8CString)
  let path = String(cString: try #require(mkdtemp(&template)))
  defer { _ = system("rm -rf '\(path)'") }
  return try await body(path)
}
