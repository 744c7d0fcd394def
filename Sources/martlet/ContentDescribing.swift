import ContentNode
import ContentStore
import Ledger
import Networking
import Persistence
import Primitives

/// Models and data sets of a home: what `content add` says of them, and where it is kept.
enum ContentDescribing {
  static let options = [
    Option(name: "model", summary: "sign a provenance record that says it is a model"),
    Option(name: "dataset", summary: "the same for a data set"),
    Option(name: "tag", value: "WORDS", summary: "words to find it by, commas between"),
    Option(name: "licence", value: "SPDX", summary: "its licence, such as Apache-2.0"),
    Option(name: "parent", value: "CIDS", summary: "what it was made of, commas between"),
    Option(name: "price", value: "TOKENS", summary: "what an access costs (default 0)"),
    Option(
      name: "royalty", value: "PERCENT",
      summary: "what is made of it owes this share of its accesses (default 0)"),
  ]

  /// Variables that only this part reads; the second spelling of each is the seed's.
  private enum Variable {
    static let sizes = ["MARTLET_MAX_MODEL_SIZE_MB", "PRSM_MAX_MODEL_SIZE_MB"]
    static let clamd = "MARTLET_CLAMD"
    static let failsOpen = "MARTLET_CLAMD_FAILS_OPEN"
    static let denylist = "MARTLET_DENYLIST"
  }

  /// The largest size that can be set, in MB: a file of the content store.
  private static let megabytesMax = 1 << 20

  /// What it is described as; nil where it is only added.
  static func purpose(_ arguments: Arguments) throws -> ProvenanceStatement.Purpose? {
    let (isModel, isDataset) = (
      arguments.flags.contains("model"), arguments.flags.contains("dataset")
    )
    guard isModel || isDataset else {
      for name in ["tag", "licence", "parent", "price", "royalty"]
      where arguments.text(name) != nil {
        throw CommandFailure.usage(
          "--\(name) describes a model or a data set", hint: "add --model or --dataset")
      }
      return nil
    }
    guard isModel != isDataset else {
      throw CommandFailure.usage("--model and --dataset exclude each other")
    }
    for name in ["only-hash", "no-pin", "private"] where arguments.flags.contains(name) {
      throw CommandFailure.usage(
        "--\(name) and --\(isModel ? "model" : "dataset") exclude each other",
        hint: "what is described is stored, pinned and can be looked at")
    }
    return isModel ? .model : .dataset
  }

  /// Describes stored content, and pins it where it is taken; `title` is its name.
  static let work = StoreWork(name: "describe", label: "checking") { opened, arguments, meter in
    guard let purpose = try purpose(arguments), let title = arguments.text(titleName) else {
      throw CommandFailure.usage("nothing says what the content is described as")
    }
    let cid = try ContentCommands.cid(arguments.positionals.first ?? "")
    let description = ContentDescription(
      name: title, tags: list("tag", arguments), licence: arguments.text("licence") ?? "",
      parents: try list("parent", arguments).map(ContentCommands.cid),
      terms: try terms(arguments),
      createdMilliseconds: WallClock.milliseconds())
    return try await opened.withLibrary { library in
      let described = try await library.describe(
        cid, as: purpose, description, meter: meter)
      if let name = arguments.text("name") { try await library.store.pin(cid, name: name) }
      return [
        "record": .string("\(described.record)"),
        "verdict": ContentLibraryCommands.json(described.verdict),
      ]
    }
  }

  private static let titleName = "title"

  /// The words that describe what was added at `path`.
  static func words(_ arguments: Arguments, path: String, _ root: CID) -> Arguments {
    var words = arguments
    words.positionals = ["\(root)"]
    let file = path.pathNames.last ?? path
    words.values[titleName] = arguments.text("name") ?? file
    return words
  }

  /// What readers and derived contents will owe, where --price and --royalty say it.
  static func terms(
    _ arguments: Arguments, besides usual: ContentTerms = ContentTerms()
  ) throws -> ContentTerms {
    var terms = usual
    if let price = try LedgerAccess.amount("price", arguments) { terms.price = price }
    if let percent = try arguments.number("royalty", in: 0...100) {
      terms.royaltyPartsPerMillion = UInt32((percent * 10_000).rounded())
    }
    return terms
  }

  /// One line: what is described is one thing, however many files it has.
  static func show(_ root: AddedEntry, _ described: JSONValue, _ arguments: Arguments) {
    let (record, verdict) = (described["record"] ?? .null, described["verdict"] ?? .null)
    let json: JSONValue = [
      "path": .string(root.path), "cid": .string("\(root.file.cid)"),
      "size": JSONValue(root.file.tsize), "record": record, "verdict": verdict,
    ]
    Output.result(json, asJSON: arguments.isJSON) {
      "\(root.file.cid)  \(root.file.tsize) bytes\nrecord \(record.text ?? "")"
    }
    if verdict["decision"]?.text == "held" {
      Output.note("held, not served: \(verdict["reason"]?.text ?? "")")
    }
    for finding in verdict["findings"]?.elements ?? [] {
      Output.note("warning: \(finding.text ?? "")")
    }
  }

  static func list(_ name: String, _ arguments: Arguments) -> [String] {
    (arguments.text(name) ?? "").split(separator: ",").map {
      String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }.filter { !$0.isEmpty }
  }

  /// The library of a home, around its open store.
  static func library(of store: BlockStore, in home: HomeDirectory) throws -> ContentLibrary {
    try ContentLibrary(
      store: store, directory: home.path, key: home.keyOrNew(named: "identity"),
      policy: try policy(), scanner: try scanner())
  }

  static func policy() throws -> ContentPolicy {
    var policy = ContentPolicy()
    for name in Variable.sizes.reversed() {
      guard let text = Settings.environment(name) else { continue }
      guard let megabytes = Int(text), (1...megabytesMax).contains(megabytes) else {
        throw CommandFailure.usage(
          "\(name) is `\(text)`", hint: "give whole megabytes from 1 to \(megabytesMax)")
      }
      policy.byteCountMax = UInt64(megabytes) << 20
    }
    if let text = Settings.environment(Variable.failsOpen) {
      guard ["true", "false"].contains(text) else {
        throw CommandFailure.usage("\(Variable.failsOpen) is `\(text)`", hint: "true or false")
      }
      policy.failsOpen = text == "true"
    }
    if let path = Settings.environment(Variable.denylist) {
      let bytes = try AtomicFile.read(path, byteCountMax: Denylist.byteCountMax)
      guard let bytes else {
        throw CommandFailure(
          "there is no denylist at \(path)", hint: "check \(Variable.denylist)", code: .notFound)
      }
      do { policy.denylist = try Denylist(parsing: bytes) } catch {
        throw CommandFailure("\(path): \(error)", hint: "one CID or sha256:HEX a line")
      }
    }
    return policy
  }

  private static func scanner() throws -> (any ContentScanner)? {
    guard let text = Settings.environment(Variable.clamd) else { return nil }
    guard let address = ClamdAddress(parsing: text) else {
      throw CommandFailure.usage(
        "\(Variable.clamd) is `\(text)`", hint: "give a socket's path or 127.0.0.1:3310")
    }
    return ClamdScanner(address: address)
  }
}

extension CommandFailure {
  init(_ error: LibraryError) {
    let code: ExitCode =
      switch error {
      case .refused, .held, .notAllowed: .refused
      case .readByEverybody: .refused
      case .undescribed, .incomplete, .unregistered: .notFound
      case .badDescription, .noLedgerName: .usage
      case .tooMany, .changing, .settling: .failed
      }
    self.init(error.description, hint: error.hint, code: code)
  }
}
