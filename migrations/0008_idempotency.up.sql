-- Requests that create something and were answered, by the key that their client gave them.
--
-- The row is written in the transaction that creates the thing. Either both are there or neither,
-- so a request that is sent again after a crash, a lost answer or a time-out creates nothing twice
-- and never finds a key without its thing. Whoever comes while that transaction is open finds its
-- advisory lock taken, and is told so instead of being made to wait.
create table idempotency_keys (
    org_id text not null,
    user_id text not null,
    -- What the client sent, 1 to 255 characters.
    key text not null,
    -- SHA-256 of method, path and body: the same key with another request is a mistake.
    fingerprint bytea not null check (octet_length(fingerprint) = 32),
    status smallint not null,
    answer jsonb not null,
    created_at timestamptz not null,
    primary key (org_id, user_id, key)
);

-- Keys are forgotten after a day: oldest first, over all organisations.
create index idempotency_keys_age on idempotency_keys using brin (created_at);
