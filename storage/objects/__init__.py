"""Object stores behind one port: see `storage.objects.port`."""
