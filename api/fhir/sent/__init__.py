"""What an EHR sends: a Bundle becomes the body of POST /v1/referrals."""
