internal import ContentStore
internal import Primitives
internal import Telemetry

/// An upload as the body of a form (RFC 7578) whose one part is a content archive: sent this way,
/// the node checks every block against the name that we gave it.
final class UploadBody: Sendable {
  fileprivate enum Part: Sendable { case head, blocks, tail, finished }

  fileprivate struct State: Sendable {
    var part = Part.head
    var writer: CARWriter
    var waiting = Bytes()
    var offset = 0
    var failure: IPFSClientError?
  }

  private let blocks: UploadBlocks
  private let boundary: String
  private let state: Lock<State>

  init(_ upload: Upload, boundary: String) throws(IPFSClientError) {
    self.boundary = boundary
    blocks = try UploadBlocks(upload)
    state = Lock(State(writer: CARWriter(roots: [upload.root])))
  }

  /// Why reading the content failed, if it did.
  var failure: IPFSClientError? { state.withLock { $0.failure } }

  /// At most `countMax` of the next bytes; none at the end. Called by one thread at a time.
  func next(_ countMax: Int) throws -> Bytes {
    while true {
      let piece = state.withLock { state -> Bytes in
        let end = min(state.waiting.count, state.offset + countMax)
        defer { state.offset = end }
        return Bytes(state.waiting[state.offset..<end])
      }
      if !piece.isEmpty { return piece }
      guard try refill() else { return [] }
    }
  }

  /// False when nothing is left.
  private func refill() throws -> Bool {
    let part = state.withLock { $0.part }
    switch part {
    case .head:
      let head =
        "--\(boundary)\r\n"
        + "Content-Disposition: form-data; name=\"file\"; filename=\"content.car\"\r\n"
        + "Content-Type: application/vnd.ipld.car\r\n\r\n"
      state.withLock { state in
        state.set(Bytes(head.utf8) + state.writer.header.bytes, then: .blocks)
      }
    case .blocks:
      let batch: [ContentBlock]?
      do { batch = try blocks.next() } catch {
        state.withLock { $0.failure = error }
        throw error
      }
      state.withLock { state in
        guard let batch else { return state.set([], then: .tail) }
        var bytes = Bytes()
        // Blocks that are their own name are in no archive.
        for block in batch where block.cid.inlineBlock == nil {
          state.writer.append(block, to: &bytes)
        }
        state.set(bytes, then: .blocks)
      }
    case .tail:
      state.withLock { $0.set(Bytes("\r\n--\(boundary)--\r\n".utf8), then: .finished) }
    case .finished: return false
    }
    return true
  }
}

extension UploadBody.State {
  fileprivate mutating func set(_ bytes: Bytes, then part: UploadBody.Part) {
    (waiting, offset, self.part) = (bytes, 0, part)
  }
}
