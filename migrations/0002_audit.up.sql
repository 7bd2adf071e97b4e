-- What was done, by whom: an append-only log for every organisation, sealed and chained.
--
-- An entry is written in two records: one before the thing is done and one after, or a single one
-- where there is nothing to wait for. Nothing is ever changed, so both can be part of a chain: each
-- record holds the hash of the one before it, and its own over all that it says.
--
-- The organisation '' is the server itself: tokens that were refused, settings that changed,
-- retention. No token can name it, because an organisation's id is never empty.

-- Where the log of an organisation ends. One row each; whoever appends locks it, so that numbers
-- have no gaps and become visible in order.
create table audit_chains (
    org_id text primary key,
    -- The last record's number and hash; all zeroes before the first.
    size bigint not null check (size >= 0),
    head bytea not null check (octet_length(head) = 32),
    -- No record is younger than the one after it, whatever the clocks of the servers say.
    last_at timestamptz not null,
    -- HMAC over organisation, number and hash, under a key that is not in the database: who can
    -- write here but has no key cannot move the end.
    seal bytea not null check (octet_length(seal) = 32),
    seal_key_id text not null
);

create table audit_records (
    org_id text not null,
    -- 1, 2, 3 … within the organisation.
    sequence bigint not null check (sequence > 0),
    -- The two records of an entry share it.
    entry_id uuid not null,
    phase text not null check (phase in ('begun', 'completed', 'noted')),
    created_at timestamptz not null,
    event text not null,
    -- A route's template, never an address.
    method text,
    route text,
    request_id text,
    trace_id text,
    run_id uuid,
    status integer,
    outcome text,
    duration_ms bigint,
    actor_kind text not null,
    -- What an entry about the log itself says to everybody: which records were erased, for example.
    statement text,

    -- What may identify a person. The chain holds only a commitment to these three, blinded with
    -- random bytes, so that they can be erased and the chain stays whole: both the text and the
    -- blinding go, and the commitment says nothing any more.
    actor text,
    actor_role text,
    resource text,
    blind bytea check (octet_length(blind) = 16),
    commitment bytea not null check (octet_length(commitment) = 32),

    -- Query, body, before and after, sealed with the entry's own key. That key is wrapped under the
    -- audit key and lies beside it, outside the chain: to destroy it is to destroy the payload.
    payload bytea,
    payload_digest bytea check (octet_length(payload_digest) = 32),
    entry_key bytea,
    key_id text,

    -- The number of the record that says that this one was erased.
    erased_by bigint,

    previous bytea not null check (octet_length(previous) = 32),
    hash bytea not null check (octet_length(hash) = 32),
    primary key (org_id, sequence, created_at),
    constraint audit_records_completed_once unique (org_id, entry_id, phase, created_at),
    constraint audit_records_outcome_iff_done check ((phase = 'begun') = (outcome is null)),
    constraint audit_records_digest_iff_payload
        check ((payload is null) = (payload_digest is null)),
    constraint audit_records_erased_wholly check (
        erased_by is null or (actor is null and resource is null and blind is null and entry_key is null)
    )
) partition by range (created_at);

create table audit_records_default partition of audit_records default;

-- What somebody did, newest first; also what erasure looks for. The unique key above finds the
-- records of an entry, and the primary key lists them all.
create index audit_records_by_actor on audit_records (org_id, actor, sequence desc);

-- What the log says about a trace. All entries of a run carry the run's trace, so no second index
-- over runs is needed, and the second record of an entry is left out. The log is where every change
-- waits for its commit, so this was weighed: it adds one entry to one index for each change, beside
-- two in each of the three others.
create index audit_records_of_trace on audit_records (org_id, trace_id)
    where trace_id is not null and phase <> 'completed';

-- Accidents stop here. It is no protection against whoever owns the table; the chain is.
create function audit_records_stay() returns trigger
language plpgsql as $$
begin
    -- Rows for which there was no month yet are moved out of the default partition when there is.
    if tg_op = 'DELETE' and tg_table_name = 'audit_records_default' then
        return old;
    end if;
    if tg_op = 'UPDATE' and new.erased_by is not null and old.erased_by is null
       and (to_jsonb(new) - '{actor,actor_role,resource,blind,entry_key,erased_by}'::text[])
         = (to_jsonb(old) - '{actor,actor_role,resource,blind,entry_key,erased_by}'::text[])
    then
        return new;
    end if;
    raise exception 'records of the audit log are neither changed nor deleted'
        using errcode = 'integrity_constraint_violation';
end
$$;

create trigger audit_records_stay before update or delete on audit_records
    for each row execute function audit_records_stay();

-- Signed statements about a log: it had so many records, and this root hash. `is_base` marks the one
-- behind which older months were dropped.
create table audit_checkpoints (
    org_id text not null,
    size bigint not null check (size >= 0),
    is_base boolean not null,
    root bytea not null check (octet_length(root) = 32),
    -- The signed text, as it is handed out.
    note text not null,
    created_at timestamptz not null,
    primary key (org_id, size, is_base)
);

-- The Merkle tree over the hashes of the records, up to the last checkpoint, in tiles of 256 hashes
-- as in https://c2sp.org/tlog-tiles: an entry of level n+1 is the root of a whole tile of level n. A
-- proof reads a few tiles instead of all records, and months that were dropped stay provable.
create table audit_tiles (
    org_id text not null,
    level smallint not null check (level >= 0),
    tile bigint not null check (tile >= 0),
    hashes bytea not null check (octet_length(hashes) between 32 and 8192),
    primary key (org_id, level, tile)
);
