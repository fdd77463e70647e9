import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { CollabError } from "../src/errors.js";
import { hashOf } from "../src/hash.js";
import { text } from "../src/text.js";
import { open, setUp, settled } from "./support/setup.js";

async function one(content) {
  const { clock, node, client } = setUp();
  node.create("notes", content);
  const ada = await open(clock, client(), {});
  ada.diverged = [];
  ada.session.on("diverged", (divergence) => ada.diverged.push(divergence));
  await clock.pass(100);
  const session = node.sessions.get("notes");
  const answerOf = async (asked) => {
    let answer = null;
    asked.then(
      (same) => (answer = { same }),
      (error) => (answer = { error }),
    );
    await clock.until(() => answer);
    return answer;
  };
  /** As if an operation had been applied in a wrong way: who edits it and who shows it has that. */
  const goWrong = (op) => {
    const { replica } = ada.session;
    const { outbox } = replica;
    const before = { ...outbox };
    replica.edit(op);
    Object.assign(outbox, { buffer: before.buffer, inFlight: before.inFlight });
    replica.ownEdits.settle();
  };
  return { clock, node, client, ada, session, answerOf, goWrong };
}

/** Errors on the console are what is wanted here. */
function silenced(t) {
  t.mock.method(console, "error", () => {});
}

test("hashes are those of canonical JSON, with the platform's means and without", async () => {
  const cases = [
    ['a "text"\n\u001f\u007f€😀\u2028', '"a \\"text\\"\\n\\u001f\u007f€😀\u2028"'],
    [{ b: [1.5, 1e21, -0, null], "€": true, "\r": 0, "\ufb33": 1, "😀": 2 }, null],
    [{ b: 1, a: { d: 1e-7, c: 100 } }, '{"a":{"c":100,"d":1e-7},"b":1}'],
  ];
  for (const [content, canonical] of cases) {
    const found = await hashOf(content);
    assert.equal(await hashOf(content, null), found);
    if (canonical === null) continue;
    assert.equal(found, createHash("sha256").update(canonical).digest("hex"));
  }
  const sorted = '{"\\r":0,"b":[1.5,1e+21,0,null],"€":true,"😀":2,"\ufb33":1}';
  const digest = createHash("sha256").update(sorted).digest("hex");
  assert.equal(await hashOf(cases[1][0]), digest);
});

test("a document that is the server's is let be, whatever is pending", async () => {
  const { clock, node, ada, session } = await one("one two");
  node.fault = (procedure) => (procedure.endsWith("edit") ? "lose_call" : null);
  ada.edit([7, " three"]);
  await clock.pass(50);
  ada.edit([{ d: 3 }]);
  node.check(session);
  await clock.pass(5000);
  node.fault = () => null;
  node.publish(session, "roster", { check: { epoch: "other", revision: 0, sha256: "x" } });
  node.commit(session, "!");
  node.publish(session, "edits", { epoch: session.epoch, after: 0, edits: session.log });
  node.check(session);
  node.publish(session, "roster", { check: { epoch: "epoch1", revision: 0, sha256: "past" } });
  await clock.until(() => settled([ada]));
  await clock.pass(5000);
  assert.deepEqual(ada.diverged, []);
});

test("one that is not is replaced, with what is pending", async (t) => {
  silenced(t);
  const { clock, node, ada, session, goWrong } = await one("one two");
  const changes = [];
  ada.session.on("change", ({ origin }) => changes.push(origin));
  node.fault = (procedure) => (procedure.endsWith("edit") ? "lose_call" : null);
  ada.edit([7, " three"]);
  await clock.pass(50);
  ada.edit(["zero "]);
  goWrong([9, "x", { d: "t" }]);
  assert.equal(ada.session.content, "zero one xwo three");
  node.check(session);
  await clock.until(() => ada.diverged.length);
  const [{ revision, expected, found }] = ada.diverged;
  assert.deepEqual([revision, expected, found], [0, node.hashOf("one two"), node.hashOf("one xwo")]);
  node.fault = () => null;
  await clock.until(() => settled([ada]));
  assert.equal(session.content, "zero one two three");
  assert.equal(ada.session.content, session.content);
  assert.equal(ada.content, session.content, "an editor followed");
  assert.deepEqual([changes.at(-1), ada.session.canUndo], ["reset", false]);
  node.check(session);
  await clock.pass(5000);
  assert.equal(ada.diverged.length, 1);
});

test("where nothing fits together, what was pending is kept as a patch", async (t) => {
  silenced(t);
  const { clock, node, ada, session, goWrong } = await one("one two");
  node.fault = (procedure) => (procedure.endsWith("edit") ? "lose_call" : null);
  ada.edit([7, " three"]);
  await clock.pass(50);
  goWrong([2, { d: "e two thr" }]);
  node.check(session);
  await clock.until(() => ada.diverged.length);
  node.fault = () => null;
  await clock.until(() => ada.session.patches.length);
  await clock.until(() => ada.session.status.state === "saved");
  assert.equal(ada.session.content, "one two");
  ada.session.applyPatch(ada.session.patches[0].id);
  await clock.until(() => settled([ada]) && session.content === "one two three");
});

test("verify tells whether it is the same, ahead and behind", async (t) => {
  silenced(t);
  const { clock, node, ada, session, answerOf, goWrong } = await one("one two");
  assert.deepEqual(await answerOf(ada.session.verify()), { same: true });
  const { publish } = node;
  node.publish = () => {};
  node.commit(session, "!");
  const behind = answerOf(ada.session.verify());
  await clock.pass(100);
  assert.equal(ada.session.revision, 0);
  node.publish = publish;
  node.publish(session, "edits", { epoch: session.epoch, after: 0, edits: session.log });
  assert.deepEqual(await behind, { same: true });
  const hash = node._hash.bind(node);
  const asked = [];
  node._hash = (of, socket, kwargs) => {
    asked.push(kwargs.revision);
    return hash(of, socket, { revision: kwargs.revision ?? 0 });
  };
  assert.deepEqual(await answerOf(ada.session.verify()), { same: true });
  assert.deepEqual(asked, [undefined, 1]);
  node._hash = hash;
  goWrong(["x"]);
  assert.deepEqual(await answerOf(ada.session.verify()), { same: false });
  await clock.until(() => ada.session.content === "one two!");
  assert.deepEqual(await answerOf(ada.session.verify()), { same: true });
});

test("who verifies a session that is over is told so", async () => {
  const { ada, answerOf } = await one("one two");
  ada.session.end(new CollabError("left", "closed"));
  const { error } = await answerOf(ada.session.verify());
  assert.equal(error.code, "left");
});

test("found while there is no connection, it is replaced when there is one", async (t) => {
  silenced(t);
  const { clock, node, ada, session, goWrong } = await one("one two");
  goWrong([{ d: "o" }]);
  node.check(session);
  await clock.pass(20);
  node.reachable = false;
  node.cut();
  await clock.until(() => ada.diverged.length);
  node.reachable = true;
  await clock.until(() => ada.session.status.state !== "offline");
  assert.equal(ada.session.content, "one two");
  assert.equal(text.length(ada.content), 7);
});
