import Cryptography
import Ledger
import Orchestration
import Persistence
import Primitives

/// `init`, `node init`.
enum SetupCommands {
  static let all = [
    Command(
      words: ["init"], summary: "make keys and the genesis document of a new network",
      options: [
        Option(name: "name", value: "NAME", summary: "a name for the network (default local)")
      ],
      example: "martlet init --home /tmp/martlet-home", run: initialise),
    Command(
      words: ["node", "init"], summary: "make the key and the settings of a node",
      options: [
        Option(
          name: "type", value: "ROLE",
          summary: "worker (default), validator, evaluator or peer (which relays)"),
        Option(name: "role", value: "ROLE", summary: "the same"),
      ],
      example: "martlet node init --type worker --home /tmp/martlet-worker",
      run: initialiseNode),
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

  @Sendable private static func initialiseNode(_ arguments: Arguments) async throws {
    guard arguments.text("type") == nil || arguments.text("role") == nil else {
      throw CommandFailure.usage("--type and --role are the same", hint: "give one of them")
    }
    let name = arguments.text("type") ?? arguments.text("role") ?? "worker"
    guard NodeRole(named: name) != .coordinator else {
      throw CommandFailure.usage(
        "a coordinator begins with a network", hint: "make one with `martlet init`")
    }
    let role = try SettingDefinition.named("role").kind.checked(name, of: "the type")
    let home = Homes.selected(arguments)
    guard !home.contains("genesis.json"), !home.contains("identity.key") else {
      throw CommandFailure(
        "\(home.path) already holds a node",
        hint: "choose another --home, or change its settings with `martlet config set`")
    }
    try home.create()
    try ConfigCommands.change(home, "role", to: role)
    let peer = try home.keyOrNew(named: "identity").publicKey.peerID
    let result: JSONValue = [
      "home": .string(home.path), "role": role, "peer_id": .string("\(peer)"),
    ]
    Output.result(result, asJSON: arguments.isJSON) {
      """
      role      \(role.text ?? name)
      home      \(home.path)
      peer id   \(peer)
      next      martlet config set cpu-cores \(Machine.processors), memory and so on, then
                martlet node start --network NAME (`martlet network join FILE` brings one)
      """
    }
  }
}
