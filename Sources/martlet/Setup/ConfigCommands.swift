import Persistence
import Primitives

/// `config show|get|set|unset`: the settings in `config.json` of a home.
enum ConfigCommands {
  static let all = [
    Command(
      words: ["config", "show"], summary: "print every setting and where it comes from",
      example: "martlet config show", run: show),
    Command(
      words: ["config", "get"], summary: "print the value of one setting", positionals: ["KEY"],
      example: "martlet config get cpu-cores", run: get),
    Command(
      words: ["config", "set"], summary: "keep a setting in config.json, once it is checked",
      positionals: ["KEY", "VALUE"], example: "martlet config set memory 8GB", run: set),
    Command(
      words: ["config", "unset"], summary: "take a setting out of config.json",
      positionals: ["KEY"], example: "martlet config unset memory", run: unset),
  ]

  private static func json(_ row: Settings.Row) -> JSONValue {
    ["name": .string(row.name), "value": .string(row.value), "source": .string(row.source)]
  }

  @Sendable private static func show(_ arguments: Arguments) async throws {
    let rows = try Settings(arguments: arguments).rows
    Output.result(.array(rows.map(json)), asJSON: arguments.isJSON) {
      rows.map { "\($0.name) = \($0.value)  (\($0.source))" }.joined(separator: "\n")
    }
  }

  @Sendable private static func get(_ arguments: Arguments) async throws {
    let name = try SettingDefinition.named(arguments.positionals[0]).name
    guard let row = try Settings(arguments: arguments).row(name), !row.value.isEmpty else {
      throw CommandFailure(
        "\(name) is not set", hint: "set it with `martlet config set \(name) VALUE`",
        code: .notFound)
    }
    Output.result(json(row), asJSON: arguments.isJSON) { row.value }
  }

  @Sendable private static func set(_ arguments: Arguments) async throws {
    let definition = try changeable(arguments.positionals[0])
    guard !arguments.positionals[1].isEmpty else {
      throw CommandFailure.usage(
        "the value is empty", hint: "`martlet config unset \(definition.name)` takes it out")
    }
    let value = try definition.kind.checked(arguments.positionals[1], of: definition.name)
    try change(Homes.selected(arguments), definition.name, to: value)
    try tell(definition, arguments)
    guard definition.name == "gpu-enabled", value == true, !Machine.computesOnGPU else { return }
    Output.note(NodeResources.noGPU)
  }

  @Sendable private static func unset(_ arguments: Arguments) async throws {
    let definition = try changeable(arguments.positionals[0])
    try change(Homes.selected(arguments), definition.name, to: nil)
    try tell(definition, arguments)
  }

  /// What holds now, which a variable of the environment may decide.
  private static func tell(_ definition: SettingDefinition, _ arguments: Arguments) throws {
    guard let row = try Settings(arguments: arguments).row(definition.name) else { return }
    Output.result(json(row), asJSON: arguments.isJSON) {
      "\(row.name) = \(row.value)  (\(row.source))"
    }
  }

  private static func changeable(_ name: String) throws -> SettingDefinition {
    let definition = try SettingDefinition.named(name)
    guard definition.name != SettingDefinition.home.name else {
      throw CommandFailure.usage(
        "home is where config.json lies, and not kept in it",
        hint: "give --home DIR or set MARTLET_HOME")
    }
    return definition
  }

  /// Replaces `config.json` as a whole, one process at a time; nil takes the setting out.
  static func change(_ home: HomeDirectory, _ name: String, to value: JSONValue?) throws {
    try home.create()
    let lock = try home.lock("config")
    defer { lock.release() }
    var members = try Settings.fileMembers(home).filter { $0.name != name }
    if let value { members.append(JSONValue.Member(name, value)) }
    let text = JSONValue.object(members).text(indented: true) + "\n"
    try home.write(Bytes(text.utf8), to: Settings.fileName)
  }
}
