import assert from "node:assert/strict";
import { test } from "node:test";
import { after, begin, ID, interactive, log, tell } from "./runs.mjs";
import { all, frame, json, problem, serve } from "./server.mjs";

/** @typedef {import("node:http").ServerResponse} Response */

test("leaving a job sends nothing", async (t) => {
    const { client, seen } = await serve(t, (one, response) => {
        begin(response);
        tell(response, log(), after(one), 3);
    });
    const stop = new AbortController();
    const follow = async () => {
        for await (const event of client.jobs.follow(ID, { signal: stop.signal })) {
            if (event.sequence === 3) stop.abort(new Error("left"));
        }
    };
    await assert.rejects(follow, /left/);
    assert.equal(seen.length, 1);
});

/**
 * Runs until it is stopped after an event, which is the last one that it yields.
 *
 * @param {import("@navi/client").NaviClient} client
 * @param {number} at
 * @param {import("@navi/client").RunRequest} request
 */
async function stopAfter(client, at, request) {
    const stop = new AbortController();
    const yielded = /** @type {unknown[]} */ ([]);
    const follow = async () => {
        for await (const event of client.run(request, { signal: stop.signal })) {
            yielded.push(event.sequence);
            if (event.sequence === at) stop.abort(new Error("stopped"));
        }
    };
    await assert.rejects(follow, /stopped/);
    assert.equal(yielded.at(-1), at);
}

test("stopping a run cancels it, also before it has named its id", async (t) => {
    for (const at of [1, 2, 5]) {
        const { client, seen } = await serve(t, async (_, response, n) => {
            if (n > 0) return json(response, 200, { success: true });
            interactive(response, log(), 1);
            // The rest comes once the client has had time to stop.
            await new Promise((resolve) => setTimeout(resolve, 50));
            for (const [n, event] of log().entries()) {
                if (n >= 1 && n < 6) response.write(frame(event, n + 1));
            }
        });
        await stopAfter(client, at, { message: "a" });
        const lines = seen.map(({ line }) => line);
        assert.deepEqual(lines, ["POST /api/navi/chat/autonomous", `POST /api/jobs/${ID}/cancel`]);
    }
});

test("stopping a run before it is answered ends it at once", { timeout: 10_000 }, async (t) => {
    /** @type {Record<string, (response: Response) => unknown>} */
    const answers = {
        "in a pause": (response) => problem(response, 503, "BUSY", { "retry-after": "60" }),
        "while connecting": () => {},
        "while a token is fetched": () => assert.fail("a request was sent"),
    };
    for (const [moment, answer] of Object.entries(answers)) {
        /** @type {(token: string) => void} */
        let givesToken = () => {};
        const late = new Promise((resolve) => (givesToken = resolve));
        const fetchesToken = moment === "while a token is fetched";
        const token = () => late.then(String);
        const { client, seen } = await serve(t, (_, response) => answer(response), { token });
        if (!fetchesToken) givesToken("t");
        const stop = new AbortController();
        const run = all(client.run({ message: "a" }, { signal: stop.signal }));
        setTimeout(() => stop.abort(new Error("stopped")), 100);
        const began = performance.now();
        await assert.rejects(run, /^Error: stopped$/, moment);
        assert.ok(performance.now() - began < 1_000, moment);
        givesToken("t");
        await new Promise((resolve) => setTimeout(resolve, 50));
        assert.equal(seen.length, fetchesToken ? 0 : 1, moment);
    }
});

test("stopping a run that breaks before it has named its id gives the reason", async (t) => {
    const { client, seen } = await serve(t, async (_, response) => {
        interactive(response, log(), 1);
        await new Promise((resolve) => setTimeout(resolve, 50));
        response.destroy();
    });
    await stopAfter(client, 1, { message: "a" });
    assert.equal(seen.length, 1);
});

test("stopping yields nothing that came together with the last event", async (t) => {
    const { client } = await serve(t, (_, response) => {
        begin(response, "");
        // In one piece, so that the client has read all of it.
        const frames = log().map((event, n) => frame(event, n + 1));
        response.write(frames.join(""));
    });
    for (const at of [1, 2, 5]) {
        await stopAfter(client, at, { message: "a", on_disconnect: "continue" });
        const stop = new AbortController();
        const yielded = /** @type {unknown[]} */ ([]);
        const read = async (/** @type {AsyncIterable<any>} */ events) => {
            for await (const event of events) {
                yielded.push(event.sequence);
                if (event.sequence === at) stop.abort(new Error("stopped"));
            }
        };
        await assert.rejects(read(client.jobs.follow(ID, { signal: stop.signal })), /stopped/);
        assert.equal(yielded.at(-1), at);
    }
});

test("a stopped chat yields nothing more", async (t) => {
    const { client } = await serve(t, (_, response) => {
        begin(response, log().map((event, n) => frame(event, n + 1)).join(""));
    });
    const stop = new AbortController();
    const yielded = /** @type {unknown[]} */ ([]);
    const read = async () => {
        for await (const event of client.chatStream({ message: "a" }, { signal: stop.signal })) {
            yielded.push(event.sequence);
            if (event.sequence === 3) stop.abort(new Error("stopped"));
        }
    };
    await assert.rejects(read, /stopped/);
    assert.deepEqual(yielded, [1, 2, 3]);
});

test("stopping a run that is over meanwhile is no error", async (t) => {
    const { client } = await serve(t, (_, response, n) => {
        if (n > 0) return problem(response, 409, "JOB_OVER");
        interactive(response, log(), 4);
    });
    await stopAfter(client, 4, { message: "a" });
});

test("a request that says what leaving means is only left", async (t) => {
    for (const on_disconnect of /** @type {const} */ (["continue", "cancel"])) {
        const { client, seen } = await serve(t, (_, response) => interactive(response, log(), 4));
        await stopAfter(client, 4, { message: "a", on_disconnect });
        assert.equal(seen[0]?.body.on_disconnect, on_disconnect);
        assert.equal(seen.length, 1);
    }
});
