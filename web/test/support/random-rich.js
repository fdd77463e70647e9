import { randomText } from "./random.js";

const VALUES = [true, false, 1, 1.5, "red", "😀", { a: [1, null] }, { a: [true, null] }];
const NAMES = ["bold", "color", "list"];
const EMBEDS = [{ image: "a.png" }, { image: "b.png" }, { mention: { id: 1 } }];

export function randomAttributes({ pick, chance }, values = VALUES) {
  if (chance(0.5)) return {};
  return Object.fromEntries(NAMES.filter(() => chance(0.4)).map((name) => [name, pick(values)]));
}

/** A text, or an embed. */
const randomContent = (random, most) =>
  random.chance(0.2) ? random.pick(EMBEDS) : randomText(random, most);

/** A document as cells: [character or embed, its attributes]. */
export const cellsOf = (content) =>
  content.flatMap(({ insert, attributes = {} }) =>
    (typeof insert === "string" ? [...insert] : [insert]).map((unit) => [unit, attributes]),
  );

const written = (attributes) => JSON.stringify(Object.entries(attributes).sort());

/** Cells as insertions, as few as possible. */
export function runsOf(cells) {
  const runs = [];
  for (const [unit, attributes] of cells) {
    const last = runs.at(-1);
    const joins = typeof unit === "string" && typeof last?.insert === "string";
    if (joins && written(last.attributes ?? {}) === written(attributes)) last.insert += unit;
    else if (Object.keys(attributes).length) runs.push({ insert: unit, attributes });
    else runs.push({ insert: unit });
  }
  return runs;
}

export function randomDocument(random, most = 4) {
  const runs = Array.from({ length: random.below(most + 1) }, () => ({
    insert: randomContent(random, 4),
    attributes: randomAttributes(random),
  }));
  return runsOf(cellsOf(runs));
}

/**
 * A random operation in canonical form that fits a document, and, made independently, the document
 * after it.
 */
export function randomRichOp(random, content) {
  const cells = cellsOf(content);
  const result = [];
  const op = [];
  let inserted = [];
  let deleted = 0;
  let at = 0;
  const settle = () => {
    op.push(...runsOf(inserted));
    if (deleted) op.push({ delete: deleted });
    inserted = [];
    deleted = 0;
  };
  for (let i = random.below(7); i > 0; i--) {
    const kind = random.pick(["pass", "pass", "format", "insert", "delete"]);
    if (kind === "insert") {
      const run = { insert: randomContent(random, 3), attributes: randomAttributes(random) };
      inserted.push(...cellsOf([run]));
      result.push(...cellsOf([run]));
      continue;
    }
    const touched = cells.slice(at, at + 1 + random.below(4));
    at += touched.length;
    if (!touched.length) continue;
    if (kind === "delete") {
      deleted += touched.length;
      continue;
    }
    settle();
    const formats = kind === "format" ? randomAttributes(random, [...VALUES, null, null]) : {};
    const last = op.at(-1);
    if (last?.retain && written(last.attributes ?? {}) === written(formats)) {
      last.retain += touched.length;
    } else if (Object.keys(formats).length) {
      op.push({ retain: touched.length, attributes: formats });
    } else {
      op.push({ retain: touched.length });
    }
    for (const [unit, before] of touched) {
      const after = Object.entries({ ...before, ...formats }).filter(([, value]) => value !== null);
      result.push([unit, Object.fromEntries(after)]);
    }
  }
  settle();
  if (op.at(-1)?.retain && !op.at(-1).attributes) op.pop();
  return [op, runsOf([...result, ...cells.slice(at)])];
}
