/**
 * A `<textarea>` whose text is a session's: for pages without an editor.
 *
 * The selection stays where it is in the text while others write. Who undoes takes back their own
 * edits only: the browser's own undo of a text area does not know of others', so its keys are taken.
 */

import { PairIndex } from "./codepoints.js";
import { text } from "./text.js";

/**
 * @param {import("./session.js").Session} session an open one, of type `text`
 * @param {HTMLTextAreaElement} area
 * @returns {() => void} takes the binding away
 */
export function bindTextarea(session, area) {
  const show = (op) => {
    const before = PairIndex.of(area.value);
    const [start, end] = [area.selectionStart, area.selectionEnd].map((offset) =>
      text.transformPosition(before.toCodePoint(offset), op),
    );
    area.value = session.content;
    const after = PairIndex.of(area.value);
    area.setSelectionRange(after.toUtf16(start), after.toUtf16(end), area.selectionDirection);
  };
  const onInput = () => {
    // What no document may have in it.
    const wanted = area.value.toWellFormed().replaceAll("\0", "\ufffd");
    const op = text.difference(session.content, wanted);
    if (!text.isNoop(op)) session.edit(op);
    announce();
  };
  const announce = () => {
    const index = PairIndex.of(area.value);
    const [start, end] = [area.selectionStart, area.selectionEnd].map((at) => index.toCodePoint(at));
    const backward = area.selectionDirection === "backward";
    session.setPresence({
      cursor: backward ? start : end,
      selection: start === end ? null : [backward ? [end, start] : [start, end]],
    });
  };
  const onKey = (event) => {
    const key = event.key.toLowerCase();
    if (!(event.ctrlKey || event.metaKey) || event.altKey || !["z", "y"].includes(key)) return;
    event.preventDefault();
    if (key === "y" || event.shiftKey) session.redo();
    else session.undo();
  };
  const offs = [
    session.on("change", (change) => {
      // What the area was changed to by its user is in it already.
      if (area.value !== session.content) show(change.op);
    }),
    session.on("status", ({ readOnly }) => (area.readOnly = readOnly)),
  ];
  area.value = session.content;
  area.readOnly = session.status.readOnly;
  area.disabled = false;
  area.addEventListener("input", onInput);
  area.addEventListener("keydown", onKey);
  area.addEventListener("select", announce);
  return () => {
    offs.forEach((off) => off());
    area.removeEventListener("input", onInput);
    area.removeEventListener("keydown", onKey);
    area.removeEventListener("select", announce);
  };
}
