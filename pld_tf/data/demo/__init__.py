"""The demo corpus, spoken by eSpeak NG."""
