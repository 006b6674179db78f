"""What load balancers and the operator's monitoring ask of this process (ADR 0095)."""
