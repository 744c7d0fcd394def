package import Cryptography
package import Primitives

/// Who a member is and where it may be found, as one member tells another. The addresses are
/// hearsay; the invitation proves itself.
package struct PeerIntroduction: Hashable, Sendable {
  /// Who.
  package let peer: PeerID
  /// Where, as bytes of multiaddrs without the peer's id.
  package let addresses: [Bytes]
  /// Its right to be in the network, where the network asks for one.
  package let invitation: NetworkInvitation?

  /// Introduces a peer; addresses beyond the limits are left out.
  package init(_ peer: PeerID, addresses: [Bytes] = [], invitation: NetworkInvitation? = nil) {
    self.peer = peer
    self.addresses = Array(
      addresses.filter { (1...SWIMLimits.addressBytesMax).contains($0.count) }
        .prefix(SWIMLimits.addressesOfMemberMax))
    self.invitation = invitation
  }
}

extension PeerIntroduction: CanonicalCodable {
  /// The array [peer, addresses, invitation or null].
  package var canonicalValue: CanonicalValue {
    .array([
      peer.canonicalValue, .array(addresses.map { .bytes($0) }),
      invitation?.canonicalValue ?? .null,
    ])
  }

  /// Reads the array; says nothing about the invitation's truth.
  package init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    guard case .array(let parts) = canonicalValue, parts.count == 3,
      case .array(let values) = parts[1]
    else { throw .malformed(what: "introduction", reason: "expected three parts") }
    peer = try PeerID(canonicalValue: parts[0])
    guard values.count <= SWIMLimits.addressesOfMemberMax else {
      throw .tooLarge(
        what: "addresses", size: values.count, limit: SWIMLimits.addressesOfMemberMax)
    }
    var addresses: [Bytes] = []
    for value in values {
      guard case .bytes(let address) = value,
        (1...SWIMLimits.addressBytesMax).contains(address.count)
      else { throw .malformed(what: "introduction", reason: "an address that is none") }
      addresses.append(address)
    }
    self.addresses = addresses
    invitation = parts[2] == .null ? nil : try NetworkInvitation(canonicalValue: parts[2])
  }

  static func list(
    _ value: CanonicalValue, max: Int
  ) throws(DecodingFailure) -> [PeerIntroduction] {
    guard case .array(let values) = value else {
      throw .malformed(what: "introductions", reason: "expected an array")
    }
    guard values.count <= max else {
      throw .tooLarge(what: "introductions", size: values.count, limit: max)
    }
    var list: [PeerIntroduction] = []
    for value in values { list.append(try PeerIntroduction(canonicalValue: value)) }
    return list
  }
}

extension NetworkCoordinate {
  /// The array of three axes and the height in microseconds, and the error in percent.
  package var canonicalValue: CanonicalValue {
    .array(microseconds.map { .integer($0) } + [.unsigned(UInt64((error * 100).rounded()))])
  }

  /// Reads the array.
  package init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    guard case .array(let parts) = canonicalValue, parts.count == 5,
      case .unsigned(let percent) = parts[4]
    else { throw .malformed(what: "coordinate", reason: "expected five numbers") }
    var microseconds: [Int64] = []
    for part in parts.dropLast() {
      switch part {
      case .unsigned(let value): microseconds.append(Int64(clamping: value))
      case .negative(let value): microseconds.append(-1 - Int64(clamping: value))
      default: throw .malformed(what: "coordinate", reason: "expected five numbers")
      }
    }
    guard let read = NetworkCoordinate(microseconds: microseconds, errorPercent: percent),
      read.microseconds == microseconds
    else {
      throw .malformed(what: "coordinate", reason: "beyond all latencies")
    }
    self = read
  }
}
