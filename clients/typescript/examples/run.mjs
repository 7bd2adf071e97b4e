// Lets the agent work in a folder, asks you when it has to, and rates the answer:
//
//     NAVI_TOKEN=… node examples/run.mjs path/to/folder "fix the failing test"
import { resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { AnswerText, NaviClient } from "@navi/client";

const [folder = ".", message = "look around"] = process.argv.slice(2);
const { NAVI_URL: baseUrl = "http://127.0.0.1:8787", NAVI_TOKEN: token = "" } = process.env;
const [client, answer] = [new NaviClient({ baseUrl, token }), new AnswerText()];
const terminal = createInterface({ input: process.stdin, output: process.stdout });
const stop = new AbortController();
// Where there is no terminal the signal comes to the process; the run ends with it either way.
for (const source of [terminal, process]) source.once("SIGINT", () => stop.abort("stopped"));
process.once("uncaughtException", (error) => (console.error(`\n${error}`), process.exit(1)));
const ask = (/** @type {string} */ text) => terminal.question(`\n${text} `, stop);
// An answer that comes too late, or after another one, changes nothing; the stream says what did.
const late = (/** @type {any} */ error) =>
    [404, 409].includes(error.status) ? console.error(String(error)) : Promise.reject(error);

for await (const event of client.run({ message, workspace_path: resolve(folder) }, stop)) {
    // A server that takes over asks the model again: what it replaces is shown without its rest.
    if (answer.add(event)) process.stdout.write(event.type === "text" ? event.text : `\n${answer}`);
    if (event.type === "error") console.error(`\n${event.error}`);
    if (event.type === "complete") console.log(`\n${event.summary.stopped_reason}`);
    if (event.type === "command.consent_required") {
        const { consent_id, command, danger_level } = event.data;
        const yes = await ask(`Allow (${danger_level}) ${command}? [y/N]`);
        await client.answerConsent(consent_id, yes === "y" ? "allow_once" : "deny").catch(late);
    }
    if (event.type === "prompt_request") {
        await client.answerPrompt(event.data.prompt_id, await ask(event.data.description)).catch(late);
    }
    if (event.type !== "generation_logged") continue;
    const said = await ask("Was this good? [y/n/Enter]");
    if (said) await client.rate(event.gen_id, said === "y" ? 1 : -1);
}
terminal.close();
