-- What a person is asked: questions of the model, and whether it may do something; what they allowed,
-- and what they would like not to be asked again.

---------------------------------------------------------------------------------------------------
-- Questions
---------------------------------------------------------------------------------------------------

-- A question to the user that a run waits for. It is answered at most once: the update that
-- answers says `where status = 'pending'`.
create table prompts (
    org_id text not null,
    user_id text not null,
    run_id uuid not null,
    prompt_id uuid not null,
    question jsonb not null,
    status text not null check (status in ('pending', 'answered', 'canceled', 'expired')),
    response text,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    answered_at timestamptz,
    -- Which call asks.
    tool_call_id uuid,
    primary key (org_id, prompt_id),
    foreign key (org_id, run_id) references runs (org_id, run_id) on delete cascade,
    constraint prompts_response_iff_answered check (
        (status = 'answered') = (response is not null)
        and (status = 'answered') = (answered_at is not null)
    )
);

-- The questions of a run, to cancel them with it; also what the cascade looks up.
create index prompts_of_run on prompts (org_id, run_id);

---------------------------------------------------------------------------------------------------
-- Consents
---------------------------------------------------------------------------------------------------

-- A call that waits for a person, or waited. It is answered at most once (the update that answers
-- says `where status = 'pending'`) and used at most once (the update that uses it says `where
-- used_at is null` and names the hash), so no answer can move to another action, and none can be
-- spent twice.
create table consents (
    org_id text not null,
    user_id text not null,
    run_id uuid not null,
    consent_id uuid not null,
    tool_call_id uuid not null,
    tool text not null,
    -- What is asked about, as people read it: a command, or a tool and its file.
    command text not null,
    -- Relative to the workspace, which is named beside it.
    cwd text not null,
    workspace text not null,
    -- SHA-256 of the normalised action: tool, arguments, folder, workspace.
    action_hash bytea not null check (octet_length(action_hash) = 32),
    danger_level text not null check (danger_level in ('low', 'medium', 'high', 'critical')),
    -- The rules that asked, each with the kind of action that `allow_always_type` would allow.
    findings jsonb not null,
    -- `data` of the event, so that a client that comes later is shown the same.
    shown jsonb not null,
    status text not null check (status in
        ('pending', 'allowed', 'denied', 'replaced', 'expired', 'canceled')),
    choice text check (choice in
        ('allow_once', 'allow_always_exact', 'allow_always_type', 'deny', 'alternative')),
    -- What to do instead. It is an action of its own and judged as one.
    alternative text,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    answered_at timestamptz,
    used_at timestamptz,
    primary key (org_id, consent_id),
    foreign key (org_id, run_id) references runs (org_id, run_id) on delete cascade,
    constraint consents_answered_iff_chosen check (
        (choice is not null) = (status in ('allowed', 'denied', 'replaced'))
        and (choice is not null) = (answered_at is not null)
    ),
    constraint consents_alternative_iff_replaced check (
        (status = 'replaced') = (alternative is not null)
    ),
    constraint consents_only_the_allowed_are_used check (used_at is null or status = 'allowed')
);

-- The consents of a run: the one it waits for, those to close with it; also what the cascade looks
-- up.
create index consents_of_run on consents (org_id, run_id);

-- What its owner does not want to be asked again. It holds within one workspace: what is harmless
-- in one project need not be in another.
create table consent_preferences (
    id bigint generated always as identity,
    org_id text not null,
    user_id text not null,
    workspace text not null,
    preference_type text not null check (preference_type in ('exact_command', 'command_type')),
    -- The command as it was asked about, or the kind of command, such as `git push`.
    command_pattern text not null,
    -- The rule whose question this answers; for an exact command the hash of its action in hex.
    subject text not null,
    created_at timestamptz not null,
    created_by_run uuid,
    primary key (org_id, id),
    -- Saying it twice says it once; also finds what applies to an action, and lists one's own.
    constraint consent_preferences_one_of_a_kind
        unique (org_id, user_id, workspace, preference_type, subject, command_pattern)
);

-- Every decision about an action, whoever or whatever made it: a person, a preference, the clock,
-- the end of the run. Written in the transaction of the decision, never changed.
create table consent_audit_log (
    id bigint generated always as identity,
    org_id text not null,
    user_id text not null,
    -- Null when a preference decided and nobody was asked.
    consent_id uuid,
    preference_id bigint,
    run_id uuid not null,
    tool text not null,
    command text not null,
    shell text not null,
    cwd text not null,
    danger_level text not null check (danger_level in ('low', 'medium', 'high', 'critical')),
    decision text not null check (decision in
        ('allow_once', 'allow_always_exact', 'allow_always_type', 'deny', 'alternative',
         'auto_allowed', 'timeout', 'canceled')),
    alternative_command text,
    requested_at timestamptz not null,
    responded_at timestamptz not null,
    session_id text,
    -- The key serves one's own decisions, newest first.
    primary key (org_id, user_id, id),
    constraint consent_audit_log_asked_or_preferred check (
        (consent_id is null) = (decision = 'auto_allowed')
    )
);
