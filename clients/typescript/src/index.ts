export type { components, paths } from "./api.js";
export type { CallOptions, CreateOptions } from "./calling.js";
export { NaviClient, type StreamTicket } from "./client.js";
export { AnswerText, type ConsentRequest, type NaviEvent, type PromptRequest } from "./events.js";
export type { FollowOptions, RunOptions, RunRequest } from "./following.js";
export type { ConsentChoice, ConsentOptions } from "./jobs.js";
export { isPassing, NaviConnectionError, NaviError } from "./problem.js";
export { readSse, type SseMessage, type SseOptions, SseParser } from "./sse.js";
export type { NaviOptions } from "./transport.js";
