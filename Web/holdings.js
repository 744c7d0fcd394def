// What the content network consists of: nodes, store, and what takes most of it.

import { chip, element, empty, identifier, panelHead, show, table } from "./dom.js";
import { bytes, count, decimal, duration, percent, words } from "./format.js";
import { downloadPath } from "./api.js";

const healthKinds = { healthy: "good", degraded: "warn", unhealthy: "bad" };
const breakerKinds = { closed: "good", "half-open": "warn", open: "bad" };

function tile(name, value, explanation) {
  return element(
    "div.tile", { title: explanation },
    element("dt", {}, name), element("dd.figure", {}, value));
}

export function showOverview(section, { status, nodes, performance }) {
  show(
    section,
    element(
      "header.panel-head", {}, element("h1", {}, "Content"),
      chip(healthKinds[status] ?? "plain", status)),
    element(
      "dl.tiles", {},
      tile("Nodes", `${count(nodes.healthy)} of ${count(nodes.total)}`, "Nodes that can be used"),
      tile("Response", duration(performance.avg_response_time), "The mean of the nodes' answers"),
      tile("Cache hits", percent(performance.cache_hit_rate), "Blocks that the cache had"),
      tile("Operations", `${decimal(performance.operations_per_second, 1)}/s`,
        "Over the last minute"),
      tile("Unusable", count(nodes.unhealthy), "Nodes that nobody is sent to")));
}

const nodeColumns = [
  ["Node"], ["Health"], ["Score", "number figure"], ["Latency", "number figure optional"], ["Breakers"],
  ["Note", "optional"],
];

// All breakers closed is one word; else those that are not.
function breakers(node) {
  const stopped = Object.entries(node.breakers).filter(([, state]) => state !== "closed");
  if (stopped.length === 0) return chip("good", "closed");
  return stopped.map(([operation, state]) =>
    chip(breakerKinds[state] ?? "plain", `${operation} ${state}`));
}

function nodeCells(node) {
  const lies = node.lies > 0 ? `${count(node.lies)} wrong answers` : null;
  const version = node.version ? `version ${node.version}` : null;
  return [
    [
      element("strong", {}, node.node),
      node.kind === node.node ? "" : element("span.role", {}, node.kind),
    ],
    chip(healthKinds[node.health] ?? "plain", node.health),
    decimal(node.score, 2),
    node.latency_seconds === null ? "–" : duration(node.latency_seconds),
    breakers(node),
    [node.fault, lies, version].filter(Boolean).join(", ") || "–",
  ];
}

export function showNodes(section, nodes) {
  const usable = nodes.filter((node) => node.healthy).length;
  show(
    section,
    panelHead("Nodes", element("span.muted", {}, `${usable} of ${nodes.length} can be used`)),
    table(nodeColumns, nodes.map(nodeCells)));
}

export function showStore(section, { store, cache, pins_queued: queued }) {
  const waiting = queued > 0
    ? element("p.waiting", {}, `${count(queued)} pins wait for a node.`)
    : null;
  show(
    section,
    panelHead(
      "Store",
      element("span.muted", {}, `cache ${bytes(cache.bytes)} of ${bytes(cache.bytes_max)}`)),
    waiting,
    element(
      "dl.tiles", {},
      tile("Blocks", count(store.blocks), "Blocks in the coordinator's store"),
      tile("Size", bytes(store.bytes), "Of the blocks, on the disk"),
      tile("Pins", count(store.pins), "Promises to keep content"),
      tile("Unpinned", count(store.unpinned_blocks), "Blocks that a collection would remove"),
      tile("Damaged", count(store.damaged_blocks), "Blocks that readers found damaged")));
}

const pinColumns = [
  ["Content"], ["Size", "number figure"], ["Blocks", "number figure"], ["Kind", "optional"],
  ["", "optional"],
];

function pinCells(pin) {
  const name = pin.name ? [element("strong", {}, pin.name)] : [];
  return [
    [...name, identifier(pin.cid, { head: 10, tail: 8 })],
    bytes(pin.bytes), count(pin.blocks), words(pin.type),
    element("a", { href: downloadPath(pin.cid), download: pin.name || pin.cid }, "download"),
  ];
}

export function showLargest(section, pins) {
  show(
    section, panelHead("Largest objects"),
    pins.length === 0
      ? empty("Nothing is pinned yet. Add a file with ", "martlet content add PATH")
      : table(pinColumns, pins.map(pinCells)));
}
