"""The far ends of what Cairn sends, and processes between: real sockets on this machine."""
