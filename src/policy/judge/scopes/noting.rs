//! Records findings, with the objects that they are about.

use crate::platform::text::cut_bytes;
use crate::policy::judge::call::Call;
use crate::policy::judge::facts::{Found, Sighting};
use crate::policy::judge::scopes::exact::WholeCommand;
use crate::policy::judge::shell_state::shown;
use crate::policy::judge::walker::Walker;
use crate::policy::scope::ActionScope;

/// The longest segment that a finding shows, in bytes.
const MAX_SEGMENT: usize = 300;

/// The context that was judged around a program: another program, and if it is given an input.
pub(in crate::policy::judge) struct Outer {
    call: Option<Call>,
    is_fed: bool,
}

impl Walker<'_> {
    /// Records a finding about a text.
    pub(in crate::policy::judge) fn note(&mut self, found: Found, kind: &str, segment: &str) {
        self.note_about(None, found, kind, segment);
    }

    /// Notes a fact about a text.
    pub(in crate::policy::judge) fn fact(&mut self, fact: &'static str, kind: &str, segment: &str) {
        self.note(Found::Fact(fact), kind, segment);
    }

    /// Records a finding about an object; without one, about the exact text.
    pub(in crate::policy::judge) fn note_about(
        &mut self,
        object: Option<ActionScope>,
        found: Found,
        kind: &str,
        segment: &str,
    ) {
        let scope = object.unwrap_or_else(|| self.exactly(segment));
        self.sightings.push(Sighting {
            found,
            kind: kind.to_owned(),
            segment: cut_bytes(&shown(segment), MAX_SEGMENT),
            scope: Some(scope),
        });
    }

    /// Notes a fact about code in a file. It is the same as long as the file is.
    pub(in crate::policy::judge) fn code_fact(
        &mut self,
        fact: &'static str,
        file: &str,
        call: &Call,
    ) {
        let content = self.places.content(file);
        let scope = self.exactly(&call.segment).running(file, &content);
        self.note_about(Some(scope), Found::Fact(fact), &call.program, &call.segment);
    }

    /// Notes that a text cannot be read. It is the same only as a whole.
    pub(in crate::policy::judge) fn unread(&mut self, fact: &'static str, text: &str) {
        let whole = self.whole().scope();
        self.note_about(Some(whole), Found::Fact(fact), "bash", text);
    }

    fn whole(&self) -> WholeCommand<'_> {
        WholeCommand {
            command: self.command.as_deref().unwrap_or_default(),
            folder: &self.folder,
        }
    }

    /// The exact text of a segment, or of the whole command where the segment may take something from
    /// the rest: an input, a variable, a file or a name that changed before, or what becomes of its
    /// output.
    fn exactly(&mut self, segment: &str) -> ActionScope {
        if let Some((known, scope)) = &self.exact
            && known == segment
        {
            return scope.clone();
        }
        let call = self.current.as_ref();
        let call = call.filter(|call| call.segment == segment);
        let depends = self.fed || self.is_passed_on() || self.scope.has_set || self.disturbed;
        let scope = if depends {
            self.whole().scope()
        } else {
            let directory = &self.scope.directory;
            self.whole().part(segment, call, directory)
        };
        self.exact = Some((segment.to_owned(), scope.clone()));
        scope
    }

    /// Begins to judge a program, or what stands between programs. Answers with what was judged
    /// around it, for [`Self::leave`].
    pub(in crate::policy::judge) fn enter(&mut self, call: Option<Call>) -> Outer {
        self.exact = None;
        Outer {
            call: std::mem::replace(&mut self.current, call),
            is_fed: self.fed,
        }
    }

    /// Goes on with what was judged before.
    pub(in crate::policy::judge) fn leave(&mut self, outer: Outer) {
        self.exact = None;
        self.current = outer.call;
        self.fed = outer.is_fed;
    }
}
