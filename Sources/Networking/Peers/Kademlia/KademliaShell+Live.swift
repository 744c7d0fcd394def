import Peering
package import Primitives

extension KademliaShell {
  /// The table as somebody who watches sees it: peers by the bits that they share with this node.
  package func liveReport() -> JSONValue {
    let table = machine.table
    let deepest = table.deepestBucket.map { $0 + 1 } ?? 0
    let book = host.assumeIsolated { $0.book }
    return [
      "protocol": .string(protocolID), "peers": .integer(Int64(table.count)),
      "serving": .bool(machine.settings.serves),
      "network_peers": .integer(Int64(machine.networkPeers(directory: book).rounded())),
      "provider_records": .integer(Int64(machine.providerStore.count)),
      "buckets": .array((0..<deepest).map { .integer(Int64(table.count(inBucket: $0))) }),
    ]
  }
}
