import Cryptography
import Glibc
import Networking
import Node
import Peering
import Persistence
import Primitives

/// `network invite`.
enum NetworkInvitations {
  static let all = [
    Command(
      words: ["network", "invite"], summary: "sign an invitation for a peer",
      positionals: ["PEER"],
      options: [
        Option(name: "network", value: "NAME", summary: "into which network"),
        Option(name: "days", value: "N", summary: "how long it counts (default 30)"),
        Option(name: "output", value: "FILE", short: "o", summary: "write it here"),
      ],
      example: "martlet network invite 12D3KooW… --network testnet -o invitation.txt", run: invite)
  ]

  private static let daysMax = 3_650
  private static let daysDefault = 30

  @Sendable private static func invite(_ arguments: Arguments) async throws {
    let peer = try PeerNode.peer(arguments.positionals[0])
    let days = try arguments.integer("days", in: 1...daysMax) ?? daysDefault
    let home = Homes.selected(arguments)
    let file = try NetworkScope.file(arguments)
    let key = try home.key(named: "identity")
    guard case .invited(let issuers) = file.profile.rule else {
      throw CommandFailure(
        "`\(file.name)` lets in \(file.profile.rule.sentence), whoever was invited",
        hint: "a network made with --admission invitation takes invitations", code: .refused)
    }
    guard issuers.contains(key.publicKey) else {
      throw CommandFailure(
        "this home's key may not invite into `\(file.name)`",
        hint: "ask \(issuers.map { "\($0.peerID)" }.joined(separator: " or "))", code: .refused)
    }
    let end = InvitationFile.end(inDays: days)
    let invitation = NetworkInvitation(
      network: file.name, peer: peer, expiresAt: end, signedBy: key)
    let text = InvitationFile.text(of: invitation)
    if let output = arguments.text("output") { try AtomicFile.write(Bytes(text.utf8), to: output) }
    let result: JSONValue = [
      "network": .string(file.name), "peer_id": .string("\(peer)"), "expires": JSONValue(end),
      "invitation": .string(String(text.dropLast())),
    ]
    Output.result(result, asJSON: arguments.isJSON) {
      arguments.text("output").map { "invitation  \($0)" } ?? String(text.dropLast())
    }
    Output.note(
      "\(peer) runs `martlet network join FILE --invitation FILE` with the network's file and this")
  }
}

/// An invitation as a line of text.
enum InvitationFile {
  private static let bytesMax = 4_096
  /// How long the word of one who may invite counts for itself: longer than its process lives.
  private static let ownDays = 3_650

  static func text(of invitation: NetworkInvitation) -> String {
    Hex.encode(invitation.encoded()) + "\n"
  }

  static func read(_ path: String) throws -> NetworkInvitation {
    guard let bytes = try AtomicFile.read(path, byteCountMax: bytesMax) else {
      throw CommandFailure("there is no file \(path)", hint: "check the path", code: .notFound)
    }
    let line = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    do {
      return try NetworkInvitation(decoding: Hex.decode(line))
    } catch {
      throw CommandFailure(
        "\(path) is no invitation: \(error)", hint: "ask for it again; it is one line of digits")
    }
  }

  private static let secondsPerDay = 86_400

  /// Seconds since 1970.
  static func end(inDays days: Int) -> UInt64 { UInt64(max(0, time(nil)) + days * secondsPerDay) }

  /// The right of the node in a home: its own word if it may invite, else the one that is kept.
  static func own(into file: NetworkFile, in home: HomeDirectory) throws -> NetworkInvitation? {
    guard case .invited(let issuers) = file.profile.rule, home.contains("identity.key"),
      case let key = try home.key(named: "identity"), issuers.contains(key.publicKey)
    else { return try kept(of: file.name, in: home) }
    return NetworkInvitation(
      network: file.name, peer: key.publicKey.peerID, expiresAt: end(inDays: ownDays),
      signedBy: key)
  }

  /// The one kept beside the network's file, if there is one.
  static func kept(of name: String, in home: HomeDirectory) throws -> NetworkInvitation? {
    let file = "networks/\(name).invitation"
    return home.contains(file) ? try read(home.file(file)) : nil
  }

  /// Keeps it beside the network's file.
  static func keep(
    _ invitation: NetworkInvitation, of name: String, in home: HomeDirectory
  ) throws {
    try home.write(Bytes(text(of: invitation).utf8), to: "networks/\(name).invitation")
  }
}
