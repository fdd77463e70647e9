import assert from "node:assert/strict";
import { test } from "node:test";
import { PairIndex } from "../src/codepoints.js";
import { text } from "../src/text.js";
import { randomOp, randomText, seeded } from "./support/random.js";

/** Run a law for many seeds; a failure names its seed. */
function law(name, holds, seeds = 500) {
  test(name, () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const random = seeded(seed);
      try {
        holds(random, randomText(random, 12));
      } catch (error) {
        error.message = `seed ${seed}: ${error.message}`;
        throw error;
      }
    }
  });
}

law("an operation applied gives the text that was made independently of it", (random, content) => {
  const [op, expected] = randomOp(random, content);
  text.check(op, { length: text.length(content) });
  assert.equal(text.apply(content, op), expected);
  assert.equal(text.length(content) + text.growth(op), text.length(expected));
});

law("two concurrent operations converge", (random, content) => {
  const [a] = randomOp(random, content);
  const [b] = randomOp(random, content);
  assert.equal(
    text.apply(text.apply(content, a), text.transform(b, a, "right")),
    text.apply(text.apply(content, b), text.transform(a, b, "left")),
  );
});

law("what is inverted is taken back, also after composing", (random, content) => {
  const [a, middle] = randomOp(random, content);
  const [b, end] = randomOp(random, middle);
  assert.equal(text.apply(end, text.invert(text.compose(a, b))), content);
});

law("a bare operation is made invertible without changing it", (random, content) => {
  const [op, expected] = randomOp(random, content);
  const bare = op.map((part) => (part.d ? { d: [...part.d].length } : part));
  const before = structuredClone(bare);
  assert.deepEqual(text.invertible(bare, content), op);
  assert.deepEqual(bare, before);
  assert.equal(text.apply(content, bare), expected);
});

law("the difference leads from one text to the other", (random, content) => {
  const [, other] = randomOp(random, content);
  const op = text.difference(content, other);
  text.check(op, { length: text.length(content) });
  assert.equal(text.apply(content, op), other);
});

law(
  "a split operation composes to itself, and its first half keeps to the limits",
  (random, content) => {
    const [op, expected] = randomOp(random, content);
    let rest = op;
    let result = content;
    for (let i = 0; !text.isNoop(rest); i++) {
      assert.ok(i < 100, "splitting goes on for ever");
      const [first, next] = text.split(rest, { parts: 2, size: 6 });
      assert.ok(first.length <= 2);
      const written = first
        .map((part) => part.d ?? part)
        .filter((part) => typeof part === "string");
      assert.ok(new TextEncoder().encode(written.join("")).length <= 6);
      text.check(first, { length: text.length(result) });
      result = text.apply(result, first);
      rest = next;
    }
    assert.equal(result, expected);
  },
);

law(
  "code points and UTF-16 offsets convert into each other, also after changes",
  (random, content) => {
    const [op, expected] = randomOp(random, content);
    const before = PairIndex.of(content);
    const changes = text.toChanges(op, before);
    let result = content;
    for (const { from, to, insert } of [...changes].reverse()) {
      result = result.slice(0, from) + insert + result.slice(to);
    }
    assert.equal(result, expected);
    const after = before.after(changes);
    assert.deepEqual(after.pairs, PairIndex.of(expected).pairs);
    for (let point = 0, offset = 0; offset <= expected.length; point++) {
      assert.equal(after.toUtf16(point), offset);
      assert.equal(after.toCodePoint(offset), point);
      const width = String.fromCodePoint(expected.codePointAt(offset) ?? 0).length;
      assert.equal(after.cuts(offset + 1), width === 2);
      offset += width;
    }
  },
);

law("an operation is the same after it went through an editor's changes", (random, content) => {
  const [op, expected] = randomOp(random, content);
  const index = PairIndex.of(content);
  const changes = text.toChanges(op, index);
  const removed = changes.map((change) => ({
    ...change,
    removed: content.slice(change.from, change.to),
  }));
  const back = text.fromChanges(removed, index);
  text.check(back, { length: text.length(content) });
  assert.equal(text.apply(content, back), expected);
  assert.equal(text.apply(expected, text.invert(back)), content);
});

test("a position moves with the text, and behind what its owner types", () => {
  assert.equal(text.transformPosition(3, [1, "xy"]), 5);
  assert.equal(text.transformPosition(3, [3, "😀"]), 3);
  assert.equal(text.transformPosition(3, [3, "😀"], true), 4);
  assert.equal(text.transformPosition(3, ["ab", { d: "xyz" }], true), 2);
  assert.equal(text.transformPosition(0, ["ab"], true), 2);
  assert.equal(text.transformPosition(4, [1, { d: 2 }]), 2);
});

test("what is not canonical or does not fit is refused", () => {
  for (const op of [
    "abc",
    [0],
    [""],
    [5],
    ["a", "b"],
    [{ d: 0 }],
    [{ d: "" }],
    [1.5, "a"],
    [-1, "a"],
    [true],
    [null],
    [{}],
    ["\ud800"],
    ["a\0b"],
    [{ d: "\udc00" }],
    [6, "a"],
    [{ d: 6 }],
    [[]],
    [1, 1, "a"],
  ]) {
    assert.throws(() => text.check(op, { length: 5 }), TypeError, JSON.stringify(op));
  }
  text.check([5, "a"], { length: 5 });
});
