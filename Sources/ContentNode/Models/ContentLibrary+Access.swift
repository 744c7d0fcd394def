public import ContentStore
public import Cryptography
import Telemetry

// Who may read, and what nobody may.
extension ContentLibrary {
  /// Lets accounts read content besides those that may already; what everybody could read is then
  /// for these accounts alone. Durable on return.
  public func admit(_ accounts: Set<PublicKey>, toRead cid: CID) async throws -> ReadAccess {
    try await changeReaders(of: cid) { access in
      switch access {
      case .everybody, .nobody: .accounts(accounts)
      case .accounts(let known): .accounts(known.union(accounts))
      }
    }
  }

  /// Takes accounts off the list of those who may read content; durable on return.
  public func dismiss(_ accounts: Set<PublicKey>, reading cid: CID) async throws -> ReadAccess {
    try await changeReaders(of: cid) { access throws(LibraryError) in
      switch access {
      case .everybody: throw .readByEverybody(cid)
      case .nobody: return .nobody
      case .accounts(let known):
        let rest = known.subtracting(accounts)
        return rest.isEmpty ? .nobody : .accounts(rest)
      }
    }
  }

  /// One change at a time of each list: of two the second would not know the first.
  private func changeReaders(
    of cid: CID, _ change: (ReadAccess) throws(LibraryError) -> ReadAccess
  ) async throws -> ReadAccess {
    let name = cid.asVersion1
    guard state.withLock({ $0.changing.insert(name).inserted }) else {
      throw LibraryError.changing(cid)
    }
    defer { _ = state.withLock { $0.changing.remove(name) } }
    let access = try change(readers(of: cid))
    try await allow(access, toRead: cid)
    return access
  }
}
