"""`pld-tf reproduce paper`: the paper's tables on a corpus of one's own."""
