/**
 * What this client has been told of conflicts between its user's edits and those of others.
 *
 * @typedef {{op: any, revision: number, user_id: string, client_id: string}} Theirs
 * @typedef {{kind: string, where: any[], revision: number, user_id: string, client_id: string}} Place
 *
 * @typedef {object} Conflict its fields are named as on the wire, but for `lost` and `text`
 * @property {string | null} conflict_id null where the edit is refused
 * @property {"refused" | "held" | "expired" | "resolved"} state `refused`: that is all; `held`: the
 *   server keeps it until the user has decided, see `Session.resolve`; `expired`: it was not
 *   decided in time, and can be dropped; `resolved`: here or elsewhere
 * @property {any} mine the edit as it would be merged, at `revision`
 * @property {Theirs[]} theirs the edits that it conflicts with
 * @property {Place[]} conflicts
 * @property {number | null} revision that `mine` is made at; of a resolved one, where it is now
 * @property {number | null} expires_ms milliseconds since 1970
 * @property {boolean} requires_manual_resolution
 * @property {any} lost the operation that was taken back here, at the revision that was current;
 *   null where that was not here, or before this page was loaded
 * @property {string} text what `lost` (or else `mine`) inserted
 */

export class Conflicts {
  #type;
  #tell;
  /** Those that wait for the user, expired ones among them. @type {Map<string, Conflict>} */
  held = new Map();

  /**
   * @param {any} type of the document
   * @param {(conflict: Conflict) => void} tell is told of each, and when its state changes
   */
  constructor(type, tell) {
    this.#type = type;
    this.#tell = tell;
  }

  /**
   * The answer to an edit was `conflict`.
   *
   * @param {import("./errors.js").CollabError} error
   * @param {any} lost
   * @returns {Conflict}
   */
  refused({ details }, lost) {
    const conflict = this.#conflict(details, lost);
    if (conflict.conflict_id !== null) this.held.set(conflict.conflict_id, conflict);
    this.#tell(conflict);
    return conflict;
  }

  /** Which of a join's rows is the answer to an edit in flight; null = none. */
  answerTo(rows, clientId, seq) {
    const isAnswer = (row) => row.client_id === clientId && row.seq === seq;
    const found = rows.find((row) => isAnswer(row) && !this.held.has(row.conflict_id));
    return found?.conflict_id ?? null;
  }

  /**
   * Take all that a join lists.
   *
   * @param {any[]} rows
   * @param {string | null} answer which of them is the answer to an edit that was in flight …
   * @param {any} lost … and was taken back
   */
  joined(rows, answer, lost) {
    const before = this.held;
    this.held = new Map();
    for (const row of rows) {
      const id = row.conflict_id;
      const known = before.get(id);
      before.delete(id);
      if (known) {
        this.#change(known, row.state);
      } else {
        const conflict = this.#conflict(row, id === answer ? lost : null);
        this.held.set(id, conflict);
        this.#tell(conflict);
      }
    }
    for (const gone of before.values()) this.#change(gone, "resolved");
  }

  /** Take what the roster topic tells. */
  event({ conflict_id: id, state, op, revision }) {
    let known = this.held.get(id);
    if (!known && state === "expired") {
      known = this.#conflict({ conflict_id: id, state: "held", mine: op, revision }, null);
    }
    if (known) this.#change(known, state, revision);
  }

  /** The user has decided. */
  resolved(id, revision) {
    this.event({ conflict_id: id, state: "resolved", revision });
  }

  #change(known, state, revision = null) {
    const conflict = { ...known, state, requires_manual_resolution: state !== "resolved" };
    if (state === "resolved") {
      this.held.delete(known.conflict_id);
      conflict.revision = revision;
    } else {
      this.held.set(known.conflict_id, conflict);
      if (state === known.state) return;
    }
    this.#tell(conflict);
  }

  #conflict(row, lost) {
    const { conflict_id = null, state = "refused", mine = null, revision = null } = row;
    const { theirs = [], conflicts = [], expires_ms = null } = row;
    const op = lost ?? mine;
    return {
      conflict_id,
      state,
      mine,
      theirs,
      conflicts,
      revision,
      expires_ms,
      requires_manual_resolution: state !== "refused",
      lost,
      text: op === null ? "" : this.#type.textOf(op),
    };
  }
}
