drop index runs_waiting;
