public import Primitives

/// A CSV file whose rows are read when they are wanted.
///
/// Opening reads the file once and checks every cell, so a mistake is named before training. What
/// stays in memory is one place for each sixteen rows.
public struct CSVSource: DatasetSource {
  /// A place for each so many rows: 1 byte of memory a row.
  private static let recordsPerMark = 16
  /// Row numbers are Int32.
  static let rowsMax = Int(Int32.max)

  /// The number of examples.
  public let rows: Int
  /// What each example looks like.
  public let layout: ExampleLayout
  /// Names of the feature columns, empty without a header.
  public let featureNames: [String]
  /// The name of the target column, if the file has a header.
  public let targetName: String?
  /// Names of the classes, if they are words.
  public let classNames: [String]?

  private let schema: CSVSchema
  private let cells: CSVCells
  private let marks: [(offset: Int, line: Int)]
  private var records: CSVRecords
  /// The row that `records` gives next.
  private var nextRow = -1

  /// Reads and checks a whole file once.
  public init(_ source: ByteSource, layout: CSVLayout) throws(DatasetError) {
    let schema = try CSVSchema(source, layout: layout)
    var records = try CSVRecords(source, separator: layout.separator)
    var labels = CSVLabelScan(rule: layout.target, schema: schema)
    let reader = CSVCells(schema: schema, layout: layout, classes: [:])
    var marks: [(offset: Int, line: Int)] = []
    var row = 0
    if schema.skipsFirst { _ = try records.next() }
    while try records.next() {
      guard row < Self.rowsMax else { throw .tooLarge(values: row) }
      if row.isMultiple(of: Self.recordsPerMark) { marks.append((records.start, records.line)) }
      try reader.check(records)
      try labels.take(records)
      row += 1
    }
    guard row > 0 else { throw .empty }
    if let promised = schema.promisedRows, promised != row {
      throw .rowCount(row, expected: promised)
    }
    let (target, names, classes) = try labels.finish()
    self.schema = schema
    self.marks = marks
    self.records = records
    rows = row
    classNames = names
    featureNames = schema.featureNames
    targetName = schema.targetName
    cells = CSVCells(schema: schema, layout: layout, classes: classes)
    self.layout = ExampleLayout(inputShape: [schema.features], target: target)
  }

  /// Reads rows; runs of rising neighbours are read in one go.
  public mutating func read(
    rows numbers: ArraySlice<Int32>, into batch: ExampleBatch
  ) throws(DatasetError) {
    let inputs = UnsafeMutableBufferPointer(
      start: batch.inputs.assumingMemoryBound(to: Float.self),
      count: numbers.count * layout.inputs)
    for (index, number) in numbers.enumerated() {
      try go(to: Int(number))
      let place = UnsafeMutableBufferPointer(
        rebasing: inputs[index * layout.inputs..<(index + 1) * layout.inputs])
      try cells.readFeatures(records, into: place)
      if let targets = batch.targets, layout.targets > 0 {
        try cells.readTarget(records, into: targets + index * ExampleBatch.cellBytes)
      }
    }
  }

  private mutating func go(to row: Int) throws(DatasetError) {
    let mark = row / Self.recordsPerMark
    if nextRow < 0 || row < nextRow || row - nextRow >= Self.recordsPerMark {
      records.seek(to: marks[mark].offset, line: marks[mark].line)
      nextRow = mark * Self.recordsPerMark
    }
    while nextRow <= row {
      guard try records.next() else { throw .rowCount(nextRow, expected: rows) }
      nextRow += 1
    }
  }
}

extension Dataset {
  /// Reads comma-separated decimal numbers, one example a line, the label in the last column.
  ///
  /// Strict unless `layout` says otherwise: no header or empty lines; every line has as many
  /// columns as the first; a carriage return before the line feed is accepted. `bytes` may be
  /// anything.
  public init(csv bytes: Bytes, layout: CSVLayout = CSVLayout()) throws(DatasetError) {
    try self.init(ExampleTable(csv: bytes, layout: layout))
  }
}

extension ExampleTable {
  /// Reads a whole CSV file into memory.
  public init(csv bytes: Bytes, layout: CSVLayout) throws(DatasetError) {
    var source = try CSVSource(ByteSource(bytes), layout: layout)
    self = try source.table()
  }
}

extension DatasetSource {
  /// Copies all examples into memory.
  public mutating func table() throws(DatasetError) -> ExampleTable {
    // Before any array of row numbers is made for a file that is too large anyway.
    let (cells, overflow) = rows.multipliedReportingOverflow(by: layout.inputs + layout.targets)
    guard !overflow, cells <= Dataset.Limits.valuesMax else { throw .tooLarge(values: cells) }
    return try table(rows: (0..<rows).map { Int32($0) }[...])
  }
}

/// Fuzz entry: any bytes give a data set or a `DatasetError`.
package func fuzzDatasetCSV(_ bytes: Bytes) {
  _ = try? Dataset(csv: bytes, layout: CSVLayout(featureScale: 16, classes: 10))
  for target in [CSVLayout.TargetRule.detected, .regression, .none, .names(["a", "b"])] {
    _ = try? ExampleTable(csv: bytes, layout: CSVLayout(header: .detected, target: target))
  }
}
