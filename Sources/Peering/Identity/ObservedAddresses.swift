package import Primitives

/// Limits of what others may tell us about our own addresses.
package enum ObservedAddressLimits {
  /// An address is believed when observers of this many groups agree (go-libp2p's
  /// `ActivationThresh`): one operator, however many peers it runs, is one group.
  package static let groupsNeeded = 4
  /// How long an observation counts.
  package static let lifetime: Duration = .seconds(40 * 60)
  /// Addresses under observation; a node has a few, liars have as many as they like.
  static let addressesMax = 64
  /// Groups counted for one address; more do not make it truer.
  static let groupsPerAddressMax = 16
}

/// Which of our addresses others see, and how many independent ones see each.
package struct ObservedAddresses: Sendable {
  private struct Observation: Sendable {
    let address: Multiaddr
    var groups: [(group: UInt32, expires: Tick)]
  }

  private var observations: [Observation] = []

  /// Nothing observed yet.
  package init() {}

  /// Takes down what one peer sees; `group` is its `AddressGroup.network`. Observers without a
  /// group (on this machine, by name) prove nothing to the outside and are not counted.
  package mutating func observe(_ address: Multiaddr, by group: UInt32, now: Tick) {
    guard group != 0, address.dialTarget != nil, AddressGroup.network(of: address) != 0 else {
      return
    }
    expire(now)
    let entry = (group: group, expires: now.advanced(by: ObservedAddressLimits.lifetime))
    guard let index = observations.firstIndex(where: { $0.address == address }) else {
      if observations.count >= ObservedAddressLimits.addressesMax { dropWeakest() }
      observations.append(Observation(address: address, groups: [entry]))
      return
    }
    if let known = observations[index].groups.firstIndex(where: { $0.group == group }) {
      observations[index].groups[known] = entry
    } else if observations[index].groups.count < ObservedAddressLimits.groupsPerAddressMax {
      observations[index].groups.append(entry)
    }
  }

  /// The addresses that enough groups agree on, the first seen first.
  package mutating func confirmed(now: Tick) -> [Multiaddr] {
    expire(now)
    return observations.filter { $0.groups.count >= ObservedAddressLimits.groupsNeeded }
      .map(\.address)
  }

  /// Each address under observation and the number of groups that see it.
  package var rows: [(address: Multiaddr, groups: Int)] {
    observations.map { ($0.address, $0.groups.count) }
  }

  private mutating func expire(_ now: Tick) {
    for index in observations.indices { observations[index].groups.removeAll { $0.expires <= now } }
    observations.removeAll { $0.groups.isEmpty }
  }

  /// Makes room by forgetting the address that the fewest groups see, the newest of those: a flood
  /// of inventions pushes itself out.
  private mutating func dropWeakest() {
    let fewest = observations.map(\.groups.count).min()
    guard let index = observations.lastIndex(where: { $0.groups.count == fewest }) else { return }
    observations.remove(at: index)
  }
}
