/// Finds and checks the head of one request in a growing buffer. Pure; RFC 9112 §2–§6, with no
/// leniency: bare line feeds, folded fields and doubtful framing are refused, since every guess
/// that a proxy in front makes differently smuggles a request.
package struct HTTPHeadParser: Sendable {
  private let limits: HTTPLimits
  private var scanned = 0
  private var lineStart = 0

  /// A parser for the requests of one connection.
  package init(limits: HTTPLimits) {
    self.limits = limits
  }

  /// Returns the head and the number of its bytes once `bytes`, which begins at the request's first
  /// byte and only grows between calls, holds all of it; nil before that.
  package mutating func parse(
    _ bytes: UnsafeRawBufferPointer
  ) throws(HTTPParseError) -> (head: HTTPRequestHead, byteCount: Int)? {
    guard let end = try findEnd(bytes) else { return nil }
    scanned = 0
    lineStart = 0
    let text = UnsafeRawBufferPointer(rebasing: bytes[..<end])
    var reader = HTTPHeadReader(text: text, limits: limits)
    return (try reader.read(), end)
  }

  /// Whether nothing of a request has come yet.
  package var isIdle: Bool { scanned == 0 }

  private mutating func findEnd(_ bytes: UnsafeRawBufferPointer) throws(HTTPParseError) -> Int? {
    let limit = min(bytes.count, limits.headBytesMax)
    while scanned < limit {
      guard bytes[scanned] == UInt8(ascii: "\n") else {
        scanned += 1
        continue
      }
      guard scanned > 0, bytes[scanned - 1] == UInt8(ascii: "\r") else {
        throw .bareLineFeed
      }
      scanned += 1
      if scanned - lineStart == 2 { return scanned }
      lineStart = scanned
    }
    if bytes.count >= limits.headBytesMax {
      if lineStart == 0 { throw .targetTooLong(max: limits.targetBytesMax) }
      throw .headTooLarge(max: limits.headBytesMax)
    }
    return nil
  }
}

/// Reads one complete head: every line ends with CR LF and the last is empty.
private struct HTTPHeadReader {
  private static let methodBytesMax = 32
  /// 18 decimal digits always fit in `Int`.
  private static let lengthDigitsMax = 18

  let text: UnsafeRawBufferPointer
  let limits: HTTPLimits
  private var position = 0
  private var fields: [HTTPHeaders.Field] = []
  private var hosts = 0
  private var length: Int?
  private var isChunked = false
  private var wantsClose = false
  private var wantsKeepAlive = false
  private var expectsContinue = false

  init(text: UnsafeRawBufferPointer, limits: HTTPLimits) {
    self.text = text
    self.limits = limits
  }

  mutating func read() throws(HTTPParseError) -> HTTPRequestHead {
    let method = try readMethod()
    let (path, query) = try readTarget(of: method)
    let isVersion11 = try readVersion()
    fields.reserveCapacity(16)
    let fieldsStart = position
    while text[position] != UInt8(ascii: "\r") { try readField() }
    guard text[position + 1] == UInt8(ascii: "\n"), position + 2 == text.count else {
      throw .malformedField
    }
    let framing = try decideFraming(isVersion11: isVersion11)
    guard hosts == 1 || (hosts == 0 && !isVersion11) else { throw .hostMissingOrRepeated }
    return HTTPRequestHead(
      method: method, path: path, query: query, isVersion11: isVersion11,
      headers: HTTPHeaders(
        text: Array(text[fieldsStart..<position]), fields: rebased(to: fieldsStart)),
      framing: framing,
      keepsAlive: !wantsClose && (isVersion11 || wantsKeepAlive),
      expectsContinue: expectsContinue && isVersion11)
  }

  private func rebased(to start: Int) -> [HTTPHeaders.Field] {
    let offset = UInt32(start)
    return fields.map {
      HTTPHeaders.Field(
        nameStart: $0.nameStart - offset, nameEnd: $0.nameEnd - offset,
        valueStart: $0.valueStart - offset, valueEnd: $0.valueEnd - offset)
    }
  }

  private func string(_ range: Range<Int>) -> String {
    String(decoding: UnsafeRawBufferPointer(rebasing: text[range]), as: UTF8.self)
  }

  // MARK: Request line

  private mutating func readMethod() throws(HTTPParseError) -> HTTPMethod {
    let start = position
    while HTTPSyntax.isToken(text[position]) { position += 1 }
    let end = position
    guard text[end] == UInt8(ascii: " "), end > start, end - start <= Self.methodBytesMax else {
      throw .malformedRequestLine
    }
    position += 1
    return HTTPMethod(name: string(start..<end))
  }

  private mutating func readTarget(
    of method: HTTPMethod
  ) throws(HTTPParseError) -> (path: String, query: String) {
    let start = position
    var question: Int?
    while text[position] > 0x20, text[position] < 0x7F {
      if question == nil, text[position] == UInt8(ascii: "?") { question = position }
      position += 1
    }
    let end = position
    guard text[end] == UInt8(ascii: " "), end > start else { throw .malformedRequestLine }
    guard end - start <= limits.targetBytesMax else {
      throw .targetTooLong(max: limits.targetBytesMax)
    }
    position += 1
    let pathEnd = question ?? end
    let query = question.map { string(($0 + 1)..<end) } ?? ""
    if text[start] == UInt8(ascii: "/") { return (string(start..<pathEnd), query) }
    if method == .options, end - start == 1, text[start] == UInt8(ascii: "*") { return ("*", "") }
    return (try pathOfAbsoluteForm(string(start..<pathEnd)), query)
  }

  /// RFC 9112 §3.2.2: a server must accept `http://host/path` too; the Host field still decides.
  private func pathOfAbsoluteForm(_ target: String) throws(HTTPParseError) -> String {
    for scheme in ["http://", "https://"] where target.lowercased().hasPrefix(scheme) {
      let rest = target.utf8.dropFirst(scheme.utf8.count)
      guard let slash = rest.firstIndex(of: UInt8(ascii: "/")) else {
        guard !rest.isEmpty else { throw .malformedRequestLine }
        return "/"
      }
      guard slash > rest.startIndex else { throw .malformedRequestLine }
      return String(Substring(rest[slash...]))
    }
    throw .malformedRequestLine
  }

  private mutating func readVersion() throws(HTTPParseError) -> Bool {
    let prefix: StaticString = "HTTP/"
    let versionBytes = prefix.utf8CodeUnitCount + 3
    // The line ends with CR LF inside the text, so a short one meets a byte that does not match.
    guard position + versionBytes + 2 <= text.count else { throw .malformedRequestLine }
    for index in 0..<prefix.utf8CodeUnitCount {
      guard text[position + index] == prefix.utf8Start[index] else { throw .malformedRequestLine }
    }
    let major = text[position + 5]
    let minor = text[position + 7]
    guard text[position + 6] == UInt8(ascii: "."), isDigit(major), isDigit(minor),
      text[position + 8] == UInt8(ascii: "\r"), text[position + 9] == UInt8(ascii: "\n")
    else { throw .malformedRequestLine }
    guard major == UInt8(ascii: "1"), minor <= UInt8(ascii: "1") else { throw .unsupportedVersion }
    position += versionBytes + 2
    return minor == UInt8(ascii: "1")
  }

  private func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

  // MARK: Fields

  private mutating func readField() throws(HTTPParseError) {
    guard fields.count < limits.headerFieldsMax else {
      throw .tooManyFields(max: limits.headerFieldsMax)
    }
    guard !HTTPSyntax.isBlank(text[position]) else { throw .foldedField }
    let nameStart = position
    while HTTPSyntax.isToken(text[position]) { position += 1 }
    let nameEnd = position
    guard nameEnd > nameStart, text[nameEnd] == UInt8(ascii: ":") else { throw .malformedField }
    position += 1
    while HTTPSyntax.isBlank(text[position]) { position += 1 }
    let valueStart = position
    while HTTPSyntax.isFieldText(text[position]) { position += 1 }
    guard text[position] == UInt8(ascii: "\r"), text[position + 1] == UInt8(ascii: "\n") else {
      throw .malformedField
    }
    var valueEnd = position
    position += 2
    while valueEnd > valueStart, HTTPSyntax.isBlank(text[valueEnd - 1]) { valueEnd -= 1 }
    fields.append(
      HTTPHeaders.Field(
        nameStart: UInt32(nameStart), nameEnd: UInt32(nameEnd),
        valueStart: UInt32(valueStart), valueEnd: UInt32(valueEnd)))
    try interpret(nameStart..<nameEnd, valueStart..<valueEnd)
  }

  private func equals(_ range: Range<Int>, _ lowercase: StaticString) -> Bool {
    guard range.count == lowercase.utf8CodeUnitCount else { return false }
    for index in 0..<range.count {
      guard
        HTTPSyntax.lowercased(text[range.lowerBound + index]) == lowercase.utf8Start[index]
      else { return false }
    }
    return true
  }

  private mutating func interpret(
    _ name: Range<Int>, _ value: Range<Int>
  ) throws(HTTPParseError) {
    switch name.count {
    case 4 where equals(name, "host"): hosts += 1
    case 6 where equals(name, "expect"):
      guard equals(value, "100-continue") else { throw .unsupportedExpectation }
      expectsContinue = true
    case 10 where equals(name, "connection"): readConnectionOptions(value)
    case 14 where equals(name, "content-length"): try readContentLength(value)
    case 17 where equals(name, "transfer-encoding"):
      guard !isChunked, equals(value, "chunked") else { throw .unsupportedTransferEncoding }
      isChunked = true
    default: break
    }
  }

  private mutating func readConnectionOptions(_ value: Range<Int>) {
    if equals(value, "keep-alive") {
      wantsKeepAlive = true
    } else if equals(value, "close") {
      wantsClose = true
    } else {
      for option in string(value).lowercased().split(separator: ",") {
        let trimmed = option.drop { $0 == " " || $0 == "\t" }
        if trimmed.hasPrefix("close") { wantsClose = true }
        if trimmed.hasPrefix("keep-alive") { wantsKeepAlive = true }
      }
    }
  }

  private mutating func readContentLength(_ value: Range<Int>) throws(HTTPParseError) {
    guard length == nil else { throw .repeatedContentLength }
    guard !value.isEmpty, value.allSatisfy({ isDigit(text[$0]) }) else {
      throw .malformedContentLength
    }
    guard value.count <= Self.lengthDigitsMax else {
      throw .bodyTooLarge(max: limits.bodyBytesMax)
    }
    length = value.reduce(0) { $0 * 10 + Int(text[$1] &- 0x30) }
  }

  private func decideFraming(isVersion11: Bool) throws(HTTPParseError) -> HTTPFraming {
    if isChunked {
      guard length == nil else { throw .contentLengthWithTransferEncoding }
      guard isVersion11 else { throw .unsupportedTransferEncoding }
      return .chunked
    }
    guard let length, length > 0 else { return .none }
    guard length <= limits.bodyBytesMax else { throw .bodyTooLarge(max: limits.bodyBytesMax) }
    return .length(length)
  }
}
