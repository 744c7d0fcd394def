import ContentNode
import ContentStore
import Cryptography
import Persistence
import Primitives
import Testing

@Suite("Who may read, and what nobody may")
struct LibraryAccessTests {
  private static let content = ContentBlock(hashing: [1, 2, 3], codec: .raw).cid

  @Test("content is denied by its CID or its digest, at once, and still when the log is read again")
  func denied() async throws {
    let world = try LibraryWorld()
    let file = DenylistEntry.file(SHA256.hash([1, 2, 3]))
    for entry in [DenylistEntry.content(Self.content), file] {
      let library = try world.library()
      #expect(library.denial(of: Self.content) == nil)
      #expect(try await library.deny(entry))
      #expect(try await !library.deny(entry))
      #expect(library.isDenied(Self.content) && library.denial(of: Self.content) != nil)
      // Not even the owner's own account is an exception.
      #expect(
        library.obstacle(to: library.owner, reading: Self.content)
          == .refused(Self.content, [.denied]))
      library.close()
      let again = try world.library()
      #expect(again.denylist.entries == [entry] && again.isDenied(Self.content))
      #expect(try await again.deny(entry, false))
      #expect(try await !again.deny(entry, false))
      #expect(!again.isDenied(Self.content))
      again.close()
    }
    #expect(try world.library().denylist.count == 0)
  }

  @Test("a described file of many blocks is denied by its digest, and none is described any more")
  func digest() async throws {
    let world = try LibraryWorld()
    let library = try world.library()
    let bytes = LibraryWorld.model("large", size: 3_000_000)
    let model = try await library.storeModel(path: world.file("m", bytes), description("M"))
    #expect(model.content.codec == .dagPB && !library.isDenied(model.content))
    try await library.deny(.file(SHA256.hash(bytes)))
    #expect(library.isDenied(model.content))
    await #expect(throws: LibraryError.refused(model.content, [.denied])) {
      try await library.describe(model.content, as: .model, description("Again"))
    }
    library.close()
  }

  @Test("peers are allowed and taken off again, one after another")
  func lists() async throws {
    let world = try LibraryWorld()
    let library = try world.library()
    let (one, other) = (try LibraryWorld.key(5).publicKey, try LibraryWorld.key(6).publicKey)
    func serves() -> [Bool] { [one, other].map { library.serves(Self.content, to: $0.peerID) } }
    #expect(serves() == [true, true])
    await #expect(throws: LibraryError.readByEverybody(Self.content)) {
      try await library.dismiss([one], reading: Self.content)
    }
    #expect(try await library.admit([one], toRead: Self.content) == .accounts([one]))
    #expect(serves() == [true, false] && library.denial(of: Self.content) != nil)
    #expect(try await library.admit([other], toRead: Self.content) == .accounts([one, other]))
    #expect(serves() == [true, true])
    #expect(try await library.dismiss([one], reading: Self.content) == .accounts([other]))
    #expect(try await library.dismiss([other], reading: Self.content) == .nobody)
    #expect(try await library.dismiss([other], reading: Self.content) == .nobody)
    #expect(serves() == [false, false])
    library.close()
    #expect(try world.library().readers(of: Self.content) == .nobody)
  }

  @Test("of two changes at once none is lost")
  func changes() async throws {
    let world = try LibraryWorld()
    let library = try world.library()
    let keys = try (10..<30).map { try LibraryWorld.key($0).publicKey }
    let refusedCount = await withTaskGroup(of: Bool.self) { group in
      for key in keys {
        group.addTask { (try? await library.admit([key], toRead: Self.content)) == nil }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    guard case .accounts(let readers) = library.readers(of: Self.content) else {
      Issue.record("nobody was admitted")
      return
    }
    #expect(readers.count == keys.count - refusedCount && readers.isSubset(of: keys))
    library.close()
  }
}
