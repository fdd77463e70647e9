/**
 * Applying operations of type `json` to documents that stay as they are: only the containers along
 * a path are copied, once per operation; all else is shared between the document before and after.
 */

import { childOf, isContainer, pointer } from "./json-values.js";
import { text } from "./text.js";

const MOST = Number.MAX_SAFE_INTEGER;

/**
 * The sum, which past 2^53 - 1 goes on at -(2^53 - 1): so additions come out the same in every
 * order. The server commits no such sum; a client can be there until it is told so.
 */
export function addNumbers(one, other) {
  const sum = one + other;
  if (Math.abs(sum) <= MOST) return sum === 0 ? 0 : sum;
  const [most, range] = [BigInt(MOST), 2n * BigInt(MOST) + 1n];
  const wrapped = (BigInt(one) + BigInt(other) + most) % range;
  return Number((wrapped < 0n ? wrapped + range : wrapped) - most);
}

/** A document to which components are applied one after the other. */
export class Editor {
  #holder;
  #strict;
  #made = new Set();

  /**
   * @param {import("./json-values.js").Json} content
   * @param {{strict?: boolean}} [options] whether sums past the greatest number are refused
   */
  constructor(content, { strict = false } = {}) {
    // The root is the one member of an object, so that it can be replaced like any other.
    this.#holder = { root: content };
    this.#strict = strict;
  }

  get content() {
    return this.#holder.root;
  }

  /**
   * Apply a component.
   *
   * @returns {import("./json.js").Component} the component with what it really deletes
   * @throws {TypeError} where it does not fit; the editor is of no use any more
   */
  apply(component) {
    const { p: path } = component;
    const [parent, key] = this.#reach(path);
    const there = childOf(parent, key);
    if (component.t !== undefined) {
      if (typeof there !== "string") throw misfit(path, "is no text");
      parent[key] = edited(path, there, component.o);
      return { ...component, o: text.invertible(component.o, there) };
    }
    if (component.na !== undefined) {
      if (!Number.isSafeInteger(there)) throw misfit(path, "is no whole number");
      if (this.#strict && !Number.isSafeInteger(there + component.na)) {
        throw misfit(path, "would be beyond 2^53 - 1");
      }
      parent[key] = addNumbers(there, component.na);
      return component;
    }
    if (component.oi !== undefined || component.od !== undefined) {
      return setMember(component, parent, key, there);
    }
    if (!Array.isArray(parent)) throw misfit(path, "is not in a list");
    return component.lm === undefined
      ? setItem(component, parent, key, there)
      : moveItem(component, parent, key);
  }

  /** The container that a path's last key is of, made one's own, and that key. */
  #reach(path) {
    let parent = this.#holder;
    let key = "root";
    for (const next of path) {
      let child = childOf(parent, key);
      if (!isContainer(child)) throw misfit(path, "leads nowhere");
      if (!this.#made.has(child)) {
        child = Array.isArray(child) ? [...child] : { ...child };
        this.#made.add(child);
        parent[key] = child;
      }
      [parent, key] = [child, next];
    }
    if (typeof key !== (Array.isArray(parent) ? "number" : "string")) {
      throw misfit(path, "has an index in an object, or a key in a list");
    }
    return [parent, key];
  }
}

function edited(path, there, op) {
  try {
    // Applying alone does not mind a deletion past the end.
    text.check(op, { length: text.length(there) });
  } catch (error) {
    throw misfit(path, `does not have that text: ${error.message}`);
  }
  return text.apply(there, op);
}

function setMember(component, parent, key, there) {
  const { p: path } = component;
  if (Array.isArray(parent)) throw misfit(path, "is not in an object");
  if (component.od !== undefined && there === undefined) throw misfit(path, "is nothing (od)");
  if (component.od === undefined && there !== undefined) throw misfit(path, "is there, without od");
  if (component.oi !== undefined) parent[key] = component.oi;
  else if (path.length) delete parent[key];
  else throw misfit(path, "can only be replaced");
  return there === undefined ? component : { ...component, od: there };
}

function setItem(component, parent, key, there) {
  if (component.ld === undefined) {
    if (key > parent.length) throw misfit(component.p, `is beyond ${parent.length} items`);
    parent.splice(key, 0, component.li);
    return component;
  }
  if (there === undefined) throw misfit(component.p, `is not one of ${parent.length} items`);
  if (component.li === undefined) parent.splice(key, 1);
  else parent[key] = component.li;
  return { ...component, ld: there };
}

function moveItem(component, parent, key) {
  const { p: path, lm: to } = component;
  if (Math.max(key, to) >= parent.length) {
    throw misfit(path, `or ${to} is not one of ${parent.length} items`);
  }
  parent.splice(to, 0, ...parent.splice(key, 1));
  return component;
}

const misfit = (path, reason) => new TypeError(`${pointer(path)} ${reason}.`);
