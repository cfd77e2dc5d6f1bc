"""What to do about an error: rules that explain it, and the edits that fix it."""
