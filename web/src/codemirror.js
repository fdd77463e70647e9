/**
 * CodeMirror 6 binding: an editor whose document is a session's.
 *
 * ```js
 * const extensions = [collab(session), collabHistory(session), …];
 * new EditorView({ doc: session.content, extensions, parent });
 * ```
 *
 * Undo takes back one's own edits only. With CodeMirror's `history()` instead of `collabHistory` it
 * does so too; but it knows of this editor alone.
 * Lines end at "\n"; a "\r", alone or before it, is a character like others, since the positions of
 * everybody count it.
 */

import { Compartment, EditorState, Prec } from "@codemirror/state";
import { EditorView, ViewPlugin } from "@codemirror/view";
import { Binding, isRemote, pairIndex, readOnlyFacets } from "./codemirror-binding.js";
import { peers } from "./codemirror-peers.js";
import { UNFIT } from "./text.js";

export { pairIndex, remoteChange } from "./codemirror-binding.js";
export { collabHistory } from "./codemirror-history.js";
export { colorOf, nameOf } from "./looks.js";

/**
 * Everything that makes an editor collaborative: the text both ways, read-only when the session is,
 * and, unless `cursors` is false, where everybody is.
 *
 * @param {import("./session.js").Session} session an open one, of type `text`
 * @param {{cursors?: boolean}} [options]
 * @returns {import("@codemirror/state").Extension}
 */
export function collab(session, { cursors = true } = {}) {
  const readOnlyPart = new Compartment();
  return [
    Prec.highest(EditorState.lineSeparator.of("\n")),
    EditorView.clipboardInputFilter.of((pasted) => pasted.replace(/\r\n?/g, "\n")),
    pairIndex,
    readOnlyPart.of(readOnlyFacets(session.status.readOnly)),
    EditorState.changeFilter.of((transaction) => isRemote(transaction) || !session.status.readOnly),
    EditorState.transactionFilter.of(keepFit),
    cursors ? peers() : [],
    ViewPlugin.define((view) => new Binding(view, session, readOnlyPart, cursors)),
  ];
}

/** Have changes take surrogate pairs as a whole, and replace what a document may not have in it. */
function keepFit(transaction) {
  if (!transaction.docChanged || isRemote(transaction)) return transaction;
  const index = transaction.startState.field(pairIndex);
  const fixes = [];
  transaction.changes.iterChanges((from, to, fromAfter, toAfter, inserted) => {
    const start = fromAfter - (index.cuts(from) ? 1 : 0);
    const end = toAfter + (index.cuts(to) ? 1 : 0);
    if (end - start > toAfter - fromAfter) {
      // An input method may exchange half of a pair only. Writing the other half anew makes the
      // change one of the whole pair.
      const insert = transaction.newDoc.sliceString(start, end, "\n").replace(UNFIT, "\ufffd");
      fixes.push({ from: start, to: end, insert });
      return;
    }
    for (const match of inserted.toString().matchAll(UNFIT)) {
      const at = fromAfter + match.index;
      fixes.push({ from: at, to: at + 1, insert: "\ufffd" });
    }
  });
  return fixes.length ? [transaction, { changes: fixes, sequential: true }] : transaction;
}
