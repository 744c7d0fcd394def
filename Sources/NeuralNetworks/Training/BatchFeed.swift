/// Puts the examples of a batch where a program expects them.
struct BatchFeed {
  private var source: any DatasetSource
  /// Whether class numbers become rows of 0 and 1.
  private let expandsClasses: Bool

  /// The caller has checked that the source fits.
  init(_ source: any DatasetSource, architecture: ModelArchitecture) {
    self.source = source
    if case .flags = architecture.output, case .classes = source.layout.target {
      expandsClasses = true
    } else {
      expandsClasses = false
    }
  }

  /// Reads the examples `rows` into the arena.
  mutating func load(
    rows: ArraySlice<Int32>, for program: StepProgram, into arena: StepArena
  ) throws(DatasetError) {
    precondition(rows.count == program.examples)
    let target = arena.cells + program.target.offset
    try source.read(
      rows: rows,
      into: ExampleBatch(
        inputs: UnsafeMutableRawPointer(arena.cells + program.input.offset),
        targets: program.target.count > 0 ? UnsafeMutableRawPointer(target) : nil))
    guard expandsClasses, program.target.count > 0 else { return }
    Self.expand(target, rows: rows.count, outputs: program.target.count / rows.count)
  }

  /// Turns class numbers into rows of 0 and 1, in place from the last row on, so that no number is
  /// overwritten before it is read. With one output the number itself is the answer.
  private static func expand(
    _ cells: UnsafeMutablePointer<Float>, rows: Int, outputs: Int
  ) {
    for row in stride(from: rows - 1, through: 0, by: -1) {
      let label = Int(Int32(bitPattern: cells[row].bitPattern))
      for output in 0..<outputs {
        let isSet = outputs == 1 ? label == 1 : label == output
        cells[row * outputs + output] = isSet ? 1 : 0
      }
    }
  }
}

extension ModelArchitecture {
  /// Checks that examples have what the model reads and learns.
  public func checkFits(_ layout: ExampleLayout) throws(ModelFitError) {
    try checkInputs(layout)
    switch (output, layout.target) {
    case (_, .none): throw .noTargets
    case (.classes, .classes(let count)) where !readsTokens:
      guard count <= outputs else { throw .classes(count, limit: outputs) }
    case (.classes, .tokens(let vocabulary, let length)) where readsTokens:
      guard vocabulary <= outputs else { throw .vocabulary(vocabulary, limit: outputs) }
      guard length == inputs else { throw .inputs(length, expected: inputs) }
    case (.flags, .classes(let count)):
      let limit = max(2, outputs)
      guard count <= limit else { throw .classes(count, limit: limit) }
    case (.flags, .numbers(let width)), (.values, .numbers(let width)):
      guard width == outputs else { throw .targets(width, expected: outputs) }
    default: throw .otherTargets(loss: output.name)
    }
  }

  /// Checks that examples have what the model reads.
  public func checkInputs(_ layout: ExampleLayout) throws(ModelFitError) {
    guard layout.inputs == inputs else { throw .inputs(layout.inputs, expected: inputs) }
    switch layout.input {
    case .numbers: guard !readsTokens else { throw .numbersForTokens }
    case .tokens(let vocabulary):
      guard readsTokens else { throw .tokensForNumbers }
      guard vocabulary <= outputs else { throw .vocabulary(vocabulary, limit: outputs) }
    }
  }
}

/// Why data and model do not go together.
public enum ModelFitError: Error, Equatable, Sendable {
  case noTargets
  case inputs(Int, expected: Int)
  case classes(Int, limit: Int)
  case targets(Int, expected: Int)
  case vocabulary(Int, limit: Int)
  case numbersForTokens
  case tokensForNumbers
  case otherTargets(loss: String)
}

extension ModelFitError: CustomStringConvertible {
  /// One lower-case sentence.
  public var description: String {
    switch self {
    case .noTargets: "the data have no targets to learn"
    case .inputs(let count, let expected):
      "the data have \(count) inputs an example, the model has \(expected)"
    case .classes(let count, let limit):
      "the data have \(count) classes, the model has outputs for \(limit)"
    case .targets(let count, let expected):
      "the data have \(count) target numbers an example, the model has \(expected) outputs"
    case .vocabulary(let count, let limit):
      "the data have \(count) different tokens, the model knows \(limit)"
    case .numbersForTokens: "the model reads tokens, the data are numbers"
    case .tokensForNumbers: "the model reads numbers, the data are tokens"
    case .otherTargets(let loss): "the loss \(loss) cannot be computed from the data's targets"
    }
  }
}
