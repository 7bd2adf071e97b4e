-- What a user and the agent said, across runs.
--
-- Ids are UUIDs of version 7 made by the service, so they sort by time and new rows land at the
-- end of their index. Every reference carries the organisation: a row of one cannot refer to a
-- row of another, whatever the code does. Times come from the service too, which is why they have
-- no default here: a row written past the service should fail, not get a plausible time.

create table conversations (
    org_id text not null,
    user_id text not null,
    conversation_id uuid not null,
    title text not null,
    -- A deleted conversation stays until it is erased, so that its runs still have a name.
    status text not null check (status in ('active', 'archived', 'deleted')),
    is_pinned boolean not null,
    is_starred boolean not null,
    workspace_path text,
    initial_context jsonb,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (org_id, conversation_id)
);

-- My conversations, the last used first.
create index conversations_mine
    on conversations (org_id, user_id, updated_at desc, conversation_id desc);

-- A conversation by its id alone. Clients make up ids, and an id that no conversation has begins one.
-- One that another organisation has must be "not found" and begin nothing: so the insert looks for it
-- in all organisations, and only there. Not unique: a unique key without `org_id` would keep the table
-- from being distributed.
create index conversations_by_id on conversations (conversation_id);

create table conversation_messages (
    org_id text not null,
    conversation_id uuid not null,
    message_id uuid not null,
    role text not null check (role in ('user', 'assistant', 'system')),
    content text not null,
    metadata jsonb not null,
    -- Null when nobody counted.
    tokens_used integer check (tokens_used >= 0),
    created_at timestamptz not null,
    primary key (org_id, message_id),
    -- Messages have no life of their own.
    foreign key (org_id, conversation_id)
        references conversations (org_id, conversation_id) on delete cascade
);

-- The messages of a conversation in order; also what the cascade looks up.
create index conversation_messages_in_order
    on conversation_messages (org_id, conversation_id, created_at, message_id);
