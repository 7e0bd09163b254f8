"""People and programs at the door: sign-in, rights, the API, the pages, views of recordings."""
