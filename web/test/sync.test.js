import assert from "node:assert/strict";
import { test } from "node:test";
import { text } from "../src/text.js";
import { randomOp } from "./support/random.js";
import { open, setUp, settled } from "./support/setup.js";

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
        "lose_call",
        "lose_answer",
        "cut",
        ["wamp.error.canceled"],
        ["wamp.error.no_such_procedure"],
        ["rate_limited", { retryable: true, retry_after_ms: 30 }],
        ["internal"],
        ["store_unavailable", { retryable: true }],
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
      await clock.until(
        () =>
          settled(editors) &&
          editors.every(
            ({ session }) => session.revision === node.sessions.get("notes").log.length,
          ),
      );
      const { content, log } = node.sessions.get("notes");
      for (const editor of editors) {
        assert.equal(editor.content, content);
        assert.equal(editor.session.content, content);
        assert.deepEqual(editor.rejected, []);
      }
      for (const token of tokens) {
        const found = log.filter(([, , op]) =>
          op.some((part) => String(part).includes(token)),
        ).length;
        assert.equal(
          found,
          1,
          `token ${token.codePointAt(0) - 0xf0000} is in the log ${found} times`,
        );
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
  node.publish = (session, kind, event) =>
    kind === "edits" ? null : publish(session, kind, event);
  ada.edit(["a"]);
  await clock.pass(100);
  ada.edit([1, "b"]);
  await clock.until(() => ada.session.status.state === "saved");
  const bodies = node.calls
    .filter(([name]) => name.endsWith("edit"))
    .map(([, { seq, revision, op }]) => [seq, revision, op]);
  assert.deepEqual(bodies, [
    [1, 0, ["a"]],
    [1, 0, ["a"]],
    [2, 1, [1, "b"]],
  ]);
});

test("an answer that the stream does not follow is fetched after", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  const bob = await open(clock, client());
  const publish = node.publish.bind(node);
  node.publish = (session, kind, event) =>
    kind === "edits" ? null : publish(session, kind, event);
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

test("when the network may have gone, a dead connection is given up soon", async () => {
  const platform = new EventTarget();
  globalThis.addEventListener = platform.addEventListener.bind(platform);
  globalThis.removeEventListener = platform.removeEventListener.bind(platform);
  try {
    const { clock, node, client } = setUp();
    const ada = await open(clock, client());
    await clock.pass(100);
    platform.dispatchEvent(new Event("online"));
    await clock.pass(5000);
    assert.equal(ada.session.status.state, "connected");
    node.fault = () => "lose_call";
    platform.dispatchEvent(new Event("offline"));
    await clock.until(() => ada.session.status.state === "offline", 1500);
    node.fault = () => null;
    platform.dispatchEvent(new Event("online"));
    await clock.until(() => ada.session.status.state === "connected", 100);
  } finally {
    delete globalThis.addEventListener;
    delete globalThis.removeEventListener;
  }
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

test("a token is asked for before each connection, with the refusal of the last", async () => {
  const { clock, node, client } = setUp();
  const tokens = ["good", "bad", "good"];
  const refusals = [];
  const ada = await open(
    clock,
    client(async (refusal) => {
      refusals.push(refusal?.code ?? null);
      return tokens.shift();
    }),
  );
  node.cut();
  await clock.until(() => ada.session.status.state === "offline");
  ada.edit(["kept"]);
  await clock.until(() => ada.session.status.state === "saved");
  assert.deepEqual(refusals, [null, null, "token_invalid"]);
});

test("who is fenced comes back once, who is put out joins again", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  const session = node.sessions.get("notes");
  node.leave(session, [...session.people.keys()][0], "disconnected");
  await clock.until(() => session.people.size === 1 && ada.session.status.state === "connected");
  node.leave(session, [...session.people.keys()][0], "fenced");
  await clock.until(() => session.people.size === 1 && ada.session.status.state === "connected");
  node.leave(session, [...session.people.keys()][0], "fenced");
  await clock.until(() => ada.session.ended);
  assert.equal(ada.session.ended.code, "fenced");
  await clock.pass(60_000);
  assert.equal(session.people.size, 0);
});

test("an edit whose base is too old is made at a newer one, where the edits are kept", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  const session = node.sessions.get("notes");
  const changes = [];
  ada.session.on("change", ({ origin }) => changes.push(origin));
  node.window = 2;
  node.kept = 1000;
  node.reachable = false;
  node.cut();
  ada.edit(["mine "]);
  for (let i = 0; i < 5; i++) node.commit(session, `${i}`);
  node.reachable = true;
  await clock.until(() => ada.session.status.state === "saved");
  assert.match(session.content, /^(mine 01234|01234mine )$/);
  assert.deepEqual(new Set(changes), new Set(["local", "remote"]));
});

test("who was forgotten by the server joins again", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  const session = node.sessions.get("notes");
  session.people.clear();
  await clock.until(() => session.people.size === 1);
  assert.equal(ada.session.ended, null);
});

test("an edit that is sent anew after a join keeps to the limits of that join", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  await clock.pass(100);
  node.fault = (procedure) => (procedure.endsWith("edit") ? "lose_call" : null);
  ada.edit(["abcdefgh"]);
  await clock.pass(50);
  node.insertBytes = 4;
  node.fault = () => null;
  node.calls = [];
  node.cut();
  await clock.until(() => settled([ada]));
  const sent = node.calls.filter(([name]) => name.endsWith("edit")).map(([, { op }]) => op);
  assert.deepEqual(sent, [["abcd"], [4, "efgh"]]);
});
