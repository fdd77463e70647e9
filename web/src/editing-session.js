/**
 * What a session offers to those who edit, beside the document itself.
 */

import { exported, imported } from "./keeping.js";
import { Session } from "./session.js";

const UNDO_GROUP_MS = 500;
/** The others may have left nothing to undo; whoever shows that learns of it so much later. */
const HISTORY_LATE_MS = 500;

/**
 * A session, with undo, and with what the server did not take kept. Its further events:
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

  /** Fulfilled when the server has everything; rejected where the session ends before. */
  saved() {
    return new Promise((resolve, reject) => {
      let off = [];
      const settle = () => {
        if (this.replica.pending && !this.ended) return;
        off.forEach((stop) => stop());
        if (this.replica.pending) reject(this.ended);
        else resolve();
      };
      off = [this.on("status", settle), this.on("ended", settle)];
      settle();
    });
  }

  // --- what was not taken -----------------------------------------------------------------------

  /**
   * What was done here and is not in the document: refused, or pending when the session was over. In
   * the order in which that happened; as they are now.
   *
   * @returns {import("./patches.js").Patch[]}
   */
  get patches() {
    return this.replica?.rescue.patches.all ?? [];
  }

  /**
   * Do again, as a new edit of the document as it is now, what a patch has kept. It is gone from
   * `patches` then; where the server refuses it again, it is back, with the same id.
   *
   * @param {string} id
   * @throws {CollabError} `denied` where the session is read-only
   * @throws {TypeError} where there is none, or it has no place in the document any more
   */
  applyPatch(id) {
    const patch = this.replica.rescue.patches.get(id);
    if (!patch) throw new TypeError(`There is no patch ${id}.`);
    if (patch.op === null) throw new TypeError("It has no place in the document any more.");
    this.change((replica) => replica.applyPatch(patch));
    this.#editedAt = -Infinity;
  }

  /** Forget a patch; of one that is not there nothing is said. @param {string} id */
  discardPatch(id) {
    this.replica.rescue.patches.discard(id);
  }

  /** All patches as JSON, to be kept somewhere and given to `importPatches`. @returns {string} */
  exportPatches() {
    return exported(this);
  }

  /**
   * Take patches that were exported, here or in another session with a document of this type. They
   * get new ids. Where the session is the same one, with the same epoch, and the edits since are
   * kept, each goes past these; otherwise what it inserts is put where it began, or at the end of a
   * shorter document. Of a `json` document there is then only its `text` to copy.
   *
   * @param {string} json
   * @returns {Promise<import("./patches.js").Patch[]>}
   * @throws {TypeError} where it is not what `exportPatches` made, or of another type of document
   * @throws {CollabError} where the session is over, or the server cannot be asked
   */
  importPatches(json) {
    return imported(this, json);
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
