public import Primitives

extension NetworkClient {
  /// Whether the coordinator works, its version and network.
  public func health() async throws(NetworkClientError) -> JSONValue {
    try await get(Self.base + "/health")
  }

  /// Every node that is or was connected.
  public func nodes() async throws(NetworkClientError) -> [JSONValue] {
    try await list(Self.base + "/nodes", "nodes")
  }

  /// The sessions' jobs on the ledger.
  public func jobs() async throws(NetworkClientError) -> [JSONValue] {
    try await list(Self.base + "/jobs", "jobs")
  }

  /// Height, supply and validators.
  public func ledgerStatus() async throws(NetworkClientError) -> JSONValue {
    try await get(Self.base + "/ledger/status")
  }

  /// The chain's beginning.
  public func genesis() async throws(NetworkClientError) -> JSONValue {
    try await get(Self.base + "/ledger/genesis")
  }

  /// Every account that ever held something.
  public func accounts() async throws(NetworkClientError) -> [JSONValue] {
    try await list(Self.base + "/ledger/accounts", "accounts")
  }

  /// One account, by public key or peer id.
  public func account(_ name: String) async throws(NetworkClientError) -> JSONValue {
    try await get(Self.base + "/ledger/accounts/" + Self.segment(name))
  }

  /// Blocks downwards from a height (the newest if nil).
  public func blocks(
    limit: Int, from height: UInt64? = nil
  ) async throws(NetworkClientError) -> [JSONValue] {
    let from = height.map { "&from=\($0)" } ?? ""
    return try await list(Self.base + "/ledger/blocks?limit=\(limit)\(from)", "blocks")
  }

  /// One block with its transactions.
  public func block(_ height: UInt64) async throws(NetworkClientError) -> JSONValue {
    try await get(Self.base + "/ledger/blocks/\(height)")
  }
}
