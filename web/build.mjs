/**
 * Builds the demo page: `node build.mjs [FOLDER]`, by default into the Python package, which serves
 * it.
 */

import { build } from "esbuild";
import { cp, mkdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const target = process.argv[2] ?? here("../collab_wamp/static");

await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });
const { metafile } = await build({
  entryPoints: [here("demo/main.js"), here("demo/main.css")],
  outdir: target,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome123", "firefox125", "safari17.5"],
  metafile: true,
  logLevel: "warning",
});
for (const file of ["index.html", "theme.js"]) await cp(here(`demo/${file}`), `${target}/${file}`);

for (const [path, { bytes }] of Object.entries(metafile.outputs)) {
  console.log(`${path.split("/").at(-1)}: ${(bytes / 1000).toFixed(1)} kB`);
}
