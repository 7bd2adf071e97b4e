drop view error_threads;

drop index audit_records_of_trace;
drop index error_events_id;
drop index error_events_of_trace;
drop index error_events_of_run;
drop index ai_generation_log_of_trace;
drop index ai_generation_log_result;
drop index rag_metrics_run;
drop index llm_metrics_of_trace;
drop index runs_of_trace;

alter table ai_generation_log drop column trace_id;
alter table task_metrics drop column trace_id;
alter table rag_metrics drop column trace_id;
alter table llm_metrics drop column trace_id;
alter table runs drop column trace_id;
