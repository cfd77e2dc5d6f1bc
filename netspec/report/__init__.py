"""The report of `netspec check`: a table or JSON."""
