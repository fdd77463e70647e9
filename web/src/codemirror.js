/**
 * CodeMirror 6 binding: an editor whose document is a session's.
 *
 * ```js
 * new EditorView({ doc: session.content, extensions: [collab(session), history(), …], parent });
 * ```
 *
 * Others' edits are not part of the editor's undo history, so undo takes back one's own edits only.
 * Lines end at "\n"; a "\r", alone or before it, is a character like others, since the positions of
 * everybody count it.
 */

import {
  Annotation,
  Compartment,
  EditorState,
  Prec,
  StateField,
  Transaction,
} from "@codemirror/state";
import { EditorView, ViewPlugin } from "@codemirror/view";
import { PairIndex } from "./codepoints.js";
import { peers, peersAt } from "./codemirror-peers.js";
import { text, UNFIT } from "./text.js";

export { colorOf, nameOf } from "./codemirror-peers.js";

/** Marks transactions that bring what did not come from this editor; the value is the `Change`. */
export const remoteChange = Annotation.define();

/** Where code points and UTF-16 offsets differ in the editor's document. */
export const pairIndex = StateField.define({
  create: (state) => PairIndex.of(state.doc.toString()),
  update: (index, transaction) =>
    transaction.docChanged ? index.after(changesOf(transaction)) : index,
});

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

class Binding {
  #view;
  #session;
  #cursors;
  #off;
  #attached = false;
  #readOnlyPart;
  #readOnly;

  constructor(view, session, readOnlyPart, cursors) {
    this.#readOnlyPart = readOnlyPart;
    this.#readOnly = session.status.readOnly;
    this.#view = view;
    this.#session = session;
    this.#cursors = cursors;
    this.#off = [
      session.on("change", (change) => this.#remote(change)),
      session.on("presence", (ids) => this.#placePeers(ids)),
      session.on("participants", () => this.#placePeers()),
      session.on("status", (status) => this.#setReadOnly(status.readOnly)),
    ];
    // While the editor is being made nothing can be dispatched to it.
    queueMicrotask(() => this.#attach());
  }

  destroy() {
    for (const off of this.#off) off();
    this.#off = [];
  }

  update(update) {
    for (const transaction of update.transactions) {
      if (transaction.docChanged && !isRemote(transaction)) this.#local(transaction);
    }
    const moved =
      update.transactions.some((transaction) => !isRemote(transaction)) &&
      (update.selectionSet || update.docChanged);
    if (this.#cursors && this.#view.hasFocus && (moved || update.focusChanged)) this.#announce();
  }

  /** An editor that began with another text gets the session's. */
  #attach() {
    if (this.#attached || !this.#off.length) return;
    this.#attached = true;
    const shown = this.#view.state.doc.toString();
    const op = text.difference(shown, this.#session.content);
    if (!text.isNoop(op)) this.#dispatch({ op, origin: "reset", authors: [] });
    this.#placePeers();
  }

  #local(transaction) {
    const { startState } = transaction;
    const changes = changesOf(transaction).map((change) => ({
      ...change,
      removed: startState.doc.sliceString(change.from, change.to, "\n"),
    }));
    const op = text.fromChanges(changes, startState.field(pairIndex));
    this.#session.edit(text.normalize(op));
  }

  #remote(change) {
    if (this.#attached) this.#dispatch(change);
    else this.#attach();
  }

  #dispatch(change) {
    const index = this.#view.state.field(pairIndex);
    const changes = text.toChanges(change.op, index);
    const authors = new Set(change.authors.map(({ clientId }) => clientId));
    this.#view.dispatch({
      changes,
      effects: this.#cursors
        ? this.#peersAt(index.after(changes), ({ clientId }) => authors.has(clientId))
        : [],
      annotations: [
        remoteChange.of(change),
        Transaction.addToHistory.of(false),
        Transaction.userEvent.of("remote"),
      ],
    });
  }

  #setReadOnly(readOnly) {
    if (this.#readOnly === readOnly) return;
    this.#readOnly = readOnly;
    this.#view.dispatch({ effects: this.#readOnlyPart.reconfigure(readOnlyFacets(readOnly)) });
  }

  #placePeers(ids) {
    if (!this.#attached || !this.#cursors) return;
    const index = this.#view.state.field(pairIndex);
    const effects = this.#peersAt(
      index,
      ({ participantId }) => !ids || ids.includes(participantId),
    );
    this.#view.dispatch({ effects });
  }

  #peersAt(index, mayHaveMoved) {
    const { participants } = this.#session;
    return peersAt(participants, mayHaveMoved, (position) => index.toUtf16(position));
  }

  #announce() {
    const { state } = this.#view;
    const index = state.field(pairIndex);
    const ranges = state.selection.ranges
      .filter(({ empty }) => !empty)
      .slice(0, 100)
      .map(({ anchor, head }) => [index.toCodePoint(anchor), index.toCodePoint(head)]);
    this.#session.setPresence({
      cursor: index.toCodePoint(state.selection.main.head),
      selection: ranges.length ? ranges : null,
    });
  }
}

const isRemote = (transaction) => transaction.annotation(remoteChange) !== undefined;

function readOnlyFacets(readOnly) {
  return [
    EditorState.readOnly.of(readOnly),
    EditorView.editable.of(!readOnly),
    // Without this, a text that cannot be edited could not be reached by keyboard.
    readOnly ? EditorView.contentAttributes.of({ tabindex: "0" }) : [],
  ];
}

/** A transaction's changes, in UTF-16 offsets of the text before it. */
function changesOf(transaction) {
  const changes = [];
  transaction.changes.iterChanges((from, to, _fromAfter, _toAfter, inserted) => {
    changes.push({ from, to, insert: inserted.toString() });
  });
  return changes;
}

/** Replace what a document may not have in it, and do nothing that cuts a surrogate pair. */
function keepFit(transaction) {
  if (!transaction.docChanged || isRemote(transaction)) return transaction;
  const index = transaction.startState.field(pairIndex);
  const fixes = [];
  let cuts = false;
  transaction.changes.iterChanges((from, to, fromAfter, _toAfter, inserted) => {
    cuts ||= index.cuts(from) || index.cuts(to);
    for (const match of inserted.toString().matchAll(UNFIT)) {
      const at = fromAfter + match.index;
      fixes.push({ from: at, to: at + 1, insert: "\ufffd" });
    }
  });
  if (cuts) return [];
  return fixes.length ? [transaction, { changes: fixes, sequential: true }] : transaction;
}
