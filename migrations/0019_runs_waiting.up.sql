-- no-transaction
-- What waits for a worker, by organisation and in the order in which it is to be taken. Choosing read all
-- runs that are not over, joined with their workers: 5 ms with 1,000 of them waiting, and more with every
-- further one, after every run that ended. Now `choose` in runs/lease/store.rs walks from one organisation to
-- the next in this index and reads the first few of each.
--
-- It has the runs without a worker and no others, so a run that is under way or over costs it nothing: it
-- leaves with the update that takes it, which touches `runs_held` and the index by status in any case.
create index concurrently runs_waiting
    on runs (org_id, (cancel_requested_at is null), available_at, run_id)
    where finished_at is null and worker_id is null;
