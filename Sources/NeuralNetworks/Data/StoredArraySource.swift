/// Examples whose features, and labels or targets, are arrays of files; rows are read when they are
/// wanted.
public struct StoredArraySource: DatasetSource {
  /// What the array of targets holds.
  public enum TargetRule: Hashable, Sendable {
    /// Whole numbers 0 ..< classes; nil takes the largest that occurs.
    case classes(Int?)
    /// Numbers to be predicted, one row an example.
    case regression
  }

  /// The number of examples.
  public let rows: Int
  /// What each example looks like.
  public let layout: ExampleLayout
  private let features: StoredArray
  private let divisor: Float
  /// Labels of all rows, four bytes each.
  private let labels: [Int32]
  /// Targets of all rows [rows, width].
  private let targets: [Float]
  /// Features of all rows if they are stored column by column, which only memory can turn.
  private let turned: [Float]
  private var buffer: [UInt8] = []

  /// Features [rows, …] divided by `divisor` (255 for grey levels), and targets [rows] or [rows,
  /// width]. The targets are read and checked now, the features when a row is read.
  public init(
    features: StoredArray, labels array: StoredArray?, rule: TargetRule = .classes(nil),
    divisor: Float = 1
  ) throws(DatasetError) {
    precondition(divisor.isFinite && divisor > 0)
    let shape = features.shape.count > 1 ? Array(features.shape.dropFirst()) : [1]
    guard !features.shape.isEmpty, features.rows > 0 else { throw .empty }
    guard features.rows <= CSVSource.rowsMax else { throw .tooLarge(values: features.rows) }
    let inputs = try checkedProduct(shape, max: Dataset.Limits.inputsMax)
    guard inputs > 0 else { throw .inputs(inputs) }
    if let array, array.rows != features.rows || array.shape.isEmpty {
      throw .rowCount(array.rows, expected: features.rows)
    }
    self.features = features
    self.divisor = divisor
    rows = features.rows
    turned = features.isColumnMajor ? try features.floats() : []
    guard let array else {
      (labels, targets) = ([], [])
      layout = ExampleLayout(inputShape: shape, target: .none)
      return
    }
    switch rule {
    case .classes(let classes):
      let (numbers, count) = try Self.labels(array, classes: classes)
      (labels, targets) = (numbers, [])
      layout = ExampleLayout(inputShape: shape, target: .classes(count))
    case .regression:
      let width = array.rowElements
      let numbers = ExampleTable.Targets.numbers(try array.floats(), width: width)
      try numbers.check(rows: rows)
      labels = []
      if case .numbers(let values, _) = numbers { targets = values } else { targets = [] }
      layout = ExampleLayout(inputShape: shape, target: .numbers(width: width))
    }
  }

  private static func labels(
    _ array: StoredArray, classes: Int?
  ) throws(DatasetError) -> ([Int32], Int) {
    guard array.rowElements == 1 else { throw .shape(array.shape, expected: "one label a row") }
    let numbers = try array.integers()
    let limit = classes ?? Dataset.Limits.classesMax
    guard (1...Dataset.Limits.classesMax).contains(limit) else { throw .classes(limit) }
    for (row, label) in numbers.enumerated() where !(0..<limit).contains(label) {
      throw .label(label, row: row, classes: limit)
    }
    return (numbers.map { Int32($0) }, classes ?? (numbers.max() ?? 0) + 1)
  }

  /// Reads rows; runs of rising neighbours are read in one go.
  public mutating func read(
    rows numbers: ArraySlice<Int32>, into batch: ExampleBatch
  ) throws(DatasetError) {
    let inputs = batch.inputs.assumingMemoryBound(to: Float.self)
    var index = numbers.startIndex
    while index < numbers.endIndex {
      var end = index + 1
      while end < numbers.endIndex, numbers[end] == numbers[end - 1] + 1 { end += 1 }
      try readRun(
        from: Int(numbers[index]), count: end - index,
        to: inputs + (index - numbers.startIndex) * layout.inputs)
      index = end
    }
    guard let place = batch.targets else { return }
    let width = layout.targets
    for (index, number) in numbers.enumerated() {
      for column in 0..<width {
        let offset = (index * width + column) * ExampleBatch.cellBytes
        if labels.isEmpty {
          place.storeBytes(
            of: targets[Int(number) * width + column], toByteOffset: offset, as: Float.self)
        } else {
          place.storeBytes(of: labels[Int(number)], toByteOffset: offset, as: Int32.self)
        }
      }
    }
  }

  private mutating func readRun(
    from row: Int, count: Int, to target: UnsafeMutablePointer<Float>
  ) throws(DatasetError) {
    let width = layout.inputs
    let cells = count * width
    if features.isColumnMajor {
      for index in 0..<cells { target[index] = turned[row * width + index] / divisor }
    } else {
      let size = features.number.bytes
      buffer = try features.source.bytes(
        at: features.offset + row * width * size, limit: cells * size)
      buffer.withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress else { return }
        for index in 0..<cells {
          target[index] = features.number.float(base + index * size) / divisor
        }
      }
    }
    for index in 0..<cells where !target[index].isFinite {
      throw .notFinite(row: row + index / width, column: index % width)
    }
  }
}

extension StoredArraySource {
  /// A table [rows, columns] whose last column is the target, read into memory.
  public static func table(
    lastColumnOf array: StoredArray, rule: TargetRule = .classes(nil), divisor: Float = 1
  ) throws(DatasetError) -> ExampleTable {
    guard array.shape.count == 2, array.shape[1] > 1 else {
      throw .shape(array.shape, expected: "[rows, columns] with the target in the last column")
    }
    let columns = array.shape[1]
    let values = try array.floats()
    var features: [Float] = []
    var targets: [Float] = []
    for row in 0..<array.shape[0] {
      features += values[row * columns..<(row + 1) * columns - 1].map { $0 / divisor }
      targets.append(values[(row + 1) * columns - 1])
    }
    guard case .classes(let classes) = rule else {
      return try ExampleTable(
        features: features, targets: .numbers(targets, width: 1), rows: array.shape[0],
        inputShape: [columns - 1])
    }
    var labels: [Int32] = []
    let limit = classes ?? Dataset.Limits.classesMax
    for (row, value) in targets.enumerated() {
      guard let label = Int(exactly: value), (0..<limit).contains(label) else {
        throw .label(Int(exactly: value.rounded()) ?? -1, row: row, classes: limit)
      }
      labels.append(Int32(label))
    }
    return try ExampleTable(
      features: features,
      targets: .classes(labels, count: classes ?? Int(labels.max() ?? 0) + 1),
      rows: array.shape[0], inputShape: [columns - 1])
  }
}
