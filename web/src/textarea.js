/**
 * A `<textarea>` whose text is a session's: for pages without an editor.
 *
 * The selection stays where it is in the text while others write. Who undoes takes back their own
 * edits only: the browser's own undo of a text area does not know of others', so its keys are taken.
 *
 * While an input method composes, the area is left alone: browsers would begin the composition anew,
 * and what was composed would be there twice. What others do meanwhile is held back, and what is
 * typed is transformed over it.
 */

import { countCodePoints, PairIndex } from "./codepoints.js";
import { text } from "./text.js";

/** As an area can show it, with the same length: "\r" is no character to a text area. */
const shown = (content) => content.replaceAll("\r", " ");

/**
 * @param {import("./session.js").Session} session an open one, of type `text`
 * @param {HTMLTextAreaElement} area
 * @returns {() => void} takes the binding away
 */
export function bindTextarea(session, area) {
  /** What the area showed when it was looked at last. */
  let known = "";
  /** What others have done since, while an input method composes. */
  let held = null;
  let composing = false;
  /** The changes that are told of while an edit is handed over; null = none is. */
  let told = null;

  /** Show the session's text, with the selection moved over an operation. */
  const show = (op) => {
    held = null;
    const before = PairIndex.of(area.value);
    const [start, end] = [area.selectionStart, area.selectionEnd].map((offset) =>
      text.transformPosition(before.toCodePoint(offset), op),
    );
    area.value = known = shown(session.content);
    const after = PairIndex.of(known);
    area.setSelectionRange(after.toUtf16(start), after.toUtf16(end), area.selectionDirection);
  };
  /** Take in what the user has done. */
  const takeIn = () => {
    // What no document may have in it.
    const wanted = area.value.toWellFormed().replaceAll("\0", "\ufffd");
    let op = text.difference(known, wanted).map(withoutText);
    known = wanted;
    if (held) {
      const theirs = held;
      held = text.transform(theirs, op, "left");
      op = text.transform(op, theirs, "right");
    }
    if (!text.isNoop(op)) handOver(op);
  };
  const handOver = (op) => {
    told = 0;
    try {
      session.edit(op);
    } catch (error) {
      session.report(error);
      show([]);
    }
    // Somebody who was told of the edit may have made another at once.
    const more = told > 1;
    told = null;
    if (more) show([]);
  };
  const onInput = () => {
    takeIn();
    if (!composing && known !== area.value) show([]);
    announce();
  };
  const onComposed = () => {
    composing = false;
    takeIn();
    if (held) show(held);
    announce();
  };
  const onComposing = () => (composing = true);
  const announce = () => {
    if (held) return;
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
    if (composing || session.status.readOnly) return;
    if (key === "y" || event.shiftKey) session.redo();
    else session.undo();
  };
  const listeners = {
    input: onInput,
    compositionstart: onComposing,
    compositionend: onComposed,
    keydown: onKey,
    select: announce,
  };
  const offs = [
    session.on("change", ({ op }) => {
      if (told !== null) {
        told += 1;
      } else if (composing) {
        held = held ? text.compose(held, op) : op;
      } else {
        show(op);
      }
    }),
    session.on("status", ({ readOnly }) => (area.readOnly = readOnly)),
  ];
  area.value = known = shown(session.content);
  area.readOnly = session.status.readOnly;
  area.disabled = false;
  for (const [name, listener] of Object.entries(listeners)) area.addEventListener(name, listener);
  return () => {
    offs.forEach((off) => off());
    for (const [name, listener] of Object.entries(listeners)) {
      area.removeEventListener(name, listener);
    }
  };
}

/** What is deleted may be another text in the document than in the area; it has the same length. */
const withoutText = (part) => (part.d ? { d: countCodePoints(part.d) } : part);
