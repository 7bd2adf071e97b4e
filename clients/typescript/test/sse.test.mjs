import assert from "node:assert/strict";
import { test } from "node:test";
import { readSse, SseParser } from "@navi/client";
import { createParser } from "eventsource-parser";
import { all } from "./server.mjs";

/**
 * The events of a whole stream, as the standard's grammar has them.
 *
 * @param {string} text
 */
function oracle(text) {
    const found = [];
    let block = /** @type {Record<string, any>} */ ({});
    const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/);
    // Text after the last line end is no line.
    for (const line of lines.slice(0, -1)) {
        if (line === "") {
            if (block["data"]) found.push({ ...block, data: block["data"].join("\n") });
            block = {};
            continue;
        }
        const [, name = "", value = ""] = /^([^:]*)(?:: ?(.*))?$/su.exec(line) ?? [];
        if (name === "data") block["data"] = [...(block["data"] ?? []), value];
        if (name === "id" && !value.includes("\0")) block["id"] = value;
        if (name === "event") value ? (block["event"] = value) : delete block["event"];
    }
    return found;
}

/**
 * The same by a parser that is not ours.
 *
 * @param {string} text
 */
function other(text) {
    /** @type {unknown[]} */
    const found = [];
    const onEvent = (/** @type {any} */ event) => {
        const { id, event: name, data } = event;
        found.push({ ...(id === undefined ? {} : { id }), ...(name ? { event: name } : {}), data });
    };
    createParser({ onEvent }).feed(text);
    return found;
}

/** Numbers that look random and are the same in every run. */
function chance(seed = 1) {
    return (/** @type {number} */ below) => {
        seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
        return Math.floor((seed / 2 ** 32) * below);
    };
}

/** @param {(below: number) => number} dice */
function aStream(dice) {
    const lines = [
        'data: {"type":"text","text":"größer € 🙂"}',
        "data:no space",
        "data:  two spaces",
        "data: a: b",
        "id: 7",
        "id: 12",
        "event: named",
        ": comment",
        ":",
        "retry: 3000",
        "unknown: x",
        "data: [DONE]",
        "",
        "",
        "",
    ];
    const ends = ["\n", "\r\n", "\r"];
    // One kind of end for most streams, all kinds for others.
    const kind = dice(6);
    let text = dice(4) === 0 ? "\uFEFF" : "";
    for (let n = dice(30); n > 0; n--) {
        text += lines[dice(lines.length)] + (ends[kind] ?? ends[dice(3)] ?? "");
    }
    return text;
}

/**
 * @param {string} text
 * @param {(below: number) => number} dice
 */
function inPieces(text, dice) {
    const bytes = new TextEncoder().encode(text);
    return new ReadableStream({
        start(controller) {
            for (let at = 0; at < bytes.length;) {
                const size = 1 + dice(dice(2) ? 3 : 40);
                controller.enqueue(bytes.slice(at, at + size));
                at += size;
            }
            controller.close();
        },
    });
}

test("streams are read the same however they are split", async () => {
    const dice = chance();
    let events = 0;
    for (let n = 0; n < 1_000; n++) {
        const text = aStream(dice);
        const expected = oracle(text);
        events += expected.length;
        assert.deepEqual(await all(readSse(inPieces(text, dice))), expected, JSON.stringify(text));
    }
    assert.ok(events > 1_000, `${events} events`);
});

test("a parser that is not ours reads the same", () => {
    const dice = chance(2);
    for (let n = 0; n < 1_000; n++) {
        // It wants the byte order mark decoded away, and waits for what follows a last return.
        const text = `${aStream(dice).replace("\uFEFF", "")}: end\n`;
        assert.deepEqual(oracle(text), other(text), JSON.stringify(text));
    }
});

test("an event is yielded as soon as its last line ends", () => {
    for (const end of ["\n", "\r\n", "\r"]) {
        const parser = new SseParser();
        assert.deepEqual(parser.push(`id: 1${end}data: a${end}`), []);
        assert.deepEqual(parser.push(end), [{ id: "1", data: "a" }]);
    }
});

test("lines of data are joined, and an empty one counts", () => {
    const parser = new SseParser();
    assert.deepEqual(parser.push("data: a\ndata\ndata:\ndata: b\n\n"), [{ data: "a\n\n\nb" }]);
    assert.deepEqual(parser.push("data\n\n"), [{ data: "" }]);
});

test("an id with NUL and a retry that is no number are ignored", () => {
    const parser = new SseParser();
    assert.deepEqual(parser.push("id: a\0b\nretry: soon\ndata: x\n\n"), [{ data: "x" }]);
    assert.equal(parser.retry, undefined);
    parser.push("retry: 3000\n");
    assert.equal(parser.retry, 3000);
});

test("an event that the end cuts off is dropped", async () => {
    const text = "data: whole\n\ndata: half\n";
    assert.deepEqual(await all(readSse(inPieces(text, () => 0))), [{ data: "whole" }]);
});

test("silence ends the reading", async () => {
    const silent = new ReadableStream({ start() {} });
    await assert.rejects(all(readSse(silent, { idleMs: 20 })), /silent for 20 ms/);
});

test("leaving closes the connection", async () => {
    let cancelled = false;
    const body = new ReadableStream({
        pull: (controller) => controller.enqueue(new TextEncoder().encode("data: x\n\n")),
        cancel: () => void (cancelled = true),
    });
    for await (const message of readSse(body)) {
        assert.deepEqual(message, { data: "x" });
        break;
    }
    assert.ok(cancelled);
});

test("a long line in many pieces is read whole", async () => {
    const size = 1_000_000;
    const text = `data: ${"x".repeat(size)}\n\n`;
    const [message] = await all(readSse(inPieces(text, () => 1_000)));
    assert.equal(message?.data.length, size);
});
