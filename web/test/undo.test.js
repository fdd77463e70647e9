import assert from "node:assert/strict";
import { test } from "node:test";
import { runScopeHandlers } from "@codemirror/view";
import { collabHistory } from "../src/codemirror.js";
import { text } from "../src/text.js";
import { randomOp } from "./support/random.js";
import { open, setUp, settled } from "./support/setup.js";
import { ModelView } from "./support/view.js";

async function two(options) {
  const { clock, node, client, random } = setUp();
  const ada = await open(clock, client(), { create: true, ...options });
  const bob = await open(clock, client());
  const equal = () =>
    clock.until(() => settled([ada, bob]) && ada.content === bob.content, 60_000);
  return { clock, node, random, ada, bob, equal };
}

test("undo takes back what is one's own, around and inside what others wrote", async () => {
  const { clock, ada, bob, equal } = await two();
  ada.edit(["one three"]);
  await equal().catch(() => {});
  await clock.until(() => bob.content === "one three");
  bob.edit([4, "two "]);
  await equal();
  assert.equal(ada.session.undo(), true);
  await equal();
  assert.equal(bob.content, "two ");
  assert.equal(ada.session.undo(), false);
  assert.equal(ada.session.redo(), true);
  await equal();
  assert.equal(bob.content, "one two three");
  assert.equal(ada.session.redo(), false);
});

test("what follows within half a second is undone together, a pause begins another step", async () => {
  const { clock, ada, bob } = await two();
  for (const [i, letter] of [..."word"].entries()) {
    ada.session.insert(i, letter);
    bob.session.insert([...bob.content].length, ".");
    await clock.pass(200);
  }
  await clock.pass(600);
  ada.session.insert(0, "!");
  ada.session.undo();
  assert.match(ada.content, /^[word.]{8}$/);
  ada.session.undo();
  assert.equal(ada.content, "....");
});

test("the time that joins edits can be set", async () => {
  const { ada } = await two({ undoGroupMs: 0 });
  ada.edit(["a"]);
  ada.edit([1, "b"]);
  ada.session.undo();
  assert.equal(ada.content, "a");
});

test("history tells what can be undone, also when others left nothing of it", async () => {
  const { clock, ada, bob, equal } = await two();
  const told = [];
  ada.session.on("history", (state) => told.push([state.canUndo, state.canRedo]));
  ada.edit(["a"]);
  ada.session.undo();
  ada.session.redo();
  await clock.until(() => bob.content === "a");
  bob.edit([{ d: 1 }]);
  await clock.until(() => ada.content === "");
  await clock.pass(1000);
  const expected = [
    [true, false],
    [false, true],
    [true, false],
    [false, false],
  ];
  assert.deepEqual(told, expected);
  assert.equal(ada.session.undo(), false);
});

test("undo can be done without", async () => {
  const { ada } = await two({ undo: false });
  ada.edit(["a"]);
  assert.deepEqual([ada.session.canUndo, ada.session.undo(), ada.content], [false, false, "a"]);
});

test("who may not edit undoes nothing", async () => {
  const { clock, node, ada } = await two();
  ada.edit(["a"]);
  const session = node.sessions.get("notes");
  const { participantId } = ada.session;
  node.publish(session, "roster", { rights: { participant_id: participantId, right: "view" } });
  await clock.until(() => ada.session.status.readOnly);
  assert.throws(() => ada.session.undo(), { code: "denied" });
});

test("what was refused is not undone, what was done before is", async () => {
  const { clock, ada } = await two({ undoGroupMs: 0 });
  ada.edit(["fine "]);
  await clock.until(() => settled([ada]));
  ada.edit([{ d: 2 }, "forbidden"]);
  await clock.until(() => ada.rejected.length);
  assert.equal(ada.content, "fine ");
  ada.session.undo();
  await clock.until(() => settled([ada]));
  assert.equal(ada.content, "");
  assert.equal(ada.session.canUndo, false);
});

test("whatever is done and undone, everybody has the same in the end", async () => {
  for (let seed = 1; seed <= 25; seed++) {
    const { random, clock, node, client } = setUp(seed);
    node.delay = () => random.below(40);
    const editors = [await open(clock, client()), await open(clock, client())];
    for (let i = 0; i < 40; i++) {
      const editor = random.pick(editors);
      const what = random.pick(["edit", "edit", "undo", "redo", "refused", "pass"]);
      if (what === "edit") editor.edit(randomOp(random, editor.content)[0]);
      else if (what === "refused") editor.session.insert(0, "forbidden");
      else if (what === "pass") await clock.pass(random.below(100));
      else editor.session[what]();
      assert.equal(editor.content, editor.session.content, `seed ${seed}`);
    }
    await clock.until(() => settled(editors) && editors[0].content === editors[1].content);
    assert.equal(node.sessions.get("notes").content, editors[0].content, `seed ${seed}`);
  }
});

test("an editor's keys undo by the session", async () => {
  const { clock, node, client } = setUp();
  node.create("notes", "a");
  const ada = await open(clock, client(), {});
  const view = new ModelView(ada.session, collabHistory(ada.session));
  view.hasFocus = true;
  await clock.pass(100);
  const press = (key, shiftKey = false) =>
    runScopeHandlers(
      view,
      { key, ctrlKey: true, shiftKey, keyCode: key.toUpperCase().charCodeAt() },
      "editor",
    );
  view.write(1, 1, "bc");
  await clock.pass(1000);
  ada.session.insert(0, "😀");
  await clock.pass(1000);
  node.commit(node.sessions.get("notes"), "!");
  node.publish(node.sessions.get("notes"), "edits", { epoch: "epoch1", after: 3, edits: [] });
  await clock.until(() => view.text === "😀abc!");
  assert.ok(press("z"));
  assert.equal(view.text, "abc!", "what the application did is the user's too");
  assert.ok(press("z"));
  assert.deepEqual([view.text, view.state.selection.main.head], ["a!", 1]);
  press("y");
  press("Z", true);
  assert.deepEqual([view.text, view.state.selection.main.head], ["😀abc!", 2]);
  await clock.until(() => settled([ada]));
  assert.equal(node.sessions.get("notes").content, "😀abc!");
  assert.equal(text.length(ada.session.content), 5);
});
