/** Sends requests: identity, repetition, problems, streams. */
import { isPassing, NaviConnectionError, NaviError, parseJson } from "./problem.js";
import { isSoon, pauseMs, sleep, unlessAborted } from "./retrying.js";
import { readSse, type SseMessage, type SseOptions } from "./sse.js";

/** The server of a client, and the ways to reach it. */
export interface NaviOptions {
    /** The address of the server, such as `http://127.0.0.1:8787`. */
    baseUrl: string;
    /**
     * The bearer token, or a function that fetches one. It is called before every attempt, so a
     * stream that is followed for longer than a token lives goes on with the next one.
     */
    token?: string | (() => string | undefined | Promise<string | undefined>);
    /** Replaces the global `fetch`. */
    fetch?: typeof fetch;
    /** The number of further attempts after a passing failure; 4 when absent. */
    retries?: number;
    /**
     * The first pause before a request is sent again, in milliseconds; 500 when absent. A stream may
     * name another for itself.
     */
    retryMs?: number;
    /**
     * The silence after which a stream counts as broken, in milliseconds; 30,000 when absent. The
     * server sends a heartbeat every 8 s.
     */
    idleMs?: number;
}

/**
 * The failures after which a request is sent again: `always` after all that may pass, because doing
 * it twice is doing it once; `refused` only after the server said that it did nothing; or `never`.
 */
export type Again = "always" | "refused" | "never";

/** One request. */
export interface Outgoing {
    method: string;
    path: string;
    query?: Record<string, unknown> | undefined;
    body?: unknown;
    headers?: Record<string, string>;
    again?: Again;
    /** Sends no token; browsers ask no leave for such a `GET`. */
    isPublic?: boolean;
    signal?: AbortSignal | undefined;
}

/** Settings of one stream. */
export interface StreamOptions extends SseOptions {
    /** Called once the server has accepted the request, before its first event. */
    onOpen?: () => void;
}

/** The connection to one server. */
export class Transport {
    readonly baseUrl: string;
    /** The first pause before trying again. */
    readonly retryMs: number;
    /** The silence after which a connection counts as broken. */
    readonly idleMs: number;
    readonly #options: NaviOptions;

    constructor(options: NaviOptions) {
        this.baseUrl = options.baseUrl.replace(/\/+$/, "");
        this.retryMs = options.retryMs ?? 500;
        this.idleMs = options.idleMs ?? 30_000;
        this.#options = options;
    }

    /** The address of a path of the server. */
    url(path: string, query: Record<string, unknown> = {}): string {
        const pairs = Object.entries(query).filter(
            ([, value]) => value !== undefined && value !== null,
        );
        const search = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)]));
        return this.baseUrl + path + (pairs.length ? `?${search}` : "");
    }

    /** Sends a request, again after failures that pass; answers with a success or throws. */
    send(outgoing: Outgoing): Promise<Response> {
        return this.#sendAndRead(outgoing, async (response) => response);
    }

    /** Sends a request and reads its answer, both again after failures that pass. */
    async #sendAndRead<T>(
        outgoing: Outgoing,
        read: (response: Response) => Promise<T>,
    ): Promise<T> {
        const { retries = 4 } = this.#options;
        for (let failures = 0; ; failures++) {
            try {
                return await read(await this.#attempt(outgoing));
            } catch (error) {
                outgoing.signal?.throwIfAborted();
                if (failures >= retries || !mayRepeat(error, outgoing.again ?? "always"))
                    throw error;
                const retryAfter = error instanceof NaviError ? error.retry_after : undefined;
                await sleep(pauseMs(failures, this.retryMs, retryAfter), outgoing.signal);
            }
        }
    }

    /** Sends a request and reads the JSON of its answer; nothing for an empty one. */
    async json<T>(outgoing: Outgoing): Promise<T> {
        // The server answers some routes in another shape, or with a stream, when this is not said.
        const headers = { accept: "application/json", ...outgoing.headers };
        return this.#sendAndRead({ ...outgoing, headers }, async (response) => {
            const text = await this.#connected(() => response.text(), outgoing.signal);
            return (text === "" ? undefined : parseJson(text, "the answer")) as T;
        });
    }

    /** Sends a request and yields the events of the stream that answers it. */
    async *stream(outgoing: Outgoing, options: StreamOptions = {}): AsyncGenerator<SseMessage> {
        const headers = { accept: "text/event-stream", ...outgoing.headers };
        const { body } = await this.send({ ...outgoing, headers });
        if (!body) throw new NaviConnectionError("the answer has no body");
        options.onOpen?.();
        const messages = readSse(body, { idleMs: this.idleMs, ...options });
        try {
            for (;;) {
                const next = await this.#connected(() => messages.next(), outgoing.signal);
                if (next.done) return;
                // The rest of a piece that was read before the signal was aborted.
                outgoing.signal?.throwIfAborted();
                yield next.value;
            }
        } finally {
            await messages.return();
        }
    }

    async #attempt(outgoing: Outgoing): Promise<Response> {
        const token = outgoing.isPublic ? undefined : this.#options.token;
        outgoing.signal?.throwIfAborted();
        const bearer =
            typeof token === "function" ? await unlessAborted(token(), outgoing.signal) : token;
        const headers = new Headers(outgoing.headers);
        if (bearer) headers.set("authorization", `Bearer ${bearer}`);
        const init: RequestInit = { method: outgoing.method, headers, cache: "no-store" };
        if (outgoing.signal) init.signal = outgoing.signal;
        if (outgoing.body !== undefined) {
            headers.set("content-type", "application/json");
            init.body = JSON.stringify(outgoing.body);
        }
        const send = this.#options.fetch ?? fetch;
        const url = this.url(outgoing.path, outgoing.query);
        const response = await this.#connected(() => send(url, init), outgoing.signal);
        if (!response.ok) throw await NaviError.of(response);
        return response;
    }

    /** Tells a broken connection from a caller who gave up. */
    async #connected<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
        try {
            return await work();
        } catch (error) {
            if (signal?.aborted) throw signal.reason;
            const message = `the connection to ${this.baseUrl} failed: ${reasonOf(error)}`;
            throw new NaviConnectionError(message, { cause: error });
        }
    }
}

function mayRepeat(error: unknown, again: Again): boolean {
    if (again === "never") return false;
    if (!(error instanceof NaviError)) return again === "always" && isPassing(error);
    if (!isSoon(error.retry_after)) return false;
    // The first request with the same key is still worked on; its answer will be this one's.
    if (error.error_code === "IDEMPOTENCY_KEY_IN_FLIGHT") return true;
    if (again === "always") return isPassing(error);
    // A request that ran out of time may have been carried out, as may one that a proxy gave up.
    if (error.error_code === "REQUEST_TIMED_OUT" || !error.isProblem) return false;
    return error.status === 429 || error.status === 503;
}

/** The reason of a failure; of Node's `fetch` the cause has it, and the message says nothing. */
function reasonOf(error: unknown): string {
    if (!(error instanceof Error)) return String(error);
    const { cause } = error;
    return cause instanceof Error && cause.message !== "" ? cause.message : error.message;
}
