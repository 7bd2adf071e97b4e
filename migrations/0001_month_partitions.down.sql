drop function make_month_partitions(timestamptz, integer);
