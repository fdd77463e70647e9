import assert from "node:assert/strict";
import { test } from "node:test";
import { history, undo } from "@codemirror/commands";
import { colorOf } from "../src/codemirror.js";
import { text } from "../src/text.js";
import { open, setUp } from "./support/setup.js";
import { ModelView } from "./support/view.js";

/** An editor on a session with a text in it, and the session's client. */
async function edited(content, extensions) {
  const { clock, node, client } = setUp();
  node.create("notes", content);
  const ada = await open(clock, client(), {});
  const view = new ModelView(ada.session, extensions);
  await clock.pass(100);
  return { clock, node, ada, view };
}

test("an editor and its session follow each other, whoever makes an edit", async () => {
  const { clock, node, ada, view } = await edited("a", history());
  view.write(1, 1, "b");
  ada.session.insert(2, "c");
  node.commit(node.sessions.get("notes"), "d");
  await clock.until(() => view.text.length === 4 && ada.session.status.state === "saved");
  assert.equal(ada.content, view.text);
  assert.equal(node.sessions.get("notes").content, view.text);
  undo(view);
  assert.equal(view.text, ada.content);
  assert.doesNotMatch(view.text, /c/, "what the application did is the user's too");
  undo(view);
  assert.equal(view.text, "ad");
  assert.equal(ada.session.content, view.text);
});

test("two editors on one session show the same", async () => {
  const { ada, view } = await edited("a");
  const other = new ModelView(ada.session);
  await Promise.resolve();
  view.write(1, 1, "b");
  other.write(2, 2, "c");
  assert.deepEqual([view.text, other.text, ada.session.content], ["abc", "abc", "abc"]);
});

test("an edit from within a change of the editor reaches the editor", async () => {
  const { ada, view } = await edited("a");
  const off = ada.session.on("change", () => {
    off();
    ada.session.insert(0, "!");
  });
  view.write(1, 1, "b");
  await Promise.resolve();
  assert.deepEqual([view.text, ada.session.content], ["!ab", "!ab"]);
});

test("a change that cuts surrogate pairs becomes one of whole pairs", async () => {
  const cases = [
    // One face for another: the browser says that the second halves differ.
    ["x😀y", 2, 3, "\ude03", "x😃y", [1, "😃", { d: "😀" }]],
    ["x😀y", 1, 2, "\ud83e", "x🨀y", [1, "🨀", { d: "😀" }]],
    ["😀😃", 1, 3, "\ude03\ud83d", "😃😃", [{ d: "😀😃" }, "😃😃"]],
    ["😀", 1, 2, "", "\ufffd", [{ d: "😀" }, "\ufffd"]],
    ["😀", 1, 1, "x", "\ufffdx\ufffd", [{ d: "😀" }, "\ufffdx\ufffd"]],
  ];
  for (const [before, from, to, insert, after, op] of cases) {
    const { ada, view } = await edited(before);
    const changes = [];
    ada.session.on("change", (change) => changes.push(change.op));
    view.write(from, to, insert, { selection: { anchor: from + insert.length } });
    assert.equal(view.text, after);
    assert.equal(ada.session.content, after);
    assert.equal(text.apply(before, op), after);
    assert.equal(text.apply(before, changes[0]), after);
    view.write(view.text.length, view.text.length, "!");
    assert.equal(ada.session.content, `${after}!`);
  }
});

test("an edit that the session does not take is taken back in the editor, and told", async () => {
  const { ada, view } = await edited("a😀b");
  const errors = [];
  ada.session.on("error", (error) => errors.push(error));
  view.write(2, 3, "\0", { filter: false });
  view.write(0, 0, "lost", { filter: false });
  await Promise.resolve();
  assert.equal(errors.length, 1);
  assert.deepEqual([view.text, ada.session.content], ["a😀b", "a😀b"]);
  view.write(3, 3, "!");
  assert.deepEqual([view.text, ada.session.content], ["a😀!b", "a😀!b"]);
});

test("participants have colours of their own, made from their ids", () => {
  const colors = new Set();
  for (let i = 0; i < 50; i++) {
    const participantId = `participant-${"0123456789abcdef".repeat(2)}-${i}`;
    colors.add(colorOf({ userInfo: {}, participantId }));
  }
  assert.equal(colors.size, 8);
  assert.equal(colorOf({ userInfo: { color: "#123456" }, participantId: "x" }), "#123456");
});
