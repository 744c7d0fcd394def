internal import Primitives

/// Reads records of RFC 4180 one by one from bytes that may be larger than memory.
struct CSVRecords {
  private static let lineFeed = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")
  private static let quote = UInt8(ascii: "\"")
  private static let byteOrderMark: Bytes = [0xef, 0xbb, 0xbf]
  /// Read at once: a few pages, so that a seek costs little.
  private static let chunkBytes = 64 << 10

  private enum State { case start, plain, quoted, quoteSeen }

  private let source: ByteSource
  private let separator: UInt8
  private var chunk = Bytes()
  private var chunkStart = 0
  private var place = 0
  private var lineFeeds = 0
  /// The fields' text without quotes, back to back.
  private(set) var text = Bytes()
  /// Where each field of `text` ends.
  private(set) var ends: [Int] = []
  /// The line, from 1, on which the current record begins.
  private(set) var line = 0
  /// The byte at which the current record begins.
  private(set) var start = 0

  init(_ source: ByteSource, separator: UInt8) throws(DatasetError) {
    self.source = source
    self.separator = separator
    if try source.bytes(at: 0, limit: 3) == Self.byteOrderMark { chunkStart = 3 }
  }

  /// Goes to a record's first byte, on this line.
  mutating func seek(to offset: Int, line: Int) {
    if offset >= chunkStart, offset <= chunkStart + chunk.count {
      place = offset - chunkStart
    } else {
      chunk = []
      chunkStart = offset
      place = 0
    }
    lineFeeds = line - 1
  }

  /// The number of fields of the current record.
  var count: Int { ends.count }

  /// A field of the current record.
  func field(_ index: Int) -> ArraySlice<UInt8> {
    text[(index == 0 ? 0 : ends[index - 1])..<ends[index]]
  }

  private mutating func fill() throws(DatasetError) -> Bool {
    guard place == chunk.count else { return true }
    chunkStart += chunk.count
    chunk = try source.bytes(at: chunkStart, limit: Self.chunkBytes)
    place = 0
    return !chunk.isEmpty
  }

  /// Reads the next record; false at the end.
  mutating func next() throws(DatasetError) -> Bool {
    text.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    guard try fill() else { return false }
    line = lineFeeds + 1
    start = chunkStart + place
    var state = State.start
    var consumed = 0
    while try fill() {
      let byte = chunk[place]
      place += 1
      consumed += 1
      guard consumed <= CSVLayout.lineBytesMax + 1 else {
        throw .lineTooLong(line: line, limit: CSVLayout.lineBytesMax)
      }
      if byte == Self.lineFeed { lineFeeds += 1 }
      if try take(byte, &state) { return true }
    }
    guard state != .quoted else { throw .unclosedQuote(line: line) }
    endRecord(state)
    return true
  }

  /// Takes one byte; true when it ends the record.
  private mutating func take(_ byte: UInt8, _ state: inout State) throws(DatasetError) -> Bool {
    switch (state, byte) {
    case (.quoted, Self.quote): state = .quoteSeen
    case (.quoted, _): text.append(byte)
    case (_, Self.lineFeed):
      endRecord(state)
      return true
    case (_, separator):
      ends.append(text.count)
      state = .start
    case (.start, Self.quote): state = .quoted
    case (.quoteSeen, Self.quote):
      text.append(byte)
      state = .quoted
    case (.quoteSeen, Self.carriageReturn): break
    case (.quoteSeen, _), (.plain, Self.quote): throw .quote(line: line)
    case (.start, _), (.plain, _):
      text.append(byte)
      state = .plain
    }
    return false
  }

  /// A carriage return before the line feed belongs to the line's end.
  private mutating func endRecord(_ state: State) {
    if state == .plain, text.last == Self.carriageReturn { text.removeLast() }
    ends.append(text.count)
  }
}
