package import Cryptography
package import Primitives

/// What tells a repeated order from a new one: stored with the session it made, so that a client
/// may repeat its request even after the coordinator was restarted.
package struct OrderKey: Hashable, Sendable {
  /// A UUID takes 36.
  static let textBytesMax = 200

  /// SHA-256 of the client's `Idempotency-Key`.
  package let key: Digest
  /// SHA-256 of the order: one key names one order.
  package let order: Digest

  /// Hashes both.
  package init(key: String, order: JSONValue) {
    self.key = SHA256.hash(Bytes(key.utf8))
    self.order = SHA256.hash(order.encoded())
  }
}

extension OrderKey: CanonicalCodable {
  /// A map of both digests.
  package var canonicalValue: CanonicalValue {
    .map(["key": key.canonicalValue, "order": order.canonicalValue])
  }

  /// Reads the map back.
  package init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    key = try fields.nested("key")
    order = try fields.nested("order")
    try fields.finish()
  }
}

extension CoordinatorServer {
  /// The session that an order with this key has made; another order under the key is an error.
  func session(orderedWith wanted: OrderKey) throws(CoordinatorError) -> Digest? {
    for (id, session) in sessions {
      guard let known = session.creation.orderKey, known.key == wanted.key else { continue }
      guard known.order == wanted.order else { throw .orderKeyReused }
      return id
    }
    return nil
  }
}
