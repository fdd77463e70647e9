/** The document types, by name. */

import { text } from "./text.js";

export const TYPES = { text };
