import Testing

/// Which of our modules each target may import: the arrows of docs/ARCHITECTURE.md.
private enum Layers {
  static let foundations: Set<String> = ["Primitives", "Cryptography", "Telemetry"]

  /// Layer 1, and what a target of it may import besides the foundations.
  static let pure: [String: Set<String>] = [
    "Peering": [],
    "ContentStore": ["CISAL"],
    "NeuralNetworks": ["CKernels"],
    "FederatedLearning": ["NeuralNetworks"],
    "UsefulWork": ["NeuralNetworks", "Ledger"],
    "Ledger": [],
    "Consensus": ["Ledger"],
    "Resources": [],
    "Economy": [],
    "Inference": ["NeuralNetworks"],
  ]

  /// Layer 3, likewise.
  static let inputOutput: [String: Set<String>] = [
    "Networking": ["Peering", "CShim", "COpenSSL", "CCurl"],
    "Persistence": [
      "ContentStore", "Ledger", "Consensus", "CShim", "CLMDB", "CZlib", "CZstd", "CSQLite", "CPQ",
    ],
    "IPFSClient": ["ContentStore", "Networking"],
    "EVMSettlement": ["Networking", "Persistence", "CKeccak", "CSecp256k1"],
    "Sandbox": ["CShim"],
  ]

  static let upToOrchestration = foundations.union(pure.keys).union(["Orchestration"])
  static let upToInputOutput = upToOrchestration.union(inputOutput.keys)
  static let shells: Set<String> = [
    "Coordinator", "Node", "ContentNode", "Simulator", "MartletClient",
  ]

  static let allowed: [String: Set<String>] = {
    var table: [String: Set<String>] = [
      "Primitives": [],
      "Charts": ["Primitives"],
      "Cryptography": ["Primitives", "CSodium", "COpenSSL", "CSecp256k1", "CKeccak", "CShim"],
      "Telemetry": ["Primitives", "CShim"],
      "Orchestration": foundations.union(pure.keys),
      "Coordinator": upToInputOutput.union(["CAssets", "CShim"]),
      "Node": upToInputOutput.union(["CShim"]),
      "ContentNode": upToInputOutput.union(["CShim", "Charts", "MartletClient"]),
      "Simulator": upToOrchestration,
      "MartletClient": foundations.union(["Networking"]),
      "martlet": upToInputOutput.union(shells).union(["CShim", "Charts"]),
    ]
    for (target, more) in pure.merging(inputOutput, uniquingKeysWith: { first, _ in first }) {
      table[target] = foundations.union(more)
    }
    return table
  }()

  /// What Swift itself brings. Full Foundation is missing on purpose: it costs every process 13 MB.
  static let platform: Set<String> = [
    "Swift", "Glibc", "Synchronization", "FoundationEssentials", "_Concurrency", "Builtin",
  ]
}

@Suite("Layers")
struct LayerTests {
  @Test("every target imports only what its layer allows")
  func imports() {
    for file in SourceTree.swiftSources {
      guard let allowed = Layers.allowed[file.target] else {
        Issue.record("\(file.path): the target \(file.target) has no layer")
        continue
      }
      for module in TidyTests.imports(in: SwiftTokens.tokens(of: file.text))
      where !allowed.contains(module) && !Layers.platform.contains(module) {
        Issue.record("\(file.path) imports \(module)")
      }
    }
  }

  @Test("only the simulator makes connections that encrypt nothing")
  func encryption() {
    for file in SourceTree.swiftSources where file.target != "Simulator" {
      let calls = lines(in: SwiftTokens.tokens(of: file.text), with: ["(", "simulated", ":"])
      #expect(calls.isEmpty, "\(file.path)")
    }
  }

  @Test("imports are found in each of their spellings")
  func importSpellings() {
    let tokens = SwiftTokens.tokens(
      of: """
        import Glibc
        public import Primitives
        @preconcurrency package import struct Ledger.Block
        // import Commented
        let x = "import Quoted"
        """)
    #expect(TidyTests.imports(in: tokens) == ["Glibc", "Primitives", "Ledger"])
  }
}
