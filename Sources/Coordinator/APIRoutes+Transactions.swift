internal import Cryptography
internal import Ledger
internal import Networking
internal import Primitives

extension APIRoutes {
  static let transactions: [APIRoute] = [
    APIRoute(
      .post, base + "/ledger/transactions", .change,
      APIOperation(
        id: "submitTransaction", tag: "ledger",
        summary: "Takes a signed transaction in canonical bytes; the same bytes again are no fault",
        body: .bytes, status: 202, answer: .json("TransactionStatus"),
        errors: [404, 409, 413, 422]),
      handle: submit),
    APIRoute(
      .get, base + "/ledger/transactions/{id}", .read,
      APIOperation(
        id: "getTransaction", tag: "ledger",
        summary: "Whether a transaction waits, which block holds it, or why it was refused",
        answer: .json("TransactionStatus"), errors: [400, 404])
    ) { call in
      let id = try call.digest("id")
      guard let view = await call.coordinator.view(ofTransaction: id) else {
        throw APIError.unknown(
          "transaction", id.hex,
          hint: "hand it in with POST /api/v1/ledger/transactions; old ones are in their blocks")
      }
      return .json(view)
    },
  ]

  private static func submit(_ call: APICall) async throws -> HTTPResponse {
    let bytes = try await call.request.body.collect(max: LedgerLimits.transactionBytesMax)
    let view = try await call.coordinator.takeTransaction(bytes)
    var response = HTTPResponse.json(view, status: .accepted)
    if let id = view["id"]?.text {
      response.headers.append("Location", "\(base)/ledger/transactions/\(id)")
    }
    return response
  }
}
