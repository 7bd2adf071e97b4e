alter table ai_generation_log alter column id set generated always;
-- Numbers go on behind the largest that was given out.
select setval(pg_get_serial_sequence('ai_generation_log', 'id'), greatest(max(id), 1))
from ai_generation_log;
drop function generation_id();
