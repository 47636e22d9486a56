"""Talk: channels, posts and reactions."""
