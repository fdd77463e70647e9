/**
 * A session as this client has it: the document on the screen, what of it is not yet sent, and
 * where the others are in it. It knows no network.
 *
 * @typedef {object} Change
 * @property {any} op to be applied to the document on the screen
 * @property {"local" | "undo" | "redo" | "remote" | "rejected" | "reset"} origin the user's edit; an
 *   own edit taken back, or done again, because the user wanted that; others' edits; an own edit
 *   taken back because the server refused it; the way to a snapshot
 * @property {{clientId: string, userId: string}[]} authors of the edits in it, for `remote`
 */

import { LazyDocument } from "./document.js";
import { Outbox } from "./outbox.js";
import { OwnEdits } from "./own-edits.js";
import { Positions } from "./positions.js";
import { Rescue } from "./rescue.js";
import { goOnFrom } from "./resetting.js";
import { UndoStack } from "./undo.js";

export class Replica {
  #document;

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
   * @param {() => void} options.onRevision told of each revision that the server's document has come
   *   to here
   * @param {() => void} options.onPatches told when there are other patches than before
   * @param {boolean} [options.undo] whether edits can be undone; it costs some work for each edit of
   *   the others
   */
  constructor({
    type,
    clientId,
    epoch,
    revision,
    content,
    nextSeq,
    undo = true,
    ...callbacks
  }) {
    this.type = type;
    this.epoch = epoch;
    this.outbox = new Outbox(type, clientId, revision, nextSeq, content);
    this.#document = new LazyDocument(type, content);
    this.authorOf = callbacks.authorOf;
    this.onChange = callbacks.onChange;
    this.onRevision = callbacks.onRevision;
    this.positions = new Positions(this.outbox, callbacks.onPlaced);
    const stack = undo ? new UndoStack(type, () => this.content) : null;
    this.ownEdits = new OwnEdits(this.outbox, stack);
    this.rescue = new Rescue(this.outbox, callbacks.onPatches);
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
    return this.ownEdits.pending;
  }

  // --- out --------------------------------------------------------------------------------

  /**
   * The user's edit of the document on the screen.
   *
   * @param {any} op
   * @param {{joined?: boolean}} [options] `joined`: it is undone together with the one before it
   * @throws {TypeError} where it is not canonical or does not fit
   */
  edit(op, { joined = false } = {}) {
    this.type.check(op, this.#document);
    if (this.type.isNoop(op)) return;
    op = this.#invertible(op);
    this.ownEdits.begin(op, joined);
    this.#local(op, "local");
  }

  /** Take the user's last edit back. @returns {boolean} whether there was anything left */
  undo() {
    return this.#step(this.ownEdits.undo(), "undo");
  }

  /** Do again what was undone last. @returns {boolean} whether there was anything */
  redo() {
    return this.#step(this.ownEdits.redo(), "redo");
  }

  #step(op, origin) {
    if (op !== null) this.#local(op, origin);
    return op !== null;
  }

  #local(op, origin) {
    this.#apply(op);
    this.outbox.local(op);
    this.ownEdits.made();
    this.#tell({ op, origin, authors: [] });
  }

  /** The operation with what it deletes in it, where the type has use for that. */
  #invertible(op) {
    const { type } = this;
    if (!type.invertibleAlone || type.isInvertible(op)) return op;
    return type.invertible(op, this.content);
  }

  /** What to send now, if anything. See `Outbox.next`. */
  next(limits) {
    const message = this.outbox.next(limits);
    if (message) this.ownEdits.sent();
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
      this.positions.takeEarly();
    }
  }

  #receiveOne(revision, [clientId, seq, op, userId], change) {
    if (revision <= this.revision) return change;
    if (revision === this.revision + 1 && this.outbox.freeze()) this.ownEdits.sent();
    const { inFlight } = this.outbox;
    const incoming = this.outbox.receive(revision, clientId, seq, op);
    if (incoming === null) {
      this.#acknowledged(inFlight);
      this.onRevision();
      return change;
    }
    this.positions.committed(op);
    this.ownEdits.settle();
    this.#theirs(incoming, this.authorOf(clientId));
    this.onRevision();
    const author = { clientId, userId };
    if (!change) return { op: incoming, origin: "remote", authors: [author] };
    change.op = this.type.compose(change.op, incoming);
    change.authors.push(author);
    return change;
  }

  /** The call was answered. @returns {boolean} whether the edit is acknowledged */
  answered(seq, revision) {
    const { inFlight } = this.outbox;
    const waited = seq === inFlight?.seq;
    const acknowledged = this.outbox.answered(seq, revision);
    if (waited && acknowledged) {
      this.#acknowledged(inFlight);
      this.positions.takeEarly();
      this.onRevision();
    }
    return acknowledged;
  }

  #acknowledged(inFlight) {
    this.positions.committed(inFlight.now);
    this.rescue.patches.accepted(inFlight);
    this.ownEdits.settle();
  }

  /**
   * The server refused the edit in flight: take it back. `rescue` is to be told what becomes of it.
   *
   * @returns {any} the operation that is lost
   */
  reject() {
    this.rescue.rejecting(this.outbox.inFlight);
    const { undo: takesBack, lost } = this.outbox.reject();
    const undo = this.#invertible(takesBack);
    this.ownEdits.refused(undo);
    this.#apply(undo);
    this.#tell({ op: undo, origin: "rejected", authors: [] });
    return lost;
  }

  /**
   * Do again what a patch has kept.
   *
   * @param {import("./patches.js").Patch} patch
   */
  applyPatch(patch) {
    const { inFlight } = this.outbox;
    this.edit(patch.op);
    this.rescue.patches.taken(patch, inFlight);
  }

  /** Take a patch that was exported; see `Rescue.take`. */
  takePatch(patch, edits) {
    return this.rescue.take(patch, edits, this.#document);
  }

  /** The number that the server must expect next, as far as is known here. */
  get nextSeq() {
    return this.outbox.inFlight?.seq ?? this.outbox.nextSeq;
  }

  /**
   * A join has said what the server does.
   *
   * @param {boolean} compares see `Outbox`
   * @param {{parts: number, size: number}} limits of one operation
   */
  agree(compares, limits) {
    Object.assign(this.outbox, { compares, limits });
  }

  /** A join has told `next_seq`; so many missed edits are about to be received. */
  rejoining(nextSeq, missed) {
    if (!this.outbox.rejoining(nextSeq, missed)) return;
    this.ownEdits.cameBack();
    this.ownEdits.settle();
  }

  /** A join has said that the edit in flight is not committed. See `Outbox.rejoined`. */
  rejoined() {
    const before = this.outbox.inFlight;
    this.outbox.rejoined(this.outbox.limits);
    if (this.outbox.inFlight !== before) this.ownEdits.rejoined();
  }

  /**
   * Go on from a snapshot, with all that is pending; what has no place there any more is kept as a
   * patch.
   *
   * @param {{epoch: string, revision: number, content: any, nextSeq: number}} snapshot
   * @param {{nowMs: number, wentWrong?: boolean}} options `wentWrong`: the document here was not what
   *   it should be
   */
  reset({ epoch, ...snapshot }, { nowMs, wentWrong = false }) {
    const { outbox } = this;
    const { inFlight } = outbox;
    if (inFlight && snapshot.nextSeq > inFlight.seq) {
      // It is part of the snapshot. Taken as acknowledged, only what others did comes between the
      // document here and the snapshot, and what was done since stays as it is.
      outbox.receive(outbox.revision + 1, outbox.clientId, inFlight.seq, inFlight.now);
      this.#acknowledged(inFlight);
    }
    const { pending } = outbox;
    this.ownEdits.cameBack();
    const op = goOnFrom(outbox, this.content, snapshot);
    // What was done was not done to what the document is made of now.
    if (epoch !== this.epoch || wentWrong) this.ownEdits.forget();
    const code = epoch === this.epoch ? "base_too_old" : "stale_epoch";
    this.epoch = epoch;
    this.positions.reset();
    this.ownEdits.settle();
    this.#theirs(op);
    this.#tell({ op, origin: "reset", authors: [] });
    this.rescue.lost(pending, code, this.#document.length, nowMs);
  }

  /**
   * The server's document at `revision`: the one here, without what is pending. null where these do
   * not fit together.
   */
  serverContent() {
    if (this.outbox.pending === null) return this.content;
    try {
      return this.type.apply(this.content, this.outbox.undoPending());
    } catch {
      // The types throw errors of several kinds where something does not fit.
      return null;
    }
  }

  #tell(change) {
    if (!this.type.isNoop(change.op)) this.onChange(change);
  }

  #theirs(op, author) {
    this.#apply(op, author);
    this.ownEdits.others(op);
  }

  #apply(op, author) {
    this.#document.apply(op);
    this.positions.applied(op, author);
    this.rescue.patches.applied(op);
  }
}
