drop table learning_patterns;
drop table learning_insights;
drop table learning_suggestions;
drop table ai_feedback;
drop table ai_generation_log;
