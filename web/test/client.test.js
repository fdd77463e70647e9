import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { connect } from "../src/index.js";
import { open, setUp } from "./support/setup.js";

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
  assert.deepEqual(names, [
    ["Ada", true],
    ["Bob", false],
  ]);
  bob.client.close();
  await clock.until(() => ada.session.participants.length === 1);
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

test("an edit whose first copy was lost is not refused before a join has told", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  let edits = 0;
  const publish = node.publish.bind(node);
  node.publish = (session, kind, event) =>
    kind === "edits" ? null : publish(session, kind, event);
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

test("much text at once goes in pieces that the server takes", async () => {
  const { clock, node, client } = setUp();
  node.insertBytes = 1000;
  const ada = await open(clock, client());
  const long = "é😀".repeat(1000);
  ada.edit([long]);
  await clock.until(() => ada.session.status.state === "saved");
  assert.equal(node.sessions.get("notes").content, long);
  const sizes = node.calls
    .filter(([name]) => name.endsWith("edit"))
    .map(([, { op }]) => Buffer.byteLength(op.at(-1)));
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

test("saved() waits for the server", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  ada.edit(["x"]);
  let saved = false;
  ada.session.saved().then(() => (saved = true));
  await clock.until(() => saved);
  assert.equal(node.sessions.get("notes").content, "x");
});

test("saved() is rejected where the session has ended with something pending", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  node.fault = (procedure) => (procedure.endsWith("edit") ? "lose_call" : null);
  ada.edit(["x"]);
  const codes = [];
  ada.session.saved().catch((error) => codes.push(error.code));
  ada.client.close();
  ada.session.saved().catch((error) => codes.push(error.code));
  await clock.pass(1);
  assert.deepEqual(codes, ["left", "left"]);
});

test("what no connection can come of is refused at once", () => {
  const { node } = setUp();
  const { WebSocket } = node;
  for (const url of ["", "/ws", "https://example.org/ws", "ws://", "ws://example.org/ws#part"]) {
    assert.throws(() => connect(url, "good", { WebSocket }), TypeError, url);
  }
  assert.throws(() => connect("ws://model/ws", undefined, { WebSocket }), TypeError);
  assert.throws(() => connect("ws://model/ws", "good", { WebSocket: null }), TypeError);
});

test("a token function that throws is told of, and asked again", async () => {
  const { clock, client } = setUp();
  let calls = 0;
  const told = [];
  const ada = client(() => {
    if (calls++ === 0) throw new Error("No network.");
    return "good";
  });
  ada.on("error", (error) => told.push(error.message));
  await open(clock, ada);
  assert.deepEqual(told, ["No network."]);
});

test("of sessions that were closed nothing is kept with the connection", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  const { clock, node, client } = setUp();
  const ada = client();
  const closed = [];
  for (let i = 0; i < 10; i++) {
    node.create("notes", "text");
    let { session } = await open(clock, ada, {});
    session.insert(0, "x");
    await clock.until(() => session.status.state === "saved");
    session.close();
    await clock.until(() => session.ended);
    closed.push(new WeakRef(session));
    session = null;
  }
  await clock.pass(60_000);
  collect();
  // What the last turn of the loops holds may be kept.
  const kept = closed.filter((session) => session.deref()).length;
  assert.ok(kept <= 1, `${kept} of 10 are kept`);
  assert.equal(ada.state, "connected");
});
