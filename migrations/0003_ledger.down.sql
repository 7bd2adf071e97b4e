drop table model_prices;
drop table task_metrics;
drop table llm_metrics;
drop function count_task_days();
drop function count_llm_days();
drop table task_days;
drop table llm_days;
