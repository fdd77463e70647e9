/**
 * Keeps a replica and the server's session together over one connection after another: joins,
 * follows the stream, fills gaps, sends what is pending, and sends again what may have been lost.
 */

import { CollabError, reactionTo } from "./errors.js";
import { Gap } from "./outbox.js";
import { Round } from "./round.js";
import { Sender } from "./sender.js";
import { backoff } from "./timing.js";

const CREATE = "collab.session.create";
const JOIN = "collab.session.join";
const LEAVE = "collab.session.leave";
const FETCH = "collab.session.fetch";

const DEFAULT_LIMITS = { op_parts: 1000, op_insert_bytes: 32 * 1024 };
const STABLE_MS = 5000;
/** A join brings the whole document: it may take so many times as long as other calls. */
const JOIN_PATIENCE = 4;

/**
 * What sync needs of the session it works for.
 *
 * @typedef {object} Host
 * @property {() => import("./replica.js").Replica | null} replica
 * @property {(joined: any, limits: {parts: number, size: number}) => void} adopt takes the result of
 *   a join, and its limits of one operation
 * @property {(event: any) => void} roster
 * @property {(event: any) => void} presence
 * @property {(error: CollabError, lost: any) => void} rejected
 * @property {(acknowledged: boolean) => void} progress something arrived, was sent or was lost
 */

export class Sync {
  #host;
  #settings;
  #clock;
  /** @type {Round | null} */
  #round = null;
  #stopped = false;
  /** Whether another connection went on with this client's id, on the present one. */
  #fenced = false;
  #sender;

  /**
   * @param {Host} host
   * @param {object} settings
   * @param {import("./timing.js").Clock} settings.clock
   * @param {string} settings.sessionId
   * @param {string} settings.clientId
   * @param {string} settings.type
   * @param {boolean} settings.create whether to make the session where there is none
   * @param {Record<string, unknown>} settings.userInfo
   * @param {number} settings.timeoutMs of one call
   * @param {number} settings.heartbeatMs of silence before the server is asked for news
   */
  constructor(host, settings) {
    this.#host = host;
    this.#settings = settings;
    this.#clock = settings.clock;
    this.#sender = new Sender(host, settings);
  }

  /** Whether this client is a participant right now. */
  get joined() {
    return this.#round?.joined === true;
  }

  /** There may be something to send. */
  wake() {
    this.#round?.work.notify();
  }

  /**
   * Ask the server for news now, which tells whether it can be reached.
   *
   * @returns {boolean} whether there was a connection to ask over
   */
  probe() {
    if (this.joined) this.#round.ask();
    return this.joined;
  }

  /** Work no more. @param {CollabError} error why */
  stop(error) {
    this.#stopped = true;
    this.restart(error);
  }

  /** Put out of the session by the server. @param {string} reason */
  putOut(reason) {
    // An older connection of this client may have been heard of late: it may join again, once.
    const fenced = reason === "fenced" && this.#fenced;
    this.#fenced = reason === "fenced";
    this.restart(new CollabError(fenced ? "fenced" : "not_joined", `Put out: ${reason}.`));
  }

  /** End this round: what follows depends on the error, see `reactionTo`. */
  restart(error) {
    this.#round?.fail(error);
  }

  /** Publish to one of the session's topics: `cursor` or `selection`. */
  publish(topic, kwargs) {
    const { connection, topics, joined } = this.#round ?? {};
    if (joined) connection.publish(topics[topic], kwargs);
  }

  /** Tell the server something else about this user; it tells everybody. */
  async introduce(userInfo) {
    this.#settings = { ...this.#settings, userInfo };
    // Who joins again over the same connection stays the same participant. The edits in the answer
    // are not needed: the stream brings them. An edit on its way may be answered `not_joined`, and
    // is then sent again after another join.
    if (this.joined) await this.#requestJoin(this.#round, this.#host.replica());
  }

  /** Leave the session, if it is joined. */
  async leave() {
    if (this.joined) await this.#call(this.#round, LEAVE, {});
  }

  /**
   * Work over a connection until it ends, or the session does.
   *
   * @param {import("./connection.js").Connection} connection
   * @returns {Promise<CollabError | null>} why the session is over; null where the connection is
   */
  async run(connection) {
    let fresh = false;
    this.#fenced = false;
    for (let tries = 0; connection.open && !this.#stopped; tries++) {
      const round = (this.#round = new Round(connection, this.#clock));
      const started = this.#clock.now();
      let retryAfterMs;
      try {
        await this.#join(round, fresh);
        await Promise.race([round.failed, this.#sender.run(round), this.#follow(round)]);
      } catch (error) {
        const reaction = reactionTo(error);
        // The client then opens another connection, with another token if need be.
        if (reaction === "reconnect" || reaction === "token") connection.close(error);
        if (reaction === "end" || reaction === "refuse") return error;
        fresh = reaction === "snapshot";
        if (this.#clock.now() - started > STABLE_MS) tries = 0;
        retryAfterMs = error.retryAfterMs;
      } finally {
        round.end();
        this.#host.progress(false);
      }
      await this.#pause(retryAfterMs ?? backoff(this.#clock, tries, 100, 5000));
    }
    return null;
  }

  // --- joining ----------------------------------------------------------------------------------

  async #join(round, fresh) {
    const { sessionId, type, create } = this.#settings;
    const replica = this.#host.replica();
    if (create && !replica) await this.#create(round, type);
    const joined = await this.#requestJoin(round, fresh ? null : replica);
    if (joined.type !== type) {
      throw new CollabError("wrong_type", `${sessionId} is of type ${joined.type}, not ${type}.`);
    }
    const { op_parts: parts, op_insert_bytes: size } = { ...DEFAULT_LIMITS, ...joined.limits };
    round.limits = { parts, size };
    round.topics = joined.topics;
    this.#host.adopt(joined, round.limits);
    const handlers = {
      edits: (event) => this.#takeEdits(round, event),
      roster: (event) => this.#host.roster(event),
      presence: (event) => this.#host.presence(event),
    };
    for (const [topic, handler] of Object.entries(handlers)) {
      const whileActive = (event) => round.active && handler(event);
      await round.connection.subscribe(joined.topics[topic], whileActive, this.#settings.timeoutMs);
    }
    round.joined = round.active;
    this.#host.progress(false);
  }

  /** @param {{epoch: string, revision: number} | null} known what is had already */
  #requestJoin(round, known) {
    const { clientId, userInfo } = this.#settings;
    const { epoch, revision } = known ?? {};
    const request = { client_id: clientId, user_info: userInfo, epoch, revision };
    return this.#call(round, JOIN, request, JOIN_PATIENCE);
  }

  async #create(round, type) {
    try {
      await this.#call(round, CREATE, { type, if_absent: true });
    } catch (error) {
      // Who may not create may still join what is there.
      if (error.code !== "denied") throw error;
    }
  }

  // --- in ---------------------------------------------------------------------------------------

  async #follow(round) {
    const { connection } = round;
    while (round.active) {
      if (!round.behind) {
        const silentAt = connection.heardAt + this.#settings.heartbeatMs;
        const asked = await round.news.wait(Math.max(0, silentAt - this.#clock.now()));
        const silent = this.#clock.now() - connection.heardAt >= this.#settings.heartbeatMs;
        if (!asked && !silent) continue;
      }
      round.behind = false;
      await this.#fetch(round);
    }
  }

  async #fetch(round) {
    let more = true;
    while (more && round.active) {
      const { epoch, revision: after } = this.#host.replica();
      const page = await this.#call(round, FETCH, { epoch, after });
      if (round.active) this.#take(round, after, page.edits);
      if (page.joined === false) throw new CollabError("not_joined", "The server does not know of this join.");
      more = page.more && page.edits.length > 0;
    }
  }

  #takeEdits(round, { epoch, after, edits }) {
    if (epoch !== this.#host.replica().epoch) {
      round.fail(new CollabError("stale_epoch", "The session goes on under a new epoch."));
      return;
    }
    this.#take(round, after, edits);
  }

  #take(round, after, edits) {
    const replica = this.#host.replica();
    const { inFlight } = replica.outbox;
    try {
      replica.receive(after, edits);
      if (after > replica.revision) round.ask();
    } catch (error) {
      if (!(error instanceof Gap)) {
        round.fail(error);
        return;
      }
      round.ask();
    }
    const acknowledged = inFlight !== null && replica.outbox.inFlight !== inFlight;
    if (acknowledged) this.#sender.acknowledged(round);
    else if (edits.length) this.#host.progress(false);
  }

  #call(round, procedure, kwargs, patience = 1) {
    const { sessionId, timeoutMs } = this.#settings;
    const request = { session_id: sessionId, ...kwargs };
    return round.connection.call(procedure, request, timeoutMs * patience);
  }

  #pause(ms) {
    return new Promise((resolve) => this.#clock.setTimeout(resolve, ms));
  }
}
