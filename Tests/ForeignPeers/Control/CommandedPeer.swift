package import Cryptography
package import Networking
package import Peering
package import Primitives

/// A foreign libp2p node behind one of the programs in Tests/ForeignPeers, commanded by lines of
/// JSON.
package struct CommandedPeer: Sendable {
  /// An answer holds no more than what a test asked to be received.
  private static let answerBytesMax = 1 << 20

  /// The process.
  package let process: ForeignProcess

  /// Starts `interpreter program SOCKET OPTIONS`.
  package init(
    loop: EventLoop, interpreter: String, program: String, options: JSONValue
  ) async throws {
    process = try await ForeignProcess(loop: loop) { directory in
      [interpreter, Self.path(of: program), directory + "/control.sock", options.text()]
    }
  }

  private static func path(of program: String) -> String { "Tests/ForeignPeers/" + program }

  /// What the command answers; the peer may take its time.
  @discardableResult
  package func ask(_ command: String, _ arguments: KeyValuePairs<String, JSONValue> = [:])
    async throws
    -> JSONValue
  {
    let control = try await process.control()
    defer { control.close() }
    let members = [JSONValue.Member("do", .string(command))]
    let request = JSONValue.object(members + arguments.map { JSONValue.Member($0.key, $0.value) })
    try await control.write(Bytes((request.text() + "\n").utf8))
    var line = Bytes()
    while line.last != UInt8(ascii: "\n"), line.count < Self.answerBytesMax {
      guard try await control.read(appendingTo: &line) > 0 else { throw SocketError.closed }
    }
    let answer = try JSONValue(parsing: line)
    guard let result = answer["ok"] else {
      let reason = answer["error"]?.text ?? "no reason"
      throw ForeignPeerError.refused(command: command, reason: reason + "\n" + process.log())
    }
    return result
  }

  /// The peer's name and where it listens.
  package func itself() async throws -> (peer: PeerID, addresses: [Multiaddr]) {
    let itself = try await ask("self")
    return (
      peer: try PeerID(itself["peer"]?.text ?? ""),
      addresses: try (itself["addresses"]?.strings ?? []).map { try Multiaddr($0) }
    )
  }

  /// The address on loopback, with the peer's name.
  package func address() async throws -> Multiaddr {
    let itself = try await itself()
    guard let address = itself.addresses.first(where: { !$0.isRelayed }) else {
      throw ForeignPeerError.refused(command: "self", reason: "it listens nowhere")
    }
    return address.withoutOwner.naming(itself.peer)
  }

  /// Ends the process.
  package func stop() { process.stop() }
}

extension JSONValue {
  /// The texts of an array.
  package var strings: [String] { (elements ?? []).compactMap(\.text) }
}

extension Multiaddr {
  /// As a peer is told it.
  package var json: JSONValue { .string("\(self)") }
}

extension PeerID {
  /// As a peer is told it.
  package var json: JSONValue { .string("\(self)") }
}
