/** Follows runs and jobs to their end, through lost connections and servers. */
import type { components } from "./api.js";
import { eventsOf, type NaviEvent } from "./events.js";
import { isPassing, NaviError } from "./problem.js";
import { isSoon, pauseMs, sleep } from "./retrying.js";
import type { Transport } from "./transport.js";

/** The place to begin at, and the signal to leave. */
export interface FollowOptions {
    /** The number of the last event that was seen; 0 for all of them. */
    after?: number;
    /** Leaves; the job goes on. */
    signal?: AbortSignal | undefined;
    /** Hears of a connection that was lost, and in how many milliseconds the next is tried. */
    onReconnect?: (error: Error, inMs: number) => void;
}

/** Yields the events of a job after one of them, each once and without gaps, until it is over. */
export async function* followJob(
    transport: Transport,
    jobId: string,
    { after = 0, signal, onReconnect }: FollowOptions = {},
): AsyncGenerator<NaviEvent, void, undefined> {
    let cursor = after;
    let firstMs = transport.retryMs;
    for (let failures = 0; ; failures++) {
        let lost: Error;
        try {
            const path = `/api/jobs/${encodeURIComponent(jobId)}/events`;
            // A parameter and not `Last-Event-ID`: it is the same, and needs no leave from CORS.
            const query = { after_sequence: cursor };
            const outgoing = { method: "GET", path, query, again: "refused", signal } as const;
            const onRetry = (ms: number) => {
                // The server is there and says how soon to come back.
                firstMs = ms;
                failures = 0;
            };
            for await (const event of eventsOf(transport.stream(outgoing, { onRetry }))) {
                const { sequence } = event;
                if (sequence !== undefined && event.type !== "job_terminal") {
                    if (sequence <= cursor) continue;
                    cursor = sequence;
                }
                yield event;
            }
            return;
        } catch (error) {
            if (!isPassing(error)) throw error;
            if (error instanceof NaviError && !isSoon(error.retry_after)) throw error;
            lost = error;
        }
        const ms = pauseMs(failures, firstMs, lost instanceof NaviError ? lost.retry_after : 0);
        onReconnect?.(lost, ms);
        await sleep(ms, signal);
    }
}

/** The options of a run. */
export type RunOptions = Omit<FollowOptions, "after">;

/** The body of a run. */
export type RunRequest = components["schemas"]["TaskRequest"];

/**
 * Starts a run and yields its events to its end, each once. When the connection breaks or the
 * server ends first, the run is followed as a job.
 *
 * The server would end a run whose connection closes, also when a network breaks it. So the run
 * may go on by itself, and aborting the signal cancels it; unless `on_disconnect` says what is
 * wanted, in which case aborting only closes the connection. Leaving the loop leaves the run.
 */
export async function* startRun(
    transport: Transport,
    request: RunRequest,
    { signal, onReconnect }: RunOptions = {},
): AsyncGenerator<NaviEvent, void, undefined> {
    signal?.throwIfAborted();
    const stop = new Stop(transport, signal, request.on_disconnect === undefined);
    const body = { on_disconnect: "continue", ...request };
    const path = "/api/navi/chat/autonomous";
    const outgoing = { method: "POST", path, body, again: "refused", signal: stop.closed } as const;
    let cursor = 0;
    let isOver = false;
    try {
        try {
            const onOpen = () => stop.opens();
            for await (const event of eventsOf(transport.stream(outgoing, { onOpen }))) {
                if (event.type === "status" && event.task_id) stop.knows(event.task_id);
                // Only the id is waited for after the button was pressed.
                if (stop.isPressed) continue;
                cursor = event.sequence ?? cursor;
                isOver = event.type === "complete";
                yield event;
            }
        } catch (error) {
            if (!isOver) signal?.throwIfAborted();
            // Before it has named its id, a run cannot be found again.
            if (!isOver && (stop.runId === undefined || !isPassing(error))) throw error;
            if (!isOver) onReconnect?.(error as Error, 0);
        }
        if (!isOver) signal?.throwIfAborted();
        // Else the connection broke, or the server ends and another goes on with the run.
        if (isOver || stop.runId === undefined) return;
        const options = { after: cursor, signal: stop.closed, ...(onReconnect && { onReconnect }) };
        yield* followJob(transport, stop.runId, options);
    } finally {
        await stop.settle();
    }
}

/** The stop button of a run, which may be pressed before the run has named its id. */
class Stop {
    runId: string | undefined;
    readonly #transport: Transport;
    readonly #signal: AbortSignal | undefined;
    readonly #cancels: boolean;
    readonly #closing = new AbortController();
    #isOpen = false;
    #timer: ReturnType<typeof setTimeout> | undefined;
    readonly #pressed = () => {
        const waits = this.#cancels && this.#isOpen && this.runId === undefined;
        // A run names its id at once, unless the connection is dead.
        if (waits) this.#timer = setTimeout(() => this.#close(), this.#transport.idleMs);
        else this.#close();
    };

    constructor(transport: Transport, signal: AbortSignal | undefined, cancels: boolean) {
        this.#transport = transport;
        this.#signal = signal;
        this.#cancels = cancels;
        signal?.addEventListener("abort", this.#pressed, { once: true });
    }

    /** Aborted when the connection is to be closed. */
    get closed(): AbortSignal {
        return this.#closing.signal;
    }

    /** True once the signal is aborted. */
    get isPressed(): boolean {
        return this.#signal?.aborted ?? false;
    }

    /** Notes that the server has accepted the run, which names its id next. */
    opens(): void {
        this.#isOpen = true;
    }

    knows(runId: string): void {
        this.runId = runId;
        if (this.isPressed) this.#close();
    }

    /** Cancels the run if the button was pressed, and lets go of the signal. */
    async settle(): Promise<void> {
        clearTimeout(this.#timer);
        this.#signal?.removeEventListener("abort", this.#pressed);
        if (!this.#signal?.aborted || !this.#cancels || this.runId === undefined) return;
        const path = `/api/jobs/${this.runId}/cancel`;
        try {
            await this.#transport.send({ method: "POST", path });
        } catch (error) {
            // It ended by itself meanwhile.
            if (!(error instanceof NaviError && error.error_code === "JOB_OVER")) throw error;
        }
    }

    #close(): void {
        this.#closing.abort(this.#signal?.reason);
    }
}
