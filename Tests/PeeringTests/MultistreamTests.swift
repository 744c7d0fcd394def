import Primitives
import Testing

@testable import Peering

@Suite("multistream-select")
struct MultistreamTests {
  private static let header = "\u{13}/multistream/1.0.0\n"

  @Test("header and first proposal leave in one segment")
  func lazyProposal() {
    var output = ByteQueue()
    _ = MultistreamMachine(proposing: ["/noise"], output: &output)
    #expect(output.bytes == Bytes((Self.header + "\u{7}/noise\n").utf8))
  }

  @Test("two sides agree, and bytes behind the last line are left")
  func agreement() throws {
    var fromDialer = ByteQueue()
    var fromListener = ByteQueue()
    var dialer = MultistreamMachine(proposing: ["/a", "/b"], output: &fromDialer)
    var listener = MultistreamMachine(accepting: ["/c", "/b"])
    #expect(try listener.receive(fromDialer.bytes, &fromListener) == fromDialer.count)
    fromDialer.consume(fromDialer.count)
    #expect(fromListener.bytes == Bytes((Self.header + "\u{3}na\n").utf8))
    _ = try dialer.receive(fromListener.bytes, &fromDialer)
    fromListener.consume(fromListener.count)
    #expect(fromDialer.bytes == Bytes("\u{3}/b\n".utf8))
    let withMore = fromDialer.bytes + [9, 9]
    #expect(try listener.receive(withMore, &fromListener) == withMore.count - 2)
    #expect(listener.agreed == 1)
    _ = try dialer.receive(fromListener.bytes, &fromDialer)
    #expect(dialer.agreed == 1)
  }

  @Test("lines split anywhere are read alike")
  func splitLines() throws {
    var output = ByteQueue()
    var listener = MultistreamMachine(accepting: ["/noise"])
    for byte in Bytes((Self.header + "\u{7}/noise\n").utf8) {
      _ = try listener.receive([byte], &output)
    }
    #expect(listener.agreed == 0)
  }

  @Test("a refusal of each proposal is an error")
  func refused() throws {
    var output = ByteQueue()
    var dialer = MultistreamMachine(proposing: ["/a"], output: &output)
    #expect(throws: PeeringError.protocolsRefused(["/a"])) {
      _ = try dialer.receive(Bytes((Self.header + "\u{3}na\n").utf8), &output)
    }
  }

  @Test("a long line, an empty line, a line without its end and another header are refused")
  func malformed() {
    let lines: [(Bytes, PeeringError)] = [
      ([0xFF, 0x7F], .multistreamLineTooLong(bytes: 16_383, limit: 1_024)),
      ([0], .multistreamMalformed),
      ([2, 65, 65], .multistreamMalformed),
      (Bytes("\u{13}/multistream/2.0.0\n".utf8), .multistreamMalformed),
    ]
    for (bytes, error) in lines {
      var output = ByteQueue()
      var listener = MultistreamMachine(accepting: ["/a"])
      #expect(throws: error) { _ = try listener.receive(bytes, &output) }
    }
  }

  @Test("a peer that goes on guessing is refused")
  func tooManyProposals() {
    var output = ByteQueue()
    var listener = MultistreamMachine(accepting: ["/a"])
    let guesses = Self.header + String(repeating: "\u{3}/x\n", count: 16)
    #expect(throws: PeeringError.tooManyProposals(limit: 16)) {
      _ = try listener.receive(Bytes(guesses.utf8), &output)
    }
  }
}

extension MultistreamMachine {
  /// Reads an array.
  mutating func receive(
    _ bytes: Bytes, _ output: inout ByteQueue
  ) throws(PeeringError) -> Int {
    var machine = self
    let outcome = bytes.withUnsafeBytes { input in
      Result { () throws(PeeringError) in try machine.receive(input, output: &output) }
    }
    self = machine
    return try outcome.get()
  }
}
