/** The events of runs and chats. */
import type { components } from "./api.js";
import { NaviConnectionError, parseJson } from "./problem.js";
import type { SseMessage } from "./sse.js";

type Schemas = components["schemas"];
type RunEvent = Schemas["RunEvent"];

/** A tool call that waits for a consent. */
export type ConsentRequest = Schemas["ConsentRequest"];

/** A question of a run to its user. */
export type PromptRequest = Schemas["PromptRequest"];

/** The fields that streams of jobs add to every event, and that streams of runs lack. */
export interface Place {
    /** The event's number in the log of its run, from 1; frames beside the log have none. */
    sequence?: number;
    job_id?: string;
    job_status?: Schemas["JobStatus"];
}

/** Stands for all that this version does not know; its real `type` is what the server sent. */
interface Unknown {
    type: "unknown";
    [field: string]: unknown;
}

type Known = Exclude<RunEvent, { type: "heartbeat" }> | Schemas["ChatActivityEvent"];

/** One event, as the server sent it, with its number as `sequence`. */
export type NaviEvent = (Known | Unknown) & Place;

/** The text that ends every stream. */
const DONE = "[DONE]";

/**
 * Yields the events of a stream until `[DONE]`; heartbeats are left out. Throws
 * `NaviConnectionError` when the stream ends without it, because then it was cut off.
 */
export async function* eventsOf(messages: AsyncIterable<SseMessage>): AsyncGenerator<NaviEvent> {
    for await (const message of messages) {
        if (message.data === DONE) return;
        const event = eventOf(message);
        if (event) yield event;
    }
    throw new NaviConnectionError("the stream was cut off");
}

function eventOf({ id, data }: SseMessage): NaviEvent | undefined {
    const event: unknown = parseJson(data, "an event");
    if (typeof event !== "object" || event === null) return undefined;
    const fields = event as Record<string, unknown>;
    if (fields["type"] === "heartbeat") return undefined;
    // The first frame of an interactive stream has no type, for the sake of the oldest clients.
    if (fields["type"] === undefined && "router_info" in fields) fields["type"] = "router_info";
    if (id !== undefined) fields["sequence"] = Number(id);
    return fields as NaviEvent;
}

/** Puts the text of an answer together, without the pieces that were begun in vain. */
export class AnswerText {
    #pieces: { sequence: number; text: string }[] = [];

    /** Takes the next event of a run; answers whether the text is another one now. */
    add(event: NaviEvent): boolean {
        if (event.type === "text") {
            this.#pieces.push({ sequence: event.sequence ?? 0, text: event.text });
            return true;
        }
        if (event.type !== "job_resumed") return false;
        const before = this.#pieces.length;
        this.#pieces = this.#pieces.filter(({ sequence }) => sequence <= event.discard_after);
        return this.#pieces.length !== before;
    }

    toString(): string {
        return this.#pieces.map(({ text }) => text).join("");
    }
}
