"""The page on loopback, live: `netspec view`."""
