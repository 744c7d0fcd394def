/// One setting: what it is called where, what it may be, and what it is when nobody says.
struct SettingDefinition: Sendable {
  /// Its name as an option and in `config.json`.
  let name: String
  /// Its variable in the environment and in `.env`.
  let variable: String
  /// Its default; empty where there is none.
  let fallback: String
  let kind: SettingKind

  private init(_ name: String, _ kind: SettingKind, fallback: String = "") {
    self.name = name
    self.kind = kind
    self.fallback = fallback
    variable =
      "MARTLET_" + name.uppercased().split(separator: "-").joined(separator: "_")
  }

  /// Not in `config.json`, which lies in it.
  static let home = SettingDefinition("home", .text, fallback: "~/.martlet")

  /// Every setting, in the order in which they are shown.
  static let all = [
    home,
    SettingDefinition("host", .text, fallback: "127.0.0.1"),
    SettingDefinition("port", .count(0...65_535), fallback: "8080"),
    SettingDefinition("listen", .address, fallback: "/ip4/127.0.0.1/tcp/4001"),
    SettingDefinition("tls-cert", .text),
    SettingDefinition("tls-key", .text),
    SettingDefinition("stake-grants", .count(0...1_000), fallback: "8"),
    SettingDefinition("threads", .count(1...256), fallback: "1"),
    SettingDefinition("join", .address),
    SettingDefinition("role", .role, fallback: "worker"),
    SettingDefinition("label", .text),
    SettingDefinition("server", .text),
    SettingDefinition("api-key-file", .text),
    SettingDefinition("cpu-cores", .processors),
    SettingDefinition("memory", .memory),
    SettingDefinition("gpu-enabled", .truth, fallback: "false"),
    SettingDefinition("bandwidth", .rate),
    SettingDefinition("network", .text),
    SettingDefinition("bootstrap", .addresses),
    SettingDefinition("place", .place),
    SettingDefinition("allow", .peers),
    SettingDefinition("deny", .peersAndBlocks),
  ]

  /// The setting called `name`; a failure names the nearest one.
  static func named(_ name: String) throws -> SettingDefinition {
    if let found = all.first(where: { $0.name == name }) { return found }
    let nearest = NearestWord.of(name, in: all.map(\.name))
    throw CommandFailure.usage(
      "`\(name)` is not a setting",
      hint: nearest.map { "did you mean `\($0)`?" } ?? "`martlet config show` lists the settings")
  }
}
