-- Conversations and runs.
--
-- Ids are UUIDs of version 7 made by the service, so they sort by time and new rows land at the
-- end of their index. Every reference carries the organisation: a row of one cannot refer to a
-- row of another, whatever the code does. Times come from the service too, which is why they have
-- no default here: a row written past the service should fail, not get a plausible time.

create table conversations (
    org_id text not null,
    user_id text not null,
    conversation_id uuid not null,
    title text not null,
    -- A deleted conversation stays until it is erased, so that its runs still have a name.
    status text not null check (status in ('active', 'archived', 'deleted')),
    is_pinned boolean not null,
    is_starred boolean not null,
    workspace_path text,
    initial_context jsonb,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (org_id, conversation_id)
);

-- My conversations, the last used first.
create index conversations_mine
    on conversations (org_id, user_id, updated_at desc, conversation_id desc);

create table conversation_messages (
    org_id text not null,
    conversation_id uuid not null,
    message_id uuid not null,
    role text not null check (role in ('user', 'assistant', 'system')),
    content text not null,
    metadata jsonb not null,
    -- Null when nobody counted.
    tokens_used integer check (tokens_used >= 0),
    created_at timestamptz not null,
    primary key (org_id, message_id),
    -- Messages have no life of their own.
    foreign key (org_id, conversation_id)
        references conversations (org_id, conversation_id) on delete cascade
);

-- The messages of a conversation in order; also what the cascade looks up.
create index conversation_messages_in_order
    on conversation_messages (org_id, conversation_id, created_at, message_id);

-- One piece of work for the agent. Clients know the same row as a job or a task.
create table runs (
    org_id text not null,
    user_id text not null,
    run_id uuid not null,
    -- No foreign key: clients bring ids of conversations that began elsewhere.
    conversation_id uuid,
    kind text not null check (kind in ('autonomous')),
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
    primary key (org_id, run_id),
    constraint runs_finished_iff_terminal check (
        (finished_at is not null) = (status in ('completed', 'failed', 'canceled'))
    )
);

-- My runs, newest first, page by page.
create index runs_mine on runs (org_id, user_id, created_at desc, run_id desc);

-- What a process that starts finds unfinished, over all organisations, oldest first. Finished runs
-- leave this index, so it stays as small as the work in hand.
create index runs_unfinished on runs (created_at) where finished_at is null;

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
create table tool_calls (
    org_id text not null,
    run_id uuid not null,
    tool_call_id uuid not null,
    position integer not null check (position >= 0),
    -- The provider's name of the call. Providers repeat theirs between turns, so it is no key.
    provider_call_id text not null,
    name text not null,
    arguments jsonb not null,
    status text not null check (status in ('planned', 'started', 'finished')),
    result jsonb,
    created_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz,
    primary key (org_id, tool_call_id),
    -- The calls of a run in order; two workers on one run would collide here.
    constraint tool_calls_in_order unique (org_id, run_id, position),
    foreign key (org_id, run_id) references runs (org_id, run_id) on delete cascade,
    constraint tool_calls_result_iff_finished check (
        (status = 'finished') = (finished_at is not null)
        and (status = 'finished') = (result is not null)
    )
);

-- A question to the user that a run waits for. It is answered at most once: the update that
-- answers says `where status = 'pending'`.
create table prompts (
    org_id text not null,
    user_id text not null,
    run_id uuid not null,
    prompt_id uuid not null,
    question jsonb not null,
    status text not null check (status in ('pending', 'answered', 'canceled', 'expired')),
    response text,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    answered_at timestamptz,
    primary key (org_id, prompt_id),
    foreign key (org_id, run_id) references runs (org_id, run_id) on delete cascade,
    constraint prompts_response_iff_answered check (
        (status = 'answered') = (response is not null)
        and (status = 'answered') = (answered_at is not null)
    )
);

-- The questions of a run, to cancel them with it; also what the cascade looks up.
create index prompts_of_run on prompts (org_id, run_id);
