-- A preference for a type is bound to what its owner was shown: the same rule, the same object, and no
-- more harm. `subject` names the rule and the hash of the object from here on, as it names the hash of
-- the action for an exact command; so the key that says a preference once, and that finds it, stays
-- the same, and no index has to be built on a table that is in use.
--
-- Preferences for a type that are older name a rule alone. They allowed any remote, any server and any
-- process to whoever had seen one, and what their owners had seen is not in them: they cannot be
-- narrowed, so they cover nothing any more. They are not deleted, because their owners should find in
-- the list why they are asked again. The old binary does not find new rows either, because it looks
-- for a rule alone: during a rollout people are asked once too often and never once too little.

alter table consent_preferences
    -- The most harm that it covers. Null for an exact command, which was shown with all its harm, and
    -- for a type that covers nothing any more.
    add column danger_level text check (danger_level in ('low', 'medium', 'high', 'critical')),
    -- What its owner was told that it covers. Null for those that are older than the telling.
    add column covers text;
