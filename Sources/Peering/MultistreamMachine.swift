import Primitives

/// Limits of a protocol negotiation.
enum MultistreamLimits {
  /// go-multistream reads at most 1 KiB a line; no protocol id comes near it.
  static let lineBytesMax = 1_024
  /// A peer that still guesses after this many proposals shares no protocol with us.
  static let proposalsMax = 16
}

/// One negotiation of multistream-select 1.0 (libp2p/specs connections/README.md).
///
/// A dialer sends the header and its first proposal in one segment, and may send the chosen
/// protocol's own bytes behind them before the answer arrives. The bytes behind the last line of a
/// negotiation are left unconsumed.
package struct MultistreamMachine: Sendable {
  private enum Side { case dialer, listener }

  private static let header = "/multistream/1.0.0"
  private static let refusal = "na"

  private let side: Side
  private let protocols: [String]
  private var proposal = 0
  private var headerSeen = false
  private var line = Bytes()

  /// The index of the protocol both sides settled on.
  package private(set) var agreed: Int?
  /// The protocol both sides settled on.
  package var agreedProtocol: String? { agreed.map { protocols[$0] } }

  /// Proposes `protocols` in order; the header and the first proposal are appended to `output`.
  package init(proposing protocols: [String], output: inout ByteQueue) {
    precondition(!protocols.isEmpty && protocols.count <= MultistreamLimits.proposalsMax)
    side = .dialer
    self.protocols = protocols
    Self.append(Self.header, to: &output)
    Self.append(protocols[0], to: &output)
  }

  /// Waits for a proposal among `protocols`.
  package init(accepting protocols: [String]) {
    side = .listener
    self.protocols = protocols
  }

  /// Reads lines from `input` until a protocol is agreed; returns how many bytes it used.
  package mutating func receive(
    _ input: UnsafeRawBufferPointer, output: inout ByteQueue
  ) throws(PeeringError) -> Int {
    var used = 0
    while agreed == nil, used < input.count {
      line.append(input[used])
      used += 1
      if let text = try completeLine() {
        line.removeAll(keepingCapacity: true)
        try handle(text, output: &output)
      }
    }
    return used
  }

  /// The text of the line in `line` when it is whole: a length varint, the text, a line feed.
  private func completeLine() throws(PeeringError) -> ArraySlice<UInt8>? {
    let prefix: Int
    let length: Int
    if line[0] < 0x80 {
      (prefix, length) = (1, Int(line[0]))
    } else if line.count < 2 {
      return nil
    } else {
      (prefix, length) = (2, Int(line[0] & 0x7F) | Int(line[1]) << 7)
    }
    guard length <= MultistreamLimits.lineBytesMax else {
      throw .multistreamLineTooLong(bytes: length, limit: MultistreamLimits.lineBytesMax)
    }
    guard length > 0 else { throw .multistreamMalformed }
    guard line.count == prefix + length else { return nil }
    guard line.last == UInt8(ascii: "\n") else { throw .multistreamMalformed }
    return line[prefix..<(line.count - 1)]
  }

  private mutating func handle(
    _ text: ArraySlice<UInt8>, output: inout ByteQueue
  ) throws(PeeringError) {
    guard headerSeen else {
      guard text.elementsEqual(Self.header.utf8) else { throw .multistreamMalformed }
      headerSeen = true
      if side == .listener { Self.append(Self.header, to: &output) }
      return
    }
    switch side {
    case .dialer: try handleAnswer(text, output: &output)
    case .listener: try handleProposal(text, output: &output)
    }
  }

  private mutating func handleAnswer(
    _ text: ArraySlice<UInt8>, output: inout ByteQueue
  ) throws(PeeringError) {
    if text.elementsEqual(protocols[proposal].utf8) {
      agreed = proposal
    } else if text.elementsEqual(Self.refusal.utf8) {
      proposal += 1
      guard proposal < protocols.count else { throw .protocolsRefused(protocols) }
      Self.append(protocols[proposal], to: &output)
    } else {
      throw .multistreamMalformed
    }
  }

  private mutating func handleProposal(
    _ text: ArraySlice<UInt8>, output: inout ByteQueue
  ) throws(PeeringError) {
    if let index = protocols.firstIndex(where: { text.elementsEqual($0.utf8) }) {
      agreed = index
      Self.append(protocols[index], to: &output)
      return
    }
    proposal += 1
    guard proposal < MultistreamLimits.proposalsMax else {
      throw .tooManyProposals(limit: MultistreamLimits.proposalsMax)
    }
    Self.append(Self.refusal, to: &output)
  }

  private static func append(_ text: String, to output: inout ByteQueue) {
    let length = text.utf8.count + 1
    precondition(length <= MultistreamLimits.lineBytesMax)
    if length >= 0x80 {
      output.append(UInt8(length & 0x7F) | 0x80)
      output.append(UInt8(length >> 7))
    } else {
      output.append(UInt8(length))
    }
    var text = text
    text.withUTF8 { output.append(UnsafeRawBufferPointer($0)) }
    output.append(UInt8(ascii: "\n"))
  }
}
