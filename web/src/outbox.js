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
 * @property {boolean} unsent whether no copy was sent that may be committed
 * @property {boolean} tooOld whether the server has said that `base` is
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
    /**
     * Whether the server looks for conflicts, and does not merge where it finds some. It compares an
     * edit with what was committed after its base; so what is pending keeps the base that it was
     * made at, as far as that can be.
     */
    this.compares = false;
    /**
     * Of one operation, as `next` takes them; for what is put in flight by itself.
     *
     * @type {{parts: number, size: number} | undefined}
     */
    this.limits = undefined;
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
    const [op, rest] = this.#split(this.buffer, limits);
    this.#putInFlight(this.nextSeq, op);
    this.buffer = this.type.isNoop(rest) ? null : rest;
    this.nextSeq += 1;
    return this.resend();
  }

  /**
   * Where the server compares, and nothing is in flight: put the buffer there as it is now, before
   * an edit of others changes it. It is not sent yet, see `InFlight.unsent`.
   *
   * What does not fit into one operation stays in the buffer, and so does what is typed while
   * something is in flight: of those edits of others that come until they are sent, they are not
   * compared with any. Where there is a connection that is one round trip.
   *
   * @returns {boolean} whether something was
   */
  freeze() {
    if (!this.compares || !this.next(this.limits)) return false;
    this.inFlight.unsent = true;
    return true;
  }

  /**
   * The edit in flight, to be sent now: just as it was sent before, if it was.
   *
   * @returns {Message | null}
   */
  resend() {
    if (!this.inFlight) return null;
    this.inFlight.unsent = false;
    const { seq, base, sent } = this.inFlight;
    return { seq, revision: base, op: this.type.toSend(sent) };
  }

  /**
   * Take the next edit of the stream. See also `freeze`.
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
    this.freeze();
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
   * A join has told `next_seq`; the edits that were missed are about to be received.
   *
   * Where the server compares, and the edit in flight is not committed: all that is pending is to be
   * compared with what was missed, so it becomes one edit, unless that edit would then not be
   * compared with more than it gains.
   *
   * @param {number} nextSeq
   * @param {number} missed how many edits
   * @returns {boolean} whether the edit in flight is in the buffer again
   */
  rejoining(nextSeq, missed) {
    const { inFlight } = this;
    if (!this.compares || !inFlight || nextSeq > inFlight.seq) return false;
    const fits = this.type.isNoop(this.#split(inFlight.sent, this.limits)[1]);
    const gained = this.buffer === null ? 0 : missed;
    if (fits && !inFlight.tooOld && this.revision - inFlight.base >= gained) return false;
    this.#unsend();
    this.nextSeq = inFlight.seq;
    return true;
  }

  /**
   * A join has said that the edit in flight is not committed, and what was missed is known. Then
   * nothing of what was sent before the join will be, so it may be sent as it is now, however far
   * behind it was made. Where the server compares, it stays as it is.
   *
   * @param {{parts: number, size: number}} [limits] as for `next`: transformed, it may have more
   *   parts than it had
   */
  rejoined(limits) {
    if (!this.inFlight) return;
    if (this.compares) {
      Object.assign(this.inFlight, { answered: null, unsent: true });
      return;
    }
    const { type } = this;
    const { seq, now } = this.inFlight;
    const [op, rest] = this.#split(now, limits);
    if (!type.isNoop(rest)) {
      const whole = this.buffer === null ? rest : type.compose(rest, this.buffer);
      // What was done since may take it back.
      this.buffer = type.isNoop(whole) ? null : whole;
    }
    if (type.isNoop(op)) {
      this.inFlight = null;
      this.nextSeq = seq;
    } else {
      this.#putInFlight(seq, op);
    }
  }

  /** The server has said that the base of the edit in flight is too old. */
  tooOld() {
    if (this.inFlight) this.inFlight.tooOld = true;
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
      this.#unsend();
    }
    this.revision = revision;
    this.last = null;
    this.nextSeq = nextSeq;
    if (content === undefined) this.#movedOn(difference);
    else this.#know(content);
    return type.compose(takeBack, this.#passBuffer(difference, this.#isLeft("")));
  }

  #split(op, limits) {
    return limits ? this.type.split(op, limits) : [op, []];
  }

  #putInFlight(seq, op) {
    const base = this.revision;
    this.inFlight = { seq, base, sent: op, now: op, answered: null, unsent: true, tooOld: false };
  }

  /** Put the edit in flight back into the buffer. */
  #unsend() {
    const { now } = this.inFlight;
    const whole = this.buffer === null ? now : this.type.compose(now, this.buffer);
    this.inFlight = null;
    this.buffer = this.type.isNoop(whole) ? null : whole;
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
