public import ContentStore

/// Pins that no node could take, in the order in which they were asked for.
public struct PinQueue: Sendable {
  /// A pin that waits.
  public struct Entry: Equatable, Sendable {
    /// What is pinned.
    public let cid: CID
    /// The pin's name; empty for none.
    public let name: String
  }

  /// A CID and a name take some hundred bytes, so a full queue stays below a few megabytes.
  public static let entriesMax = 10_000

  /// The pins that wait.
  public private(set) var entries: [Entry] = []
  private var known: Set<CID> = []

  /// An empty queue.
  public init() {}

  /// Puts a pin at the end; one of the same CID is replaced. False when the queue is full.
  public mutating func add(_ cid: CID, name: String) -> Bool {
    remove(cid)
    guard entries.count < Self.entriesMax else { return false }
    entries.append(Entry(cid: cid, name: name))
    known.insert(cid)
    return true
  }

  /// Forgets the pin of a CID: it was set, or is not wanted any more.
  public mutating func remove(_ cid: CID) {
    guard known.remove(cid) != nil else { return }
    entries.removeAll { $0.cid == cid }
  }
}
