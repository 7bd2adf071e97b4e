/** The errors that requests end with. */

/** A problem (RFC 9457) that the server answered with; members are named as on the wire. */
export class NaviError extends Error {
    override readonly name = "NaviError";
    /** The HTTP status. */
    readonly status: number;
    /** The code for programs, such as `JOB_NOT_FOUND`; docs/errors.md lists them. */
    readonly error_code: string;
    /** The sentence for people: what is wrong and what to do about it. */
    readonly detail: string;
    /** The name of the request in the server's log. */
    readonly request_id: string | undefined;
    /** Seconds after which trying again makes sense. */
    readonly retry_after: number | undefined;
    /** True for a problem of NAVI itself; a proxy's answer is no `application/problem+json`. */
    readonly isProblem: boolean;

    constructor(problem: {
        status: number;
        error_code: string;
        detail: string;
        request_id?: string | undefined;
        retry_after?: number | undefined;
        isProblem?: boolean;
    }) {
        super(`${problem.detail} (${problem.error_code})`);
        this.status = problem.status;
        this.error_code = problem.error_code;
        this.detail = problem.detail;
        this.request_id = problem.request_id;
        this.retry_after = problem.retry_after;
        this.isProblem = problem.isProblem ?? false;
    }

    /** Reads the problem of an answer that is no success, also of a proxy that knows no problems. */
    static async of(response: Response): Promise<NaviError> {
        const text = await response.text().catch(() => "");
        const body = parsed(text);
        const header = (name: string) => response.headers.get(name) ?? undefined;
        return new NaviError({
            status: response.status,
            error_code:
                asText(body["error_code"]) ?? header("x-error-code") ?? `HTTP_${response.status}`,
            detail: asText(body["detail"]) ?? (response.statusText || "the server sent no details"),
            request_id: asText(body["request_id"]) ?? header("x-request-id"),
            retry_after: seconds(header("retry-after")) ?? asNumber(body["retry_after"]),
            isProblem: /^application\/problem\+json\b/i.test(header("content-type") ?? ""),
        });
    }
}

/**
 * A connection that could not be made, that broke, or whose content is not JSON. Browsers do not say
 * why: the server may be away, or it does not allow the page's origin.
 */
export class NaviConnectionError extends Error {
    override readonly name = "NaviConnectionError";
}

/** Parses JSON. Other text counts as a broken connection: it was cut off, or a proxy wrote it. */
export function parseJson(text: string, what: string): unknown {
    try {
        return JSON.parse(text);
    } catch (error) {
        throw new NaviConnectionError(`${what} is no JSON`, { cause: error });
    }
}

/** Tells failures that may pass without a change of the request from those that cannot. */
export function isPassing(error: unknown): error is NaviError | NaviConnectionError {
    if (error instanceof NaviConnectionError) return true;
    return error instanceof NaviError && [429, 502, 503, 504].includes(error.status);
}

function parsed(text: string): Record<string, unknown> {
    try {
        const body: unknown = JSON.parse(text);
        return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
    } catch {
        return {};
    }
}

function asText(value: unknown): string | undefined {
    return typeof value === "string" ? value : undefined;
}

function asNumber(value: unknown): number | undefined {
    return typeof value === "number" ? value : undefined;
}

/** The seconds of a `Retry-After`, which may also be a date. */
function seconds(value: string | undefined): number | undefined {
    if (value === undefined) return undefined;
    if (/^\d+$/.test(value)) return Number(value);
    const at = Date.parse(value);
    return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - Date.now()) / 1000));
}
