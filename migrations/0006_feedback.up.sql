-- What people thought of what the agent made, and what it teaches: what is rated says what it was
-- like, counts move with every rating, what they teach is put into prompts, and whether that helps is
-- measured.
--
-- These tables are small beside the metrics, are corrected in place, and are kept as long as the
-- organisation is: they are not partitioned.

---------------------------------------------------------------------------------------------------
-- Answers and what was said of them
---------------------------------------------------------------------------------------------------

-- One answer that can be rated, and what it was like, so that a rating says something about it.
--
-- Organisation and user are called `org_key` and `user_sub` here, as in the queries that people run
-- by hand. The prompt itself is not stored, only its SHA-256.
create table ai_generation_log (
    -- `gen_id` on the wire: clients treat it as a JSON number.
    id bigint generated always as identity,
    org_key text not null,
    user_sub text not null,
    task_type text not null check (task_type in ('codegen', 'summarize', 'chat', 'analysis')),
    input_fingerprint text,
    model text not null,
    -- Null when the provider's default was used: we do not claim to know it.
    temperature double precision,
    params jsonb not null,
    prompt_hash text not null,
    -- The run that made it.
    result_ref text,
    created_at timestamptz not null default now(),
    -- The trace of the request that asked for it, as in `runs`.
    trace_id text,
    team_id text,
    session_id text,
    -- What kind of work it was: `fix`, `feature`, `test` and the like.
    category text not null default 'general',
    -- The language most of it is in.
    language text,
    -- The first words of the answer, without secrets: what `learning_suggestions.suggestion_text` says.
    answer text,
    -- `subject=value`, as they were found in what was written. A rating of an answer without any counts
    -- for its category alone.
    tags text[] not null default '{}',
    verification text check (verification in ('passed', 'failed', 'not_run')),
    -- Which insights its prompt held, and which it would have held had chance not left them out. What
    -- is measured is read from `learning_exposures`; these are for whoever looks at an answer.
    insights bigint[] not null default '{}',
    held_out bigint[] not null default '{}',
    primary key (org_key, id)
);

-- Generations of an organisation within the last days, the denominator of every statistic.
create index ai_generation_log_time on ai_generation_log (org_key, created_at);

-- The generation of a run, and that of a chat, which names its conversation there and not a run.
create index ai_generation_log_result on ai_generation_log (org_key, result_ref)
    where result_ref is not null;
create index ai_generation_log_of_trace on ai_generation_log (org_key, trace_id)
    where trace_id is not null;

-- The same question again by the same person soon afterwards: the answer before was not it.
create index ai_generation_log_asked_again
    on ai_generation_log (org_key, user_sub, input_fingerprint, created_at);

-- The rating of a generation by its owner: one, which a second rating replaces.
create table ai_feedback (
    id bigint generated always as identity,
    gen_id bigint not null,
    org_key text not null,
    user_sub text not null,
    -- +1 accepted, -1 rejected, 0 withdrawn. A withdrawn rating keeps its row, so that the time of
    -- the change is known.
    rating smallint not null check (rating in (-1, 0, 1)),
    reason text,
    comment text,
    created_at timestamptz not null default now(),
    -- When the rating was last changed: its weight in the bandit's counts is that of this moment.
    updated_at timestamptz not null default now(),
    primary key (org_key, id),
    -- Whoever erases a generation erases what was said about it.
    foreign key (org_key, gen_id) references ai_generation_log (org_key, id) on delete cascade,
    -- What makes a second rating a replacement; also finds the rating of a generation.
    constraint ai_feedback_one_per_owner unique (org_key, gen_id, user_sub)
);

-- Ratings of an organisation, newest first, and within the last days.
create index ai_feedback_time on ai_feedback (org_key, created_at);

-- What happened to an answer, beside what its owner says of it. One of each kind is enough: that a
-- change was edited twice says no more than that it was edited.
create table ai_feedback_signals (
    org_key text not null,
    gen_id bigint not null,
    user_sub text not null,
    signal text not null check (signal in (
        'kept', 'edited', 'reverted', 'tests_passed', 'tests_failed', 'retried', 'approval_denied'
    )),
    -- Who saw it: the run itself, a later look at the workspace, or the client.
    source text not null check (source in ('run', 'workspace', 'client')),
    created_at timestamptz not null default now(),
    primary key (org_key, gen_id, signal),
    foreign key (org_key, gen_id) references ai_generation_log (org_key, id) on delete cascade
);

---------------------------------------------------------------------------------------------------
-- What the analyzer reads
---------------------------------------------------------------------------------------------------

-- What was rated, in the words of the analyzer. One row for each generation: it changes with the
-- rating, so the analyzer never counts a change of mind twice.
create table learning_suggestions (
    id bigint generated always as identity,
    org_id text not null,
    user_id text not null,
    category text not null,
    suggestion_text text not null,
    context jsonb,
    feedback_type text not null
        check (feedback_type in ('accepted', 'modified', 'rejected', 'ignored', 'partial')),
    confidence double precision check (confidence between 0 and 1),
    rating smallint check (rating in (-1, 0, 1)),
    reason text,
    comment text,
    pattern_tags jsonb,
    similar_count integer not null default 0 check (similar_count >= 0),
    session_id text,
    task_id text,
    model_used text,
    -- Null for what was observed without a rating.
    gen_id bigint,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    team_id text,
    language text,
    -- The group of similar ones that it belongs to, a row of `learning_patterns`.
    pattern_id bigint,
    -- The transaction of the last change. The analyzer goes on where the oldest transaction was that
    -- was still open when it last looked, so a rating that commits late is not overlooked. A time would
    -- not do: it is taken before the commit.
    changed_xid xid8 not null default pg_current_xact_id(),
    primary key (org_id, id),
    constraint learning_suggestions_one_per_generation unique (org_id, gen_id)
);

-- What the analyzer reads: an organisation's suggestions since its look-back.
create index learning_suggestions_time on learning_suggestions (org_id, updated_at);

-- What changed since the analyzer last looked, of all organisations.
create index learning_suggestions_changed on learning_suggestions (changed_xid);

-- How often answers with a trait were accepted and rejected, by who rated them and when. Moved by the
-- difference in the transaction of every rating, so that they are always what the ratings add up to,
-- and one person's share of an insight can be bounded. `*` is every answer.
--
-- By the week of the answer: what is old weighs less, and what is older than the look-back nothing,
-- without a count ever having to be aged in place.
create table learning_counts (
    org_id text not null,
    -- What the trait is about, for example `quotes@python`, and which of its values.
    subject text not null,
    value text not null,
    -- Only for `*`, where acceptance is compared by it; empty for traits, which are wanted or not
    -- whatever the work is. A row for each would be several times as many to read.
    category text not null,
    team_id text not null default '',
    user_id text not null,
    -- The Monday it begins with, UTC.
    week date not null,
    -- In halves of a voice: a rating is two, what was observed without a rating one.
    accepted integer not null default 0 check (accepted >= 0),
    rejected integer not null default 0 check (rejected >= 0),
    primary key (org_id, subject, value, category, team_id, user_id, week)
);

---------------------------------------------------------------------------------------------------
-- What it concluded
---------------------------------------------------------------------------------------------------

-- What the analyzer concluded. An active insight is put into later prompts.
create table learning_insights (
    id bigint generated always as identity,
    org_id text not null,
    insight_type text not null,
    -- What the insight is about, within its type and category. The title is for people and may
    -- be reworded; this may not.
    subject text not null,
    title text not null,
    description text not null,
    pattern_data jsonb not null,
    examples jsonb,
    confidence double precision not null default 0.5 check (confidence between 0 and 1),
    sample_size integer not null default 0 check (sample_size >= 0),
    times_applied bigint not null default 0 check (times_applied >= 0),
    -- Whether `status` is `active`.
    is_active boolean not null default true,
    category text,
    tags jsonb,
    first_seen timestamptz not null default now(),
    last_updated timestamptz not null default now(),
    last_applied timestamptz,
    -- Whom it is for: everybody in the organisation when both are null.
    team_id text,
    user_id text,
    language text,
    status text not null default 'active'
        check (status in ('proposed', 'active', 'retired')),
    -- Why it has that status, and who says so; the analyzer when nobody does.
    status_reason text,
    decided_by text,
    status_since timestamptz not null default now(),
    -- An insight whose words an admin has changed keeps them.
    edited_by text,
    -- Whose words it quotes: they go when that person is erased.
    quoted_user text,
    -- The answers it was learned from, the newest of them.
    evidence bigint[] not null default '{}',
    -- What it does, as measured: see `docs/learning.md`.
    effect jsonb,
    primary key (org_id, id),
    constraint learning_insights_active_is_a_status check (is_active = (status = 'active')),
    -- Running the analyzer twice finds the same insight, not a second one. No category is a
    -- category too, and so are no team, person and language, hence nulls that are equal. Also serves
    -- the list of an organisation's insights, which are few enough to be filtered afterwards.
    constraint learning_insights_one_per_subject unique nulls not distinct
        (org_id, insight_type, category, subject, team_id, user_id, language)
);

-- Regularities that the analyzer keeps count of between its passes.
create table learning_patterns (
    id bigint generated always as identity,
    org_id text not null,
    -- Null for a pattern of the whole organisation.
    user_id text,
    pattern_key text not null,
    pattern_type text not null,
    description text not null,
    confidence double precision not null default 0.5 check (confidence between 0 and 1),
    occurrences bigint not null default 1 check (occurrences >= 0),
    positive_feedback bigint not null default 0 check (positive_feedback >= 0),
    negative_feedback bigint not null default 0 check (negative_feedback >= 0),
    context_data jsonb,
    first_seen timestamptz not null default now(),
    last_seen timestamptz not null default now(),
    team_id text,
    primary key (org_id, id),
    -- What the analyzer's upsert runs into; also serves the patterns of an organisation by type.
    constraint learning_patterns_one_per_key
        unique nulls not distinct (org_id, pattern_type, pattern_key, user_id)
);

-- That an insight stood in a prompt, or by chance did not although it applied. With the rating and the
-- verification of the generation this is what its effect is measured by.
create table learning_exposures (
    org_id text not null,
    insight_id bigint not null,
    gen_id bigint not null,
    applied boolean not null,
    changed_xid xid8 not null default pg_current_xact_id(),
    created_at timestamptz not null default now(),
    primary key (org_id, insight_id, gen_id),
    foreign key (org_id, insight_id) references learning_insights (org_id, id) on delete cascade,
    foreign key (org_id, gen_id) references ai_generation_log (org_key, id) on delete cascade
);

-- The insights behind a generation that was rated.
create index learning_exposures_of_generation on learning_exposures (org_id, gen_id);
-- What was shown since the analyzer last looked, of all organisations.
create index learning_exposures_changed on learning_exposures (changed_xid);

-- What the bandit knows of an arm. The counts are without the prior, and as they were at
-- `updated_at`: whoever reads them discounts them to now.
create table learning_bandit_arms (
    org_id text not null,
    context text not null,
    arm text not null,
    successes double precision not null default 0 check (successes >= 0),
    failures double precision not null default 0 check (failures >= 0),
    updated_at timestamptz not null,
    primary key (org_id, context, arm)
);

---------------------------------------------------------------------------------------------------
-- Where it stands
---------------------------------------------------------------------------------------------------

-- Where the analyzer stands, as one row.
create table learning_progress (
    only_one boolean primary key default true check (only_one),
    watermark xid8 not null default '0',
    last_success timestamptz
);
insert into learning_progress default values;

-- Where it stands with an organisation: when it was last looked at, and what went wrong if that failed.
-- One that failed is looked at again with the next pass.
create table learning_orgs (
    org_id text not null primary key,
    -- Confidence falls with age by the day, so an organisation with insights is due every day.
    analyzed_on date,
    failed_at timestamptz,
    problem text
);

-- The passes of the analyzer, whoever made them: a server, a cron job or a person.
create table learning_passes (
    id bigint generated always as identity primary key,
    started_at timestamptz not null,
    ended_at timestamptz not null,
    outcome text not null check (outcome in ('done', 'partly', 'failed', 'interrupted')),
    orgs integer not null,
    orgs_failed integer not null,
    rows_read bigint not null,
    insights_made integer not null,
    insights_changed integer not null,
    insights_retired integer not null
);
