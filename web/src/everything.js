/** The whole client as one module, but for the CodeMirror binding, which goes with CodeMirror's. */

export * from "./index.js";
export { bindTextarea } from "./textarea.js";
export { observe } from "./json-document.js";
export { bindQuill } from "./quill.js";
