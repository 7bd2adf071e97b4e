-- Sums of answers and their ratings, so that statistics cost the same however many answers there are.
--
-- Statistics were counted from all answers of the period with every request: a quarter of a second at
-- 25,000 answers, and more with every further one. Now they are added up from sums by the day, from
-- sums by the quarter of an hour for the day in which the period begins, and from the rows themselves
-- for the quarter of an hour in which it begins, so they are as exact as before.
--
-- What changes a sum is appended, and added to it later: an update of the sum in every rating's
-- transaction would make all ratings of an organisation wait for each other's commits, and two that
-- take several sums in different orders would deadlock. An appended row waits for nothing. Readers
-- add what is appended to what is summed, both as of one snapshot, so nothing is read late or twice.
--
-- The triggers append in the statement that writes the rows, and not the programs that write them: the
-- version before this one counts during a rollout, and so does an operator at a prompt. The category
-- and the time of an answer never change, so no trigger looks for that.
--
-- `minutes` is how long the time is that a sum is of: 15, or 1,440 for a day in UTC.

-- What is to be added to sums: small, appended by ratings and emptied every few seconds.
create table feedback_sum_changes (
    org_key text not null,
    id bigint generated always as identity,
    -- When the answer was made that this is about: a rating counts with its answer.
    answered_at timestamptz not null,
    kind text not null check (kind in ('category', 'reason', 'signal')),
    -- The category, the reason or the signal.
    name text not null,
    -- Of a reason, the answers that were rated for it; of a signal, the answers that have it.
    answers smallint not null default 0,
    up smallint not null default 0,
    down smallint not null default 0,
    withdrawn smallint not null default 0,
    accepted smallint not null default 0,
    rejected smallint not null default 0,
    -- Also serves the statistics of an organisation, which add all of its changes.
    primary key (org_key, id)
);
-- It is filled and emptied all the time, and its size says nothing about how much of it is dead.
alter table feedback_sum_changes set (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000
);

-- The sums. A sum that becomes nothing is deleted, because the reason in it is a person's word. None is
-- checked to be at least nothing: a change may be added before the one that it takes back.
create table feedback_sums (
    org_key text not null,
    minutes smallint not null check (minutes in (15, 1440)),
    kind text not null check (kind in ('category', 'reason', 'signal')),
    starts_at timestamptz not null,
    name text not null,
    answers bigint not null,
    up bigint not null,
    down bigint not null,
    withdrawn bigint not null,
    accepted bigint not null,
    rejected bigint not null,
    -- In the order in which statistics read it: everything of a kind since a moment.
    primary key (org_key, minutes, kind, starts_at, name)
) with (fillfactor = 80);

-- What a rating changes about the arms that were chosen for its answer, from the commit of the rating until
-- it is added to `learning_bandit_arms` a moment later. All ratings of an organisation move the same few
-- arms: were they locked until a rating is on disk, one rating would wait for the disk of another. What
-- a process that ended left here is added by any other.
--
-- Changes of one answer are added in the order of their numbers: a later one takes out what an earlier one
-- put in.
create table learning_arm_changes (
    org_id text not null,
    gen_id bigint not null,
    id bigint generated always as identity,
    context text not null,
    arm text not null,
    rated_at timestamptz not null,
    up smallint not null check (up in (0, 1)),
    down smallint not null check (down in (0, 1)),
    -- The rating before, whose weight is taken out.
    old_at timestamptz not null,
    old_up smallint not null check (old_up in (0, 1)),
    old_down smallint not null check (old_down in (0, 1)),
    primary key (org_id, gen_id, id)
);

-- A new answer.
create function sum_answer() returns trigger
language plpgsql as $$
begin
    insert into feedback_sum_changes (org_key, answered_at, kind, name, answers)
    values (new.org_key, new.created_at, 'category', new.category, 1);
    return null;
end
$$;

-- An answer that goes takes its ratings and signals along: the rows that go with it no longer find it. It
-- is locked here, as it is for ratings and signals, so none of them can come in between.
create function sum_answer_gone() returns trigger
language plpgsql as $$
begin
    insert into feedback_sum_changes
        (org_key, answered_at, kind, name, answers, up, down, withdrawn, accepted, rejected)
    select old.org_key, old.created_at, 'category', old.category, -1,
           coalesce(-(f.rating = 1)::int, 0), coalesce(-(f.rating = -1)::int, 0),
           coalesce(-(f.rating = 0)::int, 0),
           coalesce(-(s.feedback_type in ('accepted', 'modified'))::int, 0),
           coalesce(-(s.feedback_type = 'rejected')::int, 0)
    from (select) one
    left join ai_feedback f
      on f.org_key = old.org_key and f.gen_id = old.id and f.user_sub = old.user_sub
    left join learning_suggestions s on s.org_id = old.org_key and s.gen_id = old.id
    union all
    select old.org_key, old.created_at, 'reason', f.reason, -1, 0, 0, 0, 0, 0
    from ai_feedback f
    where f.org_key = old.org_key and f.gen_id = old.id and f.user_sub = old.user_sub
      and f.reason is not null and f.rating <> 0
    union all
    select old.org_key, old.created_at, 'signal', x.signal, -1, 0, 0, 0, 0, 0
    from ai_feedback_signals x
    where x.org_key = old.org_key and x.gen_id = old.id;
    return old;
end
$$;

-- A rating that is given, changed or erased. `new` is null when a row goes, and `old` when it comes.
create function sum_rating() returns trigger
language plpgsql as $$
begin
    insert into feedback_sum_changes (org_key, answered_at, kind, name, answers, up, down, withdrawn)
    select g.org_key, g.created_at, said.kind, coalesce(said.name, g.category), said.answers, said.up,
           said.down, said.withdrawn
    from ai_generation_log g
    cross join (
        select 'category' as kind, null as name, 0 as answers,
               coalesce((new.rating = 1)::int, 0) - coalesce((old.rating = 1)::int, 0) as up,
               coalesce((new.rating = -1)::int, 0) - coalesce((old.rating = -1)::int, 0) as down,
               coalesce((new.rating = 0)::int, 0) - coalesce((old.rating = 0)::int, 0) as withdrawn
        union all
        select 'reason', old.reason, -1, 0, 0, 0 where old.reason is not null and old.rating <> 0
        union all
        select 'reason', new.reason, 1, 0, 0, 0 where new.reason is not null and new.rating <> 0
    ) said
    where g.org_key = coalesce(new.org_key, old.org_key) and g.id = coalesce(new.gen_id, old.gen_id)
      and g.user_sub = coalesce(new.user_sub, old.user_sub)
      and (said.answers, said.up, said.down, said.withdrawn) <> (0, 0, 0, 0);
    return null;
end
$$;

-- What became of an answer, by its rating or, without one, by what was observed.
create function sum_verdict() returns trigger
language plpgsql as $$
begin
    insert into feedback_sum_changes (org_key, answered_at, kind, name, accepted, rejected)
    select g.org_key, g.created_at, 'category', g.category, moved.accepted, moved.rejected
    from ai_generation_log g
    cross join (
        select coalesce((new.feedback_type in ('accepted', 'modified'))::int, 0)
                   - coalesce((old.feedback_type in ('accepted', 'modified'))::int, 0) as accepted,
               coalesce((new.feedback_type = 'rejected')::int, 0)
                   - coalesce((old.feedback_type = 'rejected')::int, 0) as rejected
    ) moved
    where g.org_key = coalesce(new.org_id, old.org_id) and g.id = coalesce(new.gen_id, old.gen_id)
      and (moved.accepted, moved.rejected) <> (0, 0);
    return null;
end
$$;

create function sum_signal() returns trigger
language plpgsql as $$
begin
    insert into feedback_sum_changes (org_key, answered_at, kind, name, answers)
    select g.org_key, g.created_at, 'signal', coalesce(new.signal, old.signal),
           case when new.signal is null then -1 else 1 end
    from ai_generation_log g
    where g.org_key = coalesce(new.org_key, old.org_key) and g.id = coalesce(new.gen_id, old.gen_id);
    return null;
end
$$;

-- In the order in which writers take the tables. Each of these lets readers pass and makes writers wait
-- until this migration ends, so that the sums below begin with exactly what the triggers do not see.
create trigger ai_generation_log_summed after insert on ai_generation_log
    for each row execute function sum_answer();
create trigger ai_generation_log_gone before delete on ai_generation_log
    for each row execute function sum_answer_gone();
create trigger ai_feedback_summed after insert or update of rating, reason or delete on ai_feedback
    for each row execute function sum_rating();
create trigger ai_feedback_signals_summed after insert or delete on ai_feedback_signals
    for each row execute function sum_signal();
create trigger learning_suggestions_summed
    after insert or update of feedback_type or delete on learning_suggestions
    for each row execute function sum_verdict();

-- What is there already: for a million answers some fifteen seconds, in which ratings and ends of runs wait.
insert into feedback_sums
    (org_key, minutes, kind, starts_at, name, answers, up, down, withdrawn, accepted, rejected)
select org_key, minutes, kind,
       date_bin(make_interval(mins => minutes), created_at, '2000-01-01 00:00:00Z'), name,
       sum(answers), sum(up), sum(down), sum(withdrawn), sum(accepted), sum(rejected)
from (
    select g.org_key, g.created_at, 'category' as kind, g.category as name, 1 as answers,
           coalesce((f.rating = 1)::int, 0) as up, coalesce((f.rating = -1)::int, 0) as down,
           coalesce((f.rating = 0)::int, 0) as withdrawn,
           coalesce((s.feedback_type in ('accepted', 'modified'))::int, 0) as accepted,
           coalesce((s.feedback_type = 'rejected')::int, 0) as rejected
    from ai_generation_log g
    left join ai_feedback f on f.org_key = g.org_key and f.gen_id = g.id and f.user_sub = g.user_sub
    left join learning_suggestions s on s.org_id = g.org_key and s.gen_id = g.id
    union all
    select g.org_key, g.created_at, 'reason', f.reason, 1, 0, 0, 0, 0, 0
    from ai_feedback f
    join ai_generation_log g on g.org_key = f.org_key and g.id = f.gen_id and g.user_sub = f.user_sub
    where f.reason is not null and f.rating <> 0
    union all
    select g.org_key, g.created_at, 'signal', x.signal, 1, 0, 0, 0, 0, 0
    from ai_feedback_signals x
    join ai_generation_log g on g.org_key = x.org_key and g.id = x.gen_id
) told
cross join (values (15), (1440)) sizes (minutes)
group by 1, 2, 3, 4, 5
-- As they are read, so that what is read together lies together.
order by 1, 2, 3, 4, 5;

-- The newest comments of a group of similar ones; without it a pass reads all that an organisation ever
-- rated. Not built concurrently: writers of this table wait here anyway, and it holds only what was
-- rejected with words.
create index learning_suggestions_of_pattern on learning_suggestions (org_id, pattern_id, id)
    where pattern_id is not null;
