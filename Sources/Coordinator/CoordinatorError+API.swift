internal import Networking

extension CoordinatorError: APIReportable {
  /// The same fact as an answer.
  package var apiError: APIError {
    switch self {
    case .notConnected:
      APIError(
        .unavailable, "not_connected", "no node of the needed role is connected",
        hint: "start one with `martlet node start`")
    case .busy: .busy
    case .unknownSession:
      APIError(
        .notFound, "unknown_session", "there is no such session",
        hint: "list them with GET /api/v1/federated-learning/sessions")
    case .unknownModel:
      APIError(
        .notFound, "unknown_model", "the model is not stored here",
        hint: "wait for the next round")
    case .sessionExists:
      APIError(
        .conflict, "session_exists", "the same session was ordered before",
        hint: "change its name or seed")
    case .beaconTooShort(let left):
      APIError(
        .unprocessable, "beacon_too_short", "the network's beacon has \(left) links left",
        hint: "order fewer rounds, or begin a new network with `martlet init`")
    case .isOver:
      APIError(
        .conflict, "session_over", "the session is completed or cancelled",
        hint: "order another one")
    case .unpayable:
      APIError(
        .unprocessable, "unpayable", "the price of this session does not fit an amount",
        hint: "order fewer rounds or clients")
    case .refused(let reason):
      APIError(
        .conflict, "escrow_refused", "the ledger refused the escrow: \(reason)",
        hint: "order less, or fund the client's account, and order again")
    case .orderKeyReused:
      APIError(
        .unprocessable, "idempotency_key_reused", "this key was used for another order",
        hint: "draw a new Idempotency-Key for each order")
    case .unpaid:
      APIError(
        .notFound, "unknown_receipt", "this round of this client is not paid",
        hint: "receipts exist once the round is settled; rounds count from 1, clients from 0")
    }
  }
}

extension SessionOrderError: APIReportable {
  /// The same fact as an answer; the path says where in the document.
  package var apiError: APIError {
    let hint = "see SessionOrder in /api/v1/openapi.json"
    return switch self {
    case .unknownKey(let path):
      APIError(
        .unprocessable, "unknown_field", "the field `\(path)` is unknown", hint: hint)
    case .missing(let path):
      APIError(
        .unprocessable, "missing_field", "the field `\(path)` is missing", hint: hint)
    case .invalid(let path, let reason):
      APIError(.unprocessable, "invalid_value", "`\(path)`: \(reason)", hint: hint)
    }
  }
}
