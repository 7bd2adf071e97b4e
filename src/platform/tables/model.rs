//! The declaration of a table.

use std::fmt;

/// A table, and everything that retention and erasure have to know of it.
#[derive(Clone, Copy, Debug)]
pub struct TablePolicy {
    /// Its name.
    pub table: &'static str,
    /// The column that names the organisation; none in tables that are the same for everybody.
    pub org: Option<&'static str>,
    /// The retention of its rows.
    pub stays: Stays,
    /// The columns whose values are sealed.
    pub sealed: &'static [&'static str],
    /// The effect of erasing a person.
    pub person: Person,
    /// The effect of erasing an organisation.
    pub whole: Whole,
    /// The condition on a row, `t`, before it may be deleted; a row that does not meet it stays for the
    /// next pass, and counts as left.
    pub settled: Option<&'static str>,
}

/// The retention of rows.
#[derive(Clone, Copy, Debug)]
pub enum Stays {
    /// Whole months are dropped once they are older than a setting's number of days.
    Months {
        /// The column that the table is partitioned by.
        column: &'static str,
        /// The setting, as the environment names it.
        setting: &'static str,
    },
    /// The same, each month behind a signed statement of the audit log.
    SignedMonths {
        /// The setting, as the environment names it.
        setting: &'static str,
    },
    /// Rows are forgotten after some days, a few at a time.
    Days {
        /// The column with their age.
        column: &'static str,
        /// The number of days.
        days: i32,
    },
    /// Rows go with a row of another table.
    With(&'static str),
    /// Rows stay until something else ends them; this says what, or why nothing does.
    Until(&'static str),
}

/// The effect of erasing a person on a table.
#[derive(Clone, Copy, Debug)]
pub enum Person {
    /// Nothing: no row says anything about a person, and this is why.
    Nobody(&'static str),
    /// The rows, and the effect on them.
    Rows(&'static [Trace]),
    /// The audit log erases itself, and says so in a record.
    Audited {
        /// The column that names the person.
        column: &'static str,
    },
}

/// Rows that say something about a person, and what becomes of them.
#[derive(Clone, Copy, Debug)]
pub struct Trace {
    /// The rows.
    pub find: Find,
    /// The effect on them.
    pub then: Then,
}

/// The way to find a person's rows.
#[derive(Clone, Copy, Debug)]
pub enum Find {
    /// A column names the person.
    Column(&'static str),
    /// A row of another table does, which has these columns in common.
    Through {
        /// The other table.
        table: &'static str,
        /// The column that both have in common, beside the organisation.
        on: &'static str,
        /// The column there that names the person.
        column: &'static str,
    },
    /// The same, and no other person has such a row: shared rows stay.
    Alone {
        /// The other table.
        table: &'static str,
        /// The column that both have in common, beside the organisation.
        on: &'static str,
        /// The column there that names the person.
        column: &'static str,
    },
}

/// The effect of an erasure on a person's rows.
#[derive(Clone, Copy, Debug)]
pub enum Then {
    /// They are deleted.
    Delete,
    /// The identifying columns are replaced, and the rest stays.
    Blank {
        /// Columns and the expressions, over the row `t`, that replace them.
        columns: &'static [(&'static str, &'static str)],
        /// Why the rest stays.
        why: &'static str,
    },
}

/// The effect of erasing an organisation on a table.
#[derive(Clone, Copy, Debug)]
pub enum Whole {
    /// All its rows are deleted.
    Delete,
    /// Nothing, and this is why.
    Stays(&'static str),
    /// The audit log erases everybody in it.
    Audited,
}

impl Person {
    /// The most usual one: a column names the person, and their rows are deleted.
    pub const BY_USER_ID: Self = Self::Rows(&[Trace {
        find: Find::Column("user_id"),
        then: Then::Delete,
    }]);
}

impl fmt::Display for Stays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Months { setting, .. } => write!(f, "months, `{setting}`"),
            Self::SignedMonths { setting } => {
                write!(f, "months, `{setting}`, each behind a signed base")
            }
            Self::Days { days: 1, .. } => f.write_str("a day"),
            Self::Days { days, .. } => write!(f, "{days} days"),
            Self::With(table) => write!(f, "with its row of `{table}`"),
            Self::Until(what) => f.write_str(what),
        }
    }
}

impl fmt::Display for Find {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(column) => write!(f, "by `{column}`"),
            Self::Through { table, .. } => write!(f, "through `{table}`"),
            Self::Alone { table, .. } => write!(f, "in no other user's `{table}`"),
        }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.then {
            Then::Delete => write!(f, "deleted, {}", self.find),
            Then::Blank { columns, why } => {
                let names: Vec<_> = columns
                    .iter()
                    .map(|(name, _)| format!("`{name}`"))
                    .collect();
                write!(f, "{} replaced, {}: {why}", names.join(" "), self.find)
            }
        }
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody(why) => write!(f, "nothing: {why}"),
            Self::Audited { column } => {
                write!(
                    f,
                    "who, what and the keys destroyed, by `{column}`; hashes stay"
                )
            }
            Self::Rows(traces) => {
                let traces: Vec<_> = traces.iter().map(ToString::to_string).collect();
                f.write_str(&traces.join("; "))
            }
        }
    }
}

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delete => f.write_str("deleted"),
            Self::Stays(why) => write!(f, "nothing: {why}"),
            Self::Audited => f.write_str("all people in it erased; hashes stay"),
        }
    }
}
