internal import Cryptography
internal import Networking
internal import Primitives

extension APIGate {
  /// Makes a session once for each `Idempotency-Key`; without a key, each time.
  ///
  /// What was made is known from the sessions themselves; here are only the keys of the orders
  /// being carried out, at most one a connection.
  func once(
    key: String?, order: JSONValue, by coordinator: CoordinatorServer
  ) async throws -> Digest {
    guard let key else { return try await coordinator.createSession(order) }
    guard (1...OrderKey.textBytesMax).contains(key.utf8.count) else {
      throw APIError.malformed(
        "idempotency_key", key, expected: "text of 1 to \(OrderKey.textBytesMax) bytes")
    }
    let orderKey = OrderKey(key: key, order: order)
    guard ordersUnderWay.insert(orderKey.key).inserted else {
      throw APIError(
        .conflict, "order_in_progress", "this order is being carried out",
        hint: "ask again in a moment")
    }
    defer { ordersUnderWay.remove(orderKey.key) }
    if let known = try await coordinator.session(orderedWith: orderKey) { return known }
    return try await coordinator.createSession(order, orderKey: orderKey)
  }
}
