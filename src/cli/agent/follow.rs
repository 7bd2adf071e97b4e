//! A run followed to its end: its frames shown, its questions answered, Ctrl-C understood.

use std::collections::BTreeSet;
use std::io::Write;
use std::time::{Duration, Instant};

use anstream::AutoStream;
use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval, sleep_until};

use crate::cli::agent::consent::{
    Keyboard, NEEDS_A_PERSON, OpenQuestion, TypedReply, choices, decide, is_allowed_by, reply,
    unasked, yes_to,
};
use crate::cli::agent::frames::Frames;
use crate::cli::agent::session::Session;
use crate::cli::failure::Failure;
use crate::cli::serve::Ends;
use crate::cli::terminal::show::Show;
use crate::cli::terminal::words;
use crate::platform::ids::RunId;
use crate::platform::text::visible_prose;

/// The pause between two pictures of the spinner.
const TICK: Duration = Duration::from_millis(100);
/// The longest that the end of a run may take that was cancelled.
const LEAVING: Duration = Duration::from_secs(20);

/// The manner in which a run is watched.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// Frames as they are, and nothing else.
    pub json: bool,
    /// The rules of the policy whose questions are answered with yes.
    pub yes_to: Vec<String>,
    /// True if no other model may work than the one that was named.
    pub only_named_model: bool,
    /// True if the command has the flag that lets another one.
    pub has_fallback: bool,
}

/// The end of following.
#[derive(Clone, Debug, PartialEq)]
pub enum FollowEnd {
    /// The run is over; its summary.
    Over(Value),
    /// The person left, and the run is cancelled; its summary, if it came in time.
    Left(Option<Value>),
    /// Another model began to work, and the run is cancelled.
    OtherModel(String),
}

/// Why a run is being cancelled.
enum LeaveReason {
    Person,
    OtherModel(String),
}

/// A run that is being followed.
pub struct RunWatch<'a> {
    session: &'a Session,
    manner: &'a Manner,
    /// The screen.
    pub show: Show<AutoStream<std::io::Stdout>>,
    /// The run, as soon as it is known.
    pub run: Option<RunId>,
    /// The last event that was there when following began; what was asked before is not asked again.
    pub begins_after: i64,
    /// The question that it waited with.
    pub pending: Value,
    summary: Option<Value>,
    asking: Option<OpenQuestion>,
    keyboard: Keyboard,
    /// The calls whose questions were asked of no one.
    unasked: BTreeSet<String>,
    leaving: Option<(LeaveReason, Instant)>,
    last_sign: Instant,
}

impl<'a> RunWatch<'a> {
    /// Follows runs of a server.
    pub fn new(session: &'a Session, manner: &'a Manner) -> Self {
        let columns = if manner.json { None } else { words::columns() };
        let show = Show::new(anstream::stdout(), columns);
        Self {
            session,
            manner,
            show: if Keyboard::is_there() {
                show
            } else {
                show.unattended()
            },
            run: None,
            begins_after: 0,
            pending: Value::Null,
            summary: None,
            asking: None,
            keyboard: Keyboard::default(),
            unasked: BTreeSet::new(),
            leaving: None,
            last_sign: Instant::now(),
        }
    }

    /// Follows a run to its end. A signal cancels it, a second one leaves at once.
    pub async fn follow(
        &mut self,
        mut frames: Frames,
        ends: &mut Ends,
    ) -> Result<FollowEnd, Failure> {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_asking = self.asking.is_some();
            let is_leaving = self.leaving.is_some();
            let latest = self.leaving.as_ref().map_or(self.last_sign, |(_, at)| *at) + LEAVING;
            tokio::select! {
                frame = frames.next() => match self.known(frame)? {
                    Some(frame) => self.frame(&frame).await?,
                    None => break,
                },
                () = ends.next() => {
                    if is_leaving {
                        return Err(Failure::Left { run: self.run });
                    }
                    self.leave(LeaveReason::Person).await?;
                }
                line = self.keyboard.line(), if is_asking => self.line(line.as_deref()).await?,
                () = sleep_until(latest.into()), if is_leaving => break,
                _ = ticks.tick(), if !is_asking => self.show.tick(self.last_sign.elapsed())?,
            }
        }
        match (self.leaving.take(), self.summary.take()) {
            // It was over before it could be cancelled.
            (Some((LeaveReason::Person, _)), Some(summary))
                if summary["stopped_reason"] != "cancelled" =>
            {
                Ok(FollowEnd::Over(summary))
            }
            (Some((LeaveReason::Person, _)), summary) => Ok(FollowEnd::Left(summary)),
            (Some((LeaveReason::OtherModel(why), _)), _) => Ok(FollowEnd::OtherModel(why)),
            (None, Some(summary)) => Ok(FollowEnd::Over(summary)),
            (None, None) => Err(Failure::Unfinished { run: self.run }),
        }
    }

    /// Asks what a run waited for when following began.
    async fn ask_pending(&mut self) -> Result<(), Failure> {
        let pending = std::mem::take(&mut self.pending);
        match pending["kind"].as_str() {
            Some("consent") => self.ask_for_consent(&pending).await,
            Some("prompt") => self.ask_in_words(&pending).await,
            Some(_) | None => Ok(()),
        }
    }

    fn known(&self, frame: Result<Option<Value>, Failure>) -> Result<Option<Value>, Failure> {
        frame.map_err(|mut failure| {
            if let Failure::Broken { run, .. } = &mut failure {
                *run = self.run;
            }
            failure
        })
    }

    async fn frame(&mut self, frame: &Value) -> Result<(), Failure> {
        self.last_sign = Instant::now();
        if self.manner.json {
            writeln!(std::io::stdout(), "{frame}")?;
        } else if !self.is_hidden(frame) {
            self.show.frame(frame)?;
        }
        let sequence = frame["sequence"].as_i64();
        if sequence.is_some_and(|it| it <= self.begins_after) && frame["type"] != "complete" {
            let is_last = sequence == Some(self.begins_after);
            return if is_last {
                self.ask_pending().await
            } else {
                Ok(())
            };
        }
        match frame["type"].as_str().unwrap_or_default() {
            "" | "router_info" => self.judge_model(&frame["router_info"]).await,
            "status" => self.learn_id(&frame["task_id"]).await,
            "complete" => {
                self.summary = Some(frame["summary"].clone());
                Ok(())
            }
            "prompt_request" => self.ask_in_words(&frame["data"]).await,
            "command.consent_required" => self.ask_for_consent(&frame["data"]).await,
            "approval_denied" => {
                self.close_late(&frame["approval"]);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// True if a frame is not to be shown: it only says that a person refused, where no one was asked; or it
    /// is the work of a model that was not to do any.
    fn is_hidden(&self, frame: &Value) -> bool {
        if matches!(self.leaving, Some((LeaveReason::OtherModel(_), _))) {
            return true;
        }
        let call = match frame["type"].as_str() {
            Some("approval_denied") => &frame["approval"]["tool_call_id"],
            Some("tool_result") => &frame["tool_result"]["id"],
            Some(_) | None => return false,
        };
        call.as_str().is_some_and(|id| self.unasked.contains(id))
    }

    async fn learn_id(&mut self, id: &Value) -> Result<(), Failure> {
        let Some(id) = id.as_str().and_then(|id| id.parse().ok()) else {
            return Ok(());
        };
        let is_new = self.run.replace(id).is_none();
        if is_new && self.leaving.is_some() {
            self.session.cancel(id).await?;
        }
        Ok(())
    }

    async fn judge_model(&mut self, info: &Value) -> Result<(), Failure> {
        if !self.manner.only_named_model || info["wasFallback"] != Value::Bool(true) {
            return Ok(());
        }
        let reason = info["fallbackReason"].as_str().unwrap_or_default();
        let reason = visible_prose(reason).into_owned();
        self.leave(LeaveReason::OtherModel(reason)).await
    }

    /// Ends the run, and waits for what it says at last.
    async fn leave(&mut self, why: LeaveReason) -> Result<(), Failure> {
        self.asking = None;
        if !self.manner.json && matches!(why, LeaveReason::Person) {
            self.show
                .note("Interrupted; the run is being cancelled. Once more leaves at once.")?;
        }
        self.leaving = Some((why, Instant::now()));
        match self.run {
            Some(id) => self.session.cancel(id).await,
            None => Ok(()),
        }
    }

    async fn ask_for_consent(&mut self, consent: &Value) -> Result<(), Failure> {
        let id = consent["consent_id"].as_str().unwrap_or_default();
        if is_allowed_by(&self.manner.yes_to, consent) {
            self.note("allowed by --yes-to")?;
            return self.send(decide(id, "allow_once")).await;
        }
        let question = OpenQuestion::Consent { id: id.to_owned() };
        if Keyboard::is_there() {
            let covers = consent["always_type_covers"].as_str().unwrap_or_default();
            for line in choices(covers) {
                self.note(&line)?;
            }
            return self.ask(question);
        }
        let call = consent["tool_call_id"].as_str().unwrap_or_default();
        self.unasked.insert(call.to_owned());
        let flags = yes_to(consent);
        self.note(&format!("  ✗ {NEEDS_A_PERSON}; {flags} answers with yes"))?;
        self.send(unasked(&question)).await
    }

    async fn ask_in_words(&mut self, question: &Value) -> Result<(), Failure> {
        let id = question["prompt_id"].as_str().unwrap_or_default();
        let question = OpenQuestion::Prompt { id: id.to_owned() };
        if Keyboard::is_there() {
            return self.ask(question);
        }
        self.note(&format!("  ✗ {NEEDS_A_PERSON}"))?;
        self.send(unasked(&question)).await
    }

    fn ask(&mut self, question: OpenQuestion) -> Result<(), Failure> {
        self.prompt(question.prompt())?;
        self.asking = Some(question);
        Ok(())
    }

    async fn line(&mut self, line: Option<&str>) -> Result<(), Failure> {
        self.last_sign = Instant::now();
        match self.asking.take() {
            Some(question) => self.send(reply(&question, line)).await,
            None => Ok(()),
        }
    }

    async fn send(&mut self, reply: TypedReply) -> Result<(), Failure> {
        match reply {
            TypedReply::Send(path, answer) => self.session.tell(&path, &answer).await,
            TypedReply::Ask(question, words) => {
                if let Some(words) = words {
                    self.note(&words)?;
                }
                self.ask(question)
            }
        }
    }

    /// Closes a question that was not answered in time.
    fn close_late(&mut self, approval: &Value) {
        let late = approval["consent_id"].as_str().unwrap_or_default();
        if let Some(OpenQuestion::Consent { id } | OpenQuestion::Command { id }) = &self.asking
            && id == late
        {
            self.asking = None;
        }
    }

    /// A word to the person, beside the frames.
    fn note(&mut self, text: &str) -> Result<(), Failure> {
        if self.manner.json {
            writeln!(std::io::stderr(), "{text}")?;
        } else {
            self.show.note(text)?;
        }
        Ok(())
    }

    fn prompt(&mut self, text: &str) -> Result<(), Failure> {
        if self.manner.json {
            write!(std::io::stderr(), "{text} ")?;
        } else {
            self.show.prompt(text)?;
        }
        Ok(())
    }
}
