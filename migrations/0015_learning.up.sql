-- The loop from a rating to a better answer: what is rated says what it was like, counts move with
-- every rating, what they teach is put into prompts, and whether that helps is measured.

-- The team of whoever asks, as their token says; null when it says none.
alter table runs add column team_id text;

-- What an answer was like, so that a rating says something about it. Answers of versions that did not
-- look have no tags, and a rating of them counts for their category alone.
alter table ai_generation_log
    add column team_id text,
    add column session_id text,
    -- What kind of work it was: `fix`, `feature`, `test` and the like.
    add column category text not null default 'general',
    -- The language most of it is in.
    add column language text,
    -- The first words of the answer, without secrets: what `learning_suggestions.suggestion_text` says.
    add column answer text,
    -- `subject=value`, as `feedback/traits.rs` found them in what was written.
    add column tags text[] not null default '{}',
    add column verification text check (verification in ('passed', 'failed', 'not_run')),
    -- Which insights its prompt held, and which it would have held had chance not left them out. What
    -- is measured is read from `learning_exposures`; these are for whoever looks at an answer.
    add column insights bigint[] not null default '{}',
    add column held_out bigint[] not null default '{}';

-- The same question again by the same person soon afterwards: the answer before was not it.
create index ai_generation_log_asked_again
    on ai_generation_log (org_key, user_sub, input_fingerprint, created_at);

-- When a rating was last changed: its weight in the bandit's counts is that of this moment.
alter table ai_feedback add column updated_at timestamptz not null default now();
update ai_feedback set updated_at = created_at;

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

alter table learning_suggestions
    add column team_id text,
    add column language text,
    -- The group of similar ones that it belongs to, a row of `learning_patterns`.
    add column pattern_id bigint,
    -- The transaction of the last change. The analyzer goes on where the oldest transaction was that
    -- was still open when it last looked, so a rating that commits late is not overlooked. A time would
    -- not do: it is taken before the commit.
    add column changed_xid xid8 not null default pg_current_xact_id();

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

alter table learning_insights
    -- Whom it is for: everybody in the organisation when both are null.
    add column team_id text,
    add column user_id text,
    add column language text,
    add column status text not null default 'active'
        check (status in ('proposed', 'active', 'retired')),
    -- Why it has that status, and who says so; the analyzer when nobody does.
    add column status_reason text,
    add column decided_by text,
    add column status_since timestamptz not null default now(),
    -- An insight whose words an admin has changed keeps them.
    add column edited_by text,
    -- Whose words it quotes: they go when that person is erased.
    add column quoted_user text,
    -- The answers it was learned from, the newest of them.
    add column evidence bigint[] not null default '{}',
    -- What it does, as measured: see `docs/learning.md`.
    add column effect jsonb,
    add constraint learning_insights_active_is_a_status check (is_active = (status = 'active')),
    drop constraint learning_insights_one_per_subject,
    add constraint learning_insights_one_per_subject unique nulls not distinct
        (org_id, insight_type, category, subject, team_id, user_id, language);
update learning_insights set status = 'retired' where not is_active;

alter table learning_patterns add column team_id text;

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
