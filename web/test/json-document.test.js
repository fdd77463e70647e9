import assert from "node:assert/strict";
import { test } from "node:test";
import { observe } from "../src/json-document.js";
import { randomJsonOp } from "./support/random-json.js";
import { setUp } from "./support/setup.js";

const START = { title: "tea", count: 3, cards: [{ n: 1 }, { n: 2 }, { n: 3 }], empty: null };

/** A session of type json on a model of a node, and what was heard of it. */
async function board(seed = 1, start = START) {
  const { random, clock, node, client } = setUp(seed);
  const session = node.create("notes", structuredClone(start), "json");
  const [mine, theirs] = await Promise.all([opened(clock, client()), opened(clock, client())]);
  const heard = [];
  const listen = (path) => mine.document.on(path, (...call) => heard.push([path, ...call]));
  const quiet = () =>
    clock.until(() => [mine, theirs].every(({ session: { status } }) => status.pending === 0));
  return { random, clock, node, session, mine, theirs, heard, listen, quiet };
}

async function opened(clock, client) {
  let session = null;
  client.open("notes", { type: "json" }).then((done) => (session = done));
  await clock.until(() => session);
  return { session, document: observe(session) };
}

test("each way of changing makes one operation that says what it deletes", async () => {
  const { mine, theirs, clock, quiet } = await board();
  const { document, session } = mine;
  const ops = [];
  session.on("change", ({ op }) => ops.push(op));
  document.set(["title"], "coffee");
  document.set(["cards", 1], { n: 9 });
  document.set(["new"], [1]);
  document.set(["cards", 0, "n"], 1);
  document.remove(["empty"]);
  document.remove(["cards", 2]);
  document.remove(["nowhere", "at", "all"]);
  document.insert(["cards", 0], "first");
  document.move(["cards", 0], 2);
  document.add(["count"], 4);
  document.editText(["title"], [6, "!"]);
  assert.deepEqual(ops, [
    [{ p: ["title"], od: "tea", oi: "coffee" }],
    [{ p: ["cards", 1], ld: { n: 2 }, li: { n: 9 } }],
    [{ p: ["new"], oi: [1] }],
    [{ p: ["empty"], od: null }],
    [{ p: ["cards", 2], ld: { n: 3 } }],
    [{ p: ["cards", 0], li: "first" }],
    [{ p: ["cards", 0], lm: 2 }],
    [{ p: ["count"], na: 4 }],
    [{ p: ["title"], t: "text-unicode", o: [6, "!"] }],
  ]);
  const after = { title: "coffee!", count: 7, cards: [{ n: 1 }, { n: 9 }, "first"], new: [1] };
  assert.deepEqual(document.get(), after);
  await quiet();
  await clock.until(() => theirs.session.revision === session.revision);
  assert.deepEqual(theirs.document.get(), after);
  document.set([], [1]);
  assert.deepEqual(document.get(), [1]);
});

test("what is not there or cannot be is told, and changes nothing", async () => {
  const { mine } = await board();
  const { document } = mine;
  for (const wrong of [
    () => document.set(["cards", 3], 1),
    () => document.set(["nowhere", "x"], 1),
    () => document.set(["title"], undefined),
    () => document.set(["__proto__", "x"], 1),
    () => document.set([], 5),
    () => document.insert(["cards", 4], 1),
    () => document.insert(["title"], 1),
    () => document.move(["cards", 0], 3),
    () => document.add(["title"], 1),
    () => document.add(["count"], 0.5),
    () => document.editText(["count"], ["x"]),
    () => document.editText(["title"], [9, "x"]),
  ]) {
    assert.throws(wrong, TypeError, String(wrong));
  }
  assert.deepEqual(document.get(), START);
  assert.equal(document.get(["nowhere", 1]), undefined);
  assert.equal(document.get(["toString"]), undefined);
  assert.throws(() => observe({ type: { name: "text" } }), TypeError);
});

test("the caller's value is not the document's", async () => {
  const { mine } = await board();
  const value = { n: 1 };
  mine.document.set(["own"], value);
  value.n = 2;
  assert.deepEqual(mine.document.get(["own"]), { n: 1 });
});

test("a listener hears of changes at its place, and inside it, whoever made them", async () => {
  const { clock, mine, theirs, heard, listen } = await board();
  listen(["cards", 0]);
  listen(["cards", 0, "n"]);
  listen(["count"]);
  mine.document.add(["cards", 0, "n"], 4);
  const local = { origin: "local", authors: [] };
  assert.deepEqual(heard.splice(0), [
    [["cards", 0], { n: 5 }, { n: 1 }, local],
    [["cards", 0, "n"], 5, 1, local],
  ]);
  theirs.document.remove(["count"]);
  await clock.until(() => heard.length);
  const { clientId } = theirs.session;
  const remote = { origin: "remote", authors: [{ clientId, userId: "ada" }] };
  assert.deepEqual(heard.splice(0), [[["count"], undefined, 3, remote]]);
});

test("a path is a place: it has another value when items move", async () => {
  const { mine, heard, listen } = await board();
  listen(["cards", 1, "n"]);
  mine.document.insert(["cards", 0], { n: 0 });
  mine.document.move(["cards", 1], 3);
  mine.document.remove(["cards", 3]);
  assert.deepEqual(
    heard.map(([, ...values]) => values.slice(0, 2)),
    [[1, 2], [2, 1]],
  );
});

test("nobody is told where nothing changed", async () => {
  const { mine, theirs, clock, heard, listen } = await board();
  listen(["cards"]);
  listen([]);
  mine.document.set(["title"], "tea");
  mine.document.set(["cards", 0], { n: 1 });
  mine.document.remove(["nothing"]);
  mine.session.edit([{ p: ["count"], na: 1 }, { p: ["count"], na: -1 }]);
  mine.session.edit([{ p: ["cards", 0], lm: 1 }, { p: ["cards", 1], lm: 0 }]);
  mine.session.edit([{ p: ["cards", 0], ld: { n: 1 }, li: { n: 1 } }]);
  assert.deepEqual(heard, []);
  theirs.document.add(["count"], 1);
  await clock.until(() => heard.length);
  assert.deepEqual(heard.map(([path]) => path), [[]]);
});

test("what the server refuses is heard of as taken back", async () => {
  const { clock, mine, heard, listen } = await board();
  mine.session.on("rejected", () => {});
  listen(["title"]);
  mine.document.set(["title"], "forbidden");
  await clock.until(() => heard.length === 2);
  const [, value, previous, { origin }] = heard[1];
  assert.deepEqual([value, previous, origin], ["tea", "forbidden", "rejected"]);
});

test("a listener that changes the document is heard after what it heard of", async () => {
  const { mine, heard, listen } = await board();
  mine.document.on(["count"], (count) => count < 6 && mine.document.add(["count"], 1));
  listen(["count"]);
  mine.document.add(["count"], 1);
  assert.deepEqual(
    heard.map(([, ...values]) => values.slice(0, 2)),
    [[4, 3], [5, 4], [6, 5]],
  );
});

test("who listens no more is told nothing more", async () => {
  const { mine, heard, listen } = await board();
  const stop = listen(["count"]);
  const other = mine.document.on(["count"], () => stop());
  mine.document.add(["count"], 1);
  stop();
  mine.document.add(["count"], 1);
  assert.equal(heard.length, 1);
  other();
  listen(["count"]);
  mine.document.close();
  mine.document.add(["count"], 1);
  assert.equal(heard.length, 1);
});

test("two people at once: all that is heard leads to the same document", async () => {
  for (let seed = 1; seed <= 15; seed++) {
    const { random, clock, session, mine, theirs, quiet } = await board(seed);
    const seen = { mine: undefined, theirs: undefined };
    for (const [name, { document }] of Object.entries({ mine, theirs })) {
      seen[name] = document.get();
      document.on([], (value, previous) => {
        assert.deepEqual(previous, seen[name], `seed ${seed}`);
        assert.notDeepEqual(value, previous);
        seen[name] = value;
      });
      document.on(["cards"], (value, previous) => assert.notDeepEqual(value, previous));
    }
    for (let step = 0; step < 12; step++) {
      const who = random.pick([mine, theirs]).session;
      who.edit(randomJsonOp(random, who.content, 2)[0]);
      await clock.pass(random.below(20));
    }
    await quiet();
    const revisions = [mine, theirs].map((one) => () => one.session.revision);
    await clock.until(() => revisions.every((revision) => revision() === session.log.length));
    for (const name of ["mine", "theirs"]) assert.deepEqual(seen[name], session.content, seed);
  }
});
