import Glibc
package import Networking
import Primitives
import Telemetry

/// A process that is no program of ours, driven over a control socket in a directory of its own.
package final class ForeignProcess: Sendable {
  /// Such a process is ready within a second, or within a minute on a machine that does much else.
  private static let readyAttemptsMax = 2_400

  /// The loop that its control sockets are on.
  package let loop: EventLoop
  /// Its directory, which goes with it.
  package let directory: String
  private let process: pid_t
  private let isStopped = Lock(false)
  var controlPath: String { directory + "/control.sock" }

  /// Starts the process and waits until it answers; `arguments` is given the directory.
  package init(loop: EventLoop, arguments: (_ directory: String) throws -> [String]) async throws {
    self.loop = loop
    var template = Array("/tmp/martlet-foreign-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw SocketError.addressInvalid("/tmp") }
    directory = String(cString: made)
    process = try Self.spawn(try arguments(directory), log: directory + "/log")
    try await waitUntilReady()
  }

  /// The file of the control socket appears a moment before the process listens on it.
  private func waitUntilReady() async throws {
    for _ in 0..<Self.readyAttemptsMax {
      if let control = try? await control() { return control.close() }
      var status: Int32 = 0
      if waitpid(process, &status, WNOHANG) == process {
        isStopped.withLock { $0 = true }
        throw ForeignPeerError.ended(log: log())
      }
      try await loop.sleep(for: .milliseconds(50))
    }
    stop()
    throw SocketError.timedOut
  }

  /// Another connection to the control socket.
  package func control() async throws -> Socket {
    try await Socket.connect(to: .unix(path: controlPath), on: loop, within: .seconds(5))
  }

  /// What the process printed, for a test that failed.
  package func log() -> String {
    guard let file = fopen(directory + "/log", "r") else { return "" }
    defer { fclose(file) }
    var text = Bytes(repeating: 0, count: 1 << 16)
    let count = fread(&text, 1, text.count, file)
    return String(decoding: text.prefix(count), as: UTF8.self)
  }

  /// Ends the process; a second call finds nothing to end.
  package func stop() {
    let wasStopped = isStopped.withLock { isStopped in
      defer { isStopped = true }
      return isStopped
    }
    if !wasStopped {
      kill(process, SIGKILL)
      var status: Int32 = 0
      waitpid(process, &status, 0)
    }
    _ = system("rm -rf '\(directory)'")
  }

  private static func spawn(_ arguments: [String], log: String) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for output in [STDOUT_FILENO, STDERR_FILENO] {
      posix_spawn_file_actions_addopen(
        &actions, output, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    }
    var argv = arguments.map { strdup($0) } + [nil]
    defer { for pointer in argv { free(pointer) } }
    var process: pid_t = 0
    let status = posix_spawn(&process, arguments[0], &actions, nil, &argv, environ)
    guard status == 0 else { throw SocketError.system(call: "posix_spawn", code: status) }
    return process
  }
}

/// Why a foreign peer did not do as a test wants.
package enum ForeignPeerError: Error {
  /// The process ended before it answered.
  case ended(log: String)
  /// The peer could not do as it was told.
  case refused(command: String, reason: String)
}
