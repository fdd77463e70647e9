import assert from "node:assert/strict";
import { test } from "node:test";
import { open, setUp } from "./support/setup.js";

/** Until a promise is settled: its error, or null where it was fulfilled. */
async function outcome(clock, promise, mostMs) {
  let settled = null;
  promise.then(
    () => (settled = { error: null }),
    (error) => (settled = { error }),
  );
  await clock.until(() => settled, mostMs);
  return settled.error;
}

test("what is in the snapshot already is not rebased, corrections of it are", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  node.kept = -1;
  node.fault = (procedure) => (procedure.endsWith("edit") ? "cut" : null);
  ada.edit(["hello wrold"]);
  node.reachable = false;
  await clock.until(() => ada.session.status.state === "offline");
  node.fault = () => null;
  ada.edit([7, "or", { d: 2 }]);
  ada.edit([11, "!"]);
  const changes = [];
  ada.session.on("change", ({ origin }) => changes.push(origin));
  node.reachable = true;
  await clock.until(() => ada.session.status.state === "saved");
  assert.equal(node.sessions.get("notes").content, "hello world!");
  assert.equal(ada.content, "hello world!");
  assert.deepEqual(changes, [], "nothing happened to the document");
});

test("sessions can be opened and closed any number of times over one connection", async () => {
  const { clock, node, client } = setUp();
  node.mostSubscriptions = 5;
  const shared = client();
  for (let i = 0; i < 20; i++) {
    const ada = await open(clock, shared);
    assert.equal(await outcome(clock, ada.session.close()), null);
  }
  await clock.pass(100);
  const [socket] = node.sockets;
  assert.deepEqual([...socket.topics.keys()], ["collab.notice"]);
  assert.equal(node.sessions.get("notes").people.size, 0);
});

test("the topics of an epoch that is over are given back", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  for (let i = 0; i < 3; i++) {
    const before = node.sessions.get("notes");
    const after = node.create("notes", "new");
    node.publish(before, "roster", { epoch: { epoch: after.epoch } });
    await clock.until(() => ada.session.epoch === after.epoch);
    await clock.until(() => ada.session.status.state === "connected");
  }
  const [socket] = node.sockets;
  const topics = [...socket.topics.keys()].filter((topic) => topic !== "collab.notice");
  assert.equal(topics.length, 3);
  assert.ok(topics.every((topic) => topic.startsWith(ada.session.epoch)));
});

test("events still come after a join over the same connection", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  const bob = await open(clock, client());
  const session = node.sessions.get("notes");
  node.leave(session, ada.session.participantId, "disconnected");
  await clock.until(() => session.people.size === 2 && ada.session.status.state === "connected");
  bob.edit(["heard"]);
  await clock.until(() => ada.content === "heard", 100);
});

test("a session that is closed while it joins again does not stay", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  node.delay = () => 50;
  node.cut();
  await clock.until(() => node.sessions.get("notes").people.size === 1);
  assert.equal(ada.session.status.state, "offline");
  await outcome(clock, ada.session.close());
  await clock.until(() => node.sessions.get("notes").people.size === 0, 1000);
});

test("a session that ends before it is joined is not opened", async () => {
  const { clock, node, client } = setUp();
  const session = node.create("notes");
  const ada = client();
  const join = node._join.bind(node);
  node._join = (...args) => {
    const answer = join(...args);
    // Both are told between the answer and the last of the subscriptions.
    clock.setTimeout(() => {
      node.commit(session, "x");
      node.publish(session, "edits", { epoch: session.epoch, after: 0, edits: session.log });
    }, 12);
    clock.setTimeout(() => node.publish(session, "roster", { destroyed: { epoch: "x" } }), 28);
    return answer;
  };
  const error = await outcome(clock, ada.open("notes"));
  assert.equal(error?.code, "no_such_session");
});

test("who came or went while one was joining is known", async () => {
  const { clock, node, client } = setUp();
  const bob = await open(clock, client(), { create: true, userInfo: { name: "Bob" } });
  const join = node._join.bind(node);
  node._join = (session, ...args) => {
    const answer = join(session, ...args);
    node.leave(session, bob.session.participantId, "left");
    const row = { participant_id: "late", user_id: "eve", user_info: {}, right: "edit" };
    const late = { row: { ...row, client_id: "eve-0001" }, socket: { event() {} } };
    session.people.set("late", late);
    node._join = join;
    return answer;
  };
  const ada = await open(clock, client());
  const here = () => ada.session.participants.map(({ participantId }) => participantId);
  await clock.until(() => here().includes("late") && here().length === 2, 1000);
});

test("roster events that are newer than the roster are not undone by it", async () => {
  const { clock, node, client } = setUp();
  const bob = await open(clock, client());
  const info = node._info.bind(node);
  node._info = (session, ...args) => {
    const answer = info(session, ...args);
    node.leave(session, bob.session.participantId, "left");
    return answer;
  };
  const ada = await open(clock, client());
  await clock.pass(60);
  assert.equal(ada.session.participants.length, 1);
});

test("what is told of a session and not known here is passed over", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  await clock.pass(60);
  const [before, told] = [ada.session.participants, []];
  ada.session.on("participants", (participants) => told.push(participants));
  const session = node.sessions.get("notes");
  const check = { epoch: session.epoch, revision: 0, sha256: "00" };
  node.publish(session, "roster", { check });
  node.publish(session, "roster", { news: { of: "later" } });
  await clock.pass(60);
  assert.deepEqual([told, ada.session.ended, ada.session.participants], [[], null, before]);
});

test("a cursor is announced again after a reconnect", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  const bob = await open(clock, client());
  ada.edit(["abc"]);
  ada.session.setPresence({ cursor: 2, selection: null });
  const cursor = () => bob.session.participants.find(({ self }) => !self)?.cursor ?? null;
  await clock.until(() => cursor() === 2);
  node.delay = () => 40;
  [...node.sockets][0].lose();
  await clock.until(() => cursor() === null);
  await clock.until(() => cursor() === 2, 5000);
});

test("what a server refuses to show of a user does not hinder the next join", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client(), { create: true, userInfo: { name: "Ada" } });
  const refused = { name: "x".repeat(5000) };
  node.fault = (procedure, { user_info: userInfo }) =>
    userInfo?.name.length > 100 ? ["bad_request"] : null;
  const error = await outcome(clock, ada.session.setUserInfo(refused));
  assert.equal(error.code, "bad_request");
  node.cut();
  await clock.until(() => ada.session.status.state === "offline");
  await clock.until(() => ada.session.status.state === "connected");
  assert.equal(ada.session.participants[0].userInfo.name, "Ada");
});

test("what is to be shown of a user is told once there is a connection", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client(), { create: true, userInfo: { name: "Ada" } });
  node.cut();
  await clock.until(() => ada.session.status.state === "offline");
  const told = ada.session.setUserInfo({ name: "Grace" });
  let calls = 0;
  node.fault = (procedure, { user_info: userInfo }) =>
    userInfo?.name === "Grace" && calls++ === 0 ? ["overloaded", { retryable: true }] : null;
  assert.equal(await outcome(clock, told), null);
  await clock.until(() => ada.session.participants[0].userInfo.name === "Grace");
  const waiting = outcome(clock, ada.session.setUserInfo({ name: "Edith" }));
  ada.client.close();
  assert.equal((await waiting).code, "left");
});

test("a fetch that the server has no time for is made again, and nothing else", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  await clock.pass(100);
  const states = [];
  ada.session.on("status", ({ state }) => states.push(state));
  const session = node.sessions.get("notes");
  const busy = [
    ["rate_limited", { retryable: true, retry_after_ms: 30 }],
    ["store_unavailable", { retryable: true }],
  ];
  node.fault = (procedure) => (procedure.endsWith("fetch") ? (busy.shift() ?? null) : null);
  const joins = node.calls.filter(([name]) => name.endsWith("join")).length;
  node.commit(session, "news");
  node.publish(session, "edits", { epoch: session.epoch, after: 1, edits: [] });
  await clock.until(() => ada.content === "news", 700);
  assert.deepEqual(states, []);
  assert.equal(node.calls.filter(([name]) => name.endsWith("join")).length, joins);
});

test("an edit is refused after so many internal errors, not after other failures", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  const busy = Array(8).fill(["store_unavailable", { retryable: true }]);
  const faults = [...busy, ["internal"], ["internal"], ["internal"]];
  node.fault = (procedure) => (procedure.endsWith("edit") ? (faults.shift() ?? null) : null);
  ada.edit(["kept"]);
  await clock.until(() => ada.session.status.state === "saved");
  assert.deepEqual([ada.content, ada.rejected], ["kept", []]);
  const joins = node.calls.filter(([name]) => name.endsWith("join")).length;
  assert.equal(joins, 1);
  node.fault = (procedure) => (procedure.endsWith("edit") ? ["internal"] : null);
  ada.edit([4, " not"]);
  await clock.until(() => ada.rejected.length === 1);
  assert.equal(ada.content, "kept");
});
