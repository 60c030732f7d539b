"""What quantizing each layer costs."""
