package import ContentStore

extension ContentLibrary {
  /// Why a gateway, whose readers have no account, does not give content; nil if it does.
  package func denial(of cid: CID) -> ContentDenial? {
    obstacle(to: nil, reading: cid).map { .refused(reason: $0.description) }
  }
}
