import Cryptography
import Ledger
import Primitives
import Testing

@Suite("The genesis document")
struct GenesisTests {
  @Test("the file form round trips to the same chain")
  func json() throws {
    let genesis = try TestChain().genesis
    let text = genesis.json.encoded(indented: true)
    let again = try Genesis(json: JSONValue(parsing: text))
    #expect(again == genesis)
    #expect(again.chainID == genesis.chainID)
  }

  @Test("the canonical form round trips, and unsorted accounts are refused")
  func canonical() throws {
    let genesis = try TestChain().genesis
    #expect(try Genesis(decoding: genesis.encoded()) == genesis)
    guard case .map(var fields) = genesis.canonicalValue else { return }
    fields["accounts"] = .list(genesis.accounts.reversed())
    let bytes = CanonicalValue.map(fields).encoded()
    #expect(throws: DecodingFailure.self) { try Genesis(decoding: bytes) }
  }

  @Test("a changed file names what is wrong")
  func changed() throws {
    let genesis = try TestChain().genesis
    let text = String(decoding: genesis.json.encoded(), as: UTF8.self)
    func read(_ from: String, _ to: String) throws {
      let changed = text.replacing(from, with: to)
      #expect(changed != text)
      _ = try Genesis(json: JSONValue(parsing: Bytes(changed.utf8)))
    }
    #expect(throws: LedgerError.invalidGenesis(reason: "chainId is not the hash of the document")) {
      try read("FTNS", "FAKE")
    }
    #expect(throws: LedgerError.decoding(.unknownField("genesis.extra"))) {
      try read("{\"name\"", "{\"extra\":1,\"name\"")
    }
    #expect(throws: LedgerError.decoding(.missingField("genesis.symbol"))) {
      try read("\"symbol\":\"FTNS\",", "")
    }
    #expect(throws: LedgerError.self) { try read("\"power\":\"1\"", "\"power\":\"0\"") }
  }

  @Test("documents that could not be a chain are refused")
  func invalid() throws {
    let key = TestChain.key(1).publicKey
    let validator = GenesisValidator(key: key, power: 1)
    let anchor = BeaconAnchor(link: .zero, count: 1)
    let most = GenesisAccount(id: key, balance: Amount(baseUnits: .max), stake: .tokens(1))
    #expect(throws: LedgerError.amountOverflow) {
      try Genesis(name: "x", accounts: [most], validators: [validator], beacon: anchor)
    }
    #expect(throws: LedgerError.invalidGenesis(reason: "there must be 1 to 100 validators")) {
      try Genesis(name: "x", accounts: [], validators: [], beacon: anchor)
    }
    #expect(throws: LedgerError.invalidGenesis(reason: "a validator appears twice")) {
      try Genesis(name: "x", accounts: [], validators: [validator, validator], beacon: anchor)
    }
    let account = GenesisAccount(id: key, balance: .tokens(1))
    #expect(throws: LedgerError.invalidGenesis(reason: "an account appears twice")) {
      try Genesis(name: "x", accounts: [account, account], validators: [validator], beacon: anchor)
    }
  }
}
