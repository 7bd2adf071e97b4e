//! `docs/models.md` against the table of the code.

use navi::llm::wire::openai::ways::{
    EffortField, HandBack, Insists, OPENAIS_OWN, OTHERS, TABLE, Ways,
};

use crate::documents::read;

/// A row of the table as the page shows it.
fn row(ways: &Ways) -> String {
    let mut holds: Vec<String> = Vec::new();
    holds.extend(
        ways.provider
            .map(|provider| format!("provider `{provider}`")),
    );
    holds.extend(ways.hosts.iter().map(|host| format!("`{host}`")));
    holds.extend(ways.models.iter().map(|model| format!("models `{model}…`")));
    let asked = match ways.asked {
        EffortField::Not => "–".to_owned(),
        EffortField::Effort(levels) => {
            let levels: Vec<_> = levels.iter().map(|level| level.as_str()).collect();
            format!("`reasoning_effort`: {}", levels.join(", "))
        }
        EffortField::OpenAi => "`reasoning_effort`, `verbosity`, by the model".to_owned(),
        EffortField::Groq => "`reasoning_effort` of `gpt-oss` and Qwen".to_owned(),
        EffortField::Nested => "`reasoning.effort`; `verbosity` of OpenAI's models".to_owned(),
        EffortField::DeepSeek => "`thinking.type`, `reasoning_effort`: low, high, max".to_owned(),
        EffortField::Kimi => {
            "`reasoning_effort`: low, high, max, from K3 on; `thinking.type` before".to_owned()
        }
        EffortField::Thinking => "`thinking.type`".to_owned(),
        EffortField::EnableThinking => "`enable_thinking`".to_owned(),
        EffortField::Template(variable) => format!("`chat_template_kwargs.{variable}`"),
        EffortField::Split => "`reasoning_split`, always".to_owned(),
    };
    let back = match ways.hands_back {
        HandBack::Nothing => "nothing",
        HandBack::Content => "the text, as `reasoning_content`",
        HandBack::Reasoning => "the text, as `reasoning`",
        HandBack::Details => "`reasoning_details`, else the text as `reasoning`",
        HandBack::AsItCame => "the field that it came in",
    };
    let insists = match ways.insists {
        Insists::Nothing => "–",
        Insists::Content => "`reasoning_content`",
        Insists::Signature => "a signature, from Gemini 3 on",
    };
    let name = ways.name;
    let holds = holds.join(", ");
    format!("| {name} | {holds} | {asked} | {back} | {insists} |")
}

#[test]
fn the_page_about_models_shows_the_table_of_the_code() {
    let page = read("docs/models.md");
    let rows = TABLE.iter().chain([OPENAIS_OWN, OTHERS]).map(row);
    let table = rows.collect::<Vec<_>>().join("\n");
    assert!(page.contains(&table), "docs/models.md is to hold\n{table}");
}
