"""What `netspec check` says of a network: a table, or JSON."""
