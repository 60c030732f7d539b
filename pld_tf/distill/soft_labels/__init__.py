"""A teacher's logits, stored for the crops of every epoch."""
