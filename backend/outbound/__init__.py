"""What goes out of this server, where its operator allows it: which addresses may be reached."""
