internal import ContentStore
internal import Cryptography
internal import IPFSClient
internal import Ledger
internal import Networking
internal import NeuralNetworks
internal import Persistence
internal import Primitives

extension APIError {
  /// The answer to any error; one that no client can have caused says only that it happened.
  init(describing error: any Error) {
    switch error {
    case let error as APIError: self = error
    case let error as any APIReportable: self = error.apiError
    case let error as HTTPBodyError: self.init(error)
    case let error as DecodingFailure: self.init(error)
    case let error as ModelConfigurationError: self.init(error)
    case let error as DatasetError:
      self.init(
        .unprocessable, "invalid_dataset", error.description,
        hint: "one row a line: the features, then the label")
    case let error as SafetensorsError:
      self.init(
        .unprocessable, "invalid_model_file", "\(error)", hint: "send a safetensors file of F32")
    case let error as GzipError:
      self.init(
        .unprocessable, "invalid_dataset", "the data set cannot be unpacked: \(error)",
        hint: "upload the CSV file plain or packed by gzip")
    case let error as LedgerError: self.init(error)
    case let error as ContentError: self.init(error)
    case let error as BlockStoreError: self.init(error)
    case let error as IPFSClientError: self.init(error)
    case is ComputePoolError: self = .busy
    default: self = .internalError
    }
  }

  static let internalError = APIError(
    .internalError, "internal_error", "the coordinator failed at this request",
    hint: "the coordinator's log says why")

  static let busy: APIError = {
    var error = APIError(
      .unavailable, "busy", "too much work waits here", hint: "try again in a moment")
    error.retryAfter = .seconds(1)
    return error
  }()

  private init(_ error: HTTPBodyError) {
    switch error {
    case .tooLarge(let max):
      self.init(
        .contentTooLarge, "body_too_large", "the body is larger than \(max) bytes",
        hint: "send at most \(max) bytes")
    case .tooSlow:
      self.init(
        error.status, "body_too_slow", "the body came too slowly", hint: "send it again")
    case .disconnected:
      self.init(
        error.status, "body_incomplete", "the body ended too early", hint: "send it again")
    case .malformed(let failure):
      self.init(
        error.status, "malformed_body", "the body's framing is malformed: \(failure)",
        hint: "send Content-Length or correct chunks")
    }
  }

  private init(_ failure: DecodingFailure) {
    let code =
      switch failure {
      case .unknownField: "unknown_field"
      case .missingField: "missing_field"
      case .truncated, .malformed, .tooLarge, .trailingBytes: "invalid_value"
      }
    self.init(.unprocessable, code, failure.description, hint: Self.schemaHint)
  }

  private static let schemaHint = "/api/v1/openapi.json describes every field"

  private init(_ error: ModelConfigurationError) {
    let code =
      switch error {
      case .notJSON: "malformed_json"
      case .unknownKey: "unknown_field"
      case .missing: "missing_field"
      case .duplicateKey, .wrongType, .unsupported, .architecture, .settings: "invalid_model"
      }
    self.init(.unprocessable, code, error.description, hint: Self.schemaHint)
  }

  private init(_ error: LedgerError) {
    let code = Self.snakeCase(error.code)
    switch error {
    case .jobExists, .replayed, .commitmentExists, .verdictExists, .contentExists, .offerExists,
      .challengeExists:
      self.init(.conflict, code, error.sentence, hint: "it is on the ledger already")
    case .unknownJob, .unknownCommitment:
      self.init(.notFound, code, error.sentence, hint: "see /api/v1/jobs")
    case .unknownContent:
      self.init(
        .notFound, code, error.sentence, hint: "its creator registers it with `content settle`")
    case .unknownOffer:
      self.init(
        .notFound, code, error.sentence,
        hint: "open offers are in /api/v1/ledger/rewards and /api/v1/ledger/deals")
    case .insufficientBalance(let held, let needed), .insufficientStake(let held, let needed):
      self.init(
        .unprocessable, code,
        "\(held.baseUnitsText) base units are held and \(needed.baseUnitsText) are needed",
        hint: "order less, or fund the account")
    case .decoding(let failure): self.init(failure)
    default:
      self.init(
        .unprocessable, code, "the ledger refuses it: \(error.sentence)", hint: Self.schemaHint)
    }
  }

  /// The case's name of an error as a code.
  static func snakeCase(_ name: String) -> String {
    name.reduce(into: "") { text, character in
      if character.isUppercase, !text.isEmpty { text += "_" }
      text += character.lowercased()
    }
  }

  init(_ error: ContentError) {
    switch error {
    case .missingBlock:
      self.init(
        .notFound, "unknown_content", error.description,
        hint: "upload it with POST /api/v1/content")
    case .malformedCID, .unsupportedMultibase, .unsupportedVersion, .unsupportedCodec,
      .unsupportedHash:
      self.init(
        .badRequest, "malformed_cid", error.description,
        hint: "give a CID of SHA-256, such as `bafk…` or `Qm…`")
    case .noSuchEntry:
      self.init(
        .notFound, "unknown_path", error.description, hint: "list the directory above it")
    case .malformedPath:
      self.init(.badRequest, "malformed_path", error.description, hint: "give CID/name/name")
    case .tooLarge, .tooDeep, .malformedBlock, .notAFile, .notADirectory, .sizeMismatch,
      .unsupportedLayout, .unsafeName, .duplicateName, .malformedArchive, .rangeOutside:
      self.init(
        .unprocessable, "invalid_content", error.description, hint: "name a UnixFS file")
    case .noKey:
      self.init(
        .forbidden, "private_content", error.description, hint: "ask its author to share it")
    case .digestMismatch, .brokenSeal: self = .damagedContent
    }
  }

  private static let damagedContent = APIError(
    .internalError, "damaged_content", "the stored content no longer has its digest",
    hint: "upload it again with POST /api/v1/content")

  private init(_ error: BlockStoreError) {
    switch error {
    case .notFound(let digest):
      self.init(
        .notFound, "unknown_content", "the block \(digest.hex) is not stored here",
        hint: "upload it with POST /api/v1/content")
    case .corrupt, .digestMismatch: self = .damagedContent
    case .diskFull:
      self.init(
        .unavailable, "disk_full", "the coordinator's disk is full",
        hint: "free space in its home directory")
    case .busy: self = .busy
    default: self = .internalError
    }
  }
}
