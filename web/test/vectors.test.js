import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { json } from "../src/json.js";
import { Gap, Outbox } from "../src/outbox.js";
import { richText } from "../src/rich-text.js";
import { text } from "../src/text.js";
import { TYPES } from "../src/types.js";
import { UndoStack } from "../src/undo.js";

/** Vectors that this client and the Python package are both held to. */
function read(name) {
  const url = new URL(`../../tests/vectors/${name}`, import.meta.url);
  const vectors = JSON.parse(readFileSync(url, "utf8"));
  assert.ok(vectors.cases.length > 0);
  return vectors;
}

test("text does what the vectors say", () => {
  for (const { document, a, b, c, position, limits, ...expected } of read("text.json").cases) {
    for (const op of [a, b]) text.check(op, { length: text.length(document) });
    const invertible = text.invertible(a, document);
    const found = {
      applied: text.apply(document, a),
      a_left: text.transform(a, b, "left"),
      b_right: text.transform(b, a, "right"),
      composed: text.compose(a, c),
      invertible,
      inverted: text.invert(invertible),
      position_after: text.transformPosition(position, a),
      difference: text.difference(document, expected.applied),
      split: text.split(a, limits),
    };
    assert.deepEqual(found, expected);
  }
});

test("text refuses what the vectors refuse", () => {
  for (const op of read("text.json").refused) {
    assert.throws(() => text.check(op, { length: 2 ** 31 }), TypeError, JSON.stringify(op));
  }
});

test("rich text does what the vectors say", () => {
  for (const vector of read("rich_text.json").cases) {
    const { document, a, b, c, position, limits, after_b, ...expected } = vector;
    for (const op of [a, b]) richText.check(op, { length: richText.length(document) });
    const index = richText.indexOf(document);
    const found = {
      applied: richText.apply(document, a),
      a_left: richText.transform(a, b, "left"),
      b_right: richText.transform(b, a, "right"),
      composed: richText.compose(a, c),
      inverted: richText.invert(a, document),
      position_after: richText.transformPosition(position, a),
      difference: richText.difference(after_b, expected.applied),
      split: richText.split(a, limits),
      delta: richText.toDelta(a, index),
    };
    assert.deepEqual(found, expected);
    assert.deepEqual(richText.fromDelta(found.delta, index), a);
  }
});

test("rich text refuses what the vectors refuse", () => {
  for (const op of read("rich_text.json").refused) {
    assert.throws(() => richText.check(op, { length: 2 ** 31 }), TypeError, JSON.stringify(op));
  }
});

test("json does what the vectors say", () => {
  for (const { document, a, b, c, bare, limits, ...expected } of read("json.json").cases) {
    const before = structuredClone(document);
    for (const op of [a, b, bare]) json.check(op, { content: document });
    const found = {
      applied: json.apply(document, a),
      a_left: json.transform(a, b, "left"),
      b_right: json.transform(b, a, "right"),
      composed: json.compose(a, c),
      inverted: json.invert(a),
      difference: json.difference(document, expected.applied),
      text: json.textOf(a),
      split: json.split(a, limits),
    };
    assert.deepEqual(found, expected);
    assert.deepEqual(json.invertible(bare, document), a);
    assert.deepEqual(document, before);
  }
});

test("json refuses what the vectors refuse", () => {
  const { refused, misfits } = read("json.json");
  for (const op of refused) {
    assert.throws(() => json.check(op, { content: {} }), TypeError, JSON.stringify(op));
    assert.throws(() => json.normalize(op), TypeError, JSON.stringify(op));
  }
  for (const { document, op } of misfits) {
    assert.deepEqual(json.normalize(op), op);
    assert.throws(() => json.check(op, { content: document }), TypeError, JSON.stringify(op));
  }
});

/** How the steps of the vectors are called here, and what a call returns. */
const CALLS = {
  local: (outbox, op) => outbox.local(op) ?? null,
  next: (outbox, parts, size) => outbox.next(parts ? { parts, size } : undefined),
  resend: (outbox) => outbox.resend(),
  receive: (outbox, ...edit) => outbox.receive(...edit),
  answered: (outbox, seq, revision) => outbox.answered(seq, revision),
  undo_pending: (outbox) => outbox.undoPending(),
  reject: (outbox) => outbox.reject(),
  rejoined: (outbox, parts, size) => outbox.rejoined(parts ? { parts, size } : undefined) ?? null,
  rejoining: (outbox, nextSeq, missed) => outbox.rejoining(nextSeq, missed),
  too_old: (outbox) => outbox.tooOld() ?? null,
  reset: (outbox, revision, difference, nextSeq) => outbox.reset(revision, difference, nextSeq),
};

test("the outbox does what the vectors say", () => {
  for (const { seed, client_id, revision, next_seq, steps, ...how } of read("outbox.json").cases) {
    const outbox = new Outbox(text, client_id, revision, next_seq);
    const [parts, size] = how.limits ?? [0, 0];
    outbox.compares = how.compares ?? false;
    outbox.limits = parts ? { parts, size } : undefined;
    steps.forEach(({ call, args, ...expected }, i) => {
      const found = {};
      try {
        found.returns = CALLS[call](outbox, ...args);
      } catch (error) {
        if (!(error instanceof Gap)) throw error;
        found.gap = true;
      }
      Object.assign(found, {
        state: outbox.state,
        revision: outbox.revision,
        next_seq: outbox.nextSeq,
        buffer: outbox.buffer,
        in_flight: outbox.inFlight?.now ?? null,
      });
      if (outbox.compares) {
        found.base = outbox.inFlight?.base ?? null;
        found.unsent = outbox.inFlight?.unsent ?? null;
      }
      assert.deepEqual(found, expected, `case ${seed}, step ${i}: ${call}`);
    });
  }
});

test("undo does what the vectors say", () => {
  for (const { type: name, seed, document, steps } of read("undo.json").cases) {
    const type = TYPES[name];
    let content = document;
    const stack = new UndoStack(type, () => content);
    steps.forEach(({ call, args, ...expected }, i) => {
      const returns = stack[call](...args) ?? null;
      const { canUndo, canRedo, made } = stack;
      const found = { returns, can_undo: canUndo, can_redo: canRedo, made };
      assert.deepEqual(found, expected, `${name} ${seed}, step ${i}: ${call}`);
      const op = call === "undo" || call === "redo" ? returns : args[0];
      if (op !== null) content = type.apply(content, op);
    });
  }
});
