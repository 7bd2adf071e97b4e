-- Where organisations want to be told what happens, and what they are told.

-- An address that notices go to.
create table webhooks (
    org_id text not null,
    webhook_id uuid not null,
    -- How a body is written: as the Standard Webhooks specification has it, or as Slack takes it.
    format text not null check (format in ('standard', 'slack')),
    -- Where notices go. Of an address of Slack the origin alone: its path is the secret.
    url text not null,
    -- The kinds of notice that it gets.
    kinds text[] not null,
    description text,
    -- The key that signs, or the whole address where the address is the secret; sealed for this row and
    -- for `url`, so with another address in that column nothing is sent.
    secret bytea not null,
    -- Format and key of `secret`, so that counting and renewing need not read it.
    sealed_with text not null,
    state text not null check (state in ('enabled', 'disabled')),
    -- Who made it; null once they are erased, because the webhook is the organisation's.
    user_id text,
    created_at timestamptz not null,
    -- Attempts that failed since the last that did not, and the first of them.
    failures integer not null default 0 check (failures >= 0),
    failing_since timestamptz,
    last_attempt_at timestamptz,
    last_success_at timestamptz,
    -- Why the last attempt failed, in words of ours; null when it did not.
    last_error text,
    -- Nothing is sent before; null when nothing failed.
    resumes_at timestamptz,
    -- The server that sends now, and until when no other does: one request to a webhook at a time. By the
    -- clock of Postgres.
    claim uuid,
    claimed_until timestamptz,
    primary key (org_id, webhook_id),
    check ((get_byte(secret, 0) = 2) = (sealed_with like '2:%')),
    check ((failures > 0) = (failing_since is not null)),
    check ((claim is null) = (claimed_until is null))
);
-- No index but the key: an organisation has a handful, and the servers that look for something to send
-- read all rows, of which there are as many, and find what waits for each in the index below.

-- A notice that goes to a webhook. Written in the transaction of what it tells of.
create table notice_deliveries (
    org_id text not null,
    webhook_id uuid not null,
    -- The receiver knows the notice by it: the same for every webhook and in every attempt.
    notice_id uuid not null,
    kind text not null,
    -- Whose run it is about; null when it is about the organisation.
    user_id text,
    -- Ids, figures and words of ours: nothing that a person or a model wrote.
    data jsonb not null,
    state text not null check (state in ('pending', 'delivered', 'dead')),
    attempts integer not null default 0 check (attempts >= 0),
    due_at timestamptz not null,
    last_attempt_at timestamptz,
    last_error text,
    delivered_at timestamptz,
    created_at timestamptz not null,
    primary key (org_id, webhook_id, notice_id),
    foreign key (org_id, webhook_id) references webhooks on delete cascade,
    check ((state = 'delivered') = (delivered_at is not null))
);

-- What waits, by webhook: whether anything is due, and what comes next.
create index notice_deliveries_pending
    on notice_deliveries (org_id, webhook_id, due_at, notice_id) where state = 'pending';

-- A webhook's deliveries, newest first, a page at a time.
create index notice_deliveries_listed
    on notice_deliveries (org_id, webhook_id, created_at desc, notice_id desc);

-- Rows are forgotten after some days: oldest first, over all organisations.
create index notice_deliveries_age on notice_deliveries using brin (created_at);
