/** The question what is to become of an edit that conflicts with another's. */

import { tell, warn } from "./messages.js";

const byId = (id) => document.getElementById(id);
const dialog = byId("conflict");

/**
 * @param {import("../src/session.js").Session} session
 * @param {{focus: () => void}} editor
 */
export function setUpConflicts(session, editor) {
  /** Those that were not asked about yet. */
  const waiting = [];
  let asked = null;

  const askNext = () => {
    asked = waiting.shift() ?? null;
    if (!asked) {
      if (dialog.open) dialog.close();
      return;
    }
    const { theirs } = asked;
    const users = [...new Set(theirs.map((edit) => nameOf(session, edit.user_id)))];
    const until = new Date(asked.expires_ms).toLocaleTimeString();
    byId("conflict-title").textContent = `You and ${users.join(", ")} changed the same thing`;
    byId("conflict-note").textContent =
      `Your change is kept until ${until}, and is not in the document yet.`;
    byId("conflict-who").textContent = users.join(", ");
    byId("conflict-mine").textContent = inWords(session, [asked.lost ?? asked.mine]);
    byId("conflict-theirs").textContent = inWords(session, theirs.map(({ op }) => op));
    // Of one value there is one only.
    dialog.querySelector('[data-choice="both"]').hidden = session.type.name === "json";
    if (!dialog.open) dialog.showModal();
  };

  const settle = async (conflictId, choice) => {
    dialog.inert = true;
    try {
      await session.resolve(conflictId, choice);
    } catch (error) {
      tell(`That could not be settled: ${error.message}`);
    } finally {
      dialog.inert = false;
    }
  };

  const take = (conflict) => {
    if (conflict.state === "held") waiting.push(conflict);
    if (conflict.state === "expired") {
      warn("A change of yours waited too long for your choice, and is not in the document.", conflict.text);
      settle(conflict.conflict_id, "theirs");
    }
    if (conflict.state === "resolved") {
      // Perhaps in another tab.
      const at = waiting.findIndex(({ conflict_id: id }) => id === conflict.conflict_id);
      if (at >= 0) waiting.splice(at, 1);
      if (asked?.conflict_id === conflict.conflict_id) asked = null;
    }
    if (!asked) askNext();
  };
  session.on("conflict", take);
  for (const conflict of session.held) take(conflict);

  // It waits for a choice; but who goes back twice on a phone closes it all the same.
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "Escape") event.preventDefault();
  });
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.addEventListener("close", () => {
    if (asked) dialog.showModal();
    else editor.focus();
  });
  for (const button of dialog.querySelectorAll("[data-choice]")) {
    button.addEventListener("click", () => settle(asked.conflict_id, button.dataset.choice));
  }
}

function nameOf(session, userId) {
  const here = session.participants.find((person) => person.userId === userId);
  return here?.userInfo.name || userId;
}

function inWords(session, ops) {
  const texts = ops.map((op) => session.type.textOf(op)).filter(Boolean);
  return texts.join("\n") || "(something deleted or formatted)";
}
