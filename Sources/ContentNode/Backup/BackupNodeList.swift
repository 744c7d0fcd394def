package import ContentStore
package import Peering
package import Persistence
import Primitives

/// The storage nodes of a backup as its owner remembers them: a file of addresses, one in a line.
package struct BackupNodeList: Sendable {
  /// Room for the longest addresses of as many nodes as there may be.
  private static let byteCountMax = HoldLimits.nodesMax * 1_024

  private let path: String

  /// The list of a backup, in a folder that exists.
  package init(of backup: CID, in folder: String) {
    path = "\(folder)/\(backup.asVersion1).nodes"
  }

  /// The addresses, none where nothing was remembered.
  package func addresses() throws -> [Multiaddr] {
    let bytes = try AtomicFile.read(path, byteCountMax: Self.byteCountMax) ?? []
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    // A line that is none was not written by us; what can be read still helps.
    return lines.compactMap { try? Multiaddr(String($0)) }
  }

  /// Remembers addresses in place of those before; durable on return.
  package func remember(_ addresses: [Multiaddr]) throws(FileError) {
    let text = addresses.prefix(HoldLimits.nodesMax).map { "\($0)\n" }.joined()
    try AtomicFile.write(Bytes(text.utf8), to: path, byteCountMax: Self.byteCountMax)
  }

  /// Forgets them.
  package func forget() { AtomicFile.remove(path) }
}
