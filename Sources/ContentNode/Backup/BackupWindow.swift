import ContentStore
import Cryptography

/// Neighbouring groups of a backup that are looked after together: their blocks fit one request.
struct BackupWindow: Sendable {
  /// The number of the first group.
  let first: Int
  /// The groups.
  private(set) var groups: [BackupGroup] = []
  /// Their members, each once.
  private(set) var blocks: [HoldBlock] = []
  private var digests: Set<Digest> = []
  private var bytes = 0

  private init(first: Int) { self.first = first }

  /// Cuts a backup into windows.
  static func windows(of groups: [BackupGroup]) throws(HoldError) -> [BackupWindow] {
    var windows: [BackupWindow] = []
    var window = BackupWindow(first: 0)
    for (number, group) in groups.enumerated() {
      let members = try Self.blocks(of: group)
      if !window.hasRoom(for: members) {
        windows.append(window)
        window = BackupWindow(first: number)
      }
      window.add(group, members)
    }
    return window.groups.isEmpty ? windows : windows + [window]
  }

  /// The members of a group in their order.
  static func blocks(of group: BackupGroup) throws(HoldError) -> [HoldBlock] {
    let blocks = group.members.compactMap { HoldBlock($0) }
    guard blocks.count == group.members.count else { throw .malformedBackup }
    return blocks
  }

  private func hasRoom(for members: [HoldBlock]) -> Bool {
    groups.isEmpty
      || blocks.count + members.count <= HoldRequestLimits.blocksMax
        && bytes + members.reduce(0) { $0 + $1.byteCount } <= HoldRequestLimits.bytesMax
  }

  private mutating func add(_ group: BackupGroup, _ members: [HoldBlock]) {
    groups.append(group)
    for block in members where digests.insert(block.digest).inserted {
      blocks.append(block)
      bytes += block.byteCount
    }
  }
}
