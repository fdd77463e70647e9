/**
 * The one place that converts between JavaScript's UTF-16 offsets and the code points that the
 * protocol counts.
 */

const PAIR = /[\ud800-\udbff][\udc00-\udfff]/g;

/** How many code points a text has. @param {string} content */
export function countCodePoints(content) {
  return content.length - pairsIn(content).length;
}

/** Offsets of the surrogate pairs of a text, ascending. */
function pairsIn(content, offset = 0) {
  const pairs = [];
  for (const match of content.matchAll(PAIR)) pairs.push(offset + match.index);
  return pairs;
}

/**
 * Where the surrogate pairs of a text are: converts offsets without reading the text again.
 * A text without such characters costs nothing; conversion takes the logarithm of their number.
 */
export class PairIndex {
  /** @param {number[]} pairs UTF-16 offsets of the pairs, ascending */
  constructor(pairs) {
    this.pairs = pairs;
  }

  /** @param {string} content */
  static of(content) {
    return new PairIndex(pairsIn(content));
  }

  /** @param {number} offset UTF-16; within a pair it counts as in front of it */
  toCodePoint(offset) {
    return offset - firstIndex(this.pairs.length, (i) => this.pairs[i] >= offset);
  }

  /** @param {number} position code points */
  toUtf16(position) {
    return position + firstIndex(this.pairs.length, (i) => this.pairs[i] - i >= position);
  }

  /** Whether a UTF-16 offset lies in the middle of a pair. */
  cuts(offset) {
    const i = firstIndex(this.pairs.length, (n) => this.pairs[n] >= offset);
    return i > 0 && this.pairs[i - 1] === offset - 1;
  }

  /**
   * The index of the text after some replacements.
   *
   * @param {{from: number, to: number, insert: string}[]} changes in order, in UTF-16 offsets of
   *   the text before; none cuts a pair
   */
  after(changes) {
    const inserted = changes.map(({ insert }) => pairsIn(insert));
    if (this.pairs.length === 0 && inserted.every((found) => found.length === 0)) return this;
    const pairs = [];
    let next = 0;
    let shift = 0;
    changes.forEach(({ from, to, insert }, i) => {
      while (next < this.pairs.length && this.pairs[next] < from) {
        pairs.push(this.pairs[next++] + shift);
      }
      for (const offset of inserted[i]) pairs.push(from + shift + offset);
      while (next < this.pairs.length && this.pairs[next] < to) next++;
      shift += insert.length - (to - from);
    });
    while (next < this.pairs.length) pairs.push(this.pairs[next++] + shift);
    return new PairIndex(pairs);
  }
}

/** The first i in 0..count for which `holds(i)`, which from some i on it always does. */
function firstIndex(count, holds) {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
