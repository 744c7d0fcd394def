import ContentNode
import ContentStore
import Cryptography
import Ledger
import Persistence
import Primitives
import Testing

@Suite("Models and data sets of a node")
struct ContentLibraryTests {
  @Test("a stored model has the CID of its file, a signed record and a verdict")
  func stored() async throws {
    let world = try LibraryWorld()
    let library = try world.library()
    let bytes = LibraryWorld.model("first")
    let stored = try await library.storeModel(
      path: world.file("first", bytes), description("First", tags: ["b", "a"]))
    #expect(stored.verdict.report.type == .safetensors)
    #expect(stored.verdict.isServed)
    let entry = try #require(library.entry(of: stored.content))
    #expect(entry.statement.sha256 == SHA256.hash(bytes))
    #expect(entry.statement.size == UInt64(bytes.count))
    #expect(entry.statement.tags == ["a", "b"])
    let retrieved = try await library.retrieveWithProvenance(
      stored.content, reader: nil, nowMilliseconds: 5)
    #expect(retrieved.bytes == bytes)
    #expect(retrieved.provenance.count == 1)
    #expect(library.statistics(of: stored.content).accesses == 1)
    #expect(library.statistics(of: stored.content).byteCount == UInt64(bytes.count))
  }

  @Test("everything is found again when the library is opened anew")
  func reopened() async throws {
    let world = try LibraryWorld()
    var library = try world.library()
    let stored = try await library.storeDataset(
      path: world.file("table", Bytes("a,b\n1,2\n3,4\n".utf8)), description("Table"))
    let reader = try LibraryWorld.key(7).publicKey
    try await library.allow(.accounts([reader]), toRead: stored.content)
    try await library.trackAccess(
      stored.content, reader: reader, byteCount: 12, nowMilliseconds: 86_400_000 * 3)
    library.close()
    library = try world.library()
    let entry = try #require(library.entry(of: stored.content))
    #expect(entry.recordCID == stored.record)
    #expect(entry.statement.purpose == .dataset)
    #expect(entry.statement.format == "csv")
    #expect(library.verdict(on: stored.content) == stored.verdict)
    #expect(library.readers(of: stored.content) == .accounts([reader]))
    let counts = library.statistics(of: stored.content)
    #expect(counts.accesses == 1)
    #expect(counts.days.first?.day == 3)
    #expect(library.top(5).first?.content == stored.content)
    library.close()
    // Without its log the records are still found, by their pins.
    try AtomicFile.write([], to: world.path + "/gone")
    AtomicFile.remove(world.path + "/" + ContentLibrary.logName)
    library = try world.library()
    #expect(library.entry(of: stored.content) == entry)
    #expect(library.verdict(on: stored.content) == nil)
  }

  @Test("a directory is one content, and every file in it is looked at")
  func directory() async throws {
    let world = try LibraryWorld()
    let library = try world.library()
    _ = try world.file("weights.safetensors", LibraryWorld.model("weights"))
    _ = try world.file("extra.pkl", [0x80, 4, 0x4e, 0x2e])
    let stored = try await library.storeModel(
      path: world.path + "/files", description("Directory"))
    #expect(stored.verdict.report.isExecutable)
    #expect(
      stored.verdict.report.findings == [
        .pickle(entry: "extra.pkl", imports: [], calls: false, isWhole: true)
      ])
    #expect(library.entry(of: stored.content)?.statement.sha256 == nil)
    _ = try world.file("run.sh", Bytes("#!/bin/sh\n".utf8))
    await #expect(throws: LibraryError.self) {
      try await library.storeModel(path: world.path + "/files", description("Directory"))
    }
  }

  @Test("what the policy does not take is neither kept nor described")
  func refused() async throws {
    let world = try LibraryWorld()
    var policy = ContentPolicy()
    policy.byteCountMax = 1_000
    let library = try world.library(policy: policy)
    let large = try world.file("large", LibraryWorld.model("large"))
    await #expect(throws: LibraryError.self) {
      try await library.storeModel(path: large, description("Large"))
    }
    let program = try world.file("program", [0x7f, 0x45, 0x4c, 0x46, 1, 2, 3])
    await #expect(throws: LibraryError.self) {
      try await library.storeModel(path: program, description("Program"))
    }
    #expect(library.search(ContentQuery()).isEmpty)
    #expect(try world.store.pins().isEmpty)
  }

  @Test("a denylist refuses a CID, and a file by its digest")
  func denied() async throws {
    let world = try LibraryWorld()
    let bytes = LibraryWorld.model("denied")
    var policy = ContentPolicy()
    policy.denylist = try Denylist(parsing: Bytes("sha256:\(SHA256.hash(bytes).hex)".utf8))
    let library = try world.library(policy: policy)
    let path = try world.file("denied", bytes)
    await #expect(throws: LibraryError.self) {
      try await library.storeModel(path: path, description("Denied"))
    }
  }

  @Test("names, licences and tags over their limits are refused before anything is signed")
  func badDescription() async throws {
    let world = try LibraryWorld()
    let library = try world.library()
    let path = try world.file("model", LibraryWorld.model("model"))
    await #expect(throws: LibraryError.badDescription(reason: "a field is over its limit")) {
      try await library.storeModel(path: path, description("a\u{7}"))
    }
  }

  @Test("a search finds by purpose, tags, size, creator, type and name, the newest first")
  func search() async throws {
    let world = try LibraryWorld()
    let library = try world.library()
    var found: [CID] = []
    for (index, name) in ["small vision", "large vision", "speech"].enumerated() {
      let bytes = LibraryWorld.model(name, size: [100, 5_000, 200][index])
      found.append(
        try await library.storeModel(
          path: world.file("m\(index)", bytes),
          description(
            name, tags: name.split(separator: " ").map(String.init), at: UInt64(index))
        ).content)
    }
    let table = try await library.storeDataset(
      path: world.file("t", Bytes("a,b\n1,2\n".utf8)), description("table", at: 9)
    ).content
    func search(_ change: (inout ContentQuery) -> Void) -> [CID] {
      var query = ContentQuery()
      change(&query)
      return library.search(query).map(\.statement.content)
    }
    #expect(search { _ in } == [table, found[2], found[1], found[0]])
    #expect(search { $0.purpose = .dataset } == [table])
    #expect(search { $0.tags = ["vision"] } == [found[1], found[0]])
    #expect(search { $0.tags = ["vision", "large"] } == [found[1]])
    #expect(search { $0.sizes = 1_000...UInt64.max } == [found[1]])
    #expect(search { $0.format = "csv" } == [table])
    #expect(search { $0.name = "VISION" } == [found[1], found[0]])
    let stranger = try LibraryWorld.key(2).publicKey
    #expect(search { $0.creator = stranger } == [])
    #expect(search { $0.creator = library.owner }.count == 4)
  }

  @Test("the way back to all parents is shown, across nodes as far as records are stored")
  func provenance() async throws {
    let world = try LibraryWorld()
    let library = try world.library()
    let base = try await library.storeModel(
      path: world.file("base", LibraryWorld.model("base")), description("Base")
    ).content
    let data = try await library.storeDataset(
      path: world.file("data", Bytes("a,b\n1,2\n".utf8)), description("Data")
    ).content
    let stranger = ContentBlock(hashing: [1], codec: .raw).cid
    let tuned = try await library.storeModel(
      path: world.file("tuned", LibraryWorld.model("tuned")),
      description("Tuned", parents: [base, data, stranger])
    ).content
    let nodes = try library.provenance(of: tuned).nodes
    #expect(nodes.map(\.generation) == [0, 1, 1, 1])
    #expect(Set(nodes.dropFirst().map(\.content)) == [base, data, stranger])
    #expect(nodes.first { $0.content == stranger }?.finding == .unrecorded)
    #expect(throws: LibraryError.undescribed(stranger)) { try library.provenance(of: stranger) }
  }

  @Test("who is not on the list reads nothing, the owner always does")
  func access() async throws {
    let world = try LibraryWorld()
    let library = try world.library()
    let model = try await library.storeModel(
      path: world.file("m", LibraryWorld.model("m")), description("M")
    ).content
    let friend = try LibraryWorld.key(5).publicKey
    let stranger = try LibraryWorld.key(6).publicKey
    try await library.allow(.accounts([friend]), toRead: model)
    #expect(library.obstacle(to: friend, reading: model) == nil)
    #expect(library.obstacle(to: library.owner, reading: model) == nil)
    #expect(library.obstacle(to: stranger, reading: model) == .notAllowed(model))
    #expect(library.obstacle(to: nil, reading: model) == .notAllowed(model))
    await #expect(throws: LibraryError.notAllowed(model)) {
      try await library.retrieveWithProvenance(model, reader: stranger, nowMilliseconds: 0)
    }
    #expect(library.statistics(of: model).accesses == 0)
    try await library.allow(.nobody, toRead: model)
    #expect(library.obstacle(to: friend, reading: model) == .notAllowed(model))
    try await library.allow(.everybody, toRead: model)
    #expect(library.obstacle(to: nil, reading: model) == nil)
  }

  @Test("a record that somebody changed on the disk is named and not believed")
  func faulty() async throws {
    let world = try LibraryWorld()
    let forged = ContentBlock(hashing: Bytes("no record".utf8), codec: .dagCBOR)
    try await world.store.put([forged])
    try await world.store.pin(forged.cid, .direct, name: ContentLibrary.recordPinName)
    let library = try world.library()
    #expect(library.faultyRecords == [forged.cid])
    #expect(library.search(ContentQuery()).isEmpty)
  }
}

@Suite("Quarantine")
struct QuarantineTests {
  @Test("content is held while the scanner gives no answer, and served once it does")
  func held() async throws {
    let world = try LibraryWorld()
    let scanner = ScriptedScanner([.failed("gone"), .failed("still gone"), .clean])
    let library = try world.library(scanner: scanner)
    let bytes = LibraryWorld.model("m")
    let model = try await library.storeModel(path: world.file("m", bytes), description("M"))
    #expect(scanner.byteCount == bytes.count)
    #expect(!model.verdict.isServed)
    #expect(library.denial(of: model.content) != nil)
    let held = try #require(library.obstacle(to: nil, reading: model.content))
    guard case .held = held else {
      Issue.record("\(held)")
      return
    }
    await #expect(throws: LibraryError.self) {
      try await library.retrieveWithProvenance(
        model.content, reader: nil, nowMilliseconds: 0)
    }
    #expect(try await library.judgeHeld() == [])
    #expect(try await library.judgeHeld() == [model.content])
    #expect(library.obstacle(to: nil, reading: model.content) == nil)
    #expect(library.denial(of: model.content) == nil)
  }

  @Test("it is also held after a restart")
  func heldAgain() async throws {
    let world = try LibraryWorld()
    var library = try world.library(scanner: ScriptedScanner([.failed("gone")]))
    let model = try await library.storeModel(
      path: world.file("m", LibraryWorld.model("m")), description("M")
    ).content
    library.close()
    library = try world.library()
    #expect(library.obstacle(to: nil, reading: model) != nil)
    #expect(try await library.judgeHeld() == [])
    library.close()
    library = try world.library(scanner: ScriptedScanner([.clean]))
    #expect(try await library.judgeHeld() == [model])
  }

  @Test("what the scanner finds is refused, unpinned and not described")
  func infected() async throws {
    let world = try LibraryWorld()
    let library = try world.library(scanner: ScriptedScanner([.infected("Test")]))
    let path = try world.file("m", LibraryWorld.model("m"))
    do {
      _ = try await library.storeModel(path: path, description("M"))
      Issue.record("it was taken")
    } catch let LibraryError.refused(cid, refusals) {
      #expect(refusals == [.infected("Test")])
      #expect(library.obstacle(to: nil, reading: cid) == .refused(cid, refusals))
    }
    #expect(try world.store.pins().isEmpty)
  }

  @Test("a node that fails open serves what could not be scanned")
  func failsOpen() async throws {
    let world = try LibraryWorld()
    var policy = ContentPolicy()
    policy.failsOpen = true
    let library = try world.library(policy: policy, scanner: ScriptedScanner([.failed("gone")]))
    let model = try await library.storeModel(
      path: world.file("m", LibraryWorld.model("m")), description("M"))
    #expect(model.verdict.isServed)
    #expect(model.verdict.scan == .failed("gone"))
  }
}
