"""Who is who: one matcher for the cards of the registry and for lists in files."""
