import Primitives

extension PeerNetwork {
  /// Enters the group of a place; the node's other groups and clusters follow from there.
  package func joinGroup(_ settings: GroupSettings) async {
    guard group == nil else { return }
    group = await GroupMembership.start(on: host, kademlia: kademlia, settings: settings)
  }

  /// Our group and the clusters above; null of a node that is in none.
  func groupReport() async -> JSONValue { await group?.report() ?? .null }

  /// Who offers a kind, in all groups.
  func poolReport(of kind: String) async -> JSONValue {
    await group?.poolReport(of: kind) ?? ["error": "this node is in no group: it has no place"]
  }
}
