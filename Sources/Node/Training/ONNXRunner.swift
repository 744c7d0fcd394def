internal import NeuralNetworks

/// Runs a graph of one input, batch by batch, over examples.
struct ONNXRunner {
  /// Rows of one run where the graph leaves their number open.
  private static let batchRows = 64

  private let model: ONNXModel
  private let port: ONNXModel.Port
  /// Rows that one run takes.
  private let rows: Int
  /// Sizes of one row.
  private let rowShape: [Int]

  /// A graph with one input of numbers whose first size counts examples.
  init(_ model: ONNXModel) throws(ONNXError) {
    guard model.inputs.count == 1, let port = model.inputs.first, port.isFloat,
      !model.outputs.isEmpty
    else {
      throw .unsupported(
        node: model.inputs.first?.name ?? "graph", reason: "anything but one input of numbers")
    }
    let sizes = port.shape.dropFirst()
    guard !port.shape.isEmpty, sizes.allSatisfy({ $0 != nil }) else {
      throw .mismatch(node: port.name, reason: "the sizes of one example are not fixed")
    }
    self.model = model
    self.port = port
    rows = (port.shape.first ?? nil) ?? Self.batchRows
    rowShape = sizes.compactMap(\.self)
    guard rows > 0, rowShape.allSatisfy({ $0 > 0 }) else {
      throw .mismatch(node: port.name, reason: "a size is 0")
    }
  }

  /// Numbers of one example.
  var inputs: Int { rowShape.reduce(1, *) }

  /// The first output of every example, one after another.
  func outputs(of source: any DatasetSource) throws -> [Float] {
    var source = source
    var all: [Float] = []
    for start in stride(from: 0, to: source.rows, by: rows) {
      let numbers = (start..<min(start + rows, source.rows)).map { Int32($0) }
      guard case .numbers(var values) = try source.table(rows: numbers[...]).inputs else {
        throw DatasetError.inputs(0)
      }
      // A graph of fixed size gets empty rows behind the last; their answers are dropped.
      let isFixed = port.shape.first != .some(nil)
      let given = isFixed ? rows : numbers.count
      values += [Float](repeating: 0, count: (given - numbers.count) * inputs)
      let answers = try model.run([
        port.name: ONNXTensor(shape: [given] + rowShape, floats: values)
      ])
      guard let answer = answers[model.outputs[0].name],
        case .floats(let results) = answer.elements,
        answer.shape.first == given
      else {
        throw ONNXError.mismatch(
          node: model.outputs[0].name, reason: "it is not one row of numbers an example")
      }
      all += results.prefix(results.count / given * numbers.count)
    }
    return all
  }
}
