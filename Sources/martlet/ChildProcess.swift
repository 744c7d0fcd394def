import CShim
import Glibc

/// A process of this same program.
final class ChildProcess: Sendable {
  let identifier: pid_t
  let name: String
  private let output: Int32

  /// Starts the program with `arguments`; its standard error goes to the file `log`.
  init(name: String, arguments: [String], log: String) throws {
    self.name = name
    let errors = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard errors >= 0 else {
      throw CommandFailure(
        "cannot write \(log): \(String(cString: strerror(errno)))", hint: "free some disk space")
    }
    defer { close(errors) }
    let words = (["martlet"] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var output: Int32 = -1
    identifier = shim_spawn("/proc/self/exe", words, &output, errors)
    guard identifier > 0 else {
      throw CommandFailure(
        "cannot start \(name): \(String(cString: strerror(errno)))",
        hint: "too many processes may be running")
    }
    self.output = output
  }

  deinit { close(output) }

  /// The first line that the process prints; nil if it ends before.
  func firstLine() -> String? {
    var line: [UInt8] = []
    var byte: UInt8 = 0
    while read(output, &byte, 1) == 1 {
      if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
      line.append(byte)
    }
    return nil
  }

  /// Whether it still runs.
  var isRunning: Bool {
    var status: Int32 = 0
    return waitpid(identifier, &status, WNOHANG) == 0
  }

  /// Tells it to end; `wait` waits until it has.
  func terminate() { kill(identifier, SIGTERM) }

  /// Returns once it is gone.
  func wait() {
    var status: Int32 = 0
    waitpid(identifier, &status, 0)
  }

  /// Peak and present resident memory in bytes, from the kernel.
  var residentBytes: Int? {
    guard let file = fopen("/proc/\(identifier)/status", "r") else { return nil }
    defer { fclose(file) }
    var buffer = [CChar](repeating: 0, count: 256)
    while fgets(&buffer, Int32(buffer.count), file) != nil {
      let text = String(
        decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      guard text.hasPrefix("VmRSS:") else { continue }
      let digits = text.filter(\.isNumber)
      return Int(digits).map { $0 * 1_024 }
    }
    return nil
  }
}
