-- no-transaction
drop index concurrently conversations_by_id;
