// Writes src/api.ts from an OpenAPI document of the server: a file, or the address of one.
//
//     npm run generate -- http://127.0.0.1:8787/openapi.json
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const HEAD = `// Generated from the server's OpenAPI document by scripts/generate.mjs; not to be edited.

`;

const [source, target = new URL("../src/api.ts", import.meta.url)] = process.argv.slice(2);
if (!source) {
    console.error("usage: npm run generate -- DOCUMENT [TARGET]");
    process.exit(2);
}
const document = /^https?:/.test(source)
    ? await (await fetch(source)).json()
    : JSON.parse(await readFile(source, "utf8"));
// Every error is a `Problem`, so the types of answers are those of success.
for (const path of Object.values(document.paths)) {
    for (const operation of Object.values(path)) {
        const answers = Object.entries(operation.responses ?? {});
        operation.responses = Object.fromEntries(answers.filter(([status]) => status < "300"));
    }
}
const types = await openapiTS(document, { alphabetize: true });
await writeFile(target, HEAD + astToString(types));
