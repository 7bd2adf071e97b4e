drop table run_turns;
drop table workers;
drop table run_changes;
drop table tool_calls;
drop table run_messages;
drop table run_events;
drop table runs;
