import assert from "node:assert/strict";
import { test } from "node:test";
import { Authors } from "../src/authors.js";
import { richText } from "../src/rich-text.js";
import { text } from "../src/text.js";
import { randomOp } from "./support/random.js";
import { open, setUp } from "./support/setup.js";

/** A session of so many edits by two people, its contents and who wrote them, kept by hand. */
async function written(edits, seed = 1) {
  const { random, clock, node, client } = setUp(seed);
  const session = node.create("notes", "begun 😀");
  const contents = [session.content];
  const authors = [[...session.content].map((c) => [c, null])];
  const add = (count) => {
    for (let i = 0; i < count; i++) {
      const who = random.pick(["client-a", "client-b"]);
      const [op, after] = randomOp(random, session.content);
      authors.push(byHand(authors.at(-1), op, who));
      contents.push(after);
      session.content = after;
      session.log.push([who, i + 1, op, `user of ${who}`, 1000 + i]);
    }
  };
  add(edits);
  const ada = await open(clock, client(), {});
  await clock.pass(100);
  const get = async (asked) => {
    let answer = null;
    asked.then(
      (value) => (answer = { value }),
      (error) => (answer = { error }),
    );
    await clock.until(() => answer);
    if (answer.error) throw answer.error;
    return answer.value;
  };
  return { random, clock, node, session, ada, contents, authors, add, get };
}

/** Characters with their authors, after an operation. */
function byHand(before, op, who) {
  const rest = [...before];
  const result = [];
  for (const part of op) {
    if (typeof part === "number") result.push(...rest.splice(0, part));
    else if (typeof part === "string") result.push(...[...part].map((c) => [c, who]));
    else rest.splice(0, [...part.d].length);
  }
  return [...result, ...rest];
}

const spread = (runs) => runs.flatMap(([who, length]) => Array(length).fill(who));

test("every revision is what it was, in whatever order they are looked at", async () => {
  const { random, ada, contents, authors, get } = await written(1100);
  const told = [];
  const history = await get(
    ada.session.history({ progress: ({ fetched, total }) => told.push([fetched, total]) }),
  );
  assert.deepEqual([history.first, history.last, history.length], [0, 1100, 1101]);
  assert.deepEqual(told.at(-1), [1100, 1100]);
  assert.ok(told.every(([fetched, total]) => fetched <= total && total === 1100));
  const looked = [1100, 0, 1, 2, 1, 0, 550, 549, 548, 499, 500, 501, 1000, 999, 1100];
  for (let i = 0; i < 60; i++) looked.push(random.below(1101));
  for (const revision of looked) {
    const moment = history.at(revision);
    assert.equal(moment.content, contents[revision], `revision ${revision}`);
    assert.deepEqual(
      spread(moment.authors),
      authors[revision].map(([, who]) => who),
      `revision ${revision}`,
    );
    const { clientId, userId, timeMs } = moment.edit ?? {};
    if (revision) assert.deepEqual([userId, timeMs], [`user of ${clientId}`, 999 + revision]);
    else assert.equal(moment.edit, null);
  }
  for (const wrong of [-1, 1101, 0.5, NaN]) assert.throws(() => history.at(wrong), RangeError);
});

test("runs of one author are one", async () => {
  const { ada, get } = await written(300, 2);
  const history = await get(ada.session.history());
  const { authors } = history.at(300);
  assert.ok(authors.every(([who, length], i) => length > 0 && who !== authors[i + 1]?.[0]));
});

test("what is made later is learnt of when asked", async () => {
  const { ada, contents, add, get } = await written(5);
  const history = await get(ada.session.history());
  assert.equal(history.at(5).content, contents[5]);
  add(600);
  assert.equal(history.last, 5);
  assert.equal(await get(history.refresh()), 600);
  assert.equal(history.at(605).content, contents[605]);
  assert.equal(await get(history.refresh()), 0);
});

test("what the server does not keep any more is left out", async () => {
  const { ada, session, contents, get } = await written(20);
  Object.assign(session, { floor: 3, oldest: 7 });
  const history = await get(ada.session.history());
  assert.deepEqual([history.first, history.last], [7, 20]);
  assert.equal(history.at(7).content, contents[7]);
  assert.deepEqual(history.at(7).authors, contents[7] ? [[null, [...contents[7]].length]] : []);
  assert.equal(history.at(12).content, contents[12]);
});

test("a session made anew has another history", async () => {
  const { ada, node, get } = await written(3);
  const history = await get(ada.session.history());
  node.sessions.get("notes").epoch = "epoch9";
  await assert.rejects(get(history.refresh()), { code: "stale_epoch" });
});

test("authors of rich text; an embed is one character", () => {
  const steps = [
    [[{ insert: "ab" }, { insert: { image: "x" } }], "a"],
    [[{ retain: 1 }, { insert: "😀", attributes: { bold: true } }, { delete: 1 }], "b"],
    [[{ retain: 2, attributes: { bold: null } }], "c"],
  ];
  const authors = Authors.of(1);
  for (const [op, who] of steps) authors.apply(richText, op, who);
  const expected = [
    ["a", 1],
    ["b", 1],
    ["a", 1],
    [null, 1],
  ];
  assert.deepEqual(authors.runs, expected);
  const none = Authors.of(0);
  none.apply(text, ["a"], "x");
  assert.deepEqual(none.runs, [["x", 1]]);
});

test("versions are saved, listed, restored and deleted", async () => {
  const { clock, ada, node, session, contents, get } = await written(4);
  const first = await get(ada.session.saveVersion("first", 2));
  const expected = { versionId: "v1", name: "first", revision: 2, userId: "ada", timeMs: 1 };
  assert.deepEqual(first, expected);
  const second = await get(ada.session.saveVersion("second"));
  assert.deepEqual([second.versionId, second.revision], ["v2", 4]);
  assert.deepEqual(await get(ada.session.versions()), [second, first]);
  assert.equal(await get(ada.session.restore({ versionId: "v1" })), 5);
  await clock.until(() => ada.session.content === contents[2]);
  await get(ada.session.restore({ revision: 0 }));
  await clock.until(() => ada.session.content === "begun 😀");
  await get(ada.session.deleteVersion("v1"));
  assert.deepEqual(await get(ada.session.versions()), [second]);
  const asked = node.calls.filter(([name]) => /version|restore/.test(name)).map(([, kwargs]) => kwargs);
  assert.deepEqual(asked[0], { session_id: session.id, name: "first", revision: 2 });
  assert.deepEqual(asked[1], { session_id: session.id, name: "second" });
});
