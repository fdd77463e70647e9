/**
 * Builds the demo page, and below `client/` the client as one module for pages that have no build
 * of their own: `node build.mjs [FOLDER]`, by default into the Python package, which serves them.
 */

import { build } from "esbuild";
import { cp, mkdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const target = process.argv[2] ?? here("../collab_wamp/static");

await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });
const common = {
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome123", "firefox125", "safari17.5"],
  metafile: true,
  logLevel: "warning",
};
const page = await build({
  ...common,
  entryPoints: [here("demo/main.js"), here("demo/main.css")],
  outdir: target,
  // What only one kind of document needs is fetched with it.
  splitting: true,
  chunkNames: "parts/[name]-[hash]",
});
const client = await build({
  ...common,
  entryPoints: { "collab-wamp": here("src/everything.js") },
  outdir: `${target}/client`,
  sourcemap: true,
});
// For pages that bind a Quill editor: what the others' cursors look like.
await cp(here("src/quill.css"), `${target}/client/quill.css`);
for (const file of ["index.html", "theme.js"]) await cp(here(`demo/${file}`), `${target}/${file}`);

for (const { metafile } of [page, client]) {
  for (const [path, { bytes }] of Object.entries(metafile.outputs)) {
    if (!path.endsWith(".map")) console.log(`${path.split("/").at(-1)}: ${(bytes / 1000).toFixed(1)} kB`);
  }
}
