/** The document types, by name. */

import { json } from "./json.js";
import { richText } from "./rich-text.js";
import { text } from "./text.js";

export const TYPES = { json, rich_text: richText, text };
