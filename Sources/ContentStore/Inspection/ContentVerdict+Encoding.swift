public import Primitives

extension ContentVerdict: CanonicalCodable {
  /// A map of the fields; `findings` are arrays that begin with their kind.
  public var canonicalValue: CanonicalValue {
    .map([
      "content": .link(content.bytes), "size": .unsigned(size),
      "type": .text(report.type.rawValue), "findings": .array(report.findings.map(\.value)),
      "scan": scan.value, "decision": decision.value,
    ])
  }

  /// Reads the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    let content = try CID(link: fields.value("content"))
    let size = try fields.unsigned("size")
    let type = try ContentType(named: fields.text("type"))
    var findings: [ContentFinding] = []
    for value in try fields.array("findings") { findings.append(try ContentFinding(value)) }
    let scan = try VirusScan(fields.value("scan"))
    let decision = try ContentDecision(fields.value("decision"))
    try fields.finish()
    self.init(
      content: content, size: size, report: ContentReport(type: type, findings: findings),
      scan: scan, decision: decision)
  }
}

extension ContentType {
  init(named name: String) throws(DecodingFailure) {
    guard let type = ContentType(rawValue: name) else {
      throw .malformed(what: "verdict", reason: "unknown type `\(name)`")
    }
    self = type
  }
}

/// A word and what belongs to it, as an array.
private struct Tagged {
  let word: String
  let rest: ArraySlice<CanonicalValue>

  init(_ value: CanonicalValue) throws(DecodingFailure) {
    guard case .array(let values) = value, case .text(let word) = values.first else {
      throw .malformed(what: "verdict", reason: "expected a word and its values")
    }
    self.word = word
    rest = values.dropFirst()
  }

  static func value(_ word: String, _ rest: CanonicalValue...) -> CanonicalValue {
    .array([.text(word)] + rest)
  }

  func texts(_ count: Int) throws(DecodingFailure) -> [String] {
    var texts: [String] = []
    for value in rest {
      guard case .text(let text) = value else { throw wrong }
      texts.append(text)
    }
    guard texts.count == count else { throw wrong }
    return texts
  }

  var wrong: DecodingFailure {
    .malformed(what: "verdict", reason: "`\(word)` with other values")
  }
}

extension ContentFinding {
  fileprivate var value: CanonicalValue {
    switch self {
    case .pickle(let entry, let imports, let calls, let isWhole):
      Tagged.value(
        "pickle", .text(entry), .array(imports.map { .text($0) }), .bool(calls), .bool(isWhole))
    case .hiddenPickle(let entry): Tagged.value("hiddenPickle", .text(entry))
    case .objectArray(let entry): Tagged.value("objectArray", .text(entry))
    case .program: Tagged.value("program")
    case .unread(let reason): Tagged.value("unread", .text(reason))
    }
  }

  fileprivate init(_ value: CanonicalValue) throws(DecodingFailure) {
    let tagged = try Tagged(value)
    switch tagged.word {
    case "pickle": self = try Self.pickle(tagged)
    case "hiddenPickle": self = .hiddenPickle(entry: try tagged.texts(1)[0])
    case "objectArray": self = .objectArray(entry: try tagged.texts(1)[0])
    case "program":
      _ = try tagged.texts(0)
      self = .program
    case "unread": self = .unread(reason: try tagged.texts(1)[0])
    default: throw tagged.wrong
    }
  }

  private static func pickle(_ tagged: Tagged) throws(DecodingFailure) -> ContentFinding {
    let values = Array(tagged.rest)
    guard values.count == 4, case .text(let entry) = values[0], case .array(let names) = values[1],
      case .bool(let calls) = values[2], case .bool(let isWhole) = values[3]
    else { throw tagged.wrong }
    var imports: [String] = []
    for name in names {
      guard case .text(let text) = name else { throw tagged.wrong }
      imports.append(text)
    }
    return .pickle(entry: entry, imports: imports, calls: calls, isWhole: isWhole)
  }
}

extension VirusScan {
  fileprivate var value: CanonicalValue {
    switch self {
    case .notAsked: Tagged.value("notAsked")
    case .waiting: Tagged.value("waiting")
    case .clean: Tagged.value("clean")
    case .infected(let name): Tagged.value("infected", .text(name))
    case .failed(let reason): Tagged.value("failed", .text(reason))
    }
  }

  fileprivate init(_ value: CanonicalValue) throws(DecodingFailure) {
    let tagged = try Tagged(value)
    switch tagged.word {
    case "infected": self = .infected(try tagged.texts(1)[0])
    case "failed": self = .failed(try tagged.texts(1)[0])
    case "notAsked", "waiting", "clean":
      _ = try tagged.texts(0)
      self = tagged.word == "clean" ? .clean : tagged.word == "waiting" ? .waiting : .notAsked
    default: throw tagged.wrong
    }
  }
}

extension ContentDecision {
  fileprivate var value: CanonicalValue {
    switch self {
    case .served: Tagged.value("served")
    case .held(let reason): Tagged.value("held", .text(reason))
    case .refused(let refusals): .array([.text("refused")] + refusals.map(\.value))
    }
  }

  fileprivate init(_ value: CanonicalValue) throws(DecodingFailure) {
    let tagged = try Tagged(value)
    switch tagged.word {
    case "served":
      _ = try tagged.texts(0)
      self = .served
    case "held": self = .held(try tagged.texts(1)[0])
    case "refused":
      var refusals: [ContentRefusal] = []
      for value in tagged.rest { refusals.append(try ContentRefusal(value)) }
      self = .refused(refusals)
    default: throw tagged.wrong
    }
  }
}

extension ContentRefusal {
  fileprivate var value: CanonicalValue {
    switch self {
    case .tooLarge(let size, let limit):
      Tagged.value("tooLarge", .unsigned(size), .unsigned(limit))
    case .typeNotAllowed(let type): Tagged.value("typeNotAllowed", .text(type.rawValue))
    case .executable: Tagged.value("executable")
    case .denied: Tagged.value("denied")
    case .infected(let name): Tagged.value("infected", .text(name))
    }
  }

  fileprivate init(_ value: CanonicalValue) throws(DecodingFailure) {
    let tagged = try Tagged(value)
    switch tagged.word {
    case "tooLarge":
      guard tagged.rest.count == 2, case .unsigned(let size)? = tagged.rest.first,
        case .unsigned(let limit)? = tagged.rest.last
      else { throw tagged.wrong }
      self = .tooLarge(size: size, limit: limit)
    case "typeNotAllowed": self = .typeNotAllowed(try ContentType(named: tagged.texts(1)[0]))
    case "infected": self = .infected(try tagged.texts(1)[0])
    case "executable", "denied":
      _ = try tagged.texts(0)
      self = tagged.word == "denied" ? .denied : .executable
    default: throw tagged.wrong
    }
  }
}
