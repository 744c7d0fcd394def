extension ClusterID: CustomStringConvertible {
  /// The level and the names of the place from above, as in `local eu/de/berlin 0`.
  package var description: String {
    switch level {
    case .local: "local \(place.joined(separator: "/")) \(number)"
    case .city, .country, .region: "\(level) \(place.joined(separator: "/"))"
    case .global: "global"
    }
  }
}
