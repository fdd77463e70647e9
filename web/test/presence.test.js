import assert from "node:assert/strict";
import { test } from "node:test";
import { open, setUp, settled } from "./support/setup.js";

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
