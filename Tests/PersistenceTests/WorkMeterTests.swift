import ContentStore
import Cryptography
import Glibc
import Primitives
import Telemetry
import Testing

@testable import Persistence

@Suite("How far work on content is")
struct WorkMeterTests {
  private static let large = 3_500_000

  /// A tree of a large file, small ones, a link and a hidden file.
  private func makeTree(in directory: TemporaryDirectory) throws -> String {
    let root = "\(directory.path)/tree"
    for folder in ["", "/inside"] { mkdir(root + folder, 0o755) }
    try writeFile(randomBytes(seed: 1, count: Self.large), to: "\(root)/large")
    for number in 0..<100 {
      try writeFile(Bytes("file \(number)".utf8), to: "\(root)/inside/\(number)")
    }
    try writeFile(Bytes("hidden".utf8), to: "\(root)/.hidden")
    symlink("large", "\(root)/link")
    return root
  }

  @Test("an add counts every byte that a measurement of the tree expects")
  func adding() throws {
    let directory = try TemporaryDirectory()
    let root = try makeTree(in: directory)
    for includesHidden in [false, true] {
      let meter = WorkMeter()
      _ = try ContentTreeAdder(
        ContentAdder(store: nil).counting(on: meter), includesHidden: includesHidden
      ).addBlocking(path: root)
      let measured = try TreeMeasurement(includesHidden: includesHidden).countBlocking(root)
      #expect(meter.done == measured.byteCount && meter.entries.done == measured.entryCount)
      #expect(measured == (3_500_690 + (includesHidden ? 6 : 0), includesHidden ? 104 : 103))
    }
  }

  @Test("a file is expected at its size, a pipe at none")
  func expected() throws {
    let directory = try TemporaryDirectory()
    let (file, pipe) = ("\(directory.path)/file", "\(directory.path)/pipe")
    try writeFile(Bytes(repeating: 1, count: 1_234), to: file)
    mkfifo(pipe, 0o600)
    let (ofFile, ofPipe) = (WorkMeter(), WorkMeter())
    TreeMeasurement().expect(file, on: ofFile)
    TreeMeasurement().expect(pipe, on: ofPipe)
    TreeMeasurement().expect("\(directory.path)/none", on: ofPipe)
    #expect(ofFile.total == 1_234 && ofPipe.total == nil)
  }

  @Test("what is exported, imported and written out comes to what was expected")
  func exports() throws {
    let directory = try TemporaryDirectory()
    let root = try makeTree(in: directory)
    let store = try BlockStore(path: "\(directory.path)/store")
    defer { store.close() }
    let cid = try ContentTreeAdder(ContentAdder(store: store)).addBlocking(path: root).file.cid
    let (out, archived, imported) = (WorkMeter(), WorkMeter(), WorkMeter())
    let written = try ContentTreeExport(store: store, meter: out)
      .writeBlocking(cid, to: "\(directory.path)/output")
    #expect(out.done >= written.byteCount)
    let archive = "\(directory.path)/archive"
    let exported = try ContentArchive(store: store, meter: archived)
      .exportBlocking(cid, to: archive)
    // The last piece is not told: then all is over.
    #expect(archived.done > 2_000_000 && archived.done <= exported.byteCount)
    _ = try ContentArchive(store: store, meter: imported).importBlocking(path: archive)
    #expect(imported.done == exported.byteCount)
    for meter in [out, archived] {
      let total = try #require(meter.total)
      #expect(total >= meter.done && total < UInt64(Self.large) * 11 / 10)
    }
    // A block that needs no inner nodes is off by the names of entries alone.
    let total = try #require(out.total)
    #expect(total - out.done < 1_000)
  }

  @Test("private content is counted as it is sealed and opened")
  func privately() throws {
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/file"
    try writeFile(randomBytes(seed: 2, count: Self.large), to: path)
    let store = try BlockStore(path: "\(directory.path)/store")
    defer { store.close() }
    let meter = WorkMeter()
    let content = PrivateContent(store: store, author: .generate(), meter: meter)
    let sealed = try content.addBlocking(
      path: path, for: PrivateReaders(peers: [content.authorKey]),
      as: PrivateDescription(name: "file"))
    #expect(meter.done == UInt64(Self.large))
    let opened = try #require(try content.opened(sealed.cid))
    _ = try content.writeBlocking(opened, to: "\(directory.path)/opened")
    #expect(meter.done == 2 * UInt64(Self.large))
  }

  @Test("backups are counted in blocks")
  func backups() throws {
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/file"
    try writeFile(randomBytes(seed: 3, count: 12 << 20), to: path)
    let store = try BlockStore(path: "\(directory.path)/store")
    defer { store.close() }
    let file = try ContentAdder(store: store).addBlocking(path: path)
    let (added, repaired) = (WorkMeter(), WorkMeter())
    let backup = try ContentBackup(store: store, meter: added).addBlocking(file.cid)
    #expect(added.done == 13 && added.total == 13)
    _ = try ContentBackup(store: store, meter: repaired).repairBlocking(backup)
    #expect(repaired.done == 21 && repaired.total == 21)
  }
}
