import FuzzParsers
import Glibc

/// The parser this process feeds, named by the environment because libFuzzer owns the arguments.
private let parser: FuzzedParser = {
  let name = getenv("MARTLET_FUZZED_PARSER").map { String(cString: $0) } ?? ""
  guard let parser = FuzzedParser.all.first(where: { $0.name == name }) else {
    fatalError("MARTLET_FUZZED_PARSER names no parser: '\(name)'")
  }
  return parser
}()

private func feed(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  parser.parse(Array(UnsafeBufferPointer(start: start, count: count)))
  return 0
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ feed: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// The package manager links an executable's `<Module>_main` as `main`.
@_cdecl("FuzzDriver_main")
func start(
  _ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> CInt {
  var count = count
  var arguments = arguments
  return runDriver(&count, &arguments) { feed($0, $1) }
}
