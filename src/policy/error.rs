//! Why a file of rules, a setting or a wish is refused.

/// A policy that cannot be had, or a wish that cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PolicyError {
    /// It is no TOML, or not of the format.
    #[error("the rules do not parse: {0}")]
    Unreadable(String),
    /// Two rules have the same id.
    #[error("there are two rules `{0}`")]
    Duplicate(String),
    /// A rule matches nothing that could happen.
    #[error("the rule `{0}` names no program, no fact and no file")]
    Empty(String),
    /// A rule has no examples, so nothing shows that it works.
    #[error("the rule `{0}` has no example in `match`")]
    NoExample(String),
    /// An expression of a rule does not compile.
    #[error("the rule `{rule}` has an invalid expression: {reason}")]
    Expression {
        /// The rule.
        rule: String,
        /// The error.
        reason: String,
    },
    /// An example does not do what the rule says of it.
    #[error("the rule `{rule}` should{not} match its example `{example}`", not = if *.expected { "" } else { " not" })]
    Example {
        /// The rule.
        rule: String,
        /// The example.
        example: String,
        /// True when it should have matched.
        expected: bool,
    },
    /// A workspace's rule would loosen a built-in one.
    #[error("the rule `{rule}` would loosen the policy: {reason}")]
    Looser {
        /// The rule.
        rule: String,
        /// The way it would do so.
        reason: &'static str,
    },
    /// A workspace raises a rule that is none.
    #[error("there is no rule `{0}` to raise; `navi policy rules` lists them")]
    NoSuchRule(String),
    /// Commands are to run unasked behind a wall, and there is none.
    #[error(
        "NAVI_POLICY=sandboxed runs code without asking because a sandbox contains it, and there \
         is no sandbox here; `navi doctor` says what it needs, or set NAVI_POLICY=strict"
    )]
    NoWall,
    /// The needs of a call cannot be understood.
    #[error("{0}")]
    Needs(String),
    /// A file of rules is larger than any readable one.
    #[error("the rules are {0} bytes; at most {MAX_RULES_BYTES} are accepted")]
    TooLarge(usize),
}

/// The largest file of rules, in bytes.
pub const MAX_RULES_BYTES: usize = 256 * 1024;
