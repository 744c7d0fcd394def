import ContentStore
import Cryptography
import Primitives
import Testing

@Suite("What is taken and served")
struct ContentPolicyTests {
  private let content = ContentBlock(hashing: [1, 2, 3], codec: .raw).cid
  private let safe = ContentReport(type: .safetensors, findings: [])
  private let pickle = ContentReport(
    type: .pickle, findings: [.pickle(entry: "", imports: [], calls: false, isWhole: true)])

  private func decision(
    _ report: ContentReport, size: UInt64 = 5, scan: VirusScan = .notAsked,
    denied: Bool = false, _ change: (inout ContentPolicy) -> Void = { _ in }
  ) -> ContentDecision {
    var policy = ContentPolicy()
    change(&policy)
    return policy.verdict(on: content, size: size, report: report, scan: scan, isDenied: denied)
      .decision
  }

  @Test("the limit is 1 GiB, and another one where it is set")
  func size() {
    #expect(decision(safe, size: 1 << 30) == .served)
    #expect(
      decision(safe, size: 1 << 30 + 1)
        == .refused([.tooLarge(size: 1 << 30 + 1, limit: 1 << 30)]))
    #expect(
      decision(safe, size: 11) { $0.byteCountMax = 10 }
        == .refused([.tooLarge(size: 11, limit: 10)]))
  }

  @Test("pickles are flagged, and refused where that is wanted; programs always are")
  func executables() {
    #expect(pickle.isExecutable)
    #expect(!safe.isExecutable)
    #expect(decision(pickle) == .served)
    #expect(decision(pickle) { $0.refusesExecutable = true } == .refused([.executable]))
    let program = ContentReport(type: .program, findings: [.program])
    #expect(decision(program) == .refused([.typeNotAllowed(.program)]))
    let unknown = ContentReport(type: .unknown, findings: [])
    #expect(decision(unknown) == .refused([.typeNotAllowed(.unknown)]))
    #expect(decision(unknown) { $0.types.insert(.unknown) } == .served)
  }

  @Test("a scanner that says nothing holds content, or lets it through where it is told to")
  func scanning() {
    #expect(decision(safe, scan: .clean) == .served)
    #expect(decision(safe, scan: .infected("Eicar")) == .refused([.infected("Eicar")]))
    #expect(decision(safe, scan: .waiting) == .held("the virus scan is not over"))
    #expect(
      decision(safe, scan: .failed("gone"))
        == .held("the virus scanner gave no answer: gone"))
    #expect(decision(safe, scan: .failed("gone")) { $0.failsOpen = true } == .served)
    #expect(decision(safe, denied: true) == .refused([.denied]))
  }

  @Test("a denylist names CIDs in any spelling and digests of files")
  func denylist() throws {
    let file = SHA256.hash([9])
    let text = """
      # a comment
      \(content)
      /ipfs/QmWATWQ7fVPP2EFGu71UkfnqhYXDYH566qy47CnJDgvs8u  # with one behind
      sha256:\(file.hex)

      """
    let list = try Denylist(parsing: Bytes(text.utf8))
    #expect(list.count == 3)
    #expect(list.contains(content))
    let other = try CID(parsing: "QmWATWQ7fVPP2EFGu71UkfnqhYXDYH566qy47CnJDgvs8u")
    #expect(list.contains(other) && list.contains(other.asVersion1))
    let harmless = ContentBlock(hashing: [4], codec: .raw).cid
    #expect(!list.contains(harmless))
    #expect(list.contains(harmless, sha256: file))
    // As text it gives the same list again.
    let lines = list.entries.map { "\($0)" }.joined(separator: "\n")
    #expect(try Denylist(parsing: Bytes(lines.utf8)) == list)
    var shorter = list
    for entry in list.entries { shorter.remove(entry) }
    #expect(shorter.count == 0 && !shorter.contains(content))
    shorter.formUnion(list)
    #expect(shorter == list)
  }

  @Test("a line that is no name makes the whole list an error")
  func badDenylist() {
    for text in ["nonsense", "sha256:abc", "/ipfs/", "bafy bafy"] {
      #expect(throws: DecodingFailure.self) { try Denylist(parsing: Bytes(text.utf8)) }
    }
  }
}
