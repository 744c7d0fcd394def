package import Cryptography
internal import Glibc
package import NeuralNetworks
internal import Persistence
package import Primitives

/// One file as it was read.
package struct DataFile: Hashable, Sendable {
  /// The absolute path.
  package let path: String
  /// SHA-256 of the file's bytes, as `sha256sum` prints it.
  package let digest: Digest
  /// Its size.
  package let byteCount: Int
}

/// Which files were read, and how: with them anybody gets the same examples.
package struct DataDescription: Hashable, Sendable {
  /// The training file.
  package let training: DataFile
  /// The test file; nil when rows of the training file are kept aside.
  package let test: DataFile?
  /// Rows kept aside, in millionths.
  package let testPartsPerMillion: Int
}

/// The examples of one training.
package struct TrainingData: Sendable {
  /// What is trained on.
  package let training: Dataset
  /// What is tested with.
  package let test: Dataset
  /// Where they come from.
  package let description: DataDescription

  /// Largest file, plain.
  private static let fileBytesMax = 1 << 30
  private static let million = 1_000_000

  /// Reads files that a person names.
  package init(path: String, testPath: String?, testFraction: Double) throws {
    try self.init(
      path: path, testPath: testPath,
      testPartsPerMillion: testPath == nil ? Int((testFraction * 1e6).rounded()) : 0,
      expected: nil)
  }

  /// Reads the files of a commitment, which must be the same.
  init(_ description: DataDescription, movedTo path: String?) throws {
    try self.init(
      path: path ?? description.training.path, testPath: description.test?.path,
      testPartsPerMillion: description.testPartsPerMillion, expected: description)
  }

  private init(
    path: String, testPath: String?, testPartsPerMillion: Int, expected: DataDescription?
  ) throws {
    let first = try Self.read(path, expected: expected?.training)
    let second = try testPath.map { try Self.read($0, expected: expected?.test) }
    do {
      let whole = try Dataset(csv: first.bytes, layout: CSVLayout(featureScale: 1))
      if let second {
        training = whole
        test = try Dataset(csv: second.bytes, layout: CSVLayout(classes: whole.classes))
      } else {
        let isTest = { Self.isTestRow($0, partsPerMillion: testPartsPerMillion) }
        training = try whole.selecting((0..<whole.rows).filter { !isTest($0) })
        test = try whole.selecting((0..<whole.rows).filter(isTest))
      }
    } catch {
      throw LocalTrainingError.data(
        path: path, reason: error.description,
        hint: "a row is numbers separated by commas, the label (0, 1, 2 …) last")
    }
    description = DataDescription(
      training: first.file, test: second?.file, testPartsPerMillion: testPartsPerMillion)
  }

  /// Row i is a test row where ⌈i · f⌉ grows: for a fifth these are the rows with i % 5 = 0.
  static func isTestRow(_ row: Int, partsPerMillion parts: Int) -> Bool {
    func ceiling(_ row: Int) -> Int { (row * parts + million - 1) / million }
    return ceiling(row + 1) > ceiling(row)
  }

  private static func read(
    _ path: String, expected: DataFile?
  ) throws -> (file: DataFile, bytes: Bytes) {
    guard let bytes = try AtomicFile.read(path, byteCountMax: fileBytesMax) else {
      throw expected == nil
        ? LocalTrainingError.missingFile(path: path) : LocalTrainingError.dataMissing(path: path)
    }
    let digest = SHA256.hash(bytes)
    if let expected, expected.digest != digest {
      throw LocalTrainingError.dataChanged(
        path: path, expected: expected.digest.hex, actual: digest.hex)
    }
    let plain =
      Gzip.isCompressed(bytes)
      ? try Gzip.decompress(bytes, byteCountMax: fileBytesMax) : bytes
    let file = DataFile(path: absolute(path), digest: digest, byteCount: bytes.count)
    return (file, plain)
  }

  private static func absolute(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}

extension DataFile: CanonicalCodable {
  /// A map of all fields.
  package var canonicalValue: CanonicalValue {
    .map([
      "path": .text(path), "digest": digest.canonicalValue,
      "size": .unsigned(UInt64(byteCount)),
    ])
  }

  /// Reads the map back.
  package init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    path = try fields.text("path")
    digest = try fields.nested("digest")
    byteCount = try fields.count("size", max: Int.max)
    try fields.finish()
  }
}

extension DataDescription: CanonicalCodable {
  /// A map of all fields; `test` is absent without a test file.
  package var canonicalValue: CanonicalValue {
    var fields: [String: CanonicalValue] = [
      "training": training.canonicalValue, "aside": .unsigned(UInt64(testPartsPerMillion)),
    ]
    if let test { fields["test"] = test.canonicalValue }
    return .map(fields)
  }

  /// Reads the map back.
  package init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    training = try fields.nested("training")
    testPartsPerMillion = try fields.count("aside", max: 1_000_000)
    if let value = fields.optional("test") {
      test = try DataFile(canonicalValue: value)
    } else {
      test = nil
    }
    try fields.finish()
  }
}
