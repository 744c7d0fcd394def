import NeuralNetworks
import Persistence
import Primitives

/// What a CSV file that a person names looks like.
enum DemoData {
  /// Larger files are for `fl create-session` with a configuration of their own.
  private static let fileBytesMax = 16 << 20

  /// Features and classes of a file; throws with the line of the first mistake.
  static func shape(of path: String) throws -> (inputs: Int, classes: Int) {
    guard let file = try AtomicFile.read(path, byteCountMax: fileBytesMax) else {
      throw CommandFailure(
        "there is no file \(path)", hint: "check the path", code: .notFound)
    }
    do {
      let csv =
        Gzip.isCompressed(file)
        ? try Gzip.decompress(file, byteCountMax: fileBytesMax * 8) : file
      let dataset = try Dataset(csv: csv)
      return (dataset.inputs, dataset.classes)
    } catch {
      throw CommandFailure(
        "\(path): \(error)",
        hint: "a row is numbers separated by commas, the label (0, 1, 2 …) last, no header")
    }
  }
}
