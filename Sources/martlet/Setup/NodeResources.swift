import Primitives

/// What a node gives of its machine, from the settings.
struct NodeResources: Sendable {
  /// Threads for training or replay.
  let threads: Int
  /// What one piece of work may need; nil for what the machine has.
  let memory: ByteCount?
  /// What all connections together may use; nil for what the machine has.
  let bandwidth: BitRate?
  /// What the person who runs the node should know about these.
  let notes: [String]

  /// Said where a graphics processor was asked for and nothing here can use one.
  static let noGPU =
    "this program has no engine for a GPU: work runs on processors, and no GPU is offered"

  /// Reads and checks the settings; `threads` beyond `cpu-cores` are not started.
  init(_ settings: Settings) throws {
    var notes: [String] = []
    let wanted = try settings.integer("threads", in: 1...256)
    if let text = settings.text("cpu-cores") {
      let cores = try SettingKind.processors(text, of: "cpu-cores")
      let isAsked = settings.row("threads")?.source != "default"
      threads = isAsked ? min(wanted, cores) : cores
      if isAsked, wanted > cores {
        notes.append("\(wanted) threads were asked for; cpu-cores lets \(cores) run")
      }
    } else {
      threads = wanted
    }
    memory = try settings.text("memory").map { try SettingKind.memory($0, of: "memory") }
    bandwidth = try settings.text("bandwidth").map { try SettingKind.rate($0, of: "bandwidth") }
    let asksForGPU = try SettingKind.truth(
      settings.text("gpu-enabled") ?? "false", of: "gpu-enabled")
    if asksForGPU, !Machine.computesOnGPU { notes.append(Self.noGPU) }
    self.notes = notes
  }
}
