/** The events of runs and chats. */
import type { components } from "./api.js";
import { NaviConnectionError, parseJson } from "./problem.js";
import type { SseMessage } from "./sse.js";

type Schemas = components["schemas"];
type RunEvent = Schemas["RunEvent"];

/** A tool call that waits for a consent. */
export interface ConsentRequest {
    consent_id: string;
    command: string;
    shell: string;
    cwd: string;
    /** `low`, `medium`, `high` or `critical`. */
    danger_level: string;
    warning: string;
    consequences: string[];
    alternatives: string[];
    rollback_possible: boolean;
    tool: string;
    tool_call_id: string;
    timeout_seconds: number;
    /** What `allow_always_type` would cover, in one sentence. Older servers do not say it. */
    always_type_covers?: string;
    [more: string]: unknown;
}

/** A question of a run to its user. */
export interface PromptRequest {
    prompt_id: string;
    title: string;
    description: string;
    prompt_type: string;
    options: { value: string; label: string; [more: string]: unknown }[];
    timeout_seconds: number;
    [more: string]: unknown;
}

/** The fields that streams of jobs add to every event, and that streams of runs lack. */
export interface Place {
    /** The event's number in the log of its run, from 1; frames beside the log have none. */
    sequence?: number;
    job_id?: string;
    job_status?: string;
}

/** The events that this client adds to those that the server describes. */
interface Others {
    "command.consent_required": { data: ConsentRequest; timestamp: number };
    prompt_request: { data: PromptRequest; timestamp: number };
    /** The last frame of a job's stream. */
    job_terminal: { job_status: string };
    /** The current activity of a chat. */
    activity: { activity: { kind: string; label: string; detail: string; status: string } };
    /** Stands for all that this version does not know; its real `type` is what the server sent. */
    unknown: { [field: string]: unknown };
}

type Known = Exclude<RunEvent, { type: keyof Others }>;
type Added = { [T in keyof Others]: { type: T } & Others[T] }[keyof Others];

/** One event, as the server sent it, with its number as `sequence`. */
export type NaviEvent = (Known | Added) & Place;

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
