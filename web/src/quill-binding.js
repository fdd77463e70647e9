/**
 * Keeps the document of one Quill editor and a session's the same, both ways.
 *
 * Quill has the document that was shown to it (see `quill-shown.js`), and, while an input method
 * composes, not yet what others did since: that is held back, and what is typed is transformed over
 * it.
 */

import { fit, flat, shown } from "./quill-shown.js";
import { cutOut } from "./rich-parts.js";
import { richText } from "./rich-text.js";

const NEWLINE = { insert: "\n" };

export class QuillBinding {
  #session;
  #quill;
  #peers;
  #off;
  /** Quill's content as of the last change that was dealt with: Quill makes a new one for each. */
  #known;
  /** Of the session's document without what is held back. @type {PairIndex} */
  #index;
  #size = 0;
  #held = null;
  /** Whether Quill is being told of something. */
  #telling = false;
  /** The operation that is being handed to the session, which is told of it like everybody. */
  #own = null;
  /** Whether Quill shows another document than the session's, and is about to get that. */
  #diverged = true;
  #disabled = false;

  /**
   * @param {import("./editing-session.js").EditingSession} session
   * @param {import("quill").default} quill
   * @param {import("./quill-peers.js").QuillPeers | null} peers null = nobody is told or shown
   */
  constructor(session, quill, peers) {
    this.#session = session;
    this.#quill = quill;
    this.#peers = peers;
    const onEditor = (kind, ...args) => this.#onEditor(kind, ...args);
    const onComposed = () => this.#flush();
    quill.on("editor-change", onEditor);
    quill.on("composition-end", onComposed);
    this.#off = [
      session.on("change", (change) => this.#changed(change)),
      session.on("status", ({ readOnly }) => this.#setReadOnly(readOnly)),
      () => quill.off("editor-change", onEditor),
      () => quill.off("composition-end", onComposed),
    ];
    this.#restore();
    this.#setReadOnly(session.status.readOnly);
  }

  destroy() {
    for (const off of this.#off) off();
    this.#off = [];
    // Whoever binds it next finds it as it was.
    if (this.#disabled) this.#quill.enable();
  }

  // --- from Quill -------------------------------------------------------------------------

  #onEditor(kind, ...args) {
    const told = this.#telling;
    if (kind === "text-change") this.#textChanged(...args);
    // Where others' edits move the selection, everybody moves it.
    if (!told) this.#announce();
  }

  #textChanged(delta, before) {
    const { delta: now } = this.#quill.editor;
    if (this.#telling) {
      this.#telling = false;
      // Where it is not ours, somebody who was told of our change before us has made another at
      // once. That is taken in when ours comes.
      this.#known = before === this.#known ? now : before;
      return;
    }
    const isNext = before === this.#known && isSound(delta.ops, this.#index);
    this.#catchUp(isNext ? delta : null);
  }

  /**
   * Take in what was done in Quill.
   *
   * @param {{ops: object[]} | null} delta what it was; null = it is to be found out
   */
  #catchUp(delta = null) {
    const { delta: now } = this.#quill.editor;
    const known = this.#known;
    this.#known = now;
    if (this.#diverged || known === now) return;
    try {
      this.#local(delta?.ops ?? this.#missed(known.ops, now.ops));
    } catch (error) {
      this.#diverge(error);
    }
  }

  /** The delta from what Quill had to what it has, where it is not known to the character. */
  #missed(before, now) {
    // What is unfit in it cannot be handed over; Quill is shown what is instead.
    if (flat(now) !== flat(fit(now))) this.#diverge();
    const [old, young] = [before, now].map((content) => richText.create(fit(content)));
    return richText.toDelta(richText.difference(old, young), richText.indexOf(old));
  }

  #local(delta) {
    let op = richText.normalize(fit(richText.fromDelta(delta, this.#index)));
    this.#follow(delta);
    if (this.#held) {
      const held = this.#held;
      this.#held = richText.transform(held, op, "left");
      op = richText.transform(op, held, "right");
    }
    this.#edit(op);
  }

  /** Hand over what Quill shows already. */
  #edit(op) {
    if (richText.isNoop(op)) return;
    this.#own = op;
    try {
      this.#session.edit(op);
    } finally {
      this.#own = null;
    }
    this.#peers?.redraw();
  }

  #announce() {
    const { selection } = this.#quill;
    const range = selection.lastRange;
    if (!this.#peers || this.#held || this.#diverged || !range || !selection.hasFocus()) return;
    const [anchor, head] = [range.index, range.index + range.length].map((offset) =>
      this.#index.toCodePoint(Math.min(offset, this.#size)),
    );
    const ranges = anchor === head ? null : [[anchor, head]];
    this.#session.setPresence({ cursor: head, selection: ranges });
  }

  // --- to Quill ---------------------------------------------------------------------------

  #changed({ op, origin }) {
    if (this.#own !== null) {
      // Somebody who was told of this editor's change may have made another at once.
      if (op !== this.#own) this.#diverge();
      return;
    }
    if (this.#diverged) return;
    this.#held = this.#held ? richText.compose(this.#held, op) : op;
    if (this.#quill.composition.isComposing) return;
    this.#flush();
    if (origin === "undo" || origin === "redo") this.#select(op);
  }

  /** Show what was held back. */
  #flush() {
    if (this.#diverged) return;
    // What the user did a moment ago comes first.
    this.#quill.update();
    this.#catchUp();
    const op = this.#held;
    this.#held = null;
    if (!op || this.#diverged) return;
    try {
      if (this.#quill.getLength() !== this.#size) {
        this.#restore();
        return;
      }
      const delta = richText.toDelta(op, this.#index);
      this.#follow(delta);
      this.#tell(() => this.#quill.updateContents(shown(this.#quill, delta), "api"));
      this.#settle();
    } catch (error) {
      this.#diverge(error);
    }
  }

  /** Quill must have been asked before for what it does not know yet of what the user did. */
  #tell(show) {
    this.#known = this.#quill.editor.delta;
    this.#telling = true;
    try {
      show();
    } finally {
      this.#telling = false;
      this.#known = this.#quill.editor.delta;
    }
    this.#peers?.redraw();
  }

  /** The document that Quill shows has changed by a delta. */
  #follow(delta) {
    this.#index = richText.indexAfter(this.#index, delta);
    for (const part of delta) {
      if (part.insert !== undefined) this.#size += flat([part]).length;
      else this.#size -= part.delete ?? 0;
    }
    this.#peers?.use(this.#index);
  }

  /** Put the cursor behind what an undo or redo did. */
  #select(op) {
    const last = op.reduce((at, part) => (part.delete ? at : at + lengthIn(part)), 0);
    const offset = this.#index.toUtf16(last);
    this.#quill.setSelection(Math.min(offset, this.#quill.getLength() - 1), 0, "user");
  }

  /** Show the session's document, whatever is shown. */
  #restore() {
    this.#quill.update();
    this.#diverged = false;
    this.#held = null;
    const { content } = this.#session;
    const target = shown(this.#quill, endsWithNewline(content) ? content : [...content, NEWLINE]);
    const { ops } = this.#quill.getContents();
    const current = fit(ops);
    this.#use(content);
    this.#tell(() => {
      if (flat(ops) !== flat(current)) {
        this.#quill.setContents(target, "api");
        return;
      }
      const [old, young] = [current, target].map((runs) => richText.create(runs));
      const op = richText.difference(old, young);
      this.#quill.updateContents(richText.toDelta(op, richText.indexOf(old)), "api");
    });
    this.#settle();
  }

  #use(content) {
    this.#index = richText.indexOf(content);
    this.#size = flat(content).length;
    this.#peers?.use(this.#index);
  }

  /**
   * Quill's documents end with a newline, and have one beside an embed that takes a line of its own.
   * Where the session's has not, they are added to it.
   */
  #settle() {
    if (this.#session.status.readOnly) return;
    const { content } = this.#session;
    if (!endsWithNewline(content)) {
      // Not at once: others may still be told of the change that made it so.
      queueMicrotask(() => this.#complete());
    } else if (this.#quill.getLength() !== this.#size) {
      queueMicrotask(() => this.#adopt());
    }
  }

  #complete() {
    const { content } = this.#session;
    if (!this.#off.length || this.#held || this.#diverged || endsWithNewline(content)) return;
    this.#attempt(() => {
      this.#edit(richText.normalize([{ retain: richText.length(content) }, NEWLINE]));
      this.#use(this.#session.content);
      this.#settle();
    });
  }

  /** Make the session's document as long as Quill's, with what Quill has where they differ. */
  #adopt() {
    if (!this.#off.length || this.#held || this.#diverged) return;
    if (this.#quill.getLength() === this.#size) return;
    const { content } = this.#session;
    const now = fit(this.#quill.getContents().ops);
    const texts = [shown(this.#quill, content), now].map((runs) => [{ insert: flat(runs) }]);
    let at = 0;
    const op = richText.difference(...texts).flatMap((part) => {
      const start = at;
      if (!part.delete) at += lengthIn(part);
      return part.insert === undefined ? part : cutOut(now, start, at);
    });
    this.#attempt(() => {
      this.#edit(richText.normalize(op));
      this.#use(this.#session.content);
    });
  }

  #attempt(change) {
    try {
      change();
    } catch (error) {
      this.#session.report(error);
    }
  }

  /** @param {Error} [error] which the application is to be told of */
  #diverge(error) {
    if (error) this.#session.report(error);
    if (this.#diverged) return;
    this.#diverged = true;
    // While Quill tells of a change it is not to be changed.
    queueMicrotask(() => {
      if (this.#off.length) this.#attempt(() => this.#restore());
    });
  }

  #setReadOnly(readOnly) {
    if (readOnly === this.#disabled) return;
    this.#disabled = readOnly;
    this.#quill.enable(!readOnly);
    if (!readOnly) this.#settle();
  }
}

/** Whether a delta of Quill's can be taken as it is. */
function isSound(delta, index) {
  let at = 0;
  for (const part of delta) {
    at += part.retain ?? part.delete ?? 0;
    if (index.cuts(at) || flat([part]) !== flat(fit([part]))) return false;
  }
  return true;
}

const lengthIn = (part) => richText.length([part]);

const endsWithNewline = (content) => {
  const last = content.at(-1)?.insert;
  return typeof last === "string" && last.endsWith("\n");
};
