import Cryptography
import Ledger
import Networking
import Node
import Peering
import Persistence
import Primitives

/// `network create|join|list|show`: networks by name, each a file in `HOME/networks`.
enum NetworkCommands {
  static let all =
    [
      Command(
        words: ["network", "create"], summary: "make a network: its chain, and the file of it",
        positionals: ["NAME"],
        options: [
          Option(name: "class", value: "CLASS", summary: "open, academic, enterprise or mobile"),
          Option(
            name: "admission", value: "RULE",
            summary: "everyone (default), list, invitation or stake"),
          Option(name: "members", value: "PEER,…", summary: "who is on the list"),
          Option(name: "stake", value: "AMOUNT", summary: "the least stake, in tokens"),
          Option(
            name: "issuers", value: "PEER,…", summary: "who invites (default this home's key)"),
          Option(name: "private", summary: "encrypt it once more: only its file lets anyone in"),
          Option(
            name: "bootstrap", value: "ADDRESS,…",
            summary: "peers to begin with: multiaddrs, or HOST:PORT of one that runs"),
          Option(name: "no-mdns", summary: "members do not look on their local networks"),
          Option(name: "output", value: "FILE", short: "o", summary: "write a copy to hand on"),
        ],
        example: "martlet network create testnet --bootstrap 192.0.2.1:4001 -o testnet.json",
        run: NetworkCreation.create),
      Command(
        words: ["network", "join"], summary: "take in the file of a network",
        positionals: ["FILE"],
        options: [
          Option(name: "invitation", value: "FILE", summary: "what a member's invite printed"),
          Option(name: "replace", summary: "also over another network of the same name"),
        ],
        example: "martlet network join testnet.json", run: NetworkJoining.join),
      Command(
        words: ["network", "list"], summary: "list the networks of this home",
        example: "martlet network list", run: list),
      Command(
        words: ["network", "show"], summary: "print what the file of a network says",
        positionals: ["NAME"], example: "martlet network show testnet", run: show),
    ] + NetworkInvitations.all + GroupCommands.all

  @Sendable private static func list(_ arguments: Arguments) async throws {
    let store = NetworkFileStore(home: Homes.selected(arguments))
    let chosen = try Settings(arguments: arguments).text("network")
    let files = try store.names.map { try store.read($0) }
    let rows = files.map { file -> JSONValue in
      [
        "name": .string(file.name), "class": .string(file.profile.networkClass.rawValue),
        "admission": .string(file.profile.rule.word), "private": .bool(file.key != nil),
        "bootstraps": .integer(Int64(file.bootstraps.count)),
        "chain_id": .string(file.chainID.hex), "default": .bool(file.name == chosen),
        "path": .string(store.path(of: file.name)),
      ]
    }
    Output.result(.array(rows), asJSON: arguments.isJSON) {
      files.isEmpty
        ? "no networks; `martlet network create NAME` makes one, `network join FILE` takes one in"
        : TextTable.lines(
          ["NAME", "CLASS", "ADMISSION", "PRIVATE", "BOOTSTRAPS", "CHAIN"],
          files.map { file in
            [
              file.name + (file.name == chosen ? " *" : ""), file.profile.networkClass.rawValue,
              file.profile.rule.word, file.key == nil ? "no" : "yes",
              "\(file.bootstraps.count)", String(file.chainID.hex.prefix(12)),
            ]
          }
        ).joined(separator: "\n")
    }
  }

  @Sendable private static func show(_ arguments: Arguments) async throws {
    let store = NetworkFileStore(home: Homes.selected(arguments))
    let file = try store.find(arguments.positionals[0])
    Output.result(file.json, asJSON: arguments.isJSON) { text(of: file, at: store) }
  }

  /// What a person reads of a network; its secret stays in the file.
  static func text(of file: NetworkFile, at store: NetworkFileStore) -> String {
    let lines =
      [
        "network     \(file.name)", "class       \(file.profile.networkClass.rawValue)",
        "admission   \(file.profile.rule.sentence)", "chain       \(file.chainID.hex)",
        "private     \(file.key == nil ? "no" : "yes, the file holds its secret")",
      ] + file.coordinators.map { "coordinator \($0)" }
      + file.bootstraps.map { "bootstrap   \($0)" }
      + [
        "protocol    \(file.kademliaProtocol)",
        "file        \(store.path(of: file.name))",
      ]
    return lines.joined(separator: "\n")
  }
}

extension AdmissionRule {
  /// One word for lists.
  var word: String {
    switch self {
    case .everyone: "everyone"
    case .listed: "list"
    case .invited: "invitation"
    case .staked: "stake"
    }
  }

  /// Who may enter.
  var sentence: String {
    switch self {
    case .everyone: "everyone"
    case .listed(let peers): "the \(peers.count) peers on the list"
    case .invited(let keys):
      "who has an invitation of " + keys.map { "\($0.peerID)" }.joined(separator: " or ")
    case .staked(let minimum): "who has a stake of \(minimum)"
    }
  }
}
