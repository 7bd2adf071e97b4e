// The example, as a program of its own.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { begin, log } from "./runs.mjs";
import { frame, json, problem, serve } from "./server.mjs";

const EXAMPLE = fileURLToPath(new URL("../examples/run.mjs", import.meta.url));

/** The log of a run that asks before it goes on, each time in another way. */
function asking() {
    const [router, status, ...rest] = log(1);
    const consent = { consent_id: "c", command: "rm -r old", danger_level: "high" };
    const question = { prompt_id: "p", description: "Which colour?" };
    return [
        router,
        status,
        { type: "command.consent_required", data: consent },
        { type: "prompt_request", data: question },
        ...rest,
    ];
}

/**
 * Runs the example against a server and types an answer to each question.
 *
 * @param {string} baseUrl
 */
async function play(baseUrl) {
    const env = { ...process.env, NAVI_URL: baseUrl, NAVI_TOKEN: "t" };
    const example = spawn(process.execPath, [EXAMPLE, "."], { env });
    const answers = [/Allow \(high\) rm -r old\?/, /Which colour\?/];
    let said = "";
    for (const stream of [example.stdout, example.stderr]) {
        stream.on("data", (piece) => {
            said += piece;
            if (!answers[0]?.test(said)) return;
            answers.shift();
            example.stdin.write("y\n");
        });
    }
    const code = await new Promise((resolve) => example.on("exit", resolve));
    return { code, said };
}

test("the example reads on when its answers come too late", { timeout: 20_000 }, async (t) => {
    const late = /** @type {const} */ ([
        [404, "CONSENT_NOT_FOUND"],
        [409, "ALREADY_ANSWERED"],
    ]);
    for (const [status, code] of late) {
        const { seen, server } = await serve(t, ({ line }, response) => {
            if (!line.endsWith("/autonomous")) return problem(response, status, code);
            begin(response, asking().map((event, n) => frame(event, n + 1)).join(""));
            response.end(frame("[DONE]"));
        });
        const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
        const { code: exit, said } = await play(`http://127.0.0.1:${port}`);
        assert.equal(exit, 0, said);
        assert.match(said, new RegExp(code));
        const lines = seen.map(({ line }) => line);
        assert.deepEqual(lines.slice(1), ["POST /api/navi/consent/c", "POST /api/navi/prompt/p"]);
    }
});

test("the example ends when an answer fails for another reason", { timeout: 20_000 }, async (t) => {
    const { server } = await serve(t, ({ line }, response) => {
        if (!line.endsWith("/autonomous")) return json(response, 403, {});
        begin(response, asking().map((event, n) => frame(event, n + 1)).join(""));
    });
    const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
    const { code, said } = await play(`http://127.0.0.1:${port}`);
    assert.equal(code, 1, said);
    assert.match(said, /HTTP_403/);
});

test("the example says in a line that the server is away", { timeout: 20_000 }, async () => {
    const { code, said } = await play("http://127.0.0.1:1");
    assert.equal(code, 1, said);
    assert.match(said.trim(), /^NaviConnectionError: the connection to http:\/\/127\.0\.0\.1:1 failed: .*$/);
});

test("the example ends its run when it is stopped", { timeout: 20_000 }, async (t) => {
    const { seen, server } = await serve(t, ({ line }, response) => {
        if (!line.endsWith("/autonomous")) return json(response, 200, { success: true });
        begin(response, asking().map((event, n) => frame(event, n + 1)).join(""));
    });
    const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
    const env = { ...process.env, NAVI_URL: `http://127.0.0.1:${port}`, NAVI_TOKEN: "t" };
    const example = spawn(process.execPath, [EXAMPLE, "."], { env });
    example.stdout.on("data", (piece) => {
        if (/Allow/.test(String(piece))) example.kill("SIGINT");
    });
    const code = await new Promise((resolve) => example.on("exit", resolve));
    assert.equal(code, 1);
    const lines = seen.map(({ line }) => line);
    assert.match(String(lines[1]), /^POST \/api\/jobs\/[^/]+\/cancel$/);
});

test("the example has thirty lines of code, as is said of it", async () => {
    const lines = (await readFile(EXAMPLE, "utf8")).split("\n").map((line) => line.trim());
    const code = lines.filter((line) => line !== "" && !line.startsWith("//"));
    assert.ok(code.length <= 30, `${code.length} lines`);
    const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
    assert.match(readme, /terminal client in thirty lines/);
});
