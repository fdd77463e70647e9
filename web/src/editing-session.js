/**
 * What a session offers to those who edit, beside the document itself.
 */

import { Session } from "./session.js";

const UNDO_GROUP_MS = 500;
/** The others may have left nothing to undo; whoever shows that learns of it so much later. */
const HISTORY_LATE_MS = 500;

/**
 * A session, with undo. Its further events:
 *
 * | name | value |
 * |---|---|
 * | `history` | `{canUndo, canRedo}`: one of them has changed |
 */
export class EditingSession extends Session {
  #undoGroupMs;
  #editedAt = -Infinity;
  #history = "";
  #historyTimer = null;

  /** Sessions are made by `Client.open`. */
  constructor(sessionId, { undoGroupMs = UNDO_GROUP_MS, ...settings }) {
    super(sessionId, settings);
    this.#undoGroupMs = undoGroupMs;
    this.on("change", ({ origin }) => this.#onChange(origin));
    this.on("ended", () => this.clock.clearTimeout(this.#historyTimer));
  }

  /** @override See `Session.edit`. What follows within `undoGroupMs` is undone together. */
  edit(op) {
    const now = this.clock.now();
    const joined = now - this.#editedAt < this.#undoGroupMs;
    this.change((replica) => replica.edit(op, { joined }));
    this.#editedAt = now;
  }

  // --- undo -----------------------------------------------------------------------------------

  get canUndo() {
    return this.replica?.ownEdits.canUndo ?? false;
  }

  get canRedo() {
    return this.replica?.ownEdits.canRedo ?? false;
  }

  /**
   * Take back the user's last edit that is not taken back yet; what others did stays. The `change`
   * that does it has the origin `undo`.
   *
   * @returns {boolean} whether there was anything to take back
   * @throws {CollabError} `denied` where the session is read-only
   */
  undo() {
    return this.#step("undo");
  }

  /** Do again what was undone last. See `undo`. */
  redo() {
    return this.#step("redo");
  }

  #step(name) {
    const done = this.change((replica) => replica[name]());
    this.#tellHistory();
    return done;
  }

  #onChange(origin) {
    if (origin !== "remote") {
      this.#tellHistory();
      return;
    }
    // To look at what can be undone takes some work; so not at each edit of somebody.
    this.#historyTimer ??= this.clock.setTimeout(() => {
      this.#historyTimer = null;
      this.#tellHistory();
    }, HISTORY_LATE_MS);
  }

  #tellHistory() {
    const { canUndo, canRedo } = this;
    const history = `${canUndo} ${canRedo}`;
    if (history === (this.#history || "false false")) return;
    this.#history = history;
    this.emit("history", { canUndo, canRedo });
  }
}
