public import Primitives

/// Numbers of the protobuf fields (boxo `bitswap/message/pb/message.proto`).
private enum Field {
  static let wantlist: UInt64 = 1
  static let blocks: UInt64 = 2
  static let payload: UInt64 = 3
  static let presences: UInt64 = 4
  static let pendingBytes: UInt64 = 5
  static let entries: UInt64 = 1
  static let full: UInt64 = 2
  static let entryCID: UInt64 = 1
  static let priority: UInt64 = 2
  static let cancel: UInt64 = 3
  static let wantType: UInt64 = 4
  static let sendDontHave: UInt64 = 5
  static let prefix: UInt64 = 1
  static let data: UInt64 = 2
  static let presenceCID: UInt64 = 1
  static let presenceType: UInt64 = 2
}

private let what = "bitswap message"

// MARK: - Writing

extension BitswapMessage {
  /// The message as a version carries it: an older one has no presences, and asks for blocks alone.
  public func encoded(for version: BitswapVersion = .v1r2) -> Bytes {
    var bytes = Bytes()
    bytes.reserveCapacity(blockByteCount + 64 * (wants.count + presences.count + blocks.count) + 32)
    if !wants.isEmpty || isFull {
      ProtobufWriter.append(field: Field.wantlist, bytes: wantlist(for: version), to: &bytes)
    }
    for block in blocks { append(block, version, to: &bytes) }
    guard version.hasPresences else { return bytes }
    for presence in presences {
      Self.append(presence.cid.bytes, isHad: presence.isHad, to: &bytes)
    }
    for name in unreadableAbsent { Self.append(name, isHad: false, to: &bytes) }
    if pendingByteCount > 0 {
      ProtobufWriter.append(
        field: Field.pendingBytes, varint: UInt64(pendingByteCount), to: &bytes)
    }
    return bytes
  }

  private func wantlist(for version: BitswapVersion) -> Bytes {
    var list = Bytes()
    var entry = Bytes()
    for want in wants where version.hasPresences || want.kind != .have {
      entry.removeAll(keepingCapacity: true)
      ProtobufWriter.append(field: Field.entryCID, bytes: want.cid.bytes, to: &entry)
      let priority = UInt64(max(0, want.priority))
      ProtobufWriter.append(field: Field.priority, varint: priority, to: &entry)
      switch want.kind {
      case .block: break
      case .have: ProtobufWriter.append(field: Field.wantType, varint: 1, to: &entry)
      case .cancel: ProtobufWriter.append(field: Field.cancel, varint: 1, to: &entry)
      }
      if want.sendsDontHave, version.hasPresences, want.kind != .cancel {
        ProtobufWriter.append(field: Field.sendDontHave, varint: 1, to: &entry)
      }
      ProtobufWriter.append(field: Field.entries, bytes: entry, to: &list)
    }
    if isFull { ProtobufWriter.append(field: Field.full, varint: 1, to: &list) }
    return list
  }

  private func append(_ block: Block, _ version: BitswapVersion, to bytes: inout Bytes) {
    guard version != .v1r0 else {
      return ProtobufWriter.append(field: Field.blocks, bytes: block.bytes, to: &bytes)
    }
    let prefix = block.prefix.bytes
    var head = Bytes()
    ProtobufWriter.append(field: Field.prefix, bytes: prefix, to: &head)
    ProtobufWriter.append(field: Field.data, header: block.bytes.count, to: &head)
    ProtobufWriter.append(field: Field.payload, header: head.count + block.bytes.count, to: &bytes)
    bytes += head
    bytes += block.bytes
  }

  private static func append(_ name: Bytes, isHad: Bool, to bytes: inout Bytes) {
    var entry = Bytes()
    ProtobufWriter.append(field: Field.presenceCID, bytes: name, to: &entry)
    if !isHad { ProtobufWriter.append(field: Field.presenceType, varint: 1, to: &entry) }
    ProtobufWriter.append(field: Field.presences, bytes: entry, to: &bytes)
  }
}

// MARK: - Reading

extension BitswapMessage {
  /// Reads a message. Entries that name what this program cannot read are passed over: a peer may
  /// want things that we do not know.
  public init(decoding bytes: Bytes) throws(DecodingFailure) {
    guard bytes.count <= BitswapLimits.messageByteCountMax else {
      throw .tooLarge(
        what: what, size: bytes.count, limit: BitswapLimits.messageByteCountMax)
    }
    var reader = ProtobufReader(bytes[...], what: what, isLenient: true)
    var entries = 0
    while let (number, value) = try reader.next() {
      switch (number, value) {
      case (Field.wantlist, .bytes(let list)): try takeWantlist(list, &entries)
      case (Field.blocks, .bytes(let data)):
        try Self.count(&entries)
        try take(data, .version0)
      case (Field.payload, .bytes(let payload)):
        try Self.count(&entries)
        try takePayload(payload)
      case (Field.presences, .bytes(let entry)):
        try Self.count(&entries)
        try takePresence(entry)
      case (Field.pendingBytes, .varint(let count)): pendingByteCount = Int32(clamping: count)
      default: break
      }
    }
  }

  /// Counts what the message lists: each entry costs more memory than bytes on the wire.
  private static func count(_ entries: inout Int) throws(DecodingFailure) {
    entries += 1
    guard entries <= BitswapLimits.entriesPerMessageMax else {
      throw .tooLarge(what: what, size: entries, limit: BitswapLimits.entriesPerMessageMax)
    }
  }

  private mutating func takeWantlist(
    _ list: ArraySlice<UInt8>, _ entries: inout Int
  ) throws(DecodingFailure) {
    var reader = ProtobufReader(list, what: what, isLenient: true)
    while let (number, value) = try reader.next() {
      switch (number, value) {
      case (Field.entries, .bytes(let entry)):
        try Self.count(&entries)
        try takeWant(entry)
      case (Field.full, .varint(let flag)): isFull = flag != 0
      default: break
      }
    }
  }

  private mutating func takeWant(_ entry: ArraySlice<UInt8>) throws(DecodingFailure) {
    var reader = ProtobufReader(entry, what: what, isLenient: true)
    var name: ArraySlice<UInt8> = []
    var (priority, isCancel, type, sendsDontHave): (Int32, Bool, UInt64, Bool) = (
      0, false, 0, false
    )
    while let (number, value) = try reader.next() {
      switch (number, value) {
      case (Field.entryCID, .bytes(let bytes)): name = bytes
      case (Field.priority, .varint(let number)): priority = Int32(truncatingIfNeeded: number)
      case (Field.cancel, .varint(let flag)): isCancel = flag != 0
      case (Field.wantType, .varint(let number)): type = number
      case (Field.sendDontHave, .varint(let flag)): sendsDontHave = flag != 0
      default: break
      }
    }
    guard let cid = try? CID(decoding: name) else {
      if sendsDontHave, !isCancel, name.count <= CIDLimits.byteCountMax {
        unreadableWants.append(Bytes(name))
      }
      return
    }
    let kind: Want.Kind = isCancel ? .cancel : type == 1 ? .have : .block
    wants.append(Want(cid, kind, priority: priority, sendsDontHave: sendsDontHave))
  }

  private mutating func takePayload(_ payload: ArraySlice<UInt8>) throws(DecodingFailure) {
    var reader = ProtobufReader(payload, what: what, isLenient: true)
    var prefix: ArraySlice<UInt8> = []
    var data: ArraySlice<UInt8> = []
    while let (number, value) = try reader.next() {
      switch (number, value) {
      case (Field.prefix, .bytes(let bytes)): prefix = bytes
      case (Field.data, .bytes(let bytes)): data = bytes
      default: break
      }
    }
    guard let prefix = try? CIDPrefix(decoding: prefix) else { return }
    try take(data, prefix)
  }

  private mutating func take(
    _ data: ArraySlice<UInt8>, _ prefix: CIDPrefix
  ) throws(DecodingFailure) {
    guard data.count <= BlockLimits.byteCountMax else {
      throw .tooLarge(what: "block", size: data.count, limit: BlockLimits.byteCountMax)
    }
    blocks.append(Block(prefix: prefix, bytes: Bytes(data)))
  }

  private mutating func takePresence(_ entry: ArraySlice<UInt8>) throws(DecodingFailure) {
    var reader = ProtobufReader(entry, what: what, isLenient: true)
    var cid: CID?
    var type: UInt64 = 0
    while let (number, value) = try reader.next() {
      switch (number, value) {
      case (Field.presenceCID, .bytes(let bytes)): cid = try? CID(decoding: bytes)
      case (Field.presenceType, .varint(let number)): type = number
      default: break
      }
    }
    if let cid { presences.append(Presence(cid, isHad: type == 0)) }
  }
}
