import Cryptography
import Peering
package import Primitives

extension GroupMembership {
  /// The group, its members and the clusters above that this node is in.
  package func report() -> JSONValue {
    .object([
      .init("group", .string("\(group())")),
      .init("refused", refusal().map { .string("\($0)") } ?? .null),
      .init(
        "members",
        .array(
          members().map { member in
            .object([
              .init("peer", .string("\(member.peer)")),
              .init("is_this_node", .bool(member.isLocal)),
              .init("is_suspected", .bool(member.isSuspected)),
              .init("round_trip_us", member.roundTrip.map { .integer($0.microseconds) } ?? .null),
            ])
          })),
      .init(
        "clusters",
        .array(
          clusters().map { cluster in
            .object([
              .init("cluster", .string("\(cluster.cluster)")),
              .init("members", .integer(Int64(cluster.members))),
              .init("leader", cluster.leader.map { .string("\($0)") } ?? .null),
              .init("epoch", .integer(Int64(clamping: cluster.epoch))),
              .init(
                "members_below",
                cluster.membersBelow.map { .integer(Int64(clamping: $0)) } ?? .null),
            ])
          })),
    ])
  }

  /// Peers that offer a kind, and where they may be found.
  package func poolReport(of kind: String) async -> JSONValue {
    let peers = await find(kind: kind)
    let book = await hostBook()
    return .object([
      .init("kind", .string(kind)),
      .init(
        "peers",
        .array(
          peers.map { peer in
            let record = book.handle(of: peer).flatMap { book.record(of: $0) }
            return .object([
              .init("peer", .string("\(peer)")),
              .init(
                "addresses",
                .array((record?.addresses ?? []).map { .string("\($0.address)") })),
            ])
          })),
    ])
  }
}

extension Duration {
  fileprivate var microseconds: Int64 {
    components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
  }
}
