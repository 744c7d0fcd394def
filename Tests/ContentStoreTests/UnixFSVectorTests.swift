import ContentStore
import Glibc
import Primitives
import Testing

/// Files of a gibibyte take half a minute; they run when MARTLET_LARGE_VECTORS is set.
private let runsLargeVectors = getenv("MARTLET_LARGE_VECTORS") != nil
/// Large enough for two levels of inner nodes at 256 KiB chunks.
private let ordinaryByteCountMax = 46_000_000

/// Keeps the blocks of a file in memory.
struct MemorySource: BlockSource {
  var blocks: [CID: Bytes] = [:]

  mutating func add(_ new: [ContentBlock]) {
    for block in new { blocks[block.cid] = block.bytes }
  }

  func block(_ cid: CID) throws -> Bytes {
    guard let bytes = blocks[cid] else { throw ContentError.missingBlock(cid) }
    return bytes
  }
}

@Suite("UnixFS files against published CIDs")
struct UnixFSVectorTests {
  static let vectors = FileVector.all.filter {
    runsLargeVectors || $0.byteCount <= ordinaryByteCountMax
  }

  @Test("the vector file holds all file vectors")
  func complete() {
    #expect(FileVector.all.count == 39)
    #expect(Self.vectors.count >= 35)
  }

  @Test("a file has the published CID and cumulative size", arguments: vectors)
  func publishedCID(vector: FileVector) throws {
    var builder = UnixFSBuilder(try vector.layout)
    var blocks: [ContentBlock] = []
    vector.forEachPiece {
      builder.append($0, into: &blocks)
      blocks.removeAll(keepingCapacity: true)
    }
    let file = builder.finish(into: &blocks)
    #expect(file.cid.text == vector.cid)
    #expect(file.tsize == vector.tsize)
    #expect(file.fileSize == UInt64(vector.byteCount))
    #expect(try CID(parsing: vector.cid) == file.cid)
  }

  @Test(
    "a file that was built is read back byte for byte",
    arguments: vectors.filter { $0.byteCount <= ordinaryByteCountMax })
  func readBack(vector: FileVector) throws {
    var source = MemorySource()
    var content = Bytes()
    var builder = UnixFSBuilder(try vector.layout)
    var blocks: [ContentBlock] = []
    vector.forEachPiece {
      content += $0
      builder.append($0, into: &blocks)
    }
    let file = builder.finish(into: &blocks)
    source.add(blocks)
    var reader = UnixFSReader(root: file.cid, source: source)
    #expect(try reader.readAll(byteCountMax: vector.byteCount) == content)
  }
}
