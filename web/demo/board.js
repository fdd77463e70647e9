/**
 * A board of cards, which is a document of type `json`: texts, ticks, votes, and an order.
 *
 * Lists have the ids of their cards, which are beside them: so a card can be written in while it is
 * taken to another list, and nothing is lost.
 */

import { text } from "collab-wamp";
import { observe } from "collab-wamp/json";

/** What a new board starts with. */
export const initial = {
  title: "What we are up to",
  lists: ["To do", "Doing", "Done"].map((name) => ({ name, cards: [] })),
  cards: {},
};

/**
 * @param {HTMLElement} host
 * @param {import("../src/session.js").Session} session
 */
export function open(host, session) {
  if (!isBoard(session.content)) return openOther(host, session);
  const board = new BoardView(host, observe(session), session);
  session.on("status", () => board.show());
  board.show();
  return { focus: () => host.querySelector(".board-title")?.focus(), setDark() {} };
}

/**
 * Show a board as it was.
 *
 * @param {HTMLElement} host
 * @param {{content: any}} past
 */
export function showPast(host, { content }) {
  if (!isBoard(content)) {
    showOther(host, content);
    return;
  }
  const still = { get: () => content, on() {} };
  new BoardView(host, still, { status: { readOnly: true } }).show();
}

const isBoard = (content) =>
  typeof content?.title === "string" &&
  Array.isArray(content.lists) &&
  typeof content.cards === "object";

/** A document that some other program works with: shown, and not edited. */
function openOther(host, session) {
  session.on("change", () => showOther(host, session.content));
  showOther(host, session.content);
  return { focus: () => host.firstChild.focus(), setDark() {} };
}

function showOther(host, content) {
  const words = JSON.stringify(content, null, 2);
  const shown = host.querySelector(":scope > pre.other");
  if (shown) shown.textContent = words;
  else host.replaceChildren(element("pre", "other past-text", { textContent: words, tabIndex: 0 }));
}

class BoardView {
  #doc;
  #session;
  #root = element("div", "board");
  #title = element("input", "board-title", { ariaLabel: "The board's title" });
  #lists = element("div", "lists");
  /** Card id → its elements, which stay while the card does: somebody may be writing there. */
  #cards = new Map();

  constructor(host, doc, session) {
    this.#doc = doc;
    this.#session = session;
    this.#root.append(this.#title, this.#lists);
    host.replaceChildren(this.#root);
    this.#writes(this.#title, () => ["title"]);
    doc.on([], () => this.show());
  }

  get #readOnly() {
    return this.#session.status.readOnly;
  }

  show() {
    const focused = document.activeElement;
    const { title = "", lists = [], cards = {} } = this.#doc.get([]) ?? {};
    showText(this.#title, title);
    this.#title.readOnly = this.#readOnly;
    while (this.#lists.children.length > lists.length) this.#lists.lastChild.remove();
    const shown = new Set();
    lists.forEach((list, index) => {
      const element = this.#lists.children[index] ?? this.#newList(index);
      // Two who took a card away at once may have put it into two lists, or one has removed it.
      const places = [];
      list.cards.forEach((id, at) => {
        if (id in cards && !shown.has(id)) places.push({ id, at });
        shown.add(id);
      });
      this.#showList(element, list.name);
      const rows = places.map(({ id, at }, i) => {
        const view = this.#cards.get(id) ?? this.#newCard(id);
        view.place = { list: index, at, before: places[i - 1]?.at, behind: places[i + 1]?.at };
        this.#showCard(view, cards[id], lists.length);
        return view.row;
      });
      element.querySelector(".list-count").textContent = rows.length || "";
      placeInOrder(element.querySelector(".cards"), rows);
    });
    for (const id of this.#cards.keys()) if (!shown.has(id)) this.#cards.delete(id);
    // What is moved loses the focus.
    if (focused !== document.activeElement && this.#root.contains(focused)) focused.focus();
  }

  #newList(index) {
    const list = element("section", "list");
    const header = element("header");
    const name = element("input", "list-name", { ariaLabel: "The list's name" });
    this.#writes(name, () => ["lists", index, "name"]);
    header.append(name, element("span", "list-count"));
    const add = button("+ Add a card", "Add a card", () => this.#add(index));
    add.className = "add";
    list.append(header, element("ul", "cards"), add);
    this.#lists.append(list);
    return list;
  }

  #showList(shown, name) {
    const field = shown.querySelector(".list-name");
    showText(field, name);
    field.readOnly = this.#readOnly;
    shown.querySelector(".add").hidden = this.#readOnly;
  }

  // --- one card -------------------------------------------------------------------------------

  #newCard(id) {
    const row = element("li", "item");
    const tick = element("input", "", { type: "checkbox", ariaLabel: "Done" });
    const words = element("textarea", "", { rows: 1, ariaLabel: "The card's text" });
    const tools = element("div", "item-tools");
    const view = { row, tick, words, place: {} };
    const move = (to) => this.#doc.move(["lists", view.place.list, "cards", view.place.at], to);
    tick.addEventListener("change", () => this.#doc.set(["cards", id, "done"], tick.checked));
    this.#writes(words, () => ["cards", id, "text"]);
    view.votes = button("", "Vote for it", () => this.#doc.add(["cards", id, "votes"], 1));
    view.up = button("↑", "Up", () => move(view.place.before));
    view.down = button("↓", "Down", () => move(view.place.behind));
    view.left = button("←", "To the list before", () => this.#carry(id, view.place.list - 1));
    view.right = button("→", "To the next list", () => this.#carry(id, view.place.list + 1));
    view.remove = button("✕", "Remove the card", () => this.#remove(id));
    tools.append(view.votes, view.left, view.right, view.up, view.down, view.remove);
    row.append(tick, words, tools);
    this.#cards.set(id, view);
    return view;
  }

  #showCard(view, { text: words, done, votes }, lists) {
    const { list, before, behind } = view.place;
    view.row.classList.toggle("done", done);
    view.tick.checked = done;
    showText(view.words, words);
    view.words.readOnly = view.tick.disabled = this.#readOnly;
    view.votes.textContent = votes ? `▲ ${votes}` : "▲";
    view.up.disabled = this.#readOnly || before === undefined;
    view.down.disabled = this.#readOnly || behind === undefined;
    view.left.disabled = this.#readOnly || list === 0;
    view.right.disabled = this.#readOnly || list === lists - 1;
    view.votes.disabled = view.remove.disabled = this.#readOnly;
  }

  // --- what people do -------------------------------------------------------------------------

  #add(list) {
    const id = crypto.getRandomValues(new Uint32Array(2)).join("-");
    const at = this.#doc.get(["lists", list, "cards"]).length;
    this.#session.edit([
      { p: ["cards", id], oi: { text: "", done: false, votes: 0 } },
      { p: ["lists", list, "cards", at], li: id },
    ]);
    this.#cards.get(id).words.focus();
  }

  /** Take a card to another list, in one edit: it is never in both, nor in none. */
  #carry(id, list) {
    const there = this.#doc.get(["lists", list, "cards"]).filter((other) => other !== id);
    const to = ["lists", list, "cards", there.length];
    this.#session.edit([...this.#takenOut(id), { p: to, li: id }]);
  }

  #remove(id) {
    const path = ["cards", id];
    this.#session.edit([...this.#takenOut(id), { p: path, od: this.#doc.get(path) }]);
  }

  /** What takes a card out of the lists, wherever it is in them. */
  #takenOut(id) {
    return this.#doc.get(["lists"]).flatMap(({ cards }, list) =>
      cards
        .map((other, at) => ({ p: ["lists", list, "cards", at], ld: other }))
        .filter(({ ld }) => ld === id)
        .reverse(),
    );
  }

  /** What is typed into a field edits the text at a path. */
  #writes(field, path) {
    field.addEventListener("input", () => {
      const before = this.#doc.get(path());
      const op = text.difference(before, field.value.toWellFormed().replaceAll("\0", "\ufffd"));
      if (!text.isNoop(op)) this.#doc.editText(path(), op);
    });
  }
}

/** Show a text in a field, with the cursor where it was in it. */
function showText(field, words) {
  const before = field.value;
  if (before === words) return;
  const op = text.difference(before, words);
  const [start, end] = [field.selectionStart, field.selectionEnd].map((offset) => {
    const moved = text.transformPosition([...before.slice(0, offset)].length, op);
    return [...words].slice(0, moved).join("").length;
  });
  field.value = words;
  if (field.getRootNode().activeElement === field) field.setSelectionRange(start, end);
}

/** Have these children in this order; what is where it belongs is not touched. */
function placeInOrder(parent, rows) {
  const wanted = new Set(rows);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  rows.forEach((row, index) => {
    if (parent.children[index] !== row) parent.insertBefore(row, parent.children[index] ?? null);
  });
}

function element(tag, className = "", properties = {}) {
  return Object.assign(document.createElement(tag), { className, ...properties });
}

function button(label, title, press) {
  const made = element("button", "", { type: "button", textContent: label, title });
  made.setAttribute("aria-label", title);
  made.addEventListener("click", press);
  return made;
}
