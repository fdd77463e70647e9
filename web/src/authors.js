/**
 * Who wrote which characters of a text, folded from its edits. `collab_wamp/ot/authors.py` does the
 * same in Python.
 */

import { countCodePoints } from "./codepoints.js";

/** What an operation of each type does, from the start of the text on: [what, code points]. */
const STEPS = {
  text: (part) => {
    if (typeof part === "number") return ["keep", part];
    if (typeof part === "string") return ["insert", countCodePoints(part)];
    return ["delete", typeof part.d === "number" ? part.d : countCodePoints(part.d)];
  },
  rich_text: (part) => {
    if (part.retain !== undefined) return ["keep", part.retain];
    if (part.delete !== undefined) return ["delete", part.delete];
    const { insert } = part;
    return ["insert", typeof insert === "string" ? countCodePoints(insert) : 1];
  },
};

/** Whether documents of a type have authors of their parts. */
export const hasAuthors = (type) => type.name in STEPS;

/** Runs of characters of one author; two side by side are never of the same one. */
export class Authors {
  #who;
  #lengths;

  /** @param {(string | null)[]} who @param {number[]} lengths code points */
  constructor(who, lengths) {
    this.#who = who;
    this.#lengths = lengths;
  }

  /** Of a text of so many characters, of which nobody knows who wrote it. */
  static of(length) {
    return length ? new Authors([null], [length]) : new Authors([], []);
  }

  copy() {
    return new Authors(this.#who.slice(), this.#lengths.slice());
  }

  /** @returns {[string | null, number][]} from the start of the text to its end */
  get runs() {
    return this.#who.map((who, i) => [who, this.#lengths[i]]);
  }

  /**
   * Take an operation of an author.
   *
   * @param {{name: string}} type
   * @param {any[]} op
   * @param {string} author
   */
  apply(type, op, author) {
    const at = { index: 0, offset: 0 };
    for (const part of op) {
      const [what, length] = STEPS[type.name](part);
      this[what](at, length, author);
    }
  }

  /** Pass over so many characters. */
  keep(at, length) {
    const lengths = this.#lengths;
    while (length > 0 && at.index < lengths.length) {
      const rest = lengths[at.index] - at.offset;
      if (length < rest) {
        at.offset += length;
        return;
      }
      length -= rest;
      at.index += 1;
      at.offset = 0;
    }
  }

  insert(at, length, author) {
    const [who, lengths] = [this.#who, this.#lengths];
    const { index, offset } = at;
    if (offset === 0 && who[index - 1] === author && index > 0) {
      lengths[index - 1] += length;
    } else if (index < who.length && who[index] === author) {
      lengths[index] += length;
      at.offset += length;
    } else if (offset === 0) {
      who.splice(index, 0, author);
      lengths.splice(index, 0, length);
      at.index += 1;
    } else {
      who.splice(index + 1, 0, author, who[index]);
      lengths.splice(index, 1, offset, length, lengths[index] - offset);
      at.index += 2;
      at.offset = 0;
    }
  }

  delete(at, length) {
    const [who, lengths] = [this.#who, this.#lengths];
    while (length > 0 && at.index < lengths.length) {
      const deleted = Math.min(length, lengths[at.index] - at.offset);
      lengths[at.index] -= deleted;
      length -= deleted;
      if (lengths[at.index] === 0) {
        who.splice(at.index, 1);
        lengths.splice(at.index, 1);
      } else if (at.offset === lengths[at.index]) {
        at.index += 1;
        at.offset = 0;
      }
      this.#join(at);
    }
  }

  /** Make one of the runs before and behind a place, where they are of one author. */
  #join(at) {
    const [who, lengths] = [this.#who, this.#lengths];
    const { index, offset } = at;
    if (offset !== 0 || index === 0 || index >= who.length || who[index - 1] !== who[index]) return;
    at.index = index - 1;
    at.offset = lengths[index - 1];
    lengths[index - 1] += lengths[index];
    who.splice(index, 1);
    lengths.splice(index, 1);
  }
}
