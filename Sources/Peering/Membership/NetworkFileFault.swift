package import Primitives

/// Why bytes are no network file.
package enum NetworkFileFault: Error, Equatable, Sendable {
  /// Longer than any network file.
  case tooLong(bytes: Int, limit: Int)
  /// No JSON.
  case json(DecodingFailure)
  /// Another kind of document, or of a later version.
  case format(String)
  case missing(field: String)
  case unknown(field: String)
  /// A member of another type than it has.
  case type(field: String, wanted: String)
  case tooMany(field: String, count: Int, limit: Int)
  case name(String)
  case chain(String)
  case networkClass(String)
  case admission(String)
  /// An address that cannot be dialled, or does not say whose it is.
  case bootstrap(String)
  case peer(field: String, String)
  case protocolName(String)
  case key
}

extension NetworkFileFault: CustomStringConvertible {
  /// One lower-case sentence without a full stop.
  package var description: String {
    switch self {
    case .tooLong(let bytes, let limit): "\(bytes) bytes are more than the \(limit) it may have"
    case .json(let failure): "it is not JSON: \(failure)"
    case .format(let text): "its format is `\(text)`, not `\(NetworkFile.format)`"
    case .missing(let field): "`\(field)` is missing"
    case .unknown(let field): "`\(field)` is not a part of it"
    case .type(let field, let wanted): "`\(field)` is not \(wanted)"
    case .tooMany(let field, let count, let limit):
      "`\(field)` has \(count) entries, the limit is \(limit)"
    case .name(let text): "`\(text)` is not a network's name"
    case .chain(let text): "`\(text)` is not the hash of a genesis document"
    case .networkClass(let text): "`\(text)` is not a class of networks"
    case .admission(let text): "`\(text)` is not a rule of admission"
    case .bootstrap(let text): "`\(text)` is not an address of a peer to begin with"
    case .peer(let field, let text): "`\(text)` in `\(field)` is not a peer id"
    case .protocolName(let text): "`\(text)` is not a protocol's name"
    case .key: "`key` is not 64 hexadecimal digits"
    }
  }

  /// The next step.
  package var hint: String {
    switch self {
    case .name:
      "a name has 1 to \(NetworkProfile.nameBytesMax) lower-case letters, digits, `-`, `_` or `.`"
    case .networkClass:
      "the classes are \(NetworkClass.allCases.map(\.rawValue).joined(separator: ", "))"
    case .admission: "the rules are everyone, listed, invited, staked"
    case .bootstrap: "write it as /ip4/ADDRESS/tcp/PORT/p2p/ID, or with /dns4/NAME"
    case .format: "make one with `martlet network create`, or run the version that wrote it"
    default: "ask whoever runs the network for the file again; docs/specs/peer-network.md has it"
    }
  }
}
