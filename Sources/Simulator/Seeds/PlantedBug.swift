/// Mistakes that can be planted between the machines and the world, to see that runs find them.
///
/// They live in the simulator's shell only; no machine of the product knows of them.
package enum PlantedBug: String, CaseIterable, Sendable {
  /// One answer in seven is thrown away.
  case dropsAnswers = "drops-answers"
  /// An alarm of a Kademlia machine is forgotten now and then.
  case forgetsKademliaAlarm = "forgets-kademlia-alarm"
  /// An alarm of a gossip router is forgotten now and then.
  case forgetsHeartbeat = "forgets-heartbeat"
  /// Two answers to one node change places.
  case swapsCalls = "swaps-calls"
  /// An answer goes to another peer than the one that asked.
  case answersStranger = "answers-stranger"
  /// Whoever is named as a provider is believed to have said so.
  case believesProviders = "believes-providers"
  /// A message is handed to the application twice now and then.
  case deliversTwice = "delivers-twice"
  /// One node changes messages that pass through it, and nobody checks.
  case skipsValidation = "skips-validation"
  /// What must survive a crash is not synced.
  case forgetsSync = "forgets-sync"
  /// A node that restarts joins neither the key space nor the topic again.
  case forgetsToRejoin = "forgets-to-rejoin"
  /// The gossip router is not told of connections that ended.
  case hidesDisconnect = "hides-disconnect"
  /// The clock that Kademlia machines see stands still after a minute.
  case stopsClock = "stops-clock"
  /// PRUNEs are not sent.
  case dropsPrunes = "drops-prunes"
  /// Peers that serve nothing are taken for servers.
  case trustsClients = "trusts-clients"
  /// A node that was away never dials again.
  case neverRedials = "never-redials"
}
