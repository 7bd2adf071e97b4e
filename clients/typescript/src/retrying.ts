/** Pauses between attempts. */

/** The longest pause that is chosen here, and the longest `Retry-After` that is waited for. */
const LONGEST_MS = 30_000;
const LONGEST_RETRY_AFTER_S = 120;

/**
 * The pause before the next attempt: doubled with each failure and drawn from its upper half, so
 * that clients that lost the same server do not all come back at once. `retryAfter` (seconds) is
 * never undercut.
 */
export function pauseMs(failures: number, firstMs: number, retryAfter = 0): number {
    const longest = Math.min(LONGEST_MS, firstMs * 2 ** Math.min(failures, 16));
    return Math.max(retryAfter * 1000, 0) + longest * (0.5 + Math.random() / 2);
}

/** Tells a `Retry-After` that is waited for here from one that is left to the caller. */
export function isSoon(retryAfter: number | undefined): boolean {
    return retryAfter === undefined || retryAfter <= LONGEST_RETRY_AFTER_S;
}

/** Awaits work that cannot be aborted; rejects with the signal's reason once that is aborted. */
export async function unlessAborted<T>(work: T | Promise<T>, signal?: AbortSignal): Promise<T> {
    if (!signal) return work;
    signal.throwIfAborted();
    let stop = () => {};
    const aborted = new Promise<never>((_, reject) => {
        stop = () => reject(signal.reason);
        signal.addEventListener("abort", stop, { once: true });
    });
    try {
        return await Promise.race([work, aborted]);
    } finally {
        signal.removeEventListener("abort", stop);
    }
}

/** Waits; rejects with the signal's reason as soon as it is aborted. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
            signal?.removeEventListener("abort", stop);
            resolve();
        }, ms);
        const stop = () => {
            clearTimeout(timer);
            reject(signal?.reason);
        };
        signal?.addEventListener("abort", stop, { once: true });
    });
}
