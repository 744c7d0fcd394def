// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target is checked alike: no implicit re-exports, no hidden existentials, no warnings.
let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

/// C is optimised in debug builds too, so tests run at full speed; contraction off keeps kernel bits.
let optimisedC: [CSetting] = [
  .unsafeFlags(["-O3", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror"])
]

func layer(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = [])
  -> Target
{
  .testTarget(
    name: "\(name)Tests", dependencies: [.byName(name: name)] + dependencies,
    resources: resources, swiftSettings: strict)
}

func debianLibrary(_ name: String, pkgConfig: String, package: String) -> Target {
  .systemLibrary(
    name: name, path: "Sources/System/\(name)", pkgConfig: pkgConfig,
    providers: [.apt([package])])
}

let foundations: [Target.Dependency] = ["Primitives", "Cryptography", "Telemetry"]

let topics: [Target.Dependency] = [
  "Peering", "ContentStore", "NeuralNetworks", "FederatedLearning", "UsefulWork", "Ledger",
  "Consensus",
]

let package = Package(
  name: "martlet",
  products: [.executable(name: "martlet", targets: ["martlet"])],
  targets: [
    // C libraries of Debian
    debianLibrary("CSodium", pkgConfig: "libsodium", package: "libsodium-dev"),
    debianLibrary("COpenSSL", pkgConfig: "openssl", package: "libssl-dev"),
    debianLibrary("CLMDB", pkgConfig: "lmdb", package: "liblmdb-dev"),
    debianLibrary("CZlib", pkgConfig: "zlib", package: "zlib1g-dev"),
    debianLibrary("CZstd", pkgConfig: "libzstd", package: "libzstd-dev"),
    debianLibrary("CISAL", pkgConfig: "libisal", package: "libisal-dev"),
    // Our own C
    .target(name: "CShim", path: "Sources/C/CShim", cSettings: optimisedC),
    .target(name: "CKernels", path: "Sources/C/CKernels", cSettings: optimisedC),
    .target(name: "CCurl", path: "Sources/C/CCurl", cSettings: optimisedC),
    .target(
      name: "CAssets", path: "Sources/C/CAssets",
      cSettings: [.unsafeFlags(["-std=c23", "-Wall", "-Wextra", "-Werror"])]),
    // Layer 0
    layer("Primitives"),
    layer("Cryptography", ["Primitives", "CSodium", "COpenSSL", "CShim"]),
    layer("Telemetry", ["Primitives", "CShim"]),
    layer("Charts", ["Primitives"]),
    // Layer 1: pure
    layer("Peering", foundations),
    layer("ContentStore", foundations + ["CISAL"]),
    layer("NeuralNetworks", foundations + ["CKernels"]),
    layer("FederatedLearning", foundations + ["NeuralNetworks"]),
    layer("UsefulWork", foundations + ["NeuralNetworks", "Ledger"]),
    layer("Ledger", foundations),
    layer("Consensus", foundations + ["Ledger"]),
    // Layer 2: the only place topics meet
    layer(
      "Orchestration",
      foundations + [
        "ContentStore", "NeuralNetworks", "FederatedLearning", "UsefulWork", "Ledger", "Consensus",
      ]),
    // Layer 3: I/O
    layer("Networking", foundations + ["Peering", "CShim", "COpenSSL", "CCurl"]),
    layer(
      "Persistence",
      foundations + ["ContentStore", "Ledger", "Consensus", "CLMDB", "CShim", "CZlib", "CZstd"]),
    layer("IPFSClient", foundations + ["ContentStore", "Networking"]),
    // Layer 4: shells
    layer(
      "Coordinator",
      foundations + topics
        + ["Orchestration", "Networking", "Persistence", "IPFSClient", "CAssets"]),
    layer("Node", foundations + topics + ["Orchestration", "Networking", "Persistence"]),
    layer(
      "ContentNode",
      foundations + [
        "Charts", "Peering", "ContentStore", "Ledger", "Networking", "Persistence", "IPFSClient",
        "MartletClient",
      ]),
    layer("MartletClient", ["Primitives", "Telemetry", "Networking"]),
    layer("Simulator", foundations + ["Peering"]),
    // Layer 5
    .executableTarget(
      name: "martlet",
      dependencies: foundations + topics + [
        "Orchestration", "Networking", "Persistence", "Coordinator", "Node", "MartletClient",
        "ContentNode", "IPFSClient", "CShim", "Charts", "Simulator",
      ],
      swiftSettings: strict),
    // Measured by Benchmarks/content/run.sh, killed by the crash tests
    .executableTarget(
      name: "ContentBench", dependencies: foundations + ["CShim", "ContentStore", "Persistence"],
      path: "Benchmarks/content", exclude: ["run.sh", "exchange.py"], swiftSettings: strict),
    // Measured by Benchmarks/peers/run.sh
    .executableTarget(
      name: "PeerBench", dependencies: foundations + ["Networking", "Peering"],
      path: "Benchmarks/peers", exclude: ["run.sh", "rawtcp.c", "go_pair.py", "bars.py"],
      swiftSettings: strict),
    // Run in network namespaces by Tests/EndToEnd/nat
    .executableTarget(
      name: "NATProbe", dependencies: foundations + ["Networking", "Peering"],
      path: "Tests/NATProbe", swiftSettings: strict),
    // Pairs of times and the other side's process
    .target(name: "Measure", path: "Benchmarks/Measure", swiftSettings: strict),
    .executableTarget(
      name: "KernelBench", dependencies: ["NeuralNetworks", "CKernels", "Measure"],
      path: "Benchmarks/kernels", exclude: ["run.sh"], swiftSettings: strict),
    .executableTarget(
      name: "TrainingBench", dependencies: ["NeuralNetworks", "UsefulWork", "Measure"],
      path: "Benchmarks/training",
      exclude: [
        "run.sh", "torch_steps.py", "torch_generation.py", "jax_steps.py", "libtorch_steps.cpp",
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "HTTPBenchmarkServer", dependencies: ["Networking", "Primitives", "Telemetry"],
      path: "Benchmarks/http/Server", swiftSettings: strict),
    // Tests
    tests("Primitives", []),
    tests("Cryptography", ["Primitives"]),
    tests("Telemetry", ["Primitives"]),
    tests("Charts", ["Primitives"]),
    tests("Peering", foundations + ["Simulator"]),
    tests("ContentStore", foundations + ["COpenSSL"]),
    tests("CKernels", ["Primitives"]),
    tests("NeuralNetworks", foundations + ["CKernels", "Persistence"]),
    tests("FederatedLearning", foundations + ["NeuralNetworks"]),
    tests("UsefulWork", foundations + ["NeuralNetworks", "Ledger"]),
    tests("Ledger", foundations),
    tests("Consensus", foundations + ["Ledger"]),
    tests(
      "Orchestration",
      foundations + [
        "ContentStore", "NeuralNetworks", "FederatedLearning", "UsefulWork", "Ledger",
      ]),
    // Foreign nodes that tests command, and the programs that run them
    .target(
      name: "ForeignPeers", dependencies: foundations + ["Networking", "Peering"],
      path: "Tests/ForeignPeers/Control", swiftSettings: strict),
    tests("Networking", foundations + ["Peering", "CShim", "ForeignPeers"]),
    tests(
      "Persistence",
      foundations + ["ContentStore", "Ledger", "Consensus", "CShim", "ContentBench"]),
    .testTarget(
      name: "NodeTests",
      dependencies: foundations + topics + [
        "Orchestration", "Networking", "Persistence", "Coordinator", "Node",
      ], swiftSettings: strict),
    .testTarget(
      name: "CoordinatorTests",
      dependencies: foundations + topics + [
        "Orchestration", "Networking", "Persistence", "Coordinator", "Node", "MartletClient",
        "IPFSClient", "ContentNode",
      ], swiftSettings: strict),
    tests(
      "IPFSClient", foundations + ["ContentStore", "Networking", "Persistence", "ContentNode"]),
    tests(
      "ContentNode",
      foundations + [
        "Peering", "ContentStore", "Ledger", "Networking", "Persistence", "IPFSClient", "CShim",
        "ForeignPeers",
      ]),
    tests("Simulator", foundations + ["Peering"]),
    .testTarget(name: "TidyTests", swiftSettings: strict),
    // Every module that reads foreign bytes is listed here
    .target(
      name: "FuzzParsers",
      dependencies: ["Primitives", "Cryptography"] + topics + [
        "Orchestration", "Persistence", "Networking", "Node", "ContentNode", "IPFSClient",
      ],
      path: "Tests/Fuzz/Parsers", swiftSettings: strict),
    .testTarget(
      name: "FuzzTests", dependencies: ["FuzzParsers", "Primitives"], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)

// libFuzzer's driver needs a sanitizer's runtime, so it exists only for Scripts/fuzz.
if Context.environment["MARTLET_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "FuzzDriver", dependencies: ["FuzzParsers"], path: "Tests/Fuzz/Driver",
      swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]))
}
