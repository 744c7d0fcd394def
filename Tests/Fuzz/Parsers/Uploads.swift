import ContentNode
import Primitives

extension FuzzedParser {
  static let uploads: [FuzzedParser] = [
    FuzzedParser("multipart") { bytes in
      guard let split = bytes.first else { return }
      let body = Bytes(bytes.dropFirst())
      let half = min(Int(split), body.count)
      // What is read must not depend on how it arrived.
      precondition(
        UploadOutcome([body]) == UploadOutcome([Bytes(body[..<half]), Bytes(body[half...])]))
    },
    FuzzedParser("multipart-type") { bytes in
      _ = try? MultipartMachine(contentType: String(decoding: bytes, as: UTF8.self))
    },
  ]
}

/// The parts of an upload and their bytes.
private struct UploadOutcome: Equatable {
  var parts: [MultipartPart] = []
  var contents: [Bytes] = []
  var isFinished = false
  var error: MultipartError?

  init(_ pieces: [Bytes]) {
    do throws(MultipartError) { try read(pieces) } catch {
      // How much came before a fault may differ; which fault may not.
      (parts, contents, self.error) = ([], [], error)
    }
  }

  private mutating func read(_ pieces: [Bytes]) throws(MultipartError) {
    var machine = MultipartMachine(boundary: "b")
    for piece in pieces {
      var events: [MultipartMachine.Event] = []
      try machine.append(piece, into: &events)
      for event in events {
        switch event {
        case .part(let part):
          parts.append(part)
          contents.append([])
        case .bytes(let bytes): contents[contents.count - 1] += bytes
        case .endOfPart: continue
        }
      }
    }
    isFinished = machine.isFinished
  }
}
