import ContentStore
import Cryptography
import Glibc
import Persistence
import Primitives
import Telemetry

/// Private objects: `content add --private`, `content share|rotate|readers`, and what `content get`
/// and `cat` do with one.
enum ContentSharing {
  /// Of `content add`.
  static let addingOptions =
    [
      Option(name: "private", summary: "encrypt it first: for this node, and whom --to names")
    ] + readerOptions + [uncompressed]

  /// Of `content get` and `content cat`.
  static let openingOption = Option(
    name: "passphrase-file", value: "FILE", summary: "opens a private object sealed with it")

  private static let readerOptions = [
    Option(
      name: "to", value: "PEER,…", summary: "who may read it: peer ids, with commas between them"),
    Option(
      name: "passphrase-file", value: "FILE", summary: "whoever knows its first line may read it"),
  ]
  private static let uncompressed = Option(
    name: "no-compress", summary: "do not compress it: how far that goes can be seen from outside")

  static let all = [
    Command(
      words: ["content", "share"], summary: "let more peers read a private object",
      positionals: ["CID"],
      options: readerOptions + [
        Option(name: "name", value: "NAME", summary: "name the pin")
      ],
      details: [
        "Prints the CID to give to them. The encrypted bytes stay as they are, and so does",
        "the old CID.",
      ],
      example: "martlet content share CID --to 12D3KooW…", run: share),
    Command(
      words: ["content", "rotate"], summary: "encrypt a private object anew, for other readers",
      positionals: ["CID"],
      options: readerOptions + [
        uncompressed, Option(name: "name", value: "NAME", summary: "name the pin"),
      ],
      details: [
        "For this node and whom --to names, under a new key. Whoever could read the old one",
        "still can, wherever its bytes were kept; unpin it to forget it here.",
      ],
      example: "martlet content rotate CID --to 12D3KooW…", run: rotate),
    Command(
      words: ["content", "readers"], summary: "say who made a private object and who may read it",
      positionals: ["CID"], options: [openingOption],
      example: "martlet content readers CID", run: readers),
  ]

  /// Seals the file at `path` and pins it.
  static func add(
    _ path: String, in store: BlockStore, _ arguments: Arguments
  ) throws -> StoredPrivateObject {
    let name = path.pathNames.last ?? path
    guard name.utf8.count <= PrivateLimits.textByteCountMax else {
      throw CommandFailure.usage("the name of \(path) is too long", hint: "give it a shorter one")
    }
    let key = try identity(arguments)
    let readers = try chosenReaders(arguments, and: [key.publicKey])
    return try WorkProgress.during(arguments) { progress in
      progress.expect(below: path)
      return try PrivateContent(store: store, author: key, meter: progress.meter).addBlocking(
        path: path, for: readers, as: PrivateDescription(name: name),
        isCompressed: !arguments.flags.contains("no-compress"),
        pinName: arguments.text("name") ?? "")
    }
  }

  /// Opens `cid` if it names a private object; nil if it does not.
  static func opened(
    _ cid: CID, in store: BlockStore, _ arguments: Arguments, meter: WorkMeter? = nil
  ) throws -> (content: PrivateContent, object: OpenedObject)? {
    guard cid.codec == .dagCBOR else { return nil }
    guard try PrivateContent.isPrivate(cid, in: store) else { return nil }
    let passphrase = try passphrase(arguments)
    for key in try keys(arguments) {
      let content = PrivateContent(store: store, author: key, meter: meter)
      if let object = try content.opened(cid, passphrase: passphrase) { return (content, object) }
    }
    throw CommandFailure(
      "\(cid) is private and sealed for others",
      hint: "ask its author for `martlet content share \(cid) --to \(try ownID(arguments))`")
  }

  @Sendable private static func share(_ arguments: Arguments) async throws {
    try await change(arguments) { content, object in
      let readers = try chosenReaders(arguments, and: [])
      guard !readers.peers.isEmpty || readers.passphrase != nil else {
        throw CommandFailure.usage("nobody to share with", hint: "name a peer with --to")
      }
      return try content.shareBlocking(
        object, with: readers, pinName: arguments.text("name") ?? "")
    }
  }

  @Sendable private static func rotate(_ arguments: Arguments) async throws {
    try await change(arguments) { content, object in
      try content.rotateBlocking(
        object, for: chosenReaders(arguments, and: [content.authorKey]),
        isCompressed: !arguments.flags.contains("no-compress"),
        pinName: arguments.text("name") ?? "")
    }
  }

  private static func change(
    _ arguments: Arguments, _ body: (PrivateContent, OpenedObject) throws -> StoredPrivateObject
  ) async throws {
    let replaced = arguments.positionals[0]
    let object = try await ContentTransfer.changing(replaced, arguments) { store in
      let opened = try required(store, arguments, passphrase: false)
      return try body(opened.content, opened.object)
    }
    let json: JSONValue = ["cid": .string("\(object.cid)"), "replaces": .string(replaced)]
    Output.result(json, asJSON: arguments.isJSON) { "\(object.cid)" }
  }

  @Sendable private static func readers(_ arguments: Arguments) async throws {
    try await ContentTransfer.reading(arguments.positionals[0], arguments) { _, store in
      let header = try required(store, arguments, passphrase: true).object.header
      let peers = header.readers.map { "\($0.peerID)" }
      let json: JSONValue = [
        "name": .string(header.name), "size": JSONValue(header.byteCount),
        "sha256": .string(header.digest.hex), "author": .string("\(header.author.peerID)"),
        "readers": .array(peers.map { .string($0) }),
        "replaces": header.replaced.map { .string("\($0)") } ?? .null,
      ]
      Output.result(json, asJSON: arguments.isJSON) {
        let head = [
          "\(header.name)  \(header.byteCount) bytes", "by      \(header.author.peerID)",
        ]
        return (head + peers.map { "for     \($0)" }).joined(separator: "\n")
      }
    }
  }

  private static func required(
    _ store: BlockStore, _ arguments: Arguments, passphrase: Bool
  ) throws -> (content: PrivateContent, object: OpenedObject) {
    let cid = try ContentCommands.cid(arguments.positionals[0])
    var opening = arguments
    // Of share and rotate it is the new readers' one.
    if !passphrase { opening.values["passphrase-file"] = nil }
    guard let opened = try opened(cid, in: store, opening) else {
      throw CommandFailure(
        "\(cid) is not a private object", hint: "`martlet content add --private` makes one")
    }
    return opened
  }

  /// The keys that others may have sealed for: the node's, and that of `content serve`.
  private static func keys(_ arguments: Arguments) throws -> [SigningKey] {
    let home = Homes.selected(arguments)
    let served = ServedNetwork.keyName
    return [try identity(arguments)]
      + (home.contains("\(served).key") ? [try home.key(named: served)] : [])
  }

  private static func ownID(_ arguments: Arguments) throws -> String {
    "\(try identity(arguments).publicKey.peerID)"
  }

  private static func identity(_ arguments: Arguments) throws -> SigningKey {
    let home = Homes.selected(arguments)
    try home.create()
    return try home.keyOrNew(named: "identity")
  }

  /// The keys of peers whose ids are given with commas between them.
  static func keys(named list: String) throws -> [PublicKey] {
    try list.split(separator: ",").map { word in
      guard let id = try? PeerID(String(word)), let key = id.publicKey else {
        throw CommandFailure.usage(
          "`\(word)` is not the id of a peer with an Ed25519 key",
          hint: "it begins with 12D3KooW; `martlet node id` prints a node's own")
      }
      return key
    }
  }

  private static func chosenReaders(
    _ arguments: Arguments, and first: [PublicKey]
  ) throws -> PrivateReaders {
    let peers = first + (try keys(named: arguments.text("to") ?? ""))
    guard peers.count <= PrivateLimits.readersMax else {
      throw CommandFailure.usage(
        "\(peers.count) readers; at most \(PrivateLimits.readersMax) are possible",
        hint: "share it again under a passphrase")
    }
    return PrivateReaders(peers: peers, passphrase: try passphrase(arguments))
  }

  /// The first line of the file, which only its owner may read.
  private static func passphrase(_ arguments: Arguments) throws -> Bytes? {
    guard let path = arguments.text("passphrase-file") else { return nil }
    try ContentCommands.checkReadable(path)
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var buffer = Bytes(repeating: 0, count: 1_024)
    let count = fread(&buffer, 1, buffer.count, file)
    let line = Bytes(buffer[..<count].prefix { $0 != UInt8(ascii: "\n") })
    guard !line.isEmpty, count < buffer.count else {
      throw CommandFailure.usage(
        "\(path) has no passphrase", hint: "write one line of at most 1,000 characters into it")
    }
    return line
  }
}
