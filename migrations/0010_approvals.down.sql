drop table consent_audit_log;
drop table consent_preferences;
drop table consents;
drop table prompts;
