/**
 * Keeps a replica and the server's session together over one connection after another: joins,
 * follows the stream, fills gaps, sends what is pending, and sends again what may have been lost.
 */

import { CollabError, reactionTo } from "./errors.js";
import { Follower } from "./follower.js";
import { Round } from "./round.js";
import { Sender } from "./sender.js";
import { backoff } from "./timing.js";

const CREATE = "collab.session.create";
const JOIN = "collab.session.join";
const LEAVE = "collab.session.leave";
const RESOLVE = "collab.session.resolve";

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
 * @property {() => void} joined the session can be published to from now on
 * @property {(event: any) => void} roster
 * @property {(rows: any[], since: any[]) => void} everybody takes the whole roster, and the events
 *   that came since it was asked for
 * @property {(event: any) => void} presence
 * @property {(error: CollabError, lost: any) => void} rejected
 * @property {(conflicts: any[]) => void} merged an edit was merged in spite of these
 * @property {(acknowledged: boolean) => void} progress something arrived, was sent or was lost
 */

export class Sync {
  #host;
  #settings;
  #clock;
  /** @type {Round | null} */
  #round = null;
  /** Why there is nothing more to do. @type {CollabError | null} */
  #stopped = null;
  #leaving = false;
  /** Whether another connection went on with this client's id, on the present one. */
  #fenced = false;
  /** Whether what is known here is of no use for the next join. */
  #fresh = false;
  #sender;
  #follower;
  /** Those who wait for the next join: `{resolve, reject}`. */
  #waiting = [];

  /**
   * @param {Host} host
   * @param {object} settings
   * @param {import("./timing.js").Clock} settings.clock
   * @param {string} settings.sessionId
   * @param {string} settings.clientId
   * @param {string} settings.type
   * @param {boolean} settings.create whether to make the session where there is none
   * @param {any} settings.content what it then starts with
   * @param {"merge" | "reject" | "ask"} settings.conflicts how it then is with conflicts
   * @param {Record<string, unknown>} settings.userInfo
   * @param {number} settings.timeoutMs of one call
   * @param {number} settings.heartbeatMs of silence before the server is asked for news
   */
  constructor(host, settings) {
    this.#host = host;
    this.#settings = settings;
    this.#clock = settings.clock;
    this.#sender = new Sender(host, settings);
    this.#follower = new Follower(host, settings, this.#sender);
  }

  /** Whether this client is a participant right now. */
  get joined() {
    return this.#round?.joined === true;
  }

  /** There may be something to send. */
  wake() {
    this.#sender.edited();
    this.#round?.work.notify();
  }

  /**
   * Ask the server for news now, which tells whether it can be reached.
   *
   * @returns {boolean} whether there was a connection to ask over
   */
  probe() {
    if (this.joined) this.#round.fetch();
    return this.joined;
  }

  /** Work no more. @param {CollabError} error why */
  stop(error) {
    this.#stopped = error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    this.restart(error);
  }

  /** Put out of the session by the server. @param {string} reason */
  putOut(reason) {
    if (this.#leaving) return;
    // An older connection of this client may have been heard of late: it may join again, once.
    const fenced = reason === "fenced" && this.#fenced;
    this.#fenced = reason === "fenced";
    this.restart(new CollabError(fenced ? "fenced" : "not_joined", `Put out: ${reason}.`));
  }

  /** End this round: what follows depends on the error, see `reactionTo`. */
  restart(error) {
    this.#round?.fail(error);
  }

  /**
   * Call a procedure for this session, as soon as it is joined.
   *
   * @throws {CollabError}
   */
  async call(procedure, kwargs) {
    return (await this.#nextJoined()).call(procedure, kwargs);
  }

  /** Join anew, with nothing of what is known here. @param {CollabError} error why */
  startAfresh(error) {
    this.#fresh = true;
    this.restart(error);
  }

  /** Publish to one of the session's topics: `cursor` or `selection`. */
  publish(topic, kwargs) {
    const { connection, topics, joined } = this.#round ?? {};
    if (joined) connection.publish(topics[topic], kwargs);
  }

  /**
   * Tell the server something else about this user; it tells everybody. Waits for a join.
   *
   * @throws {CollabError} where the server refuses it, or the session ends before
   */
  async introduce(userInfo) {
    for (let tries = 0; ; tries++) {
      const round = await this.#nextJoined();
      try {
        // Who joins again over the same connection stays the same participant. The edits in the
        // answer are not needed: the stream brings them. An edit on its way may be answered
        // `not_joined`, and is then sent again after another join.
        await this.#requestJoin(round, this.#host.replica(), userInfo);
        // Only now: what is refused would be refused at each join from here on.
        this.#settings = { ...this.#settings, userInfo };
        return;
      } catch (error) {
        if (["end", "refuse"].includes(reactionTo(error))) throw error;
        await this.#pause(error.retryAfterMs ?? backoff(this.#clock, tries, 500, 5000));
      }
    }
  }

  /**
   * Decide about a held edit, over one connection after another: it is done once, however often.
   *
   * @returns {Promise<{revision: number}>}
   * @throws {CollabError} an answer that will not become another one, or the session ends before
   */
  async resolve(request) {
    for (let tries = 0; ; tries++) {
      const round = await this.#nextJoined();
      try {
        return await round.call(RESOLVE, request);
      } catch (error) {
        const again = ["again", "reconnect", "token"].includes(reactionTo(error));
        if (!again || error.code === "internal") throw error;
        await this.#pause(error.retryAfterMs ?? backoff(this.#clock, tries, 500, 5000));
      }
    }
  }

  /** @returns {Promise<Round>} the round, as soon as there is one that is joined */
  #nextJoined() {
    return new Promise((resolve, reject) => {
      if (this.#stopped) reject(this.#stopped);
      else if (this.joined) resolve(this.#round);
      else this.#waiting.push({ resolve, reject });
    });
  }

  /** Leave the session, if it is joined. */
  async leave() {
    this.#leaving = true;
    if (this.joined) await this.#round.call(LEAVE, {});
  }

  /**
   * Work over a connection until it ends, or the session does.
   *
   * @param {import("./connection.js").Connection} connection
   * @returns {Promise<CollabError | null>} why the session is over; null where the connection is
   */
  async run(connection) {
    this.#fenced = false;
    for (let tries = 0; connection.open && !this.#stopped; tries++) {
      const round = (this.#round = new Round(connection, this.#settings));
      const started = this.#clock.now();
      let retryAfterMs;
      try {
        await this.#join(round);
        const work = [
          this.#sender.run(round),
          this.#follower.run(round),
          this.#follower.learnRoster(round),
        ];
        await Promise.race([round.failed, Promise.all(work)]);
      } catch (error) {
        const reaction = reactionTo(error);
        // The client then opens another connection, with another token if need be.
        if (reaction === "reconnect" || reaction === "token") connection.close(error);
        if (reaction === "end" || reaction === "refuse") return error;
        this.#fresh ||= reaction === "snapshot";
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

  async #join(round) {
    const { sessionId, type, create } = this.#settings;
    const replica = this.#host.replica();
    if (create && !replica) await this.#create(round);
    const { userInfo } = this.#settings;
    const joined = await this.#requestJoin(round, this.#fresh ? null : replica, userInfo);
    this.#checkWanted(round);
    if (joined.type !== type) {
      const message = `${sessionId} is of type ${joined.type}, not ${type}.`;
      throw new CollabError("wrong_type", message, { type: joined.type });
    }
    const { op_parts: parts, op_insert_bytes: size } = { ...DEFAULT_LIMITS, ...joined.limits };
    round.limits = { parts, size };
    round.topics = joined.topics;
    round.conflicts = joined.conflicts ?? "merge";
    this.#host.adopt(joined, round.limits);
    this.#fresh = false;
    await this.#follower.subscribe(round, () => this.#checkWanted(round));
    round.joined = round.active;
    this.#host.joined();
    for (const { resolve } of this.#waiting.splice(0)) resolve(round);
  }

  /** @throws where the session was closed meanwhile, when there was nothing to leave yet */
  #checkWanted(round) {
    if (!this.#stopped) return;
    round.call(LEAVE, {}).catch(() => {});
    throw this.#stopped;
  }

  /** @param {{epoch: string, revision: number, last?: [string, number]} | null} known what is had already */
  #requestJoin(round, known, userInfo) {
    const { clientId } = this.#settings;
    const { epoch, revision, last } = known ?? {};
    const request = { client_id: clientId, user_info: userInfo, epoch, revision, last };
    return round.call(JOIN, request, JOIN_PATIENCE);
  }

  async #create(round) {
    const { type, content, conflicts } = this.#settings;
    try {
      await round.call(CREATE, { type, content, conflicts, if_absent: true });
    } catch (error) {
      // Who may not create may still join what is there.
      if (error.code !== "denied") throw error;
    }
  }

  #pause(ms) {
    return new Promise((resolve) => this.#clock.setTimeout(resolve, ms));
  }
}
