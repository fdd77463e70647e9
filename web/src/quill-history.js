/**
 * Undo and redo in Quill, by the session: Quill's own history would take back what others did.
 */

/**
 * @param {import("./editing-session.js").EditingSession} session
 * @param {import("quill").default} quill
 * @returns {() => void} gives Quill its own history back
 */
export function bindHistory(session, quill) {
  const { history, keyboard } = quill;
  const step = (name) => () => {
    if (!session.status.readOnly) session[name]();
    return false;
  };
  const undo = step("undo");
  const redo = step("redo");

  // Who calls these: toolbars, and Quill for what a browser's own menus ask for.
  const own = { undo: history.undo, redo: history.redo, ignoreChange: history.ignoreChange };
  Object.assign(history, { undo, redo, ignoreChange: true });
  history.clear();

  // Quill took its functions for the keys before; of several for one key the first one counts.
  const before = {};
  const bind = (key, shiftKey, handler) => {
    // Quill adds to the list that it has.
    before[key] ??= keyboard.bindings[key]?.slice();
    keyboard.addBinding({ key, shortKey: true, shiftKey }, handler);
    const bindings = keyboard.bindings[key];
    keyboard.bindings[key] = [bindings.at(-1), ...bindings.slice(0, -1)];
  };
  bind("z", false, undo);
  bind("z", true, redo);
  bind("Z", true, redo);
  bind("y", false, redo);

  return () => {
    Object.assign(history, own);
    Object.assign(keyboard.bindings, before);
    for (const [key, bindings] of Object.entries(before)) {
      if (!bindings) delete keyboard.bindings[key];
    }
  };
}
