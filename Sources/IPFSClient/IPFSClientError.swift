public import ContentStore

/// Why an operation of the client did not succeed.
public enum IPFSClientError: Error, Equatable, Sendable {
  /// The text names no content, or what it names is not a file.
  case content(ContentError)
  /// Every node that was asked answered that it does not have it.
  case notFound(CID)
  /// No node could do it; each with its reason.
  case allNodesFailed([NodeFailure])
  /// No node of the configuration does this kind of operation.
  case noNode(OperationClass)
  /// The pin is kept and set when a node comes back.
  case pinQueued(CID)
  /// Too many pins wait already.
  case pinQueueFull(max: Int)
  /// The content is larger than the configuration allows.
  case tooLarge(size: UInt64, max: UInt64)
  /// A file of this machine could not be read or written.
  case file(path: String, reason: String)
  /// Another download writes the same file.
  case fileBusy(path: String)
  /// The file changed while it was sent.
  case fileChanged(path: String)
  /// Too many operations wait for their turn.
  case busy(waiting: Int)
  /// A variable or a node's address of the configuration.
  case configuration(name: String, value: String, reason: String)
  /// Who asked does not wait any more.
  case cancelled
}

extension IPFSClientError: CustomStringConvertible {
  /// One lower-case sentence without a full stop.
  public var description: String {
    switch self {
    case .content(let error): "\(error)"
    case .notFound(let cid): "no node has \(cid)"
    case .allNodesFailed(let failures):
      failures.isEmpty
        ? "no node can be asked now"
        : "no node could do it: "
          + failures.map { "\($0.node) \($0.fault)" }.joined(separator: "; ")
    case .noNode(let operation): "no node is configured that does `\(operation.rawValue)`"
    case .pinQueued(let cid): "no node could pin \(cid); it is pinned when one comes back"
    case .pinQueueFull(let max): "\(max) pins wait for a node already"
    case .tooLarge(let size, let max): "the content has \(size) bytes, \(max) are allowed"
    case .file(let path, let reason): "\(path): \(reason)"
    case .fileBusy(let path): "another download writes \(path)"
    case .fileChanged(let path): "\(path) changed while it was sent"
    case .busy(let waiting): "\(waiting) operations wait already"
    case .configuration(let name, let value, let reason): "\(name) is `\(value)`: \(reason)"
    case .cancelled: "the operation was cancelled"
    }
  }

  /// What to do about it.
  public var hint: String {
    switch self {
    case .content: "check the CID"
    case .notFound: "ask who added it, or name another node"
    case .allNodesFailed: "check the nodes with `martlet content nodes`"
    case .noNode: "name a node that can, such as an RPC one"
    case .pinQueued: "nothing needs to be done while the program runs"
    case .pinQueueFull: "wait until a node is back"
    case .tooLarge: "raise MARTLET_MAX_MODEL_SIZE_MB, or write it to a file"
    case .file: "check the path"
    case .fileBusy: "wait for its end, or choose another path"
    case .fileChanged: "send it again when nobody writes to it"
    case .busy: "try again in a moment"
    case .configuration: "see docs/specs/ipfs-client.md"
    case .cancelled: "start it again"
    }
  }
}
