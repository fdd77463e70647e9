/**
 * What Quill shows of a document of type `rich_text`. It has the same length, so that positions
 * are the same in both, however little Quill knows of what is in the document.
 */

import { UNFIT } from "./text.js";

const REPLACEMENT = "\ufffd";
const UNKNOWN_EMBED = "\ufffc";

/**
 * Parts as Quill can show them. Quill takes "\r" out of texts, passes over formats that it does not
 * know, and fails for such embeds, and for those whose library is missing.
 *
 * @param {import("quill").default} quill
 * @param {import("./rich-text.js").RichOp} parts
 */
export function shown(quill, parts) {
  const { EmbedBlot } = quill.constructor.import("parchment");
  return parts.map(({ attributes, ...part }) => {
    const known = Object.entries(attributes ?? {}).filter(([name]) => quill.scroll.query(name));
    if (known.length) part.attributes = Object.fromEntries(known);
    const { insert } = part;
    if (typeof insert === "string") part.insert = insert.replaceAll("\r", " ");
    else if (insert && !isEmbed(quill, insert, EmbedBlot)) part.insert = UNKNOWN_EMBED;
    return part;
  });
}

function isEmbed({ scroll }, insert, EmbedBlot) {
  const [name] = Object.keys(insert);
  try {
    return scroll.create(name, insert[name]) instanceof EmbedBlot;
  } catch {
    // There is no other way to find out. What it says does not matter.
    return false;
  }
}

/** Parts of Quill's without what no document may have in it; their lengths stay. */
export function fit(parts) {
  return parts.map((part) => {
    const { insert, attributes } = part;
    const result = { ...part };
    if (typeof insert === "string") result.insert = insert.replace(UNFIT, REPLACEMENT);
    if (attributes) {
      const known = Object.entries(attributes).filter(([, value]) => value !== undefined);
      result.attributes = Object.fromEntries(known);
    }
    return result;
  });
}

/** The text of a document, an embed being one character. */
export const flat = (runs) =>
  runs.map(({ insert }) => (typeof insert === "string" ? insert : UNKNOWN_EMBED)).join("");
