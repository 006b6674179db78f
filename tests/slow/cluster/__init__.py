"""Several machines on one, in network namespaces, and what breaks among them (`make drill`)."""
