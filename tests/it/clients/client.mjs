// The TypeScript client against a real server, which is killed meanwhile.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { AnswerText, NaviClient } from "../../../clients/typescript/dist/index.js";
import { kill, rehearse, start, stop, TEXT, workspace } from "./backstage.mjs";

/** @typedef {import("../../../clients/typescript/dist/index.js").NaviEvent} NaviEvent */

// Losing a server is noticed this soon.
const QUICK = ["--lease-seconds", "2"];
const message = "clean up";

/** @type {NaviClient} */
let client;
/** @type {string} */
let token;
/** @type {string} */
let admin;
/** @type {string} */
let baseUrl;

before(async () => {
    await rehearse({ hangs: true });
    ({ url: baseUrl, token, admin } = await start(...QUICK));
    client = new NaviClient({ baseUrl, token: async () => token });
});
after(stop);

/**
 * Follows a run to its end and answers what it asks.
 *
 * @param {AsyncIterable<NaviEvent>} events
 * @param {(event: NaviEvent) => Promise<unknown>} answer
 */
async function see(events, answer) {
    const text = new AnswerText();
    /** @type {NaviEvent[]} */
    const yielded = [];
    for await (const event of events) {
        text.add(event);
        yielded.push(event);
        await answer(event);
    }
    const logged = yielded.filter(({ type, sequence }) => sequence && type !== "job_terminal");
    assert.deepEqual(
        logged.map(({ sequence }) => sequence),
        logged.map((_, n) => n + 1),
        "each once, and none missing",
    );
    const complete = yielded.find((event) => event.type === "complete");
    assert.ok(complete?.type === "complete");
    const generation = yielded.find((event) => event.type === "generation_logged");
    assert.ok(generation?.type === "generation_logged");
    return { text: String(text), yielded, summary: complete.summary, genId: generation.gen_id };
}

test("the server is ready and knows who asks", async () => {
    assert.equal(await client.isReady(), true);
    assert.deepEqual(await client.me(), { org_id: "org-1", user_id: "user-1", role: "planner" });
});

test("a run survives the death of its server, and is yielded once and whole", async () => {
    const folder = workspace();
    const lost = /** @type {string[]} */ ([]);
    const onReconnect = (/** @type {Error} */ error) => void lost.push(error.message);
    const run = client.run({ message, workspace_path: folder }, { onReconnect });
    let isKilled = false;
    const { text, yielded, summary, genId } = await see(run, async (event) => {
        if (event.type === "prompt_request") {
            assert.deepEqual(
                event.data.options.map(({ value }) => value),
                ["red", "blue"],
            );
            await client.answerPrompt(event.data.prompt_id, "blue");
        }
        if (event.type === "command.consent_required") {
            const { consent_id, danger_level } = event.data;
            const isCritical = danger_level === "critical";
            // The same answer twice is harmless.
            for (const _ of [1, 2]) {
                if (isCritical) await client.answerConsent(consent_id, "deny");
                else await client.answerConsent(consent_id, "allow_once");
            }
        }
        if (event.type === "text" && event.text.includes("never") && !isKilled) {
            isKilled = true;
            await kill();
            await rehearse({ hangs: false });
            await start(...QUICK);
        }
    });
    assert.equal(text, TEXT);
    assert.ok(yielded.some(({ type }) => type === "job_resumed"));
    assert.ok(lost.length > 0);
    assert.equal(summary.success, true);
    assert.equal(existsSync(join(folder, "old")), false);
    assert.notEqual(statSync(join(folder, "notes.txt")).mode & 0o777, 0o777);
    const { rating } = await client.rate(genId, 1, { reason: "thorough" });
    assert.equal(rating, 1);
});

test("a job is left and followed again, approved as a job, and over when it is", async () => {
    const folder = workspace();
    const key = { idempotencyKey: "once" };
    const request = { message, workspace_path: folder };
    const { job } = await client.jobs.create(request, key);
    assert.equal((await client.jobs.create(request, key)).job.job_id, job.job_id);
    const id = job.job_id;
    let seen = 0;
    for await (const event of client.jobs.follow(id)) {
        seen = event.sequence ?? seen;
        if (event.type === "prompt_request") {
            await client.declinePrompt(event.data.prompt_id);
            break;
        }
    }
    const paused = [];
    for await (const event of client.jobs.follow(id, { after: seen })) {
        assert.ok((event.sequence ?? 0) > seen);
        if (event.type !== "job_paused" || !event.consent_id) continue;
        paused.push(event.sequence);
        const alternative = { alternative: "touch instead", consentId: event.consent_id };
        await client.jobs.approve(id, "alternative", alternative);
    }
    assert.equal(paused.length, 2);
    assert.equal(existsSync(join(folder, "old")), true);
    assert.equal(existsSync(join(folder, "instead")), true);
    assert.equal((await client.jobs.get(id)).status, "completed");
    await assert.rejects(client.jobs.resume(id), { status: 409, error_code: "JOB_OVER" });
    const { jobs } = await client.jobs.list({ status: "completed", limit: 10 });
    assert.ok(jobs.some(({ job_id }) => job_id === id));
});

test("stopping a run cancels it", async () => {
    const controller = new AbortController();
    const run = client.run({ message, workspace_path: workspace() }, { signal: controller.signal });
    let id = "";
    const follow = async () => {
        for await (const event of run) {
            if (event.type === "status" && event.task_id) id = event.task_id;
            if (event.type === "prompt_request") controller.abort(new Error("stopped"));
        }
    };
    await assert.rejects(follow, /stopped/);
    // The server needs a moment to end it.
    for await (const event of client.jobs.follow(id)) void event;
    assert.equal((await client.jobs.get(id)).status, "canceled");
});

test("chats are answered, kept in their conversation and rated", async () => {
    const key = { idempotencyKey: "a-conversation" };
    const { id } = await client.conversations.create({ title: "Paging" }, key);
    assert.equal((await client.conversations.create({ title: "Paging" }, key)).id, id);
    const { content, gen_id } = await client.chat({ message: "Where from?", conversation_id: id });
    assert.equal(content, "Pages are counted from 1.");
    assert.equal((await client.rate(gen_id ?? 0, -1)).rating, -1);
    assert.equal((await client.rate(gen_id ?? 0, 0)).rating, 0);
    const text = new AnswerText();
    const asked = { message: "Are you sure?", conversation_id: id };
    for await (const event of client.chatStream(asked)) text.add(event);
    assert.equal(String(text), content);
    await client.conversations.append(id, { role: "user", content: "Thanks." });
    const { messages } = await client.conversations.get(id);
    assert.deepEqual(
        messages?.map(({ content }) => content),
        ["Where from?", content, "Are you sure?", content, "Thanks."],
    );
    const changed = await client.conversations.update(id, { title: "Counting" });
    assert.equal(changed.title, "Counting");
    assert.ok((await client.conversations.list({ limit: 5 })).some((one) => one.id === id));
    await client.conversations.delete(id);
    await assert.rejects(client.conversations.get(id), { error_code: "CONVERSATION_NOT_FOUND" });
});

test("routes that could answer in two ways answer as their types say", async () => {
    const administrator = new NaviClient({ baseUrl, token: admin });
    const page = await administrator.call("get", "/api/audit", { query: { limit: 1 } });
    assert.ok(!Array.isArray(page));
    assert.equal(page.entries.length, 1);
    const folder = workspace();
    const body = { workspace_root: folder };
    const review = await client.call("post", "/api/navi/analyze-changes", { body });
    assert.match(review.warning ?? "", /not in a git repository/);
    const query = { workspace_root: folder };
    const same = await client.call("get", "/api/navi/analyze-changes", { query });
    assert.deepEqual(same, review);
});

test("problems keep their members", async () => {
    const stranger = new NaviClient({ baseUrl, token: "nonsense" });
    await assert.rejects(stranger.me(), { status: 401, error_code: "UNAUTHORIZED" });
    const unknown = "00000000-0000-7000-8000-000000000000";
    const error = await client.jobs.get(unknown).catch((error) => error);
    assert.equal(error.error_code, "JOB_NOT_FOUND");
    assert.match(error.request_id, /^[0-9a-f-]{36}$/);
    await assert.rejects(client.chat({ message: " " }), { status: 422 });
    await assert.rejects(client.answerConsent(unknown, "deny"), {
        error_code: "CONSENT_NOT_FOUND",
    });
    await assert.rejects(client.rate(2 ** 40, 1), { error_code: "GENERATION_NOT_FOUND" });
    const follow = async () => {
        for await (const event of client.jobs.follow(unknown)) void event;
    };
    await assert.rejects(follow, { error_code: "JOB_NOT_FOUND" });
});

test("a ticket opens the stream that it was asked for, and no other", async () => {
    const { jobs } = await client.jobs.list({ status: "completed", limit: 2 });
    const [one, other] = jobs.map(({ job_id }) => `/api/jobs/${job_id}/events`);
    const after = (jobs[0]?.last_sequence ?? 0) - 1;
    const address = await client.eventSourceUrl(one ?? "", { after });
    assert.equal(address.includes(token), false);
    const answer = await fetch(address);
    assert.equal(answer.status, 200);
    const ids = (await answer.text()).match(/^id: .*$/gm);
    assert.deepEqual(ids, [`id: ${after + 1}`]);
    const elsewhere = await fetch(address.replace(one ?? "", other ?? ""));
    assert.equal(elsewhere.status, 401);
    await assert.rejects(client.streamTicket("/api/audit"), { status: 422 });
});

test("the example works in a terminal", async () => {
    const folder = workspace();
    const example = spawn(
        process.execPath,
        ["clients/typescript/examples/run.mjs", folder, message],
        { env: { ...process.env, NAVI_URL: baseUrl, NAVI_TOKEN: token } },
    );
    const answers = /** @type {const} */ ([
        [/Which colour\?/, "red"],
        [/Allow \(\w+\) rm -r old\?/, "y"],
        [/Allow \(critical\) chmod 777 notes.txt\?/, "n"],
        [/Was this good\?/, "y"],
    ]);
    let said = "";
    let given = 0;
    for (const stream of [example.stdout, example.stderr]) {
        stream.on("data", (piece) => {
            said += piece;
            const [question, answer] = answers[given] ?? [];
            if (!question?.test(said)) return;
            given += 1;
            example.stdin.write(`${answer}\n`);
        });
    }
    const code = await new Promise((resolve) => example.on("exit", resolve));
    assert.equal(code, 0, said);
    assert.equal(given, answers.length, said);
    assert.match(said, /It is <b>done<\/b>\./);
    assert.match(said, /\ncompleted\n/);
    assert.equal(existsSync(join(folder, "old")), false);
});
