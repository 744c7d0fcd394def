/// All commands.
enum KuboCommands {
  static let all: [KuboCommand] =
    files + blocks + dags + pins + repository + peers + keys + names + system + own

  static let byPath: [String: KuboCommand] = Dictionary(
    uniqueKeysWithValues: all.map { ($0.path, $0) })
}
