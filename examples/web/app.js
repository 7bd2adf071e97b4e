// The page: signing in, conversations, and the three ways to ask.
import { isPassing, NaviClient } from "../../clients/typescript/dist/index.js";
import { Answer, element, said } from "./view.js";

/** @typedef {import("../../clients/typescript/dist/index.js").RunRequest} RunRequest */

/**
 * @template {HTMLElement} T
 * @param {string} id
 */
const byId = (id) => /** @type {T} */ (document.getElementById(id));

/** @type {HTMLInputElement} */
const message = byId("message");
/** @type {HTMLInputElement} */
const workspace = byId("workspace");
/** @type {HTMLButtonElement} */
const stop = byId("stop");
const transcript = byId("transcript");

/** @type {NaviClient} */
let client;
/** @type {string | undefined} */
let conversation;
let stopping = new AbortController();

/** @param {unknown} text */
function status(text) {
    byId("status").textContent = String(text);
}

byId("sign-in").onsubmit = async (event) => {
    event.preventDefault();
    /** @type {HTMLInputElement} */
    const server = byId("server");
    /** @type {HTMLInputElement} */
    const token = byId("token");
    client = new NaviClient({ baseUrl: server.value, token: token.value });
    try {
        // Public, so that a server that cannot be reached is told from a token that is refused.
        if (!(await client.isReady())) return status("The server is not ready; try again.");
        const me = await client.me();
        status(`Connected as ${me.user_id} (${me.role}) of ${me.org_id}.`);
        byId("work").hidden = false;
        await listConversations();
    } catch (error) {
        status(error);
    }
};

async function listConversations() {
    const listed = await client.conversations.list({ limit: 20 });
    const items = listed.map(({ id, title }) => {
        const button = element("button", { type: "button" }, title || "Untitled");
        button.onclick = () => load(id).catch(status);
        return element("li", {}, button);
    });
    byId("conversations").replaceChildren(...items);
}

/** @param {string} id */
async function load(id) {
    const { messages } = await client.conversations.get(id);
    const shown = (messages ?? []).map(({ role, content }) =>
        said(role === "user" ? "You" : "NAVI", content),
    );
    transcript.replaceChildren(...shown);
    conversation = id;
}

byId("new-conversation").onclick = () => {
    conversation = undefined;
    transcript.replaceChildren();
};

stop.onclick = () => stopping.abort(new Error("Stopped."));

byId("ask").onsubmit = async (event) => {
    event.preventDefault();
    const { value: way } = /** @type {HTMLButtonElement} */ (event.submitter);
    const answer = new Answer(client);
    transcript.append(said("You", message.value), answer.article);
    stopping = new AbortController();
    setBusy(true);
    try {
        const request = await requested();
        if (way === "chat") await chat(request, answer);
        else if (way === "run") await run(request, answer);
        else await work(request, answer);
    } catch (error) {
        answer.notice(error instanceof Error ? error.message : String(error));
    } finally {
        setBusy(false);
        await listConversations().catch(status);
    }
};

/** @param {boolean} isBusy */
function setBusy(isBusy) {
    stop.disabled = !isBusy;
    for (const id of ["chat", "run", "job"]) /** @type {any} */ (byId(id)).disabled = isBusy;
}

/** The request of the form; what is said in its conversation is kept by the server. */
async function requested() {
    const text = message.value;
    message.value = "";
    conversation ??= (await client.conversations.create({ title: text.slice(0, 80) })).id;
    /** @type {RunRequest} */
    const request = { message: text, conversation_id: conversation };
    if (workspace.value) request.workspace_path = workspace.value;
    return request;
}

/**
 * @param {RunRequest} request
 * @param {Answer} answer
 */
async function chat(request, answer) {
    const { signal } = stopping;
    for await (const event of client.chatStream(request, { signal })) answer.show(event);
}

/**
 * A run that is watched. The client goes on with it when a connection or a server is lost.
 *
 * @param {RunRequest} request
 * @param {Answer} answer
 */
async function run(request, answer) {
    const onReconnect = () => status("The connection is lost; connecting again…");
    for await (const event of client.run(request, { signal: stopping.signal, onReconnect })) {
        status("Working…");
        answer.show(event);
    }
    status("Ready.");
}

/**
 * A job, followed with the browser's own `EventSource`. It cannot send a token, so its address has
 * a ticket. It connects again by itself, until the ticket is too old: then it gets a new one.
 *
 * @param {RunRequest} request
 * @param {Answer} answer
 */
async function work(request, answer) {
    const { job } = await client.jobs.create(request, { signal: stopping.signal });
    const cancel = () => client.jobs.cancel(job.job_id).catch(status);
    stopping.signal.addEventListener("abort", cancel);
    let after = 0;
    for (;;) {
        try {
            const url = await client.eventSourceUrl(`/api/jobs/${job.job_id}/events`, { after });
            const isOver = await listen(new EventSource(url), ({ data, lastEventId }) => {
                after = Number(lastEventId) || after;
                const event = JSON.parse(data);
                if (event.type !== "heartbeat") answer.show(event);
            });
            if (isOver) return status("Ready.");
        } catch (error) {
            if (!isPassing(error)) throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
}

/**
 * Listens until `[DONE]`, or until the browser gives the stream up; answers which.
 *
 * @param {EventSource} source
 * @param {(message: MessageEvent<string>) => void} hear
 * @returns {Promise<boolean>}
 */
async function listen(source, hear) {
    try {
        return await new Promise((resolve) => {
            source.onopen = () => status("Working…");
            source.onmessage = (message) => {
                if (message.data === "[DONE]") resolve(true);
                else hear(message);
            };
            source.onerror = () => {
                status("The connection is lost; connecting again…");
                if (source.readyState === EventSource.CLOSED) resolve(false);
            };
        });
    } finally {
        source.close();
    }
}
