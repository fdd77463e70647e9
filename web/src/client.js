/**
 * A connection to a node that stays, and the sessions on it.
 *
 * @typedef {string | ((refusal: CollabError | null) => string | Promise<string>)} Token the JWT,
 *   or what gets a current one: it is called before each connection, with the error by which the
 *   server refused the last one, if it did
 *
 * @typedef {object} ClientOptions
 * @property {number} [timeoutMs] until a call counts as lost; 5,000
 * @property {number} [heartbeatMs] of silence before the server is asked for news; 45,000
 * @property {number} [presenceMs] between two announcements of where this user is; 100
 * @property {typeof globalThis.WebSocket} [WebSocket] where the platform has none, and in tests
 * @property {import("./timing.js").Clock} [clock] for tests
 *
 * @typedef {object} OpenOptions
 * @property {"text" | "rich_text" | "json"} [type] of the document; where the session is of another
 *   one, it ends with `wrong_type`, and `error.details.type` says of which
 * @property {{name?: string, color?: string}} [userInfo] what others see, at most 2 KiB of JSON
 * @property {boolean} [create] make the session where there is none
 * @property {boolean} [undo] whether edits can be undone, which costs some work for each edit of the
 *   others; true
 * @property {number} [undoGroupMs] edits that follow each other within this time are undone together;
 *   500
 * @property {number} [pauseMs] wait with sending until nothing was typed for so long, 5 times as
 *   long at most: edits are then of words rather than letters, and others see them later. 700 in
 *   sessions that ask about conflicts, otherwise 0
 * @property {any} [content] what it then starts with
 * @property {"merge" | "reject" | "ask"} [conflicts] how it then is with edits that conflict
 */

import { openConnection } from "./connection.js";
import { EditingSession } from "./editing-session.js";
import { CollabError, reactionTo } from "./errors.js";
import { Emitter } from "./events.js";
import { followNotices } from "./notices.js";
import { backoff, Signal, systemClock } from "./timing.js";

const DEFAULTS = { timeoutMs: 5000, heartbeatMs: 45_000, presenceMs: 100 };
const STABLE_MS = 5000;
/** After something may have happened to the network, until a silent connection is given up. */
const PROBE_MS = 1500;

/**
 * Connect to a node, and connect again whenever the connection is lost.
 *
 * @param {string} url `ws://HOST:PORT/ws`
 * @param {Token} token
 * @param {ClientOptions} [options]
 * @returns {Client}
 * @throws {TypeError} where no connection can ever come of these
 */
export function connect(url, token, options = {}) {
  check(url, token, { WebSocket: globalThis.WebSocket, ...options });
  return new Client(url, token, options);
}

function check(url, token, { WebSocket }) {
  const { protocol, hash } = URL.canParse(url) ? new URL(url) : {};
  if (!["ws:", "wss:"].includes(protocol) || hash) {
    throw new TypeError(`Not the address of a WebSocket, ws://… or wss://…: ${url}`);
  }
  if (!["string", "function"].includes(typeof token)) {
    throw new TypeError("A token is a text, or a function that gets one.");
  }
  if (typeof WebSocket !== "function") {
    throw new TypeError("This platform has no WebSocket; the option WebSocket can give one.");
  }
}

/**
 * Events (`client.on(name, listener)`): `state` with the state, `notice` with what the server tells
 * the user (`collab.notice` in PROTOCOL.md), `ended` with the `CollabError` that
 * ended it (the token is not accepted, or `close` was called), `error` with what the token function
 * or the platform's WebSocket threw; the client tries again.
 */
export class Client extends Emitter {
  #url;
  #token;
  #settings;
  #wake;
  #connection = null;
  #sessions = new Map();
  #unlisten = [];
  #refusal = null;

  constructor(url, token, options) {
    super();
    this.#url = url;
    this.#token = token;
    this.#settings = {
      ...DEFAULTS,
      clock: systemClock,
      WebSocket: globalThis.WebSocket,
      ...options,
    };
    this.#wake = new Signal(this.#settings.clock);
    /** @type {"connecting" | "connected" | "offline" | "ended"} */
    this.state = "connecting";
    this.error = null;
    this.#listen();
    this.#run();
  }

  /** What the server told at login: `user_id`, `tenant`, `limits`, …; null while not connected. */
  get welcome() {
    return this.#connection?.welcome ?? null;
  }

  /**
   * Join a session. Waits as long as there is no connection; fulfilled when it is joined.
   *
   * @param {string} sessionId
   * @param {OpenOptions} [options]
   * @returns {Promise<EditingSession>}
   * @throws {CollabError} where the session ended before: `no_such_session`, `token_…`,
   *   `wrong_type`, …
   */
  open(sessionId, options = {}) {
    if (this.#sessions.has(sessionId)) throw new Error(`Session ${sessionId} is open already.`);
    const session = new EditingSession(sessionId, {
      ...this.#settings,
      ...options,
      clientId: newClientId(),
    });
    this.#sessions.set(sessionId, session);
    return new Promise((resolve, reject) => {
      const offStatus = session.on("status", ({ state }) => {
        if (state === "connecting" || state === "offline") return;
        offStatus();
        resolve(session);
      });
      session.on("ended", (error) => {
        this.#sessions.delete(sessionId);
        offStatus();
        reject(error);
      });
      if (this.error) session.end(this.error);
      else if (this.#connection) session.run(this.#connection);
    });
  }

  /**
   * Call any of the server's procedures.
   *
   * @param {string} procedure
   * @param {Record<string, unknown>} kwargs
   * @throws {CollabError}
   */
  async call(procedure, kwargs) {
    if (!this.#connection) throw new CollabError("disconnected", "There is no connection.");
    return this.#connection.call(procedure, kwargs, this.#settings.timeoutMs);
  }

  /** End the connection and all sessions. What is pending is not sent any more. */
  close() {
    this.#end(new CollabError("left", "The client was closed."));
  }

  async #run() {
    const { clock } = this.#settings;
    for (let tries = 0; this.state !== "ended"; tries++) {
      const started = clock.now();
      const error = await this.#connectOnce();
      if (this.state === "ended") return;
      this.#connection = null;
      this.#refusal = reactionTo(error) === "token" ? error : null;
      if (this.#refusal && typeof this.#token === "string") {
        this.#end(error);
        return;
      }
      if (this.state === "connected") this.#enter("offline");
      if (clock.now() - started > STABLE_MS) tries = 0;
      await this.#wake.wait(error.retryAfterMs ?? backoff(clock, tries, 500, 10_000));
    }
  }

  /** @returns {Promise<CollabError>} why the connection has ended, or did not begin */
  async #connectOnce() {
    try {
      const ticket = await this.#ticket();
      if (this.state === "ended") return this.error;
      const connection = await openConnection({ ...this.#settings, url: this.#url, ticket });
      if (this.state === "ended") connection.close();
      this.#connection = connection;
      this.#enter("connected");
      this.#follow(connection);
      for (const session of this.#sessions.values()) session.run(connection);
      return await connection.closed;
    } catch (error) {
      if (error instanceof CollabError) return error;
      this.report(error);
      return new CollabError("disconnected", String(error));
    }
  }

  async #follow(connection) {
    const { timeoutMs, clock } = this.#settings;
    const newToken = typeof this.#token === "string" ? null : () => this.#ticket();
    const tell = (notice) => this.emit("notice", notice);
    try {
      await followNotices(connection, { timeoutMs, clock, newToken, tell });
    } catch (error) {
      // A connection that ends meanwhile is seen to where it ends.
      if (connection.open) this.report(error);
    }
  }

  async #ticket() {
    return typeof this.#token === "string" ? this.#token : this.#token(this.#refusal);
  }

  #enter(state) {
    if (this.state === "ended" || this.state === state) return;
    this.state = state;
    this.emit("state", state);
  }

  #end(error) {
    if (this.error) return;
    this.error = error;
    this.#enter("ended");
    this.#unlisten.forEach((off) => off());
    for (const session of [...this.#sessions.values()]) session.end(error);
    this.#connection?.close(error);
    this.#wake.notify();
    this.emit("ended", error);
  }

  /** The platform knows sooner than we do that the network has come or gone, or a sleep ended. */
  #listen() {
    const check = () => this.#check();
    for (const name of ["online", "offline", "visibilitychange"]) {
      globalThis.addEventListener?.(name, check);
      this.#unlisten.push(() => globalThis.removeEventListener?.(name, check));
    }
  }

  /** Connect at once if there is no connection; if there is one, find out whether it is dead. */
  #check() {
    const { clock } = this.#settings;
    const connection = this.#connection;
    const since = clock.now();
    if (!connection) this.#wake.notify();
    const probes = [...this.#sessions.values()].filter((session) => session.probe());
    if (!probes.length) return;
    clock.setTimeout(() => {
      if (connection.heardAt >= since) return;
      connection.close(new CollabError("timeout", "The server did not answer."));
    }, PROBE_MS);
  }
}

/** A client id that nobody else has: 128 random bits. */
function newClientId() {
  const random = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
