/** The demo page: who you are, one document, and everybody on it. */

import { connect } from "collab-wamp";
import { openEditor } from "./text.js";
import { loadIdentity } from "./identity.js";
import { copy, warn } from "./messages.js";
import { showPeople } from "./people.js";
import { showKept } from "./rescue.js";
import { showStatus } from "./status.js";
import { findToken, forgetToken, keepToken } from "./token.js";

const DOCUMENT_NAME = /^[A-Za-z0-9_-]{1,64}$/;
const DEFAULT_DOCUMENT = "welcome";
const TOKEN_WORDS = {
  token_expired: "Your token has expired. With a new one you go on where you were.",
  token_revoked: "Your token was revoked.",
  token_invalid: "The server does not accept that token.",
};

const byId = (id) => document.getElementById(id);
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () =>
  (document.documentElement.dataset.theme ?? (systemDark.matches ? "dark" : "light")) === "dark";

const asked = new URLSearchParams(location.search).get("doc") ?? DEFAULT_DOCUMENT;
const name = DOCUMENT_NAME.test(asked) ? asked : DEFAULT_DOCUMENT;

main();

async function main() {
  const identity = loadIdentity();
  const client = connect(
    `${location.protocol.replace("http", "ws")}//${location.host}/ws`,
    getToken,
  );
  document.title = `${name} · collab_wamp`;
  byId("doc").value = name;
  try {
    const session = await client.open(name, { create: true, userInfo: { ...identity } });
    run(session, identity);
  } catch (error) {
    client.close();
    warn(`“${name}” cannot be opened: ${error.message}`);
  }
}

/**
 * A token for the next connection.
 *
 * @param {import("collab-wamp").CollabError | null} refusal of the last one
 */
async function getToken(refusal) {
  if (refusal) forgetToken();
  const token =
    (await findToken(!refusal)) ?? (await askForToken(TOKEN_WORDS[refusal?.code] ?? ""));
  byId("app").hidden = false;
  return token;
}

/** @param {string} problem with the last one */
function askForToken(problem) {
  byId("gate").hidden = false;
  byId("app").inert = true;
  byId("token-error").textContent = problem;
  byId("token").value = "";
  byId("token").focus();
  return new Promise((resolve) => {
    byId("token-form").onsubmit = (event) => {
      event.preventDefault();
      const token = byId("token").value.replace(/\s+/g, "");
      keepToken(token);
      byId("gate").hidden = true;
      byId("app").inert = false;
      resolve(token);
    };
  });
}

function run(session, identity) {
  const editor = openEditor(byId("editor"), session, { dark: isDark() });
  followHistory(session);
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    editor.focus();
  });
  followTheme(editor);
  showPeople(session, identity);
  session.on("status", showStatus);
  showStatus(session.status);
  showKept(session);
  session.on("error", (error) => warn(`An edit could not be made: ${error.message}`));
  session.on("ended", (error) => {
    warn(`${error.message} The text stays here to be copied; reload to go on.`);
  });
  addEventListener("beforeunload", (event) => {
    if (session.status.pending) event.preventDefault();
  });
  editor.focus();
}

function followHistory(session) {
  const show = () => {
    const { readOnly } = session.status;
    byId("undo").disabled = readOnly || !session.canUndo;
    byId("redo").disabled = readOnly || !session.canRedo;
  };
  byId("undo").addEventListener("click", () => session.undo());
  byId("redo").addEventListener("click", () => session.redo());
  session.on("history", show);
  session.on("status", show);
  show();
}

function followTheme(editor) {
  const changed = () => editor.setDark(isDark());
  systemDark.addEventListener("change", changed);
  byId("theme").addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("collab.theme", theme);
    changed();
  });
}

byId("copy-command").addEventListener("click", () => copy(byId("command").textContent, "Copied."));

byId("share").addEventListener("click", () => {
  const link = `${location.origin}${location.pathname}?doc=${name}`;
  copy(link, "Link copied. Whoever opens it needs a token of their own.");
});

byId("doc-form").addEventListener("submit", (event) => {
  event.preventDefault();
  byId("doc").blur();
});

byId("doc").addEventListener("change", () => {
  const wanted = byId("doc").value.trim().replace(/\s+/g, "-");
  if (DOCUMENT_NAME.test(wanted) && wanted !== name) {
    location.search = `?doc=${wanted}`;
    return;
  }
  byId("doc").value = name;
  if (wanted !== name) warn("A document's name is 1 to 64 letters, digits, “-” and “_”.");
});
