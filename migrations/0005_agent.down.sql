drop table prompts;
drop table tool_calls;
drop table run_messages;
drop table run_events;
drop table runs;
drop table conversation_messages;
drop table conversations;
