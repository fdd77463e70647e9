/**
 * A model of a node for tests: sessions in memory, behind sockets that speak WAMP in msgpack as the
 * real ones do, with delays and faults on a virtual clock.
 */

import { createHash } from "node:crypto";
import { decode, encode } from "@msgpack/msgpack";
import { text } from "../../src/text.js";
import { TYPES } from "../../src/types.js";

const ERROR = 8;
const CALL = 48;

export class ModelNode {
  sessions = new Map();
  sockets = new Set();
  /** Called with (procedure, kwargs): returns what to do to a call; see `FAULTS`. */
  fault = () => null;
  /** Calls as they came: [procedure, kwargs]. */
  calls = [];
  reachable = true;
  right = "edit";
  /** Subscriptions of one connection. */
  mostSubscriptions = 500;
  /** Called with (conflict id, choice): the answer to `collab.session.resolve`. */
  resolve = () => ({ revision: 1 });
  #epochs = 0;
  delay = () => 5;

  constructor(clock) {
    this.clock = clock;
    const node = this;
    this.WebSocket = class extends ModelSocket {
      constructor(_url, protocols) {
        super(node, protocols);
      }
    };
  }

  /** End all connections. */
  cut() {
    for (const socket of [...this.sockets]) socket.lose();
  }

  create(id, content, type = "text") {
    const epoch = `epoch${++this.#epochs}`;
    const session = { id, epoch, type: TYPES[type], log: [], seen: new Map(), people: new Map() };
    session.content = session.initial = session.type.create(content);
    this.sessions.set(id, session);
    return session;
  }

  call(socket, procedure, kwargs) {
    this.calls.push([procedure, kwargs]);
    if (procedure === "collab.token.refresh") return { expires_at: 2e9 };
    const name = procedure.replace("collab.session.", "");
    const session = this.sessions.get(kwargs.session_id);
    if (name === "create") {
      if (!session) this.create(kwargs.session_id, undefined, kwargs.type);
      return {};
    }
    if (!session) throw ["no_such_session"];
    return this[`_${name}`](session, socket, kwargs);
  }

  _join(session, socket, { client_id: clientId, user_info: userInfo, epoch, revision }) {
    const id = `p${socket.number}`;
    const me = {
      participant_id: id,
      user_id: "ada",
      user_info: userInfo,
      right: this.right,
      client_id: clientId,
    };
    for (const [other, { row }] of session.people) {
      if (row.client_id === clientId && other !== id) this.leave(session, other, "fenced");
    }
    session.people.set(id, { row: me, socket });
    this.publish(session, "roster", { joined: me });
    const kept = this.kept ?? this.window ?? 1000;
    const since = epoch === session.epoch && session.log.length - revision <= kept;
    return {
      participant_id: id,
      epoch: session.epoch,
      type: session.type.name,
      revision: session.log.length,
      ...(since ? { edits: session.log.slice(revision) } : { content: session.content }),
      next_seq: (session.seen.get(clientId)?.seq ?? 0) + 1,
      ...(session.held ? { held: session.held } : {}),
      roster: [...session.people.values()].map(({ row }) => row),
      presence: {},
      rights: this.right,
      conflicts: session.conflicts,
      topics: Object.fromEntries(
        ["edits", "roster", "presence", "cursor", "selection"].map((t) => [
          t,
          `${session.epoch}.${session.id}.${t}`,
        ]),
      ),
      limits: { op_parts: 1000, op_insert_bytes: this.insertBytes ?? 32768 },
    };
  }

  _info(session) {
    return {
      session_id: session.id,
      type: session.type.name,
      epoch: session.epoch,
      revision: session.log.length,
      floor_revision: session.floor ?? 0,
      roster: [...session.people.values()].map(({ row }) => row),
    };
  }

  _snapshot(session, _socket, { revision = session.log.length }) {
    if (revision < (session.oldest ?? 0)) throw ["bad_revision", { oldest: session.oldest }];
    const content = this.contentAt(session, revision);
    return { epoch: session.epoch, revision, content, sha256: this.hashOf(content) };
  }

  _hash(session, socket, asked) {
    const { epoch, revision, sha256 } = this._snapshot(session, socket, asked);
    return { epoch, revision, sha256 };
  }

  /** Of texts, and of other JSON without anything special in it. */
  hashOf(content) {
    return createHash("sha256").update(JSON.stringify(content)).digest("hex");
  }

  contentAt({ type, initial, log }, revision) {
    return log.slice(0, revision).reduce((content, [, , op]) => type.apply(content, op), initial);
  }

  _save_version(session, _socket, { name, revision = session.log.length }) {
    session.versions ??= [];
    const version_id = `v${session.versions.length + 1}`;
    const version = { version_id, name, revision, user_id: "ada", time_ms: 1 };
    session.versions.unshift(version);
    return version;
  }

  _versions({ versions = [] }) {
    return { versions };
  }

  _restore(session, socket, { version_id: id, revision }) {
    const wanted = revision ?? session.versions.find(({ version_id }) => version_id === id).revision;
    const { type } = session;
    const op = type.difference(session.content, this.contentAt(session, wanted));
    session.content = type.apply(session.content, op);
    session.log.push(["restore-1", 1, op, "ada", 0]);
    const { epoch, log } = session;
    this.publish(session, "edits", { epoch, after: log.length - 1, edits: log.slice(-1) });
    return { revision: log.length, durable: true };
  }

  _delete_version(session, socket, { version_id: id }) {
    session.versions = session.versions.filter(({ version_id }) => version_id !== id);
    return {};
  }

  /** Tell a session's people the hash of its content. */
  check(session) {
    const { epoch, revision, sha256 } = this._hash(session, null, {});
    this.publish(session, "roster", { check: { epoch, revision, sha256 } });
  }

  _leave(session, socket) {
    this.leave(session, `p${socket.number}`, "left");
    return {};
  }

  leave(session, id, reason) {
    if (!session.people.has(id)) return;
    this.publish(session, "roster", { left: { participant_id: id, reason } });
    session.people.delete(id);
  }

  _fetch(session, socket, { epoch, after }) {
    if (epoch !== session.epoch) throw ["stale_epoch"];
    const edits = session.log.slice(after, after + 3);
    const more = after + edits.length < session.log.length;
    const joined = session.people.has(`p${socket.number}`);
    return { edits, revision: session.log.length, more, joined };
  }

  _edit(session, socket, { epoch, revision, client_id: clientId, seq, op }) {
    if (!session.people.has(`p${socket.number}`)) throw ["not_joined"];
    if (this.right === "view") throw ["denied"];
    if (epoch !== session.epoch) throw ["stale_epoch"];
    const body = JSON.stringify([epoch, revision, op]);
    const seen = session.seen.get(clientId) ?? { seq: 0 };
    if (seq === seen.seq && seen.body === body) return { revision: seen.revision, durable: true };
    if (seq <= seen.seq) throw ["seq_reused"];
    if (seq > seen.seq + 1) throw ["seq_gap", { next_seq: seen.seq + 1 }];
    if (session.log.length - revision > (this.window ?? 2000)) throw ["base_too_old"];
    if (session.type.textOf(op).includes("forbidden")) throw ["document_full"];
    for (const [other, , theirs] of session.log.slice(revision)) {
      op = session.type.transform(op, theirs, session.type.side(clientId, other));
    }
    this.append(session, [clientId, seq, op, "ada", this.clock.now()]);
    session.seen.set(clientId, { seq, body, revision: session.log.length });
    return { revision: session.log.length, durable: true };
  }

  /** Commit an edit, and announce it. */
  append(session, edit) {
    session.content = session.type.apply(session.content, edit[2]);
    session.log.push(edit);
    const after = session.log.length - 1;
    this.publish(session, "edits", { epoch: session.epoch, after, edits: [edit] });
  }

  _resolve(_session, _socket, { conflict_id: id, choice }) {
    return this.resolve(id, choice);
  }

  /** Commit somebody's insertion at the end, and announce nothing. */
  commit(session, inserted) {
    const end = text.length(session.content);
    session.log.push(["server-01", session.log.length, end ? [end, inserted] : [inserted], "x", 0]);
    session.content += inserted;
  }

  /** Cursors and selections are passed on as they come. */
  published(topic, { revision, position, ranges }, socket) {
    const [epoch, id] = topic.split(".");
    const session = this.sessions.get(id);
    const person = session.people.get(`p${socket.number}`);
    if (session.epoch !== epoch || !person) return;
    if (position !== undefined) person.cursor = position;
    if (ranges !== undefined) person.selection = ranges;
    const { cursor = null, selection = null } = person;
    this.publish(session, "presence", {
      epoch,
      revision,
      presence: { [person.row.participant_id]: { cursor, selection } },
    });
  }

  /** Tell all connections something beside their sessions. */
  notify(notice) {
    for (const socket of this.sockets) socket.event("collab.notice", notice);
  }

  publish(session, kind, event) {
    for (const { socket } of session.people.values()) {
      socket.event(`${session.epoch}.${session.id}.${kind}`, event);
    }
  }
}

let sockets = 0;

class ModelSocket {
  readyState = 0;
  #node;
  /** Topic → subscription. */
  topics = new Map();
  #outgoingAt = 0;
  #incomingAt = 0;

  constructor(node, protocols) {
    this.#node = node;
    this.protocols = protocols;
    this.number = ++sockets;
    node.clock.setTimeout(() => (node.reachable ? this.#opened() : this.lose()), node.delay());
  }

  #opened() {
    if (this.readyState !== 0) return;
    this.#node.sockets.add(this);
    this.readyState = 1;
    this.onopen();
  }

  send(data) {
    const message = decode(data);
    this.#incomingAt = this.#later(this.#incomingAt, () => this.#received(message));
  }

  close() {
    this.lose();
  }

  lose() {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#node.sockets.delete(this);
    for (const session of this.#node.sessions.values()) {
      this.#node.leave(session, `p${this.number}`, "disconnected");
    }
    this.onclose();
  }

  event(topic, kwargs) {
    const subscription = this.topics.get(topic);
    if (subscription) this.#reply([36, subscription, 1, {}, [], kwargs]);
  }

  /** In order, each after a delay of its own. */
  #later(notBefore, call) {
    const { clock } = this.#node;
    const at = Math.max(notBefore, clock.now() + this.#node.delay());
    clock.setTimeout(() => this.readyState === 1 && call(), at - clock.now());
    return at;
  }

  #reply(message) {
    const data = encode(message, { ignoreUndefined: true });
    this.#outgoingAt = this.#later(this.#outgoingAt, () =>
      this.onmessage({ data: data.buffer.slice(data.byteOffset, data.byteOffset + data.length) }),
    );
  }

  #received(message) {
    const [kind, id] = message;
    if (kind === 1) this.#reply([4, "ticket", {}]);
    if (kind === 5 && id === "good") this.#reply([2, 1, { authextra: { user_id: "ada" } }]);
    if (kind === 5 && id !== "good")
      this.#reply([3, { message: "no" }, "collab.error.token_invalid"]);
    if (kind === 16) this.#node.published(message[3], message[5], this);
    if (kind === 32) this.#subscribed(id, message[3]);
    if (kind === 34) this.#unsubscribed(id, message[2]);
    if (kind === CALL) this.#called(id, message[3], message[5]);
  }

  /** To a topic that it has, a connection gets the same subscription again. */
  #subscribed(id, topic) {
    if (!this.topics.has(topic) && this.topics.size >= this.#node.mostSubscriptions) {
      this.#reply([ERROR, 32, id, {}, "collab.error.too_many", ["too_many"], {}]);
      return;
    }
    if (!this.topics.has(topic)) this.topics.set(topic, id);
    this.#reply([33, id, this.topics.get(topic)]);
  }

  #unsubscribed(id, subscription) {
    const [topic] = [...this.topics].find(([, known]) => known === subscription) ?? [];
    if (this.topics.delete(topic)) this.#reply([35, id]);
    else this.#reply([ERROR, 34, id, {}, "wamp.error.no_such_subscription"]);
  }

  #called(id, procedure, kwargs) {
    const fault = this.#node.fault(procedure, kwargs, this);
    if (Array.isArray(fault)) {
      this.#fail(id, fault);
      return;
    }
    if (fault === "lose_call") return;
    try {
      const result = this.#node.call(this, procedure, kwargs);
      if (fault === "cut") this.lose();
      else if (fault !== "lose_answer") this.#reply([50, id, {}, [result]]);
    } catch (error) {
      if (!Array.isArray(error)) throw error;
      this.#fail(id, error);
    }
  }

  #fail(id, [code, details = {}]) {
    const uri = code.startsWith("wamp.") ? code : `collab.error.${code}`;
    this.#reply([ERROR, CALL, id, {}, uri, [code], details]);
  }
}
