import ContentStore
import Cryptography
import Persistence
import Primitives
import Telemetry

/// `ls` with one line an entry.
final class ListStream: KuboStream {
  private let call: KuboCall
  private let waiting: Lock<[(path: String, run: PieceWalkRun<ListWalk>)]>

  init(_ walks: [(path: String, walk: ListWalk)], _ call: KuboCall) {
    self.call = call
    waiting = Lock(
      walks.reversed().map { ($0.path, PieceWalkRun($0.walk, on: call.node)) })
  }

  func next() async throws -> Bytes? {
    while let (path, run) = waiting.withLock(\.last) {
      guard let links = try await run.next() else {
        waiting.withLock { _ = $0.popLast() }
        continue
      }
      var lines = Bytes()
      for link in links {
        let object: JSONValue = ["Hash": .string(path), "Links": [try link.json(call)]]
        lines += KuboJSON.line(["Objects": [object]])
      }
      return lines
    }
    return nil
  }
}

/// `refs`.
final class RefsStream: KuboStream {
  private static let usualFormat = "<dst>"

  private let call: KuboCall
  private let format: String
  private let run: PieceWalkRun<RefsWalk>

  init(_ roots: [CID], _ call: KuboCall) throws {
    self.call = call
    let format = call.text("format") ?? Self.usualFormat
    let showsEdges = try call.flag("edges", short: "e")
    guard !showsEdges || format == Self.usualFormat else {
      throw KuboError.unsupportedOption(
        name: "format", value: format, hint: "using format argument with edges is not allowed")
    }
    self.format = showsEdges ? "<src> -> <dst>" : format
    var settings = RefsWalk.Settings()
    settings.isUnique = try call.flag("unique", short: "u")
    let depth = try call.integer("max-depth") ?? -1
    settings.depthMax = depth < 0 ? nil : Int(clamping: depth)
    if try !call.flag("recursive", short: "r") { settings.depthMax = 1 }
    run = PieceWalkRun(RefsWalk(roots, settings), on: call.node)
  }

  func next() async throws -> Bytes? {
    guard let edges = try await run.next() else { return nil }
    return try edges.reduce(into: Bytes()) { $0 += try line($1) }
  }

  private func line(_ edge: RefsWalk.Edge) throws -> Bytes {
    let text = Self.replace(
      in: format,
      [
        ("<src>", try call.text(of: edge.source)), ("<dst>", try call.text(of: edge.target)),
        ("<linkname>", edge.name),
      ])
    return KuboJSON.line(["Ref": .string(text), "Err": ""])
  }

  private static func replace(in format: String, _ values: [(String, String)]) -> String {
    var text = format
    for (token, value) in values {
      text = text.split(separator: token, omittingEmptySubsequences: false).joined(separator: value)
    }
    return text
  }
}

/// `refs local`: every stored block, as Kubo does under the name that its bytes alone have.
final class LocalRefs: KuboStream {
  private let call: KuboCall
  private let last = Lock<Digest?>(nil)

  init(_ call: KuboCall) { self.call = call }

  func next() async throws -> Bytes? {
    let start = last.withLock { $0 }
    let digests = try await call.node.run { try $0.digests(after: start) }
    guard let end = digests.last else { return nil }
    last.withLock { $0 = end }
    var lines = Bytes()
    for digest in digests {
      let ref = try call.text(of: .v1(.raw, .sha256(digest)))
      lines += KuboJSON.line(["Ref": .string(ref), "Err": ""])
    }
    return lines
  }
}
