internal import Networking

/// Every route of the server. The OpenAPI document is made of the same table.
enum APIRoutes {
  static let base = "/api/v1"
  static let sessionsPath = base + "/federated-learning/sessions"

  static let all: [APIRoute] = api + APIAssets.routes
  /// The routes for programs, without the dashboard's files.
  static let api: [APIRoute] =
    sessions + sessionStreams + network + ledger + transactions + contentLedger + content + ipfs
    + provenance + system
}
