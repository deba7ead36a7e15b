"""What runs inside the box of pictures. Nothing here is imported by the service."""
