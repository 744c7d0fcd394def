public import ContentStore
public import Cryptography
import Ledger
public import Persistence
import Primitives
import Telemetry

/// Models and data sets of one node: what they are, where they came from, who may read them, who
/// did, and what is owed for it.
///
/// Records are content (pinned blocks), found again by their pins; what else is known lies in an
/// append-only log, accesses in a second one. Both are read when the library is opened.
public final class ContentLibrary: Sendable {
  /// The pin name of provenance records, by which they are found again.
  public static let recordPinName = "provenance"
  /// The log of verdicts, access lists, terms and debts.
  public static let logName = "library.log"
  /// The log of accesses.
  public static let accessLogName = "content-access.log"

  struct State: Sendable {
    var index = ContentIndex()
    var statistics = AccessStatistics()
    /// Records that are pinned and prove nothing.
    var faulty: [CID] = []
    /// One settlement at a time: two would pay the same debts.
    var isSettling = false
    /// Contents whose access list is being changed.
    var changing: Set<CID> = []
  }

  /// Where content lies.
  public let store: BlockStore
  /// What is taken.
  public let policy: ContentPolicy
  let key: SigningKey
  let scanner: (any ContentScanner)?
  let state: Lock<State>
  private let log: WriteAheadLog
  private let accessLog: WriteAheadLog

  /// Opens the library of a home.
  ///
  /// - Parameters:
  ///   - directory: where the logs lie.
  ///   - key: signs records and orders.
  ///   - scanner: asked about each content; nil for none.
  public init(
    store: BlockStore, directory: String, key: SigningKey,
    policy: ContentPolicy = ContentPolicy(), scanner: (any ContentScanner)? = nil
  ) throws {
    self.store = store
    self.policy = policy
    self.key = key
    self.scanner = scanner
    var state = State()
    try Self.readRecords(of: store, into: &state)
    log = try WriteAheadLog(path: "\(directory)/\(Self.logName)") { _, bytes in
      state.index.apply(try LibraryEvent(decoding: bytes))
    }
    accessLog = try WriteAheadLog(path: "\(directory)/\(Self.accessLogName)") { _, bytes in
      state.statistics.note(try ContentAccessEntry(decoding: bytes))
    }
    self.state = Lock(state)
  }

  /// Makes everything durable and lets others open the logs.
  public func close() {
    log.close()
    accessLog.close()
  }

  /// The account that signs here.
  public var owner: PublicKey { key.publicKey }

  /// Pinned records that prove nothing, in order of CID.
  public var faultyRecords: [CID] { state.withLock { $0.faulty } }

  private static func readRecords(of store: BlockStore, into state: inout State) throws {
    var last: CID?
    while true {
      let page = try store.pins(after: last)
      guard let end = page.last else { return }
      last = end.cid
      for pin in page where pin.name == recordPinName && pin.cid.codec == .dagCBOR {
        do {
          let record = try ProvenanceRecord(verifying: store.block(pin.cid), as: pin.cid)
          try state.index.insert(record, cid: pin.cid)
        } catch is ProvenanceError {
          state.faulty.append(pin.cid)
        } catch ContentError.missingBlock {
          state.faulty.append(pin.cid)
        }
      }
    }
  }

  /// Makes an event durable, then lets it count.
  func note(_ event: LibraryEvent) async throws {
    try await log.append(event.encoded())
    state.withLock { $0.index.apply(event) }
  }

  func note(_ access: ContentAccessEntry) async throws {
    try await accessLog.append(access.encoded())
    state.withLock { $0.statistics.note(access) }
  }

  /// Runs work that reads much and waits for the disk on a thread of its own.
  static func onOwnThread<Value: Sendable>(
    _ name: String, _ work: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      NamedThread(name) { continuation.resume(with: Result { try work() }) }.detach()
    }
  }
}

// What is known, without waiting for anything.
extension ContentLibrary {
  /// Contents that match, the newest first.
  public func search(_ query: ContentQuery) -> [LibraryEntry] {
    state.withLock { $0.index.search(query) }
  }

  /// The record of content.
  public func entry(of cid: CID) -> LibraryEntry? { state.withLock { $0.index[cid] } }

  /// The newest verdict on content.
  public func verdict(on cid: CID) -> ContentVerdict? {
    state.withLock { $0.index.verdict(on: cid) }
  }

  /// Contents that are kept and not served yet, in order of CID.
  public var held: [CID] { state.withLock { $0.index.held } }

  /// Who may read content.
  public func readers(of cid: CID) -> ReadAccess { state.withLock { $0.index.readers(of: cid) } }

  /// Why content is not given to a reader; nil if it is. Content that nobody judged is ordinary
  /// content, which everybody may read.
  public func obstacle(to reader: PublicKey?, reading cid: CID) -> LibraryError? {
    state.withLock { state -> LibraryError? in
      if isDenied(cid, state.index) { return .refused(cid, [.denied]) }
      if let verdict = state.index.verdict(on: cid) {
        switch verdict.decision {
        case .served: break
        case .held(let reason): return .held(cid, reason: reason)
        case .refused(let refusals): return .refused(cid, refusals)
        }
      }
      let isOwn = reader == key.publicKey
      return isOwn || state.index.readers(of: cid).allows(reader) ? nil : .notAllowed(cid)
    }
  }

  /// Whether the operator serves content to nobody.
  public func isDenied(_ cid: CID) -> Bool { state.withLock { isDenied(cid, $0.index) } }

  /// A file of one raw block is named by its SHA-256, of others a record may say it.
  private func isDenied(_ cid: CID, _ index: ContentIndex) -> Bool {
    let own = index.denylist
    guard policy.denylist.count > 0 || own.count > 0 else { return false }
    let sha256 = cid.codec == .raw ? cid.digest : index[cid]?.statement.sha256
    return policy.denylist.contains(cid, sha256: sha256) || own.contains(cid, sha256: sha256)
  }

  /// How often content was read.
  public func statistics(of cid: CID) -> AccessStatistics.Counts {
    state.withLock { $0.statistics[cid] }
  }

  /// The contents that were read most.
  public func top(_ count: Int) -> [(content: CID, counts: AccessStatistics.Counts)] {
    state.withLock { $0.statistics.top(count) }
  }

  /// Accesses of the node's own account that are not paid yet.
  public var debts: [(content: CID, accesses: UInt32)] { state.withLock { $0.index.debts } }

  /// What the operator serves no more, besides the denylist of the policy.
  public var denylist: Denylist { state.withLock { $0.index.denylist } }

  /// Serves content no more, or again; durable on return. False where it was so already.
  @discardableResult
  public func deny(_ entry: DenylistEntry, _ isDenied: Bool = true) async throws -> Bool {
    let known = denylist
    guard known.contains(entry) != isDenied else { return false }
    guard !isDenied || known.count < Denylist.entriesMax else {
      throw LibraryError.tooMany(what: "denied contents", limit: Denylist.entriesMax)
    }
    try await note(.denied(entry, isDenied))
    return true
  }

  /// Sets who may read content; durable on return.
  public func allow(_ access: ReadAccess, toRead cid: CID) async throws {
    if case .accounts(let accounts) = access, accounts.count > LibraryLimits.readersMax {
      throw LibraryError.tooMany(what: "readers", limit: LibraryLimits.readersMax)
    }
    try await note(.readable(cid, access))
  }
}
