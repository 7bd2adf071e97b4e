drop table model_prices;
drop table task_metrics;
drop table rag_metrics;
drop table llm_metrics;
