internal import Primitives

/// The baseline a language model must beat: how often each token follows each other one.
///
/// p(b | a) = (count(a, b) + 1) / (count(a) + V), V the size of the vocabulary: add-one smoothing
/// (Jurafsky and Martin, Speech and Language Processing, 3rd ed., §3.6.1).
public struct BigramBaseline: Sendable {
  /// Pairs are counted in a square of this side; larger vocabularies are not for bigrams.
  public static let vocabularyMax = 4_096

  private let vocabulary: Int
  private var pairs: [Int32]
  private var totals: [Int32]

  /// Counts the pairs of the training tokens.
  public init(training tokens: some Collection<Int32>, vocabulary: Int) throws(DatasetError) {
    guard (1...Self.vocabularyMax).contains(vocabulary) else { throw .classes(vocabulary) }
    self.vocabulary = vocabulary
    pairs = [Int32](repeating: 0, count: vocabulary * vocabulary)
    totals = [Int32](repeating: 0, count: vocabulary)
    for token in tokens where !(0..<Int32(vocabulary)).contains(token) {
      throw .label(Int(token), row: 0, classes: vocabulary)
    }
    for (first, second) in zip(tokens, tokens.dropFirst()) {
      pairs[Int(first) * vocabulary + Int(second)] += 1
      totals[Int(first)] += 1
    }
  }

  /// Mean of −ln p over the tokens after the first, in nats a token.
  public func crossEntropy(of tokens: some Collection<Int32>) throws(DatasetError) -> Double {
    guard tokens.count > 1 else { throw .tooFewTokens(tokens.count, needed: 2) }
    var sum = 0.0
    for (first, second) in zip(tokens, tokens.dropFirst()) {
      guard (0..<Int32(vocabulary)).contains(first), (0..<Int32(vocabulary)).contains(second)
      else { throw .label(Int(max(first, second)), row: 0, classes: vocabulary) }
      let seen = Double(pairs[Int(first) * vocabulary + Int(second)] + 1)
      sum +=
        Elementary.logarithm(Double(totals[Int(first)]) + Double(vocabulary))
        - Elementary.logarithm(seen)
    }
    return sum / Double(tokens.count - 1)
  }
}
