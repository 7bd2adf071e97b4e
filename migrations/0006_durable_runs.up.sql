-- Runs that outlive their process: who works on a run, what it needs to go on elsewhere, and who is
-- next.
--
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

alter table runs
    -- What the person may do who asked, for a process that never saw the token.
    add column role text not null default 'planner' check (role in ('viewer', 'planner', 'admin')),
    -- The whole request, and how far the run has come: what another process needs to go on. Both
    -- are dropped with the end of the run, because nobody goes on with it then.
    add column request jsonb,
    add column state jsonb,
    -- What the project's checks said before the first change. Apart from the state, which is
    -- written with every step, because it is larger and written once.
    add column baseline jsonb,
    -- From when on a worker may take it; null for a job that waits to be started.
    add column available_at timestamptz,
    -- Who works on it, under which number, and how often that had to change because a worker was
    -- lost.
    add column worker_id uuid,
    add column fence bigint not null default 0 check (fence >= 0),
    add column takeovers integer not null default 0 check (takeovers >= 0),
    -- The last event up to which the log agrees with the conversation. Text after it belongs to an
    -- answer that was never finished; a run that is resumed asks again and says so.
    add column settled_sequence bigint not null default 0 check (settled_sequence >= 0),
    add column cancel_requested_at timestamptz,
    -- What the run is busy with, as its last `status` event said.
    add column phase text,
    -- What the client noted about its job.
    add column metadata jsonb,
    -- The first event's error or the reason of the end, for lists that show no log.
    add column error text;

-- Every step updates the row. With room on its page, an update that touches no index stays there.
alter table runs set (fillfactor = 70);

alter table runs drop constraint runs_kind_check;
alter table runs add constraint runs_kind_check check (kind in ('autonomous', 'job'));

-- What earlier versions left unfinished was lost with its process: they stored neither request nor
-- state. It ends here, honestly, instead of waiting for ever.
update runs
set status = 'failed', finished_at = now(), updated_at = now(),
    error = 'the server ended before the run did'
where finished_at is null;

-- Before: what a process that starts finds unfinished. Now it also serves every worker that looks
-- for work, counts what is under way, or asks what became of its own. Finished runs leave it.
drop index runs_unfinished;
create index runs_unfinished on runs (available_at) where finished_at is null;

-- What a worker holds, which it asks twice a second: its own runs, and not what waits behind them.
create index runs_held on runs (worker_id) where finished_at is null;

-- My runs with one status, newest first, page by page. `runs_mine` serves the list of all of them,
-- but would read past 100,000 finished ones to find the one that failed.
create index runs_mine_by_status on runs (org_id, user_id, status, created_at desc, run_id desc);

-- The status of the run when the event happened. A log that is read again later must say the same.
-- Null for events of earlier versions.
alter table run_events add column run_status text;

-- `approved` stands between the intent and its start when a person had to say yes. `probe` is what
-- the effect can be recognised by if nobody lives to record the outcome: hashes of the file before
-- and after, for example. It is written with `started`, which is before the effect.
alter table tool_calls drop constraint tool_calls_status_check;
alter table tool_calls
    add constraint tool_calls_status_check
        check (status in ('planned', 'approved', 'started', 'finished')),
    add column probe jsonb;

-- Which call asks. Null for questions of earlier versions.
alter table prompts add column tool_call_id uuid;
