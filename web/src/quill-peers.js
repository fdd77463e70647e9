/**
 * Other people's cursors and selections in a Quill editor, drawn over the text rather than in it.
 * What they look like is in `quill.css`; `--collab-peer` is a participant's colour.
 */

import { PairIndex } from "./codepoints.js";
import { colorOf, nameOf, show, textOn } from "./looks.js";

export class QuillPeers {
  #session;
  #quill;
  #window;
  #layer;
  #index = new PairIndex([]);
  /** Participant id → their elements. */
  #drawn = new Map();
  #frame = null;
  #moved = new Set();
  #off;

  /**
   * @param {import("./session.js").Session} session
   * @param {import("quill").default} quill
   */
  constructor(session, quill) {
    this.#session = session;
    this.#quill = quill;
    const { ownerDocument } = quill.container;
    this.#window = ownerDocument.defaultView;
    this.#layer = element(ownerDocument, "ql-collab-peers");
    // Who does not see the screen hears of people from the page's list of them.
    this.#layer.setAttribute("aria-hidden", "true");
    quill.container.append(this.#layer);
    const redraw = () => this.redraw();
    quill.root.addEventListener("scroll", redraw);
    const resized = new this.#window.ResizeObserver(redraw);
    resized.observe(quill.root);
    this.#off = [
      session.on("presence", (ids) => this.redraw(ids)),
      session.on("participants", redraw),
      () => quill.root.removeEventListener("scroll", redraw),
      () => resized.disconnect(),
      () => this.#layer.remove(),
    ];
  }

  destroy() {
    for (const off of this.#off) off();
    if (this.#frame !== null) this.#window.cancelAnimationFrame(this.#frame);
  }

  /** Where code points and UTF-16 offsets differ from now on. @param {PairIndex} index */
  use(index) {
    this.#index = index;
  }

  /**
   * Draw everybody anew, with the next frame.
   *
   * @param {string[]} [moved] participants whose names are to be shown for a while
   */
  redraw(moved = []) {
    for (const id of moved) this.#moved.add(id);
    this.#frame ??= this.#window.requestAnimationFrame(() => {
      this.#frame = null;
      this.#draw();
    });
  }

  #draw() {
    const gone = new Set(this.#drawn.keys());
    const edge = this.#layer.getBoundingClientRect();
    for (const participant of this.#session.participants) {
      const { participantId: id, self, cursor, selection } = participant;
      if (self || (cursor === null && selection === null)) continue;
      gone.delete(id);
      const peer = this.#drawn.get(id) ?? this.#add(id);
      const color = colorOf(participant);
      peer.root.style.setProperty("--collab-peer", color);
      peer.root.style.setProperty("--collab-peer-text", textOn(color));
      peer.name.textContent = nameOf(participant);
      const boxes = (selection ?? []).flatMap((range) => this.#boxes(range));
      peer.selection.replaceChildren(...boxes.map((box) => this.#box(box, edge)));
      this.#placeCaret(peer, cursor, edge);
      if (this.#moved.has(id)) show(peer.name);
    }
    for (const id of gone) {
      this.#drawn.get(id).root.remove();
      this.#drawn.delete(id);
    }
    this.#moved.clear();
  }

  #add(id) {
    const { ownerDocument } = this.#layer;
    const root = element(ownerDocument, "ql-collab-peer");
    const selection = element(ownerDocument, "ql-collab-selection");
    const caret = element(ownerDocument, "ql-collab-caret");
    const name = element(ownerDocument, "ql-collab-name");
    caret.append(name);
    root.append(selection, caret);
    this.#layer.append(root);
    const peer = { root, selection, caret, name };
    this.#drawn.set(id, peer);
    return peer;
  }

  #placeCaret({ caret }, cursor, edge) {
    const bounds = cursor === null ? null : this.#quill.getBounds(this.#offset(cursor));
    caret.hidden = !bounds;
    if (!bounds) return;
    const container = this.#quill.container.getBoundingClientRect();
    const left = bounds.left + container.left - edge.left;
    const top = bounds.top + container.top - edge.top;
    place(caret, { left, top, height: bounds.height });
    // A label must not stick out of the editor: above the first line or behind the right edge.
    caret.classList.toggle("ql-collab-low", top < bounds.height);
    caret.classList.toggle("ql-collab-left", edge.width - left < 200);
  }

  #box({ left, top, width, height }, edge) {
    const box = element(this.#layer.ownerDocument, "ql-collab-box");
    place(box, { left: left - edge.left, top: top - edge.top, width, height });
    return box;
  }

  /** Where the text between two positions is on the screen. */
  #boxes(range) {
    const [start, end] = range.map((position) => this.#offset(position)).sort((a, b) => a - b);
    const ends = [start, end].map((offset) => {
      const [leaf, within] = this.#quill.getLeaf(offset);
      return leaf?.position(within, true);
    });
    if (start === end || !ends[0] || !ends[1]) return [];
    const text = this.#layer.ownerDocument.createRange();
    text.setStart(...ends[0]);
    text.setEnd(...ends[1]);
    return [...text.getClientRects()];
  }

  #offset(position) {
    return Math.min(this.#index.toUtf16(position), this.#quill.getLength() - 1);
  }
}

function element(document, className) {
  const made = document.createElement("div");
  made.className = className;
  return made;
}

function place({ style }, measures) {
  for (const [name, value] of Object.entries(measures)) style.setProperty(name, `${value}px`);
}
