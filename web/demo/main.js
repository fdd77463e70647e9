/** The demo page: who you are, one document of any of the kinds, and everybody on it. */

import { connect } from "collab-wamp";
import { setUpConflicts } from "./conflict.js";
import { setUpHistory } from "./history.js";
import { loadIdentity } from "./identity.js";
import { copy, warn } from "./messages.js";
import { showPeople } from "./people.js";
import { showKept } from "./rescue.js";
import { showStatus } from "./status.js";
import { findToken, forgetToken, keepToken } from "./token.js";

const DOCUMENT_NAME = /^[A-Za-z0-9_-]{1,64}$/;
/** The name of a document where the address has none; what shows the kind, and is fetched then. */
const KINDS = {
  text: { name: "welcome", load: () => import("./text.js") },
  rich_text: { name: "welcome-rich", load: () => import("./rich.js") },
  json: { name: "welcome-board", load: () => import("./board.js") },
};
const TOKEN_WORDS = {
  token_expired: "Your token has expired. With a new one you go on where you were.",
  token_revoked: "Your token was revoked.",
  token_invalid: "The server does not accept that token.",
};

const byId = (id) => document.getElementById(id);
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () =>
  (document.documentElement.dataset.theme ?? (systemDark.matches ? "dark" : "light")) === "dark";

const asked = new URLSearchParams(location.search);
const wantedType = asked.get("type") in KINDS ? asked.get("type") : "text";
const wantedName = asked.get("doc") ?? "";
const name = DOCUMENT_NAME.test(wantedName) ? wantedName : KINDS[wantedType].name;
const conflicts = asked.get("conflicts") ?? undefined;

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
    const { session, kind } = await openDocument(client, wantedType, identity);
    run(session, kind, identity);
  } catch (error) {
    client.close();
    warn(`“${name}” cannot be opened: ${error.message}`);
  }
}

/** Open the document, of whatever type it is; make it of the type wanted where there is none. */
async function openDocument(client, type, identity) {
  const kind = await KINDS[type].load();
  const options = { type, create: true, content: kind.initial, conflicts };
  try {
    const session = await client.open(name, { ...options, userInfo: { ...identity } });
    return { session, kind };
  } catch (error) {
    if (error.code !== "wrong_type" || !(error.details.type in KINDS)) throw error;
    return openDocument(client, error.details.type, identity);
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

function run(session, kind, identity) {
  const editor = kind.open(byId("editor"), session, { dark: isDark() });
  for (const link of document.querySelectorAll("[data-kind]")) {
    if (link.dataset.kind === session.type.name) link.setAttribute("aria-current", "page");
  }
  followUndo(session, editor);
  setUpHistory(session, kind, editor);
  setUpConflicts(session, editor);
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    editor.focus();
  });
  followTheme(editor);
  showPeople(session, identity);
  session.on("status", showStatus);
  showStatus(session.status);
  showKept(session, editor);
  session.on("error", (error) => warn(`An edit could not be made: ${error.message}`));
  session.on("ended", (error) => {
    warn(`${error.message} The text stays here to be copied; reload to go on.`);
  });
  addEventListener("beforeunload", (event) => {
    if (session.status.pending) event.preventDefault();
  });
  editor.focus();
}

function followUndo(session, editor) {
  const show = () => {
    const { readOnly } = session.status;
    byId("undo").disabled = readOnly || !session.canUndo;
    byId("redo").disabled = readOnly || !session.canRedo;
  };
  for (const what of ["undo", "redo"]) {
    byId(what).addEventListener("click", () => {
      session[what]();
      editor.focus();
    });
  }
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
