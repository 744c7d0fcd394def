// Reads everything once, then follows the session's events. After a lost connection it reads
// everything again, because the events in between are gone.

import * as api from "./api.js";
import { RoundChart } from "./charts.js";
import { decimal, percent } from "./format.js";
import { refreshAges, showBalances, showBlocks, showNodes } from "./network.js";
import { showSession } from "./session.js";
import { apply, state } from "./state.js";
import { showUpdates } from "./updates.js";

// How often what has no events is read again, and how soon after an event what it changes is.
const refreshMilliseconds = 5000;
const settleMilliseconds = 150;
const blocksShown = 20;

const place = (id) => document.getElementById(id);
const charts = {
  accuracy: new RoundChart(place("accuracy-chart"), {
    format: (value) => percent(value, 0), lineColour: "--accuracy", bounds: { min: 0, max: 1 },
  }),
  loss: new RoundChart(place("loss-chart"), {
    format: (value) => decimal(value, 2), lineColour: "--loss", bounds: { min: 0 },
  }),
};

let pickedByHand = false;
let stopFollowing = null;
let followed = null;

function setLive(kind, text) {
  const live = place("live");
  live.dataset.state = kind;
  live.textContent = text;
}

function setNotice(error) {
  const notice = place("notice");
  notice.hidden = !error;
  notice.textContent = error ? [error.message, error.hint].filter(Boolean).join(" ") : "";
}

// Each panel is drawn again only when what it shows has changed.
const drawn = new Map();
function drawIfChanged(name, inputs, draw) {
  const key = JSON.stringify(inputs);
  if (drawn.get(name) === key) return;
  drawn.set(name, key);
  draw();
}

function drawCharts() {
  const finished = state.rounds.filter((round) => typeof round.accuracy === "number");
  const total = state.session?.total_rounds;
  const last = finished.at(-1);
  charts.accuracy.show(
    finished.map((round) => round.accuracy), total, `Accuracy is ${percent(last?.accuracy)}`);
  charts.loss.show(finished.map((round) => round.loss), total, `Loss is ${decimal(last?.loss)}`);
  place("accuracy-now").textContent = percent(last?.accuracy);
  place("loss-now").textContent = decimal(last?.loss);
}

function draw() {
  const { health, nodes, sessions, session, rounds, selectedRound } = state;
  const { ledger, accounts, blocks } = state;
  drawIfChanged("session", [session, sessions], () =>
    showSession(place("session"), state, pickSession));
  drawIfChanged("charts", [session?.session_id, session?.total_rounds, rounds], drawCharts);
  drawIfChanged("updates", [rounds, selectedRound, nodes], () =>
    showUpdates(place("updates"), pickRound));
  drawIfChanged("nodes", [nodes, ledger], () => showNodes(place("nodes")));
  drawIfChanged("balances", [accounts, ledger], () => showBalances(place("balances")));
  drawIfChanged("blocks", [blocks, ledger, accounts, nodes], () => showBlocks(place("blocks")));
  if (health) place("footer").textContent = `Martlet ${health.version} on ${health.network}`;
}

let isDrawPending = false;
function scheduleDraw() {
  if (isDrawPending) return;
  isDrawPending = true;
  requestAnimationFrame(() => {
    isDrawPending = false;
    draw();
  });
}

function pickRound(round) {
  state.selectedRound = round;
  scheduleDraw();
}

function pickSession(id) {
  pickedByHand = true;
  state.selectedRound = null;
  run(() => openSession(id));
}

// An answer may be older than an event that overtook it, so those events are applied once more.
const overtaking = new Set();
async function read(requests) {
  const events = [];
  overtaking.add(events);
  try {
    const names = Object.keys(requests);
    const answers = await Promise.all(Object.values(requests));
    names.forEach((name, index) => { state[name] = answers[index]; });
    for (const [type, data] of events) apply(type, data);
  } finally {
    overtaking.delete(events);
  }
}

const readNetwork = () => read({
  health: api.health(), nodes: api.nodes(), sessions: api.sessions(), ledger: api.ledger(),
  accounts: api.accounts(), blocks: api.blocks(blocksShown),
});

const readSession = (id) => read({ session: api.session(id), rounds: api.rounds(id) });

async function openSession(id) {
  await readSession(id);
  scheduleDraw();
  if (followed === id) return;
  stopFollowing?.();
  followed = id;
  stopFollowing = api.follow(id, {
    onOpen: () => {
      setLive("live", "live");
      run(refresh);
    },
    onEvent,
    onLost: () => setLive("lost", "reconnecting"),
  });
}

// A block moves money, so balances and the ledger are read again, once for a burst of blocks.
let settling = null;
function onEvent(type, data) {
  apply(type, data);
  for (const events of overtaking) events.push([type, data]);
  scheduleDraw();
  if (type !== "block" || settling) return;
  settling = setTimeout(() => {
    settling = null;
    run(() => read({ ledger: api.ledger(), accounts: api.accounts() }));
  }, settleMilliseconds);
}

async function refresh() {
  await readNetwork();
  const newest = state.sessions.find((session) => session.state === "running")
    ?? state.sessions[0];
  const wanted = pickedByHand ? followed : newest?.session_id;
  if (wanted) await openSession(wanted);
  else setLive("live", "live");
}

async function run(work) {
  try {
    await work();
    setNotice(null);
  } catch (error) {
    setNotice(error instanceof api.APIError ? error : new Error("The coordinator is unreachable."));
    if (!(error instanceof api.APIError)) setLive("lost", "unreachable");
  }
  scheduleDraw();
}

await run(async () => {
  await api.signIn();
  await refresh();
});
setInterval(() => run(refresh), refreshMilliseconds);
setInterval(() => refreshAges(document), 1000);
