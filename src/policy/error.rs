//! Why a file of rules is refused.

/// A file of rules that cannot be used.
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
        /// What is wrong with it.
        reason: String,
    },
    /// An example does not do what the rule says of it.
    #[error("the rule `{rule}` should{not} match its example `{example}`", not = if *.expected { "" } else { " not" })]
    Example {
        /// The rule.
        rule: String,
        /// The example.
        example: String,
        /// Whether it should have matched.
        expected: bool,
    },
    /// A workspace's rule would loosen what is built in.
    #[error("the rule `{rule}` would loosen the policy: {reason}")]
    Looser {
        /// The rule.
        rule: String,
        /// How.
        reason: &'static str,
    },
    /// A file of rules is larger than any readable one.
    #[error("the rules are {0} bytes; at most {MAX_RULES_BYTES} are accepted")]
    TooLarge(usize),
}

/// The largest file of rules, in bytes.
pub const MAX_RULES_BYTES: usize = 256 * 1024;
