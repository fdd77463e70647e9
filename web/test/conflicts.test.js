import assert from "node:assert/strict";
import { test } from "node:test";
import { open, setUp, settled } from "./support/setup.js";

const NAMED = {
  kind: "replaced",
  where: [0, 1],
  revision: 1,
  user_id: "bob",
  client_id: "client-bob",
};

const held = (clientId, more = {}) => ({
  conflict_id: "conflict1",
  state: "held",
  client_id: clientId,
  seq: 1,
  mine: ["mine"],
  revision: 0,
  theirs: [{ op: ["z"], revision: 1, user_id: "bob", client_id: "client-bob" }],
  conflicts: [NAMED],
  expires_ms: 5,
  ...more,
});

/** An editor, what it is told of conflicts, and the answers that its edits get. */
async function setUpOne() {
  const model = setUp();
  const editor = await open(model.clock, model.client());
  const told = [];
  const merged = [];
  editor.session.on("conflict", (conflict) => told.push(conflict));
  editor.session.on("merged", (conflicts) => merged.push(conflicts));
  const answers = [];
  model.node.fault = (procedure) => (procedure.endsWith("edit") ? (answers.shift() ?? null) : null);
  const { session, clientId = session.clientId } = editor;
  return { ...model, editor, session, told, merged, answers, clientId };
}

const states = (told) => told.map(({ conflict_id: id, state }) => [id, state]);

test("a refused edit is taken back, and told of twice", async () => {
  const { clock, editor, session, told, answers } = await setUpOne();
  answers.push(["conflict", { conflicts: [NAMED], requires_manual_resolution: false }]);
  editor.edit(["mine"]);
  await clock.until(() => told.length);
  assert.equal(session.content, "");
  assert.equal(editor.content, "");
  const [conflict] = told;
  assert.deepEqual(conflict.conflicts, [NAMED]);
  assert.deepEqual(
    [conflict.state, conflict.text, conflict.requires_manual_resolution],
    ["refused", "mine", false],
  );
  assert.deepEqual(
    editor.rejected.map(({ error, text }) => [error.code, text]),
    [["conflict", "mine"]],
  );
  assert.deepEqual(session.held, []);
  editor.edit(["x"]);
  await clock.until(() => settled([editor]));
  assert.equal(session.content, "x");
});

test("a held edit waits for the user, who decides, however often that has to be said", async () => {
  const { clock, node, editor, session, told, answers, clientId } = await setUpOne();
  answers.push(["conflict", { ...held(clientId), requires_manual_resolution: true }]);
  editor.edit(["mine"]);
  await clock.pass(1);
  editor.edit([4, "more"]);
  await clock.until(() => told.length && settled([editor]));
  assert.equal(session.content, "more");
  assert.deepEqual(editor.rejected, []);
  assert.deepEqual(session.held, told);
  assert.deepEqual(told[0].lost, ["mine"]);
  const faults = ["lose_answer", ["overloaded", { retryable: true }], "cut", ["draining"]];
  const asked = [];
  node.fault = (procedure, kwargs) => {
    if (!procedure.endsWith("resolve")) return null;
    asked.push([kwargs.conflict_id, kwargs.choice]);
    return faults.shift() ?? null;
  };
  node.resolve = () => ({ revision: 7 });
  let revision = null;
  session.resolve("conflict1", "both").then((answer) => (revision = answer));
  node.sessions.get("notes").held = [held(clientId)];
  await clock.until(() => revision !== null);
  assert.equal(revision, 7);
  assert.deepEqual(asked, Array(5).fill(["conflict1", "both"]));
  assert.deepEqual(session.held, []);
  assert.deepEqual(states(told), [
    ["conflict1", "held"],
    ["conflict1", "resolved"],
  ]);
  assert.equal(told[1].revision, 7);
});

test("an answer that is no other tomorrow is told", async () => {
  const { clock, node, session } = await setUpOne();
  for (const code of ["no_such_conflict", "base_too_old", "internal"]) {
    let asked = null;
    node.fault = (procedure, kwargs) => {
      if (!procedure.endsWith("resolve")) return null;
      asked = kwargs;
      return [code];
    };
    let error = null;
    session.resolve("conflict1", "op", ["x"], 3).catch((failure) => (error = failure));
    await clock.until(() => error);
    assert.equal(error.code, code);
    const request = { conflict_id: "conflict1", choice: "op", op: ["x"], revision: 3 };
    assert.deepEqual(asked, { session_id: "notes", ...request });
  }
});

test("the answer to a copy is the last word too", async () => {
  const { clock, node, editor, session, told, answers, clientId } = await setUpOne();
  answers.push(["wamp.error.canceled"], ["conflict", held(clientId)]);
  const joins = () => node.calls.filter(([name]) => name.endsWith("join")).length;
  const before = joins();
  editor.edit(["mine"]);
  await clock.until(() => told.length);
  assert.equal(session.content, "");
  assert.equal(joins(), before);
});

for (const window of [1000, -1]) {
  test(`an answer that was lost is found in the join (${window})`, async () => {
    const { clock, node, editor, session, told, answers, clientId } = await setUpOne();
    answers.push("lose_call");
    editor.edit(["mine"]);
    await clock.pass(50);
    node.commit(node.sessions.get("notes"), "theirs");
    node.sessions.get("notes").held = [held(clientId), held("another", { conflict_id: "two" })];
    node.kept = window;
    node.cut();
    await clock.until(() => settled([editor]) && session.revision === 1);
    assert.equal(session.content, "theirs");
    assert.equal(editor.content, "theirs");
    assert.deepEqual(told[0].lost, ["mine"]);
    assert.deepEqual(states(told), [
      ["conflict1", "held"],
      ["two", "held"],
    ]);
    assert.equal(told[1].lost, null);
    assert.equal(told[1].text, "mine");
    assert.equal(node.calls.filter(([name]) => name.endsWith("edit")).length, 0);
    // What a later join does not list any more has been resolved.
    node.sessions.get("notes").held = [held(clientId, { state: "expired" })];
    node.cut();
    await clock.until(() => session.held.length === 1);
    assert.deepEqual(states(told).slice(2), [
      ["conflict1", "expired"],
      ["two", "resolved"],
    ]);
  });
}

test("what expires, or is resolved elsewhere, is told", async () => {
  const { clock, node, editor, session, told, answers, clientId } = await setUpOne();
  answers.push(["conflict", held(clientId)]);
  editor.edit(["mine"]);
  await clock.until(() => told.length);
  const event = (conflict) => node.publish(node.sessions.get("notes"), "roster", { conflict });
  const expired = { conflict_id: "conflict1", state: "expired", op: ["mine"], revision: 0 };
  event(expired);
  event(expired);
  event({ ...expired, conflict_id: "elsewhere" });
  event({ conflict_id: "conflict1", state: "resolved", revision: 4 });
  event({ conflict_id: "unknown", state: "resolved", revision: 4 });
  await clock.pass(100);
  assert.deepEqual(states(told), [
    ["conflict1", "held"],
    ["conflict1", "expired"],
    ["elsewhere", "expired"],
    ["conflict1", "resolved"],
  ]);
  assert.deepEqual(
    session.held.map(({ conflict_id: id, text }) => [id, text]),
    [["elsewhere", "mine"]],
  );
});

test("conflicts that were merged are told, whichever comes first", async () => {
  for (const slow of ["answer", "stream"]) {
    const { clock, node, editor, merged } = await setUpOne();
    const edit = node._edit.bind(node);
    node._edit = (...call) => ({ ...edit(...call), conflicts: [NAMED] });
    if (slow === "stream") {
      const publish = node.publish.bind(node);
      node.publish = (...what) => clock.setTimeout(() => publish(...what), 200);
    }
    editor.edit(["mine"]);
    await clock.until(() => settled([editor]));
    await clock.pass(500);
    assert.deepEqual(merged, [[NAMED]], slow);
  }
});

/** Refuses edits that others have edited since, as a session that rejects them. */
function compare(node, session) {
  session.conflicts = "reject";
  const asked = [];
  node.fault = (procedure, { revision, client_id: id, seq, op }) => {
    if (!procedure.endsWith("edit")) return null;
    asked.push([revision, seq, op]);
    const others = session.log.slice(revision).filter(([other]) => other !== id);
    return others.length ? ["conflict", { conflicts: [NAMED] }] : null;
  };
  return asked;
}

for (const state of ["typed offline", "in flight", "both"]) {
  test(`what was done offline is compared with what was missed (${state})`, async () => {
    const { clock, node, client } = setUp();
    const session = node.create("notes", "a word");
    compare(node, session);
    const ada = await open(clock, client(), {});
    const told = [];
    ada.session.on("conflict", (conflict) => told.push(conflict));
    if (state !== "typed offline") {
      node.fault = () => "lose_call";
      ada.edit([2, "my", { d: 4 }]);
      await clock.pass(50);
    }
    node.reachable = false;
    node.cut();
    await clock.pass(50);
    if (state === "typed offline") ada.edit([2, "my", { d: 4 }]);
    if (state === "both") ada.edit([4, " own"]);
    node.append(session, ["server-01", 1, [2, "their", { d: 4 }], "x", 0]);
    node.append(session, ["server-01", 2, ["> "], "x", 0]);
    const seen = compare(node, session);
    node.reachable = true;
    await clock.until(() => told.length);
    const sent = state === "both" ? "my own" : "my";
    assert.deepEqual(seen, [[0, 1, [2, sent, { d: "word" }]]]);
    assert.equal(told[0].text, sent);
    assert.equal(ada.session.content, "> a their");
    assert.equal(ada.content, "> a their");
    const [{ text: kept }] = ada.session.patches;
    assert.equal(kept, sent);
    ada.edit(["ok "]);
    await clock.until(() => settled([ada]));
    assert.equal(session.content, "ok > a their");
  });
}

test("what waits for a pause is sent as soon as others have edited", async () => {
  const { clock, node, client } = setUp();
  const session = node.create("notes", "a word");
  const ada = await open(clock, client(), { pauseMs: 5000 });
  const asked = compare(node, session);
  node.cut();
  await clock.until(() => ada.session.status.state !== "offline" && node.sockets.size);
  ada.edit([2, "my", { d: 4 }]);
  await clock.pass(10);
  node.append(session, ["server-01", 1, [2, "their", { d: 4 }], "x", 0]);
  await clock.pass(100);
  assert.deepEqual(asked, [[0, 1, [2, "my", { d: "word" }]]]);
  assert.equal(ada.session.content, "a their");
});

test("what is first sent late is refused as what was sent once", async () => {
  const { clock, node, client } = setUp();
  const session = node.create("notes", "");
  session.conflicts = "ask";
  const ada = await open(clock, client(), {});
  const joins = () => node.calls.filter(([name]) => name.endsWith("join")).length;
  const before = joins();
  ada.edit(["forbidden"]);
  node.append(session, ["server-01", 1, ["x"], "x", 0]);
  await clock.until(() => ada.rejected.length);
  assert.deepEqual([joins(), ada.session.content], [before, "x"]);
});
