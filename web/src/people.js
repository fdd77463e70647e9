/**
 * Who is on a session, and where they are: the roster and the positions, as the server tells them.
 */

import { Roster } from "./roster.js";

export class People {
  #roster = new Roster();
  #replica;
  #tell;
  #selfId = null;

  /**
   * @param {() => import("./replica.js").Replica | null} replica
   * @param {(name: "participants" | "presence", value: any) => void} tell
   */
  constructor(replica, tell) {
    this.#replica = replica;
    this.#tell = tell;
  }

  /** @returns {import("./roster.js").Participant[]} oneself included, in order of arrival */
  get list() {
    return this.#roster.list(this.#replica()?.positions.others ?? new Map());
  }

  /** What this client may do, as far as is known. */
  get right() {
    return this.#roster.right;
  }

  /** The participant that has a client id. */
  participantOf(clientId) {
    return this.#roster.participantOf(clientId);
  }

  /** Begin anew, from the result of a join. */
  reset({ participant_id: selfId, roster, epoch, revision, presence }) {
    this.#selfId = selfId;
    this.#roster.reset(selfId, roster);
    this.#replica().positions.forget();
    this.#tell("participants", this.list);
    this.place({ epoch, revision, presence });
  }

  /** Take an event of the roster. @returns {boolean} whether it tells of anybody */
  take(event) {
    if (!this.#roster.take(event)) return false;
    this.#changed();
    return true;
  }

  /** Take the whole roster, and the events that came since it was asked for. */
  takeAll(rows, since) {
    this.#roster.reset(this.#selfId, rows);
    for (const event of since) this.#roster.take(event);
    this.#changed();
  }

  #changed() {
    const { others } = this.#replica().positions;
    // Who is not here is nowhere.
    const gone = [...others.keys()].filter((participantId) => !this.#roster.has(participantId));
    for (const participantId of gone) others.delete(participantId);
    this.#tell("participants", this.list);
    if (gone.length) this.#tell("presence", gone);
  }

  /** Take an event of the presence. */
  place({ epoch, revision, presence }) {
    if (epoch !== this.#replica().epoch) return;
    const others = { ...presence };
    delete others[this.#selfId];
    if (Object.keys(others).length) this.#replica().positions.place(revision, others);
  }
}
