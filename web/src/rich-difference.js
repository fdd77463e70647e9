/**
 * What makes one document of the `rich_text` type of another, and operations in two;
 * `collab_wamp/ot/rich_difference.py` is the same in Python.
 */

import {
  AttributeMap,
  Builder,
  Reader,
  cutOut,
  extraBytes,
  fittingText,
  insertedBytes,
  isKept,
  lengthOf,
  same,
  totalOf,
} from "./rich-parts.js";

/**
 * The operation from one document to another. What both have in common at their start and at their
 * end is kept; where that is the text alone, it is formatted. Everything between is replaced.
 */
export function difference(before, after) {
  const result = new Builder();
  const { start, end, old, young } = between(before, after, true);
  result.retain(start);
  replace(result, old, young);
  result.retain(end);
  return result.finish();
}

/** How much is alike at the start and at the end, and what is between. */
function between(before, after, formatted) {
  const lengths = [totalOf(before), totalOf(after)];
  const shorter = Math.min(...lengths);
  const start = common(before, after, shorter, formatted);
  const end = common(reversed(before), reversed(after), shorter - start, formatted);
  return {
    start,
    end,
    old: cutOut(before, start, lengths[0] - end),
    young: cutOut(after, start, lengths[1] - end),
  };
}

function replace(result, before, after) {
  const { start, end, old, young } = between(before, after, false);
  const [oldLength, newLength] = [totalOf(before), totalOf(after)];
  format(result, cutOut(before, 0, start), cutOut(after, 0, start));
  for (const run of young) result.push(run);
  result.delete(totalOf(old));
  format(
    result,
    cutOut(before, oldLength - end, oldLength),
    cutOut(after, newLength - end, newLength),
  );
}

/** Make the attributes of `after` of those of `before`, which is the same text. */
function format(result, before, after) {
  const reader = new Reader(after);
  for (const run of before) {
    for (const piece of reader.pieces(lengthOf(run))) {
      result.retain(lengthOf(piece), AttributeMap.diff(run.attributes, piece.attributes));
    }
  }
}

/** How much two documents have in common at their start, at most `most`. */
function common(one, other, most, formatted) {
  const readers = [new Reader(one), new Reader(other)];
  let length = 0;
  while (length < most) {
    const size = Math.min(most - length, ...readers.map(({ left }) => left));
    const [mine, yours] = readers.map((reader) => reader.take(size));
    if (formatted && !same(mine.attributes, yours.attributes)) break;
    if (typeof mine.insert === "string" && typeof yours.insert === "string") {
      if (mine.insert !== yours.insert) return length + commonStart(mine.insert, yours.insert);
    } else if (typeof mine.insert !== typeof yours.insert || !same(mine.insert, yours.insert)) {
      break;
    }
    length += size;
  }
  return length;
}

/** How many code points two different texts of one length begin with alike. */
function commonStart(one, other) {
  const points = [...other];
  let i = 0;
  for (const point of one) {
    if (point !== points[i]) break;
    i++;
  }
  return i;
}

/** A document from its end to its start, by code points. */
function reversed(content) {
  return content
    .map((run) =>
      typeof run.insert === "string" ? { ...run, insert: [...run.insert].reverse().join("") } : run,
    )
    .reverse();
}

/** See `richText.split`. */
export function split(op, { parts, size }) {
  const first = [];
  const reader = new Reader(op);
  let room = size;
  let changes = false;
  while (reader.part && first.length < parts) {
    const { part } = reader;
    const length = lengthOf(part);
    const fits = fitting(part, length, room);
    if (!fits && changes) break;
    const piece = reader.take(part.insert === undefined ? length : fits || 1);
    first.push(piece);
    room -= insertedBytes(piece);
    changes ||= !isKept(piece);
    if (lengthOf(piece) < length) break;
  }
  if (!reader.part) return [op, []];
  const rest = new Builder();
  rest.retain(totalOf(first.filter((piece) => piece.delete === undefined)));
  while (reader.part) rest.push(reader.rest());
  const result = new Builder();
  for (const piece of first) result.push(piece);
  return [result.finish(), rest.finish()];
}

/** How much of a part has at most `room` bytes. */
function fitting(part, length, room) {
  const left = room - extraBytes(part);
  if (left < 0) return 0;
  return typeof part.insert === "string" ? fittingText(part.insert, left) : length;
}
