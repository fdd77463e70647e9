/**
 * The user's own edits: how many are not acknowledged, and what can be undone of all. It follows
 * what an outbox does with them.
 */
export class OwnEdits {
  #outbox;
  #undo;
  #buffered = 0;
  #inFlight = 0;
  /** `UndoStack.made` before the first edit in flight, and before the first behind it. */
  #sinceInFlight = 0;
  #sinceBuffered = 0;
  /** And after the last in flight; null where only a part of that one is. */
  #untilInFlight = null;

  /**
   * @param {import("./outbox.js").Outbox} outbox
   * @param {import("./undo.js").UndoStack | null} undo null = nothing can be undone
   */
  constructor(outbox, undo) {
    this.#outbox = outbox;
    this.#undo = undo;
  }

  get pending() {
    return this.#buffered + this.#inFlight;
  }

  get canUndo() {
    return this.#undo?.canUndo ?? false;
  }

  get canRedo() {
    return this.#undo?.canRedo ?? false;
  }

  /** The user's edit is about to be applied, and given to the outbox. */
  begin(op, joined) {
    this.#begin();
    this.#undo?.own(op, joined);
  }

  /** The operation that undoes something, about to be applied; null where there is none. */
  undo() {
    this.#begin();
    return this.#undo?.undo() ?? null;
  }

  redo() {
    this.#begin();
    return this.#undo?.redo() ?? null;
  }

  #begin() {
    if (this.#outbox.buffer === null) this.#sinceBuffered = this.#undo?.made ?? 0;
  }

  /** The outbox has the edit. */
  made() {
    this.#buffered += 1;
    this.settle();
  }

  /** Something was applied that the user did not do. */
  others(op) {
    this.#undo?.others(op);
  }

  /** The outbox has put something in flight. */
  sent() {
    const whole = this.#outbox.buffer === null;
    this.#sinceInFlight = this.#sinceBuffered;
    this.#untilInFlight = whole ? (this.#undo?.made ?? null) : null;
    this.#inFlight = whole ? this.#buffered : 1;
    if (whole) this.#buffered = 0;
  }

  /** The edit in flight will be sent anew, and maybe not all of it at once. */
  rejoined() {
    if (this.#outbox.buffer !== null) {
      this.#buffered = Math.max(1, this.#buffered);
      this.#sinceBuffered = Math.min(this.#sinceBuffered, this.#sinceInFlight);
      this.#untilInFlight = null;
    }
    this.settle();
  }

  /** What was in flight, if anything, is about to be put back into the buffer. */
  cameBack() {
    if (this.#inFlight) this.#sinceBuffered = this.#sinceInFlight;
    this.#buffered += this.#inFlight;
    this.#inFlight = 0;
  }

  /** The outbox has dropped the edit in flight; `op` is about to take it back. */
  refused(op) {
    this.settle();
    this.#undo?.refused(op, this.#sinceInFlight, this.#untilInFlight);
  }

  /** Nothing that was done can be undone any more. */
  forget() {
    this.#undo?.clear();
  }

  /** Count as pending only what is: edits may take each other back. */
  settle() {
    if (this.#outbox.buffer === null) this.#buffered = 0;
    if (this.#outbox.inFlight === null) this.#inFlight = 0;
  }
}
