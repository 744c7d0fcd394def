import Glibc
import Persistence
import Primitives

/// `measure FILE DIRECTORY ROUNDS` prints rates in turn; `churn DIRECTORY SEED` adds files until it
/// is killed and prints each CID once it is acknowledged.
@main
struct ContentBench {
  static func main() throws {
    let arguments = CommandLine.arguments
    switch arguments.dropFirst().first {
    case "measure" where arguments.count == 5:
      try Measurement(file: arguments[2], directory: arguments[3])
        .run(rounds: Int(arguments[4]) ?? 1)
    case "churn" where arguments.count == 4:
      try Churn(directory: arguments[2], seed: UInt64(arguments[3]) ?? 0).run()
    default:
      print("usage: ContentBench measure FILE DIRECTORY ROUNDS | churn DIRECTORY SEED")
      exit(2)
    }
  }
}
