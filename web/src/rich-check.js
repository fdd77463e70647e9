/**
 * What operations and contents of the `rich_text` type may be; `collab_wamp/ot/rich_checks.py` is
 * the same in Python.
 */

import { same } from "./rich-parts.js";
import { UNFIT } from "./text.js";

const MAX_NUMBER = 2 ** 31;
const MAX_DEPTH = 8;
const MAX_NAME = 128;
const KINDS = ["insert", "retain", "delete"];
const FORBIDDEN = new Set(["__proto__", "constructor", "prototype"]);

/**
 * Refuse an operation that is not of canonical form or does not fit.
 *
 * @param {import("./rich-text.js").RichOp} op
 * @param {number} length of the document, code points
 * @throws {TypeError} which says why
 */
export function check(op, length) {
  checkShape(op);
  let before = 0;
  op.forEach((part, i) => {
    checkCanonical(part, op[i - 1] ?? {});
    before += part.retain ?? part.delete ?? 0;
  });
  const last = op.at(-1);
  if (last?.retain !== undefined && !last.attributes) {
    throw new TypeError("An operation does not end by passing over text.");
  }
  if (before > length) {
    throw new TypeError(`The operation needs ${before} characters; the document has ${length}.`);
  }
}

/** Refuse what is no operation, though perhaps not a canonical one. @throws {TypeError} */
export function checkShape(op) {
  if (!Array.isArray(op)) throw new TypeError("An operation is a list of parts.");
  op.forEach(checkPart);
}

function checkCanonical(part, last) {
  const { insert, attributes } = part;
  const refuse = (why) => {
    throw new TypeError(`${why}: ${JSON.stringify(part)}.`);
  };
  if (attributes && Object.keys(attributes).length === 0) refuse("Attributes are not empty");
  if (insert === undefined) {
    if (!part.retain && !part.delete) refuse("A number is 1 or more");
  } else {
    if (insert === "") refuse("An insertion is not empty");
    if (attributes && Object.values(attributes).includes(null)) {
      refuse("An insertion has no attribute that is null");
    }
    if (last.delete !== undefined) refuse("An insertion comes before the deletion at its place");
  }
  for (const kind of KINDS) {
    if (part[kind] === undefined || last[kind] === undefined) continue;
    const ofAKind = typeof part[kind] !== "object" && typeof last[kind] !== "object";
    if (ofAKind && same(attributes, last.attributes)) refuse("Parts side by side must be one");
  }
}

function checkPart(part) {
  const isObject = isPlain(part);
  const kinds = KINDS.filter((kind) => isObject && Object.hasOwn(part, kind));
  const allowed = kinds[0] === "delete" ? kinds : [...kinds, "attributes"];
  if (kinds.length !== 1 || Object.keys(part).some((key) => !allowed.includes(key))) {
    throw new TypeError(`Not a part of an operation: ${JSON.stringify(part)}.`);
  }
  const value = part[kinds[0]];
  if (kinds[0] !== "insert") {
    if (!Number.isSafeInteger(value) || value < 0 || value > MAX_NUMBER) {
      throw new TypeError(`Not a number of characters: ${JSON.stringify(value)}.`);
    }
  } else if (typeof value === "string") {
    checkText(value);
  } else {
    if (!isPlain(value) || Object.keys(value).length !== 1) {
      throw new TypeError("An insertion is a text, or an object with one key.");
    }
    Object.keys(value).forEach(checkName);
    checkValue(value, 1);
  }
  if (Object.hasOwn(part, "attributes")) checkAttributes(part.attributes);
}

function checkAttributes(attributes) {
  if (!isPlain(attributes)) throw new TypeError("Attributes are an object.");
  for (const [name, value] of Object.entries(attributes)) {
    checkName(name);
    checkValue(value, 1);
  }
}

function checkName(name) {
  checkKey(name);
  if (!name || [...name].length > MAX_NAME) {
    throw new TypeError(`A name has 1 to ${MAX_NAME} characters.`);
  }
}

function checkValue(value, depth) {
  if (value === null || typeof value === "boolean") return;
  if (typeof value === "string") {
    checkText(value);
  } else if (typeof value === "number") {
    const sound = Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
    if (!sound) throw new TypeError(`Not a number that can be sent: ${value}.`);
  } else if (Array.isArray(value) || isPlain(value)) {
    if (depth > MAX_DEPTH) throw new TypeError(`A value is nested deeper than ${MAX_DEPTH}.`);
    if (!Array.isArray(value)) Object.keys(value).forEach(checkKey);
    for (const inner of Object.values(value)) checkValue(inner, depth + 1);
  } else {
    throw new TypeError(`JSON has no ${typeof value}.`);
  }
}

function checkKey(key) {
  checkText(key);
  if (FORBIDDEN.has(key)) throw new TypeError(`An object must not have the key ${key}.`);
}

function checkText(text) {
  if (text.search(UNFIT) >= 0) throw new TypeError("A text has half a surrogate pair, or U+0000.");
}

function isPlain(value) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  // Not compared with Object.prototype: it may come from another frame.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
