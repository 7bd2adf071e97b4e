/** Work in the background. */
import type { components } from "./api.js";
import type { Call, CallOptions, CreateOptions, Query } from "./calling.js";
import type { NaviEvent } from "./events.js";
import { type FollowOptions, followJob } from "./following.js";
import type { Transport } from "./transport.js";

type Schemas = components["schemas"];
type Moved = Promise<Schemas["JobMoved"]>;

/** The five answers to a consent. */
export type ConsentChoice = Schemas["ConsentChoice"];

/** The parts of an answer to a consent beside the choice. */
export interface ConsentOptions extends CallOptions {
    /** The command to run instead; needed with `alternative`. */
    alternative?: string;
}

/** The jobs of the caller, and every other run looked at as a job. */
export class Jobs {
    readonly #call: Call;
    readonly #transport: Transport;

    constructor(call: Call, transport: Transport) {
        this.#call = call;
        this.#transport = transport;
    }

    /** Asks for work. */
    create(
        body: Schemas["NewJobRequest"],
        options: CreateOptions = {},
    ): Promise<Schemas["JobCreatedView"]> {
        return this.#call("post", "/api/jobs", { body, ...options });
    }

    /** One page, newest first. */
    list(query: Query<"/api/jobs"> = {}, options: CallOptions = {}): Promise<Schemas["JobPage"]> {
        return this.#call("get", "/api/jobs", { query, ...options });
    }

    async get(id: string, options: CallOptions = {}): Promise<Schemas["JobView"]> {
        const path = { job_id: id };
        const { job } = await this.#call("get", "/api/jobs/{job_id}", { path, ...options });
        return job;
    }

    /** Yields its events to its end, through lost connections and servers. */
    follow(id: string, options: FollowOptions = {}): AsyncGenerator<NaviEvent, void, undefined> {
        return followJob(this.#transport, id, options);
    }

    /** Lets a job begin that was told to wait. */
    start(id: string, options: CallOptions = {}): Moved {
        return this.#call("post", "/api/jobs/{job_id}/start", { path: { job_id: id }, ...options });
    }

    /** Makes sure that it goes on. */
    resume(id: string, options: CallOptions = {}): Moved {
        return this.#call("post", "/api/jobs/{job_id}/resume", {
            path: { job_id: id },
            ...options,
        });
    }

    /** Ends it; twice is harmless. */
    cancel(id: string, options: CallOptions = {}): Moved {
        return this.#call("post", "/api/jobs/{job_id}/cancel", {
            path: { job_id: id },
            ...options,
        });
    }

    /** Answers the consent that it waits for, or the one that is named. */
    approve(
        id: string,
        choice: ConsentChoice,
        { alternative, consentId, signal }: ConsentOptions & { consentId?: string } = {},
    ): Moved {
        const body = {
            choice,
            alternative_command: alternative ?? null,
            consent_id: consentId ?? null,
        };
        const path = { job_id: id };
        return this.#call("post", "/api/jobs/{job_id}/approve", { path, body, signal });
    }
}
