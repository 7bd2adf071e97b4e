/** Conversations, which the server keeps. */
import type { components } from "./api.js";
import type { Call, CallOptions, CreateOptions, Query } from "./calling.js";

type Schemas = components["schemas"];
type View = Schemas["ConversationView"];

const ALL = "/api/navi-memory/conversations";
const ONE = "/api/navi-memory/conversations/{id}";

/** The conversations of the caller. */
export class Conversations {
    readonly #call: Call;

    constructor(call: Call) {
        this.#call = call;
    }

    list(query: Query<typeof ALL> = {}, options: CallOptions = {}): Promise<View[]> {
        return this.#call("get", ALL, { query, ...options });
    }

    create(body: Schemas["CreateConversation"], options: CreateOptions = {}): Promise<View> {
        return this.#call("post", ALL, { body, ...options });
    }

    /** One conversation with its messages. */
    get(id: string, options: CallOptions = {}): Promise<Schemas["ConversationDetail"]> {
        return this.#call("get", ONE, { path: { id }, ...options });
    }

    /** Changes its title, status and marks. */
    update(
        id: string,
        body: Schemas["ChangeConversation"],
        options: CallOptions = {},
    ): Promise<View> {
        return this.#call("patch", ONE, { path: { id }, body, ...options });
    }

    delete(id: string, options: CallOptions = {}): Promise<Schemas["Done"]> {
        return this.#call("delete", ONE, { path: { id }, ...options });
    }

    append(
        id: string,
        body: Schemas["AppendMessage"],
        options: CreateOptions = {},
    ): Promise<Schemas["MessageView"]> {
        return this.#call("post", `${ONE}/messages`, { path: { id }, body, ...options });
    }
}
