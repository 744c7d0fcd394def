import ContentStore
import Primitives
import Testing

/// Files of Tests/Vectors/pickles.json, written by CPython and NumPy (Tests/References/pickles.py).
enum PickleVector {
  static let files: [String: Bytes] = {
    let members = TestFile.json("Vectors/pickles.json").members ?? []
    return Dictionary(
      uniqueKeysWithValues: members.map { ($0.name, (try? Hex.decode($0.value.text ?? "")) ?? []) })
  }()

  static func file(_ name: String) throws -> Bytes { try #require(files[name]) }
}

/// Runs an inspection over bytes at hand.
func inspected(_ file: Bytes) -> ContentReport {
  var inspection = ContentInspection(size: UInt64(file.count))
  var steps = 0
  while let wanted = inspection.wanted, steps < 10_000 {
    inspection.supply(Bytes(file[Int(wanted.lowerBound)..<Int(wanted.upperBound)]))
    steps += 1
  }
  return inspection.report
}

@Suite("What the bytes of a file look like")
struct InspectionTests {
  private func imports(_ report: ContentReport) -> [String] {
    report.findings.flatMap { finding -> [String] in
      if case .pickle(_, let imports, _, _) = finding { imports } else { [] }
    }
  }

  @Test(
    "a pickle of every protocol that calls a function is flagged with its name", arguments: 0..<6)
  func calls(version: Int) throws {
    let report = inspected(try PickleVector.file("call-\(version)"))
    #expect(report.type == .pickle)
    #expect(report.isExecutable)
    #expect(
      report.findings == [
        .pickle(entry: "", imports: ["posix.system"], calls: true, isWhole: true)
      ])
  }

  @Test("what an ordinary pickle imports is listed too", arguments: 0..<6)
  func ordered(version: Int) throws {
    let report = inspected(try PickleVector.file("ordered-\(version)"))
    #expect(report.type == .pickle)
    #expect(imports(report) == ["collections.OrderedDict"])
  }

  @Test("bytes in protocol 2 are made by a call, which is listed")
  func bytesOfProtocol2() throws {
    #expect(imports(inspected(try PickleVector.file("plain-2"))) == ["_codecs.encode"])
  }

  @Test("a pickle without imports is a pickle all the same", arguments: 3..<6)
  func plain(version: Int) throws {
    let report = inspected(try PickleVector.file("plain-\(version)"))
    #expect(report.type == .pickle)
    #expect(
      report.findings == [.pickle(entry: "", imports: [], calls: false, isWhole: true)])
  }

  @Test("names are followed through the memo, and popped ones never hide the real import")
  func names() throws {
    #expect(imports(inspected(try PickleVector.file("memo-4"))) == ["posix.system"])
    #expect(imports(inspected(try PickleVector.file("popped-4"))) == ["?.?"])
  }

  @Test(
    "an import behind more data than one window is found", arguments: [10, 65_530, 70_000, 300_000])
  func behindData(size: Int) {
    let length = withUnsafeBytes(of: UInt32(size).littleEndian) { Bytes($0) }
    let data = Bytes(repeating: 0x2e, count: size)
    let file =
      [0x80, 4, 0x5d, 0x42] + length + data
      + Bytes("cposix\nsystem\n".utf8) + Bytes("X".utf8) + [2, 0, 0, 0] + Bytes("id".utf8)
      + [0x85, 0x52, 0x2e]
    let report = inspected(file)
    #expect(imports(report) == ["posix.system"])
    #expect(report.findings.count == 1)
  }

  @Test("a name across the border of two windows is read as a whole", arguments: 65_490..<65_540)
  func acrossWindows(padding: Int) {
    var file: Bytes = [0x80, 4]
    file += Bytes(repeating: UInt8(ascii: "N"), count: padding)
    for name in ["posix", "system"] { file += [0x8c, UInt8(name.utf8.count)] + Bytes(name.utf8) }
    file += [0x93] + Bytes([0x8c, 2]) + Bytes("id".utf8) + [0x85, 0x52, 0x2e]
    #expect(imports(inspected(file)) == ["posix.system"])
  }

  @Test("several pickles in one file are all read")
  func several() throws {
    #expect(imports(inspected(try PickleVector.file("two-2"))) == ["posix.system"])
  }

  @Test("archives are looked into for pickles")
  func archives() throws {
    let torch = inspected(try PickleVector.file("torch"))
    #expect(torch.type == .torchArchive)
    #expect(
      torch.findings == [
        .pickle(
          entry: "archive/data.pkl", imports: ["posix.system"], calls: true, isWhole: true)
      ])
    let hidden = inspected(try PickleVector.file("torch-deflated"))
    #expect(hidden.findings == [.hiddenPickle(entry: "archive/data.pkl")])
    #expect(hidden.isExecutable)
    let plain = inspected(try PickleVector.file("zip"))
    #expect(plain == ContentReport(type: .zip, findings: []))
  }

  @Test("arrays of objects are pickles, arrays of numbers are not")
  func arrays() throws {
    #expect(inspected(try PickleVector.file("npy")) == ContentReport(type: .npy, findings: []))
    #expect(
      inspected(try PickleVector.file("npy-objects"))
        == ContentReport(type: .npy, findings: [.objectArray(entry: "")]))
    #expect(inspected(try PickleVector.file("npz")) == ContentReport(type: .npz, findings: []))
    #expect(
      inspected(try PickleVector.file("npz-objects"))
        == ContentReport(type: .npz, findings: [.objectArray(entry: "b.npy")]))
    #expect(
      inspected(try PickleVector.file("npz-deflated")) == ContentReport(type: .npz, findings: []))
  }

  @Test("every truncation and flipped bit of a file ends in some report")
  func damaged() throws {
    for (name, file) in PickleVector.files.sorted(by: { $0.key < $1.key }) {
      for length in stride(from: 0, to: file.count, by: max(1, file.count / 200)) {
        _ = inspected(Bytes(file.prefix(length)))
      }
      for bit in stride(from: 0, to: file.count * 8, by: max(1, file.count / 60)) {
        var flipped = file
        flipped[bit / 8] ^= 1 << UInt8(bit % 8)
        let report = inspected(flipped)
        #expect(report.findings.count <= ContentInspection.entriesMax + 2, "\(name) bit \(bit)")
      }
    }
  }

  @Test("types are told by how files begin")
  func magic() {
    let zeros = Bytes(repeating: 0, count: 64)
    let samples: [(Bytes, ContentType)] = [
      ([2, 0, 0, 0, 0, 0, 0, 0] + Bytes("{}".utf8), .safetensors), (Bytes("GGUF".utf8), .gguf),
      ([0x08, 0x09, 0x12, 0x04] + zeros, .onnx), (Bytes("PAR1".utf8) + zeros, .parquet),
      (Bytes("ARROW1\0\0".utf8), .arrow), ([0x89] + Bytes("PNG\r\n\u{1a}\n".utf8), .png),
      ([0xff, 0xd8, 0xff, 0xe0], .jpeg), (Bytes("GIF89a".utf8), .gif),
      (Bytes("RIFF\0\0\0\0WEBPVP8 ".utf8), .webp), (Bytes("RIFF\0\0\0\0WAVEfmt ".utf8), .wave),
      ([0x1f, 0x8b, 8], .gzip), ([0x28, 0xb5, 0x2f, 0xfd], .zstd),
      (Bytes("a,b\n1,2\n3,4\n".utf8), .csv), (Bytes("{\"a\": 1}".utf8), .json),
      (Bytes(" [1, 2]".utf8), .json), (Bytes("Some words.\nAnd more.\n".utf8), .text),
      (Bytes("cat\ndog\nelephant\n".utf8), .text), (Bytes("grüße\n".utf8), .text),
      ([0x7f] + Bytes("ELF".utf8) + zeros, .program), (Bytes("#!/bin/sh\n".utf8), .script),
      ([1, 2, 3, 4, 0, 0, 255], .unknown), (Bytes("MZ is not always a program.\n".utf8), .text),
      (Bytes(repeating: 0, count: 257) + Bytes("ustar\0".utf8) + zeros, .tar),
      (Bytes("BM".utf8) + [66, 0, 0, 0] + Bytes(repeating: 1, count: 60), .bmp),
    ]
    for (bytes, type) in samples {
      #expect(inspected(bytes).type == type, "\(String(decoding: bytes.prefix(12), as: UTF8.self))")
    }
    #expect(inspected([]).type == .unknown)
  }

  @Test("a text cut in the middle of a character is text")
  func cutCharacter() {
    let text = Bytes(String(repeating: "ü", count: 40_000).utf8)
    #expect(inspected([UInt8(ascii: "x")] + text).type == .text)
  }
}
