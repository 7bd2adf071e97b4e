// Shared by the scripts of this folder: the hand on the server, a model's script and a workspace.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const address = process.env.NAVI_BACKSTAGE ?? "";

/**
 * @param {string} what
 * @param {string} [body]
 */
async function ask(what, body = "") {
    const response = await fetch(`${address}/${what}`, { method: "POST", body });
    if (!response.ok) throw new Error(`${what}: ${response.status}`);
    return response.text();
}

/**
 * Starts a server; answers with its address, and the tokens of a planner and an administrator.
 *
 * @param {...string} flags
 * @returns {Promise<{ url: string, token: string, admin: string }>}
 */
export const start = async (...flags) => JSON.parse(await ask("start", flags.join("\n")));
/** Ends the server as a deploy does. */
export const stop = () => ask("stop");
/** Ends the server without a word. */
export const kill = () => ask("kill");

/**
 * The turns of a run that asks for everything. The last one never ends, or is quick.
 *
 * @param {{ hangs: boolean }} last
 */
export function rehearse({ hangs }) {
    const question = { question: "Which colour?", prompt_type: "select", options: ["red", "blue"] };
    const turns = [
        { say: ["I ask ", "first. "], calls: [{ name: "ask_user", arguments: question }] },
        { calls: [{ name: "run_command", arguments: { command: "rm -r old" } }] },
        { calls: [{ name: "run_command", arguments: { command: "chmod 777 notes.txt" } }] },
        hangs
            ? { say: ["It was ", "never <b>finished</b>."], fail: { kind: "hang" } }
            : { say: ["It is ", "<b>done</b>."] },
    ];
    return ask("script", JSON.stringify({ plan: "Pages are counted from 1.", turns }));
}

/** A chat whose answer never ends: the model says its pieces, and then nothing more. */
export const rehearseEndlessChat = () =>
    ask("script", JSON.stringify({ turns: [{ say: ["From 1, ", "I "], fail: { kind: "hang" } }] }));

/** The text of a whole run. */
export const TEXT = "I ask first. It is <b>done</b>.";

/** Makes a workspace for one run, which ends with the process. */
export function workspace() {
    const folder = mkdtempSync(join(tmpdir(), "navi-client-"));
    mkdirSync(join(folder, "old"));
    writeFileSync(join(folder, "notes.txt"), "notes\n");
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
    return folder;
}
