/**
 * Keeps what the user did and the server does not take, whatever happens to a session.
 */

import { byText, forward, Patches } from "./patches.js";

export class Rescue {
  #type;
  #outbox;
  /** Whether the patches are for the server's document, and not for that on the screen. */
  #atServer = false;
  #rejected = null;

  /**
   * @param {import("./outbox.js").Outbox} outbox
   * @param {() => void} changed told when there are other patches than before
   */
  constructor(outbox, changed) {
    this.patches = new Patches(outbox.type, changed);
    this.#type = outbox.type;
    this.#outbox = outbox;
  }

  /** The edit in flight is about to be taken back. */
  rejecting(inFlight) {
    this.#rejected = inFlight;
  }

  /** The server keeps the edit that was taken back, until its author has decided. */
  held() {
    this.patches.accepted(this.#rejected);
  }

  /**
   * The server refused the edit that was taken back.
   *
   * @param {any} lost what it was, as `Replica.reject` told
   * @param {import("./patches.js").Reason} reason
   * @param {number} nowMs
   */
  refused(lost, reason, nowMs) {
    const { buffer } = this.#outbox;
    // What was done since stood behind it.
    const op = buffer === null ? lost : this.#type.transform(lost, buffer, "left");
    return this.patches.refused(this.#rejected, op, this.#about(lost, reason, nowMs));
  }

  /** What was pending has been put onto a snapshot, where some of it may have no place. */
  lost(pending, code, length, nowMs) {
    const { buffer } = this.#outbox;
    const about = this.#about(pending ?? [], { code, message: NO_PLACE }, nowMs);
    if (!about.text || about.text === (buffer === null ? "" : this.#type.textOf(buffer))) return;
    this.patches.keep(buffer === null ? byText(this.#type.name, pending, length) : null, about);
  }

  /** The session is over: keep what is pending. */
  keepPending(reason, nowMs) {
    const { pending, inFlight, buffer, clientId } = this.#outbox;
    if (pending === null) return;
    this.patches.applied(this.#outbox.undoPending());
    this.#atServer = true;
    const unsure = inFlight && { clientId, seq: inFlight.seq, op: inFlight.now, rest: buffer ?? [] };
    this.patches.keep(pending, this.#about(pending, reason, nowMs), unsure);
  }

  #about(op, reason, nowMs) {
    const { revision } = this.#outbox;
    return { text: this.#type.textOf(op), reason, revision, nowMs };
  }

  /** The patches, their operations for the server's document. */
  atServer() {
    const { all } = this.patches;
    if (this.#atServer || this.#outbox.pending === null) return all;
    const undo = this.#outbox.undoPending();
    const moved = (op) => (op === null ? null : this.#type.transform(op, undo, "left"));
    return all.map((patch) => ({ ...patch, op: moved(patch.op) }));
  }

  /**
   * Take a patch that was exported.
   *
   * @param {import("./patches.js").Patch} patch
   * @param {any[] | null} edits from the revision that it is for up to the outbox's, as on the wire;
   *   null where these are not to be had: it is then taken by its text alone
   * @param {{length: number, content: any}} document here
   */
  take(patch, edits, document) {
    let op = edits && patch.op !== null ? this.#moved(patch, edits, document) : null;
    if ((op === null || this.#type.isNoop(op)) && patch.op !== null) {
      op = byText(this.#type.name, patch.op, document.length);
    }
    return this.patches.add(patch, op);
  }

  /** Its operation on the document here; null where it does not fit. */
  #moved(patch, edits, document) {
    const { pending } = this.#outbox;
    try {
      let op = forward(this.#type, patch, edits);
      if (pending !== null) op = this.#type.transform(op, pending, "left");
      this.#type.check(op, document);
      return op;
    } catch {
      // The types throw errors of several kinds where something does not fit.
      return null;
    }
  }
}

const NO_PLACE = "It has no place in the document any more.";
