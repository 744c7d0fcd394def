/// A function that reads bytes a stranger wrote, and may answer anything but must never trap.
package struct FuzzedParser: Sendable {
  /// Lower case with hyphens; `Tests/Fuzz/corpus/<name>/` holds inputs to begin with.
  package let name: String

  /// Reads the whole input. What it throws or returns is of no interest here.
  package let parse: @Sendable ([UInt8]) -> Void

  package init(_ name: String, _ parse: @escaping @Sendable ([UInt8]) -> Void) {
    self.name = name
    self.parse = parse
  }
}

extension FuzzedParser {
  /// Every parser of foreign bytes in the package; each module has its own file beside this one.
  package static let all: [FuzzedParser] = primitives + cryptography + content
}
