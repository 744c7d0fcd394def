import Cryptography
import Glibc
package import Primitives

/// A question that somebody besides the host answers, and how.
package struct PeerControlSection: Sendable {
  /// The question, and the answer's name among what is live.
  package let name: String
  /// Whether it is part of each `live` answer: then it takes no time.
  package let isLive: Bool
  /// Whether the question has a second word.
  let takesWord: Bool
  /// Makes the answer, of the second word where there is one.
  let answer: @Sendable (String) async -> JSONValue

  /// Names and bodies.
  package init(name: String, isLive: Bool, body: @escaping @Sendable () async -> JSONValue) {
    self.name = name
    self.isLive = isLive
    takesWord = false
    answer = { _ in await body() }
  }

  /// A question about something that a second word names.
  package init(name: String, body: @escaping @Sendable (String) async -> JSONValue) {
    self.name = name
    isLive = false
    takesWord = true
    answer = body
  }
}

/// Answers questions about a running host through a socket file, which only its owner can open:
/// one line asks (`peers`, `why PEER`, `bandwidth`, `live`, or a section's name), one line of JSON
/// answers.
package struct PeerControl: Sendable {
  /// A question is a word and a peer id.
  private static let questionBytesMax = 256
  /// An answer lists some thousand peers at most.
  private static let answerBytesMax = 4 * 1_024 * 1_024
  /// How long a line may take, unless said otherwise.
  package static let patience: Duration = .seconds(5)

  private let host: PeerHost
  private let sections: @Sendable () -> [PeerControlSection]

  /// Control of a host, and of what is told of it besides.
  package init(
    host: PeerHost, sections: @escaping @Sendable () -> [PeerControlSection] = { [] }
  ) {
    self.host = host
    self.sections = sections
  }

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
      try await socket.write(
        Bytes((report.text() + "\n").utf8), deadline: host.loop.now.advanced(by: Self.patience))
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
    case ("live", 1): return await live()
    case (let name?, 1...2):
      let takesWord = words.count == 2
      guard
        let section = sections().first(where: { $0.name == name && $0.takesWord == takesWord })
      else { fallthrough }
      return await section.answer(words.last ?? "")
    default: return ["error": "an unknown question"]
    }
  }

  /// The host's live report, with a member for each live section.
  private func live() async -> JSONValue {
    var members = await host.liveReport().members ?? []
    for section in sections() where section.isLive {
      members.append(JSONValue.Member(section.name, await section.answer("")))
    }
    return .object(members)
  }

  /// Asks the host that answers at `path`, and waits for the answer as long as it may take.
  package static func ask(
    _ question: String, at path: String, on loop: EventLoop,
    within patience: Duration = Self.patience
  ) async throws -> JSONValue {
    let answer = try await loop.perform {
      let deadline = loop.now.advanced(by: patience)
      let socket = try await Socket.connect(
        to: .unix(path: path), on: loop, within: Self.patience)
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
