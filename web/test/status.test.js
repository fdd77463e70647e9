import assert from "node:assert/strict";
import { mock, test } from "node:test";

/** As much of a page as the status is shown in. */
const elements = {};
const narrow = Object.assign(new EventTarget(), { matches: false });
globalThis.document = { getElementById: (id) => (elements[id] ??= { dataset: {} }) };
globalThis.matchMedia = () => narrow;
mock.timers.enable({ apis: ["setTimeout"] });
const { showStatus } = await import("../demo/status.js");

const show = (state, pending = 0, readOnly = false) => showStatus({ state, pending, readOnly });
const words = () => elements["status-text"].textContent;

test("saving is said when it takes long, also while somebody goes on typing", () => {
  show("saved");
  for (let pending = 1; pending <= 4; pending++) {
    assert.equal(words(), "Saved");
    show("saving", pending);
    mock.timers.tick(99);
  }
  assert.deepEqual([words(), elements.status.dataset.state], ["Saving…", "saving"]);
  assert.match(elements.status.title, /^4 not yet/);
  show("saved");
  assert.equal(words(), "Saved");
});

test("saving that is soon over is not spoken of", () => {
  show("saved");
  show("saving", 1);
  mock.timers.tick(200);
  show("saved");
  show("saving", 1);
  mock.timers.tick(200);
  assert.equal(words(), "Saved");
  show("saved");
});

test("on a narrow screen there are fewer words", () => {
  show("offline", 17);
  assert.equal(words(), "Offline, 17 kept");
  narrow.matches = true;
  narrow.dispatchEvent(new Event("change"));
  assert.equal(words(), "Offline, 17");
  show("connected");
  assert.equal(words(), "Ready");
  narrow.matches = false;
});
