/// Feeds bytes to the HTTP parser twice, at once and in two pieces, and checks that it neither
/// traps nor depends on how the bytes arrived. The first byte says where the pieces part.
package func fuzzHTTPParser(_ bytes: UnsafeRawBufferPointer) {
  guard let split = bytes.first else { return }
  let text = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
  let whole = HTTPFuzzOutcome(of: text, splitAt: 0)
  let parted = HTTPFuzzOutcome(of: text, splitAt: min(Int(split), text.count))
  precondition(whole == parted, "the outcome depends on how the bytes arrived")
}

private struct HTTPFuzzOutcome: Equatable {
  var method = ""
  var path = ""
  var fieldCount = 0
  var payload: [UInt8] = []
  var isComplete = false
  var error: HTTPParseError?

  init(of text: UnsafeRawBufferPointer, splitAt split: Int) {
    do throws(HTTPParseError) {
      try read(text, split)
    } catch {
      // How much payload came before a fault may differ; which fault may not.
      self = HTTPFuzzOutcome(failing: error)
    }
  }

  private init(failing error: HTTPParseError) {
    self.error = error
  }

  private mutating func read(
    _ text: UnsafeRawBufferPointer, _ split: Int
  ) throws(HTTPParseError) {
    var parser = HTTPHeadParser(limits: HTTPLimits())
    var found = try parser.parse(UnsafeRawBufferPointer(rebasing: text[..<split]))
    if found == nil { found = try parser.parse(text) }
    guard let (head, byteCount) = found else { return }
    method = head.method.name
    path = head.path
    fieldCount = head.headers.count
    _ = head.headers["content-type"]
    var decoder = HTTPBodyDecoder(framing: head.framing, bodyBytesMax: 1 << 20)
    for piece in [byteCount..<max(split, byteCount), max(split, byteCount)..<text.count] {
      var rest = UnsafeRawBufferPointer(rebasing: text[piece])
      while !rest.isEmpty, !decoder.isFinished {
        let step = try decoder.decode(rest)
        payload.append(contentsOf: rest[step.payload])
        rest = UnsafeRawBufferPointer(rebasing: rest[step.consumed...])
      }
    }
    isComplete = decoder.isFinished
  }
}
