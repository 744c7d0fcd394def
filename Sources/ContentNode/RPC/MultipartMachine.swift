import Glibc
package import Primitives

/// Limits of a multipart body.
package enum MultipartLimits {
  /// RFC 2046 §5.1.1.
  package static let boundaryByteCountMax = 70
  /// The header of one part: room for the longest path (4,096 bytes), percent-encoded, twice.
  package static let headerByteCountMax = 32 << 10
  /// What stands in front of the first boundary; nobody reads it.
  package static let preambleByteCountMax = 4_096
  /// Spaces between a boundary and its line's end (RFC 2046 §5.1.1).
  static let paddingByteCountMax = 256
}

/// Why a body is no multipart/form-data (RFC 2046 §5.1, RFC 7578).
package enum MultipartError: Error, Equatable, Sendable {
  /// The body is not announced as one, or with an unusable boundary.
  case notMultipart(contentType: String)
  case headerTooLarge(limit: Int)
  case malformedHeader(reason: String)
  case preambleTooLarge(limit: Int)
  /// Neither a line's end nor the final mark follows a boundary.
  case malformedBoundary
  /// The body ends before its last boundary.
  case truncated
  case tooManyParts(limit: Int)
  /// A part's name is no path below the root of the upload.
  case unusableName(String, reason: String)
  /// A part is inside something that is not a directory, or comes behind its directory's end.
  case misplaced(String)
  case tooDeep(limit: Int)
  /// A part has more bytes than the command takes.
  case partTooLarge(limit: Int)
}

extension MultipartError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .notMultipart(let type): "expected multipart/form-data, found `\(type)`"
    case .headerTooLarge(let limit): "a part's header has more than \(limit) bytes"
    case .malformedHeader(let reason): "a part's header is malformed: \(reason)"
    case .preambleTooLarge(let limit): "no boundary within \(limit) bytes"
    case .malformedBoundary: "a boundary is followed by something else"
    case .truncated: "the last boundary is missing"
    case .tooManyParts(let limit): "more than \(limit) parts"
    case .unusableName(let name, let reason): "the name `\(name)` is not usable: \(reason)"
    case .misplaced(let name): "`\(name)` does not follow its directory"
    case .tooDeep(let limit): "more than \(limit) directories inside each other"
    case .partTooLarge(let limit): "a part has more than \(limit) bytes"
    }
  }
}

/// Takes a multipart body apart as it arrives, in pieces of any size.
///
/// In memory is one unfinished header, or as much of a part as a boundary is long. Pure.
package struct MultipartMachine: Sendable {
  /// What was read.
  package enum Event: Equatable, Sendable {
    case part(MultipartPart)
    case bytes(Bytes)
    case endOfPart
  }

  private enum State {
    case preamble
    /// Right behind a boundary.
    case boundaryEnd
    case header
    /// Right behind a header, whose last line end is still there.
    case bodyBegin
    case body
    case finished
  }

  private static let carriageReturn = UInt8(ascii: "\r")
  private static let lineEnd = Bytes("\r\n".utf8)
  private static let headerEnd = Bytes("\r\n\r\n".utf8)

  private var state = State.preamble
  /// A line's end, two hyphens and the boundary.
  private let delimiter: Bytes
  /// What could not be decided yet. It begins with a line's end that the body lacks, so that the
  /// first boundary looks as the others do.
  private var pending = Self.lineEnd
  private var passed = 0

  /// A machine for a body whose parts are parted by `boundary`.
  package init(boundary: String) {
    delimiter = Bytes("\r\n--\(boundary)".utf8)
  }

  /// Whether the last boundary was read.
  package var isFinished: Bool {
    if case .finished = state { return true }
    return false
  }

  /// Takes the next bytes; what they complete is appended to `events`.
  package mutating func append(
    _ bytes: Bytes, into events: inout [Event]
  ) throws(MultipartError) {
    if case .finished = state { return }  // an epilogue says nothing
    pending += bytes
    var start = 0
    while try step(from: &start, into: &events) {}
    pending.removeFirst(start)
  }

  /// Ends the body.
  package func finish() throws(MultipartError) {
    guard isFinished else { throw .truncated }
  }

  /// Reads one thing at `start`; false when more bytes are needed.
  private mutating func step(
    from start: inout Int, into events: inout [Event]
  ) throws(MultipartError) -> Bool {
    switch state {
    case .preamble: return try skipPreamble(from: &start)
    case .boundaryEnd: return try readBoundaryEnd(from: &start)
    case .header: return try readHeader(from: &start, into: &events)
    case .bodyBegin: return readBodyBegin(from: &start, into: &events)
    case .body: return readBody(from: &start, into: &events)
    case .finished:
      start = pending.count
      return false
    }
  }

  private mutating func skipPreamble(from start: inout Int) throws(MultipartError) -> Bool {
    let found = find(delimiter, from: start)
    let end = found ?? max(start, pending.count - delimiter.count + 1)
    passed += end - start
    guard passed <= MultipartLimits.preambleByteCountMax else {
      throw .preambleTooLarge(limit: MultipartLimits.preambleByteCountMax)
    }
    start = end
    guard found != nil else { return false }
    start += delimiter.count
    state = .boundaryEnd
    return true
  }

  private mutating func readBoundaryEnd(from start: inout Int) throws(MultipartError) -> Bool {
    guard pending.count - start >= 2 else { return false }
    if pending[start] == UInt8(ascii: "-"), pending[start + 1] == UInt8(ascii: "-") {
      state = .finished
      return true
    }
    var end = start
    while end < pending.count, pending[end] == 0x20 || pending[end] == 0x09 { end += 1 }
    guard end - start <= MultipartLimits.paddingByteCountMax else { throw .malformedBoundary }
    guard pending.count - end >= 2 else { return false }
    guard pending[end..<end + 2].elementsEqual(Self.lineEnd) else { throw .malformedBoundary }
    // The line's end stays: a part without any header has nothing but an empty line.
    start = end
    state = .header
    return true
  }

  private mutating func readHeader(
    from start: inout Int, into events: inout [Event]
  ) throws(MultipartError) -> Bool {
    let found = find(Self.headerEnd, from: start)
    guard (found ?? pending.count) - start <= MultipartLimits.headerByteCountMax else {
      throw .headerTooLarge(limit: MultipartLimits.headerByteCountMax)
    }
    guard let found else { return false }
    events.append(.part(try MultipartPart(header: pending[min(start + 2, found)..<found])))
    // The header's second line end may already begin the next boundary.
    start = found + Self.lineEnd.count
    state = .bodyBegin
    return true
  }

  private mutating func readBodyBegin(
    from start: inout Int, into events: inout [Event]
  ) -> Bool {
    if pending[start...].starts(with: delimiter) {
      endPart(behind: start, &start, into: &events)
      return true
    }
    guard !delimiter.starts(with: pending[start...]) else { return false }
    start += Self.lineEnd.count
    state = .body
    return true
  }

  private mutating func readBody(from start: inout Int, into events: inout [Event]) -> Bool {
    let found = find(delimiter, from: start)
    let end = found ?? max(start, pending.count - delimiter.count + 1)
    if end > start { events.append(.bytes(Bytes(pending[start..<end]))) }
    start = end
    guard let found else { return false }
    endPart(behind: found, &start, into: &events)
    return true
  }

  private mutating func endPart(
    behind boundary: Int, _ start: inout Int, into events: inout [Event]
  ) {
    start = boundary + delimiter.count
    events.append(.endOfPart)
    state = .boundaryEnd
  }

  /// Where `needle`, which begins with a carriage return, lies at or behind `start`.
  private func find(_ needle: Bytes, from start: Int) -> Int? {
    pending.withUnsafeBytes { all in
      var index = start
      while all.count - index >= needle.count, let base = all.baseAddress {
        let room = all.count - index - needle.count + 1
        guard let hit = memchr(base + index, Int32(Self.carriageReturn), room) else { return nil }
        index = UnsafeRawPointer(hit) - base
        let isHit = needle.withUnsafeBytes {
          memcmp(base + index, $0.baseAddress!, $0.count) == 0
        }
        if isHit { return index }
        index += 1
      }
      return nil
    }
  }
}
