internal import NeuralNetworks
internal import Persistence
internal import Primitives

/// Reads examples out of files of any format.
struct ExampleReading {
  /// What the model does with its examples; nil for a model that tells nothing.
  let architecture: ModelArchitecture?
  /// The name of the target column; nil for the last.
  let targetColumn: String?
  /// Features are divided by this.
  let divisor: Float

  /// What the target of a file is.
  enum Target {
    /// To be found out: training data.
    case learned
    /// Classes of the training data, by name or number.
    case classes(count: Int, names: [String]?)
    /// None is wanted: examples to predict.
    case none
  }

  /// Examples and what their names are.
  struct Examples {
    var source: any DatasetSource
    var classNames: [String]?
    var featureNames: [String] = []
  }

  /// Values up to which a file is kept in memory: reading text again each epoch is slow.
  private static let valuesInMemoryMax = 1 << 26

  private var isRegression: Bool {
    if case .values = architecture?.output { true } else { false }
  }

  /// Reads a file of examples; `labels` stands beside an array of features.
  func read(
    _ source: ByteSource, format: DataFormat, labels: ByteSource?, target: Target
  ) throws(DatasetError) -> Examples {
    switch format {
    case .csv: return try readCSV(source, target: target)
    case .npy, .idx:
      let features = try array(source, format)
      let labelArray = try labels.map { (source) throws(DatasetError) in
        try array(source, try DataFormat(source, readsTokens: false))
      }
      return try examples(features, labelArray, target)
    case .npz: return try readArchive(source, target: target)
    case .text: throw .otherInputs(0, expected: architecture?.inputs ?? 0)
    }
  }

  // MARK: CSV

  private func readCSV(_ source: ByteSource, target: Target) throws(DatasetError) -> Examples {
    let rule: CSVLayout.TargetRule =
      switch target {
      case .none: .none
      case .learned: isRegression ? .regression : .detected
      case .classes(_, .some(let names)): .names(names)
      case .classes(let count, nil):
        isRegression ? .regression : .wholeNumbers(classes: count)
      }
    var table = try CSVSource(
      source,
      layout: CSVLayout(
        featureScale: divisor, header: .detected,
        targetColumn: targetColumn.map { .named($0) } ?? .last, target: rule))
    let names = (table.classNames, table.featureNames)
    let values = table.rows.multipliedReportingOverflow(by: table.layout.inputs)
    let isSmall = !values.overflow && values.partialValue <= Self.valuesInMemoryMax
    let kept: any DatasetSource = isSmall ? try table.table() : table
    return Examples(source: kept, classNames: names.0, featureNames: names.1)
  }

  // MARK: Arrays

  private func array(_ source: ByteSource, _ format: DataFormat) throws(DatasetError) -> StoredArray
  {
    switch format {
    case .idx: return try IDX.array(in: source)
    case .npy: return try NPY.array(in: source)
    case .csv, .npz, .text:
      throw .header(format: "labels", reason: "expected an NPY or IDX file")
    }
  }

  private func examples(
    _ features: StoredArray, _ labels: StoredArray?, _ target: Target
  ) throws(DatasetError) -> Examples {
    let rule: StoredArraySource.TargetRule =
      switch target {
      case .classes(let count, _) where !isRegression: .classes(count)
      case .classes, .learned, .none: isRegression ? .regression : .classes(nil)
      }
    if case .none = target {
      return Examples(
        source: try StoredArraySource(features: features, labels: nil, divisor: divisor))
    }
    guard labels == nil, features.shape.count == 2 else {
      return Examples(
        source: try StoredArraySource(
          features: features, labels: labels, rule: rule, divisor: divisor))
    }
    return Examples(
      source: try StoredArraySource.table(lastColumnOf: features, rule: rule, divisor: divisor))
  }

  /// Names that programs give to the arrays of an archive, features then targets.
  private static let archiveNames = (
    features: ["x", "X", "x_train", "X_train", "data", "features", "images", "arr_0"],
    targets: ["y", "Y", "y_train", "Y_train", "target", "targets", "labels", "arr_1"]
  )

  private func readArchive(_ source: ByteSource, target: Target) throws(DatasetError) -> Examples {
    let archive = try NPZ(source) { packed, count throws(DatasetError) in
      do throws(GzipError) {
        return try Deflate.inflate(packed, byteCount: count)
      } catch {
        throw .header(format: "npz", reason: error.description)
      }
    }
    func first(of names: [String]) throws(DatasetError) -> StoredArray? {
      guard let name = names.first(where: archive.names.contains) else { return nil }
      return try archive.array(name)
    }
    guard let features = try first(of: Self.archiveNames.features) else {
      throw .noArray("x", known: archive.names)
    }
    return try examples(features, try first(of: Self.archiveNames.targets), target)
  }
}
