"""Resources beside the WebSocket, in the router's process."""
