public import Primitives

/// Byte-level byte-pair encoding (Sennrich et al. 2016, arXiv:1508.07909; on bytes as in GPT-2).
///
/// Tokens 0–255 are the bytes; token 256 + i is merge i. Merges never cross the beginning of a
/// word: a word is a run of letters, digits and bytes above 127, or of other signs, with one space
/// before it (so that " the" is one token). Encoding applies the earliest merge first.
public struct BytePairEncoding: Hashable, Sendable {
  /// Two tokens that become one.
  public struct Pair: Hashable, Sendable {
    /// The token before.
    public let left: Int32
    /// The token behind.
    public let right: Int32

    /// Names two tokens.
    public init(left: Int32, right: Int32) {
      self.left = left
      self.right = right
    }
  }

  /// The bytes come first.
  static let bytes = 256
  /// As large as the vocabularies of multilingual models; a token is a row of the embedding.
  public static let mergesMax = 1 << 16
  /// A token is a part of a word; longer ones are a table or hostile doubling.
  static let tokenBytesMax = 1 << 10
  /// Longest word; longer runs are cut.
  static let wordBytesMax = 256

  /// In the order of training.
  public let merges: [Pair]
  private let ranks: [Pair: Int32]
  private let texts: [Bytes]

  /// The number of different tokens.
  public var size: Int { Self.bytes + merges.count }

  /// Takes saved merges; each must name earlier tokens.
  public init(merges: [Pair]) throws(DatasetError) {
    guard merges.count <= Self.mergesMax else {
      throw .vocabulary("\(merges.count) merges, the limit is \(Self.mergesMax)")
    }
    var texts = (0..<Self.bytes).map { [UInt8($0)] }
    var ranks: [Pair: Int32] = [:]
    for (index, pair) in merges.enumerated() {
      guard texts.indices.contains(Int(pair.left)), texts.indices.contains(Int(pair.right)) else {
        throw .vocabulary("merge \(index) names a later token")
      }
      let text = texts[Int(pair.left)] + texts[Int(pair.right)]
      guard text.count <= Self.tokenBytesMax else {
        throw .vocabulary("merge \(index) makes a token of \(text.count) bytes")
      }
      guard ranks.updateValue(Int32(Self.bytes + index), forKey: pair) == nil else {
        throw .vocabulary("merge \(index) repeats")
      }
      texts.append(text)
    }
    self.merges = merges
    self.ranks = ranks
    self.texts = texts
  }

  /// Learns up to `size` − 256 merges: each time the pair that occurs most often, the lowest token
  /// numbers among equals, until no pair occurs twice. A function of text and size alone.
  public init(training text: Bytes, size: Int) throws(DatasetError) {
    guard (Self.bytes...Self.bytes + Self.mergesMax).contains(size) else {
      throw .vocabulary("\(size) tokens, expected 256 to \(Self.bytes + Self.mergesMax)")
    }
    var training = PairTraining(text)
    var merges: [Pair] = []
    while merges.count < size - Self.bytes, let pair = training.mostFrequent() {
      training.merge(pair, into: Int32(Self.bytes + merges.count))
      merges.append(pair)
    }
    try self.init(merges: merges)
  }

  /// The tokens of a text.
  public func encode(_ text: Bytes) -> [Int32] {
    var known: [ArraySlice<UInt8>: [Int32]] = [:]
    var tokens: [Int32] = []
    forEachWord(of: text) { word in
      if let kept = known[word] {
        tokens += kept
      } else {
        let encoded = encode(word: word)
        known[word] = encoded
        tokens += encoded
      }
    }
    return tokens
  }

  private func encode(word: ArraySlice<UInt8>) -> [Int32] {
    var tokens = word.map { Int32($0) }
    while tokens.count > 1 {
      var best: (rank: Int32, place: Int)?
      for place in 0..<tokens.count - 1 {
        guard let rank = ranks[Pair(left: tokens[place], right: tokens[place + 1])],
          best.map({ rank < $0.rank }) ?? true
        else { continue }
        best = (rank, place)
      }
      guard let best else { break }
      tokens[best.place] = best.rank
      tokens.remove(at: best.place + 1)
    }
    return tokens
  }

  /// The text of tokens; a token beyond the vocabulary is left out.
  public func decode(_ tokens: some Sequence<Int32>) -> Bytes {
    tokens.flatMap { texts.indices.contains(Int($0)) ? texts[Int($0)] : [] }
  }
}

private enum WordSign { case space, letter, other }

private func sign(_ byte: UInt8) -> WordSign {
  switch byte {
  case 0x20, 0x09, 0x0a, 0x0d: .space
  case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x80...0xff: .letter
  default: .other
  }
}

/// Cuts a text into words, each with the one space before it; every byte is in one word.
private func forEachWord(of text: Bytes, _ body: (ArraySlice<UInt8>) -> Void) {
  var start = 0
  while start < text.count {
    var end = start + 1
    var kind = sign(text[start])
    if text[start] == 0x20, end < text.count, sign(text[end]) != .space {
      kind = sign(text[end])
      end += 1
    }
    // A space before a word belongs to the word, so a run of spaces gives its last one away.
    while end < text.count, sign(text[end]) == kind, end - start < BytePairEncoding.wordBytesMax {
      let next = end + 1 < text.count ? sign(text[end + 1]) : .space
      if kind == .space, text[end] == 0x20, next != .space { break }
      end += 1
    }
    body(text[start..<end])
    start = end
  }
}

/// Counts pairs of a text's different words while they merge.
private struct PairTraining {
  typealias Pair = BytePairEncoding.Pair
  private var words: [[Int32]] = []
  private var weights: [Int] = []
  private var counts: [Pair: Int] = [:]
  /// Words in which a pair occurred when it was counted; some may have lost it since.
  private var places: [Pair: [Int]] = [:]

  init(_ text: Bytes) {
    var numbers: [ArraySlice<UInt8>: Int] = [:]
    forEachWord(of: text) { word in
      if let number = numbers[word] {
        weights[number] += 1
      } else {
        numbers[word] = words.count
        words.append(word.map { Int32($0) })
        weights.append(1)
      }
    }
    for number in words.indices { count(number, sign: 1) }
  }

  private mutating func count(_ number: Int, sign: Int) {
    let word = words[number]
    for (left, right) in zip(word, word.dropFirst()) {
      let pair = Pair(left: left, right: right)
      counts[pair, default: 0] += sign * weights[number]
      if counts[pair] == 0 { counts[pair] = nil }
      if sign > 0, places[pair]?.last != number { places[pair, default: []].append(number) }
    }
  }

  /// The pair to merge next, nil when none occurs twice. The order is total, so the dictionary's
  /// own order does not matter.
  func mostFrequent() -> Pair? {
    let best = counts.max { a, b in
      (a.value, b.key.left, b.key.right) < (b.value, a.key.left, a.key.right)
    }
    guard let best, best.value > 1 else { return nil }
    return best.key
  }

  mutating func merge(_ pair: Pair, into token: Int32) {
    for number in Set(places[pair] ?? []) {
      let word = words[number]
      var merged: [Int32] = []
      var place = 0
      while place < word.count {
        if place + 1 < word.count, word[place] == pair.left, word[place + 1] == pair.right {
          merged.append(token)
          place += 2
        } else {
          merged.append(word[place])
          place += 1
        }
      }
      guard merged.count < word.count else { continue }
      count(number, sign: -1)
      words[number] = merged
      count(number, sign: 1)
    }
    places[pair] = nil
  }
}
