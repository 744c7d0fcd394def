import MartletClient
import Persistence
import Primitives

extension NetworkClient {
  /// The coordinator of `--home` through its socket, or the one of `--server`, or of the option
  /// that stands for it, with a key.
  static func selected(
    _ arguments: Arguments, option: String = "server"
  ) throws -> NetworkClient {
    let settings = try Settings(arguments: arguments)
    guard let server = arguments.text(option) ?? settings.text("server") else {
      let home = Homes.selected(arguments)
      return NetworkClient(.socket(path: home.file("api.sock")))
    }
    var key: String?
    if let file = settings.text("api-key-file") {
      let bytes = try AtomicFile.read(file, byteCountMax: 4_096) ?? []
      let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
      key = lines.first.map(String.init)
    }
    return NetworkClient(.address(url: server, key: key))
  }

  static let options = [
    Option(
      name: "server", value: "URL", summary: "another coordinator (default: that of --home)"),
    Option(name: "api-key-file", value: "FILE", summary: "its key, from `server key create`"),
  ]
}

extension CommandFailure {
  /// The words and the exit code for a refusal of a coordinator.
  init(_ error: NetworkClientError) {
    let code: ExitCode =
      switch error {
      case .unreachable: .unreachable
      case .timedOut: .timedOut
      case .refused(404, _, _, _): .notFound
      case .refused(401, _, _, _), .refused(403, _, _, _), .refused(409, _, _, _): .refused
      case .refused, .cancelled, .invalidAnswer, .broken, .file: .failed
      }
    self.init(error.description, hint: error.hint, code: code)
  }
}
