/** The document as it was: a slider through its revisions, who wrote what, and named versions. */

import { COLORS } from "./identity.js";
import { tell } from "./messages.js";

const byId = (id) => document.getElementById(id);
const time = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/**
 * @param {import("../src/session.js").Session} session
 * @param {{showPast: Function}} kind what shows a document of this type
 * @param {{focus: () => void}} editor what shows the document as it is
 */
export function setUpHistory(session, kind, editor) {
  const view = new HistoryView(session, kind, editor);
  byId("history-button").addEventListener("click", () => view.toggle());
  byId("history-close").addEventListener("click", () => view.toggle());
  byId("history-slider").addEventListener("input", () => view.show(view.wanted));
  byId("history-restore").addEventListener("click", () => view.restore());
  byId("version-form").addEventListener("submit", (event) => {
    event.preventDefault();
    view.keep(byId("version-name").value.trim());
  });
  byId("history").addEventListener("keydown", (event) => {
    if (event.key === "Escape") view.toggle();
  });
  session.on("change", () => view.follow());
  session.on("status", () => {
    view.showRights();
    // One's own edits are in the history only when they are saved.
    view.follow();
  });
}

class HistoryView {
  #session;
  #kind;
  #editor;
  #history = null;
  /** Of the history. */
  #epoch = null;
  #shown = -1;
  #refreshing = false;
  #again = false;

  constructor(session, kind, editor) {
    this.#session = session;
    this.#kind = kind;
    this.#editor = editor;
  }

  /** The revision that the slider is at. */
  get wanted() {
    return Number(byId("history-slider").value);
  }

  get #open() {
    return !byId("history").hidden;
  }

  async toggle() {
    const opening = !this.#open;
    byId("history").hidden = !opening;
    byId("editor").hidden = opening;
    byId("history-button").setAttribute("aria-pressed", String(opening));
    if (!opening) {
      this.#editor.focus();
      return;
    }
    this.showRights();
    await this.#attempt("The history cannot be read", async () => {
      byId("history-what").textContent = "Reading…";
      await this.#read();
      this.#setRange();
      this.show(this.#history.last);
      byId("history-slider").focus();
      await this.#listVersions();
    });
  }

  /** Something was committed meanwhile: the slider gets longer. */
  async follow() {
    this.#again = true;
    if (!this.#open || !this.#history || this.#refreshing) return;
    this.#refreshing = true;
    const atEnd = this.wanted === this.#history.last;
    await this.#attempt("The history cannot be read on", async () => {
      while (this.#again) {
        this.#again = false;
        await this.#read();
      }
      this.#setRange();
      if (atEnd) this.show(this.#history.last);
    });
    this.#refreshing = false;
  }

  /**
   * All that is kept now. Where the session was made anew, or so much was done meanwhile that what
   * follows is not kept any more, there is another history.
   */
  async #read() {
    const { epoch } = this.#session;
    if (epoch === this.#epoch) {
      try {
        await this.#history.refresh();
        return;
      } catch (error) {
        if (error.code !== "base_too_old") throw error;
      }
    }
    this.#history = await this.#session.history();
    this.#epoch = epoch;
    this.#shown = -1;
  }

  #setRange() {
    const slider = byId("history-slider");
    slider.min = this.#history.first;
    slider.max = this.#history.last;
  }

  show(revision) {
    byId("history-slider").value = revision;
    if (revision === this.#shown && byId("past").firstChild) return;
    this.#shown = revision;
    const past = this.#history.at(revision);
    this.#kind.showPast(byId("past"), past, (element, author) => {
      const { name, color } = this.#person(author);
      element.classList.add("by");
      element.style.setProperty("--face", color);
      element.title = name;
    });
    const { edit } = past;
    const by = edit ? `${this.#person(edit.clientId).name}, ${time.format(edit.timeMs)}` : "the start";
    byId("history-what").textContent = `Revision ${revision} of ${this.#history.last} · ${by}`;
    this.#showLegend(past.authors ?? []);
    this.#markVersions();
  }

  #showLegend(authors) {
    const people = new Map();
    for (const [author, length] of authors) {
      if (!author || !length) continue;
      const person = this.#person(author);
      people.set(`${person.name} ${person.color}`, person);
    }
    const rows = [...people.values()].map(({ name, color }) => {
      const row = document.createElement("li");
      row.append(document.createElement("i"), name);
      row.style.setProperty("--face", color);
      return row;
    });
    byId("history-authors").replaceChildren(...rows);
  }

  /** Name and colour of who had a client id: as they are now, if they are here. */
  #person(clientId) {
    const userId = this.#history.userOf(clientId) ?? clientId;
    const { participants } = this.#session;
    const here =
      participants.find((person) => person.clientId === clientId) ??
      participants.find((person) => person.userId === userId);
    const letters = [...userId].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) >>> 0, 7);
    return {
      userId,
      name: here?.userInfo.name || userId,
      color: here?.userInfo.color || COLORS[letters % COLORS.length],
    };
  }

  // --- going back, and versions with a name ---------------------------------------------------

  showRights() {
    const { readOnly } = this.#session.status;
    byId("history-restore").hidden = byId("version-form").hidden = readOnly;
  }

  async restore() {
    const revision = this.wanted;
    await this.#attempt("That cannot be restored", async () => {
      await this.#session.restore({ revision });
      await this.toggle();
      tell(`The document is as it was at revision ${revision}. Nothing after it is lost.`);
    });
  }

  async keep(name) {
    await this.#attempt("That version cannot be kept", async () => {
      await this.#session.saveVersion(name, this.wanted);
      byId("version-name").value = "";
      await this.#listVersions();
      tell(`Kept as “${name}”.`);
    });
  }

  async #listVersions() {
    const versions = await this.#session.versions();
    const rows = versions.map(({ versionId, name, revision, userId, timeMs }) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", textContent: name });
      button.title = `Revision ${revision}, kept by ${userId}, ${time.format(timeMs)}`;
      button.dataset.revision = revision;
      button.addEventListener("click", () => this.#showVersion(versionId, name, revision));
      const row = document.createElement("li");
      row.append(button);
      return row;
    });
    byId("versions").replaceChildren(...rows);
    this.#markVersions();
  }

  async #showVersion(versionId, name, revision) {
    if (revision >= this.#history.first) {
      this.show(revision);
      return;
    }
    // It is older than what is kept of the history; its content is kept, but cannot be shown.
    if (!confirm(`“${name}” is too old to be looked at. Restore it, for everybody?`)) return;
    await this.#attempt("That cannot be restored", async () => {
      await this.#session.restore({ versionId });
      await this.toggle();
      tell(`The document is as it was in “${name}”.`);
    });
  }

  #markVersions() {
    for (const button of byId("versions").querySelectorAll("button")) {
      const current = Number(button.dataset.revision) === this.#shown;
      button.setAttribute("aria-current", String(current));
    }
  }

  async #attempt(what, work) {
    try {
      await work();
    } catch (error) {
      tell(`${what}: ${error.message}`);
    }
  }
}
