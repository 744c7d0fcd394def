import COpenSSL
import ContentStore
import Cryptography
import Primitives
import Testing

/// One line of Tests/Vectors/ipfs-files.json; the sources are named there.
struct FileVector: Sendable, CustomTestStringConvertible {
  enum Recipe: Sendable {
    case text(String)
    case zero(Int)
    case chaCha20(seed: String, count: Int)
  }

  let profile: String
  let recipe: Recipe
  let cid: String
  let tsize: UInt64

  var testDescription: String { "\(profile) \(recipe)" }

  var byteCount: Int {
    switch recipe {
    case .text(let text): text.utf8.count
    case .zero(let count), .chaCha20(_, let count): count
    }
  }

  static let all: [FileVector] = {
    TestFile.json("Vectors/ipfs-files.json")["vectors"]!.elements!.map { FileVector($0) }
  }()

  private init(_ json: JSONValue) {
    profile = json["profile"]!.text!
    cid = json["cid"]!.text!
    tsize = UInt64(json["tsize"]!.integer!)
    let source = json["recipe"]!
    recipe =
      switch source["gen"]!.text! {
      case "utf8": .text(source["text"]!.text!)
      case "zero": .zero(Int(source["size"]!.integer!))
      default:
        .chaCha20(seed: source["seed"]!.text!, count: Int(source["size"]!.integer!))
      }
  }

  /// What must be asked for to get the profile of this name.
  var settings: UnixFSSettings {
    var settings = UnixFSSettings()
    switch profile {
    case "v0": settings.profile = .v0In2015
    case "v1-2025": break
    case "v1k": settings.cidVersion = .v1
    case "v1nr": (settings.cidVersion, settings.hasRawLeaves) = (.v1, false)
    case "v0raw": settings.hasRawLeaves = true
    default: (settings.cidVersion, settings.chunkByteCount) = (.v1, 1_048_576)
    }
    return settings
  }

  var layout: UnixFSLayout { get throws { try settings.fileLayout() } }

  /// Hands out the file in pieces whose size has nothing to do with chunks.
  func forEachPiece(_ body: (Bytes) throws -> Void) rethrows {
    let pieceByteCount = 1_000_003
    var rest = byteCount
    switch recipe {
    case .text(let text): try body(Bytes(text.utf8))
    case .zero:
      while rest > 0 {
        try body(Bytes(repeating: 0, count: min(rest, pieceByteCount)))
        rest -= min(rest, pieceByteCount)
      }
    case .chaCha20(let seed, _):
      let stream = ChaCha20Stream(key: SHA256.hash(Bytes(seed.utf8)))
      while rest > 0 {
        try body(stream.next(min(rest, pieceByteCount)))
        rest -= min(rest, pieceByteCount)
      }
    }
  }
}

/// The ChaCha20 keystream with a zero nonce and counter 0, Kubo's deterministic test data.
final class ChaCha20Stream {
  private let context = EVP_CIPHER_CTX_new()

  init(key: Digest) {
    let nonce = Bytes(repeating: 0, count: 16)
    precondition(EVP_EncryptInit_ex(context, EVP_chacha20(), nil, key.bytes, nonce) == 1)
  }

  deinit { EVP_CIPHER_CTX_free(context) }

  func next(_ count: Int) -> Bytes {
    let zeros = Bytes(repeating: 0, count: count)
    return Bytes(unsafeUninitializedCapacity: count) { buffer, filled in
      var written: Int32 = 0
      EVP_EncryptUpdate(context, buffer.baseAddress, &written, zeros, Int32(count))
      filled = Int(written)
    }
  }
}
