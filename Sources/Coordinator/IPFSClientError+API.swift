internal import IPFSClient
internal import Networking

extension APIError {
  /// The same fact as an answer.
  init(_ error: IPFSClientError) {
    switch error {
    case .content(let error): self.init(error)
    case .notFound:
      self.init(.notFound, "unknown_content", error.description, hint: error.hint)
    case .allNodesFailed, .cancelled:
      self.init(
        .badGateway, "nodes_failed", error.description,
        hint: "see GET /api/v1/ipfs/status for what they answer")
    case .noNode:
      self.init(.unavailable, "no_node", error.description, hint: error.hint)
    case .pinQueued:
      self.init(.unavailable, "pin_queued", error.description, hint: error.hint)
    case .tooLarge:
      self.init(.contentTooLarge, "content_too_large", error.description, hint: error.hint)
    case .busy, .pinQueueFull: self = .busy
    case .file, .fileBusy, .fileChanged, .configuration: self = .internalError
    }
  }
}
