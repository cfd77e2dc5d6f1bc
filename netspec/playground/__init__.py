"""The page as a static site, in which netspec itself runs: `netspec view --playground`."""
