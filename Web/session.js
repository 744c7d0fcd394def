// The session's panel: what it is, how far it is, what it waits for, and how sure its checks are.

import { chip, element, empty, identifier, show } from "./dom.js";
import { count, decimal, percent, probability, words } from "./format.js";

const kinds = {
  running: "good", finished: "good", completed: "good", paused: "warn", failed: "bad",
};

function figure(name, value, explanation) {
  return element(
    "div.tile", { title: explanation },
    element("dt", {}, name), element("dd.figure", {}, value));
}

function progress(session) {
  const done = session.round ?? 0;
  const total = session.total_rounds ?? 0;
  const bar = element("progress", { max: Math.max(1, total), value: done, "aria-label": "Rounds" });
  return element(
    "div.progress", {}, bar,
    element("span.figure", {}, `round ${count(done)} of ${count(total)}`));
}

function picker(sessions, current, onPick) {
  if (sessions.length < 2) return null;
  const options = sessions.map((session) =>
    element(
      "option",
      { value: session.session_id, selected: session.session_id === current },
      session.name ?? session.session_id));
  return element(
    "select",
    {
      "aria-label": "Session", "data-key": "picker",
      onchange: (event) => onPick(event.target.value),
    },
    options);
}

function waiting(session) {
  const reasons = [session.waiting_for ?? []].flat();
  if (reasons.length === 0) return null;
  return element("p.waiting", {}, `Waiting for ${reasons.map(words).join(", ")}.`);
}

function artefact(name, value, explanation) {
  return element(
    "div.artefact", { title: explanation }, element("dt", {}, name),
    element("dd", {}, identifier(value, { head: 14, tail: 10, key: name })));
}

function clients(session) {
  return Array.isArray(session.clients) ? session.clients.length : session.clients;
}

export function showSession(section, { session, sessions }, onPick) {
  if (!session) {
    show(section, element("h1", {}, "No session yet"),
      empty("Create one with ", "martlet fl create-session"));
    return;
  }
  show(
    section,
    element(
      "header.panel-head", {},
      element("h1", {}, session.name ?? session.session_id),
      chip(kinds[session.state] ?? "plain", words(session.state)),
      picker(sessions, session.session_id, onPick)),
    progress(session),
    waiting(session),
    element(
      "dl.tiles", {},
      figure("Accuracy", percent(session.accuracy), "Measured by the evaluator on its own data"),
      figure("Loss", decimal(session.loss), "Mean cross-entropy on the evaluator's data"),
      figure("Clients", count(clients(session)), "Logical clients, each with its own data"),
      figure("Replayed", percent(session.audit_rate, 0), "The share of segments run a second time"),
      figure("Chance to miss", probability(session.miss_probability),
        "The chance that a false update is not among the replayed segments")),
    element(
      "dl.artefacts", {},
      artefact("Model", session.model_cid, "The content id of the newest model"),
      artefact("Hash", session.model_hash, "The same seed gives the same hash again"),
      element(
        "div.artefact", {}, element("dt", {}, "Beacon"),
        element("dd", {}, words(session.beacon)))));
}
