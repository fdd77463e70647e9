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
