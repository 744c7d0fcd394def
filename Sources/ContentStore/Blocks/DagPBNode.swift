public import Primitives

/// Limits of a block from outside.
public enum BlockLimits {
  /// The largest block bitswap carries; Kubo refuses larger ones too.
  public static let byteCountMax = 2 << 20
  /// More links to SHA-256 names than a block can hold.
  public static let linksMax = 1 << 16
}

/// A link of a dag-pb node.
public struct DagPBLink: Equatable, Sendable {
  /// What the link points to.
  public var cid: CID
  /// The entry's name; empty in files.
  public var name: Bytes
  /// The cumulative size of the linked tree: its blocks' bytes, duplicates counted again.
  public var tsize: UInt64

  /// Makes a link; files have no names.
  public init(cid: CID, name: Bytes = [], tsize: UInt64) {
    self.cid = cid
    self.name = name
    self.tsize = tsize
  }
}

/// A dag-pb node (ipld.io/specs/codecs/dag-pb): links and one byte string.
public struct DagPBNode: Equatable, Sendable {
  enum Field {
    static let data: UInt64 = 1
    static let links: UInt64 = 2
    static let hash: UInt64 = 1
    static let name: UInt64 = 2
    static let tsize: UInt64 = 3
  }

  /// The links in order.
  public var links: [DagPBLink]
  /// The data; nil when the field is absent.
  public var data: Bytes?

  /// Makes a node.
  public init(links: [DagPBLink] = [], data: Bytes?) {
    self.links = links
    self.data = data
  }

  /// The canonical block: all links first, then the data.
  public func encoded() -> Bytes {
    var block = Bytes()
    block.reserveCapacity(links.count * 56 + (data?.count ?? 0) + 16)
    var entry = Bytes()
    for link in links {
      entry.removeAll(keepingCapacity: true)
      ProtobufWriter.append(field: Field.hash, bytes: link.cid.bytes, to: &entry)
      ProtobufWriter.append(field: Field.name, bytes: link.name, to: &entry)
      ProtobufWriter.append(field: Field.tsize, varint: link.tsize, to: &entry)
      ProtobufWriter.append(field: Field.links, bytes: entry, to: &block)
    }
    if let data { ProtobufWriter.append(field: Field.data, bytes: data, to: &block) }
    return block
  }

  /// Reads a block of CID `cid`, which errors name.
  ///
  /// Links before or after the data are accepted, as old blocks have them; links on both sides of
  /// the data, repeated, unordered or unknown fields are not (the rules of go-codec-dagpb).
  public init(decoding block: Bytes, of cid: CID) throws(ContentError) {
    guard block.count <= BlockLimits.byteCountMax else {
      throw .malformedBlock(
        cid,
        .tooLarge(what: "dag-pb block", size: block.count, limit: BlockLimits.byteCountMax))
    }
    self.init(data: nil)
    do { try decode(block) } catch { throw .malformedBlock(cid, error) }
  }

  private mutating func decode(_ block: Bytes) throws(DecodingFailure) {
    var reader = ProtobufReader(block[...], what: "dag-pb node")
    var linksBeforeData = 0
    while let (number, value) = try reader.next() {
      guard case .bytes(let bytes) = value else {
        throw .malformed(what: "dag-pb node", reason: "a number where bytes belong")
      }
      switch number {
      case Field.data:
        guard data == nil else { throw .malformed(what: "dag-pb node", reason: "data twice") }
        data = Bytes(bytes)
        linksBeforeData = links.count
      case Field.links:
        guard data == nil || linksBeforeData == 0 else {
          throw .malformed(what: "dag-pb node", reason: "links on both sides of the data")
        }
        guard links.count < BlockLimits.linksMax else {
          throw .tooLarge(
            what: "dag-pb node", size: links.count + 1, limit: BlockLimits.linksMax)
        }
        links.append(try Self.link(bytes))
      default: throw .unknownField("\(number) of a dag-pb node")
      }
    }
  }

  private static func link(_ bytes: ArraySlice<UInt8>) throws(DecodingFailure) -> DagPBLink {
    var reader = ProtobufReader(bytes, what: "dag-pb link")
    var cid: CID?
    var name = Bytes()
    var tsize: UInt64 = 0
    var last: UInt64 = 0
    while let (number, value) = try reader.next() {
      guard number > last else {
        throw .malformed(what: "dag-pb link", reason: "fields repeat or are out of order")
      }
      last = number
      switch (number, value) {
      case (Field.hash, .bytes(let bytes)): cid = try linkedCID(bytes)
      case (Field.name, .bytes(let bytes)):
        guard String(validating: bytes, as: UTF8.self) != nil else {
          throw .malformed(what: "dag-pb link", reason: "the name is not UTF-8")
        }
        name = Bytes(bytes)
      case (Field.tsize, .varint(let size)): tsize = size
      case (Field.hash...Field.tsize, _):
        throw .malformed(what: "dag-pb link", reason: "field \(number) has the wrong type")
      default: throw .unknownField("\(number) of a dag-pb link")
      }
    }
    guard let cid else { throw .missingField("Hash of a dag-pb link") }
    return DagPBLink(cid: cid, name: name, tsize: tsize)
  }

  private static func linkedCID(_ bytes: ArraySlice<UInt8>) throws(DecodingFailure) -> CID {
    do { return try CID(decoding: bytes) } catch {
      throw .malformed(what: "dag-pb link", reason: "\(error)")
    }
  }
}

extension DagPBLink {
  /// The bytes that the link takes in its node's block.
  var encodedByteCount: Int {
    let cidByteCount = cid.byteCount
    let entry =
      1 + Varint.byteCount(of: cidByteCount) + cidByteCount + 1 + Varint.byteCount(of: name.count)
      + name.count + 1 + Varint.byteCount(of: Int(tsize))
    return 1 + Varint.byteCount(of: entry) + entry
  }
}

extension Varint {
  /// The bytes of a size's encoding.
  static func byteCount(of value: Int) -> Int {
    max(1, (Int.bitWidth - value.leadingZeroBitCount + 6) / 7)
  }
}
