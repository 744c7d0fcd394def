public import Primitives

/// One content on the way back to where another one came from.
public struct ProvenanceNode: Equatable, Sendable {
  /// What is known of it.
  public enum Finding: Equatable, Sendable {
    /// A record that its uploader signed.
    case recorded(ProvenanceRecord)
    /// Nobody named a record.
    case unrecorded
    /// A record is named, and nobody at hand has it.
    case missing
    /// What is named as its record proves nothing.
    case refused(ProvenanceError)
  }

  /// The content.
  public let content: CID
  /// Its record, where one was named.
  public let record: CID?
  /// Steps from the content that was asked for, on the shortest way.
  public let generation: Int
  /// What is known of it.
  public let finding: Finding
}

/// The walk from a content to all it was made of, as a machine: it says which record it wants.
///
/// Generation by generation, each content once. Records are checked; one that is missing or proves
/// nothing ends its branch and no other one.
public struct ProvenanceWalk: Sendable {
  private struct Waiting: Sendable {
    let content: CID
    let record: CID
    let generation: Int
  }

  private var queue: [Waiting] = []
  private var position = 0
  private var seen: Set<CID>
  /// What was found, nearest first.
  public private(set) var nodes: [ProvenanceNode] = []
  /// Whether a limit left ancestors out.
  public private(set) var isCut = false
  private let generationsMax: Int
  private let visitedMax: Int

  /// Starts at a content and its record.
  public init(
    content: CID, record: CID, generationsMax: Int = ProvenanceLimits.generationsMax,
    visitedMax: Int = ProvenanceLimits.visitedMax
  ) {
    seen = [content.asVersion1]
    self.generationsMax = generationsMax
    self.visitedMax = visitedMax
    queue = [Waiting(content: content, record: record, generation: 0)]
  }

  /// The record needed next; nil when the walk is over.
  public var wanted: CID? { position < queue.count ? queue[position].record : nil }

  /// Takes the wanted record, or nil where nobody has it.
  public mutating func supply(_ block: Bytes?) {
    guard position < queue.count else { preconditionFailure("no record was wanted") }
    let waiting = queue[position]
    position += 1
    let finding = Self.finding(of: block, for: waiting)
    note(waiting.content, waiting.record, waiting.generation, finding)
    guard case .recorded(let record) = finding else { return }
    for parent in record.statement.parents where !seen.contains(parent.content.asVersion1) {
      guard waiting.generation < generationsMax, seen.count < visitedMax else {
        isCut = true
        return
      }
      seen.insert(parent.content.asVersion1)
      let generation = waiting.generation + 1
      if let named = parent.record {
        queue.append(
          Waiting(content: parent.content, record: named, generation: generation))
      } else {
        note(parent.content, nil, generation, .unrecorded)
      }
    }
  }

  private static func finding(of block: Bytes?, for waiting: Waiting) -> ProvenanceNode.Finding {
    guard let block else { return .missing }
    do throws(ProvenanceError) {
      let record = try ProvenanceRecord(verifying: block, as: waiting.record)
      guard record.statement.content.asVersion1 == waiting.content.asVersion1 else {
        throw .otherContent(
          waiting.record, expected: waiting.content, found: record.statement.content)
      }
      return .recorded(record)
    } catch {
      return .refused(error)
    }
  }

  private mutating func note(
    _ content: CID, _ record: CID?, _ generation: Int, _ finding: ProvenanceNode.Finding
  ) {
    nodes.append(
      ProvenanceNode(content: content, record: record, generation: generation, finding: finding))
  }
}
