import ContentNode
import ContentStore
import Networking
import Persistence
import Primitives
import Testing

@Suite("Streams of Kubo's RPC")
struct KuboStreamTests {
  /// Deterministic bytes that repeat nowhere near a chunk.
  static func noise(_ count: Int) -> Bytes {
    var random = SplitMix64(seed: 7)
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }

  @Test("progress is told each 256 KiB and at the end, and a tree comes back as it was")
  func tree() async throws {
    let large = Self.noise(700_000)
    try await KuboWorld.with { world in
      let added = try await world.post(
        "add?progress=true&cid-version=1",
        [
          .directory("d"), .directory("d/sub"), .directory("d/also"),
          KuboWorld.Part(fileName: "d/large", content: large),
          .symlink("d/link", to: "large"), .file("d/sub/ü", "x"),
        ])
      let progress = added.objects.filter { $0["Name"]?.text == "d/large" }
      #expect(progress.compactMap { $0["Bytes"]?.integer } == [262_144, 524_288, 700_000])
      let names = added.objects.compactMap { $0["Hash"] == nil ? nil : $0["Name"]?.text }
      #expect(names == ["d/large", "d/link", "d/sub/ü", "d/also", "d/sub", "d"])
      let root = added.objects.last?["Hash"]?.text ?? ""
      let cat = try await world.post("cat?arg=\(root)/large&offset=100000&length=300000")
      #expect(cat.body == Bytes(large[100_000..<400_000]))
      let tar = try await world.post("get?arg=\(root)&archive=true")
      let lines = try TarReading.lines(of: tar.body)
      #expect(
        lines.map { $0.prefix { $0 != ":" } } == ["\(root)/large", "\(root)/link", "\(root)/sub/ü"])
      #expect(tar.text.contains("ustar"))
    }
  }

  @Test("an archive that leaves and comes back holds the same, and roots are pinned")
  func archives() async throws {
    let car = try await KuboWorld.with { world in
      let root = try await world.add(String(repeating: "abc", count: 200_000))
      return (root, try await world.post("dag/export?arg=\(root)").body)
    }
    try await KuboWorld.with { world in
      let imported = try await world.post(
        "dag/import?stats=true", [KuboWorld.Part(fileName: "x.car", content: car.1)])
      #expect(imported.objects.first?["Root"]?["Cid"]?["/"]?.text == car.0)
      #expect((imported.objects.last?["Stats"]?["BlockCount"]?.integer ?? 0) > 1)
      let pins = try await world.post("pin/ls?type=recursive")
      #expect(pins.objects.first?["Keys"]?[car.0] != nil)
      let cut = try await world.post(
        "dag/import", [KuboWorld.Part(fileName: "x.car", content: Bytes(car.1.dropLast(9)))])
      #expect(cut.status == 500)
    }
  }

  @Test("a failure in the middle of a stream stands in the trailer")
  func trailer() async throws {
    try await KuboWorld.with { world in
      let added = try await world.post(
        "add?raw-leaves=true&pin=false",
        [
          KuboWorld.Part(fileName: "f", content: Self.noise(600_000))
        ])
      let root = added.objects.last?["Hash"]?.text ?? ""
      let refs = try await world.post("refs?arg=\(root)").objects
      let last = refs.last?["Ref"]?.text ?? ""
      #expect(try await world.post("block/rm?arg=\(last)").objects.first?["Error"] == nil)
      let text = try await world.raw("cat?arg=\(root)")
      #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
      #expect(
        text.hasSuffix(
          "\r\n0\r\nX-Stream-Error: block was not found locally (offline): "
            + "ipld: could not find \(last)\r\n\r\n"))
    }
  }

  @Test("uploads that would leave their root, or are cut short, are refused")
  func hostile() async throws {
    try await KuboWorld.with { world in
      for name in ["../x", "a/../b", "a/./b", String(repeating: "n", count: 256)] {
        let answer = try await world.post("add", [.file(name, "x")])
        #expect(answer.status == 500, "\(name)")
      }
      let deep = Array(repeating: "d", count: 300).joined(separator: "/")
      #expect(try await world.post("add", [.file(deep, "x")]).status == 500)
      let twice = try await world.post(
        "add", [.file("a/x", "1"), .file("b/x", "2"), .file("a/y", "3")])
      #expect(twice.status == 200)  // `a` is a root twice: it came to an end before
      for option in ["trickle=true", "hash=blake3", "chunker=buzhash", "nocopy=1"] {
        let answer = try await world.post("add?\(option)", [.file("a", "x")])
        #expect(answer.status == 500, "\(option)")
        #expect(answer.text.contains("not supported"), "\(option)")
      }
      #expect(try await world.post("pin/ls?type=recursive").objects.count == 1)
    }
  }

  @Test("names that begin with a combining mark are names like any other")
  func combiningMarks() async throws {
    try await KuboWorld.with { world in
      let added = try await world.post("add?cid-version=1", [.file("a/\u{301}b/c", "marked")])
      let root = try #require(added.objects.last?["Hash"]?.text)
      #expect(added.objects.map { $0["Name"]?.text } == ["a/\u{301}b/c", "a/\u{301}b", "a"])
      #expect(try await world.post("cat?arg=\(root)/%CC%81b/c").text == "marked")
    }
  }

  @Test("only naming stores nothing, and what is not pinned is collected")
  func collection() async throws {
    try await KuboWorld.with { world in
      _ = try await world.add("only named", "only-hash=true")
      #expect(try world.store.status().blockCount == 0)
      let loose = try await world.add("not pinned", "pin=false&cid-version=1")
      let kept = try await world.add("pinned", "pin-name=keep")
      let gone = try await world.post("repo/gc").objects
      #expect(gone.map { $0["Key"]?["/"]?.text } == [loose])
      #expect(try await world.post("cat?arg=\(kept)").text == "pinned")
      let named = try await world.post("pin/ls?name=kee")
      #expect(named.objects.first?["Keys"]?[kept]?["Name"]?.text == "keep")
    }
  }
}
