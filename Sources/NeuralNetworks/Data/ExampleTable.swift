public import Cryptography

/// Examples in memory: what the readers of small files give.
public struct ExampleTable: DatasetSource, Hashable {
  /// The inputs of all rows.
  public enum Inputs: Hashable, Sendable {
    /// [rows, inputs].
    case numbers([Float])
    /// [rows, inputs], each 0 ..< vocabulary.
    case tokens([Int32], vocabulary: Int)
  }

  /// The targets of all rows.
  public enum Targets: Hashable, Sendable {
    /// Examples to predict.
    case none
    /// [rows], each 0 ..< count.
    case classes([Int32], count: Int)
    /// [rows, width].
    case numbers([Float], width: Int)
    /// [rows, length], each 0 ..< vocabulary.
    case tokens([Int32], vocabulary: Int, length: Int)
  }

  /// Rows that streaming passes look at together: some hundred kilobytes of a usual table.
  static let chunkRows = 1_024

  /// The inputs.
  public let inputs: Inputs
  /// The targets.
  public let targets: Targets
  /// The number of examples.
  public let rows: Int
  /// What each example looks like.
  public let layout: ExampleLayout

  /// Takes features and targets; checks sizes, labels and that every number is finite.
  public init(
    features: [Float], targets: Targets, rows: Int, inputShape: [Int]
  ) throws(DatasetError) {
    let inputs = try checkedProduct(inputShape, max: Dataset.Limits.inputsMax)
    guard inputs > 0 else { throw .inputs(inputs) }
    guard rows > 0 else { throw .empty }
    guard features.count <= Dataset.Limits.valuesMax else {
      throw .tooLarge(values: features.count)
    }
    let (expected, overflow) = rows.multipliedReportingOverflow(by: inputs)
    guard !overflow, features.count == expected else {
      throw .featureCount(features.count, rows: rows, inputs: inputs)
    }
    try Dataset.checkFinite(features, width: inputs)
    try targets.check(rows: rows)
    self.init(unchecked: .numbers(features), targets: targets, inputShape: inputShape, rows: rows)
  }

  init(unchecked inputs: Inputs, targets: Targets, inputShape: [Int], rows: Int) {
    self.inputs = inputs
    self.targets = targets
    self.rows = rows
    let input: ExampleLayout.Input =
      switch inputs {
      case .numbers: .numbers
      case .tokens(_, let vocabulary): .tokens(vocabulary: vocabulary)
      }
    let target: ExampleLayout.Target =
      switch targets {
      case .none: .none
      case .classes(_, let count): .classes(count)
      case .numbers(_, let width): .numbers(width: width)
      case .tokens(_, let vocabulary, let length):
        .tokens(vocabulary: vocabulary, length: length)
      }
    layout = ExampleLayout(inputShape: inputShape, input: input, target: target)
  }

  /// Copies examples.
  public func read(rows numbers: ArraySlice<Int32>, into batch: ExampleBatch) {
    let width = layout.inputs
    switch inputs {
    case .numbers(let values): copy(values, width: width, rows: numbers, to: batch.inputs)
    case .tokens(let values, _): copy(values, width: width, rows: numbers, to: batch.inputs)
    }
    guard let place = batch.targets else { return }
    switch targets {
    case .none: break
    case .classes(let values, _): copy(values, width: 1, rows: numbers, to: place)
    case .numbers(let values, let width): copy(values, width: width, rows: numbers, to: place)
    case .tokens(let values, _, let length): copy(values, width: length, rows: numbers, to: place)
    }
  }
}

/// Copies rows of `width` cells of four bytes.
private func copy<Cell: BitwiseCopyable>(
  _ values: [Cell], width: Int, rows: ArraySlice<Int32>, to place: UnsafeMutableRawPointer
) {
  let bytes = width * MemoryLayout<Cell>.size
  values.withUnsafeBytes { source in
    var target = place
    for row in rows {
      let start = Int(row) * bytes
      target.copyMemory(
        from: UnsafeRawBufferPointer(rebasing: source[start..<start + bytes]).baseAddress!,
        byteCount: bytes)
      target += bytes
    }
  }
}

/// The product of sizes that somebody else may have written.
func checkedProduct(_ sizes: [Int], max: Int) throws(DatasetError) -> Int {
  var product = 1
  for size in sizes {
    let (next, overflow) = product.multipliedReportingOverflow(by: size)
    guard size >= 0, !overflow, next <= max else { throw .shape(sizes, expected: "a smaller one") }
    product = next
  }
  return product
}

extension ExampleTable.Targets {
  func check(rows: Int) throws(DatasetError) {
    switch self {
    case .none: return
    case .classes(let labels, let count):
      guard (1...Dataset.Limits.classesMax).contains(count) else { throw .classes(count) }
      guard labels.count == rows else { throw .rowCount(labels.count, expected: rows) }
      for (row, label) in labels.enumerated() where !(0..<Int32(count)).contains(label) {
        throw .label(Int(label), row: row, classes: count)
      }
    case .numbers(let values, let width):
      guard (1...Dataset.Limits.inputsMax).contains(width) else { throw .inputs(width) }
      guard values.count == rows * width else {
        throw .featureCount(values.count, rows: rows, inputs: width)
      }
      try Dataset.checkFinite(values, width: width)
    case .tokens(let values, let vocabulary, let length):
      guard values.count == rows * length else {
        throw .featureCount(values.count, rows: rows, inputs: length)
      }
      for (place, token) in values.enumerated() where !(0..<Int32(vocabulary)).contains(token) {
        throw .label(Int(token), row: place / length, classes: vocabulary)
      }
    }
  }
}

extension Dataset: DatasetSource {
  /// One class an example.
  public var layout: ExampleLayout {
    ExampleLayout(inputShape: [inputs], target: .classes(classes))
  }

  /// Copies examples.
  public func read(rows numbers: ArraySlice<Int32>, into batch: ExampleBatch) {
    copy(features, width: inputs, rows: numbers, to: batch.inputs)
    if let place = batch.targets { copy(labels, width: 1, rows: numbers, to: place) }
  }

  /// A table of numbers with classes as targets.
  public init(_ table: ExampleTable) throws(DatasetError) {
    guard case .numbers(let features) = table.inputs,
      case .classes(let labels, let count) = table.targets
    else { throw .classes(0) }
    try self.init(
      features: features, labels: labels, inputs: table.layout.inputs, classes: count)
  }
}

/// Some rows of another source, such as its training part.
public struct SelectedRows<Base: DatasetSource>: DatasetSource {
  private var base: Base
  private let numbers: [Int32]

  /// Rows `numbers` of `base`, in that order.
  public init(_ base: Base, rows numbers: [Int32]) {
    precondition(numbers.allSatisfy { (0..<Int32(base.rows)).contains($0) })
    self.base = base
    self.numbers = numbers
  }

  /// The number of chosen rows.
  public var rows: Int { numbers.count }
  /// That of the base.
  public var layout: ExampleLayout { base.layout }

  /// Reads the base's rows.
  public mutating func read(
    rows: ArraySlice<Int32>, into batch: ExampleBatch
  ) throws(DatasetError) {
    try base.read(rows: rows.map { numbers[Int($0)] }[...], into: batch)
  }
}

extension DatasetSource {
  /// SHA-256 over the layout and all cells in row order: what a commitment names.
  ///
  /// A `Dataset` has its own digest, over its canonical bytes, which tasks of a session name.
  public func contentDigest() throws(DatasetError) -> Digest {
    let hasher = SHA256Hasher()
    layout.description(rows: rows).withUnsafeBytes { hasher.update($0) }
    var source = self
    for start in stride(from: 0, to: rows, by: ExampleTable.chunkRows) {
      let numbers = (start..<min(start + ExampleTable.chunkRows, rows)).map { Int32($0) }
      let part = try source.table(rows: numbers[...])
      switch part.inputs {
      case .numbers(let values): values.withUnsafeBytes { hasher.update($0) }
      case .tokens(let values, _): values.withUnsafeBytes { hasher.update($0) }
      }
      switch part.targets {
      case .none: break
      case .classes(let values, _): values.withUnsafeBytes { hasher.update($0) }
      case .numbers(let values, _): values.withUnsafeBytes { hasher.update($0) }
      case .tokens(let values, _, _): values.withUnsafeBytes { hasher.update($0) }
      }
    }
    return hasher.finalize()
  }
}

extension ExampleLayout {
  /// Big-endian 64-bit numbers: rows; the input's vocabulary or 0; the target's kind (0 none, 1
  /// classes, 2 numbers, 3 tokens), its count or vocabulary, its width; then the input's sizes.
  fileprivate func description(rows: Int) -> [UInt64] {
    let vocabulary = if case .tokens(let size) = input { size } else { 0 }
    let kind =
      switch target {
      case .none: [0, 0, 0]
      case .classes(let count): [1, count, 1]
      case .numbers(let width): [2, 0, width]
      case .tokens(let vocabulary, let length): [3, vocabulary, length]
      }
    return ([rows, vocabulary] + kind + inputShape).map { UInt64($0).bigEndian }
  }
}
