/// What the examples of a source look like: every cell is four bytes.
public struct ExampleLayout: Hashable, Sendable {
  /// What the input cells hold.
  public enum Input: Hashable, Sendable {
    /// Float32.
    case numbers
    /// Int32, 0 ..< vocabulary.
    case tokens(vocabulary: Int)
  }

  /// What the target cells hold.
  public enum Target: Hashable, Sendable {
    /// Nothing: examples to predict.
    case none
    /// One Int32, 0 ..< count.
    case classes(Int)
    /// `width` Float32.
    case numbers(width: Int)
    /// `length` Int32, 0 ..< vocabulary: the token that follows each input token.
    case tokens(vocabulary: Int, length: Int)
  }

  /// Sizes of one example's input, outermost first: [features], [height, width], [time].
  public let inputShape: [Int]
  /// What the input cells hold.
  public let input: Input
  /// What the target cells hold.
  public let target: Target

  /// Describes examples; sizes have been checked by the reader.
  public init(inputShape: [Int], input: Input = .numbers, target: Target) {
    self.inputShape = inputShape
    self.input = input
    self.target = target
  }

  /// Input cells of one example.
  public var inputs: Int { inputShape.reduce(1, *) }

  /// Target cells of one example.
  public var targets: Int {
    switch target {
    case .none: 0
    case .classes: 1
    case .numbers(let width): width
    case .tokens(_, let length): length
    }
  }

  /// The number of classes, if the target is one.
  public var classes: Int? {
    if case .classes(let count) = target { count } else { nil }
  }
}

/// Where a batch goes: two places of four-byte cells that the caller owns.
public struct ExampleBatch {
  /// Input cells [batch, inputs].
  public let inputs: UnsafeMutableRawPointer
  /// Target cells [batch, targets]; nil when the targets are not wanted.
  public let targets: UnsafeMutableRawPointer?

  /// Bytes of a cell.
  public static let cellBytes = 4

  /// Places that hold at least as many cells as the rows that will be read.
  public init(inputs: UnsafeMutableRawPointer, targets: UnsafeMutableRawPointer?) {
    self.inputs = inputs
    self.targets = targets
  }
}

/// Examples by number, in memory or in a file larger than memory.
///
/// The same numbers give the same bits on every machine. Reading may move a window over a file, so
/// it is mutating; a copy of a source is independent.
public protocol DatasetSource: Sendable {
  /// The number of examples.
  var rows: Int { get }
  /// What each example looks like.
  var layout: ExampleLayout { get }
  /// Copies examples `rows` (each 0 ..< `self.rows`) in that order; NaN and infinity are refused.
  mutating func read(rows: ArraySlice<Int32>, into batch: ExampleBatch) throws(DatasetError)
}

extension DatasetSource {
  /// Checks what every training needs: rows, and two classes where there are classes.
  public func checkTrainable(classNames: [String] = []) throws(DatasetError) {
    guard rows > 0 else { throw .empty }
    guard case .classes = layout.target else { return }
    var source = self
    var first: Int32?
    for start in stride(from: 0, to: rows, by: ExampleTable.chunkRows) {
      let numbers = (start..<min(start + ExampleTable.chunkRows, rows)).map { Int32($0) }
      let part = try source.table(rows: numbers[...])
      guard case .classes(let labels, _) = part.targets else { return }
      for label in labels {
        if let first, label != first { return }
        first = label
      }
    }
    let label = Int(first ?? 0)
    throw .oneClass(classNames.indices.contains(label) ? classNames[label] : "\(label)")
  }

  /// Copies examples into memory.
  public mutating func table(rows numbers: ArraySlice<Int32>) throws(DatasetError) -> ExampleTable {
    let cells = numbers.count * (layout.inputs + layout.targets)
    guard cells <= Dataset.Limits.valuesMax else { throw .tooLarge(values: cells) }
    let bytes = ExampleBatch.cellBytes
    let inputs = UnsafeMutableRawBufferPointer.allocate(
      byteCount: numbers.count * layout.inputs * bytes, alignment: bytes)
    defer { inputs.deallocate() }
    let targets = UnsafeMutableRawBufferPointer.allocate(
      byteCount: numbers.count * layout.targets * bytes, alignment: bytes)
    defer { targets.deallocate() }
    guard let inputPlace = inputs.baseAddress, let targetPlace = targets.baseAddress else {
      throw .empty
    }
    if !numbers.isEmpty {
      try read(rows: numbers, into: ExampleBatch(inputs: inputPlace, targets: targetPlace))
    }
    let kept: ExampleTable.Targets =
      switch layout.target {
      case .none: .none
      case .classes(let count): .classes(Array(targets.bindMemory(to: Int32.self)), count: count)
      case .numbers(let width): .numbers(Array(targets.bindMemory(to: Float.self)), width: width)
      case .tokens(let vocabulary, let length):
        .tokens(
          Array(targets.bindMemory(to: Int32.self)), vocabulary: vocabulary, length: length)
      }
    let numbersOfRows = numbers.count
    switch layout.input {
    case .numbers:
      return ExampleTable(
        unchecked: .numbers(Array(inputs.bindMemory(to: Float.self))), targets: kept,
        inputShape: layout.inputShape, rows: numbersOfRows)
    case .tokens(let vocabulary):
      return ExampleTable(
        unchecked: .tokens(Array(inputs.bindMemory(to: Int32.self)), vocabulary: vocabulary),
        targets: kept, inputShape: layout.inputShape, rows: numbersOfRows)
    }
  }
}
