// Builds the page into netspec/page/bundle: one script and one style sheet, the worker of the playground; and, for the tests, the layout alone.
import { build } from "esbuild";

const common = { bundle: true, minify: true, charset: "utf8", legalComments: "none", target: "es2022" };
const out = "../netspec/page/bundle";

await build({
  ...common,
  entryPoints: { viewer: "src/main.tsx" },
  format: "iife",
  jsx: "automatic",
  jsxImportSource: "preact",
  outdir: out,
});
await build({ ...common, entryPoints: { worker: "src/worker.ts" }, format: "esm", outdir: out });
await build({ ...common, entryPoints: { viewer: "src/style.css" }, outdir: out });
await build({ ...common, minify: false, entryPoints: { layout: "src/layout.ts" }, format: "esm", outdir: "build" });
