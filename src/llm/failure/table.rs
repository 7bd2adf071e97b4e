//! The words in which providers refuse, and what they mean.
//!
//! The one place to add a provider's words. A row holds for an answer when its status is among the row's
//! and one of its codes was named or one of its patterns found in the explanation, which is in lower
//! case; of several rows the first one counts. Every pattern has an example among the tests.

use std::sync::LazyLock;

use regex::Regex;

/// The meaning of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The answer that was asked for is too long. Patterns name `cap`, or `window` and `input`.
    AnswerLimit,
    /// The conversation is too long. Patterns may name `window`.
    Window,
    /// The account is empty.
    Quota,
    /// The server could not read what its model wrote.
    Botched,
    /// The model is not there.
    UnknownModel,
    /// The request comes too often.
    RateLimit,
    /// The server is overloaded or loads its model.
    Overloaded,
    /// Something in between keeps the request back.
    Blocked,
    /// The key is refused, by servers that say so with another status than 401.
    Key,
    /// The request itself is refused, and the key is fine.
    Refused,
}

/// One meaning and its signs.
pub(super) struct Row {
    /// Its meaning.
    pub(super) means: Meaning,
    /// The statuses that it holds for; all of them when empty.
    pub(super) statuses: &'static [u16],
    /// Codes and types.
    pub(super) codes: &'static [&'static str],
    /// Patterns.
    pub(super) says: &'static [&'static str],
}

/// Statuses of requests that are wrong in some way, and of servers that call everything a failure.
const WRONG: &[u16] = &[400, 413, 422, 424, 500, 502];

/// All rows.
pub(super) const TABLE: &[Row] = &[
    Row {
        means: Meaning::AnswerLimit,
        statuses: &[400, 402, 422, 424, 500, 502],
        codes: &[],
        says: &[
            // OpenRouter, whose account can pay for a part of the answer.
            r"you requested up to [\d,]+ tokens, but can only afford (?<cap>[\d,]+)",
            // OpenAI, Azure.
            r"max_(completion_|output_)?tokens is too large: \d+\. this model supports at most (?<cap>\d+)",
            // Anthropic; also behind Bedrock and Vertex.
            r"max_tokens: \d+ > (?<cap>\d+), which is the maximum allowed number of output tokens",
            r"input length and `?max_tokens`? exceed context limit: (?<input>\d+) \+ \d+ > (?<window>\d+)",
            // vLLM, from its newest words to its oldest; SGLang; OpenRouter.
            r"maximum context length is (?<window>\d+) tokens and your request has (?<input>\d+) input tokens",
            r"passed (?<input>\d+) input tokens and requested \d+ output tokens\. however, the model's context length is only (?<window>\d+)",
            r"maximum context length is (?<window>\d+) tokens\. however, you requested (about )?\d+ tokens \((?<input>\d+) (in the messages|of text input|in your prompt|in the prompt)",
            r"maximum context length is (?<window>\d+) tokens, however you requested \d+ tokens \((?<input>\d+) in your prompt",
            r"requested token count exceeds the model's maximum context length of (?<window>\d+) tokens\. you requested a total of \d+ tokens: (?<input>\d+) tokens from the input messages",
            // TGI.
            r"`?inputs`? tokens \+ `?max_new_tokens`? must be <= (?<window>\d+)\. given: (?<input>\d+)",
            // Groq.
            r"`?max_(completion_)?tokens`? must be less than or equal to `?(?<cap>\d+)",
            // Databricks.
            r"max_(completion_)?tokens \(\d+\) cannot exceed (?<cap>\d+)",
            // DeepSeek, DashScope.
            r"valid range of max_tokens is \[\d+, ?(?<cap>\d+)\]",
            r"range of max_tokens should be \[\d+, ?(?<cap>\d+)\]",
            // Bedrock.
            r"maximum tokens you requested exceeds the model limit of (?<cap>\d+)",
            // Vertex, Gemini; the upper end does not belong to the range.
            r"maxoutputtokens value of \d+ but the supported range is from \d+ \(inclusive\) to (?<below>\d+) \(exclusive\)",
            // SiliconFlow.
            r"max_tokens \(\d+\) must be less than or equal to (?<cap>\d+)",
            r"max_total_tokens \(\d+\) must be less than or equal to max_seq_len \((?<cap>\d+)\)",
            // Z.ai, Mistral and others that name the field and no number that could be relied on.
            r"`?'?max_(completion_|output_|new_)?tokens'?`? .{0,40}(too (large|big|high)|exceed|greater than|larger than|out of range|at most)",
            r"(invalid|illegal|wrong) (value for |parameter )?`?'?max_(completion_)?tokens",
        ],
    },
    Row {
        means: Meaning::Window,
        // A request that is larger than what may come in a minute never passes, however long one waits.
        statuses: &[413, 429],
        codes: &[],
        says: &[
            r"request too large for (model|gpt|o\d)",
            r"input or output tokens must be reduced",
        ],
    },
    Row {
        means: Meaning::Window,
        statuses: WRONG,
        codes: &[
            // OpenAI, Azure, Groq.
            "context_length_exceeded",
            "string_above_max_length",
            // Anthropic.
            "request_too_large",
            // Copilot.
            "model_max_prompt_tokens_exceeded",
            // llama.cpp.
            "exceed_context_size_error",
            // Z.ai, MiniMax, LiteLLM.
            "1261",
            "2013",
            "contextwindowexceedederror",
        ],
        says: &[
            // Anthropic; behind Bedrock, Vertex and Databricks too. Ollama begins in the same way.
            r"prompt (is )?too long(: \d+ tokens > (?<window>\d+))?",
            r"request exceeds the maximum (allowed )?(size|number of bytes)",
            // OpenAI, Azure, vLLM, DeepSeek, OpenRouter, Mistral.
            r"maximum context length is (?<window>\d+)",
            r"maximum context length of (?<window>\d+)",
            r"maximum context length",
            r"(exceeds?|exceeded|longer than|larger than|beyond|greater than)( the| its)?( available| maximum| max| model'?s?)* context ?(length|window|size|limit)",
            r"context[ _](length|window|limit|size)( is| was| limit)? exceed",
            r"context window exceeds limit",
            r"exceed context limit",
            r"input tokens exceed the configured limit of (?<window>\d+)",
            r"input exceeds the (model'?s? )?context window",
            r"model'?s? context length is only (?<window>\d+)",
            r"reduce the length of (the|your) (messages|prompt|input|either one)",
            r"string too long\. expected a string with maximum length",
            // xAI.
            r"maximum prompt length is (?<window>\d+)",
            // Copilot.
            r"prompt token count of \d+ exceeds the limit of (?<window>\d+)",
            // Kimi.
            r"exceeded model token limit: (?<window>\d+)",
            r"exceeded model token limit",
            // Bedrock.
            r"input is too long",
            r"too many (input )?tokens",
            r"expected maxlength: (?<window>\d+)",
            r"number of (input )?tokens exceeds",
            // Vertex, Gemini.
            r"input token count.{0,20} exceeds the maximum number of tokens allowed \(?(?<window>\d+)",
            r"input token count is \d+ but (the )?model only supports up to (?<window>\d+)",
            r"exceeds the maximum number of tokens",
            r"request payload size exceeds the limit",
            // DashScope; the upper end of the range is the window.
            r"range of input length should be \[\d+, ?(?<window>\d+)\]",
            r"input (length|text) .{0,30}exceeds",
            // Z.ai.
            r"prompt exceeds max length",
            r"超长|超过.{0,12}最大长度|超出.{0,12}长度",
            // SiliconFlow.
            r"length of prompt_tokens \(\d+\) must be less than max_seq_len \((?<window>\d+)\)",
            r"must be less than max_seq_len",
            // TGI.
            r"`?inputs`? must have less than (?<window>\d+) tokens",
            // llama.cpp, Ollama, LM Studio.
            r"exceeds the available context size \((?<window>\d+) tokens\)",
            r"exceeds (the )?(available |maximum )?context (size|length)",
            r"exceeded (max |maximum )?context length",
            r"greater than the context length",
            // Mistral, Cohere, Databricks.
            r"too large for model with (?<window>\d+) maximum context length",
            r"total number of tokens in the prompt cannot exceed",
            r"(token limit exceeded|exceeded (the )?(maximum )?(token limit|number of tokens))",
        ],
    },
    Row {
        means: Meaning::Quota,
        statuses: &[],
        codes: &[
            "insufficient_quota",
            "billing_hard_limit_reached",
            "billing_error",
            "billing_not_active",
            "insufficient_balance",
            // DashScope, Z.ai, Kimi.
            "arrearage",
            "allocationquota.freetieronly",
            "1113",
            "exceeded_current_quota_error",
        ],
        says: &[
            r"credit balance is too low",
            r"(insufficient|not enough|no|run out of|out of) (account )?(credits?|balance|funds)",
            r"(doesn't|does not) have any credits",
            r"requires more credits",
            r"account is in good standing",
            r"(key|spend(ing)?|usage) limit (was |has been )?(exceeded|reached)",
            r"exceeded your monthly included credits",
            r"余额不足|欠费",
        ],
    },
    Row {
        means: Meaning::Botched,
        statuses: WRONG,
        codes: &[
            "tool_use_failed",
            "output_parse_failed",
            "malformed_function_call",
        ],
        says: &[
            // Groq.
            r"failed to call a function",
            r"tool call validation failed",
            // llama.cpp, vLLM, SGLang.
            r"failed to parse (tool|function|input at pos|the (model )?output|model output|arguments)",
            r"(error|failed|failure) (in |while )?(parsing|decoding|extracting) .{0,40}(tool|function)[ _]?call",
            r"error parsing (the )?(tool|function|response|output)",
            // Ollama.
            r"error parsing tool call",
            r"xml syntax error on line \d+",
            // Bedrock.
            r"model produced invalid sequence",
            r"malformed[ _]function[ _]call",
            r"invalid (tool|function) call (was )?(generated|produced)",
        ],
    },
    Row {
        means: Meaning::UnknownModel,
        statuses: &[400, 403, 404, 422],
        codes: &["model_not_found", "model_not_available", "modelnotfound"],
        says: &[
            r"not a valid model|invalid model|unknown model|no such model",
            r"model.{0,120}(does not exist|not found|decommissioned|is not available|isn't available)",
            r"(does not|doesn't) support (tools|tool use|function calling)",
            r"no endpoints found",
        ],
    },
    Row {
        means: Meaning::Overloaded,
        statuses: &[],
        codes: &[
            "overloaded_error",
            "overloaded",
            "engine_overloaded_error",
            "server_is_overloaded",
            "slow_down",
            "serviceunavailableexception",
            "modelnotreadyexception",
            "model_loading",
        ],
        says: &[
            r"(model|engine|server|service).{0,60}(is|are) (currently |temporarily |still )?(overloaded|loading|starting|busy|unavailable|at capacity)",
            r"loading model",
        ],
    },
    Row {
        means: Meaning::RateLimit,
        statuses: &[400, 403, 424, 498, 500, 503],
        codes: &[
            "rate_limit_exceeded",
            "rate_limit_error",
            "throttlingexception",
            "throttling",
            "throttling.ratequota",
            "resource_exhausted",
            "capacity_exceeded",
            "rate_limit_reached_error",
        ],
        says: &[
            r"rate limit (was |has been )?(exceeded|reached)",
            r"too many requests",
        ],
    },
    Row {
        means: Meaning::Key,
        statuses: &[400],
        codes: &["invalid_api_key", "api_key_invalid"],
        says: &[r"api key not valid|(incorrect|invalid) api key"],
    },
    Row {
        means: Meaning::Refused,
        statuses: &[403],
        codes: &["unsupported_country_region_territory"],
        says: &[
            // OpenRouter refuses flagged input with 403.
            r"moderation|flagged",
            r"(country|region|territory|location)",
        ],
    },
    Row {
        means: Meaning::Blocked,
        statuses: &[403, 451],
        codes: &[],
        says: &[
            r"error code: 10\d\d",
            r"cloudflare|akamai|captcha|firewall",
            r"(request|access|connection|you) (was |has been |have been |is )?blocked",
        ],
    },
];

/// The table with its patterns compiled.
static COMPILED: LazyLock<Vec<Compiled>> = LazyLock::new(|| {
    let compile = |row: &'static Row| Compiled {
        row,
        // A pattern that is wrong is found by a test, and costs no more than its row here.
        says: row
            .says
            .iter()
            .filter_map(|says| Regex::new(says).ok())
            .collect(),
    };
    TABLE.iter().map(compile).collect()
});

/// A row with its patterns compiled.
pub(super) struct Compiled {
    /// The row.
    pub(super) row: &'static Row,
    /// Its patterns.
    pub(super) says: Vec<Regex>,
}

/// All rows that are for a status, in their order.
pub(super) fn rows(status: u16) -> impl Iterator<Item = &'static Compiled> {
    COMPILED
        .iter()
        .filter(move |it| it.row.statuses.is_empty() || it.row.statuses.contains(&status))
}
