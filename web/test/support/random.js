/** A seeded source of random numbers in [0, 1): mulberry32, in the public domain. */
export function seeded(seed) {
  let state = seed >>> 0;
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n) => Math.floor(random() * n);
  return { random, below, pick: (list) => list[below(list.length)], chance: (p) => random() < p };
}

const ALPHABET = ["a", "b", "é", "e\u0301", "😀", "👩‍👧", "\r\n", "\n", "\r", "\t", "漢", " "];

/** A random text of up to `most` characters, some of them awkward. */
export function randomText({ below, pick }, most) {
  return Array.from({ length: 1 + below(most) }, () => pick(ALPHABET)).join("");
}

/**
 * A random invertible operation that fits a text, and, made independently, the text after it.
 *
 * @returns {[import("../../src/text.js").TextOp, string]}
 */
export function randomOp(random, content) {
  const points = [...content];
  const op = [];
  const result = [];
  const add = (part) => {
    if (typeof part === "number" && typeof op.at(-1) === "number") op[op.length - 1] += part;
    else op.push(part);
  };
  let at = 0;
  let last = "";
  while (at < points.length || last === "") {
    const kind = random.pick(["pass", "pass", "insert", "delete", "stop"]);
    const length = Math.min(points.length - at, 1 + random.below(4));
    if (kind === "stop" && last !== "") break;
    if (kind === last) continue;
    if (kind === "insert") {
      const text = randomText(random, 3);
      add(text);
      result.push(text);
    } else if (kind !== "stop" && length > 0) {
      const piece = points.slice(at, at + length).join("");
      if (kind === "pass") result.push(piece);
      add(kind === "pass" ? length : { d: piece });
      at += length;
    } else {
      if (points.length === 0 && kind !== "insert") last = "pass";
      continue;
    }
    last = kind;
  }
  result.push(points.slice(at).join(""));
  if (typeof op.at(-1) === "number") op.pop();
  return [op, result.join("")];
}
