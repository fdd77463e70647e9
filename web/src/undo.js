/**
 * Undo and redo of one's own edits, right also when others have edited around and inside them.
 *
 * `collab_wamp/ot/undo.py` is the same in Python; `tests/vectors/undo.json` holds both to it.
 *
 * @typedef {{op: any, first: number, number: number}} Step what one undo or redo does, for the edits
 *   from the `first`-th to the `number`-th
 */

const MOST = 500;
/**
 * Others' edits are taken as one, until the stack is looked at or there is so much work to do: steps,
 * times the edits' parts.
 */
const MOST_WORK = 10_000;

/**
 * Every entry is kept as the operation that takes its edit back, transformed over everything that
 * has happened since, so that it fits the document as it is.
 */
export class UndoStack {
  #type;
  #content;
  /** @type {Step[]} */
  #undo = [];
  /** @type {Step[]} */
  #redo = [];
  #unseen = null;
  /** Whether the newest step is still the last own edit, so that another can be joined to it. */
  #open = false;
  /** `made` at the last undo or redo. */
  #stepped = 0;

  /**
   * @param {object} type the document's; operations carry what they delete
   * @param {() => any} content the document as it is; asked for where the type is not
   *   `invertibleAlone`, and where edits are refused
   */
  constructor(type, content) {
    this.#type = type;
    this.#content = content;
    /** How many own edits were made, undone and redone ones among them. */
    this.made = 0;
  }

  get canUndo() {
    this.#see();
    return this.#undo.length > 0;
  }

  get canRedo() {
    this.#see();
    return this.#redo.length > 0;
  }

  /** An own edit is about to be made; with `joined` it is undone together with the last. */
  own(op, joined = false) {
    this.#see();
    this.made += 1;
    let inverse = this.#invert(op);
    let first = this.made;
    if (joined && this.#open) {
      const last = this.#undo.pop();
      inverse = this.#type.compose(inverse, last.op);
      first = last.first;
    }
    this.#open = this.#push(this.#undo, inverse, first);
    if (this.#undo.length > MOST) this.#undo.shift();
    this.#redo = [];
  }

  /** Somebody else's edit was applied to the document, or is about to be. */
  others(op) {
    if (!this.#undo.length && !this.#redo.length) return;
    this.#unseen = this.#unseen === null ? op : this.#type.compose(this.#unseen, op);
    const steps = this.#undo.length + this.#redo.length;
    if (this.#unseen.length * steps > MOST_WORK) this.#see();
  }

  /**
   * Own edits are about to be taken back, because the server refused them. There is nothing to undo
   * about them; and where what was refused was itself an undo or a redo, it can be done once more.
   *
   * @param {any} op takes them back
   * @param {number} since `made` before the first of them
   * @param {number | null} until `made` after the last of them; null where only a part of the last
   *   was refused
   */
  refused(op, since, until) {
    this.#see();
    if (this.#type.isNoop(op)) return;
    this.#open = false;
    const spans = ({ first, number }, bound) => first <= bound && bound < number;
    const mixed = this.#undo.some((step) => spans(step, since) || spans(step, until));
    if (until === null || this.#stepped > since || mixed) {
      this.#refusedMixed(op, since);
      return;
    }
    const type = this.#type;
    const newer = this.#undo.filter(({ number }) => number > until);
    const refused = this.#undo.filter(({ number }) => number > since && number <= until);
    const older = this.#undo.filter(({ number }) => number <= since);
    const moved = this.#over(newer, op);
    // The document that the older ones fit, and will have to: the same, unless others did some of
    // what was refused as well.
    const content = this.#content();
    const fitted = this.#undone(content, [...refused, ...newer]);
    const base = this.#undone(type.apply(content, op), moved);
    const same = JSON.stringify(fitted) === JSON.stringify(base);
    this.#undo = [...(same ? older : this.#over(older, type.difference(fitted, base))), ...moved];
  }

  /** What was refused cannot be told from what was not: it becomes one step. */
  #refusedMixed(op, since) {
    const type = this.#type;
    // Each step fits the document before `op`: `again` leads there.
    const again = this.#invert(op);
    const after = type.apply(this.#content(), op);
    const written = JSON.stringify(after);
    // To delete a text and insert it again is no noop to compose, but does nothing.
    const doesNothing = (step) => JSON.stringify(type.apply(after, step)) === written;
    const [undo, keptUndo] = this.#taken(this.#undo, since, again);
    const [redo, keptRedo] = this.#taken(this.#redo, since, again);
    if (this.#undo.length && doesNothing(undo)) {
      this.#undo = keptUndo;
      if (this.#redo.length) this.#push(this.#redo, again);
    } else if (this.#redo.length && doesNothing(redo)) {
      this.#redo = keptRedo;
      this.#push(this.#undo, again);
    } else {
      if (this.#undo.length) this.#push(keptUndo, undo);
      if (this.#redo.length) this.#push(keptRedo, redo);
      this.#undo = keptUndo;
      this.#redo = keptRedo;
    }
  }

  /** The document goes on from elsewhere: nothing of what was done can be told any more. */
  clear() {
    this.#undo = [];
    this.#redo = [];
    this.#unseen = null;
    this.#open = false;
  }

  /**
   * The operation that takes the last own edit back; null where there is none. It is to be applied,
   * and sent like any other edit, without telling `own`. Edits of which others have left nothing
   * are passed over.
   */
  undo() {
    this.#see();
    return this.#step(this.#undo, this.#redo);
  }

  redo() {
    this.#see();
    return this.#step(this.#redo, this.#undo);
  }

  #step(source, target) {
    this.#open = false;
    if (!source.length) return null;
    const { op } = source.pop();
    this.made += 1;
    this.#stepped = this.made;
    this.#push(target, this.#invert(op));
    return op;
  }

  #push(stack, op, first = this.made) {
    const doesSomething = !this.#type.isNoop(op);
    if (doesSomething) stack.push({ op, first, number: this.made });
    return doesSomething;
  }

  /** `first`, the newest step, and all others newer than `since`, as one; and what is left. */
  #taken(stack, since, first) {
    const kept = stack.slice(0, -1);
    let op = stack.length ? this.#type.compose(first, stack.at(-1).op) : [];
    while (kept.length && kept.at(-1).number > since) {
      op = this.#type.compose(op, kept.pop().op);
    }
    return [op, kept];
  }

  #undone(document, steps) {
    return steps.reduceRight((content, { op }) => this.#type.apply(content, op), document);
  }

  #invert(op) {
    return this.#type.invert(op, this.#type.invertibleAlone ? undefined : this.#content());
  }

  /** Bring the steps past what others have done meanwhile. */
  #see() {
    const op = this.#unseen;
    this.#unseen = null;
    if (op === null) return;
    const newest = this.#undo.at(-1)?.number;
    this.#undo = this.#over(this.#undo, op);
    this.#redo = this.#over(this.#redo, op);
    if (this.#undo.at(-1)?.number !== newest) this.#open = false;
  }

  /** Transform the steps, the newest of which fits the document as it was before `op`. */
  #over(stack, op) {
    const result = [];
    for (const step of stack.toReversed()) {
      result.push({ ...step, op: this.#type.transform(step.op, op, "right") });
      op = this.#type.transform(op, step.op, "left");
    }
    return result.reverse().filter((step) => !this.#type.isNoop(step.op));
  }
}
