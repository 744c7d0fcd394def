internal import Cryptography
package import NeuralNetworks
internal import Persistence
internal import Primitives

/// The examples of one training.
package struct TrainingData: Sendable {
  /// What is trained on.
  package let training: any DatasetSource
  /// What is tested with.
  package let test: any DatasetSource
  /// Where they come from.
  package let description: DataDescription
  /// What was done to them.
  package let preparation: DataPreparation

  private static let million = 1_000_000
  /// Grey levels of IDX files are bytes.
  private static let greyLevels: Float = 255
  /// Pair encoding begins with a token for each byte.
  private static let byteTokens = 256
  /// Rows that are looked at together.
  private static let chunkRows = 1_024
  /// Values that are scaled once and kept instead of each time they are read.
  private static let valuesInMemoryMax = 1 << 26

  /// Reads what a person ordered.
  package init(_ order: DataOrder, for architecture: ModelArchitecture) throws {
    try self.init(order, for: architecture, expected: nil)
  }

  /// Reads the files of a commitment, which must be the same.
  init(
    _ description: DataDescription, movedTo path: String?, for architecture: ModelArchitecture
  ) throws {
    try self.init(
      description.order(movedTo: path), for: architecture, expected: description)
  }

  private init(
    _ order: DataOrder, for architecture: ModelArchitecture, expected: DataDescription?
  ) throws {
    let files = try OpenedFiles(order, expected: expected)
    do {
      let format = try DataFormat(
        files.training.source, readsTokens: architecture.readsTokens)
      let scaling =
        order.scaling
        ?? (format == .text ? .none : format == .idx ? .divisor(Self.greyLevels) : .standard)
      let read =
        try format == .text
        ? Self.readText(files, order, architecture)
        : Self.readTables(files, order, architecture, format: format, scaling: scaling)
      training = read.training
      test = read.test
      preparation = read.preparation
      description = files.description(order, scaling: scaling)
      try training.checkTrainable(classNames: preparation.classNames ?? [])
      try Self.check(read.training, read.test, architecture)
    } catch let error as DatasetError {
      throw LocalTrainingError.data(
        path: order.training, reason: error.description, hint: error.hint)
    } catch let error as ModelFitError {
      throw LocalTrainingError.data(
        path: order.training, reason: error.description,
        hint: "compare the architecture in the model configuration with the data")
    }
  }

  private typealias Parts = (
    training: any DatasetSource, test: any DatasetSource, preparation: DataPreparation
  )

  private static func check(
    _ training: any DatasetSource, _ test: any DatasetSource, _ architecture: ModelArchitecture
  ) throws {
    try architecture.checkFits(training.layout)
    try architecture.checkFits(test.layout)
  }

  /// Training examples of each class; nil where there are no classes.
  package func classCounts() throws -> [Int]? {
    guard let classes = training.layout.classes else { return nil }
    var counts = [Int](repeating: 0, count: classes)
    var source = training
    for start in stride(from: 0, to: source.rows, by: Self.chunkRows) {
      let rows = (start..<min(start + Self.chunkRows, source.rows)).map { Int32($0) }
      guard case .classes(let labels, _) = try source.table(rows: rows[...]).targets else {
        return nil
      }
      for label in labels { counts[Int(label)] += 1 }
    }
    return counts
  }

  // MARK: Tables

  private static func readTables(
    _ files: OpenedFiles, _ order: DataOrder, _ architecture: ModelArchitecture,
    format: DataFormat, scaling: DataScaling
  ) throws -> Parts {
    var divisor: Float = 1
    if case .divisor(let number) = scaling { divisor = number }
    let reading = ExampleReading(
      architecture: architecture, targetColumn: order.targetColumn, divisor: divisor)
    let whole = try reading.read(
      files.training.source, format: format, labels: files.labels?.source, target: .learned)
    var (training, test): (any DatasetSource, any DatasetSource)
    if let file = files.test {
      training = whole.source
      let testFormat = try DataFormat(file.source, readsTokens: false)
      test = try reading.read(
        file.source, format: testFormat, labels: files.testLabels?.source,
        target: .classes(count: whole.source.layout.classes ?? 0, names: whole.classNames)
      ).source
    } else {
      (training, test) = try parts(of: whole.source, aside: order.testPartsPerMillion)
    }
    var preparation = DataPreparation(
      classNames: whole.classNames, featureNames: whole.featureNames)
    switch scaling {
    case .none: break
    case .divisor(let number): preparation.scaling = .divisor(number)
    case .standard:
      preparation.scaling = .standard(try Standardisation(of: training))
      training = try kept(preparation.applied(to: training))
      test = try kept(preparation.applied(to: test))
    }
    return (training, test, preparation)
  }

  /// Row i is a test row where ⌈i · f⌉ grows: for a fifth these are the rows with i % 5 = 0.
  private static func parts(
    of source: some DatasetSource, aside: Int
  ) throws -> (any DatasetSource, any DatasetSource) {
    func ceiling(_ row: Int) -> Int { (row * aside + million - 1) / million }
    let rows = (0..<source.rows).map { Int32($0) }
    let test = rows.filter { ceiling(Int($0) + 1) > ceiling(Int($0)) }
    let training = rows.filter { ceiling(Int($0) + 1) == ceiling(Int($0)) }
    guard !training.isEmpty else {
      throw DatasetError.emptyPart("training", rows: source.rows)
    }
    guard !test.isEmpty else { throw DatasetError.emptyPart("test", rows: source.rows) }
    return (
      try kept(SelectedRows(source, rows: training)), try kept(SelectedRows(source, rows: test))
    )
  }

  private static func kept(_ source: any DatasetSource) throws -> any DatasetSource {
    let values = source.rows.multipliedReportingOverflow(by: source.layout.inputs)
    guard !values.overflow, values.partialValue <= valuesInMemoryMax else { return source }
    var source = source
    return try source.table()
  }

  // MARK: Text

  private static func readText(
    _ files: OpenedFiles, _ order: DataOrder, _ architecture: ModelArchitecture
  ) throws -> Parts {
    let text = try DataFile.bytes(of: files.training.source)
    let vocabulary = try vocabulary(of: text, for: architecture)
    let tokens = try vocabulary.encode(text)
    let (training, test): ([Int32], [Int32])
    if let file = files.test {
      training = tokens
      test = try vocabulary.encode(DataFile.bytes(of: file.source))
    } else {
      // Neighbouring windows are alike, so the end of the text is the test.
      let cut = tokens.count - tokens.count * order.testPartsPerMillion / million
      (training, test) = (Array(tokens[..<cut]), Array(tokens[cut...]))
    }
    func windows(_ tokens: [Int32]) throws -> TokenWindows {
      try TokenWindows(tokens, vocabulary: vocabulary.size, length: architecture.inputs)
    }
    return (
      try windows(training), try windows(test), DataPreparation(vocabulary: vocabulary)
    )
  }

  /// Characters, if the model has room for all that occur; else pairs, if it has room for bytes.
  private static func vocabulary(
    of text: Bytes, for architecture: ModelArchitecture
  ) throws -> Vocabulary {
    let characters = try Vocabulary.characters(of: text)
    let room = architecture.outputs
    guard characters.size > room else { return characters }
    guard room > Self.byteTokens else {
      throw DatasetError.vocabulary(
        "the text has \(characters.size) different characters, the model has room for \(room)")
    }
    return .pairs(try BytePairEncoding(training: text, size: room))
  }
}

/// The files of an order, opened and hashed.
private struct OpenedFiles {
  typealias Opened = (file: DataFile, source: ByteSource)
  let training: Opened
  let labels: Opened?
  let test: Opened?
  let testLabels: Opened?

  init(_ order: DataOrder, expected: DataDescription?) throws {
    training = try DataFile.open(order.training, expected: expected?.training)
    labels = try Self.labels(order.labels, beside: order.training, expected?.labels)
    test = try order.test.map { try DataFile.open($0, expected: expected?.test) }
    testLabels = try order.test.flatMap {
      try Self.labels(order.testLabels, beside: $0, expected?.testLabels)
    }
  }

  /// Labels that were named, or those that stand beside the images of MNIST-like files.
  private static func labels(
    _ path: String?, beside images: String, _ expected: DataFile?
  ) throws -> Opened? {
    if let path { return try DataFile.open(path, expected: expected) }
    let parts = images.split(
      separator: "images-idx3", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    return try DataFile.open("\(parts[0])labels-idx1\(parts[1])", expected: expected)
  }

  func description(_ order: DataOrder, scaling: DataScaling) -> DataDescription {
    DataDescription(
      training: training.file, labels: labels?.file, test: test?.file,
      testLabels: testLabels?.file, testPartsPerMillion: order.testPartsPerMillion,
      targetColumn: order.targetColumn, scaling: scaling)
  }
}
