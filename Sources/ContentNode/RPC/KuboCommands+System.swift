import Primitives

/// `version`, `commands`, `config`.
extension KuboCommands {
  static let system: [KuboCommand] = [
    KuboCommand("version", options: ["number", "commit", "repo", "all"]) { call in
      .object([
        "Version": .string(call.node.settings.kuboVersion), "Commit": "",
        "Repo": .string(repositoryNumber), "System": .string(system(of: architecture)),
        "Golang": "",
      ])
    },
    KuboCommand("commands", options: ["flags"]) { call in
      .object(try commandTree(below: [], named: "ipfs", showsOptions: call.flag("flags")))
    },
    KuboCommand("config/show") { call in .object(try await configuration(call)) },
    KuboCommand("config", ["key"]) { call in
      let key = call.arguments[0]
      var value: JSONValue? = try await configuration(call)
      for name in key.split(separator: ".") { value = value?[String(name)] }
      guard let value else { throw KuboError.unknownConfigurationKey(key) }
      return .object(["Key": .string(key), "Value": value])
    },
  ]

  private static let repositoryNumber = "16"

  #if arch(x86_64)
    private static let architecture = "amd64"
  #elseif arch(arm64)
    private static let architecture = "arm64"
  #else
    private static let architecture = "unknown"
  #endif

  private static func system(of architecture: String) -> String { "\(architecture)/linux" }

  /// What Kubo's clients read of its configuration; it is changed elsewhere.
  private static func configuration(_ call: KuboCall) async throws -> JSONValue {
    let identity = try await call.node.network?.identity()
    let bootstrap = try await call.node.network?.bootstrapAddresses() ?? []
    return [
      "Addresses": [
        "API": .null, "Gateway": .null,
        "Swarm": .array((identity?.addresses ?? []).map { .string("\($0)") }),
      ],
      "Bootstrap": .array(bootstrap.map { .string("\($0)") }),
      "Datastore": ["StorageMax": "", "Spec": ["type": "martlet"]],
      "Identity": ["PeerID": .string(identity.map { "\($0.peer)" } ?? "")],
    ]
  }

  /// The commands below some words, by their names.
  private static func commandTree(
    below words: [String], named name: String, showsOptions: Bool
  ) -> JSONValue {
    let inside = all.map { $0.path.split(separator: "/").map(String.init) }
      .filter { $0.count > words.count && $0.starts(with: words) }
    let names = Set(inside.map { $0[words.count] }).sorted()
    let own = showsOptions ? byPath[words.joined(separator: "/")]?.options ?? [] : []
    return [
      "Name": .string(name),
      "Subcommands": .array(
        names.map {
          commandTree(below: words + [$0], named: $0, showsOptions: showsOptions)
        }),
      "Options": .array(own.map { ["Names": [.string($0)]] }),
    ]
  }
}
