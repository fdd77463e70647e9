/**
 * Who is on a session.
 *
 * @typedef {object} Participant
 * @property {string} participantId
 * @property {string} userId
 * @property {Record<string, any>} userInfo what they say of themselves; not to be trusted
 * @property {"view" | "edit" | "manage"} right
 * @property {string} clientId
 * @property {boolean} self
 * @property {number | null} cursor in the document as it is here
 * @property {[number, number][] | null} selection pairs of anchor and head
 */

const NOWHERE = { cursor: null, selection: null };

export class Roster {
  #rows = new Map();
  #selfId = null;

  /** Begin anew, from what a join says. */
  reset(selfId, rows) {
    this.#selfId = selfId;
    this.#rows.clear();
    for (const row of rows) this.add(row);
  }

  /** @param {any} row as on the wire */
  add(row) {
    this.#rows.set(row.participant_id, {
      participantId: row.participant_id,
      userId: row.user_id,
      userInfo: row.user_info,
      right: row.right,
      clientId: row.client_id,
      self: row.participant_id === this.#selfId,
    });
  }

  /**
   * Take a `joined`, `left`, `rights` or `roster` event; told twice it does no harm.
   * @returns {boolean} whether it was one of these; others are passed over
   */
  take({ roster, joined, left, rights }) {
    if (roster) this.reset(this.#selfId, roster);
    if (joined) this.add(joined);
    if (left) this.#rows.delete(left.participant_id);
    const row = this.#rows.get(rights?.participant_id);
    if (row) row.right = rights.right;
    return Boolean(roster || joined || left || rights);
  }

  has(participantId) {
    return this.#rows.has(participantId);
  }

  /** What this client may do, as far as is known. @returns {string | undefined} */
  get right() {
    return this.#rows.get(this.#selfId)?.right;
  }

  /** The participant that has a client id. @returns {string | undefined} */
  participantOf(clientId) {
    for (const row of this.#rows.values()) if (row.clientId === clientId) return row.participantId;
    return undefined;
  }

  /**
   * @param {Map<string, import("./replica.js").Position>} positions
   * @returns {Participant[]} in order of arrival
   */
  list(positions) {
    return [...this.#rows.values()].map((row) => ({
      ...row,
      ...(positions.get(row.participantId) ?? NOWHERE),
    }));
  }
}
