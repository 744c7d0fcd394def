/// One word or one sign of Swift code; comments and the contents of strings are left out.
struct Token: Equatable, Sendable {
  let text: String
  /// Counted from 1.
  let line: Int
}

/// Splits Swift code into words and signs, well enough for rules about names and calls.
struct SwiftTokens {
  private let bytes: [UInt8]
  private var position = 0
  private var line = 1
  private var tokens: [Token] = []

  static func tokens(of text: String) -> [Token] {
    var scanner = SwiftTokens(bytes: Array(text.utf8))
    scanner.scan()
    return scanner.tokens
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private mutating func scan() {
    while position < bytes.count {
      if starts(with: "//") {
        skipLine()
      } else if starts(with: "/*") {
        skipBlockComment()
      } else if let hashes = stringStart() {
        skipString(hashes: hashes)
      } else if isWord(bytes[position]) {
        takeWord()
      } else {
        takeSign()
      }
    }
  }

  private func starts(with text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard position + count <= bytes.count else { return false }
    return (0..<count).allSatisfy { bytes[position + $0] == text.utf8Start[$0] }
  }

  private mutating func advance(_ count: Int = 1) {
    for _ in 0..<count where position < bytes.count {
      if bytes[position] == UInt8(ascii: "\n") { line += 1 }
      position += 1
    }
  }

  private mutating func skipLine() {
    while position < bytes.count, bytes[position] != UInt8(ascii: "\n") { position += 1 }
  }

  private mutating func skipBlockComment() {
    var depth = 0
    repeat {
      if starts(with: "/*") {
        depth += 1
        advance(2)
      } else if starts(with: "*/") {
        depth -= 1
        advance(2)
      } else {
        advance()
      }
    } while depth > 0 && position < bytes.count
  }

  /// Returns how many `#` stand before the quote, when a string begins here.
  private func stringStart() -> Int? {
    var at = position
    while at < bytes.count, bytes[at] == UInt8(ascii: "#") { at += 1 }
    guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else { return nil }
    return at - position
  }

  private mutating func skipString(hashes: Int) {
    advance(hashes)
    let isLong = starts(with: "\"\"\"")
    let quotes = isLong ? 3 : 1
    advance(quotes)
    while position < bytes.count {
      if bytes[position] == UInt8(ascii: "\\"), hashes == 0 {
        advance(2)
      } else if isEnd(quotes: quotes, hashes: hashes) {
        return advance(quotes + hashes)
      } else if !isLong, bytes[position] == UInt8(ascii: "\n") {
        return
      } else {
        advance()
      }
    }
  }

  private func isEnd(quotes: Int, hashes: Int) -> Bool {
    guard position + quotes + hashes <= bytes.count else { return false }
    return (0..<quotes).allSatisfy { bytes[position + $0] == UInt8(ascii: "\"") }
      && (0..<hashes).allSatisfy { bytes[position + quotes + $0] == UInt8(ascii: "#") }
  }

  private func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
      true
    default: false
    }
  }

  private mutating func takeWord() {
    let start = position
    while position < bytes.count, isWord(bytes[position]) { position += 1 }
    tokens.append(Token(text: String(decoding: bytes[start..<position], as: UTF8.self), line: line))
  }

  private mutating func takeSign() {
    let byte = bytes[position]
    if byte > UInt8(ascii: " ") {
      tokens.append(Token(text: String(UnicodeScalar(byte)), line: line))
    }
    advance()
  }
}
