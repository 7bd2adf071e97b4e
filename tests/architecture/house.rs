//! The rules of the house as tables. To move code, edit this file and no other.

/// Everything that the tests compare the code with.
#[derive(Clone, Copy)]
pub(crate) struct House {
    pub(crate) modules: &'static [Module],
    pub(crate) orders: &'static [Order],
    pub(crate) circles: &'static [&'static [&'static str]],
    pub(crate) impls: &'static [(&'static str, &'static str)],
    pub(crate) ceilings: &'static [(&'static str, usize)],
    pub(crate) roles: &'static [&'static [&'static str]],
    pub(crate) doors: &'static [(&'static str, &'static [&'static str])],
    pub(crate) retired: &'static [(&'static str, &'static str, &'static str)],
    pub(crate) shared: &'static [(&'static str, usize)],
}

/// A module at the top of `src`.
pub(crate) struct Module {
    /// Imports go to a lower floor, or stay on their own.
    pub(crate) floor: u8,
    pub(crate) name: &'static str,
    /// The modules that it imports, besides `platform`, in alphabetical order.
    pub(crate) imports: &'static str,
}

/// A row of the table of modules.
pub(crate) const fn module(floor: u8, name: &'static str, imports: &'static str) -> Module {
    Module {
        floor,
        name,
        imports,
    }
}

/// The order of a module's folders.
pub(crate) struct Order {
    pub(crate) module: &'static str,
    /// Files at the module's top that every folder may import. Folders may import no others.
    pub(crate) low: &'static [&'static str],
    /// Lowest first. A folder may import what stands before it, and its own row.
    pub(crate) folders: &'static [&'static [&'static str]],
}

/// The house as it is meant to be.
pub(crate) const HOUSE: House = House {
    modules: MODULES,
    orders: ORDERS,
    circles: CIRCLES,
    impls: IMPLS,
    ceilings: CEILINGS,
    roles: ROLES,
    doors: DOORS,
    retired: RETIRED,
    shared: SHARED,
};

/// Exactly what each module imports. `docs/architecture.md` shows the same table.
const MODULES: &[Module] = &[
    module(9, "main", "cli exec"),
    module(
        9,
        "cli",
        "app audit auth config connectors exec feedback http ledger lifecycle llm notices policy vault workspace \
         workspaces",
    ),
    module(
        8,
        "http",
        "agent app approvals audit auth config connectors conversations exec feedback jobs ledger \
         llm notices review telemetry vault",
    ),
    module(
        7,
        "app",
        "agent approvals audit auth config connectors conversations exec feedback jobs ledger \
         lifecycle llm notices policy retrieval runs telemetry tools vault workspaces",
    ),
    module(
        7,
        "config",
        "agent audit auth connectors exec feedback lifecycle llm notices telemetry vault workspaces",
    ),
    module(
        7,
        "lifecycle",
        "agent audit auth connectors feedback ledger notices retrieval runs telemetry workspaces",
    ),
    module(6, "jobs", "agent approvals audit auth ledger llm runs"),
    module(
        6,
        "review",
        "agent auth exec git ledger llm policy runs workspace workspaces",
    ),
    module(
        5,
        "agent",
        "approvals audit auth conversations exec feedback ledger llm notices policy retrieval runs \
         telemetry tools verify workspace workspaces",
    ),
    module(4, "runs", "approvals auth exec llm notices verify"),
    module(4, "verify", "exec tools workspace"),
    module(3, "tools", "exec llm policy workspace"),
    module(3, "approvals", "audit auth policy"),
    module(3, "conversations", "audit auth"),
    module(3, "workspaces", "audit auth workspace"),
    module(2, "audit", "auth vault"),
    module(2, "ledger", "llm"),
    module(2, "telemetry", "audit auth"),
    module(2, "feedback", "audit auth"),
    module(2, "connectors", "audit auth vault"),
    module(2, "notices", "audit auth ledger vault"),
    module(2, "retrieval", "ledger policy"),
    module(2, "git", "exec"),
    module(1, "auth", "vault"),
    module(1, "llm", ""),
    module(1, "vault", ""),
    module(1, "workspace", ""),
    module(1, "exec", ""),
    module(1, "policy", ""),
    module(0, "platform", ""),
];

/// The folders of `agent` are the phases of a run.
const ORDERS: &[Order] = &[Order {
    module: "agent",
    low: &["config", "error", "deps", "service", "model_call", "spend"],
    folders: &[
        &["repository"],
        &["prompt", "learning"],
        &["runner", "intake"],
        &["steps", "finish"],
        &["calls"],
        &["execution"],
        &["queue", "chat"],
    ],
}];

/// The only circles of files, each with all its members. Walking and parsing call themselves.
const CIRCLES: &[&[&str]] = &[
    &[
        "policy/judge/walker",
        "policy/judge/program",
        "policy/judge/expansion",
        "policy/judge/wrappers",
        "policy/judge/xargs",
    ],
    &["policy/shell/commands", "policy/shell/substitution"],
];

/// The only types that get methods outside their file, and the folder or file where they may.
const IMPLS: &[(&str, &str)] = &[
    ("Walker", "policy/judge"),
    ("Parser", "policy/shell"),
    ("Audit", "audit"),
    ("Config", "config"),
];

/// The most files at the top of a folder, `mod.rs` apart.
pub(crate) const MAX_FILES: usize = 12;

/// Folders that hold more, and how many exactly. A number here becomes smaller and never larger.
const CEILINGS: &[(&str, usize)] = &[
    ("audit", 23),
    ("auth", 15),
    ("feedback", 13),
    ("feedback/learning", 15),
    ("http", 15),
    ("llm", 13),
    ("platform", 20),
    ("policy/judge", 14),
    ("telemetry", 19),
];

/// The longest that a file may be without its tests, in lines.
pub(crate) const MAX_LINES: usize = 400;

/// Names of files and folders that mean the same everywhere, lowest first. Beside each other, a
/// role may import those before it, and those of its own row.
const ROLES: &[&[&str]] = &[
    &["config", "model"],
    &["error"],
    &["tables"],
    &["store"],
    &["service"],
    &["routes"],
];

/// Paths that only some files may name. A home is a file's name without its ending, a folder, or a
/// whole path below `src`; a path without a home may be named nowhere.
const DOORS: &[(&str, &[&str])] = &[
    (
        "axum::",
        &[
            "routes",
            "layer",
            "stream",
            "principal",
            "extract",
            "problem",
            "sse",
            "http",
        ],
    ),
    ("sqlx::query", &["store", "platform/db.rs"]),
    ("sqlx::AssertSqlSafe", &["platform/tables/store.rs"]),
    // Others may name its errors and answers, not the ways to send something.
    ("reqwest::Client", &["platform/outbound/client.rs"]),
    ("reqwest::get", &[]),
    ("prometheus::", &["platform/metrics.rs", "app.rs"]),
    (
        "std::process::Command",
        &["exec", "platform/embedded_postgres"],
    ),
    ("tokio::process", &["exec"]),
    ("aws_sdk_kms", &["vault/kms.rs"]),
];

/// Names that are not used any more, what to say instead, and below which folder.
const RETIRED: &[(&str, &str, &str)] = &[
    ("Deed", "Invocation", ""),
    ("Done", "CallResult", "agent"),
    ("Entrance", "Origin", ""),
    ("Followers", "ActiveRuns", ""),
    ("Grounds", "OpenWorkspace", ""),
    ("Hold", "Claim", ""),
    ("KEPT", "TABLES", ""),
    ("Kept", "TablePolicy", ""),
    ("Noted", "CommandStatus", ""),
    ("Nudged", "StartOutcome", ""),
    ("Past", "ResumeState", ""),
    ("Permit", "Approval", ""),
    ("Planned", "PendingCall", ""),
    ("Prompts", "Questions", ""),
    ("Records", "StatusFiles", ""),
    ("Recovered", "Recovery", ""),
    ("Spending", "SpendTotal", ""),
    ("Taken", "ClaimedRun", ""),
    ("Tally", "RunUsage", ""),
    ("aftermath", "changes", ""),
    ("attending", "listener", ""),
    ("kept", "tables", ""),
    ("look", "poll", "agent"),
    ("look", "poll", "approvals"),
    ("look_back", "check_past_changes", ""),
    ("patiently", "retry_database", ""),
    ("said", "push", "agent"),
    ("say", "append", "agent"),
];

/// Types with a namesake that are imported outside their file, and how many have the name. A row
/// becomes smaller and never larger.
const SHARED: &[(&str, usize)] = &[
    ("Access", 2),
    ("Answer", 6),
    ("Args", 14),
    ("Arguments", 2),
    ("Asker", 2),
    ("Batch", 2),
    ("Call", 3),
    ("Change", 2),
    ("Changed", 2),
    ("Check", 3),
    ("Choice", 3),
    ("Chunk", 3),
    ("Command", 2),
    ("Context", 2),
    ("Delta", 2),
    ("End", 2),
    ("Ends", 2),
    ("Entry", 3),
    ("Error", 26),
    ("Event", 3),
    ("Failure", 2),
    ("Finding", 3),
    ("Folder", 4),
    ("Format", 4),
    ("Found", 3),
    ("Gate", 2),
    ("Header", 2),
    ("InvalidBaseUrl", 2),
    ("KeyError", 2),
    ("Keys", 2),
    ("Limits", 2),
    ("Line", 5),
    ("Log", 2),
    ("Message", 2),
    ("Mode", 3),
    ("Model", 2),
    ("Outcome", 4),
    ("Part", 2),
    ("Parts", 4),
    ("Pending", 2),
    ("Phase", 2),
    ("Piece", 3),
    ("Place", 8),
    ("Prepared", 2),
    ("Probe", 2),
    ("Progress", 2),
    ("Provider", 2),
    ("Query", 2),
    ("Reading", 2),
    ("Reason", 2),
    ("Record", 2),
    ("Recorder", 2),
    ("Report", 5),
    ("Retrieval", 2),
    ("Role", 2),
    ("Route", 3),
    ("Rule", 3),
    ("Rules", 2),
    ("Running", 2),
    ("Script", 2),
    ("Sealed", 2),
    ("Search", 3),
    ("Server", 2),
    ("Setting", 2),
    ("Settings", 2),
    ("Shared", 4),
    ("Span", 2),
    ("Status", 3),
    ("Step", 2),
    ("Subject", 2),
    ("Term", 2),
    ("Turn", 2),
    ("Verdict", 3),
    ("Verification", 2),
    ("Verifier", 2),
    ("Witness", 2),
    ("Work", 3),
    ("Writer", 2),
];
