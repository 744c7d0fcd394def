import FoundationEssentials
import NeuralNetworks
import Primitives

/// Files of `Tests/References`.
enum Fixture {
  static func bytes(_ name: String) throws -> Bytes {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return Bytes(try Data(contentsOf: tests.appending(path: "References/\(name)")))
  }
}

/// UCI digits: 64 pixels 0…16 and a label; every fifth row is a test row.
struct DigitsFixture {
  let train: Dataset
  let test: Dataset

  init() throws {
    let all = try Dataset(
      csv: Fixture.bytes("digits.csv"), layout: CSVLayout(featureScale: 16, classes: 10))
    (train, test) = try all.split(testEvery: 5)
  }
}
