/**
 * Undo and redo in an editor, by the session: one history for all that its user does, whichever
 * part of a page it was done in.
 */

import { EditorView, keymap } from "@codemirror/view";

/**
 * Mod-Z, Mod-Shift-Z and Mod-Y, and what a browser's own menus ask for, undo and redo by the
 * session. It takes the place of CodeMirror's `history()` and `historyKeymap`; use one of the two.
 *
 * @param {import("./editing-session.js").EditingSession} session an open one
 * @returns {import("@codemirror/state").Extension}
 */
export function collabHistory(session) {
  const step = (name) => () => {
    if (!session.status.readOnly) session[name]();
    return true;
  };
  const undo = step("undo");
  const redo = step("redo");
  const commands = { historyUndo: undo, historyRedo: redo };
  return [
    keymap.of([
      { key: "Mod-z", run: undo, preventDefault: true },
      { key: "Mod-Shift-z", run: redo, preventDefault: true },
      { key: "Mod-y", run: redo, preventDefault: true },
    ]),
    EditorView.domEventHandlers({
      beforeinput(event) {
        const command = commands[event.inputType];
        if (!command) return false;
        event.preventDefault();
        return command();
      },
    }),
  ];
}
