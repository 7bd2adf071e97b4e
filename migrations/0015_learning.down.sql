drop table learning_passes;
drop table learning_orgs;
drop table learning_progress;
drop table learning_bandit_arms;
drop table learning_exposures;

alter table learning_patterns drop column team_id;

-- What is for a team, a person or a language has no place in the older key.
delete from learning_insights
where team_id is not null or user_id is not null or language is not null;
alter table learning_insights
    drop constraint learning_insights_one_per_subject,
    drop constraint learning_insights_active_is_a_status,
    drop column effect,
    drop column evidence,
    drop column quoted_user,
    drop column edited_by,
    drop column status_since,
    drop column decided_by,
    drop column status_reason,
    drop column status,
    drop column language,
    drop column user_id,
    drop column team_id,
    add constraint learning_insights_one_per_subject
        unique nulls not distinct (org_id, insight_type, category, subject);

drop table learning_counts;

drop index learning_suggestions_changed;
alter table learning_suggestions
    drop column changed_xid,
    drop column pattern_id,
    drop column language,
    drop column team_id;

drop table run_changes;
drop table ai_feedback_signals;

alter table ai_feedback drop column updated_at;

drop index ai_generation_log_asked_again;
alter table ai_generation_log
    drop column held_out,
    drop column insights,
    drop column verification,
    drop column tags,
    drop column answer,
    drop column language,
    drop column category,
    drop column session_id,
    drop column team_id;

alter table runs drop column team_id;
