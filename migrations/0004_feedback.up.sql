-- What people thought of what the agent made, and what it teaches.
--
-- These tables are small beside the metrics, are corrected in place, and are kept as long as the
-- organisation is: they are not partitioned.

-- One answer that can be rated. `org_key` and `user_sub` are the older names of organisation and
-- user, kept for the queries that use them. The prompt itself is not stored, only its SHA-256.
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
    primary key (org_key, id)
);

-- Generations of an organisation within the last days, the denominator of every statistic.
create index ai_generation_log_time on ai_generation_log (org_key, created_at);

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
    primary key (org_key, id),
    -- Whoever erases a generation erases what was said about it.
    foreign key (org_key, gen_id) references ai_generation_log (org_key, id) on delete cascade,
    -- What makes a second rating a replacement; also finds the rating of a generation.
    constraint ai_feedback_one_per_owner unique (org_key, gen_id, user_sub)
);

-- Ratings of an organisation, newest first, and within the last days.
create index ai_feedback_time on ai_feedback (org_key, created_at);

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
    primary key (org_id, id),
    constraint learning_suggestions_one_per_generation unique (org_id, gen_id)
);

-- What the analyzer reads: an organisation's suggestions since its look-back.
create index learning_suggestions_time on learning_suggestions (org_id, updated_at);

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
    is_active boolean not null default true,
    category text,
    tags jsonb,
    first_seen timestamptz not null default now(),
    last_updated timestamptz not null default now(),
    last_applied timestamptz,
    primary key (org_id, id),
    -- Running the analyzer twice finds the same insight, not a second one. No category is a
    -- category too, hence nulls that are equal. Also serves the list of an organisation's insights,
    -- which are few enough to be filtered by `is_active` afterwards.
    constraint learning_insights_one_per_subject
        unique nulls not distinct (org_id, insight_type, category, subject)
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
    primary key (org_id, id),
    -- What the analyzer's upsert runs into; also serves the patterns of an organisation by type.
    constraint learning_patterns_one_per_key
        unique nulls not distinct (org_id, pattern_type, pattern_key, user_id)
);
