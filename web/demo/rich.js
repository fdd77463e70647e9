/** The editor with formatting: Quill with the session's document, and tools above it. */

import Quill from "quill";
import { bindQuill, shown } from "collab-wamp/quill";

/** What a button does: a format of Quill's and its value, its label, and what it is called. */
const TOOLS = [
  ["bold", true, "B", "Bold"],
  ["italic", true, "I", "Italic"],
  ["underline", true, "U", "Underlined"],
  ["strike", true, "S", "Struck out"],
  ["header", 1, "H1", "Heading"],
  ["header", 2, "H2", "Smaller heading"],
  ["list", "bullet", "•", "List"],
  ["list", "ordered", "1.", "Numbered list"],
  ["blockquote", true, "❝", "Quotation"],
  ["code-block", "plain", "{ }", "Code"],
];
const FORMATS = [...new Set(TOOLS.map(([format]) => format)), "link"];

/**
 * @param {HTMLElement} host
 * @param {import("../src/session.js").Session} session
 */
export function open(host, session) {
  host.innerHTML = '<div class="rich"><div class="rich-tools" role="toolbar"></div><div class="rich-text"><div></div></div></div>';
  const tools = host.querySelector(".rich-tools");
  tools.setAttribute("aria-label", "Formatting");
  const quill = new Quill(host.querySelector(".rich-text > div"), {
    formats: FORMATS,
    placeholder: "Write here. Whoever opens this page sees it as you type.",
  });
  quill.root.setAttribute("aria-label", `Text of ${session.id}`);
  const binding = bindQuill(session, quill);
  const buttons = TOOLS.map(([format, value, label, title]) => {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: label, title });
    button.setAttribute("aria-label", title);
    // Not on click: that would take the focus, and the selection, out of the text.
    button.addEventListener("pointerdown", (event) => event.preventDefault());
    button.addEventListener("click", () => {
      quill.format(format, isOn(format, value) ? false : value, "user");
      show();
    });
    tools.append(button);
    return { button, format, value };
  });
  const isOn = (format, value) => quill.getFormat()[format] === value;
  const show = () => {
    const range = quill.getSelection();
    const formats = range ? quill.getFormat(range) : {};
    for (const { button, format, value } of buttons) {
      button.disabled = session.status.readOnly;
      button.setAttribute("aria-pressed", String(formats[format] === value));
    }
  };
  quill.on("editor-change", show);
  session.on("status", show);
  show();
  const focus = () => {
    // What has the focus need not have the cursor, as after a dialog; Quill leaves it at that.
    if (quill.hasFocus() && !quill.getSelection()) quill.blur();
    quill.focus();
  };
  return { focus, setDark() {}, destroy: () => binding.destroy() };
}

/**
 * Show a document as it was, each passage in its author's colour.
 *
 * @param {HTMLElement} host
 * @param {{content: any, authors: [string | null, number][]}} past
 * @param {(element: HTMLElement, author: string) => void} mark colours an element
 */
export function showPast(host, { content, authors }, mark) {
  host.replaceChildren(document.createElement("div"));
  const quill = new Quill(host.firstChild, { readOnly: true, formats: FORMATS });
  quill.setContents(shown(quill, content));
  // A copy, which Quill does not watch over.
  host.replaceChildren(quill.root.parentElement.cloneNode(true));
  markAuthors(host, authors, mark);
}

/** Wrap the texts of an editor's lines, which follow each other as in the document. */
function markAuthors(host, authors, mark) {
  const runs = authors.map(([author, length]) => ({ author, length }));
  for (const block of host.querySelectorAll(".ql-editor > *")) {
    const lines = block.matches("ol, ul, .ql-code-block-container") ? [...block.children] : [block];
    for (const line of lines) {
      markLine(line, runs, mark);
      skip(runs, 1); // the line's end
    }
  }
}

function markLine(line, runs, mark) {
  const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  for (const node of texts) {
    if (node.parentElement.closest(".ql-ui")) continue;
    const pieces = document.createDocumentFragment();
    let rest = [...node.data.replaceAll("\ufeff", "")];
    while (rest.length && runs.length) {
      const taken = Math.min(rest.length, runs[0].length);
      const piece = document.createElement("span");
      piece.textContent = rest.slice(0, taken).join("");
      if (runs[0].author) mark(piece, runs[0].author);
      pieces.append(piece);
      rest = rest.slice(taken);
      skip(runs, taken);
    }
    node.replaceWith(pieces);
  }
}

function skip(runs, count) {
  while (count && runs.length) {
    const taken = Math.min(count, runs[0].length);
    runs[0].length -= taken;
    count -= taken;
    if (!runs[0].length) runs.shift();
  }
}
