import Networking
import Primitives
import Telemetry

/// Something that is answered piece by piece. Pieces are asked for one after another; the head of
/// the answer is sent when the first is there, so a failure before it has a status of its own.
protocol KuboStream: Sendable {
  /// The next bytes of the answer; nil at the end.
  func next() async throws -> Bytes?
}

/// What a command answers.
enum KuboReply: Sendable {
  /// One object.
  case object(JSONValue)
  /// Objects on lines of their own.
  case objects(any KuboStream)
  /// Bytes; `length` is only told where it is known.
  case bytes(any KuboStream, type: String = "text/plain", length: UInt64? = nil)
}

extension PieceWalkRun: KuboStream where Walk.Piece == Bytes {}

/// A stream of what is at hand already.
final class KuboList: KuboStream {
  private let bytes: Lock<Bytes?>

  init(_ bytes: Bytes) { self.bytes = Lock(bytes.isEmpty ? nil : bytes) }

  convenience init(_ objects: [JSONValue]) {
    self.init(objects.reduce(into: Bytes()) { $0 += KuboJSON.line($1) })
  }

  func next() async throws -> Bytes? { bytes.withLock { $0.take() } }
}

/// JSON as Go writes it.
enum KuboJSON {
  /// One object and a line feed. Go's encoder escapes what could end a script in a page.
  static func line(_ value: JSONValue) -> Bytes {
    var line = Bytes()
    for byte in value.encoded() {
      switch byte {
      case UInt8(ascii: "<"): line += "\\u003c".utf8
      case UInt8(ascii: ">"): line += "\\u003e".utf8
      case UInt8(ascii: "&"): line += "\\u0026".utf8
      default: line.append(byte)
      }
    }
    line.append(UInt8(ascii: "\n"))
    return line
  }

  /// A number without a point where it has no fraction.
  static func number(_ number: Double) -> JSONValue {
    Int64(exactly: number).map(JSONValue.integer) ?? .number(number)
  }
}
