import Networking
import Primitives

/// Pulls the parts of an upload out of a request's body. Used by one task at a time.
struct MultipartReading {
  private let body: HTTPBody
  private var machine: MultipartMachine
  private var events: [MultipartMachine.Event] = []
  private var partCount = 0

  /// Reads the body of `call`, which must be multipart/form-data.
  init(_ call: KuboCall) throws {
    do { machine = try MultipartMachine(contentType: call.request.headers["Content-Type"]) } catch {
      // Kubo's words where there is no upload at all.
      if call.request.headers["Content-Type"] == nil {
        throw KuboError.fileMissing(name: call.command.fileArgument ?? "path")
      }
      throw KuboError.upload(error)
    }
    body = call.request.body
  }

  /// What came next, in order; nil behind the last boundary.
  mutating func next() async throws -> [MultipartMachine.Event]? {
    while !machine.isFinished {
      var events: [MultipartMachine.Event] = []
      do throws(MultipartError) {
        guard let chunk = try await chunk() else {
          try machine.finish()
          return nil
        }
        try machine.append(chunk, into: &events)
        for case .part in events { partCount += 1 }
        guard partCount <= KuboLimits.partsMax else {
          throw .tooManyParts(limit: KuboLimits.partsMax)
        }
      } catch { throw KuboError.upload(error) }
      if !events.isEmpty { return events }
    }
    return nil
  }

  private func chunk() async throws(MultipartError) -> Bytes? {
    do { return try await body.nextChunk() } catch { throw .truncated }
  }

  /// The next part as a whole, if it has at most `byteCountMax` bytes; nil behind the last.
  mutating func nextPart(byteCountMax: Int) async throws -> Bytes? {
    var content = Bytes()
    while true {
      switch try await nextPiece() {
      case .bytes(let bytes):
        guard content.count + bytes.count <= byteCountMax else {
          throw KuboError.upload(.partTooLarge(limit: byteCountMax))
        }
        content += bytes
      case .endOfPart: return content
      case .endOfUpload: return nil
      }
    }
  }

  /// The next piece of an upload whose parts' names do not matter.
  mutating func nextPiece() async throws -> PartPiece {
    while true {
      if events.isEmpty {
        guard let more = try await next() else { return .endOfUpload }
        events = more
      }
      switch events.removeFirst() {
      case .part: continue
      case .bytes(let bytes): return .bytes(bytes)
      case .endOfPart: return .endOfPart
      }
    }
  }

  /// A piece of an upload.
  enum PartPiece {
    case bytes(Bytes)
    case endOfPart
    case endOfUpload
  }
}
