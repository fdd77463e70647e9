/** Quill on a model of a browser: jsdom, which lays nothing out. */

import { JSDOM } from "jsdom";

const { window } = new JSDOM("<!doctype html>", { pretendToBeVisual: true });
const NAMES = [
  "document",
  "navigator",
  "Node",
  "Element",
  "HTMLElement",
  "Text",
  "DOMParser",
  "MutationObserver",
];
const define = (name, value) =>
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
for (const name of NAMES) define(name, window[name]);
define("window", window);
define("getComputedStyle", window.getComputedStyle.bind(window));

const box = (left, top, width, height) => new window.DOMRect(left, top, width, height);
window.DOMRect ??= class {
  constructor(left, top, width, height) {
    Object.assign(this, { left, top, width, height, right: left + width, bottom: top + height });
  }
};
/** Each character is taken to be 10 wide. */
Object.assign(window.Range.prototype, {
  getBoundingClientRect() {
    return box(10 * this.startOffset, 20, 10, 16);
  },
  getClientRects() {
    return [box(10 * this.startOffset, 20, 10 * (this.endOffset - this.startOffset), 16)];
  },
});
window.ResizeObserver = class {
  observe() {}
  disconnect() {}
};
window.Element.prototype.animate = () => ({ cancel() {} });
window.Element.prototype.getAnimations = () => [];

const { default: Quill } = await import("quill");

export { Quill, window };

/** A new editor. */
export function makeQuill(options) {
  const container = window.document.createElement("div");
  window.document.body.append(container);
  return new Quill(container, options);
}

/** The next frame. */
export const frame = () => new Promise((resolve) => window.requestAnimationFrame(resolve));
