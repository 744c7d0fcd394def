internal import Cryptography
internal import Networking
internal import Primitives

/// Orders that were made with an `Idempotency-Key`, so that a repeated request makes nothing twice.
struct IdempotentOrders: Sendable {
  /// A client that repeats a request does so within minutes; a coordinator takes hundreds a day.
  static let countMax = 1_024
  /// A UUID takes 36.
  static let keyBytesMax = 200

  enum State: Sendable {
    case running
    case done(Digest)
  }

  private struct Entry: Sendable {
    let order: Digest
    var state: State
  }

  private var entries: [String: Entry] = [:]
  /// In the order of their first use.
  private var keys: [String] = []

  /// The session that this key and order already made, nil if it is to be made now.
  mutating func begin(_ key: String, order: Digest) throws(APIError) -> Digest? {
    guard (1...Self.keyBytesMax).contains(key.utf8.count) else {
      throw .malformed(
        "idempotency_key", key, expected: "text of 1 to \(Self.keyBytesMax) characters")
    }
    guard let entry = entries[key] else {
      if keys.count == Self.countMax { entries[keys.removeFirst()] = nil }
      entries[key] = Entry(order: order, state: .running)
      keys.append(key)
      return nil
    }
    guard entry.order == order else {
      throw APIError(
        .unprocessable, "idempotency_key_reused", "this key was used for another order",
        hint: "draw a new Idempotency-Key for each order")
    }
    switch entry.state {
    case .done(let session): return session
    case .running:
      throw APIError(
        .conflict, "order_in_progress", "this order is being carried out",
        hint: "ask again in a moment")
    }
  }

  mutating func finish(_ key: String, _ session: Digest) {
    entries[key]?.state = .done(session)
  }

  /// Forgets an order that failed: repeating it may succeed.
  mutating func abandon(_ key: String) {
    entries[key] = nil
    keys.removeAll { $0 == key }
  }
}

extension APIGate {
  /// Makes a session once for each key; without a key, each time.
  func once(
    key: String?, order: JSONValue, make: @Sendable () async throws -> Digest
  ) async throws -> Digest {
    guard let key else { return try await make() }
    let digest = SHA256.hash(order.encoded())
    if let known = try orders.begin(key, order: digest) { return known }
    do {
      let session = try await make()
      orders.finish(key, session)
      return session
    } catch {
      orders.abandon(key)
      throw error
    }
  }
}
