/**
 * A session of type `json` as a document whose places can be read, changed and listened to.
 *
 * ```js
 * const board = observe(session);
 * board.set(["cards", 0, "title"], "Tea");
 * board.on(["cards"], (cards, before, { origin }) => draw(cards));
 * ```
 *
 * A path names a place, not what is there: what is at `["cards", 0]` changes when somebody inserts a
 * card before it. What is read is part of the document, and must not be changed itself.
 *
 * @typedef {import("./json-values.js").Json} Json
 * @typedef {import("./json-values.js").Path} Path
 * @typedef {object} What
 * @property {import("./replica.js").Change["origin"]} origin see `Change` in `replica.js`
 * @property {{clientId: string, userId: string}[]} authors of the edits in it, for `remote`
 * @typedef {(value: Json | undefined, previous: Json | undefined, what: What) => void} Listener
 */

import { SUBTYPE } from "./json-check.js";
import { childOf, pointer, same, valueAt } from "./json-values.js";

/**
 * @param {import("./session.js").Session} session an open one, of type `json`
 * @throws {TypeError} where it is of another type
 */
export const observe = (session) => new JsonDocument(session);

/** Made by `observe`. Whatever changes the document throws as `Session.edit` does. */
export class JsonDocument {
  #session;
  #known;
  #places = new Set();
  #changes = [];
  #telling = false;
  #off;

  /** @param {import("./session.js").Session} session */
  constructor(session) {
    if (session.type.name !== "json") {
      throw new TypeError(`The session is of type ${session.type.name}, not json.`);
    }
    this.#session = session;
    this.#known = session.content;
    this.#off = session.on("change", (change) => this.#changed(change));
  }

  /** What is at a path; undefined where that is nothing. @param {Path} [path] */
  get(path = []) {
    return valueAt(this.#session.content, path);
  }

  /** Put a value there: a member, new or not, an item that there is, or with `[]` the whole. */
  set(path, value) {
    const there = this.get(path);
    const [removing, setting] = this.#isItem(path) ? ["ld", "li"] : ["od", "oi"];
    if (there === undefined && setting === "li") {
      throw new TypeError(`There is no item ${pointer(path)}: insert it.`);
    }
    if (there !== undefined && same(there, value)) return;
    const replaced = there === undefined ? {} : { [removing]: there };
    this.#edit({ p: path, ...replaced, [setting]: value });
  }

  /** Take a member or an item away; nothing happens where there is none. @param {Path} path */
  remove(path) {
    const there = this.get(path);
    if (there !== undefined) this.#edit({ p: path, [this.#isItem(path) ? "ld" : "od"]: there });
  }

  /** Insert an item into a list, at the index that ends the path. */
  insert(path, value) {
    this.#edit({ p: path, li: value });
  }

  /**
   * Move an item within its list.
   *
   * @param {Path} path of the item
   * @param {number} to its index then
   */
  move(path, to) {
    this.#edit({ p: path, lm: to });
  }

  /** Add to a whole number; additions of several people all count. */
  add(path, number) {
    this.#edit({ p: path, na: number });
  }

  /**
   * Edit a text together with others, where `set` would replace it.
   *
   * @param {Path} path
   * @param {import("./text.js").TextOp} op positions count code points
   */
  editText(path, op) {
    this.#edit({ p: path, t: SUBTYPE, o: op });
  }

  /**
   * Be told of changes of what is at a path, or inside it, whoever made them: once for each change
   * of the document, in their order, and never where the value is the same as before.
   *
   * @param {Path} path `[]` for the whole document
   * @param {Listener} listener called with undefined for what is, or was, not there. One that
   *   throws does not keep the others from hearing
   * @returns {() => void} takes the listener away
   */
  on(path, listener) {
    const place = { path: [...path], listener };
    this.#places.add(place);
    return () => this.#places.delete(place);
  }

  /** Listen no more, and tell nobody. The session stays open. */
  close() {
    this.#off();
    this.#places.clear();
    this.#changes = [];
  }

  #isItem(path) {
    return path.length > 0 && Array.isArray(this.get(path.slice(0, -1)));
  }

  #edit(component) {
    this.#session.edit([component]);
  }

  #changed({ origin, authors }) {
    const { content } = this.#session;
    this.#changes.push({ before: this.#known, after: content, what: { origin, authors } });
    this.#known = content;
    // A listener may change the document: the others hear of this change first.
    if (this.#telling) return;
    this.#telling = true;
    while (this.#changes.length) this.#tell(this.#changes.shift());
    this.#telling = false;
  }

  #tell({ before, after, what }) {
    for (const place of [...this.#places]) {
      if (!this.#places.has(place) || !differs(before, after, place.path)) continue;
      try {
        place.listener(valueAt(after, place.path), valueAt(before, place.path), what);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

/** Whether two documents differ at a path; what they share on the way there is not looked into. */
function differs(before, after, path) {
  for (const key of path) {
    if (before === after) return false;
    [before, after] = [childOf(before, key), childOf(after, key)];
  }
  return !same(before, after);
}
