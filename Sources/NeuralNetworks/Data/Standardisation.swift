public import Primitives

/// Brings every feature to mean 0 and deviation 1, by the numbers of the training part.
///
/// x ↦ (x − mean) / deviation in Float64, rounded once to Float32. The deviation divides by the
/// number of rows (population), and a feature that never changes keeps the deviation 1, as
/// scikit-learn's StandardScaler does. Sums run in row order: the same numbers on every machine.
public struct Standardisation: Hashable, Sendable {
  /// [inputs].
  public let means: [Double]
  /// [inputs], each above 0.
  public let deviations: [Double]

  /// Takes numbers that were saved; refuses what could not have come from data.
  public init(means: [Double], deviations: [Double]) throws(DatasetError) {
    guard means.count == deviations.count, !means.isEmpty else {
      throw .featureCount(deviations.count, rows: 1, inputs: means.count)
    }
    for (column, (mean, deviation)) in zip(means, deviations).enumerated() {
      guard mean.isFinite, deviation.isFinite, deviation > 0 else {
        throw .notFinite(row: 0, column: column)
      }
    }
    self.means = means
    self.deviations = deviations
  }

  /// Reads all rows of the training part twice: for the means, then for the deviations.
  public init(of source: some DatasetSource) throws(DatasetError) {
    guard case .numbers = source.layout.input, source.rows > 0 else { throw .empty }
    let count = Double(source.rows)
    let zeros = [Double](repeating: 0, count: source.layout.inputs)
    let means = try sum(over: source, zeros) { sums, column, value in
      sums[column] += Double(value)
    }.map { $0 / count }
    let squares = try sum(over: source, zeros) { sums, column, value in
      let difference = Double(value) - means[column]
      sums[column] += difference * difference
    }
    try self.init(
      means: means,
      deviations: squares.map { $0 > 0 ? ($0 / count).squareRoot() : 1 })
  }

  /// Applies it to rows [rows, inputs] in place.
  func apply(to values: UnsafeMutableBufferPointer<Float>) {
    var column = 0
    for index in values.indices {
      values[index] = Float((Double(values[index]) - means[column]) / deviations[column])
      column = column + 1 == means.count ? 0 : column + 1
    }
  }

  /// `{"means": […], "deviations": […]}`; the shortest decimals that read back as the same bits.
  public var json: JSONValue {
    [
      "means": .array(means.map { .number($0) }),
      "deviations": .array(deviations.map { .number($0) }),
    ]
  }

  /// Reads what `json` wrote.
  public init(json: JSONValue) throws(DatasetError) {
    guard json.members?.count == 2, let means = json["means"]?.elements,
      let deviations = json["deviations"]?.elements
    else { throw .header(format: "standardisation", reason: "expected means and deviations") }
    func numbers(_ values: [JSONValue]) throws(DatasetError) -> [Double] {
      var numbers: [Double] = []
      for value in values {
        guard let number = value.double else {
          throw .header(format: "standardisation", reason: "expected numbers")
        }
        numbers.append(number)
      }
      return numbers
    }
    try self.init(means: numbers(means), deviations: numbers(deviations))
  }
}

/// Folds every feature of every row, in row order, into sums [inputs].
private func sum(
  over source: some DatasetSource, _ zeros: [Double],
  _ add: (inout [Double], _ column: Int, _ value: Float) -> Void
) throws(DatasetError) -> [Double] {
  var sums = zeros
  var source = source
  for start in stride(from: 0, to: source.rows, by: ExampleTable.chunkRows) {
    let rows = (start..<min(start + ExampleTable.chunkRows, source.rows)).map { Int32($0) }
    guard case .numbers(let values) = try source.table(rows: rows[...]).inputs else { continue }
    var column = 0
    for value in values {
      add(&sums, column, value)
      column = column + 1 == zeros.count ? 0 : column + 1
    }
  }
  return sums
}

/// A source whose features are standardised as they are read.
public struct StandardisedSource<Base: DatasetSource>: DatasetSource {
  private var base: Base
  private let standardisation: Standardisation

  /// Checks that both have as many features.
  public init(_ base: Base, by standardisation: Standardisation) throws(DatasetError) {
    guard base.layout.inputs == standardisation.means.count, case .numbers = base.layout.input
    else {
      throw .otherInputs(base.layout.inputs, expected: standardisation.means.count)
    }
    self.base = base
    self.standardisation = standardisation
  }

  /// That of the base.
  public var rows: Int { base.rows }
  /// That of the base.
  public var layout: ExampleLayout { base.layout }

  /// Reads the base's rows; a value that leaves Float32 is refused.
  public mutating func read(
    rows: ArraySlice<Int32>, into batch: ExampleBatch
  ) throws(DatasetError) {
    try base.read(rows: rows, into: batch)
    let width = layout.inputs
    let values = UnsafeMutableBufferPointer(
      start: batch.inputs.assumingMemoryBound(to: Float.self), count: rows.count * width)
    standardisation.apply(to: values)
    if let place = values.firstIndex(where: { !$0.isFinite }) {
      throw .notFinite(row: Int(rows[rows.startIndex + place / width]), column: place % width)
    }
  }
}
