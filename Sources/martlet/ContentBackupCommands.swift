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

  @Sendable private static func add(_ arguments: Arguments) async throws {
    let code = try code(arguments)
    try ContentCommands.withStore(arguments) { store in
      let content = try ContentCommands.resolve(arguments.positionals[0], in: store)
      let cid = try WorkProgress.during(arguments, counting: WorkProgress.blocks) {
        try ContentBackup(store: store, meter: $0.meter).addBlocking(
          content, with: code, pinName: arguments.text("name") ?? "")
      }
      let (_, groups) = try ContentBackup(store: store).groups(of: cid)
      let parity = groups.flatMap(\.parity).reduce(0) { $0 + UInt64($1.byteCount) }
      let json: JSONValue = [
        "cid": .string("\(cid)"), "content": .string("\(content)"),
        "groups": JSONValue(groups.count), "parity_bytes": JSONValue(parity),
      ]
      Output.result(json, asJSON: arguments.isJSON) {
        "\(cid)  \(Plural.text(groups.count, "group")), \(parity) bytes of parity"
      }
    }
  }

  @Sendable private static func repair(_ arguments: Arguments) async throws {
    guard !ContentBackupPlacing.isAsked(arguments) else {
      return try await ContentBackupPlacing.repair(arguments)
    }
    let cid = try ContentCommands.cid(arguments.positionals[0])
    let repair = try ContentCommands.withStore(arguments) { store in
      try WorkProgress.during(arguments, counting: WorkProgress.blocks) {
        try ContentBackup(store: store, meter: $0.meter).repairBlocking(cid)
      }
    }
    show(repair, fetched: 0, arguments)
    try checkWhole(repair, of: cid)
  }

  /// Says what a repair did.
  static func show(_ repair: BackupRepair, fetched: Int, _ arguments: Arguments) {
    let json: JSONValue = [
      "groups": JSONValue(repair.groupCount), "whole": JSONValue(repair.wholeCount),
      "fetched": JSONValue(fetched), "computed": JSONValue(repair.computedCount),
      "lost_groups": .array(repair.lostGroups.map { JSONValue($0) }),
    ]
    Output.result(json, asJSON: arguments.isJSON) {
      "\(Plural.text(repair.wholeCount, "block")) whole, \(repair.computedCount) computed"
    }
  }

  /// Throws where something is lost.
  static func checkWhole(_ repair: BackupRepair, of cid: CID) throws {
    guard !repair.isWhole else { return }
    throw CommandFailure(
      "\(Plural.text(repair.lostGroups.count, "group")) lost more blocks than the code survives",
      hint: "import what others still have of \(cid), then repair again")
  }

  @Sendable private static func show(_ arguments: Arguments) async throws {
    let cid = try ContentCommands.cid(arguments.positionals[0])
    try ContentCommands.withStore(arguments) { store in
      let (manifest, groups) = try ContentBackup(store: store).groups(of: cid)
      let (data, parity) = (groups.map(\.data).joined(), groups.map(\.parity).joined())
      let rows: [(key: String, text: String, value: UInt64)] = [
        ("groups", "groups", UInt64(groups.count)), ("data_blocks", "blocks", UInt64(data.count)),
        ("data_bytes", "their bytes", data.reduce(0) { $0 + UInt64($1.byteCount) }),
        ("parity_blocks", "parity blocks", UInt64(parity.count)),
        ("parity_bytes", "their bytes", parity.reduce(0) { $0 + UInt64($1.byteCount) }),
      ]
      let code = "\(manifest.code.dataCount)+\(manifest.code.parityCount)"
      let json: [JSONValue.Member] =
        [.init("content", .string("\(manifest.content)")), .init("code", .string(code))]
        + rows.map { .init($0.key, JSONValue($0.value)) }
      Output.result(.object(json), asJSON: arguments.isJSON) {
        let head = [["content", "\(manifest.content)"], ["code", code]]
        return TextTable.lines([], head + rows.map { [$0.text, "\($0.value)"] })
          .joined(separator: "\n")
      }
    }
  }
}
