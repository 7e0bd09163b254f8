"""From a sealed original to something people can see: probe, playable copy, poster, peaks."""
