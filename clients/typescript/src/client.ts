/** The client: every route by its path, and the common ones by name. */
import type { components } from "./api.js";
import type { Answer, AnyInput, CallOptions, Input, Method, PathOf, Route } from "./calling.js";
import { Conversations } from "./conversations.js";
import { eventsOf, type NaviEvent } from "./events.js";
import { type FollowOptions, type RunOptions, type RunRequest, startRun } from "./following.js";
import { type ConsentChoice, type ConsentOptions, Jobs } from "./jobs.js";
import { NaviError } from "./problem.js";
import { type NaviOptions, Transport } from "./transport.js";

type Schemas = components["schemas"];

/** A ticket for one stream, good for a moment. */
export type StreamTicket = Schemas["StreamTicket"];

/** Routes that create something once for a key, however often they are called. */
const KEYED = [
    /^\/api\/(navi\/)?jobs$/,
    /^\/api\/navi\/plan$/,
    /^\/api\/navi-memory\/conversations(\/[^/]+\/messages)?$/,
];
/** Routes that ask a model and take no key: asking twice costs twice. */
const ASKING = /^\/api\/navi\/(chat(\/.*)?|analyze-changes|next)$/;

/** A client of one server for one person. */
export class NaviClient {
    readonly #transport: Transport;
    /** Work in the background. */
    readonly jobs: Jobs;
    /** Conversations, which the server keeps. */
    readonly conversations: Conversations;

    constructor(options: NaviOptions) {
        this.#transport = new Transport(options);
        const call = this.call.bind(this);
        this.jobs = new Jobs(call, this.#transport);
        this.conversations = new Conversations(call);
    }

    /**
     * Calls any route that answers with JSON. It is sent again after failures that pass, as far as
     * that cannot do anything twice. Throws `NaviError` and `NaviConnectionError`.
     */
    async call<M extends Method, P extends PathOf<M>>(
        method: M,
        path: P,
        input: Input<Route<M, P>>,
    ): Promise<Answer<Route<M, P>>> {
        const given: AnyInput = input;
        const address = path.replace(/\{(\w+)\}/g, (_, name: string) =>
            encodeURIComponent(String(given.path?.[name])),
        );
        const isKeyed = method === "post" && KEYED.some((route) => route.test(address));
        const key = given.idempotencyKey ?? (isKeyed ? newKey() : undefined);
        return this.#transport.json({
            method: method.toUpperCase(),
            path: address,
            query: given.query,
            body: given.body,
            headers: key === undefined ? {} : { "idempotency-key": key },
            again: ASKING.test(address) ? "refused" : "always",
            signal: given.signal,
        });
    }

    /** Answers whether the server takes requests; public, so it shows that it can be reached. */
    async isReady({ signal }: CallOptions = {}): Promise<boolean> {
        const how = { again: "never", isPublic: true, signal } as const;
        const outgoing = { method: "GET", path: "/health/ready", ...how };
        try {
            return (await this.#transport.json<Schemas["HealthReport"]>(outgoing)).ok;
        } catch (error) {
            if (error instanceof NaviError && error.status === 503) return false;
            throw error;
        }
    }

    /** The person that the token stands for. */
    me(options: CallOptions = {}): Promise<Schemas["Me"]> {
        return this.call("get", "/api/auth/me", options);
    }

    /**
     * Starts a run and yields its events to its end, each once; when the connection breaks or the
     * server ends, it goes on as a job. Aborting the signal cancels the run, leaving the loop leaves
     * it, and `on_disconnect` in the request decides otherwise.
     */
    run(request: RunRequest, options: RunOptions = {}): AsyncGenerator<NaviEvent, void, undefined> {
        return startRun(this.#transport, request, options);
    }

    /** Asks a question; the answer comes whole. */
    chat(body: RunRequest, options: CallOptions = {}): Promise<Schemas["ChatAnswer"]> {
        return this.call("post", "/api/navi/chat", { body, ...options });
    }

    /** Asks a question; the answer comes as events. A chat that is cut off is lost. */
    chatStream(body: RunRequest, { signal }: CallOptions = {}): AsyncGenerator<NaviEvent> {
        const path = "/api/navi/chat/stream/v2";
        const outgoing = { method: "POST", path, body, again: "refused", signal } as const;
        return eventsOf(this.#transport.stream(outgoing));
    }

    /** Answers whether the agent may do something; the same answer twice is harmless. */
    answerConsent(
        id: string,
        choice: ConsentChoice,
        { alternative, signal }: ConsentOptions = {},
    ): Promise<Schemas["ConsentTaken"]> {
        const [path, body] = [
            { consent_id: id },
            { choice, alternative_command: alternative ?? null },
        ];
        return this.call("post", "/api/navi/consent/{consent_id}", { path, body, signal });
    }

    /** Answers a question of a run. */
    answerPrompt(
        id: string,
        response: unknown,
        { signal }: CallOptions = {},
    ): Promise<Schemas["PromptTaken"]> {
        const [path, body] = [{ prompt_id: id }, { response }];
        return this.call("post", "/api/navi/prompt/{prompt_id}", { path, body, signal });
    }

    /** Says that the user does not want to answer a question of a run. */
    declinePrompt(id: string, { signal }: CallOptions = {}): Promise<Schemas["PromptTaken"]> {
        const [path, body] = [{ prompt_id: id }, { cancelled: true }];
        return this.call("post", "/api/navi/prompt/{prompt_id}", { path, body, signal });
    }

    /** Rates an answer: 1 accepts it, -1 rejects it, 0 takes back what was said. */
    rate(
        genId: number,
        rating: 1 | 0 | -1,
        { reason, comment, signal }: CallOptions & { reason?: string; comment?: string } = {},
    ): Promise<Schemas["RatingStored"]> {
        const body = { gen_id: genId, rating, reason: reason ?? null, comment: comment ?? null };
        return this.call("post", "/api/feedback/submit", { body, signal });
    }

    /** Gets a ticket for the stream at a path, for clients that cannot send headers. */
    streamTicket(path: string, { signal }: CallOptions = {}): Promise<StreamTicket> {
        return this.call("post", "/api/auth/stream-ticket", { body: { path }, signal });
    }

    /**
     * The address for an `EventSource` on a stream, with a ticket in it. It is good for a moment and
     * for one path, so make a new one whenever the `EventSource` has closed for good.
     */
    async eventSourceUrl(path: string, options: FollowOptions = {}): Promise<string> {
        const { ticket } = await this.streamTicket(path, options);
        return this.#transport.url(path, { after_sequence: options.after, ticket });
    }
}

/** A name for a request; `crypto.randomUUID` is missing from pages that came without TLS. */
function newKey(): string {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
