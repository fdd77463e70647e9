/**
 * A document's history as far as the server keeps it: what it was, and who wrote what.
 *
 * @typedef {object} PastEdit
 * @property {number} revision that it made
 * @property {string} clientId
 * @property {string} userId
 * @property {number} timeMs since 1970
 *
 * @typedef {object} Moment
 * @property {any} content
 * @property {[string | null, number][]} authors for `text` and `rich_text`: client ids and how many
 *   characters (code points) each wrote, from the start to the end; null for what was there at the
 *   first revision. [] for other types
 * @property {PastEdit | null} edit that made this revision; null of the first
 *
 * @typedef {(state: {fetched: number, total: number}) => void} Progress of edits
 */

import { Authors, hasAuthors } from "./authors.js";
import { LazyDocument } from "./document.js";
import { CollabError } from "./errors.js";

const INFO = "collab.session.info";
const SNAPSHOT = "collab.session.snapshot";
const FETCH = "collab.session.fetch";
const PAGE = 1000;
/** Contents are kept so often; and more often around the last one that was looked at. */
const KEEP_EVERY = 500;
const KEEP_NEAR_EVERY = 25;
/** While it is read, the server may drop its oldest part. */
const TRIES = 5;

export class History {
  #session;
  #type;
  #epoch;
  #edits = [];
  /** Client id → user id. */
  #users = new Map();
  /** Revision → `{content, authors}`. */
  #kept = new Map();
  #near = new Map();
  #nearOf = null;
  #cursor = null;

  /** Histories are made by `session.history`. */
  constructor(session, { epoch, revision, content }) {
    this.#session = session;
    this.#type = session.type;
    this.#epoch = epoch;
    /** The oldest revision that there is. */
    this.first = revision;
    const made = this.#type.create(content);
    const authors = hasAuthors(this.#type) ? Authors.of(this.#type.length(made)) : null;
    this.#kept.set(revision, { content: made, authors });
  }

  /** The newest revision that is known here; see `refresh`. */
  get last() {
    return this.first + this.#edits.length;
  }

  /** How many revisions there are, the first and the last among them. */
  get length() {
    return this.#edits.length + 1;
  }

  /**
   * Learn of the edits that were made since.
   *
   * @param {{progress?: Progress}} [options]
   * @returns {Promise<number>} how many there were
   * @throws {CollabError} `stale_epoch` where the session was made anew, `base_too_old` where what
   *   follows here is not kept any more: read its history anew
   */
  async refresh({ progress = () => {} } = {}) {
    const before = this.#edits.length;
    for (let more = true; more; ) {
      const asked = { epoch: this.#epoch, after: this.last, limit: PAGE };
      const page = await this.#session.call(FETCH, asked);
      const known = this.last - asked.after;
      this.#edits.push(...page.edits.slice(known));
      for (const [clientId, , , userId] of page.edits) this.#users.set(clientId, userId);
      more = page.more && page.edits.length > 0;
      const fetched = this.#edits.length - before;
      progress({ fetched, total: Math.max(fetched, page.revision - this.first - before) });
    }
    return this.#edits.length - before;
  }

  /**
   * The document at a revision. Quick for one that is near to the one before.
   *
   * @param {number} revision from `first` to `last`
   * @returns {Moment}
   */
  at(revision) {
    if (!Number.isInteger(revision) || revision < this.first || revision > this.last) {
      throw new RangeError(`Revision ${revision} is not from ${this.first} to ${this.last}.`);
    }
    const { document, authors } = this.#goTo(revision);
    const runs = authors?.runs ?? [];
    return { content: document.content, authors: runs, edit: this.#edit(revision) };
  }

  /** Whose a client id was; undefined where it made none of these edits. */
  userOf(clientId) {
    return this.#users.get(clientId);
  }

  /** @returns {PastEdit | null} */
  #edit(revision) {
    const edit = this.#edits[revision - this.first - 1];
    if (!edit) return null;
    const [clientId, , , userId, timeMs] = edit;
    return { revision, clientId, userId, timeMs };
  }

  #goTo(revision) {
    const start = this.#before(revision);
    const { revision: at } = this.#cursor ?? { revision: Infinity };
    if (at > revision || at < start.revision) {
      const document = new LazyDocument(this.#type, start.content);
      this.#cursor = { revision: start.revision, document, authors: start.authors?.copy() };
    }
    const cursor = this.#cursor;
    while (cursor.revision < revision) {
      const [clientId, , op] = this.#edits[cursor.revision - this.first];
      cursor.document.apply(op);
      cursor.authors?.apply(this.#type, op, clientId);
      cursor.revision += 1;
      this.#keep(cursor);
    }
    return cursor;
  }

  /** The newest kept one that is not past a revision. */
  #before(revision) {
    const window = revision - ((revision - this.first) % KEEP_EVERY);
    if (this.#nearOf !== window) {
      this.#near.clear();
      this.#nearOf = window;
    }
    for (let at = revision - ((revision - this.first) % KEEP_NEAR_EVERY); at >= this.first; ) {
      const found = this.#kept.get(at) ?? this.#near.get(at);
      if (found) return { revision: at, ...found };
      at -= KEEP_NEAR_EVERY;
    }
    throw new Error("The first revision is always kept.");
  }

  #keep({ revision, document, authors }) {
    const since = revision - this.first;
    const place = since % KEEP_EVERY === 0 ? this.#kept : this.#near;
    const isNear = since % KEEP_NEAR_EVERY === 0 && revision > this.#nearOf;
    if (place === this.#near && !isNear) return;
    place.set(revision, { content: document.content, authors: authors?.copy() });
  }
}

/**
 * All of a session's history that the server keeps, up to its newest revision.
 *
 * @param {import("./session.js").Session} session
 * @param {{progress?: Progress}} [options]
 * @returns {Promise<History>}
 * @throws {CollabError}
 */
export async function readHistory(session, options) {
  let { floor_revision: first } = await session.call(INFO);
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      const history = new History(session, await session.call(SNAPSHOT, { revision: first }));
      await history.refresh(options);
      return history;
    } catch (error) {
      if (error.code === "stale_epoch") {
        ({ floor_revision: first } = await session.call(INFO));
      } else if (Number.isInteger(error.details?.oldest)) {
        first = error.details.oldest;
      } else {
        throw error;
      }
    }
  }
  throw new CollabError("overloaded", "History goes faster than it is read.", { retryable: true });
}
