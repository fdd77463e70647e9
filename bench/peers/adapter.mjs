// collab_wamp in the load driver's adapter interface: its real wire (see PROTOCOL.md) over
// WebSocket with JSON, no document kept per client.
import jwt from 'jsonwebtoken';
import MiniWS from '../miniws.mjs';
import { FrameCache } from '../lib.mjs';

export const name = 'collab_wamp';
MiniWS.protocol = 'wamp.2.json';
const SECRET = process.env.JWT_SECRET || 'bench-secret';
const EVENT = 0x33, RESULT = 0x35; // the first digit of 36, and of 50
const HELLO = [1, 'collab', { roles: { caller: {}, publisher: {}, subscriber: {} }, authmethods: ['ticket'] }];

/** A token with what this server wants beside the subject of the driver's. */
function ticketFor(token) {
  const { sub, name: shown } = jwt.decode(token);
  const claims = { sub, name: shown, tenant: 'bench', rights: { '*': 'manage' } };
  return jwt.sign(claims, SECRET, { expiresIn: '1h', audience: 'collab_wamp', issuer: 'collab_wamp' });
}

/** What all receivers of a session's frame have in common, decoded once. */
function decode(session, bytes) {
  const event = JSON.parse(bytes.toString())[5];
  if (event.presence) return { presence: Object.entries(event.presence) };
  if (!event.edits) return {};
  event.edits.forEach((row, index) => { session.log[event.after + index] = row[2]; });
  const times = event.edits.map((row) => session.times.get(`${row[0]} ${row[1]}`));
  return { after: event.after, rows: event.edits, times };
}

export class Light {
  constructor(ctx, session, idx, token) {
    Object.assign(this, { ctx, session, idx, token, sent: 0, acked: 0, nacked: 0 });
    this.clientId = `bench-${session.id}-${idx}`;
    this.answers = new Map();
    this.requests = 0;
    this.revision = 0;
    this.seq = 0;
    this.flight = null; // one edit at a time, as the protocol wants it
    this.queue = [];
    session.times ??= new Map();
    session.moves ??= new Map();
    session.log ??= [];
    session.cache ??= new FrameCache((bytes) => decode(session, bytes));
  }

  length() { return this.revision; } // every edit inserts one character

  connect() {
    return new Promise((resolve, reject) => {
      const ws = this.ws = new MiniWS(`ws://127.0.0.1:${this.ctx.port}/ws`);
      this.welcomed = resolve;
      this.refused = reject;
      ws.on('error', reject);
      ws.on('close', () => { if (!this.closing) this.ctx.errors.push('closed'); });
      ws.on('open', () => this.write(HELLO));
      ws.on('message', (bytes) => this.take(bytes));
    });
  }

  write(message) { this.ws.send(JSON.stringify(message)); }

  ask(kind, ...rest) {
    const request = ++this.requests;
    return new Promise((resolve, reject) => {
      this.answers.set(request, (row) => (row[0] === 8 ? reject(new Error(JSON.stringify(row))) : resolve(row)));
      this.write([kind, request, {}, ...rest]);
    });
  }

  async call(procedure, args) { return (await this.ask(48, `collab.session.${procedure}`, [], args))[3][0]; }

  take(bytes) {
    if (bytes[1] === EVENT && bytes[2] === 0x36) { this.event(bytes); return; }
    const row = JSON.parse(bytes.toString());
    if (row[0] === 50 || row[0] === 33) { this.answered(row[1], row); return; }
    if (row[0] === 8) { this.answered(row[2], row); return; }
    if (row[0] === 4) this.write([5, ticketFor(this.token), {}]);
    else if (row[0] === 2) this.welcomed();
    else if (row[0] === 3) this.refused(new Error(JSON.stringify(row)));
    else if (row[0] === 6) this.ctx.errors.push(JSON.stringify(row));
  }

  answered(request, row) {
    const take = this.answers.get(request);
    this.answers.delete(request);
    take(row);
  }

  async join() {
    const { session } = this;
    if (!session.created) {
      session.created = true;
      await this.call('create', { session_id: session.id, if_absent: true });
    }
    const joined = await this.call('join', { session_id: session.id, client_id: this.clientId });
    Object.assign(this, { participantId: joined.participant_id, epoch: joined.epoch, topics: joined.topics });
    this.revision = joined.revision;
    session.moves.set(this.participantId, (this.moves = []));
    const wanted = this.ctx.mode === 'cursor' ? ['edits', 'presence'] : ['edits'];
    for (const what of wanted) await this.ask(32, joined.topics[what]);
    if (session.log.length > this.revision) await this.fetch();
  }

  /** What was committed between the join and the subscription. */
  async fetch() {
    const found = await this.call('fetch', { session_id: this.session.id, epoch: this.epoch, after: this.revision });
    this.revision = Math.max(this.revision, found.revision);
  }

  event(bytes) {
    const { ctx } = this;
    ctx.frames++;
    ctx.bytes += bytes.length;
    const frame = this.session.cache.get(this, bytes);
    if (frame.presence) {
      for (const [who, moved] of frame.presence) {
        const sent = who === this.participantId ? undefined : this.session.moves.get(who)?.[moved?.cursor];
        if (sent !== undefined) this.onRemoteCursor(sent);
      }
      return;
    }
    if (!frame.rows) return;
    const { after, rows, times } = frame, head = after + rows.length;
    if (after > this.revision) ctx.errors.push(`gap: ${after} follows ${this.revision}`);
    if (head <= this.revision) { if (rows.length) ctx.dups++; return; }
    for (let i = this.revision - after; i < rows.length; i++) {
      if (rows[i][0] !== this.clientId) { if (times[i] !== undefined) this.onRemoteEdit(times[i]); } else this.came(rows[i][1]);
    }
    this.revision = head;
    this.next();
  }

  edit(pos, ch, now) {
    this.sent++;
    this.queue.push([pos, ch, now]);
    this.next();
  }

  next() {
    if (this.flight || !this.queue.length) return;
    const [pos, ch, now] = this.queue.shift(), at = Math.min(pos, this.length()), seq = ++this.seq;
    this.flight = { seq, answered: false, back: false };
    this.session.times.set(`${this.clientId} ${seq}`, now);
    const request = ++this.requests;
    this.answers.set(request, (row) => {
      if (row[0] === 8) { this.nacked++; this.ctx.errors.push(JSON.stringify(row)); return; }
      this.acked++;
      this.onAck(now);
      this.flight.answered = true;
      this.settle();
    });
    this.write([48, request, {}, 'collab.session.edit', [], { session_id: this.session.id, epoch: this.epoch,
      revision: this.revision, client_id: this.clientId, seq, op: at ? [at, ch] : [ch] }]);
  }

  /** Our own edit is among those that all are told of. */
  came(seq) {
    if (this.flight?.seq !== seq) { this.ctx.errors.push(`own edit ${seq} came twice`); return; }
    this.flight.back = true;
    if (this.flight.answered) this.flight = null;
  }

  settle() { if (this.flight.back) { this.flight = null; this.next(); } }

  cursor(pos, now) {
    // Where a cursor is tells which move it was: the document is empty, so nothing shifts it.
    this.sent++;
    const position = this.moves.push(now) - 1;
    this.write([16, ++this.requests, {}, this.topics.cursor, [], { revision: this.revision, position }]);
  }

  close() { this.closing = true; this.ws.terminate(); }

  text() { return null; }
}

/** The document as edits told to the clients make it. */
function fold(log) {
  let text = [];
  for (const op of log) {
    const [at, inserted] = op.length === 2 ? op : [0, op[0]];
    text.splice(at, 0, inserted);
  }
  return text.join('');
}

/** Everybody has heard of everything, and that is what the server has. */
export async function converge(ctx, sessions, clients, kind, token) {
  const why = [];
  let chars = 0;
  for (const session of sessions) {
    const mine = clients.filter((client) => client.session === session);
    const reader = new Light({ ...ctx, frames: 0, bytes: 0, errors: [] }, session, 'reader', token);
    await reader.connect();
    const found = await reader.call('snapshot', { session_id: session.id });
    reader.close();
    const sent = mine.reduce((sum, client) => sum + client.sent, 0);
    chars += found.content.length;
    if (found.revision !== sent) why.push(`${session.id}: ${sent} edits sent, ${found.revision} committed`);
    if (found.content.length !== sent) why.push(`${session.id}: ${found.content.length} characters of ${sent}`);
    if (found.content !== fold(session.log)) why.push(`${session.id}: the edits told do not make the content`);
    for (const client of mine) {
      if (client.revision !== found.revision) why.push(`${client.clientId} is at ${client.revision} of ${found.revision}`);
    }
  }
  return { ok: why.length === 0, docs: sessions.length, chars, why: why.slice(0, 5) };
}
