drop table erased_names;
