drop view error_threads;
