/** The document types, by name. */

import { json } from "./json.js";
import { text } from "./text.js";

export const TYPES = { json, text };
