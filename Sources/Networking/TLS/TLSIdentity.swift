internal import COpenSSL
internal import Telemetry

/// Why TLS could not be set up or carried on.
package enum TLSError: Error, Equatable {
  case certificateUnusable(file: String, reason: String)
  case keyUnusable(file: String, reason: String)
  case handshakeFailed(reason: String)
  case recordInvalid(reason: String)
  case contextUnavailable
}

/// A server's certificate chain and key, TLS 1.3 only; replaced as a whole by `reload()`.
package final class TLSIdentity: Sendable {
  private let certificateFile: String
  private let keyFile: String
  private let current: Lock<TLSContext>

  /// Loads a PEM certificate chain and its PEM key.
  package init(certificateFile: String, keyFile: String) throws(TLSError) {
    self.certificateFile = certificateFile
    self.keyFile = keyFile
    current = Lock(try TLSContext(certificateFile: certificateFile, keyFile: keyFile))
  }

  /// Reads the files again; connections already made keep the old certificate, and a failure
  /// leaves it in use for new ones too.
  package func reload() throws(TLSError) {
    let fresh = try TLSContext(certificateFile: certificateFile, keyFile: keyFile)
    current.withLock { $0 = fresh }
  }

  func context() -> TLSContext { current.withLock { $0 } }
}

/// An OpenSSL context; counts references itself, so each connection holds the one it began with.
final class TLSContext: Sendable {
  /// Set once; OpenSSL contexts may be shared by threads once they are configured.
  nonisolated(unsafe) let pointer: OpaquePointer

  init(certificateFile: String, keyFile: String) throws(TLSError) {
    ERR_clear_error()
    guard let pointer = SSL_CTX_new(TLS_server_method()) else { throw .contextUnavailable }
    self.pointer = pointer
    _ = SSL_CTX_ctrl(pointer, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_3_VERSION), nil)
    guard SSL_CTX_use_certificate_chain_file(pointer, certificateFile) == 1 else {
      throw .certificateUnusable(file: certificateFile, reason: Self.lastError())
    }
    guard SSL_CTX_use_PrivateKey_file(pointer, keyFile, SSL_FILETYPE_PEM) == 1,
      SSL_CTX_check_private_key(pointer) == 1
    else { throw .keyUnusable(file: keyFile, reason: Self.lastError()) }
  }

  deinit { SSL_CTX_free(pointer) }

  /// The oldest entry of OpenSSL's error queue of this thread, as text.
  static func lastError() -> String {
    let code = ERR_get_error()
    guard code != 0, let reason = ERR_reason_error_string(code) else { return "unknown" }
    return String(cString: reason)
  }
}

extension TLSError: CustomStringConvertible {
  /// One lower-case sentence without a full stop.
  package var description: String {
    switch self {
    case .certificateUnusable(let file, let reason):
      "the certificate \(file) cannot be used: \(reason)"
    case .keyUnusable(let file, let reason): "the key \(file) cannot be used: \(reason)"
    case .handshakeFailed(let reason): "the TLS handshake failed: \(reason)"
    case .recordInvalid(let reason): "a TLS record is invalid: \(reason)"
    case .contextUnavailable: "OpenSSL does not start"
    }
  }
}
