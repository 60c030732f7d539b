"""All C that is generated: model, data, front end, decision, headers."""
