/// Why bytes are not a request we serve. RFC 9110 (semantics), RFC 9112 (syntax).
package enum HTTPParseError: Error, Equatable, Sendable {
  case bareLineFeed
  case malformedRequestLine
  case unsupportedVersion
  case targetTooLong(max: Int)
  case headTooLarge(max: Int)
  case tooManyFields(max: Int)
  case malformedField
  case foldedField
  case hostMissingOrRepeated
  case malformedContentLength
  case repeatedContentLength
  case contentLengthWithTransferEncoding
  case unsupportedTransferEncoding
  case unsupportedExpectation
  case malformedChunk
  case bodyTooLarge(max: Int)

  /// The status that tells the client so.
  package var status: HTTPStatus {
    switch self {
    case .bareLineFeed, .malformedRequestLine, .malformedField, .foldedField,
      .hostMissingOrRepeated, .malformedContentLength, .repeatedContentLength,
      .contentLengthWithTransferEncoding, .malformedChunk:
      .badRequest
    case .unsupportedVersion: .versionNotSupported
    case .targetTooLong: .targetTooLong
    case .headTooLarge, .tooManyFields: .headTooLarge
    case .unsupportedTransferEncoding: .notImplemented
    case .unsupportedExpectation: .expectationFailed
    case .bodyTooLarge: .contentTooLarge
    }
  }
}
