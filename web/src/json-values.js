/**
 * The values that documents of type `json` are made of: which are sound, and which are equal. It
 * is `collab_wamp/ot/json_values.py` in JavaScript.
 *
 * @typedef {null | boolean | number | string | Json[] | {[key: string]: Json}} Json
 * @typedef {(string | number)[]} Path keys of objects and indexes of lists, from the root on
 */

import { UNFIT } from "./text.js";

export const MAX_DEPTH = 64;
export const MAX_INDEX = 2 ** 31;

/** What objects have without being given it. */
const FORBIDDEN = new Set(["__proto__", "constructor", "prototype"]);

/**
 * A copy of a value in canonical form.
 *
 * @param {any} value
 * @param {number} [depth] of how many containers it is inside
 * @returns {Json}
 * @throws {TypeError} where not all of it can be in a document
 */
export function sound(value, depth = 0) {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "string") return soundText(value);
  if (typeof value === "number") return soundNumber(value);
  if (typeof value !== "object") throw new TypeError(`JSON has no ${typeof value}.`);
  if (depth === MAX_DEPTH) throw new TypeError(`Values are more than ${MAX_DEPTH} deep.`);
  if (Array.isArray(value)) return Array.from(value, (item) => sound(item, depth + 1));
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) {
    throw new TypeError(`JSON has no ${prototype.constructor?.name}.`);
  }
  const entries = Object.entries(value);
  return Object.fromEntries(entries.map(([key, item]) => [soundKey(key), sound(item, depth + 1)]));
}

export function soundText(text) {
  if (text.search(UNFIT) >= 0) throw new TypeError("A text has U+0000 or a lone surrogate.");
  return text;
}

export function soundKey(key) {
  if (FORBIDDEN.has(key)) throw new TypeError(`No key may be called ${key}.`);
  return soundText(key);
}

export function soundNumber(number) {
  if (!(Math.abs(number) <= Number.MAX_SAFE_INTEGER)) {
    throw new TypeError(`${number} is beyond 2^53 - 1, where whole numbers are not exact.`);
  }
  return number === 0 ? 0 : number; // -0 is 0
}

/** Whether two values are the same JSON. What is one object in memory is not looked into. */
export function same(one, other) {
  if (one === other) return true;
  if (!isContainer(one) || !isContainer(other)) return false;
  if (Array.isArray(one) || Array.isArray(other)) {
    if (!Array.isArray(one) || !Array.isArray(other) || one.length !== other.length) return false;
    return one.every((item, index) => same(item, other[index]));
  }
  const keys = Object.keys(one);
  if (keys.length !== Object.keys(other).length) return false;
  return keys.every((key) => Object.hasOwn(other, key) && same(one[key], other[key]));
}

export const isContainer = (value) => typeof value === "object" && value !== null;

/** What a container has at a key; undefined where it has nothing there. */
export function childOf(parent, key) {
  if (Array.isArray(parent)) return typeof key === "number" ? parent[key] : undefined;
  if (!isContainer(parent) || typeof key !== "string") return undefined;
  return Object.hasOwn(parent, key) ? parent[key] : undefined;
}

/** The value at a path; undefined where there is none. @type {(root: Json, path: Path) => any} */
export const valueAt = (root, path) => path.reduce(childOf, root);

/** A path as text, for people: RFC 6901. @param {Path} path */
export function pointer(path) {
  const escaped = path.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`);
  return escaped.join("") || "the root";
}
