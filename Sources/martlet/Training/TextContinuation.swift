import Glibc
import NeuralNetworks
import Node
import Persistence
import Primitives

/// `predict --prompt`: a language model continues a text, which appears as it is made.
struct TextContinuation: Sendable {
  private let modelPath: String
  private let prompt: Bytes
  private let tokens: Int
  private let sampling: TokenSampling
  private let isJSON: Bool

  static let options = [
    Option(name: "prompt", value: "TEXT", summary: "the text that a language model continues, or"),
    Option(name: "prompt-file", value: "FILE", summary: "a file with it"),
    Option(name: "tokens", value: "N", summary: "characters or pairs to add (default 200)"),
    Option(
      name: "temperature", value: "X", summary: "0 takes the likeliest token (default 0.8)"),
    Option(name: "top-k", value: "K", summary: "choose among the K likeliest (default all)"),
    Option(name: "seed", value: "N", summary: "fixes the text, on every machine (default 0)"),
  ]

  private static let tokensDefault = 200
  /// Livelier than the likeliest text, and with fewer slips than the plain probabilities.
  private static let temperatureDefault = 0.8

  /// Nil where no text is to be continued.
  init?(_ arguments: Arguments) throws {
    guard let prompt = try Self.prompt(arguments) else {
      let lone = ["tokens", "temperature", "top-k", "seed"].first { arguments.text($0) != nil }
      if let lone {
        throw CommandFailure.usage(
          "--\(lone) belongs to a text", hint: "give --prompt TEXT or --prompt-file FILE")
      }
      return nil
    }
    for name in ["data", "output"] where arguments.text(name) != nil {
      throw CommandFailure.usage(
        "--\(name) does not go with a prompt", hint: "the text is written to standard output")
    }
    self.prompt = prompt
    modelPath = try arguments.required("model")
    tokens =
      try arguments.integer("tokens", in: 1...TextGeneration.tokensMax) ?? Self.tokensDefault
    sampling = TokenSampling(
      temperature: try arguments.number("temperature", in: 0...TokenSampling.temperatureMax)
        ?? Self.temperatureDefault,
      candidatesMax: try arguments.integer("top-k", in: 1...ModelArchitecture.Limits.vocabularyMax),
      seed: UInt64(try arguments.integer("seed", in: 0...Int.max) ?? 0))
    isJSON = arguments.isJSON
  }

  private static func prompt(_ arguments: Arguments) throws -> Bytes? {
    guard let path = arguments.text("prompt-file") else {
      return arguments.text("prompt").map { Bytes($0.utf8) }
    }
    guard arguments.text("prompt") == nil else {
      throw CommandFailure.usage("--prompt and --prompt-file name two prompts", hint: "give one")
    }
    guard let text = try AtomicFile.read(path, byteCountMax: TextGeneration.promptBytesMax) else {
      throw LocalTrainingError.missingFile(path: path)
    }
    return text
  }

  func run() async throws {
    let result = try await TrainingCommands.onThread(named: "generation") { try write() }
    if isJSON { Output.line(result.text()) }
  }

  /// Writes prompt and text to standard output, or gives them back for a JSON object.
  private func write() throws -> JSONValue {
    var generation = try TextGeneration(
      modelPath: modelPath, prompt: prompt, sampling: sampling)
    if generation.promptTokens > generation.context {
      Output.note(
        "the prompt has \(generation.promptTokens) tokens, the model reads the last "
          + "\(generation.context)")
    }
    if !isJSON { Output.write(prompt, to: STDOUT_FILENO) }
    var text: Bytes = []
    let start = monotonicSeconds()
    for _ in 0..<tokens {
      let piece = try generation.next()
      if isJSON {
        text += piece
      } else if !Output.write(piece, to: STDOUT_FILENO) {
        break
      }
    }
    let time = ((monotonicSeconds() - start) * 1_000_000).rounded() / 1_000_000
    if !isJSON { Output.write("\n", to: STDOUT_FILENO) }
    return [
      "prompt": .string(String(decoding: prompt, as: UTF8.self)),
      "text": .string(String(decoding: text, as: UTF8.self)), "tokens": JSONValue(tokens),
      "seconds": .number(time),
    ]
  }
}
