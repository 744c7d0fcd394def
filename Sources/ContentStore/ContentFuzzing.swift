public import Primitives

/// Feeds foreign bytes to each parser of this module; returns normally on every input.
///
/// What is accepted must survive a round trip, which is checked here too.
public enum ContentFuzzing {
  /// CID text.
  public static func cidText(_ input: Bytes) {
    guard let cid = try? CID(parsing: String(decoding: input, as: UTF8.self)) else { return }
    precondition((try? CID(parsing: cid.text)) == cid, "CID text round trip")
  }

  /// CID bytes.
  public static func cidBytes(_ input: Bytes) {
    guard let cid = try? CID(decoding: input) else { return }
    precondition(cid.bytes == input, "a CID has one binary form")
  }

  /// A dag-pb block.
  public static func dagPB(_ input: Bytes) {
    let cid = ContentBlock(hashing: input, codec: .dagPB).cid
    guard let node = try? DagPBNode(decoding: input, of: cid) else { return }
    precondition((try? DagPBNode(decoding: node.encoded(), of: cid)) == node, "dag-pb round trip")
  }

  /// UnixFS data.
  public static func unixFSData(_ input: Bytes) {
    guard let data = try? UnixFSData(decoding: input) else { return }
    precondition((try? UnixFSData(decoding: data.encoded())) == data, "UnixFS round trip")
  }

  /// A whole block as the root of a file.
  public static func unixFSWalk(_ input: Bytes) {
    let block = ContentBlock(hashing: input, codec: .dagPB)
    var walk = UnixFSWalk(root: block.cid)
    _ = try? walk.supply(input)
  }
}
