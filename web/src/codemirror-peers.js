/**
 * Other people's cursors and selections in a CodeMirror editor, drawn beside the text rather than
 * in it, so that they change neither its layout nor what the keyboard does.
 *
 * Colours come from CSS: `--collab-peer` is the participant's own, set on each mark.
 */

import { EditorSelection, StateEffect, StateField } from "@codemirror/state";
import { EditorView, layer, RectangleMarker } from "@codemirror/view";
import { colorOf, nameOf, show, textOn } from "./looks.js";

/**
 * @typedef {object} Peer
 * @property {string} name
 * @property {string} color `#rrggbb`
 * @property {number | null} cursor UTF-16 offset
 * @property {[number, number][]} ranges anchor and head
 * @property {number} moves how often they moved of their own
 */

/** Value: `here`, the ids of all who are to be shown, and `changed`, what is known of some anew. */
const setPeers = StateEffect.define();

const peersField = StateField.define({
  create: () => new Map(),
  update(known, transaction) {
    let current = known;
    if (transaction.docChanged && known.size) {
      current = new Map();
      for (const [id, peer] of known) current.set(id, mapped(peer, transaction.changes));
    }
    for (const effect of transaction.effects) {
      if (effect.is(setPeers)) current = replaced(current, effect.value, transaction.newDoc.length);
    }
    return current;
  },
});

function replaced(known, { here, changed }, length) {
  const current = new Map([...known].filter(([id]) => here.has(id)));
  const within = (position) => Math.min(position, length);
  for (const [id, peer] of changed) {
    const cursor = peer.cursor === null ? null : within(peer.cursor);
    const ranges = peer.ranges.map((range) => range.map(within));
    current.set(id, { ...peer, cursor, ranges, moves: movesOf(known.get(id), cursor) });
  }
  return current;
}

function mapped(peer, changes) {
  return {
    ...peer,
    cursor: peer.cursor === null ? null : changes.mapPos(peer.cursor, -1),
    ranges: peer.ranges.map((range) => range.map((position) => changes.mapPos(position, -1))),
  };
}

function movesOf(before, cursor) {
  if (!before) return 0;
  return before.moves + (before.cursor === cursor ? 0 : 1);
}

/**
 * What brings an editor's peers to where participants are.
 *
 * @param {import("./roster.js").Participant[]} participants everybody
 * @param {(participant: import("./roster.js").Participant) => boolean} mayHaveMoved
 * @param {(position: number) => number} toUtf16
 * @returns {StateEffect<any>}
 */
export function peersAt(participants, mayHaveMoved, toUtf16) {
  const here = new Set();
  const changed = new Map();
  for (const participant of participants) {
    const { participantId: id, self, cursor, selection } = participant;
    if (self || (cursor === null && selection === null)) continue;
    here.add(id);
    if (!mayHaveMoved(participant)) continue;
    changed.set(id, {
      name: nameOf(participant),
      color: colorOf(participant),
      cursor: cursor === null ? null : toUtf16(cursor),
      ranges: (selection ?? []).map((range) => range.map(toUtf16)),
    });
  }
  return setPeers.of({ here, changed });
}

/** Shows them. */
export function peers() {
  return [
    peersField,
    layer({
      above: false,
      class: "cm-collab-selections",
      update: hasMoved,
      markers: (view) =>
        [...view.state.field(peersField).values()].flatMap((p) => selectionMarks(view, p)),
    }),
    layer({
      above: true,
      class: "cm-collab-cursors",
      update: hasMoved,
      markers: (view) =>
        [...view.state.field(peersField).values()].flatMap((p) => cursorMarks(view, p)),
    }),
    peersTheme,
  ];
}

const hasMoved = ({ startState, state, docChanged }) =>
  docChanged || startState.field(peersField) !== state.field(peersField);

const selectionMarks = (view, { color, ranges }) =>
  ranges.flatMap(([anchor, head]) =>
    RectangleMarker.forRange(view, "cm-collab-selection", EditorSelection.range(anchor, head)).map(
      (box) => new SelectionMark(box, color),
    ),
  );

function cursorMarks(view, peer) {
  if (peer.cursor === null) return [];
  const boxes = RectangleMarker.forRange(view, "", EditorSelection.cursor(peer.cursor));
  const roomRight = (box) => view.scrollDOM.clientWidth - box.left > 200;
  return boxes.map((box) => new CursorMark(box, peer, roomRight(box)));
}

class SelectionMark {
  constructor(box, color) {
    this.box = box;
    this.color = color;
  }

  eq(other) {
    return this.color === other.color && this.box.eq(other.box);
  }

  draw() {
    const element = this.box.draw();
    element.style.setProperty("--collab-peer", this.color);
    return element;
  }
}

class CursorMark {
  constructor({ left, top, height }, { name, color, moves }, roomRight) {
    Object.assign(this, { left, top, height, name, color, moves, roomRight });
  }

  eq(other) {
    return Object.keys(this).every((key) => this[key] === other[key]);
  }

  draw() {
    const element = document.createElement("div");
    element.className = "cm-collab-cursor";
    const label = element.appendChild(document.createElement("div"));
    label.className = "cm-collab-name";
    this.place(element);
    show(label);
    return element;
  }

  update(element, before) {
    this.place(element);
    if (before.moves !== this.moves) show(element.firstChild);
    return true;
  }

  place(element) {
    const { style, classList } = element;
    style.left = `${this.left}px`;
    style.top = `${this.top}px`;
    style.height = `${this.height}px`;
    style.setProperty("--collab-peer", this.color);
    style.setProperty("--collab-peer-text", textOn(this.color));
    // A label must not stick out of the editor: above the first line or behind the right edge.
    classList.toggle("cm-collab-low", this.top < this.height);
    classList.toggle("cm-collab-left", !this.roomRight);
    element.firstChild.textContent = this.name;
  }
}

const peersTheme = EditorView.baseTheme({
  ".cm-collab-selection": {
    backgroundColor: "color-mix(in srgb, var(--collab-peer) 24%, transparent)",
  },
  ".cm-collab-cursors": { pointerEvents: "none" },
  ".cm-collab-cursor": {
    width: "2px",
    marginLeft: "-1px",
    borderRadius: "1px",
    backgroundColor: "var(--collab-peer)",
  },
  "&dark .cm-collab-cursor": {
    backgroundColor: "color-mix(in srgb, var(--collab-peer) 65%, white)",
  },
  "&dark .cm-collab-selection": {
    backgroundColor:
      "color-mix(in srgb, color-mix(in srgb, var(--collab-peer) 65%, white) 30%, transparent)",
  },
  ".cm-collab-name": {
    position: "absolute",
    bottom: "100%",
    left: "0",
    maxWidth: "180px",
    padding: "1px 6px",
    borderRadius: "4px 4px 4px 0",
    overflow: "hidden",
    textOverflow: "ellipsis",
    whiteSpace: "nowrap",
    font: "500 11px/16px system-ui, sans-serif",
    color: "var(--collab-peer-text)",
    backgroundColor: "var(--collab-peer)",
    opacity: "0",
  },
  ".cm-collab-low .cm-collab-name": { bottom: "auto", top: "100%", borderRadius: "0 4px 4px 4px" },
  ".cm-collab-left .cm-collab-name": { left: "auto", right: "0", borderRadius: "4px 4px 0 4px" },
});
