/**
 * Keeps the text of one CodeMirror editor and a session's the same, both ways.
 */

import { Annotation, EditorState, StateField, Transaction } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { PairIndex } from "./codepoints.js";
import { peersAt } from "./codemirror-peers.js";
import { text } from "./text.js";

/** Marks transactions that bring what did not come from this editor; the value is the `Change`. */
export const remoteChange = Annotation.define();

export const isRemote = (transaction) => transaction.annotation(remoteChange) !== undefined;

/** Where code points and UTF-16 offsets differ in the editor's document. */
export const pairIndex = StateField.define({
  create: (state) => PairIndex.of(state.doc.toString()),
  update(index, transaction) {
    if (!transaction.docChanged) return index;
    // What makes a reset necessary may not have kept to whole pairs.
    if (transaction.annotation(remoteChange)?.origin === "reset") {
      return PairIndex.of(transaction.newDoc.toString());
    }
    return index.after(changesOf(transaction));
  },
});

export function readOnlyFacets(readOnly) {
  return [
    EditorState.readOnly.of(readOnly),
    EditorView.editable.of(!readOnly),
    // Without this, a text that cannot be edited could not be reached by keyboard.
    readOnly ? EditorView.contentAttributes.of({ tabindex: "0" }) : [],
  ];
}

export class Binding {
  #view;
  #session;
  #cursors;
  #off;
  #attached = false;
  #readOnlyPart;
  #readOnly;
  /** The operation that is being handed to the session, which is told of it like everybody. */
  #own = null;
  /** Whether the editor shows another text than the session's, and is about to get that. */
  #diverged = false;

  /**
   * @param {EditorView} view
   * @param {import("./session.js").Session} session
   * @param {import("@codemirror/state").Compartment} readOnlyPart which holds `readOnlyFacets`
   * @param {boolean} cursors whether to show where everybody is
   */
  constructor(view, session, readOnlyPart, cursors) {
    this.#readOnlyPart = readOnlyPart;
    this.#readOnly = session.status.readOnly;
    this.#view = view;
    this.#session = session;
    this.#cursors = cursors;
    this.#off = [
      session.on("change", (change) => this.#changed(change)),
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
    if (this.#diverged) return;
    // CodeMirror would go on without a plugin that throws, and nothing would be shared any more.
    try {
      for (const transaction of update.transactions) {
        if (transaction.docChanged && !isRemote(transaction)) this.#local(transaction);
      }
    } catch (error) {
      this.#diverge(error);
      return;
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
    this.#restore();
    this.#placePeers();
  }

  /** Show the session's text, whatever is shown. */
  #restore() {
    this.#diverged = false;
    const shown = this.#view.state.doc.toString();
    const op = text.difference(shown, this.#session.content);
    if (!text.isNoop(op)) {
      this.#dispatch({ op, origin: "reset", authors: [] }, PairIndex.of(shown));
    }
  }

  /** @param {Error} [error] which the application is to be told of */
  #diverge(error) {
    if (error) this.#session.report(error);
    if (this.#diverged) return;
    this.#diverged = true;
    // While the editor is being updated nothing can be dispatched to it.
    queueMicrotask(() => {
      if (this.#off.length) this.#restore();
    });
  }

  #local(transaction) {
    const { startState } = transaction;
    const changes = changesOf(transaction).map((change) => ({
      ...change,
      removed: startState.doc.sliceString(change.from, change.to, "\n"),
    }));
    this.#own = text.normalize(text.fromChanges(changes, startState.field(pairIndex)));
    try {
      this.#session.edit(this.#own);
    } finally {
      this.#own = null;
    }
  }

  #changed(change) {
    if (!this.#attached) {
      this.#attach();
    } else if (this.#own !== null) {
      // Somebody who was told of this editor's change may have made another at once.
      if (change.op !== this.#own) this.#diverge();
    } else if (!this.#diverged) {
      try {
        this.#dispatch(change);
      } catch (error) {
        this.#diverge(error);
      }
    }
  }

  #dispatch(change, index = this.#view.state.field(pairIndex)) {
    const changes = text.toChanges(change.op, index);
    const authors = new Set(change.authors.map(({ clientId }) => clientId));
    const isLocal = !["remote", "rejected", "reset"].includes(change.origin);
    this.#view.dispatch({
      changes,
      effects: this.#cursors
        ? this.#peersAt(index.after(changes), ({ clientId }) => authors.has(clientId))
        : [],
      annotations: [
        remoteChange.of(change),
        Transaction.addToHistory.of(isLocal),
        Transaction.userEvent.of(isLocal ? change.origin : "remote"),
      ],
      ...(this.#view.hasFocus && this.#whereUndone(change, changes)),
    });
  }

  /** Who undoes something wants to see it: the selection goes to where it was. */
  #whereUndone({ origin }, changes) {
    if ((origin !== "undo" && origin !== "redo") || !changes.length) return {};
    const last = changes.at(-1);
    let anchor = last.from;
    for (const { from, to, insert } of changes) {
      anchor += insert.length - (from < last.from ? to - from : 0);
    }
    return { selection: { anchor }, scrollIntoView: true };
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

/** A transaction's changes, in UTF-16 offsets of the text before it. */
function changesOf(transaction) {
  const changes = [];
  transaction.changes.iterChanges((from, to, _fromAfter, _toAfter, inserted) => {
    changes.push({ from, to, insert: inserted.toString() });
  });
  return changes;
}
