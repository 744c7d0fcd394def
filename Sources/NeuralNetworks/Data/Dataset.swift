public import Cryptography
public import Primitives

/// Labelled examples in memory.
public struct Dataset: Hashable, Sendable {
  /// Features of one example.
  public let inputs: Int
  /// Labels are 0 ..< classes.
  public let classes: Int
  /// [rows, inputs].
  public let features: [Float]
  /// [rows].
  public let labels: [Int32]
  /// SHA-256 of the canonical bytes: what a task names. Made once, since every task asks for it.
  public let digest: Digest

  /// The number of examples.
  public var rows: Int { labels.count }

  /// Bounds of a data set that somebody else may send.
  public enum Limits {
    /// A wide table; images of 256×256 fit.
    public static let inputsMax = 1 << 16
    /// Every label of ImageNet-21k fits.
    public static let classesMax = 1 << 15
    /// One shard of a client, 1 GiB as features.
    public static let valuesMax = 1 << 28
    /// Bytes of an encoded data set: the values, labels and some fields.
    public static let bytesMax = valuesMax * 8 + 4_096
  }

  /// Checks sizes, labels and that every feature is finite.
  public init(
    features: [Float], labels: [Int32], inputs: Int, classes: Int
  ) throws(DatasetError) {
    guard (1...Limits.inputsMax).contains(inputs) else { throw .inputs(inputs) }
    guard (1...Limits.classesMax).contains(classes) else { throw .classes(classes) }
    guard !labels.isEmpty else { throw .empty }
    guard features.count <= Limits.valuesMax else { throw .tooLarge(values: features.count) }
    // Both factors are at most 2²⁸ here, so the product cannot overflow.
    guard labels.count <= Limits.valuesMax, features.count == labels.count * inputs else {
      throw .featureCount(features.count, rows: labels.count, inputs: inputs)
    }
    for (row, label) in labels.enumerated() where !(0..<Int32(classes)).contains(label) {
      throw .label(Int(label), row: row, classes: classes)
    }
    try Self.checkFinite(features, width: inputs)
    self.inputs = inputs
    self.classes = classes
    self.features = features
    self.labels = labels
    digest = SHA256.hash(Self.value(inputs, classes, features, labels).encoded())
  }

  /// Names the first feature that is NaN or infinite.
  static func checkFinite(_ features: [Float], width: Int) throws(DatasetError) {
    guard !ParameterBuffer(features).isFinite else { return }
    let place = features.firstIndex { !$0.isFinite } ?? 0
    throw .notFinite(row: place / width, column: place % width)
  }

  /// The examples at `indices`, in that order.
  public func selecting(_ indices: [Int]) throws(DatasetError) -> Dataset {
    var chosen: [Float] = []
    chosen.reserveCapacity(indices.count * inputs)
    for row in indices { chosen += features[row * inputs..<(row + 1) * inputs] }
    return try Dataset(
      features: chosen, labels: indices.map { labels[$0] }, inputs: inputs, classes: classes)
  }

  /// Checks that a network has one input for each feature and an output for each class.
  public func checkFits(_ shape: ModelArchitecture) throws(DatasetError) {
    guard inputs == shape.inputs else { throw .otherInputs(inputs, expected: shape.inputs) }
    guard classes <= shape.outputs else { throw .otherClasses(classes, limit: shape.outputs) }
  }

  /// Splits by row number: a row whose index is a multiple of `period` is a test row.
  public func split(testEvery period: Int) throws(DatasetError) -> (train: Dataset, test: Dataset) {
    precondition(period > 1)
    let test = (0..<rows).filter { $0.isMultiple(of: period) }
    let train = (0..<rows).filter { !$0.isMultiple(of: period) }
    return (try selecting(train), try selecting(test))
  }

  /// Deals rows like cards: row position % clients. Every client gets at least one row.
  public func partitioned(clients: Int) throws(DatasetError) -> [Dataset] {
    guard clients > 0, clients <= rows else { throw .tooFewRows(rows, clients: clients) }
    var shards: [Dataset] = []
    for client in 0..<clients {
      shards.append(try selecting(Array(stride(from: client, to: rows, by: clients))))
    }
    return shards
  }
}

extension Dataset: CanonicalCodable {
  /// A map with features and labels as little-endian byte strings.
  public var canonicalValue: CanonicalValue { Self.value(inputs, classes, features, labels) }

  private static func value(
    _ inputs: Int, _ classes: Int, _ features: [Float], _ labels: [Int32]
  ) -> CanonicalValue {
    .map([
      "inputs": .unsigned(UInt64(inputs)), "classes": .unsigned(UInt64(classes)),
      "rows": .unsigned(UInt64(labels.count)),
      "features": .bytes(LittleEndian.bytes(of: features)),
      "labels": .bytes(LittleEndian.bytes(of: labels)),
    ])
  }

  /// Reads and checks a data set.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    let inputs = try fields.count("inputs", max: Limits.inputsMax)
    let classes = try fields.count("classes", max: Limits.classesMax)
    let rows = try fields.count("rows", max: Limits.valuesMax)
    let features = try LittleEndian.floats(
      in: try fields.bytes("features"), count: rows * inputs, what: "features")
    let labels = try LittleEndian.integers(
      in: try fields.bytes("labels"), count: rows, what: "labels")
    try fields.finish()
    do {
      try self.init(features: features, labels: labels, inputs: inputs, classes: classes)
    } catch {
      throw .malformed(what: "data set", reason: error.description)
    }
  }

  /// Reads canonical bytes with the limits of a data set.
  public init(decoding bytes: Bytes) throws(DecodingFailure) {
    let limits = CanonicalLimits(bytesMax: Limits.bytesMax, entriesMax: 8)
    try self.init(canonicalValue: CanonicalValue(decoding: bytes, limits: limits))
  }
}
