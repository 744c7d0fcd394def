public import Cryptography
public import Primitives

/// The secret of one private object: whoever has it reads the object. Shells draw it.
public struct ObjectKey: Equatable, Sendable {
  /// Bytes of a key.
  public static let byteCount = 32
  /// The secret.
  public let bytes: Bytes

  /// Takes 32 random bytes.
  public init(bytes: Bytes) throws(DecodingFailure) {
    guard bytes.count == Self.byteCount else {
      throw .malformed(what: "object key", reason: "\(bytes.count) bytes instead of 32")
    }
    self.bytes = bytes
  }

  /// What keys are derived for; each encrypts with nonces of its own.
  enum Purpose: String {
    case content
    case index
    case header
    case commitment
  }

  /// A key for one purpose (HKDF, RFC 5869).
  func derived(for purpose: Purpose, salt: Bytes = []) -> Bytes {
    let key = HKDFSHA256.extract(
      salt: Bytes("martlet private object 1".utf8) + salt, inputKey: bytes)
    return HKDFSHA256.expand(
      pseudorandomKey: key, info: Bytes(purpose.rawValue.utf8), count: ChaChaPoly.keyByteCount)
  }

  /// Binds a manifest to one key: ChaCha20-Poly1305 alone could be opened by two keys, to two texts
  /// (Len, Grubbs, Ristenpart: "Partitioning Oracle Attacks", USENIX Security 2021).
  var commitment: Bytes { derived(for: .commitment) }
}

/// The secret of one object, wrapped so that one reader can unwrap it.
public enum WrappedKey: Equatable, Sendable {
  /// A sealed box for a peer's key. Whose, it does not say.
  case peer(Bytes)
  /// Under a passphrase, as `SealedSecret` writes it.
  case passphrase(Bytes)

  /// Bytes of a box with a key inside.
  static let peerByteCount = ObjectKey.byteCount + SealedBox.overheadByteCount
  /// Far more than `SealedSecret` needs for a key.
  static let passphraseByteCountMax = 256

  /// Whether a passphrase opens it.
  public var isForPassphrase: Bool {
    switch self {
    case .peer: false
    case .passphrase: true
    }
  }

  /// The box for one peer.
  public static func wrapping(
    _ key: ObjectKey, for peer: PublicKey
  ) throws(CryptographyError) -> WrappedKey {
    .peer(try SealedBox.seal(key.bytes, for: peer))
  }

  /// The key under a passphrase; takes 256 MiB and most of a second.
  public static func wrapping(_ key: ObjectKey, passphrase: Bytes) -> WrappedKey {
    .passphrase(SealedSecret.seal(key.bytes, passphrase: passphrase))
  }

  /// The key inside; nil for a reader it is not for.
  func unwrapped(by reader: PrivateReaderKey) -> ObjectKey? {
    let bytes: Bytes?
    switch (self, reader) {
    case (.peer(let box), .peer(let key)): bytes = try? SealedBox.open(box, with: key)
    case (.passphrase(let sealed), .passphrase(let text)):
      bytes = try? SealedSecret.open(sealed, passphrase: text)
    case (.peer, .passphrase), (.passphrase, .peer): bytes = nil
    }
    return bytes.flatMap { try? ObjectKey(bytes: $0) }
  }
}

/// What a reader opens private objects with.
public enum PrivateReaderKey: Sendable {
  case peer(SigningKey)
  case passphrase(Bytes)
}
