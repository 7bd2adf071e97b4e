drop table workspace_bindings;
