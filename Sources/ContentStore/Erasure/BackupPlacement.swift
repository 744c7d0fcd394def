public import Cryptography
import Primitives

/// Which storage node keeps which member of a group: by highest random weight (Thaler, Ravishankar:
/// "Using name-based mappings to increase hit rates", IEEE/ACM ToN 1998), so that owners agree
/// without asking, and a node that comes or goes moves little.
public enum BackupPlacement {
  /// Says where members go that nobody keeps yet.
  ///
  /// - Parameters:
  ///   - members: their numbers in the group.
  ///   - group: the number of the group in its backup.
  ///   - backup: the manifest's CID.
  ///   - kept: how many members of the group each node keeps already.
  ///   - nodes: who may be asked to keep some; none gets a second member while another has none.
  /// - Returns: a node for each member, in their order; empty without nodes.
  public static func nodes(
    for members: [Int], of group: Int, in backup: CID, kept: [PeerID: Int] = [:],
    among nodes: [PeerID]
  ) -> [PeerID] {
    var load = kept
    return members.compactMap { member in
      let chosen = nodes.map { node in
        (load: load[node] ?? 0, weight: weight(of: node, member, group, backup), node: node)
      }.min { left, right in
        left.load != right.load ? left.load < right.load : left.weight > right.weight
      }?.node
      if let chosen { load[chosen, default: 0] += 1 }
      return chosen
    }
  }

  /// How many nodes may be lost at the same time, whichever they are, when members are spread as
  /// `nodes` does.
  public static func lossesSurvived(of code: ErasureCode, nodeCount: Int) -> Int {
    guard nodeCount > 0 else { return 0 }
    // Members are spread evenly: so many nodes keep one more than the others.
    let (each, more) = code.count.quotientAndRemainder(dividingBy: nodeCount)
    var rest = code.parityCount
    var losses = 0
    while losses < nodeCount {
      let members = losses < more ? each + 1 : each
      guard members > 0, rest >= members else { break }
      rest -= members
      losses += 1
    }
    return each == 0 && losses == more ? nodeCount : losses
  }

  /// How many nodes may be lost at the same time, whichever they are, before a group has fewer
  /// than `needed` members; nil where it has fewer already.
  ///
  /// - Parameter keepers: who keeps each member. One of several counts, so the result is the least
  ///   that holds.
  public static func lossesSurvived(keepers: [[PeerID]], needed: Int) -> Int? {
    var load: [PeerID: Int] = [:]
    for nodes in keepers.sorted(by: { $0.count < $1.count }) {
      let least = nodes.min {
        let (left, right) = (load[$0] ?? 0, load[$1] ?? 0)
        return left != right ? left < right : $0.bytes.lexicographicallyPrecedes($1.bytes)
      }
      if let least { load[least, default: 0] += 1 }
    }
    var rest = load.values.reduce(0, +)
    guard rest >= needed else { return nil }
    var losses = 0
    for count in load.values.sorted(by: >) {
      guard rest - count >= needed else { break }
      rest -= count
      losses += 1
    }
    return losses
  }

  private static func weight(of node: PeerID, _ member: Int, _ group: Int, _ backup: CID) -> Digest
  {
    var place = Bytes()
    CBORWriting.append(bigEndian: UInt64(group), byteCount: 8, to: &place)
    CBORWriting.append(bigEndian: UInt64(member), byteCount: 8, to: &place)
    return SHA256.hash(Bytes("martlet backup placement".utf8), backup.bytes, place, node.bytes)
  }
}
