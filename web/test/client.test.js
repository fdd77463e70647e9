import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../src/index.js";
import { text } from "../src/text.js";
import { VirtualClock } from "./support/clock.js";
import { ModelNode } from "./support/node.js";
import { randomOp, seeded } from "./support/random.js";

function setUp(seed = 1) {
  const random = seeded(seed);
  const clock = new VirtualClock(random.random);
  const node = new ModelNode(clock);
  const client = (token = "good") => connect("ws://model/ws", token, { clock, WebSocket: node.WebSocket });
  return { random, clock, node, client };
}

/** Open a session, keeping an editor's copy of the document as an application would. */
async function open(clock, client, options = { create: true }) {
  let session = null;
  let failure = null;
  client.open("notes", options).then((opened) => (session = opened), (error) => (failure = error));
  await clock.until(() => session || failure);
  if (failure) throw failure;
  const editor = { session, client, content: session.content, rejected: [] };
  session.on("change", ({ op }) => (editor.content = text.apply(editor.content, op)));
  session.on("rejected", (rejected) => editor.rejected.push(rejected));
  editor.edit = (op) => {
    editor.content = text.apply(editor.content, op);
    session.edit(op);
  };
  return editor;
}

const settled = (editors) => editors.every(({ session }) => session.status.state === "saved");

test("two clients see each other's edits, and who is there", async () => {
  const { clock, client } = setUp();
  const ada = await open(clock, client(), { create: true, userInfo: { name: "Ada" } });
  const bob = await open(clock, client(), { userInfo: { name: "Bob" } });
  assert.equal(ada.session.status.state, "connected");
  ada.edit(["Hello"]);
  assert.deepEqual(ada.session.status, { state: "saving", pending: 1, readOnly: false });
  await clock.until(() => bob.content === "Hello" && ada.session.status.state === "saved");
  assert.equal(bob.session.content, "Hello");
  const names = ada.session.participants.map(({ userInfo, self }) => [userInfo.name, self]);
  assert.deepEqual(names, [["Ada", true], ["Bob", false]]);
  bob.client.close();
  await clock.until(() => ada.session.participants.length === 1);
});

test("clients converge and lose nothing while connections break and calls get lost", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const { random, clock, node, client } = setUp(seed);
    node.delay = () => random.below(40);
    node.window = random.pick([3, 2000]);
    const editors = [await open(clock, client())];
    editors.push(await open(clock, client()), await open(clock, client()));
    node.fault = (procedure) => {
      if (procedure.endsWith("create") || !random.chance(0.25)) return null;
      return random.pick([
        "lose_call", "lose_answer", "cut", ["wamp.error.canceled"], ["wamp.error.no_such_procedure"],
        ["rate_limited", { retryable: true, retry_after_ms: 30 }], ["internal"], ["store_unavailable", { retryable: true }],
      ]);
    };
    const tokens = [];
    try {
      for (let i = 0; i < 30; i++) {
        const editor = random.pick(editors);
        if (random.chance(0.5)) {
          const token = String.fromCodePoint(0xf0000 + i);
          tokens.push(token);
          const at = random.below([...editor.content].length + 1);
          editor.edit(at ? [at, token] : [token]);
        } else {
          const [op] = randomOp(random, editor.content);
          // Each token is counted below, so nothing is deleted.
          editor.edit(text.normalize(op.filter((part) => part.d === undefined)));
        }
        if (random.chance(0.1)) node.cut();
        await clock.pass(random.below(300));
      }
      node.fault = () => null;
      await clock.until(() => settled(editors) && editors.every(
        ({ session }) => session.revision === node.sessions.get("notes").log.length));
      const { content, log } = node.sessions.get("notes");
      for (const editor of editors) {
        assert.equal(editor.content, content);
        assert.equal(editor.session.content, content);
        assert.deepEqual(editor.rejected, []);
      }
      for (const token of tokens) {
        const found = log.filter(([, , op]) => op.some((part) => String(part).includes(token))).length;
        assert.equal(found, 1, `token ${token.codePointAt(0) - 0xf0000} is in the log ${found} times`);
      }
    } catch (error) {
      error.message = `seed ${seed}: ${error.message}`;
      throw error;
    }
    editors.forEach((editor) => editor.client.close());
  }
});

test("what is typed without a connection is sent when there is one again", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  const bob = await open(clock, client());
  node.reachable = false;
  ada.session.on("status", ({ state }) => (ada.last = state));
  for (const socket of [...node.sockets].slice(0, 1)) socket.lose();
  await clock.until(() => ada.session.status.state === "offline");
  ada.edit(["typed offline "]);
  ada.edit([14, "in two steps "]);
  bob.edit(["meanwhile "]);
  await clock.pass(30_000);
  assert.deepEqual(ada.session.status, { state: "offline", pending: 2, readOnly: false });
  node.reachable = true;
  await clock.until(() => settled([ada, bob]) && ada.content === bob.content);
  assert.equal([...ada.content].length, [..."typed offline in two steps meanwhile "].length);
});

test("an edit is sent again with the same body, and only one is in flight", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  let lost = 0;
  node.fault = (procedure) => (procedure.endsWith("edit") && lost++ < 1 ? "lose_answer" : null);
  const publish = node.publish.bind(node);
  node.publish = (session, kind, event) => (kind === "edits" ? null : publish(session, kind, event));
  ada.edit(["a"]);
  await clock.pass(100);
  ada.edit([1, "b"]);
  await clock.until(() => ada.session.status.state === "saved");
  const bodies = node.calls.filter(([name]) => name.endsWith("edit")).map(([, { seq, revision, op }]) => [seq, revision, op]);
  assert.deepEqual(bodies, [[1, 0, ["a"]], [1, 0, ["a"]], [2, 1, [1, "b"]]]);
});

test("an answer that the stream does not follow is fetched after", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  const bob = await open(clock, client());
  const publish = node.publish.bind(node);
  node.publish = (session, kind, event) => (kind === "edits" ? null : publish(session, kind, event));
  bob.edit(["b"]);
  await clock.pass(100);
  ada.edit(["a"]);
  await clock.until(() => settled([ada, bob]), 5000);
  assert.match(ada.content, /^(ab|ba)$/);
});

test("a statement of the head brings what was missed", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  await clock.pass(100);
  const session = node.sessions.get("notes");
  for (const letter of "abcdefgh") node.commit(session, letter);
  node.publish(session, "edits", { epoch: session.epoch, after: 8, edits: [] });
  await clock.until(() => ada.content === "abcdefgh", 1000);
});

test("an edit that does not continue what is known brings what is between", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  const bob = await open(clock, client());
  await clock.pass(100);
  const session = node.sessions.get("notes");
  for (const letter of "abcd") node.commit(session, letter);
  bob.edit(["e"]);
  await clock.until(() => ada.content === session.content && session.log.length === 5, 1000);
});

test("an edit made between the join and the subscription is not missed", async () => {
  const { clock, node, client } = setUp();
  node.create("notes");
  const join = node._join.bind(node);
  node._join = (session, ...rest) => {
    const result = join(session, ...rest);
    node.commit(session, "x");
    return result;
  };
  const ada = await open(clock, client());
  await clock.until(() => ada.content === "x", 1000);
});

test("a call that is under way when the connection breaks fails at once", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  node.fault = () => "lose_call";
  let error = null;
  ada.client.call("collab.session.info", { session_id: "notes" }).catch((e) => (error = e));
  await clock.pass(20);
  node.cut();
  await clock.until(() => error, 1);
  assert.equal(error.code, "disconnected");
  assert.equal(ada.client.state, "offline");
});

test("a silent connection is asked for news, and given up when it does not answer", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  const [socket] = node.sockets;
  node.fault = () => "lose_call";
  await clock.until(() => ada.session.status.state === "offline", 60_000);
  node.fault = () => null;
  await clock.until(() => ada.session.status.state === "connected");
  assert.ok(!node.sockets.has(socket));
});

test("a refused edit is taken back and handed to the application", async () => {
  const { clock, client } = setUp();
  const ada = await open(clock, client());
  ada.edit(["fine"]);
  await clock.until(() => ada.session.status.state === "saved");
  ada.edit([4, " forbidden"]);
  await clock.pass(1);
  ada.edit([14, " after"]);
  await clock.until(() => ada.session.status.state === "saved");
  assert.equal(ada.content, "fine after");
  const [{ error, text: lost }] = ada.rejected;
  assert.deepEqual([error.code, lost], ["document_full", " forbidden"]);
});

test("an edit whose first copy was lost is not taken for refused before a join has told", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  let edits = 0;
  const publish = node.publish.bind(node);
  node.publish = (session, kind, event) => (kind === "edits" ? null : publish(session, kind, event));
  node.fault = (procedure) => {
    if (!procedure.endsWith("edit")) return null;
    edits += 1;
    return edits === 1 ? "lose_answer" : ["denied"];
  };
  ada.edit(["committed"]);
  await clock.until(() => ada.session.status.state === "saved");
  assert.equal(ada.content, "committed");
  assert.deepEqual(ada.rejected, []);
});

test("a new epoch takes over what is pending", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  ada.edit(["old "]);
  await clock.until(() => ada.session.status.state === "saved");
  node.fault = (procedure) => (procedure.endsWith("edit") ? "lose_call" : null);
  ada.edit([4, "pending "]);
  await clock.pass(50);
  const before = node.sessions.get("notes");
  const after = node.create("notes", "new ");
  node.publish(before, "roster", { epoch: { epoch: after.epoch } });
  node.fault = () => null;
  await clock.until(() => ada.session.status.state === "saved");
  assert.equal(after.content, ada.content);
  assert.match(ada.content, /new /);
  assert.match(ada.content, /pending /);
});

test("much text at once goes in pieces that the server takes", async () => {
  const { clock, node, client } = setUp();
  node.insertBytes = 1000;
  const ada = await open(clock, client());
  const long = "é😀".repeat(1000);
  ada.edit([long]);
  await clock.until(() => ada.session.status.state === "saved");
  assert.equal(node.sessions.get("notes").content, long);
  const sizes = node.calls.filter(([name]) => name.endsWith("edit")).map(([, { op }]) => Buffer.byteLength(op.at(-1)));
  assert.equal(Math.max(...sizes), 1000);
});

test("a session without the right to edit is read-only", async () => {
  const { clock, node, client } = setUp();
  node.create("notes", "look");
  node.right = "view";
  node.fault = (procedure) => (procedure.endsWith("create") ? ["denied"] : null);
  const ada = await open(clock, client());
  assert.equal(ada.content, "look");
  assert.equal(ada.session.status.readOnly, true);
  assert.throws(() => ada.session.edit(["x"]), { code: "denied" });
});

test("a session that is not there, and a token that will not do, are told", async () => {
  const { clock, client } = setUp();
  await assert.rejects(open(clock, client(), {}), { code: "no_such_session" });
  const refused = client("bad");
  await assert.rejects(open(clock, refused), { code: "token_invalid" });
  assert.equal(refused.state, "ended");
});

test("a token is asked for before each connection, and told when the last was refused", async () => {
  const { clock, node, client } = setUp();
  const tokens = ["good", "bad", "good"];
  const refusals = [];
  const ada = await open(clock, client(async (refusal) => {
    refusals.push(refusal?.code ?? null);
    return tokens.shift();
  }));
  node.cut();
  await clock.until(() => ada.session.status.state === "offline");
  ada.edit(["kept"]);
  await clock.until(() => ada.session.status.state === "saved");
  assert.deepEqual(refusals, [null, null, "token_invalid"]);
});

test("who is fenced does not come back, who is put out joins again", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  const session = node.sessions.get("notes");
  node.leave(session, [...session.people.keys()][0], "disconnected");
  await clock.until(() => session.people.size === 1 && ada.session.status.state === "connected");
  node.leave(session, [...session.people.keys()][0], "fenced");
  await clock.until(() => ada.session.ended);
  assert.equal(ada.session.ended.code, "fenced");
  await clock.pass(60_000);
  assert.equal(session.people.size, 0);
});

test("a destroyed session ends, and its content stays readable", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  ada.edit(["kept"]);
  await clock.until(() => ada.session.status.state === "saved");
  node.publish(node.sessions.get("notes"), "roster", { destroyed: { epoch: "x" } });
  await clock.until(() => ada.session.ended);
  assert.deepEqual([ada.session.ended.code, ada.session.content], ["no_such_session", "kept"]);
  assert.deepEqual(ada.session.status, { state: "offline", pending: 0, readOnly: true });
});

test("a cursor is where it is meant to be, through edits on both sides", async () => {
  const { clock, client } = setUp();
  const ada = await open(clock, client());
  const bob = await open(clock, client());
  ada.edit(["one two"]);
  ada.session.setPresence({ cursor: 7, selection: [[4, 7]] });
  const seen = () => bob.session.participants.find(({ self }) => !self);
  await clock.until(() => seen().cursor === 7 && seen().selection?.[0][1] === 7);
  bob.edit(["zero "]);
  assert.deepEqual([seen().cursor, seen().selection], [12, [[9, 12]]]);
  await clock.until(() => ada.content === "zero one two");
  ada.edit([12, "!!"]);
  await clock.until(() => bob.content === "zero one two!!");
  assert.equal(seen().cursor, 14, "whoever types stands behind what they typed");
  ada.session.setPresence({ cursor: null, selection: null });
  await clock.until(() => seen().cursor === null && seen().selection === null);
});

test("a position that is ahead of the edits it refers to waits for them", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  const bob = await open(clock, client());
  await clock.pass(100);
  const session = node.sessions.get("notes");
  const moved = { [bob.session.participantId]: { cursor: 3, selection: null } };
  node.publish(session, "presence", { epoch: session.epoch, revision: 1, presence: moved });
  const cursor = () => ada.session.participants.find(({ self }) => !self).cursor;
  await clock.pass(100);
  assert.equal(cursor(), null);
  bob.edit(["abc"]);
  await clock.until(() => cursor() === 3);
});

test("a position is put where it belongs among edits that are not acknowledged", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  const bob = await open(clock, client());
  ada.edit(["abc"]);
  await clock.until(() => bob.content === "abc" && settled([ada]));
  node.fault = (procedure) => (procedure.endsWith("edit") ? "lose_call" : null);
  ada.edit(["12"]);
  await clock.pass(1);
  ada.edit([2, "34"]);
  bob.session.setPresence({ cursor: 2, selection: null });
  const cursor = () => ada.session.participants.find(({ self }) => !self).cursor;
  await clock.until(() => cursor() !== null, 1000);
  assert.equal(cursor(), 6);
});

test("cursors are announced ten times a second at most, the last one always", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  const heard = [];
  const published = node.published.bind(node);
  node.published = (topic, kwargs, socket) => {
    heard.push(kwargs.position);
    published(topic, kwargs, socket);
  };
  ada.edit(["x".repeat(1000)]);
  for (let i = 1; i <= 1000; i++) {
    ada.session.setPresence({ cursor: i, selection: null });
    await clock.pass(1);
  }
  await clock.pass(500);
  assert.ok(heard.length <= 12, `${heard.length} announcements`);
  assert.equal(heard.at(-1), 1000);
});

test("saved() waits for the server", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  ada.edit(["x"]);
  let saved = false;
  ada.session.saved().then(() => (saved = true));
  await clock.until(() => saved);
  assert.equal(node.sessions.get("notes").content, "x");
});
