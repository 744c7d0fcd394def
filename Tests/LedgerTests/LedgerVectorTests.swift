import Cryptography
import Glibc
import Ledger
import Primitives
import Testing

/// Our own bytes, frozen: Tests/Vectors/ledger.json was written by this format's first version.
@Suite("The ledger's frozen bytes")
struct LedgerVectorTests {
  /// The values of the file, computed from the chain of `TestChain`.
  static func computed() throws -> [(name: String, hex: String)] {
    var chain = try TestChain()
    let job = try chain.openJob()
    let transfer = try chain.sign(
      .transfer(to: chain.coordinator.publicKey, amount: .tokens(1)), by: chain.client)
    let commit = try chain.sign(.commitWork(chain.commitment(job)), by: chain.workers[0])
    let slash = try chain.sign(
      .slash(chain.work(job), chain.segmentEvidence()), by: chain.validator)
    let settle = try chain.sign(chain.settlement(job), by: chain.coordinator)
    try chain.seal([transfer, commit])
    let block = try chain.seal()
    return [
      ("genesis", Hex.encode(chain.genesis.encoded())),
      ("chainId", chain.genesis.chainID.hex), ("jobId", job.description),
      ("transferSigningBytes", Hex.encode(transfer.signingBytes)),
      ("transfer", Hex.encode(transfer.encoded())), ("transferId", transfer.id.hex),
      ("commitWork", Hex.encode(commit.encoded())), ("slash", Hex.encode(slash.encoded())),
      ("settle", Hex.encode(settle.encoded())),
      ("header", Hex.encode(block.header.encoded())), ("blockHash", block.header.hash.hex),
      ("stateRoot", block.header.stateRoot.hex),
      ("beaconValue", try #require(block.header.beaconValue).hex),
    ]
  }

  private static func file() throws -> JSONValue {
    let tests = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
    let handle = try #require(fopen("/\(tests)/Vectors/ledger.json", "r"))
    defer { fclose(handle) }
    var bytes = Bytes(repeating: 0, count: 1 << 16)
    let count = fread(&bytes, 1, bytes.count, handle)
    return try JSONValue(parsing: Bytes(bytes.prefix(count)))
  }

  @Test("sign bytes, encodings and hashes are those of the vector file")
  func frozen() throws {
    let file = try Self.file()
    let computed = try Self.computed()
    #expect(file.members?.count == computed.count + 1)
    for (name, hex) in computed { #expect(file[name]?.text == hex, "\(name)") }
  }
}
