import Charts
import NeuralNetworks
import Node
import Persistence
import Primitives

/// `evaluate` and `predict`: what a trained model is good for.
enum ModelCommands {
  static let all = [
    Command(
      words: ["evaluate"], summary: "score a trained model on data",
      options: [
        modelOption,
        Option(name: "data", value: "FILE", short: "d", summary: "data with labels"),
        Option(name: "labels", value: "FILE", summary: "labels beside an array of features"),
        threadsOption,
      ],
      example: "martlet evaluate --model model.safetensors --data Examples/data/digits.csv.gz",
      run: evaluate),
    Command(
      words: ["predict"], summary: "let a trained model look at new data, or continue a text",
      options: [
        modelOption,
        Option(name: "data", value: "FILE", short: "d", summary: "CSV, NPY, NPZ or IDX, no labels"),
        Option(
          name: "output", value: "FILE", short: "o", summary: "write CSV here, not to the screen"),
        threadsOption,
      ] + TextContinuation.options,
      example: "martlet predict --model model.safetensors --data new.csv --output answers.csv",
      run: predict),
  ]

  private static let modelOption = Option(
    name: "model", value: "FILE", short: "m",
    summary: "what `martlet train --save` wrote, or ONNX to predict")
  private static let threadsOption = Option(
    name: "threads", value: "N", summary: "the same bits with any number (default 1)")
  private static let outputBytesMax = 1 << 30

  @Sendable private static func evaluate(_ arguments: Arguments) async throws {
    let score = try await TrainingCommands.onThread(named: "evaluation") {
      let model = try SavedModel(path: arguments.required("model"))
      let data = try PredictionData(
        scoring: arguments.required("data"), labels: arguments.text("labels"), for: model)
      return try Scoring(
        architecture: model.configuration.architecture, source: data.source,
        threads: TrainingOrder.threads(arguments)
      ).score(model.parameters)
    }
    var members = score.metrics.map { JSONValue.Member($0.name, .number($0.value)) }
    members.append(.init("loss", .number(score.loss)))
    members.append(.init("examples", JSONValue(score.examples)))
    Output.result(.object(members), asJSON: arguments.isJSON) {
      let width = (members.map(\.name.count).max() ?? 0) + 2
      return members.map { member in
        let text =
          member.value.integer.map { "\($0)" }
          ?? SessionText.decimal(member.value.double ?? 0)
        return member.name + String(repeating: " ", count: width - member.name.count) + text
      }.joined(separator: "\n")
    }
  }

  @Sendable private static func predict(_ arguments: Arguments) async throws {
    if let continuation = try TextContinuation(arguments) { return try await continuation.run() }
    let prediction = try await TrainingCommands.onThread(named: "prediction") {
      try Prediction(
        modelPath: arguments.required("model"), dataPath: arguments.required("data"),
        threads: TrainingOrder.threads(arguments))
    }
    if let path = arguments.text("output") {
      try AtomicFile.write(
        Bytes((csv(prediction) + "\n").utf8), to: path, mode: 0o644, byteCountMax: outputBytesMax)
      let result: JSONValue = ["path": .string(path), "rows": JSONValue(prediction.rows)]
      return Output.result(result, asJSON: arguments.isJSON) {
        "\(path)  \(prediction.rows) rows"
      }
    }
    Output.result(json(prediction), asJSON: arguments.isJSON) { csv(prediction) }
  }

  private static func json(_ prediction: Prediction) -> JSONValue {
    let rows = (0..<prediction.rows).map { row -> JSONValue in
      var members: [JSONValue.Member] = []
      if let name = prediction.bestName {
        let best = prediction.best(row)
        members.append(.init("class", .string(best.name)))
        members.append(.init(name, number(best.output)))
      }
      let outputs = zip(prediction.columns, prediction.row(row)).map {
        JSONValue.Member($0, number($1))
      }
      members.append(.init("outputs", .object(outputs)))
      return .object(members)
    }
    return ["rows": JSONValue(prediction.rows), "predictions": .array(rows)]
  }

  /// The shortest decimal that is this Float32.
  private static func number(_ value: Float) -> JSONValue {
    .number(Double(value.description) ?? Double(value))
  }

  /// One line an example, a header first.
  private static func csv(_ prediction: Prediction) -> String {
    var header = prediction.columns
    if let name = prediction.bestName { header = ["class", name] + header }
    let rows = (0..<prediction.rows).map { row in
      var cells = prediction.row(row).map { "\($0)" }
      if prediction.bestName != nil {
        let best = prediction.best(row)
        cells = [field(best.name), "\(best.output)"] + cells
      }
      return cells.joined(separator: ",")
    }
    return ([header.map(field).joined(separator: ",")] + rows).joined(separator: "\n")
  }

  /// A field with commas or quotes stands in quotes (RFC 4180).
  private static func field(_ text: String) -> String {
    guard text.contains(where: { ",\"\n\r".contains($0) }) else { return text }
    return "\""
      + text.split(separator: "\"", omittingEmptySubsequences: false)
      .joined(separator: "\"\"") + "\""
  }
}
