//! A review as server-sent events.

use axum::response::Response;
use futures_util::Stream;
use serde_json::{Map, Value, json};

use crate::agent::deps::Deps;
use crate::platform::problem::Problem;
use crate::platform::sse::live;
use crate::review::error::Error;
use crate::review::service::Step;
use crate::review::view::{Issue, ReviewView};

/// The stream of a review. Failures are frames of it, because its clients read nothing else.
pub fn respond(
    deps: &Deps,
    steps: impl Stream<Item = Result<Step, Error>> + Send + 'static,
) -> Response {
    live::send_to_end(&deps.metrics, deps.clock.clone(), steps, frames, is_end)
}

/// True for the frame after which nothing comes but `[DONE]`.
fn is_end(frame: &Value) -> bool {
    frame["type"] == "complete" || frame["type"] == "error"
}

fn frames(step: Result<Step, Error>) -> Vec<Value> {
    match step {
        Ok(Step::Begins { what, done }) => {
            vec![json!({ "type": "progress", "step": what, "progress": done })]
        }
        Ok(Step::Done(review)) => complete(&review.into()),
        Err(error) => {
            let problem = Problem::from(error);
            vec![json!({
                "type": "error", "message": problem.detail, "error": problem.detail,
                "code": problem.error_code,
            })]
        }
    }
}

/// The last frames. Each of the three is all that some client reads.
fn complete(review: &ReviewView) -> Vec<Value> {
    let payload = json!({
        "files": review.results, "summary": review.summary, "warning": review.warning,
    });
    let files: Vec<_> = review
        .results
        .iter()
        .map(|file| {
            let issues: Vec<_> = file.issues.iter().map(older).collect();
            json!({ "path": file.path, "issues": issues })
        })
        .collect();
    let mut complete = Map::from_iter([("type".to_owned(), json!("complete"))]);
    if let Value::Object(fields) = json!(review) {
        complete.extend(fields);
    }
    vec![
        json!({ "type": "review", "payload": payload.to_string() }),
        json!({ "type": "result", "result": { "summary": review.summary, "files": files } }),
        Value::Object(complete),
    ]
}

/// An issue under the names of the clients that read `result`.
fn older(issue: &Issue) -> Value {
    json!({
        "type": "review", "severity": issue.severity, "line": issue.line,
        "message": issue.title, "description": issue.body, "suggestion": issue.suggestion,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::model::Review;

    #[test]
    fn the_last_frame_alone_is_the_end() {
        let begins = Step::Begins {
            what: "Reading".to_owned(),
            done: 10,
        };
        for (step, ends) in [
            (Ok(begins), vec![false]),
            (Ok(Step::Done(Review::default())), vec![false, false, true]),
            (Err(Error::NoWorkspace), vec![true]),
        ] {
            let found: Vec<_> = frames(step).iter().map(is_end).collect();
            assert_eq!(found, ends);
        }
    }
}
