drop table error_events;
drop table performance_metrics;
drop table telemetry_events;
drop table telemetry_batches;
