import assert from "node:assert/strict";
import { test } from "node:test";
import { AnswerText } from "@navi/client";
import { all, frame, json, problem, serve } from "./server.mjs";

/** @typedef {import("node:http").ServerResponse} Response */
/** @typedef {Record<string, unknown>} Event */

const ID = "01a20734-2550-7cb3-b4d4-7d83c2f79d85";

/** The log of a run with this many pieces of text. */
function log(pieces = 20) {
    /** @type {Event[]} */
    const events = [
        { type: "router_info", router_info: {} },
        { type: "status", status: "planning", task_id: ID },
    ];
    for (let n = 0; n < pieces; n++) events.push({ type: "text", text: `${n} `, timestamp: 0 });
    events.push({ type: "complete", summary: { success: true } });
    return events;
}

/**
 * @param {Response} response
 * @param {string} [text]
 */
function begin(response, text = "retry: 1\n\n") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(text);
}

/**
 * Sends a part of a log as a job's stream does.
 *
 * @param {Response} response
 * @param {Event[]} events
 * @param {number} after
 * @param {number} [until]
 */
function tell(response, events, after, until = events.length) {
    for (const [n, event] of events.slice(0, until).entries()) {
        const place = { sequence: n + 1, job_id: ID, job_status: "running" };
        if (n >= after) response.write(frame({ ...event, ...place }, n + 1));
    }
    if (until < events.length) return;
    const terminal = { type: "job_terminal", job_id: ID, job_status: "completed", sequence: until };
    response.end(frame(terminal) + frame("[DONE]"));
}

/** @param {import("./server.mjs").Seen} seen */
function after({ url }) {
    return Number(url.searchParams.get("after_sequence"));
}

/** @param {{ sequence?: number }[]} events */
function numbers(events) {
    return events.map(({ sequence }) => sequence);
}

test("a job whose stream breaks again and again is told once and whole", async (t) => {
    const events = log();
    const { client, seen } = await serve(t, (one, response, n) => {
        if (n === 3) return problem(response, 503, "SHUTTING_DOWN");
        begin(response);
        const from = after(one);
        const until = Math.min(from + 3, events.length);
        tell(response, events, from, until);
        // Part of an event, and no end.
        if (until < events.length) response.end('id: 99\ndata: {"type"');
    });
    const told = await all(client.jobs.follow(ID));
    const terminal = told.pop();
    assert.equal(terminal?.type, "job_terminal");
    assert.deepEqual(
        numbers(told),
        events.map((_, n) => n + 1),
    );
    assert.ok(seen.length >= 8, `${seen.length} connections`);
    assert.equal(new Set(numbers(told)).size, events.length);
});

test("events that come again are not told again", async (t) => {
    const events = log(5);
    const { client } = await serve(t, (_, response, n) => {
        begin(response);
        if (n === 0) tell(response, events, 0, 4);
        // Not what was asked for.
        if (n === 0) response.end();
        else tell(response, events, 0);
    });
    const told = await all(client.jobs.follow(ID, { after: 1 }));
    assert.deepEqual(numbers(told), [2, 3, 4, 5, 6, 7, 8, 8]);
});

test("a job that is not there is no reason to wait", async (t) => {
    const { client, seen } = await serve(t, (_, response) =>
        problem(response, 404, "JOB_NOT_FOUND"),
    );
    await assert.rejects(all(client.jobs.follow(ID)), { error_code: "JOB_NOT_FOUND" });
    assert.equal(seen.length, 1);
});

test("a job that was over is over at once", async (t) => {
    const { client } = await serve(t, (_, response) => {
        begin(response);
        response.end(frame("[DONE]"));
    });
    assert.deepEqual(await all(client.jobs.follow(ID, { after: 8 })), []);
});

test("a stream that falls silent is opened again", async (t) => {
    const events = log(3);
    const answer = (
        /** @type {import("./server.mjs").Seen} */ one,
        /** @type {Response} */ response,
        /** @type {number} */ n,
    ) => {
        begin(response);
        tell(response, events, after(one), n === 0 ? 3 : events.length);
    };
    const { client, seen } = await serve(t, answer, { idleMs: 50 });
    const told = await all(client.jobs.follow(ID));
    assert.deepEqual(numbers(told), [1, 2, 3, 4, 5, 6, 6]);
    assert.ok(seen.length >= 2, `${seen.length} connections`);
});

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
 * Sends a part of a log as the stream of a run does.
 *
 * @param {Response} response
 * @param {Event[]} events
 * @param {number} until
 */
function interactive(response, events, until) {
    begin(response);
    for (const [n, event] of events.slice(0, until).entries()) {
        const { type, ...first } = event;
        response.write(frame(n === 0 ? first : event, n + 1));
    }
}

test("a run is told to its end", async (t) => {
    const events = log(3);
    const { client, seen } = await serve(t, (_, response) => {
        interactive(response, events, events.length);
        response.end(frame("[DONE]"));
    });
    const told = await all(client.run({ message: "a" }));
    assert.deepEqual(numbers(told), [1, 2, 3, 4, 5, 6]);
    assert.equal(told[0]?.type, "router_info");
    assert.deepEqual(seen[0]?.body, { message: "a", on_disconnect: "continue" });
    assert.equal(seen.length, 1);
});

for (const point of [2, 3, 10, 22]) {
    test(`a run that breaks after ${point} events goes on as a job`, async (t) => {
        const events = log();
        const { client, seen } = await serve(t, (one, response, n) => {
            if (n === 0) {
                interactive(response, events, point);
                // Breaks off what was sent so far.
                return response.socket?.end();
            }
            if (n === 1) return response.destroy();
            begin(response);
            tell(response, events, after(one));
        });
        const told = await all(client.run({ message: "a" }));
        told.pop();
        assert.deepEqual(
            numbers(told),
            events.map((_, n) => n + 1),
        );
        const text = told.map((event) => (event.type === "text" ? event.text : "")).join("");
        assert.equal(text, events.map((event) => event["text"] ?? "").join(""));
        const [, ...followed] = seen;
        assert.deepEqual(
            new Set(followed.map(({ line }) => line)),
            new Set([`GET /api/jobs/${ID}/events`]),
        );
        assert.deepEqual(followed.map(after), [point, point]);
    });
}

test("a run that its server leaves goes on as a job", async (t) => {
    const events = log(3);
    events.splice(
        3,
        0,
        { type: "status", status: "interrupted", task_id: ID },
        { type: "job_resumed", reason: "released", discard_after: 2, message: "" },
    );
    const { client, seen } = await serve(t, (one, response, n) => {
        if (n > 0) {
            begin(response);
            return tell(response, events, after(one));
        }
        interactive(response, events, 3);
        // Beside the log, so without a number.
        response.write(
            frame({ type: "error", error: "goes on", code: "RUN_CONTINUES", job_id: ID }),
        );
        response.write(frame(events[3], 4));
        response.end(frame("[DONE]"));
    });
    const answer = new AnswerText();
    const told = [];
    for await (const event of client.run({ message: "a" })) {
        answer.add(event);
        told.push(event);
    }
    assert.deepEqual(numbers(told), [1, 2, 3, undefined, 4, 5, 6, 7, 8, 8]);
    assert.equal(told[3]?.type, "error");
    assert.equal(String(answer), "1 2 ");
    assert.equal(after(/** @type {any} */ (seen[1])), 4);
});

test("a run that broke before it told its id is an error", async (t) => {
    const { client, seen } = await serve(t, (_, response) => {
        interactive(response, log(), 1);
        response.end();
    });
    await assert.rejects(all(client.run({ message: "a" })), /cut off/);
    assert.equal(seen.length, 1);
});

test("a connection that breaks after the end is no matter", async (t) => {
    const events = log(2);
    const { client, seen } = await serve(t, (_, response) => {
        interactive(response, events, events.length);
        response.end();
    });
    assert.equal((await all(client.run({ message: "a" }))).length, events.length);
    assert.equal(seen.length, 1);
});

/**
 * Runs until it is stopped after an event.
 *
 * @param {import("@navi/client").NaviClient} client
 * @param {number} at
 * @param {import("@navi/client").RunRequest} request
 */
async function stopAfter(client, at, request) {
    const stop = new AbortController();
    const follow = async () => {
        for await (const event of client.run(request, { signal: stop.signal })) {
            if (event.sequence === at) stop.abort(new Error("stopped"));
        }
    };
    await assert.rejects(follow, /stopped/);
}

test("stopping a run cancels it, also before it has told its id", async (t) => {
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

test("stopping a run that is over meanwhile is no error", async (t) => {
    const { client } = await serve(t, (_, response, n) => {
        if (n > 0) return problem(response, 409, "JOB_OVER");
        interactive(response, log(), 4);
    });
    await stopAfter(client, 4, { message: "a" });
});

test("whoever says what leaving means only leaves", async (t) => {
    for (const on_disconnect of /** @type {const} */ (["continue", "cancel"])) {
        const { client, seen } = await serve(t, (_, response) => interactive(response, log(), 4));
        await stopAfter(client, 4, { message: "a", on_disconnect });
        assert.equal(seen[0]?.body.on_disconnect, on_disconnect);
        assert.equal(seen.length, 1);
    }
});

test("leaving the loop leaves the run", async (t) => {
    const { client, seen } = await serve(t, (_, response) => interactive(response, log(), 4));
    for await (const event of client.run({ message: "a" })) if (event.sequence === 3) break;
    assert.equal(seen.length, 1);
});

test("text that was begun in vain is dropped", () => {
    const answer = new AnswerText();
    const text = (/** @type {number} */ sequence, /** @type {string} */ text) =>
        answer.add({ type: "text", text, timestamp: 0, sequence });
    assert.equal(text(3, "kept "), true);
    text(5, "lost ");
    text(6, "lost ");
    const resumed = { type: "job_resumed", reason: "worker_lost", discard_after: 4 };
    assert.equal(answer.add(/** @type {any} */ ({ ...resumed, sequence: 7 })), true);
    text(8, "again");
    assert.equal(
        answer.add(/** @type {any} */ ({ ...resumed, discard_after: 8, sequence: 9 })),
        false,
    );
    assert.equal(String(answer), "kept again");
});
