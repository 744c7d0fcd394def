/// A peer inside one process: an index into the process's book of peers.
///
/// Machines that know many peers hold these four bytes; keys, ids and addresses stand once in a
/// `PeerDirectory`, which a million simulated nodes share.
package struct PeerHandle: Hashable, Comparable, Sendable {
  /// The place in the book.
  package let index: UInt32

  /// The handle of a place in a book.
  package init(_ index: UInt32) { self.index = index }

  /// Orders by place, so that a run never depends on hashing.
  package static func < (left: PeerHandle, right: PeerHandle) -> Bool { left.index < right.index }
}
