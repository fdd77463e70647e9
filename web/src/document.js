/**
 * A document's content, which is put together only when somebody asks for it: an edit of a long
 * text costs no copy of it. Of a type that is `eager` it is there at once.
 */

const LONGEST_DELTA = 100;

export class LazyDocument {
  #type;
  #content;
  #delta = [];

  /** @param {object} type @param {any} content */
  constructor(type, content) {
    this.#type = type;
    this.#content = content;
    /** In the type's units; for `text`, code points. */
    this.length = type.length(content);
  }

  get content() {
    if (this.#delta.length) {
      this.#content = this.#type.apply(this.#content, this.#delta);
      this.#delta = [];
    }
    return this.#content;
  }

  apply(op) {
    if (this.#type.eager) {
      this.#content = this.#type.apply(this.#content, op);
      return;
    }
    this.#delta = this.#type.compose(this.#delta, op);
    this.length += this.#type.growth(op);
    if (this.#delta.length > LONGEST_DELTA) void this.content;
  }
}
