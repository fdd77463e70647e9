/**
 * Quill binding: an editor whose document is a session's, of type `rich_text`.
 *
 * ```js
 * import Quill from "quill";
 * import { bindQuill } from "collab-wamp/quill";
 *
 * const quill = new Quill("#editor", { theme: "snow" });
 * const binding = bindQuill(session, quill);
 * ```
 *
 * Undo and redo become the session's, which take back one's own edits only. The style sheet
 * `collab-wamp/quill.css` is needed beside Quill's own to see where the others are.
 */

import { QuillBinding } from "./quill-binding.js";
import { bindHistory } from "./quill-history.js";
import { QuillPeers } from "./quill-peers.js";

export { colorOf, nameOf } from "./looks.js";
export { shown } from "./quill-shown.js";

/**
 * Keep an editor and a session the same, both ways, until `destroy` is called. The editor gets the
 * session's document, whatever it showed before, and is read-only when the session is.
 *
 * What Quill does not know is kept in the document: an embed of an unknown kind is shown as U+FFFC,
 * formats of unknown names are not shown.
 *
 * @param {import("./session.js").Session} session an open one, of type `rich_text`
 * @param {import("quill").default} quill version 2
 * @param {{cursors?: boolean}} [options] `cursors`: whether to tell where the user is, and to show
 *   where the others are
 * @returns {{destroy: () => void}} destroy takes all this off again; the editor keeps its text
 */
export function bindQuill(session, quill, { cursors = true } = {}) {
  if (session.type.name !== "rich_text") {
    throw new TypeError(`Quill shows sessions of type rich_text, not ${session.type.name}.`);
  }
  const peers = cursors ? new QuillPeers(session, quill) : null;
  const binding = new QuillBinding(session, quill, peers);
  const unbindHistory = bindHistory(session, quill);
  return {
    destroy() {
      unbindHistory();
      binding.destroy();
      peers?.destroy();
    },
  };
}
