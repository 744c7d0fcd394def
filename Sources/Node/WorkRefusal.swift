package import Primitives

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
