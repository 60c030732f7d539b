"""`pld-tf reproduce paper`: the paper's tables on any corpus."""
