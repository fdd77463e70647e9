import assert from "node:assert/strict";
import { test } from "node:test";
import { open, setUp } from "./support/setup.js";

test("who is told that the node is ending goes, each at its own moment, and loses nothing", async () => {
  const { clock, node, client } = setUp();
  const people = [];
  for (let i = 0; i < 10; i++) people.push(await open(clock, client()));
  const before = new Set(node.sockets);
  const left = [];
  for (const { client } of people) client.on("state", (state) => left.push([clock.now(), state]));
  const start = clock.now();
  node.notify({ kind: "drain", within_ms: 8000 });
  people[0].edit(["typed meanwhile"]);
  await clock.until(() => [...node.sockets].every((socket) => !before.has(socket)));
  await clock.until(() => people.every(({ content }) => content === "typed meanwhile"));
  const times = left.filter(([, state]) => state === "offline").map(([at]) => at - start);
  assert.equal(times.length, 10);
  assert.ok(Math.max(...times) <= 4100, "half of the time is left for another try");
  assert.ok(new Set(times).size > 5, "not all at once");
});

test("a token that is about to expire is exchanged on the connection", async () => {
  const { clock, node, client } = setUp();
  let asked = 0;
  const ada = await open(clock, client(() => (asked++ ? "newer" : "good")));
  const notices = [];
  ada.client.on("notice", (notice) => notices.push(notice.kind));
  node.notify({ kind: "token_expiring", expires_at: 1 });
  await clock.until(() => node.calls.some(([name]) => name === "collab.token.refresh"));
  const [, { ticket }] = node.calls.find(([name]) => name === "collab.token.refresh");
  assert.deepEqual([ticket, asked], ["newer", 2]);
  assert.deepEqual(notices, ["token_expiring"]);
  assert.equal(node.sockets.size, 1);
});

test("a token without a newer one is left to expire, and what is unknown is handed on", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client());
  const notices = [];
  ada.client.on("notice", (notice) => notices.push(notice));
  node.notify({ kind: "token_expiring", expires_at: 1 });
  node.notify({ kind: "message", message: "Lunch" });
  await clock.until(() => notices.length === 2);
  assert.equal(notices[1].message, "Lunch");
  assert.ok(!node.calls.some(([name]) => name === "collab.token.refresh"));
});

test("a newer token that is refused does not end the connection", async () => {
  const { clock, node, client } = setUp();
  const ada = await open(clock, client(() => "good"));
  const errors = [];
  ada.client.on("notice", ({ kind, error }) => kind === "error" && errors.push(error.code));
  node.fault = (procedure) => (procedure.endsWith("refresh") ? ["token_revoked"] : null);
  node.notify({ kind: "token_expiring", expires_at: 1 });
  await clock.until(() => errors.length === 1);
  assert.deepEqual(errors, ["token_revoked"]);
  assert.equal(ada.client.state, "connected");
});
