/** The name and colour that others see, made up at first and remembered in this browser. */

const KEY = "collab.identity";

/** Readable under white letters, and apart from each other. */
export const COLORS = [
  "#c2410c",
  "#a16207",
  "#4d7c0f",
  "#0f766e",
  "#0369a1",
  "#4338ca",
  "#7e22ce",
  "#be185d",
];

const QUALITIES = ["Quiet", "Swift", "Kind", "Bright", "Calm", "Brave", "Merry", "Gentle"];
const ANIMALS = ["Otter", "Heron", "Lynx", "Wren", "Badger", "Marten", "Hare", "Finch"];

const pick = (list) => list[Math.floor(Math.random() * list.length)];

/** @returns {{name: string, color: string}} */
export function loadIdentity() {
  const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
  const identity = {
    name: kept.name || `${pick(QUALITIES)} ${pick(ANIMALS)}`,
    color: COLORS.includes(kept.color) ? kept.color : pick(COLORS),
  };
  keepIdentity(identity);
  return identity;
}

export function keepIdentity(identity) {
  localStorage.setItem(KEY, JSON.stringify(identity));
}
