drop table notice_deliveries;
drop table webhooks;
