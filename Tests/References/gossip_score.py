"""Writes gossip_score.json: gossipsub 1.1 peer scores, from the text of the specification alone.

libp2p/specs pubsub/gossipsub/gossipsub-v1.1.md, "Peer Scoring". A random history of peers (graft, prune,
first and later deliveries, invalid messages, broken backoffs, reputation, leaving and coming back) and each
peer's score after every second, computed here with plain dictionaries. Counters are kept in binary32, as the
router keeps them; sums are binary64. GossipScoreReferenceTests drives the router with the same history.
"""
import json
import os
import random
import struct

DECAY_INTERVAL = 1.0
DECAY_TO_ZERO = 0.01
RETENTION = 20.0
PRUNE_BACKOFF = 15.0
GRAFT_FLOOD = 4.0
TOPIC_CAP = 30.0
COLOCATION = {"weight": -0.6, "threshold": 2}
BEHAVIOUR = {"weight": -2.0, "threshold": 1.0, "decay": 0.9}
REPUTATION_WEIGHT = 0.5
TOPICS = [
    dict(topicWeight=0.5, timeInMeshWeight=0.02, timeInMeshQuantum=1.0, timeInMeshCap=20.0,
         firstDeliveriesWeight=1.0, firstDeliveriesDecay=0.95, firstDeliveriesCap=12.0,
         meshDeliveriesWeight=-0.7, meshDeliveriesDecay=0.93, meshDeliveriesCap=15.0,
         meshDeliveriesThreshold=3.0, meshDeliveriesWindow=0.25, meshDeliveriesActivation=6.0,
         meshFailureWeight=-0.4, meshFailureDecay=0.8, invalidMessagesWeight=-1.5, invalidMessagesDecay=0.7),
    dict(topicWeight=2.0, timeInMeshWeight=0.1, timeInMeshQuantum=2.0, timeInMeshCap=8.0,
         firstDeliveriesWeight=0.3, firstDeliveriesDecay=0.5, firstDeliveriesCap=40.0,
         meshDeliveriesWeight=0.0, meshDeliveriesDecay=0.9, meshDeliveriesCap=10.0,
         meshDeliveriesThreshold=5.0, meshDeliveriesWindow=0.1, meshDeliveriesActivation=4.0,
         meshFailureWeight=0.0, meshFailureDecay=0.9, invalidMessagesWeight=-0.25, invalidMessagesDecay=0.9),
]
GROUPS = [7, 7, 7, 9, 0, 9, 11, 7]


def f32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


class Stats:
    def __init__(self):
        self.first = self.mesh = self.failure = self.invalid = 0.0
        self.in_mesh = self.active = False
        self.graft_time = 0.0


class World:
    def __init__(self):
        self.now = 0.0
        self.connected = set()
        self.stats = {}       # (peer, topic)
        self.behaviour = {}
        self.reputation = {}
        self.expire = {}      # peers that left with a score of at most 0
        self.backoff = {}     # (peer, topic)
        self.group = {}       # connected and retained

    # the score function
    def deficit(self, s, p):
        if s.active and s.mesh < p["meshDeliveriesThreshold"]:
            return p["meshDeliveriesThreshold"] - s.mesh
        return 0.0

    def score(self, peer):
        if peer not in self.group:
            return 0.0
        total = 0.0
        for t, p in enumerate(TOPICS):
            s = self.stats.get((peer, t))
            if s is None:
                continue
            part = 0.0
            if s.in_mesh:
                quanta = int((self.now - s.graft_time) / p["timeInMeshQuantum"])
                part += p["timeInMeshWeight"] * min(quanta, p["timeInMeshCap"])
            part += p["firstDeliveriesWeight"] * s.first
            part += p["meshDeliveriesWeight"] * self.deficit(s, p) ** 2
            part += p["meshFailureWeight"] * s.failure
            part += p["invalidMessagesWeight"] * s.invalid ** 2
            total += p["topicWeight"] * part
        total = min(total, TOPIC_CAP)
        total += REPUTATION_WEIGHT * self.reputation.get(peer, 0.0)
        group = self.group[peer]
        if group:
            surplus = sum(1 for g in self.group.values() if g == group) - COLOCATION["threshold"]
            if surplus > 0:
                total += COLOCATION["weight"] * surplus ** 2
        excess = self.behaviour.get(peer, 0.0) - BEHAVIOUR["threshold"]
        if excess > 0:
            total += BEHAVIOUR["weight"] * excess ** 2
        return total

    def stat(self, peer, t):
        return self.stats.setdefault((peer, t), Stats())

    def leave_mesh(self, peer, t):
        s = self.stats.get((peer, t))
        if s is None or not s.in_mesh:
            return
        s.failure = f32(s.failure + f32(self.deficit(s, TOPICS[t]) ** 2))
        s.in_mesh = s.active = False

    def hold_back(self, peer, t):
        self.backoff[peer, t] = max(self.backoff.get((peer, t), 0.0), self.now + PRUNE_BACKOFF)

    # what happens
    def connect(self, peer):
        self.connected.add(peer)
        self.expire.pop(peer, None)
        self.group[peer] = GROUPS[peer]

    def forget(self, peer):
        for t in range(len(TOPICS)):
            self.stats.pop((peer, t), None)
        for table in (self.behaviour, self.reputation, self.expire, self.group):
            table.pop(peer, None)

    def disconnect(self, peer):
        self.connected.discard(peer)
        good = self.score(peer) > 0
        if good:
            kept = self.reputation.get(peer)
            self.forget(peer)
            # The router keeps a good peer's backoffs, and with them what the application thinks of it.
            if any(self.backoff.get((peer, t), 0.0) > self.now for t in range(len(TOPICS))):
                self.group[peer] = 0
                self.expire[peer] = max(self.backoff.get((peer, t), 0.0) for t in range(len(TOPICS)))
                if kept is not None:
                    self.reputation[peer] = kept
            return
        for t in range(len(TOPICS)):
            self.leave_mesh(peer, t)
            if (peer, t) in self.stats:
                self.stats[peer, t].first = 0.0
        backoffs = [self.backoff.get((peer, t), 0.0) for t in range(len(TOPICS))]
        self.expire[peer] = max([self.now + RETENTION] + backoffs)

    def graft(self, peer, t):
        s = self.stat(peer, t)
        if s.in_mesh:
            return
        if self.backoff.get((peer, t), 0.0) > self.now:
            points = 2 if self.backoff[peer, t] - self.now > PRUNE_BACKOFF - GRAFT_FLOOD else 1
            self.behaviour[peer] = f32(self.behaviour.get(peer, 0.0) + points)
            self.hold_back(peer, t)
            return
        if self.score(peer) < 0:
            self.hold_back(peer, t)
            return
        s.in_mesh, s.active, s.graft_time = True, False, self.now

    def prune(self, peer, t):
        self.leave_mesh(peer, t)
        self.hold_back(peer, t)

    def credit_mesh(self, peer, t):
        s = self.stat(peer, t)
        if s.in_mesh:
            s.mesh = f32(min(s.mesh + 1, TOPICS[t]["meshDeliveriesCap"]))

    def first(self, peer, t):
        s = self.stat(peer, t)
        s.first = f32(min(s.first + 1, TOPICS[t]["firstDeliveriesCap"]))
        self.credit_mesh(peer, t)

    def invalid(self, peer, t):
        s = self.stat(peer, t)
        s.invalid = f32(s.invalid + 1)

    def second(self):
        for (peer, t), s in self.stats.items():
            if peer not in self.connected:
                continue
            p = TOPICS[t]
            for name, decay in (("first", "firstDeliveriesDecay"), ("mesh", "meshDeliveriesDecay"),
                                ("failure", "meshFailureDecay"), ("invalid", "invalidMessagesDecay")):
                value = f32(getattr(s, name) * p[decay])
                setattr(s, name, 0.0 if value < DECAY_TO_ZERO else value)
            if s.in_mesh and self.now - s.graft_time > p["meshDeliveriesActivation"]:
                s.active = True
        for peer in self.connected:
            value = f32(self.behaviour.get(peer, 0.0) * BEHAVIOUR["decay"])
            self.behaviour[peer] = 0.0 if value < DECAY_TO_ZERO else value
        for peer, when in list(self.expire.items()):
            if when <= self.now:
                self.forget(peer)
        # The heartbeat prunes who has a negative score, judged before any is pruned.
        scores = {peer: self.score(peer) for peer in self.connected}
        for (peer, t), s in self.stats.items():
            if s.in_mesh and scores.get(peer, 0.0) < 0:
                self.leave_mesh(peer, t)
                self.hold_back(peer, t)


def history(seed, seconds):
    r = random.Random(seed)
    w = World()
    steps = []

    def add(name, **arguments):
        steps.append(dict(op=name, **arguments))

    for peer in range(len(GROUPS)):
        add("connect", peer=peer)
        w.connect(peer)
    for second in range(seconds):
        for part in sorted(r.sample(range(1, 1000), 12)):
            w.now = second + part / 1000
            add("at", ms=second * 1000 + part)
            peer, t = r.randrange(len(GROUPS)), r.randrange(len(TOPICS))
            present = peer in w.connected
            kind = r.choice(["graft"] * 4 + ["prune"] + ["first"] * 12 + ["copies"] * 14 + ["late"] * 3 + ["invalid"]
                            + ["reputation"] * 2 + ["leave"])
            if kind in ("leave", "prune") and r.random() < 0.5:
                kind = "first"
            if not present:
                if r.random() < 0.3:
                    add("connect", peer=peer)
                    w.connect(peer)
                continue
            if kind == "graft":
                add("graft", peer=peer, topic=t)
                w.graft(peer, t)
            elif kind == "prune":
                add("prune", peer=peer, topic=t)
                w.prune(peer, t)
            elif kind == "first":
                add("first", peer=peer, topic=t)
                w.first(peer, t)
            elif kind in ("copies", "late"):
                # One message, first by `peer`; others send it while it is validated, or after the window.
                others = [p for p in sorted(w.connected) if p != peer and r.random() < 0.5]
                during = others if kind == "copies" else []
                after = [] if kind == "copies" else others
                add("message", peer=peer, topic=t, during=during, after=after, again=bool(r.getrandbits(1)))
                w.first(peer, t)
                for p in during:
                    if (p, t) in w.stats:
                        w.credit_mesh(p, t)
            elif kind == "invalid":
                others = [p for p in sorted(w.connected) if p != peer and r.random() < 0.1]
                later = [p for p in sorted(w.connected) if p not in others + [peer] and r.random() < 0.05]
                add("reject", peer=peer, topic=t, during=others, after=later)
                for p in [peer] + others + later:
                    w.invalid(p, t)
            elif kind == "reputation":
                value = r.choice([-8.0, 0.0, 1.5, 6.0, 12.0, 20.0])
                add("reputation", peer=peer, value=value)
                w.reputation[peer] = value
            else:
                add("leave", peer=peer)
                w.disconnect(peer)
        w.now = second + 1.0
        w.second()
        add("second", ms=(second + 1) * 1000, scores=[w.score(p) for p in range(len(GROUPS))],
            mesh=[[bool(w.stats[p, t].in_mesh) if (p, t) in w.stats else False for p in range(len(GROUPS))]
                  for t in range(len(TOPICS))])
    return steps


if __name__ == "__main__":
    document = {
        "source": "Tests/References/gossip_score.py",
        "groups": GROUPS, "topics": TOPICS, "topicScoreCap": TOPIC_CAP, "reputationWeight": REPUTATION_WEIGHT,
        "colocation": COLOCATION, "behaviour": BEHAVIOUR, "retentionSeconds": RETENTION,
        "pruneBackoffSeconds": PRUNE_BACKOFF, "graftFloodSeconds": GRAFT_FLOOD,
        "histories": [history(seed, 90) for seed in (1, 2)],
    }
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gossip_score.json")
    with open(path, "w") as out:
        json.dump(document, out, separators=(",", ":"))
        out.write("\n")
