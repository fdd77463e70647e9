/** The people on the document: faces in the bar, and a panel with their names and one's own. */

import { colorOf, nameOf } from "collab-wamp/codemirror";
import { COLORS, keepIdentity } from "./identity.js";
import { tell } from "./messages.js";

const MOST_FACES = 4;
const RIGHTS = { view: "reads only" };

const byId = (id) => document.getElementById(id);

/**
 * @param {import("../src/session.js").Session} session
 * @param {{name: string, color: string}} identity
 */
export function showPeople(session, identity) {
  const render = () => {
    const people = session.participants;
    renderFaces(people);
    byId("people-list").replaceChildren(...people.map(row));
  };
  session.on("participants", render);
  render();
  editIdentity(identity, (changed) => session.setUserInfo(changed));
}

function renderFaces(people) {
  const others = people.filter(({ self }) => !self);
  const self = people.filter((person) => person.self);
  const shown = [...others.slice(0, MOST_FACES - 1), ...self];
  const faces = shown.map((person) => face(colorOf(person), initials(nameOf(person))));
  const rest = people.length - shown.length;
  if (rest > 0) faces.unshift(face("", `+${rest}`));
  byId("faces").replaceChildren(...faces.reverse());
  const count = people.length === 1 ? "You are alone here" : `${people.length} people here`;
  byId("people-count").textContent = count;
  byId("people-button").title = count;
  byId("people-button").dataset.count = people.length;
}

function face(color, letters) {
  const element = document.createElement("span");
  element.className = color ? "face" : "face more";
  if (color) element.style.setProperty("--face", color);
  element.textContent = letters;
  return element;
}

function initials(name) {
  const letters = name.match(/(?<![\p{L}\p{N}])[\p{L}\p{N}]/gu) ?? [[...name][0]];
  return letters.slice(0, 2).join("").toUpperCase();
}

function row(person) {
  const element = document.createElement("li");
  const name = document.createElement("span");
  name.className = "who";
  name.textContent = nameOf(person);
  element.append(face(colorOf(person), initials(nameOf(person))), name);
  const note = [person.self ? "you" : "", RIGHTS[person.right] ?? ""].filter(Boolean).join(", ");
  if (note) {
    const small = element.appendChild(document.createElement("span"));
    small.className = "note";
    small.textContent = note;
  }
  return element;
}

function editIdentity(identity, introduce) {
  const name = byId("name");
  const buttons = COLORS.map((color, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.style.setProperty("--face", color);
    button.setAttribute("aria-label", `Colour ${i + 1}`);
    button.addEventListener("click", () => change({ color }));
    return button;
  });
  const show = () => {
    name.value = identity.name;
    buttons.forEach((button, i) =>
      button.setAttribute("aria-pressed", String(COLORS[i] === identity.color)),
    );
  };
  const change = async (part) => {
    const before = { ...identity };
    Object.assign(identity, part);
    show();
    try {
      await introduce({ ...identity });
      // Not before: with what the server refuses the document could not be opened again.
      keepIdentity(identity);
    } catch (error) {
      Object.assign(identity, before);
      show();
      tell(`Your name and colour stay as they were: ${error.message}`);
    }
  };
  name.addEventListener("change", () => change({ name: name.value.trim() || identity.name }));
  byId("colors").replaceChildren(...buttons);
  show();
}
