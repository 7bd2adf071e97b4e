drop function drop_old_months(regclass, interval);
