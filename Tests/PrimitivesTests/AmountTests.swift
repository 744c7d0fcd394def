import Primitives
import Testing

@Suite struct AmountTests {
  @Test("arithmetic never wraps")
  func checked() throws {
    let top = Amount(baseUnits: .max)
    #expect(throws: AmountError.overflow) { try top.adding(Amount(baseUnits: 1)) }
    #expect(throws: AmountError.overflow) { try top.multiplied(by: 2) }
    #expect(try top.multiplied(by: 7, dividedBy: 7) == top)
    #expect(throws: AmountError.insufficient(held: .zero, needed: .tokens(1))) {
      try Amount.zero.subtracting(.tokens(1))
    }
  }

  @Test("both words are kept, and no 16 bytes of alignment are asked for")
  func words() {
    for units: UInt128 in [0, 1, UInt128(UInt64.max), UInt128(UInt64.max) + 1, .max - 1, .max] {
      #expect(Amount(baseUnits: units).baseUnits == units)
    }
    #expect(Amount(baseUnits: UInt128(UInt64.max)) < Amount(baseUnits: UInt128(UInt64.max) + 1))
    #expect(MemoryLayout<Amount>.alignment == MemoryLayout<UInt64>.alignment)
  }

  @Test("a share is rounded down")
  func share() throws {
    #expect(try Amount(baseUnits: 10).multiplied(by: 1, dividedBy: 3).baseUnits == 3)
    let large = Amount(baseUnits: 1 << 120)
    #expect(try large.multiplied(by: 1 << 100, dividedBy: 1 << 100) == large)
  }

  @Test(
    "token text is exact both ways",
    arguments: [
      ("0", "0"), ("1", "1000000000000000000"), ("12.5", "12500000000000000000"),
      ("0.000000000000000001", "1"),
    ])
  func text(tokens: String, units: String) throws {
    let amount = try Amount(tokensText: tokens)
    #expect(amount.baseUnitsText == units)
    #expect(amount.description == tokens)
    #expect(try Amount(baseUnitsText: units) == amount)
    #expect(try Amount(decoding: amount.encoded()) == amount)
  }

  @Test(
    "text that is not an amount is refused", arguments: ["", ".", "1.", ".5", "-1", "+1", "1e3"])
  func refused(text: String) {
    #expect(throws: AmountError.self) { try Amount(tokensText: text) }
    #expect(throws: AmountError.self) { try Amount(baseUnitsText: text) }
  }

  @Test("a tick stays at the end of time rather than wrap")
  func tick() {
    let end = Tick(nanoseconds: .max)
    #expect(end.advanced(by: .seconds(1)) == end)
    #expect(Tick.zero.advanced(by: .milliseconds(2)).nanoseconds == 2_000_000)
    #expect(Tick.zero.duration(since: end) == .zero)
  }
}
