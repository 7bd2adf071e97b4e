alter table prompts drop column tool_call_id;
alter table tool_calls drop column probe;
alter table tool_calls drop constraint tool_calls_status_check;
-- Whoever said yes has to be asked again.
update tool_calls set status = 'planned' where status = 'approved';
alter table tool_calls add constraint tool_calls_status_check
    check (status in ('planned', 'started', 'finished'));
alter table run_events drop column run_status;
drop index runs_mine_by_status;
drop index runs_held;
drop index runs_unfinished;
create index runs_unfinished on runs (created_at) where finished_at is null;
alter table runs drop constraint runs_kind_check;
update runs set kind = 'autonomous' where kind = 'job';
alter table runs add constraint runs_kind_check check (kind in ('autonomous'));
alter table runs reset (fillfactor);
alter table runs
    drop column role,
    drop column request,
    drop column state,
    drop column baseline,
    drop column available_at,
    drop column worker_id,
    drop column fence,
    drop column takeovers,
    drop column settled_sequence,
    drop column cancel_requested_at,
    drop column phase,
    drop column metadata,
    drop column error;
drop table run_turns;
drop table workers;
