alter table consent_preferences
    drop column covers,
    drop column danger_level;
