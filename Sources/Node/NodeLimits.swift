package import Peering
package import Primitives

/// What a node gives of its machine, and whom it talks to.
package struct NodeLimits: Sendable {
  /// Memory that one piece of work may need; nil for what the machine has.
  package var memoryMax: ByteCount?
  /// Bytes that all connections together may use; nil for what the machine has.
  package var bandwidthMax: BitRate?
  /// Whom it talks to at all.
  package var filter = PeerFilter()

  /// No limits.
  package init() {}
}

/// Why a worker gives work back that it could do but does not want.
package enum WorkRefusal: Error, Equatable, Sendable {
  /// The work needs more than the settings of this worker give.
  case memory(needed: ByteCount, given: ByteCount)
}

extension WorkRefusal: CustomStringConvertible {
  /// One lower-case sentence.
  package var description: String {
    switch self {
    case .memory(let needed, let given):
      "the work needs \(needed) of memory, this worker gives \(given) (memory)"
    }
  }
}
