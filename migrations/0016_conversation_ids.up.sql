-- no-transaction
-- A conversation by its id alone. Clients make up ids, and an id that no conversation has begins one.
-- One that another organisation has must stay "not found", as it was before: so the insert looks for
-- it in all organisations, and only there. Not unique: a unique key without `org_id` would keep the
-- table from being distributed.
create index concurrently conversations_by_id on conversations (conversation_id);
