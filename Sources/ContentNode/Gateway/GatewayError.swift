internal import ContentStore
internal import Networking
internal import Persistence
internal import Primitives

/// Why a gateway does not give what a request asks for.
enum GatewayError: Error, Equatable {
  /// The request cannot be understood, or asks for what cannot be.
  case malformed(String)
  /// There is no such content, name or entry, or it cannot be had.
  case notFound(String)
  /// The method does not read.
  case methodNotAllowed
  /// The content has no such format.
  case notAcceptable(String)
  /// Only what is stored was asked for, and this is not.
  case notStored(CID)
  /// The operator does not serve it.
  case refused(reason: String)
  /// The operator may not serve it.
  case forbiddenByLaw(reason: String)
  /// None of the asked-for bytes exist.
  case rangeNotSatisfiable(size: UInt64)
  /// Too many requests are under way.
  case busy
  /// The path ends inside a value.
  case remainder(String)
  /// A block could not be fetched.
  case unreachable(CID)
  /// A block, or the whole response, took too long.
  case tooSlow
  /// What is stored is damaged or contradicts itself.
  case damaged(String)
  /// Our fault.
  case failed(String)

  /// Seconds after which asking again is worth it.
  static let retrySeconds = 5

  /// The error of anything that was thrown.
  init(describing error: any Error) {
    switch error {
    case let error as GatewayError: self = error
    case let error as ContentError: self.init(error)
    case let error as BlockStoreError:
      if case .busy = error { self = .busy } else { self = .failed("the block store failed") }
    case ComputePoolError.full: self = .busy
    default: self = .failed("the request failed")
    }
  }

  private init(_ error: ContentError) {
    switch error {
    case .malformedCID, .unsupportedMultibase, .unsupportedVersion, .unsupportedCodec,
      .unsupportedHash, .malformedPath, .rangeOutside, .unsupportedLayout, .notAFile:
      self = .malformed("\(error)")
    case .missingBlock, .noSuchEntry, .notADirectory: self = .notFound("\(error)")
    case .noKey: self = .notAcceptable("\(error)")
    case .malformedBlock, .digestMismatch, .unsafeName, .duplicateName, .malformedArchive,
      .sizeMismatch, .tooDeep, .tooLarge, .brokenSeal:
      self = .damaged("\(error)")
    }
  }
}

extension GatewayError {
  var status: HTTPStatus {
    switch self {
    case .malformed: .badRequest
    case .notFound: .notFound
    case .methodNotAllowed: .methodNotAllowed
    case .notAcceptable: .notAcceptable
    case .notStored: .preconditionFailed
    case .refused: .gone
    case .forbiddenByLaw: .unavailableForLegalReasons
    case .rangeNotSatisfiable: .rangeNotSatisfiable
    case .busy: .tooManyRequests
    case .remainder: .notImplemented
    case .unreachable: .badGateway
    case .tooSlow: .gatewayTimeout
    case .damaged, .failed: .internalError
    }
  }

  /// One lower-case sentence.
  var text: String {
    switch self {
    case .malformed(let text), .notFound(let text), .notAcceptable(let text),
      .damaged(let text), .failed(let text):
      text
    case .methodNotAllowed: "a gateway is only read from"
    case .notStored(let cid): "\(cid) is not stored here"
    case .refused(let reason), .forbiddenByLaw(let reason): "this is not served: \(reason)"
    case .rangeNotSatisfiable(let size): "there are \(size) bytes"
    case .busy: "too many requests are under way"
    case .remainder(let path): "`\(path)` lies inside a value; only links can be followed"
    case .unreachable(let cid): "the block \(cid) could not be fetched"
    case .tooSlow: "the content did not come in time"
    }
  }

  /// The whole answer, in plain text.
  var response: HTTPResponse {
    var response = HTTPResponse.text(status, text + "\n")
    response.headers.append("X-Content-Type-Options", "nosniff")
    switch self {
    case .busy, .unreachable, .tooSlow:
      response.headers.append("Retry-After", "\(Self.retrySeconds)")
    case .rangeNotSatisfiable(let size): response.headers.append("Content-Range", "bytes */\(size)")
    case .methodNotAllowed: response.headers.append("Allow", "GET, HEAD, OPTIONS")
    case .malformed, .notFound, .notAcceptable, .notStored, .refused, .forbiddenByLaw, .remainder,
      .damaged, .failed:
      break
    }
    return response
  }
}
