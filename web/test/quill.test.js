import assert from "node:assert/strict";
import { test } from "node:test";
import { bindQuill } from "../src/quill.js";
import { richText } from "../src/rich-text.js";
import { frame, makeQuill, Quill, window } from "./support/dom.js";
import { randomText, seeded } from "./support/random.js";
import { setUp } from "./support/setup.js";

/** Clients on one session of rich text, each with an editor. */
async function edited(content, count = 1, options = {}) {
  const { clock, node, client } = setUp();
  node.create("notes", content, "rich_text");
  const people = [];
  for (let i = 0; i < count; i++) {
    let session = null;
    client()
      .open("notes", { type: "rich_text", undoGroupMs: 0, ...options })
      .then((opened) => (session = opened));
    await clock.until(() => session);
    const quill = makeQuill();
    const errors = [];
    session.on("error", (error) => errors.push(error));
    people.push({ session, quill, errors, binding: bindQuill(session, quill) });
  }
  await clock.pass(100);
  const shared = () => node.sessions.get("notes").content;
  const saved = () =>
    clock.until(() =>
      people.every(
        ({ session }) => session.status.pending === 0 && session.revision === revision(),
      ),
    );
  const revision = () => node.sessions.get("notes").log.length;
  const commit = (op) => node.append(node.sessions.get("notes"), ["server-01", 1, op, "x", 0]);
  return { clock, node, people, shared, saved, commit, ...people[0] };
}

const shows = (quill) => quill.getContents().ops;

test("what is typed and formatted in Quill is the session's, and the other way round", async () => {
  const { session, quill, shared, saved } = await edited([{ insert: "a😀b\n" }]);
  assert.deepEqual(shows(quill), [{ insert: "a😀b\n" }]);
  quill.insertText(3, "x", { bold: true }, "user");
  quill.formatText(4, 1, "italic", true, "user");
  quill.formatLine(0, 1, "header", 1, "user");
  quill.insertEmbed(0, "image", "https://example.org/a.png", "user");
  assert.deepEqual(session.content, [
    { insert: { image: "https://example.org/a.png" } },
    { insert: "a😀" },
    { insert: "x", attributes: { bold: true } },
    { insert: "b", attributes: { italic: true } },
    { insert: "\n", attributes: { header: 1 } },
  ]);
  session.edit([{ retain: 3 }, { insert: "é" }, { delete: 1 }]);
  session.insert(0, "😀");
  session.remove(1, 1);
  assert.deepEqual(shows(quill), session.content);
  await saved();
  assert.deepEqual(shared(), session.content);
});

/** Something that somebody does to their editor. */
function act(random, { quill, session }) {
  const points = [...quill.getText()];
  const index = points.slice(0, random.below(points.length)).join("").length;
  const deeds = {
    insert: () => quill.insertText(index, randomText(random, 3), { bold: random.chance(0.3) }),
    format: () => quill.formatText(index, random.below(4), "color", "red", "user"),
    delete: () => quill.getLength() > 4 && quill.deleteText(index, random.below(4), "user"),
    line: () => quill.formatLine(index, 1, "header", random.pick([1, 2, false]), "user"),
    image: () => quill.insertEmbed(index, "image", "https://example.org/a.png", "user"),
    silent: () => quill.insertText(index, "!", "silent"),
    undo: () => session.undo(),
  };
  try {
    deeds[random.pick(["insert", "insert", ...Object.keys(deeds)])]();
  } catch (error) {
    // Quill's fast-diff does not come to an end with some faces. Quill has the change all the same,
    // and tells nobody.
    assert.match(error.stack, /fast-diff/);
  }
}

test("several editors converge, whatever is done in them", async () => {
  for (const seed of [1, 2, 3, 4]) {
    const random = seeded(seed);
    const { people, shared, saved, clock } = await edited(null, 3);
    for (let i = 0; i < 100; i++) {
      act(random, random.pick(people));
      if (random.chance(0.3)) await clock.pass(random.below(60));
    }
    await saved();
    // What Quill has us complete is sent then.
    await saved();
    for (const { quill, session, errors } of people) {
      assert.deepEqual(errors, [], `seed ${seed}`);
      assert.deepEqual(session.content, shared());
      assert.deepEqual(shows(quill), shared());
    }
    assert.ok(richText.length(shared()) > 20);
  }
});

test("a change that cuts surrogate pairs, or has what is unfit, is mended", async () => {
  const { session, quill, errors } = await edited([{ insert: "x😀y\n" }]);
  quill.updateContents([{ retain: 2 }, { insert: "\ude03" }, { delete: 1 }], "user");
  await Promise.resolve();
  assert.deepEqual(session.content, [{ insert: "x😃y\n" }]);
  quill.deleteText(1, 1, "user");
  await Promise.resolve();
  assert.deepEqual(session.content, [{ insert: "x\ufffdy\n" }]);
  assert.deepEqual(shows(quill), session.content);
  quill.insertText(1, "\0", "user");
  await Promise.resolve();
  assert.deepEqual(session.content, [{ insert: "x\ufffd\ufffdy\n" }]);
  assert.deepEqual(shows(quill), session.content);
  assert.deepEqual(errors, []);
});

test("changes from within changes reach the session in one order", async () => {
  const { quill: other, session: first } = await edited([{ insert: "a\n" }]);
  const quill = makeQuill();
  quill.on("editor-change", (kind, delta) => {
    // As an application that turns what is typed into something else, before we are told.
    const smiles = kind === "text-change" && delta.ops.some(({ insert }) => insert === ":)");
    if (smiles) quill.insertText(0, "☺", "api");
  });
  bindQuill(first, quill);
  quill.insertText(1, ":)", "user");
  await Promise.resolve();
  assert.deepEqual(first.content, [{ insert: "☺a:)\n" }]);
  assert.deepEqual(shows(quill), first.content);
  assert.deepEqual(shows(other), first.content);
  first.insert(0, ":)");
  await Promise.resolve();
  assert.deepEqual(first.content, [{ insert: "☺:)☺a:)\n" }]);
  assert.deepEqual(shows(quill), first.content);
  assert.deepEqual(shows(other), first.content);
  quill.insertText(0, "!", "silent");
  await Promise.resolve();
  assert.deepEqual(shows(other), shows(quill));
});

test("an edit from within a change of the editor reaches the editor", async () => {
  const { session, quill } = await edited([{ insert: "a\n" }]);
  const off = session.on("change", () => {
    off();
    session.insert(0, "!");
  });
  quill.insertText(1, "b", "user");
  await Promise.resolve();
  assert.deepEqual(session.content, [{ insert: "!ab\n" }]);
  assert.deepEqual(shows(quill), session.content);
});

test("a document without a newline at its end gets one, if it may be edited", async () => {
  const { session, quill, node, clock, commit } = await edited([{ insert: "ab" }]);
  assert.deepEqual(session.content, [{ insert: "ab\n" }]);
  assert.deepEqual(shows(quill), session.content);
  commit([{ retain: 2 }, { delete: 1 }]);
  await clock.until(() => node.sessions.get("notes").log.length === 3);
  assert.deepEqual(session.content, [{ insert: "ab\n" }]);
  assert.deepEqual(shows(quill), session.content);
});

test("what Quill does not know stays in the document", async () => {
  const content = [
    { insert: { formula: "e=mc²" } },
    { insert: { nonsense: { id: 1 } } },
    { insert: "a\rb\r\nc", attributes: { nonsense: true } },
    { insert: "\n" },
  ];
  const { session, quill, errors } = await edited(content);
  assert.deepEqual(quill.getText(), "\ufffc\ufffca b \nc\n");
  quill.insertText(7, "x", "user");
  quill.insertText(2, "y", "user");
  session.insert(0, "z\r");
  session.edit([{ insert: { nonsense: 2 } }]);
  assert.equal(quill.getText(), "\ufffcz \ufffc\ufffcya b \nxc\n");
  assert.deepEqual(session.content, [
    { insert: { nonsense: 2 } },
    { insert: "z\r" },
    ...content.slice(0, 2),
    { insert: "y" },
    { insert: "a\rb\r\n", attributes: { nonsense: true } },
    { insert: "x" },
    { insert: "c", attributes: { nonsense: true } },
    { insert: "\n" },
  ]);
  assert.deepEqual(errors, []);
});

test("where Quill adds a newline beside an embed, the document has it too", async () => {
  const { session, quill, errors } = await edited([{ insert: "ab\n" }]);
  session.edit([{ retain: 1 }, { insert: { video: "https://example.org/v" } }]);
  await Promise.resolve();
  assert.deepEqual(session.content, shows(quill));
  assert.equal(quill.getLength(), richText.length(session.content));
  assert.deepEqual(errors, []);
  quill.insertText(quill.getLength() - 1, "!", "user");
  assert.deepEqual(session.content, shows(quill));
});

test("undo and redo are the session's, by keys and by what calls Quill's history", async () => {
  const { session, quill, clock, commit } = await edited([{ insert: "a\n" }]);
  const press = (key, options) => {
    quill.setSelection(0, 0, "silent");
    quill.hasFocus = () => true;
    const event = new window.KeyboardEvent("keydown", { key, cancelable: true, ...options });
    quill.root.dispatchEvent(event);
    assert.ok(event.defaultPrevented);
  };
  quill.insertText(1, "b", "user");
  await clock.pass(1000);
  commit([{ retain: 1 }, { insert: "X" }]);
  await clock.until(() => quill.getText().includes("X"));
  press("z", { ctrlKey: true });
  assert.equal(quill.getText(), "aX\n");
  assert.deepEqual(session.content, [{ insert: "aX\n" }]);
  press("z", { ctrlKey: true });
  assert.equal(quill.getText(), "aX\n", "nothing of others' is taken back");
  press("Z", { ctrlKey: true, shiftKey: true });
  assert.equal(quill.getText().length, 4);
  const { index, length } = quill.getSelection();
  assert.deepEqual([index, length], [quill.getText().indexOf("b") + 1, 0]);
  quill.history.undo();
  assert.equal(quill.getText(), "aX\n");
  press("y", { ctrlKey: true });
  assert.deepEqual(shows(quill), session.content);
  assert.equal(quill.getText().length, 4);
  assert.equal(quill.history.stack.undo.length, 0, "Quill keeps no history beside it");
});

test("others' edits wait while an input method composes, and what it makes is kept", async () => {
  const { session, quill, clock, shared, saved, commit } = await edited([{ insert: "abc\n" }]);
  const [leaf] = quill.getLeaf(1);
  const compose = (name) =>
    quill.root.dispatchEvent(new window.CompositionEvent(name, { bubbles: true }));
  quill.getSelection();
  leaf.domNode.dispatchEvent(new window.CompositionEvent("compositionstart", { bubbles: true }));
  leaf.domNode.data = "ab漢c";
  commit([{ insert: "😀" }, { delete: 1 }, { retain: 2 }, { insert: "!" }]);
  await clock.until(() => session.content[0].insert.startsWith("😀"));
  assert.equal(quill.root.textContent, "ab漢c");
  compose("compositionend");
  await Promise.resolve();
  await saved();
  assert.deepEqual(session.content, [{ insert: "😀b漢c!\n" }]);
  assert.deepEqual(shows(quill), session.content);
  assert.deepEqual(shared(), session.content);
});

test("an edit that the session does not take is taken back in the editor, and told", async () => {
  const { session, quill, errors } = await edited([{ insert: "a\n" }]);
  session.edit = () => {
    throw new Error("no");
  };
  quill.insertText(1, "b", "user");
  quill.insertText(0, "c", "user");
  await Promise.resolve();
  assert.deepEqual(
    errors.map(({ message }) => message),
    ["no"],
  );
  assert.deepEqual(session.content, [{ insert: "a\n" }]);
  assert.deepEqual(shows(quill), session.content);
});

test("an editor is read-only while its session is", async () => {
  const { session, quill, binding } = await edited([{ insert: "a" }]);
  assert.ok(quill.isEnabled());
  session.emit("status", { readOnly: true });
  assert.ok(!quill.isEnabled());
  session.emit("status", { readOnly: false });
  assert.ok(quill.isEnabled());
  binding.destroy();
  quill.insertText(0, "x", "user");
  session.emit("status", { readOnly: true });
  assert.ok(quill.isEnabled());
  assert.deepEqual(session.content, [{ insert: "a\n" }]);
  assert.equal(quill.container.querySelector(".ql-collab-peers"), null);
  assert.equal(quill.getText(), "xa\n");
  quill.history.undo();
  assert.equal(quill.getText(), "a\n", "Quill has its own history again");
});

test("an editor whose session has ended can be bound to another one", async () => {
  const { clock, people, quill, binding } = await edited([{ insert: "a\n" }], 2);
  const { session } = people[0];
  session.close();
  await clock.until(() => session.ended);
  assert.ok(!quill.isEnabled());
  binding.destroy();
  const again = bindQuill(people[1].session, quill);
  assert.ok(quill.isEnabled());
  again.destroy();
  for (const key of ["z", "Z", "y"]) {
    const handlers = (editor) => editor.keyboard.bindings[key]?.length;
    assert.equal(handlers(quill), handlers(makeQuill()), "no handlers are left");
  }
});

test("the others are told where the user is, and are shown", async () => {
  const { people, clock } = await edited([{ insert: "a😀bc\n" }], 2, {
    userInfo: { name: "Ada", color: "#0f766e" },
  });
  const [ada, bert] = people;
  ada.quill.selection.hasFocus = () => true;
  ada.quill.setSelection(3, 2, "user");
  const seen = () => bert.session.participants.find(({ self }) => !self);
  await clock.until(() => seen().cursor !== null && seen().selection !== null);
  assert.deepEqual([seen().cursor, seen().selection], [4, [[2, 4]]]);
  await frame();
  await frame();
  const layer = bert.quill.container.querySelector(".ql-collab-peers");
  assert.equal(layer.querySelectorAll(".ql-collab-peer").length, 1);
  assert.equal(layer.querySelector(".ql-collab-name").textContent, "Ada");
  const { style } = layer.querySelector(".ql-collab-peer");
  assert.equal(style.getPropertyValue("--collab-peer"), "#0f766e");
  const box = layer.querySelector(".ql-collab-box").style;
  assert.deepEqual([box.left, box.width], ["30px", "20px"]);
  bert.quill.insertText(0, "12", "user");
  await frame();
  await frame();
  assert.equal(layer.querySelector(".ql-collab-box").style.left, "50px");
  let told = 0;
  const { setPresence } = ada.session;
  ada.session.setPresence = function (...args) {
    told++;
    setPresence.apply(this, args);
  };
  bert.quill.insertText(0, "3", "user");
  await clock.until(() => ada.quill.getText().startsWith("3"));
  assert.equal(told, 0, "others' edits are no moves of one's own");
  ada.quill.setSelection(1, 0, "user");
  assert.equal(told, 1);
  await clock.until(() => seen().selection === null);
  await frame();
  await frame();
  assert.equal(layer.querySelector(".ql-collab-box"), null);
});

test("only a session of rich text can be bound", () => {
  const session = { type: { name: "text" } };
  assert.throws(() => bindQuill(session, makeQuill()), TypeError);
  assert.ok(Quill.version.startsWith("2."));
});
