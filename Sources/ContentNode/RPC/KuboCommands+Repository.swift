import ContentStore
import Cryptography
import Glibc
import Persistence
import Primitives
import Telemetry

/// `repo/…` and `stats/…`.
extension KuboCommands {
  /// The version of Kubo's repository that clients know; ours has a format of its own.
  private static let repositoryVersion = "fs-repo@16"

  static let repository: [KuboCommand] = [
    KuboCommand("repo/stat", options: ["size-only", "human"], repositoryStatus),
    KuboCommand("stats/repo", options: ["size-only", "human"], repositoryStatus),
    KuboCommand("repo/version", options: ["quiet"]) { _ in
      .object(["Version": .string(repositoryVersion)])
    },
    KuboCommand("repo/gc", options: ["stream-errors", "quiet", "silent"], collect),
    KuboCommand("repo/verify", [], verify),
    KuboCommand("stats/bw", options: ["peer", "proto", "poll", "interval"], bandwidth),
  ]

  @Sendable private static func repositoryStatus(_ call: KuboCall) async throws -> KuboReply {
    let (status, max) = try await call.node.run { (try $0.status(), sizeMax($0.path)) }
    let isShort = try call.flag("size-only")
    return .object([
      "RepoSize": JSONValue(status.segmentByteCount + status.indexByteCount),
      "StorageMax": .integer(max),
      "NumObjects": JSONValue(isShort ? 0 : status.blockCount),
      "RepoPath": .string(isShort ? "" : call.node.store.path),
      "Version": .string(isShort ? "" : repositoryVersion),
    ])
  }

  /// The bytes of the file system that the store is on: it has no other bound.
  private static func sizeMax(_ path: String) -> Int64 {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { return .max }
    let (bytes, overflow) = UInt64(status.f_blocks).multipliedReportingOverflow(
      by: UInt64(status.f_frsize))
    return overflow ? .max : Int64(clamping: bytes)
  }

  /// Tells what is gone once it is; the files are freed then too.
  @Sendable private static func collect(_ call: KuboCall) async throws -> KuboReply {
    let isSilent = try call.flag("silent")
    let forgotten = try await call.node.runLong { store in
      let forgotten = Lock<[Digest]>([])
      _ = try store.collectBlocking(pace: .background) { digests in
        // A list that nobody could read to its end is cut.
        forgotten.withLock { if $0.count < KuboLimits.rememberedBlocksMax { $0 += digests } }
      }
      return forgotten.withLock { $0 }
    }
    guard !isSilent else { return .objects(KuboList(Bytes())) }
    return .objects(
      KuboList(
        try forgotten.map { ["Key": try call.link(.v1(.raw, .sha256($0)))] }))
  }

  @Sendable private static func verify(_ call: KuboCall) async throws -> KuboReply {
    let report = try await call.node.runLong { store in
      var check = BlockStoreCheck(store)
      return try check.runBlocking()
    }
    return .objects(VerificationStream(report))
  }

  @Sendable private static func bandwidth(_ call: KuboCall) async throws -> KuboReply {
    for name in ["peer", "proto"] {
      try call.refuse(name, unless: [""], hint: "only the sum of all traffic is counted")
    }
    let traffic = try await call.node.online().bandwidth()
    return .objects(
      KuboList([
        [
          "TotalIn": JSONValue(traffic.receivedByteCount),
          "TotalOut": JSONValue(traffic.sentByteCount),
          "RateIn": KuboJSON.number(traffic.receivedBytesPerSecond),
          "RateOut": KuboJSON.number(traffic.sentBytesPerSecond),
        ]
      ]))
  }
}

/// What a check of the store found; it ends with an error where a block is damaged.
final class VerificationStream: KuboStream {
  private let report: BlockStoreCheckReport
  private let isTold = Lock(false)

  init(_ report: BlockStoreCheckReport) { self.report = report }

  func next() async throws -> Bytes? {
    let wasTold = isTold.withLock { isTold in
      defer { isTold = true }
      return isTold
    }
    guard !wasTold else {
      if !report.isWhole { throw KuboError.verificationFailed }
      return nil
    }
    var lines = Bytes()
    for fault in report.faults {
      let name = fault.candidates.first.map { "\($0)" } ?? fault.digest.hex
      lines += Self.line("block \(name) was corrupt (\(fault.fault.rawValue))", 0)
    }
    lines += Self.line("", report.blockCount)
    if report.isWhole { lines += Self.line("verify complete, all blocks validated.", 0) }
    return lines
  }

  private static func line(_ message: String, _ progress: Int) -> Bytes {
    KuboJSON.line(["Msg": .string(message), "Progress": JSONValue(progress)])
  }
}
