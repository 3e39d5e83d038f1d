"""What keys do: the application in parts, each of which has its actions."""
