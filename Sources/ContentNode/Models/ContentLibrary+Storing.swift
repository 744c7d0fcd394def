public import ContentStore
import Cryptography
public import Ledger
import Persistence
import Primitives
public import Telemetry

/// What an uploader says of content.
public struct ContentDescription: Sendable {
  /// A name for people.
  public var name: String
  /// Words to find it by.
  public var tags: [String]
  /// The licence as SPDX names it.
  public var licence: String
  /// What it was made of.
  public var parents: [CID]
  /// What readers and derived contents owe.
  public var terms: ContentTerms
  /// Now, in milliseconds since 1970.
  public var createdMilliseconds: UInt64

  /// Describes content.
  public init(
    name: String, tags: [String] = [], licence: String = "", parents: [CID] = [],
    terms: ContentTerms = ContentTerms(), createdMilliseconds: UInt64
  ) {
    self.name = name
    self.tags = tags
    self.licence = licence
    self.parents = parents
    self.terms = terms
    self.createdMilliseconds = createdMilliseconds
  }
}

/// Content that was taken.
public struct DescribedContent: Sendable {
  /// The content.
  public let content: CID
  /// Its signed record.
  public let record: CID
  /// What was found about it.
  public let verdict: ContentVerdict
}

extension ContentLibrary {
  /// Stores the model at `path` and describes it.
  public func storeModel(
    path: String, _ description: ContentDescription
  ) async throws -> DescribedContent {
    try await store(path: path, as: .model, description)
  }

  /// Stores the data set at `path` and describes it.
  public func storeDataset(
    path: String, _ description: ContentDescription
  ) async throws -> DescribedContent {
    try await store(path: path, as: .dataset, description)
  }

  private func store(
    path: String, as purpose: ProvenanceStatement.Purpose, _ description: ContentDescription
  ) async throws -> DescribedContent {
    let store = store
    // Pinned once it is taken: of what is not the next collection forgets every block.
    let root = try await Self.onOwnThread("content-add") {
      try ContentTreeAdder(ContentAdder(store: store, isPinning: false)).addBlocking(path: path)
        .file.cid
    }
    return try await describe(root, as: purpose, description)
  }

  /// Judges stored content, pins it, signs its record and remembers both; throws `refused` where
  /// the policy does not take it. `meter` counts the bytes that are looked at.
  public func describe(
    _ content: CID, as purpose: ProvenanceStatement.Purpose, _ description: ContentDescription,
    meter: WorkMeter? = nil
  ) async throws -> DescribedContent {
    let (survey, verdict) = try await judge(content, meter: meter)
    if case .refused(let refusals) = verdict.decision {
      throw LibraryError.refused(content, refusals)
    }
    if try store.pin(of: content)?.kind != .recursive { try await store.pin(content) }
    let statement = ProvenanceStatement(
      content: content, kindOf: purpose, description, survey: survey, uploader: owner,
      parents: state.withLock { state in
        description.parents.map {
          ProvenanceParent(content: $0, record: state.index[$0]?.recordCID)
        }
      })
    guard let record = ProvenanceRecord(signing: statement, key: key) else {
      throw LibraryError.badDescription(reason: "a field is over its limit")
    }
    let block = record.block
    try await store.put([block])
    try await store.pin(block.cid, .direct, name: Self.recordPinName)
    try await note(.offered(content, description.terms))
    try state.withLock { state throws(LibraryError) in
      try state.index.insert(record, cid: block.cid)
    }
    return DescribedContent(content: content, record: block.cid, verdict: verdict)
  }

  /// Reads content, asks the scanner, and remembers what was found; what is held counts as held
  /// from the first moment on.
  func judge(
    _ content: CID, meter: WorkMeter? = nil
  ) async throws -> (ContentSurvey, ContentVerdict) {
    let (store, policy, scanner) = (store, policyOfNow, scanner)
    if let meter, let block = try? store.block(content) {
      // The scanner reads all of it once more.
      let readings: UInt64 = scanner == nil ? 1 : 2
      let (total, overflow) = (content.declaredByteCount(block) ?? 0)
        .multipliedReportingOverflow(by: readings)
      meter.expect(overflow ? .max : total)
    }
    let survey = try await Self.onOwnThread("content-check") {
      try StoredContent(store: store, policy: policy, meter: meter).surveyBlocking(content)
    }
    func verdict(_ scan: VirusScan) -> ContentVerdict {
      policy.verdict(
        on: content, size: survey.size, report: survey.report, scan: scan,
        isDenied: survey.isDenied)
    }
    guard let scanner else {
      let verdict = verdict(.notAsked)
      try await note(.judged(verdict))
      return (survey, verdict)
    }
    try await note(.judged(verdict(.waiting)))
    let scan = try await Self.onOwnThread("content-scan") {
      try StoredContent(store: store, policy: policy, meter: meter)
        .scanBlocking(content, with: scanner)
    }
    let judged = verdict(scan)
    try await note(.judged(judged))
    return (survey, judged)
  }

  private var policyOfNow: ContentPolicy {
    var policy = policy
    policy.denylist.formUnion(denylist)
    return policy
  }

  /// Judges everything again that is held; returns what is served now. Without a scanner nothing
  /// is, unless the policy fails open.
  public func judgeHeld() async throws -> [CID] {
    guard scanner != nil || policy.failsOpen else { return [] }
    var served: [CID] = []
    for content in state.withLock({ $0.index.held }) {
      if try await judge(content).1.isServed { served.append(content) }
    }
    return served
  }
}

extension ProvenanceStatement {
  fileprivate init(
    content: CID, kindOf purpose: Purpose, _ description: ContentDescription,
    survey: ContentSurvey, uploader: PublicKey, parents: [ProvenanceParent]
  ) {
    self.init(
      content: content, purpose: purpose, name: description.name, tags: description.tags,
      licence: description.licence, parents: parents, size: survey.size, sha256: survey.sha256,
      format: survey.sha256 == nil ? "" : survey.report.type.rawValue, uploader: uploader,
      createdMilliseconds: description.createdMilliseconds)
  }
}
