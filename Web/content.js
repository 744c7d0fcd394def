// The content network: how its nodes do, what moves, what the store holds. There are no events for
// it, so it is read again and again.

import * as api from "./api.js";
import { TimeChart } from "./charts.js";
import { showLargest, showNodes, showOverview, showStore } from "./holdings.js";
import { bytes, clockTime, percent } from "./format.js";
import { showProvenance } from "./provenance.js";

const refreshMilliseconds = 2000;
// Listing pins and records reads many blocks, which costs more than figures do.
const holdingsMilliseconds = 10_000;
// Ten minutes of samples.
const samplesMax = 300;

const place = (id) => document.getElementById(id);
const charts = {
  throughput: new TimeChart(place("throughput-chart"), {
    format: (value) => `${bytes(value)}/s`, lineColour: "--accuracy",
    bounds: { min: 0, suggestedMax: 1000 },
  }),
  cache: new TimeChart(place("cache-chart"), {
    format: (value) => percent(value, 0), lineColour: "--loss", bounds: { min: 0, max: 1 },
  }),
};

const samples = [];
let last = null;
let picked = null;
let holdingsReadAt = -Infinity;

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

// What moved since the last answer. A restart of the server begins its counters anew.
function sample(status) {
  const now = performance.now();
  const total = status.traffic.uploaded_bytes + status.traffic.downloaded_bytes;
  if (last && total >= last.total) {
    samples.push({
      time: clockTime(Date.now()), rate: (total - last.total) / ((now - last.now) / 1000),
      hits: status.cache.hit_rate,
    });
    if (samples.length > samplesMax) samples.shift();
  }
  last = { now, total };
}

function drawCharts() {
  const newest = samples.at(-1);
  const times = samples.map(({ time }) => time);
  const rate = newest ? `${bytes(newest.rate)}/s` : "–";
  const hits = newest ? percent(newest.hits) : "–";
  place("throughput-now").textContent = rate;
  place("cache-now").textContent = hits;
  charts.throughput.show(samples.map((one) => one.rate), times, `Throughput is ${rate}`);
  charts.cache.show(samples.map((one) => one.hits), times, `Cache hit rate is ${hits}`);
}

async function refreshHoldings() {
  const [pins, contents] = await Promise.all([api.largestPins(), api.described()]);
  const chosen = contents.find(({ cid }) => cid === picked)
    ?? contents.find(({ type }) => type === "model") ?? contents[0];
  const walk = chosen ? await api.provenance(chosen.cid) : null;
  showLargest(place("largest"), pins);
  showProvenance(place("provenance"), contents, walk, (cid) => {
    picked = cid;
    run(refreshHoldings);
  });
  holdingsReadAt = performance.now();
}

async function refresh() {
  const [server, health, status] = await Promise.all([
    api.health(), api.ipfsHealth(), api.ipfsStatus(),
  ]);
  sample(status);
  drawCharts();
  showOverview(place("overview"), health);
  showNodes(place("content-nodes"), status.nodes);
  showStore(place("store"), status);
  place("footer").textContent = `Martlet ${server.version} on ${server.network}`;
  if (performance.now() - holdingsReadAt > holdingsMilliseconds) await refreshHoldings();
  setLive("live", "live");
}

async function run(work) {
  try {
    await work();
    setNotice(null);
  } catch (error) {
    const isAnswer = error instanceof api.APIError;
    setNotice(isAnswer ? error : new Error("The coordinator is unreachable."));
    if (!isAnswer) setLive("lost", "unreachable");
  }
}

await run(async () => {
  await api.signIn();
  await refresh();
});
// One after the other: a slow answer must not pile up requests.
for (;;) {
  await new Promise((resume) => setTimeout(resume, refreshMilliseconds));
  if (!document.hidden) await run(refresh);
}
