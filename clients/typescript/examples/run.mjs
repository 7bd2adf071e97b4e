// Lets the agent work in a folder, asks you when it has to, and rates the answer:
//
//     NAVI_TOKEN=… node examples/run.mjs path/to/folder "fix the failing test"
import { resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { NaviClient } from "@navi/client";

const [folder = ".", message = "look around"] = process.argv.slice(2);
const { NAVI_URL: baseUrl = "http://127.0.0.1:8787", NAVI_TOKEN: token = "" } = process.env;
const client = new NaviClient({ baseUrl, token });
const terminal = createInterface({ input: process.stdin, output: process.stdout });
const stop = new AbortController();
terminal.once("SIGINT", () => stop.abort(new Error("stopped")));
const ask = (/** @type {string} */ question) =>
    terminal.question(question, { signal: stop.signal });

const task = { message, workspace_path: resolve(folder) };
for await (const event of client.run(task, { signal: stop.signal })) {
    if (event.type === "text") process.stdout.write(event.text);
    if (event.type === "tool_call") console.log(`\n[${event.tool_call.name}]`);
    if (event.type === "error") console.error(`\n${event.error}`);
    if (event.type === "complete") console.log(`\n${event.summary.stopped_reason}`);
    if (event.type === "command.consent_required") {
        const { consent_id, command, danger_level } = event.data;
        const yes = await ask(`\nAllow (${danger_level}) ${command}? [y/N] `);
        await client.answerConsent(consent_id, yes === "y" ? "allow_once" : "deny");
    }
    if (event.type === "prompt_request") {
        const { prompt_id, description } = event.data;
        await client.answerPrompt(prompt_id, await ask(`\n${description} `));
    }
    if (event.type === "generation_logged") {
        const said = await ask("\nWas this good? [y/n/Enter] ");
        if (said) await client.rate(event.gen_id, said === "y" ? 1 : -1);
    }
}
terminal.close();
