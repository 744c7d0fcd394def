import ContentNode
import ContentStore
import Networking
import Primitives
import Testing

/// One line of `Tests/Vectors/gateway-conformance/cases.json`: a request and what the specification
/// named beside it demands, told from the fixtures by another reader of archives than ours.
struct GatewayCase: Sendable, CustomTestStringConvertible {
  let json: JSONValue

  var testDescription: String { text("name") }

  func text(_ key: String) -> String {
    if case .string(let text)? = json[key] { text } else { "" }
  }

  static let table = GatewayWorld.json("\(GatewayWorld.fixtures)/cases.json")

  static func list(_ key: String) -> [GatewayCase] {
    guard case .array(let cases)? = table[key] else { return [] }
    return cases.map { GatewayCase(json: $0) }
  }

  var method: String { json["method"] == nil ? "GET" : text("method") }

  var fields: [(String, String)] {
    guard case .object(let members)? = json["send"] else { return [] }
    return members.compactMap { member in
      if case .string(let value) = member.value { (member.name, value) } else { nil }
    }
  }
}

/// The names of the table; what its records say was read from them by another reader.
struct TabledRecords: IPNSRecords {
  private struct InvalidRecord: Error {}

  private func entry(_ name: CID) throws -> (path: ContentPath, bytes: Bytes, time: Duration?)? {
    guard let entry = GatewayCase.table["names"]?[name.text(in: .base36)] else { return nil }
    guard case .string(let path)? = entry["path"], case .string(let hex)? = entry["record"] else {
      throw InvalidRecord()
    }
    let seconds: Duration? =
      if case .integer(let count)? = entry["seconds"] { .seconds(count) } else { nil }
    return (try ContentPath(parsing: path), try Hex.decode(hex), seconds)
  }

  func record(of name: CID) async throws -> ServedNameRecord? {
    try entry(name).map { ServedNameRecord(bytes: $0.bytes, timeToLive: $0.time) }
  }

  func resolve(_ name: CID) async throws -> ServedNameTarget? {
    try entry(name).map { ServedNameTarget(path: $0.path, timeToLive: $0.time) }
  }
}

@Suite("Gateway conformance")
struct GatewayConformanceTests {
  @Test("the table has the cases of the specifications")
  func count() {
    let cases = GatewayCase.list("cases") + GatewayCase.list("strict")
    #expect(cases.count >= 240)
    #expect(Set(cases.map { $0.text("name") }).count == cases.count)
    #expect(cases.allSatisfy { $0.text("spec").hasPrefix("https://") })
  }

  @Test("every case is answered as its specification says")
  func cases() async throws {
    var parts = GatewayWorld.Parts()
    parts.records = TabledRecords()
    try await GatewayWorld.with(parts) { world in
      for line in GatewayCase.list("cases") { await check(line, in: world) }
    }
  }

  @Test("strict mode gives verifiable formats only")
  func strictCases() async throws {
    var parts = GatewayWorld.Parts()
    parts.records = TabledRecords()
    parts.settings.isTrustlessOnly = true
    try await GatewayWorld.with(parts) { world in
      for line in GatewayCase.list("strict") { await check(line, in: world) }
    }
  }

  private func check(_ line: GatewayCase, in world: GatewayWorld) async {
    do { try await compare(line, in: world) } catch {
      Issue.record("\(line.testDescription): \(error)")
    }
  }

  private func compare(_ line: GatewayCase, in world: GatewayWorld) async throws {
    let answer = try await world.ask(line.text("path"), line.fields, method: line.method)
    let name = line.testDescription
    #expect(.integer(Int64(answer.status)) == line.json["status"], "\(name): \(answer.text)")
    if case .object(let members)? = line.json["headers"] {
      for member in members {
        checkField(answer[member.name], member.value, "\(name): \(member.name)")
      }
    }
    try checkBody(answer, line.json["body"] ?? .null, name)
  }

  private func checkField(_ value: String?, _ wanted: JSONValue, _ name: String) {
    switch wanted {
    case .null: #expect(value == nil, "\(name)")
    case .string(let text): #expect(value == text, "\(name)")
    case .array(let parts):
      for case .string(let part) in parts {
        #expect(value?.contains(part) == true, "\(name) is \(value ?? "absent")")
      }
    default: Issue.record("\(name) is not tested")
    }
  }

  private func checkBody(_ answer: GatewayExchange, _ wanted: JSONValue, _ name: String) throws {
    #expect(answer.isBroken == (wanted["broken"] == .bool(true)), "\(name)")
    guard case .object(let members) = wanted else { return }
    for member in members {
      switch (member.name, member.value) {
      case ("broken", _): break
      case ("empty", _): #expect(answer.body.isEmpty, "\(name)")
      case ("text", .string(let text)): #expect(answer.text == text, "\(name)")
      case ("hex", .string(let hex)): #expect(Hex.encode(answer.body) == hex, "\(name)")
      case ("contains", .array(let parts)):
        for case .string(let part) in parts {
          #expect(answer.text.contains(part), "\(name): \(part) in \(answer.text)")
        }
      case ("omits", .array(let parts)):
        for case .string(let part) in parts {
          #expect(!answer.text.contains(part), "\(name): \(part)")
        }
      case ("blocks", .array(let cids)):
        #expect(try blocks(of: answer).map { .string("\($0)") } == cids, "\(name)")
      case ("tar", .object(let files)):
        let wanted = files.map { file in
          if case .string(let text) = file.value { "\(file.name): \(text)" } else { "" }
        }
        #expect(try TarReading.lines(of: answer.body) == wanted.sorted(), "\(name)")
      default: Issue.record("\(name): \(member.name) is not tested")
      }
    }
  }

  /// The CIDs of an archive's blocks, each verified.
  private func blocks(of answer: GatewayExchange) throws -> [CID] {
    var reader = CARReader(byteCountMax: 1 << 24)
    var events: [CARReader.Event] = []
    try reader.append(answer.body, into: &events)
    if !answer.isBroken { try reader.finish() }
    return events.compactMap { if case .block(let block) = $0 { block.cid } else { nil } }
  }
}
