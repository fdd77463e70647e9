/**
 * What the user did and the server did not take: kept as patches, to be applied again. It knows no
 * network and no clock. `collab_wamp/client/patches.py` is the same in Python.
 *
 * @typedef {{code: string, message: string}} Reason the code of a `CollabError`, and words for people
 *
 * @typedef {object} Patch
 * @property {string} id unique in this session, here
 * @property {string} name for people: "What you wrote at 14:03"
 * @property {any} op does it to the document as it is now; null where it has no place there any more
 * @property {number} revision that was known when it was refused
 * @property {string} text what it inserts, for a person to copy; "" where that is nothing
 * @property {Reason} reason why it was not taken
 * @property {number} createdMs since 1970
 * @property {{clientId: string, seq: number, op: any, rest: any}} [unsure] set where a part of it may
 *   have been committed: the session was over before an answer came
 */

/** What is refused so soon after something else that was belongs to it. */
const JOIN_MS = 60_000;
const MOST_UNSEEN_PARTS = 200;

/** The patches of one session, each transformed over everything that has happened since. */
export class Patches {
  #type;
  #changed;
  /** @type {Map<string, Patch>} */
  #patches = new Map();
  #unseen = null;
  #numbers = 0;
  /** The patch that what is refused next may belong to: `{id, atMs}`. */
  #open = null;
  /** The one that was applied again, and the edit that was in flight before it. */
  #again = null;

  /**
   * @param {object} type the document's
   * @param {() => void} changed told when there are others than before
   */
  constructor(type, changed) {
    this.#type = type;
    this.#changed = changed;
  }

  /** @returns {Patch[]} in the order in which they were refused */
  get all() {
    this.#see();
    return [...this.#patches.values()];
  }

  /** Something was applied to the document. */
  applied(op) {
    if (!this.#patches.size) return;
    this.#unseen = this.#unseen === null ? op : this.#type.compose(this.#unseen, op);
    if (this.#unseen.length > MOST_UNSEEN_PARTS) this.#see();
  }

  /** The edit in flight was committed. */
  accepted(edit) {
    this.#open = null;
    if (this.#again && this.#again.edit !== edit) this.#again = null;
  }

  /**
   * Keep an edit that was refused. What was refused just before it belongs to it.
   *
   * @param {object} edit that was in flight
   * @param {any} op does the same to the document as it is now
   * @param {{text: string, reason: Reason, revision: number, nowMs: number}} about
   * @returns {Patch}
   */
  refused(edit, op, about) {
    this.#see();
    const again = this.#again && this.#again.edit !== edit ? this.#again.patch : null;
    if (again) this.#again = null;
    const { text, reason, revision, nowMs } = about;
    const patch = again ? { ...again, op, text, reason, revision } : this.#joined(op, about);
    this.#open = { id: patch.id, atMs: nowMs };
    return this.#put(patch);
  }

  #joined(op, about) {
    const { text, reason, revision, nowMs } = about;
    const last = this.#patches.get(this.#open?.id);
    if (!last || last.op === null || last.reason.code !== reason.code) return this.#new(op, about);
    if (nowMs - this.#open.atMs > JOIN_MS) return this.#new(op, about);
    // It was made on a document from which the last had been taken back.
    const behind = this.#type.transform(op, last.op, this.#type.side("", ""));
    return { ...last, op: this.#type.compose(last.op, behind), text: last.text + text, revision };
  }

  /**
   * Keep something that belongs to nothing else.
   *
   * @param {any} op null where it has no place in the document
   * @param {{text: string, reason: Reason, revision: number, nowMs: number}} about
   * @param {Patch["unsure"]} [unsure]
   * @returns {Patch}
   */
  keep(op, about, unsure) {
    this.#see();
    const { id, name, createdMs } = this.#again?.patch ?? {};
    const patch = { ...this.#new(op, about), ...(id && { id, name, createdMs }) };
    if (unsure) patch.unsure = unsure;
    this.#again = null;
    this.#open = null;
    return this.#put(patch);
  }

  /** Take a patch of another session; `op` does it to the document of this one. */
  add({ unsure, ...patch }, op) {
    this.#see();
    return this.#put({ ...patch, id: this.#newId(), op });
  }

  /** @param {string} id @returns {Patch | undefined} */
  get(id) {
    this.#see();
    return this.#patches.get(id);
  }

  /** A patch is being applied, behind the edit that is in flight, if any. */
  taken(patch, edit) {
    this.#again = { patch, edit };
    this.discard(patch.id);
  }

  /** Forget one; told of one that is not there it does nothing. */
  discard(id) {
    if (!this.#patches.delete(id)) return;
    if (this.#open?.id === id) this.#open = null;
    this.#changed();
  }

  #new(op, { text, reason, revision, nowMs }) {
    const name = `What you ${text ? "wrote" : "changed"} at ${timeOfDay(nowMs)}`;
    return { id: this.#newId(), name, op, revision, text, reason, createdMs: nowMs };
  }

  #newId() {
    return `patch-${++this.#numbers}`;
  }

  #put(patch) {
    this.#patches.set(patch.id, patch);
    this.#changed();
    return patch;
  }

  /** Bring the patches past what has happened meanwhile. */
  #see() {
    const op = this.#unseen;
    this.#unseen = null;
    if (op === null) return;
    for (const patch of [...this.#patches.values()]) {
      if (patch.op === null) continue;
      const moved = this.#type.transform(patch.op, op, "left");
      const isNoop = this.#type.isNoop(moved);
      // Where nothing is left of one without a text, others have done the same.
      if (isNoop && !patch.text) this.#patches.delete(patch.id);
      else this.#patches.set(patch.id, { ...patch, op: isNoop ? null : moved });
    }
  }
}

/**
 * A patch's operation, past edits that were committed since.
 *
 * @param {object} type
 * @param {Patch} patch
 * @param {[string, number, any][]} edits as on the wire; where the one that the patch is unsure of is
 *   among them, that is not part of the result
 */
export function forward(type, { op, unsure }, edits) {
  let inFlight = unsure?.op ?? null;
  let rest = unsure ? unsure.rest : op;
  for (const [clientId, seq, committed] of edits) {
    let theirs = committed;
    if (inFlight !== null && clientId === unsure.clientId && seq === unsure.seq) {
      inFlight = null;
      continue;
    }
    if (inFlight !== null) {
      const mine = inFlight;
      inFlight = type.transform(mine, theirs, "left");
      theirs = type.transform(theirs, mine, "right");
    }
    rest = type.transform(rest, theirs, "left");
  }
  return inFlight === null ? rest : type.compose(inFlight, rest);
}

/**
 * What an operation inserts, all at the place where it began, in a document of this length.
 *
 * @param {string} typeName
 * @param {any} op
 * @param {number} length
 * @returns {any} null where the type has no places that stay what they are, as `json`, or nothing is
 *   inserted
 */
export function byText(typeName, op, length) {
  if (typeName === "text") {
    const inserted = op.filter((part) => typeof part === "string").join("");
    const place = Math.min(typeof op[0] === "number" ? op[0] : 0, length);
    return inserted ? [...(place ? [place] : []), inserted] : null;
  }
  if (typeName === "rich_text") {
    const inserted = op.filter((part) => "insert" in part);
    const place = Math.min(op[0]?.retain ?? 0, length);
    return inserted.length ? [...(place ? [{ retain: place }] : []), ...inserted] : null;
  }
  return null;
}

function timeOfDay(ms) {
  const at = new Date(ms);
  return [at.getHours(), at.getMinutes()].map((n) => String(n).padStart(2, "0")).join(":");
}
