/** A model of an editor, where there is no browser: a state, and what a plugin sees of a view. */

import { Compartment, EditorState } from "@codemirror/state";
import { collab } from "../../src/codemirror.js";
import { Binding } from "../../src/codemirror-binding.js";

export class ModelView {
  hasFocus = false;
  #plugin;
  #updating = false;

  /** @param {import("../../src/session.js").Session} session */
  constructor(session, extensions = []) {
    this.state = EditorState.create({
      doc: session.content,
      extensions: [collab(session, { cursors: false }), extensions],
    });
    this.#plugin = new Binding(this, session, new Compartment(), false);
  }

  get text() {
    return this.state.doc.toString();
  }

  /** An arrow function, since commands take it off the view. */
  dispatch = (spec) => {
    if (this.#updating) throw new Error("An update is in progress.");
    const transaction = spec.state ? spec : this.state.update(spec);
    this.state = transaction.state;
    this.#updating = true;
    try {
      const { docChanged } = transaction;
      this.#plugin?.update({ transactions: [transaction], docChanged });
    } catch {
      // As CodeMirror does with a plugin that throws.
      this.#plugin.destroy();
      this.#plugin = null;
    } finally {
      this.#updating = false;
    }
  };

  /** Replace what is between two UTF-16 offsets. */
  write(from, to, insert, options = {}) {
    this.dispatch({ changes: { from, to, insert }, ...options });
  }
}
