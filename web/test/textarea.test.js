import assert from "node:assert/strict";
import { test } from "node:test";
import { JSDOM } from "jsdom";
import { bindTextarea } from "../src/textarea.js";
import { open, setUp } from "./support/setup.js";

const { window } = new JSDOM("<!doctype html><textarea></textarea><textarea></textarea>");
const [first, second] = window.document.querySelectorAll("textarea");

/** As a user types: the text is changed at the cursor, and the area tells. */
function type(area, written) {
  area.setRangeText(written, area.selectionStart, area.selectionEnd, "end");
  area.dispatchEvent(new window.Event("input"));
}

const press = (area, key, more = {}) =>
  area.dispatchEvent(new window.KeyboardEvent("keydown", { key, ctrlKey: true, ...more }));

test("two text areas show one text, and the cursor stays where it is in it", async () => {
  const { clock, node, client } = setUp();
  const session = node.create("notes", "one 😀 two");
  const [ada, bob] = [await open(clock, client(), {}), await open(clock, client(), {})];
  bindTextarea(ada.session, first);
  const unbind = bindTextarea(bob.session, second);
  assert.equal(first.value, "one 😀 two");

  second.setSelectionRange(7, 10);
  first.setSelectionRange(3, 6);
  type(first, " 🦊🦊");
  await clock.until(() => second.value === first.value && ada.session.status.state === "saved");
  assert.equal(session.content, "one 🦊🦊 two");
  assert.equal(second.value.slice(second.selectionStart, second.selectionEnd), "two");

  type(second, "2\0");
  await clock.until(() => first.value === "one 🦊🦊 2\ufffd");
  press(first, "z");
  await clock.until(() => second.value === "one 😀 2\ufffd");
  assert.equal(first.value, "one 😀 2\ufffd");
  press(first, "Z", { shiftKey: true });
  await clock.until(() => second.value === "one 🦊🦊 2\ufffd");

  unbind();
  type(first, "x");
  await clock.until(() => ada.session.status.state === "saved");
  assert.equal(second.value, "one 🦊🦊 2\ufffd");
});

/** A person with an area of their own, and somebody else. */
async function two(content) {
  const { clock, node, client } = setUp();
  const shared = node.create("notes", content);
  const [ada, bob] = [await open(clock, client(), {}), await open(clock, client(), {})];
  const area = window.document.createElement("textarea");
  window.document.body.append(area);
  bindTextarea(ada.session, area);
  const saved = () => clock.until(() => ada.content === bob.content && !ada.session.status.pending);
  return { clock, ada, bob, area, shared, saved };
}

test("an input method composes in peace while others write, before and behind it", async () => {
  const { clock, bob, area, shared, saved } = await two("one two");
  const compose = (name) => area.dispatchEvent(new window.CompositionEvent(name));
  area.setSelectionRange(3, 3);
  compose("compositionstart");
  type(area, "か");
  await clock.until(() => bob.content === "oneか two");
  bob.edit(["X😀"]);
  bob.edit([10, "!"]);
  await saved();
  assert.equal(area.value, "oneか two", "a composition would begin anew");
  area.setSelectionRange(3, 4);
  type(area, "仮名");
  bob.edit([{ d: 1 }]);
  await saved();
  compose("compositionend");
  assert.equal(area.value, "😀one仮名 two!");
  assert.equal(area.selectionStart, 7);
  type(area, "z");
  await saved();
  assert.equal(area.value, "😀one仮名z two!");
  assert.equal(shared.content, area.value);
});

test("carriage returns stay in the document, and positions are the same with them", async () => {
  const { clock, bob, area, shared, saved } = await two("a\r\nb\r\nc");
  area.setSelectionRange(6, 6);
  bob.edit(["X"]);
  await saved();
  assert.equal(area.value.slice(area.selectionStart), "c");
  type(area, "z");
  await saved();
  assert.equal(shared.content, "Xa\r\nb\r\nzc");
  await clock.pass(1000);
  area.setSelectionRange(1, 4);
  type(area, "");
  await saved();
  assert.equal(shared.content, "Xb\r\nzc");
  press(area, "z");
  await saved();
  assert.equal(shared.content, "Xa\r\nb\r\nzc");
});

test("an edit from within a change of the area reaches the area", async () => {
  const { clock, ada, bob, saved } = await two("");
  const area = window.document.createElement("textarea");
  ada.session.on("change", ({ origin }) => {
    if (origin === "local" && ada.session.content === "a") ada.session.insert(0, "!");
  });
  bindTextarea(ada.session, area);
  type(area, "a");
  assert.equal(area.value, "!a");
  type(area, "b");
  await clock.until(() => bob.content.length === 3);
  await saved();
  assert.equal(area.value, bob.content);
});

test("in a session that has ended nothing is written, or taken back", async () => {
  const { clock, ada, area } = await two("a");
  const errors = [];
  window.addEventListener("error", ({ error }) => errors.push(error));
  ada.session.on("error", (error) => errors.push(error.code));
  ada.session.insert(1, "b");
  ada.session.close();
  await clock.until(() => ada.session.ended);
  press(area, "z");
  assert.deepEqual([errors, area.value, area.readOnly], [[], "ab", true]);
  // What a composition brings all the same.
  type(area, "c");
  assert.deepEqual([errors, area.value], [["denied"], "ab"]);
});
