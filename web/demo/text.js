/** The editor: CodeMirror with the session's text, in a shadow tree of its own. */

import { standardKeymap } from "@codemirror/commands";
import { Compartment } from "@codemirror/state";
import { EditorView, keymap, placeholder } from "@codemirror/view";
import { collab, collabHistory } from "collab-wamp/codemirror";

const look = EditorView.theme({
  "&": { height: "100%", color: "var(--text)", backgroundColor: "var(--ground)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": {
    fontFamily: "var(--ui)",
    fontSize: "17px",
    lineHeight: "1.7",
    justifyContent: "center",
  },
  ".cm-content": {
    boxSizing: "border-box",
    flexShrink: "1",
    width: "min(46rem, 100%)",
    maxWidth: "46rem",
    padding: "36px 24px 50vh",
    caretColor: "var(--accent)",
  },
  ".cm-line": { padding: "0" },
  ".cm-placeholder": { color: "var(--muted)" },
  ".cm-content ::selection": { backgroundColor: "var(--selection)" },
  "@media (max-width: 640px)": { ".cm-content": { padding: "20px 16px 50vh" } },
});

/**
 * @param {HTMLElement} host
 * @param {import("../src/session.js").Session} session
 * @param {{dark: boolean}} options
 */
export function open(host, session, { dark }) {
  // The page's policy allows no inline style elements; a shadow tree takes CodeMirror's styles as
  // objects.
  const root = host.attachShadow({ mode: "open" });
  const theme = new Compartment();
  const view = new EditorView({
    root,
    parent: root,
    doc: session.content,
    extensions: [
      collab(session),
      collabHistory(session),
      keymap.of(standardKeymap),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({
        "aria-label": `Text of ${session.id}`,
        spellcheck: "true",
        autocapitalize: "sentences",
      }),
      placeholder("Write here. Whoever opens this page sees it as you type."),
      theme.of(EditorView.darkTheme.of(dark)),
      look,
    ],
  });
  return {
    focus: () => view.focus(),
    setDark: (value) =>
      view.dispatch({ effects: theme.reconfigure(EditorView.darkTheme.of(value)) }),
    view,
  };
}

/**
 * Show a text as it was, each passage in its author's colour.
 *
 * @param {HTMLElement} host
 * @param {{content: string, authors: [string | null, number][]}} past
 * @param {(element: HTMLElement, author: string) => void} mark colours an element
 */
export function showPast(host, { content, authors }, mark) {
  const page = document.createElement("div");
  page.className = "past-text";
  const characters = [...content];
  let at = 0;
  for (const [author, length] of authors) {
    const passage = document.createElement("span");
    passage.textContent = characters.slice(at, at + length).join("");
    if (author) mark(passage, author);
    page.append(passage);
    at += length;
  }
  host.replaceChildren(page);
}
