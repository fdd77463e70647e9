/**
 * The `rich_text` type: formatted text with embeds, in the wire form of Quill's Delta.
 *
 * A document is a list of insertions, the runs. An operation is a list of parts from the start of
 * the document on: `{retain: 5}` passes over 5 characters, and formats them where it has
 * `attributes` (null takes one away); `{insert: "abc"}` or `{insert: {image: "…"}}` inserts, with
 * its `attributes`; `{delete: 3}` deletes.
 *
 * Characters are Unicode code points, and an embed counts 1. quill-delta and Quill count UTF-16:
 * hence the walks here are our own, and `toDelta` and `fromDelta` convert. What attributes do to
 * each other is quill-delta's; `collab_wamp/ot/rich_text.py` is the same in Python.
 *
 * @typedef {{insert: string | object, attributes?: object}} Run
 * @typedef {Run | {retain: number, attributes?: object} | {delete: number}} RichPart
 * @typedef {RichPart[]} RichOp
 * @typedef {import("./text.js").Side} Side
 */

import { PairIndex } from "./codepoints.js";
import { check, checkShape } from "./rich-check.js";
import { difference, split } from "./rich-difference.js";
import { AttributeMap, Builder, Reader, lengthOf, totalOf } from "./rich-parts.js";

export const richText = {
  name: "rich_text",

  /** It takes the document to invert an operation. */
  invertibleAlone: false,

  /**
   * @param {Run[] | {ops: Run[]}} [content] need not be in compact form
   * @returns {Run[]}
   */
  create(content) {
    if (content === undefined || content === null) return [{ insert: "\n" }];
    const runs = Array.isArray(content) ? content : content.ops;
    checkShape(runs);
    if (runs.some(({ insert }) => insert === undefined)) {
      throw new TypeError("A document has nothing but insertions.");
    }
    return canonical(runs);
  },

  /** @type {(content: Run[], op: RichOp) => Run[]} */
  apply: (content, op) => compose(content, op),

  /**
   * `op` as it must be once `other`, made on the same document, has been applied. The left one is
   * first where both insert, and its attributes stand where both format.
   *
   * @type {(op: RichOp, other: RichOp, side: Side) => RichOp}
   */
  transform,

  /** See `text.side`. @type {(clientId: string, otherClientId: string) => Side} */
  side: (clientId, otherClientId) => (clientId < otherClientId ? "left" : "right"),

  /** One operation that does `first`, then `second`. @type {(a: RichOp, b: RichOp) => RichOp} */
  compose,

  /**
   * What undoes `op`.
   *
   * @param {RichOp} op
   * @param {Run[]} content that `op` fits
   * @returns {RichOp}
   */
  invert(op, content) {
    const result = new Builder();
    const reader = new Reader(content);
    for (const part of op) {
      const length = lengthOf(part);
      if (part.insert !== undefined) {
        result.delete(length);
        continue;
      }
      for (const run of reader.pieces(length)) {
        if (part.delete !== undefined) result.push(run);
        else result.retain(lengthOf(run), formerly(part.attributes, run.attributes));
      }
    }
    return result.finish();
  },

  /** The canonical form of an operation that is otherwise sound. @type {(op: RichOp) => RichOp} */
  normalize(op) {
    checkShape(op);
    return canonical(op);
  },

  /** What text an operation inserts, for a person to copy. @type {(op: RichOp) => string} */
  toSend: (op) => op,

  textOf: (op) =>
    op
      .map(({ insert }) => insert)
      .filter((inserted) => typeof inserted === "string")
      .join(""),

  /** The operation that inserts a text. @type {(position: number, inserted: string) => RichOp} */
  insertion: (position, inserted) => behind(position, { insert: inserted }),

  /** The operation that deletes. @type {(position: number, length: number) => RichOp} */
  deletion: (position, length) => behind(position, { delete: length }),

  isNoop: (op) => op.length === 0,

  /**
   * Where a position is after `op`.
   *
   * @param {number} position
   * @param {RichOp} op
   * @param {boolean} [after] whether it goes behind what is inserted at itself
   */
  transformPosition(position, op, after = false) {
    let at = 0;
    for (const part of op) {
      if (after ? at > position : at >= position) break;
      const length = lengthOf(part);
      if (part.delete !== undefined) {
        position -= Math.min(length, position - at);
      } else {
        at += length;
        if (part.insert !== undefined) position += length;
      }
    }
    return position;
  },

  /**
   * Refuse an operation that is not of canonical form or does not fit.
   *
   * @param {RichOp} op
   * @param {{length: number}} document length in code points
   * @throws {TypeError} which says why
   */
  check: (op, { length }) => check(op, length),

  /** Length of a content, code points. @type {(content: Run[]) => number} */
  length: totalOf,

  /** By how much an operation makes a document longer, code points. @param {RichOp} op */
  growth(op) {
    let growth = 0;
    for (const part of op) {
      if (part.insert !== undefined) growth += lengthOf(part);
      else growth -= part.delete ?? 0;
    }
    return growth;
  },

  /** The operation from one document to another. @type {(from: Run[], to: Run[]) => RichOp} */
  difference,

  /**
   * An operation in two, of which the first keeps to limits: `compose(first, rest)` is `op`. The
   * first has something of `op` in it in any case, be that larger than `size`.
   *
   * @param {RichOp} op
   * @param {{parts: number, size: number}} limits number of parts, 2 or more; bytes of all texts,
   *   and of the JSON of all attributes and embeds
   * @returns {[RichOp, RichOp]} rest is `[]` where all of it keeps to the limits
   */
  split,

  /**
   * Where code points and UTF-16 offsets differ in a document. An embed counts 1 in both.
   *
   * @param {RichOp} content a document, or a delta that is one
   */
  indexOf: (content) => PairIndex.of(flat(content)),

  /**
   * The index of the document after a delta.
   *
   * @param {PairIndex} index of the document before
   * @param {RichOp} delta with lengths in UTF-16
   */
  indexAfter(index, delta) {
    const changes = [];
    let at = 0;
    for (const part of delta) {
      const to = at + (part.delete ?? part.retain ?? 0);
      if (part.insert !== undefined) changes.push({ from: at, to: at, insert: flat([part]) });
      if (part.delete !== undefined) changes.push({ from: at, to, insert: "" });
      at = to;
    }
    return index.after(changes);
  },

  /**
   * An operation with its lengths in UTF-16, as Quill wants it.
   *
   * @param {RichOp} op
   * @param {PairIndex} index of the document before
   */
  toDelta: (op, index) => converted(op, (position) => index.toUtf16(position)),

  /**
   * The operation of a delta whose lengths are in UTF-16.
   *
   * @param {RichOp} delta
   * @param {PairIndex} index of the document before
   * @throws {RangeError} where it cuts a surrogate pair in two
   */
  fromDelta: (delta, index) =>
    converted(delta, (offset) => {
      if (index.cuts(offset)) throw new RangeError(`The delta cuts a character at ${offset}.`);
      return index.toCodePoint(offset);
    }),
};

const behind = (position, part) => (position ? [{ retain: position }, part] : [part]);

function compose(first, second) {
  const result = new Builder();
  const reader = new Reader(first);
  for (const part of second) {
    if (part.insert !== undefined) {
      result.push(part);
      continue;
    }
    let left = lengthOf(part);
    while (left) {
      if (reader.part?.delete !== undefined) {
        result.push(reader.rest());
        continue;
      }
      const piece = reader.take(left);
      const length = lengthOf(piece);
      left -= length;
      const isKept = piece.retain !== undefined;
      if (part.delete !== undefined) {
        if (isKept) result.delete(length);
        continue;
      }
      const attributes = part.attributes
        ? AttributeMap.compose(piece.attributes, part.attributes, isKept)
        : piece.attributes;
      if (isKept) result.retain(length, attributes);
      else result.insert(piece.insert, attributes);
    }
  }
  while (reader.part) result.push(reader.rest());
  return result.finish();
}

function transform(op, other, side) {
  const result = new Builder();
  const reader = new Reader(op);
  for (const passed of other) {
    if (passed.insert !== undefined) {
      while (side === "left" && reader.part?.insert !== undefined) result.push(reader.rest());
      result.retain(lengthOf(passed));
      continue;
    }
    let left = lengthOf(passed);
    while (left) {
      // All that comes is passed over: nothing more of `other` can matter to it.
      if (!reader.part) return result.finish();
      if (reader.part.insert !== undefined) {
        result.push(reader.rest());
        continue;
      }
      const piece = reader.take(left);
      left -= lengthOf(piece);
      if (passed.delete !== undefined) continue;
      if (piece.delete !== undefined) {
        result.push(piece);
        continue;
      }
      const { attributes } = piece;
      const remaining = AttributeMap.transform(passed.attributes, attributes, side === "right");
      result.retain(lengthOf(piece), remaining);
    }
  }
  while (reader.part) result.push(reader.rest());
  return result.finish();
}

/** What takes attributes back; undefined where there are none. */
const formerly = (attributes, base) => attributes && AttributeMap.invert(attributes, base);

function canonical(op) {
  const result = new Builder();
  for (const part of op) {
    if (part.insert === undefined) result.push(part);
    else result.insert(part.insert, AttributeMap.compose({}, part.attributes, false));
  }
  return result.finish();
}

/** The text of insertions, with one character for an embed. */
const flat = (parts) =>
  parts.map(({ insert }) => (typeof insert === "string" ? insert : "\ufffc")).join("");

/** Lengths counted by the positions that `convert` gives. */
function converted(op, convert) {
  const result = [];
  let at = 0;
  let place = 0;
  for (const part of op) {
    const kind = ["retain", "delete"].find((name) => part[name] !== undefined);
    if (!kind) {
      result.push(part);
      continue;
    }
    at += part[kind];
    const next = convert(at);
    result.push({ ...part, [kind]: next - place });
    place = next;
  }
  return result;
}
