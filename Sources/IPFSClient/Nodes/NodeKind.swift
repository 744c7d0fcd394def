/// How a node is spoken to.
public enum NodeKind: String, Sendable, CaseIterable {
  /// In this process.
  case embedded
  /// Kubo's RPC API.
  case rpc
  /// A trustless gateway, which only reads.
  case gateway

  /// The order in which nodes are asked: what is nearest first.
  var rank: Int {
    switch self {
    case .embedded: 0
    case .rpc: 1
    case .gateway: 2
    }
  }

  /// Whether nodes of this kind do such operations at all.
  func can(_ operation: OperationClass) -> Bool {
    switch (self, operation) {
    case (.embedded, .stream): false  // its blocks are read one by one, without a network between
    case (.gateway, .write), (.gateway, .pin): false
    case (.embedded, _), (.rpc, _), (.gateway, _): true
    }
  }
}
