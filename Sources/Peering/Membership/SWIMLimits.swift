import Primitives

/// Numbers of the membership protocol. Das, Gupta and Motivala, "SWIM", DSN 2002; Dadgar, Phillips
/// and Currey, "Lifeguard", 2017 (arXiv:1707.00788); docs/specs/membership.md §1.
package enum SWIMLimits {
  /// Largest group: a group splits above 200, and this leaves room until it has.
  package static let membersMax = 256
  /// Dead and departed members that are remembered, so that old claims do not bring them back.
  package static let tombstonesMax = 256
  /// How long: a member that was away an hour joins like a stranger.
  package static let tombstoneRetention = Duration.seconds(3_600)

  /// Time between two probes of a healthy member.
  package static let probeInterval = Duration.seconds(1)
  /// Shortest wait for an answer before others are asked to try.
  package static let pingTimeoutMin = Duration.milliseconds(300)
  /// Longest such wait; leaves the helpers 400 ms of the interval.
  package static let pingTimeoutMax = Duration.milliseconds(600)
  /// Part of the wait, in percent, after which a helper says that it got no answer (Lifeguard
  /// §IV.A).
  package static let nackPercent = 80
  /// Members that are asked to probe indirectly.
  package static let indirectProbes = 3
  /// A member's doubt about itself; waits grow by 1 + this (Lifeguard §IV.A, S = 8).
  package static let localHealthMax = 8
  /// Rounds of the schedule that a message may advance ours by: an hour away.
  package static let roundJumpMax: UInt32 = 3_600

  /// Suspicion with all confirmations ends after this.
  package static let suspicionMin = Duration.seconds(3)
  /// Suspicion that nobody confirms ends after this.
  package static let suspicionMax = Duration.seconds(10)
  /// Confirmations, beyond the first suspicion, that shorten it to the minimum (Lifeguard §IV.B,
  /// K).
  package static let confirmationsMax = 3
  /// Suspicion ends not before this when neighbours report the death: gossip goes to all and back
  /// within it, so the victim of liars can contradict.
  package static let suspicionReported = Duration.seconds(2)
  /// Neighbours that must report a death before it is believed ahead of one's own wait.
  package static let deathReportsNeeded = 3

  /// Claims that ride on one message.
  package static let claimsPerMessage = 12
  /// Claims in one piece of a state synchronisation: with Ed25519 proofs below 16 KiB.
  package static let claimsPerPiece = 48
  /// Bytes of an encoded message; a full piece is smaller.
  package static let messageBytesMax = 32 * 1_024
  /// Bytes of a frame: a message, and who the members in it are.
  package static let frameBytesMax = 64 * 1_024
  /// Addresses told of one member.
  package static let addressesOfMemberMax = 3
  /// Bytes of such an address; relayed ones with two identities stay below.
  package static let addressBytesMax = 160
  /// Each claim is sent λ · ⌈log₂(n + 1)⌉ times; λ of SWIM §4.1.
  package static let gossipMultiplier = 3
  /// Time between rounds of gossip while there is news; quiet groups send none.
  package static let gossipInterval = Duration.milliseconds(200)
  /// Members told in a round of gossip.
  package static let gossipFanout = 3
  /// Claims waiting to be passed on; the ones that were sent most often are dropped.
  package static let broadcastsMax = 1_024

  /// Indirect probes that are done for others at the same time; more are not answered.
  package static let relaysMax = 64
  /// Pieces of state, 1 MiB, sent to others within a probe interval; those beyond ask again.
  package static let piecesPerPeriod = 64
  /// Proofs checked within a probe interval: all members of a full group, twice.
  package static let proofChecksPerPeriod = 512
  /// Members that hold an old counter of ours for dead and are told the present one within a probe
  /// interval; those beyond ask again.
  package static let correctionsPerPeriod = 32
  /// Longest proof: an Ed25519 signature.
  package static let proofBytesMax = 64
  /// Members that a newcomer may be told to ask.
  package static let seedsMax = 16
  /// Questions that a newcomer asks before it gives up, one a second.
  package static let joinAttemptsMax = 16
  /// A dead member is tried again by each other one after this many probes, so partitions heal.
  package static let reconnectPeriods = 10
}
