drop table conversation_messages;
drop table conversations;
