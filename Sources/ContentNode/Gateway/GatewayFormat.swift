/// A response format that a request to a gateway may ask for
/// (specs.ipfs.tech/http-gateways/path-gateway, `format`).
enum GatewayFormat: String, CaseIterable, Sendable {
  case raw
  case car
  case tar
  case dagJSON = "dag-json"
  case dagCBOR = "dag-cbor"
  case json
  case cbor
  case ipnsRecord = "ipns-record"

  /// What `Accept` and `Content-Type` call it.
  var mediaType: String {
    switch self {
    case .raw: "application/vnd.ipld.raw"
    case .car: "application/vnd.ipld.car"
    case .tar: "application/x-tar"
    case .dagJSON: "application/vnd.ipld.dag-json"
    case .dagCBOR: "application/vnd.ipld.dag-cbor"
    case .json: "application/json"
    case .cbor: "application/cbor"
    case .ipnsRecord: "application/vnd.ipfs.ipns-record"
    }
  }

  /// Whether a client can check what it gets: all that a gateway in strict mode gives.
  var isTrustless: Bool {
    switch self {
    case .raw, .car, .ipnsRecord: true
    case .tar, .dagJSON, .dagCBOR, .json, .cbor: false
    }
  }

  /// The format that a media type names; nil for any other.
  init?(mediaType: String) {
    guard let format = Self.allCases.first(where: { $0.mediaType == mediaType }) else { return nil }
    self = format
  }
}
