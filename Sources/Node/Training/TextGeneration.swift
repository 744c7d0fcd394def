package import NeuralNetworks
package import Primitives

/// A language model that continues a text.
package struct TextGeneration: ~Copyable {
  /// Tokens of the prompt.
  package let promptTokens: Int
  /// Tokens that the model looks at.
  package let context: Int
  private let vocabulary: Vocabulary
  private var generator: TokenGenerator

  /// The largest text that is continued; only its end is read.
  package static let promptBytesMax = 1 << 24
  /// Tokens of one text: a model of a million a second would write for a quarter of an hour.
  package static let tokensMax = 1_000_000_000

  /// Reads the model and the prompt.
  package init(modelPath: String, prompt: Bytes, sampling: TokenSampling) throws {
    let model = try SavedModel(path: modelPath)
    let architecture = model.configuration.architecture
    guard architecture.readsTokens else { throw LocalTrainingError.nothingToContinue }
    guard !prompt.isEmpty else { throw LocalTrainingError.emptyPrompt }
    do {
      guard let vocabulary = model.preparation.vocabulary else {
        throw DatasetError.vocabulary("the model has none")
      }
      guard vocabulary.size <= architecture.outputs else {
        throw DatasetError.vocabulary(
          "it has \(vocabulary.size) tokens, the model \(architecture.outputs)")
      }
      let tokens = try vocabulary.encode(prompt)
      promptTokens = tokens.count
      context = architecture.inputs
      self.vocabulary = vocabulary
      generator = TokenGenerator(
        IncrementalInference(architecture, parameters: model.parameters), prompt: tokens,
        vocabulary: vocabulary.size, sampling: sampling)
    } catch let error as DatasetError {
      throw LocalTrainingError.data(
        path: "the prompt", reason: error.description, hint: error.promptHint)
    }
  }

  /// The bytes of the next token: a character, or bytes that may be a part of one.
  package mutating func next() throws -> Bytes {
    do {
      return vocabulary.decode([try generator.next()])
    } catch {
      switch error {
      case .notFinite(let token): throw LocalTrainingError.outputsNotFinite(token: token)
      }
    }
  }
}

extension DatasetError {
  /// What to do about a prompt.
  fileprivate var promptHint: String {
    switch self {
    case .unknownCharacter:
      "the model only knows the characters of the text that it was trained on; leave this one out"
    default: hint
    }
  }
}
