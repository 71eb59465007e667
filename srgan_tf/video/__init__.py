"""Videos as files: frames and their colours, packets, and all that is beside them."""
