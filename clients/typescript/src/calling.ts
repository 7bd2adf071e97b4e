/** The types of a call, taken from the description of its route. */
import type { paths } from "./api.js";

/** Methods of HTTP as the description writes them. */
export type Method = "get" | "post" | "put" | "patch" | "delete";

/** The paths that have a method. */
export type PathOf<M extends Method> = string &
    { [P in keyof paths]: paths[P] extends { [K in M]: object } ? P : never }[keyof paths];

/** The route of a method and a path. */
export type Route<M extends Method, P extends keyof paths> = paths[P] extends { [K in M]: infer R }
    ? R
    : never;

type Json<T> = T extends { content: { "application/json": infer B } } ? B : undefined;
type PathPart<P> = P extends { path: infer V } ? { path: V } : unknown;
type QueryPart<P> = P extends { query?: infer V } ? { query?: NonNullable<V> } : unknown;
type Parameters<R> = R extends { parameters: infer P } ? PathPart<P> & QueryPart<P> : unknown;
type Body<R> = R extends { requestBody: infer B } ? { body: Json<B> } : unknown;

/** The body of a successful answer of a route. */
export type Answer<R> = R extends { responses: { 200: infer A } } ? Json<A> : undefined;

/** The parameters behind the question mark of a list. */
export type Query<P extends PathOf<"get">> =
    Parameters<Route<"get", P>> extends { query?: infer V } ? NonNullable<V> : never;

/** The options of every call. */
export interface CallOptions {
    /** Gives up. */
    signal?: AbortSignal | undefined;
}

/** The options of every call that creates something. */
export interface CreateOptions extends CallOptions {
    /** The name of the request; one is made up when it is absent. */
    idempotencyKey?: string | undefined;
}

/** The input of a route. */
export type Input<R> = Parameters<R> & Body<R> & CreateOptions;

/** The parts of an input that the client reads, for any route. */
export interface AnyInput extends CreateOptions {
    path?: Record<string, unknown>;
    query?: Record<string, unknown>;
    body?: unknown;
}

/** Calls any route that answers with JSON. */
export type Call = <M extends Method, P extends PathOf<M>>(
    method: M,
    path: P,
    input: Input<Route<M, P>>,
) => Promise<Answer<Route<M, P>>>;
