import MartletClient
import Networking
import Primitives
import Testing

/// An answer as the tests look at it.
struct Answer: Sendable {
  let status: Int
  let headers: HTTPHeaders
  let body: Bytes

  var json: JSONValue? { try? JSONValue(parsing: body, bytesMax: 16 << 20) }
  var code: String? { json?["code"]?.text }
  var text: String { String(decoding: body, as: UTF8.self) }
}

extension APITarget {
  /// Sends one request over TCP, with the key unless told otherwise.
  func send(
    _ method: HTTPMethod, _ path: String, key: String? = nil, headers: HTTPHeaders = [:],
    body: HTTPClientRequest.Body = .none
  ) async throws -> Answer {
    let pool = ComputePool(named: "test-http", threads: 1, queueMax: 4)
    defer { pool.stop() }
    var request = HTTPClientRequest(method, base + path)
    request.headers = headers
    if let key { request.headers.append("Authorization", "Bearer \(key)") }
    request.body = body
    let response = try await HTTPClient(pool: pool).send(request)
    return Answer(status: response.status, headers: response.headers, body: response.body)
  }

  /// The same with a JSON body and the right key.
  func post(
    _ path: String, _ document: String, headers: HTTPHeaders = [:]
  ) async throws -> Answer {
    var headers = headers
    headers.append("Content-Type", "application/json")
    return try await send(
      .post, path, key: key, headers: headers, body: .bytes(Bytes(document.utf8)))
  }

  /// Runs `body` with a client for the socket file.
  func withClient<Result>(
    _ endpoint: NetworkClient.Endpoint? = nil, _ body: (NetworkClient) async throws -> Result
  ) async throws -> Result {
    let client = NetworkClient(endpoint ?? .socket(path: socket))
    defer { client.close() }
    return try await body(client)
  }
}

/// The files and orders that the tests send.
enum Sample {
  static let api = "/api/v1"
  static let sessions = api + "/federated-learning/sessions"

  /// Two well separated clouds of 60 rows with four features.
  static let csv: Bytes = {
    var random = SplitMix64(seed: 3)
    var lines = ""
    for row in 0..<120 {
      let label = row % 2
      let values = (0..<4).map { _ in (label == 0 ? 2 : 6) + Int(random.next() % 3) }
      lines += values.map(String.init).joined(separator: ",") + ",\(label)\n"
    }
    return Bytes(lines.utf8)
  }()

  /// Bytes without a pattern.
  static func bytes(_ count: Int, seed: UInt64 = 1) -> Bytes {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }

  static func order(dataset: String, name: String = "toy", inputs: Int = 4) -> JSONValue {
    [
      "name": .string(name), "model_type": "mlp", "dataset_cid": .string(dataset),
      "total_rounds": 2, "min_participants": 1, "clients": 4, "seed": 7,
      "learning_rate": 0.1, "batch_size": 4, "local_epochs": 1,
      "model_config": [
        "hidden_size": 8,
        "architecture": [
          "input_dim": JSONValue(inputs), "output_dim": 2, "activation": "relu",
          "output_activation": "softmax",
        ],
        "optimizer": ["type": "sgd"], "loss": "cross_entropy", "metrics": ["accuracy"],
      ],
    ]
  }
}
