-- Whose workspaces are: a folder on the disk, and the organisation that has it.
--
-- The first organisation that uses a folder has it from then on, with all that lies in it, until an
-- operator releases it. The path decides, not the folder behind it: who removes a folder and makes it
-- anew keeps it, and all servers over this database see the same folders under the same paths, as a
-- run that is taken over by another server demands anyway.
create table workspace_bindings (
    org_id text not null,
    -- The real path: no links, no `..`. Compared by bytes, so that the rows of what lies in a folder
    -- stand together, between the folder with `/` behind it and the folder with the next byte.
    path text not null collate "C",
    -- Who used it first; null once they are erased, because the folder stays the organisation's.
    user_id text,
    bound_at timestamptz not null,
    primary key (org_id, path),
    -- A folder is one's alone, and this also serves the question whose a path is: for the path and
    -- all folders around it by equality, for what lies in it by a range. No key can say that one
    -- folder lies in another, so whoever binds takes an advisory lock and looks first; with it no
    -- bound folder lies in another, and a path has one row above it at most.
    constraint workspace_bindings_path unique (path)
);
