/** What the bar says about the connection and what is saved. */

const WORDS = {
  connecting: "Connecting…",
  connected: "Up to date",
  saving: "Saving…",
  saved: "Saved",
  offline: "Offline",
};
/** Where there is room for little else. */
const SHORT_WORDS = { ...WORDS, connecting: "Joining…", connected: "Ready" };
/** Saving takes milliseconds; a word that comes and goes with every key would only distract. */
const PATIENCE_MS = 300;

const pill = document.getElementById("status");
const text = document.getElementById("status-text");
const announcement = document.getElementById("announcement");
const narrow = matchMedia("(max-width: 640px)");

let status = { state: "connecting", pending: 0, readOnly: false };
let shown = "connecting";
let timer = null;

/** @param {import("../src/session.js").Status} current */
export function showStatus(current) {
  status = current;
  pill.dataset.pending = status.pending;
  if (status.state === "saving" && shown !== "offline" && shown !== "saving") {
    // Not from each key on anew, or it would never be said while somebody types.
    timer ??= setTimeout(show, PATIENCE_MS);
  } else {
    show();
  }
}

function show() {
  clearTimeout(timer);
  timer = null;
  const { state, pending } = status;
  const words = wordsFor(status, narrow.matches);
  pill.dataset.state = state;
  text.textContent = words;
  pill.title = pending ? `${pending} not yet on the server; kept in this tab` : "";
  if ((state === "offline") !== (shown === "offline")) {
    announcement.textContent = wordsFor(status, false);
  }
  shown = state;
}

function wordsFor({ state, pending, readOnly }, short) {
  if (state === "offline" && pending) return `Offline, ${pending}${short ? "" : " kept"}`;
  if (readOnly && state === "connected") return "Read only";
  return (short ? SHORT_WORDS : WORDS)[state];
}

narrow.addEventListener("change", () => {
  // What is about to be said has its time.
  if (timer === null) show();
});
