import Cryptography
import Peering
import Primitives

/// Limits of `/dnsaddr` addresses; each record can name more of them.
private enum TextRecordLimits {
  /// Names on the way from an address to those it stands for.
  static let depthMax = 4
  /// Questions of one dial.
  static let questionsMax = 8
  /// Addresses that are tried.
  static let addressesMax = 8
}

extension PeerHost {
  /// What a `/dnsaddr` address stands for (multiformats/multiaddr, protocols/DNSADDR.md): the
  /// addresses in the TXT records of `_dnsaddr.NAME` that name the same peer.
  func addresses(
    behind name: String, of peer: PeerID
  ) async throws(PeerError) -> [Multiaddr] {
    guard let resolver = settings.resolver else { throw .nameUnknown(name) }
    var found: [Multiaddr] = []
    var names = [name]
    var asked: Set<String> = []
    for _ in 0..<TextRecordLimits.depthMax where !names.isEmpty {
      var deeper: [String] = []
      for name in names where asked.count < TextRecordLimits.questionsMax {
        guard asked.insert(name).inserted else { continue }
        let answer: DNSTextAnswer
        do {
          answer = try DNSTextAnswer(
            decoding: try await resolver.textAnswer(of: "_dnsaddr.\(name)"))
        } catch {
          continue
        }
        for address in answer.addresses where address.peer == peer {
          if let next = address.textRecordsName {
            deeper.append(next)
          } else if address.isDialable, !found.contains(address.withoutOwner) {
            found.append(address.withoutOwner)
          }
        }
      }
      names = deeper
    }
    guard !found.isEmpty else { throw .nameUnknown(name) }
    return Array(found.prefix(TextRecordLimits.addressesMax))
  }
}
