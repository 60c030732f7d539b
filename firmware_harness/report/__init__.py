"""A bench report as Markdown, JSON and terminal tables."""
