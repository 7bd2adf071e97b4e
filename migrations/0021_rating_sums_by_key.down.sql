create or replace function sum_rating() returns trigger
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
