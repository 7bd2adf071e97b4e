drop table audit_tiles;
drop table audit_checkpoints;
drop table audit_records;
drop function audit_records_stay();
drop table audit_chains;
