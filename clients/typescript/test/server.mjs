// A server on a port of its own that answers as a test wants it to.
import { createServer } from "node:http";
import { NaviClient } from "@navi/client";

/**
 * @typedef {object} Seen
 * @property {string} line
 * @property {URL} url
 * @property {import("node:http").IncomingHttpHeaders} headers
 * @property {any} body
 */

/**
 * Starts a server for one test; `answer` gets each request with its number, from 0.
 *
 * @param {import("node:test").TestContext} test
 * @param {(seen: Seen, response: import("node:http").ServerResponse, n: number) => unknown} answer
 * @param {Partial<import("@navi/client").NaviOptions>} [options]
 */
export async function serve(test, answer, options) {
    /** @type {Seen[]} */
    const seen = [];
    const server = createServer(async (request, response) => {
        let text = "";
        for await (const piece of request) text += piece;
        const url = new URL(request.url ?? "", "http://localhost");
        const line = `${request.method} ${url.pathname}`;
        const body = text === "" ? undefined : JSON.parse(text);
        const one = { line, url, headers: request.headers, body };
        await answer(one, response, seen.push(one) - 1);
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
    test.after(() => {
        server.closeAllConnections();
        server.close();
    });
    const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
    const baseUrl = `http://127.0.0.1:${port}`;
    const client = new NaviClient({ baseUrl, token: "t", retryMs: 1, ...options });
    return { client, seen, server };
}

/**
 * @param {import("node:http").ServerResponse} response
 * @param {number} status
 * @param {unknown} body
 * @param {Record<string, string>} [headers]
 */
export function json(response, status, body, headers) {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(body));
}

/**
 * @param {import("node:http").ServerResponse} response
 * @param {number} status
 * @param {string} code
 * @param {Record<string, string>} [headers]
 */
export function problem(response, status, code, headers) {
    const body = { type: "/problems/x", title: "X", status, detail: "why", error_code: code };
    const type = { "content-type": "application/problem+json" };
    json(response, status, { ...body, request_id: "r-1" }, { ...type, ...headers });
}

/**
 * One event of a stream.
 *
 * @param {unknown} data
 * @param {number} [id]
 */
export function frame(data, id) {
    const text = typeof data === "string" ? data : JSON.stringify(data);
    return `${id === undefined ? "" : `id: ${id}\n`}data: ${text}\n\n`;
}

/**
 * Reads all that comes.
 *
 * @template T
 * @param {AsyncIterable<T>} source
 */
export async function all(source) {
    /** @type {T[]} */
    const found = [];
    for await (const one of source) found.push(one);
    return found;
}
