import assert from "node:assert/strict";
import { test } from "node:test";
import Delta from "quill-delta";
import { richText } from "../src/rich-text.js";
import { insertedBytes } from "../src/rich-parts.js";
import { seeded } from "./support/random.js";
import { cellsOf, randomDocument, randomRichOp } from "./support/random-rich.js";

/** Run a law for many seeds; a failure names its seed. */
function law(name, holds, seeds = 500) {
  test(name, () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const random = seeded(seed);
      try {
        holds(random, randomDocument(random));
      } catch (error) {
        error.message = `seed ${seed}: ${error.message}`;
        throw error;
      }
    }
  });
}

const lengthOf = (content) => ({ length: cellsOf(content).length });

law("an operation applied gives what was made independently of it", (random, content) => {
  const [op, expected] = randomRichOp(random, content);
  richText.check(op, lengthOf(content));
  assert.deepEqual(richText.apply(content, op), expected);
  assert.equal(richText.length(content), cellsOf(content).length);
  assert.equal(richText.length(content) + richText.growth(op), cellsOf(expected).length);
});

law("two concurrent operations converge", (random, content) => {
  const [a, afterA] = randomRichOp(random, content);
  const [b, afterB] = randomRichOp(random, content);
  const [b2, a2] = [richText.transform(b, a, "right"), richText.transform(a, b, "left")];
  richText.check(b2, lengthOf(afterA));
  richText.check(a2, lengthOf(afterB));
  assert.deepEqual(richText.apply(afterA, b2), richText.apply(afterB, a2));
});

law("what is inverted is taken back, also after composing", (random, content) => {
  const [a, middle] = randomRichOp(random, content);
  const [b, end] = randomRichOp(random, middle);
  const both = richText.compose(a, b);
  richText.check(both, lengthOf(content));
  assert.deepEqual(richText.apply(content, both), end);
  assert.deepEqual(richText.apply(end, richText.invert(both, content)), content);
});

law("composing is associative in what it does", (random, content) => {
  const [a, second] = randomRichOp(random, content);
  const [b, third] = randomRichOp(random, second);
  const [c, end] = randomRichOp(random, third);
  const { compose } = richText;
  assert.deepEqual(richText.apply(content, compose(compose(a, b), c)), end);
  assert.deepEqual(richText.apply(content, compose(a, compose(b, c))), end);
});

law("nothing is changed in place", (random, content) => {
  const [a, middle] = randomRichOp(random, content);
  const [b] = randomRichOp(random, middle);
  const before = structuredClone([content, a, b]);
  richText.compose(a, b);
  richText.transform(b, a, "left");
  richText.invert(a, content);
  richText.difference(content, middle);
  richText.normalize(a);
  richText.toDelta(a, richText.indexOf(content));
  richText.split(a, { parts: 2, size: 6 });
  assert.deepEqual([content, a, b], before);
});

law("the difference leads from one document to the other", (random, content) => {
  const [, other] = randomRichOp(random, content);
  for (const target of [other, randomDocument(random)]) {
    const op = richText.difference(content, target);
    richText.check(op, lengthOf(content));
    assert.deepEqual(richText.apply(content, op), target);
  }
});

law("a split operation composes to itself, and its first half keeps to limits", (random, doc) => {
  const [op, expected] = randomRichOp(random, doc);
  let rest = op;
  let result = doc;
  for (let i = 0; !richText.isNoop(rest); i++) {
    assert.ok(i < 100, "splitting goes on for ever");
    const [first, next] = richText.split(rest, { parts: 2, size: 30 });
    assert.deepEqual(richText.compose(first, next), rest);
    assert.ok(first.length <= 2);
    const written = first.filter((part) => part.insert || part.attributes);
    const size = written.reduce((sum, part) => sum + insertedBytes(part), 0);
    if (written.length > 1 || cellsOf(written.filter(({ insert }) => insert)).length > 1) {
      assert.ok(size <= 30);
    }
    richText.check(first, lengthOf(result));
    result = richText.apply(result, first);
    rest = next;
  }
  assert.deepEqual(result, expected);
});

law("as a delta in UTF-16 an operation does the same, and comes back", (random, content) => {
  const [op, expected] = randomRichOp(random, content);
  const index = richText.indexOf(content);
  const delta = richText.toDelta(op, index);
  assert.deepEqual(new Delta(content).compose(new Delta(delta)).ops, expected);
  assert.deepEqual(richText.fromDelta(delta, index), op);
  assert.deepEqual(richText.indexAfter(index, delta).pairs, richText.indexOf(expected).pairs);
});

law("a position moves as a letter typed there would", (random, content) => {
  const [op, after] = randomRichOp(random, content);
  const position = random.below(cellsOf(content).length + 1);
  for (const side of ["left", "right"]) {
    const letter = richText.normalize([{ retain: position }, { insert: "☞" }]);
    const shown = richText.apply(after, richText.transform(letter, op, side));
    const place = cellsOf(shown).findIndex(([unit]) => unit === "☞");
    assert.equal(richText.transformPosition(position, op, side === "right"), place);
  }
});

test("a delta that cuts a surrogate pair is refused", () => {
  const index = richText.indexOf([{ insert: "a😀b" }]);
  for (const delta of [[{ retain: 2 }, { insert: "x" }], [{ retain: 1 }, { delete: 1 }]]) {
    assert.throws(() => richText.fromDelta(delta, index), RangeError);
  }
  assert.deepEqual(richText.fromDelta([{ retain: 3 }, { delete: 1 }], index), [
    { retain: 2 },
    { delete: 1 },
  ]);
});

test("a document is created of sound insertions", () => {
  assert.deepEqual(richText.create(), [{ insert: "\n" }]);
  assert.deepEqual(richText.create(null), [{ insert: "\n" }]);
  assert.deepEqual(richText.create({ ops: [{ insert: "a" }, { insert: "b" }] }), [
    { insert: "ab" },
  ]);
  for (const content of ["a", [{ retain: 1 }], [{ insert: "\0" }], [{ delete: 1 }], [1], {}]) {
    assert.throws(() => richText.create(content), TypeError, JSON.stringify(content));
  }
});

test("what does not fit is refused, and so is what JSON has not", () => {
  richText.check([{ retain: 5 }, { insert: "a" }], { length: 5 });
  for (const op of [
    [{ retain: 6 }, { insert: "a" }],
    [{ delete: 6 }],
    [{ retain: 6, attributes: { bold: true } }],
    [{ insert: "a", attributes: { bold: undefined } }],
    [{ insert: "a", attributes: { when: new Date(0) } }],
    [{ insert: "a", attributes: { far: Infinity } }],
    [{ insert: "\ud800" }],
    [{ insert: { image: () => 1 } }],
  ]) {
    assert.throws(() => richText.check(op, { length: 5 }), TypeError, JSON.stringify(op));
  }
});

test("it is told what an operation inserts", () => {
  const op = [{ insert: "a" }, { insert: { image: "x" } }, { insert: "b" }, { delete: 2 }];
  assert.equal(richText.textOf(op), "ab");
  assert.equal(richText.side("Zoe-0001", "adam-001"), "left");
  assert.equal(richText.side("adam-001", "adam-001"), "right");
});
