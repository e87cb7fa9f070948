"""What has happened: event models, the stream they are written to, and the rules they obey."""
