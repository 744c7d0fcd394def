import ContentStore
import Persistence
import Primitives

/// `content backup …`: content that outlives lost blocks.
enum ContentBackupCommands {
  static let all =
    [
      Command(
        words: ["content", "backup", "add"], summary: "add parity blocks to stored content",
        positionals: ["CID"],
        options: [
          Option(
            name: "code", value: "DATA+PARITY",
            summary: "how many blocks need how many more (default 10+4)"),
          Option(name: "name", value: "NAME", summary: "name the pin"),
        ],
        details: ["Prints the CID of the backup, whose pin holds the content and its parity."],
        example: "martlet content backup add CID --code 10+4", run: add),
      Command(
        words: ["content", "backup", "repair"],
        summary: "compute missing and damaged blocks of a backup from the others",
        positionals: ["CID"], options: ContentBackupPlacing.repairOptions,
        details: [
          "Here, unless --to is given; with --from other nodes are asked first.",
          "Exits with 1 where a group has lost more blocks than its code survives.",
        ],
        example: "martlet content backup repair CID", run: repair),
      Command(
        words: ["content", "backup", "show"], summary: "what a backup protects, and how",
        positionals: ["CID"], example: "martlet content backup show CID", run: show),
    ] + ContentBackupPlacing.all

  private static func code(_ arguments: Arguments) throws -> ErasureCode {
    guard let text = arguments.text("code") else { return .standard }
    let numbers = text.split(separator: "+", omittingEmptySubsequences: false).map { Int($0) }
    guard numbers.count == 2, let data = numbers[0], let parity = numbers[1],
      let code = ErasureCode(dataCount: data, parityCount: parity)
    else {
      throw CommandFailure.usage(
        "--code is `\(text)`",
        hint: "give \(limits(ErasureCode.dataCounts)) data blocks and "
          + "\(limits(ErasureCode.parityCounts)) parity blocks, such as 10+4")
    }
    return code
  }

  private static func limits(_ range: ClosedRange<Int>) -> String {
    "\(range.lowerBound) to \(range.upperBound)"
  }

  static let works = [addWork, repairWork, showWork] + ContentBackupPlacing.works

  private static let addWork = StoreWork(name: "backup/add", unit: WorkProgress.blocks) {
    opened, arguments, meter in
    let code = try code(arguments)
    return try await StoreWork.onOwnThread("backup") {
      let store = opened.store
      let content = try ContentCommands.resolve(arguments.positionals.first ?? "", in: store)
      let cid = try ContentBackup(store: store, meter: meter).addBlocking(
        content, with: code, pinName: arguments.text("name") ?? "")
      let (_, groups) = try ContentBackup(store: store).groups(of: cid)
      let parity = groups.flatMap(\.parity).reduce(0) { $0 + UInt64($1.byteCount) }
      return [
        "cid": .string("\(cid)"), "content": .string("\(content)"),
        "groups": JSONValue(groups.count), "parity_bytes": JSONValue(parity),
      ]
    }
  }

  @Sendable private static func add(_ arguments: Arguments) async throws {
    _ = try code(arguments)
    let json = try await addWork.result(arguments)
    Output.result(json, asJSON: arguments.isJSON) {
      let groups = Plural.text(number("groups", json), "group")
      return
        "\(json["cid"]?.text ?? "")  \(groups), \(number("parity_bytes", json)) bytes of parity"
    }
  }

  private static func number(_ name: String, _ json: JSONValue) -> Int {
    Int(clamping: json[name]?.integer ?? 0)
  }

  private static let repairWork = StoreWork(name: "backup/repair", unit: WorkProgress.blocks) {
    opened, arguments, meter in
    let cid = try ContentCommands.cid(arguments.positionals.first ?? "")
    return try await StoreWork.onOwnThread("backup") {
      json(
        try ContentBackup(store: opened.store, meter: meter).repairBlocking(cid), of: cid,
        fetched: 0)
    }
  }

  @Sendable private static func repair(_ arguments: Arguments) async throws {
    guard !ContentBackupPlacing.isAsked(arguments) else {
      return try await ContentBackupPlacing.repair(arguments)
    }
    try show(repaired: try await repairWork.result(arguments), arguments)
  }

  /// What a repair did.
  static func json(_ repair: BackupRepair, of cid: CID, fetched: Int) -> JSONValue {
    [
      "cid": .string("\(cid)"), "groups": JSONValue(repair.groupCount),
      "whole": JSONValue(repair.wholeCount), "fetched": JSONValue(fetched),
      "computed": JSONValue(repair.computedCount),
      "lost_groups": .array(repair.lostGroups.map { JSONValue($0) }),
    ]
  }

  /// Says what a repair did; throws where something is lost.
  static func show(repaired json: JSONValue, _ arguments: Arguments) throws {
    Output.result(json, asJSON: arguments.isJSON) {
      "\(Plural.text(number("whole", json), "block")) whole, \(number("computed", json)) computed"
    }
    let lostCount = json["lost_groups"]?.elements?.count ?? 0
    guard lostCount > 0 else { return }
    throw CommandFailure(
      "\(Plural.text(lostCount, "group")) lost more blocks than the code survives",
      hint: "import what others still have of \(json["cid"]?.text ?? "it"), then repair again")
  }

  private static let showWork = StoreWork(name: "backup/show", unit: WorkProgress.blocks) {
    opened, arguments, _ in
    let cid = try ContentCommands.cid(arguments.positionals.first ?? "")
    let (manifest, groups) = try ContentBackup(store: opened.store).groups(of: cid)
    let (data, parity) = (groups.map(\.data).joined(), groups.map(\.parity).joined())
    return [
      "content": .string("\(manifest.content)"),
      "code": .string("\(manifest.code.dataCount)+\(manifest.code.parityCount)"),
      "groups": JSONValue(groups.count), "data_blocks": JSONValue(data.count),
      "data_bytes": JSONValue(data.reduce(0) { $0 + UInt64($1.byteCount) }),
      "parity_blocks": JSONValue(parity.count),
      "parity_bytes": JSONValue(parity.reduce(0) { $0 + UInt64($1.byteCount) }),
    ]
  }

  @Sendable private static func show(_ arguments: Arguments) async throws {
    _ = try ContentCommands.cid(arguments.positionals[0])
    let json = try await showWork.result(arguments)
    let rows: [(key: String, text: String)] = [
      ("groups", "groups"), ("data_blocks", "blocks"), ("data_bytes", "their bytes"),
      ("parity_blocks", "parity blocks"), ("parity_bytes", "their bytes"),
    ]
    Output.result(json, asJSON: arguments.isJSON) {
      let head = ["content", "code"].map { [$0, json[$0]?.text ?? ""] }
      return TextTable.lines([], head + rows.map { [$0.text, "\(number($0.key, json))"] })
        .joined(separator: "\n")
    }
  }
}
