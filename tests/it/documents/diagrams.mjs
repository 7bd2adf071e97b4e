// Reads a list of Mermaid diagrams from its input, and prints why each cannot be drawn, or null.
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(`${process.argv[2]}/`));
const load = (name) => import(pathToFileURL(require.resolve(name)));

const { Window } = await load("happy-dom");
const window = new Window();
Object.assign(globalThis, { window, document: window.document });
const { default: mermaid } = await load("mermaid");

const reasons = [];
for (const diagram of JSON.parse(await text(process.stdin))) {
  reasons.push(await mermaid.parse(diagram).then(() => null, String));
}
console.log(JSON.stringify(reasons));
process.exit(0);
