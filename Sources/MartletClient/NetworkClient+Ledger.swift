internal import Networking
public import Primitives

// Transactions, and what the ledger knows of content.
extension NetworkClient {
  /// Hands in a signed transaction in canonical bytes; the same bytes again change nothing.
  public func submitTransaction(_ bytes: Bytes) async throws(NetworkClientError) -> JSONValue {
    var request = request(.post, Self.base + "/ledger/transactions")
    request.headers.append("Content-Type", "application/octet-stream")
    request.body = .bytes(bytes)
    return try await json(request)
  }

  /// How a transaction stands, by its id.
  public func transaction(_ id: String) async throws(NetworkClientError) -> JSONValue {
    try await get(Self.base + "/ledger/transactions/" + Self.segment(id))
  }

  /// What is registered about content.
  public func registeredContent(_ cid: String) async throws(NetworkClientError) -> JSONValue {
    try await get(Self.base + "/ledger/contents/" + Self.segment(cid))
  }

  /// Who would get what of a number of accesses at the price of now.
  public func royalties(
    of cid: String, accesses: UInt32
  ) async throws(NetworkClientError) -> JSONValue {
    let path = "/ledger/contents/\(Self.segment(cid))/royalties?accesses=\(accesses)"
    return try await get(Self.base + path)
  }

  /// One page of open rewards in which an account has a part; the next page begins behind the last
  /// id.
  public func rewards(
    of account: String, after id: String? = nil
  ) async throws(NetworkClientError) -> JSONValue {
    try await get(Self.base + "/ledger/rewards" + Self.page(of: account, after: id))
  }

  /// One open reward.
  public func reward(_ id: String) async throws(NetworkClientError) -> JSONValue {
    try await get(Self.base + "/ledger/rewards/" + Self.segment(id))
  }

  /// One page of storage offers and deals, likewise.
  public func deals(
    of account: String, after id: String? = nil
  ) async throws(NetworkClientError) -> JSONValue {
    try await get(Self.base + "/ledger/deals" + Self.page(of: account, after: id))
  }

  /// One storage offer or deal.
  public func deal(_ id: String) async throws(NetworkClientError) -> JSONValue {
    try await get(Self.base + "/ledger/deals/" + Self.segment(id))
  }

  private static func page(of account: String, after id: String?) -> String {
    "?account=\(segment(account))" + (id.map { "&after=\(segment($0))" } ?? "")
  }
}
