/**
 * One stretch of being joined: from a join to the first thing that makes another necessary.
 */

import { reactionTo } from "./errors.js";
import { Signal } from "./timing.js";

/** Before a call is made again, where the server did not say. */
const AGAIN_MS = 500;

export class Round {
  #settings;
  #subscriptions = [];
  #offClosed;

  /**
   * @param {import("./connection.js").Connection} connection
   * @param {{clock: import("./timing.js").Clock, sessionId: string, timeoutMs: number}} settings
   */
  constructor(connection, settings) {
    this.connection = connection;
    this.#settings = settings;
    this.active = true;
    this.joined = false;
    /** Names of the session's topics, once joined. */
    this.topics = null;
    /** How the session is with conflicts, once joined. @type {"merge" | "reject" | "ask"} */
    this.conflicts = "merge";
    /** Of one operation, as `Outbox.next` takes them; once joined. */
    this.limits = null;
    /** Whether edits may be missing here. True to begin with: some may have come while joining. */
    this.behind = true;
    /** Roster events, until the roster as it is after subscribing is known; then null. */
    this.rosterEvents = [];
    /** Notified when there may be something to send. */
    this.work = new Signal(settings.clock);
    /** Notified when `behind` has become true. */
    this.news = new Signal(settings.clock);
    /** Called when the stream acknowledges the edit in flight. */
    this.acknowledged = () => {};
    /** Rejected, with what makes another round necessary. */
    this.failed = new Promise((_resolve, reject) => (this.fail = reject));
    // Whether anybody waits for it is not known here.
    this.failed.catch(() => {});
    this.#offClosed = connection.onClosed(this.fail);
  }

  /**
   * Call a procedure for this session.
   *
   * @param {string} procedure
   * @param {Record<string, unknown>} kwargs
   * @param {number} [patience] how many times as long as other calls it may take
   */
  call(procedure, kwargs, patience = 1) {
    const { sessionId, timeoutMs } = this.#settings;
    const request = { session_id: sessionId, ...kwargs };
    return this.connection.call(procedure, request, timeoutMs * patience);
  }

  /** Call a procedure that changes nothing, until it is answered or will not be. */
  async ask(procedure, kwargs) {
    const { clock } = this.#settings;
    for (;;) {
      try {
        return await this.call(procedure, kwargs);
      } catch (error) {
        if (reactionTo(error) !== "again") throw error;
        const wait = error.retryAfterMs ?? AGAIN_MS;
        await new Promise((resolve) => clock.setTimeout(resolve, wait));
        if (!this.active) throw error;
      }
    }
  }

  /** Hear of a topic's events until this round ends. */
  async subscribe(topic, handler) {
    const whileActive = (event) => this.active && handler(event);
    const { timeoutMs } = this.#settings;
    this.#subscriptions.push(await this.connection.subscribe(topic, whileActive, timeoutMs));
  }

  /** Have the server asked for edits that may be missing. */
  fetch() {
    this.behind = true;
    this.news.notify();
  }

  /** Let everything that works for this round come to its end. */
  end() {
    this.active = false;
    this.joined = false;
    this.#offClosed();
    this.work.notify();
    this.news.notify();
    // A connection may have so many subscriptions only. With the connection they go by themselves.
    for (const subscription of this.#subscriptions.splice(0)) {
      this.connection.unsubscribe(subscription, this.#settings.timeoutMs).catch(() => {});
    }
  }
}
