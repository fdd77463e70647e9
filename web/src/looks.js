/** What participants look like in an editor: their names, their colours, the labels with both. */

const PALETTE = [
  "#c2410c",
  "#0f766e",
  "#7c3aed",
  "#be185d",
  "#1d4ed8",
  "#4d7c0f",
  "#a16207",
  "#0e7490",
];
const SHOWN_MS = 2500;
const LONGEST_NAME = 32;

/**
 * The colour to show a participant in: their own if it is one, or one made from their id.
 *
 * @param {import("./roster.js").Participant} participant
 * @returns {string} `#rrggbb`
 */
export function colorOf({ userInfo, participantId }) {
  if (/^#[0-9a-f]{6}$/i.test(userInfo?.color)) return userInfo.color;
  let sum = 7;
  // Beyond 2^53 the last digits, which choose the colour, would be lost.
  for (const letter of participantId) sum = (sum * 31 + letter.codePointAt(0)) % 1e9;
  return PALETTE[sum % PALETTE.length];
}

/** The name to show a participant by. @param {import("./roster.js").Participant} participant */
export function nameOf({ userInfo, userId }) {
  const name = typeof userInfo?.name === "string" ? userInfo.name.trim() : "";
  return [...(name || userId)].slice(0, LONGEST_NAME).join("");
}

/** Show a label for a while, from now on. */
export function show(label) {
  for (const animation of label.getAnimations()) animation.cancel();
  label.animate([{ opacity: 1 }, { opacity: 1, offset: 0.85 }, { opacity: 0 }], {
    duration: SHOWN_MS,
    fill: "forwards",
  });
}

/** Black or white, whichever is easier to read on a colour. */
export function textOn(color) {
  const [red, green, blue] = [1, 3, 5].map(
    (i) => (parseInt(color.slice(i, i + 2), 16) / 255) ** 2.2,
  );
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 ? "#000" : "#fff";
}
