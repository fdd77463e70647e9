/**
 * What an operation of type `json` must look like: `collab_wamp/ot/json_check.py`, without limits.
 */

import { MAX_DEPTH, MAX_INDEX, isContainer, sound, soundKey, soundNumber } from "./json-values.js";
import { text } from "./text.js";

export const SUBTYPE = "text-unicode";
const KINDS = new Set(["oi", "od", "od oi", "li", "ld", "ld li", "lm", "na", "o t"]);

/**
 * An operation with its numbers in canonical form, copied.
 *
 * @param {any} op
 * @returns {import("./json.js").JsonOp}
 * @throws {TypeError}
 */
export function shaped(op) {
  if (!Array.isArray(op)) throw new TypeError("An operation is a list of components.");
  return op.map((component) => {
    if (!isContainer(component) || Array.isArray(component)) {
      throw new TypeError("A component is an object.");
    }
    return shapedComponent(component);
  });
}

function shapedComponent(component) {
  const { p, ...rest } = component;
  const kind = Object.keys(rest).sort().join(" ");
  if ("si" in rest || "sd" in rest) {
    throw new TypeError(`Texts are edited by {p, t: "${SUBTYPE}", o}, not by si and sd.`);
  }
  if (!KINDS.has(kind)) throw new TypeError(`A component with ${kind || "no more"} says nothing.`);
  const result = { p: shapedPath(p) };
  // What is inserted is as deep in the document as its path is long.
  for (const key of ["oi", "li"]) if (key in rest) result[key] = sound(rest[key], p.length);
  for (const key of ["od", "ld"]) if (key in rest) result[key] = sound(rest[key]);
  if (p.length === 0 && !(kind === "od oi" && isContainer(result.oi))) {
    throw new TypeError("The root can only be replaced, by another object or list.");
  }
  if ("lm" in rest) result.lm = shapedIndex(rest.lm);
  if ("na" in rest) {
    if (!Number.isInteger(rest.na)) throw new TypeError("na adds whole numbers.");
    result.na = soundNumber(rest.na);
  }
  if ("t" in rest) {
    if (rest.t !== SUBTYPE) throw new TypeError(`The one type of text inside is ${SUBTYPE}.`);
    text.check(rest.o, { length: Infinity });
    Object.assign(result, { t: SUBTYPE, o: structuredClone(rest.o) });
  }
  return result;
}

function shapedPath(path) {
  if (!Array.isArray(path) || path.length > MAX_DEPTH) {
    throw new TypeError(`A path is a list of at most ${MAX_DEPTH} keys and indexes.`);
  }
  return path.map((key) => (typeof key === "string" ? soundKey(key) : shapedIndex(key)));
}

function shapedIndex(index) {
  if (!Number.isInteger(index) || index < 0 || index > MAX_INDEX) {
    throw new TypeError(`An index is a whole number from 0 to ${MAX_INDEX}.`);
  }
  return index === 0 ? 0 : index;
}
