import Charts
import ContentNode
import ContentStore
import Cryptography
import Networking
import Persistence
import Primitives
import Telemetry

/// `content gc|stat|fsck`: the store itself.
enum ContentUpkeep {
  static let all = [
    Command(
      words: ["content", "gc"], summary: "forget what no pin holds and free its space",
      example: "martlet content gc", run: collect),
    Command(
      words: ["content", "stat"], summary: "what the store holds",
      example: "martlet content stat", run: status),
    Command(
      words: ["content", "fsck"], summary: "read every stored block and compare it with its digest",
      options: [
        Option(
          name: "repair-from", value: "URL",
          summary: "fetch damaged blocks from this trustless gateway")
      ],
      details: ["Exits with 1 where a block is damaged or missing and was not mended."],
      example: "martlet content fsck", run: check),
  ]

  @Sendable private static func collect(_ arguments: Arguments) async throws {
    let json = try await ContentCommands.withStore(arguments) {
      try $0.collectBlocking().json
    } running: {
      try await $0.object("martlet/gc")
    }
    Output.result(json, asJSON: arguments.isJSON) {
      let (freed, moved) = (number("freed_bytes", json), number("moved_bytes", json))
      let blocks = Plural.text(number("blocks", json), "block")
      return "\(blocks) forgotten, \(freed - min(freed, moved)) bytes freed"
    }
    if json["damaged_segments"]?.elements?.isEmpty == false {
      Output.note("blocks in them are damaged, so segments were kept; see `martlet content fsck`")
    }
  }

  private static func number(_ name: String, _ json: JSONValue) -> Int {
    Int(clamping: json[name]?.integer ?? 0)
  }

  @Sendable private static func status(_ arguments: Arguments) async throws {
    let json = try await ContentCommands.withStore(arguments) {
      try $0.status().json
    } running: {
      try await $0.object("martlet/stat")
    }
    let rows: [(key: String, text: String)] = [
      ("blocks", "blocks"), ("unpinned_blocks", "of these unpinned"), ("pins", "pins"),
      ("segments", "segment files"), ("segment_bytes", "their bytes"),
      ("live_bytes", "of these live"), ("index_bytes", "bytes of the index"),
    ]
    Output.result(json, asJSON: arguments.isJSON) {
      TextTable.lines([], rows.map { [$0.text, "\(number($0.key, json))"] })
        .joined(separator: "\n")
    }
  }

  // MARK: - fsck

  static let checking = StoreWork(name: "fsck", unit: WorkProgress.blocks) {
    opened, arguments, meter in
    var report = try await StoreWork.onOwnThread("fsck") {
      var check = BlockStoreCheck(opened.store)
      return try check.runBlocking(progress: { done, total in
        meter?.expect(UInt64(total))
        meter?.reach(UInt64(done))
      })
    }
    if let url = arguments.text("repair-from") {
      let gateway = BlockGateway(url: url)
      defer { gateway.close() }
      for fault in report.faults where fault.fault == .damaged {
        try await mend(fault, from: gateway, in: opened.store, &report)
      }
    }
    return json(report)
  }

  @Sendable private static func check(_ arguments: Arguments) async throws {
    let json = try await checking.result(arguments)
    let faults = json["faults"]?.elements ?? []
    Output.result(json, asJSON: arguments.isJSON) {
      let checked =
        "\(Plural.text(number("blocks", json), "block")), \(number("bytes", json)) bytes"
      return (["\(checked) checked"] + faults.map(line)).joined(separator: "\n")
    }
    guard json["whole"] != .bool(true) else { return }
    let count = faults.count { $0["state"]?.text != FaultyBlock.Fault.mended.rawValue }
    throw CommandFailure(
      "\(Plural.text(count, "block")) \(count == 1 ? "is" : "are") damaged or missing",
      hint: "add the content again, or name a gateway with --repair-from")
  }

  private static func line(_ fault: JSONValue) -> String {
    let names = (fault["cids"]?.elements ?? []).compactMap(\.text)
    return "\(fault["state"]?.text ?? "")  \(fault["multihash"]?.text ?? "")  "
      + (names.isEmpty ? "no pin holds it" : names.joined(separator: " "))
  }

  private static func multihash(_ fault: FaultyBlock) -> String {
    Hex.encode(Multihash.sha256(fault.digest).bytes)
  }

  private static func json(_ report: BlockStoreCheckReport) -> JSONValue {
    [
      "blocks": JSONValue(report.blockCount), "bytes": JSONValue(report.byteCount),
      "pins": JSONValue(report.pinCount), "whole": .bool(report.isWhole),
      "faults": .array(
        report.faults.map { fault in
          [
            "multihash": .string(multihash(fault)), "state": .string(fault.fault.rawValue),
            "cids": .array(fault.names.map { .string("\($0)") }),
            "pins": .array(fault.pins.map { .string("\($0)") }),
          ]
        }),
    ]
  }

  private static func mend(
    _ fault: FaultyBlock, from gateway: BlockGateway, in store: BlockStore,
    _ report: inout BlockStoreCheckReport
  ) async throws {
    for cid in fault.candidates {
      guard let bytes = try await gateway.block(cid) else { continue }
      if try store.mendBlocking(fault, with: bytes, in: &report) { return }
    }
  }
}

/// Raw blocks of a trustless gateway (specs.ipfs.tech/http-gateways/trustless-gateway).
///
/// Whoever asks verifies what comes.
private struct BlockGateway {
  private let base: String
  private let pool = ComputePool(named: "martlet-gateway", threads: 1, queueMax: 1)

  init(url: String) { base = url.hasSuffix("/") ? String(url.dropLast()) : url }

  /// The block, or nil where the gateway does not have it.
  func block(_ cid: CID) async throws -> Bytes? {
    var request = HTTPClientRequest(.get, "\(base)/ipfs/\(cid)?format=raw")
    request.headers.append("Accept", "application/vnd.ipld.raw")
    request.responseBytesMax = BlockLimits.byteCountMax
    do {
      let response = try await HTTPClient(pool: pool).send(request)
      return (200..<300).contains(response.status) ? response.body : nil
    } catch let error as HTTPClientError {
      throw CommandFailure(
        "the gateway \(base) does not answer: \(error)", hint: "check the URL",
        code: .unreachable)
    }
  }

  func close() { pool.stop() }
}
