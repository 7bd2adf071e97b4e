-- The tokens with which NAVI may act for a person at GitHub, Jira and Slack: one of each for a person.
--
-- The token lies here only sealed (docs/vault.md). Beside it stands what a person may see of it again
-- and what decides where it is sent. The address that a person gave is a part of the place that the
-- token is sealed for: with another one in this column the token does not open, so whoever can change
-- rows cannot have it sent to themselves.
create table connector_tokens (
    org_id text not null,
    user_id text not null,
    provider text not null check (provider in ('github', 'jira', 'slack')),
    -- Null: wherever the operator's settings say.
    base_url text,
    -- Who the provider says the token belongs to; null as long as it was not asked.
    account text,
    -- The name that Jira wants with a token.
    email text,
    sealed bytea not null,
    -- Format and key of `sealed`, so that counting and renewing need not read it.
    sealed_with text not null,
    -- When the provider last said that the token is good; null when it could not be asked yet, or said
    -- otherwise.
    verified_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (org_id, user_id, provider),
    -- The first byte tells the formats apart, so a row cannot claim to be renewed when it is not.
    check ((get_byte(sealed, 0) = 2) = (sealed_with like '2:%'))
);
-- No index but the key: people ask for one row of theirs, and `navi vault rewrap` walks along the key.
-- Counting rows by `sealed_with` is done by hand, rarely, and reads the table once.
