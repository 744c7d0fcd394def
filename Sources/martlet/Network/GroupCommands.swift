import Networking
import Peering
import Persistence
import Primitives
import Telemetry

/// `network group` and `network pools`: what a running node of this home knows of its group, and
/// what other groups offer.
enum GroupCommands {
  static let all = [
    Command(
      words: ["network", "group"], summary: "show the group of the node in this home",
      example: "martlet network group", run: group),
    Command(
      words: ["network", "pools"], summary: "find peers that offer a kind of resource",
      positionals: ["KIND"], example: "martlet network pools gpu", run: pools),
  ]

  /// A search may ask many leaders, each for two seconds.
  private static let patience: Duration = .seconds(40)

  @Sendable private static func group(_ arguments: Arguments) async throws {
    let report = try await ask("group", arguments)
    try check(report)
    Output.result(report, asJSON: arguments.isJSON) { text(ofGroup: report) }
  }

  private static func text(ofGroup report: JSONValue) -> String {
    let members = report["members"]?.elements ?? []
    var lines = ["group    \(report["group"]?.text ?? "")"]
    if let refusal = report["refused"]?.text { lines.append("refused  \(refusal)") }
    lines += members.map { member in
      let marks = [
        member["is_this_node"]?.bool == true ? "  this node" : "",
        member["is_suspected"]?.bool == true ? "  does not answer" : "",
      ]
      return "  \(member["peer"]?.text ?? "")\(marks.joined())"
    }
    for cluster in report["clusters"]?.elements ?? [] {
      lines.append(
        "leader   \(cluster["leader"]?.text ?? "none")  of \(cluster["cluster"]?.text ?? "")")
    }
    return lines.joined(separator: "\n")
  }

  @Sendable private static func pools(_ arguments: Arguments) async throws {
    let kind = arguments.positionals[0]
    guard (1...ClusterLimits.kindBytesMax).contains(kind.utf8.count), !kind.contains(" ") else {
      throw CommandFailure.usage("`\(kind)` is no kind", hint: "a kind is one word such as `cpu`")
    }
    let report = try await ask("pools \(kind)", arguments)
    try check(report)
    let peers = report["peers"]?.elements ?? []
    Output.result(report, asJSON: arguments.isJSON) {
      peers.map { peer in
        let addresses = (peer["addresses"]?.elements ?? []).compactMap(\.text)
        return ([peer["peer"]?.text ?? ""] + addresses.map { "  \($0)" }).joined(separator: "\n")
      }.joined(separator: "\n")
    }
    if peers.isEmpty {
      throw CommandFailure(
        "nobody offers `\(kind)`", hint: "ask again later, or for another kind", code: .notFound)
    }
  }

  /// Throws what the node says where it is in no group.
  private static func check(_ report: JSONValue) throws {
    let fault = report["error"]?.text
    guard fault != nil || report.members == nil else { return }
    throw CommandFailure(
      fault ?? "the node is in no network", hint: report["hint"]?.text ?? "look again soon",
      code: .notFound)
  }

  private static func ask(_ question: String, _ arguments: Arguments) async throws -> JSONValue {
    let loop = try EventLoop()
    loop.start(named: "loop").detach()
    let path = Homes.selected(arguments).file(PeerNode.controlName)
    do {
      return try await PeerControl.ask(question, at: path, on: loop, within: patience)
    } catch is SocketError {
      throw CommandFailure(
        "no node answers at \(path)", hint: "start one with `martlet node start`",
        code: .unreachable)
    }
  }
}
