import Primitives

/// What a virus scanner said.
public enum VirusScan: Hashable, Sendable {
  /// No scanner is configured.
  case notAsked
  /// The scan is not over; the content is held.
  case waiting
  /// Nothing was found.
  case clean
  /// The name of what was found.
  case infected(String)
  /// The scanner gave no answer.
  case failed(String)
}

/// Why content is not taken or not served.
public enum ContentRefusal: Hashable, Sendable {
  case tooLarge(size: UInt64, limit: UInt64)
  case typeNotAllowed(ContentType)
  case executable
  case denied
  case infected(String)
}

/// What is done with content.
public enum ContentDecision: Hashable, Sendable {
  /// It is served.
  case served
  /// It is kept and not served until it is judged again.
  case held(String)
  /// It is not served.
  case refused([ContentRefusal])
}

/// What a node found about one content; kept beside the CID, never part of it.
public struct ContentVerdict: Hashable, Sendable {
  /// What was judged.
  public let content: CID
  /// Its bytes.
  public let size: UInt64
  /// What the bytes look like.
  public let report: ContentReport
  /// What the scanner said.
  public let scan: VirusScan
  /// What follows.
  public let decision: ContentDecision

  /// Collects what was found; `ContentPolicy.verdict` decides.
  public init(
    content: CID, size: UInt64, report: ContentReport, scan: VirusScan, decision: ContentDecision
  ) {
    self.content = content
    self.size = size
    self.report = report
    self.scan = scan
    self.decision = decision
  }

  /// Whether it may be given to others.
  public var isServed: Bool { decision == .served }
}

/// What a node takes as models and data sets.
public struct ContentPolicy: Sendable {
  /// The seed's limit, 1 GiB; `PRSM_MAX_MODEL_SIZE_MB` overrides it.
  public static let standardByteCountMax: UInt64 = 1 << 30

  /// Bytes of one content.
  public var byteCountMax = Self.standardByteCountMax
  /// Types that are taken; programs and what nothing is known of are not, unless they are added.
  public var types = Set(ContentType.allCases).subtracting([.program, .script, .unknown])
  /// Whether pickles and their like are refused; otherwise they are only flagged.
  public var refusesExecutable = false
  /// Whether content is served that the scanner could not judge (open) or held (closed).
  public var failsOpen = false
  /// What is never taken.
  public var denylist = Denylist()

  /// The standard rules.
  public init() {}

  /// Judges content; whether it is denied is asked of the denylist before.
  public func verdict(
    on content: CID, size: UInt64, report: ContentReport, scan: VirusScan, isDenied: Bool
  ) -> ContentVerdict {
    ContentVerdict(
      content: content, size: size, report: report, scan: scan,
      decision: decision(size: size, report: report, scan: scan, isDenied: isDenied))
  }

  private func decision(
    size: UInt64, report: ContentReport, scan: VirusScan, isDenied: Bool
  ) -> ContentDecision {
    var refusals: [ContentRefusal] = []
    if isDenied { refusals.append(.denied) }
    if size > byteCountMax { refusals.append(.tooLarge(size: size, limit: byteCountMax)) }
    if !types.contains(report.type) { refusals.append(.typeNotAllowed(report.type)) }
    if refusesExecutable, report.isExecutable { refusals.append(.executable) }
    if case .infected(let name) = scan { refusals.append(.infected(name)) }
    guard refusals.isEmpty else { return .refused(refusals) }
    switch scan {
    case .notAsked, .clean, .infected: return .served
    case .waiting: return .held("the virus scan is not over")
    case .failed(let reason):
      return failsOpen ? .served : .held("the virus scanner gave no answer: \(reason)")
    }
  }
}

extension ContentRefusal: CustomStringConvertible {
  /// One lower-case clause.
  public var description: String {
    switch self {
    case .tooLarge(let size, let limit): "it has \(size) bytes, the limit is \(limit)"
    case .typeNotAllowed(let type): "its type (\(type.rawValue)) is not taken"
    case .executable: "loading it would run code from it"
    case .denied: "it is on the denylist"
    case .infected(let name): "the virus scanner found \(name)"
    }
  }
}

extension ContentFinding: CustomStringConvertible {
  /// One lower-case clause.
  public var description: String {
    switch self {
    case .pickle(let entry, let imports, let calls, let isWhole):
      "\(Self.label(entry))a pickle, which runs code when it is loaded"
        + (imports.isEmpty ? "" : "; it imports " + imports.prefix(8).joined(separator: ", "))
        + (imports.count > 8 ? " and \(imports.count - 8) more" : "")
        + (calls ? "; it calls functions" : "") + (isWhole ? "" : "; not all of it could be read")
    case .hiddenPickle(let entry): "\(Self.label(entry))a compressed pickle, which was not read"
    case .objectArray(let entry): "\(Self.label(entry))an array of objects, which is a pickle"
    case .program: "a program"
    case .unread(let reason): reason
    }
  }

  private static func label(_ entry: String) -> String {
    // Names in archives are a stranger's text.
    let plain = String(entry.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7f })
    return entry.isEmpty ? "" : "\(plain): "
  }
}
