// The page of the API in Chromium, for which no other host exists.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { start, stop } from "./backstage.mjs";

const tools = process.env.NAVI_BROWSER ?? "";
/** @type {any} */
const { chromium } = createRequire(join(tools, "node_modules/"))("playwright-core");
const profile = mkdtempSync(join(tmpdir(), "navi-browser-"));
process.once("exit", () => rmSync(profile, { recursive: true, force: true }));

/** Long, so that only a page that never gets there fails. */
const PATIENCE_MS = 60_000;

/** @type {any} */
let context;
/** @type {any} */
let page;
/** @type {{ url: string, token: string }} */
let server;
/** @type {string[]} */
const asked = [];
/** @type {string[]} */
const complaints = [];

before(async () => {
    server = await start();
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
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        ],
    });
    context.setDefaultTimeout(PATIENCE_MS);
    context.on("request", (/** @type {any} */ request) => asked.push(request.url()));
    page = await context.newPage();
    page.on("pageerror", (/** @type {Error} */ error) => complaints.push(String(error)));
    page.on("console", (/** @type {any} */ said) => {
        if (said.type() === "error") complaints.push(said.text());
    });
});

after(async () => {
    await context?.close();
    await stop();
});

test("every operation is shown", async () => {
    const document = await (await fetch(`${server.url}/openapi.json`)).json();
    const methods = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
    const expected = [];
    for (const [path, item] of Object.entries(document.paths))
        for (const method of methods)
            if (item[method]) expected.push(`${method.toUpperCase()} ${path}`);
    const answer = await page.goto(`${server.url}/docs`);
    assert.equal(answer.status(), 200);
    assert.match(answer.headers()["content-type"], /^text\/html/);
    await page.locator(".opblock").nth(expected.length - 1).waitFor();
    const shown = await page.locator(".opblock").evaluateAll((/** @type {any[]} */ blocks) =>
        blocks.map((block) => {
            const path = block.querySelector(".opblock-summary-path").dataset.path;
            return `${block.querySelector(".opblock-summary-method").textContent} ${path}`;
        }),
    );
    assert.deepEqual(shown.sort(), expected.sort());
});

test("a request can be sent with a token", async () => {
    const block = page.locator(".opblock").filter({ has: page.locator('[data-path="/api/auth/me"]') });
    await page.getByRole("button", { name: "Authorize" }).first().click();
    await page.locator(".auth-container input").first().fill(server.token);
    await page.locator(".auth-btn-wrapper button.authorize").first().click();
    await page.locator(".close-modal").click();
    await block.locator(".opblock-summary").click();
    await block.getByRole("button", { name: "Try it out" }).click();
    await block.getByRole("button", { name: "Execute" }).click();
    const status = block.locator(".live-responses-table .response-col_status").last();
    await status.waitFor();
    assert.match(await status.textContent(), /200/);
});

test("the files are packed, kept, and of the right type", async () => {
    const files = new Set(asked.filter((url) => url.includes("/docs/")));
    assert.equal(files.size, 3, [...files].join(" "));
    for (const url of files) {
        const answer = await fetch(url, { headers: { "accept-encoding": "gzip" } });
        assert.equal(answer.status, 200);
        const type = url.endsWith(".css") ? "text/css" : "text/javascript";
        assert.match(answer.headers.get("content-type") ?? "", new RegExp(`^${type}`));
        assert.equal(answer.headers.get("content-encoding"), "gzip");
        assert.match(answer.headers.get("cache-control") ?? "", /immutable/);
        const plain = await fetch(url, { headers: { "accept-encoding": "identity" } });
        assert.equal(plain.headers.get("content-encoding"), null);
        assert.equal(await plain.text(), await answer.text());
    }
});

test("the server's own address is a page with links", async () => {
    await page.goto(`${server.url}/`);
    assert.match(await page.locator("h1").textContent(), /^NAVI \d/);
    const links = await page.locator("a").evaluateAll((/** @type {any[]} */ links) =>
        links.map((link) => link.href),
    );
    assert.equal(links.length, 4);
    for (const link of links) assert.equal((await fetch(link)).status, 200, link);
});

test("nothing was asked of another host, and the browser forbade nothing", () => {
    const elsewhere = asked.filter((url) => !url.startsWith(`${server.url}/`) && !url.startsWith("data:"));
    assert.deepEqual(elsewhere, []);
    assert.deepEqual(complaints, []);
});
