/**
 * What a session offers to those who edit, beside the document itself.
 */

import { readHistory } from "./history.js";
import { exported, imported } from "./keeping.js";
import { SelfCheck } from "./self-check.js";
import { Session } from "./session.js";
import { deleteVersion, restore, saveVersion, versions } from "./versions.js";

const UNDO_GROUP_MS = 500;
const IDLE_MS = 200;
/** The others may have left nothing to undo; whoever shows that learns of it so much later. */
const HISTORY_LATE_MS = 500;

/**
 * A session, with undo, and with what the server did not take kept. Its further events:
 *
 * | name | value |
 * |---|---|
 * | `diverged` | `{revision, expected, found}`: the document here was not what the server has, as the hashes tell, which should never be; it is replaced, with what is pending, and nothing done before can be undone |
 * | `history` | `{canUndo, canRedo}`: one of them has changed |
 */
export class EditingSession extends Session {
  #undoGroupMs;
  #editedAt = -Infinity;
  #history = "";
  #historyTimer = null;
  #selfCheck = new SelfCheck(
    this,
    () => this.#idle(),
    (divergence) => this.#diverged(divergence),
  );

  /** Sessions are made by `Client.open`. */
  constructor(sessionId, { undoGroupMs = UNDO_GROUP_MS, ...settings }) {
    super(sessionId, settings);
    this.#undoGroupMs = undoGroupMs;
    this.on("change", ({ origin }) => this.#onChange(origin));
    this.on("ended", () => {
      this.clock.clearTimeout(this.#historyTimer);
      this.#selfCheck.drop();
    });
  }

  /** @override See `Session.edit`. What follows within `undoGroupMs` is undone together. */
  edit(op) {
    const now = this.clock.now();
    const joined = now - this.#editedAt < this.#undoGroupMs;
    this.change((replica) => replica.edit(op, { joined }));
    this.#editedAt = now;
  }

  /** Insert a text at a position (code points); not of type `json`. */
  insert(position, inserted) {
    this.edit(this.type.insertion(position, inserted));
  }

  /** Delete so many code points from a position on; not of type `json`. */
  remove(position, length) {
    this.edit(this.type.deletion(position, length));
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

  // --- conflicts -------------------------------------------------------------------------------

  /** The user's edits that wait for `resolve`. @returns {import("./conflicts.js").Conflict[]} */
  get held() {
    return [...this.conflicts.held.values()];
  }

  /**
   * Decide about a conflict; however long that takes, and however often it is tried.
   *
   * @param {string} conflictId
   * @param {"mine" | "theirs" | "both" | "op"} choice `mine`: instead of what the others did;
   *   `theirs`: nothing; `both`: merged; `op`: another operation
   * @param {any} [op] with the choice `op`
   * @param {number} [revision] that it was made at, if not the `revision` of the conflict
   * @returns {Promise<number>} the revision it is committed at; with `theirs`, the head
   * @throws {CollabError}
   */
  async resolve(conflictId, choice, op, revision) {
    const request = { conflict_id: conflictId, choice, op, revision };
    const result = await this.askToResolve(request);
    this.conflicts.resolved(conflictId, result.revision);
    return result.revision;
  }

  // --- whether all have the same ----------------------------------------------------------------

  /**
   * Whether the document here is what the server has; if not, it is replaced, see `diverged`. Waits
   * until both are at one revision. The server tells the hash now and then, by itself.
   *
   * @returns {Promise<boolean>}
   * @throws {CollabError} where the session is over, or the server cannot be asked
   */
  verify() {
    return this.#selfCheck.verify();
  }

  /** @override */
  onCheck(check) {
    this.#selfCheck.expect(check);
  }

  /** @override */
  onRevision() {
    this.#selfCheck.reached();
  }

  /** @override */
  onReset() {
    this.#selfCheck.drop();
  }

  #diverged(divergence) {
    globalThis.console?.error(`Session ${this.id} is not what the server has.`, divergence);
    this.emit("diverged", divergence);
    this.replace();
  }

  /** Who types goes first, for some seconds. */
  async #idle() {
    for (let tries = 0; tries < 20; tries++) {
      await new Promise((resolve) => this.clock.setTimeout(resolve, IDLE_MS));
      if (this.clock.now() - this.#editedAt >= IDLE_MS) return;
    }
  }

  // --- what it was ------------------------------------------------------------------------------

  /**
   * The document's history, as far as the server keeps it.
   *
   * @param {{progress?: import("./history.js").Progress}} [options]
   * @returns {Promise<import("./history.js").History>}
   * @throws {CollabError}
   */
  history(options) {
    return readHistory(this, options);
  }

  /**
   * Keep what the server's document is under a name; what is pending here is not in it.
   *
   * @param {string} name 1 to 128 characters
   * @param {number} [revision] what it was then, instead
   * @returns {Promise<import("./versions.js").Version>}
   * @throws {CollabError}
   */
  saveVersion(name, revision) {
    return saveVersion(this, name, revision);
  }

  /** @returns {Promise<import("./versions.js").Version[]>} the newest first @throws {CollabError} */
  versions() {
    return versions(this);
  }

  /**
   * Make the document what it was, by an edit that everybody gets.
   *
   * @param {{versionId: string} | {revision: number}} what
   * @returns {Promise<number>} the revision of that edit
   * @throws {CollabError}
   */
  restore(what) {
    return restore(this, what);
  }

  /** Keep a version no longer; others' take the right to manage. @throws {CollabError} */
  deleteVersion(versionId) {
    return deleteVersion(this, versionId);
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
