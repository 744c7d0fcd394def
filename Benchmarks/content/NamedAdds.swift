import ContentStore
import Glibc
import Persistence

/// Adds files into one store as they are named, a path a line, and prints each CID once the file is
/// durable and pinned: what a process that runs already takes for an add.
struct NamedAdds {
  let directory: String

  func run() throws {
    let store = try BlockStore(path: "\(directory)/named-store")
    while let path = readLine() {
      print(try ContentAdder(store: store).addBlocking(path: path).cid)
      fflush(nil)
    }
    store.close()
  }
}
