import assert from "node:assert/strict";
import { test } from "node:test";
import { CollabError } from "../src/errors.js";
import { text } from "../src/text.js";
import { open, setUp, settled } from "./support/setup.js";

async function writing(content = "") {
  const { clock, node, client } = setUp();
  node.create("notes", content);
  const ada = await open(clock, client(), {});
  const bob = await open(clock, client(), {});
  const session = node.sessions.get("notes");
  const kept = () => ada.session.patches.map(({ text: inserted }) => inserted);
  return { clock, node, client, ada, bob, session, kept };
}

test("what is refused is kept, past what happens since, and can be applied again", async () => {
  const { clock, ada, bob, session, kept } = await writing("one two");
  const told = [];
  ada.session.on("patches", (patches) => told.push(patches.length));
  ada.session.insert(4, "forbidden ");
  await clock.until(() => ada.rejected.length);
  assert.deepEqual([kept(), told], [["forbidden "], [1]]);
  const [{ patch }] = ada.rejected;
  assert.deepEqual(patch.reason, { code: "document_full", message: "document_full" });
  assert.match(patch.name, /^What you wrote at \d\d:\d\d$/);
  bob.edit(["zero "]);
  await clock.until(() => ada.content === "zero one two");
  ada.session.applyPatch(patch.id);
  assert.deepEqual([ada.content, kept(), told], ["zero one forbidden two", [], [1, 0]]);
  await clock.until(() => ada.rejected.length === 2);
  assert.deepEqual([ada.content, kept(), told], ["zero one two", ["forbidden "], [1, 0, 1]]);
  const [again] = ada.session.patches;
  assert.deepEqual([again.id, again.name, again.createdMs], [patch.id, patch.name, patch.createdMs]);
  ada.session.discardPatch(patch.id);
  assert.deepEqual([kept(), session.content], [[], "zero one two"]);
  assert.throws(() => ada.session.applyPatch(patch.id), TypeError);
});

test("what is taken when it is applied again does not come back", async () => {
  const { clock, node, ada, bob, kept } = await writing();
  node.right = "view";
  ada.edit(["a"]);
  await clock.until(() => kept().length);
  node.right = "edit";
  ada.session.applyPatch(ada.session.patches[0].id);
  await clock.until(() => settled([ada]) && bob.content === "a");
  ada.session.insert(1, "forbidden");
  await clock.until(() => kept().length);
  assert.deepEqual(kept(), ["forbidden"]);
  assert.notEqual(ada.session.patches[0].id, ada.rejected[0].patch.id);
});

test("typing on while edits are refused makes one patch, until one is taken", async () => {
  const { clock, node, ada, kept } = await writing("><");
  node.right = "view";
  for (const [i, letter] of [..."hello"].entries()) {
    ada.session.insert(ada.content.indexOf("<"), letter);
    node.commit(node.sessions.get("notes"), String(i));
    await clock.pass(3);
  }
  await clock.until(() => settled([ada]));
  assert.deepEqual(kept(), ["hello"]);
  node.right = "edit";
  ada.session.applyPatch(ada.session.patches[0].id);
  await clock.until(() => settled([ada]));
  assert.match(ada.content, /hello/);
  ada.session.insert(0, "forbidden 1");
  await clock.until(() => kept().length === 1);
  ada.session.insert(0, "fine ");
  await clock.until(() => settled([ada]));
  ada.session.insert(0, "forbidden 2");
  await clock.until(() => kept().length === 2);
  assert.deepEqual(kept(), ["forbidden 1", "forbidden 2"]);
});

test("what was pending when the session was over is kept, and taken by another one", async () => {
  const { clock, node, client, ada, bob, session } = await writing("one two");
  node.fault = (procedure) => (procedure.endsWith("edit") ? "lose_call" : null);
  ada.session.insert(3, " and a half");
  await clock.pass(50);
  ada.session.insert(0, "zero ");
  ada.session.end(new CollabError("fenced", "elsewhere"));
  const [patch] = ada.session.patches;
  assert.deepEqual([patch.text, patch.reason.code], ["zero  and a half", "fenced"]);
  assert.equal(ada.session.content, "zero one and a half two", "it stays readable");
  const exported = ada.session.exportPatches();
  node.fault = () => null;
  node.commit(session, "!");
  bob.edit([1, "-"]);
  await clock.until(() => settled([bob]));
  const eve = await open(clock, client(), {});
  const importing = eve.session.importPatches(exported);
  let taken = null;
  importing.then((patches) => (taken = patches));
  await clock.until(() => taken);
  assert.deepEqual(taken.map(({ name }) => name), [patch.name]);
  eve.session.applyPatch(taken[0].id);
  assert.equal(eve.content, "zero o-ne and a half two!");
});

test("what was committed though no answer came is not taken once more", async () => {
  const { clock, node, client, ada, session } = await writing("one");
  node.fault = (procedure) => (procedure.endsWith("edit") ? "lose_answer" : null);
  const { publish } = node;
  node.publish = () => {};
  ada.session.insert(3, " two");
  await clock.until(() => session.content === "one two");
  ada.session.insert(7, " three");
  ada.session.end(new CollabError("left", "closed"));
  Object.assign(node, { fault: () => null, publish });
  const exported = ada.session.exportPatches();
  const eve = await open(clock, client(), {});
  let taken = null;
  eve.session.importPatches(exported).then((patches) => (taken = patches));
  await clock.until(() => taken);
  eve.session.applyPatch(taken[0].id);
  await clock.until(() => settled([eve]));
  assert.equal(session.content, "one two three");
});

test("in another document a patch is taken by its text", async () => {
  const { clock, node, client, ada } = await writing("a long enough text");
  ada.session.edit([18, "forbidden"]);
  await clock.until(() => ada.session.patches.length);
  const exported = ada.session.exportPatches();
  node.create("other", "short");
  let session = null;
  client().open("other").then((opened) => (session = opened));
  await clock.until(() => session);
  const [patch] = await session.importPatches(exported);
  session.applyPatch(patch.id);
  assert.equal(session.content, "shortforbidden");
  await assert.rejects(session.importPatches("[]"), TypeError);
  await assert.rejects(session.importPatches("nonsense"), TypeError);
  await assert.rejects(session.importPatches(exported.replace('"text","epoch', '"json","epoch')), TypeError);
});

test("a patch whose place is gone with others' text keeps its own", async () => {
  const { clock, ada, bob, kept } = await writing("abcdef");
  ada.session.edit([3, "forbidden", { d: 1 }]);
  await clock.until(() => kept().length);
  bob.edit([{ d: 6 }]);
  await clock.until(() => ada.content === "");
  assert.deepEqual(ada.session.patches[0].op, ["forbidden"]);
  const seen = text.apply(ada.content, ada.session.patches[0].op);
  assert.equal(seen, "forbidden");
});

test("a deletion that others make as well needs no patch", async () => {
  const { clock, node, ada, bob, kept } = await writing("abc");
  node.right = "view";
  ada.session.remove(0, 3);
  await clock.until(() => kept().length);
  assert.match(ada.session.patches[0].name, /^What you changed/);
  node.right = "edit";
  bob.session.remove(0, 3);
  await clock.until(() => ada.content === "");
  assert.deepEqual(kept(), []);
});

async function writingAs(type, content) {
  const { clock, node, client } = setUp();
  node.create("notes", content, type);
  const ada = await open(clock, client(), { type });
  const bob = await open(clock, client(), { type });
  const refuse = async (op) => {
    node.right = "view";
    ada.session.edit(op);
    await clock.until(() => ada.session.patches.length);
    node.right = "edit";
  };
  return { clock, node, client, ada, bob, refuse };
}

test("a value that was refused stands when it is applied again, if its place is there", async () => {
  const { clock, client, ada, bob, refuse } = await writingAs("json", { a: { n: 1 } });
  await refuse([{ p: ["a", "n"], od: 1, oi: 2 }]);
  bob.session.edit([{ p: ["a", "n"], od: 1, oi: 3 }]);
  await clock.until(() => ada.session.content.a.n === 3);
  const exported = ada.session.exportPatches();
  ada.session.applyPatch(ada.session.patches[0].id);
  await clock.until(() => settled([ada]) && bob.session.content.a.n === 2);
  const eve = await open(clock, client(), { type: "json" });
  let taken = null;
  eve.session.importPatches(exported).then((patches) => ([taken] = patches));
  await clock.until(() => taken);
  assert.deepEqual(taken.op.map(({ p, oi }) => [p, oi]), [[["a", "n"], 2]]);
  bob.session.edit([{ p: ["a"], od: { n: 2 } }]);
  await clock.until(() => eve.session.content.a === undefined);
  const [gone] = eve.session.patches;
  assert.deepEqual([gone.op, gone.text], [null, "2"]);
  assert.throws(() => eve.session.applyPatch(gone.id), TypeError);
});

test("rich text that was refused comes back with its formats", async () => {
  const { clock, ada, bob, refuse } = await writingAs("rich_text", [{ insert: "one two\n" }]);
  await refuse([{ retain: 4 }, { insert: "bold ", attributes: { bold: true } }]);
  bob.session.edit([{ insert: "zero " }]);
  await clock.until(() => ada.session.content[0].insert === "zero one two\n");
  assert.equal(ada.session.patches[0].text, "bold ");
  ada.session.applyPatch(ada.session.patches[0].id);
  assert.deepEqual(ada.session.content, [
    { insert: "zero one " },
    { insert: "bold ", attributes: { bold: true } },
    { insert: "two\n" },
  ]);
  ada.session.undo();
  assert.deepEqual(ada.session.content, [{ insert: "zero one two\n" }]);
});

test("a patch that never fitted the document is kept by its text, whatever it says", async () => {
  const { clock, ada, bob } = await writingAs("json", { a: { n: "x" } });
  const exported = JSON.parse(ada.session.exportPatches());
  bob.session.edit([{ p: ["a", "n"], od: "x", oi: "y" }]);
  await clock.until(() => ada.session.content.a.n === "y");
  const ops = [
    [{ p: ["a", "n"], na: 8 }, { p: ["a"], od: null, oi: 1 }],
    [{ p: ["a", "n"], t: "text-unicode", o: [1_000_000, "x"] }],
  ];
  const row = { id: "1", name: "n", text: "t", reason: { code: "x", message: "" }, created_ms: 1 };
  exported.patches = ops.map((op) => ({ ...row, revision: 0, op }));
  let taken = null;
  ada.session.importPatches(JSON.stringify(exported)).then(
    (patches) => (taken = patches.map(({ op, text }) => [op, text])),
    (error) => (taken = error),
  );
  await clock.until(() => taken);
  assert.deepEqual(taken, Array(2).fill([null, "t"]));
});
