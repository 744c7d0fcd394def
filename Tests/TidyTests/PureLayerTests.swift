import Testing

/// What a layer without clock, chance, threads and I/O may not write, as words and signs in order.
private let bannedInPureLayers: [(what: String, sequences: [[String]])] = [
  (
    "a clock",
    [
      ["Date", "("], ["ContinuousClock"], ["SuspendingClock"], ["clock_gettime"], ["gettimeofday"],
      ["time", "(", "nil"], ["DispatchTime"],
    ]
  ),
  (
    "the system's chance",
    [
      ["SystemRandomNumberGenerator"], ["SystemRandom"], ["UUID", "(", ")"], ["arc4random"],
      ["getrandom"], [".", "randomElement", "(", ")"], [".", "shuffled", "(", ")"],
      [".", "shuffle", "(", ")"], ["randombytes_buf"],
    ]
  ),
  (
    "a thread, a task or a wait",
    [
      ["Task", "{"], ["Task", "("], ["Task", "."], ["Task", "<"], ["withTaskGroup"],
      ["withThrowingTaskGroup"], ["await"], ["DispatchQueue"], ["Thread"], ["pthread_create"],
      ["sleep", "("], ["usleep"], ["nanosleep"], ["Mutex"], ["actor"],
    ]
  ),
  (
    "output or a log",
    [
      ["print", "("], ["debugPrint", "("], ["dump", "("], ["fputs"], ["fprintf"], ["printf"],
      ["Logger"],
    ]
  ),
  (
    "the operating system",
    [
      ["FileManager"], ["ProcessInfo"], ["FileHandle"], ["URLSession"], ["getenv"], ["fopen"],
      ["Glibc", "."], ["import", "Glibc"], ["CommandLine"],
    ]
  ),
]

/// Pure targets: all of layers 1 and 2, and the words everything is said in.
private let pureTargets: Set<String> = [
  "Primitives", "Charts", "Peering", "ContentStore", "NeuralNetworks", "FederatedLearning",
  "UsefulWork", "Ledger", "Consensus", "Resources", "Economy", "Inference", "Orchestration",
  // A shell, but one whose clock and chance are virtual.
  "Simulator",
]

/// Places where a banned word is harmless, each with its reason.
private let allowedPlaces: [String: String] = [
  "Sources/Peering/Multiaddr.swift": "inet_pton and inet_ntop only read and write text"
]

/// A banned word in a file.
struct Offence: Equatable {
  let line: Int
  let what: String
}

private func offences(in tokens: [Token]) -> [Offence] {
  let banned = bannedInPureLayers.flatMap { rule in
    rule.sequences.flatMap { sequence in
      lines(in: tokens, with: sequence).map { line in
        Offence(line: line, what: "\(sequence.joined()) is \(rule.what)")
      }
    }
  }
  return banned + chanceWithoutGenerator(in: tokens)
}

/// `.random(in: range)` draws from the system; `.random(in: range, using: &generator)` does not.
private func chanceWithoutGenerator(in tokens: [Token]) -> [Offence] {
  tokens.indices.dropFirst().compactMap { index in
    guard tokens[index].text == "random", tokens[index - 1].text == ".",
      index + 1 < tokens.count, tokens[index + 1].text == "("
    else { return nil }
    var depth = 0
    for token in tokens[(index + 1)...] {
      if token.text == "using" { return nil }
      if token.text == "(" { depth += 1 }
      if token.text == ")" { depth -= 1 }
      if depth == 0 { break }
    }
    return Offence(line: tokens[index].line, what: ".random without a generator")
  }
}

@Suite("Pure layers")
struct PureLayerTests {
  @Test("no clock, chance, task, log or I/O below the shells", arguments: pureTargets.sorted())
  func banned(target: String) {
    for file in SourceTree.swiftSources where file.target == target {
      for offence in offences(in: SwiftTokens.tokens(of: file.text))
      where allowedPlaces["\(file.path):\(offence.line)"] == nil && allowedPlaces[file.path] == nil
      {
        Issue.record("\(file.path):\(offence.line): \(offence.what)")
      }
    }
  }

  @Test(
    "each banned spelling is noticed",
    arguments: [
      "let now = ContinuousClock().now", "Task { }", "print(1)", "let n = Int.random(in: 0..<9)",
      "peers.shuffled()", "import Glibc", "await peer.answer()",
    ])
  func noticed(code: String) {
    #expect(!offences(in: SwiftTokens.tokens(of: code)).isEmpty)
  }

  @Test(
    "comments, strings and seeded chance are left alone",
    arguments: [
      "// print(1)", "let text = \"Task { }\"", "Int.random(in: 0..<9, using: &generator)",
      "peers.shuffled(using: &generator)", "/* await */", "let long = #\"\"\"\nprint(1)\n\"\"\"#",
    ])
  func leftAlone(code: String) {
    #expect(offences(in: SwiftTokens.tokens(of: code)).isEmpty)
  }
}
