import CShim
import Glibc
import Persistence
import Primitives

/// The measurements of Benchmarks/content/run.sh, and a victim for the crash tests.
@main
struct ContentBench {
  private static let usage = """
    usage: ContentBench measure FILE DIRECTORY ROUNDS   rates of one file, in turn
           ContentBench small COUNT DIRECTORY           adding a directory of small files
           ContentBench latency FEW MANY DIRECTORY ADDS durable adds in stores of so many blocks
           ContentBench memory MIB DIRECTORY            the most memory while adding
           ContentBench adds DIRECTORY                  adds each file that standard input names
           ContentBench churn DIRECTORY SEED MIB        adds and collects until it is killed
    """

  static func main() async throws {
    shim_heap_keep_freed()  // as the program does
    let arguments = Array(CommandLine.arguments.dropFirst())
    func number(_ index: Int) -> Int { Int(arguments[index]) ?? 1 }
    switch (arguments.first, arguments.count) {
    case ("measure", 4):
      try Measurement(file: arguments[1], directory: arguments[2]).run(rounds: number(3))
    case ("small", 3):
      try SmallFiles(count: number(1), directory: arguments[2]).run()
    case ("latency", 5):
      try await AddLatency(
        blockCounts: [number(1), number(2)], directory: arguments[3], addCount: number(4)
      ).run()
    case ("memory", 3):
      try AddMemory(mebibytes: number(1), directory: arguments[2]).run()
    case ("adds", 2):
      try NamedAdds(directory: arguments[1]).run()
    case ("churn", 4):
      try Churn(directory: arguments[1], seed: UInt64(number(2)), mebibytes: number(3)).run()
    default:
      print(usage)
      exit(2)
    }
  }
}
