/** Reads server-sent events from the body of an answer, as the HTML standard describes them. */

/** One event of a stream. */
export interface SseMessage {
    /** The `id:` of this very event; unlike `lastEventId` of browsers it is not carried over. */
    id?: string;
    /** The `event:` name. */
    event?: string;
    /** The `data:` lines, joined by line feeds. */
    data: string;
}

/** Takes a stream apart that comes in pieces, split anywhere. */
export class SseParser {
    /** The pause before connecting again that the stream asked for, in milliseconds. */
    retry: number | undefined;
    #rest = "";
    /** True when the last piece ended with a carriage return, to which a line feed may belong. */
    #returned = false;
    #data: string[] = [];
    #id: string | undefined;
    #event: string | undefined;

    /** Takes the next piece; answers with the events that it completes. */
    push(text: string): SseMessage[] {
        if (text === "") return [];
        const found: SseMessage[] = [];
        const ends = /\r\n|\n|\r/g;
        let start = this.#returned && text.startsWith("\n") ? 1 : 0;
        ends.lastIndex = start;
        for (let end = ends.exec(text); end; end = ends.exec(text)) {
            const message = this.#line(this.#rest + text.slice(start, end.index));
            if (message) found.push(message);
            this.#rest = "";
            start = ends.lastIndex;
        }
        this.#rest += text.slice(start);
        this.#returned = text.endsWith("\r");
        return found;
    }

    #line(line: string): SseMessage | undefined {
        if (line === "") return this.#dispatch();
        const colon = line.indexOf(":");
        const name = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
        // A line that begins with a colon is a comment: its name is empty.
        if (name === "data") this.#data.push(value);
        else if (name === "event") this.#event = value;
        else if (name === "id" && !value.includes("\0")) this.#id = value;
        else if (name === "retry" && /^\d+$/.test(value)) this.retry = Number(value);
        return undefined;
    }

    #dispatch(): SseMessage | undefined {
        const message: SseMessage | undefined =
            this.#data.length === 0
                ? undefined
                : {
                      ...(this.#id === undefined ? {} : { id: this.#id }),
                      ...(this.#event ? { event: this.#event } : {}),
                      data: this.#data.join("\n"),
                  };
        this.#data = [];
        this.#id = undefined;
        this.#event = undefined;
        return message;
    }
}

/** The options of reading a stream. */
export interface SseOptions {
    /** Ends the reading with an error when nothing at all came for this long; 0 sets no limit. */
    idleMs?: number;
    /** Takes the pause before connecting again, in milliseconds, when the stream names one. */
    onRetry?: (ms: number) => void;
}

/**
 * Yields the events of a body until it ends. An event that its end cuts off is dropped, as the
 * standard says. Leaving the loop closes the connection.
 */
export async function* readSse(
    body: ReadableStream<Uint8Array>,
    { idleMs = 0, onRetry }: SseOptions = {},
): AsyncGenerator<SseMessage, void, undefined> {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    const parser = new SseParser();
    try {
        for (;;) {
            const { done, value } = await within(idleMs, reader.read());
            if (done) return;
            const messages = parser.push(decoder.decode(value, { stream: true }));
            if (parser.retry !== undefined) onRetry?.(parser.retry);
            yield* messages;
        }
    } finally {
        // Not awaited: a connection that is broken may never confirm it.
        reader.cancel().catch(() => {});
    }
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
    if (ms === 0) return promise;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const silence = new Promise<never>((_, reject) => {
        const error = new Error(`the stream was silent for ${ms} ms`);
        timer = setTimeout(() => reject(error), ms);
    });
    try {
        return await Promise.race([promise, silence]);
    } finally {
        clearTimeout(timer);
    }
}
