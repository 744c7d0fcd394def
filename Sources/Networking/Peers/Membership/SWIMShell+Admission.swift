import Cryptography
import Peering
import Primitives

/// Rights end: an invitation expires, a stake is taken back. Each member looks for itself, and puts
/// out who may no longer be there.
extension SWIMShell {
  /// Looks again when the next invitation ends, and soon in any case.
  func scheduleAdmissionCheck() {
    guard !isStopped, admission.profile.rule != .everyone else { return }
    let now = WallClock.milliseconds() / 1_000
    let ends = [
      admission.invitations.nextEnd(after: now),
      ownInvitation.flatMap { $0.expiresAt > now ? $0.expiresAt : nil },
    ]
    // Whole seconds of the clock, so a check is never before the end that it waits for.
    let pause = ends.compactMap { $0 }.min().map { Duration.seconds(Int64(clamping: $0 - now)) }
    let wait = min(pause ?? MembershipLimits.admissionPause, MembershipLimits.admissionPause)
    admissionTimer.advance(to: loop.now.advanced(by: wait), on: loop) { [weak self] in
      self?.assumeIsolated { shell in
        shell.admissionTimer.rang()
        shell.checkAdmission()
        shell.scheduleAdmissionCheck()
      }
    }
  }

  private func checkAdmission() {
    if let refusal = admission.refusal(of: host.peerID, own: ownInvitation) {
      return partFromAll(because: refusal)
    }
    for cluster in groups.keys.sorted() {
      for member in present(in: cluster) where member != local && isRefused(member) {
        handle(.expel(member), in: cluster)
      }
    }
  }

  private func isRefused(_ member: PeerHandle) -> Bool {
    peer(of: member).map { admission.refusal(of: $0) != nil } ?? false
  }

  /// We go before we are put out; as long as groups are wanted, the right is asked for again.
  private func partFromAll(because refusal: AdmissionRefusal) {
    for cluster in groups.keys.sorted() where groups[cluster]?.machine.phase == .member {
      let others = present(in: cluster).filter { $0 != local }
      refused(refusal.wireForm, in: cluster)
      part(from: cluster)
      for other in others { onEvent(cluster, .vanished(other, .left)) }
    }
  }
}
