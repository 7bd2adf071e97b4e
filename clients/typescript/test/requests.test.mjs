import assert from "node:assert/strict";
import { test } from "node:test";
import { NaviClient, NaviConnectionError, NaviError } from "@navi/client";
import { all, frame, json, problem, serve } from "./server.mjs";

test("a problem keeps its members", async (t) => {
    const { client } = await serve(t, (_, response) => problem(response, 404, "JOB_NOT_FOUND"));
    const error = await client.jobs.get("j").catch((error) => error);
    assert.ok(error instanceof NaviError);
    const { status, error_code, detail, request_id, retry_after } = error;
    assert.deepEqual(
        { status, error_code, detail, request_id, retry_after },
        {
            status: 404,
            error_code: "JOB_NOT_FOUND",
            detail: "why",
            request_id: "r-1",
            retry_after: undefined,
        },
    );
});

test("an error of a proxy is a problem too", async (t) => {
    const { client } = await serve(t, (_, response) => {
        response.writeHead(403, { "x-request-id": "r-2" }).end("<html>");
    });
    const error = await client.me().catch((error) => error);
    assert.equal(error.error_code, "HTTP_403");
    assert.equal(error.detail, "Forbidden");
    assert.equal(error.request_id, "r-2");
});

test("a request is sent again after failures that pass, and not before Retry-After", async (t) => {
    const { client, seen } = await serve(t, (_, response, n) => {
        if (n === 0) return problem(response, 429, "RATE_LIMITED", { "retry-after": "1" });
        if (n === 1) return response.destroy();
        if (n === 2) return problem(response, 503, "SHUTTING_DOWN");
        json(response, 200, { org_id: "acme", user_id: "ada", role: "planner" });
    });
    const began = performance.now();
    assert.equal((await client.me()).user_id, "ada");
    // Timers may be a moment early.
    assert.ok(performance.now() - began >= 990);
    assert.equal(seen.length, 4);
});

test("failures that do not pass are thrown at once", async (t) => {
    const { client, seen } = await serve(t, (_, response) => problem(response, 500, "INTERNAL"));
    await assert.rejects(client.me(), { error_code: "INTERNAL" });
    assert.equal(seen.length, 1);
});

test("a Retry-After that is far away is left to the caller", async (t) => {
    const { client, seen } = await serve(t, (_, response) =>
        problem(response, 429, "RATE_LIMITED", { "retry-after": "3600" }),
    );
    await assert.rejects(client.me(), { error_code: "RATE_LIMITED", retry_after: 3_600 });
    assert.equal(seen.length, 1);
});

test("trying again ends after the retries", async (t) => {
    const answer = (/** @type {any} */ _, /** @type {any} */ response) =>
        problem(response, 503, "AUDIT_UNAVAILABLE");
    const { client, seen } = await serve(t, answer, { retries: 2 });
    await assert.rejects(client.me(), { error_code: "AUDIT_UNAVAILABLE" });
    assert.equal(seen.length, 3);
});

test("what creates something has a key, and keeps it when it is sent again", async (t) => {
    const { client, seen } = await serve(t, (_, response, n) => {
        if (n % 3 === 0) return response.destroy();
        if (n % 3 === 1) {
            return problem(response, 409, "IDEMPOTENCY_KEY_IN_FLIGHT", { "retry-after": "0" });
        }
        json(response, 200, { success: true });
    });
    await client.jobs.create({ message: "a" });
    await client.conversations.create({ title: "b" });
    await client.conversations.append("c", { role: "user", content: "d" });
    await client.jobs.create({ message: "e" }, { idempotencyKey: "mine" });
    await client.call("post", "/api/navi/plan", { body: { message: "f" } });
    const keys = seen.map(({ headers }) => headers["idempotency-key"]);
    assert.equal(keys.length, 15);
    for (let first = 0; first < 15; first += 3) {
        assert.match(String(keys[first]), /^([0-9a-f]{32}|mine)$/);
        assert.equal(keys[first + 1], keys[first]);
        assert.equal(keys[first + 2], keys[first]);
    }
    assert.equal(new Set(keys).size, 5);
    assert.equal(keys[9], "mine");
});

/** @type {((client: NaviClient) => Promise<unknown>)[]} */
const ASKING = [
    (client) => client.chat({ message: "a" }),
    (client) => all(client.chatStream({ message: "a" })),
    (client) => all(client.run({ message: "a" })),
    (client) => client.call("post", "/api/navi/next", { body: { session_id: "s" } }),
    (client) => client.call("post", "/api/navi/analyze-changes", { body: {} }),
    (client) => client.call("get", "/api/navi/analyze-changes", {}),
];

test("a model is not asked again when it may have been asked before", async (t) => {
    const faults = [
        // As a proxy that writes JSON, and one that refuses by itself.
        (/** @type {any} */ response) => json(response, 503, { error_code: "TOO_MANY_RUNS" }),
        (/** @type {any} */ response) => response.writeHead(429).end("from a proxy"),
        (/** @type {any} */ response) => {
            response.writeHead(200, { "content-type": "application/json", "content-length": "99" });
            response.write('{"content": "b');
            setTimeout(() => response.destroy(), 20);
        },
        (/** @type {any} */ response) => response.destroy(),
        (/** @type {any} */ response) => problem(response, 503, "REQUEST_TIMED_OUT"),
        (/** @type {any} */ response) => response.writeHead(503).end("from a proxy"),
        (/** @type {any} */ response) => response.writeHead(502).end("from a proxy"),
    ];
    for (const fault of faults) {
        const { client, seen } = await serve(t, (_, response) => fault(response));
        for (const ask of ASKING) await assert.rejects(ask(client));
        assert.equal(seen.length, ASKING.length);
    }
});

test("a model is asked again when the server refused", async (t) => {
    for (const ask of ASKING) {
        const { client, seen } = await serve(t, (_, response, n) => {
            if (n === 0) return problem(response, 503, "TOO_MANY_RUNS");
            if (n === 1) return problem(response, 429, "ORGANISATION_BUSY");
            problem(response, 404, "ENOUGH");
        });
        await assert.rejects(ask(client), { error_code: "ENOUGH" });
        assert.equal(seen.length, 3);
    }
});

test("an answer that breaks in its middle is asked for again", async (t) => {
    const person = { org_id: "acme", user_id: "ada", role: "planner" };
    const { client, seen } = await serve(t, (_, response, n) => {
        if (n > 1) return json(response, 200, person);
        // One is cut off as the length shows; the end of the other looks like an end.
        const length = n === 0 ? { "content-length": "99" } : { connection: "close" };
        response.writeHead(200, { "content-type": "application/json", ...length });
        response.write('{"org_id": "ac');
        if (n === 0) setTimeout(() => response.destroy(), 20);
        else response.end();
    });
    assert.deepEqual(await client.me(), person);
    assert.equal(seen.length, 3);
});

test("an answer that is no JSON is an error of the connection", async (t) => {
    const answer = (/** @type {any} */ _, /** @type {any} */ response) =>
        response.end("<html>Sign in to this network</html>");
    const { client, seen } = await serve(t, answer, { retries: 1 });
    await assert.rejects(client.me(), NaviConnectionError);
    assert.equal(seen.length, 2);
});

test("a problem names its author", async (t) => {
    const { client } = await serve(t, (_, response, n) => {
        if (n === 0) problem(response, 403, "FORBIDDEN");
        else json(response, 403, { error_code: "FORBIDDEN" });
    });
    for (const isProblem of [true, false]) {
        await assert.rejects(client.me(), { error_code: "FORBIDDEN", isProblem });
    }
});

test("the token is asked for before every attempt", async (t) => {
    let tokens = 0;
    const token = async () => `t${++tokens}`;
    const { client, seen } = await serve(
        t,
        (_, response, n) => (n === 0 ? response.destroy() : json(response, 200, {})),
        { token },
    );
    await client.me();
    const sent = seen.map(({ headers }) => headers.authorization);
    assert.deepEqual(sent, ["Bearer t1", "Bearer t2"]);
});

test("a client without a token sends none", async (t) => {
    const answer = (/** @type {any} */ _, /** @type {any} */ response) => json(response, 200, {});
    const { client, seen } = await serve(t, answer, { token: () => undefined });
    await client.me();
    assert.equal(seen[0]?.headers.authorization, undefined);
});

test("aborting ends a request, and the pause before the next attempt", async (t) => {
    const { client, seen } = await serve(t, (_, response, n) =>
        n === 0 ? undefined : problem(response, 503, "SHUTTING_DOWN", { "retry-after": "60" }),
    );
    for (const expected of [1, 2]) {
        const stop = new AbortController();
        const answer = client.me({ signal: stop.signal });
        while (seen.length < expected) await new Promise(setImmediate);
        stop.abort(new Error("enough"));
        await assert.rejects(answer, /enough/);
    }
    await assert.rejects(client.me({ signal: AbortSignal.abort(new Error("before")) }), /before/);
    assert.equal(seen.length, 2);
});

test("a server that is away is a connection error", async (t) => {
    const { client, server } = await serve(t, () => {}, { retries: 1 });
    await new Promise((resolve) => server.close(resolve));
    await assert.rejects(client.me(), NaviConnectionError);
});

test("readiness is asked once and without a token", async (t) => {
    const { client, seen } = await serve(t, (_, response, n) =>
        json(response, n === 0 ? 200 : 503, { ok: n === 0, checks: [] }),
    );
    assert.equal(await client.isReady(), true);
    assert.equal(await client.isReady(), false);
    assert.equal(seen.length, 2);
    assert.equal(seen[0]?.headers.authorization, undefined);
});

test("a call asks for JSON, and a stream for events", async (t) => {
    const { client, seen } = await serve(t, (_, response) => json(response, 200, {}));
    await client.call("get", "/api/audit", {});
    await client.chat({ message: "a" });
    await assert.rejects(all(client.chatStream({ message: "a" })), NaviConnectionError);
    const accepts = seen.map(({ headers }) => headers.accept);
    assert.deepEqual(accepts, ["application/json", "application/json", "text/event-stream"]);
});

test("parameters are put into paths and queries as they must be", async (t) => {
    const { client, seen } = await serve(t, (_, response) => json(response, 200, []));
    await client.conversations.get("a/b?c");
    await client.jobs.list({ cursor: "x&y", limit: 3 });
    await client.call("get", "/api/audit", { query: { limit: 1 } });
    const urls = seen.map(({ url }) => url.pathname + url.search);
    assert.deepEqual(urls, [
        "/api/navi-memory/conversations/a%2Fb%3Fc",
        "/api/jobs?cursor=x%26y&limit=3",
        "/api/audit?limit=1",
    ]);
});

test("answers, ratings and tickets are sent as the server reads them", async (t) => {
    const { client, seen } = await serve(t, (_, response) =>
        json(response, 200, { ticket: "a+b" }),
    );
    await client.answerConsent("c", "alternative", { alternative: "ls" });
    await client.jobs.approve("j", "allow_once", { consentId: "c" });
    await client.answerPrompt("p", "blue");
    await client.declinePrompt("p");
    await client.rate(7, -1, { reason: "wrong" });
    const url = await client.eventSourceUrl("/api/jobs/j/events", { after: 3 });
    assert.equal(new URL(url).search, "?after_sequence=3&ticket=a%2Bb");
    assert.deepEqual(
        seen.map(({ line, body }) => [line, body]),
        [
            ["POST /api/navi/consent/c", { choice: "alternative", alternative_command: "ls" }],
            [
                "POST /api/jobs/j/approve",
                { choice: "allow_once", alternative_command: null, consent_id: "c" },
            ],
            ["POST /api/navi/prompt/p", { response: "blue" }],
            ["POST /api/navi/prompt/p", { cancelled: true }],
            [
                "POST /api/feedback/submit",
                { gen_id: 7, rating: -1, reason: "wrong", comment: null },
            ],
            ["POST /api/auth/stream-ticket", { path: "/api/jobs/j/events" }],
        ],
    );
});

test("a chat is yielded event by event, and one that is cut off is an error", async (t) => {
    const { client } = await serve(t, (_, response, n) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(frame({ router_info: { model: "demo" } }, 1));
        response.write(frame({ type: "heartbeat", heartbeat: true }));
        response.write(frame({ type: "text", text: "hello", timestamp: 0, new_field: 1 }, 2));
        response.write(frame({ type: "of_another_version", x: 1 }, 3));
        if (n === 0) response.end(frame("[DONE]"));
        else response.end();
    });
    const events = await all(client.chatStream({ message: "a" }));
    assert.deepEqual(events, [
        { type: "router_info", router_info: { model: "demo" }, sequence: 1 },
        { type: "text", text: "hello", timestamp: 0, new_field: 1, sequence: 2 },
        { type: "of_another_version", x: 1, sequence: 3 },
    ]);
    await assert.rejects(all(client.chatStream({ message: "a" })), /cut off/);
});

test("a trailing slash of the server's address does not matter", async (t) => {
    const { seen, server } = await serve(t, (_, response) => json(response, 200, {}));
    const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
    await new NaviClient({ baseUrl: `http://127.0.0.1:${port}//` }).me();
    assert.equal(seen[0]?.line, "GET /api/auth/me");
});
