-- Who was erased, and when: a token that was issued before is refused.
--
-- A name is a hash of an organisation and, for a person, of their id in it. Neither can be read from it, so
-- this keeps nothing of those who wanted to be forgotten; whoever shows a token for the name finds the row.
-- A key that begins with the organisation would keep its name.
create table erased_names (
    name bytea primary key check (length(name) = 32),
    erased_at timestamptz not null
);
