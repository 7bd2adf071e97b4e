//! `search_files`: by name or by content, within limits of results, time and size.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Instant;

use futures_util::future::BoxFuture;
use globset::{GlobBuilder, GlobMatcher};
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::sinks::Lossy;
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder};
use ignore::{DirEntry, WalkBuilder};
use serde_json::{Map, Value, json};

use crate::platform::encoding::contents::Contents;
use crate::platform::text::cut_bytes;
use crate::policy::request::Request;
use crate::policy::secret_files::SecretFiles;
use crate::tools::arguments::Arguments;
use crate::tools::context::ToolContext;
use crate::tools::outcome::{Outcome, ToolError};
use crate::tools::tool::{Access, Probe, Tool, blocking, object, text};
use crate::workspace::error::PathError;
use crate::workspace::paths::RelativePath;

const PATTERN_BYTES: usize = 1_000;
const LINE_BYTES: usize = 300;

/// Larger files are data; their content is not searched.
const FILE_BYTES: u64 = 8 * 1024 * 1024;

/// Bounds what a pattern may make of the machine's memory.
const PATTERN_MEMORY: usize = 4 * 1024 * 1024;

/// A file's matches beyond this many are left out, so that one file cannot use up the results.
const PER_FILE: usize = 20;

/// Never searched: what tools generate, whether or not the project ignores it. A search that starts
/// inside one of them does look there.
const GENERATED: &[&str] = &[
    "node_modules",
    ".venv",
    "__pycache__",
    ".mypy_cache",
    ".pytest_cache",
];

/// The repositories' own data, never searched at all.
const REPOSITORIES: &[&str] = &[".git", ".hg", ".svn", ".jj"];

/// `search_files`.
#[derive(Clone, Copy, Debug)]
pub struct SearchFiles;

impl Tool for SearchFiles {
    fn name(&self) -> &'static str {
        "search_files"
    }

    fn description(&self) -> &'static str {
        "Finds files by name or lines by content. Ignored files are not searched."
    }

    fn parameters(&self) -> Value {
        object(
            &json!({
                "pattern": text("For filename a glob such as **/*.rs or a part of the path; for content a regular expression, matched line by line."),
                "search_type": { "type": "string", "enum": ["filename", "content"] },
                "path": text("Where to search; the whole workspace when left out."),
            }),
            &["pattern", "search_type"],
        )
    }

    fn access(&self) -> Access {
        Access::Read
    }

    fn request<'a>(&self, arguments: Arguments<'a>) -> Request<'a> {
        match arguments.raw_text("path") {
            // A search of contents shows them, so it is judged as reading. Of what lies below a folder
            // the tool itself leaves out what may not be read unasked.
            Some(path) if arguments.raw_text("search_type") != Some("filename") => {
                Request::Read { path }
            }
            // Names are no secrets: `list_directory` shows them, too.
            Some(_) | None => Request::Harmless { reads_only: true },
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
            let call = SearchFilesCall::parse(Arguments::of(&arguments))?;
            let context = context.clone();
            blocking(move || execute(&call, &context)).await
        })
    }
}

/// The arguments.
#[derive(Clone, Debug)]
pub struct SearchFilesCall {
    query: Query,
    path: String,
    literal: bool,
}

#[derive(Clone, Debug)]
enum Query {
    Name(GlobMatcher),
    Part(String),
    Content(RegexMatcher),
}

impl SearchFilesCall {
    /// Reads the arguments of a call.
    pub fn parse(given: Arguments<'_>) -> Result<Self, ToolError> {
        let pattern = given.text("pattern")?;
        if pattern.is_empty() || pattern.len() > PATTERN_BYTES {
            let told = format!("`pattern` must be 1 to {PATTERN_BYTES} bytes long");
            return Err(ToolError::Tell(told));
        }
        let search_type = given.optional_text("search_type")?;
        let (query, literal) = match search_type.as_deref().unwrap_or("content") {
            "filename" => (by_name(&pattern)?, false),
            "content" => by_content(&pattern)?,
            other => {
                return Err(ToolError::Tell(format!(
                    "the argument `search_type` must be `filename` or `content`, not `{}`",
                    cut_bytes(other, 60)
                )));
            }
        };
        let path = given.optional_text("path")?.filter(|path| !path.is_empty());
        Ok(Self {
            query,
            path: path.unwrap_or_else(|| ".".to_owned()),
            literal,
        })
    }
}

/// A pattern with wildcards must match the whole name (or, with a slash, the whole path); one without
/// may stand anywhere in the path.
fn by_name(pattern: &str) -> Result<Query, ToolError> {
    let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
    if !pattern.contains(['*', '?', '[', '{']) {
        return Ok(Query::Part(pattern.to_lowercase()));
    }
    let everywhere = if pattern.contains('/') {
        pattern.to_owned()
    } else {
        format!("**/{pattern}")
    };
    match GlobBuilder::new(&everywhere)
        .literal_separator(true)
        .build()
    {
        Ok(glob) => Ok(Query::Name(glob.compile_matcher())),
        Err(error) => Err(ToolError::Tell(format!(
            "`pattern` is not a valid glob: {error}"
        ))),
    }
}

/// A regular expression, or the plain text when it is none. Says which.
fn by_content(pattern: &str) -> Result<(Query, bool), ToolError> {
    let build = |literal: bool| {
        RegexMatcherBuilder::new()
            .fixed_strings(literal)
            .size_limit(PATTERN_MEMORY)
            .dfa_size_limit(PATTERN_MEMORY)
            .line_terminator(Some(b'\n'))
            .build(pattern)
    };
    match build(false) {
        Ok(matcher) => Ok((Query::Content(matcher), false)),
        Err(_) => match build(true) {
            Ok(matcher) => Ok((Query::Content(matcher), true)),
            Err(error) => Err(ToolError::Tell(format!(
                "`pattern` cannot be searched for: {error}; matches never span lines"
            ))),
        },
    }
}

/// Searches.
pub fn execute(call: &SearchFilesCall, context: &ToolContext) -> Result<Outcome, ToolError> {
    let below = match context.workspace.open_directory(&call.path) {
        Ok((directory, path)) => context.workspace.real_path(&directory).unwrap_or(path),
        Err(PathError::NotADirectory(_)) => context.workspace.open_file(&call.path)?.1,
        Err(error) => return Err(error.into()),
    };
    let start = context.workspace.root().join(below.as_path());
    // The walk starts at the workspace's root, because ignore rules stand above what they ignore.
    let walk = WalkBuilder::new(context.workspace.root())
        .hidden(false)
        .parents(false)
        .git_global(false)
        .require_git(false)
        .follow_links(false)
        .sort_by_file_name(std::ffi::OsStr::cmp)
        .filter_entry(move |entry| is_searched(entry, &start))
        .build();
    let mut search = Search::new(call, context);
    let by_content = matches!(call.query, Query::Content(_));
    for entry in walk.filter_map(Result::ok) {
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let Some(path) = context.workspace.below_root(entry.path()) else {
            continue;
        };
        if !path.as_path().starts_with(below.as_path()) {
            continue;
        }
        // A file that the call itself names was judged with the call; those that a walk comes upon were not.
        if by_content && path != below && search.secrets.is_named(&path.to_string()) {
            search.secret += 1;
        } else {
            search.visit(&path, path == below);
        }
        search.check_limits()?;
        if search.stopped.is_some() {
            break;
        }
    }
    Ok(search.outcome())
}

fn is_searched(entry: &DirEntry, start: &Path) -> bool {
    let (path, name) = (entry.path(), entry.file_name());
    let listed = |names: &[&str]| names.iter().any(|listed| name == *listed);
    if entry.depth() > 0 && listed(REPOSITORIES) {
        return false;
    }
    start.starts_with(path) || (path.starts_with(start) && !listed(GENERATED))
}

/// The text of a file, whatever its encoding, or its bytes when they are no text; none when it is too large
/// or cannot be read.
fn text_of(file: File) -> Option<Vec<u8>> {
    if file.metadata().ok()?.len() > FILE_BYTES {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES).read_to_end(&mut bytes).ok()?;
    let text = Contents::of(&bytes).text();
    Some(text.map_or(bytes, String::into_bytes))
}

struct Search<'a> {
    call: &'a SearchFilesCall,
    context: &'a ToolContext,
    secrets: SecretFiles,
    searcher: Searcher,
    began: Instant,
    matches: Vec<String>,
    files: usize,
    searched: usize,
    left_out: usize,
    /// Files that may hold secrets, which are not opened.
    secret: usize,
    stopped: Option<&'static str>,
}

impl<'a> Search<'a> {
    fn new(call: &'a SearchFilesCall, context: &'a ToolContext) -> Self {
        Self {
            call,
            context,
            secrets: context.policy.secret_files(context.workspace.root()),
            searcher: SearcherBuilder::new()
                .line_number(true)
                .binary_detection(BinaryDetection::quit(0))
                .bom_sniffing(false)
                .heap_limit(Some(usize::try_from(FILE_BYTES).unwrap_or(usize::MAX)))
                .build(),
            began: Instant::now(),
            matches: Vec::new(),
            files: 0,
            searched: 0,
            left_out: 0,
            secret: 0,
            stopped: None,
        }
    }

    /// Looks at a file. The one that the call names was judged with the call.
    fn visit(&mut self, path: &RelativePath, is_judged: bool) {
        self.searched += 1;
        match &self.call.query {
            Query::Name(glob) => self.name(path, glob.is_match(path.as_path())),
            Query::Part(part) => {
                let found = path.to_string().to_lowercase().contains(part);
                self.name(path, found);
            }
            Query::Content(matcher) => self.content(path, matcher, is_judged),
        }
    }

    /// Notes what ends the search early.
    fn check_limits(&mut self) -> Result<(), ToolError> {
        if self.context.cancel.is_cancelled() {
            return Err(ToolError::Cancelled);
        }
        if self.matches.len() >= self.context.limits.search_results {
            self.stopped = Some("the limit of results is reached; narrow the pattern or the path");
        } else if self.began.elapsed() > self.context.limits.search_time {
            self.stopped = Some("the time is up; narrow the path");
        }
        Ok(())
    }

    fn name(&mut self, path: &RelativePath, found: bool) {
        if found {
            self.files += 1;
            self.matches.push(path.to_string());
        }
    }

    fn content(&mut self, path: &RelativePath, matcher: &RegexMatcher, is_judged: bool) {
        // Between the walk and now the file may have become something else; this refuses it.
        let Ok(file) = self.context.workspace.open_relative(path) else {
            return;
        };
        let Some(text) = text_of(file) else {
            self.left_out += 1;
            return;
        };
        let room = self.context.limits.search_results - self.matches.len();
        let (found, began) = (&mut self.matches, self.began);
        let (limit, cancel) = (self.context.limits.search_time, &self.context.cancel);
        let before = found.len();
        let sink = Lossy(|number, line| {
            let line = cut_bytes(line.trim_end(), LINE_BYTES).replace('\0', "\u{fffd}");
            found.push(format!("{path}:{number}:{line}"));
            let fits = found.len() - before < PER_FILE.min(room);
            Ok(fits && began.elapsed() < limit && !cancel.is_cancelled())
        });
        if self.searcher.search_slice(matcher, &text, sink).is_err() {
            self.left_out += 1;
        }
        if self.matches.len() > before && !is_judged {
            // Judges the text that was searched, and not the one that the file may hold by now.
            let text = String::from_utf8_lossy(&text);
            if self.secrets.is_secret(&path.to_string(), &text) {
                self.matches.truncate(before);
                self.secret += 1;
            }
        }
        self.files += usize::from(self.matches.len() > before);
    }

    fn outcome(self) -> Outcome {
        let mut notes = Vec::new();
        if let Some(why) = self.stopped {
            notes.push(why.to_owned());
        }
        if self.call.literal {
            notes
                .push("the pattern is not a regular expression; searched as plain text".to_owned());
        }
        if self.left_out > 0 {
            notes.push(format!(
                "{} files too large or unreadable were left out",
                self.left_out
            ));
        }
        if self.secret > 0 {
            notes.push(format!(
                "{} files were left out because they may hold secrets; `read_file` asks for them",
                self.secret
            ));
        }
        let mut result = json!({
            "success": true,
            "count": self.matches.len(),
            "matches": self.matches,
            "files": self.files,
            "files_searched": self.searched,
            "truncated": self.stopped.is_some(),
        });
        if !notes.is_empty() {
            result["note"] = json!(notes.join("; "));
        }
        Outcome::new(result, Vec::new())
    }
}
