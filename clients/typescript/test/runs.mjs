// Logs of runs, and the streams that servers make of them.
import { frame } from "./server.mjs";

/** @typedef {import("node:http").ServerResponse} Response */
/** @typedef {Record<string, unknown>} Event */

export const ID = "01a20734-2550-7cb3-b4d4-7d83c2f79d85";

/** The log of a run with this many pieces of text. */
export function log(pieces = 20) {
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
export function begin(response, text = "retry: 1\n\n") {
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
export function tell(response, events, after, until = events.length) {
    for (const [n, event] of events.slice(0, until).entries()) {
        const place = { sequence: n + 1, job_id: ID, job_status: "running" };
        if (n >= after) response.write(frame({ ...event, ...place }, n + 1));
    }
    if (until < events.length) return;
    const terminal = { type: "job_terminal", job_id: ID, job_status: "completed", sequence: until };
    response.end(frame(terminal) + frame("[DONE]"));
}

/** @param {import("./server.mjs").Seen} seen */
export function after({ url }) {
    return Number(url.searchParams.get("after_sequence"));
}

/** @param {{ sequence?: number }[]} events */
export function numbers(events) {
    return events.map(({ sequence }) => sequence);
}

/**
 * Sends a part of a log as the stream of a run does.
 *
 * @param {Response} response
 * @param {Event[]} events
 * @param {number} until
 */
export function interactive(response, events, until) {
    begin(response);
    for (const [n, event] of events.slice(0, until).entries()) {
        const { type, ...first } = event;
        response.write(frame(n === 0 ? first : event, n + 1));
    }
}
