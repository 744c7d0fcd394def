import Primitives

/// The opcodes of pickles: what follows each and what it does (CPython's Lib/pickletools.py).
enum PickleOpcode {
  static let protocolMark: UInt8 = 0x80

  /// What follows an opcode.
  enum Argument {
    case bytes(Int)
    case lines(Int)
    /// A length of so many bytes, then that many bytes.
    case counted(Int)
  }

  /// What an opcode does, as far as it matters here.
  enum Effect {
    case none
    case text
    case imports
    case importsFromStack
    case instantiates
    case extends
    case calls
    case stops
    case stores
    case storesNext
    case loads
  }

  private static let withoutArgument = Set("(.012NRabd}elost)u]Q".utf8).union(
    [0x81] + (0x85...0x89) + (0x8f...0x94) + [0x97, 0x98])

  static func argument(of opcode: UInt8) -> Argument? {
    if withoutArgument.contains(opcode) { return .bytes(0) }
    switch opcode {
    case UInt8(ascii: "F"), UInt8(ascii: "I"), UInt8(ascii: "L"), UInt8(ascii: "P"),
      UInt8(ascii: "S"), UInt8(ascii: "V"), UInt8(ascii: "g"), UInt8(ascii: "p"):
      return .lines(1)
    case UInt8(ascii: "c"), UInt8(ascii: "i"): return .lines(2)
    case UInt8(ascii: "K"), UInt8(ascii: "h"), UInt8(ascii: "q"), 0x80, 0x82: return .bytes(1)
    case UInt8(ascii: "M"), 0x83: return .bytes(2)
    case UInt8(ascii: "J"), UInt8(ascii: "j"), UInt8(ascii: "r"), 0x84: return .bytes(4)
    case UInt8(ascii: "G"), 0x95: return .bytes(8)
    case UInt8(ascii: "U"), UInt8(ascii: "C"), 0x8a, 0x8c: return .counted(1)
    case UInt8(ascii: "T"), UInt8(ascii: "X"), UInt8(ascii: "B"), 0x8b: return .counted(4)
    case 0x8d, 0x8e, 0x96: return .counted(8)
    default: return nil
    }
  }

  static func effect(of opcode: UInt8) -> Effect {
    switch opcode {
    case UInt8(ascii: "S"), UInt8(ascii: "V"), UInt8(ascii: "U"), UInt8(ascii: "T"),
      UInt8(ascii: "X"), 0x8c, 0x8d:
      .text
    case UInt8(ascii: "c"): .imports
    case 0x93: .importsFromStack
    case UInt8(ascii: "i"): .instantiates
    case 0x82, 0x83, 0x84: .extends
    case UInt8(ascii: "R"), UInt8(ascii: "o"), UInt8(ascii: "b"), 0x81, 0x92: .calls
    case UInt8(ascii: "."): .stops
    case UInt8(ascii: "p"), UInt8(ascii: "q"), UInt8(ascii: "r"): .stores
    case 0x94: .storesNext
    case UInt8(ascii: "g"), UInt8(ascii: "h"), UInt8(ascii: "j"): .loads
    default: .none
    }
  }
}

extension PickleOpcode.Argument {
  /// How much of an argument lies in the window.
  enum Extent {
    case whole(Range<Int>)
    /// The part of a counted argument's content that is there, and its full size.
    case beyond(Range<Int>, size: UInt64)
    case unfinished
  }

  func extent(in window: Bytes, from begin: Int) -> Extent {
    switch self {
    case .bytes(let count):
      return begin + count <= window.count ? .whole(begin..<begin + count) : .unfinished
    case .lines(let count):
      var cursor = begin
      for _ in 0..<count {
        guard let end = window[cursor...].firstIndex(of: UInt8(ascii: "\n")) else {
          return .unfinished
        }
        cursor = end + 1
      }
      return .whole(begin..<cursor - 1)
    case .counted(let width):
      guard begin + width <= window.count else { return .unfinished }
      let size = LittleEndian.unsigned(window[begin..<begin + width])
      let content = begin + width
      guard size <= UInt64(window.count - content) else {
        return .beyond(content..<window.count, size: size)
      }
      return .whole(content..<content + Int(size))
    }
  }

  /// Where the next opcode is.
  func end(of content: Range<Int>) -> Int {
    switch self {
    case .bytes, .counted: content.upperBound
    case .lines: content.upperBound + 1
    }
  }
}
