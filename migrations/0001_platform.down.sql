drop table idempotency_keys;
drop function months_older_than(regclass, interval);
drop function old_months(regclass, interval);
drop function drop_old_months(regclass, interval);
drop function make_month_partitions(timestamptz, integer);
