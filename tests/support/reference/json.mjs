// ot-json0's answers, with ot-text-unicode for the texts inside: a case per line in, an answer per
// line out, both JSON.
// Usage: node json.mjs FOLDER-OF-NODE-MODULES
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.argv[2], "none.js"));
const { type } = require(join(process.argv[2], "ot-json0"));
type.registerSubtype(require(join(process.argv[2], "ot-text-unicode")).type);

const copy = (value) => structuredClone(value);

/** Once is not always enough: what is merged may come to stand beside what it can be merged with. */
function normalized(op) {
  for (;;) {
    const merged = type.normalize(copy(op));
    if (merged.length === op.length) return merged;
    op = merged;
  }
}

function answer({ document, a, b, c, messy }) {
  return {
    applied: type.apply(copy(document), copy(a)),
    b_right: type.transform(copy(b), copy(a), "right"),
    a_left: type.transform(copy(a), copy(b), "left"),
    composed: type.compose(copy(a), copy(c)),
    inverted: type.invert(copy(a)),
    normalized: normalized(messy),
  };
}

const lines = readFileSync(0, "utf-8").split("\n").filter(Boolean);
process.stdout.write(lines.map((line) => `${JSON.stringify(answer(JSON.parse(line)))}\n`).join(""));
