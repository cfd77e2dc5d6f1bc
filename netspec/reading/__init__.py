"""Reading of untrusted files within bounds: their memory use and effects are limited before they are opened."""
