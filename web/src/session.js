/**
 * One shared document, as an application uses it.
 *
 * @typedef {object} Status
 * @property {"connecting" | "connected" | "saving" | "saved" | "offline"} state `connected`: here,
 *   and nothing was changed yet; `saved`: the server has everything; `saving`: it does not yet;
 *   `offline`: it cannot be reached, or the session has ended
 * @property {number} pending how many of the user's edits the server has not acknowledged
 * @property {boolean} readOnly
 */

import { Announcer } from "./announcer.js";
import { Conflicts } from "./conflicts.js";
import { CollabError } from "./errors.js";
import { Emitter } from "./events.js";
import { People } from "./people.js";
import { Replica } from "./replica.js";
import { Sync } from "./sync.js";
import { TYPES } from "./types.js";

/**
 * Events (`session.on(name, listener)`, which returns a function that takes the listener away):
 *
 * | name | value |
 * |---|---|
 * | `change` | `Change`: what happened to the document, whoever did it; `origin` tells |
 * | `participants` | `Participant[]`: somebody came, left or may do something else now |
 * | `presence` | `string[]`: ids of participants that have moved |
 * | `status` | `Status` |
 * | `rejected` | `{error, lost, text, patch}`: an edit was refused, and taken back here: the operation, what it inserted, and the `Patch` in which it is kept |
 * | `patches` | `Patch[]`: there are others than before |
 * | `conflict` | `Conflict`: an edit was taken back, since others have changed the same; or what came of it |
 * | `merged` | conflicts of an edit that was merged all the same: `{kind, where, revision, user_id, client_id}[]` |
 * | `error` | `Error`: an editor could not hand an edit over; it shows the session's text again |
 * | `ended` | `CollabError`: the session is over for this client; the content stays readable |
 */
export class Session extends Emitter {
  #sync;
  #announcer;
  #people = new People(
    () => this.#replica,
    (name, value) => this.emit(name, value),
  );
  #conflicts;
  #replica = null;
  #undo;
  #wentWrong = false;
  #ended = null;
  #touched = false;
  #lastStatus = "";

  /** Sessions are made by `Client.open`. */
  constructor(sessionId, { clientId, type = "text", userInfo = {}, create = false, ...settings }) {
    super();
    if (!(type in TYPES)) throw new TypeError(`There is no type ${type}.`);
    this.id = sessionId;
    this.type = TYPES[type];
    this.clientId = clientId;
    this.clock = settings.clock;
    this.#undo = settings.undo;
    this.participantId = null;
    /** @type {"view" | "edit" | "manage" | null} */
    this.right = null;
    this.#conflicts = new Conflicts(this.type, (conflict) => this.emit("conflict", conflict));
    this.#announcer = new Announcer({
      clock: settings.clock,
      intervalMs: settings.presenceMs,
      where: () => ({ revision: this.revision, ...this.#replica.positions.ownAtServer() }),
      publish: (topic, kwargs) => this.#sync.publish(topic, kwargs),
    });
    this.#sync = new Sync(
      {
        replica: () => this.#replica,
        adopt: (joined, limits) => this.#adopt(joined, limits),
        joined: () => this.#onJoined(),
        roster: (event) => this.#onRoster(event),
        everybody: (rows, since) => {
          this.#people.takeAll(rows, since);
          this.#peopleChanged();
        },
        presence: (event) => this.#people.place(event),
        rejected: (error, lost) => this.#onRejected(error, lost),
        merged: (conflicts) => this.emit("merged", conflicts),
        progress: (acknowledged) => this.#progress(acknowledged),
      },
      { ...settings, sessionId, clientId, type, userInfo, create },
    );
  }

  /** The document as it is here. Reading it costs time in proportion to its length. */
  get content() {
    return this.#replica?.content;
  }

  /** The last revision that is known here. */
  get revision() {
    return this.#replica?.revision;
  }

  get epoch() {
    return this.#replica?.epoch;
  }

  /** @returns {import("./roster.js").Participant[]} oneself included, in order of arrival */
  get participants() {
    return this.#people.list;
  }

  /** @returns {Status} */
  get status() {
    const pending = this.#replica?.pending ?? 0;
    let state = pending ? "saving" : this.#touched ? "saved" : "connected";
    if (!this.#sync.joined) state = this.#replica ? "offline" : "connecting";
    if (this.#ended) state = "offline";
    return { state, pending, readOnly: this.right === "view" || this.#ended !== null };
  }

  /**
   * The user's edit. It is sent when it can be; until then it is kept, and counted in
   * `status.pending`.
   *
   * @param {import("./text.js").TextOp} op of the document as it is here
   * @throws {TypeError} where the operation is not canonical or does not fit
   * @throws {CollabError} `denied` where the session is read-only
   */
  edit(op) {
    this.change((replica) => replica.edit(op));
  }

  /**
   * Tell the others where this user is, in code points of the document as it is here. May be called
   * at any rate; what goes out is bounded.
   *
   * @param {{cursor: number | null, selection: [number, number][] | null}} position
   */
  setPresence({ cursor, selection }) {
    this.#replica.positions.own = { cursor, selection };
    this.#announcer.moved();
  }

  /**
   * Show something else of oneself to the others from now on.
   *
   * @param {{name?: string, color?: string}} userInfo at most 2 KiB of JSON
   * @returns {Promise<void>} fulfilled when the server has taken it, which takes a connection
   * @throws {CollabError}
   */
  setUserInfo(userInfo) {
    return this.#sync.introduce(userInfo);
  }

  /** Leave the session. What is pending is not sent any more; `await saved()` first. */
  async close() {
    try {
      await this.#sync.leave();
    } finally {
      this.end(new CollabError("left", "The session was closed here."));
    }
  }

  // --- for what is built on this ----------------------------------------------------------------

  /** What is known of conflicts. @returns {Conflicts} */
  get conflicts() {
    return this.#conflicts;
  }

  /** See `Sync.resolve`. */
  askToResolve(request) {
    return this.#sync.resolve(request);
  }

  /** The server tells a hash: `{epoch, revision, sha256}`. */
  onCheck() {}

  /** The server's document has come to another revision here. */
  onRevision() {}

  /** The document here is about to go on from a snapshot. */
  onReset() {}

  /** The document here is not what the server has: have it replaced, with what is pending. */
  replace() {
    if (this.#wentWrong) return;
    this.#wentWrong = true;
    this.#sync.startAfresh(new CollabError("diverged", "The document here is not the server's."));
  }

  /** The document here. @returns {Replica | null} null until the session is joined */
  get replica() {
    return this.#replica;
  }

  /**
   * Call a procedure for this session, as soon as it is joined.
   *
   * @throws {CollabError}
   */
  call(procedure, kwargs = {}) {
    return this.#sync.call(procedure, kwargs);
  }

  /**
   * Change the document as its user.
   *
   * @template T
   * @param {(replica: Replica) => T} change
   * @returns {T}
   * @throws {CollabError} `denied` where the session is read-only
   */
  change(change) {
    if (this.status.readOnly) throw new CollabError("denied", "This session is read-only.");
    const result = change(this.#replica);
    this.#touched = true;
    this.#sync.wake();
    this.#progress(false);
    return result;
  }

  // --- for the client -------------------------------------------------------------------------

  /** Work over a connection; see `Sync.run`. */
  async run(connection) {
    const error = await this.#sync.run(connection);
    if (error) this.end(error);
  }

  /** See `Sync.probe`. */
  probe() {
    return this.#sync.probe();
  }

  /** @param {CollabError} error why */
  end(error) {
    if (this.#ended) return;
    this.#ended = error;
    this.#sync.stop(error);
    this.#announcer.stop();
    const { code, message } = error;
    this.#replica?.rescue.keepPending({ code, message }, this.clock.time());
    this.#progress(false);
    this.emit("ended", error);
  }

  get ended() {
    return this.#ended;
  }

  // --- what sync tells ------------------------------------------------------------------------

  #adopt(joined, limits) {
    this.#takeHeld(joined.held ?? []);
    this.participantId = joined.participant_id;
    this.right = joined.rights;
    const { epoch, revision, content, next_seq: nextSeq } = joined;
    const compares = (joined.conflicts ?? "merge") !== "merge";
    this.#replica?.agree(compares, limits);
    if (this.#replica === null) {
      this.#replica = new Replica({
        type: this.type,
        clientId: this.clientId,
        epoch,
        revision,
        content: this.type.create(content),
        nextSeq,
        undo: this.#undo,
        authorOf: (author) => this.#people.participantOf(author),
        onChange: (change) => this.emit("change", change),
        onPlaced: (ids) => this.emit("presence", ids),
        onRevision: () => this.onRevision(),
        onPatches: () => this.emit("patches", this.#replica.rescue.patches.all),
      });
      this.#replica.agree(compares, limits);
    } else if (joined.edits) {
      this.#replica.rejoining(nextSeq, joined.edits.length);
      this.#replica.receive(revision - joined.edits.length, joined.edits);
      if (nextSeq !== this.#replica.nextSeq) {
        throw new CollabError("seq_gap", `The server expects edit ${nextSeq} next.`);
      }
      this.#replica.rejoined();
    } else {
      const snapshot = { epoch, revision, content: this.type.create(content), nextSeq };
      this.onReset();
      const wentWrong = this.#wentWrong;
      this.#wentWrong = false;
      this.#replica.reset(snapshot, { nowMs: this.clock.time(), wentWrong });
    }
    this.#people.reset(joined);
  }

  /** An edit in flight that is held was answered so, though the answer was lost. */
  #takeHeld(rows) {
    const seq = this.#replica?.outbox.inFlight?.seq;
    const answer = this.#conflicts.answerTo(rows, this.clientId, seq);
    const lost = answer === null ? null : this.#replica.reject();
    if (lost !== null) this.#replica.rescue.held();
    this.#conflicts.joined(rows, answer, lost);
  }

  #onJoined() {
    // What is published before goes nowhere.
    this.#announcer.restart();
    this.#progress(false);
  }

  #onRoster(event) {
    const { left, destroyed, epoch, conflict, check } = event;
    if (check) {
      this.onCheck(check);
    } else if (conflict) {
      this.#conflicts.event(conflict);
    } else if (destroyed) {
      this.end(new CollabError("no_such_session", "The session was destroyed."));
    } else if (epoch) {
      this.#sync.restart(new CollabError("stale_epoch", "The session goes on under a new epoch."));
    } else if (left?.participant_id === this.participantId) {
      this.#sync.putOut(left.reason);
    } else if (this.#people.take(event)) {
      this.#peopleChanged();
    }
  }

  #peopleChanged() {
    this.right = this.#people.right ?? this.right;
    this.#progress(false);
  }

  #onRejected(error, lost) {
    const { rescue } = this.#replica;
    const isHeld =
      error.code === "conflict" && this.#conflicts.refused(error, lost).state === "held";
    if (isHeld) {
      rescue.held();
    } else {
      const { code, message } = error;
      const patch = rescue.refused(lost, { code, message }, this.clock.time());
      this.emit("rejected", { error, lost, text: this.type.textOf(lost), patch });
    }
    this.#progress(false);
  }

  #progress(acknowledged) {
    if (acknowledged) this.#announcer.moved();
    const { status } = this;
    const written = JSON.stringify(status);
    if (written === this.#lastStatus) return;
    this.#lastStatus = written;
    this.emit("status", status);
  }
}
