drop table connector_tokens;
