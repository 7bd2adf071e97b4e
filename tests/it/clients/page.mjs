// The reference page in Chromium, from another origin than the server's, with web security on.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { NaviClient } from "../../../clients/typescript/dist/index.js";
import { serve } from "../../../examples/web/serve.mjs";
import { rehearse, rehearseEndlessChat, start, stop, TEXT, workspace } from "./backstage.mjs";

const tools = process.env.NAVI_BROWSER ?? "";
/** @type {any} */
const { chromium } = createRequire(join(tools, "node_modules/"))("playwright-core");
const profile = mkdtempSync(join(tmpdir(), "navi-browser-"));
process.once("exit", () => rmSync(profile, { recursive: true, force: true }));

/** Long, so that only a page that never gets there fails. */
const PATIENCE_MS = 60_000;

/** @type {any} */
let context;
/** The page as a person uses it. @type {any} */
let page;
/** @type {string[]} */
const complaints = [];
/** @type {{ url: string, status: number, headers: Record<string, string> }[]} */
const preflights = [];
/** @type {import("node:http").Server[]} */
const pages = [];
/** @type {string} */
let origin;
/** @type {{ url: string, token: string }} */
let server;

async function servePage() {
    const served = await serve(0);
    pages.push(served);
    const { port } = /** @type {import("node:net").AddressInfo} */ (served.address());
    return `http://127.0.0.1:${port}`;
}

before(async () => {
    origin = await servePage();
    await rehearseEndlessChat();
    server = await start("--cors-origins", origin);
    context = await chromium.launchPersistentContext(profile, {
        executablePath: join(tools, "chromium"),
        headless: true,
        args: [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ],
    });
    context.setDefaultTimeout(PATIENCE_MS);
    page = await context.newPage();
    await watch(page);
});

after(async () => {
    await context?.close();
    for (const served of pages) served.close();
    await stop();
});

/**
 * Notes what the browser asks before it asks, and what it complains about.
 *
 * @param {any} page
 */
async function watch(page) {
    page.on("pageerror", (/** @type {Error} */ error) => complaints.push(String(error)));
    page.on("console", (/** @type {any} */ said) => {
        if (said.type() === "error") complaints.push(said.text());
    });
    const session = await context.newCDPSession(page);
    await session.send("Network.enable");
    session.on("Network.responseReceived", (/** @type {any} */ { type, response }) => {
        if (type === "Preflight") preflights.push(response);
    });
}

let isBroken = false;
/**
 * One step of the story: after one that failed the others say nothing.
 *
 * @param {string} name
 * @param {() => unknown} work
 */
const step = (name, work) =>
    test(name, async (t) => {
        if (isBroken) return t.skip();
        isBroken = true;
        await work();
        isBroken = false;
    });

/**
 * Waits until the page shows a text.
 *
 * @param {string} text
 */
const sees = (text) => page.getByText(text).last().waitFor();

/**
 * Presses the last button of this name.
 *
 * @param {string} name
 */
const press = (name) => page.getByRole("button", { name, exact: true }).last().click();

/** While the server was away the browser said so, and nothing else. */
function complainedOfAbsence() {
    for (const complaint of complaints.splice(0))
        assert.match(complaint, /Failed to load resource/);
}

/**
 * The events that the last answer shows; its text stands elsewhere.
 *
 * @returns {Promise<any[]>}
 */
async function shown() {
    const events = page.locator("#transcript article").last().locator("details pre");
    const lines = (await events.textContent()).trim().split("\n");
    return lines.map((/** @type {string} */ line) => JSON.parse(line));
}

/**
 * Compares the events that the page shows of a job with the job's log.
 *
 * @param {string} id
 */
async function showsEachEventOnce(id) {
    const client = new NaviClient({ baseUrl: server.url, token: server.token });
    const expected = [];
    for await (const event of client.jobs.follow(id)) {
        if (event.type !== "text") expected.push([event.sequence, event.type]);
    }
    assert.deepEqual(
        (await shown()).map(({ sequence, type }) => [sequence, type]),
        expected,
    );
}

/**
 * Signs in on a page.
 *
 * @param {any} page
 * @param {string} from
 */
async function signIn(page, from) {
    await page.goto(`${from}/`);
    await page.getByLabel("Server", { exact: true }).fill(server.url);
    await page.getByLabel("Token").fill(server.token);
    await page.getByRole("button", { name: "Connect" }).click();
}

step("a page of an origin that is not allowed gets nothing", async () => {
    const stranger = await context.newPage();
    await signIn(stranger, await servePage());
    await stranger.getByText(/^NaviConnectionError/).waitFor();
    assert.equal(await stranger.locator("#work").isVisible(), false);
    // Not even an answer to a request that needs no leave, or one that is asked for by hand.
    const seen = await stranger.evaluate(
        async (/** @type {{ url: string, token: string }} */ { url, token }) => {
            const headers = { authorization: `Bearer ${token}` };
            const tries = [fetch(`${url}/version`), fetch(`${url}/api/auth/me`, { headers })];
            return (await Promise.allSettled(tries)).map(({ status }) => status);
        },
        server,
    );
    assert.deepEqual(seen, ["rejected", "rejected"]);
    await stranger.close();
});

step("a page that is allowed signs in, after a preflight", async () => {
    await signIn(page, origin);
    await sees("Connected as user-1 (planner) of org-1.");
    assert.ok(preflights.length > 0);
    for (const { status, headers } of preflights) {
        assert.equal(status, 204);
        assert.equal(headers["access-control-allow-origin"], origin);
        assert.match(headers["access-control-allow-headers"] ?? "", /authorization/i);
    }
});

step("a chat is shown while it is written, and stopped", async () => {
    await page.getByLabel("Message").fill("Where are pages counted from, and why?");
    await press("Ask");
    // This answer has no end, so what is shown of it came as a piece.
    await sees("From 1, I");
    assert.equal(await page.locator("#stop").isEnabled(), true);
    await press("Stop");
    await sees("Stopped.");
    await page.locator("#stop[disabled]").waitFor();
    await stop();
    await rehearse({ hangs: true });
    assert.equal((await start("--cors-origins", origin)).url, server.url);
    await press("New");
});

step("a chat is kept by the server and shown again", async () => {
    await page.getByLabel("Message").fill("Where are pages counted from?");
    await press("Ask");
    await sees("Pages are counted from 1.");
    await page.locator("#stop[disabled]").waitFor();
    // A page that is opened again knows nothing but what the server keeps.
    await signIn(page, origin);
    await sees("Connected as user-1");
    assert.equal(await page.locator("#transcript article").count(), 0);
    await press("Where are pages counted from?");
    await sees("Pages are counted from 1.");
    assert.equal(await page.locator("#transcript article").count(), 2);
});

step("a run asks, is left by its server, and is shown truthfully to its end", async () => {
    const folder = workspace();
    await press("New");
    await page.getByLabel("Message").fill("clean up");
    await page.getByLabel("Folder").fill(folder);
    await press("Let the agent work");
    await press("blue");
    const consent = page.locator(".consent");
    await consent.getByText("rm -r old").waitFor();
    assert.deepEqual(await consent.getByRole("button").allTextContents(), [
        "Allow once",
        "Always allow exactly this",
        "Always allow this type",
        "Deny",
        "Do this instead",
    ]);
    await press("Allow once");
    await sees("rm -r old — allowed.");
    await page.locator(".consent.critical").getByText("Critical!").waitFor();
    await press("Deny");
    await sees("chmod 777 notes.txt — denied.");
    // A model's words are shown as text, whatever they look like.
    await sees("It was never <b>finished</b>.");
    assert.deepEqual(complaints, []);
    await stop();
    await sees("The server ends before the run does.");
    assert.equal(await page.getByText(/^Done/).count(), 0);
    assert.equal(await page.locator("#stop").isEnabled(), true);
    await rehearse({ hangs: false });
    assert.equal((await start("--cors-origins", origin)).url, server.url);
    await sees("Done: completed");
    const article = page.locator("#transcript article").last();
    assert.equal(await article.locator("> .text").first().textContent(), TEXT);
    assert.equal(existsSync(join(folder, "old")), false);
    complainedOfAbsence();
});

step("an answer is rated", async () => {
    await press("Good");
    await sees("Good: Feedback submitted successfully.");
});

step("a job is followed through an EventSource with a ticket", async () => {
    /** @type {string[]} */
    const streams = [];
    page.on("request", (/** @type {any} */ request) => {
        if (request.resourceType() === "eventsource") streams.push(request.url());
    });
    const refused = /** @type {string[]} */ ([]);
    await press("New");
    await page.getByLabel("Message").fill("clean up in the background");
    await page.getByLabel("Folder").fill(workspace());
    await press("Work in the background");
    await press("No answer");
    await page.locator(".consent").getByText("rm -r old").waitFor();
    // A question from before a restart is answered after it, and the stream goes on. Its ticket has
    // run out meanwhile: the browser connects again with it, and is refused.
    const refuse = (/** @type {any} */ route) => {
        refused.push(route.request().url());
        return route.fulfill({ status: 401 });
    };
    await page.route(/\/api\/jobs\/[^/]+\/events\?/, refuse, { times: 1 });
    await stop();
    await sees("The connection is lost; connecting again…");
    await start("--cors-origins", origin);
    await press("Deny");
    await sees("rm -r old — denied.");
    complainedOfAbsence();
    await page.locator(".consent").getByText("chmod 777").waitFor();
    await page.getByLabel("Command to run instead").fill("touch instead");
    await press("Do this instead");
    await sees("Done: completed");
    await sees("Ready.");
    await press("Bad");
    await sees("Bad: Feedback submitted successfully.");
    const [first, ...later] = [...new Set(streams)].map((url) => new URL(url));
    assert.deepEqual(refused, [String(first)]);
    assert.match(first?.pathname ?? "", /^\/api\/jobs\/[^/]+\/events$/);
    assert.ok(first?.searchParams.get("ticket"));
    assert.equal(first?.searchParams.get("after_sequence"), "0");
    assert.ok(later.length > 0, "a stream with another ticket");
    for (const { pathname, searchParams } of later) {
        assert.equal(pathname, first?.pathname);
        assert.ok(searchParams.get("ticket"));
        assert.notEqual(searchParams.get("ticket"), first?.searchParams.get("ticket"));
        assert.ok(Number(searchParams.get("after_sequence")) > 0);
    }
    assert.equal(streams.join().includes(server.token), false);
    await showsEachEventOnce(first?.pathname.split("/")[3] ?? "");
});

step("a run is stopped", async () => {
    await press("New");
    await page.getByLabel("Message").fill("clean up, or do not");
    await page.getByLabel("Folder").fill(workspace());
    await press("Let the agent work");
    await page.locator(".prompt:not([disabled])").waitFor();
    await press("Stop");
    await sees("Stopped.");
    const started = (await shown()).find(({ type, task_id }) => type === "status" && task_id);
    const client = new NaviClient({ baseUrl: server.url, token: server.token });
    // The server needs a moment to end it.
    const signal = AbortSignal.timeout(PATIENCE_MS);
    for await (const event of client.jobs.follow(started?.task_id, { signal })) void event;
    assert.equal((await client.jobs.get(started?.task_id)).status, "canceled");
});

step("the browser had nothing to complain about", () => {
    assert.deepEqual(complaints, []);
});
