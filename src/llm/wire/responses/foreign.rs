//! Calls of tools that were not offered: the server's own, and those of other clients.

use serde_json::Value;

use crate::llm::wire::responses::item::written;

/// Calls that the server runs by itself; what the model makes of them is in its answer.
const RUN_BY_SERVER: &[&str] = &[
    "web_search_call",
    "file_search_call",
    "code_interpreter_call",
    "image_generation_call",
    "mcp_call",
    "tool_search_call",
];
/// Items beside them that ask for nothing.
const REPORTS: &[&str] = &["mcp_list_tools", "compaction", "additional_tools"];

/// A call that is told to the model as one of a tool that does not exist.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ForeignCall {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: String,
}

/// True if the server waits for what the call gives, and says nothing more without it.
pub(super) fn awaits_result(item: &Value) -> bool {
    let kind = item["type"].as_str().unwrap_or_default();
    is_call(kind) && !RUN_BY_SERVER.contains(&kind)
}

/// The call that an item asks for; none when it asks for nothing.
///
/// Its name begins with the item's kind, so that it is never that of a tool that was offered.
pub(super) fn call(item: &Value) -> Option<ForeignCall> {
    let text = |member: &str| item[member].as_str().unwrap_or_default();
    let kind = text("type");
    if !is_call(kind) || REPORTS.contains(&kind) {
        return None;
    }
    let id = [text("call_id"), text("id")]
        .into_iter()
        .find(|id| !id.is_empty());
    let name = match text("name") {
        "" => kind.to_owned(),
        name => format!("{kind}.{name}"),
    };
    Some(ForeignCall {
        id: id.unwrap_or_default().to_owned(),
        name,
        arguments: written(&item["action"]).unwrap_or_else(|| "{}".to_owned()),
    })
}

fn is_call(kind: &str) -> bool {
    kind.ends_with("_call") || kind == "mcp_approval_request" || kind == "program"
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_call_of_a_tool_that_was_not_offered_never_has_the_name_of_one_that_was() {
        let item = json!({"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_1", "name": "run_command", "input": "rm -r ."});
        assert_eq!(
            call(&item),
            Some(ForeignCall {
                id: "call_1".to_owned(),
                name: "custom_tool_call.run_command".to_owned(),
                arguments: "{}".to_owned(),
            })
        );
        for (kind, waits) in [
            ("local_shell_call", true),
            ("apply_patch_call", true),
            ("computer_call", true),
            ("mcp_approval_request", true),
            ("web_search_call", false),
            ("mcp_call", false),
            ("code_interpreter_call", false),
        ] {
            let item = json!({"type": kind, "id": "x"});
            assert_eq!(awaits_result(&item), waits, "{kind}");
            assert_eq!(call(&item).unwrap().name, kind);
        }
        for kind in ["mcp_list_tools", "compaction", "something_new"] {
            assert_eq!(call(&json!({"type": kind})), None, "{kind}");
        }
    }
}
