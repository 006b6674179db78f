"""The ground that tests run on: cluster, template, servers of ours, waiting, rows."""
