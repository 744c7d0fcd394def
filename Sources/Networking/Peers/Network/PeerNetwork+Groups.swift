import Peering
import Primitives

/// Why a member of a network takes part in no groups.
package enum GroupAbsence: Equatable, Sendable {
  /// It does not say where it is.
  case noPlace
  /// Stakes decide who may be in the groups, and it follows no chain to read them from.
  case stakesUnknown

  /// One lower-case sentence without a full stop.
  package var words: String {
    switch self {
    case .noPlace: "this node is in no group: it has no place"
    case .stakesUnknown:
      "this node is in no group: the network asks for a stake, and only validators and "
        + "coordinators follow the chain that stakes are read from"
    }
  }

  /// The next step.
  var hint: String {
    switch self {
    case .noPlace: "say where it is with `martlet config set place REGION/COUNTRY/CITY`"
    case .stakesUnknown: "everything else of the network works without a group"
    }
  }

  var report: JSONValue { ["error": .string(words), "hint": .string(hint)] }
}

extension PeerNetwork {
  /// Enters the group of a place; the node's other groups and clusters follow from there. Returns
  /// why it does not.
  @discardableResult
  package func joinGroup(_ settings: GroupSettings) async -> GroupAbsence? {
    guard group == nil else { return nil }
    guard !settings.profile.isByStake || settings.stake != nil else {
      groupAbsence = .stakesUnknown
      return groupAbsence
    }
    group = await GroupMembership.start(on: host, kademlia: kademlia, settings: settings)
    return nil
  }

  /// Says goodbye to the groups; returns when they had time to hear it, at once where there is
  /// nobody else. The host has to run until then.
  package func leave() async { await group?.leave() }

  /// Our group and the clusters above, or why there is none.
  func groupReport() async -> JSONValue { await group?.report() ?? groupAbsence.report }

  /// Who offers a kind, in all groups.
  func poolReport(of kind: String) async -> JSONValue {
    await group?.poolReport(of: kind) ?? groupAbsence.report
  }
}
