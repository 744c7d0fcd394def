import Cryptography
import Glibc
package import Primitives

/// Answers questions about a running host through a socket file, which only its owner can open:
/// one line asks (`peers`, `why PEER`, `bandwidth`), one line of JSON answers.
package struct PeerControl: Sendable {
  /// A question is a word and a peer id.
  private static let questionBytesMax = 256
  /// An answer lists some thousand peers at most.
  private static let answerBytesMax = 4 * 1_024 * 1_024
  private static let patience: Duration = .seconds(5)

  private let host: PeerHost

  /// Control of a host.
  package init(host: PeerHost) { self.host = host }

  /// Answers at `path` until the task is cancelled; a file left by a dead process is replaced.
  package func run(at path: String) async throws {
    try await host.loop.perform { [host] in
      unlink(path)
      let listener = try SocketListener(at: .unix(path: path), on: host.loop)
      chmod(path, S_IRUSR | S_IWUSR)
      defer { listener.close() }
      await withDiscardingTaskGroup { group in
        while let number = try? await listener.accept() {
          let socket = Socket(number, on: host.loop)
          group.addTask {
            try? await answer(socket)
            await host.loop.perform { socket.close() }
          }
        }
      }
    }
  }

  private func answer(_ socket: Socket) async throws {
    try await host.loop.perform { [host] in
      let deadline = host.loop.now.advanced(by: Self.patience)
      let question = try await Self.line(
        from: socket, limit: Self.questionBytesMax, deadline: deadline)
      let report = await report(on: question)
      try await socket.write(Bytes((report.text() + "\n").utf8), deadline: deadline)
    }
  }

  private func report(on question: String) async -> JSONValue {
    let words = question.split(separator: " ").map(String.init)
    switch (words.first, words.count) {
    case ("peers", 1): return await host.peersReport()
    case ("bandwidth", 1): return await host.bandwidthReport()
    case ("why", 2):
      guard let peer = try? PeerID(words[1]) else { return ["error": "no peer id"] }
      return await host.whyReport(of: peer)
    default: return ["error": "an unknown question"]
    }
  }

  /// Asks the host that answers at `path`.
  package static func ask(
    _ question: String, at path: String, on loop: EventLoop
  ) async throws -> JSONValue {
    let answer = try await loop.perform {
      let deadline = loop.now.advanced(by: patience)
      let socket = try await Socket.connect(to: .unix(path: path), on: loop, within: patience)
      defer { socket.close() }
      try await socket.write(Bytes((question + "\n").utf8), deadline: deadline)
      return try await line(from: socket, limit: answerBytesMax, deadline: deadline)
    }
    return try JSONValue(parsing: Bytes(answer.utf8))
  }

  private static nonisolated(nonsending) func line(
    from socket: Socket, limit: Int, deadline: Tick
  ) async throws -> String {
    var bytes = Bytes()
    while bytes.last != UInt8(ascii: "\n") {
      guard bytes.count < limit, try await socket.read(appendingTo: &bytes, deadline: deadline) > 0
      else { throw SocketError.closed }
    }
    return String(decoding: bytes.dropLast(), as: UTF8.self)
  }
}
