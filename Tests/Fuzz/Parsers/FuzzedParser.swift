package import Primitives

/// A function that reads bytes a stranger wrote, and may answer anything but must never trap.
package struct FuzzedParser: Sendable {
  /// Lower case with hyphens; `Tests/Fuzz/corpus/<name>/` holds inputs to begin with.
  package let name: String

  /// Reads the whole input. What it throws or returns is of no interest here.
  package let parse: @Sendable (Bytes) -> Void

  /// Names a parser.
  package init(_ name: String, _ parse: @escaping @Sendable (Bytes) -> Void) {
    self.name = name
    self.parse = parse
  }
}

extension FuzzedParser {
  /// Every parser of foreign bytes in the package; each module has its own file beside this one.
  package static let all: [FuzzedParser] = [
    primitives, cryptography, peering, reachability, discovery, gossip, content, learning, work,
    ledger,
    ledgerRules, ledgerContent, provenance, library,
    consensus, orchestration, networking, training, gateway, uploads, ipfsClient,
  ].flatMap { $0 }

  /// A type with canonical bytes: what decodes must encode to the same bytes again.
  static func canonical<Value: CanonicalCodable>(
    _ name: String, as type: Value.Type
  ) -> FuzzedParser {
    FuzzedParser(name) { bytes in
      guard let value = try? type.init(decoding: bytes) else { return }
      precondition(value.encoded() == bytes)
    }
  }
}
