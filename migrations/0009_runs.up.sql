-- What a run is, and how it is kept: runs that outlive their process, so that another can go on with
-- them, what happened in them, and who works on them.
--
-- Ids, references and times are as in conversations: UUIDs of version 7, the organisation in every
-- reference, and no default for a time.

---------------------------------------------------------------------------------------------------
-- Runs
---------------------------------------------------------------------------------------------------

-- One piece of work for the agent. Clients know the same row as a job or a task.
create table runs (
    org_id text not null,
    user_id text not null,
    run_id uuid not null,
    -- No foreign key: clients bring ids of conversations that began elsewhere.
    conversation_id uuid,
    kind text not null check (kind in ('autonomous', 'job')),
    status text not null check (status in
        ('queued', 'running', 'paused_for_approval', 'completed', 'failed', 'canceled')),
    task text not null,
    workspace_path text,
    -- What the client asked for; `provider` and `model` are what it got.
    requested_model text,
    provider text not null,
    model text not null,
    options jsonb not null,
    -- The sequence of the last event of this run. See run_events.
    last_sequence bigint not null default 0 check (last_sequence >= 0),
    -- `complete.summary` as clients got it.
    summary jsonb,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz,
    -- What the person may do who asked, for a process that never saw the token.
    role text not null default 'planner' check (role in ('viewer', 'planner', 'admin')),
    -- The whole request, and how far the run has come: what another process needs to go on. Both
    -- are dropped with the end of the run, because nobody goes on with it then.
    request jsonb,
    state jsonb,
    -- What the project's checks said before the first change. Apart from the state, which is
    -- written with every step, because it is larger and written once.
    baseline jsonb,
    -- From when on a worker may take it; null for a job that waits to be started.
    available_at timestamptz,
    -- Who works on it, under which number, and how often that had to change because a worker was
    -- lost. See workers.
    worker_id uuid,
    fence bigint not null default 0 check (fence >= 0),
    takeovers integer not null default 0 check (takeovers >= 0),
    -- The last event up to which the log agrees with the conversation. Text after it belongs to an
    -- answer that was never finished; a run that is resumed asks again and says so.
    settled_sequence bigint not null default 0 check (settled_sequence >= 0),
    cancel_requested_at timestamptz,
    -- What the run is busy with, as its last `status` event said.
    phase text,
    -- What the client noted about its job.
    metadata jsonb,
    -- The first event's error or the reason of the end, for lists that show no log.
    error text,
    -- The trace of the request that began it: what an error, a call, its cost and a rating have in
    -- common. 32 hexadecimal digits in lower case; null for a request without one.
    trace_id text,
    -- The team of whoever asks, as their token says; null when it says none.
    team_id text,
    primary key (org_id, run_id),
    constraint runs_finished_iff_terminal check (
        (finished_at is not null) = (status in ('completed', 'failed', 'canceled'))
    )
)
-- Every step updates the row. With room on its page, an update that touches no index stays there.
with (fillfactor = 70);

-- My runs, newest first, page by page.
create index runs_mine on runs (org_id, user_id, created_at desc, run_id desc);

-- My runs with one status, newest first, page by page. `runs_mine` serves the list of all of them,
-- but would read past 100,000 finished ones to find the one that failed.
create index runs_mine_by_status on runs (org_id, user_id, status, created_at desc, run_id desc);

-- What a worker that looks for work may take, over all organisations; also what is under way, to be
-- counted. Finished runs leave this index, so it stays as small as the work in hand.
create index runs_unfinished on runs (available_at) where finished_at is null;

-- What a worker holds, which it asks twice a second: its own runs, and not what waits behind them.
create index runs_held on runs (worker_id) where finished_at is null;

-- The run of a trace, when a client reports an error with the trace alone. A client may keep one trace
-- for many runs; the newest is the last entry.
create index runs_of_trace on runs (org_id, trace_id, created_at) where trace_id is not null;

---------------------------------------------------------------------------------------------------
-- What happened in a run
---------------------------------------------------------------------------------------------------

-- The log of a run: append-only, numbered 1, 2, 3 … without gaps, and every stream is a view of it.
--
-- Gaplessness does not come from this table but from the row of the run. Whoever appends first
-- does `update runs set last_sequence = last_sequence + n … returning last_sequence` and inserts in
-- the same transaction. The update locks the run's row until the commit, so
--
--   A takes 5; B wants the next and waits; A commits, 5 is visible; B takes 6
--   A takes 5; B wants the next and waits; A rolls back; B takes 5
--
-- A sequence object would do neither: it leaves a gap when A rolls back, and lets B commit 6 before
-- A commits 5, and a reader that has seen 6 would never ask for 5 again.
--
-- The primary key has to contain the partition key, so it alone would let a sequence appear twice
-- at two times; the rule above is what prevents that. There is no foreign key to the run: the row
-- lock already proves that the run exists, and retention drops months of events without looking at
-- runs.
create table run_events (
    org_id text not null,
    run_id uuid not null,
    sequence bigint not null check (sequence > 0),
    kind text not null,
    payload jsonb not null,
    created_at timestamptz not null,
    -- The status of the run when the event happened. A log that is read again later must say the same.
    run_status text,
    -- The key serves the events of a run after a sequence.
    primary key (org_id, run_id, sequence, created_at)
) partition by range (created_at);

create table run_events_default partition of run_events default;

-- The conversation with the model, one entry for each message, in the form in which it is sent
-- again: what a process needs to go on where another stopped. Events are for people, and shortened
-- for them; these are not.
create table run_messages (
    org_id text not null,
    run_id uuid not null,
    position integer not null check (position >= 0),
    content jsonb not null,
    created_at timestamptz not null,
    primary key (org_id, run_id, position),
    foreign key (org_id, run_id) references runs (org_id, run_id) on delete cascade
);

-- What the model asked for and what became of it. The intent is recorded before the tool starts
-- and the outcome after it ended: a call that is found `started` after a crash may or may not have
-- happened, and must be looked into, not repeated.
--
-- `approved` stands between the intent and its start when a person had to say yes. `probe` is what
-- the effect can be recognised by if nobody lives to record the outcome: hashes of the file before
-- and after, for example. It is written with `started`, which is before the effect.
create table tool_calls (
    org_id text not null,
    run_id uuid not null,
    tool_call_id uuid not null,
    position integer not null check (position >= 0),
    -- The provider's name of the call. Providers repeat theirs between turns, so it is no key.
    provider_call_id text not null,
    name text not null,
    arguments jsonb not null,
    status text not null check (status in ('planned', 'approved', 'started', 'finished')),
    result jsonb,
    created_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz,
    probe jsonb,
    primary key (org_id, tool_call_id),
    -- The calls of a run in order; two workers on one run would collide here.
    constraint tool_calls_in_order unique (org_id, run_id, position),
    foreign key (org_id, run_id) references runs (org_id, run_id) on delete cascade,
    constraint tool_calls_result_iff_finished check (
        (status = 'finished') = (finished_at is not null)
        and (status = 'finished') = (result is not null)
    )
);

-- What a run left in its workspace, until somebody has looked what became of it.
create table run_changes (
    org_id text not null,
    run_id uuid not null,
    user_id text not null,
    gen_id bigint not null,
    -- The workspace's folder on the machine the run was on.
    workspace text not null,
    -- For every file: its path, and the SHA-256 of its content before and after; null when it was
    -- not there.
    files jsonb not null,
    created_at timestamptz not null default now(),
    primary key (org_id, run_id),
    foreign key (org_id, run_id) references runs (org_id, run_id) on delete cascade
);

-- What is due to be looked at, oldest first: whoever has looked deletes the row.
create index run_changes_due on run_changes (created_at);

---------------------------------------------------------------------------------------------------
-- Who works on a run
---------------------------------------------------------------------------------------------------

-- A run is worked on by one worker, a process, which is known by its row in `workers`. The worker
-- renews the lease of that one row, however many runs it has, so the heartbeat costs one small
-- update every few seconds and the rows of runs are left alone. A run whose worker has no lease any
-- more is an orphan, and whoever finds it takes it over.
--
-- A worker that was cut off for a while may not know that it lost a run. That is what `fence` is
-- for: it grows with every take-over, the worker names its own with everything it writes, and the
-- database refuses the ones that are out of date. The lease decides who may start; the fence
-- decides whose writing counts.
--
-- Leases are measured by the clock of the database alone, since the clocks of two workers differ.

create table workers (
    worker_id uuid primary key,
    -- For people who look: which machine, which process.
    host text not null,
    started_at timestamptz not null,
    expires_at timestamptz not null
);

-- When a run of an organisation was last taken, so that organisations take turns however many runs
-- each has waiting. One small row for each.
create table run_turns (
    org_id text primary key,
    taken_at timestamptz not null
);
