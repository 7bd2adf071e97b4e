-- Dropping months of a table that is partitioned by month, as a whole: nothing is deleted row by row,
-- nothing has to be vacuumed.
--
-- A month goes once all of it is older than `keep`, by the bounds of the partition and not by its
-- rows. The default partition never goes. Like the making of months it gives way after five seconds
-- instead of queueing in front of readers, takes its turn, and can be called again at any time.
--
-- Answers with the names of what was dropped.
create function drop_old_months(parent regclass, keep interval)
returns text[]
language plpgsql
set lock_timeout = '5s'
set timezone = 'UTC'
as $$
declare
    month record;
    dropped text[] := '{}';
begin
    perform pg_advisory_xact_lock(hashtextextended('make_month_partitions', 0));
    for month in
        select c.relname as name, n.nspname as schema,
               substring(pg_get_expr(c.relpartbound, c.oid)
                         from 'TO \(''([^'']+)''\)')::timestamptz as upper
        from pg_inherits i
        join pg_class c on c.oid = i.inhrelid
        join pg_namespace n on n.oid = c.relnamespace
        where i.inhparent = parent and pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'
        order by c.relname
    loop
        continue when month.upper > now() - keep;
        execute format('drop table %I.%I', month.schema, month.name);
        dropped := dropped || month.name::text;
    end loop;
    return dropped;
end
$$;
