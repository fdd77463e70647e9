/** What the bar says about the connection and what is saved. */

const WORDS = {
  connecting: "Connecting…",
  connected: "Up to date",
  saving: "Saving…",
  saved: "Saved",
  offline: "Offline",
};
/** Saving takes milliseconds; a word that comes and goes with every key would only distract. */
const PATIENCE_MS = 300;

const pill = document.getElementById("status");
const text = document.getElementById("status-text");
const announcement = document.getElementById("announcement");

let shown = "connecting";
let timer = null;

/** @param {import("../src/session.js").Status} status */
export function showStatus({ state, pending, readOnly }) {
  clearTimeout(timer);
  pill.dataset.pending = pending;
  const words = wordsFor(state, pending, readOnly);
  const show = () => {
    pill.dataset.state = state;
    text.textContent = words;
    pill.title = pending ? `${pending} not yet on the server; kept in this tab` : "";
    if ((state === "offline") !== (shown === "offline")) announcement.textContent = words;
    shown = state;
  };
  if (state === "saving" && shown !== "offline" && shown !== "saving")
    timer = setTimeout(show, PATIENCE_MS);
  else show();
}

function wordsFor(state, pending, readOnly) {
  if (state === "offline" && pending) return `Offline, ${pending} kept`;
  if (readOnly && state === "connected") return "Read only";
  return WORDS[state];
}
