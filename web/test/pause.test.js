import assert from "node:assert/strict";
import { test } from "node:test";
import { open, setUp } from "./support/setup.js";

/** Somebody types letters, one each so many milliseconds, and is then quiet. */
async function typed(letters, everyMs, options, conflicts = "merge") {
  const { clock, node, client } = setUp();
  const session = node.create("notes", "");
  session.conflicts = conflicts;
  const ada = await open(clock, client(), options);
  for (const [at, letter] of [...letters].entries()) {
    ada.edit(at ? [at, letter] : [letter]);
    await clock.pass(everyMs);
  }
  await clock.until(() => ada.session.status.state === "saved");
  return session.log.map(([, , op]) => op.map((part) => part.d ?? part).filter((p) => isNaN(p)));
}

test("what is typed in one go is one edit, where a pause is waited for", async () => {
  assert.deepEqual(await typed("word", 100, { pauseMs: 400 }), [["word"]]);
});

test("where people are asked about conflicts, a pause is waited for by itself", async () => {
  assert.deepEqual(await typed("word", 100, {}, "ask"), [["word"]]);
  assert.equal((await typed("word", 100, { pauseMs: 0 }, "ask")).length, 4);
});

test("who never pauses is sent all the same", async () => {
  const sent = await typed("abcdefghijklmnopqrstuvwxyz", 100, { pauseMs: 400 });
  assert.ok(sent.length > 1 && sent.length < 5, JSON.stringify(sent));
  assert.equal(sent.flat().join(""), "abcdefghijklmnopqrstuvwxyz");
});

test("by itself nothing waits", async () => {
  assert.equal((await typed("word", 100, {})).length, 4);
});
