/// The names behind topics, in both directions and bounded. A number is never given twice, so that
/// what caches hold of a forgotten name cannot turn into another.
struct GossipTopicNames: Sendable {
  private var topics: [String: GossipTopic] = [:]
  private var names: [GossipTopic: String] = [:]
  private var next: UInt32 = 0

  var count: Int { names.count }

  func topic(_ name: String) -> GossipTopic? { topics[name] }
  func name(_ topic: GossipTopic) -> String? { names[topic] }

  /// Sorted by name.
  var all: [(topic: GossipTopic, name: String)] {
    names.map { (topic: $0.key, name: $0.value) }.sorted { $0.name < $1.name }
  }

  /// The topic of a name, entered if there is room.
  mutating func enter(_ name: String) -> GossipTopic? {
    if let known = topics[name] { return known }
    guard names.count < GossipsubLimits.topicNamesMax, next < UInt32.max else { return nil }
    let topic = GossipTopic(next)
    next += 1
    topics[name] = topic
    names[topic] = name
    return topic
  }

  /// Forgets the names of topics that are no longer of interest.
  mutating func keep(where isKnown: (GossipTopic) -> Bool) {
    for (topic, name) in names where !isKnown(topic) {
      names[topic] = nil
      topics[name] = nil
    }
  }
}
