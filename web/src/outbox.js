/**
 * The client's side of the protocol as a state machine: what the user does goes in, what is to be
 * sent comes out, and the other way round. It knows no network.
 *
 * The document on the user's screen is the server's at `revision`, then the edit in flight, then
 * the buffer. At most one edit is in flight; what is done meanwhile is composed into the buffer.
 *
 * `collab_wamp/ot/outbox.py` is the same in Python; `tests/vectors/outbox.json` holds both to it.
 *
 * @typedef {object} InFlight
 * @property {number} seq
 * @property {number} base the revision it was made at
 * @property {any} sent the operation as it was sent; it never changes, but for `rejoined`
 * @property {any} now the operation transformed to `revision`
 * @property {number | null} answered its own revision, once the call was answered
 *
 * @typedef {{seq: number, revision: number, op: any}} Message
 */

import { LazyDocument } from "./document.js";

/** An edit that does not continue the revision: some are missing in between. */
export class Gap extends Error {
  /** @param {number} expected @param {number} revision that came instead */
  constructor(expected, revision) {
    super(`Edit ${revision} came where ${expected} was expected.`);
    this.name = "Gap";
  }
}

export class Outbox {
  #server;

  /**
   * @param {object} type the document's type
   * @param {string} clientId
   * @param {number} revision
   * @param {number} nextSeq number of this client's next edit
   * @param {any} [content] the server's document at the revision; it is looked at where the type
   *   is not `invertibleAlone`
   */
  constructor(type, clientId, revision, nextSeq, content) {
    this.type = type;
    this.clientId = clientId;
    this.revision = revision;
    /** Client id and number of the edit that made `revision`; null = not known. */
    this.last = null;
    this.nextSeq = nextSeq;
    /** @type {InFlight | null} */
    this.inFlight = null;
    this.buffer = null;
    this.#server = type.invertibleAlone ? null : new LazyDocument(type, content);
  }

  /** @returns {"synchronized" | "awaiting" | "awaiting_with_buffer"} */
  get state() {
    if (this.buffer !== null) return "awaiting_with_buffer";
    return this.inFlight ? "awaiting" : "synchronized";
  }

  /** The user did something. */
  local(op) {
    if (this.type.isNoop(op)) return;
    const buffer = this.buffer === null ? op : this.type.compose(this.buffer, op);
    this.buffer = this.type.isNoop(buffer) ? null : buffer;
  }

  /**
   * Freeze the buffer as the edit in flight, and say what to send.
   *
   * @param {{parts: number, size: number}} [limits] of one operation; what is beyond stays buffered
   * @returns {Message | null} null where an edit is in flight, or there is nothing to send
   */
  next(limits) {
    if (this.inFlight || this.buffer === null) return null;
    const [op, rest] = limits ? this.type.split(this.buffer, limits) : [this.buffer, []];
    this.inFlight = { seq: this.nextSeq, base: this.revision, sent: op, now: op, answered: null };
    this.buffer = this.type.isNoop(rest) ? null : rest;
    this.nextSeq += 1;
    return this.resend();
  }

  /** The edit in flight, just as it was sent before. @returns {Message | null} */
  resend() {
    if (!this.inFlight) return null;
    const { seq, base, sent } = this.inFlight;
    return { seq, revision: base, op: this.type.toSend(sent) };
  }

  /**
   * Take the next edit of the stream.
   *
   * @returns {any} what to apply to the user's document; null for an own edit that is thereby
   *   acknowledged, and for one that is known already
   * @throws {Gap} where edits are missing in between
   */
  receive(revision, clientId, seq, op) {
    if (revision <= this.revision) return null;
    if (revision > this.revision + 1) throw new Gap(this.revision + 1, revision);
    if (clientId === this.clientId && seq === this.inFlight?.seq) {
      this.#acknowledge();
      return null;
    }
    this.revision = revision;
    this.last = [clientId, seq];
    this.#movedOn(op);
    return this.#pass(op, this.#isLeft(clientId));
  }

  /**
   * The call was answered: the edit has this revision.
   *
   * @returns {boolean} whether it is acknowledged; if not, the stream will do that
   */
  answered(seq, revision) {
    if (seq !== this.inFlight?.seq) return true;
    this.inFlight.answered = revision;
    if (revision !== this.revision + 1) return false;
    this.#acknowledge();
    return true;
  }

  /** All that is pending, as one operation on the server's document; null = nothing. */
  get pending() {
    if (!this.inFlight || this.buffer === null) return this.inFlight?.now ?? this.buffer;
    return this.type.compose(this.inFlight.now, this.buffer);
  }

  /** What takes all that is pending back from the user's document. */
  undoPending() {
    return this.#invert(this.pending ?? []);
  }

  /**
   * Drop the edit in flight, which the server refused. Its number is free again.
   *
   * @returns {{undo: any, lost: any}} undo takes it back from the user's document; lost is what it
   *   was, at `revision`
   */
  reject() {
    const lost = this.inFlight.now;
    this.nextSeq = this.inFlight.seq;
    this.inFlight = null;
    return { undo: this.#passBuffer(this.#invert(lost), false), lost };
  }

  /**
   * A join has said that the edit in flight is not committed. Then nothing of what was sent before
   * the join will be, so it may be sent as it is now, however far behind it was made.
   *
   * @param {{parts: number, size: number}} [limits] as for `next`: transformed, it may have more
   *   parts than it had
   */
  rejoined(limits) {
    if (!this.inFlight) return;
    const { type } = this;
    const { seq, now } = this.inFlight;
    const [op, rest] = limits ? type.split(now, limits) : [now, []];
    if (!type.isNoop(rest)) {
      const whole = this.buffer === null ? rest : type.compose(rest, this.buffer);
      // What was done since may take it back.
      this.buffer = type.isNoop(whole) ? null : whole;
    }
    if (type.isNoop(op)) {
      this.inFlight = null;
      this.nextSeq = seq;
    } else {
      this.inFlight = { seq, base: this.revision, sent: op, now: op, answered: null };
    }
  }

  /** Go on from a snapshot, without what is pending. */
  restart(revision, nextSeq, content) {
    Object.assign(this, { revision, nextSeq, inFlight: null, buffer: null, last: null });
    this.#know(content);
  }

  /**
   * Go on from a snapshot.
   *
   * @param {number} revision of the snapshot
   * @param {any} difference from the server's document at the old revision to the snapshot
   * @param {number} nextSeq as the server said with the snapshot; if it is past the edit in flight,
   *   that one is part of the snapshot, otherwise it goes back into the buffer
   * @param {any} [content] the snapshot, where the document here may not be what it should be
   * @returns {any} what to apply to the user's document
   */
  reset(revision, difference, nextSeq, content) {
    const { type } = this;
    let takeBack = [];
    if (this.inFlight && nextSeq > this.inFlight.seq) {
      takeBack = this.reject().undo;
    } else if (this.inFlight) {
      this.buffer =
        this.buffer === null ? this.inFlight.now : type.compose(this.inFlight.now, this.buffer);
      this.inFlight = null;
      if (type.isNoop(this.buffer)) this.buffer = null;
    }
    this.revision = revision;
    this.last = null;
    this.nextSeq = nextSeq;
    if (content === undefined) this.#movedOn(difference);
    else this.#know(content);
    return type.compose(takeBack, this.#passBuffer(difference, this.#isLeft("")));
  }

  /** Whether an edit that is committed before what is pending here is left of it. */
  #isLeft(clientId) {
    return this.type.side(this.clientId, clientId) === "right";
  }

  /** The server's document has changed. */
  #movedOn(op) {
    this.#server?.apply(op);
  }

  /** The server's document at `revision` is this, whatever was made of it here. */
  #know(content) {
    if (this.#server) this.#server = new LazyDocument(this.type, content);
  }

  /** The inverse of an operation on the server's document. */
  #invert(op) {
    return this.type.invert(op, this.#server?.content);
  }

  #acknowledge() {
    this.#movedOn(this.inFlight.now);
    this.last = [this.clientId, this.inFlight.seq];
    this.inFlight = null;
    this.revision += 1;
  }

  /** Bring a server's operation past all that is pending, and that past it. */
  #pass(op, theirsIsLeft) {
    if (this.inFlight) {
      const mine = this.inFlight.now;
      this.inFlight.now = this.type.transform(mine, op, theirsIsLeft ? "right" : "left");
      op = this.type.transform(op, mine, theirsIsLeft ? "left" : "right");
    }
    return this.#passBuffer(op, theirsIsLeft);
  }

  #passBuffer(op, theirsIsLeft) {
    if (this.buffer === null) return op;
    const mine = this.type.transform(this.buffer, op, theirsIsLeft ? "right" : "left");
    op = this.type.transform(op, this.buffer, theirsIsLeft ? "left" : "right");
    this.buffer = this.type.isNoop(mine) ? null : mine;
    return op;
  }
}
