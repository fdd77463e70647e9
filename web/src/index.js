/**
 * Browser client of collab_wamp. `connect` is where to begin; see README.md.
 */

export { Client, connect } from "./client.js";
export { PairIndex } from "./codepoints.js";
export { CollabError } from "./errors.js";
export { json } from "./json.js";
export { Outbox } from "./outbox.js";
export { EditingSession as Session } from "./editing-session.js";
export { richText } from "./rich-text.js";
export { text } from "./text.js";
