import ContentNode
import Cryptography
import Ledger
import MartletClient
import Persistence
import Primitives

/// The ledger of a coordinator and the account of this home, for commands that pay and are paid.
enum LedgerAccess {
  static let options = [
    Option(
      name: "coordinator", value: "URL", summary: "whose ledger (default: that of --home)"),
    Option(name: "api-key-file", value: "FILE", summary: "its key, from `server key create`"),
  ]

  /// The coordinator of --coordinator, else the one that other commands ask.
  static func client(_ arguments: Arguments) throws -> NetworkClient {
    try NetworkClient.selected(arguments, option: "coordinator")
  }

  /// Orders are signed by the home's identity, for the home's chain if it knows one.
  static func ledger(_ client: NetworkClient, _ arguments: Arguments) throws -> CoordinatorLedger {
    let home = Homes.selected(arguments)
    try home.create()
    let chainID = home.contains("genesis.json") ? try home.genesis().chainID : nil
    return CoordinatorLedger(
      client: client, key: try home.keyOrNew(named: "identity"), chainID: chainID)
  }

  /// Runs `body` with the ledger and the client behind it.
  static func with<Result>(
    _ arguments: Arguments, _ body: (CoordinatorLedger, NetworkClient) async throws -> Result
  ) async throws -> Result {
    let client = try client(arguments)
    defer { client.close() }
    do {
      return try await body(ledger(client, arguments), client)
    } catch let error as NetworkClientError {
      guard case .unreachable = error else { throw error }
      throw CommandFailure(
        error.description,
        hint: "start one with `martlet server start`, or name another with --coordinator",
        code: .unreachable)
    } catch let error as LedgerError {
      throw failure(error)
    }
  }

  /// What the ledger says no to, before anything is signed.
  private static func failure(_ error: LedgerError) -> CommandFailure {
    switch error {
    case .unknownContent:
      CommandFailure(
        error.sentence, hint: "its creator registers it with `content settle`", code: .notFound)
    case .unknownOffer:
      CommandFailure(
        error.sentence, hint: "see `content rewards` and `content storage list`", code: .notFound)
    default: CommandFailure(error.sentence, hint: "see docs/specs/ledger.md", code: .refused)
    }
  }

  // MARK: Values

  /// Tokens such as `12.5`.
  static func amount(_ name: String, _ arguments: Arguments) throws -> Amount? {
    try arguments.text(name).map { try amount($0, called: "--\(name)") }
  }

  /// Tokens that must be given.
  static func requiredAmount(_ name: String, _ arguments: Arguments) throws -> Amount {
    try amount(arguments.required(name), called: "--\(name)")
  }

  static func amount(_ text: String, called name: String) throws -> Amount {
    do { return try Amount(tokensText: text) } catch {
      throw CommandFailure.usage("\(name) is `\(text)`", hint: "give tokens, such as 2 or 0.5")
    }
  }

  /// An account by its peer id or public key.
  static func account(_ text: String) throws -> PublicKey {
    if let key = (try? PeerID(text))?.publicKey { return key }
    if let bytes = try? Hex.decode(text), let key = try? PublicKey(bytes: bytes) { return key }
    throw CommandFailure.usage(
      "`\(text)` is no account", hint: "give a peer id, as `martlet node id` prints it")
  }

  /// The id of an offer.
  static func offer(_ text: String) throws -> OfferID {
    guard let digest = try? Digest(hex: text) else {
      throw CommandFailure.usage(
        "`\(text)` is no offer", hint: "give the 64 hexadecimal digits that its maker was told")
    }
    return OfferID(digest: digest)
  }

  /// A name of an offer that was never used.
  static func newName() throws -> Digest { try Digest(bytes: SystemRandom.bytes(Digest.byteCount)) }

  /// The ledger's name of content.
  static func content(_ text: String) throws -> ContentID {
    let cid = try ContentCommands.cid(text)
    guard let id = ContentID(cid) else { throw CommandFailure(LibraryError.noLedgerName(cid)) }
    return id
  }

  /// Base units of a JSON answer as tokens.
  static func tokens(_ view: JSONValue, _ name: String) -> String {
    (view[name]?.text).flatMap { try? Amount(baseUnitsText: $0) }.map { "\($0)" } ?? "-"
  }
}

extension CommandFailure {
  init(_ error: OrderError) {
    let code: ExitCode =
      switch error {
      case .refused(let code, _, _): code.hasPrefix("unknown_") ? .notFound : .refused
      case .otherChain: .refused
      case .notSent: .unreachable
      case .notInTime: .timedOut
      case .invalidAnswer: .failed
      }
    self.init(error.description, hint: error.hint, code: code)
  }

  init(_ error: StorageContentError) {
    let hint =
      switch error {
      case .otherBytes: "do not accept the offer: its payer has other bytes, or lies"
      case .tooLarge: "make deals about parts of it"
      }
    self.init(error.description, hint: hint, code: .refused)
  }
}
