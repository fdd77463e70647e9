// quill-delta's answers: a case per line in, an answer per line out, both JSON. Lengths are UTF-16.
// Usage: node rich_text.mjs FOLDER-OF-NODE-MODULES
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.argv[2], "none.js"));
const Delta = require(join(process.argv[2], "quill-delta"));
const { AttributeMap } = Delta;

/** Parts put together by the methods that an application has for it. */
function built(parts) {
  const delta = new Delta();
  for (const part of parts) {
    if (part.insert !== undefined) delta.insert(part.insert, part.attributes);
    else if (part.delete !== undefined) delta.delete(part.delete);
    else delta.retain(part.retain, part.attributes);
  }
  return delta.chop();
}

function answer({ document, a, b, c, position, messy, formats, others, base }) {
  const [d, first, second, third] = [document, a, b, c].map((ops) => new Delta(ops));
  return {
    applied: d.compose(first).ops,
    b_right: first.transform(second, true).ops,
    a_left: second.transform(first, false).ops,
    composed: first.compose(third).ops,
    inverted: first.invert(d).ops,
    normalized: built(messy).ops,
    position: first.transformPosition(position, true),
    attributes: [
      AttributeMap.compose(formats, others, true),
      AttributeMap.compose(base, formats, false),
      AttributeMap.transform(formats, others, true),
      AttributeMap.transform(formats, others, false),
      AttributeMap.invert(formats, base),
      AttributeMap.diff(base, others),
    ],
  };
}

const lines = readFileSync(0, "utf-8").split("\n").filter(Boolean);
process.stdout.write(lines.map((line) => `${JSON.stringify(answer(JSON.parse(line)))}\n`).join(""));
