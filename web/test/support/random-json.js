/** Operations of type `json` by chance, each with the document made by plain changes of a copy. */

import { randomOp, randomText } from "./random.js";

const KEYS = ["a", "b", "é€", "c"];
const KINDS = ["scalar", "scalar", "number", "text", "list", "object"];
const SCALARS = [null, true, false, 0, 1, -7, 2.5, "", "1", "😀"];
const isContainer = (value) => typeof value === "object" && value !== null;

export function randomValue(random, depth = 2) {
  const kind = random.pick(depth ? KINDS : ["number", "text"]);
  if (kind === "list") {
    return Array.from({ length: random.below(4) }, () => randomValue(random, depth - 1));
  }
  if (kind === "object") {
    const keys = KEYS.filter(() => random.chance(0.5));
    return Object.fromEntries(keys.map((key) => [key, randomValue(random, depth - 1)]));
  }
  if (kind === "text") return randomText(random, 5);
  return kind === "number" ? random.below(10) - 5 : random.pick(SCALARS);
}

export function randomDocument(random) {
  if (random.chance(0.3)) return Array.from({ length: 3 }, () => randomValue(random));
  return Object.fromEntries(KEYS.map((key) => [key, randomValue(random, 3)]));
}

/**
 * @returns {[import("../../src/json.js").JsonOp, any]} the operation, which says what it deletes,
 *   and the document after it
 */
export function randomJsonOp(random, content, most = 4) {
  const result = structuredClone(content);
  const op = [];
  for (let count = 1 + random.below(most); count > 0; count--) {
    let [here, path] = [result, []];
    for (;;) {
      const keys = Object.keys(here).filter((key) => isContainer(here[key]));
      if (!keys.length || random.chance(0.4)) break;
      const key = Array.isArray(here) ? Number(random.pick(keys)) : random.pick(keys);
      [here, path] = [here[key], [...path, key]];
    }
    op.push(structuredClone(change(random, here, path)));
  }
  return [op, result];
}

function change(random, here, path) {
  const isLeaf = (key) => typeof here[key] === "string" || Number.isInteger(here[key]);
  const leaves = Object.keys(here).filter(isLeaf);
  if (leaves.length && random.chance(0.4)) {
    const picked = random.pick(leaves);
    return changeLeaf(random, here, path, Array.isArray(here) ? Number(picked) : picked);
  }
  return Array.isArray(here) ? changeItem(random, here, path) : changeMember(random, here, path);
}

function changeLeaf(random, here, path, key) {
  const p = [...path, key];
  if (typeof here[key] === "string") {
    const [o, after] = randomOp(random, here[key]);
    here[key] = after;
    return { p, t: "text-unicode", o };
  }
  const na = 1 + random.below(9);
  here[key] += na;
  return { p, na };
}

function changeMember(random, here, path) {
  const key = random.pick(KEYS);
  const component = { p: [...path, key] };
  const there = Object.hasOwn(here, key);
  if (there) component.od = here[key];
  delete here[key];
  if (!there || random.chance(0.6)) component.oi = here[key] = randomValue(random);
  return structuredClone(component);
}

function changeItem(random, here, path) {
  const kinds = ["insert", "insert", "remove", "replace", "move", "move"];
  const kind = here.length ? random.pick(kinds) : "insert";
  if (kind === "insert") {
    const index = random.below(here.length + 1);
    here.splice(index, 0, randomValue(random));
    return structuredClone({ p: [...path, index], li: here[index] });
  }
  const index = random.below(here.length);
  const p = [...path, index];
  const [item] = here.splice(index, 1);
  if (kind === "remove") return { p, ld: item };
  if (kind === "replace") {
    here.splice(index, 0, randomValue(random));
    return structuredClone({ p, ld: item, li: here[index] });
  }
  const lm = random.below(here.length + 1);
  here.splice(lm, 0, item);
  return { p, lm };
}
