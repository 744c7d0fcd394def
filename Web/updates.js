// Every update of every round as one small square, and the chosen round's in words.

import { chip, element, empty, identifier, panelHead, show } from "./dom.js";
import { count, decimal, duration, percent, words } from "./format.js";
import { nodeLabel, shownRound, state } from "./state.js";

// More squares than this no longer fit a telephone; older rounds stay in the API.
const roundsShownMax = 20;
const rejectionsShownMax = 6;

const marks = { accepted: "✓", rejected: "✕", pending: "·" };
const chips = { accepted: "good", rejected: "bad", pending: "plain" };

// The square shows how the client's work ended; a red edge says that it took more than one worker.
function square(attempts, round) {
  const last = attempts.find((update) => update.status === "accepted") ?? attempts.at(-1);
  const lines = attempts.map((update) => {
    const verdict = [update.status, update.reason].filter(Boolean).map(words).join(", ");
    return `${nodeLabel(update.worker)}: ${verdict}`;
  });
  const attributes = {
    "data-status": last?.status ?? "none",
    "data-again": last?.status !== "rejected" && attempts.some((one) => one.status === "rejected"),
    title: last ? [`round ${round}, client ${last.client}`, ...lines].join("\n") : null,
  };
  return element("td", {}, element("span.square", attributes, marks[last?.status]));
}

function matrixRow(round, clients, isShown, onPick) {
  const pick = element(
    "button.round-button",
    { type: "button", "data-key": `round-${round.round}`, "aria-pressed": String(isShown),
      onclick: () => onPick(round.round) },
    String(round.round));
  const squares = clients.map((client) =>
    square((round.updates ?? []).filter((update) => update.client === client), round.round));
  return element("tr", { "data-shown": isShown }, element("th", { scope: "row" }, pick), squares);
}

function matrix(rounds, clients, shown, onPick) {
  const head = clients.map((client) => element("th", { scope: "col" }, String(client)));
  const rows = rounds.slice(-roundsShownMax).reverse()
    .map((round) => matrixRow(round, clients, round === shown, onPick));
  return element(
    "div.scroll", {},
    element(
      "table.matrix", {},
      element("caption", {}, "Rounds down, clients across"),
      element("thead", {}, element("tr", {}, element("th", {}, ""), head)),
      element("tbody", {}, rows)));
}

function segments(update) {
  if (typeof update.segments !== "number") return "–";
  return `${count(update.replayed_segments ?? 0)} of ${count(update.segments)}`;
}

function detailRow(update) {
  const key = `update-${update.client}-${update.worker}`;
  return element(
    "tr", { "data-status": update.status },
    element("td.figure", {}, String(update.client)),
    element("td.name", {}, nodeLabel(update.worker) ?? "–"),
    element(
      "td.verdict", {}, chip(chips[update.status] ?? "plain", words(update.status)),
      update.reason ? element("span.reason", {}, words(update.reason)) : null),
    element("td.figure", {}, segments(update)),
    element("td.optional", {}, identifier(update.update_cid, { key })));
}

function details(round) {
  const head = ["Client", "Worker", "Verdict", "Replayed"].map((text) => element("th", {}, text));
  const facts = [
    words(round.state), `accuracy ${percent(round.accuracy)}`, `loss ${decimal(round.loss)}`,
    duration(round.seconds),
  ];
  return element(
    "div.details", {},
    element(
      "p.facts", {}, element("strong", {}, `Round ${round.round}`),
      facts.map((fact) => element("span", {}, fact))),
    element(
      "div.scroll", {},
      element(
        "table", {},
        element("thead", {}, element("tr", {}, head, element("th.optional", {}, "Update"))),
        element("tbody", {}, (round.updates ?? []).map(detailRow)))),
    element(
      "p.aggregate", {}, "Aggregate ",
      identifier(round.aggregate_cid, { key: "aggregate-cid" }), " hash ",
      identifier(round.aggregate_hash, { key: "aggregate-hash" })));
}

// What the dispute between worker and validator found; the coordinator computed it itself.
function disputeText(dispute) {
  if (!dispute) return null;
  if (dispute.state === "open") return element("span.muted", {}, " (under dispute)");
  const place = dispute.step === null ? [] : [`step ${dispute.step}`];
  const found = [...place, dispute.operator, dispute.reason].filter(Boolean).map(words).join(", ");
  const isValidatorWrong = dispute.wrong.includes("validator");
  return element(
    isValidatorWrong ? "span.why" : "span.muted", {},
    isValidatorWrong ? ` The validator is wrong: ${found}.` : ` Dispute: ${found}.`);
}

function rejections(rounds, onPick) {
  const rejected = rounds.flatMap((round) =>
    (round.updates ?? []).filter((update) => update.status === "rejected")
      .map((update) => ({ round: round.round, ...update })));
  if (rejected.length === 0) return element("p.muted", {}, "No update was rejected.");
  const items = rejected.slice(-rejectionsShownMax).reverse().map((update) =>
    element(
      "li", {},
      element(
        "button.link",
        { type: "button", "data-key": `rejected-${update.round}-${update.client}-${update.worker}`,
          onclick: () => onPick(update.round) },
        `round ${update.round}, client ${update.client}`),
      ` by ${nodeLabel(update.worker)}: `, element("span.why", {}, words(update.reason)),
      disputeText(update.dispute)));
  return element(
    "div.rejections", {}, element("h3", {}, `${count(rejected.length)} rejected`),
    element("ul", {}, items));
}

export function showUpdates(section, onPick) {
  const { rounds } = state;
  const shown = shownRound();
  if (!shown) {
    show(section, panelHead("Updates"), empty("No round has begun."));
    return;
  }
  const all = rounds.flatMap((round) => (round.updates ?? []).map((update) => update.client));
  const clients = [...new Set(all)].sort((a, b) => a - b);
  const following = state.selectedRound === null
    ? null
    : element(
      "button.link", { type: "button", "data-key": "newest", onclick: () => onPick(null) },
      "follow the newest");
  show(
    section, panelHead("Updates", following),
    element(
      "div.split", {},
      element("div", {}, matrix(rounds, clients, shown, onPick), rejections(rounds, onPick)),
      details(shown)));
}
