import Cryptography
import Ledger
import Persistence
import Primitives

/// `init`, `config show`.
enum SetupCommands {
  static let all = [
    Command(
      words: ["init"], summary: "make keys and the genesis document of a new network",
      options: [
        Option(name: "name", value: "NAME", summary: "a name for the network (default local)")
      ],
      example: "martlet init --home /tmp/martlet-home", run: initialise),
    Command(
      words: ["config", "show"], summary: "print every setting and where it comes from",
      example: "martlet config show", run: showSettings),
  ]

  @Sendable private static func initialise(_ arguments: Arguments) async throws {
    let home = Homes.selected(arguments)
    guard !home.contains("genesis.json") else {
      throw CommandFailure(
        "\(home.path) already holds a network",
        hint: "choose another --home, or start it with `martlet server start`")
    }
    let name = arguments.text("name") ?? "local"
    let genesis = try Homes.createNetwork(
      named: name, in: home, validator: home, validatorKeyName: "validator")
    let peer = try home.key(named: "identity").publicKey.peerID
    let result: JSONValue = [
      "home": .string(home.path), "network": .string(name),
      "chain_id": .string(genesis.chainID.hex), "peer_id": .string("\(peer)"),
    ]
    Output.result(result, asJSON: arguments.isJSON) {
      """
      network   \(name)
      home      \(home.path)
      chain     \(genesis.chainID.hex)
      peer id   \(peer)
      next      martlet server start --home \(home.path)
      """
    }
  }

  @Sendable private static func showSettings(_ arguments: Arguments) async throws {
    let settings = try Settings(arguments: arguments)
    let rows = settings.rows
    let json = JSONValue.array(
      rows.map {
        ["name": .string($0.name), "value": .string($0.value), "source": .string($0.source)]
      })
    Output.result(json, asJSON: arguments.isJSON) {
      rows.map { "\($0.name) = \($0.value)  (\($0.source))" }.joined(separator: "\n")
    }
  }
}
