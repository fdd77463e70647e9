/**
 * Where people are in the document as it is here, moved along with everything that happens.
 *
 * @typedef {object} Position where a participant is, in the document on the screen
 * @property {number | null} cursor
 * @property {[number, number][] | null} selection pairs of anchor and head
 */

/** Positions up to so many revisions old are brought up to date; older ones are dropped. */
const MEMORY = 200;

export class Positions {
  #outbox;
  #placed;
  #recent = [];
  #early = [];

  /**
   * @param {import("./outbox.js").Outbox} outbox
   * @param {(participantIds: string[]) => void} placed told of positions that the server set, not of
   *   those that only moved with the document
   */
  constructor(outbox, placed) {
    this.#outbox = outbox;
    this.#placed = placed;
    /** Participant id → position. @type {Map<string, Position>} */
    this.others = new Map();
    /** Where this client itself is. @type {Position} */
    this.own = { cursor: null, selection: null };
  }

  /**
   * `op` was applied to the document here.
   *
   * @param {any} op
   * @param {string} [author] the participant whose edit it is
   */
  applied(op, author) {
    this.own = this.#moved(this.own, op);
    for (const [participantId, position] of this.others) {
      this.others.set(participantId, this.#moved(position, op, participantId === author));
    }
  }

  /** The server's document has moved on by `op`, and so has the outbox's revision. */
  committed(op) {
    this.#recent.push(op);
    if (this.#recent.length > MEMORY) this.#recent.shift();
  }

  /** What was known of the past does not lead to where the document is now. */
  reset() {
    this.#recent = [];
    this.#early = [];
  }

  /** Begin anew with nobody placed. */
  forget() {
    this.others.clear();
    this.#early = [];
  }

  /**
   * Take the server's word on where people are.
   *
   * @param {number} revision at which the positions are counted
   * @param {Record<string, Position | null>} presence
   */
  place(revision, presence) {
    const { inFlight, buffer, revision: now } = this.#outbox;
    if (revision > now) {
      // The edits that it refers to are not here yet.
      this.#early.push([revision, presence]);
      return;
    }
    const oldest = now - this.#recent.length;
    for (const [participantId, position] of Object.entries(presence)) {
      if (position === null) {
        this.others.delete(participantId);
      } else if (revision >= oldest) {
        const ops = this.#recent.slice(revision - oldest);
        if (inFlight) ops.push(inFlight.now);
        if (buffer !== null) ops.push(buffer);
        this.others.set(
          participantId,
          ops.reduce((at, op) => this.#moved(at, op), position),
        );
      }
    }
    this.#placed(Object.keys(presence));
  }

  /** Place those whose positions came before the edits that they refer to. */
  takeEarly() {
    const early = this.#early;
    this.#early = [];
    for (const [revision, presence] of early) this.place(revision, presence);
  }

  /** Where this client is, in the server's document at the outbox's revision. @returns {Position} */
  ownAtServer() {
    return this.#moved(this.own, this.#outbox.undoPending());
  }

  /** Whoever types stands behind what they typed. */
  #moved({ cursor, selection }, op, isAuthor = false) {
    const { type } = this.#outbox;
    const move = (position) => type.transformPosition(position, op, isAuthor);
    return {
      cursor: cursor === null ? null : move(cursor),
      selection: selection === null ? null : selection.map((range) => range.map(move)),
    };
  }
}
