//! A tool of another kind, in one file.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use navi::policy::model::Verdict;
use navi::policy::request::Request;
use navi::tools::arguments::Arguments;
use navi::tools::context::ToolContext;
use navi::tools::outcome::{Effect, Outcome, ToolError};
use navi::tools::registry::{ToolSet, execute};
use navi::tools::tool::{Access, Probe, Tool, object, text};
use serde_json::{Map, Value, json};

use crate::tools::Bench;

/// Counts the lines of a file.
#[derive(Debug)]
struct CountLines;

impl Tool for CountLines {
    fn name(&self) -> &'static str {
        "count_lines"
    }

    fn description(&self) -> &'static str {
        "Counts the lines of a file."
    }

    fn parameters(&self) -> Value {
        object(
            &json!({ "path": text("Path relative to the workspace.") }),
            &["path"],
        )
    }

    fn access(&self) -> Access {
        Access::Read
    }

    fn request<'a>(&self, arguments: Arguments<'a>) -> Request<'a> {
        match arguments.raw_text("path") {
            Some(path) => Request::Read { path },
            None => Request::Harmless { reads_only: false },
        }
    }

    fn probe(&self, _arguments: Arguments<'_>, _context: &ToolContext) -> Probe {
        Probe::Repeatable
    }

    fn call<'a>(
        &'a self,
        _call_id: &'a str,
        arguments: Map<String, Value>,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, Result<Outcome, ToolError>> {
        Box::pin(async move {
            let path = Arguments::of(&arguments).text("path")?;
            let (file, path) = context.workspace.open_file(&path)?;
            let read = std::io::read_to_string(file)
                .map_err(|error| ToolError::Tell(error.to_string()))?;
            let result = json!({ "success": true, "lines": read.lines().count() });
            Ok(Outcome::new(result, vec![Effect::Read(path.to_string())]))
        })
    }
}

#[tokio::test]
async fn a_tool_is_added_in_one_file_and_offered_judged_and_called_like_the_others() {
    let bench = Bench::new();
    bench.put("a.txt", "1\n2\n3\n");
    let built_in = ToolSet::built_in();
    let tools = ToolSet::of(
        built_in
            .iter()
            .cloned()
            .chain([Arc::new(CountLines) as Arc<dyn Tool>]),
    );
    let tool = tools.named("count_lines").unwrap();
    assert_eq!(tool.spec().parameters["required"], json!(["path"]));
    let call = |path: &str| crate::tools::object(json!({ "path": path }));
    let judge = |arguments: &Map<String, Value>| {
        let request = tool.request(Arguments::of(arguments));
        let policy = &bench.context.policy;
        policy.judge(tool.name(), request, bench.root()).verdict
    };
    assert_eq!(judge(&call("a.txt")), Verdict::Allow);
    assert_eq!(
        judge(&call(".env")),
        Verdict::Ask,
        "rules hold for every tool that reads"
    );
    let outcome = execute(&**tool, "call_1", call("a.txt"), &bench.context).await;
    let outcome = outcome.unwrap();
    assert_eq!(outcome.result["lines"], 3);
    assert_eq!(outcome.effects, [Effect::Read("a.txt".to_owned())]);
    let outside = execute(&**tool, "call_2", call("../a.txt"), &bench.context).await;
    assert!(matches!(outside, Err(ToolError::Tell(_))), "{outside:?}");
}
