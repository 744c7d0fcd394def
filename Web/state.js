// What the page knows: the last answer of each route, with the events since then merged in.

const blocksMax = 20;

export const state = {
  health: null,
  nodes: [],
  sessions: [],
  session: null,
  rounds: [],
  ledger: null,
  accounts: [],
  blocks: [],
  selectedRound: null,
};

function replaceBy(list, keys, item) {
  const at = list.findIndex((other) => keys.every((key) => other[key] === item[key]));
  if (at < 0) return [...list, item];
  return list.with(at, { ...list[at], ...item });
}

function mergeRound(round) {
  const known = state.rounds.find((other) => other.round === round.round);
  const updates = round.updates ?? known?.updates ?? [];
  state.rounds = replaceBy(state.rounds, ["round"], { ...round, updates });
  state.rounds.sort((a, b) => a.round - b.round);
}

function mergeUpdate({ round, ...update }) {
  const number = round ?? state.session?.round;
  const known = state.rounds.find((other) => other.round === number);
  // A client whose worker lied or died is given to another one, so it can have several updates.
  const updates = replaceBy(known?.updates ?? [], ["client", "worker"], update);
  mergeRound({ round: number, state: known?.state ?? "training", updates });
}

function mergeBlock(block) {
  const others = state.blocks.filter((other) => other.height !== block.height);
  state.blocks = [block, ...others].sort((a, b) => b.height - a.height).slice(0, blocksMax);
}

const merge = {
  session: (session) => {
    state.session = { ...state.session, ...session };
    state.sessions = replaceBy(state.sessions, ["session_id"], session);
  },
  round: mergeRound,
  update: mergeUpdate,
  block: mergeBlock,
  node: (node) => {
    state.nodes = replaceBy(state.nodes, ["peer_id"], node);
  },
};

export function apply(type, data) {
  merge[type](data);
}

// The round whose updates are listed: the chosen one, else the newest.
export function shownRound() {
  const chosen = state.rounds.find((round) => round.round === state.selectedRound);
  return chosen ?? state.rounds.at(-1) ?? null;
}

// The name people gave an account or a node; identifiers are for machines.
export function labelOf(account) {
  return state.accounts.find((other) => other.account === account)?.label;
}

export function nodeLabel(peer) {
  const node = state.nodes.find((other) => other.peer_id === peer || other.label === peer);
  return node?.label ?? peer;
}
