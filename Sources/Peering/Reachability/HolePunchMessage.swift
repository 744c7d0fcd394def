package import Primitives

/// A message of DCUtR (libp2p/specs relay/DCUtR.md).
package enum HolePunchMessage: Equatable, Sendable {
  /// The protocol's name.
  package static let protocolID = "/libp2p/dcutr"
  /// As the specification says.
  package static let bytesMax = 4_096
  /// Addresses of one message that are dialled: a message must not make us dial a whole network.
  package static let addressesMax = 8

  private enum Kind {
    static let connect: UInt64 = 100
    static let sync: UInt64 = 300
  }

  /// Where the sender is seen by others; addresses that we cannot read are left out.
  case connect([Multiaddr])
  /// Dial now.
  case sync

  /// The message without its length.
  package func encoded() -> Bytes {
    var message = ProtobufWriter()
    switch self {
    case .connect(let addresses):
      message.append(1, unsigned: Kind.connect)
      for address in addresses.prefix(Self.addressesMax) { message.append(2, bytes: address.bytes) }
    case .sync: message.append(1, unsigned: Kind.sync)
    }
    return message.bytes
  }

  /// Reads a message; unknown fields are skipped.
  package init(decoding bytes: Bytes) throws(ReachabilityFault) {
    guard bytes.count <= Self.bytesMax else {
      throw .tooLong(bytes: bytes.count, limit: Self.bytesMax)
    }
    let fields: ProtobufFields
    do throws(ProtobufFault) { fields = try ProtobufFields(bytes[...]) } catch {
      throw .malformed(error)
    }
    switch fields.unsigned(1) {
    case Kind.connect:
      let addresses = fields.repeated(2, max: ProtobufReader.fieldsMax)
        .compactMap { try? Multiaddr(bytes: $0) }
      self = .connect(Array(addresses.prefix(Self.addressesMax)))
    case Kind.sync: self = .sync
    default: throw .kind
    }
  }
}
