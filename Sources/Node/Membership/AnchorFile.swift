package import Peering
package import Persistence
package import Primitives

/// The last good peers of a node, to come back through when no bootstrap answers. A damaged file
/// is as good as none.
package struct AnchorFile: Sendable {
  /// A few dozen addresses stay far below.
  private static let bytesMax = 64 * 1_024
  /// More than any node keeps.
  private static let addressesMax = 128

  private let home: HomeDirectory
  private let name: String

  /// The anchors of the node whose key is `keyName`.key; nothing is touched.
  package init(home: HomeDirectory, keyName: String) {
    self.home = home
    name = "\(keyName).anchors"
  }

  /// What the last run kept.
  package func read() -> [Multiaddr] {
    guard let bytes = try? home.read(name, max: Self.bytesMax) else { return [] }
    return Self.parse(bytes)
  }

  /// The addresses in a file; those that are none are left out.
  package static func parse(_ bytes: Bytes) -> [Multiaddr] {
    let document = try? JSONValue(parsing: bytes, bytesMax: bytesMax)
    return (document?.elements ?? []).prefix(addressesMax).compactMap { element in
      guard let text = element.text, let address = try? Multiaddr(text), address.peer != nil
      else { return nil }
      return address
    }
  }

  /// Replaces them. A loss of power may lose them, and the bootstraps are still there.
  package func write(_ anchors: [Multiaddr]) throws {
    let list = JSONValue.array(anchors.prefix(Self.addressesMax).map { .string("\($0)") })
    try AtomicFile.write(
      list.encoded(indented: true) + Bytes("\n".utf8), to: home.file(name), isDurable: false)
  }
}
