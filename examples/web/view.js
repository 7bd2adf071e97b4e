// Shows answers. Everything that a server or a model wrote is put into the page as text.
import { AnswerText } from "../../clients/typescript/dist/index.js";

/** @typedef {import("../../clients/typescript/dist/index.js").NaviEvent} NaviEvent */
/** @typedef {import("../../clients/typescript/dist/index.js").NaviClient} NaviClient */
/** @typedef {import("../../clients/typescript/dist/index.js").ConsentRequest} ConsentRequest */
/** @typedef {import("../../clients/typescript/dist/index.js").PromptRequest} PromptRequest */

const CHOICES = /** @type {const} */ ([
    ["allow_once", "Allow once"],
    ["allow_always_exact", "Always allow exactly this"],
    ["allow_always_type", "Always allow this type"],
    ["deny", "Deny"],
    ["alternative", "Do this instead"],
]);

/**
 * Makes an element.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, unknown>} [properties]
 * @param {(Node | string)[]} children
 */
export function element(tag, properties = {}, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
}

/**
 * @param {string} who
 * @param {string} text
 */
export function said(who, text) {
    const body = element("div", { className: "text", textContent: text });
    return element("article", { ariaLabel: who }, element("strong", {}, who), body);
}

/** One answer of the agent while it comes. */
export class Answer {
    article = said("NAVI", "");
    #client;
    #text = new AnswerText();
    /** @type {Map<string, HTMLElement>} */
    #open = new Map();
    #events = element("pre");

    /** @param {NaviClient} client */
    constructor(client) {
        this.#client = client;
        const details = element("details", {}, element("summary", {}, "Events"), this.#events);
        this.article.append(details);
    }

    /**
     * Shows the next event.
     *
     * @param {NaviEvent} event
     */
    show(event) {
        if (this.#text.add(event)) this.#body.textContent = String(this.#text);
        if (event.type !== "text") this.#events.append(`${JSON.stringify(event)}\n`);
        switch (event.type) {
            case "tool_call":
                return this.notice(`Uses ${event.tool_call.name}.`);
            case "command.consent_required":
                return this.#ask(event.data.consent_id, this.#consent(event.data));
            case "approval_recorded":
            case "approval_denied":
                return this.#settle(event.approval.consent_id, `${event.approval.decision}.`);
            case "prompt_request":
                return this.#ask(event.data.prompt_id, this.#prompt(event.data));
            case "status":
                if (event.status === "interrupted") {
                    this.notice("The server ends before the run does. The run goes on elsewhere.");
                }
                return;
            case "job_resumed":
                return this.notice(event.message);
            case "error":
                return this.notice(event.error);
            case "generation_logged":
                return this.article.append(this.#rating(event.gen_id));
            case "complete":
                return this.#end(event.summary);
        }
    }

    /** @param {string} text */
    notice(text) {
        this.article.append(element("p", { className: "notice text", textContent: text }));
    }

    get #body() {
        return /** @type {HTMLElement} */ (this.article.querySelector(".text"));
    }

    /**
     * @param {string} id
     * @param {HTMLElement} form
     */
    #ask(id, form) {
        // A log that is read again asks again.
        this.#open.get(id)?.remove();
        this.#open.set(id, form);
        this.article.append(form);
    }

    /**
     * Takes a question away, and says what became of it.
     *
     * @param {string | null | undefined} id
     * @param {string} outcome
     */
    #settle(id, outcome) {
        const form = this.#open.get(id ?? "");
        if (!form) return;
        this.#open.delete(id ?? "");
        form.replaceWith(element("p", { className: "text" }, `${form.dataset.about} — ${outcome}`));
    }

    /** @param {ConsentRequest} asked */
    #consent(asked) {
        const isCritical = asked.danger_level === "critical";
        const instead = element("input");
        const form = element(
            "fieldset",
            { className: `consent ${asked.danger_level}` },
            element("legend", {}, `${isCritical ? "Critical! " : ""}May the agent do this?`),
            element("pre", {}, asked.command),
            element("p", { className: "text" }, `Danger: ${asked.danger_level}. ${asked.warning}`),
            element("ul", {}, ...asked.consequences.map((text) => element("li", {}, text))),
            element("p", { className: "text" }, `Its type: ${asked.always_type_covers ?? "unknown"}`),
            element("label", {}, "Command to run instead", instead),
        );
        form.dataset.about = asked.command;
        for (const [choice, label] of CHOICES) {
            const button = element("button", { type: "button", value: choice }, label);
            button.onclick = () =>
                this.#send(form, () => {
                    const alternative =
                        choice === "alternative" ? { alternative: instead.value } : {};
                    return this.#client.answerConsent(asked.consent_id, choice, alternative);
                });
            form.append(button);
        }
        return form;
    }

    /** @param {PromptRequest} asked */
    #prompt(asked) {
        const id = asked.prompt_id;
        const form = element(
            "fieldset",
            { className: "prompt" },
            element("legend", {}, asked.title),
            element("p", { className: "text" }, asked.description),
        );
        form.dataset.about = asked.description;
        /** @param {string} label @param {() => Promise<unknown>} answer */
        const button = (label, answer) => {
            const made = element("button", { type: "button" }, label);
            made.onclick = async () => {
                if (await this.#send(form, answer)) this.#settle(id, label);
            };
            return made;
        };
        for (const { label, value } of asked.options) {
            form.append(button(label, () => this.#client.answerPrompt(id, value)));
        }
        if (asked.options.length === 0) {
            const text = element("input", { ariaLabel: asked.description });
            form.append(
                text,
                button("Answer", () => this.#client.answerPrompt(id, text.value)),
            );
        }
        form.append(button("No answer", () => this.#client.declinePrompt(id)));
        return form;
    }

    /** @param {number} genId */
    #rating(genId) {
        const form = element(
            "fieldset",
            { className: "rating" },
            element("legend", {}, "Was this good?"),
        );
        const state = element("span", { role: "status" });
        for (const [rating, sign, label] of /** @type {const} */ ([
            [1, "👍 ", "Good"],
            [-1, "👎 ", "Bad"],
        ])) {
            const icon = element("span", { ariaHidden: "true" }, sign);
            const button = element("button", { type: "button" }, icon, label);
            button.onclick = () =>
                this.#send(form, async () => {
                    const stored = await this.#client.rate(genId, rating);
                    state.textContent = `${label}: ${stored.message}.`;
                });
            form.append(button);
        }
        form.append(state);
        return form;
    }

    /** @param {Extract<NaviEvent, { type: "complete" }>["summary"]} summary */
    #end({ success, stopped_reason, verification, cost_usd }) {
        for (const id of this.#open.keys()) this.#settle(id, "not answered.");
        // A chat has no summary: its text is all there is to say.
        if (stopped_reason === undefined) return;
        const cost = cost_usd == null ? "unknown" : `$${cost_usd}`;
        const outcome = success ? "Done" : "Not done";
        this.notice(`${outcome}: ${stopped_reason}; checks: ${verification}; cost: ${cost}.`);
    }

    /**
     * Sends an answer once; the form can be used again when that fails.
     *
     * @param {HTMLFieldSetElement} form
     * @param {() => Promise<unknown>} answer
     */
    async #send(form, answer) {
        form.disabled = true;
        try {
            await answer();
            form.disabled = form.className !== "rating";
            return true;
        } catch (error) {
            this.notice(String(error));
            form.disabled = false;
            return false;
        }
    }
}
