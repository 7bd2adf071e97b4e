import assert from "node:assert/strict";
import { test } from "node:test";
import { AnswerText, NaviConnectionError } from "@navi/client";
import { after, begin, ID, interactive, log, numbers, tell } from "./runs.mjs";
import { all, frame, problem, serve } from "./server.mjs";

/** @typedef {import("node:http").ServerResponse} Response */

test("a job whose stream breaks again and again is yielded once and whole", async (t) => {
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
    const yielded = await all(client.jobs.follow(ID));
    const terminal = yielded.pop();
    assert.equal(terminal?.type, "job_terminal");
    assert.deepEqual(
        numbers(yielded),
        events.map((_, n) => n + 1),
    );
    assert.ok(seen.length >= 8, `${seen.length} connections`);
    assert.equal(new Set(numbers(yielded)).size, events.length);
});

test("events that come again are not yielded again", async (t) => {
    const events = log(5);
    const { client } = await serve(t, (_, response, n) => {
        begin(response);
        if (n === 0) tell(response, events, 0, 4);
        // Not what was asked for.
        if (n === 0) response.end();
        else tell(response, events, 0);
    });
    const yielded = await all(client.jobs.follow(ID, { after: 1 }));
    assert.deepEqual(numbers(yielded), [2, 3, 4, 5, 6, 7, 8, 8]);
});

test("a job that is not there is no reason to wait", async (t) => {
    const { client, seen } = await serve(t, (_, response) =>
        problem(response, 404, "JOB_NOT_FOUND"),
    );
    await assert.rejects(all(client.jobs.follow(ID)), { error_code: "JOB_NOT_FOUND" });
    assert.equal(seen.length, 1);
});

test("a job is not followed when Retry-After is far away", { timeout: 5_000 }, async (t) => {
    const { client, seen } = await serve(t, (_, response) =>
        problem(response, 429, "RATE_LIMITED", { "retry-after": "3600" }),
    );
    const expected = { error_code: "RATE_LIMITED", retry_after: 3_600 };
    await assert.rejects(all(client.jobs.follow(ID)), expected);
    assert.equal(seen.length, 1);
});

test("an event that is no JSON breaks the connection, and is read again", async (t) => {
    const events = log(3);
    const { client, seen } = await serve(t, (one, response, n) => {
        begin(response);
        tell(response, events, after(one), n === 0 ? 3 : events.length);
        if (n === 0) response.write("id: 4\ndata: <html>\n\n");
    });
    const lost = /** @type {Error[]} */ ([]);
    const onReconnect = (/** @type {Error} */ error) => void lost.push(error);
    const yielded = await all(client.jobs.follow(ID, { onReconnect }));
    assert.deepEqual(numbers(yielded), [1, 2, 3, 4, 5, 6, 6]);
    assert.ok(lost[0] instanceof NaviConnectionError);
    assert.equal(seen.length, 2);
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
    const yielded = await all(client.jobs.follow(ID));
    assert.deepEqual(numbers(yielded), [1, 2, 3, 4, 5, 6, 6]);
    assert.ok(seen.length >= 2, `${seen.length} connections`);
});

test("a run is yielded to its end", async (t) => {
    const events = log(3);
    const { client, seen } = await serve(t, (_, response) => {
        interactive(response, events, events.length);
        response.end(frame("[DONE]"));
    });
    const yielded = await all(client.run({ message: "a" }));
    assert.deepEqual(numbers(yielded), [1, 2, 3, 4, 5, 6]);
    assert.equal(yielded[0]?.type, "router_info");
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
        const yielded = await all(client.run({ message: "a" }));
        yielded.pop();
        assert.deepEqual(
            numbers(yielded),
            events.map((_, n) => n + 1),
        );
        const text = yielded.map((event) => (event.type === "text" ? event.text : "")).join("");
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
    const yielded = [];
    for await (const event of client.run({ message: "a" })) {
        answer.add(event);
        yielded.push(event);
    }
    assert.deepEqual(numbers(yielded), [1, 2, 3, undefined, 4, 5, 6, 7, 8, 8]);
    assert.equal(yielded[3]?.type, "error");
    assert.equal(String(answer), "1 2 ");
    assert.equal(after(/** @type {any} */ (seen[1])), 4);
});

test("a run that broke before it named its id is an error", async (t) => {
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
