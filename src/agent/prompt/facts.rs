//! The facts of turns that were shortened away: what was refused, changed and run, and with what result.
//!
//! They are kept as a text of sections, an item a line. When a conversation is shortened again, the lines of
//! the text before are carried over as they are: a digest of a digest would lose a little every time, and
//! the beginning of a long run first. Each section has a size, beyond which its oldest lines are left out
//! and counted.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::agent::prompt::plan::announced_step;
use crate::llm::model::{Arguments, Message, Part, ToolCall};
use crate::platform::text::cut_chars;

/// The first line of the text.
const HEAD: &str = "[Earlier turns were shortened to these facts. Files may have changed since: read them again \
                    before you edit them.]";
/// The words for the model when the user refuses an action.
pub(crate) const DENIED: &str =
    "the user denied this; nothing was run. Do not try it in another way";
/// Its words when the user does not answer.
pub(crate) const UNANSWERED: &str = "nobody consented in time, which is a no; nothing was run. Go on without \
                                     it, or answer what is missing";
/// Its words where a person is needed and there is none.
pub(crate) const UNASKED: &str = "needs a person; nothing was asked, and nothing was run. Go on without it, or \
                                  answer what is missing";
/// The beginning of what it is told when the user wants something else.
pub(crate) const UNWANTED: &str = "the user does not want this, but: ";
/// The beginning of the note beside the result of a command that the user chose.
pub(crate) const CHOSEN: &str = "the user chose another command: ";

/// The most of a command that is kept, in characters.
const COMMAND_CHARS: usize = 300;
/// The most of a result or of words that is kept, in characters.
const WORDS_CHARS: usize = 200;
/// The action of a tool that makes a file.
const CREATED: &str = "created";
/// Between a command and its result.
const RESULT: &str = " → ";

/// A kind of facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Refused,
    Answered,
    Changed,
    Run,
    Plan,
    Said,
    LookedAt,
}

impl Section {
    /// In the order of the text. What would be missed most comes first.
    const ALL: [Self; 7] = [
        Self::Refused,
        Self::Answered,
        Self::Changed,
        Self::Run,
        Self::Plan,
        Self::Said,
        Self::LookedAt,
    ];

    fn heading(self) -> &'static str {
        match self {
            Self::Refused => "Refused by the user or the policy:",
            Self::Answered => "Answers of the user:",
            Self::Changed => "Files that you changed:",
            Self::Run => "Commands that ran, with their last result:",
            Self::Plan => "Where the plan stood:",
            Self::Said => "Words:",
            Self::LookedAt => "Looked at:",
        }
    }

    /// The size that is kept of it, in bytes.
    fn size(self) -> usize {
        match self {
            Self::Refused | Self::Changed | Self::Run => 3_000,
            Self::Answered => 1_500,
            Self::Plan => 200,
            Self::Said | Self::LookedAt => 1_000,
        }
    }

    /// The subject of an item: a later one about the same takes its place.
    fn subject(self, item: &str) -> &str {
        match self {
            Self::Changed => item.rsplit_once(" (").map_or(item, |(path, _)| path),
            Self::Run => item
                .rsplit_once(RESULT)
                .map_or(item, |(command, _)| command),
            // There is one place in a plan.
            Self::Plan => "",
            Self::Refused | Self::Answered | Self::Said | Self::LookedAt => item,
        }
    }
}

/// The items of a section, oldest first.
#[derive(Debug, Default, PartialEq, Eq)]
struct Items {
    kept: Vec<String>,
    left_out: usize,
}

impl Items {
    fn add(&mut self, section: Section, item: String) {
        let subject = section.subject(&item);
        self.kept.retain(|known| section.subject(known) != subject);
        self.kept.push(item);
        let size = |items: &[String]| items.iter().map(|item| item.len() + 3).sum::<usize>();
        while size(&self.kept) > section.size() && self.kept.len() > 1 {
            self.kept.remove(0);
            self.left_out += 1;
        }
    }
}

/// The outcome of the turns that are gone.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    sections: [Items; Section::ALL.len()],
}

impl Facts {
    /// The facts of messages, of which the first may hold those of earlier ones.
    pub(crate) fn of(messages: &[Message]) -> Self {
        let mut facts = Self::default();
        for (at, message) in messages.iter().enumerate() {
            match message {
                Message::User { content } => facts.read_user(content, at == 0),
                Message::System { text } => facts.add(Section::Said, line(text, WORDS_CHARS)),
                Message::Assistant {
                    text, tool_calls, ..
                } => {
                    facts.read_words(text);
                    for call in tool_calls {
                        facts.read_call(call, result(&messages[at + 1..], &call.id));
                    }
                }
                Message::ToolResult { .. } => {}
            }
        }
        facts
    }

    /// The facts as the model reads them, in at most about so many bytes: what would be missed least is left
    /// out first, oldest first.
    pub(crate) fn text_within(mut self, bytes: usize) -> String {
        loop {
            let text = self.text();
            let mut sections = self.sections.iter_mut().rev();
            let last = sections.find(|items| !items.kept.is_empty());
            match last {
                Some(items) if text.len() > bytes => {
                    items.kept.remove(0);
                    items.left_out += 1;
                }
                Some(_) | None => return text,
            }
        }
    }

    fn text(&self) -> String {
        let mut text = format!("{HEAD}\n");
        for (section, items) in Section::ALL.iter().zip(&self.sections) {
            if items.kept.is_empty() {
                continue;
            }
            let _ = writeln!(text, "{}", section.heading());
            if items.left_out > 0 {
                let _ = writeln!(text, "({} older left out)", items.left_out);
            }
            for item in &items.kept {
                let _ = writeln!(text, "- {item}");
            }
        }
        text
    }

    fn read_user(&mut self, content: &[Part], may_hold_facts: bool) {
        for part in content {
            let Part::Text { text } = part else {
                continue;
            };
            match text.strip_prefix(HEAD).filter(|_| may_hold_facts) {
                Some(rest) => self.carry_over(rest),
                None => self.add(Section::Said, format!("told: {}", line(text, WORDS_CHARS))),
            }
        }
    }

    /// Takes the items of an earlier text as they are.
    fn carry_over(&mut self, text: &str) {
        let mut section = None;
        for line in text.lines() {
            let heading = Section::ALL.into_iter().find(|one| one.heading() == line);
            if heading.is_some() {
                section = heading;
            } else if let (Some(section), Some(item)) = (section, line.strip_prefix("- ")) {
                self.add(section, item.to_owned());
            } else if let (Some(section), Some(rest)) = (section, line.strip_prefix('(')) {
                let number = rest
                    .split(' ')
                    .next()
                    .and_then(|number| number.parse().ok());
                self.items(section).left_out += number.unwrap_or(0);
            }
        }
    }

    fn read_words(&mut self, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        let announces = |line: &&str| announced_step(line).is_some();
        if let Some(step) = text.lines().rfind(announces) {
            self.add(Section::Plan, line(step, WORDS_CHARS));
        }
        self.add(Section::Said, format!("you: {}", line(text, WORDS_CHARS)));
    }

    fn read_call(&mut self, call: &ToolCall, result: Option<Told<'_>>) {
        let Arguments::Object { object } = &call.arguments else {
            return;
        };
        let (name, about) = (call.name.as_str(), line(&about(object), COMMAND_CHARS));
        let Some(told) = result else {
            return;
        };
        let is_command = object.contains_key("command");
        let words = |text: &str| line(text, WORDS_CHARS);
        if let Some(why) = told.refusal() {
            return self.add(Section::Refused, format!("{name} {about}: {}", words(&why)));
        }
        let about = match told.chosen() {
            Some(chosen) => {
                let chosen = line(&chosen, COMMAND_CHARS);
                self.add(
                    Section::Refused,
                    format!("{name} {about}: the user chose {chosen}"),
                );
                chosen
            }
            None => about,
        };
        if is_command {
            self.add(
                Section::Run,
                format!("{about}{RESULT}{}", words(&told.outcome())),
            );
        } else if object.contains_key("question") {
            self.add(
                Section::Answered,
                format!("{about} — {}", words(told.content)),
            );
        } else if let Some((path, action)) = told.change() {
            let path = line(path, COMMAND_CHARS);
            let is_new = self.has_created(&path) || action == CREATED;
            let action = if is_new { CREATED } else { action };
            self.add(Section::Changed, format!("{path} ({action})"));
        } else if !told.is_error && !about.is_empty() {
            self.add(Section::LookedAt, about);
        }
    }

    fn has_created(&mut self, path: &str) -> bool {
        let created = format!("{path} ({CREATED})");
        self.items(Section::Changed).kept.contains(&created)
    }

    fn add(&mut self, section: Section, item: String) {
        self.items(section).add(section, item);
    }

    fn items(&mut self, section: Section) -> &mut Items {
        &mut self.sections[section as usize]
    }
}

/// The subject of a call: its path or command rather than its content.
fn about(object: &Map<String, Value>) -> String {
    let keys = ["command", "question", "path", "pattern", "url"];
    let found = keys.iter().find_map(|key| object.get(*key)?.as_str());
    found.unwrap_or_default().to_owned()
}

/// A result as the model was told it.
struct Told<'a> {
    content: &'a str,
    is_error: bool,
    /// The result's members; none when it was cut.
    members: Map<String, Value>,
}

fn result<'a>(following: &'a [Message], id: &str) -> Option<Told<'a>> {
    following.iter().find_map(|message| match message {
        Message::ToolResult {
            call_id,
            content,
            is_error,
        } if call_id == id => Some(Told {
            content,
            is_error: *is_error,
            members: members(content),
        }),
        Message::ToolResult { .. }
        | Message::User { .. }
        | Message::System { .. }
        | Message::Assistant { .. } => None,
    })
}

/// The members of the object that a text begins with; words of the repository may follow it.
fn members(content: &str) -> Map<String, Value> {
    let mut values = serde_json::Deserializer::from_str(content).into_iter();
    values.next().and_then(Result::ok).unwrap_or_default()
}

impl Told<'_> {
    fn member(&self, name: &str) -> Option<&str> {
        self.members.get(name)?.as_str()
    }

    /// A short member, found by its name in a result that was cut in the middle.
    fn short(&self, name: &str) -> Option<&str> {
        self.member(name).or_else(|| {
            let (_, rest) = self.content.split_once(&format!("\"{name}\":\""))?;
            rest.split_once('"').map(|(value, _)| value)
        })
    }

    fn exit_code(&self) -> Option<i64> {
        let known = self.members.get("exit_code").and_then(Value::as_i64);
        known.or_else(|| {
            let (_, rest) = self.content.split_once("\"exit_code\":")?;
            let is_number = |c: char| c.is_ascii_digit() || c == '-';
            rest.split(|c| !is_number(c)).next()?.parse().ok()
        })
    }

    fn refusal(&self) -> Option<String> {
        let error = self.member("error")?;
        let refusals = [DENIED, UNANSWERED, UNASKED, UNWANTED];
        let is_refused = refusals.iter().any(|refusal| error.starts_with(refusal));
        (is_refused || self.members.contains_key("rule")).then(|| error.to_owned())
    }

    fn chosen(&self) -> Option<String> {
        self.member("note")?.strip_prefix(CHOSEN).map(str::to_owned)
    }

    /// The exit code and the last line that was printed.
    fn outcome(&self) -> String {
        let state = match self.exit_code() {
            Some(0) => "ok".to_owned(),
            Some(code) => format!("exit code {code}"),
            None if self.is_error => "failed".to_owned(),
            None => "ok".to_owned(),
        };
        let printed = ["stdout", "stderr", "error"].iter().find_map(|name| {
            let mut lines = self.member(name)?.lines().map(str::trim);
            lines.rfind(|line| !line.is_empty())
        });
        match printed {
            Some(printed) => format!("{state}: {printed}"),
            None => state,
        }
    }

    /// The file that was changed, and how.
    fn change(&self) -> Option<(&str, &str)> {
        let (path, action) = (self.short("path")?, self.short("action")?);
        (!self.is_error && [CREATED, "modified"].contains(&action)).then_some((path, action))
    }
}

fn line(text: &str, most: usize) -> String {
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // The arrow separates a command from its result.
    cut_chars(&joined.replace(RESULT, " -> "), most)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn turn(name: &str, arguments: &Value, result: &Value) -> [Message; 2] {
        let object = arguments.as_object().unwrap().clone();
        let content = result.to_string();
        // An id of its own for each.
        let id = format!("{name}{arguments}{result}");
        let call = ToolCall {
            id: id.clone(),
            name: name.to_owned(),
            arguments: Arguments::Object { object },
        };
        [
            Message::Assistant {
                text: String::new(),
                tool_calls: vec![call],
                replay: None,
            },
            Message::ToolResult {
                call_id: id,
                content,
                is_error: result["success"] == json!(false),
            },
        ]
    }

    fn ran(command: &str, code: i64, stdout: &str) -> [Message; 2] {
        let result =
            json!({"success": code == 0, "exit_code": code, "stdout": stdout, "stderr": ""});
        turn("run_command", &json!({ "command": command }), &result)
    }

    fn a_run() -> Vec<Message> {
        let denied = json!({"success": false, "error": DENIED});
        let unwanted = json!({"success": false, "error": format!("{UNWANTED}ask Ada first")});
        let forbidden =
            json!({"success": false, "error": "it leaves the workspace", "rule": "outside"});
        let chosen = json!({"success": true, "exit_code": 0, "stdout": "b\n", "note": format!("{CHOSEN}echo b")});
        let created = json!({"success": true, "path": "a.py", "action": "created", "size": 3});
        let edited = json!({"success": true, "path": "a.py", "action": "modified"});
        let words = Message::Assistant {
            text: "**Step 2:** migrate\nI migrate now.".to_owned(),
            tool_calls: Vec::new(),
            replay: None,
        };
        [
            turn(
                "write_file",
                &json!({"path": "a.py", "content": "x"}),
                &created,
            )
            .to_vec(),
            turn("edit_file", &json!({"path": "a.py"}), &edited).to_vec(),
            ran("make", 2, "").to_vec(),
            ran("make", 0, "all\nbuilt").to_vec(),
            turn("run_command", &json!({"command": "git push"}), &denied).to_vec(),
            turn("run_command", &json!({"command": "npm publish"}), &unwanted).to_vec(),
            turn("read_file", &json!({"path": "/etc/x"}), &forbidden).to_vec(),
            turn("run_command", &json!({"command": "echo a"}), &chosen).to_vec(),
            turn(
                "read_file",
                &json!({"path": "b.py"}),
                &json!({"success": true, "content": "y"}),
            )
            .to_vec(),
            turn(
                "ask_user",
                &json!({"question": "Which\nbranch?"}),
                &json!({"success": true, "answer": "main"}),
            )
            .to_vec(),
            vec![words],
        ]
        .concat()
    }

    #[test]
    fn the_facts_say_what_was_refused_changed_and_run() {
        insta::assert_snapshot!(Facts::of(&a_run()).text(), @r#"
        [Earlier turns were shortened to these facts. Files may have changed since: read them again before you edit them.]
        Refused by the user or the policy:
        - run_command git push: the user denied this; nothing was run. Do not try it in another way
        - run_command npm publish: the user does not want this, but: ask Ada first
        - read_file /etc/x: it leaves the workspace
        - run_command echo a: the user chose echo b
        Answers of the user:
        - Which branch? — {"success":true,"answer":"main"}
        Files that you changed:
        - a.py (created)
        Commands that ran, with their last result:
        - make → ok: built
        - echo b → ok: b
        Where the plan stood:
        - **Step 2:** migrate
        Words:
        - you: **Step 2:** migrate I migrate now.
        Looked at:
        - b.py
        "#);
    }

    #[test]
    fn a_result_that_was_cut_still_tells_what_happened() {
        let mut messages = a_run();
        for message in &mut messages {
            if let Message::ToolResult { content, .. } = message {
                let whole = format!(
                    "{}, \"diff\": \"{}\"}}",
                    &content[..content.len() - 1],
                    "x".repeat(900)
                );
                *content = crate::platform::text::head_and_tail(&whole, 600);
            }
        }
        let text = Facts::of(&messages).text();
        assert!(text.contains("- a.py (created)\n"), "{text}");
        assert!(text.contains("- make → ok\n"), "{text}");
    }

    #[test]
    fn facts_are_carried_over_as_they_are() {
        let first = Facts::of(&a_run()).text();
        let again = Facts::of(&[Message::user(first.clone())]);
        assert_eq!(again.text(), first);
        let more = [
            vec![Message::user(first.clone())],
            ran("ls", 0, "a.py").to_vec(),
        ]
        .concat();
        let second = Facts::of(&more).text();
        for line in first.lines() {
            assert!(second.lines().any(|kept| kept == line), "{line}");
        }
        assert!(second.contains("- ls → ok: a.py\n"), "{second}");
    }

    #[test]
    fn a_section_that_is_full_leaves_out_its_oldest_and_counts_them() {
        let mut text = Facts::of(&a_run()).text();
        for number in 0..200 {
            let ran = ran(&format!("make target-{number} with=options"), 0, "done");
            text = Facts::of(&[vec![Message::user(text)], ran.to_vec()].concat()).text();
        }
        assert!(
            text.contains("- make target-199 with=options → ok: done"),
            "{text}"
        );
        assert!(!text.contains("target-0 "), "{text}");
        let kept = text.matches("target-").count();
        assert!(
            text.contains(&format!("({} older left out)", 202 - kept)),
            "{text}"
        );
        // The other sections have their own room.
        assert!(
            text.contains("- run_command git push: the user denied this"),
            "{text}"
        );
    }

    #[test]
    fn a_small_window_keeps_what_was_refused_longest() {
        let text = Facts::of(&a_run()).text_within(500);
        assert!(text.len() <= 500, "{text}");
        assert!(text.contains("git push"), "{text}");
        assert!(!text.contains("b.py"), "{text}");
        assert!(Facts::default().text_within(0).starts_with(HEAD));
    }

    proptest! {
        #[test]
        fn facts_stay_within_their_size_and_never_nest(
            commands in prop::collection::vec("[a-z →\\n-]{0,400}", 0..60),
        ) {
            let mut text = String::new();
            for command in commands {
                let mut messages = Vec::new();
                if !text.is_empty() {
                    messages.push(Message::user(text.clone()));
                }
                messages.extend(ran(&command, 1, &command));
                text = Facts::of(&messages).text();
                prop_assert!(text.len() < 14_000);
                prop_assert_eq!(text.matches("Earlier turns").count(), 1);
                let again = Facts::of(&[Message::user(text.clone())]).text();
                prop_assert_eq!(&again, &text);
            }
        }
    }
}
