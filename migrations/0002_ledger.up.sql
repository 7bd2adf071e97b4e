-- What it cost: one row for each call to a model, each retrieval and each finished run.
--
-- The names of the tables and columns are those that dashboards and operators already query by
-- hand. The three tables only grow, are read by time, and are dropped month by month.
--
-- Their primary keys begin with organisation and time, because nearly every question asked of them
-- does, and end with an id that the writer makes *before* it writes. Rows are written in batches
-- that are tried again when a connection breaks, and then nobody knows whether the first attempt
-- was committed. With the key, `on conflict do nothing` makes the second attempt harmless; one
-- index serves both purposes.

create table llm_metrics (
    id bigint generated always as identity,
    org_id text not null,
    user_id text not null,
    -- Made by the caller before the request is sent.
    call_id uuid not null,
    -- Null for calls outside a run, such as plain chat.
    run_id uuid,
    model text not null,
    provider text not null,
    phase text not null,
    -- Input includes what was read from and written to the provider's cache, output includes
    -- reasoning, whoever the provider is: the sum over this table can then be held against both
    -- the provider's invoice and our own counters.
    input_tokens bigint not null default 0 check (input_tokens >= 0),
    output_tokens bigint not null default 0 check (output_tokens >= 0),
    total_tokens bigint not null default 0 check (total_tokens >= 0),
    cache_read_tokens bigint not null default 0 check (cache_read_tokens >= 0),
    cache_write_tokens bigint not null default 0 check (cache_write_tokens >= 0),
    reasoning_tokens bigint not null default 0 check (reasoning_tokens >= 0),
    -- US dollars. Null means that no price was known at the time; it is never zero for that
    -- reason, so a sum can be wrong only by what `total_cost is null` counts, and those rows can
    -- be priced later.
    input_cost numeric(20, 9) check (input_cost >= 0),
    output_cost numeric(20, 9) check (output_cost >= 0),
    total_cost numeric(20, 9) check (total_cost >= 0),
    -- Null when the call never got that far.
    latency_ms bigint check (latency_ms >= 0),
    ttft_ms bigint check (ttft_ms >= 0),
    task_type text,
    session_id text,
    extra_metadata jsonb,
    -- A call is recorded whatever became of it.
    status text not null default 'success'
        check (status in ('success', 'error', 'timeout', 'cancelled')),
    error_message text,
    created_at timestamptz not null default now(),
    primary key (org_id, created_at, call_id),
    constraint llm_metrics_priced_wholly_or_not
        check (num_nulls(input_cost, output_cost, total_cost) in (0, 3))
) partition by range (created_at);

create table llm_metrics_default partition of llm_metrics default;

-- The last month's cost by model over all organisations, for operators. Rows arrive in the order
-- of time, so a block range index answers it at a thousandth of a b-tree's size.
create index llm_metrics_time on llm_metrics using brin (created_at);

-- The calls of one run, shown at its end and summed into its `task_metrics` row.
create index llm_metrics_run on llm_metrics (org_id, run_id) where run_id is not null;

-- The calls that wait for a price, for `navi ledger reprice`; normally empty.
create index llm_metrics_unpriced on llm_metrics (provider, model, created_at)
    where total_cost is null;

create table rag_metrics (
    id bigint generated always as identity,
    org_id text not null,
    user_id text not null,
    -- A writer that may try again sends its own.
    retrieval_id uuid not null default gen_random_uuid(),
    run_id uuid,
    phase text not null,
    query text,
    chunks_retrieved integer not null default 0 check (chunks_retrieved >= 0),
    -- Null when nobody counted, which is not the same as none.
    chunks_used integer check (chunks_used >= 0),
    retrieval_latency_ms bigint not null check (retrieval_latency_ms >= 0),
    relevance_score double precision,
    session_id text,
    task_id text,
    extra_metadata jsonb,
    created_at timestamptz not null default now(),
    -- The key serves the retrievals of an organisation by time.
    primary key (org_id, created_at, retrieval_id)
) partition by range (created_at);

create table rag_metrics_default partition of rag_metrics default;

create table task_metrics (
    id bigint generated always as identity,
    org_id text not null,
    user_id text not null,
    run_id uuid not null,
    -- What clients call the run; text, because theirs need not be ours.
    task_id text,
    task_type text not null,
    llm_iterations integer not null default 0 check (llm_iterations >= 0),
    rag_retrievals integer not null default 0 check (rag_retrievals >= 0),
    completion_time_ms bigint not null check (completion_time_ms >= 0),
    llm_time_ms bigint check (llm_time_ms >= 0),
    rag_time_ms bigint check (rag_time_ms >= 0),
    total_tokens bigint not null default 0 check (total_tokens >= 0),
    -- Null when the price of any of the run's calls is unknown: a sum with a hole is no cost.
    total_cost numeric(20, 9) check (total_cost >= 0),
    status text not null check (status in ('success', 'error', 'timeout', 'cancelled')),
    error_type text,
    extra_metadata jsonb,
    created_at timestamptz not null default now(),
    -- The key serves the tasks of an organisation by time.
    primary key (org_id, created_at, run_id)
) partition by range (created_at);

create table task_metrics_default partition of task_metrics default;

-- What a model costs, and since when. A price is never changed: a new one is a new row, and what
-- was computed with the old one can be computed again. The price of a call is the newest row that
-- is not younger than the call, and a row that an operator entered goes before the built-in ones,
-- whatever their dates. Prices are the same for every organisation, the one table here without
-- one.
create table model_prices (
    provider text not null,
    model text not null,
    valid_from timestamptz not null,
    -- US dollars for a million tokens.
    input_per_million numeric(20, 9) not null check (input_per_million >= 0),
    output_per_million numeric(20, 9) not null check (output_per_million >= 0),
    -- Null when the list gives no discount: those tokens cost what fresh input costs.
    cache_read_per_million numeric(20, 9) check (cache_read_per_million >= 0),
    -- Null when the list does not say. Providers bill these tokens above fresh input, so a call
    -- that has any of them has no known cost.
    cache_write_per_million numeric(20, 9) check (cache_write_per_million >= 0),
    -- Who says so: the built-in list, or the operator who entered it.
    source text not null,
    primary key (provider, model, valid_from)
);
