/**
 * The `json` type: the operations of ot-json0, which does the work of transforming, on documents
 * that are never changed in place.
 *
 * An operation is a list of components, each with the path `p` of the place that it changes, in the
 * document that the components before it have made:
 *
 * - `{p, oi}`, `{p, od}`, `{p, od, oi}` give an object a member, take it away, replace it;
 * - `{p, li}`, `{p, ld}`, `{p, ld, li}` do the same with an item of a list; `{p, lm}` moves it;
 * - `{p, na}` adds to a whole number;
 * - `{p, t: "text-unicode", o}` edits a text by an operation of type `text`.
 *
 * @typedef {import("./json-values.js").Json} Json
 * @typedef {import("./json-values.js").Path} Path
 * @typedef {{p: Path, oi?: Json, od?: Json, li?: Json, ld?: Json, lm?: number, na?: number,
 *   t?: "text-unicode", o?: import("./text.js").TextOp}} Component
 * @typedef {Component[]} JsonOp
 */

import json0 from "ot-json0";
import { type as textLibrary } from "ot-text-unicode";
import { Editor } from "./json-apply.js";
import { SUBTYPE, shaped } from "./json-check.js";
import { same, sound } from "./json-values.js";
import { text } from "./text.js";

const library = json0.type;
library.registerSubtype(textLibrary);

export const json = {
  name: "json",

  /** Whether an operation that carries what it deletes can be inverted without the document. */
  invertibleAlone: true,

  /** Whether applying costs little: nothing is won by putting it off. See `LazyDocument`. */
  eager: true,

  /** @param {Json} [content] an object or a list */
  create: (content = {}) => content,

  /** @type {(content: Json, op: JsonOp) => Json} */
  apply(content, op) {
    const editor = new Editor(content);
    for (const component of op) editor.apply(component);
    return editor.content;
  },

  /** See `text.transform`. @type {(op: JsonOp, other: JsonOp, side: "left" | "right") => JsonOp} */
  transform: (op, other, side) => library.transform(op, other, side),

  /** An edit committed later is left: its value stands. */
  side: () => "left",

  /** @type {(first: JsonOp, second: JsonOp) => JsonOp} */
  compose: (first, second) => library.compose(first, second),

  /** What undoes `op`; `op` must carry what it deletes. @type {(op: JsonOp) => JsonOp} */
  invert: (op) =>
    library.invert(op).map((inverse) => (inverse.na === 0 ? { ...inverse, na: 0 } : inverse)),

  /** The canonical form of an operation that is otherwise sound. @type {(op: JsonOp) => JsonOp} */
  normalize(op) {
    for (let result = shaped(op); ; ) {
      const merged = library.normalize(result.filter(doesSomething));
      if (merged.length === result.length) return merged;
      // What is merged, or gone, may have stood between two that are one.
      result = merged;
    }
  },

  /** What an operation sets and types, for a person to read. @type {(op: JsonOp) => string} */
  textOf(op) {
    const texts = op.flatMap(({ o, oi, li }) => [
      o === undefined ? "" : text.textOf(o),
      oi === undefined ? "" : JSON.stringify(oi),
      li === undefined ? "" : JSON.stringify(li),
    ]);
    return texts.filter(Boolean).join("\n");
  },

  /**
   * An operation as it is sent: with null for what is long and is deleted, as the server knows what
   * is there.
   *
   * @type {(op: JsonOp) => JsonOp}
   */
  toSend: (op) => op.map(short),

  isNoop: (op) => !op.some(doesSomething),

  /** Whether `op` is known to carry what it deletes: never, before `invertible` has seen to it. */
  isInvertible: () => false,

  /**
   * A copy of `op` with what it really deletes in it.
   *
   * @type {(op: JsonOp, content: Json) => JsonOp}
   */
  invertible(op, content) {
    const editor = new Editor(content);
    return shaped(op).map((component) => editor.apply(component));
  },

  /** There are no positions in a document of this type. @type {(position: number) => number} */
  transformPosition: (position) => position,

  /**
   * Refuse an operation that is not of canonical form or does not fit.
   *
   * @param {JsonOp} op
   * @param {{content: Json}} document
   * @throws {TypeError} which says why
   */
  check(op, { content }) {
    const editor = new Editor(content, { strict: true });
    for (const component of shaped(op)) editor.apply(component);
  },

  /** Not kept for this type: nothing here depends on it. */
  length: () => 0,
  growth: () => 0,

  /**
   * The operation from one value to another. Members are compared by key; lists are gone into
   * between what begins and what ends alike; texts are edited, all else replaced, and also what
   * differs in more than `MOST` places.
   *
   * @type {(before: Json, after: Json) => JsonOp}
   */
  difference(before, after) {
    const op = [];
    addDifference(op, [], before, after, ["od", "oi"]);
    return op;
  },

  /**
   * An operation in two, between components or inside what one inserts: others see that come piece
   * by piece. What is too large and cannot be cut comes alone. What does nothing is left out: sent
   * alone, it would never be committed.
   *
   * @param {JsonOp} op
   * @param {{parts: number, size: number}} limits number of parts, those of texts' operations among
   *   them; bytes of JSON text
   * @returns {[JsonOp, JsonOp]} rest is `[]` where all of it keeps to the limits
   */
  split(op, { parts, size }) {
    op = op.filter(doesSomething);
    for (const [index, component] of op.entries()) {
      const needed = component.o === undefined ? 1 : component.o.length;
      const written = needed <= parts ? bytes(short(component)) : Infinity;
      if (written <= size) {
        parts -= needed;
        size -= written;
        continue;
      }
      const [first, rest] = [op.slice(0, index), op.slice(index)];
      if (component.o !== undefined && parts > 0) {
        const [begin, end] = text.split(component.o, { parts, size });
        if (begin.length && end.length) {
          first.push({ ...component, o: begin });
          return [first, [{ ...component, o: end }, ...rest.slice(1)]];
        }
      }
      if (first.length) return [first, rest];
      const pieces = piecesOf(component);
      if (!pieces.length) return [rest.slice(0, 1), rest.slice(1)];
      return json.split([...pieces, ...rest.slice(1)], { parts, size });
    }
    return [op, []];
  },

  /** A copy of a value as it can be in a document. @throws {TypeError} where it cannot */
  value: (value) => sound(value),
};

function doesSomething({ p, lm, na, o }) {
  if (lm !== undefined) return lm !== p.at(-1);
  return na !== 0 && o?.length !== 0;
}

/** What is deleted is not sent where it has more bytes of JSON text. */
const LONG = 1000;

function short(component) {
  for (const key of ["od", "ld"]) {
    if (component[key] !== undefined && bytes(component[key]) > LONG) {
      return { ...component, [key]: null };
    }
  }
  return component;
}

/** A component that inserts a value, in pieces: an empty one, and what is in it, if anything. */
function piecesOf(component) {
  const key = component.oi === undefined ? "li" : "oi";
  const { p, [key]: value } = component;
  if (typeof value === "string" && value) {
    return [{ ...component, [key]: "" }, { p, t: SUBTYPE, o: [value] }];
  }
  if (typeof value !== "object" || value === null || !Object.keys(value).length) return [];
  const inside = Array.isArray(value)
    ? value.map((li, index) => ({ p: [...p, index], li }))
    : Object.entries(value).map(([name, oi]) => ({ p: [...p, name], oi }));
  return [{ ...component, [key]: Array.isArray(value) ? [] : {} }, ...inside];
}

const bytes = (value) => new TextEncoder().encode(JSON.stringify(value)).length;

/** An object or a list that differs in more places is replaced: see `json_difference.py`. */
const MOST = 1000;

function addDifference(op, path, before, after, [removing, setting]) {
  if (same(before, after)) return;
  const start = op.length;
  const kinds = [before, after].map(kindOf);
  if (kinds[0] === kinds[1]) {
    if (kinds[0] === "text") op.push({ p: path, t: SUBTYPE, o: text.difference(before, after) });
    if (kinds[0] === "list") addListDifference(op, path, before, after);
    if (kinds[0] === "object") addObjectDifference(op, path, before, after);
  }
  const added = op.length - start;
  if (added === 0 || added > MOST) {
    op.length = start;
    op.push({ p: path, [removing]: before, [setting]: after });
  }
}

function addObjectDifference(op, path, before, after) {
  for (const [key, value] of Object.entries(before)) {
    const at = [...path, key];
    if (Object.hasOwn(after, key)) addDifference(op, at, value, after[key], ["od", "oi"]);
    else op.push({ p: at, od: value });
  }
  for (const [key, value] of Object.entries(after)) {
    if (!Object.hasOwn(before, key)) op.push({ p: [...path, key], oi: value });
  }
}

function addListDifference(op, path, before, after) {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && same(before[start], after[start])) start++;
  let end = 0;
  while (end < shorter - start && same(before.at(-1 - end), after.at(-1 - end))) end++;
  const place = shorter - end;
  for (let i = start; i < place; i++) {
    addDifference(op, [...path, i], before[i], after[i], ["ld", "li"]);
  }
  for (let i = place; i < before.length - end; i++) op.push({ p: [...path, place], ld: before[i] });
  for (let i = place; i < after.length - end; i++) op.push({ p: [...path, i], li: after[i] });
}

function kindOf(value) {
  if (typeof value === "string") return "text";
  if (Array.isArray(value)) return "list";
  return typeof value === "object" && value !== null ? "object" : "other";
}
