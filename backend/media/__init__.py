"""Opens what people send: intake checks the bytes, a child process decodes them."""
