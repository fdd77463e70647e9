/** What the server did not take: shown until somebody has done something about it. */

import { copy, warn } from "./messages.js";

const list = document.getElementById("kept");

/**
 * @param {import("collab-wamp").Session} session
 * @param {{focus: () => void}} editor
 */
export function showKept(session, editor) {
  const show = () => {
    list.replaceChildren(...session.patches.map((patch) => row(session, editor, patch)));
    list.hidden = !list.children.length;
  };
  for (const event of ["patches", "status", "ended"]) session.on(event, show);
  show();
}

function row(session, editor, { id, name, text, op, reason }) {
  const item = document.createElement("li");
  const head = document.createElement("p");
  head.textContent = `Kept: ${name[0].toLowerCase()}${name.slice(1)}. ${reason.message}`;
  const content = document.createElement("pre");
  content.textContent = text || "A change without a text of its own";
  const buttons = document.createElement("div");
  buttons.append(
    ...(text ? [button("Copy", () => copy(text, "Copied."))] : []),
    button("Apply again", () => apply(session, editor, id), op === null || session.status.readOnly),
    button("Discard", () => {
      session.discardPatch(id);
      editor.focus();
    }),
  );
  item.append(head, content, buttons);
  return item;
}

function apply(session, editor, id) {
  try {
    session.applyPatch(id);
    editor.focus();
  } catch (error) {
    warn(`It cannot be applied: ${error.message}`);
  }
}

function button(label, press, disabled = false) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", className: "quiet", textContent: label, disabled });
  made.addEventListener("click", press);
  return made;
}
