import Primitives
import Testing

@testable import Peering

@Suite("rpc frames")
struct RPCTests {
  private static let request = RPCRequest(
    method: "echo", body: [1, 2], deadline: .milliseconds(1_000))

  @Test("the example of docs/specs/rpc.md is reproduced")
  func example() throws {
    let hex =
      "2ba464626f6479420102666d6574686f64646563686f68646561646c696e651903e868"
      + "73747265616d6564f4"
    #expect(Hex.encode(RPCFraming.encode(Self.request.encoded())) == hex)
    var input = ByteQueue()
    input.append(try Hex.decode(hex))
    let frame = try #require(try RPCFraming.next(in: &input, limit: RPCLimits.messageBytesMax))
    #expect(try RPCFraming.request(frame) == Self.request)
  }

  @Test("responses are read back as they were")
  func responses() throws {
    let error = RPCError(code: "not_found", message: "no such round", hint: "see `list`")
    for response: RPCResponse in [
      .success([1, 2, 3]), .success([], isStreamed: true), .failure(error),
    ] {
      #expect(try RPCFraming.response(response.encoded()) == response)
    }
  }

  @Test("every truncation of a request is refused, and no bit flip is read as the same request")
  func damage() {
    let bytes = Self.request.encoded()
    for length in 0..<bytes.count {
      #expect(throws: PeeringError.self) { try RPCFraming.request(Bytes(bytes.prefix(length))) }
    }
    for index in bytes.indices {
      for bit in 0..<8 {
        var flipped = bytes
        flipped[index] ^= 1 << UInt8(bit)
        #expect((try? RPCFraming.request(flipped)) != Self.request)
      }
    }
  }

  @Test("a frame waits for all its bytes; a length above the limit is refused before them")
  func framing() throws {
    var input = ByteQueue()
    for byte in RPCFraming.encode([7, 8, 9]) {
      #expect(try RPCFraming.next(in: &input, limit: 3) == nil)
      input.append(byte)
    }
    #expect(try RPCFraming.next(in: &input, limit: 3) == [7, 8, 9])
    input.append(Varint.encode(4))
    #expect(throws: PeeringError.rpcFrameTooLong(bytes: 4, limit: 3)) {
      _ = try RPCFraming.next(in: &input, limit: 3)
    }
  }

  @Test("a length that is not minimal is refused")
  func lengthNotMinimal() {
    var input = ByteQueue()
    input.append([0x83, 0x00])
    #expect(throws: PeeringError.self) { _ = try RPCFraming.next(in: &input, limit: 3) }
  }

  @Test("a deadline beyond an hour, a long method and an unknown field are refused")
  func limits() {
    let fields: [String: CanonicalValue] = [
      "method": .text("echo"), "body": .bytes([]), "deadline": .unsigned(1),
      "streamed": .bool(false),
    ]
    let changes: [(String, CanonicalValue)] = [
      ("deadline", .unsigned(3_600_001)), ("method", .text(String(repeating: "m", count: 129))),
      ("extra", .null),
    ]
    for (name, value) in changes {
      var changed = fields
      changed[name] = value
      #expect(throws: PeeringError.self) {
        _ = try RPCFraming.request(CanonicalValue.map(changed).encoded())
      }
    }
  }

  @Test("durations become whole milliseconds within the limit")
  func milliseconds() {
    #expect(Duration.microseconds(1).wholeMilliseconds == 1)
    #expect(Duration.seconds(2).wholeMilliseconds == 2_000)
    #expect(Duration.seconds(1_000_000).wholeMilliseconds == 3_600_000)
    #expect(Duration.seconds(-1).wholeMilliseconds == 0)
  }
}
