import Primitives
import Testing

@Suite("Sizes and rates as people write them")
struct QuantityTests {
  @Test(
    "a size is read in decimal and binary units",
    arguments: [
      ("8GB", 8_000_000_000), ("8GiB", 8_589_934_592), ("512MB", 512_000_000),
      ("512MiB", 536_870_912), ("8gb", 8_000_000_000), ("8 GB", 8_000_000_000), ("0B", 0),
      ("1.5GiB", 1_610_612_736), ("1b", 1), ("2kb", 2_000), ("2KiB", 2_048),
      ("3TB", 3_000_000_000_000),
      ("1PiB", 1 << 50), ("0.001KB", 1), ("9223372036854775807B", Int.max),
    ])
  func sizes(text: String, bytes: Int) throws {
    #expect(try ByteCount(parsing: text).bytes == bytes)
  }

  @Test(
    "what is not a size says why",
    arguments: [
      ("", QuantityError.noNumber("")), ("GB", .noNumber("GB")), ("-1GB", .noNumber("-1GB")),
      ("1.2.3GB", .noNumber("1.2.3GB")), (".5GB", .noNumber(".5GB")), ("5.GB", .noNumber("5.GB")),
      ("8", .noUnit("8")), ("8G", .ambiguousUnit("G", either: "GB", or: "GiB")),
      ("0.5B", .notWhole("0.5B")), ("0.0001KB", .notWhole("0.0001KB")),
      ("9223372036854775808B", .tooLarge("9223372036854775808B")),
      ("99999999999999999999GB", .tooLarge("99999999999999999999GB")),
      ("18446744073709551615PB", .tooLarge("18446744073709551615PB")),
    ])
  func wrongSizes(text: String, error: QuantityError) {
    #expect(throws: error) { try ByteCount(parsing: text) }
  }

  @Test("bits, unknown and foreign units are no sizes", arguments: ["8Gb", "8XB", "8GBps", "8ＧＢ"])
  func unknownUnits(text: String) {
    let error = #expect(throws: QuantityError.self) { try ByteCount(parsing: text) }
    guard case .unknownUnit? = error else {
      Issue.record("\(text): \(String(describing: error))")
      return
    }
  }

  @Test("a bare number counts what the caller says")
  func bareUnit() throws {
    #expect(try ByteCount(parsing: "64", bareUnit: .mebibytes(1)) == .mebibytes(64))
  }

  @Test(
    "a rate is read in bits and bytes",
    arguments: [
      ("10Gbps", 10_000_000_000), ("100Mbit/s", 100_000_000), ("1.5mbps", 1_500_000),
      ("5MB/s", 40_000_000), ("5MiB/s", 41_943_040), ("800bps", 800), ("1Kib/s", 1_024),
      ("2MBps", 16_000_000),
    ])
  func rates(text: String, bits: Int) throws {
    #expect(try BitRate(parsing: text).bitsPerSecond == bits)
  }

  @Test(
    "what is not a rate is refused",
    arguments: ["10", "10GB", "10 apples/s", "fast", "10Gbps!", "1e3bps", "9999999Pbps"])
  func wrongRates(text: String) {
    #expect(throws: QuantityError.self) { try BitRate(parsing: text) }
  }

  @Test("sizes and rates are shown so that they can be read back")
  func shown() throws {
    #expect("\(ByteCount.gibibytes(8))" == "8 GiB")
    #expect("\(try ByteCount(parsing: "8GB"))" == "7.5 GiB")
    #expect("\(ByteCount(1_000))" == "1000 B")
    #expect("\(BitRate(bitsPerSecond: 10_000_000_000))" == "10 Gbps")
    #expect("\(BitRate(bitsPerSecond: 1_500))" == "1.5 kbps")
    #expect(try ByteCount(parsing: "\(ByteCount.mebibytes(96))") == .mebibytes(96))
  }
}
