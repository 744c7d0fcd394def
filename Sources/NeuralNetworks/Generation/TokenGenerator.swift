/// Continues a sequence of tokens, one at a time.
///
/// A model looks at `context` tokens at most. Of a longer prompt it reads the last ones; when the
/// context is full, the later half of it begins a new one (models.md §8).
///
/// Not copyable: the model that it holds remembers the tokens.
public struct TokenGenerator: ~Copyable {
  /// Why there is no next token.
  public enum Failure: Error, Equatable, Sendable {
    /// Outputs that are NaN or infinite: the model's numbers are too large.
    case notFinite(token: Int)
  }

  private let model: IncrementalInference
  private let sampling: TokenSampling
  private let vocabulary: Int
  /// Tokens that the model has read since it was restarted.
  private var window: [Int32] = []
  /// Tokens that the model reads before it is asked for the next.
  private var pending: [Int32]
  private var count = 0

  /// Takes a prompt of at least one token; only tokens below `vocabulary` are generated.
  public init(
    _ model: IncrementalInference, prompt: [Int32], vocabulary: Int, sampling: TokenSampling
  ) {
    precondition(!prompt.isEmpty && vocabulary > 0)
    self.model = model
    self.sampling = sampling
    self.vocabulary = vocabulary
    pending = prompt.suffix(model.context)
    model.restart()
  }

  /// The next token.
  public mutating func next() throws(Failure) -> Int32 {
    if window.count + pending.count > model.context {
      pending = window.suffix(model.context / 2) + pending
      window = []
      model.restart()
    }
    var token: Int32 = 0
    for (place, read) in pending.enumerated() {
      let outputs = model.read(read)
      guard place == pending.count - 1 else { continue }
      let possible = UnsafeBufferPointer(rebasing: outputs.prefix(vocabulary))
      guard possible.allSatisfy(\.isFinite) else { throw .notFinite(token: count) }
      token = sampling.token(from: possible, number: count)
    }
    window += pending
    pending = [token]
    count += 1
    return token
  }
}
