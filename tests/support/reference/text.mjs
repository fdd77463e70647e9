// ot-text-unicode's answers: a case per line in, an answer per line out, both JSON.
// Usage: node text.mjs FOLDER-OF-NODE-MODULES
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.argv[2], "none.js"));
const { type } = require(join(process.argv[2], "ot-text-unicode"));

function answer({ document, a, b, c, position, messy }) {
  return {
    applied: type.apply(document, a),
    b_right: type.transform(b, a, "right"),
    a_left: type.transform(a, b, "left"),
    composed: type.compose(a, c),
    inverted: type.invert(type.makeInvertible(structuredClone(a), document)),
    invertible: type.makeInvertible(structuredClone(a), document),
    normalized: type.normalize(structuredClone(messy)),
    position: type.transformPosition(position, a),
  };
}

const lines = readFileSync(0, "utf-8").split("\n").filter(Boolean);
process.stdout.write(lines.map((line) => `${JSON.stringify(answer(JSON.parse(line)))}\n`).join(""));
