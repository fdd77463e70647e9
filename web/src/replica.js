/**
 * A session as this client has it: the document on the screen, what of it is not yet sent, and
 * where the others are in it. It knows no network.
 *
 * @typedef {object} Position where a participant is, in the document on the screen
 * @property {number | null} cursor
 * @property {[number, number][] | null} selection pairs of anchor and head
 *
 * @typedef {object} Change
 * @property {any} op to be applied to the document on the screen
 * @property {"local" | "remote" | "rejected" | "reset"} origin the user's edit; others' edits; an
 *   own edit taken back because the server refused it; the way to a snapshot
 * @property {{clientId: string, userId: string}[]} authors of the edits in it, for `remote`
 */

import { LazyDocument } from "./document.js";
import { Outbox } from "./outbox.js";

/** Positions up to so many revisions old are brought up to date; older ones are dropped. */
const MEMORY = 200;

export class Replica {
  #document;
  #recent = [];
  #early = [];
  #bufferedEdits = 0;
  #editsInFlight = 0;

  /**
   * @param {object} options
   * @param {object} options.type
   * @param {string} options.clientId
   * @param {string} options.epoch
   * @param {number} options.revision
   * @param {any} options.content at the revision
   * @param {number} options.nextSeq
   * @param {(clientId: string) => string | undefined} options.authorOf the participant of a client
   * @param {(change: Change) => void} options.onChange
   * @param {(participantIds: string[]) => void} options.onPlaced told of positions that the server
   *   set, not of those that only moved with the text
   */
  constructor({ type, clientId, epoch, revision, content, nextSeq, ...callbacks }) {
    this.type = type;
    this.epoch = epoch;
    this.outbox = new Outbox(type, clientId, revision, nextSeq, content);
    this.#document = new LazyDocument(type, content);
    this.authorOf = callbacks.authorOf;
    this.onChange = callbacks.onChange;
    this.onPlaced = callbacks.onPlaced;
    /** Participant id → position. @type {Map<string, Position>} */
    this.positions = new Map();
    /** Where this client itself is. @type {Position} */
    this.own = { cursor: null, selection: null };
  }

  get content() {
    return this.#document.content;
  }

  get revision() {
    return this.outbox.revision;
  }

  /** Client id and number of the edit that made the revision; null = not known. */
  get last() {
    return this.outbox.last;
  }

  /** How many of the user's edits are not acknowledged. */
  get pending() {
    return this.#bufferedEdits + this.#editsInFlight;
  }

  // --- out --------------------------------------------------------------------------------

  /**
   * The user's edit of the document on the screen.
   *
   * @throws {TypeError} where it is not canonical or does not fit
   */
  edit(op) {
    this.type.check(op, this.#document);
    if (this.type.isNoop(op)) return;
    if (this.type.invertibleAlone && !this.type.isInvertible(op)) {
      op = this.type.invertible(op, this.content);
    }
    this.#apply(op);
    this.outbox.local(op);
    this.#bufferedEdits += 1;
    this.#settle();
    this.#tell({ op, origin: "local", authors: [] });
  }

  /** What to send now, if anything. See `Outbox.next`. */
  next(limits) {
    const message = this.outbox.next(limits);
    if (message && this.outbox.buffer === null) {
      this.#editsInFlight = this.#bufferedEdits;
      this.#bufferedEdits = 0;
    } else if (message) {
      this.#editsInFlight = 1;
    }
    return message;
  }

  // --- in ---------------------------------------------------------------------------------

  /**
   * The next edits of the stream. Those that are known are passed over; what is new changes the
   * document on the screen in one step.
   *
   * @param {number} after the revision before the first
   * @param {[string, number, any, string, number][]} edits as on the wire
   * @throws {Gap} where edits are missing in between; those before the gap are taken
   */
  receive(after, edits) {
    let change = null;
    try {
      edits.forEach((edit, i) => {
        change = this.#receiveOne(after + 1 + i, edit, change);
      });
    } finally {
      if (change) this.#tell(change);
      this.#takeEarly();
    }
  }

  #receiveOne(revision, [clientId, seq, op, userId], change) {
    if (revision <= this.revision) return change;
    const own = this.outbox.inFlight?.now;
    const incoming = this.outbox.receive(revision, clientId, seq, op);
    this.#remember(incoming === null ? own : op);
    this.#settle();
    if (incoming === null) return change;
    this.#apply(incoming, this.authorOf(clientId));
    const author = { clientId, userId };
    if (!change) return { op: incoming, origin: "remote", authors: [author] };
    change.op = this.type.compose(change.op, incoming);
    change.authors.push(author);
    return change;
  }

  /** The call was answered. @returns {boolean} whether the edit is acknowledged */
  answered(seq, revision) {
    const own = this.outbox.inFlight?.now;
    const waited = seq === this.outbox.inFlight?.seq;
    const acknowledged = this.outbox.answered(seq, revision);
    if (waited && acknowledged) {
      this.#remember(own);
      this.#settle();
      this.#takeEarly();
    }
    return acknowledged;
  }

  /**
   * The server refused the edit in flight: take it back.
   *
   * @returns {any} the operation that is lost
   */
  reject() {
    const { undo, lost } = this.outbox.reject();
    this.#settle();
    this.#apply(undo);
    this.#tell({ op: undo, origin: "rejected", authors: [] });
    return lost;
  }

  /** The number that the server must expect next, as far as is known here. */
  get nextSeq() {
    return this.outbox.inFlight?.seq ?? this.outbox.nextSeq;
  }

  /** A join has said that the edit in flight is not committed. See `Outbox.rejoined`. */
  rejoined(limits) {
    this.outbox.rejoined(limits);
    // Some of what was in flight may be in the buffer now.
    if (this.outbox.buffer !== null) this.#bufferedEdits = Math.max(1, this.#bufferedEdits);
    this.#settle();
  }

  /** Go on from a snapshot, with all that is pending. */
  reset({ epoch, revision, content, nextSeq }) {
    const { outbox } = this;
    const { inFlight } = outbox;
    if (inFlight && nextSeq > inFlight.seq) {
      // It is part of the snapshot. Taken as acknowledged, only what others did comes between the
      // document here and the snapshot, and what was done since stays as it is.
      outbox.receive(outbox.revision + 1, outbox.clientId, inFlight.seq, inFlight.now);
      this.#settle();
    }
    const known = this.type.apply(this.content, outbox.undoPending());
    const op = outbox.reset(revision, this.type.difference(known, content), nextSeq);
    this.epoch = epoch;
    this.#recent = [];
    this.#early = [];
    this.#bufferedEdits += this.#editsInFlight;
    this.#settle();
    this.#apply(op);
    this.#tell({ op, origin: "reset", authors: [] });
  }

  #tell(change) {
    if (!this.type.isNoop(change.op)) this.onChange(change);
  }

  /** Count as pending only what is. */
  #settle() {
    if (this.outbox.buffer === null) this.#bufferedEdits = 0;
    if (this.outbox.inFlight === null) this.#editsInFlight = 0;
  }

  #apply(op, author) {
    this.#document.apply(op);
    this.#movePositions(op, author);
  }

  #remember(op) {
    this.#recent.push(op);
    if (this.#recent.length > MEMORY) this.#recent.shift();
  }

  // --- where people are ---------------------------------------------------------------------

  /**
   * Take the server's word on where people are.
   *
   * @param {number} revision at which the positions are counted
   * @param {Record<string, Position | null>} presence
   */
  place(revision, presence) {
    if (revision > this.revision) {
      // The edits that it refers to are not here yet.
      this.#early.push([revision, presence]);
      return;
    }
    const oldest = this.revision - this.#recent.length;
    for (const [participantId, position] of Object.entries(presence)) {
      if (position === null) {
        this.positions.delete(participantId);
      } else if (revision >= oldest) {
        const { inFlight, buffer } = this.outbox;
        const ops = this.#recent.slice(revision - oldest);
        if (inFlight) ops.push(inFlight.now);
        if (buffer !== null) ops.push(buffer);
        this.positions.set(
          participantId,
          ops.reduce((at, op) => this.#moved(at, op), position),
        );
      }
    }
    this.onPlaced(Object.keys(presence));
  }

  /** Begin anew with nobody placed. */
  forgetPositions() {
    this.positions.clear();
    this.#early = [];
  }

  /** Where this client is, in the server's document at `revision`. @returns {Position} */
  ownAtServer() {
    return this.#moved(this.own, this.outbox.undoPending());
  }

  #takeEarly() {
    const early = this.#early;
    this.#early = [];
    for (const [revision, presence] of early) this.place(revision, presence);
  }

  #movePositions(op, author) {
    this.own = this.#moved(this.own, op);
    for (const [participantId, position] of this.positions) {
      this.positions.set(participantId, this.#moved(position, op, participantId === author));
    }
  }

  /** Whoever types stands behind what they typed. */
  #moved({ cursor, selection }, op, isAuthor = false) {
    const move = (position) => this.type.transformPosition(position, op, isAuthor);
    return {
      cursor: cursor === null ? null : move(cursor),
      selection: selection === null ? null : selection.map((range) => range.map(move)),
    };
  }
}
