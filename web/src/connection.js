/**
 * A WAMP connection: as much of a WAMP client as is needed, over one WebSocket, in msgpack, which
 * costs the router less than JSON.
 */

import { decode, encode } from "@msgpack/msgpack";
import { CollabError } from "./errors.js";

const REALM = "collab";
const SUBPROTOCOL = "wamp.2.msgpack";

const HELLO = 1;
const WELCOME = 2;
const ABORT = 3;
const CHALLENGE = 4;
const AUTHENTICATE = 5;
const GOODBYE = 6;
const ERROR = 8;
const PUBLISH = 16;
const SUBSCRIBE = 32;
const SUBSCRIBED = 33;
const UNSUBSCRIBE = 34;
const UNSUBSCRIBED = 35;
const EVENT = 36;
const CALL = 48;
const RESULT = 50;

/**
 * Open a connection and log in.
 *
 * @param {object} options
 * @param {string} options.url `ws://HOST:PORT/ws`
 * @param {string} options.ticket the token
 * @param {number} options.timeoutMs until logged in
 * @param {import("./timing.js").Clock} options.clock
 * @param {typeof globalThis.WebSocket} options.WebSocket
 * @returns {Promise<Connection>}
 * @throws {CollabError} `token_…` where the token is refused; `timeout`, `disconnected`
 */
export function openConnection({ url, ticket, timeoutMs, clock, WebSocket }) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, [SUBPROTOCOL]);
    socket.binaryType = "arraybuffer";
    const connection = new Connection(socket, clock);
    const timer = clock.setTimeout(() => {
      connection.close(new CollabError("timeout", "No answer to the login."));
    }, timeoutMs);
    connection.start(ticket, resolve);
    connection.closed.then((error) => {
      clock.clearTimeout(timer);
      reject(error);
    });
    connection.welcomed.then(() => clock.clearTimeout(timer));
  });
}

export class Connection {
  #socket;
  #clock;
  #lastRequest = 0;
  #requests = new Map();
  #handlers = new Map();
  #onClosed = new Set();
  #error = null;
  #resolveClosed;
  #resolveWelcomed;

  constructor(socket, clock) {
    this.#socket = socket;
    this.#clock = clock;
    this.open = true;
    /** When anything was last received. */
    this.heardAt = clock.now();
    /** What the server can do: WELCOME's `authextra`. */
    this.welcome = null;
    /** Fulfilled, with a `CollabError`, when the connection has ended. */
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    this.welcomed = new Promise((resolve) => (this.#resolveWelcomed = resolve));
  }

  start(ticket, resolve) {
    const socket = this.#socket;
    this.welcomed.then(() => resolve(this));
    socket.onopen = () =>
      this.#send([
        HELLO,
        REALM,
        { roles: { caller: {}, subscriber: {}, publisher: {} }, authmethods: ["ticket"] },
      ]);
    socket.onclose = () => this.close(new CollabError("disconnected", "The connection was lost."));
    socket.onmessage = ({ data }) => {
      this.heardAt = this.#clock.now();
      if (this.open) this.#receive(this.#decode(data), ticket);
    };
  }

  #decode(data) {
    try {
      return decode(new Uint8Array(data));
    } catch (error) {
      this.close(new CollabError("router_error", `Not a message: ${error.message}`));
      return [];
    }
  }

  /**
   * @param {string} procedure
   * @param {Record<string, unknown>} kwargs
   * @param {number} timeoutMs
   * @returns {Promise<any>} the single positional result
   * @throws {CollabError} of the server; `timeout`, `disconnected`: the outcome is unknown
   */
  async call(procedure, kwargs, timeoutMs) {
    const [, , , args] = await this.#request(timeoutMs, (id) => [
      CALL,
      id,
      {},
      procedure,
      [],
      kwargs,
    ]);
    return args?.[0];
  }

  /**
   * @param {string} topic
   * @param {(kwargs: any) => void} handler
   * @param {number} timeoutMs
   * @returns {Promise<number>} for `unsubscribe`
   */
  async subscribe(topic, handler, timeoutMs) {
    // The handler must be there before whatever follows SUBSCRIBED.
    const subscribed = (message) => this.#handlers.set(message[2], handler);
    const message = await this.#request(timeoutMs, (id) => [SUBSCRIBE, id, {}, topic], subscribed);
    return message[2];
  }

  /** @param {number} subscription @param {number} timeoutMs */
  async unsubscribe(subscription, timeoutMs) {
    this.#handlers.delete(subscription);
    await this.#request(timeoutMs, (id) => [UNSUBSCRIBE, id, subscription]);
  }

  /**
   * Be told when the connection ends; at once where it has. What waits for `closed` is kept as long
   * as the connection.
   *
   * @param {(error: CollabError) => void} listener
   * @returns {() => void} takes the listener away
   */
  onClosed(listener) {
    if (this.#error) listener(this.#error);
    else this.#onClosed.add(listener);
    return () => this.#onClosed.delete(listener);
  }

  /** Publish without acknowledgement. */
  publish(topic, kwargs) {
    if (this.open) this.#send([PUBLISH, ++this.#lastRequest, {}, topic, [], kwargs]);
  }

  /** End the connection at once; what waits for an answer fails. */
  close(error = new CollabError("disconnected", "The connection was closed.")) {
    if (!this.open) return;
    this.open = false;
    // A socket whose other end is gone takes long to close; nothing waits for it.
    this.#socket.close();
    this.#handlers.clear();
    for (const { fail } of this.#requests.values()) fail(error);
    this.#requests.clear();
    this.#error = error;
    for (const listener of this.#onClosed) listener(error);
    this.#onClosed.clear();
    this.#resolveClosed(error);
  }

  #request(timeoutMs, message, onAnswer = () => {}) {
    return new Promise((resolve, reject) => {
      if (!this.open) {
        reject(new CollabError("disconnected", "There is no connection."));
        return;
      }
      const id = ++this.#lastRequest;
      const timer = this.#clock.setTimeout(() => {
        this.#requests.delete(id);
        reject(new CollabError("timeout", `No answer within ${timeoutMs} ms.`));
      }, timeoutMs);
      this.#requests.set(id, {
        answer: (answer) => {
          this.#clock.clearTimeout(timer);
          onAnswer(answer);
          resolve(answer);
        },
        fail: (error) => {
          this.#clock.clearTimeout(timer);
          reject(error);
        },
      });
      this.#send(message(id));
    });
  }

  #send(message) {
    if (this.#socket.readyState === 1)
      this.#socket.send(encode(message, { ignoreUndefined: true }));
  }

  #receive(message, ticket) {
    switch (message[0]) {
      case EVENT:
        this.#handlers.get(message[1])?.(message[5] ?? {});
        break;
      case RESULT:
      case SUBSCRIBED:
      case UNSUBSCRIBED:
        this.#take(message[1])?.answer(message);
        break;
      case ERROR:
        this.#take(message[2])?.fail(CollabError.fromWamp(message[4], message[5], message[6]));
        break;
      case CHALLENGE:
        this.#send([AUTHENTICATE, ticket, {}]);
        break;
      case WELCOME:
        this.welcome = message[2].authextra ?? {};
        this.#resolveWelcomed();
        break;
      case ABORT:
        this.close(CollabError.fromWamp(message[2], [message[1]?.message]));
        break;
      case GOODBYE:
        this.#send([GOODBYE, {}, "wamp.close.goodbye_and_out"]);
        this.close(CollabError.fromWamp(message[2], [message[1]?.message]));
        break;
    }
  }

  #take(id) {
    const request = this.#requests.get(id);
    this.#requests.delete(id);
    return request;
  }
}
