drop table rag_metrics;
drop function count_rag_days();
drop table rag_days;
